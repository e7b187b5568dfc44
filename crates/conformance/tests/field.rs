//! Other people's mail servers send to the lab's scenarios through other people's resolvers; other people's name servers publish TLSA records.
//!
//! The quick tier has a few pairs and the scenarios that tell most; the deep one has all, and holds `docs/software.md` to what was seen.

use conformance::field::authority::{self, Authority};
use conformance::field::deeds;
use conformance::field::libraries;
use conformance::field::matrix::{self, Class, Pair};
use conformance::field::page::{self, Seen};
use conformance::field::place::{Place, scenarios};
use conformance::field::resolver::Resolver;
use conformance::field::sender::{Sender, TRUST_AD};
use conformance::process::Server;
use conformance::{in_parallel_by, network};
use std::path::PathBuf;
use std::time::Duration;

/// Scenarios that tell most, and none in which a resolver has to wait for silent servers.
const TELLING: [&str; 24] = [
    "valid",
    "mx-rrsig-wrong",
    "tlsa-rrsig-wrong",
    "tlsa-rrsig-missing",
    "ds-missing",
    "tlsa-wrong-data",
    "tlsa-wrong-selector",
    "tlsa-wrong-usage",
    "tlsa-undefined-usage",
    "cert-self-signed-no-tlsa",
    "cert-expired-usage3",
    "starttls-refused",
    "ee-name-mismatch",
    "ta-private",
    "ta-name-mismatch",
    "ta-expired",
    "unusable-plus-wrong",
    "agility-strong-bad",
    "many-tlsa",
    "bad-mx-preferred",
    "tlsa-cname",
    "mx-cname",
    "no-tlsa-nsec3",
    "no-such-domain",
];

/// Where Postfix 3.7 departs: a 554 in reply to STARTTLS, which it takes as the refusal of the mail, is to be waited out (R-033 rfc7672#2.2).
const OF_POSTFIX: [&str; 1] = ["starttls-refused"];
/// Where Exim 4.96 with GnuTLS departs: it takes any digest that fits, not only the strongest (R-074 rfc7671#9).
const OF_EXIM: [&str; 1] = ["agility-strong-bad"];

/// Only for programs that hang: nothing is settled by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test in a network of its own, where the lab has the ports of DNS and SMTP.
fn in_the_field(test: &str, work: impl FnOnce(&Place)) {
    if network::of_our_own(test, &[]) {
        let directory = tempfile::tempdir().unwrap();
        work(&Place::start(directory.path()));
    }
}

fn start(place: &Place, resolvers: &[Resolver]) -> Vec<Server> {
    resolvers.iter().map(|resolver| resolver.start(place)).collect()
}

/// What a pair does otherwise than RFC 7672 wants.
fn departures(pair: &Pair) -> Vec<&'static str> {
    assert!(pair.deeds.len() >= TELLING.len());
    deeds::departures(&pair.deeds).into_iter().map(|(scenario, _)| scenario.id).collect()
}

/// What a pair did, for whoever reads a failure.
fn told(pair: &Pair) -> String {
    let list = deeds::departures(&pair.deeds).into_iter().map(|(scenario, what)| format!("\n  {}: {what}", scenario.id));
    format!("{} through {}: {:?}{}", pair.sender.word(), pair.resolver.word(), pair.class(), list.collect::<String>())
}

/// R-033 rfc7672#2.2, R-031 rfc7672#2.1.2: two senders that validate, through two resolvers that do, keep to the RFC. Where the resolver knows no
/// DNSSEC, or the system drops its AD bit, they fall back to opportunistic TLS without a word.
#[test]
fn senders_that_validate_and_what_blinds_them() {
    in_the_field("senders_that_validate_and_what_blinds_them", |place| {
        let _servers = start(place, &[Resolver::Unbound, Resolver::Bind, Resolver::Dnscache]);
        let cases = [
            (Sender::PostfixDane, Resolver::Unbound, TRUST_AD),
            (Sender::Exim, Resolver::Bind, TRUST_AD),
            (Sender::PostfixDane, Resolver::Dnscache, TRUST_AD),
            (Sender::Exim, Resolver::Unbound, "options edns0\n"),
        ];
        let pairs =
            in_parallel_by(4, &cases, |(sender, resolver, options)| matrix::run(place, (*sender, *resolver), options, &TELLING, PATIENCE));
        let [postfix, exim, blind, untrusting] = &pairs[..] else { panic!("four pairs") };
        for pair in &pairs {
            println!("{}", told(pair));
        }
        for pair in [postfix, exim] {
            assert_eq!((pair.class(), pair.requests_tlsa(), pair.dns()), (Class::Validates, true, "stub"), "{}", told(pair));
        }
        for pair in [blind, untrusting] {
            assert_eq!((pair.class(), pair.requests_tlsa()), (Class::Opportunistic, false), "{}", told(pair));
        }
        assert_eq!(departures(postfix), OF_POSTFIX, "{}", told(postfix));
        assert_eq!(departures(exim), OF_EXIM, "{}", told(exim));
    });
}

/// What publishes TLSA records in signed zones does so for validators that are not its own; what knows no DNSSEC publishes them all the same.
#[test]
fn name_servers_publish_and_resolvers_pass_on() {
    in_the_field("name_servers_publish_and_resolvers_pass_on", |place| {
        for authority in Authority::ALL {
            let facts = authority.observe(place);
            println!("{authority:?}: {facts:?}");
            let signs = !matches!(authority, Authority::Tinydns | Authority::Maradns);
            let seen = (facts.authoritative.0, facts.recursive.0, facts.dnssec.0, facts.tlsa.0);
            assert_eq!(seen, (true, false, signs, true), "{authority:?}: {facts:?}");
        }
        let _servers = start(place, &Resolver::ALL);
        for resolver in Resolver::ALL {
            let facts = authority::of_resolver(resolver);
            println!("{resolver:?}: {facts:?}");
            let validates = !matches!(resolver, Resolver::Dnscache | Resolver::Deadwood);
            let seen = (facts.authoritative.0, facts.recursive.0, facts.dnssec.0, facts.tlsa.0);
            assert_eq!(seen, (false, true, validates, true), "{resolver:?}: {facts:?}");
        }
    });
}

/// All senders through all resolvers, and all name servers: `docs/software.md` says what was seen. With `DANELAW_WRITE` it is written.
#[test]
fn the_page_says_what_is_seen() {
    if std::env::var_os("DANELAW_DEEP").is_none() {
        return;
    }
    in_the_field("the_page_says_what_is_seen", |place| {
        let _servers = start(place, &Resolver::ALL);
        let resolvers = Resolver::ALL.map(|resolver| (resolver, authority::of_resolver(resolver)));
        let authorities = Authority::ALL.map(|authority| (authority, authority.observe(place)));
        let ids: Vec<&'static str> = scenarios().iter().map(|scenario| scenario.id).collect();
        let patience = Duration::from_secs(150);
        let all: Vec<(Sender, Resolver)> =
            Sender::ALL.into_iter().flat_map(|sender| Resolver::ALL.map(|resolver| (sender, resolver))).collect();
        let pairs = in_parallel_by(8, &all, |pair| {
            let pair = matrix::run(place, *pair, TRUST_AD, &ids, patience);
            println!("{}", told(&pair));
            pair
        });
        let blind = [Sender::PostfixDane, Sender::Exim, Sender::Sendmail18].map(|sender| (sender, Resolver::Unbound));
        let untrusting = in_parallel_by(3, &blind, |pair| matrix::run(place, *pair, "options edns0\n", &TELLING, PATIENCE));
        let text = page::text(&Seen { pairs, untrusting, authorities: authorities.into(), resolvers: resolvers.into() });
        page::hold(&software_page(), "field", &text);
    });
}

/// Libraries that registries ship, over the same scenarios: the page's section on them says what was seen.
#[test]
fn libraries() {
    if std::env::var_os("DANELAW_DEEP").is_none() {
        return;
    }
    libraries::fetch();
    in_the_field("libraries", |place| {
        let _servers = start(place, &[Resolver::Unbound]);
        let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/field");
        let scenarios = scenarios();
        let ids: Vec<&'static str> = scenarios.iter().map(|scenario| scenario.id).collect();
        let sender = libraries::mx_connect(place, &ids, &scripts.join("mx_connect.js"));
        assert!(libraries::works(&sender), "{sender:?}");
        let checker = libraries::smtp_dane_verify(place, &scenarios, &scripts.join("smtp_dane_verify.py"));
        let valid = checker.iter().find(|(scenario, _)| scenario.id == "valid").map(|(_, wrong)| &wrong.why);
        assert_eq!(valid, None, "what is right is found to be so");
        page::hold(&software_page(), "libraries", &libraries::section(&sender, &checker));
    });
}

fn software_page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/software.md")
}
