//! Runs commands one after the other, shows what they print, and adds up what passed and what failed.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

/// What the steps so far came to.
#[derive(Default)]
pub struct Tally {
    passed: u64,
    failed: u64,
    failures: Vec<String>,
    skipped: Vec<String>,
}

impl Tally {
    /// Runs a command that counts tests of its own (cargo test, nextest), or else counts as one test itself.
    pub fn command(&mut self, name: &str, command: &mut Command) {
        println!("\n== {name}: {}", shown(command));
        let started = Instant::now();
        let (success, counts) = match run(command) {
            Ok(done) => done,
            Err(error) => {
                println!("{error}");
                (false, Counts::default())
            }
        };
        self.add(name, success, counts);
        println!("== {name}: {} after {} s", if success { "ok" } else { "FAILED" }, started.elapsed().as_secs());
    }

    /// Runs a step of our own, which counts as one test.
    pub fn step(&mut self, name: &str, step: impl FnOnce() -> Result<(), String>) {
        println!("\n== {name}");
        let outcome = step();
        if let Err(error) = &outcome {
            println!("{error}");
        }
        self.add(name, outcome.is_ok(), Counts::default());
    }

    /// Notes what this machine cannot run, and why. Under continuous integration that is a failure.
    pub fn skip(&mut self, name: &str, why: &str) {
        if under_ci() {
            self.add(name, false, Counts::default());
        }
        self.leave_out(name, why);
    }

    /// Notes a step that may be left out everywhere, also under continuous integration, and why.
    pub fn leave_out(&mut self, name: &str, why: &str) {
        println!("\n== {name}: could not run: {why}");
        self.skipped.push(format!("{name}: {why}"));
    }

    fn add(&mut self, name: &str, success: bool, counts: Counts) {
        self.passed += counts.passed;
        self.failed += counts.failed;
        match (success, counts.passed + counts.failed) {
            (true, 0) => self.passed += 1,
            (false, _) => {
                self.failed += u64::from(counts.failed == 0);
                self.failures.push(name.to_owned());
            }
            (true, _) => {}
        }
    }

    /// Prints what could not run, what failed, and the closing line `N passed, N failed`.
    pub fn close(self) -> Result<(), String> {
        println!();
        for skipped in &self.skipped {
            println!("could not run: {skipped}");
        }
        for failure in &self.failures {
            println!("failed: {failure}");
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        let _ = std::io::stdout().flush();
        if self.failures.is_empty() { Ok(()) } else { Err(format!("{} of the steps failed", self.failures.len())) }
    }
}

/// Whether nobody watches: then nothing may be skipped.
pub fn under_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1")
}

/// All that a change may break. The same everywhere: with other features, everything would be built once more.
pub const WHOLE: &str = "--workspace";
/// With what few need and takes long to build.
pub const WITH: &str = "--features=cli/arrow,cli/s3";

/// A cargo command in the workspace's root.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command.args(arguments).current_dir(crate::source::root());
    command
}

/// Whether `cargo NAME` is there.
pub fn cargo_has(name: &str) -> bool {
    let probe = cargo(&[name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn run(command: &mut Command) -> Result<(bool, Counts), String> {
    let describe = shown(command);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|e| format!("{describe}: {e}"))?;
    let readers = [
        child.stdout.take().map(|pipe| thread::spawn(move || echo(pipe, std::io::stdout()))),
        child.stderr.take().map(|pipe| thread::spawn(move || echo(pipe, std::io::stderr()))),
    ];
    let mut counts = Counts::default();
    for reader in readers.into_iter().flatten() {
        let seen = reader.join().unwrap_or_default();
        counts.passed += seen.passed;
        counts.failed += seen.failed;
    }
    let status = child.wait().map_err(|e| format!("{describe}: {e}"))?;
    Ok((status.success(), counts))
}

fn echo(from: impl Read, mut to: impl Write) -> Counts {
    let mut counts = Counts::default();
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        if let Some(seen) = summary(&line) {
            counts.passed += seen.passed;
            counts.failed += seen.failed;
        }
        let _ = writeln!(to, "{line}");
    }
    counts
}

/// Reads the summary lines of `cargo test` and of `cargo nextest`.
fn summary(line: &str) -> Option<Counts> {
    // nextest repeats the output of a failed test, with its `test result`, further to the right.
    let nextest = line.trim_start().starts_with("Summary [") && line.contains(" run: ");
    if !nextest && !line.starts_with("test result: ") {
        return None;
    }
    let of = |what: &[&str]| -> u64 {
        let words: Vec<&str> = line.split([' ', ';', ',', ':', '(', ')']).filter(|word| !word.is_empty()).collect();
        words.windows(2).filter(|pair| what.contains(&pair[1])).filter_map(|pair| pair[0].parse::<u64>().ok()).sum()
    };
    Some(Counts { passed: of(&["passed"]), failed: of(&["failed", "timed"]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64) -> Option<Counts> {
        Some(Counts { passed, failed })
    }

    #[test]
    fn summaries_are_read() {
        assert_eq!(summary("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.1s"), counts(12, 0));
        assert_eq!(summary("test result: FAILED. 7 passed; 2 failed; 0 ignored"), counts(7, 2));
        assert_eq!(summary("     Summary [   0.120s] 30 tests run: 30 passed, 0 skipped"), counts(30, 0));
        assert_eq!(summary("     Summary [   2.1s] 5/30 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 2 skipped"), counts(3, 2));
        assert_eq!(summary("    test result: FAILED. 0 passed; 1 failed; 0 ignored"), None);
        assert_eq!(summary("12 passed in the talk"), None);
    }

    #[test]
    fn a_failing_command_without_counts_is_one_failure() {
        let mut tally = Tally::default();
        tally.add("fmt", false, Counts::default());
        tally.add("clippy", true, Counts::default());
        tally.add("tests", false, Counts { passed: 3, failed: 2 });
        tally.add("tests that do not compile", false, Counts { passed: 3, failed: 0 });
        assert_eq!((tally.passed, tally.failed), (7, 4));
        assert!(tally.close().is_err());
    }
}
