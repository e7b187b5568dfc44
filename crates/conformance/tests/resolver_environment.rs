//! `danelaw check --resolver` over the lab, with other people's resolvers between: those that validate, those that do not, and a box on the way
//! that takes away what DANE needs.

use conformance::unbound::{Recursor, Validator};
use conformance::world::World;
use conformance::{danelaw, named};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

/// What the lab has of each kind of name. `long`: RSA keys, so its keys and their signatures have more than 512 octets.
const NAMES: [&str; 4] = [
    "--signed-name=valid.nl/MX",
    "--bogus-name=mx-rrsig-wrong.nl/MX",
    "--tlsa-name=_25._tcp.mx1.valid.nl",
    "--long-name=rsasha256.nl/DNSKEY",
];

struct Seen {
    exit: Option<i32>,
    line: Value,
    text: String,
}

impl Seen {
    fn troubles(&self) -> BTreeSet<&str> {
        self.line["findings"].as_array().into_iter().flatten().filter_map(|f| f["trouble"].as_str()).collect()
    }
}

/// What danelaw says of this resolver, which a file with these options leads to.
fn look(resolver: SocketAddr, options: &str, directory: &Path) -> Seen {
    let file = directory.join("resolv.conf");
    std::fs::write(&file, format!("nameserver {}\noptions {options}\n", resolver.ip())).unwrap();
    let run = |form: &[&str]| {
        let mut command = danelaw::command();
        command.args(["check", "--resolver", "--resolver-timeout=2"]).args(form).args(NAMES);
        command.arg("--resolv-conf").arg(&file).arg(format!("--resolver-port={}", resolver.port()));
        command.output().unwrap()
    };
    let json = run(&["--json"]);
    let text = run(&[]);
    assert_eq!(json.status.code(), text.status.code());
    let stdout = String::from_utf8(json.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "{stdout}{}", String::from_utf8_lossy(&json.stderr));
    Seen { exit: json.status.code(), line: serde_json::from_str(&stdout).unwrap(), text: String::from_utf8(text.stdout).unwrap() }
}

#[test]
fn resolvers_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let (world, here) = (World::start(directory.path()), directory.path());
    let port = world.lab.config().dns_port;
    let validator = Validator::start(&world.zones, port, &world.anchor(), here);
    let recursor = Recursor::start(&world.zones, port, &world.anchor(), here);
    let behind = named::Validator::start(recursor.address(), &world.anchor(), here);

    for (who, address) in [("unbound", validator.address()), ("named", behind.address())] {
        let seen = look(address, "edns0 trust-ad", here);
        assert_eq!((seen.exit, seen.troubles()), (Some(0), BTreeSet::new()), "{who}: {}", seen.text);
        let server = &seen.line["servers"][0];
        for shown in ["answers", "dnssec", "validates", "ad", "ad_without_do", "tlsa", "tcp", "long"] {
            assert_eq!(server[shown], true, "{who} {shown}: {server}");
        }
        assert_eq!((&seen.line["kind"], &server["place"]), (&Value::from("resolver"), &Value::from("this-machine")));
        assert!(seen.text.starts_with("✓ ") && seen.text.contains("validates yes"), "{}", seen.text);
    }

    // As glibc has it since 2.31.
    let unkept = look(validator.address(), "edns0", here);
    assert_eq!((unkept.exit, unkept.troubles()), (Some(0), BTreeSet::from(["resolver-trust-ad-missing"])), "{}", unkept.text);
    assert!(unkept.text.contains("\noptions edns0 trust-ad\n"), "{}", unkept.text);

    // unbound without its validator hands out signatures, and whatever they are worth.
    let oblivious = look(recursor.address(), "edns0 trust-ad", here);
    assert_eq!((oblivious.exit, oblivious.troubles()), (Some(1), BTreeSet::from(["resolver-not-validating"])), "{}", oblivious.text);
    let server = &oblivious.line["servers"][0];
    assert_eq!((&server["dnssec"], &server["validates"], &server["ad"]), (&true.into(), &false.into(), &false.into()));
    assert!(oblivious.text.contains("module-config: \"validator iterator\""), "{}", oblivious.text);

    // A box that clears AD, refuses TLSA and knows no TCP.
    let box_between = look(between(validator.address()), "edns0 trust-ad", here);
    let expected = BTreeSet::from(["resolver-ad-withheld", "resolver-tlsa-filtered", "resolver-tcp-refused"]);
    assert_eq!((box_between.exit, box_between.troubles()), (Some(1), expected), "{}", box_between.text);
    assert_eq!(box_between.line["servers"][0]["validates"], true, "the bogus name is refused, and with CD it is not");
}

/// Hands UDP queries on to a resolver, and spoils what comes back.
fn between(resolver: SocketAddr) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // It ends with the test.
    std::thread::spawn(move || {
        let mut buffer = [0; 65_535];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let mut message = buffer[..length].to_vec();
            // The question ends with type and class, and behind it stands an OPT record of 11 octets if there is one.
            let end = length - 11 * usize::from(message[11]);
            if message[end - 4..end - 2] == [0, 52] {
                message[2] |= 0x80;
                message[3] = 5;
            } else {
                let behind = UdpSocket::bind("127.0.0.1:0").unwrap();
                behind.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                behind.send_to(&message, resolver).unwrap();
                let Ok(length) = behind.recv(&mut buffer) else { continue };
                message = buffer[..length].to_vec();
                message[3] &= !0x20;
            }
            let _ = socket.send_to(&message, from);
        }
    });
    address
}
