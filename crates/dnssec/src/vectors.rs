//! Single signatures, digests and hashes that others made.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use domain::base::iana::Rtype;

use crate::keys::{Dnskey, Ds, Key};
use crate::nsec3::Nsec3;
use crate::policy::{Policy, Sha1};
use crate::reason::ReasonCode;
use crate::rrsig::{Signer, verify};
use crate::types::{Name, Rrset, Rrsig};
use crate::work::Work;
use record::{Rr, record};

#[allow(dead_code, reason = "shared with the tests that play scenarios")]
#[path = "../tests/support/record.rs"]
mod record;

/// An entry of a signature file: the name in its question, and its records.
struct Entry {
    question: String,
    records: Vec<Rr>,
}

fn entries(file: &str) -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let mut entries: Vec<Entry> = Vec::new();
    let mut question = false;
    for line in text.lines().map(|l| l.split(';').next().unwrap().trim()).filter(|l| !l.is_empty()) {
        match line {
            "ENTRY_BEGIN" => entries.push(Entry { question: String::new(), records: vec![] }),
            "SECTION QUESTION" => question = true,
            "SECTION ANSWER" | "SECTION AUTHORITY" => question = false,
            "ENTRY_END" => {}
            _ if question => entries.last_mut().unwrap().question = line.to_owned(),
            _ => entries.last_mut().unwrap().records.push(record(line, ".", 3600).unwrap()),
        }
    }
    entries
}

fn bytes(rr: &Rr) -> Bytes {
    Bytes::copy_from_slice(&rr.data)
}

/// The RRset of an entry that is signed.
fn rrset(entry: &Entry) -> Rrset {
    let signatures: Vec<Rrsig> =
        entry.records.iter().filter(|r| r.rtype == Rtype::RRSIG).map(|r| Rrsig::from_rdata(&bytes(r)).unwrap()).collect();
    let data: Vec<&Rr> = entry.records.iter().filter(|r| r.rtype != Rtype::RRSIG).collect();
    let first = data[0];
    Rrset { owner: first.owner.clone(), rtype: first.rtype, ttl: first.ttl, data: data.iter().map(|r| bytes(r)).collect(), signatures }
}

fn verdict(set: &Rrset, apex: &Name, keys: &[Dnskey], required: &[u8]) -> Result<(), ReasonCode> {
    let keys: Vec<Arc<Key>> = keys.iter().cloned().map(|key| Arc::new(Key::new(key))).collect();
    let now = set.signatures[0].inception.into();
    let mut work = Work::new(Policy::default(), now);
    verify(set, Signer { apex, keys: &keys, sha1: Sha1::Validate, required }, &mut work).map(|_| ())
}

/// Verifies every RRset of a file with the keys of the last unsigned entry before it; a question that begins with `bogus` must fail.
fn check_file(file: &str, at_least: usize) {
    let (mut apex, mut keys, mut checked) = (Name::root_bytes(), Vec::new(), 0);
    for entry in entries(file) {
        let signed = entry.records.iter().any(|r| r.rtype == Rtype::RRSIG);
        if !signed {
            let dnskeys = entry.records.iter().filter(|r| r.rtype == Rtype::DNSKEY);
            apex = entry.records[0].owner.clone();
            keys = dnskeys.map(|r| Dnskey::new(&bytes(r)).unwrap()).collect();
            for ds in entry.records.iter().filter(|r| r.rtype == Rtype::DS) {
                assert!(Ds::new(&bytes(ds)).unwrap().digest_fits(&apex, &keys[0]), "{file} {}", entry.question);
            }
            continue;
        }
        let result = verdict(&rrset(&entry), &apex, &keys, &[]);
        assert_eq!(result.is_err(), entry.question.starts_with("bogus"), "{file} {}: {result:?}", entry.question);
        checked += 1;
    }
    assert!(checked >= at_least, "{file}: {checked}");
}

// R-111 rfc8624#3.1 rfc5702 rfc6605 rfc8080   R-108 rfc4034#5.1.4
#[test]
fn signatures_of_unbound_and_the_rfcs() {
    for (file, at_least) in [
        ("rpl/sigs/test_sigs.ecdsa_p256", 1),
        ("rpl/sigs/test_sigs.ecdsa_p384", 1),
        ("rpl/sigs/test_sigs.ed25519", 1),
        ("rpl/sigs/test_sigs.ed448", 1),
        ("rpl/sigs/test_sigs.rsasha256", 1),
        ("rfc/rfc5702.sigs", 2),
        ("rfc/rfc6605.sigs", 2),
        ("rfc/rfc8080.sigs", 0),
    ] {
        check_file(file, at_least);
    }
}

// R-115 rfc6840#5.11: one signature that holds is enough.
#[test]
fn one_of_two_algorithms_is_enough() {
    let entries = entries("rpl/sigs/test_sigs.sha1_and_256");
    let apex = entries[0].records[0].owner.clone();
    let keys: Vec<Dnskey> = entries[0].records.iter().map(|r| Dnskey::new(&bytes(r)).unwrap()).collect();
    let results = |required: &[u8]| entries[1..].iter().map(|e| verdict(&rrset(e), &apex, &keys, required).is_ok()).collect::<Vec<_>>();
    assert_eq!(results(&[]), [true, true, true, false]);
    // What the file expects of a validator that wants all algorithms.
    assert_eq!(results(&[8, 5]), [true, false, false, false]);
}

// R-108 rfc5011#2.1
#[test]
fn a_revoked_key_signs_nothing_else() {
    let entries = entries("rpl/sigs/test_sigs.revoked");
    let apex = entries[0].records[0].owner.clone();
    let key = Dnskey::new(&bytes(&entries[0].records[0])).unwrap();
    assert_eq!(key.check(), Err(ReasonCode::KeyRevoked));
    // Only keys that pass the check become keys of a zone.
    assert_eq!(verdict(&rrset(&entries[1]), &apex, &[], &[]), Err(ReasonCode::RrsigUnknownKey));
    assert_eq!(verdict(&rrset(&entries[2]), &apex, &[], &[]), Err(ReasonCode::RrsigUnknownKey));
    // It can sign itself.
    assert_eq!(verdict(&rrset(&entries[3]), &apex, &[key], &[]), Ok(()));
}

// R-122 rfc5155#5
#[test]
fn nsec3_hashes_of_unbound() {
    let mut checked = 0;
    for entry in entries("rpl/sigs/test_nsec3_hash.1") {
        let name: Name = entry.question.split_whitespace().next().unwrap().parse().unwrap();
        let nsec3 = entry.records.iter().find(|r| r.rtype == Rtype::NSEC3).unwrap();
        let apex = nsec3.owner.parent().unwrap();
        let nsec3 = Nsec3::new(&nsec3.owner, &bytes(nsec3), &apex).unwrap();
        let hash = data_encoding::BASE32HEX_NOPAD.encode(&nsec3.parameters.hash(&name)).to_lowercase();
        assert_eq!(hash, entry.records[0].owner.first().to_string(), "{name}");
        checked += 1;
    }
    assert!(checked >= 10);
}
