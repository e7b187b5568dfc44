//! Old files stay readable, newer ones are refused by name.

use archive::{Error, Item, Run, RunWriter, read_log};
use dane::observation::SCHEMA_VERSION;
use std::fs;
use std::path::Path;

/// Written by the first version and never to be changed: lines of schema 1, a kind and fields of some later version beside them.
const SCHEMA_1: &str = "tests/data/schema-1.jsonl";

fn observation(item: Item) -> Option<dane::observation::Observation> {
    if let Item::Seen(observation) = item { Some(*observation) } else { None }
}

#[test]
fn a_log_of_schema_1_is_read() {
    let mut seen = Vec::new();
    let (run, damage) = read_log(Path::new(SCHEMA_1), |i| seen.extend(observation(i))).unwrap();
    let run = run.unwrap();
    assert_eq!((run.danelaw.as_str(), run.finished, run.targets), ("0.1.0", Some(1_795_255_410), 2));
    assert_eq!(damage.count, 0, "a kind that nobody knows yet is passed over, not damage");
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].domain.domain.to_string(), "example.nl");
    let host = &seen[0].hosts[0];
    assert_eq!(host.tlsa[0].records[0].data, "3 1 1 ab");
    assert_eq!(&*host.servers[0].tls.as_ref().unwrap().chain[0].0, b"not a certificate");
    assert!(seen[1].hosts.is_empty());
}

#[test]
fn a_newer_log_is_refused_by_name() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("new.jsonl");
    fs::write(&path, format!("{{\"kind\":\"domain\",\"schema\":{}}}\n", SCHEMA_VERSION + 1)).unwrap();
    let error = read_log(&path, |_| ()).unwrap_err();
    assert!(matches!(error, Error::TooNew { found, .. } if found == u64::from(SCHEMA_VERSION) + 1), "{error}");
    assert!(error.to_string().contains("new.jsonl: written by a newer danelaw (schema 2, this one reads up to 1)"), "{error}");
}

#[test]
fn broken_lines_are_counted_and_passed_over() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("damaged.jsonl");
    let good = fs::read_to_string(SCHEMA_1).unwrap();
    let mut lines: Vec<&str> = good.lines().collect();
    lines.insert(1, "\u{0}\u{1}garbage");
    lines.insert(2, "{\"kind\":\"host\",\"schema\":1,\"servers\":[{\"tls\":{\"chain\":[{\"sha256\":\"00\"}]}}]}");
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let mut domains = 0;
    let (_, damage) = read_log(&path, |_| domains += 1).unwrap();
    assert_eq!((domains, damage.count, damage.torn), (2, 2, false));
    assert_eq!(damage.lines[1], (3, "certificate 00 is missing".into()));
}

#[test]
fn every_parquet_file_carries_its_version() {
    let place = tempfile::tempdir().unwrap();
    let run = RunWriter::create(place.path(), &crate::common::run()).unwrap().finish(&crate::common::run()).unwrap();
    for table in archive::PARQUET_FILES {
        let bytes = fs::read(run.directory().join(format!("{table}.parquet"))).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("danelaw.schema"), "{table}");
    }
}

#[test]
fn a_newer_parquet_file_is_refused_by_name() {
    let place = tempfile::tempdir().unwrap();
    let run: Run = RunWriter::create(place.path(), &crate::common::run()).unwrap().finish(&crate::common::run()).unwrap();
    let path = run.directory().join("snapshot.parquet");
    let bytes = fs::read(&path).unwrap();
    // The metadata is Thrift: key, then a field header and a length before the value, "1".
    let key = bytes.windows(14).position(|w| w == b"danelaw.schema").unwrap();
    let mut newer = bytes.clone();
    assert_eq!(newer[key + 15..key + 17], *b"\x011", "a value of one character");
    newer[key + 16] = b'9';
    fs::write(&path, newer).unwrap();
    assert!(matches!(run.metadata().unwrap_err(), Error::TooNew { found: 9, .. }));
}

#[test]
fn a_full_disk_is_one_clear_line() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    let error = archive::Writer::new(full).run(&crate::common::run()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    let shown = Error::Io { path: "/dev/full".into(), source: error }.to_string();
    assert_eq!(shown, "/dev/full: No space left on device (os error 28); what is written stays readable; free some space and run again");
}
