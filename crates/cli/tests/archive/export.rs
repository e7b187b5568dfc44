//! Out of an archive, and in again.

use super::import::content;
use super::{danelaw, history, hours, refused, said, stderr, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// What is said of a server and hour, apart from how a DNS response is laid out.
fn essence(line: &str) -> (String, Value) {
    let mut line: Value = serde_json::from_str(line).unwrap();
    if let Some(tlsa) = line["tlsa"].as_object_mut() {
        tlsa.remove("record_raw");
        tlsa.remove("why_bogus");
    }
    if let Some(starttls) = line["starttls"].as_object_mut() {
        starttls.remove("why_fail");
    }
    (line["domain"].as_str().unwrap().to_owned(), line)
}

#[test]
fn lines_go_out_and_come_in_again() {
    let place = tempfile::tempdir().unwrap();
    let history = history(place.path(), &["--servers", "20", "--vantages", "2"]);
    let [one, other, out, packed] = ["one", "other", "out", "packed"].map(|name| place.path().join(name));
    let import = |from, to| said(&danelaw(&["import", "dane-study", text(from), "--archive", text(to), "--json"]), 0);
    let taken = import(&history, &one);
    let export = |more: &[&str], to| {
        said(&danelaw(&[&["export", "--archive", text(&one), "--form", "dane-study", "--json", "--out", text(to)], more].concat()), 0)
    };
    let given = export(&[], &out);
    assert_eq!((&given["rows"]["dane-study"], &given["left_out"]), (&taken["rows"], &0.into()));
    // Line by line what came in: names of files, hours, hosts, certificates.
    for city in ["virginia", "oregon"] {
        let (before, after) = (hours(&history, city), hours(&out, city));
        let names = |files: &[std::path::PathBuf]| files.iter().map(|path| path.file_name().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&before), names(&after));
        for (before, after) in before.iter().zip(&after).step_by(29) {
            let read = |path| fs::read_to_string(path).unwrap().lines().map(essence).collect::<BTreeMap<_, _>>();
            assert_eq!(read(before), read(after));
        }
    }
    import(&out, &other);
    assert_eq!(content(&other), content(&one));
    let week = export(&["--vantage", "oregon", "--from", "2019-07-15T00:00:00Z", "--to", "2019-07-16T00:00:00Z", "--gzip"], &packed);
    let day = hours(&out, "oregon").iter().filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("190715_")).count();
    assert_eq!(week["files"], day);
    assert!(!packed.join("virginia").exists());
    let first = Command::new("gzip").arg("-dc").arg(packed.join("oregon/190715_1.txt.gz")).output().unwrap().stdout;
    assert_eq!(first, fs::read(out.join("oregon/190715_1.txt")).unwrap());
}

/// A field of a line of CSV by hand: no field of these has a comma or a quote in it but lists of two hosts or causes.
fn column<'a>(csv: &'a str, name: &str) -> Vec<&'a str> {
    let place = csv.lines().next().unwrap().split(',').position(|column| column == name).unwrap();
    csv.lines().skip(1).map(|line| line.split(',').nth(place).unwrap()).collect()
}

#[test]
fn rows_say_it_in_words() {
    let place = tempfile::tempdir().unwrap();
    let history = history(place.path(), &["--servers", "5"]);
    let [root, jsonl, csv] = ["archive", "jsonl", "csv"].map(|name| place.path().join(name));
    said(&danelaw(&["import", "dane-study", text(&history), "--archive", text(&root), "--json"]), 0);
    let export = |form, to| said(&danelaw(&["export", "--archive", text(&root), "--form", form, "--json", "--out", text(to)]), 0);
    let counts = export("jsonl", &jsonl);
    assert_eq!(export("csv", &csv)["rows"], counts["rows"]);
    let rows: Vec<Value> =
        fs::read_to_string(jsonl.join("server_state.jsonl")).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(counts["rows"]["server_state"], rows.len());
    // Every hour of every server is told by a line, and by a state once.
    let lines: usize = hours(&history, "virginia").iter().map(|path| fs::read_to_string(path).unwrap().lines().count()).sum();
    assert_eq!(rows.iter().map(|row| row["n_obs"].as_u64().unwrap()).sum::<u64>(), lines as u64);
    let with = rows.iter().find(|row| row["chain"].is_array() && row["tlsa"].is_array()).unwrap();
    assert!(with["tlsa"][0].as_str().unwrap().split(' ').count() == 4 && with["chain"][0].as_str().unwrap().len() == 64, "{with}");
    let table = fs::read_to_string(csv.join("server_state.csv")).unwrap();
    let hosts: Vec<&str> = rows.iter().map(|row| row["host"].as_str().unwrap()).collect();
    assert_eq!(column(&table, "host"), hosts);
    let names: Vec<String> = rows[0].as_object().unwrap().keys().cloned().collect();
    let mut header: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    header.sort_unstable();
    assert_eq!(header, names);
    let from: Vec<String> = rows.iter().map(|row| row["valid_from_s"].to_string()).collect();
    assert_eq!(column(&table, "valid_from_s"), from);
    // Nobody looked at domains: a table with names and no rows.
    let domains = fs::read_to_string(csv.join("domain_state.csv")).unwrap();
    assert!(domains.starts_with("domain,tld,vantage,") && domains.lines().count() == 1);
    assert_eq!(fs::read_to_string(jsonl.join("snapshot.jsonl")).unwrap().lines().count(), hours(&history, "virginia").len());
}

#[test]
fn what_is_not_there_is_not_handed_out() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let export =
        |archive: &str, more: &[&str]| danelaw(&[&["export", "--archive", archive, "--form", "csv", "--out", text(&out)], more].concat());
    refused(&export(text(place.path()), &[]), &["no archive of states here"]);
    let history = history(place.path(), &["--servers", "1"]);
    let root = place.path().join("archive");
    said(&danelaw(&["import", "dane-study", text(&history), "--archive", text(&root), "--json"]), 0);
    refused(&export(text(&root), &["--vantage", "atlantis"]), &["atlantis", "no such vantage point", "virginia"]);
    refused(&export(text(&root), &["--from", "20", "--to", "10"]), &["--from", "not before --to"]);
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let output = danelaw(&["export", "--archive", text(&root), "--form", "jsonl", "--out", text(&file)]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}
