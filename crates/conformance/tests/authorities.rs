//! When has a change arrived? One primary, a secondary that is slow, one that lies behind, one that is dead, one without an address, and one that
//! only the parent names and that does not have the zone.

use conformance::nsd;
use conformance::primary::{Nsd, ZONE, secondary};
use conformance::zone::{Zone, free_port};
use dane::dns::{Lookup, LookupFailure, Security};
use dane::name::Name;
use dane::observation::{AuthoritiesObservation, NameServerObservation};
use operate::dns::{Change, Done, Fragment, Reload, TlsaSet, Writer};
use probe::Dns;
use resolve::{Anchors, Config, Mode, Resolver};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

const OWNER: &str = "_25._tcp.mx.mail.example";
const ALIAS: &str = "_25._tcp.alias.mail.example";
const ROOT: u8 = 9;

/// Refreshed every two seconds. `ns5` has no address; `ns6` is not among them.
const TEXT: &str = "$TTL 60
@ IN SOA ns1 hostmaster SERIAL 2 1 86400 30
@ IN NS ns1
@ IN NS ns2
@ IN NS ns3
@ IN NS ns4
@ IN NS ns5
ns1 IN A 127.91.0.1
ns2 IN A 127.91.0.2
ns3 IN A 127.91.0.3
ns4 IN A 127.91.0.4
mx IN A 192.0.2.25
_25._tcp.alias 45 IN CNAME _25._tcp.mx
";

fn ip(number: u8) -> IpAddr {
    IpAddr::from([127, 91, 0, number])
}

fn name(text: &str) -> Name {
    Name::from_str(text).unwrap()
}

fn set(digits: &str) -> TlsaSet {
    digits.chars().map(|digit| format!("3 1 1 {}", digit.to_string().repeat(64)).parse().unwrap()).collect()
}

/// Serves a master file that never changes.
fn fixed(number: u8, name: &str, file: &Path, port: u16) -> Vec<conformance::process::Server> {
    let zone = Zone { name: name.to_owned(), file: file.to_path_buf(), servers: vec![ip(number)] };
    nsd::serve(&[zone], port, &file.with_extension(format!("of{number}")))
}

fn root(directory: &Path) -> std::path::PathBuf {
    let file = directory.join("root");
    let mut text = format!(". 60 IN SOA ns. hostmaster. 1 3600 600 86400 60\n. 60 IN NS ns.\nns. 60 IN A {}\n", ip(ROOT));
    for number in [1, 2, 3, 4, 6] {
        text += &format!("{ZONE} 60 IN NS ns{number}.{ZONE}\nns{number}.{ZONE} 60 IN A {}\n", ip(number));
    }
    fs::write(&file, text).unwrap();
    file
}

/// A resolver without a memory of what was before.
fn look(owner: &str, anchor: &str, port: u16) -> AuthoritiesObservation {
    let mut config = Config {
        mode: Mode::Iterative { roots: vec![(name("ns"), vec![ip(ROOT)])] },
        anchors: Anchors::parse(anchor).unwrap(),
        dns_port: port,
        ..Config::default()
    };
    config.timeouts.query = Duration::from_millis(400);
    config.timeouts.tcp = Duration::from_secs(2);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let dns: Arc<dyn Dns> = Arc::new(Resolver::new(config).unwrap());
        probe::observe_authorities(&dns, &name(owner)).await
    })
}

fn of(seen: &AuthoritiesObservation, number: u8) -> (&NameServerObservation, Option<&Lookup>) {
    let zone = &seen.zones[0];
    zone.tlsa().find(|(server, _)| server.address == ip(number)).unwrap_or_else(|| panic!("nobody at {}: {seen:?}", ip(number)))
}

/// The set and the serial that a server has.
fn has(seen: &AuthoritiesObservation, number: u8) -> (TlsaSet, Option<u32>) {
    let (server, tlsa) = of(seen, number);
    let records = tlsa.map_or(&[][..], |tlsa| &tlsa.records);
    (records.iter().map(|record| record.data.parse().unwrap()).collect(), server.serial())
}

/// The dead one, the one without an address, the one that only the parent names and that does not have the zone; and what is sound.
fn everybody_is_told_apart(before: &AuthoritiesObservation) {
    let zone = &before.zones[0];
    assert_eq!((before.zones.len(), before.lookup.status, &zone.zone.apex), (1, Security::Secure, &name("mail.example")));
    assert!(before.lookup.signature.as_ref().unwrap().expiration > before.lookup.at);
    let (_, tlsa) = of(before, 1);
    assert_eq!((tlsa.unwrap().status, tlsa.unwrap().records[0].ttl), (Security::Secure, 90));
    // The dead one, the one without an address, and the one that only the parent names, which does not have the zone.
    let (server, tlsa) = of(before, 4);
    assert!(tlsa.is_none() && matches!(server.soa().unwrap().failure, Some(LookupFailure::Timeout | LookupFailure::Unreachable)));
    assert_eq!(zone.without_address, [name("ns5.mail.example")]);
    let (server, tlsa) = of(before, 6);
    assert_eq!((server.soa().unwrap().failure, tlsa.unwrap().failure), (Some(LookupFailure::Refused), Some(LookupFailure::Refused)));
    let numbers =
        |names: &[Name]| names.iter().map(|name| name.to_string()[2..3].parse().unwrap()).collect::<std::collections::BTreeSet<u8>>();
    assert_eq!(numbers(zone.at_parent.as_deref().unwrap()), [1, 2, 3, 4, 6].into());
    let at_child: Vec<Name> = zone.zone.ns.records.iter().map(|record| name(&record.data)).collect();
    assert_eq!(numbers(&at_child), [1, 2, 3, 4, 5].into());
}

#[test]
fn a_change_has_arrived_when_every_authority_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let port = free_port(&[1, 2, 3, 4, 6, ROOT].map(ip));
    let at = |number| SocketAddr::new(ip(number), port);
    let primary = Nsd::start_at(at(1), TEXT, here);
    let reload = Reload { argv: ["sh".to_owned(), primary.file("reload").display().to_string()].to_vec(), limit: Duration::from_secs(30) };
    let writer = Writer::Fragment(Fragment { file: primary.file("tlsa"), reload });
    let write = |from, to| {
        let change = Change { owner: name(OWNER), ttl: 90, from: set(from), to: set(to) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(writer.write(&change, 0)).unwrap(), Done::Written);
    };
    write("", "a");
    let stale = here.join("stale");
    fs::copy(primary.file("signed"), &stale).unwrap();
    let root = root(here);
    let mut servers = vec![secondary(at(2), at(1), &here.join("slow"))];
    servers.extend(fixed(3, ZONE, &stale, port));
    servers.extend(fixed(6, ".", &root, port));
    servers.extend(fixed(ROOT, ".", &root, port));
    let anchor = fs::read_to_string(primary.file("dsset-mail.example.")).unwrap();

    let until = |what: &str, holds: &dyn Fn(&AuthoritiesObservation) -> bool| {
        let begun = Instant::now();
        loop {
            let seen = look(OWNER, &anchor, port);
            if holds(&seen) {
                return seen;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{what}: {seen:#?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    let before = until("the first set is everywhere", &|seen| [1, 2, 3].iter().all(|number| has(seen, *number).0 == set("a")));
    everybody_is_told_apart(&before);

    write("a", "ab");
    let serial = has(&before, 1).1.unwrap();
    let _during = until("the primary has it", &|seen| has(seen, 1) == (set("ab"), Some(serial + 1)));
    let after = until("the slow one has it", &|seen| has(seen, 2) == (set("ab"), Some(serial + 1)));
    assert_eq!(has(&after, 3), (set("a"), Some(serial)), "and one lies behind");
    servers.push(secondary(at(4), at(1), &here.join("dead")));
    let risen = until("the dead one has risen", &|seen| of(seen, 4).1.is_some_and(|tlsa| tlsa.failure.is_none()));
    assert_eq!(has(&risen, 4), (set("ab"), Some(serial + 1)));

    aliases_and_absence(&anchor, port);
}

/// By an alias both names are asked for. A name without records has a proof.
fn aliases_and_absence(anchor: &str, port: u16) {
    let alias = look(ALIAS, anchor, port);
    assert_eq!(alias.zones.iter().map(|zone| zone.name.clone()).collect::<Vec<_>>(), [name(ALIAS), name(OWNER)]);
    let (_, tlsa) = of(&alias, 1);
    assert_eq!(tlsa.unwrap().aliases.iter().map(|alias| (alias.target.clone(), alias.ttl)).collect::<Vec<_>>(), [(name(OWNER), 45)]);
    // A name without records: the proof has a TTL, and a signature.
    let none = look("_26._tcp.mx.mail.example", anchor, port);
    let (_, tlsa) = of(&none, 1);
    assert_eq!((tlsa.unwrap().negative_ttl, tlsa.unwrap().status, none.lookup.status), (Some(30), Security::Secure, Security::Secure));
}
