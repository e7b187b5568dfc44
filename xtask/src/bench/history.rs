//! `cargo xtask bench history`: what an archive of years costs, to make and on disk: from one vantage point, from five, and with ten times
//! the rounds.

use super::machine;
use crate::source;
use crate::steps::cargo;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// 20 months of hours are 14,000 rounds. (P22)
const DAYS: u64 = 584;
/// The servers of P22.
const SERVERS: u64 = 13_902;
/// So often we look how much memory is in use.
const LOOK: Duration = Duration::from_millis(100);

struct Options {
    servers: u64,
    days: u64,
    domains: u64,
    keep: Option<PathBuf>,
}

/// One archive.
struct Cost {
    seconds: f64,
    peak_mb: u64,
    rounds: u64,
    observations: u64,
    /// Octets by table.
    tables: BTreeMap<String, u64>,
}

/// Makes the archives one after the other.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let options = parse(arguments)?;
    let status = cargo(&["build", "--release", "--locked", "--package", "cli"]).status().map_err(|e| format!("cargo: {e}"))?;
    if !status.success() {
        return Err("the release build fails".to_owned());
    }
    println!("{}", machine());
    let servers = options.servers.to_string();
    let days = options.days.to_string();
    let make = |name: &str, more: &[&str]| measure(&options, name, &[&["--servers", &*servers, "--days", &*days][..], more].concat());
    if options.servers > 0 {
        let one = make("one", &[])?;
        one.show("one vantage point");
        let five = make("five", &["--vantages", "5"])?;
        five.show("five vantage points");
        println!("five to one: {:.2} times the octets (wanted: 2 or less)", five.octets() as f64 / one.octets() as f64);
        let signed = make("signed", &["--signatures"])?;
        signed.show("one vantage point, with the days of signatures");
        let often = make("often", &["--every", "6m"])?;
        often.show("one vantage point, ten times the rounds");
        let octets = often.octets() as f64 / one.octets() as f64;
        println!(
            "ten times the rounds: {octets:.3} times the octets, {:.3} times the time (wanted: 1.2 or less)",
            often.seconds / one.seconds
        );
    }
    if options.domains > 0 {
        let domains = options.domains.to_string();
        let made = measure(&options, "domains", &["--servers", "0", "--domains", &domains, "--days", "30", "--moves", "100"])?;
        made.show("domains, 30 days");
    }
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { servers: SERVERS, days: DAYS, domains: 1_000_000, keep: None };
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let value = rest.next().ok_or_else(|| format!("{name}: give a value"))?;
        let number = || value.parse().map_err(|_| format!("{name}: give a number, not {value}"));
        match name.as_str() {
            "--servers" => options.servers = number()?,
            "--days" => options.days = number()?,
            "--domains" => options.domains = number()?,
            "--keep" => options.keep = Some(PathBuf::from(value)),
            _ => return Err(format!("{name}: no such option; there are --servers, --days, --domains and --keep DIR")),
        }
    }
    Ok(options)
}

/// Makes one archive, and takes it away again unless it is to be kept.
fn measure(options: &Options, name: &str, what: &[&str]) -> Result<Cost, String> {
    let target = source::target_directory();
    let directory = options.keep.clone().unwrap_or_else(|| target.join("bench-history")).join(name);
    let _ = fs::remove_dir_all(&directory);
    let begun = Instant::now();
    let mut child = Command::new(target.join("release/danelaw"))
        .args(["lab", "history", "--form", "states", "--json", "--out"])
        .arg(&directory)
        .args(what)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("danelaw: {e}"))?;
    let mut peak_mb = 0;
    while child.try_wait().map_err(|e| e.to_string())?.is_none() {
        peak_mb = peak_mb.max(peak(child.id()));
        std::thread::sleep(LOOK);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let said: Value = serde_json::from_slice(&output.stdout).map_err(|e| format!("danelaw lab history {}: {e}", what.join(" ")))?;
    let number = |field: &str| said["states"][field].as_u64().unwrap_or(0);
    let mut tables = BTreeMap::new();
    sizes(&directory.join("states"), "", &mut tables);
    if options.keep.is_none() {
        let _ = fs::remove_dir_all(&directory);
    }
    Ok(Cost { seconds, peak_mb, rounds: number("rounds"), observations: number("observations"), tables })
}

/// Peak memory of a process so far, MB. (Linux)
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1000
}

fn sizes(directory: &Path, table: &str, sums: &mut BTreeMap<String, u64>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let table = if table.is_empty() { &name } else { table };
        if entry.path().is_dir() {
            sizes(&entry.path(), table, sums);
        } else {
            *sums.entry(table.to_owned()).or_default() += entry.metadata().map_or(0, |m| m.len());
        }
    }
}

impl Cost {
    fn octets(&self) -> u64 {
        self.tables.values().sum()
    }

    fn show(&self, what: &str) {
        println!(
            "\n{what}: {} rounds, {} looks; made in {:.0} s, at most {} MB",
            self.rounds, self.observations, self.seconds, self.peak_mb
        );
        let each = |octets: u64| octets as f64 / self.observations.max(1) as f64;
        for (table, octets) in &self.tables {
            println!("  {table:>14} {octets:>12} octets {:.4} a look", each(*octets));
        }
        println!("  {:>14} {:>12} octets {:.4} a look (wanted: 1.2 in all, 0.10 for states)", "in all", self.octets(), each(self.octets()));
    }
}
