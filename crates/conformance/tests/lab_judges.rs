//! Other people's judges over the lab: unbound and delv on every name, openssl on every chain.

use conformance::Status::{Bogus, Insecure, Secure};
use conformance::exceptions::{Comparison, Exception};
use conformance::openssl::{self, Match, Speak};
use conformance::unbound::{Recursor, UnboundHost};
use conformance::world::World;
use conformance::{Status, danelaw, in_parallel, nsd, zone};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const fn differs(name_ends: &'static str, judge: &'static str, verdicts: (Status, Status), argument: &'static str) -> Exception {
    Exception { name_ends, types: &[], judge, theirs: verdicts.0, ours: verdicts.1, argument }
}

const SHA1: &str = "RFC 9905 section 2: signatures made with SHA-1 must not be relied on, so the zone counts as unsigned";
const OPT_OUT: &str = "RFC 5155 section 9.2: a proof that rests on opt-out is not secure; unbound says so too";
const PKIX: &str =
    "RFC 7672 section 3.1.3: usages 0 and 1 are undefined for SMTP, so unusable; s_client judges them as for other protocols";

const EXCEPTIONS: [Exception; 4] = [
    differs("rsasha1.nl.", "unbound", (Secure, Insecure), SHA1),
    differs("rsasha1.nl.", "delv", (Secure, Insecure), SHA1),
    differs("no-tlsa-opt-out.nl.", "delv", (Secure, Insecure), OPT_OUT),
    differs("no-such-domain.nl.", "delv", (Secure, Insecure), OPT_OUT),
];

/// Where openssl and danelaw differ about a chain: the host, openssl's verdict, ours, and why.
const CHAIN_EXCEPTIONS: [(&str, Option<Match>, Option<Match>, &str); 7] = [
    ("mx1.tlsa-wrong-usage.nl", Some(Match::NoMatch), Some(Match::Unusable), PKIX),
    ("mx1.tlsa-wrong-usage-wrong-data.nl", Some(Match::NoMatch), Some(Match::Unusable), PKIX),
    ("mx1.only-pkix.nl", Some(Match::NoMatch), Some(Match::Unusable), PKIX),
    (
        "mx1.weak-key.nl",
        Some(Match::NoMatch),
        Some(Match::Match),
        "RFC 7671 section 5.1: usage 3 binds the key, whatever its size; openssl's security level refuses 1024 bits",
    ),
    (
        "mx1.ta-cross-signed.nl",
        Some(Match::NoMatch),
        Some(Match::Match),
        "RFC 7671 section 5.2: trust is validated by the path to the record's issuer; openssl tries one path only, of which we warn",
    ),
    (
        "mx1.garbage-certificate.nl",
        None,
        Some(Match::NoMatch),
        "RFC 8446 section 4.4.2: no certificate at all; openssl breaks off the handshake, we name the finding",
    ),
    ("mx1.empty-chain.nl", None, None, "RFC 8446 section 4.4.2: a Certificate message without certificates; there is nothing to judge"),
];

#[test]
fn validators_agree_about_every_name() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let port = zone::free_port(&world.name_servers());
    let _servers = nsd::serve(&world.zones, port, directory.path());
    let unbound = UnboundHost::new(&world.zones, port, &world.anchor(), directory.path());
    let recursor = Recursor::start(&world.zones, port, &world.anchor(), directory.path());
    let options = world.resolver_options(port);
    let questions = world.questions();
    let verdicts =
        in_parallel(&questions, |question| (unbound.ask(question), recursor.delv(question), danelaw::validate(question, &options)));
    let mut comparison = Comparison::default();
    for (question, (unbound, delv, ours)) in questions.iter().zip(&verdicts) {
        comparison.take(&EXCEPTIONS, "unbound", question, unbound, ours);
        comparison.take(&EXCEPTIONS, "delv", question, delv, ours);
    }
    println!("{} questions, {} verdicts alike", questions.len(), comparison.finish(&EXCEPTIONS));
    let of = |status: Status| verdicts.iter().filter(|(.., ours)| ours.0 == status).count();
    assert!(
        of(Secure) > 200 && of(Insecure) > 10 && of(Bogus) > 10,
        "{} secure, {} insecure, {} bogus",
        of(Secure),
        of(Insecure),
        of(Bogus)
    );
}

#[test]
fn openssl_agrees_about_every_chain() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let port = world.lab.config().smtp_port;
    let duty = world.servers.iter().filter(|server| server.behaviour == "normal" && server.files.len() == 1);
    let cases: Vec<_> =
        duty.map(|server| (server, world.tlsa(&format!("_25._tcp.{}.", server.host)))).filter(|(_, tlsa)| !tlsa.is_empty()).collect();
    let verdicts = in_parallel(&cases, |(server, records)| {
        let names = [server.host.clone()];
        let theirs = openssl::judge(SocketAddr::new(server.address, port), Speak::Smtp, &server.host, &names, records);
        (theirs, danelaw::verify(&server.files[0], records, &names))
    });
    let mut counts: BTreeMap<Option<Match>, usize> = BTreeMap::new();
    let (mut differences, mut excepted) = (Vec::new(), 0);
    for ((server, records), (theirs, ours)) in cases.iter().zip(&verdicts) {
        *counts.entry(theirs.0).or_default() += 1;
        let covers = |(host, said, we_say, _): &(&str, Option<Match>, Option<Match>, &str)| {
            *host == server.host && theirs.0 == *said && ours.0 == *we_say
        };
        if CHAIN_EXCEPTIONS.iter().any(covers) {
            excepted += 1;
        } else if theirs.0 != ours.0 || ours.0.is_none() {
            differences.push(format!("{} {records:?}: openssl {:?}, danelaw {}\n{}", server.host, theirs.0, ours.1.trim(), theirs.1));
        }
    }
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), cases.len(), differences.join("\n"));
    assert_eq!(excepted, CHAIN_EXCEPTIONS.len(), "an exception no longer occurs");
    assert!(
        counts.get(&Some(Match::Match)).is_some_and(|n| *n > 30) && counts.get(&Some(Match::NoMatch)).is_some_and(|n| *n > 5),
        "{counts:?}"
    );
    println!("{counts:?}");
}
