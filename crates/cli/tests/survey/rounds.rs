//! `scan --every`: slots of the clock, and what becomes of those that cannot be met.

use super::{BED, alone, in_lab, lines, list, stderr};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The runs of an archive, oldest first.
pub fn runs(archive: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(archive.join("runs")).map(|d| d.map(|e| e.unwrap().path()).collect());
    let mut runs: Vec<PathBuf> = found.unwrap_or_default();
    // By name: those of one second are numbered.
    runs.sort_by_key(|r| {
        let name = r.file_name().unwrap().to_str().unwrap().to_owned();
        let (start, number) = name.split_once('-').unwrap_or((&name, "1"));
        (start.to_owned(), number.parse::<u32>().unwrap_or(1))
    });
    runs
}

pub fn records(run: &Path) -> Vec<Value> {
    let log = std::fs::read_to_string(run.join("observations.jsonl")).unwrap_or_default();
    log.lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
}

/// The metadata as last written.
fn metadata(run: &Path) -> Value {
    records(run).into_iter().rfind(|r| r["kind"] == "run").unwrap()
}

fn slot(run: &Value) -> i64 {
    run["round"]["scheduled_s"].as_i64().unwrap()
}

fn missed(run: &Value) -> Vec<Value> {
    run["round"]["missed"].as_array().cloned().unwrap_or_default()
}

/// Every slot after the first round is either begun or said to be missed, once.
fn assert_unbroken(rounds: &[Value], every: i64) {
    for pair in rounds.windows(2) {
        let mut next = slot(&pair[0]) + every;
        for m in missed(&pair[1]) {
            assert_eq!(m["first_s"].as_i64().unwrap(), next, "{m}");
            assert_eq!(m["last_s"].as_i64().unwrap(), next + (m["count"].as_i64().unwrap() - 1) * every, "{m}");
            next = m["last_s"].as_i64().unwrap() + every;
        }
        assert_eq!(slot(&pair[1]), next);
    }
}

pub fn spawn(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_danelaw"));
    command.args(arguments).args(BED.options()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

pub fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn rounds_begin_at_slots_and_a_restart_marks_those_between() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\nstale-tlsa.nl\n");
    let archive = place.path().join("archive");
    let scan = |rounds: &str| {
        let arguments = ["scan", list.to_str().unwrap(), "--archive", archive.to_str().unwrap(), "--json", "--every", "2s", "--align"];
        in_lab(&[&arguments[..], &["--spread", "500ms", "--clock-offset-ms", "-7", "--keep-records", "all", "--rounds", rounds]].concat())
    };
    let first = scan("3");
    let rounds: Vec<Value> = runs(&archive).iter().map(|r| metadata(r)).collect();
    assert_eq!(rounds.len(), 3, "{}", stderr(&first));
    for round in &rounds {
        assert_eq!(slot(round) % 2, 0);
        assert!(round["round"]["late_ms"].as_u64().unwrap() <= 200);
        assert_eq!((round["round"]["complete"].as_bool(), round["round"]["clock_offset_ms"].as_i64()), (Some(true), Some(-7)));
        assert!((1..60_000).contains(&round["round"]["duration_ms"].as_u64().unwrap()));
        assert!(round["started"].as_i64().unwrap() - slot(round) <= 1);
        assert_eq!(round["targets_sha256"], rounds[0]["targets_sha256"]);
    }
    assert_unbroken(&rounds, 2);
    // Held up on a busy machine, it says so by its exit code.
    let whole = rounds.iter().all(|r| missed(r).is_empty());
    assert_eq!(first.status.code(), Some(if whole { 0 } else { 3 }), "{}", stderr(&first));
    // Every round looks at everything anew, and judges it alike.
    let told = lines(&first);
    assert_eq!(told.iter().filter(|l| l["kind"] == "verdict" && l["standing"] == "protected").count(), 3);
    assert_eq!(told.iter().filter(|l| l["kind"] == "run").count(), 3);
    for run in runs(&archive) {
        let records = records(&run);
        let slot = slot(&metadata(&run));
        let hosts: Vec<&Value> = records.iter().filter(|r| r["kind"] == "host").collect();
        assert!(!hosts.is_empty() && hosts.iter().all(|h| h["at"].as_i64().unwrap() >= slot), "seen before the round began");
    }

    std::thread::sleep(Duration::from_secs(3));
    scan("1");
    let rounds: Vec<Value> = runs(&archive).iter().map(|r| metadata(r)).collect();
    assert_eq!(rounds.len(), 4);
    assert_unbroken(&rounds, 2);
    assert_eq!(missed(&rounds[3])[0]["why"], "not-running");
    let report = alone(&["report", "--archive", archive.to_str().unwrap(), "--json"]);
    assert_eq!(lines(&report)[0]["domains"], 2, "of the last round");
}

#[test]
fn who_wants_to_be_left_alone_is_from_the_next_round_on() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\nstale-tlsa.nl\n");
    let (archive, opt_out) = (place.path().join("archive"), place.path().join("leave-alone.txt"));
    std::fs::write(&opt_out, "").unwrap();
    let [list, directory, left] = [&list, &archive, &opt_out].map(|p| p.to_str().unwrap());
    let mut child =
        spawn(&["scan", list, "--archive", directory, "--every", "1s", "--spread", "0s", "--keep-records", "all", "--opt-out", left]);
    let finished = |n: usize| runs(&archive).iter().filter(|r| r.join("snapshot.parquet").exists()).count() >= n;
    wait_for("a first round", || finished(1));
    std::fs::write(&opt_out, "stale-tlsa.nl\n").unwrap();
    let before = runs(&archive).len();
    // The round under way, the one that is ready to begin, and one more.
    wait_for("three more rounds", || finished(before + 3));
    std::fs::write(&opt_out, "no name at all\n").unwrap();
    std::thread::sleep(Duration::from_secs(4));
    let broken = runs(&archive).len();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(runs(&archive).len(), broken, "nothing is looked at while the wishes cannot be read");
    std::fs::write(&opt_out, "stale-tlsa.nl\n").unwrap();
    wait_for("a round after the repair", || finished(broken + 1));
    signal(&child, "-TERM");
    // Between two rounds, or within one.
    assert!(matches!(child.wait().unwrap().code(), Some(0 | 3)));
    let runs = runs(&archive);
    let skipped = |run: &PathBuf| records(run).iter().any(|r| r["kind"] == "skipped" && r["why"] == "opted-out");
    assert!(!skipped(&runs[0]) && skipped(&runs[before + 2]));
    let why: Vec<Value> = missed(&metadata(&runs[broken])).iter().map(|m| m["why"].clone()).collect();
    assert!(why.contains(&"unusable-input".into()), "{why:?}");
}

#[test]
fn whatever_ends_a_series_what_was_done_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\nstale-tlsa.nl\nds-missing.nl\nnull-mx.nl\n");
    for (name, code) in [("-KILL", None), ("-TERM", Some(3))] {
        let archive = place.path().join(name);
        // The second round takes its time, for its domains are spread.
        let mut child =
            spawn(&["scan", list.to_str().unwrap(), "--archive", archive.to_str().unwrap(), "--every", "4s", "--spread", "3500ms"]);
        wait_for("a second round", || {
            let runs = runs(&archive);
            runs.len() == 2 && records(&runs[1]).iter().any(|r| r["kind"] == "domain")
        });
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), code);
        let [first, second] = &runs(&archive)[..] else { panic!() };
        let run = first.file_name().unwrap().to_str().unwrap();
        let report = alone(&["report", "--archive", archive.to_str().unwrap(), "--run", run, "--json"]);
        assert_eq!(lines(&report)[0]["domains"], 4, "{name}");
        let cut = &metadata(second)["round"]["complete"];
        assert_eq!(cut.as_bool(), code.map(|_| false), "{name}: whoever reads it sees that it is not whole");
        let report = alone(&["report", "--archive", archive.to_str().unwrap(), "--json"]);
        assert!(lines(&report)[0]["domains"].as_u64().unwrap() >= 1, "{name}");
    }
}

/// What a browser at this address would get.
fn http(from: std::net::IpAddr, to: std::net::SocketAddr, request: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let mut stream = socket.connect(to).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    })
}

#[test]
fn who_is_visited_can_ask_who_it_was_and_to_be_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\nstale-tlsa.nl\n");
    let (archive, wishes) = (place.path().join("archive"), place.path().join("wishes.jsonl"));
    let at = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let [list, directory, file] = [&list, &archive, &wishes].map(|p| p.to_str().unwrap());
    let at_text = at.to_string();
    let page = ["--identify", &at_text, "--contact", "scan@example.org", "--opt-out-requests", file, "--ehlo", "probe.example.org"];
    let mut child =
        spawn(&[&["scan", list, "--archive", directory, "--every", "1s", "--spread", "0s", "--keep-records", "all"][..], &page].concat());
    let finished = |n: usize| runs(&archive).iter().filter(|r| r.join("snapshot.parquet").exists()).count() >= n;
    wait_for("a first round", || finished(1));

    let here = "127.0.0.1".parse().unwrap();
    let answer = http(here, at, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("scan@example.org") && answer.contains("EHLO probe.example.org"));
    assert!(http(here, at, "GET /etc/passwd HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
    let post = |what: &str, from| {
        let body = format!("what={what}&contact=me");
        http(from, at, &format!("POST /opt-out HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    };
    let first = records(&runs(&archive)[0]);
    let host = first.iter().find(|r| r["kind"] == "host" && r["host"] == "mx1.valid.nl").unwrap();
    let its_address = host["servers"][0]["address"].as_str().unwrap().parse().unwrap();
    assert!(post("valid.nl", its_address).contains("left alone from the next round on"));
    assert!(post("stale-tlsa.nl", here).contains("confirmed"), "anybody could say so");
    assert!(post("no+name%21", here).starts_with("HTTP/1.1 400"));
    let kept = std::fs::read_to_string(&wishes).unwrap();
    let kept: Vec<Value> = kept.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let told: Vec<[&str; 2]> = kept.iter().map(|w| ["what", "state"].map(|f| w[f].as_str().unwrap())).collect();
    assert_eq!(told, [["valid.nl", "accepted"], ["stale-tlsa.nl", "pending"]]);

    let before = runs(&archive).len();
    wait_for("three more rounds", || finished(before + 3));
    signal(&child, "-TERM");
    child.wait().unwrap();
    let last = records(&runs(&archive)[before + 2]);
    let skipped: Vec<&Value> = last.iter().filter(|r| r["kind"] == "skipped").map(|r| &r["domain"]).collect();
    assert_eq!(skipped, ["valid.nl"]);
    assert!(last.iter().any(|r| r["kind"] == "domain" && r["domain"] == "stale-tlsa.nl"));
}

#[test]
fn rounds_that_make_no_sense_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\n");
    let list = list.to_str().unwrap();
    for (arguments, words) in [
        (&["--out", "-", "--every", "1h"][..], "--archive"),
        (&["--archive", "a", "--align"], "--every"),
        (&["--archive", "a", "--keep-records", "all"], "--every"),
        (&["--archive", "a", "--every", "often"], "such as 1h"),
        (&["--archive", "a", "--every", "1h", "--spread", "1h"], "overlap"),
    ] {
        let output = in_lab(&[&["scan", list][..], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(words) && stderr(&output).lines().count() == 1, "{arguments:?}: {}", stderr(&output));
    }
}
