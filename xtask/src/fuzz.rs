//! `cargo xtask fuzz`: runs the targets of `fuzz/` (libFuzzer, the layout of cargo-fuzz) without cargo-fuzz and on the stable compiler.

use crate::source;
use crate::steps::cargo;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Runs the named target, or all of them, each for `--minutes N`.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let (mut minutes, mut chosen) = (1u64, Vec::new());
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--minutes" => minutes = words.next().and_then(|n| n.parse().ok()).ok_or("--minutes wants a whole number")?,
            target => chosen.push(target.to_owned()),
        }
    }
    let known = targets()?;
    if let Some(unknown) = chosen.iter().find(|target| !known.contains(target)) {
        return Err(format!("no such fuzz target: {unknown}; there are: {}", known.join(", ")));
    }
    let chosen = if chosen.is_empty() { known } else { chosen };
    for target in &chosen {
        fuzz(target, minutes)?;
    }
    println!("fuzz: {} targets, {minutes} minutes each, no crash", chosen.len());
    Ok(())
}

/// One file each in `fuzz/fuzz_targets`.
fn targets() -> Result<Vec<String>, String> {
    let directory = source::root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))?.flatten();
    let mut names: Vec<String> = entries.filter_map(|e| e.file_name().to_string_lossy().strip_suffix(".rs").map(str::to_owned)).collect();
    names.sort();
    Ok(names)
}

fn fuzz(target: &str, minutes: u64) -> Result<(), String> {
    let root = source::root();
    let directory = source::target_directory().join("fuzz");
    // With a target named, the flags leave build scripts and macros alone, which are not linked with libFuzzer.
    let mut build = cargo(&["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--bin", target, "--target", &host()?]);
    build.env("CARGO_TARGET_DIR", &directory).env("RUSTFLAGS", FLAGS).env("RUSTC_BOOTSTRAP", "1");
    if !build.status().map_err(|e| format!("cargo: {e}"))?.success() {
        return Err(format!("fuzz target {target} does not build"));
    }
    let grown: PathBuf = directory.join("corpus").join(target);
    fs::create_dir_all(&grown).map_err(|e| format!("{}: {e}", grown.display()))?;
    let mut command = Command::new(directory.join(host()?).join("release").join(target));
    command.arg(format!("-max_total_time={}", minutes * 60)).args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]);
    command.arg(format!("-artifact_prefix={}/", directory.display())).arg(&grown);
    let seeds = root.join("fuzz/corpus").join(target);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    let status = command.status().map_err(|e| format!("{target}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("fuzz target {target} found a fault; its input is in {}", directory.display())) }
}

/// The triple of this machine, as the compiler names it.
fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|e| format!("rustc: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".to_owned())
}

/// What cargo-fuzz passes, without a sanitizer: our crates but `libssl`, which no target reaches, forbid `unsafe`, so what is looked for are
/// panics, hangs and memory growth.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Cdebug-assertions \
    -Coverflow-checks -Ccodegen-units=1";
