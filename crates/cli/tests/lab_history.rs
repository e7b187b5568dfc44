//! `lab history` as its users run it.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn history(out: &Path, options: &[&str]) -> Output {
    let fixed = ["lab", "history", "--out", out.to_str().unwrap()];
    Command::new(env!("CARGO_BIN_EXE_danelaw")).args(fixed).args(options).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn files_truth_and_contract() {
    let directory = tempfile::tempdir().unwrap();
    let options = ["--servers", "8", "--days", "14", "--vantages", "2", "--domains", "50", "--gzip", "--json"];
    let output = history(directory.path(), &options);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let truth: Value = serde_json::from_slice(&fs::read(directory.path().join("truth.json")).unwrap()).unwrap();
    assert_eq!((&said["kind"], &said["counts"], truth["servers"].as_array().unwrap().len()), (&"lab-history".into(), &truth["counts"], 8));
    let files = |city: &str| fs::read_dir(directory.path().join(city)).unwrap().count();
    assert_eq!(said["written"]["files"], files("virginia") + files("oregon"));
    // Every hour of fourteen days but those that were missed.
    assert_eq!(files("virginia"), 336 - truth["missed"][0].as_array().unwrap().len());
    // Other people's program unpacks it, and the first line is of the first hour.
    let packed = directory.path().join("virginia/190713_0.txt.gz");
    let text = Command::new("gzip").arg("-dc").arg(packed).output().unwrap().stdout;
    let first: Value = serde_json::from_slice(text.split(|b| *b == b'\n').next().unwrap()).unwrap();
    assert_eq!((&first["time"], &first["city"]), (&"20190713 0".into(), &"virginia".into()));
    let domains = fs::read_to_string(directory.path().join("domains.jsonl")).unwrap();
    assert_eq!(said["domain_changes"], domains.lines().count());
    let adoption: Value = serde_json::from_slice(&fs::read(directory.path().join("domains-truth.json")).unwrap()).unwrap();
    assert_eq!(adoption["adoption"]["com"].as_array().unwrap().len(), 14);
}

#[test]
fn options_that_cannot_be_are_named() {
    let directory = tempfile::tempdir().unwrap();
    for (options, word) in [
        (&["--days", "13"][..], "--days"),
        (&["--vantages", "6"], "--vantages"),
        (&["--start", "2020-01-01T01:00:00Z"], "midnight"),
        (&["--servers", "x"], "--servers"),
    ] {
        let output = history(directory.path(), options);
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(word), "{options:?}");
    }
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let output = history(&file, &["--form", "truth"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write"));
}
