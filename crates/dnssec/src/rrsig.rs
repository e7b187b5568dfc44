//! Signatures over RRsets.

use crate::canonical::{Canonical, push_canonical_name};
use crate::crypto;
use crate::keys::Key;
use crate::name;
use crate::outcome::Signature;
use crate::policy::Sha1;
use crate::reason::{ReasonCode, Tried};
use crate::types::{Epoch, Name, Rrset, Rrsig};
use crate::wire::{Malformed, Reader};
use crate::work::Work;
use domain::base::iana::Rtype;
use std::sync::Arc;

/// An RRset whose signature holds. Only [`verify`] makes one.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    /// The signature.
    pub(crate) signature: Signature,
    /// The RRset was expanded from the wildcard below this name, which so is the closest encloser.
    pub(crate) wildcard: Option<Name>,
    /// TTL, capped by the original TTL and the end of the signature.
    pub(crate) ttl: u32,
    /// When the TTL ends.
    pub(crate) expires: Epoch,
}

/// The keys of a zone, for [`verify`].
#[derive(Clone, Copy)]
pub(crate) struct Signer<'a> {
    /// The zone's apex.
    pub(crate) apex: &'a Name,
    /// Its keys.
    pub(crate) keys: &'a [Arc<Key>],
    /// The rule for SHA-1 in this zone.
    pub(crate) sha1: Sha1,
    /// Algorithms that must all have signed; none if any one will do.
    pub(crate) required: &'a [u8],
}

/// Verifies an RRset. One signature that holds is enough. If none does, says why of the one that came furthest.
// R-112 rfc4035#5.3.1   R-115 rfc4035#5.3 rfc6840#5.11
pub(crate) fn verify(set: &Rrset, signer: Signer<'_>, work: &mut Work) -> Result<Verified, ReasonCode> {
    let mut data: Option<Canonical> = None;
    let mut worst = ReasonCode::RrsigMissing;
    let mut good: Option<&Rrsig> = None;
    let mut missing = signer.required.to_vec();
    // Those that cannot hold come last: a stranger may add any number of them to what the zone signed.
    let (fitting, others): (Vec<&Rrsig>, Vec<&Rrsig>) = set.signatures.iter().partition(|signature| fits(signature, signer));
    // R-112 CVE-2023-50387: neither many signatures nor many keys with one tag may cost much.
    for signature in fitting.into_iter().chain(others).take(work.policy.max_tries * 4) {
        let result = check_fields(set, signature, signer, work).and_then(|()| {
            let data = data.get_or_insert_with(|| Canonical::new(set.rtype, &set.data));
            try_keys(set, signature, data, signer, work)
        });
        if crypto::uses_sha1(signature.algorithm) {
            work.saw_sha1(signer.sha1);
        }
        let tried = Tried::Signature { signer: signature.signer.clone(), algorithm: signature.algorithm, key_tag: signature.key_tag };
        work.tried(&set.owner, set.rtype, tried, result.err());
        match result {
            Ok(()) => {
                good = good.or(Some(signature));
                missing.retain(|&algorithm| algorithm != signature.algorithm);
                if missing.is_empty() {
                    break;
                }
            }
            Err(ReasonCode::Budget) => return Err(ReasonCode::Budget),
            Err(code) if progress(code) > progress(worst) => worst = code,
            Err(_) => {}
        }
    }
    match good {
        Some(signature) if missing.is_empty() => Ok(verified(set, signature, work.now)),
        Some(_) => Err(ReasonCode::AlgorithmMissing),
        None => Err(worst),
    }
}

/// How far a signature came: the further, the more its failure says.
fn progress(code: ReasonCode) -> u8 {
    match code {
        ReasonCode::RrsigSigner => 1,
        ReasonCode::RrsigLabels => 2,
        ReasonCode::RrsigAlgorithm => 3,
        ReasonCode::RrsigTimesReversed => 4,
        ReasonCode::RrsigNotYetValid | ReasonCode::RrsigExpired => 5,
        ReasonCode::RrsigUnknownKey => 6,
        ReasonCode::KeyUnsupported => 7,
        ReasonCode::RrsigWrong => 8,
        _ => 0,
    }
}

/// Whether the signature names the signer, and an algorithm and a tag of one of its keys.
fn fits(signature: &Rrsig, signer: Signer<'_>) -> bool {
    let is_its = |key: &Arc<Key>| key.algorithm() == signature.algorithm && key.tag() == signature.key_tag;
    signature.signer == *signer.apex && crypto::is_supported(signature.algorithm, signer.sha1) && signer.keys.iter().any(is_its)
}

/// Everything about a signature that needs no key.
// R-112 rfc4035#5.3.1 rfc4034#3.1.5
fn check_fields(set: &Rrset, signature: &Rrsig, signer: Signer<'_>, work: &Work) -> Result<(), ReasonCode> {
    signature.claim().check(&set.owner, set.rtype, signer, work.now)
}

/// An RRSIG record as it is read from record data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) type_covered: Rtype,
    pub(crate) algorithm: u8,
    pub(crate) labels: u8,
    pub(crate) original_ttl: u32,
    pub(crate) expiration: u32,
    pub(crate) inception: u32,
    pub(crate) key_tag: u16,
    pub(crate) signer: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl Rrsig {
    fn claim(&self) -> Claim<'_> {
        Claim {
            type_covered: self.type_covered,
            algorithm: self.algorithm,
            labels: self.labels,
            original_ttl: self.original_ttl,
            expiration: self.expiration,
            inception: self.inception,
            key_tag: self.key_tag,
            signer: self.signer.as_slice(),
            signature: &self.signature,
        }
    }
}

impl<'a> Claim<'a> {
    /// Reads record data whose name is not compressed. (RFC 4034 section 3.1)
    pub(crate) fn read(data: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(data);
        let (type_covered, algorithm, labels) = (Rtype::from_int(reader.u16()?), reader.u8()?, reader.u8()?);
        let (original_ttl, expiration, inception) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let key_tag = reader.u16()?;
        let start = data.len() - reader.remaining();
        reader.skip_name()?;
        let (signer, signature) = data.split_at(data.len() - reader.remaining());
        let signer = signer.get(start..).unwrap_or_default();
        Ok(Self { type_covered, algorithm, labels, original_ttl, expiration, inception, key_tag, signer, signature })
    }

    /// Everything about it that needs no key.
    // R-112 rfc4035#5.3.1 rfc4034#3.1.5
    pub(crate) fn check(&self, owner: &Name, rtype: Rtype, signer: Signer<'_>, now: Epoch) -> Result<(), ReasonCode> {
        let is_signer = self.signer.eq_ignore_ascii_case(signer.apex.as_slice());
        if self.type_covered != rtype || !is_signer || !name::is_within(owner, signer.apex) {
            return Err(ReasonCode::RrsigSigner);
        }
        let labels = usize::from(self.labels);
        if labels > name::signed_labels(owner) || labels < name::labels(signer.apex) {
            return Err(ReasonCode::RrsigLabels);
        }
        if !crypto::is_supported(self.algorithm, signer.sha1) {
            return Err(ReasonCode::RrsigAlgorithm);
        }
        self.check_times(now)
    }

    /// Serial number arithmetic: the difference of two times is a signed number. (RFC 1982)
    fn check_times(&self, now: Epoch) -> Result<(), ReasonCode> {
        let now = now as u32;
        if serial_less(self.expiration, self.inception) {
            Err(ReasonCode::RrsigTimesReversed)
        } else if serial_less(now, self.inception) {
            Err(ReasonCode::RrsigNotYetValid)
        } else if serial_less(self.expiration, now) {
            Err(ReasonCode::RrsigExpired)
        } else {
            Ok(())
        }
    }

    /// When it ends.
    pub(crate) fn until(&self, now: Epoch) -> Epoch {
        epoch(self.expiration, now)
    }

    /// The TTL of an RRset received with `ttl` that it proves. (RFC 4035 section 5.3.3)
    // R-113 rfc4035#5.3.3
    pub(crate) fn ttl(&self, ttl: u32, now: Epoch) -> u32 {
        ttl.min(self.original_ttl).min(u32::try_from(self.until(now) - now).unwrap_or(0))
    }
}

fn serial_less(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// The time nearest to `now` that has this serial number.
fn epoch(serial: u32, now: Epoch) -> Epoch {
    now + Epoch::from(serial.wrapping_sub(now as u32) as i32)
}

/// Tries the keys with the signature's tag and algorithm.
fn try_keys(set: &Rrset, signature: &Rrsig, data: &Canonical, signer: Signer<'_>, work: &mut Work) -> Result<(), ReasonCode> {
    let mut message = None;
    let mut result = Err(ReasonCode::RrsigUnknownKey);
    let candidates = signer.keys.iter().filter(|k| k.tag() == signature.key_tag && k.algorithm() == signature.algorithm);
    for key in candidates.take(work.policy.max_tries) {
        let message = message.get_or_insert_with(|| {
            let mut message = Vec::new();
            push_signed(&set.owner, set.rtype, signature.claim(), data, &mut message);
            message
        });
        result = key.verify(message, &signature.signature, work);
        if matches!(result, Ok(()) | Err(ReasonCode::Budget)) {
            break;
        }
    }
    result
}

/// What is signed: the RRSIG's data without the signature, then the records in canonical form. Appended to `out`.
// R-113 rfc4034#6.2 rfc4035#5.3.2   R-114 rfc4035#5.3.2
pub(crate) fn push_signed(owner: &Name, rtype: Rtype, signature: Claim<'_>, data: &Canonical, out: &mut Vec<u8>) {
    let size: usize = data.records().map(|record| record.len() + owner.len() + 10).sum();
    out.reserve(18 + signature.signer.len() + size);
    out.extend_from_slice(&signature.type_covered.to_int().to_be_bytes());
    out.extend_from_slice(&[signature.algorithm, signature.labels]);
    out.extend_from_slice(&signature.original_ttl.to_be_bytes());
    out.extend_from_slice(&signature.expiration.to_be_bytes());
    out.extend_from_slice(&signature.inception.to_be_bytes());
    out.extend_from_slice(&signature.key_tag.to_be_bytes());
    push_canonical_name(signature.signer, out);
    let mut head = Vec::with_capacity(owner.len() + 10);
    match wildcard(owner, signature.labels) {
        Some(encloser) => {
            head.extend_from_slice(b"\x01*");
            push_canonical_name(encloser.as_slice(), &mut head);
        }
        None => push_canonical_name(owner.as_slice(), &mut head),
    }
    head.extend_from_slice(&rtype.to_int().to_be_bytes());
    head.extend_from_slice(&1u16.to_be_bytes());
    head.extend_from_slice(&signature.original_ttl.to_be_bytes());
    for record in data.records() {
        out.extend_from_slice(&head);
        out.extend_from_slice(&u16::try_from(record.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(record);
    }
}

/// The name below which the wildcard stands that an RRset of `owner` was expanded from, if its signature counts so many labels.
fn wildcard(owner: &Name, labels: u8) -> Option<Name> {
    let labels = usize::from(labels);
    (labels < name::signed_labels(owner)).then(|| name::ancestor(owner, labels))
}

// R-113 rfc4035#5.3.3
fn verified(set: &Rrset, signature: &Rrsig, now: Epoch) -> Verified {
    let expiration = epoch(signature.expiration, now);
    let ttl = signature.claim().ttl(set.ttl, now);
    Verified {
        signature: Signature {
            signer: signature.signer.clone(),
            key_tag: signature.key_tag,
            algorithm: signature.algorithm,
            inception: epoch(signature.inception, now),
            expiration,
            original_ttl: signature.original_ttl,
        },
        wildcard: wildcard(&set.owner, signature.labels),
        ttl,
        expires: now + Epoch::from(ttl),
    }
}
