//! What the lab's histories do not have: addresses, name servers of two kinds, servers that refuse. Worked out by hand.

use crate::reference::rows;
use analysis::Share;
use analysis::questions::find;
use analysis::study::{Answer, Settings, View, answers};
use archive::states::model::{DomainSeen, KeyType, Notes, ServerKey, ServerSeen, ServerVerdict, Snapshot, Versions};
use archive::states::{Archive, Look, Round, Writer};
use dane::dns::Security;
use dane::tlsa::Tlsa;
use std::collections::BTreeMap;
use tempfile::TempDir;

const DAY: i64 = 86_400;

/// A server at an address: its name, the last octet, and what it shows.
const SERVERS: [(&str, u8, &str); 11] = [
    // One machine with a name for each customer.
    ("mx.shared-a.com", 1, "right"),
    ("mx.shared-b.com", 1, "right"),
    ("mx.shared-c.com", 1, "right"),
    // Two names, three domains.
    ("mx.two-a.com", 2, "right"),
    ("mx.two-b.com", 2, "right"),
    // Two addresses, the second forgotten.
    ("mx.multi.com", 10, "right"),
    ("mx.multi.com", 11, "wrong"),
    ("mx.refuse.com", 12, "starttls-not-offered"),
    ("mx.blocked.com", 13, "smtp-blocked"),
    ("mx.deep.co.uk", 20, "right"),
    // No domain has it.
    ("mx.nobody.com", 21, "right"),
];

/// A domain, its mail host and its name servers.
const DOMAINS: [(&str, &str, &[&str]); 11] = [
    ("shared-a.com", "mx.shared-a.com", &["ns.dns.net"]),
    ("shared-b.com", "mx.shared-b.com", &["ns.dns.net"]),
    ("shared-c.com", "mx.shared-c.com", &["ns.dns.net"]),
    ("two-a.com", "mx.two-a.com", &["ns.dns.net"]),
    ("two-b.com", "mx.two-b.com", &["ns.dns.net"]),
    ("foreign.net", "mx.two-a.com", &["ns.dns.net"]),
    ("multi.com", "mx.multi.com", &["ns1.multi.com", "ns.dns.net"]),
    ("refuse.com", "mx.refuse.com", &["ns1.refuse.com"]),
    ("blocked.com", "mx.blocked.com", &["ns.rare.org"]),
    ("deep.co.uk", "mx.deep.co.uk", &["ns.dns.net"]),
    // Two labels in common, and not the owner.
    ("other.co.uk", "mx.deep.co.uk", &["ns.dns.net"]),
];

fn server(writer: &mut Writer, (host, octet, shows): (&str, u8, &str)) -> Look<archive::states::model::ServerId, ServerSeen> {
    let key = writer.parts().server(&ServerKey::new(host, 25, Some([192, 0, 2, octet].into())));
    let records = vec![Tlsa { usage: 3, selector: 1, matching: 1, data: vec![octet; 32] }];
    let chain = matches!(shows, "right" | "wrong");
    let seen = ServerSeen {
        tlsa_set: Some(writer.parts().tlsa_set(records)),
        chain: chain.then(|| writer.parts().chain([&[octet][..]])),
        ttl: Some(3600),
        dnssec: Some(Security::Secure),
        signed: Some(true),
        smtp_status: Some(writer.parts().word(if chain { "ok" } else { shows })),
        verdict: ServerVerdict {
            paper_match: chain.then_some(shows == "right"),
            paper_valid: chain.then_some(shows == "right"),
            ..ServerVerdict::default()
        },
        ..ServerSeen::default()
    };
    Look { key, seen, notes: Notes { rules: 1, ..Notes::default() } }
}

fn archive(place: &TempDir) -> Archive {
    let mut writer = Writer::open(place.path()).unwrap();
    // The second day has no look at domains: it is no day.
    for (day, looks_at_domains) in [(0, true), (1, false), (2, true)] {
        let mut servers: Vec<_> = SERVERS.into_iter().map(|of| server(&mut writer, of)).collect();
        // A client that takes other keys than everybody meets another certificate, which is no stream.
        let other = ServerKey { key_type: KeyType::Rsa, ..ServerKey::new("mx.deep.co.uk", 25, Some([192, 0, 2, 20].into())) };
        let seen = ServerSeen { verdict: ServerVerdict::default(), chain: Some(writer.parts().chain([&[99][..]])), ..servers[9].seen };
        servers.push(Look { key: writer.parts().server(&other), seen, ..servers[9] });
        let look = |(domain, host, names): (&str, &str, &[&str])| {
            let parts = writer.parts();
            let seen = DomainSeen {
                tld: Some(parts.word(domain.rsplit('.').next().unwrap())),
                mx_set: Some(parts.mx_set([(10, host)])),
                ns_set: Some(parts.ns_set(names.iter().copied())),
                hosts: 1,
                tlsa: 1,
                ..DomainSeen::default()
            };
            Look { key: parts.domain(domain), seen, notes: Notes { rules: 1, ..Notes::default() } }
        };
        let domains = looks_at_domains.then(|| DOMAINS.into_iter().map(look).collect());
        let snapshot = Snapshot {
            vantage: writer.parts().word("here"),
            scheduled_s: day * DAY,
            every_s: 3600,
            started_s: day * DAY,
            finished_s: Some(day * DAY + 1),
            clock_offset_ms: None,
            targets_sha256: None,
            targets: 11,
            done: 11,
            servers: None,
            domains: None,
            complete: true,
            config_sha256: None,
            versions: Versions::default(),
            content: Default::default(),
        };
        writer.append(&Round { snapshot, servers: Some(servers), domains }).unwrap();
    }
    drop(writer);
    Archive::open(place.path()).unwrap()
}

fn ask(archive: &Archive, id: &str) -> Answer {
    let settings = Settings { many: 2, ..Settings::new() };
    answers(archive, &settings, &[find(id).unwrap()]).unwrap().remove(0)
}

fn table<const N: usize>(rows: [(&str, Vec<Share>); N]) -> BTreeMap<String, Vec<Share>> {
    rows.into_iter().map(|(key, shares)| (key.to_owned(), shares)).collect()
}

fn shares<const N: usize>(shares: [(u64, u64); N]) -> Vec<Share> {
    shares.map(|(count, of)| Share::new(count, of)).to_vec()
}

#[test]
fn addresses_that_many_share_are_a_providers() {
    let place = TempDir::new().unwrap();
    let archive = archive(&place);
    let answer = ask(&archive, "p22-managing");
    let counts = |so, own_mail, own, unclassified| {
        let of_day = |day: i64| {
            [("SO", so), ("SSDO", own_mail), ("SSDS", own), ("unclassified", unclassified)]
                .map(|(word, count)| (format!("{} {word}", day * DAY), vec![Share::new(count, 11)]))
        };
        [of_day(0), of_day(2)].concat().into_iter().collect::<BTreeMap<_, _>>()
    };
    // Two names at an address are not more than two; the three domains that they serve are.
    assert_eq!(rows(&answer, "by-class", View::Paper), counts(3, 4, 2, 3));
    assert_eq!(rows(&answer, "by-class", View::Ours), counts(6, 2, 2, 2));
}

#[test]
fn refusals_and_second_addresses_count_in_our_view() {
    let place = TempDir::new().unwrap();
    let archive = archive(&place);
    let answer = ask(&archive, "p22-table-2");
    let expected = table([
        ("SO", shares([(0, 3), (0, 3)])),
        ("SSDO", shares([(0, 4), (0, 4)])),
        ("SSDS", shares([(0, 1), (0, 1)])),
        ("unclassified", shares([(0, 3), (0, 2)])),
        ("all", shares([(0, 8), (0, 9)])),
    ]);
    assert_eq!(rows(&answer, "last-day", View::Paper), expected);
    // Servers, unobserved ones, domains, unobserved ones.
    let expected = table([
        ("SO", shares([(0, 5), (0, 0), (0, 6), (0, 0)])),
        ("SSDO", shares([(1, 2), (0, 0), (1, 2), (0, 0)])),
        ("SSDS", shares([(2, 2), (0, 0), (2, 2), (0, 0)])),
        ("unclassified", shares([(0, 2), (1, 1), (0, 1), (1, 1)])),
        ("all", shares([(2, 9), (1, 1), (2, 10), (1, 1)])),
    ]);
    assert_eq!(rows(&answer, "last-day", View::Ours), expected);
    let causes = rows(&ask(&archive, "p22-figure-4"), "by-day", View::Ours);
    assert_eq!(causes[&format!("{} SSDS", 2 * DAY)], shares([(0, 2), (0, 2), (1, 2), (1, 2), (0, 2)]));
}

#[test]
fn excluded_hosts_and_rounds_are_left_out() {
    let place = TempDir::new().unwrap();
    let archive = archive(&place);
    let exclude_hosts = vec!["two-a.com".to_owned(), "multi.com".to_owned()];
    let settings = Settings { exclude_hosts, exclude_rounds: vec![(2 * DAY, 3 * DAY)], many: 2, ..Settings::new() };
    let found = answers(&archive, &settings, &[find("p22-rollover").unwrap(), find("p22-managing").unwrap()]).unwrap();
    assert_eq!(rows(&found[0], "funnel", View::Paper)["servers"], [Share::new(8, 8)]);
    assert_eq!(rows(&found[1], "by-class", View::Paper).len(), 4, "one day is left");
}
