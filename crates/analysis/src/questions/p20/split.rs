//! What would have to change for a set of TLSA records to match a chain.

use crate::study::Matching;
use archive::states::model::{Cert, ChainId, Digest, Digest512, TlsaSetId};
use dane::tlsa::Tlsa;

/// The least change that would make a record match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repair {
    /// Another usage.
    Usage,
    /// Another selector.
    Selector,
    /// Another matching type.
    MatchingType,
    /// Several of them.
    Several,
    /// None: its data is of nothing in the whole chain.
    Nothing,
}

impl Repair {
    /// All, in the order in which one counts before another.
    pub const ALL: [Repair; 5] = [Repair::Usage, Repair::Selector, Repair::MatchingType, Repair::Several, Repair::Nothing];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Repair::Usage => "usage",
            Repair::Selector => "selector",
            Repair::MatchingType => "matching-type",
            Repair::Several => "several",
            Repair::Nothing => "nothing-in-chain",
        }
    }
}

/// The least change of any record of a set that matches nothing.
pub fn repair(matching: &Matching<'_>, set: TlsaSetId, chain: ChainId) -> Repair {
    let places = || matching.certificates(chain).enumerate();
    let of_record = |record: &'_ Tlsa| places().filter_map(|(place, cert)| change(record, place, cert)).min();
    matching.records(set).iter().filter_map(of_record).min().unwrap_or(Repair::Nothing)
}

/// The least that a record would have to change to name a certificate at a place of the chain; `None`: its data is not of it.
fn change(record: &Tlsa, place: usize, cert: &Cert) -> Option<Repair> {
    let usages = if place == 0 { [1, 3] } else { [0, 2] };
    let wrong_usage = !usages.contains(&record.usage);
    let to_form = |(selector, matching): (u8, u8)| match (wrong_usage, record.selector != selector, record.matching != matching) {
        (true, false, false) => Repair::Usage,
        (false, true, false) => Repair::Selector,
        (false, false, true) => Repair::MatchingType,
        _ => Repair::Several,
    };
    forms(record, cert).into_iter().flatten().map(to_form).min()
}

/// Of which selector and matching type a record's data is for this certificate. (RFC 6698 section 2.1)
fn forms(record: &Tlsa, cert: &Cert) -> [Option<(u8, u8)>; 2] {
    let (whole, key) = match record.data.len() {
        32 => (Digest::from_slice(&record.data) == Some(cert.sha256), Digest::from_slice(&record.data) == cert.spki_sha256),
        64 => (Digest512::from_slice(&record.data) == Some(cert.sha512), Digest512::from_slice(&record.data) == cert.spki_sha512),
        _ => (Digest::of(&record.data) == cert.sha256, Some(Digest::of(&record.data)) == cert.spki_sha256),
    };
    let matching = match record.data.len() {
        32 => 1,
        64 => 2,
        _ => 0,
    };
    [whole.then_some((0, matching)), key.then_some((1, matching))]
}
