//! Observations of every shape, for property tests.

use dane::dns::{Alias, Lookup, LookupFailure, Record, Security, SecurityReason, SignatureWindow};
use dane::name::{Name, parse_domain};
use dane::observation::*;
use domain::base::iana::Rtype;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::sync::Arc;

pub fn name() -> impl Strategy<Value = Name> {
    "[a-zA-Z][a-z0-9_-]{0,8}(\\.[a-z0-9]{1,6}){1,3}".prop_map(|t| parse_domain(&t).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,20}", any::<String>(), Just("\u{0}\n\"\u{2028}".to_owned())]
}

fn status() -> impl Strategy<Value = Security> {
    prop_oneof![Just(Security::Secure), Just(Security::Insecure), Just(Security::Bogus), Just(Security::Indeterminate)]
}

fn failure() -> impl Strategy<Value = LookupFailure> {
    prop_oneof![Just(LookupFailure::Timeout), Just(LookupFailure::Servfail), Just(LookupFailure::ErrorCode), Just(LookupFailure::Budget)]
}

fn reason() -> impl Strategy<Value = SecurityReason> {
    (text(), name(), text(), vec(any::<u16>(), 0..3)).prop_map(|(code, at_name, detail, ede)| SecurityReason {
        code,
        at_name,
        at_type: Rtype::TLSA,
        detail,
        ede,
    })
}

fn signature() -> impl Strategy<Value = SignatureWindow> {
    (name(), any::<u16>(), any::<u8>(), any::<u32>(), any::<u32>()).prop_map(|(signer, key_tag, algorithm, inception, original_ttl)| {
        SignatureWindow { signer, key_tag, algorithm, inception: inception.into(), expiration: i64::from(inception) + 9, original_ttl }
    })
}

pub fn lookup(rtype: Rtype, data: impl Strategy<Value = String> + 'static) -> BoxedStrategy<Lookup> {
    let record = (name(), any::<u32>(), data).prop_map(|(owner, ttl, data)| Record { owner, ttl, data });
    let alias = (name(), name(), any::<u32>(), status()).prop_map(|(owner, target, ttl, status)| Alias { owner, target, ttl, status });
    let answer = (vec(record, 0..3), vec(alias, 0..2), option::of(signature()), option::of(any::<u32>()), vec("[A-Za-z0-9+/]{8}", 0..2));
    let asked = (name(), any::<i32>(), status(), option::of(failure()), option::of(text()), any::<u16>(), option::of(reason()));
    (asked, answer, any::<bool>(), option::of(any::<std::net::IpAddr>()), any::<u32>())
        .prop_map(move |(asked, answer, signed, server, elapsed_ms)| {
            let (name, at, status, failure, failure_detail, rcode, reason) = asked;
            let (records, aliases, signature, negative_ttl, raw) = answer;
            let at = at.into();
            Lookup {
                name,
                rtype,
                at,
                status,
                failure,
                failure_detail,
                failed_zone: None,
                failed_upstream: false,
                rcode,
                reason,
                aliases,
                records,
                signed,
                signature,
                negative_ttl,
                server,
                bogus_servers: server.into_iter().collect(),
                elapsed_ms,
                raw,
            }
        })
        .boxed()
}

fn zone() -> impl Strategy<Value = Arc<ZoneObservation>> {
    let l = |t| lookup(t, text());
    (name(), l(Rtype::SOA), l(Rtype::NS), l(Rtype::DS), l(Rtype::DNSKEY), option::of(l(Rtype::CDS)))
        .prop_map(|(apex, soa, ns, ds, dnskey, cds)| Arc::new(ZoneObservation { apex, soa, ns, ds, dnskey, cds, cdnskey: None }))
}

fn tls() -> impl Strategy<Value = TlsObservation> {
    let certificate = vec(any::<u8>(), 0..4).prop_map(|b| CertificateBytes(b.into()));
    let words = (option::of(text()), option::of(text()), option::of(text()), option::of(text()));
    let error = || (text(), option::of(text()), text()).prop_map(|(kind, alert, detail)| TlsFailure { kind, alert, detail });
    let errors = (option::of(error()), option::of(error()));
    let chain = vec(certificate, 0..4);
    let cut_off = (any::<u32>(), any::<u32>(), chain.clone());
    let cut_off = cut_off.prop_map(|(announced, arrived, mut whole)| Box::new(CutOff { announced, arrived, part: whole.pop(), whole }));
    (option::of(name()), words, option::of(any::<bool>()), (chain, option::of(cut_off)), errors).prop_map(
        |(sni, (version, cipher, group, signature_scheme), key_proven, (chain, cut_off), (error, refused))| TlsObservation {
            sni,
            version,
            cipher,
            group,
            signature_scheme,
            key_proven,
            chain,
            cut_off,
            error,
            engine: "rustls".into(),
            refused: refused.map(Box::new),
        },
    )
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let got = prop_oneof![
        (any::<u16>(), vec(text(), 0..3)).prop_map(|(code, lines)| Got::Reply { code, lines }),
        (text(), text()).prop_map(|(text, why)| Got::Garbage { text, why }),
        Just(Got::Timeout),
        Just(Got::Closed),
        Just(Got::Reset),
    ];
    (option::of(text()), any::<bool>(), got, any::<u32>()).prop_map(|(sent, encrypted, got, at_ms)| Exchange {
        sent,
        encrypted,
        got,
        at_ms,
    })
}

fn answer() -> impl Strategy<Value = HelloAnswer> {
    prop_oneof![
        Just(HelloAnswer::Accepted),
        (text(), text()).prop_map(|(version, suite)| HelloAnswer::Other { version, suite }),
        text().prop_map(|alert| HelloAnswer::Alert { alert }),
        Just(HelloAnswer::Closed),
        Just(HelloAnswer::NotTls),
    ]
}

fn depth() -> impl Strategy<Value = DepthObservation> {
    let order = || option::of(prop_oneof![Just(Order::Server), Just(Order::Client)]);
    let versions = (text(), answer(), vec(text(), 0..3), option::of(answer()), order())
        .prop_map(|(version, answer, suites, rest, order)| VersionObservation { version, answer, suites, complete: true, rest, order });
    let groups = (text(), vec(text(), 0..3), any::<bool>(), option::of(answer()), order())
        .prop_map(|(version, accepted, complete, rest, order)| GroupsObservation { version, accepted, complete, rest, order });
    let dh = (any::<u32>(), option::of(text()), text(), option::of(text())).prop_map(|(bits, known, prime_sha256, prime)| DhObservation {
        bits,
        known,
        prime_sha256,
        prime,
        generator: "02".to_owned(),
        suite: "0x1234".to_owned(),
    });
    let injection = vec(text(), 0..2).prop_map(|replies| InjectionObservation { outcome: Injection::AnsweredInClear, replies });
    let ended = (text(), text()).prop_map(|(why, detail)| DepthEnd { why, detail });
    let habits = (option::of(any::<bool>()), option::of(any::<bool>()), option::of(injection), option::of(ended));
    (vec(versions, 0..2), option::of(groups), vec(dh, 0..2), habits).prop_map(
        |(versions, groups, dh, (compression, resumed, injection, ended))| DepthObservation {
            depth: Depth::Full,
            at: -5,
            connections: 9,
            versions,
            groups,
            dh,
            compression,
            resumed,
            injection,
            ended,
            ..DepthObservation::default()
        },
    )
}

fn other() -> impl Strategy<Value = OtherLook> {
    let offer = prop_oneof![Just(ClientOffer::Rsa), Just(ClientOffer::Ecdsa), Just(ClientOffer::NoName)];
    let shows = prop_oneof![
        Just(Shows::Same),
        tls().prop_map(|tls| Shows::Other(Box::new(tls))),
        vec(exchange(), 0..3).prop_map(|dialogue| Shows::NotSeen { dialogue }),
    ];
    (offer, any::<i32>(), shows).prop_map(|(offer, at, shows)| OtherLook { offer, at: at.into(), shows })
}

fn server() -> impl Strategy<Value = AddressObservation> {
    let connect = prop_oneof![
        Just(Connect::Connected),
        Just(Connect::Refused),
        text().prop_map(|detail| Connect::Unreachable { detail }),
        text().prop_map(|why| Connect::NotTried { why }),
    ];
    let earlier = (vec(exchange(), 0..4), option::of(tls()), any::<bool>()).prop_map(|(dialogue, tls, made)| EarlierVisit {
        at: -1,
        connect: (!made).then(|| Box::new(Connect::Timeout)),
        dialogue,
        tls: tls.map(Box::new),
        elapsed_ms: 3,
    });
    let made = (any::<std::net::IpAddr>(), any::<u16>(), any::<i32>(), connect);
    let shown = (vec(exchange(), 0..4), option::of(tls()), option::of(text()), vec(earlier, 0..2), vec(other(), 0..2), option::of(depth()));
    (made, shown).prop_map(|((address, transport_port, at, connect), (dialogue, tls, early_bytes, earlier, others, depth))| {
        AddressObservation {
            address,
            transport_port,
            at: at.into(),
            connect,
            dialogue,
            tls,
            early_bytes,
            elapsed_ms: 7,
            earlier,
            others,
            depth: depth.map(Box::new),
        }
    })
}

fn host(named: Name) -> impl Strategy<Value = HostObservation> {
    let addresses = (lookup(Rtype::A, text()), lookup(Rtype::AAAA, text()), option::of(lookup(Rtype::CNAME, text())));
    (any::<i32>(), addresses, vec(lookup(Rtype::TLSA, text()), 0..3), option::of(zone()), vec(server(), 0..3)).prop_map(
        move |(at, (a, aaaa, cname), tlsa, zone, servers)| HostObservation {
            schema: SCHEMA_VERSION,
            host: named.clone(),
            port: 25,
            at: at.into(),
            a,
            aaaa,
            cname,
            tlsa,
            zone,
            servers,
        },
    )
}

/// A domain whose MX records name exactly its hosts, or one whose MX is noise.
pub fn observation() -> impl Strategy<Value = Observation> {
    let hosts = vec(name(), 0..3).prop_flat_map(|names| names.into_iter().map(host).collect::<Vec<_>>());
    (name(), any::<i32>(), option::of(zone()), lookup(Rtype::MX, text()), hosts).prop_map(|(domain, at, zone, mut mx, hosts)| {
        if !hosts.is_empty() {
            let record = |h: &HostObservation| Record { owner: domain.clone(), ttl: 300, data: format!("10 {}.", h.host) };
            mx.records = hosts.iter().map(record).collect();
        }
        let domain =
            DomainObservation { schema: SCHEMA_VERSION, domain, at: at.into(), zone, mx, name_servers: Vec::new(), policies: None };
        Observation { domain, hosts: hosts.into_iter().map(Arc::new).collect(), vantage: vantage() }
    })
}

pub fn vantage() -> VantageObservation {
    VantageObservation { name: "here".into(), ipv6: Some(false), ..VantageObservation::default() }
}

pub fn run() -> RunObservation {
    RunObservation {
        schema: SCHEMA_VERSION,
        danelaw: "0.1.0".into(),
        started: 1_795_255_392,
        finished: None,
        config_sha256: "c0".into(),
        targets_sha256: "7a".into(),
        targets: 3,
        malformed: 1,
        shard: Some("1/2".into()),
        anchors: vec![". DS 20326 8 2 e06d".into()],
        roots: vec!["198.41.0.4".into()],
        public_suffixes: Some("2026-10-22".into()),
        round: None,
        vantage: vantage(),
    }
}
