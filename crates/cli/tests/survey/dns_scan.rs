//! `dns scan`: exactly one record per line of the list, whatever happens on the way.

use super::{BED, in_lab_with, stderr};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The records by their lines; each line once.
fn records(path: &Path) -> BTreeMap<u64, Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut found = BTreeMap::new();
    for record in text.lines() {
        let record: Value = serde_json::from_str(record).unwrap();
        let line = record["line"].as_u64().unwrap();
        assert!(found.insert(line, record).is_none(), "line {line} has two records");
    }
    found
}

fn start(list: &str, out: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_danelaw"))
        .args(["dns", "scan", list, "--out", out.to_str().unwrap()])
        .args(more)
        .args(BED.dns_options())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the file is at least so long.
fn wait_for(path: &Path, octets: u64) {
    let begun = Instant::now();
    while std::fs::metadata(path).map_or(0, |m| m.len()) < octets {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} stays short", path.display());
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_line_has_its_record() {
    let place = tempfile::tempdir().unwrap();
    let (list, out) = (place.path().join("list"), place.path().join("out"));
    std::fs::write(&list, "valid.nl\n# nothing\nunsigned.nl\nbad..name\nmx-rrsig-expired.nl\n7,valid.nl\nno-such-name.nl\n").unwrap();
    let run = |more: &[&str]| {
        let arguments = [&["dns", "scan", list.to_str().unwrap(), "--out", out.to_str().unwrap()], more].concat();
        in_lab_with(&arguments, &BED.dns_options())
    };
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = records(&out);
    let status: Vec<(u64, &str, &str)> =
        told.iter().map(|(line, r)| (*line, r["name"].as_str().unwrap(), r["status"].as_str().unwrap())).collect();
    let expected = [
        (1, "valid.nl", "secure"),
        (3, "unsigned.nl", "insecure"),
        (4, "bad..name", "indeterminate"),
        (5, "mx-rrsig-expired.nl", "bogus"),
        (6, "valid.nl", "secure"),
        (7, "no-such-name.nl", "insecure"),
    ];
    assert_eq!(status, expected);
    assert_eq!((told[&4]["reason"].as_str(), told[&4]["answers"].as_array().map(Vec::len)), (Some("not-a-name"), Some(0)));
    // TLSA stands for the MX hosts' addresses and TLSA records.
    let asked: Vec<&str> = told[&1]["answers"].as_array().unwrap().iter().map(|a| a["type"].as_str().unwrap()).collect();
    assert!(["SOA", "NS", "DS", "DNSKEY", "MX", "A", "AAAA", "TLSA"].iter().all(|rtype| asked.contains(rtype)), "{asked:?}");
    // Nothing is overwritten, and where all is done nothing is added.
    assert_eq!(run(&[]).status.code(), Some(2));
    assert_eq!(run(&["--resume"]).status.code(), Some(0));
    assert_eq!(records(&out), told);
}

#[test]
fn killed_and_resumed_none_is_lost_and_none_doubled() {
    let place = tempfile::tempdir().unwrap();
    let (list, out) = (place.path().join("list"), place.path().join("out"));
    let lines = 4000;
    let names = ["valid.nl", "unsigned.nl", "null-mx.nl", "bad..name"];
    std::fs::write(&list, (0..lines).map(|i| format!("{}\n", names[i % names.len()])).collect::<String>()).unwrap();
    let mut first = start(list.to_str().unwrap(), &out, &["--in-flight", "20"]);
    wait_for(&out, 1);
    first.kill().unwrap();
    first.wait().unwrap();
    // What a crash of the machine leaves: half a record at the end.
    std::fs::OpenOptions::new().append(true).open(&out).unwrap().write_all(b"{\"line\":4000,\"na").unwrap();
    let before = std::fs::read_to_string(&out).unwrap().lines().count();
    assert!(before < lines, "it was killed in the middle");
    let second = start(list.to_str().unwrap(), &out, &["--resume"]).wait().unwrap();
    assert_eq!(second.code(), Some(0));
    let told = records(&out);
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), (1..=lines as u64).collect::<Vec<_>>());
    assert!(told.iter().all(|(line, r)| r["name"] == names[(*line as usize - 1) % names.len()]));
}

/// Whoever writes the list may be slow: what is there is done meanwhile.
#[test]
fn a_slow_list_holds_up_nothing() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let mut child = start("-", &out, &["--workers", "1"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"valid.nl\n").unwrap();
    input.flush().unwrap();
    wait_for(&out, 1);
    input.write_all(b"unsigned.nl\n").unwrap();
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(records(&out).len(), 2);
}
