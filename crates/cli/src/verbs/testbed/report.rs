//! `danelaw testbed report`: one row a provider, over all tests.

use super::judge::{OperatorsOption, Terms, judge, places};
use super::state::Kept;
use crate::common::colour::ColourOption;
use crate::common::{file, print, time};
use crate::exit::{Exit, UsageError};
use dane::sender::{self, Event, Patience, Provider};
use lab::testbed::Testbed;
use present::Published;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Table 3 of the study: one row a provider, of its latest test, and what it was before.
///
/// Every test counts whose reference message has arrived. A provider is the domain that its servers call themselves by in EHLO.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw testbed report --state /var/lib/danelaw-testbed

  # With the column 'published', from a scan of the providers' own domains:
  danelaw scan providers.txt --json --out scan.jsonl
  danelaw testbed report --state /var/lib/danelaw-testbed \\
    --published scan.jsonl --operators prefixes.txt

EXIT CODES
  0  here it is
  2  there is no test bed in that directory, or a file cannot be used
  3  no test has come so far that anything can be said")]
pub struct Report {
    /// The test bed's directory
    #[arg(long, value_name = "DIR")]
    state: PathBuf,

    /// What providers publish for their own domains: verdicts of check or scan, one JSON object a line
    #[arg(long, value_name = "FILE")]
    published: Option<PathBuf>,

    #[command(flatten)]
    operators: OperatorsOption,

    /// The moment as of which to judge [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    at: Option<i64>,

    /// One JSON object per provider
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    colour: ColourOption,
}

/// The contract of `--json`.
#[derive(Serialize)]
struct Row<'a> {
    kind: &'static str,
    #[serde(flatten)]
    provider: &'a Provider,
    /// Whether its own domain has DANE; null if `--published` does not say.
    published: Option<bool>,
}

impl Report {
    /// Does it.
    ///
    /// # Errors
    /// If there is no such test bed, or a file cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let (kept, operators) = (Kept::open(&self.state)?, self.operators.table()?);
        let published = self.published.as_deref().map_or_else(|| Ok(Published::new()), published)?;
        let (config, testbed) = (kept.config(), Testbed::build(kept.config()));
        let (events, lost) = kept.events()?;
        if lost > 0 {
            anstream::eprintln!("danelaw: {lost} lines of events cannot be read and are left out");
        }
        let until = self.at.map_or_else(time::now_ms, |at| at * 1000);
        let played = testbed.played();
        let terms = Terms {
            zone: &config.zone,
            scenarios: &played,
            patience: Patience::INTERNET,
            operators: &operators,
            until_ms: u64::try_from(until).unwrap_or(0),
        };
        let mut by_token = BTreeMap::<String, Vec<&Event>>::new();
        for event in &events {
            let tokens: BTreeSet<String> = places(event, &config.zone).into_iter().map(|place| place.token).collect();
            tokens.into_iter().for_each(|token| by_token.entry(token).or_default().push(event));
        }
        let runs = by_token.iter().filter(|(token, _)| testbed.issued(token)).filter_map(|(token, mine)| {
            let judged = judge(mine, token, &terms);
            sender::run(token, &judged.profile, &judged.trials, mine, &|address| operators.of(address))
        });
        let table = sender::table(runs);
        if self.json {
            for provider in &table {
                print::json(&Row { kind: "testbed-provider", provider, published: published.get(&provider.name).copied() });
            }
        } else {
            print::text(present::sender_table(&table, &published, &self.colour.style()));
        }
        Ok(if table.is_empty() { Exit::Unknown } else { Exit::Good })
    }
}

/// What a domain's verdict says: whether DANE is in force there, or meant to be.
fn published(path: &Path) -> Result<Published, UsageError> {
    let mut published = BTreeMap::new();
    for (number, line) in file::text("--published", path)?.lines().enumerate() {
        let wrong = |what: &dyn std::fmt::Display| UsageError(format!("--published {}:{}: {what}", path.display(), number + 1));
        let line: serde_json::Value = serde_json::from_str(line).map_err(|e| wrong(&e))?;
        let (Some(domain), Some(standing)) = (line["domain"].as_str(), line["standing"].as_str()) else { continue };
        let has = match standing {
            "protected" | "partial" | "broken" => true,
            "unprotected" | "no-mail" | "undeliverable" => false,
            _ => continue,
        };
        published.insert(domain.trim_end_matches('.').to_ascii_lowercase(), has);
    }
    if published.is_empty() {
        return Err(UsageError(format!(
            "--published {}: no verdict in it; write one with `danelaw scan LIST --json --out FILE`",
            path.display()
        )));
    }
    Ok(published)
}
