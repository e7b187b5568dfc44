//! The zones that `cargo xtask bench dns` measures on are what they should be, by the word of unbound and of danelaw.

use conformance::Status::{Insecure, Secure};
use conformance::unbound::UnboundHost;
use conformance::{Question, danelaw, in_parallel, nsd, zone};
use lab::{Crowd, CrowdConfig};
use std::collections::BTreeSet;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn unbound_and_danelaw_find_the_crowd_as_it_was_made() {
    let directory = tempfile::tempdir().unwrap();
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let config = CrowdConfig { signed: 40, unsigned: 40, providers: 3, hosts: 6, seed: 1 };
    let crowd = Crowd::write(config, now, directory.path()).unwrap();
    let zones = zone::of_crowd(&crowd, directory.path());
    let addresses: Vec<_> = zones.iter().flat_map(|zone| zone.servers.clone()).collect();
    let port = zone::free_port(&addresses);
    let _servers = nsd::serve(&zones, port, directory.path());
    let anchor = fs::read_to_string(directory.path().join("anchor.ds")).unwrap();
    let unbound = UnboundHost::new(&zones, port, &anchor, directory.path());
    let file = |name: &str| directory.path().join(name).display().to_string();
    let options = ["--root-hints".into(), file("root.hints"), "--anchor".into(), file("anchor.ds"), format!("--dns-port={port}")];

    let domains = crowd.domains.iter().flat_map(|domain| {
        let status = if domain.signed { Secure } else { Insecure };
        ["SOA", "MX", "DNSKEY"].map(|rtype| (Question::new(format!("{}.", domain.name), rtype), status))
    });
    let hosts: BTreeSet<&str> = crowd.domains.iter().filter(|d| d.signed || !d.host.ends_with(&d.name)).map(|d| d.host.as_str()).collect();
    let hosts = hosts.into_iter().flat_map(|host| {
        let address = ["A", "AAAA"].map(|rtype| (Question::new(format!("{host}."), rtype), Secure));
        address.into_iter().chain([(Question::new(format!("_25._tcp.{host}."), "TLSA"), Secure)])
    });
    let questions: Vec<_> = domains.chain(hosts).collect();
    let wrong = in_parallel(&questions, |(question, status)| {
        let verdicts = [("unbound", unbound.ask(question)), ("danelaw", danelaw::validate(question, &options))];
        let departing = verdicts.into_iter().filter(|(_, (verdict, _))| verdict != status);
        departing.map(|(judge, (verdict, said))| format!("{question}: {verdict:?} by {judge}, made {status:?}\n{said}")).collect::<String>()
    });
    assert!(questions.len() > 240, "{} questions", questions.len());
    assert!(wrong.iter().all(String::is_empty), "{}", wrong.concat());
}
