//! What is wrong with a set that does not match, from digests alone.

use super::Matching;
use super::matching::{is_data_of, refers_to};
use archive::states::model::{Cert, ChainId, Digest, Digest512, TlsaSetId};
use dane::paper::{WrongField, is_digest_of_nothing, within_four_digits};
use dane::rollover::Part;
use dane::tlsa::{Mode, Tlsa, Unusable};

impl<'a> Matching<'a> {
    /// [`dane::paper::wrong_field`] for what an archive has: which field of an unmatched set is wrong. `None`: none explains it, the set
    /// matches, or there is nothing to compare.
    #[must_use]
    pub fn wrong_field(&self, set: TlsaSetId, chain: ChainId) -> Option<WrongField> {
        if let Some(known) = self.labels.borrow().get(&(set.number(), chain.number())) {
            return *known;
        }
        let certificates: Vec<&Cert> = self.certificates(chain).collect();
        let comparable = !certificates.is_empty() && !self.any_fits(set, chain, Part::All);
        let labels = self.records(set).iter().filter_map(|record| blame(record, &certificates));
        let label = if comparable { labels.min() } else { None };
        self.labels.borrow_mut().insert((set.number(), chain.number()), label);
        label
    }

    /// The certificates of a chain that records of a set match.
    pub fn fitting(&self, set: TlsaSetId, chain: ChainId) -> impl Iterator<Item = &'a Cert> {
        let records = self.records(set);
        self.certificates(chain).enumerate().filter_map(move |(place, cert)| {
            records.iter().any(|record| refers_to(record.usage, place) && is_data_of(record, cert)).then_some(cert)
        })
    }
}

/// What is wrong with one record that does not match, in the order of [`dane::paper`].
fn blame(record: &Tlsa, certificates: &[&Cert]) -> Option<WrongField> {
    if record.usage > 3 || record.selector > 1 || record.matching > 2 {
        return Some(WrongField::UndefinedValue);
    }
    let fitting = certificates.iter().enumerate().flat_map(|(place, cert)| other_fields(record, place, cert));
    if let Some(wrong) = fitting.min_by_key(Vec::len) {
        return wrong.into_iter().min();
    }
    if is_digest_of_nothing(&record.data) {
        return Some(WrongField::DigestOfNothing);
    }
    if record.matching == 0 {
        return (record.usability_for(Mode::Generic) == Err(Unusable::Pem)).then_some(WrongField::Pem);
    }
    let meant = certificates.iter().enumerate().filter(|(place, _)| refers_to(record.usage, *place));
    let mut right = meant.filter_map(|(_, cert)| digest(record, cert));
    right.any(|right| within_four_digits(right, &record.data)).then_some(WrongField::CopyPaste)
}

/// Every way in which the record's data is data of a certificate: the fields that would have to change.
fn other_fields(record: &Tlsa, place: usize, cert: &Cert) -> impl Iterator<Item = Vec<WrongField>> {
    let all = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)];
    let fitting = all.into_iter().filter(|(selector, matching)| {
        let other = Tlsa { usage: record.usage, selector: *selector, matching: *matching, data: record.data.clone() };
        is_data_of(&other, cert)
    });
    fitting.map(move |(selector, matching)| {
        let mut wrong = Vec::new();
        wrong.extend((!refers_to(record.usage, place)).then_some(WrongField::Usage));
        wrong.extend((selector != record.selector).then_some(WrongField::Selector));
        wrong.extend((matching != record.matching).then_some(WrongField::MatchingType));
        wrong
    })
}

/// What the record would say of a certificate, by its selector and a matching type that is a digest.
fn digest<'c>(record: &Tlsa, cert: &'c Cert) -> Option<&'c [u8]> {
    match (record.selector, record.matching) {
        (0, 1) => Some(&cert.sha256.0),
        (1, 1) => cert.spki_sha256.as_ref().map(|Digest(octets)| &octets[..]),
        (0, 2) => Some(&cert.sha512.0),
        (1, 2) => cert.spki_sha512.as_ref().map(|Digest512(octets)| &octets[..]),
        _ => None,
    }
}
