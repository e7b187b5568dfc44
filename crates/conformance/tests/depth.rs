//! `danelaw smtp probe --depth` beside sslscan, on Postfix: the same versions, the same cipher suites in each, the same groups.

use conformance::openssl::{Authority, P256, RSA, Request};
use conformance::postfix::{self, Listener};
use conformance::sslscan::{self, Accepted};
use conformance::world::World;
use conformance::{danelaw, in_parallel_by, process, software, zone};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// How Postfix is told to be, its certificates, and what must be found of it so that the comparison is one.
struct Setup {
    parameters: &'static [(&'static str, &'static str)],
    certificates: &'static [&'static str],
    versions: &'static [&'static str],
    /// A cipher suite that must be among those found.
    suite: &'static str,
}

const SETUPS: [Setup; 4] = [
    // As it comes.
    Setup {
        parameters: &[],
        certificates: &["rsa"],
        versions: &["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
        suite: "TLS_DH_anon_WITH_AES_256_CBC_SHA",
    },
    // Old versions, both kinds of certificate, weak suites, and the server decides.
    Setup {
        parameters: &[
            ("smtpd_tls_protocols", ">=TLSv1"),
            ("smtpd_tls_ciphers", "medium"),
            ("tls_medium_cipherlist", "kRSA+AES:kECDHE+AES+SHA1:@SECLEVEL=0"),
            ("tls_preempt_cipherlist", "yes"),
        ],
        certificates: &["rsa", "ecdsa"],
        versions: &["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
        suite: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    },
    // Nothing but TLS 1.2, anonymous and finite-field suites.
    Setup {
        parameters: &[
            ("smtpd_tls_protocols", "TLSv1.2"),
            ("tls_medium_cipherlist", "ADH:kDHE+AES:NULL-SHA256:@SECLEVEL=0"),
            ("smtpd_tls_ciphers", "medium"),
            ("smtpd_tls_exclude_ciphers", ""),
        ],
        certificates: &["rsa"],
        versions: &["TLSv1.2"],
        suite: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    },
    // One curve.
    Setup {
        parameters: &[("smtpd_tls_eecdh_grade", "auto"), ("tls_eecdh_auto_curves", "secp384r1"), ("smtpd_tls_protocols", ">=TLSv1.2")],
        certificates: &["rsa"],
        versions: &["TLSv1.2", "TLSv1.3"],
        suite: "TLS_AES_128_GCM_SHA256",
    },
];

/// IANA TLS Supported Groups.
const GROUPS: [(u16, &str); 10] = [
    (0x17, "secp256r1"),
    (0x18, "secp384r1"),
    (0x19, "secp521r1"),
    (0x1d, "x25519"),
    (0x1e, "x448"),
    (0x100, "ffdhe2048"),
    (0x101, "ffdhe3072"),
    (0x102, "ffdhe4096"),
    (0x103, "ffdhe6144"),
    (0x104, "ffdhe8192"),
];

/// Key and certificate in one file, as Postfix wants them.
fn certificates(directory: &Path) {
    let authority = Authority::new(directory);
    for (name, key) in [("rsa", RSA), ("ecdsa", P256)] {
        authority.make(&Request {
            name,
            subject: "/CN=mx.example.net",
            issuer: None,
            extensions: "basicConstraints=CA:FALSE",
            days: (-1, 90),
            key,
        });
        let read = |extension: &str| std::fs::read_to_string(directory.join(format!("{name}.{extension}"))).expect("made");
        std::fs::write(directory.join(format!("{name}-both.pem")), read("key") + &read("pem")).expect("written");
    }
}

/// IANA's names by code point, as OpenSSL has them.
fn names() -> BTreeMap<u16, String> {
    let mut command = software::command("openssl");
    command.args(["ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
    let text = process::succeed(command);
    let row = |line: &str| {
        let (code, rest) = line.trim().split_once(" - ")?;
        let code = code.replace("0x", "").replace(',', "");
        Some((u16::from_str_radix(&code, 16).ok()?, rest.split_whitespace().next()?.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

/// What danelaw finds of a host at this port.
fn probe(world: &World, host: &str, port: u16) -> Value {
    let mut command = danelaw::command();
    command.args(["smtp", "probe", host, "--depth", "full", "--json", "--allow-private", "--ehlo", "scanner.example.net"]);
    command.arg(format!("--connect-port={port}")).args(world.resolver_options(world.lab.config().dns_port));
    let output = process::output(command, Duration::from_secs(240));
    let answer: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    answer["hosts"][0]["servers"][0].clone()
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Differences between the two; empty if they agree.
fn differences(ours: &Value, theirs: &Accepted, names: &BTreeMap<u16, String>) -> Vec<String> {
    let mut found = Vec::new();
    let empty = BTreeSet::new();
    for version in ours["depth"]["versions"].as_array().into_iter().flatten() {
        let label = version["version"].as_str().unwrap_or_default();
        let codes = theirs.suites.get(label).unwrap_or(&empty);
        let known: BTreeSet<String> =
            codes.iter().map(|code| names.get(code).cloned().unwrap_or_else(|| format!("0x{code:04x}"))).collect();
        let suites = texts(&version["suites"]);
        if suites != known {
            let only = |one: &BTreeSet<String>, other| one.difference(other).cloned().collect::<Vec<_>>();
            found.push(format!("{label}: only ours {:?}, only theirs {:?}", only(&suites, &known), only(&known, &suites)));
        }
        // The order is the server's: the first is what it prefers.
        let preferred = theirs.preferred.get(label).and_then(|code| names.get(code)).map(String::as_str);
        if version["order"] == "server" && version["suites"][0].as_str() != preferred {
            found.push(format!("{label}: prefers {} or {preferred:?}", version["suites"][0]));
        }
        if !suites.is_empty() && version["complete"] != true {
            found.push(format!("{label}: not complete"));
        }
    }
    for (key, label) in [("groups", "TLSv1.3"), ("curves", "TLSv1.2")] {
        let name = |code: &u16| {
            GROUPS.iter().find(|(known, _)| known == code).map_or_else(|| format!("0x{code:04x}"), |(_, name)| (*name).to_owned())
        };
        let theirs: BTreeSet<String> =
            theirs.groups.get(label).unwrap_or(&empty).iter().filter(|c| key == "groups" || **c < 0x100).map(name).collect();
        let accepted = texts(&ours["depth"][key]["accepted"]);
        // It asks for curves with suites that not every server has.
        if accepted != theirs && !(key == "curves" && theirs.is_empty()) {
            found.push(format!("{key}: ours {accepted:?}, theirs {theirs:?}"));
        }
    }
    let secure = ours["depth"]["secure_renegotiation"].as_bool();
    if theirs.secure_renegotiation.is_some() && secure != theirs.secure_renegotiation {
        found.push(format!("secure renegotiation: ours {secure:?}, theirs {:?}", theirs.secure_renegotiation));
    }
    found
}

#[test]
fn sslscan_and_danelaw_find_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    certificates(directory.path());
    let hosts: Vec<_> = world.servers.iter().filter(|s| s.behaviour == "normal" && s.address.is_ipv4()).take(SETUPS.len()).collect();
    let listeners: Vec<Listener> = hosts
        .iter()
        .zip(&SETUPS)
        .map(|(server, setup)| Listener {
            address: server.address,
            host: server.host.clone(),
            chains: setup.certificates.iter().map(|name| directory.path().join(format!("{name}-both.pem"))).collect(),
            parameters: setup.parameters.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        })
        .collect();
    let port = zone::free_port(&listeners.iter().map(|listener| listener.address).collect::<Vec<_>>());
    let postfix = postfix::start(&listeners, port, directory.path());
    let names = names();
    let results = in_parallel_by(2, &listeners, |listener| {
        let (theirs, text) = sslscan::scan(SocketAddr::new(listener.address, port), &listener.host);
        (probe(&world, &listener.host, port), theirs, text)
    });
    let sessions = results.iter().filter(|(ours, ..)| ours["tls"]["error"].is_null()).count();
    assert!(sessions >= 3, "our engine speaks to all but the third");
    for ((ours, theirs, text), setup) in results.iter().zip(&SETUPS) {
        let found = differences(ours, theirs, &names);
        let what = setup.parameters;
        assert!(found.is_empty(), "{what:?}\n{}\n{ours}\n{text}\n{}", found.join("\n"), postfix.log());
        assert_eq!(ours["depth"]["ended"], Value::Null, "{what:?}");
        // They agree about something.
        let versions = |v: &&Value| v["answer"]["answer"] == "accepted";
        let versions: BTreeSet<&str> =
            ours["depth"]["versions"].as_array().unwrap().iter().filter(versions).filter_map(|v| v["version"].as_str()).collect();
        assert_eq!(versions, setup.versions.iter().copied().collect(), "{what:?}");
        assert!(theirs.suites.values().flatten().any(|code| names.get(code).is_some_and(|name| name == setup.suite)), "{what:?}\n{text}");
        // OpenSSL 3 lets no client renegotiate that is not told to. What is asked takes TLS 1.2 at most.
        assert_eq!(ours["depth"]["client_renegotiations"], 0, "{what:?}");
        // Postfix forgets, or resents, what was sent before TLS, since CVE-2011-0411. To see that takes a session.
        if ours["tls"]["error"].is_null() {
            assert!(["discarded", "closed"].map(Some).contains(&ours["depth"]["injection"]["outcome"].as_str()), "{ours}");
        }
        assert_eq!(ours["capabilities"]["software"]["name"], "Postfix", "{ours}");
        println!("{what:?}: {} suites", theirs.suites.values().map(BTreeSet::len).sum::<usize>());
    }
}
