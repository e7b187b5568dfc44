//! What is found out about names does not depend on how badly the network does, as long as any server of theirs can be reached.

use super::dns_scan::{records, verdict};
use super::{lines, stderr};
use lab::{Adversity, Content, Lab, LabConfig};
use std::collections::{BTreeMap, BTreeSet};
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
                domains: 300,
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

    /// One run of `dns scan`: exactly one record a line, which is checked here. Also says how many queries it sent.
    fn scan(&self, what: &str, adversity: Adversity) -> (Verdicts, u64) {
        self.lab.suffer(adversity);
        let file = |name: &str| self.directory.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(file("list"), self.names.join("\n")).unwrap();
        let out = self.directory.path().join(what);
        let begun = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_danelaw"))
            .args(["dns", "scan", &file("list"), "--out", &file(what), "--stats", &file("stats"), "--workers", "1"])
            .args(["--root-hints", &file("root.hints"), "--anchor", &file("anchor.ds")])
            .args(["--dns-port", &self.lab.config().dns_port.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(0), "{what}");
        let stats = std::fs::read_to_string(file("stats")).unwrap();
        println!("{what}: {:.1} s {}", begun.elapsed().as_secs_f32(), stats.trim());
        let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
        let told = records(&out);
        assert_eq!(told.len(), self.names.len(), "{what}");
        let verdicts = told.into_values().map(|record| (record["name"].as_str().unwrap().to_owned(), verdict(&record)));
        (verdicts.collect(), stats["queries"].as_u64().unwrap())
    }

    /// One run of `scan` without SMTP: exactly one verdict a name. What was found, without words.
    fn survey(&self, what: &str, adversity: Adversity) -> Verdicts {
        self.lab.suffer(adversity);
        let file = |name: &str| self.directory.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(file("list"), self.names.join("\n")).unwrap();
        let begun = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_danelaw"))
            .args(["scan", &file("list"), "--archive", &file(what), "--json", "--dns-only", "--allow-private"])
            .args(["--root-hints", &file("root.hints"), "--anchor", &file("anchor.ds")])
            .args(["--dns-port", &self.lab.config().dns_port.to_string()])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{what}: {}", stderr(&output));
        println!("{what}: {:.1} s", begun.elapsed().as_secs_f32());
        let all = lines(&output);
        let mut found = Verdicts::new();
        for verdict in all.iter().filter(|line| line["kind"] == "verdict") {
            let mut findings: Vec<String> =
                verdict["findings"].as_array().unwrap().iter().map(|f| format!("{} {}", f["cause"], f["subject"])).collect();
            findings.sort_unstable();
            let standing = ["standing", "delivery", "mx_status"].map(|field| verdict[field].to_string()).join(" ");
            let domain = verdict["domain"].as_str().unwrap().to_owned();
            assert!(found.insert(domain.clone(), (standing, findings)).is_none(), "{what}: {domain} has two verdicts");
        }
        assert_eq!(found.len(), self.names.len(), "{what}");
        found
    }

    /// The second server of every zone that has two, in three parts.
    fn seconds(&self) -> [Vec<Ipv4Addr>; 3] {
        let all: BTreeSet<Ipv4Addr> = self.lab.name_servers().iter().filter_map(|(_, servers)| servers.get(1).copied()).collect();
        assert!(all.len() > 10, "{all:?}");
        [0, 1, 2].map(|part| all.iter().enumerate().filter(|(number, _)| number % 3 == part).map(|(_, ip)| *ip).collect())
    }
}

/// What differs, for people.
fn differences(clean: &Verdicts, bad: &Verdicts) -> Vec<String> {
    let tell = |(name, now): (&String, &(String, Vec<String>))| {
        let (was, answers) = &clean[name];
        let changed: Vec<_> = now.1.iter().filter(|answer| !answers.contains(answer)).collect();
        (*was != now.0 || *answers != now.1).then(|| format!("{name}: was {was}, is {}: {changed:?}", now.0))
    };
    bad.iter().filter_map(tell).collect()
}

/// A clean run, then one with this adversity: the same is said of every name.
fn same_as_clean(what: &str, adversity: impl Fn(&Place) -> Adversity) {
    let place = Place::new();
    let (clean, usual) = place.scan("clean", Adversity::default());
    assert!(clean.values().any(|(status, _)| status.starts_with("\"secure")), "the clean run is of use");
    let (now, queries) = place.scan(what, adversity(&place));
    let differ = differences(&clean, &now);
    assert!(differ.is_empty(), "{what}: {} of {} names\n{}", differ.len(), clean.len(), differ.join("\n"));
    // Each question may meet the bad one of two servers, and may have to be repeated over TCP. More would be a storm.
    assert!(queries <= 3 * usual, "{what}: {queries} queries instead of {usual}");
}

fn calm() -> Adversity {
    Adversity { seed: 7, ..Adversity::default() }
}

#[test]
fn a_tenth_of_all_datagrams_lost() {
    same_as_clean("loss", |_| Adversity { loss: 0.1, ..calm() });
}

#[test]
fn a_fifth_of_a_second_away() {
    same_as_clean("latency", |_| Adversity { latency: Duration::from_millis(200), ..calm() });
}

#[test]
fn every_second_answer_truncated() {
    same_as_clean("truncated", |_| Adversity { truncated: 0.5, ..calm() });
}

#[test]
fn every_second_server_dead_or_lame() {
    same_as_clean("dead-and-lame", |place| {
        let [dead, lame, more] = place.seconds();
        Adversity { dead: [dead, more].concat(), lame, ..calm() }
    });
}

fn no_datagram_arrives_anywhere() {
    let all = |place: &Place| place.lab.name_servers().into_iter().flat_map(|(_, servers)| servers).collect();
    same_as_clean("tcp-only", |place| Adversity { tcp_only: all(place), ..calm() });
}

#[test]
fn a_tenth_of_all_answers_is_servfail_or_refused() {
    same_as_clean("errors", |_| Adversity { servfail: 0.05, refused: 0.05, ..calm() });
}

fn all(place: &Place) -> Adversity {
    let [dead, lame, tcp_only] = place.seconds();
    let latency = Duration::from_millis(200);
    Adversity { loss: 0.1, latency, truncated: 0.1, servfail: 0.05, refused: 0.05, dead, lame, tcp_only, ..calm() }
}

fn all_of_it_together() {
    same_as_clean("all", all);
}

/// The same for `scan`, which asks more and judges what it finds.
fn a_survey_judges_the_same_in_all_of_it() {
    let place = Place::new();
    let clean = place.survey("clean", Adversity::default());
    let differ = differences(&clean, &place.survey("all", all(&place)));
    assert!(differ.is_empty(), "{} of {} names\n{}", differ.len(), clean.len(), differ.join("\n"));
}

/// Where nobody answers, that is what is said; the neighbours do not suffer.
fn every_server_of_some_names_dead() {
    let place = Place::new();
    let (clean, usual) = place.scan("clean", Adversity::default());
    let own: Vec<_> = place.lab.name_servers().into_iter().filter(|(_, servers)| servers[0].octets()[..3] == [127, 53, 4]).collect();
    let dead = own[0].1.clone();
    assert_eq!(dead.len(), 2);
    let (mut now, queries) = place.scan("some-dead", Adversity { dead: dead.clone(), ..calm() });
    let gone = |name: &str| own.iter().any(|(apex, servers)| apex.to_string() == name && *servers == dead);
    let theirs: Verdicts = now.extract_if(.., |name, _| gone(name)).collect();
    assert!(!theirs.is_empty() && theirs.len() < own.len(), "{} of {}", theirs.len(), own.len());
    for (name, (status, answers)) in &theirs {
        assert!(status.starts_with("\"indeterminate"), "{name}: {status}");
        let unknown: Vec<_> = answers.iter().filter(|answer| answer.contains(": \"indeterminate")).collect();
        assert!(!unknown.is_empty());
        let path = |answer: &str| answer.contains("\"timeout\"") || answer.contains("\"fetch-failed\"");
        assert!(unknown.iter().all(|answer| path(answer)), "{name}: {unknown:?}");
    }
    let differ = differences(&clean, &now);
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(queries <= usual + usual / 10, "the dead are left in peace: {queries} queries instead of {usual}");
}

/// These four do little else than wait, so they wait together.
#[test]
fn what_takes_long() {
    let all = [no_datagram_arrives_anywhere, all_of_it_together, a_survey_judges_the_same_in_all_of_it, every_server_of_some_names_dead];
    let threads = all.map(std::thread::spawn);
    let failed = threads.map(|thread| thread.join().is_err());
    assert_eq!(failed, [false; 4], "which of the four failed, as they stand here; their words are above");
}
