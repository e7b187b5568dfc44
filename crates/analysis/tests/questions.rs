//! The definitions of the studies, on domains made by hand. Expected numbers are counted by hand from the list in `survey`.

use analysis::{Share, Signing, StarttlsClass, Summary};
use dane::cause::Cause;
use dane::dns::{Lookup, Record, Security};
use dane::name::{Name, parse_domain};
use dane::observation::*;
use dane::verdict::*;
use std::sync::Arc;

fn name(text: &str) -> Name {
    parse_domain(text).unwrap()
}

fn lookup(owner: &str, rtype: &str, status: Security, signed: bool, data: &[&str]) -> Lookup {
    let records = data.iter().map(|d| Record { owner: name(owner), ttl: 300, data: (*d).into() }).collect();
    Lookup {
        name: name(owner),
        rtype: rtype.parse().unwrap(),
        at: 100,
        status,
        failure: None,
        failure_detail: None,
        failed_zone: None,
        failed_upstream: false,
        rcode: 0,
        reason: None,
        aliases: vec![],
        records,
        signed,
        signature: None,
        negative_ttl: None,
        server: None,
        bogus_servers: vec![],
        elapsed_ms: 0,
        raw: vec![],
    }
}

/// What one made-up MX host is like.
#[derive(Clone, Copy)]
struct Host {
    name: &'static str,
    tlsa: bool,
    status: Security,
    signed: bool,
    obstacle: Option<Cause>,
    starttls_code: Option<u16>,
    valid: Option<bool>,
    delivers: Option<bool>,
}

const GOOD: Host = Host {
    name: "mx.good.example",
    tlsa: true,
    status: Security::Secure,
    signed: true,
    obstacle: None,
    starttls_code: Some(220),
    valid: Some(true),
    delivers: Some(true),
};
const PLAIN: Host = Host { name: "mx.plain.example", tlsa: false, valid: None, ..GOOD };
const MISMATCH: Host = Host { name: "mx.bad.example", valid: Some(false), delivers: Some(false), ..GOOD };
const NO_DS: Host = Host { name: "mx.nods.example", status: Security::Insecure, valid: Some(false), ..GOOD };
const BOGUS: Host = Host { name: "mx.bogus.example", status: Security::Bogus, valid: Some(false), delivers: Some(false), ..GOOD };
const BLOCKED: Host =
    Host { name: "mx.blocked.example", obstacle: Some(Cause::SmtpBlocked), starttls_code: None, valid: None, delivers: None, ..GOOD };
const REFUSES: Host = Host {
    name: "mx.refuses.example",
    obstacle: Some(Cause::StarttlsNotOffered),
    starttls_code: Some(502),
    valid: None,
    delivers: Some(false),
    ..GOOD
};

/// The zone of the host without DS.
fn zone_of(host: &str) -> Option<Arc<ZoneObservation>> {
    let apex = host.strip_prefix("mx.").filter(|a| *a == "nods.example")?;
    let empty = |rtype| lookup(apex, rtype, Security::Insecure, true, &[]);
    let (soa, ns, ds, dnskey) = (empty("SOA"), empty("NS"), empty("DS"), empty("DNSKEY"));
    Some(Arc::new(ZoneObservation { apex: name(apex), soa, ns, ds, dnskey, cds: None, cdnskey: None }))
}

impl Host {
    fn seen(self) -> HostObservation {
        let owner = format!("_25._tcp.{}", self.name);
        let records: &[&str] = if self.tlsa { &["3 1 1 aa"] } else { &[] };
        let step = |sent: Option<&str>, code| Exchange {
            sent: sent.map(Into::into),
            encrypted: false,
            got: Got::Reply { code, lines: vec![] },
            at_ms: 1,
        };
        let dialogue = [step(None, 220)].into_iter().chain(self.starttls_code.map(|c| step(Some("STARTTLS"), c))).collect();
        HostObservation {
            schema: 1,
            host: name(self.name),
            port: 25,
            at: 100,
            a: lookup(self.name, "A", Security::Secure, true, &["192.0.2.1"]),
            aaaa: lookup(self.name, "AAAA", Security::Secure, true, &[]),
            cname: None,
            tlsa: vec![lookup(&owner, "TLSA", self.status, self.signed, records)],
            zone: zone_of(self.name),
            servers: vec![AddressObservation { dialogue, ..AddressObservation::new([192, 0, 2, 1].into(), 25, 100, Connect::Connected) }],
        }
    }

    fn verdict(self) -> HostVerdict {
        HostVerdict {
            host: name(self.name),
            preference: 10,
            action: Action::Dane,
            tlsa_base: None,
            tlsa_status: None,
            names: vec![],
            records: vec![],
            servers: vec![ServerVerdict {
                address: [192, 0, 2, 1].into(),
                obstacle: self.obstacle,
                rfc_delivers: self.delivers,
                paper_match: self.valid,
                paper_valid: self.valid,
                depth: None,
                webpki: None,
            }],
        }
    }
}

fn domain(text: &str, mx_status: Security, mx: &[&str], hosts: &[Host], findings: &[(Cause, &str)]) -> (Observation, Verdict) {
    let mx: Vec<String> = mx.iter().map(|m| (*m).to_owned()).chain(hosts.iter().map(|h| format!("10 {}.", h.name))).collect();
    let mx: Vec<&str> = mx.iter().map(String::as_str).collect();
    let observed = DomainObservation {
        schema: 1,
        domain: name(text),
        at: 100,
        zone: None,
        mx: lookup(text, "MX", mx_status, true, &mx),
        name_servers: Vec::new(),
        policies: None,
    };
    let finding = |(cause, subject): &(Cause, &str)| Finding {
        cause: *cause,
        party: cause.party(),
        weight: cause.weight(),
        subject: name(subject),
        address: None,
        addresses: Vec::new(),
        requirement: cause.requirement().into(),
        sentence: cause.title().into(),
        repair: None,
    };
    let verdict = Verdict {
        rules: 1,
        domain: name(text),
        at: 100,
        standing: if findings.is_empty() { Standing::Protected } else { Standing::Broken },
        headline: String::new(),
        delivery: None,
        mx_status,
        hosts: hosts.iter().map(|h| h.verdict()).collect(),
        policies: None,
        findings: findings.iter().map(finding).collect(),
    };
    let hosts = hosts.iter().map(|h| Arc::new(h.seen())).collect();
    (Observation { domain: observed, hosts, vantage: VantageObservation::default() }, verdict)
}

fn survey() -> Vec<(Observation, Verdict)> {
    use Security::{Bogus, Insecure, Secure};
    vec![
        domain("one.nl", Secure, &[], &[GOOD], &[]),
        domain("two.nl", Secure, &[], &[GOOD, PLAIN], &[(Cause::PartialTlsa, "two.nl")]),
        domain("three.nl", Secure, &[], &[PLAIN], &[]),
        domain("four.nl", Insecure, &[], &[MISMATCH], &[(Cause::UnknownMismatch, "mx.bad.example"), (Cause::MxInsecure, "four.nl")]),
        domain("five.se", Secure, &[], &[MISMATCH], &[(Cause::UnknownMismatch, "_25._tcp.mx.bad.example")]),
        domain("six.se", Bogus, &[], &[BOGUS], &[(Cause::RrsigExpired, "_25._tcp.mx.bogus.example")]),
        domain("seven.se", Secure, &["0 ."], &[], &[]),
        domain("eight.se", Secure, &[], &[], &[]),
        domain("nine.com", Secure, &[], &[NO_DS], &[(Cause::DsMissing, "nods.example")]),
        domain("ten.com", Secure, &[], &[BLOCKED], &[(Cause::SmtpBlocked, "mx.blocked.example")]),
        domain("eleven.com", Secure, &[], &[REFUSES], &[(Cause::StarttlsNotOffered, "mx.refuses.example")]),
    ]
}

fn summary(of: &[(Observation, Verdict)]) -> Summary {
    let mut summary = Summary::default();
    of.iter().for_each(|(o, v)| summary.add(o, v));
    summary
}

#[test]
fn adoption_counts_domains_with_mx_only() {
    let tables = summary(&survey()).tables();
    let row = |tld: &str| tables.adoption.iter().find(|r| r.tld == tld).unwrap().clone();
    let nl = row("nl");
    assert_eq!((nl.domains, nl.with_mx, nl.with_tlsa, nl.full, nl.partial), (4, 4, 3, 2, 1));
    let se = row("se");
    assert_eq!(
        (se.domains, se.with_mx, se.null_mx, se.implicit_mx, se.with_tlsa),
        (4, 2, 1, 1, 2),
        "a bogus or wrong TLSA set is one, too"
    );
    assert_eq!(tables.adoption_total.with_tlsa, 8);
    assert_eq!(tables.domains, 11);
}

#[test]
fn signed_without_ds_is_counted_per_server_and_bogus_is_not_signed() {
    let signing = summary(&survey()).tables().signing;
    assert_eq!(signing.tlsa_sets[&Signing::MissingDs], 1);
    assert_eq!(signing.tlsa_sets[&Signing::Bogus], 1);
    assert_eq!(signing.tlsa_signed, Share::new(5, 6), "good, bad, nods, blocked, refuses of those and bogus");
    assert_eq!(signing.tlsa_missing_ds, Share::new(1, 5));
}

#[test]
fn a_block_list_is_never_a_lack_of_starttls() {
    let table = summary(&survey()).tables().starttls;
    assert_eq!(table.with_tlsa[&StarttlsClass::Unwelcome], 1);
    assert_eq!(table.with_tlsa[&StarttlsClass::NotOffered], 1);
    assert_eq!(table.failed_rfc, Share::new(1, 5), "the server that turned us away is in no denominator");
    assert_eq!(table.failed_paper, Share::new(1, 5), "asked all the same it says 502: not implemented");
}

#[test]
fn what_is_the_paths_or_ours_is_no_failure_of_starttls() {
    let class = |obstacle, starttls_code| {
        let host = Host { obstacle: Some(obstacle), starttls_code, valid: None, delivers: None, ..GOOD };
        let table = summary(&[domain("one.nl", Security::Secure, &[], &[host], &[])]).tables().starttls;
        assert_eq!((table.failed_rfc, table.failed_paper), (Share::new(0, 0), Share::new(0, 0)), "{obstacle}");
        *table.with_tlsa.keys().next().unwrap()
    };
    // Sent and agreed to; then silence, a break, or something that our engine does not have.
    for cause in [Cause::Tarpit, Cause::ConnectionReset, Cause::TlsEngineLimit, Cause::HugeChain] {
        assert_eq!(class(cause, Some(220)), StarttlsClass::NotJudged, "{cause}");
    }
    assert_eq!(class(Cause::StarttlsStripped, Some(502)), StarttlsClass::NotJudged);
    for cause in [Cause::Tarpit, Cause::ConnectionReset, Cause::BannerTimeout, Cause::NotSmtp] {
        assert_eq!(class(cause, None), StarttlsClass::NoSmtp, "{cause}");
    }
}

#[test]
fn the_views_keep_apart() {
    let tables = summary(&survey()).tables();
    let views = tables.views;
    assert_eq!((views.servers, views.not_crawled), (6, 2), "blocked and without STARTTLS: no certificate");
    assert_eq!(views.paper_valid, Share::new(1, 4), "insecure counts as invalid");
    assert_eq!(views.rfc_delivers, Share::new(2, 5), "a sender delivers to the insecure one");
    let nl = tables.incorrect.iter().find(|r| r.tld == "nl").unwrap();
    assert_eq!((nl.paper_invalid, nl.rfc_fails), (Share::new(1, 3), Share::new(1, 3)));
}

#[test]
fn failures_and_the_unseen_keep_apart() {
    let tables = summary(&survey()).tables();
    let row = tables.failures.iter().find(|r| r.cause == Cause::UnknownMismatch).unwrap();
    assert_eq!((row.domains, row.servers), (2, 1), "two domains share one server");
    assert!(tables.failures.iter().all(|r| r.cause != Cause::SmtpBlocked));
    assert_eq!(tables.unseen.iter().map(|r| r.row.cause).collect::<Vec<_>>(), [Cause::SmtpBlocked]);
    assert_eq!(tables.worst_servers[0].host, "mx.bad.example");
    assert_eq!((tables.worst_servers[0].domains, tables.worst_servers[0].examples.len()), (2, 2));
    assert!(tables.worst_servers.iter().all(|w| w.host != "mx.blocked.example"));
    let row = tables.failures.iter().find(|r| r.cause == Cause::DsMissing).unwrap();
    assert_eq!((row.domains, row.servers), (1, 1), "what is wrong with the zone of its TLSA records is wrong with the server");
}

#[test]
fn shards_merge_to_the_whole_in_any_order() {
    let all = survey();
    let whole = summary(&all);
    for cut in 0..=all.len() {
        let (left, right) = (summary(&all[..cut]), summary(&all[cut..]));
        let mut forward = left.clone();
        forward.merge(right.clone());
        let mut backward = right;
        backward.merge(left);
        assert_eq!(forward, whole);
        assert_eq!(backward, whole);
    }
    assert_eq!(whole.tables(), summary(&all.into_iter().rev().collect::<Vec<_>>()).tables(), "the order of domains does not matter");
}
