//! `operate::dns` changes zones of other people's name servers, beside `nsupdate`.

use conformance::primary::{Kind, Primary, ZONE, secret, write_secret};
use dane::name::Name;
use operate::dns::{Change, Done, Effect, Error, Key, TlsaSet, TsigError, Update, Why, Writer};
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const OWNER: &str = "_25._tcp.mx.mail.example.";
const OTHER: &str = "_25._tcp.mx2.mail.example.";

/// A `3 1 1` record; which, the digit says.
fn record(digit: char) -> String {
    format!("3 1 1 {}", digit.to_string().repeat(64))
}

fn set(digits: &str) -> TlsaSet {
    digits.chars().map(|digit| record(digit).parse().unwrap()).collect()
}

/// The set as [`Primary::tlsa`] has it.
fn seen(ttl: u32, digits: &str) -> Vec<String> {
    digits.chars().map(|digit| format!("{ttl} {}", record(digit))).collect()
}

fn change(owner: &str, from: &str, to: &str) -> Change {
    Change { owner: Name::from_str(owner).unwrap(), ttl: 300, from: set(from), to: set(to) }
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn update(server: SocketAddr, key: &Path) -> Update {
    Update { server, zone: None, key: Key::read(key).unwrap(), wait: Duration::from_secs(5) }
}

#[tokio::main(flavor = "current_thread")]
async fn write_at(update: Update, change: &Change, now: i64) -> Result<Done, Error> {
    Writer::Update(update).write(change, now).await
}

fn write(primary: &Primary, change: &Change) -> Result<Done, Error> {
    write_at(update(primary.address, &primary.file("danelaw")), change, now())
}

/// Waits until it holds, up to ten seconds.
fn soon(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The life of an RRset, once by us and once by `nsupdate`: the zone says the same afterwards.
fn lives_as_with_nsupdate(primary: &Primary) {
    for (from, to) in [("", "a"), ("a", "ab"), ("ab", "b"), ("b", "bc"), ("bc", "")] {
        assert_eq!(write(primary, &change(OWNER, from, to)).unwrap(), Done::Written, "{from} to {to}");
        let theirs = Writer::Update(update(primary.address, &primary.file("danelaw"))).rendering(&change(OTHER, from, to));
        let script: Vec<&str> = theirs.lines().filter(|line| !line.starts_with("server")).collect();
        primary.nsupdate(&primary.file("danelaw"), &script.join("\n")).unwrap();
        assert_eq!((primary.tlsa(OWNER), primary.tlsa(OTHER)), (seen(300, to), seen(300, to)), "{from} to {to}");
        if !to.is_empty() {
            soon("the server signs", || primary.answers(OWNER, "TLSA", "RRSIG"));
        }
        assert_eq!(write(primary, &change(OWNER, from, to)).unwrap(), Done::AlreadyThere, "again {from} to {to}");
    }
}

/// What `nsupdate` does in between is noticed, and stays.
fn others_are_noticed(primary: &Primary) {
    write(primary, &change(OWNER, "", "a")).unwrap();
    primary.nsupdate(&primary.file("danelaw"), &format!("update add {OWNER} 300 TLSA {}\nsend", record('d'))).unwrap();
    let error = write(primary, &change(OWNER, "a", "ab")).unwrap_err();
    let Why::ChangedMeanwhile { found, .. } = &error.why else { panic!("{error}") };
    assert_eq!((found, error.effect()), (&Some(set("ad")), Effect::Nothing));
    let text = error.to_string();
    assert!(text.contains(&format!("expected {}, found {}, {}", record('a'), record('a'), record('d'))), "{text}");
    assert_eq!(primary.tlsa(OWNER), seen(300, "ad"));
    let error = write(primary, &change(OWNER, "", "b")).unwrap_err();
    assert!(matches!(&error.why, Why::ChangedMeanwhile { found, .. } if *found == Some(set("ad"))), "{error}");
    assert_eq!(primary.tlsa(OWNER), seen(300, "ad"));

    // The same records with another TTL are another RRset.
    assert_eq!(write(primary, &Change { ttl: 600, ..change(OWNER, "a", "ad") }).unwrap(), Done::Written);
    assert_eq!(primary.tlsa(OWNER), seen(600, "ad"));
    write(primary, &change(OWNER, "ad", "")).unwrap();
    assert_eq!(primary.tlsa(OWNER), seen(0, ""));
}

/// Every refusal is told apart, and none changes anything.
fn refusals_are_told_apart(primary: &Primary) {
    let wanted = change(OWNER, "", "a");
    let with = |key: &Path| update(primary.address, key);
    let fails = |update: Update, change: &Change, now: i64| {
        let error = write_at(update, change, now).unwrap_err();
        assert!(!error.to_string().contains('\n'), "{error}");
        assert_eq!(primary.tlsa(OWNER), seen(0, ""), "{error}");
        error
    };
    let right = primary.file("danelaw");

    let wrong = primary.file("wrong");
    let text = std::fs::read_to_string(&right).unwrap();
    write_secret(&wrong, &text.replace(&secret(&right), &secret(&primary.file("bystander"))));
    let error = fails(with(&wrong), &wanted, now());
    assert!(matches!(&error.why, Why::Tsig(TsigError::BadSig(_))), "{error}");
    write_secret(&wrong, &text.replace("danelaw", "stranger"));
    let error = fails(with(&wrong), &wanted, now());
    assert!(matches!(&error.why, Why::Tsig(TsigError::BadKey(_))), "{error}");

    let error = fails(with(&right), &wanted, now() - 3600);
    let Why::Tsig(TsigError::BadTime { ours, theirs }) = error.why else { panic!("{error}") };
    assert!((3590..=3610).contains(&(theirs - ours)), "{ours} {theirs}");

    let error = fails(with(&primary.file("bystander")), &wanted, now());
    assert!(matches!(error.why, Why::Refused { .. }), "{error}");
    let zone = |zone: &str| Some(Name::from_str(zone).unwrap());
    let error = fails(Update { zone: zone("elsewhere.example"), ..with(&right) }, &wanted, now());
    assert!(matches!(error.why, Why::NotAuth(_) | Why::NotZone { .. }), "{error}");
    let error = fails(Update { zone: zone(ZONE), ..with(&right) }, &change("_25._tcp.mx.other.example", "", "a"), now());
    assert!(matches!(error.why, Why::NotZone { .. }), "{error}");
    let error = fails(with(&right), &change("_25._tcp.alias.mail.example", "", "a"), now());
    assert!(matches!(&error.why, Why::Alias { target, .. } if target == OWNER.trim_end_matches('.')), "{error}");
}

fn all(kind: Kind, algorithm: &str) {
    let directory = tempfile::tempdir().unwrap();
    let primary = Primary::start(kind, algorithm, directory.path());
    soon("the zone is loaded", || primary.answers(ZONE, "SOA", "SOA"));
    lives_as_with_nsupdate(&primary);
    others_are_noticed(&primary);
    refusals_are_told_apart(&primary);
}

#[test]
fn bind_takes_signed_updates() {
    all(Kind::Bind, "hmac-sha256");
}

#[test]
fn knot_takes_signed_updates() {
    all(Kind::Knot, "hmac-sha384");
}

#[test]
fn power_dns_takes_signed_updates() {
    all(Kind::PowerDns, "hmac-sha512");
}
