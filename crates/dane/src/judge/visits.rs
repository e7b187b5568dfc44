//! Visits to one address that saw different things.

use super::Case;
use super::vantage;
use crate::cause::{Cause, Party, Weight};
use crate::dns::Lookup;
use crate::matching::{MatchVerdict, VerifyOptions, verify};
use crate::name::Name;
use crate::observation::AddressObservation;
use crate::smtp;
use crate::tlsa::Tlsa;
use crate::verdict::Finding;
use crate::walk::HostRoute;

/// What one visit says of the domain, as opposed to the way there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// The chain fits the records.
    Fits,
    /// It does not.
    Misfits,
    /// A chain was seen; there is nothing to hold it against.
    Chain,
    /// Something else is wrong.
    Fault(Cause),
}

/// The visit that counts is the last one. If others saw another thing, senders will, too, and nobody can say how often.
pub(super) fn disagree(case: &Case, route: &HostRoute, last: &AddressObservation, published: Option<&Lookup>) -> Option<Finding> {
    if last.earlier.is_empty() {
        return None;
    }
    let tlsa: Vec<Tlsa> = published.iter().flat_map(|l| &l.records).filter_map(|r| r.data.parse().ok()).collect();
    let own_name = std::slice::from_ref(&route.host);
    let names = if route.names.is_empty() { own_name } else { route.names.as_slice() };
    let before = last.earlier.iter().map(|visit| visit.as_if_last(last));
    let words: Vec<Word> = before.chain([last.clone()]).filter_map(|visit| word(case, &visit, &tlsa, names)).collect();
    let first = words.first()?;
    let other = words.iter().rev().find(|word| *word != first)?;
    let sentence = format!(
        "Visits within one look saw different things: {}, and then {}. Senders will meet now the one and now the other.",
        told(*first),
        told(*other)
    );
    Some(Finding::new(Cause::VisitsDisagree, &route.host, sentence).at(last.address))
}

fn word(case: &Case, visit: &AddressObservation, tlsa: &[Tlsa], names: &[Name]) -> Option<Word> {
    if let Some(cause) = smtp::obstacle(visit).map(|cause| vantage::obstacle(cause, visit, case.vantage)) {
        return (cause.party() == Party::Domain && cause.weight() == Weight::Error).then_some(Word::Fault(cause));
    }
    let chain = visit.tls.as_ref().map_or(&[][..], |tls| tls.chain.as_slice());
    if tlsa.is_empty() {
        return Some(Word::Chain);
    }
    let found = verify(chain, tlsa, names, case.at, &VerifyOptions::default());
    match found.verdict {
        _ if found.is_undecided() => None,
        MatchVerdict::Match => Some(Word::Fits),
        MatchVerdict::NoMatch => Some(Word::Misfits),
        MatchVerdict::Unusable => Some(Word::Chain),
    }
}

fn told(word: Word) -> String {
    match word {
        Word::Fits => "a certificate that fits the TLSA records".to_owned(),
        Word::Misfits => "a certificate that fits no TLSA record".to_owned(),
        Word::Chain => "a certificate".to_owned(),
        Word::Fault(cause) => format!("a fault ({})", cause.code()),
    }
}
