//! `cargo xtask bench`: figures. Each comes with the machine and the day, so that what stands in the README can be traced to a command.

mod apart;
mod build;
mod history;

use apart::Bench;
use std::fs;
use std::process::Command;

/// Measures what the argument names.
pub fn run(arguments: &[String]) -> Result<(), String> {
    match arguments.split_first().map(|(what, rest)| (what.as_str(), rest)) {
        Some(("build", [])) => build::run(),
        Some(("dns", rest)) => apart::run(Bench::Dns, rest),
        Some(("smtp", rest)) => apart::run(Bench::Smtp, rest),
        Some(("analysis", rest)) => apart::run(Bench::Analysis, rest),
        Some(("testbed", rest)) => apart::run(Bench::Testbed, rest),
        Some(("history", rest)) => history::run(rest),
        _ => Err("usage: cargo xtask bench build | history | dns | smtp | analysis | testbed [OPTIONS]".to_owned()),
    }
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
