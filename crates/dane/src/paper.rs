//! What the studies of DANE count: questions about bytes, not about what a sender does.
//!
//! Never to be mixed up with [`crate::matching::verify`]: no digest agility, no names, usages 0 and 1 count.

use crate::Epoch;
use crate::association::Associations;
use crate::cert::Certificate;
use crate::dns::Security;
use crate::matching::trusted_paths;
use crate::observation::CertificateBytes;
use crate::path::{self, Anchor, MAX_CERTIFICATES};
use crate::tlsa::{Tlsa, Unusable};
use aws_lc_rs::digest::{Digest, SHA256, SHA512, digest};
use std::sync::LazyLock;

/// Does any record equal the hash of what it refers to?
///
/// Usages 1 and 3: the leaf. Usage 2: any other certificate of the chain. Usage 0: the same, plus that one of `roots` which issued the
/// last one. Undefined values never match. `None`: there is no certificate, or no record.
#[must_use]
pub fn paper_match(chain: &[CertificateBytes], records: &[Tlsa], roots: &[CertificateBytes]) -> Option<bool> {
    // The status has no part in it.
    both(Security::Indeterminate, &read(chain), records, roots, 0).0
}

/// Secure, and [`paper_match`], and the chain valid at `at`: to a root for usages 0 and 1, to the matched certificate for usage 2, whatever
/// it is for usage 3.
///
/// `None`: there is no certificate, or no record; or `roots` is empty and only a record of usage 0 or 1 could make the set valid, which needs
/// roots to be known.
#[must_use]
pub fn paper_valid(status: Security, chain: &[CertificateBytes], records: &[Tlsa], roots: &[CertificateBytes], at: Epoch) -> Option<bool> {
    both(status, &read(chain), records, roots, at).1
}

/// [`paper_match`] and [`paper_valid`] of a chain that was read.
pub(crate) fn both(
    status: Security,
    chain: &[Option<Certificate>],
    records: &[Tlsa],
    roots: &[CertificateBytes],
    at: Epoch,
) -> (Option<bool>, Option<bool>) {
    let Some(shown) = Shown::new(chain, records) else { return (None, None) };
    let (forms, root) = (shown.forms(), shown.root_above(records, roots));
    let root = root.as_ref().map(Associations::of);
    let matching: Vec<&Tlsa> = records.iter().filter(|r| matches(r, &forms, root.as_ref())).collect();
    let valid = if status == Security::Secure { shown.is_valid(&matching, records, roots, at) } else { Some(false) };
    (Some(!matching.is_empty()), valid)
}

/// The certificates of a chain as far as they can be read; the rest is not looked at.
pub(crate) fn read(chain: &[CertificateBytes]) -> Vec<Option<Certificate>> {
    chain.iter().take(MAX_CERTIFICATES).map(|c| Certificate::parse_shared(c).ok()).collect()
}

/// What is wrong with a TLSA set that does not match: one label for the set, the first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WrongField {
    /// A usage, selector or matching type that nobody defined.
    UndefinedValue,
    /// The data fits with another usage (and, it may be, other fields).
    Usage,
    /// The data fits with another selector.
    Selector,
    /// The data fits with another matching type.
    MatchingType,
    /// The data is the digest of the empty string.
    DigestOfNothing,
    /// Matching type 0 with PEM text.
    Pem,
    /// The data differs from the right digest in at most four hexadecimal digits.
    CopyPaste,
}

/// A record of an unmatched set, what is wrong with it, and what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The label.
    pub field: WrongField,
    /// Index of the record.
    pub record: usize,
    /// The record with which the same data, or the data that was meant, would match; `None` where that cannot be told.
    pub should_be: Option<Tlsa>,
}

/// Which field of an unmatched TLSA set is wrong; `None`: no such error explains it, the set matches, or there is nothing to compare.
#[must_use]
pub fn wrong_field(chain: &[CertificateBytes], records: &[Tlsa]) -> Option<WrongField> {
    misfit(chain, records).map(|m| m.field)
}

/// [`wrong_field`] with the record to blame.
#[must_use]
pub fn misfit(chain: &[CertificateBytes], records: &[Tlsa]) -> Option<Misfit> {
    let read = read(chain);
    let shown = Shown::new(&read, records)?;
    let forms = shown.forms();
    if records.iter().any(|record| matches(record, &forms, None)) {
        return None;
    }
    let found = records.iter().enumerate().filter_map(|(i, record)| {
        let (field, should_be) = blame(record, &forms)?;
        Some(Misfit { field, record: i, should_be })
    });
    found.min_by_key(|m| m.field)
}

/// What is wrong with one record that does not match.
fn blame(record: &Tlsa, forms: &[Associations<'_>]) -> Option<(WrongField, Option<Tlsa>)> {
    let fitting = forms.iter().enumerate().flat_map(|(i, f)| fits(record, i, f)).min_by_key(|(wrong, _)| wrong.len());
    if record.usage > 3 || record.selector > 1 || record.matching > 2 {
        return Some((WrongField::UndefinedValue, fitting.map(|(_, right)| right)));
    }
    if let Some((wrong, right)) = fitting {
        return Some((wrong.into_iter().min()?, Some(right)));
    }
    let right = || right_records(record, forms);
    if is_digest_of_nothing(&record.data) {
        return Some((WrongField::DigestOfNothing, right().next()));
    }
    if record.matching == 0 {
        return (record.usability_for(crate::tlsa::Mode::Generic) == Err(Unusable::Pem)).then(|| (WrongField::Pem, right().next()));
    }
    right().find(|r| within_four_digits(&r.data, &record.data)).map(|r| (WrongField::CopyPaste, Some(r)))
}

/// Every way in which the record's data is data of the certificate at `index`: the fields that would have to change, and the outcome.
fn fits<'a>(record: &'a Tlsa, index: usize, forms: &'a Associations<'a>) -> impl Iterator<Item = (Vec<WrongField>, Tlsa)> + 'a {
    let all = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)];
    all.into_iter().filter(|(s, m)| forms.data(*s, *m) == Some(&record.data)).map(move |(selector, matching)| {
        let usage = if refers_to(record.usage, index) { record.usage } else { if index == 0 { 3 } else { 2 } };
        let mut wrong = Vec::new();
        wrong.extend((usage != record.usage).then_some(WrongField::Usage));
        wrong.extend((selector != record.selector).then_some(WrongField::Selector));
        wrong.extend((matching != record.matching).then_some(WrongField::MatchingType));
        (wrong, Tlsa { usage, selector, matching, data: record.data.clone() })
    })
}

/// What the record should be, for each certificate that it may refer to.
fn right_records<'a>(record: &'a Tlsa, forms: &'a [Associations<'a>]) -> impl Iterator<Item = Tlsa> + 'a {
    let meant = forms.iter().enumerate().filter(|(i, _)| refers_to(record.usage, *i));
    meant.filter_map(|(_, f)| f.record(record.usage, record.selector, record.matching))
}

/// Whether the record equals what it refers to; `root` is the one that issued the last certificate.
fn matches(record: &Tlsa, forms: &[Associations<'_>], root: Option<&Associations<'_>>) -> bool {
    let chain = forms.iter().enumerate().filter(|(i, _)| refers_to(record.usage, *i)).map(|(_, f)| f);
    chain.chain(root.filter(|_| record.usage == 0)).any(|f| f.equals(record))
}

/// Whether a record of this usage refers to the certificate at this place of the chain.
fn refers_to(usage: u8, index: usize) -> bool {
    match usage {
        1 | 3 => index == 0,
        0 | 2 => index > 0,
        _ => false,
    }
}

/// Whether data is the digest of the empty string: what a script publishes that hashed nothing.
#[must_use]
pub fn is_digest_of_nothing(data: &[u8]) -> bool {
    static DIGESTS: LazyLock<[Digest; 2]> = LazyLock::new(|| [digest(&SHA256, b""), digest(&SHA512, b"")]);
    DIGESTS.iter().any(|digest| data == digest.as_ref())
}

/// Whether two byte strings differ by at most four insertions, deletions and replacements of hexadecimal digits.
#[must_use]
pub fn within_four_digits(left: &[u8], right: &[u8]) -> bool {
    const MOST: usize = 4;
    /// Digits of the longest digest. Only digests are compared: a record can be long, and the work grows with it.
    const LONGEST: usize = 128;
    if left.len() * 2 > LONGEST || left.len().abs_diff(right.len()) * 2 > MOST {
        return false;
    }
    let digit =
        |bytes: &[u8], place: usize| bytes.get(place / 2).map_or(0, |byte| if place.is_multiple_of(2) { byte >> 4 } else { byte & 15 });
    let (height, width) = (left.len() * 2, right.len() * 2);
    // Distances of beginnings, row by row, and only near the diagonal: further away they are too large anyway.
    const TOO_FAR: u8 = MOST as u8 + 1;
    let mut above = [TOO_FAR; LONGEST + 2 * MOST];
    let mut row = above;
    above.iter_mut().zip(0..TOO_FAR).for_each(|(distance, place)| *distance = place);
    for i in 1..=height {
        let l = digit(left, i - 1);
        let mut before = TOO_FAR;
        let mut least = TOO_FAR;
        for j in i.saturating_sub(MOST)..=(i + MOST).min(width) {
            let diagonal = match j.checked_sub(1) {
                Some(j) => above.get(j).copied().unwrap_or(TOO_FAR) + u8::from(l != digit(right, j)),
                None => TOO_FAR,
            };
            let upper = above.get(j).copied().unwrap_or(TOO_FAR);
            before = diagonal.min(upper + 1).min(before + 1).min(TOO_FAR);
            if let Some(place) = row.get_mut(j) {
                *place = before;
            }
            least = least.min(before);
        }
        if least == TOO_FAR {
            return false;
        }
        if let Some(left_of_band) = i.checked_sub(MOST + 1).and_then(|place| row.get_mut(place)) {
            *left_of_band = TOO_FAR;
        }
        std::mem::swap(&mut above, &mut row);
    }
    above.get(width).is_some_and(|distance| *distance < TOO_FAR)
}

/// A chain as the studies look at it: the certificates that can be read, in the order sent.
struct Shown<'a> {
    certificates: Vec<&'a Certificate>,
}

impl<'a> Shown<'a> {
    /// `None`: there is no leaf that can be read, or no record.
    fn new(chain: &'a [Option<Certificate>], records: &[Tlsa]) -> Option<Self> {
        chain.first()?.as_ref()?;
        (!records.is_empty()).then(|| Self { certificates: chain.iter().flatten().collect() })
    }

    fn forms(&self) -> Vec<Associations<'a>> {
        self.certificates.iter().map(|c| Associations::of(c)).collect()
    }

    fn leaf(&self) -> Option<&'a Certificate> {
        self.certificates.first().copied()
    }

    /// Whether the chain is valid for one of the records that match.
    fn is_valid(&self, matching: &[&Tlsa], records: &[Tlsa], roots: &[CertificateBytes], at: Epoch) -> Option<bool> {
        let without_roots = matching.iter().any(|record| match record.usage {
            3 => true,
            2 => self.has_path_to(record, at),
            _ => false,
        });
        // Usage 0 may also name a root that was not sent.
        let open = matching.iter().any(|r| r.usage == 1) || records.iter().any(|r| r.usage == 0);
        match (without_roots, roots.is_empty()) {
            (true, _) => Some(true),
            (false, true) if open => None,
            (false, _) => Some(matching.iter().any(|r| r.usage < 2) && self.is_trusted(roots, at)),
        }
    }

    /// The root that issued the last certificate; only looked for if a record of usage 0 could need it.
    fn root_above(&self, records: &[Tlsa], roots: &[CertificateBytes]) -> Option<Certificate> {
        let last = self.certificates.last().filter(|_| records.iter().any(|r| r.usage == 0))?;
        let roots = roots.iter().filter_map(|r| Certificate::parse_shared(r).ok());
        roots.filter(|root| last.may_be_issued_by(root)).find(|root| last.verify_signature(&root.spki).is_ok())
    }

    fn is_trusted(&self, roots: &[CertificateBytes], at: Epoch) -> bool {
        let roots: Vec<Certificate> = roots.iter().filter_map(|r| Certificate::parse_shared(r).ok()).collect();
        self.leaf().is_some_and(|leaf| !trusted_paths(leaf, self.certificates.iter().skip(1).copied(), &roots, at).0.is_empty())
    }

    fn has_path_to(&self, record: &Tlsa, at: Epoch) -> bool {
        let certificates = &self.certificates;
        path::find(certificates).found.iter().any(|path| {
            let steps: Vec<&Certificate> = path.steps.iter().filter_map(|i| certificates.get(*i).copied()).collect();
            let names_top = steps.len() > 1 && steps.last().is_some_and(|top| Associations::of(top).equals(record));
            names_top && path::check(&steps, Anchor::Certificate, at).is_ok()
        })
    }
}
