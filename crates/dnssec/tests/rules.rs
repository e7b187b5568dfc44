//! One rule at a time, in a world that is signed for the test.

mod support;

use dnssec::{Anchors, MemoryCache, Outcome, ReasonCode, Security, Sha1};
use domain::base::iana::Rtype;
use support::world::{Bend, NOW, World, Zone, key_tag, raw, records};

const A: &str = "www.example. 3600 IN A 192.0.2.1";

fn world() -> (World, std::rc::Rc<Zone>) {
    let world = World::new();
    let zone = world.zone("example.");
    world.put("www.example. A", 0, zone.set(A), vec![]);
    (world, zone)
}

fn code(outcome: &Outcome) -> ReasonCode {
    outcome.reason.as_ref().expect("a reason").code
}

#[track_caller]
fn bogus(outcome: &Outcome, why: ReasonCode) {
    assert_eq!((outcome.status, code(outcome)), (Security::Bogus, why), "{outcome:?}");
    assert!(outcome.answer.is_none(), "bogus data is not handed out");
}

#[track_caller]
fn insecure(outcome: &Outcome, why: ReasonCode) {
    assert_eq!((outcome.status, code(outcome)), (Security::Insecure, why), "{outcome:?}");
}

#[track_caller]
fn secure(outcome: &Outcome) {
    assert_eq!(outcome.status, Security::Secure, "{outcome:?}");
    assert!(outcome.reason.is_none());
}

#[test]
fn a_chain_holds() {
    let (world, _) = world();
    let outcome = world.validate("www.example. A");
    secure(&outcome);
    let signature = outcome.signature.unwrap();
    assert_eq!((signature.algorithm, signature.inception, signature.expiration), (13, NOW - 86_400, NOW + 86_400));
    assert_eq!(outcome.answer.unwrap().data.len(), 1);
    assert_eq!(outcome.expires, NOW + 3600);
    assert!(outcome.attempts.iter().all(|a| a.failure.is_none()) && outcome.attempts.len() == 6, "{:#?}", outcome.attempts);
}

// R-107 rfc4035#5
#[test]
fn no_anchor_is_insecure() {
    let (mut world, _) = world();
    world.anchors = Anchors::parse("other. DS 1 13 2 00").unwrap();
    insecure(&world.validate("www.example. A"), ReasonCode::NoAnchor);
}

// R-107 rfc4035#5: the closest anchor counts, and one that fits no key is our fault.
#[test]
fn the_closest_anchor_is_used() {
    let (mut world, zone) = world();
    let key = data_encoding::BASE64.encode(&zone.dnskey[4..]);
    world.anchors = Anchors::parse(&format!(". DS 1 13 2 00\nexample. IN DNSKEY 257 3 13 {key}\n")).unwrap();
    secure(&world.validate("www.example. A"));
    assert!(!world.asked.borrow().iter().any(|q| q.rtype == Rtype::DS));
    world.anchors = Anchors::parse(". DS 1 13 2 00").unwrap();
    bogus(&world.validate("www.example. A"), ReasonCode::AnchorStale);
}

// R-107 rfc4035#5: a signature that names a signer above the anchor does not lead around it.
#[test]
fn a_signer_above_the_anchor_does_not_make_data_insecure() {
    let (mut world, zone) = world();
    let key = data_encoding::BASE64.encode(&zone.dnskey[4..]);
    world.anchors = Anchors::parse(&format!("example. IN DNSKEY 257 3 13 {key}\n")).unwrap();
    world.put("www.example. DS", 0, vec![], zone.set("www.example. NSEC \\000.www.example. A RRSIG NSEC"));
    let mut set = records(A);
    set.push(world.root.sign(&set, Bend::default()));
    world.put("www.example. A", 0, set, vec![]);
    bogus(&world.validate("www.example. A"), ReasonCode::RrsigSigner);
}

// the defaults.
#[test]
fn the_roots_keys() {
    let anchors = Anchors::iana();
    assert_eq!(anchors.names().map(|n| n.is_root()).collect::<Vec<_>>(), [true]);
    assert!(Anchors::parse("example. IN TXT x").is_err());
    assert_eq!(Anchors::parse("\n. DS 1 8 2 xx").unwrap_err().line, 2);
}

// R-108 rfc4035#5.2 rfc4034#5.1.4
#[test]
fn ds_and_key_must_fit() {
    let (world, zone) = world();
    let mut ds = zone.ds(2);
    *ds.data.last_mut().unwrap() ^= 1;
    world.delegate(&zone, &[ds.clone()]);
    bogus(&world.validate("www.example. A"), ReasonCode::DsDigestMismatch);
    // One that fits is enough.
    world.delegate(&zone, &[ds.clone(), zone.ds(2)]);
    secure(&world.validate("www.example. A"));
    ds.data[0] ^= 1;
    world.delegate(&zone, &[ds]);
    bogus(&world.validate("www.example. A"), ReasonCode::DsNoMatchingKey);
}

// R-108 rfc4034#2.1.2 rfc5011#2.1
#[test]
fn only_zone_keys_count() {
    let cases = [
        (257, 3, None),
        (256, 3, None),
        (1, 3, Some(ReasonCode::NoZoneKey)),
        (256, 4, Some(ReasonCode::NoZoneKey)),
        (257 | 128, 3, Some(ReasonCode::KeyRevoked)),
    ];
    for (flags, protocol, failure) in cases {
        let (world, _) = world();
        let mut zone = Zone::new("example.", flags);
        zone.dnskey[2] = protocol;
        world.delegate(&zone, &[zone.ds(2)]);
        world.keys(&zone, &[zone.key()]);
        world.put("www.example. A", 0, zone.set(A), vec![]);
        let outcome = world.validate("www.example. A");
        match failure {
            None => secure(&outcome),
            Some(failure) => bogus(&outcome, failure),
        }
    }
}

// R-108 rfc4035#5.2: the key that the DS record names must sign the keys.
#[test]
fn the_key_set_must_be_signed_by_the_key_that_ds_names() {
    let (world, zone) = world();
    let other = Zone::new("example.", 256);
    let keys = [zone.key(), other.key()];
    world.put("example. DNSKEY", 0, [&keys[..], &[other.sign(&keys, Bend::default())]].concat(), vec![]);
    bogus(&world.validate("www.example. A"), ReasonCode::RrsigUnknownKey);
    world.put("example. DNSKEY", 0, keys.to_vec(), vec![]);
    bogus(&world.validate("www.example. A"), ReasonCode::RrsigMissing);
    world.put("example. DNSKEY", 0, vec![], vec![]);
    bogus(&world.validate("www.example. A"), ReasonCode::DnskeyMissing);
}

// R-109 rfc4035#5.2 rfc6840#5.2
#[test]
fn unsupported_ds_is_insecure() {
    let (world, zone) = world();
    let ds = |algorithm: u8, digest_type: u8| raw("example.", Rtype::DS, vec![1, 2, algorithm, digest_type, 0]);
    world.delegate(&zone, &[ds(12, 2)]);
    insecure(&world.validate("www.example. A"), ReasonCode::AlgorithmUnsupported);
    world.delegate(&zone, &[ds(13, 3)]);
    insecure(&world.validate("www.example. A"), ReasonCode::DigestUnsupported);
    world.delegate(&zone, &[ds(12, 2), ds(13, 2)]);
    bogus(&world.validate("www.example. A"), ReasonCode::DsNoMatchingKey);
    world.delegate(&zone, &[ds(12, 2), zone.ds(2)]);
    secure(&world.validate("www.example. A"));
}

// R-110 rfc4509#3 rfc6605#2
#[test]
fn sha1_digests_count_only_alone() {
    let (world, zone) = world();
    world.delegate(&zone, &[zone.ds(1)]);
    secure(&world.validate("www.example. A"));
    let mut wrong = zone.ds(2);
    *wrong.data.last_mut().unwrap() ^= 1;
    world.delegate(&zone, &[zone.ds(1), wrong]);
    bogus(&world.validate("www.example. A"), ReasonCode::DsDigestMismatch);
    world.delegate(&zone, &[zone.ds(4)]);
    secure(&world.validate("www.example. A"));
}

// R-111 rfc9905#2: and the outcome says which rule was used.
#[test]
fn sha1_signatures_are_insecure_unless_wanted() {
    let (mut world, zone) = world();
    for algorithm in [5, 7] {
        world.delegate(&zone, &[raw("example.", Rtype::DS, vec![1, 2, algorithm, 2, 0])]);
        world.policy.sha1 = Sha1::Insecure;
        let outcome = world.validate("www.example. A");
        insecure(&outcome, ReasonCode::AlgorithmUnsupported);
        assert_eq!(outcome.sha1, Some(Sha1::Insecure));
        world.policy.sha1 = Sha1::Validate;
        let outcome = world.validate("www.example. A");
        bogus(&outcome, ReasonCode::DsNoMatchingKey);
        assert_eq!(outcome.sha1, Some(Sha1::Validate));
    }
    for algorithm in [1, 3, 6, 12] {
        world.delegate(&zone, &[raw("example.", Rtype::DS, vec![1, 2, algorithm, 2, 0])]);
        insecure(&world.validate("www.example. A"), ReasonCode::AlgorithmUnsupported);
    }
}

// R-112 rfc4035#5.3.1   R-126 rfc8914#4
#[test]
fn each_field_of_a_signature_is_checked() {
    let (world, zone) = world();
    let now = NOW as u32;
    let bend = Bend::default();
    let cases = [
        (Bend { expiration: now - 1, ..bend }, ReasonCode::RrsigExpired, Some(7)),
        (Bend { inception: now + 1, ..bend }, ReasonCode::RrsigNotYetValid, Some(8)),
        (Bend { inception: now + 9, expiration: now - 9, ..bend }, ReasonCode::RrsigTimesReversed, Some(25)),
        (Bend { tag: Some(key_tag(&zone.dnskey) ^ 1), ..bend }, ReasonCode::RrsigUnknownKey, Some(9)),
        (Bend { algorithm: 15, ..bend }, ReasonCode::RrsigUnknownKey, Some(9)),
        (Bend { algorithm: 200, ..bend }, ReasonCode::RrsigAlgorithm, Some(10)),
        (Bend { labels: Some(3), ..bend }, ReasonCode::RrsigLabels, Some(6)),
        (Bend { labels: Some(0), ..bend }, ReasonCode::RrsigLabels, Some(6)),
        (Bend { break_it: true, ..bend }, ReasonCode::RrsigWrong, Some(6)),
    ];
    world.put("www.example. DS", 0, vec![], zone.set("www.example. NSEC \\000.www.example. A RRSIG NSEC"));
    for (bend, why, ede) in cases {
        world.put("www.example. A", 0, zone.bent(A, bend), vec![]);
        let outcome = world.validate("www.example. A");
        bogus(&outcome, why);
        assert_eq!(outcome.reason.unwrap().ede, ede);
        // R-115 rfc6840#5.11: one that holds is enough.
        let both = [zone.bent(A, bend), zone.set(A)].concat();
        world.put("www.example. A", 0, both, vec![]);
        secure(&world.validate("www.example. A"));
    }
}

// R-112 rfc4034#3.1.5: times are serial numbers and wrap.
#[test]
fn times_wrap_around() {
    let (world, _) = world();
    let wrap = 1i64 << 32;
    let bend = Bend { inception: u32::MAX - 100, expiration: 500, ..Bend::default() };
    let sign = |zone: &Zone, set: &[support::record::Rr]| [set, &[zone.sign(set, bend)]].concat();
    let zone = Zone::new("example.", 257);
    world.put(". DNSKEY", 0, sign(&world.root, &[world.root.key()]), vec![]);
    world.put("example. DS", 0, sign(&world.root, &[zone.ds(2)]), vec![]);
    world.put("example. DNSKEY", 0, sign(&zone, &[zone.key()]), vec![]);
    world.put("www.example. A", 0, sign(&zone, &records(A)), vec![]);
    let outcome = world.validate_at("www.example. A", wrap + 10);
    secure(&outcome);
    assert_eq!(outcome.expires, wrap + 500);
    assert_eq!(outcome.signature.unwrap().inception, wrap - 101);
    secure(&world.validate_at("www.example. A", wrap - 10));
    bogus(&world.validate_at("www.example. A", wrap + 501), ReasonCode::RrsigExpired);
}

// R-112 CVE-2023-50387: keys with one tag are tried, within a cap.
#[test]
fn colliding_key_tags_are_capped() {
    let (world, zone) = world();
    // Swapping two pairs of octets of the key leaves the tag as it is.
    let twin = |n: usize| {
        let mut key = zone.key();
        key.data.swap(4, 4 + 2 * n);
        key.data.swap(5, 5 + 2 * n);
        key
    };
    world.keys(&zone, &[twin(3), twin(5), zone.key()]);
    secure(&world.validate("www.example. A"));
    let many: Vec<_> = (1..30).map(twin).collect();
    let bad: Vec<_> = (0..200u32).map(|n| zone.sign(&records(A), Bend { inception: n, break_it: true, ..Bend::default() })).collect();
    world.keys(&zone, &[&many[..], &[zone.key()]].concat());
    world.put("www.example. A", 0, [records(A), bad].concat(), vec![]);
    world.put("www.example. DS", 0, vec![], zone.set("www.example. NSEC \\000.www.example. A RRSIG NSEC"));
    let outcome = world.validate("www.example. A");
    assert_ne!(outcome.status, Security::Secure);
    assert!(outcome.attempts.len() < 64, "{}", outcome.attempts.len());
}

// R-115 rfc4035#5.3.1: what strangers add does not crowd out what the zone signed; the cap stays.
#[test]
fn signatures_of_strangers_do_not_use_up_the_cap() {
    let (world, zone) = world();
    let stranger = Zone::new("example.", 256);
    let other = Zone::new("other.", 256);
    let strange = |n: u32| {
        let bend = Bend { inception: n, ..Bend::default() };
        [other.sign(&records(A), bend), stranger.sign(&records(A), bend), zone.sign(&records(A), Bend { algorithm: 200, ..bend })]
    };
    let strange: Vec<_> = (0..20).flat_map(strange).collect();
    world.put("www.example. A", 0, [records(A), strange.clone(), zone.set(A)[1..].to_vec()].concat(), vec![]);
    secure(&world.validate("www.example. A"));
    world.put("www.example. DS", 0, vec![], zone.set("www.example. NSEC \\000.www.example. A RRSIG NSEC"));
    world.put("www.example. A", 0, [records(A), strange].concat(), vec![]);
    let outcome = world.validate("www.example. A");
    assert_eq!(outcome.status, Security::Bogus, "{outcome:?}");
    assert!(outcome.attempts.len() < 40, "{}", outcome.attempts.len());
}

// R-113 rfc4034#6.2 rfc4035#5.3.3
#[test]
fn the_canonical_form_is_what_is_signed() {
    let (world, zone) = world();
    let lower = "example. MX 10 mail.example.\nexample. MX 20 mx.example.";
    let signature = zone.sign(&records(lower), Bend::default());
    // Another order, upper case, a duplicate, a lower TTL.
    let mut served = records("EXAMPLE. 60 IN MX 20 MX.Example.\nexample. 60 IN MX 10 mail.EXAMPLE.\nexample. 60 IN MX 20 mx.example.");
    served.push(signature.clone());
    world.put("example. MX", 0, served, vec![]);
    let outcome = world.validate("example. MX");
    secure(&outcome);
    assert_eq!(outcome.answer.unwrap().ttl, 60);
    // A TTL above the original counts as the original.
    let mut served = records("example. 9999 IN MX 20 mx.example.\nexample. 9999 IN MX 10 mail.example.");
    served.push(signature);
    world.put("example. MX", 0, served, vec![]);
    let outcome = world.validate("example. MX");
    secure(&outcome);
    assert_eq!((outcome.answer.unwrap().ttl, outcome.expires), (3600, NOW + 3600));
    // The TTL of the signature counts too.
    let mut served = zone.set(lower);
    served.last_mut().unwrap().ttl = 30;
    world.put("example. MX", 0, served, vec![]);
    assert_eq!(world.validate("example. MX").answer.unwrap().ttl, 30);
    // Names in types that are not listed keep their case.
    let set = zone.set("example. HTTPS 1 Svc.example.");
    world.put("example. HTTPS", 0, set, vec![]);
    secure(&world.validate("example. HTTPS"));
    let end = Bend { expiration: NOW as u32 + 50, ..Bend::default() };
    world.put("example. MX", 0, zone.bent(lower, end), vec![]);
    assert_eq!(world.validate("example. MX").expires, NOW + 50);
}

// R-115 rfc4035#5.3
#[test]
fn unsigned_data_in_a_signed_zone_is_bogus() {
    let (world, zone) = world();
    world.put("www.example. A", 0, records(A), vec![]);
    world.put("www.example. DS", 0, vec![], zone.set("www.example. NSEC \\000.www.example. A RRSIG NSEC"));
    let outcome = world.validate("www.example. A");
    bogus(&outcome, ReasonCode::RrsigMissing);
    assert_eq!(outcome.reason.unwrap().ede, Some(10));
}

// R-127 rfc4035#4.3: what cannot be fetched leaves it open.
#[test]
fn what_cannot_be_fetched_is_indeterminate() {
    let (world, _) = world();
    world.put("www.example. A", 0, records(A), vec![]);
    let outcome = world.validate("www.example. A");
    assert_eq!((outcome.status, code(&outcome)), (Security::Indeterminate, ReasonCode::FetchFailed));
    assert_eq!(outcome.reason.unwrap().at_name.to_string(), "www.example");
    world.put("nowhere. A", 2, vec![], vec![]);
    assert_eq!(world.validate("nowhere. A").status, Security::Indeterminate);
}

// R-128 rfc3597
#[test]
fn unknown_types_are_validated() {
    let (world, zone) = world();
    world.put("www.example. TYPE65400", 0, zone.set("www.example. TYPE65400 \\# 3 AbCdEf"), vec![]);
    secure(&world.validate("www.example. TYPE65400"));
}

// R-120 rfc4035#5.2: and whether the data was signed tells a missing DS from an unsigned zone.
#[test]
fn a_proven_lack_of_ds_is_insecure() {
    let (world, zone) = world();
    let nsec = "example. NSEC f. NS RRSIG NSEC";
    world.put("example. DS", 0, vec![], world.root.set(nsec));
    insecure(&world.validate("www.example. A"), ReasonCode::DsMissing);
    world.put("www.example. A", 0, records(A), vec![]);
    let outcome = world.validate("www.example. A");
    insecure(&outcome, ReasonCode::Unsigned);
    assert_eq!((outcome.reason.unwrap().at_name.to_string(), outcome.answer.is_some()), ("example".into(), true));
    // Not proven: no record, unsigned, from the child's side, with a DS bit, expanded from a wildcard, signed by the child.
    let wild = world.root.bent(nsec, Bend { labels: Some(0), ..Bend::default() });
    let cases = [
        (vec![], ReasonCode::DenialMissing),
        (records(nsec), ReasonCode::RrsigMissing),
        (world.root.set("example. NSEC f. NS SOA RRSIG NSEC"), ReasonCode::DenialWrong),
        (world.root.set("example. NSEC f. NS DS RRSIG NSEC"), ReasonCode::DenialWrong),
        (wild, ReasonCode::DenialMissing),
        (zone.set(nsec), ReasonCode::DenialWrong),
    ];
    for (authority, why) in cases {
        world.put("example. DS", 0, vec![], authority);
        bogus(&world.validate("www.example. A"), why);
    }
}

#[test]
fn nothing_is_verified_twice() {
    let (world, _) = world();
    let mut cache = MemoryCache::default();
    secure(&world.validate_with("www.example. A", NOW, &mut cache));
    let (asked, before) = (world.asked.borrow().len(), cache.len());
    let outcome = world.validate_with("www.example. A", NOW + 60, &mut cache);
    secure(&outcome);
    assert_eq!((world.asked.borrow().len(), cache.len(), outcome.attempts.len()), (asked + 1, before, 1));
    // Trust ends with the TTL.
    secure(&world.validate_with("www.example. A", NOW + 3601, &mut cache));
    assert_eq!(world.asked.borrow().len(), asked + 5);
}

// R-119 rfc4035#5.2: a DS record is the parent's; the child cannot sign it.
#[test]
fn a_child_does_not_sign_its_ds() {
    let (world, zone) = world();
    let ds = zone.ds(2);
    secure(&world.validate("example. DS"));
    let mut cache = MemoryCache::default();
    secure(&world.validate_with("www.example. A", NOW, &mut cache));
    let signature = zone.sign(std::slice::from_ref(&ds), Bend::default());
    world.put("example. DS", 0, vec![ds, signature], vec![]);
    bogus(&world.validate("example. DS"), ReasonCode::RrsigSigner);
    // Nor when its keys are known already.
    bogus(&world.validate_with("example. DS", NOW, &mut cache), ReasonCode::RrsigSigner);
}
