//! What is found out about names does not depend on how badly the network does, as long as any server of theirs can be reached.

use super::dns_scan::{records, verdict};
use lab::{Adversity, Content, Lab, LabConfig};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What is said of each name.
type Verdicts = BTreeMap<String, (String, Vec<String>)>;

/// A lab of its own: the network of the others shall stay good.
struct Place {
    lab: Lab,
    directory: tempfile::TempDir,
    names: Vec<String>,
}

impl Place {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let base = 30_000 + u16::try_from(std::process::id() % 2000).unwrap();
        let start = |port| {
            let config = LabConfig {
                domains: 160,
                dns_port: port,
                smtp_port: port + 1,
                content: Content::Population,
                ..LabConfig::new(i64::try_from(now).unwrap())
            };
            Lab::start(config).ok()
        };
        let lab = (0..20).find_map(|i| start(base + 10 * i)).expect("two free ports on 127.0.0.0/8");
        let directory = tempfile::tempdir().unwrap();
        lab.export_hints(directory.path()).unwrap();
        let names = lab.truth().iter().map(|truth| truth.domain.to_string()).collect();
        Self { lab, directory, names }
    }

    /// One run of `dns scan`: exactly one record a line, which is checked here.
    fn scan(&self, what: &str, adversity: Adversity) -> Verdicts {
        self.lab.suffer(adversity);
        let file = |name: &str| self.directory.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(file("list"), self.names.join("\n")).unwrap();
        let out = self.directory.path().join(what);
        let begun = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_danelaw"))
            .args(["dns", "scan", &file("list"), "--out", &file(what), "--stats", &file("stats")])
            .args(["--root-hints", &file("root.hints"), "--anchor", &file("anchor.ds")])
            .args(["--dns-port", &self.lab.config().dns_port.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(0), "{what}");
        println!("{what}: {:.1} s {}", begun.elapsed().as_secs_f32(), std::fs::read_to_string(file("stats")).unwrap().trim());
        let told = records(&out);
        assert_eq!(told.len(), self.names.len(), "{what}");
        told.into_values().map(|record| (record["name"].as_str().unwrap().to_owned(), verdict(&record))).collect()
    }

    /// The second server of every group.
    fn seconds(&self) -> Vec<Ipv4Addr> {
        self.lab.name_servers().iter().filter_map(|group| group.get(1).copied()).collect()
    }
}

/// What differs, for people.
fn differences(clean: &Verdicts, bad: &Verdicts) -> Vec<String> {
    let changed = clean.iter().filter(|(name, verdict)| bad.get(*name) != Some(verdict));
    changed.map(|(name, verdict)| format!("{name}\n  clean {verdict:?}\n  now   {:?}", bad.get(name))).collect()
}

#[test]
fn verdicts_are_those_of_a_clean_run() {
    let place = Place::new();
    let clean = place.scan("clean", Adversity::default());
    let seconds = place.seconds();
    let (dead, lame): (Vec<_>, Vec<_>) = seconds.iter().partition(|address| u32::from(**address) % 4 < 2);
    assert!(!dead.is_empty() && !lame.is_empty());
    let calm = Adversity { seed: 7, ..Adversity::default() };
    let all = Adversity {
        loss: 0.1,
        latency: Duration::from_millis(200),
        truncated: 0.1,
        servfail: 0.05,
        refused: 0.05,
        dead: dead.clone(),
        lame: lame.clone(),
        ..calm.clone()
    };
    let adversities = [
        ("loss", Adversity { loss: 0.1, ..calm.clone() }),
        ("latency", Adversity { latency: Duration::from_millis(200), ..calm.clone() }),
        ("truncated", Adversity { truncated: 0.5, ..calm.clone() }),
        ("dead-and-lame", Adversity { dead, lame, ..calm.clone() }),
        ("tcp-only", Adversity { tcp_only: place.lab.name_servers().concat(), ..calm.clone() }),
        ("errors", Adversity { servfail: 0.1, refused: 0.1, ..calm.clone() }),
        ("all", all),
    ];
    let mut failed = Vec::new();
    for (what, adversity) in adversities {
        let differences = differences(&clean, &place.scan(what, adversity));
        if !differences.is_empty() {
            failed.push(format!("{what}: {} of {} names\n{}", differences.len(), clean.len(), differences.join("\n")));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
