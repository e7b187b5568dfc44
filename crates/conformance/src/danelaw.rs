//! Runs the `danelaw` binary as users do.

use crate::openssl::Match;
use crate::{Question, Status, process};
use serde_json::Value;
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
    let path = binary();
    assert!(path.is_file(), "{} is not there: run `cargo build --package cli` first", path.display());
    Command::new(path)
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
    let status = match answer.get("status").and_then(Value::as_str) {
        Some("secure") => Status::Secure,
        Some("insecure") => Status::Insecure,
        Some("bogus") => Status::Bogus,
        _ => Status::Indeterminate,
    };
    let expected = match status {
        Status::Secure | Status::Insecure => 0,
        Status::Bogus => 1,
        Status::Indeterminate => 3,
    };
    assert_eq!(output.status.code(), Some(expected), "{question}: the exit code contradicts the verdict: {text}");
    (status, text)
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
