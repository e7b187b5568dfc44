//! Mail hosts with addresses of both families, one of them wrong: Postfix is visited at every address, and the verdict names the one.

use aws_lc_rs::digest;
use conformance::postfix::{self, Listener};
use conformance::process::succeed;
use conformance::{network, software, zone};
use dane::dns::{Lookup, Record, Security};
use dane::name::{Name, parse_domain};
use dane::observation::Connect;
use dane::verdict::Verdict;
use data_encoding::HEXLOWER;
use domain::base::iana::Rtype;
use probe::{Certificates, Destinations, Dns, DnsFuture, Looker, LookerConfig, Pace};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

/// What is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// The certificate that the TLSA record names.
    Right,
    /// Another.
    Wrong,
    /// A server without STARTTLS.
    Plain,
    /// Nobody: refused.
    Nobody,
}

/// A domain: its name, the addresses of its one mail host, and the finding that each address has if it has one.
struct Case {
    domain: &'static str,
    at: &'static [(&'static str, At, Option<&'static str>)],
    standing: &'static str,
}

// R-090 rfc7671#8.1: records have to fit what every address shows. R-038 rfc7672#2.2: TLSA records promise STARTTLS. A sender goes on to the next
// address where one refuses (RFC 5321 section 5.1).
const CASES: [Case; 6] = [
    Case { domain: "good.example", at: &[("127.0.41.1", At::Right, None), ("fd00:41::1", At::Right, None)], standing: "protected" },
    Case {
        domain: "six-wrong.example",
        at: &[("127.0.41.2", At::Right, None), ("fd00:41::2", At::Wrong, Some("unknown-mismatch"))],
        standing: "broken",
    },
    Case {
        domain: "four-wrong.example",
        at: &[("127.0.41.3", At::Wrong, Some("unknown-mismatch")), ("fd00:41::3", At::Right, None)],
        standing: "broken",
    },
    Case {
        domain: "six-refuses.example",
        at: &[("127.0.41.4", At::Right, None), ("fd00:41::4", At::Nobody, Some("connection-refused"))],
        standing: "protected",
    },
    Case {
        domain: "six-plain.example",
        at: &[("127.0.41.5", At::Right, None), ("fd00:41::5", At::Plain, Some("starttls-not-offered"))],
        standing: "broken",
    },
    Case {
        domain: "two-sixes.example",
        at: &[
            ("127.0.41.6", At::Right, None),
            ("fd00:41::6", At::Right, None),
            ("fd00:41::7", At::Wrong, Some("unknown-mismatch")),
            ("fd00:41::8", At::Right, None),
        ],
        standing: "broken",
    },
];

impl Case {
    fn host(&self) -> String {
        format!("mx.{}", self.domain)
    }

    fn addresses(&self) -> impl Iterator<Item = (IpAddr, At, Option<&'static str>)> {
        self.at.iter().map(|(address, at, finding)| (address.parse().unwrap(), *at, *finding))
    }
}

/// Every answer is secure; what is not here does not exist.
#[derive(Default)]
struct Table(BTreeMap<(String, Rtype), Vec<String>>);

impl Table {
    fn add(&mut self, owner: String, rtype: Rtype, data: String) {
        self.0.entry((owner, rtype)).or_default().push(data);
    }
}

impl Dns for Table {
    fn lookup<'a>(&'a self, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup> {
        let mut lookup = Lookup::unasked(name, rtype, 0);
        (lookup.failure, lookup.failure_detail, lookup.status) = (None, None, Security::Secure);
        let data = self.0.get(&(name.to_string(), rtype)).into_iter().flatten();
        lookup.records = data.map(|data| Record { owner: name.clone(), ttl: 1, data: data.clone() }).collect();
        Box::pin(std::future::ready(lookup))
    }

    fn zone_apex<'a>(&'a self, _: &'a Name) -> DnsFuture<'a, Option<Name>> {
        Box::pin(std::future::ready(None))
    }
}

fn openssl(directory: &Path, arguments: &str) {
    let mut command = software::command("openssl");
    command.args(arguments.split(' ')).current_dir(directory);
    let _ = succeed(command);
}

/// A key with a certificate for every host, in NAME.both, and its public key in NAME.spki.
fn certificate(directory: &Path, name: &str) {
    let hosts: Vec<String> = CASES.iter().map(|case| format!("DNS:{}", case.host())).collect();
    openssl(directory, &format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"));
    let names = format!("subjectAltName={}", hosts.join(","));
    openssl(directory, &format!("req -new -x509 -key {name}.key -out {name}.pem -days 3 -subj /CN=mx -addext {names}"));
    openssl(directory, &format!("pkey -in {name}.key -pubout -outform DER -out {name}.spki"));
    let read = |end: &str| std::fs::read(directory.join(format!("{name}.{end}"))).unwrap();
    std::fs::write(directory.join(format!("{name}.both")), [read("key"), read("pem")].concat()).unwrap();
}

fn listeners(directory: &Path) -> Vec<Listener> {
    let listener = |case: &Case, address, at| {
        let chains = match at {
            At::Right => vec![directory.join("right.both")],
            At::Wrong => vec![directory.join("wrong.both")],
            At::Plain => Vec::new(),
            At::Nobody => return None,
        };
        Some(Listener { address, host: case.host(), chains, parameters: Vec::new() })
    };
    CASES.iter().flat_map(|case| case.addresses().filter_map(|(address, at, _)| listener(case, address, at))).collect()
}

/// The DNS of all domains: 3 1 1 of the right key. (RFC 7672 section 3.1.1)
fn table(directory: &Path) -> Table {
    let key = digest::digest(&digest::SHA256, &std::fs::read(directory.join("right.spki")).unwrap());
    let mut table = Table::default();
    for case in &CASES {
        table.add(case.domain.to_owned(), Rtype::MX, format!("10 {}.", case.host()));
        table.add(format!("_25._tcp.{}", case.host()), Rtype::TLSA, format!("3 1 1 {}", HEXLOWER.encode(key.as_ref())));
        for (address, ..) in case.addresses() {
            table.add(case.host(), if address.is_ipv4() { Rtype::A } else { Rtype::AAAA }, address.to_string());
        }
    }
    table
}

/// The addresses that findings of this cause are about.
fn named(verdict: &Verdict, cause: &str) -> Vec<IpAddr> {
    let findings = verdict.findings.iter().filter(|finding| finding.cause.code() == cause);
    findings.flat_map(|f| if f.addresses.is_empty() { f.address.into_iter().collect() } else { f.addresses.clone() }).collect()
}

#[test]
fn each_address_is_judged_by_itself_and_named() {
    let all = CASES.iter().flat_map(Case::addresses);
    let sixes: Vec<Ipv6Addr> = all.filter_map(|(address, ..)| if let IpAddr::V6(v6) = address { Some(v6) } else { None }).collect();
    if !network::of_our_own("each_address_is_judged_by_itself_and_named", &sixes) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    certificate(directory.path(), "right");
    certificate(directory.path(), "wrong");
    let listeners = listeners(directory.path());
    let port = zone::free_port(&listeners.iter().map(|listener| listener.address).collect::<Vec<_>>());
    let postfix = postfix::start(&listeners, port, directory.path());

    let config = LookerConfig {
        connect_port: Some(port),
        destinations: Destinations::Any,
        certificates: Certificates::All,
        pace: Pace::unhurried(),
        ..LookerConfig::new(parse_domain("prober.example").unwrap())
    };
    let looker = Looker::new(Arc::new(table(directory.path())), config).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for case in &CASES {
        let observation = runtime.block_on(looker.observe_domain(&parse_domain(case.domain).unwrap())).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let verdict = dane::judge::judge(&observation, i64::try_from(now).unwrap());
        let shown = format!("{}\n{verdict:#?}\n{}", case.domain, postfix.log());
        for (address, at, finding) in case.addresses() {
            let seen = observation.hosts[0].servers.iter().find(|s| s.address == address).expect("every address is visited");
            assert_eq!(seen.connect, if at == At::Nobody { Connect::Refused } else { Connect::Connected }, "{address} {shown}");
            let judged = verdict.hosts[0].servers.iter().find(|s| s.address == address).expect("every address is judged");
            let delivers = match at {
                At::Right => Some(true),
                At::Wrong | At::Plain => Some(false),
                // Down: says nothing of DANE.
                At::Nobody => None,
            };
            assert_eq!(judged.rfc_delivers, delivers, "{address} {shown}");
            if let Some(cause) = finding {
                let all: Vec<IpAddr> = case.addresses().filter(|(.., found)| *found == Some(cause)).map(|(address, ..)| address).collect();
                assert_eq!(named(&verdict, cause), all, "{shown}");
            }
        }
        let standing = serde_json::to_value(verdict.standing).unwrap();
        assert_eq!(standing, case.standing, "{shown}");
        // That it is a matter of addresses is said, too, and of which.
        let at = |wanted| case.addresses().filter(|(_, at, _)| *at == wanted).map(|(address, ..)| address.to_string()).collect::<Vec<_>>();
        let coverage = verdict.findings.iter().find(|f| f.cause.code() == "partial-coverage").map(|f| f.sentence.as_str());
        assert_eq!(coverage.is_some(), !at(At::Wrong).is_empty(), "{shown}");
        if let Some((matched, unmatched)) = coverage.and_then(|sentence| sentence.split_once(" and not at ")) {
            assert!(at(At::Right).iter().all(|address| matched.contains(address)), "{shown}");
            assert!(at(At::Wrong).iter().all(|address| unmatched.contains(address)), "{shown}");
        }
        if case.at.iter().all(|(_, at, _)| *at == At::Right) {
            assert!(verdict.findings.iter().all(|f| f.address.is_none()), "{shown}");
        }
    }
    println!("{} domains, {} addresses", CASES.len(), listeners.len());
}
