//! `archive info`, `verify` and `compact`; and two who write at once.

use super::import::content;
use super::{danelaw, history, hours, refused, said, stderr, text};
use archive::states::Writer;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn archive(verb: &str, root: &Path, exit: i32) -> Value {
    said(&danelaw(&["archive", verb, text(root), "--json"]), exit)
}

#[test]
fn an_archive_tells_what_it_holds_and_whether_it_is_sound() {
    let place = tempfile::tempdir().unwrap();
    let history = history(place.path(), &["--servers", "8", "--vantages", "2"]);
    let root = place.path().join("archive");
    said(&danelaw(&["import", "dane-study", text(&history), "--archive", text(&root), "--json"]), 0);
    let info = archive("info", &root, 0);
    let truth: Value = serde_json::from_slice(&fs::read(history.join("truth.json")).unwrap()).unwrap();
    let start = truth["config"]["start"].as_i64().unwrap();
    for (place, city) in truth["vantages"].as_array().unwrap().iter().enumerate() {
        let found = info["vantages"].as_array().unwrap().iter().find(|v| v["vantage"] == *city).unwrap();
        let rounds = hours(&history, city.as_str().unwrap()).len();
        let (first, last) = (found["first_s"].as_i64().unwrap(), found["last_s"].as_i64().unwrap());
        let within = |at: &&Value| (first..last).contains(&at.as_i64().unwrap());
        let missed = truth["missed"][place].as_array().unwrap().iter().filter(within).count();
        assert_eq!((&found["rounds"], &found["missed"], &found["incomplete"]), (&rounds.into(), &missed.into(), &0.into()));
        assert!(first >= start && found["every_s"] == 3600);
    }
    let on_disk = |root: &Path| -> u64 {
        let mut left = vec![root.join("states")];
        let mut octets = 0;
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
                let about = entry.metadata().unwrap();
                if about.is_dir() {
                    left.push(entry.path());
                } else if entry.path().extension().is_some_and(|ending| ending == "parquet") {
                    octets += about.len();
                }
            }
        }
        octets
    };
    assert_eq!(info["octets"], on_disk(&root));
    let verified = archive("verify", &root, 0);
    assert_eq!((&verified["sound"], &verified["rounds"], &verified["torn"]), (&true.into(), &info["rounds"], &Value::Null));
    let before = content(&root);
    let compacted = archive("compact", &root, 0);
    assert!(compacted["files"].as_u64().unwrap() <= compacted["files_before"].as_u64().unwrap());
    assert_eq!(content(&root), before);
    archive("verify", &root, 0);
    // An octet that is not what it was.
    let file = fs::read_dir(root.join("states/tlsa_set")).unwrap().next().unwrap().unwrap().path();
    let mut octets = fs::read(&file).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    fs::write(&file, &octets).unwrap();
    let found = archive("verify", &root, 1);
    assert_eq!((&found["sound"], &found["fault_count"]), (&false.into(), &1.into()));
    assert!(found["faults"][0].as_str().unwrap().contains("tlsa_set"), "{found}");
    // Cut short, and gone.
    fs::write(&file, &octets[..middle]).unwrap();
    archive("verify", &root, 1);
    fs::remove_file(&file).unwrap();
    refused(&danelaw(&["archive", "verify", text(&root)]), &["tlsa_set", "No such file"]);
    refused(&danelaw(&["export", "--archive", text(&root), "--form", "csv", "--out", text(place.path())]), &["tlsa_set"]);
}

#[test]
fn newer_and_foreign_archives_are_named() {
    let place = tempfile::tempdir().unwrap();
    for verb in ["info", "verify", "compact"] {
        refused(&danelaw(&["archive", verb, text(place.path())]), &["no archive of states here"]);
    }
    assert!(!place.path().join("states").exists(), "compact makes no archive");
    refused(&danelaw(&["rejudge", "--archive", text(place.path())]), &["no archive of states here"]);
    let root = place.path().join("archive");
    drop(Writer::open(&root).unwrap());
    let manifest = root.join("states/manifest.json");
    let mut content: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    content["schema"] = 1000.into();
    fs::write(&manifest, content.to_string()).unwrap();
    for verb in [&["archive", "info"][..], &["archive", "verify"], &["archive", "compact"], &["rejudge", "--archive"]] {
        refused(&danelaw(&[verb, &[text(&root)]].concat()), &["manifest.json", "newer danelaw", "1000"]);
    }
    fs::write(&manifest, "{}").unwrap();
    refused(&danelaw(&["archive", "info", text(&root)]), &["manifest.json"]);
}

#[test]
fn who_writes_keeps_others_from_writing() {
    let place = tempfile::tempdir().unwrap();
    let history = history(place.path(), &["--servers", "1"]);
    let root = place.path().join("archive");
    let writer = Writer::open(&root).unwrap();
    let process = std::process::id().to_string();
    for arguments in [
        &["import", "dane-study", text(&history), "--archive", text(&root)][..],
        &["archive", "compact", text(&root)],
        &["rejudge", "--archive", text(&root)],
    ] {
        refused(&danelaw(arguments), &["is being written by process", &process]);
    }
    // Who reads is free to.
    archive("info", &root, 0);
    drop(writer);
    let output = danelaw(&["import", "dane-study", text(&history), "--archive", text(&root)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}
