//! From a trust anchor down to the zone that holds a name.

use std::sync::Arc;

use domain::base::iana::Rtype;

use super::{Halt, Place, Run, Section, find, find_dname};
use crate::cache::{MAX_TRUST, Trust, ZoneKeys};
use crate::crypto;
use crate::denial;
use crate::keys::{Dnskey, Ds, Key};
use crate::name;
use crate::policy::{Algorithms, Sha1};
use crate::reason::{Reason, ReasonCode, Tried};
use crate::rrsig::{Signer, verify};
use crate::types::{Epoch, Name, Response, Rrset};

/// The status of the zone that holds a name.
pub(super) enum Standing {
    /// It is signed with these keys.
    Signed(Arc<ZoneKeys>),
    /// It is proven that it need not be.
    Insecure(Arc<Reason>, Epoch),
}

/// By what the keys of a zone are trusted.
struct Entrance {
    /// DS records, of the parent or as anchors.
    ds: Vec<Ds>,
    /// Anchors in DNSKEY form.
    keys: Vec<Dnskey>,
    /// The rule for SHA-1 in the zone.
    sha1: Sha1,
    /// What to say if no key fits.
    mismatch: ReasonCode,
}

/// Keys of a zone kept at most.
const MAX_KEYS: usize = 128;

impl Run<'_> {
    /// Finds the zone that holds `target`, beginning at the closest known zone or anchor and asking for DS at each name below it.
    // R-107 rfc4035#5
    pub(super) fn standing(&mut self, target: &Name) -> Result<Standing, Halt> {
        let mut zone = match self.closest(target)? {
            Some(Trust::Zone(zone)) => zone,
            Some(Trust::Insecure { reason, expires }) => return Ok(Standing::Insecure(reason, expires)),
            _ => {
                let reason = Reason::new(ReasonCode::NoAnchor, target, Rtype::DNSKEY, "");
                return Ok(Standing::Insecure(Arc::new(reason), Epoch::MAX));
            }
        };
        for count in name::labels(&zone.apex) + 1..=name::labels(target) {
            let at = name::ancestor(target, count);
            let trust = match self.known(&at) {
                Some(trust) => trust,
                None => {
                    let trust = self.descend(&zone, &at)?;
                    self.remember(&at, trust)
                }
            };
            match trust {
                Trust::Zone(child) => zone = child,
                Trust::Insecure { reason, expires } => return Ok(Standing::Insecure(reason, expires)),
                Trust::NotCut { .. } => {}
                Trust::NoSuchName { .. } => break,
            }
        }
        Ok(Standing::Signed(zone))
    }

    /// The closest zone, insecure delegation or anchor at or above the name.
    fn closest(&mut self, target: &Name) -> Result<Option<Trust>, Halt> {
        for suffix in target.iter_suffixes() {
            match self.known(&suffix) {
                Some(trust @ (Trust::Zone(_) | Trust::Insecure { .. })) => return Ok(Some(trust)),
                Some(_) => continue,
                None => {}
            }
            if self.v.anchors.at(&suffix).is_some() {
                let trust = self.enter_by_anchor(&suffix)?;
                return Ok(Some(self.remember(&suffix, trust)));
            }
        }
        Ok(None)
    }

    fn known(&mut self, at: &Name) -> Option<Trust> {
        self.v.trust.get(at).cloned().or_else(|| self.cache.get(at, self.v.work.now))
    }

    fn remember(&mut self, at: &Name, trust: Trust) -> Trust {
        self.v.trust.insert(at.clone(), trust.clone());
        self.cache.put(at, trust.clone());
        trust
    }

    /// Finds what `at`, one label below a name of the zone, is.
    fn descend(&mut self, zone: &ZoneKeys, at: &Name) -> Result<Trust, Halt> {
        if let Some(trust) = self.at_hand(zone, at)? {
            return Ok(trust);
        }
        let (index, response) = self.fetch(at, Rtype::DS)?;
        if let Some((i, set)) = find(&response.answer, at, Rtype::DS) {
            let place = Place { response: index, section: Section::Answer, index: i };
            let verified = self.check(place, set, zone).map_err(|code| Halt::fail(code, at, Rtype::DS, ""))?;
            // R-120 rfc4035#5.2
            if verified.wildcard.is_some() {
                return Err(Halt::fail(ReasonCode::WildcardWrong, at, Rtype::DS, "a wildcard cannot delegate"));
            }
            return self.enter_by_ds(at, set, verified.expires);
        }
        if let Some(trust) = self.alias_is_no_cut(index, &response, zone, at)? {
            return Ok(trust);
        }
        self.no_ds(index, &response, zone, at)
    }

    /// The response under validation may itself prove that there is no DS record: its denial records are as good as asked for.
    fn at_hand(&mut self, zone: &ZoneKeys, at: &Name) -> Result<Option<Trust>, Halt> {
        let index = self.v.path.response;
        let Some((_, Ok(response))) = self.v.fetched.get(index) else { return Ok(None) };
        let response = response.clone();
        let ours = |set: &Rrset| denial::is_denial(set) && set.signatures.iter().any(|s| s.signer == zone.apex);
        if !response.authority.iter().any(ours) {
            return Ok(None);
        }
        match self.no_ds(index, &response, zone, at) {
            Ok(trust) => Ok(Some(trust)),
            Err(Halt::Fail(reason)) if reason.code != ReasonCode::Budget => Ok(None),
            Err(halt) => Err(halt),
        }
    }

    /// An alias at a name, or a DNAME above it, leaves no room for a delegation.
    fn alias_is_no_cut(&mut self, index: usize, response: &Response, zone: &ZoneKeys, at: &Name) -> Result<Option<Trust>, Halt> {
        let dname = find_dname(&response.answer, at).filter(|(_, set)| name::is_within(&set.owner, &zone.apex));
        let Some((i, set)) = dname.or_else(|| find(&response.answer, at, Rtype::CNAME)) else { return Ok(None) };
        let place = Place { response: index, section: Section::Answer, index: i };
        let verified = self.check(place, set, zone).map_err(|code| Halt::fail(code, at, Rtype::DS, "the alias at this name"))?;
        let expires = self.limit(verified.expires);
        if set.rtype == Rtype::DNAME {
            return Ok(Some(Trust::NoSuchName { expires }));
        }
        match verified.wildcard {
            // The alias comes from a wildcard: only the proof that nothing is closer tells that there is no delegation.
            Some(_) => self.no_ds(index, response, zone, at).map(Some),
            None => Ok(Some(Trust::NotCut { expires })),
        }
    }

    /// Reads the proof that there is no DS record.
    // R-120 rfc4035#5.2
    fn no_ds(&mut self, index: usize, response: &Response, zone: &ZoneKeys, at: &Name) -> Result<Trust, Halt> {
        let proof = self.denial(index, &response.authority, zone).and_then(|denial| {
            let place = denial.no_ds(at, &mut self.v.work)?;
            Ok((place, denial.expires))
        });
        let (place, expires) = proof.map_err(|code| Halt::fail(code, at, Rtype::DS, "the proof that there is no DS record"))?;
        let expires = self.limit(expires);
        let insecure = |code, detail: &str| {
            let reason = Arc::new(Reason::new(code, at, Rtype::DS, detail));
            Trust::Insecure { reason, expires }
        };
        Ok(match place {
            denial::Place::Unsigned => insecure(ReasonCode::Unsigned, ""),
            denial::Place::OptOut => insecure(ReasonCode::Unsigned, "NSEC3 opt-out"),
            denial::Place::Iterations => insecure(ReasonCode::Nsec3Iterations, ""),
            denial::Place::NotCut => Trust::NotCut { expires },
            denial::Place::NoSuchName => Trust::NoSuchName { expires },
        })
    }

    fn limit(&self, expires: Epoch) -> Epoch {
        expires.min(self.v.work.now + MAX_TRUST)
    }

    /// Chooses the DS records to use and goes on to the zone's keys.
    // R-109 rfc4035#5.2 rfc6840#5.2
    fn enter_by_ds(&mut self, at: &Name, set: &Rrset, expires: Epoch) -> Result<Trust, Halt> {
        let sha1 = self.v.work.policy.sha1;
        match self.usable_ds(at, set.data.iter().filter_map(Ds::new), sha1) {
            Ok(ds) => self.enter(at, &Entrance { ds, keys: Vec::new(), sha1, mismatch: ReasonCode::DsNoMatchingKey }, expires),
            Err(code) => Ok(self.unsupported(code, at, Rtype::DS, expires)),
        }
    }

    // R-107 rfc4035#5   R-111: an anchor with a SHA-1 algorithm is an explicit wish.
    fn enter_by_anchor(&mut self, at: &Name) -> Result<Trust, Halt> {
        let anchors = self.v.anchors.clone();
        let Some(anchor) = anchors.at(at) else { return Err(Halt::fail(ReasonCode::NoAnchor, at, Rtype::DNSKEY, "")) };
        let ds: Vec<Ds> = anchor.ds.iter().filter_map(Ds::new).collect();
        let mut keys: Vec<Dnskey> = anchor.dnskey.iter().filter_map(Dnskey::new).collect();
        let asks_sha1 = ds.iter().map(|ds| ds.algorithm).chain(keys.iter().map(|key| key.algorithm)).any(crypto::uses_sha1);
        let sha1 = if asks_sha1 { Sha1::Validate } else { self.v.work.policy.sha1 };
        keys.retain(|key| self.supports(key.algorithm, sha1));
        match self.usable_ds(at, ds.into_iter(), sha1) {
            Err(code) if keys.is_empty() => Ok(self.unsupported(code, at, Rtype::DNSKEY, Epoch::MAX)),
            ds => {
                let entrance = Entrance { ds: ds.unwrap_or_default(), keys, sha1, mismatch: ReasonCode::AnchorStale };
                self.enter(at, &entrance, Epoch::MAX)
            }
        }
    }

    fn unsupported(&mut self, code: ReasonCode, at: &Name, rtype: Rtype, expires: Epoch) -> Trust {
        let detail = if self.v.work.sha1.is_some() { "SHA-1 signatures count as unsupported (RFC 9905)" } else { "" };
        Trust::Insecure { reason: Arc::new(Reason::new(code, at, rtype, detail)), expires: self.limit(expires) }
    }

    fn supports(&mut self, algorithm: u8, sha1: Sha1) -> bool {
        if crypto::uses_sha1(algorithm) {
            self.v.work.saw_sha1(sha1);
        }
        crypto::is_supported(algorithm, sha1)
    }

    /// The DS records whose algorithm and digest type are supported, without SHA-1 digests if there are others.
    // R-109 rfc6840#5.2   R-110 rfc4509#3
    fn usable_ds(&mut self, at: &Name, all: impl Iterator<Item = Ds>, sha1: Sha1) -> Result<Vec<Ds>, ReasonCode> {
        let mut why = ReasonCode::AlgorithmUnsupported;
        let mut usable = Vec::new();
        for ds in all {
            let failure = if !self.supports(ds.algorithm, sha1) {
                ReasonCode::AlgorithmUnsupported
            } else if !crypto::is_digest_supported(ds.digest_type) {
                why = ReasonCode::DigestUnsupported;
                why
            } else {
                usable.push(ds);
                continue;
            };
            self.v.work.tried(at, Rtype::DS, tried_ds(&ds), Some(failure));
        }
        if usable.iter().any(|ds| ds.digest_type != 1) {
            usable.retain(|ds| ds.digest_type != 1);
        }
        if usable.is_empty() { Err(why) } else { Ok(usable) }
    }

    /// Validates the zone's DNSKEY RRset: signed by a key of its own that a DS record or anchor names.
    // R-108 rfc4035#5.2
    fn enter(&mut self, at: &Name, entrance: &Entrance, expires: Epoch) -> Result<Trust, Halt> {
        let (_, response) = self.fetch(at, Rtype::DNSKEY)?;
        let Some((_, set)) = find(&response.answer, at, Rtype::DNSKEY) else {
            return Err(Halt::fail(ReasonCode::DnskeyMissing, at, Rtype::DNSKEY, ""));
        };
        let fail = |code| Halt::fail(code, at, Rtype::DNSKEY, "");
        // One of each: what the key that lets us in verifies here is remembered when the set is asked for by itself.
        let keys: Vec<Arc<Key>> = set.data.iter().filter_map(Dnskey::new).map(|key| Arc::new(Key::new(key))).collect();
        let entries = self.entry_keys(at, entrance, &keys).map_err(fail)?;
        let mut required = Vec::new();
        if self.v.work.policy.algorithms == Algorithms::All {
            required.extend(entrance.ds.iter().map(|ds| ds.algorithm).chain(entrance.keys.iter().map(|key| key.algorithm)));
        }
        let signer = Signer { apex: at, keys: &entries, sha1: entrance.sha1, required: &required };
        let verified = verify(set, signer, &mut self.v.work).map_err(fail)?;
        let zone_keys = keys.into_iter().filter(|key| key.dnskey().check().is_ok() && crypto::is_supported(key.algorithm(), entrance.sha1));
        let keys = zone_keys.take(MAX_KEYS).collect();
        let expires = self.limit(expires.min(verified.expires));
        Ok(Trust::Zone(Arc::new(ZoneKeys { apex: at.clone(), keys, sha1: entrance.sha1, required, expires })))
    }

    /// The keys of the zone that DS records or anchors name.
    fn entry_keys(&mut self, at: &Name, entrance: &Entrance, keys: &[Arc<Key>]) -> Result<Vec<Arc<Key>>, ReasonCode> {
        let mut entries = Vec::new();
        let mut why = entrance.mismatch;
        for ds in &entrance.ds {
            match self.key_for_ds(at, ds, keys) {
                // Two DS records may name one key, with different digests.
                Ok(key) if entries.iter().any(|known| Arc::ptr_eq(known, key)) => {}
                Ok(key) => entries.push(key.clone()),
                Err(ReasonCode::DsNoMatchingKey) => {}
                Err(ReasonCode::Budget) => return Err(ReasonCode::Budget),
                Err(code) if why == ReasonCode::DsNoMatchingKey => why = code,
                Err(_) => {}
            }
        }
        for anchor in &entrance.keys {
            let found = keys.iter().find(|key| key.dnskey().data() == anchor.data() && key.dnskey().check().is_ok());
            let tried = Tried::AnchorKey { algorithm: anchor.algorithm, key_tag: anchor.tag };
            self.v.work.tried(at, Rtype::DNSKEY, tried, found.is_none().then_some(ReasonCode::AnchorStale));
            entries.extend(found.cloned());
        }
        if entries.is_empty() { Err(why) } else { Ok(entries) }
    }

    /// The key a DS record names.
    fn key_for_ds<'k>(&mut self, at: &Name, ds: &Ds, keys: &'k [Arc<Key>]) -> Result<&'k Arc<Key>, ReasonCode> {
        let mut result = Err(ReasonCode::DsNoMatchingKey);
        let named = keys.iter().filter(|key| key.tag() == ds.key_tag && key.algorithm() == ds.algorithm);
        for key in named.take(self.v.work.policy.max_tries) {
            result = match key.dnskey().check() {
                Err(code) => Err(code),
                Ok(()) => match self.v.work.spend_hash() {
                    Err(code) => Err(code),
                    Ok(()) if ds.digest_fits(at, key.dnskey()) => Ok(key),
                    Ok(()) => Err(ReasonCode::DsDigestMismatch),
                },
            };
            if matches!(result, Ok(_) | Err(ReasonCode::Budget)) {
                break;
            }
        }
        self.v.work.tried(at, Rtype::DNSKEY, tried_ds(ds), result.err());
        result
    }
}

fn tried_ds(ds: &Ds) -> Tried {
    Tried::Ds { algorithm: ds.algorithm, digest_type: ds.digest_type, key_tag: ds.key_tag }
}
