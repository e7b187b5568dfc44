//! Rules of today for states of then.

use super::import::content;
use super::{danelaw, history, said, text};
use archive::states::model::{Digest, Notes, ServerKey, ServerSeen, ServerVerdict, Snapshot, Versions};
use archive::states::{Apply, Archive, Columns, Judged, Look, Round, Writer};
use data_encoding::BASE64;
use lab::{Content, Lab, LabConfig};
use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// As if rules had made them that knew nothing.
fn forget(root: &Path) {
    let judge = |_: archive::states::Kept<'_>| Judged { verdict: ServerVerdict::default(), dnssec: None, until: i64::MAX };
    Writer::open(root).unwrap().rejudge(1, Apply::Write, judge).unwrap();
}

fn rules(root: &Path) -> Vec<u16> {
    let mut all = Vec::new();
    Archive::open(root).unwrap().server_states(Columns::All, |states| all.extend(states.iter().map(|state| state.notes.rules))).unwrap();
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn what_old_rules_said_is_what_new_ones_say() {
    let place = tempfile::tempdir().unwrap();
    let history = history(place.path(), &["--servers", "25", "--vantages", "2"]);
    let root = place.path().join("archive");
    let import = || said(&danelaw(&["import", "dane-study", text(&history), "--archive", text(&root), "--json"]), 0);
    let taken = import();
    let judged = content(&root);
    forget(&root);
    let forgotten = content(&root);
    assert_ne!(forgotten, judged);
    assert_eq!(rules(&root), [1]);
    let manifest = || Digest::of(&fs::read(root.join("states/manifest.json")).unwrap());
    let before = manifest();
    let run = |more: &[&str]| said(&danelaw(&[&["rejudge", "--archive", text(&root), "--json"], more].concat()), 0);
    let dry = run(&["--dry-run"]);
    assert_eq!((manifest(), content(&root)), (before, forgotten));
    let done = run(&[]);
    assert_eq!(dry["changes"], done["changes"]);
    assert_eq!((done["observations"].as_u64(), &done["dry_run"]), (taken["rows"].as_u64(), &false.into()));
    assert_eq!(content(&root), judged);
    assert_eq!(rules(&root), [dane::verdict::RULES_VERSION]);
    said(&danelaw(&["archive", "verify", text(&root), "--json"]), 0);
    // From nothing to what the answers are, and from then on to nothing else.
    let null_to = |column: &str| {
        let changes = done["changes"].as_array().unwrap().iter();
        changes
            .filter(|change| change["column"] == column && change["from"].is_null())
            .map(|change| change["observations"].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(null_to("paper_match"), done["changed"].as_u64().unwrap());
    assert!(done["status_kept"].as_u64().unwrap() > 0 && done["revalidated"] == 0);
    assert_eq!(run(&[])["changed"], 0);
    // Rounds are the same as before, whatever they mean.
    assert_eq!(import()["rounds"]["known"], taken["rounds"]["new"]);
}

/// Killed at any time, it leaves the old archive or the new one.
#[test]
fn a_killed_rejudge_leaves_one_of_two() {
    let place = tempfile::tempdir().unwrap();
    let history = history(place.path(), &["--servers", "15"]);
    let root = place.path().join("archive");
    said(&danelaw(&["import", "dane-study", text(&history), "--archive", text(&root), "--json"]), 0);
    let new = content(&root);
    forget(&root);
    let old = content(&root);
    for wait in [5, 15, 30, 60, 100, 150] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_danelaw"))
            .args(["rejudge", "--archive", text(&root), "--json"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        child.kill().ok();
        child.wait().unwrap();
        let now = content(&root);
        assert!(now == old || now == new, "after {wait} ms");
        said(&danelaw(&["archive", "verify", text(&root), "--json"]), 0);
    }
}

/// A question with DO, to a name server of the lab. (RFC 1035 section 4.1, RFC 6891 section 6.1.2)
fn ask(server: &str, port: u16, name: &str, rtype: u16) -> Vec<u8> {
    let mut query = vec![0x47, 0x11, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.') {
        query.push(label.len() as u8);
        query.extend(label.as_bytes());
    }
    query.push(0);
    query.extend(rtype.to_be_bytes().into_iter().chain([0, 1]));
    query.extend([0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    socket.send_to(&query, (server, port)).unwrap();
    let mut answer = vec![0; 4096];
    let length = socket.recv(&mut answer).unwrap();
    answer.truncate(length);
    answer
}

/// A round in which each host had these records, insecure, with these answers as evidence.
fn keep(root: &Path, now: i64, set: &[dane::tlsa::Tlsa], hosts: &[(&str, &[String])]) {
    let mut writer = Writer::open(root).unwrap();
    let parts = writer.parts();
    let look = |(host, kept): &(&str, &[String])| {
        let seen = ServerSeen {
            tlsa_set: Some(parts.tlsa_set(set.to_vec())),
            dnssec: Some(dane::dns::Security::Insecure),
            reason: Some(parts.word("unsigned")),
            ..ServerSeen::default()
        };
        let evidence_from = Some(parts.evidence(kept.iter().map(String::as_str)));
        Look { key: parts.server(&ServerKey::new(host, 25, None)), seen, notes: Notes { evidence_from, ..Notes::default() } }
    };
    let servers = Some(hosts.iter().map(look).collect());
    let snapshot = Snapshot {
        vantage: writer.parts().word("here"),
        scheduled_s: now,
        every_s: 3600,
        started_s: now,
        finished_s: Some(now),
        clock_offset_ms: None,
        targets_sha256: None,
        targets: 3,
        done: 3,
        servers: None,
        domains: None,
        complete: true,
        config_sha256: None,
        versions: Versions::default(),
        content: Digest::default(),
    };
    writer.append(&Round { snapshot, servers, domains: None }).unwrap();
}

/// Where the raw answers that are kept have all keys on the way, they are validated anew; where they have not, the status stays.
#[test]
fn answers_that_were_kept_are_validated_anew() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let base = 30_000 + (std::process::id() % 10_000) as u16;
    let start = |port| {
        let config = LabConfig { dns_port: port, smtp_port: port + 1, content: Content::Catalogue, ..LabConfig::new(now) };
        Some((Lab::start(config).ok()?, port))
    };
    let (lab, port) = (0..20).find_map(|i| start(base + 10 * i)).expect("two free ports on 127.0.0.0/8");
    let place = tempfile::tempdir().unwrap();
    lab.export_hints(place.path()).unwrap();
    let (hints, anchor) = (place.path().join("root.hints"), place.path().join("anchor.ds"));
    let validate = |name: &str, rtype: &str| {
        let port = port.to_string();
        let options = ["--root-hints", text(&hints), "--anchor", text(&anchor), "--dns-port", &port, "--json"];
        said(&danelaw(&[&["dns", "validate", name, rtype][..], &options].concat()), 0)
    };
    let keys = validate("valid.nl", "DNSKEY");
    let server = keys["server"].as_str().unwrap();
    let host = "mx1.valid.nl";
    let owner = format!("_25._tcp.{host}");
    let set: Vec<dane::tlsa::Tlsa> = validate(&owner, "TLSA")["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["data"].as_str().unwrap().parse().unwrap())
        .collect();
    let messages = [ask(server, port, &owner, 52), ask(server, port, "valid.nl", 48)].map(|message| BASE64.encode(&message));
    // The zone's keys are trusted by themselves.
    let trusted = place.path().join("trusted");
    let lines: Vec<String> = keys["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| format!("valid.nl. 3600 IN DNSKEY {}", key["data"].as_str().unwrap()))
        .collect();
    fs::write(&trusted, lines.join("\n") + "\n").unwrap();
    let root = place.path().join("archive");
    let kept = [(host, &messages[..]), ("other.valid.nl", &messages), ("mx1.other.nl", &messages[..1])];
    keep(&root, now, &set, &kept);
    let done = said(&danelaw(&["rejudge", "--archive", text(&root), "--anchor", text(&trusted), "--json"]), 0);
    assert_eq!((&done["revalidated"], &done["status_kept"], &done["changed"]), (&1.into(), &2.into(), &1.into()), "{done}");
    let changes: Vec<String> =
        done["changes"].as_array().unwrap().iter().map(|c| format!("{} {} {}", c["column"], c["from"], c["to"])).collect();
    assert_eq!(changes, [r#""dnssec" "insecure" "secure""#, r#""reason" "unsigned" null"#]);
    said(&danelaw(&["archive", "verify", text(&root), "--json"]), 0);
}
