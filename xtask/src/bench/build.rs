//! `cargo xtask bench build`: how long a cold release build takes, and how big the binary is. Prints the machine and the day, so that a
//! figure in the README can be traced to a command.

use crate::source;
use crate::steps::cargo;
use std::fs;
use std::process::Command;
use std::time::Instant;

/// Measures what the argument names.
pub fn run(arguments: &[String]) -> Result<(), String> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["build"] => build(),
        _ => Err("usage: cargo xtask bench build".to_owned()),
    }
}

fn build() -> Result<(), String> {
    let directory = source::target_directory().join("bench-build");
    let _ = fs::remove_dir_all(&directory);
    fetch()?;
    let started = Instant::now();
    let mut command = cargo(&["build", "--release", "--locked", "--offline", "--package", "cli"]);
    let status = command.env("CARGO_TARGET_DIR", &directory).status().map_err(|e| format!("cargo: {e}"))?;
    let seconds = started.elapsed().as_secs();
    if !status.success() {
        return Err("the release build fails".to_owned());
    }
    let binary = directory.join("release/danelaw");
    let size = fs::metadata(&binary).map_err(|e| format!("{}: {e}", binary.display()))?.len();
    println!("cold release build: {}:{:02} min, binary {:.1} MB", seconds / 60, seconds % 60, size as f64 / 1e6);
    println!("{}", machine());
    let _ = fs::remove_dir_all(&directory);
    Ok(())
}

/// Downloads are not part of the measured time.
fn fetch() -> Result<(), String> {
    let status = cargo(&["fetch", "--locked"]).status().map_err(|e| format!("cargo fetch: {e}"))?;
    if status.success() { Ok(()) } else { Err("cargo fetch fails".to_owned()) }
}

/// The processor, the number of cores, the load, the compiler and the date.
fn machine() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |m| m.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(1).unwrap_or("?").to_owned();
    let say = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        output.unwrap_or_else(|_| "?".to_owned())
    };
    format!("{model}, {cores} cores, load {load} over 5 minutes; {}; {}", say("rustc", &["--version"]), say("date", &["-u", "+%Y-%m-%d"]))
}
