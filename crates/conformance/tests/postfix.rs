//! Postfix takes the place of the lab's well-behaved mail servers, with their certificates; `danelaw scan` finds what the scenarios say.

use conformance::postfix::{self, Listener};
use conformance::world::{MailServer, NAME_SERVER_BEHAVIOUR, World};
use conformance::{nsd, zone};
use std::collections::BTreeSet;

/// What Postfix can be: a server that does its duty, or one without STARTTLS.
const PLAYED: [&str; 2] = ["normal", "no-starttls"];

/// Scenarios whose server Postfix refuses to be: it loads no garbage as certificate, sends no empty chain, and signs with the key of its
/// certificate.
const REFUSED: [&str; 3] = ["garbage-certificate", "empty-chain", "key-not-proven"];

#[test]
fn postfix_receives() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let dns_port = zone::free_port(&world.name_servers());
    let _name_servers = nsd::serve(&world.zones, dns_port, directory.path());

    let (played, others): (Vec<_>, Vec<_>) = world.servers.iter().partition(|server| PLAYED.contains(&server.behaviour.as_str()));
    let listener = |server: &&MailServer| Listener {
        address: server.address,
        host: server.host.clone(),
        chains: if server.behaviour == "normal" { server.files.clone() } else { Vec::new() },
        parameters: Vec::new(),
    };
    let listeners: Vec<Listener> = played.iter().map(listener).collect();
    let port = zone::free_port(&listeners.iter().map(|listener| listener.address).collect::<Vec<_>>());
    let _postfix = postfix::start(&listeners, port, directory.path());

    // A domain is compared if Postfix plays all its hosts.
    let unplayed: BTreeSet<&str> = others.iter().map(|server| server.host.as_str()).collect();
    let truths = world.lab.truth().iter().filter(|truth| {
        let domain = truth.domain.to_string();
        let plays = |server: &&&MailServer| server.host.ends_with(&format!(".{domain}"));
        played.iter().any(|server| plays(&server)) && !unplayed.iter().any(|host| host.ends_with(&format!(".{domain}")))
    });
    let truths: Vec<_> = truths.filter(|truth| !REFUSED.iter().chain(&NAME_SERVER_BEHAVIOUR).any(|out| *out == truth.scenario)).collect();
    let domains: Vec<String> = truths.iter().map(|truth| truth.domain.to_string()).collect();
    let verdicts = world.scan(domains.iter().map(String::as_str), dns_port, port);
    let departures = truths.iter().zip(&domains).filter_map(|(truth, domain)| match verdicts.get(domain) {
        Some(verdict) => verdict.departs_from(truth),
        None => Some(format!("{domain}: no verdict")),
    });
    let departures: Vec<String> = departures.collect();
    assert!(departures.is_empty(), "{} of {}:\n{}", departures.len(), truths.len(), departures.join("\n"));
    assert!(truths.len() > 60, "only {} domains", truths.len());
    println!("{} domains as the lab knows them", truths.len());
}
