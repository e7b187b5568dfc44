//! The one rule that everything else serves: **every set that a cache may hold covers every chain that a server may show.**
//!
//! A set covers a chain if a sender by RFC 7672 authenticates the chain with it, and if each combination of usage, selector and matching
//! type in it does so by itself. The first is what senders do; the second is what publishers owe to those that cannot use all
//! combinations. (R-090, RFC 7671 section 8)

use crate::key::{Chain, Key};
use crate::rrset::RrSet;
use dane::Epoch;
use dane::matching::{MatchVerdict, Verification, VerifyOptions, verify, verify_raw_key};
use dane::name::Name;
use dane::tlsa::Tlsa;

/// Why a set does not cover a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// A sender that can use all of the set finds no match.
    #[error("the set as a whole does not match: {0}")]
    Whole(String),
    /// No record of one combination matches.
    #[error("no TLSA record {} {} {} matches: {why}", combination.0, combination.1, combination.2)]
    Combination {
        /// Usage, selector, matching type.
        combination: (u8, u8, u8),
        /// Why not.
        why: String,
    },
}

/// Whether a set covers a chain that a server for `host` presents, at a moment.
///
/// # Errors
/// What does not match.
pub fn chain(set: &RrSet, chain: &Chain, host: &Name, at: Epoch) -> Result<(), Gap> {
    if chain.certificates().is_empty() {
        return key(set, chain.key());
    }
    // R-100 rfc7672#3.1.2: an issuer that is not sent covers nothing.
    let names = std::slice::from_ref(host);
    each(set, |_| true, |records| verify(chain.certificates(), records, names, at, &VerifyOptions::default()))
}

/// Whether a set covers any chain with this key in its leaf. Records of issuers and of certificates cannot be asked before there is one.
///
/// # Errors
/// What does not match.
pub fn key(set: &RrSet, key: &Key) -> Result<(), Gap> {
    each(set, |usage| usage == 3, |records| verify_raw_key(key.spki(), records, &VerifyOptions::default()))
}

/// R-090 rfc7671#8: the whole, then every combination by itself.
fn each(set: &RrSet, asked: impl Fn(u8) -> bool, verify: impl Fn(&[Tlsa]) -> Verification) -> Result<(), Gap> {
    let why = |verification: Verification| match (verification.verdict, verification.error) {
        (MatchVerdict::Match, _) => None,
        (_, error) => Some(error.map(|error| error.detail).unwrap_or_default()),
    };
    if let Some(why) = why(verify(set.records())) {
        return Err(Gap::Whole(why));
    }
    let combinations = set.combinations();
    // One alone is the whole.
    let parts = combinations.iter().filter(|(usage, ..)| combinations.len() > 1 && asked(*usage));
    for combination in parts.copied() {
        if let Some(why) = why(verify(&set.of(combination))) {
            return Err(Gap::Combination { combination, why });
        }
    }
    Ok(())
}
