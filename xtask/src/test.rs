//! `cargo xtask test`: everything a change has to pass, in the order in which it fails fastest.

use crate::debian::{self, Software};
use crate::steps::{Tally, cargo, cargo_has};
use crate::{docs, fuzz, rfc, tidy};
use std::process::Command;

/// Runs the quick tier, or with `--deep` the long one.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let deep = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--deep"] => true,
        _ => return Err("usage: cargo xtask test [--deep]".to_owned()),
    };
    let mut tally = Tally::default();
    lints(&mut tally);
    tally.step("tidy", || tidy::run(&[]));
    tally.step("rfc", || rfc::run(&["--check".to_owned()]));
    tests(&mut tally);
    tally.command("documentation tests", &mut cargo(&["test", "--workspace", "--doc", "--quiet"]));
    tally.step("docs", || docs::run(&["--check".to_owned()]));
    conformance(&mut tally, deep);
    if deep {
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
        true => tally.command("clippy", &mut cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])),
        false => tally.skip("clippy", "clippy is not installed (rustup component add clippy)"),
    }
    if cargo_has("deny") {
        tally.command("licences and sources", &mut cargo(&["deny", "--offline", "check", "licenses", "sources", "bans"]));
    }
}

fn tests(tally: &mut Tally) {
    tally.command("tests", &mut runner(&["--workspace", "--exclude", "conformance"]));
}

/// Tests of the given packages: by nextest where it is installed, else by cargo.
fn runner(selection: &[&str]) -> Command {
    let mut command = match cargo_has("nextest") {
        true => cargo(&["nextest", "run", "--no-fail-fast"]),
        false => cargo(&["test", "--no-fail-fast", "--bins", "--lib", "--tests"]),
    };
    command.args(selection);
    command
}

fn conformance(tally: &mut Tally, deep: bool) {
    let software = match debian::provide() {
        Ok(software) => software,
        Err(why) => return tally.skip("conformance with real software", &why),
    };
    let mut selection = vec!["--package", "conformance", "--lib"];
    let tests = test_names();
    for test in &tests {
        if test == "postfix" && !is_root() {
            tally.skip("conformance: postfix", "Postfix starts only as root");
        } else {
            selection.extend(["--test", test]);
        }
    }
    tally.command("conformance with real software", with(&mut runner(&selection), &software, deep));
}

/// The integration tests of the conformance crate: one file each.
fn test_names() -> Vec<String> {
    let entries = std::fs::read_dir(crate::source::root().join("crates/conformance/tests")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().to_string_lossy().strip_suffix(".rs").map(str::to_owned));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn with<'a>(command: &'a mut Command, software: &Software, deep: bool) -> &'a mut Command {
    command.env("DANELAW_SOFTWARE", &software.root);
    if deep {
        command.env("DANELAW_DEEP", "1");
    }
    command
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("Uid:")).and_then(|ids| ids.split_whitespace().nth(1));
    effective == Some("0")
}
