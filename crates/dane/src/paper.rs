//! What the studies of DANE count: questions about bytes, not about what a sender does.
//!
//! Never to be mixed up with [`crate::matching::verify`]: no digest agility, no names, usages 0 and 1 count.

use crate::Epoch;
use crate::dns::Security;
use crate::observation::CertificateBytes;
use crate::tlsa::Tlsa;

/// Does any record equal the hash of what it refers to?
///
/// Usages 1 and 3: the leaf. Usage 2: any other certificate of the chain. Usage 0: the same, plus that one of `roots` which issued the
/// last one. Undefined values never match. `None`: there is no certificate, or no record.
#[must_use]
pub fn paper_match(chain: &[CertificateBytes], records: &[Tlsa], roots: &[CertificateBytes]) -> Option<bool> {
    let _ = (chain, records, roots);
    None
}

/// Secure, and [`paper_match`], and the chain valid at `at`: to a root for usages 0 and 1, to the matched certificate for usage 2, whatever
/// it is for usage 3. `None`: there is no certificate, or no record.
#[must_use]
pub fn paper_valid(status: Security, chain: &[CertificateBytes], records: &[Tlsa], roots: &[CertificateBytes], at: Epoch) -> Option<bool> {
    let _ = (status, chain, records, roots, at);
    None
}

/// What is wrong with a TLSA set that does not match: one label for the set.
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
    /// The data differs from the right one in at most four hexadecimal digits.
    CopyPaste,
}

/// Which field of an unmatched TLSA set is wrong; `None`: no such error explains it, or the set matches.
#[must_use]
pub fn wrong_field(chain: &[CertificateBytes], records: &[Tlsa]) -> Option<WrongField> {
    let _ = (chain, records);
    None
}
