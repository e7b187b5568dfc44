//! The lines are right and can be pasted; the order and the waits are those of RFC 7671 section 8.

use super::*;
use crate::association::Associations;
use crate::cause::Cause;
use crate::cert::Certificate;
use crate::matching::{MatchVerdict, VerifyOptions, verify};
use crate::observation::ZoneObservation;
use crate::observation::{CertificateBytes, HostObservation};
use crate::testing::{Identity, NOW};
use crate::testing::{answer, domain, host, identity, mx, name, tlsa, ttl, visit};
use crate::tlsa::Tlsa;
use domain::base::iana::Rtype;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::LazyLock;

/// rfc4509#2.3: a key and its DS of digest type 2, by the RFC's authors.
const DSKEY: &str = "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMm\
                     mAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==";
const DS: &str = "60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A";

fn zone(apex: &str, keys: &[&str], ds: &[&str]) -> ZoneObservation {
    ZoneObservation {
        apex: name(apex),
        soa: answer(apex, Rtype::SOA, &[]),
        ns: answer(apex, Rtype::NS, &[]),
        ds: ttl(answer(apex, Rtype::DS, ds), 7200),
        dnskey: answer(apex, Rtype::DNSKEY, keys),
        cds: None,
        cdnskey: None,
    }
}

fn steps(cause: Cause, zone: ZoneObservation) -> Vec<Step> {
    let failed = mx("dskey.example.com", &["10 mx.example.com."]).bogus(cause.code()).in_zone("dskey.example.com");
    let mut observation = domain(failed, vec![]);
    observation.domain.zone = Some(Arc::new(zone));
    dnssec(cause, &observation.domain.mx, Some(&observation.domain), &[], NOW).unwrap().steps
}

#[test]
fn the_ds_line_is_that_of_rfc_4509() {
    // R-110 rfc4509#2.3
    assert_eq!(ds_lines(&zone("dskey.example.com", &[DSKEY], &[])), [format!("dskey.example.com. IN DS {DS}")]);
    // Owner names are digested in lower case. (RFC 4034 section 5.1.4)
    assert_eq!(ds_lines(&zone("DSKEY.example.COM", &[DSKEY], &[]))[0].split(" IN DS ").nth(1), Some(DS));
}

#[test]
fn only_entry_points_are_handed_to_the_parent() {
    // rfc4034#2.1.1, rfc5011#2.1: the SEP key if there is one; no revoked key, none of other protocols or purposes.
    let sep = DSKEY.replacen("256", "257", 1);
    let revoked = DSKEY.replacen("256", "385", 1);
    let host_key = DSKEY.replacen("256", "0", 1);
    let protocol = DSKEY.replacen("256 3", "257 2", 1);
    let lines = ds_lines(&zone("dskey.example.com", &[DSKEY, &sep, &revoked, &host_key, &protocol, "257 3"], &[]));
    // The flags are part of the tag: one more than the key without SEP.
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("dskey.example.com. IN DS 60486 5 2 "), "{lines:?}");
}

#[test]
fn a_missing_ds_is_handed_over_with_what_the_zone_says_itself() {
    let mut zone = zone("dskey.example.com", &[DSKEY], &[]);
    zone.ds.negative_ttl = Some(1234);
    let plain = steps(Cause::DsMissing, zone.clone());
    assert_eq!(plain.len(), 1);
    assert_eq!((plain[0].line.clone(), plain[0].wait_s), (Some(format!("dskey.example.com. IN DS {DS}")), Some(1234)));
    // rfc7344#4
    zone.cds = Some(answer("dskey.example.com", Rtype::CDS, &[DS]));
    assert!(steps(Cause::DsMissing, zone.clone())[1].what.contains("publishes CDS records"));
    // rfc8078#4
    zone.cds = Some(answer("dskey.example.com", Rtype::CDS, &["0 0 0 00"]));
    assert!(steps(Cause::DsMissing, zone)[1].what.contains("ask the parent to remove"));
}

#[test]
fn a_ds_is_handed_over_last_where_it_would_stop_mail() {
    let apex = "dskey.example.com";
    let good = zone(apex, &[DSKEY], &[]);
    let line = format!("{apex}. IN DS {DS}");
    let outline = |steps: Vec<Step>| steps.into_iter().map(|s| s.line.unwrap_or(s.what)).collect::<Vec<_>>();
    // RFC 4035 section 5.3.1: signatures over, not begun, or none at all.
    let signed = |from: i64, until: i64| {
        let mut zone = good.clone();
        zone.dnskey = zone.dnskey.signed_until(until);
        let window = zone.dnskey.signature.as_mut().unwrap();
        (window.signer, window.inception) = (name(apex), from);
        zone
    };
    let mut unsigned = good.clone();
    unsigned.dnskey.signed = false;
    for zone in [signed(NOW - 200, NOW - 100), signed(NOW + 100, NOW + 200), unsigned] {
        let steps = outline(steps(Cause::DsMissing, zone));
        assert!(steps.len() == 2 && steps[0].starts_with("First sign the zone") && steps[1] == line, "{steps:?}");
    }
    assert_eq!(outline(steps(Cause::DsMissing, signed(NOW - 100, NOW + 100))), std::slice::from_ref(&line));
    // R-048 rfc7671#8: records that a DS puts in force have to match first.
    let shown = &IDENTITIES[0];
    let owner = "mx.dskey.example.com";
    for (published, expected) in [(&shown.record(), vec![]), (&IDENTITIES[1].record(), vec![format!(" IN TLSA {}", shown.record())])] {
        let mut seen = host(owner, "192.0.2.1", tlsa(owner, &[published]), vec![visit("192.0.2.1", &shown.certificate)]);
        seen.zone = Some(Arc::new(good.clone()));
        let failed = tlsa(owner, &[published]).insecure("ds-missing").in_zone(apex);
        let mended = dnssec(Cause::DsMissing, &failed, None, &[Arc::new(seen)], NOW).unwrap();
        let lines: Vec<String> = mended.steps.iter().filter_map(|s| s.line.clone()).collect();
        assert_eq!(lines.len(), expected.len() + 1, "{lines:?}");
        assert!(lines.iter().zip(&expected).all(|(l, e)| l.ends_with(e)) && *lines.last().unwrap() == line, "{lines:?}");
    }
}

#[test]
fn a_wrong_ds_is_replaced_and_a_right_one_stays() {
    let wrong = DS.replacen("D4B7", "0000", 1);
    let steps = steps(Cause::DsDigestMismatch, zone("dskey.example.com", &[DSKEY], &[&wrong, &DS.to_lowercase(), "60485 5 4 AB"]));
    assert_eq!(steps[0].line.as_deref(), Some(format!("dskey.example.com. IN DS {DS}").as_str()));
    assert!(steps[1].what.contains(&wrong) && !steps[1].what.contains("5 4 AB") && !steps[1].what.contains(&DS.to_lowercase()));
    assert_eq!(steps[1].wait_s, Some(7200));
}

#[test]
fn the_authoritative_ttl_is_the_signers() {
    // R-113 rfc4035#5.3.3: a cache counts down, the signature does not.
    let mut lookup = ttl(tlsa("mx.example.nl", &["3 1 1 00"]), 17);
    assert_eq!((authoritative_ttl(&lookup), settle_time(&lookup)), (Some(17), 34));
    lookup = lookup.signed_until(0);
    // R-092 rfc7671#8.1
    assert_eq!((authoritative_ttl(&lookup), settle_time(&lookup)), (Some(3600), 7200));
    // Nothing yet: the proof of that has to leave the caches.
    assert_eq!(settle_time(&tlsa("mx.example.nl", &[])), 1800);
}

/// Every line of every repair, in one zone file, read by somebody else's parser.
#[test]
fn lines_can_be_pasted() {
    let shown = identity("mx1.example.nl");
    let wrong = ["3 1 1 00".to_owned()];
    let seen = host("mx1.example.nl", "192.0.2.1", tlsa("mx1.example.nl", &["3 1 1 00"]), vec![visit("192.0.2.1", &shown.certificate)]);
    let repairs = [
        mismatch(Cause::UnknownMismatch, &seen.tlsa[0], &seen, &wrong),
        mismatch(Cause::TaExpired, &seen.tlsa[0], &seen, &wrong),
        pin_key(&seen.tlsa[0], &seen),
        publish(&[&Arc::new(seen.clone())]),
        mx_is_address(&name("example.nl"), &name("192.0.2.1"), 10),
        mx_is_address(&name("example.nl"), &name("2001:db8::1"), 10),
        dnssec(Cause::Nsec3Iterations, &mx("example.nl", &[]), None, &[], NOW),
    ];
    let mut lines: Vec<String> = repairs.into_iter().flat_map(|r| r.unwrap().steps).filter_map(|s| s.line).collect();
    lines.extend(ds_lines(&zone("dskey.example.com", &[DSKEY], &[])));
    assert_eq!(lines.len(), 10);
    for line in lines {
        assert!(line.contains(" IN "), "{line}");
        let with_ttl = line.replacen(" IN DS", " 3600 IN DS", 1);
        let mut reader = domain::zonefile::inplace::Zonefile::from(format!("{with_ttl}\n").as_bytes());
        let entry = reader.next_entry().unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(matches!(entry, Some(domain::zonefile::inplace::Entry::Record(_))), "{line}");
    }
}

static IDENTITIES: LazyLock<[Identity; 3]> = LazyLock::new(|| std::array::from_fn(|_| identity("mx1.example.nl")));

/// A usable record of one of three identities, or one that nobody can use.
fn record() -> impl Strategy<Value = String> {
    let usable = (0..3_usize, 2..4_u8, 0..2_u8, 1..3_u8).prop_map(|(who, usage, selector, matching)| {
        let certificate = Certificate::parse(&IDENTITIES[who].certificate.0).unwrap();
        Associations::of(&certificate).record(usage, selector, matching).unwrap().to_string()
    });
    prop_oneof![8 => usable, 1 => Just("3 1 2 abcd".to_owned()), 1 => Just("1 1 1 00".to_owned())]
}

fn matches(certificate: &CertificateBytes, records: &[String]) -> bool {
    let records: Vec<Tlsa> = records.iter().filter_map(|r| r.parse().ok()).collect();
    let names = [name("mx1.example.nl")];
    verify(std::slice::from_ref(certificate), &records, &names, NOW, &VerifyOptions::default()).verdict == MatchVerdict::Match
}

/// Two addresses with these identities, the records, and every repair that a verdict has for them.
fn repairs(shown: [usize; 2], records: &[String]) -> Vec<Repair> {
    let visits = ["192.0.2.1", "192.0.2.2"].iter().zip(shown).map(|(address, who)| visit(address, &IDENTITIES[who].certificate)).collect();
    let texts: Vec<&str> = records.iter().map(String::as_str).collect();
    let mut seen: HostObservation = host("mx1.example.nl", "192.0.2.1", tlsa("mx1.example.nl", &texts), visits);
    seen.a = crate::testing::a("mx1.example.nl", &["192.0.2.1", "192.0.2.2"]);
    let observation = domain(mx("example.nl", &["10 mx1.example.nl."]), vec![seen]);
    crate::judge::judge(&observation, NOW).findings.into_iter().filter_map(|f| f.repair).collect()
}

/// Every step in turn: what matched goes on matching, and in the end all addresses match.
fn follow(shown: [usize; 2], mut records: Vec<String>, repair: &Repair) -> Result<(), TestCaseError> {
    let state = |records: &[String]| shown.map(|who| matches(&IDENTITIES[who].certificate, records));
    let mut before = state(&records);
    for step in &repair.steps {
        let gone = step.remove.iter().filter(|r| !records.contains(r)).count();
        prop_assert_eq!(gone, 0, "a record to remove is none of those published: {:?}", &step);
        records.retain(|r| !step.remove.contains(r));
        records.extend(step.line.iter().filter_map(|l| l.split_once(" IN TLSA ")).map(|(_, data)| data.to_owned()));
        let after = state(&records);
        prop_assert!(before.iter().zip(after).all(|(b, a)| a || !b), "{:?} breaks what matched; now {:?}", &step, &records);
        before = after;
    }
    prop_assert_eq!(before, [true, true], "useless: {:?}", &repair);
    Ok(())
}

#[test]
fn a_stronger_digest_of_another_key_is_met_with_the_same() {
    // rfc7671#9: first a certificate beside the next key, then two addresses with two keys.
    let of = |who: usize, selector, matching| {
        let certificate = Certificate::parse(&IDENTITIES[who].certificate.0).unwrap();
        Associations::of(&certificate).record(3, selector, matching).unwrap().to_string()
    };
    for (shown, records) in [([0, 0], vec![of(0, 0, 1), of(1, 1, 2)]), ([0, 1], vec![of(0, 1, 2)])] {
        let repairs = repairs(shown, &records);
        assert!(!repairs.is_empty());
        for repair in repairs {
            follow(shown, records.clone(), &repair).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_step_of_a_repair_breaks_what_matched(
        shown in (0..2_usize, 0..2_usize),
        records in prop::collection::btree_set(record(), 1..7),
    ) {
        // R-091 rfc7671#8.1, R-097 rfc7671#9
        let (shown, records): ([usize; 2], Vec<String>) = (shown.into(), records.into_iter().collect());
        for repair in repairs(shown, &records) {
            follow(shown, records.clone(), &repair)?;
        }
    }
}
