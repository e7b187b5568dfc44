//! Properties of every verdict, over observations made of everything that can go wrong.

use super::*;
use crate::cause::{Party, Weight};
use crate::dns::{Lookup, LookupFailure};
use crate::observation::{
    AddressObservation, Connect, DepthObservation, DhObservation, HelloAnswer, Injection, InjectionObservation, TlsFailure,
    VersionObservation,
};
use crate::testing::*;
use crate::verdict::Standing;
use domain::base::iana::Rtype;
use proptest::prelude::*;
use std::sync::LazyLock;

const HOSTS: [&str; 3] = ["mx1.example.nl", "mx2.example.nl", "mail.example.com"];

static SHOWN: LazyLock<Identity> = LazyLock::new(|| identity(HOSTS[0]));
static OTHER: LazyLock<Identity> = LazyLock::new(|| identity_until(HOSTS[1], 2021));

fn statuses() -> impl Strategy<Value = (Security, &'static str)> {
    let of = |status, codes: &'static [&'static str]| (Just(status), prop::sample::select(codes));
    prop_oneof![
        4 => Just((Security::Secure, "")),
        2 => of(Security::Insecure, &["unsigned", "ds-missing", "algorithm-unsupported", "nsec3-iterations-high", "no-anchor"]),
        2 => of(Security::Bogus, &["rrsig-expired", "ds-no-matching-key", "denial-wrong", "nonsense", ""]),
        1 => of(Security::Indeterminate, &["fetch-failed", "fetch-servfail", "fetch-refused", "delegation-loop", "budget", ""]),
    ]
}

fn failures() -> impl Strategy<Value = LookupFailure> {
    use LookupFailure as F;
    prop::sample::select(vec![
        F::Timeout,
        F::Unreachable,
        F::Servfail,
        F::Refused,
        F::Notimp,
        F::ErrorCode,
        F::Malformed,
        F::AliasLoop,
        F::DelegationLoop,
        F::Budget,
    ])
}

/// Any answer to this question: data of the right kind or not, any status, aliases, failures, response codes.
fn lookups(owner: String, rtype: Rtype, data: Vec<String>) -> BoxedStrategy<Lookup> {
    let failure = prop_oneof![5 => Just(None), 1 => failures().prop_map(Some)];
    let rcode = prop_oneof![8 => Just(0u16), 2 => Just(3), 1 => Just(2), 1 => any::<u16>()];
    let records = prop::collection::vec(prop_oneof![12 => prop::sample::select(data), 1 => "\\PC{0,40}"], 0..4);
    let alias = prop::option::weighted(0.2, (prop::sample::select(HOSTS.to_vec()), statuses()));
    (records, statuses(), failure, rcode, alias, any::<u32>())
        .prop_map(move |(records, (status, code), failure, rcode, alias, seconds)| {
            let records: Vec<&str> = records.iter().map(String::as_str).collect();
            let mut lookup = ttl(answer(&owner, rtype, &records), seconds);
            if let Some((target, (link, _))) = alias {
                lookup = lookup.via(target, link);
            }
            if status != Security::Secure {
                lookup = lookup.with_status(status, code);
            }
            (lookup.rcode, lookup.failure) = (rcode, failure);
            lookup
        })
        .boxed()
}

fn tlsa_data() -> Vec<String> {
    let (shown, other) = (&*SHOWN, &*OTHER);
    let hex = |b: &[u8]| data_encoding::HEXLOWER.encode(b);
    vec![
        shown.record(),
        other.record(),
        shown.certificate_record(),
        shown.record().replacen('3', "1", 1),
        shown.record().replacen('3', "2", 1),
        format!("3 1 0 {}", hex(&shown.spki)),
        format!("2 0 0 {}", hex(&shown.certificate.0)),
        format!("3 1 2 {}", "00".repeat(64)),
        "3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(),
        "3 1 1 00".to_owned(),
        "9 9 9 00".to_owned(),
        "\\# 2 0301".to_owned(),
    ]
}

/// Visits that ended before anything could be seen of the server's TLS.
fn blind() -> impl Strategy<Value = AddressObservation> {
    let ehlo = "250-mx|250-STARTTLS|250 HELP";
    let why = |why: &str| Connect::NotTried { why: why.to_owned() };
    let connects = vec![
        Connect::Refused,
        Connect::Timeout,
        Connect::Unreachable { detail: "no route".to_owned() },
        Connect::LocalError { detail: "too many open files".to_owned() },
        why("dns-only"),
        why("opted-out"),
        why("no-ipv6"),
        why("limit"),
        why("not-public-address"),
    ];
    let talks = vec![
        dialogue(&[("", "421 busy")]),
        dialogue(&[("", "450 later")]),
        dialogue(&[("", "554 blocked")]),
        dialogue(&[("", "TIMEOUT")]),
        dialogue(&[("", "GARBAGE")]),
        dialogue(&[("", "220 mx"), ("EHLO me", "550 no")]),
        dialogue(&[("", "220 mx"), ("EHLO me", "CLOSED")]),
        dialogue(&[("", "220 mx"), ("EHLO me", ehlo), ("STARTTLS", "421 too many")]),
        dialogue(&[("", "220 mx"), ("EHLO me", ehlo), ("STARTTLS", "RESET")]),
    ];
    let unmade = prop::sample::select(connects).prop_map(|connect| AddressObservation { connect, ..server("192.0.2.1") });
    prop_oneof![unmade, prop::sample::select(talks)]
}

/// Servers that accept all that they should not, or part of it.
fn depths() -> impl Strategy<Value = DepthObservation> {
    let outcomes = vec![Injection::Answered, Injection::Discarded, Injection::Closed, Injection::NotKnown];
    let maybe = || prop::option::of(any::<bool>());
    let suites =
        prop::sample::subsequence(vec!["TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_NULL_SHA", "TLS_DH_anon_WITH_RC4_128_MD5", "0x1234"], 0..4);
    (prop::sample::select(outcomes), suites, prop::sample::select(vec!["SSLv3", "TLSv1.0", "TLSv1.3", "x"]), maybe(), maybe(), 0u32..4096)
        .prop_map(|(outcome, suites, version, compression, secure, bits)| {
            let dh = DhObservation {
                bits,
                known: None,
                prime_sha256: String::new(),
                prime: None,
                generator: String::new(),
                suite: String::new(),
            };
            let suites = suites.into_iter().map(str::to_owned).collect();
            let version = VersionObservation {
                version: version.to_owned(),
                answer: HelloAnswer::Accepted,
                suites,
                complete: false,
                rest: None,
                order: None,
            };
            DepthObservation {
                versions: vec![version],
                dh: vec![dh],
                compression,
                secure_renegotiation: secure,
                injection: Some(InjectionObservation { outcome, replies: Vec::new() }),
                ..DepthObservation::default()
            }
        })
}

fn sighted() -> impl Strategy<Value = AddressObservation> {
    let ehlo = "250-mx|250-STARTTLS|250-AUTH PLAIN|250 HELP";
    let garbage = crate::observation::CertificateBytes(vec![0x30, 0x03, 1, 2, 3].into());
    let chains = vec![
        vec![SHOWN.certificate.clone()],
        vec![OTHER.certificate.clone()],
        vec![SHOWN.certificate.clone(), OTHER.certificate.clone()],
        vec![garbage],
        vec![],
        vec![OTHER.certificate.clone(); 30],
    ];
    let error = prop::option::weighted(0.2, prop::sample::select(vec!["alert", "closed", "protocol-version", "bad-signature", "new-kind"]));
    let made = (prop::sample::select(chains), error, prop::option::of(any::<bool>())).prop_map(move |(chain, error, proven)| {
        let mut session = tls(chain);
        session.key_proven = proven;
        session.error = error.map(|kind| TlsFailure { kind: kind.to_owned(), alert: None, detail: String::new() });
        let steps = [("", "220 mx"), ("EHLO me", ehlo), ("STARTTLS", "220 go")];
        AddressObservation { tls: Some(session), ..dialogue(&steps) }
    });
    let made =
        (made, prop::option::weighted(0.3, depths())).prop_map(|(seen, depth)| AddressObservation { depth: depth.map(Box::new), ..seen });
    let refused = vec![
        dialogue(&[("", "220 mx"), ("EHLO me", "250 mx")]),
        dialogue(&[("", "220 mx"), ("EHLO me", ehlo), ("STARTTLS", "454 no")]),
        dialogue(&[("", "220 mx"), ("EHLO me", ehlo), ("STARTTLS", "502 no")]),
    ];
    prop_oneof![3 => made, 1 => prop::sample::select(refused)]
}

fn hosts(index: usize, visits: impl Strategy<Value = AddressObservation>) -> impl Strategy<Value = HostObservation> {
    let text = HOSTS[index];
    let addresses = vec!["192.0.2.1".to_owned(), "192.0.2.2".to_owned()];
    let mut owners: Vec<&str> = HOSTS.to_vec();
    owners.rotate_left(index);
    let tlsa = owners.into_iter().map(|base| lookups(format!("_25._tcp.{base}"), Rtype::TLSA, tlsa_data())).collect::<Vec<_>>();
    let cname = prop::option::of(lookups(text.to_owned(), Rtype::CNAME, vec!["mail.example.com.".to_owned()]));
    let a = lookups(text.to_owned(), Rtype::A, addresses.clone());
    let aaaa = lookups(text.to_owned(), Rtype::AAAA, addresses);
    (a, aaaa, cname, tlsa, prop::collection::vec(visits, 0..4)).prop_map(move |(a, aaaa, cname, tlsa, servers)| {
        let mut seen = host(text, "192.0.2.1", tlsa[0].clone(), Vec::new());
        (seen.a, seen.aaaa, seen.cname, seen.tlsa) = (a, aaaa, cname, tlsa);
        for (i, mut server) in servers.into_iter().enumerate() {
            server.address = if i % 2 == 0 { format!("192.0.2.{i}") } else { format!("2001:db8::{i}") }.parse().unwrap();
            seen.servers.push(server);
        }
        seen
    })
}

fn vantages() -> impl Strategy<Value = VantageObservation> {
    let maybe = || prop::option::weighted(0.3, any::<bool>());
    (maybe(), maybe(), maybe(), maybe(), maybe(), prop::option::weighted(0.1, any::<i64>())).prop_map(
        |(port, ipv6, dns, anchor, ptr, clock)| VantageObservation {
            port_open: port,
            ipv6,
            dns_intercepted: dns,
            anchor_current: anchor,
            ptr,
            clock_offset_s: clock,
            ..VantageObservation::default()
        },
    )
}

fn observations() -> impl Strategy<Value = Observation> {
    let exchanges = HOSTS.iter().enumerate().map(|(i, h)| format!("{} {h}.", i * 10));
    let odd = ["0 .", "10 192.0.2.1.", "5 unseen.example.", "no mx", "99999 x."].map(str::to_owned);
    let mx = lookups("example.nl".to_owned(), Rtype::MX, exchanges.chain(odd).collect());
    let visits = || prop_oneof![blind(), sighted()];
    (mx, prop::option::of(hosts(0, visits())), prop::option::of(hosts(1, visits())), prop::option::of(hosts(2, visits())), vantages())
        .prop_map(|(mx, first, second, third, vantage)| {
            let seen = [first, second, third].into_iter().flatten().collect();
            Observation { vantage, ..domain(mx, seen) }
        })
}

/// A domain whose DNS is right and has TLSA records, or that could not be asked, and whose servers nobody could see.
fn unseen() -> impl Strategy<Value = Observation> {
    let all = prop::collection::vec(blind(), 1..4);
    let failure =
        prop::option::weighted(0.3, prop::sample::select(vec![LookupFailure::Timeout, LookupFailure::Unreachable, LookupFailure::Budget]));
    (all, prop::sample::select(vec!["MX", "A", "AAAA", "TLSA"]), failure, vantages()).prop_map(|(servers, place, failure, vantage)| {
        let mut seen = host(HOSTS[0], "192.0.2.1", tlsa(HOSTS[0], &[&SHOWN.record()]), servers);
        let mut mx = mx("example.nl", &["10 mx1.example.nl."]);
        if let Some(failure) = failure {
            let lookup = match place {
                "MX" => &mut mx,
                "A" => &mut seen.a,
                "AAAA" => &mut seen.aaaa,
                _ => &mut seen.tlsa[0],
            };
            *lookup = lookup.clone().failing(failure);
        }
        Observation { vantage, ..domain(mx, vec![seen]) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn judging_never_panics_and_is_consistent(observation in observations(), at in prop_oneof![Just(NOW), any::<i64>()]) {
        let verdict = judge(&observation, at);
        prop_assert!(verdict.findings.is_sorted_by_key(|f| std::cmp::Reverse(f.weight)));
        prop_assert!(!verdict.headline.is_empty());
        for finding in &verdict.findings {
            prop_assert!(finding.party == finding.cause.party() || finding.party == Party::Us, "{finding:?}");
            prop_assert!(!finding.sentence.is_empty() && !finding.sentence.contains('\n'));
        }
        // What is called broken has a grave finding of the domain's, and what is protected has none that stops mail at every address.
        let error = verdict.findings.iter().any(|f| f.weight == Weight::Error && f.party == Party::Domain);
        prop_assert!(verdict.standing != Standing::Broken || error, "{:?} {:#?}", verdict.headline, verdict.findings);
        // The verdict agrees with the walk.
        let route = observed_route(&observation);
        let actions = |v: &Verdict| v.hosts.iter().map(|h| (h.host.clone(), h.action)).collect::<Vec<_>>();
        prop_assert_eq!(actions(&verdict), route.hosts.iter().map(|h| (h.host.clone(), h.action)).collect::<Vec<_>>());
        let _ = outlook(&observation, at, i64::MAX);
        for host in &observation.hosts {
            let _ = judge_host(host, &observation.vantage, at);
        }
    }

    #[test]
    fn the_order_of_hosts_servers_and_records_does_not_matter(observation in observations()) {
        let mut turned = observation.clone();
        turned.hosts.reverse();
        turned.domain.mx.records.reverse();
        for host in &mut turned.hosts {
            let host = Arc::make_mut(host);
            host.servers.reverse();
        }
        let (one, two) = (judge(&observation, NOW), judge(&turned, NOW));
        prop_assert_eq!(one, two);
    }

    #[test]
    fn could_not_look_is_never_bad(observation in unseen()) {
        let verdict = judge(&observation, NOW);
        let blamed = verdict.findings.iter().find(|f| f.weight == Weight::Error && f.party == Party::Domain);
        prop_assert_eq!(blamed, None);
        prop_assert_eq!(verdict.standing, Standing::CouldNotTell);
        prop_assert_eq!(verdict.delivery, None);
        prop_assert!(verdict.hosts.iter().flat_map(|h| &h.servers).all(|s| s.rfc_delivers.is_none()));
    }
}
