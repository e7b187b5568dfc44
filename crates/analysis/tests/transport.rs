//! The questions of S4 on domains made by hand. Expected numbers are counted by hand from the list in `survey`.

use analysis::{Share, Summary, TransportTables};
use dane::cause::Cause;
use dane::dns::{Lookup, Record, Security};
use dane::name::{Name, parse_domain};
use dane::observation::*;
use dane::policies::sts::Mode;
use dane::verdict::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn name(text: &str) -> Name {
    parse_domain(text).unwrap()
}

fn lookup(owner: &str, rtype: &str, data: &[&str]) -> Lookup {
    let mut lookup = Lookup::unasked(&name(owner), rtype.parse().unwrap(), 100);
    (lookup.failure, lookup.failure_detail, lookup.status) = (None, None, Security::Secure);
    lookup.records = data.iter().map(|d| Record { owner: name(owner), ttl: 300, data: (*d).into() }).collect();
    lookup
}

/// Trusted (`None`: not judged), for the domain, for the host.
type Pki = (Option<bool>, bool, bool);

/// One made-up MX host.
#[derive(Clone)]
struct Host {
    name: &'static str,
    obstacle: Option<Cause>,
    /// Version, cipher suite, group.
    tls: Option<(&'static str, &'static str, Option<&'static str>)>,
    pki: Pki,
    auth: bool,
    action: Action,
}

const GOOD: Host = Host {
    name: "mx.big.example",
    obstacle: None,
    tls: Some(("TLSv1.3", "TLS_AES_128_GCM_SHA256", Some("x25519"))),
    pki: (Some(true), false, true),
    auth: false,
    action: Action::Opp,
};

fn refuses(cause: Cause) -> Host {
    Host { obstacle: Some(cause), tls: None, ..GOOD }
}

impl Host {
    fn seen(&self, leaf: &CertificateBytes) -> HostObservation {
        let step = |sent: Option<&str>, lines: &[&str], code| Exchange {
            sent: sent.map(Into::into),
            encrypted: false,
            got: Got::Reply { code, lines: lines.iter().map(|l| (*l).to_owned()).collect() },
            at_ms: 1,
        };
        let ehlo: &[&str] = if self.auth { &["mx", "AUTH CRAM-MD5", "STARTTLS"] } else { &["mx", "STARTTLS"] };
        let tls = self.tls.map(|(version, cipher, group)| TlsObservation {
            version: Some(version.into()),
            cipher: Some(cipher.into()),
            group: group.map(str::to_owned),
            chain: vec![leaf.clone()],
            ..TlsObservation::new("test")
        });
        let server = AddressObservation {
            dialogue: vec![step(None, &["mx"], 220), step(Some("EHLO me"), ehlo, 250)],
            tls,
            ..AddressObservation::new([192, 0, 2, 1].into(), 25, 100, Connect::Connected)
        };
        HostObservation {
            a: lookup(self.name, "A", &["192.0.2.1"]),
            aaaa: lookup(self.name, "AAAA", &[]),
            servers: vec![server],
            ..HostObservation::unseen(&name(self.name), 25, 100)
        }
    }

    fn verdict(&self) -> HostVerdict {
        let (trusted, names_domain, names_host) = self.pki;
        HostVerdict {
            host: name(self.name),
            preference: 10,
            action: self.action,
            tlsa_base: None,
            tlsa_status: None,
            names: vec![],
            records: vec![],
            servers: vec![ServerVerdict {
                address: [192, 0, 2, 1].into(),
                obstacle: self.obstacle,
                rfc_delivers: None,
                paper_match: None,
                paper_valid: None,
                depth: None,
                webpki: self.tls.map(|_| WebPki { trusted, names_host, names_domain }),
            }],
        }
    }
}

/// State and mode of MTA-STS, and state of TLS reporting.
type Policies = (PolicyState, Option<Mode>, PolicyState);

fn policies((state, mode, tlsrpt): Policies) -> PoliciesVerdict {
    let id = (!matches!(state, PolicyState::None | PolicyState::CouldNotTell)).then(|| "1".to_owned());
    PoliciesVerdict {
        sts: StsVerdict { state, id, mode, max_age: None, mx: vec![], webpki: None, hosts: vec![] },
        tlsrpt: TlsrptVerdict { state: tlsrpt, rua: vec![] },
        caa: vec![],
    }
}

struct Survey {
    leaf: CertificateBytes,
    domains: Vec<(Observation, Verdict)>,
}

impl Survey {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["mx.big.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        Self { leaf: CertificateBytes(leaf.der().to_vec().into()), domains: vec![] }
    }

    /// A domain whose hosts are given, best first; without any it has a null MX.
    fn domain(mut self, text: &str, mx: Security, hosts: &[Host], of_policies: Option<Policies>) -> Self {
        let records: Vec<String> = hosts.iter().enumerate().map(|(i, h)| format!("{} {}.", 10 * (i + 1), h.name)).collect();
        let records: Vec<&str> = if hosts.is_empty() { vec!["0 ."] } else { records.iter().map(String::as_str).collect() };
        let observed = DomainObservation {
            schema: 1,
            domain: name(text),
            at: 100,
            zone: None,
            mx: Lookup { status: mx, ..lookup(text, "MX", &records) },
            name_servers: vec![],
            policies: None,
        };
        let verdict = Verdict {
            rules: 1,
            domain: name(text),
            at: 100,
            standing: Standing::Unprotected,
            headline: String::new(),
            delivery: None,
            mx_status: mx,
            hosts: hosts.iter().map(Host::verdict).collect(),
            policies: of_policies.map(policies).map(Box::new),
            findings: vec![],
        };
        let hosts = hosts.iter().map(|h| Arc::new(h.seen(&self.leaf))).collect();
        self.domains.push((Observation { domain: observed, hosts, vantage: VantageObservation::default() }, verdict));
        self
    }

    fn tables(&self) -> TransportTables {
        let mut summary = Summary::default();
        self.domains.iter().for_each(|(o, v)| summary.add(o, v));
        summary.tables().transport
    }
}

/// Ten domains: nine have mail, seven an SMTP session, six TLS.
fn survey() -> Survey {
    use PolicyState as P;
    use Security::{Insecure, Secure};
    let small = |name, host| Host { name, ..host };
    let old = Host { tls: Some(("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Some("secp256r1"))), ..GOOD };
    let no_secrecy = Host { obstacle: Some(Cause::TlsEngineLimit), tls: Some(("TLSv1.2", "TLS_RSA_WITH_AES_128_CBC_SHA", None)), ..GOOD };
    Survey::new()
        .domain("one.nl", Secure, &[Host { action: Action::Dane, ..GOOD }], Some((P::Valid, Some(Mode::Enforce), P::Valid)))
        .domain("two.nl", Secure, &[GOOD], Some((P::Valid, Some(Mode::Testing), P::None)))
        .domain("three.nl", Insecure, &[Host { auth: true, ..GOOD }], Some((P::Unavailable, None, P::Invalid)))
        // For the domain and the server: counted for the domain.
        .domain("four.nl", Insecure, &[small("mx.four.nl", Host { pki: (Some(true), true, true), ..old })], Some((P::None, None, P::None)))
        .domain(
            "five.nl",
            Insecure,
            &[small("mx.five.nl", Host { pki: (Some(false), false, true), ..no_secrecy })],
            Some((P::CouldNotTell, None, P::CouldNotTell)),
        )
        // The first host turns us away, the second stands for the domain; its operator is the first one's.
        .domain(
            "six.nl",
            Insecure,
            &[refuses(Cause::SmtpBlocked), small("b.other.example", Host { pki: (Some(true), false, false), ..GOOD })],
            None,
        )
        .domain("seven.nl", Insecure, &[small("mx.seven.nl", refuses(Cause::StarttlsNotOffered))], Some((P::None, None, P::None)))
        .domain("eight.nl", Insecure, &[small("mx.eight.nl", refuses(Cause::ConnectionTimeout))], None)
        .domain("nine.nl", Secure, &[small("mx.nine.nl", refuses(Cause::Greylisted))], None)
        .domain("ten.nl", Secure, &[], None)
}

#[test]
fn starttls_and_auth_before_it() {
    let tables = survey().tables();
    assert_eq!(tables.with_mail, 9, "ten.nl takes no mail");
    assert_eq!(tables.support.starttls, Share::new(6, 7), "of seven sessions, seven.nl has no TLS");
    assert_eq!(tables.support.auth_before_starttls, Share::new(1, 6));
    assert_eq!(tables.support.unseen, 2, "eight.nl and nine.nl");
}

#[test]
fn providers_by_the_most_preferred_host() {
    let tables = survey().tables();
    assert_eq!(tables.providers_in_all, 6, "big.example, and five domains of their own");
    let big = &tables.providers[0];
    assert_eq!((big.operator.as_str(), big.domains), ("big.example", Share::new(4, 9)), "one, two, three, six");
    assert_eq!((big.starttls, big.trusted, big.matches), (Share::new(4, 4), Some(Share::new(4, 4)), Share::new(3, 4)));
    let of = |operator: &str| tables.providers.iter().find(|p| p.operator == operator).unwrap().clone();
    assert_eq!((of("five.nl").starttls, of("five.nl").trusted), (Share::new(1, 1), Some(Share::new(0, 1))));
    assert_eq!((of("eight.nl").starttls, of("eight.nl").trusted), (Share::new(0, 0), None));
}

#[test]
fn trusted_for_whom() {
    let trust = survey().tables().trust.unwrap();
    let share = |count| Share::new(count, 6);
    assert_eq!((trust.trusted, trust.untrusted), (share(5), share(1)));
    assert_eq!((trust.for_domain, trust.for_server, trust.for_neither), (share(1), share(3), share(1)));
    assert_eq!(trust.trusted_of_sessions, Share::new(5, 7));
    // Without roots nothing is judged, and nothing is 0.
    let unjudged = Host { pki: (None, false, true), ..GOOD };
    let tables = Survey::new().domain("one.nl", Security::Secure, &[unjudged], None).tables();
    assert_eq!((tables.trust, tables.providers[0].trusted), (None, None));
    assert_eq!(tables.providers[0].matches, Share::new(1, 1), "names need no roots");
}

#[test]
fn what_tls_agrees_on() {
    let parameters = survey().tables().parameters;
    let counts = |pairs: &[(&str, u64)]| pairs.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect::<BTreeMap<_, _>>();
    assert_eq!(parameters.version, counts(&[("TLSv1.3", 4), ("TLSv1.2", 2)]));
    assert_eq!(parameters.key_exchange, counts(&[("ECDHE", 5), ("RSA", 1)]));
    assert_eq!(parameters.cipher, counts(&[("AES_128_GCM", 4), ("AES_128_CBC", 2)]));
    assert_eq!(parameters.mac, counts(&[("AEAD", 4), ("SHA", 2)]));
    assert_eq!(parameters.key, counts(&[("P-256", 6)]));
    assert_eq!(parameters.forward_secrecy, Share::new(5, 6));
}

#[test]
fn dnssec_and_dane() {
    let dnssec = survey().tables().dnssec;
    assert_eq!((dnssec.dnssec_of_mail, dnssec.dnssec_of_tls), (Share::new(3, 9), Share::new(2, 6)));
    assert_eq!((dnssec.dane_of_mail, dnssec.dane_of_tls), (Share::new(1, 9), Share::new(1, 6)));
}

#[test]
fn mta_sts_and_reporting() {
    let policies = survey().tables().policies.unwrap();
    assert_eq!(policies.sts, Share::new(3, 5), "known of one, two, three, four, seven");
    assert_eq!((policies.sts_valid, policies.sts_enforced), (Share::new(2, 3), Share::new(1, 2)));
    assert_eq!((policies.tlsrpt, policies.tlsrpt_valid), (Share::new(2, 5), Share::new(1, 2)));
    let nobody_looked = Survey::new().domain("one.nl", Security::Secure, &[GOOD], None).tables();
    assert_eq!(nobody_looked.policies, None);
}

#[test]
fn parts_make_the_whole() {
    let all = survey();
    let (mut left, mut right) = (Summary::default(), Summary::default());
    for (i, (o, v)) in all.domains.iter().enumerate() {
        if i % 2 == 0 { left.add(o, v) } else { right.add(o, v) }
    }
    right.merge(left);
    assert_eq!(right.tables().transport, all.tables());
}
