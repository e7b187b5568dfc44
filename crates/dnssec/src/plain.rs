//! Plain answers, read and proven in place.
//!
//! Most answers are plain: the records asked for, signed by the one key that has the signature's tag. A survey of millions of names spends
//! most of its time on them, so that they are worth a way of their own: [`Reading`] reads one message after the other into the same memory,
//! [`Set`] is a view of it, and [`ZoneKeys::vouch`] says that a set is secure, by the same code as a [`Validation`](crate::Validation).
//!
//! That is all it says. Absence, aliases, wildcards, unsigned data, and whatever does not verify are for a validation to judge: `None`
//! never means that anything is wrong.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use domain::base::iana::Rtype;
use foldhash::fast::RandomState;

use crate::cache::{MAX_TRUST, ZoneKeys};
use crate::canonical::Canonical;
use crate::crypto;
use crate::denial::{Denial, Place, Proof, Proven};
use crate::keys::{Dnskey, Ds, Key};
use crate::message::{Entry, FLAG_TC, MessageError, RCODE_MASK, Records};
use crate::name;
use crate::policy::{Algorithms, Policy};
use crate::reason::{Reason, ReasonCode};
use crate::rrsig::{Claim, Signer, push_signed};
use crate::types::{Epoch, Name, Security};
use crate::wire::Reader;
use crate::work::{Purse, Work};

/// Records of one set; of larger ones a validation takes care.
const MAX_RECORDS: usize = 32;
/// Denial records looked at beside one referral: no proof needs more than three.
const MAX_DENIERS: usize = 8;
/// Signatures of one set that are tried.
const MAX_SIGNATURES: usize = 4;

const FLAG_AA: u16 = 0x0400;
const FLAG_RA: u16 = 0x0080;

/// A section of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Answer.
    Answer,
    /// Authority.
    Authority,
    /// Additional, without the OPT record.
    Additional,
}

/// A record in a message that was read. Names are uncompressed.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Owner name, wire form, case as received.
    pub owner: &'a [u8],
    /// Type.
    pub rtype: Rtype,
    /// TTL, seconds.
    pub ttl: u32,
    /// Record data, wire form.
    pub data: &'a [u8],
}

/// One message at a time, read into the same memory again and again.
#[derive(Debug, Default)]
pub struct Reading {
    records: Records,
    first_authority: usize,
    first_additional: usize,
    flags: u16,
    rcode: u16,
    edns: bool,
}

impl Reading {
    /// Reads a message. Whether it answers the question asked is the caller's business; so is the message id.
    ///
    /// # Errors
    /// If it is malformed or truncated. What was read before is gone.
    pub fn read(&mut self, message: &[u8]) -> Result<(), MessageError> {
        self.records.octets.clear();
        self.records.entries.clear();
        let mut reader = Reader::new(message);
        reader.u16()?;
        self.flags = reader.u16()?;
        let [questions, answers, authorities, additionals] = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
        if questions != 1 {
            return Err(MessageError::NotTheAnswer);
        }
        if self.flags & FLAG_TC != 0 {
            return Err(MessageError::Truncated);
        }
        reader.skip_name()?;
        reader.octets(4)?;
        self.records.read(&mut reader, answers)?;
        self.first_authority = self.records.entries.len();
        self.records.read(&mut reader, authorities)?;
        self.first_additional = self.records.entries.len();
        let extended = self.records.read(&mut reader, additionals)?;
        self.edns = extended.is_some();
        self.rcode = (self.flags & RCODE_MASK) | extended.unwrap_or(0);
        Ok(())
    }

    /// Response code with the extended bits of EDNS.
    #[must_use]
    pub fn rcode(&self) -> u16 {
        self.rcode
    }

    /// Whether the answer is authoritative.
    #[must_use]
    pub fn is_authoritative(&self) -> bool {
        self.flags & FLAG_AA != 0
    }

    /// Whether the sender offers recursion.
    #[must_use]
    pub fn is_recursive(&self) -> bool {
        self.flags & FLAG_RA != 0
    }

    /// Whether the sender speaks EDNS.
    #[must_use]
    pub fn has_edns(&self) -> bool {
        self.edns
    }

    /// The records of class IN of a section, in order.
    pub fn records(&self, section: Section) -> impl Iterator<Item = Record<'_>> {
        let entries = &self.records.entries;
        let range = match section {
            Section::Answer => entries.get(..self.first_authority),
            Section::Authority => entries.get(self.first_authority..self.first_additional),
            Section::Additional => entries.get(self.first_additional..),
        };
        range.unwrap_or_default().iter().map(|entry| self.record(entry))
    }

    fn record(&self, entry: &Entry) -> Record<'_> {
        let octets = |range: &std::ops::Range<usize>| self.records.octets.get(range.clone()).unwrap_or_default();
        Record { owner: octets(&entry.owner), rtype: entry.rtype, ttl: entry.ttl, data: octets(&entry.data) }
    }

    /// The answer, if that section has records of this owner and type and their signatures, and nothing else.
    #[must_use]
    pub fn only(&self, owner: &Name, rtype: Rtype) -> Option<Set<'_>> {
        let mut set = Set::new(rtype);
        self.records(Section::Answer).all(|record| set.take(owner, &record)).then_some(set).filter(Set::is_whole)
    }

    /// The set of this owner and type in a section, whatever else is there.
    #[must_use]
    pub fn set(&self, section: Section, owner: &Name, rtype: Rtype) -> Option<Set<'_>> {
        let mut set = Set::new(rtype);
        self.records(section).for_each(|record| _ = set.take(owner, &record));
        Some(set).filter(Set::is_whole)
    }
}

/// Records of one owner and type with their signatures, as they stand in a [`Reading`].
#[derive(Clone, Debug)]
pub struct Set<'a> {
    /// Type.
    pub rtype: Rtype,
    /// Lowest TTL of records and signatures, seconds.
    pub ttl: u32,
    /// Record data, in the order received, duplicates included.
    pub data: Vec<&'a [u8]>,
    signatures: Vec<&'a [u8]>,
}

impl<'a> Set<'a> {
    fn new(rtype: Rtype) -> Self {
        Self { rtype, ttl: u32::MAX, data: Vec::new(), signatures: Vec::new() }
    }

    /// Whether the record belongs to it: then it is taken.
    fn take(&mut self, owner: &Name, record: &Record<'a>) -> bool {
        if !record.owner.eq_ignore_ascii_case(owner.as_slice()) {
            return false;
        }
        let list = if record.rtype == self.rtype {
            &mut self.data
        } else if record.rtype == Rtype::RRSIG && record.data.starts_with(&self.rtype.to_int().to_be_bytes()) {
            &mut self.signatures
        } else {
            return false;
        };
        list.push(record.data);
        self.ttl = self.ttl.min(record.ttl);
        true
    }

    /// Whether there are records, not too many, and no two alike.
    fn is_whole(&self) -> bool {
        let all = &self.data;
        let alike = || (1..all.len()).any(|i| all.iter().take(i).any(|earlier| Some(earlier) == all.get(i)));
        !all.is_empty() && all.len() <= MAX_RECORDS && !alike()
    }

    /// Whether there are signatures.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        !self.signatures.is_empty()
    }
}

/// A set that is secure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Its TTL, capped by the signature's original TTL and end, seconds. (RFC 4035 section 5.3.3)
    pub ttl: u32,
    /// Signatures that had to be verified for it.
    pub verifications: u32,
}

/// What a parent says of a signed child: by which keys it is entered.
#[derive(Clone, Debug)]
pub struct Entrance {
    ds: Vec<Ds>,
    until: Epoch,
}

impl ZoneKeys {
    /// Whether these keys signed the set: not from a wildcard, not expired, by an algorithm that is supported.
    // R-112 rfc4035#5.3.1   R-115 rfc4035#5.3
    #[must_use]
    pub fn vouch(&self, owner: &Name, set: &Set<'_>, now: Epoch) -> Option<Vouched> {
        vouch(owner, set, self.signer(), now)
    }

    /// The entrance to the zone `child`, by its DS records, which these keys of its parent must have signed.
    // R-109 rfc4035#5.2 rfc6840#5.2   R-110 rfc4509#3
    #[must_use]
    pub fn entrance(&self, child: &Name, ds: &Set<'_>, policy: &Policy, now: Epoch) -> Option<(Entrance, Vouched)> {
        if policy.algorithms != Algorithms::Any || child.is_root() || self.apex == *child {
            return None;
        }
        let usable = |ds: &Ds| crypto::is_supported(ds.algorithm, policy.sha1) && crypto::is_digest_supported(ds.digest_type);
        let mut records: Vec<Ds> = ds.data.iter().filter_map(|data| Ds::new(&Bytes::copy_from_slice(data))).filter(usable).collect();
        if records.iter().any(|ds| ds.digest_type != 1) {
            records.retain(|ds| ds.digest_type != 1);
        }
        if records.is_empty() {
            return None;
        }
        let vouched = vouch(child, ds, self.signer(), now)?;
        Some((Entrance { ds: records, until: now + Epoch::from(vouched.ttl) }, vouched))
    }

    /// The keys of the zone `apex`, by this entrance.
    // R-108 rfc4035#5.2
    #[must_use]
    pub fn enter(apex: &Name, entrance: &Entrance, set: &Set<'_>, policy: &Policy, now: Epoch) -> Option<(Self, Vouched)> {
        let keys = set.data.iter().filter_map(|data| Dnskey::new(&Bytes::copy_from_slice(data)));
        let keys: Vec<Arc<Key>> = keys.filter(|key| key.check().is_ok()).map(|key| Arc::new(Key::new(key))).collect();
        let named = |ds: &Ds, key: &Key| key.tag() == ds.key_tag && key.algorithm() == ds.algorithm;
        // Keys that share a tag cost more than they are worth. (CVE-2023-50387)
        if entrance.ds.iter().any(|ds| keys.iter().filter(|key| named(ds, key)).count() > 1) {
            return None;
        }
        let fits = |ds: &Ds, key: &Key| named(ds, key) && ds.digest_fits(apex, key.dnskey());
        let entries: Vec<Arc<Key>> = keys.iter().filter(|key| entrance.ds.iter().any(|ds| fits(ds, key))).cloned().collect();
        let signer = Signer { apex, keys: &entries, sha1: policy.sha1, required: &[] };
        let vouched = vouch(apex, set, signer, now)?;
        let keys = keys.into_iter().filter(|key| crypto::is_supported(key.algorithm(), policy.sha1)).collect();
        let expires = entrance.until.min(now + Epoch::from(vouched.ttl)).min(now + MAX_TRUST);
        Some((Self { apex: apex.clone(), keys, sha1: policy.sha1, required: Vec::new(), expires }, vouched))
    }
}

/// The NSEC and NSEC3 records of some zones, each verified once: a record received again, octet for octet, is as good as before, whatever
/// name it is to deny.
#[derive(Debug)]
pub struct Denials {
    young: HashMap<Box<[u8]>, Arc<Denier>, RandomState>,
    old: HashMap<Box<[u8]>, Arc<Denier>, RandomState>,
    /// Records of each age.
    most: usize,
}

#[derive(Debug)]
struct Denier {
    apex: Name,
    data: Bytes,
    proven: Proven,
    /// TTL as far as the signature allows, seconds; and until when it does.
    ttl: u32,
    until: Epoch,
}

/// What denial records beside a referral say.
#[derive(Clone, Debug)]
pub struct Unsigned {
    /// Why nothing below the delegation need be signed.
    pub reason: Reason,
    /// The answer to the question for its DS records, which there are not: secure or insecure, and why.
    pub status: Security,
    /// Why it is insecure.
    pub why: Option<Reason>,
    /// TTL of that answer, seconds.
    pub ttl: u32,
    /// Signatures that had to be verified.
    pub verifications: u32,
}

impl Denials {
    /// Room for about so many records.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), most: most.div_ceil(2).max(1) }
    }

    /// Whether the records in the authority section prove that `child` is delegated and not signed, or below a span of unsigned
    /// delegations, as the keys of the zone just above it have signed.
    // R-120 rfc4035#5.2 rfc5155#8.9   R-121 rfc5155#9.2
    pub fn unsigned(&mut self, keys: &ZoneKeys, child: &Name, reading: &Reading, policy: &Policy, now: Epoch) -> Option<Unsigned> {
        let (mut known, mut verifications, mut ttl) = (Vec::new(), 0, u32::MAX);
        for record in reading.records(Section::Authority).filter(|record| matches!(record.rtype, Rtype::NSEC | Rtype::NSEC3)) {
            if known.len() >= MAX_DENIERS {
                return None;
            }
            let (denier, verified) = self.denier(keys, &record, reading, now)?;
            verifications += verified;
            ttl = ttl.min(record.ttl).min(denier.ttl).min(u32::try_from(denier.until - now).unwrap_or(0));
            known.push(denier);
        }
        let covers = |data: &[u8], rtype: Rtype| data.starts_with(&rtype.to_int().to_be_bytes());
        let signatures = reading.records(Section::Authority).filter(|record| record.rtype == Rtype::RRSIG);
        let of_denials = signatures.filter(|record| covers(record.data, Rtype::NSEC) || covers(record.data, Rtype::NSEC3));
        ttl = of_denials.map(|record| record.ttl).fold(ttl, u32::min);
        if known.is_empty() {
            return None;
        }
        let denial = Denial::of(&keys.apex, known.iter().map(|denier| &denier.proven));
        let mut work = Work::new(*policy, now);
        let reason = |code, detail| Reason::new(code, child, Rtype::DS, detail);
        let reason_of_zone = match denial.no_ds(child, &mut work).ok()? {
            Place::Unsigned => reason(ReasonCode::Unsigned, ""),
            Place::OptOut => reason(ReasonCode::Unsigned, "NSEC3 opt-out"),
            Place::Iterations => reason(ReasonCode::Nsec3Iterations, ""),
            Place::NotCut | Place::NoSuchName => return None,
        };
        let why = match denial.no_data(child, Rtype::DS, &mut work).ok()? {
            Proof::Full => None,
            Proof::OptOut => Some(reason(ReasonCode::OptOut, "")),
            Proof::Iterations => Some(reason(ReasonCode::Nsec3Iterations, "")),
        };
        let status = if why.is_none() { Security::Secure } else { Security::Insecure };
        Some(Unsigned { reason: reason_of_zone, status, why, ttl, verifications })
    }

    /// The record as it was verified before or is now, and how many signatures that took.
    fn denier(&mut self, keys: &ZoneKeys, record: &Record<'_>, reading: &Reading, now: Epoch) -> Option<(Arc<Denier>, u32)> {
        if !record.owner.iter().any(u8::is_ascii_uppercase)
            && let Some(denier) = self.known(record.owner)
            && denier.apex == keys.apex
            && *denier.data == *record.data
            && denier.until > now
        {
            return Some((denier, 0));
        }
        let owner = Name::from_octets(Bytes::copy_from_slice(record.owner)).ok()?;
        let set = reading.set(Section::Authority, &owner, record.rtype)?;
        let [data] = set.data.as_slice() else { return None };
        let data = Bytes::copy_from_slice(data);
        let (vouched, claim) = vouch_by(&owner, &set, keys.signer(), now)?;
        let proven = Proven::new(&owner, record.rtype, &data, &keys.apex)?;
        let (ttl, until) = (claim.original_ttl, claim.until(now));
        let denier = Arc::new(Denier { apex: keys.apex.clone(), data, proven, ttl, until });
        if self.young.len() >= self.most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(record.owner.to_ascii_lowercase().into(), denier.clone());
        Some((denier, vouched.verifications))
    }

    fn known(&mut self, owner: &[u8]) -> Option<Arc<Denier>> {
        if let Some(denier) = self.young.get(owner) {
            return Some(denier.clone());
        }
        let (owner, denier) = self.old.remove_entry(owner)?;
        self.young.insert(owner, denier.clone());
        Some(denier)
    }
}

fn vouch(owner: &Name, set: &Set<'_>, signer: Signer<'_>, now: Epoch) -> Option<Vouched> {
    vouch_by(owner, set, signer, now).map(|(vouched, _)| vouched)
}

/// Counts; [`MAX_SIGNATURES`] is budget enough.
struct Spent(u32);

impl Purse for Spent {
    fn spend_signature(&mut self) -> Result<(), ReasonCode> {
        self.0 += 1;
        Ok(())
    }

    fn failed(&mut self) {}
}

/// With the signature that holds.
fn vouch_by<'a>(owner: &Name, set: &Set<'a>, signer: Signer<'_>, now: Epoch) -> Option<(Vouched, Claim<'a>)> {
    if !signer.required.is_empty() {
        return None;
    }
    let mut canonical = None;
    let mut message = Vec::new();
    let mut spent = Spent(0);
    for data in set.signatures.iter().take(MAX_SIGNATURES) {
        let Ok(claim) = Claim::read(data) else { continue };
        if claim.check(owner, set.rtype, signer, now).is_err() || usize::from(claim.labels) != name::signed_labels(owner) {
            continue;
        }
        let mut named = signer.keys.iter().filter(|key| key.tag() == claim.key_tag && key.algorithm() == claim.algorithm);
        let (Some(key), None) = (named.next(), named.next()) else { continue };
        let canonical = canonical.get_or_insert_with(|| Canonical::new(set.rtype, &set.data));
        message.clear();
        push_signed(owner, set.rtype, claim, canonical, &mut message);
        if key.verify(&message, claim.signature, &mut spent).is_ok() {
            return Some((Vouched { ttl: claim.ttl(set.ttl, now), verifications: spent.0 }, claim));
        }
    }
    None
}
