//! `danelaw tlsa verify` beside `openssl s_client -dane_tlsa_*`: chains of every kind, records of every kind.

use conformance::openssl::{Authority, Match, P256, RSA, Request, Speak, TlsServer, judge};
use conformance::{danelaw, in_parallel, openssl};
use std::collections::BTreeSet;
use std::path::Path;

const NAME: &str = "mx.example.net";

/// Chain (file names, leaf first), and which certificates the records are made from.
const CHAINS: [(&[&str], &[&str]); 18] = [
    (&["leaf", "issuing", "root"], &["leaf", "issuing", "root", "stranger"]),
    (&["leaf", "issuing"], &["leaf", "issuing", "root"]),
    (&["leaf"], &["leaf", "issuing"]),
    (&["leaf", "root", "issuing"], &["issuing", "root"]),
    (&["leaf", "stranger", "issuing", "leaf"], &["issuing", "stranger"]),
    (&["selfsigned"], &["selfsigned", "stranger"]),
    (&["late", "issuing", "root"], &["late", "issuing"]),
    (&["early", "issuing", "root"], &["early", "issuing"]),
    (&["othername", "issuing"], &["othername", "issuing"]),
    (&["wildcard", "issuing"], &["issuing"]),
    (&["deepwildcard", "issuing"], &["issuing"]),
    (&["partwildcard", "issuing"], &["issuing"]),
    (&["commonname", "issuing"], &["issuing"]),
    (&["sanother", "issuing"], &["issuing"]),
    (&["byexpired", "expiredca", "root"], &["byexpired", "expiredca", "root"]),
    (&["byoldroot", "oldroot"], &["byoldroot", "oldroot"]),
    (&["bynoca", "noca", "root"], &["noca", "root"]),
    (&["rsa", "issuing"], &["rsa", "issuing"]),
];

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash";
const LEAF: &str = "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:mx.example.net";

/// Where openssl and danelaw differ: the leaf's file, openssl's verdict, ours, and why.
const EXCEPTIONS: [(&str, Match, Match, &str); 1] = [(
    "partwildcard",
    Match::Match,
    Match::NoMatch,
    "RFC 7672 section 3.2.3: a wildcard is the whole leftmost label. s_client allows m*, Postfix does not",
)];

fn certificates(directory: &Path) -> Authority<'_> {
    let authority = Authority::new(directory);
    let make = |name, subject, issuer, extensions, days, key| authority.make(&Request { name, subject, issuer, extensions, days, key });
    make("root", "/CN=Root", None, CA, (-100, 1000), P256);
    make("stranger", "/CN=Stranger", None, CA, (-100, 1000), P256);
    make("issuing", "/CN=Issuing", Some("root"), CA, (-90, 900), P256);
    make("expiredca", "/CN=Expired CA", Some("root"), CA, (-90, -1), P256);
    make("oldroot", "/CN=Old Root", None, CA, (-90, -1), P256);
    make("byoldroot", "/CN=mx.example.net", Some("oldroot"), LEAF, (-1, 90), P256);
    make("noca", "/CN=No CA", Some("root"), "basicConstraints=CA:FALSE", (-90, 900), P256);
    make("leaf", "/CN=mx.example.net", Some("issuing"), LEAF, (-1, 90), P256);
    make("rsa", "/CN=mx.example.net", Some("issuing"), LEAF, (-1, 90), RSA);
    make("selfsigned", "/CN=mx.example.net", None, LEAF, (-1, 90), P256);
    make("late", "/CN=mx.example.net", Some("issuing"), LEAF, (-60, -1), P256);
    make("early", "/CN=mx.example.net", Some("issuing"), LEAF, (5, 90), P256);
    make("byexpired", "/CN=mx.example.net", Some("expiredca"), LEAF, (-1, 90), P256);
    make("bynoca", "/CN=mx.example.net", Some("noca"), LEAF, (-1, 90), P256);
    make("othername", "/CN=other.example.org", Some("issuing"), "subjectAltName=DNS:other.example.org", (-1, 90), P256);
    make("wildcard", "/CN=x", Some("issuing"), "subjectAltName=DNS:*.example.net", (-1, 90), P256);
    make("deepwildcard", "/CN=x", Some("issuing"), "subjectAltName=DNS:*.net", (-1, 90), P256);
    make("partwildcard", "/CN=x", Some("issuing"), "subjectAltName=DNS:m*.example.net", (-1, 90), P256);
    make("commonname", "/CN=mx.example.net", Some("issuing"), "basicConstraints=CA:FALSE", (-1, 90), P256);
    make("sanother", "/CN=mx.example.net", Some("issuing"), "subjectAltName=DNS:other.example.org", (-1, 90), P256);
    authority
}

/// Sets of records: each combination alone, pairs that digest agility or alternatives decide, and broken ones.
fn record_sets(authority: &Authority<'_>, from: &[&str]) -> Vec<Vec<String>> {
    let record =
        |usage: u8, selector, matching, name| format!("{usage} {selector} {matching} {}", authority.data(name, selector, matching));
    let mut sets = Vec::new();
    for name in from {
        for (usage, selector, matching) in
            [(2, 0, 0), (2, 0, 1), (2, 0, 2), (2, 1, 0), (2, 1, 1), (2, 1, 2), (3, 0, 0), (3, 0, 1), (3, 1, 0), (3, 1, 1), (3, 1, 2)]
        {
            sets.push(vec![record(usage, selector, matching, name)]);
        }
    }
    let (first, wrong) = (from[0], "stranger");
    for usage in [2, 3] {
        let (right, strong) = (record(usage, 1, 1, first), record(usage, 1, 2, wrong));
        sets.push(vec![right.clone(), strong.clone()]);
        sets.push(vec![record(usage, 1, 1, wrong), record(usage, 1, 2, first)]);
        sets.push(vec![right.clone(), record(usage, 0, 2, wrong)]);
        sets.push(vec![right.clone(), strong[..strong.len() - 2].to_owned()]);
        sets.push(vec![record(usage, 1, 0, wrong), right.clone()]);
        sets.push(vec![record(5 - usage, 1, 1, wrong), right.clone()]);
        sets.push(vec![right[..right.len() - 2].to_owned()]);
        sets.push(vec![format!("{usage} 1 3 00112233"), format!("{usage} 2 1 {}", "ab".repeat(32))]);
        sets.push(vec![format!("{usage} 0 0 00112233")]);
    }
    sets
}

struct Case {
    leaf: &'static str,
    chain: std::path::PathBuf,
    address: std::net::SocketAddr,
    records: Vec<String>,
}

#[test]
fn openssl_agrees_about_every_chain_and_record_set() {
    let directory = tempfile::tempdir().unwrap();
    let authority = certificates(directory.path());
    let (mut servers, mut cases) = (Vec::new(), Vec::new());
    for (names, from) in CHAINS {
        let chain = authority.chain(names);
        let server = TlsServer::start(&authority, names);
        let of = |records| Case { leaf: names[0], chain: chain.clone(), address: server.address, records };
        cases.extend(record_sets(&authority, from).into_iter().map(of));
        servers.push(server);
    }
    let verdicts = in_parallel(&cases, |case| {
        let theirs = judge(case.address, Speak::Tls, NAME, &[NAME.to_owned()], &case.records);
        (theirs, danelaw::verify(&case.chain, &case.records, &[NAME.to_owned()]))
    });
    let (mut differences, mut excepted) = (Vec::new(), BTreeSet::new());
    for (case, (theirs, ours)) in cases.iter().zip(&verdicts) {
        let covers =
            |(leaf, said, we_say, _): &(&str, Match, Match, &str)| *leaf == case.leaf && theirs.0 == Some(*said) && ours.0 == Some(*we_say);
        match EXCEPTIONS.iter().position(covers) {
            Some(exception) => drop(excepted.insert(exception)),
            None if theirs.0 == ours.0 && ours.0.is_some() => {}
            None => differences.push(format!(
                "{} {:?}: openssl {:?}, danelaw {}\n{}",
                case.leaf,
                case.records,
                theirs.0,
                ours.1.trim(),
                theirs.1
            )),
        }
    }
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), cases.len(), differences.join("\n"));
    assert_eq!(excepted.len(), EXCEPTIONS.len(), "an exception no longer occurs: {excepted:?}");
    for kind in [Match::Match, Match::NoMatch, Match::Unusable] {
        let count = verdicts.iter().filter(|(theirs, _)| theirs.0 == Some(kind)).count();
        assert!(count >= 20, "openssl says {kind:?} only {count} times");
        println!("{kind:?}: {count}");
    }
}

#[test]
fn the_judge_is_awake() {
    let directory = tempfile::tempdir().unwrap();
    let authority = certificates(directory.path());
    let server = TlsServer::start(&authority, &["leaf", "issuing"]);
    let verdict = |record: String| openssl::judge(server.address, Speak::Tls, NAME, &[NAME.to_owned()], &[record]).0;
    assert_eq!(verdict(format!("3 1 1 {}", authority.data("leaf", 1, 1))), Some(Match::Match));
    assert_eq!(verdict(format!("3 1 1 {}", authority.data("issuing", 1, 1))), Some(Match::NoMatch));
    assert_eq!(verdict("3 1 1 00".to_owned()), Some(Match::Unusable));
}
