//! The archives that are asked, made once and kept.

use super::options::Options;
use crate::bench::usage::{self, Usage};
use crate::danelaw;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An archive, and what it holds.
pub struct Made {
    /// Where.
    pub place: PathBuf,
    /// Looks at servers, or at domains: rounds times what each saw.
    pub looks: u64,
    /// Octets by table.
    pub octets: BTreeMap<String, u64>,
}

impl Made {
    /// Octets of the tables with these names; of all, if none is named.
    pub fn octets(&self, tables: &[&str]) -> u64 {
        self.octets.iter().filter(|(name, _)| tables.is_empty() || tables.contains(&name.as_str())).map(|(_, octets)| octets).sum()
    }
}

/// Servers from so many vantage points.
pub fn servers(options: &Options, vantages: usize) -> Result<Made, String> {
    let (servers, days) = (options.servers.to_string(), options.days.to_string());
    let name = format!("servers-{servers}-{days}-{vantages}");
    made(options, &name, &["--servers", &servers, "--days", &days, "--vantages", &vantages.to_string()], "server_state")
}

/// Domains, every day.
pub fn domains(options: &Options) -> Result<Made, String> {
    let (domains, days) = (options.domains.to_string(), options.domain_days.to_string());
    // One in a hundred changes a day.
    let arguments = ["--servers", "0", "--domains", &domains, "--days", &days, "--moves", "100"];
    made(options, &format!("domains-{domains}-{days}"), &arguments, "domain_state")
}

fn made(options: &Options, name: &str, arguments: &[&str], table: &str) -> Result<Made, String> {
    let place = options.directory.join(name);
    if !place.join("truth.json").exists() && !place.join("domains-truth.json").exists() || !place.join("states/manifest.json").exists() {
        let _ = std::fs::remove_dir_all(&place);
        let mut history = danelaw::command();
        history.args(["lab", "history", "--form", "states", "--out"]).arg(&place).args(arguments);
        let used = usage::run(history, &options.directory.join("history.log"));
        println!("{name}: made in {:.0} CPU-s, {} MB at most", used.cpu(), used.peak_kb / 1000);
        let mut compact = danelaw::command();
        compact.args(["archive", "compact", "--archive"]).arg(&place);
        let used: Usage = usage::run(compact, &options.directory.join("compact.log"));
        println!("{name}: compacted in {:.0} CPU-s", used.cpu());
    }
    let manifest = read(&place.join("states/manifest.json"))?;
    let mut octets: BTreeMap<String, u64> = BTreeMap::new();
    for file in manifest["files"].as_array().into_iter().flatten() {
        *octets.entry(file["table"].as_str().unwrap_or_default().to_owned()).or_default() += file["octets"].as_u64().unwrap_or_default();
    }
    Ok(Made { looks: looks(&place, table)?, place, octets })
}

/// Every state counts the rounds that saw it.
fn looks(place: &Path, table: &str) -> Result<u64, String> {
    let archive = archive::states::Archive::open(place).map_err(|e| e.to_string())?;
    let mut looks = 0;
    let columns = archive::states::Columns::Only(&["n_obs"]);
    let counted = match table {
        "server_state" => archive.server_states(columns, |rows| looks += rows.iter().map(|row| u64::from(row.span.n_obs)).sum::<u64>()),
        _ => archive.domain_states(columns, |rows| looks += rows.iter().map(|row| u64::from(row.span.n_obs)).sum::<u64>()),
    };
    counted.map_err(|e| e.to_string())?;
    Ok(looks)
}

fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", path.display()))
}
