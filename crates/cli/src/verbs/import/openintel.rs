//! `danelaw import openintel`: what others resolved, day by day.

use super::aside::Aside;
use super::files;
use crate::common::progress::Progress;
use crate::common::{print, time};
use crate::exit::{Exit, UsageError};
use archive::import::openintel::{Import, Took, check};
use archive::states::Writer;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Takes OpenINTEL's forward DNS measurements into an archive of states, day by day.
///
/// Parquet files with the published columns: query_type, query_name, response_type, timestamp, status_code, mx_*, and, where they are,
/// ad_flag, ip4_address, ip6_address, ns_address, tlsa_*, ds_*, dnskey_*, rrsig_*. A name whose MX records were asked for is a domain; its
/// state has its mail hosts and name servers, how many of the hosts have addresses and TLSA records, DS, DNSKEY, and the DNSSEC
/// status that the resolver's ad_flag tells. One day is in memory at a time; name files so that days come one after the other.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw import openintel nl/2026-11-*.parquet --archive nl

  # A directory of days:
  danelaw import openintel openintel/ --archive tlds
  danelaw archive info tlds

SET ASIDE
  Rows that cannot be used are counted and written with file, number and
  reason to set-aside-TIME.tsv in the archive. A file that is cut off or
  has other columns stops the import: without it its domains would seem to
  be gone.

EXIT CODES
  0  every day is in the archive
  1  a day is not: the archive has another one
  2  a file cannot be used, or the archive cannot be written")]
pub struct Args {
    /// Files, or directories in which *.parquet is read
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,

    /// The archive; made if there is none
    #[arg(long, value_name = "DIR")]
    archive: PathBuf,

    /// Name of the vantage point
    #[arg(long, value_name = "NAME", default_value = "openintel", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    vantage: String,

    /// One JSON object (kind "import") on one line
    #[arg(long)]
    json: bool,
}

/// The contract of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    kind: &'static str,
    form: &'static str,
    archive: &'a Path,
    files: u64,
    /// Rows used.
    rows: u64,
    /// Domains of all days.
    domains: u64,
    set_aside: &'a Aside,
    rounds: Rounds,
    /// States that began or ended.
    changes: u64,
}

#[derive(Serialize)]
struct Rounds {
    new: u64,
    late: u64,
    known: u64,
    refused: u64,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// A file that cannot be used, an archive that cannot be written.
    pub fn run(self) -> Result<Exit, UsageError> {
        let paths = files::find(&self.files, &[".parquet"])?.paths;
        // Before anything is written.
        let rows = paths.iter().try_fold(0_u64, |sum, path| check(path).map(|rows| sum.saturating_add(rows.0))).map_err(UsageError::new)?;
        if rows == 0 {
            return Err(UsageError(format!("{}: no row in any file; give files of OpenINTEL's forward DNS", paths[0].display())));
        }
        let mut writer = Writer::open(&self.archive).map_err(UsageError::new)?;
        if let Some(torn) = writer.torn() {
            anstream::eprintln!("danelaw: {}: {torn}", self.archive.display());
        }
        let here = archive::on_this_machine(&self.archive).map_err(UsageError::new)?;
        let mut aside = Aside::new(here.join(format!("set-aside-{}.tsv", time::stamp(time::now_ms()))));
        let mut progress = Progress::of(paths.len() as u64, "files");
        let mut import = Import::new(&mut writer, &self.vantage, env!("CARGO_PKG_VERSION"));
        for path in &paths {
            let mut kept = Ok(());
            let keep = |number, reason: &'static str, name: &str| {
                if kept.is_ok() {
                    kept = aside.put(path, number, reason, name);
                }
            };
            import.file(path, keep).map_err(UsageError::new)?;
            kept?;
            let rows = import.took().rows;
            progress.step(|| format!("({} rows)", present::number(rows)));
        }
        progress.finish();
        let took = import.finish().map_err(UsageError::new)?;
        aside.finish()?;
        self.tell(paths.len() as u64, &took, &aside);
        Ok(if took.refused.is_empty() { Exit::Good } else { Exit::Bad })
    }

    fn tell(&self, files: u64, took: &Took, aside: &Aside) {
        for refused in took.refused.iter().take(3) {
            anstream::eprintln!("danelaw: {refused}");
        }
        let Took { rows, new, late, known, changes, domains, .. } = *took;
        let rounds = Rounds { new, late, known, refused: took.refused.len() as u64 };
        if self.json {
            let archive = &self.archive;
            return print::json(&Report {
                kind: "import",
                form: "openintel",
                archive,
                files,
                rows,
                domains,
                set_aside: aside,
                rounds,
                changes,
            });
        }
        print::line(format_args!(
            "{} of {}: {} new, {late} late, {known} known already, {} refused; {} of domains began or ended. The states are in {}",
            present::count(rows, "row"),
            present::count(files, "file"),
            present::count(new, "day"),
            rounds.refused,
            present::count(changes, "state"),
            self.archive.display()
        ));
    }
}
