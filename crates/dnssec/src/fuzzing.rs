//! What fuzz targets call: everything that reads octets from the network, behind the signatures too.

use crate::anchors::Anchors;
use crate::cache::{MemoryCache, ZoneKeys};
use crate::canonical::Canonical;
use crate::denial::{Denial, is_denial};
use crate::keys::{Dnskey, Ds, Key};
use crate::message::read_unchecked;
use crate::outcome::Signature;
use crate::plain::{Denials, Reading};
use crate::policy::{Policy, Sha1};
use crate::rrsig::{Signer, Verified, verify};
use crate::types::{Epoch, Name, Question, Response, Rrset};
use crate::validation::{FetchError, Step, Validation};
use crate::work::Work;
use domain::base::iana::Rtype;
use std::sync::Arc;

const NOW: Epoch = 1_700_000_000;

/// Reads a message and validates it; every further question is answered with the same message.
pub fn message(bytes: &[u8]) {
    let Ok((question, response)) = read_unchecked(bytes) else { return };
    let _ = Response::from_message(bytes, &question);
    let anchor = |set: &Rrset| set.data.iter().map(|data| (set.owner.clone(), set.rtype, data.clone())).collect::<Vec<_>>();
    let keys = response.answer.iter().filter(|set| matches!(set.rtype, Rtype::DS | Rtype::DNSKEY)).flat_map(anchor);
    let anchors = Anchors::from_records(keys.chain([(Name::root_bytes(), Rtype::DS, bytes::Bytes::from_static(&[0, 0, 13, 2, 0]))]));
    let mut validation = Validation::new(question, response.clone(), &anchors, Policy::default(), NOW);
    let mut cache = MemoryCache::new(16);
    let mut turn = 0u32;
    // A validation ends by its budget of questions; if it did not, the fuzzer would call it a hang.
    while let Step::Ask(question) = validation.step(&mut cache) {
        let again = if turn % 3 == 2 { Err(FetchError::Timeout) } else { Ok(response.clone()) };
        validation.supply(&question, again);
        turn += 1;
    }
}

/// Reads a message the short way, which may refuse it, but must come to nothing else than the long one.
///
/// # Errors
/// If the two disagree: where.
pub fn plain(bytes: &[u8]) -> Result<(), &'static str> {
    let mut reading = Reading::default();
    let Ok((question, response)) = read_unchecked(bytes) else { return Ok(()) };
    // It reads all of the additional section.
    if reading.read(bytes).is_err() {
        return Ok(());
    }
    if reading.rcode() != response.rcode {
        return Err("response code");
    }
    let Question { name, rtype } = &question;
    let Some(set) = reading.only(name, *rtype).filter(|_| *rtype != Rtype::RRSIG) else { return Ok(()) };
    let [long] = response.answer.as_slice() else { return Err("number of sets") };
    let same_data = long.data.len() == set.data.len() && long.data.iter().zip(&set.data).all(|(long, short)| long == short);
    if (long.rtype, long.ttl) != (set.rtype, set.ttl) || long.owner != *name || !same_data {
        return Err("the set");
    }
    let keys = response.answer.iter().chain(&response.authority).filter(|set| set.rtype == Rtype::DNSKEY).flat_map(|set| &set.data);
    let keys = keys.filter_map(Dnskey::new).take(8).map(|key| Arc::new(Key::new(key))).collect();
    let zone = ZoneKeys { apex: name.clone(), keys, sha1: Sha1::Insecure, required: Vec::new(), expires: Epoch::MAX };
    if let Some(vouched) = zone.vouch(name, &set, NOW) {
        match verify(long, zone.signer(), &mut Work::new(Policy::default(), NOW)) {
            Ok(verified) if verified.ttl == vouched.ttl && verified.wildcard.is_none() => {}
            _ => return Err("what proves it"),
        }
    }
    if let Some(parent) = crate::name::parent(name) {
        let zone = ZoneKeys { apex: parent, ..zone };
        let _ = Denials::new(4).unsigned(&zone, name, &reading, &Policy::default(), NOW);
        let entrance = zone.entrance(name, &set, &Policy::default(), NOW);
        let _ = entrance.and_then(|(entrance, _)| ZoneKeys::enter(name, &entrance, &set, &Policy::default(), NOW));
    }
    Ok(())
}

/// Takes the signatures of a message for good, and reads everything they would protect.
pub fn denial(bytes: &[u8]) {
    let Ok((question, response)) = read_unchecked(bytes) else { return };
    let mut work = Work::new(Policy::default(), NOW);
    for set in response.answer.iter().chain(&response.authority) {
        let _ = Canonical::new(set.rtype, &set.data).records().count();
        let dnskeys: Vec<Dnskey> = set.data.iter().filter_map(Dnskey::new).take(8).collect();
        for ds in set.data.iter().filter_map(Ds::new).take(8) {
            let _ = dnskeys.iter().filter(|key| ds.digest_fits(&set.owner, key)).count();
        }
        let keys: Vec<Arc<Key>> = dnskeys.iter().cloned().map(|key| Arc::new(Key::new(key))).collect();
        let _ = verify(set, Signer { apex: &set.owner, keys: &keys, sha1: Sha1::Validate, required: &[] }, &mut work);
    }
    for apex in question.name.iter_suffixes() {
        let records = response.authority.iter().filter(|set| is_denial(set));
        let denial = Denial::trusting(&apex, records, &verified(&apex));
        let _ = denial.no_data(&question.name, question.rtype, &mut work);
        let _ = denial.no_name(&question.name, &mut work);
        let _ = denial.no_ds(&question.name, &mut work);
        let _ = denial.no_closer_match(&question.name, &apex, &mut work);
    }
}

fn verified(apex: &Name) -> Verified {
    let signature = Signature { signer: apex.clone(), key_tag: 0, algorithm: 13, inception: NOW, expiration: NOW, original_ttl: 0 };
    Verified { signature, wildcard: None, ttl: 0, expires: NOW }
}

/// Reads trust anchors.
pub fn anchors(text: &str) {
    let _ = Anchors::parse(text);
}
