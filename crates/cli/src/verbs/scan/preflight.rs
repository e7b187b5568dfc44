//! Ourselves, before others are looked at: `scan --preflight`, and what `scan` says of it.

use crate::common::survey::print_line;
use crate::common::{file, print};
use crate::exit::{Exit, UsageError};
use dane::observation::{Listing, VantageObservation};
use dane::preflight::{Report, report};
use probe::{BlockLists, LookerConfig};
use serde::Serialize;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// What others see of us.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Ourselves")]
pub struct OurselvesOptions {
    /// Look at ourselves only, and say what is wrong: PTR, EHLO name, block lists
    #[arg(long)]
    pub preflight: bool,

    /// Block lists to ask about our addresses, one zone a line; addresses and networks in the file are listed by it
    #[arg(long, value_name = "FILE")]
    block_lists: Option<PathBuf>,

    /// The address by which others see us, if this machine does not know it (NAT); may be repeated
    #[arg(long, value_name = "IP")]
    seen_as: Vec<IpAddr>,
}

/// What `--json` prints of a preflight.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    vantage: &'a VantageObservation,
    findings: Vec<Told>,
    /// What could not be found out.
    unknown: Vec<String>,
}

#[derive(Serialize)]
struct Told {
    cause: &'static str,
    sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<String>,
}

impl OurselvesOptions {
    /// Changes a configuration accordingly.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn apply(&self, config: &mut LookerConfig) -> Result<(), UsageError> {
        config.seen_as.clone_from(&self.seen_as);
        if let Some(path) = &self.block_lists {
            let called = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
            let lists = BlockLists::parse(&file::text("--block-lists", path)?, &called);
            config.block_lists = Arc::new(lists.map_err(|e| UsageError(format!("--block-lists {}: {e}", path.display())))?);
        }
        Ok(())
    }
}

/// Shows what was found, and says by the exit code how it stands: 0 all is well, 1 something is wrong, 3 something could not be found out.
pub(super) fn show(vantage: &VantageObservation, json: bool) -> Exit {
    let Report { remarks, unknown } = report(vantage).unwrap_or_else(not_looked);
    let exit = match (remarks.is_empty(), unknown.is_empty()) {
        (false, _) => Exit::Bad,
        (true, false) => Exit::Unknown,
        (true, true) => Exit::Good,
    };
    if json {
        let findings = remarks.into_iter().map(|r| Told { cause: r.cause.code(), sentence: r.sentence, publish: r.publish }).collect();
        print_line("preflight", &Printed { vantage, findings, unknown });
        return exit;
    }
    print::line(summary(vantage));
    for remark in remarks {
        print::line(format!("✗ {}", present::clean(&remark.sentence)));
        if let Some(record) = remark.publish {
            print::line(format!("    publish: {}", present::clean(&record)));
        }
    }
    for what in unknown {
        print::line(format!("? could not find out {}", present::clean(&what)));
    }
    exit
}

/// Says in a line or two, before a scan, how we stand.
pub(super) fn tell(vantage: &VantageObservation) {
    let Some(found) = report(vantage) else { return };
    anstream::eprintln!("danelaw: {}", summary(vantage));
    let wrong: Vec<String> = found.remarks.iter().map(|r| present::clean(&r.sentence)).collect();
    if !wrong.is_empty() {
        anstream::eprintln!("danelaw: servers may refuse us: {} (--preflight tells what to publish)", wrong.join(" "));
    }
}

fn not_looked() -> Report {
    Report {
        remarks: Vec::new(),
        unknown: vec!["anything of ourselves: with --allow-private, say which address is ours by --seen-as".to_owned()],
    }
}

fn summary(vantage: &VantageObservation) -> String {
    let sources = vantage.preflight.as_ref().map_or(&[][..], |p| p.sources.as_slice());
    let addresses: Vec<String> = sources.iter().map(|s| s.address.to_string()).collect();
    let lists = || sources.iter().flat_map(|s| &s.lists);
    let clear = lists().filter(|l| l.answer == Listing::NotListed).count();
    let on = if lists().count() == 0 { String::new() } else { format!(", not on {clear} of {} block lists asked", lists().count()) };
    let name = vantage.ehlo.as_ref().map(ToString::to_string).unwrap_or_default();
    let from = if addresses.is_empty() { "an address that we do not know".to_owned() } else { addresses.join(" and ") };
    format!("we are {name} at {from}{on}")
}
