//! `scan` and `report`: one record per target, three ways to the same summary.

use super::{BED, alone, in_lab, lines, list, stderr, stdout};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const TARGETS: &str =
    "valid.nl\nstale-tlsa.nl\nds-missing.nl\nnull-mx.nl\nconnection-refused.nl\nmx-without-tlsa.nl\nVALID.nl\nbad..name\nleft-alone.nl\n";

fn run_of(archive: &Path) -> std::path::PathBuf {
    std::fs::read_dir(archive.join("runs")).unwrap().next().unwrap().unwrap().path()
}

fn summary(lines: &[Value]) -> Value {
    lines.iter().find(|l| l["kind"] == "summary").unwrap().clone()
}

#[test]
fn every_target_has_one_record_and_every_reader_says_the_same() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, TARGETS);
    let opt_out = place.path().join("leave-alone.txt");
    std::fs::write(&opt_out, "left-alone.nl\n").unwrap();
    let archive = place.path().join("archive");
    let (list, archive_text) = (list.to_str().unwrap(), archive.to_str().unwrap());
    let output = in_lab(&["scan", list, "--archive", archive_text, "--json", "--opt-out", opt_out.to_str().unwrap(), "--vantage", "test"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("1 line set aside"), "{}", stderr(&output));

    let told = lines(&output);
    let standings: BTreeMap<&str, &str> =
        told.iter().filter(|l| l["kind"] == "verdict").map(|l| (l["domain"].as_str().unwrap(), l["standing"].as_str().unwrap())).collect();
    let expected = [
        ("connection-refused.nl", "could-not-tell"),
        ("ds-missing.nl", "unprotected"),
        ("mx-without-tlsa.nl", "partial"),
        ("null-mx.nl", "no-mail"),
        ("stale-tlsa.nl", "broken"),
        ("valid.nl", "protected"),
    ];
    assert_eq!(standings, BTreeMap::from(expected));

    let run = run_of(&archive);
    let log = std::fs::read_to_string(run.join("observations.jsonl")).unwrap();
    let records: Vec<Value> = log.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let mut terminal: Vec<&str> =
        records.iter().filter(|r| r["kind"] == "domain" || r["kind"] == "skipped").map(|r| r["domain"].as_str().unwrap()).collect();
    terminal.sort_unstable();
    assert_eq!(
        terminal,
        ["connection-refused.nl", "ds-missing.nl", "left-alone.nl", "mx-without-tlsa.nl", "null-mx.nl", "stale-tlsa.nl", "valid.nl"]
    );
    assert!(std::fs::read_to_string(run.join("set-aside.tsv")).unwrap().contains("8\t'bad..name' is not a domain name"));

    assert!(told.iter().any(|l| l["kind"] == "skipped" && l["domain"] == "left-alone.nl" && l["why"] == "opted-out"));
    let told = summary(&told);
    assert_eq!(told["skipped"]["opted-out"], 1);
    let from_parquet = alone(&["report", "--archive", archive_text, "--json"]);
    assert_eq!(summary(&lines(&from_parquet)), told);
    let log = run.join("observations.jsonl");
    let from_log = alone(&["report", "--from", log.to_str().unwrap(), "--json"]);
    assert_eq!(summary(&lines(&from_log)), told);

    let page = place.path().join("page.html");
    let output = alone(&["report", "--archive", archive_text, "--out", page.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let page = std::fs::read_to_string(page).unwrap();
    for there in ["6 mail domains", "unknown-mismatch", "mx1.stale-tlsa.nl", "connection-refused", "from test"] {
        assert!(page.contains(there), "{there}");
    }
}

#[test]
fn shards_make_the_whole_and_a_report_joins_them() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\nunsigned.nl\nnull-mx.nl\nds-missing.nl\nstale-tlsa.nl\n");
    let archive = place.path().join("archive");
    let (list, archive) = (list.to_str().unwrap(), archive.to_str().unwrap());
    let mut seen = 0;
    for part in ["1/2", "2/2"] {
        let output = in_lab(&["scan", list, "--archive", archive, "--shard", part, "--dns-only", "--json"]);
        if output.status.code() == Some(0) {
            seen += summary(&lines(&output))["domains"].as_u64().unwrap();
        }
    }
    assert_eq!(seen, 5);
    let report = alone(&["report", "--archive", archive, "--json"]);
    assert_eq!((summary(&lines(&report))["domains"].as_u64(), stderr(&report).as_str()), (Some(5), ""));

    // Parts that were looked at in another way, or from elsewhere, are not mixed in; and what is missing is said.
    for other in [&["--port", "26"][..], &["--vantage", "elsewhere"]] {
        let part = in_lab(&[&["scan", list, "--archive", archive, "--shard", "2/2", "--dns-only", "--json"], other].concat());
        let report = alone(&["report", "--archive", archive, "--json"]);
        assert_eq!(summary(&lines(&report))["domains"], summary(&lines(&part))["domains"], "{other:?}");
        assert!(stderr(&report).contains("1 of 2 parts"), "{other:?}: {}", stderr(&report));
    }
    // A run that cannot be read is named.
    let mut runs: Vec<_> = std::fs::read_dir(place.path().join("archive/runs")).unwrap().map(|r| r.unwrap().path()).collect();
    runs.sort();
    std::fs::write(runs[0].join("snapshot.parquet"), "damaged").unwrap();
    assert!(stderr(&alone(&["report", "--archive", archive, "--json"])).contains("this run is left out"));
}

#[test]
fn stdout_takes_the_records_one_a_line() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\n");
    let output = in_lab(&["scan", list.to_str().unwrap(), "--out", "-"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let kinds: Vec<String> = lines(&output).iter().map(|l| l["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds.first().map(String::as_str), Some("run"));
    assert_eq!(kinds.last().map(String::as_str), Some("run"));
    let domain = kinds.iter().position(|k| k == "domain").unwrap();
    let host = kinds.iter().position(|k| k == "host").unwrap();
    let certificate = kinds.iter().position(|k| k == "cert").unwrap();
    assert!(certificate < host && host < domain, "{kinds:?}");
    assert_eq!(lines(&output)[0]["anchors"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_done_is_kept_when_the_scan_is_stopped() {
    let place = tempfile::tempdir().unwrap();
    // One at a time, so that it takes long enough to be stopped.
    let domains = BED.file("domains.txt");
    let archive = place.path().join("archive");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_danelaw"))
        .args(["scan", &domains, "--archive", archive.to_str().unwrap(), "--parallel", "1"])
        .args(BED.options())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let log =
        || archive.join("runs").read_dir().ok().and_then(|mut d| d.next()).and_then(|e| Some(e.ok()?.path().join("observations.jsonl")));
    let done = || log().and_then(|p| std::fs::read_to_string(p).ok()).map_or(0, |t| t.matches("\"kind\":\"domain\"").count());
    let begun = std::time::Instant::now();
    while done() < 3 && begun.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let report = alone(&["report", "--archive", archive.to_str().unwrap(), "--json"]);
    assert!(summary(&lines(&report))["domains"].as_u64().unwrap() >= 3);
    assert!(stdout(&alone(&["report", "--archive", archive.to_str().unwrap()])).contains("not finished"));
}

#[test]
fn the_demo_finds_every_domain_to_be_what_the_lab_made_it() {
    let place = tempfile::tempdir().unwrap();
    let config = BED.lab.config();
    let (dns, smtp) = (config.dns_port + 1000, config.smtp_port + 1000);
    let out = place.path().to_str().unwrap();
    let ports = [dns.to_string(), smtp.to_string()];
    let output = alone(&["demo", "--domains", "250", "--out", out, "--json", "--dns-port", &ports[0], "--smtp-port", &ports[1]]);
    let told = lines(&output);
    let differences: Vec<&Value> = told.iter().filter(|l| l["kind"] == "difference").collect();
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(summary(&told)["domains"], 250);
    assert!(stderr(&output).contains("250 of 250 as expected"), "{}", stderr(&output));
    assert!(place.path().join("report.html").exists());
}

/// Greylisting ends for whoever comes back; a server that never lets us in stays unseen.
#[test]
fn a_scan_comes_back_once() {
    let place = tempfile::tempdir().unwrap();
    let list = super::list(&place, "greylisted-once.nl\ngreylisted.nl\nrate-limited.nl\n");
    let output = in_lab(&["scan", list.to_str().unwrap(), "--out", place.path().join("seen.jsonl").to_str().unwrap(), "--json"]);
    let standing = |domain: &str| {
        let told = lines(&output).into_iter().find(|l| l["domain"] == domain).unwrap();
        told["standing"].as_str().unwrap().to_owned()
    };
    assert_eq!(standing("greylisted-once.nl"), "protected");
    assert_eq!((standing("greylisted.nl"), standing("rate-limited.nl")), ("could-not-tell".into(), "could-not-tell".into()));
    let log = std::fs::read_to_string(place.path().join("seen.jsonl")).unwrap();
    assert_eq!(log.matches("\"earlier\":[").count(), 3, "both visits are kept");
}

/// What is held against a domain has been seen twice; what was seen once only is said, and both visits are kept with their certificates.
#[test]
fn a_fault_is_what_repeats() {
    let place = tempfile::tempdir().unwrap();
    let bed = super::bed(10_000);
    let domains = ["starttls-flaky", "pool-differs", "capped-once", "starttls-454", "tlsa-wrong-data", "connection-reset", "valid"];
    let list = super::list(&place, domains.map(|d| format!("{d}.nl\n")).concat());
    let archive = place.path().join("archive");
    let arguments = ["scan", list.to_str().unwrap(), "--archive", archive.to_str().unwrap(), "--json"];
    let output = super::in_lab_with(&arguments, &bed.options());
    let told = lines(&output);
    let verdict = |domain: &str| told.iter().find(|l| l["domain"] == format!("{domain}.nl")).unwrap();
    let standing = |domain: &str| verdict(domain)["standing"].as_str().unwrap();
    let disagree = |domain: &str| verdict(domain)["findings"].as_array().unwrap().iter().any(|f| f["cause"] == "visits-disagree");
    assert_eq!((standing("starttls-flaky"), disagree("starttls-flaky")), ("protected", true));
    assert_eq!((standing("pool-differs"), disagree("pool-differs")), ("protected", true));
    assert_eq!((standing("capped-once"), disagree("capped-once")), ("protected", false), "busy is no contradiction");
    assert_eq!((standing("starttls-454"), disagree("starttls-454")), ("broken", false));
    assert_eq!((standing("tlsa-wrong-data"), disagree("tlsa-wrong-data")), ("broken", false));
    assert_eq!(standing("connection-reset"), "could-not-tell");

    // From the log and from Parquet, and the connections that it took.
    let log = std::fs::read_to_string(run_of(&archive).join("observations.jsonl")).unwrap();
    let records: Vec<Value> = log.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let host = |domain: &str| records.iter().find(|r| r["kind"] == "host" && r["host"] == format!("mx1.{domain}.nl")).unwrap();
    let visits = |domain: &str| 1 + host(domain)["servers"][0]["earlier"].as_array().map_or(0, Vec::len);
    assert_eq!(domains.map(visits), [2, 2, 2, 2, 2, 2, 1]);
    let pool = host("pool-differs");
    let leaf = |visit: &Value| visit["tls"]["chain"][0]["sha256"].as_str().unwrap().to_owned();
    let (last, first) = (leaf(&pool["servers"][0]), leaf(&pool["servers"][0]["earlier"][0]));
    assert_ne!(last, first);
    for certificate in [last, first] {
        assert_eq!(records.iter().filter(|r| r["kind"] == "cert" && r["sha256"] == certificate).count(), 1);
    }
    let report = alone(&["report", "--archive", archive.to_str().unwrap(), "--json"]);
    assert_eq!(summary(&lines(&report)), summary(&told));
}

/// The lab has names for two scanners, and a block list with one of them on it.
#[test]
fn a_preflight_goes_well_where_names_lead_back_and_no_list_objects() {
    let place = tempfile::tempdir().unwrap();
    let lists = place.path().join("lists.txt");
    std::fs::write(&lists, "blocklist.net\n").unwrap();
    let lists = lists.to_str().unwrap();
    let ask = |name: &str, address: &str| {
        in_lab(&["scan", "--preflight", "--json", "--ehlo", name, "--seen-as", address, "--block-lists", lists])
    };
    let output = ask("scanner.scanners.net", "127.0.0.1");
    let line = &lines(&output)[0];
    assert_eq!(output.status.code(), Some(0), "{line}");
    assert_eq!((&line["findings"], &line["unknown"]), (&serde_json::json!([]), &serde_json::json!([])));
    let list = &line["preflight"]["sources"][0]["lists"][0];
    assert_eq!((&list["list"], &list["answer"]), (&"blocklist.net".into(), &"not-listed".into()));

    let output = ask("listed.scanners.net", "127.0.0.66");
    let line = &lines(&output)[0];
    assert_eq!(output.status.code(), Some(1), "{line}");
    let findings = line["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{line}");
    assert_eq!(findings[0]["sentence"], "Our address 127.0.0.66 is on the block list blocklist.net: Seen where it was not wanted.");
    // Somebody else's name does not lead to us, and every mail server has its own.
    let output = ask("scanner.scanners.net", "127.0.0.66");
    let causes: Vec<String> =
        lines(&output)[0]["findings"].as_array().unwrap().iter().map(|f| f["cause"].as_str().unwrap().to_owned()).collect();
    assert_eq!(causes, ["ehlo-elsewhere", "block-listed"]);
}

/// Our own fault is told apart from everybody else's, and beside a lab only who asks is told.
#[test]
fn a_preflight_says_what_is_wrong_with_us() {
    let place = tempfile::tempdir().unwrap();
    let lists = place.path().join("lists.txt");
    std::fs::write(&lists, "127.0.0.0/8 # a copy\nno-such-list.nl\n").unwrap();
    let lists = lists.to_str().unwrap();
    let ask = |more: &[&str]| in_lab(&[&["scan", "--preflight", "--json", "--ehlo", "mx1.valid.nl"][..], more].concat());
    // The lab has no name for this address, and the EHLO name is somebody else's.
    let output = ask(&["--seen-as", "127.0.0.9", "--block-lists", lists]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let line = &lines(&output)[0];
    let causes: Vec<&str> = line["findings"].as_array().unwrap().iter().map(|f| f["cause"].as_str().unwrap()).collect();
    assert_eq!(causes, ["ehlo-elsewhere", "no-ptr", "block-listed"]);
    assert_eq!(line["findings"][0]["publish"], "mx1.valid.nl. A 127.0.0.9");
    assert_eq!(line["findings"][1]["publish"], "9.0.0.127.in-addr.arpa. PTR mx1.valid.nl.");
    assert!(line["unknown"][0].as_str().unwrap().contains("no-such-list.nl"), "{line}");
    assert_eq!(ask(&[]).status.code(), Some(3), "beside a lab nobody looks unless told who we are");

    // A scan says it before it begins, and keeps the evidence.
    let list = super::list(&place, "valid.nl\n");
    let archive = place.path().join("archive");
    let scan = in_lab(&["scan", list.to_str().unwrap(), "--archive", archive.to_str().unwrap(), "--seen-as", "127.0.0.1", "--json"]);
    assert!(stderr(&scan).contains("servers may refuse us"), "{}", stderr(&scan));
    let told = lines(&scan);
    let verdict = told.iter().find(|l| l["kind"] == "verdict").unwrap();
    assert_eq!(verdict["standing"], "protected", "our fault is not the domain's");
    let log = std::fs::read_to_string(run_of(&archive).join("observations.jsonl")).unwrap();
    let run: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(run["vantage"]["preflight"]["sources"][0]["address"], "127.0.0.1");
}
