//! `cargo xtask test`: everything a change has to pass, in the order in which it fails fastest.

use crate::debian;
use crate::steps::{Tally, WHOLE, WITH, cargo, cargo_has};
use crate::{docs, fuzz, rfc, tidy};
use std::process::Command;

/// How much to run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// What every change has to pass.
    Quick,
    /// The same, and what takes long.
    Deep,
}

/// Runs the quick tier, or with `--deep` the long one.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let depth = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Depth::Quick,
        ["--deep"] => Depth::Deep,
        _ => return Err("usage: cargo xtask test [--deep]".to_owned()),
    };
    let mut tally = Tally::default();
    lints(&mut tally);
    tally.step("tidy", || tidy::run(&[]));
    tally.step("rfc", || rfc::run(&["--check".to_owned()]));
    tests(&mut tally, depth);
    tally.command("documentation tests", &mut cargo(&["test", WHOLE, WITH, "--doc", "--quiet"]));
    tally.step("docs", || docs::run(&["--check".to_owned()]));
    conformance(&mut tally, depth);
    if depth == Depth::Deep {
        tally.step("fuzz", || fuzz::run(&["--minutes".to_owned(), "5".to_owned()]));
    }
    tally.close()
}

fn lints(tally: &mut Tally) {
    match cargo_has("fmt") {
        true => tally.command("format", &mut cargo(&["fmt", "--all", "--check"])),
        false => tally.skip("format", "rustfmt is not installed (rustup component add rustfmt)"),
    }
    match cargo_has("clippy") {
        true => tally.command("clippy", &mut cargo(&["clippy", WHOLE, WITH, "--all-targets", "--quiet", "--", "-D", "warnings"])),
        false => tally.skip("clippy", "clippy is not installed (rustup component add clippy)"),
    }
    match cargo_has("deny") {
        true => tally.command("licences and sources", &mut cargo(&["deny", "check", "licenses", "sources", "bans"])),
        false => tally.leave_out("licences and sources", "cargo-deny is not installed (cargo install cargo-deny)"),
    }
}

fn tests(tally: &mut Tally, depth: Depth) {
    let mut command = runner(Part::Ours);
    if depth == Depth::Deep {
        command.env("DANELAW_DEEP", "1");
    }
    tally.command("tests", &mut command);
}

/// Which tests to run.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// All but conformance.
    Ours,
    /// These of conformance.
    Conformance(&'a [String]),
}

/// Runs tests by nextest where it is installed, else by cargo. Always built as one workspace: a part by itself would have other features of
/// its dependencies, and be compiled once more.
fn runner(part: Part<'_>) -> Command {
    let mut command;
    match (part, cargo_has("nextest")) {
        (Part::Ours, true) => {
            command = cargo(&["nextest", "run", "--no-fail-fast", WHOLE, WITH, "--filterset", "not package(conformance)"]);
        }
        (Part::Ours, false) => {
            command = cargo(&["test", "--no-fail-fast", WHOLE, WITH, "--exclude", "conformance", "--bins", "--lib", "--tests"]);
        }
        (Part::Conformance(tests), true) => {
            let chosen: Vec<String> = tests.iter().map(|test| format!("binary(={test})")).collect();
            let filter = format!("package(conformance) & ({})", chosen.join(" | "));
            command = cargo(&["nextest", "run", "--no-fail-fast", WHOLE, WITH, "--filterset", &filter]);
        }
        (Part::Conformance(tests), false) => {
            command = cargo(&["test", "--no-fail-fast", "--package", "conformance"]);
            for test in tests {
                command.args(["--test", test]);
            }
        }
    }
    command
}

/// Tests with mail servers that start only as root.
const AS_ROOT: [&str; 8] = ["postfix", "mail_servers", "depth", "ipv6", "field", "testbed_run", "roll", "package"];

/// Writes `docs/software.md` anew: the deep tier of the test that holds it to what is seen.
pub fn software(arguments: &[String]) -> Result<(), String> {
    if let Some(unknown) = arguments.first() {
        return Err(format!("software takes no argument: {unknown}"));
    }
    if !is_root() {
        return Err("software wants root: mail servers start only as root".to_owned());
    }
    let software = debian::provide()?;
    let mut command = runner(Part::Conformance(&["field".to_owned()]));
    command.env("DANELAW_SOFTWARE", &software.root).env("DANELAW_DEEP", "1").env("DANELAW_WRITE", "1");
    let mut tally = Tally::default();
    tally.command("the binary for conformance", &mut cargo(&["build", "--quiet", WHOLE, WITH, "--bins"]));
    tally.command("docs/software.md", &mut command);
    tally.close()
}

fn conformance(tally: &mut Tally, depth: Depth) {
    let software = match debian::provide() {
        Ok(software) => software,
        Err(why) => return tally.skip("conformance with real software", &why),
    };
    let mut tests = test_names();
    if !is_root() {
        tally.skip(&format!("conformance: {}", AS_ROOT.join(", ")), "mail servers start only as root");
        tests.retain(|test| !AS_ROOT.contains(&test.as_str()));
    }
    tally.command("the binary for conformance", &mut cargo(&["build", "--quiet", WHOLE, WITH, "--bins"]));
    let mut command = runner(Part::Conformance(&tests));
    command.env("DANELAW_SOFTWARE", &software.root);
    if depth == Depth::Deep {
        command.env("DANELAW_DEEP", "1");
    }
    tally.command("conformance with real software", &mut command);
}

/// The integration tests of the conformance crate: one file each.
fn test_names() -> Vec<String> {
    let entries = std::fs::read_dir(crate::source::root().join("crates/conformance/tests")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().to_string_lossy().strip_suffix(".rs").map(str::to_owned));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("Uid:")).and_then(|ids| ids.split_whitespace().nth(1));
    effective == Some("0")
}
