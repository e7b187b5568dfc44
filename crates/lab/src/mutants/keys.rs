//! Operators on keys and on what the parent says of them.

use super::operator::Operator;
use crate::dns::keys::{KeySet, ZoneKey};
use crate::dns::rdata::Rdata;
use crate::seed::Seed;
use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, digest};
use dane::name::Name;

/// An algorithm number that is assigned to nobody. (IANA registry "DNS Security Algorithm Numbers")
const UNKNOWN_ALGORITHM: u8 = 200;
/// A digest type that is assigned to nobody. (IANA registry "DS RR Type Digest Algorithms")
const UNKNOWN_DIGEST: u8 = 200;

/// Changes the keys of a zone before it is signed with them.
pub fn change(operator: Operator, seed: &Seed, keys: &mut KeySet) {
    let signer = keys.zone_signer;
    match operator {
        Operator::KeyNotZone => keys.keys[signer].rewrite(|octets| octets[0] &= !1),
        Operator::KeyProtocol => keys.keys[0].rewrite(|octets| octets[2] = 1),
        Operator::KeyRevoked => keys.keys[0].rewrite(|octets| octets[1] |= 0x80),
        Operator::KeyWithoutSep => keys.keys[0].rewrite(|octets| octets[1] &= !1),
        Operator::KeyUnknownBeside => keys.keys.push(ZoneKey::unknown(&seed.child("unknown"), UNKNOWN_ALGORITHM)),
        Operator::KeyTooShortBeside => {
            let mut key = ZoneKey::unknown(&seed.child("short"), keys.keys[0].algorithm());
            key.rewrite(|octets| octets.truncate(5));
            keys.keys.push(key);
        }
        Operator::KeyChanged => keys.keys[signer].rewrite(|octets| {
            if let Some(last) = octets.last_mut() {
                *last ^= 1;
            }
        }),
        _ => {}
    }
}

/// Changes the DS records of a zone, which at first are the right one alone.
pub fn delegate(operator: Operator, apex: &Name, keys: &KeySet, ds: &mut Vec<Rdata>) {
    let first = &keys.keys[0];
    let made = |key: &ZoneKey, digest_type| record(apex, key, digest_type);
    let wrong = |digest_type| edit(&made(first, digest_type), |octets| octets[10] ^= 0x55);
    let unmatched = || edit(&made(&keys.stranger, 2), |_| {});
    let unknown = |at: usize, number: u8| edit(&made(first, 2), |octets| octets[at] = number);
    let other_algorithm = if first.algorithm() == 13 { 8 } else { 13 };
    *ds = match operator {
        Operator::DsMissing => vec![],
        Operator::DsOtherDigest => vec![wrong(2)],
        Operator::DsOtherTag => vec![edit(&made(first, 2), |octets| octets[1] ^= 1)],
        Operator::DsOtherAlgorithm => vec![unknown(2, other_algorithm)],
        Operator::DsUnmatchedBeside => vec![made(first, 2), unmatched()],
        Operator::DsUnknownAlgorithm => vec![unknown(2, UNKNOWN_ALGORITHM)],
        Operator::DsUnknownDigest => vec![unknown(3, UNKNOWN_DIGEST)],
        Operator::DsUnknownDigestBeside => vec![made(first, 2), unknown(3, UNKNOWN_DIGEST)],
        Operator::DsUnknownAndUnmatched => vec![unmatched(), unknown(2, UNKNOWN_ALGORITHM)],
        Operator::DsSha1 => vec![made(first, 1)],
        Operator::DsSha1RightSha256Wrong => vec![made(first, 1), wrong(2)],
        Operator::DsSha1WrongSha256Right => vec![wrong(1), made(first, 2)],
        Operator::DsSha384 => vec![made(first, 4)],
        Operator::DsSha256WrongSha384Right => vec![wrong(2), made(first, 4)],
        Operator::DsShortDigest => vec![edit(&made(first, 2), |octets| octets.truncate(20))],
        Operator::DsOfLastKey => keys.keys.last().map(|key| made(key, 2)).into_iter().collect(),
        _ => return,
    };
}

/// DS record data. (RFC 4034 section 5.1.4, RFC 4509, RFC 6605)
fn record(apex: &Name, key: &ZoneKey, digest_type: u8) -> Rdata {
    let algorithm: &'static Algorithm = match digest_type {
        1 => &SHA1_FOR_LEGACY_USE_ONLY,
        4 => &SHA384,
        _ => &SHA256,
    };
    let sum = digest(algorithm, &[apex.as_slice(), key.rdata()].concat());
    [&key.tag().to_be_bytes(), &[key.rdata()[3], digest_type][..], sum.as_ref()].concat().into()
}

fn edit(data: &Rdata, change: impl FnOnce(&mut Vec<u8>)) -> Rdata {
    let mut octets = data.to_vec();
    change(&mut octets);
    octets.into()
}
