//! The population has the shares it claims, is the same for the same seed, and says plainly when it cannot start.

mod support;

use dane::verdict::Standing;
use lab::{Content, Group, Lab, LabConfig, LabError, Truth};
use std::collections::BTreeSet;

fn config(domains: usize, seed: u64) -> LabConfig {
    let mut config = LabConfig::new(1_790_000_000);
    (config.domains, config.seed, config.content) = (domains, seed, Content::Population);
    config
}

fn count(truth: &[Truth], tld: &str, wanted: impl Fn(&Truth) -> bool) -> usize {
    truth.iter().filter(|t| (tld.is_empty() || t.tld == tld) && wanted(t)).count()
}

/// Worked out by hand from the published shares, for 10,000 domains.
#[test]
fn counts_are_the_shares() {
    let lab = Lab::build(config(10_000, 1));
    let truth = lab.truth();
    assert_eq!(truth.len(), 10_000);
    assert!(truth.iter().all(|t| t.group == Group::Population));
    for (tld, domains, with_tlsa) in [("com", 3000, 21), ("net", 1000, 7), ("org", 1000, 7), ("nl", 2500, 245), ("se", 2500, 955)] {
        assert_eq!(count(truth, tld, |_| true), domains, "{tld}");
        let none = ["unsigned-without-tlsa", "no-tlsa-nsec"];
        assert_eq!(count(truth, tld, |t| !none.contains(&t.scenario.as_str())), with_tlsa, "{tld} with TLSA");
    }
    // 30 % of 1,235 have their own server: 371. Of those 15 %, 17 %, 4.55 %.
    let own = |scenario: &str| count(truth, "", |t| t.scenario == scenario);
    assert_eq!((own("unsigned"), own("ds-missing"), own("stale-tlsa")), (56, 63, 17));
    // nl: 245 less 74 with their own server; 15 % of 171.
    assert_eq!(count(truth, "nl", |t| t.standing == Standing::Partial), 26);
    // 0.23 % of 1,235.
    assert_eq!(own("bad-mx-preferred"), 3);
    let names: BTreeSet<String> = truth.iter().map(|t| t.domain.to_string()).collect();
    assert_eq!(names.len(), truth.len(), "every domain once");
}

#[test]
fn every_share_names_its_source() {
    for share in lab::SHARES {
        assert!(share.parts <= 100_000 && !share.what.is_empty(), "{share:?}");
        assert!(["P20", "P22", "ours"].iter().any(|s| share.source.starts_with(s)), "{share:?}");
    }
}

#[test]
fn the_same_seed_makes_the_same_lab() {
    let (one, two, other) = (Lab::build(config(300, 7)), Lab::build(config(300, 7)), Lab::build(config(300, 8)));
    assert_eq!(one.truth(), two.truth());
    assert_eq!(one.anchor(), two.anchor());
    assert_ne!(one.anchor(), other.anchor());
    assert_ne!(one.truth(), other.truth());
}

#[test]
fn a_port_in_use_is_named_with_the_remedy() {
    let first = support::lab(0, Content::Catalogue);
    let error = Lab::start(first.config().clone()).err().expect("the port is in use");
    assert!(matches!(error, LabError::PortInUse { .. }));
    let text = error.to_string();
    assert!(text.contains(&first.config().dns_port.to_string()) && text.contains("--dns-port") && !text.contains('\n'), "{text}");
}

#[test]
fn dropping_a_lab_frees_its_ports() {
    let config = support::lab(0, Content::Catalogue).config().clone();
    // The first lab is gone; its sockets close as soon as its threads have noticed.
    let again = (0..50).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        Lab::start(config.clone()).ok()
    });
    assert!(again.is_some());
}
