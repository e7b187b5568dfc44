//! NSD and BIND serve the lab's zones; `danelaw scan` over them finds what the scenarios say.

use conformance::world::{NAME_SERVER_BEHAVIOUR, World};
use conformance::{named, nsd, zone};

/// Scenarios that BIND does not play, because it notices that the zone is wrong and answers SERVFAIL.
const BIND_REFUSES: [&str; 2] = ["denial-broken", "mx-cname-loop"];

fn compare(world: &World, dns_port: u16, refused: &[&str]) {
    let out = |scenario: &str| NAME_SERVER_BEHAVIOUR.contains(&scenario) || refused.contains(&scenario);
    let played: Vec<_> = world.lab.truth().iter().filter(|truth| !out(&truth.scenario)).collect();
    let domains: Vec<String> = played.iter().map(|truth| truth.domain.to_string()).collect();
    let verdicts = world.scan(domains.iter().map(String::as_str), dns_port, world.lab.config().smtp_port);
    let departures = played.iter().zip(&domains).filter_map(|(truth, domain)| match verdicts.get(domain) {
        Some(verdict) => verdict.departs_from(truth),
        None => Some(format!("{domain}: no verdict")),
    });
    let departures: Vec<String> = departures.collect();
    assert!(departures.is_empty(), "{} of {}:\n{}", departures.len(), played.len(), departures.join("\n"));
    println!("{} domains as the lab knows them", played.len());
}

#[test]
fn nsd_serves_the_lab() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start_large(directory.path());
    let port = zone::free_port(&world.name_servers());
    let _servers = nsd::serve(&world.zones, port, directory.path());
    compare(&world, port, &[]);
}

#[test]
fn bind_serves_the_lab() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start_large(directory.path());
    let port = zone::free_port(&world.name_servers());
    let _servers = named::serve(&world.zones, port, directory.path());
    compare(&world, port, &BIND_REFUSES);
}
