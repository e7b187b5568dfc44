//! Runs the `danelaw` binary as users do.

use crate::openssl::Match;
use crate::{Question, Status, process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// A command for the binary of this build.
///
/// # Panics
/// If it has not been built.
#[must_use]
pub fn command() -> Command {
    Command::new(program())
}

/// The binary of this build.
///
/// # Panics
/// If it has not been built.
#[must_use]
pub fn program() -> PathBuf {
    let path = binary();
    assert!(path.is_file(), "{} is not there: run `cargo build --package cli` first", path.display());
    path
}

fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("DANELAW_BINARY") {
        return PathBuf::from(path);
    }
    // target/debug/deps/test-123 -> target/debug/danelaw
    let directory = std::env::current_exe().ok().and_then(|test| test.ancestors().nth(2).map(Path::to_path_buf));
    directory.unwrap_or_default().join("danelaw")
}

/// `danelaw dns validate --json` with these options: the verdict, and what it printed.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn validate(question: &Question, options: &[String]) -> (Status, String) {
    let mut command = command();
    command.args(["dns", "validate", &question.name, question.rtype, "--json", "--no-ipv6"]).args(options);
    let output = process::output(command, LIMIT);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let status = status(&answer);
    let expected = match status {
        Status::Secure | Status::Insecure => 0,
        Status::Bogus => 1,
        Status::Indeterminate => 3,
    };
    assert_eq!(output.status.code(), Some(expected), "{question}: the exit code contradicts the verdict: {text}");
    (status, text)
}

fn status(answer: &Value) -> Status {
    match answer.get("status").and_then(Value::as_str) {
        Some("secure") => Status::Secure,
        Some("insecure") => Status::Insecure,
        Some("bogus") => Status::Bogus,
        _ => Status::Indeterminate,
    }
}

/// `danelaw dns scan` of many questions, one run for each type: their verdicts in order, and what it wrote of each.
///
/// # Panics
/// If it cannot be started, or leaves a question out.
#[must_use]
pub fn scan(questions: &[Question], options: &[String], directory: &Path) -> Vec<(Status, String)> {
    let mut by_type: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    questions.iter().enumerate().for_each(|(at, question)| by_type.entry(question.rtype).or_default().push(at));
    let mut verdicts: BTreeMap<usize, (Status, String)> = BTreeMap::new();
    for (rtype, places) in by_type {
        let list = directory.join(format!("scan-{rtype}"));
        let names = places.iter().map(|at| questions[*at].name.clone() + "\n");
        std::fs::write(&list, names.collect::<String>()).expect("list");
        let mut command = command();
        command.args(["dns", "scan"]).arg(&list).args(["--types", rtype, "--out", "-", "--no-ipv6", "--in-flight", "16"]).args(options);
        let output = process::output(command, Duration::from_secs(600));
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let record: Value = serde_json::from_str(line).expect("a record");
            let number = record["line"].as_u64().and_then(|line| usize::try_from(line).ok()).expect("a line number");
            verdicts.insert(places[number - 1], (status(&record["answers"][0]), line.to_owned()));
        }
    }
    assert_eq!(verdicts.len(), questions.len(), "every question has a verdict");
    verdicts.into_values().collect()
}

/// `danelaw tlsa verify --json`: the verdict, and what it printed.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn verify(chain: &Path, records: &[String], names: &[String]) -> (Option<Match>, String) {
    let mut command = command();
    command.args(["tlsa", "verify", "--json", "--chain"]).arg(chain);
    for record in records {
        command.args(["--tlsa", record]);
    }
    for name in names {
        command.args(["--name", name]);
    }
    let output = process::output(command, LIMIT);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let verdict = match answer.get("verdict").and_then(Value::as_str) {
        Some("match") => Some(Match::Match),
        Some("nomatch") => Some(Match::NoMatch),
        Some("unusable") => Some(Match::Unusable),
        _ => None,
    };
    (verdict, text)
}
