//! `danelaw export`: states for other people's programs.

use crate::common::progress::Progress;
use crate::common::{print, time};
use crate::exit::{Exit, UsageError};
use archive::export::{Packing, Rows, TABLES, Wanted, Written, dane_study, write_table};
use archive::states::Archive;
use dane::Epoch;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Writes states in which no number stands for something else, or the hourly lines of the studies.
///
/// jsonl and csv: one file for each table, server_state, domain_state and snapshot, whose columns have the names that they have in docs/schema.md;
/// in the place of numbers stand the things: 'tlsa' the records, 'chain' the SHA-256 of the certificates, 'mx' and 'ns' the hosts, lists
/// in CSV with '; ' between. Times are seconds since 1970. Only the rounds in snapshot tell when somebody looked: a state lasts over
/// what was missed. dane-study: CITY/YYMMDD_H.txt, a line for each server and hour, which 'import' reads again.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw export --archive survey --form csv --out survey-csv

  # What one vantage point saw in a week, as the studies' authors publish:
  danelaw export --archive survey --form dane-study --out week
    --vantage virginia --from 2026-11-16T00:00:00Z
    --to 2026-11-23T00:00:00Z --gzip

EXIT CODES
  0  everything is written
  2  there is no such archive or vantage point, or the directory cannot
     be written")]
pub struct Args {
    /// The archive
    #[arg(long, value_name = "DIR")]
    archive: PathBuf,

    /// What to write
    #[arg(long, value_enum)]
    form: Form,

    /// Where to; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Only what this vantage point saw
    #[arg(long, value_name = "NAME")]
    vantage: Option<String>,

    /// Only rounds from this time on, and states that hold then or later
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    from: Option<Epoch>,

    /// Only rounds before this time, and states that begin before it
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    to: Option<Epoch>,

    /// Compress the files
    #[arg(long)]
    gzip: bool,

    /// One JSON object (kind "export") on one line
    #[arg(long)]
    json: bool,
}

/// What to write.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// One JSON object a row
    Jsonl,
    /// Comma-separated values with a line of names (RFC 4180)
    Csv,
    /// The hourly lines of the studies' authors
    DaneStudy,
}

/// The contract of `--json`.
#[derive(Default, Serialize)]
struct Report {
    kind: &'static str,
    archive: PathBuf,
    dir: PathBuf,
    files: u64,
    /// Rows by table; of dane-study its lines.
    rows: BTreeMap<&'static str, u64>,
    /// Rounds of dane-study that are left out, as their hour has another one.
    left_out: u64,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If the archive cannot be read or the directory cannot be written.
    pub fn run(self) -> Result<Exit, UsageError> {
        let archive = Archive::open(&self.archive).map_err(UsageError::new)?;
        let time = self.from.unwrap_or(Epoch::MIN)..self.to.unwrap_or(Epoch::MAX);
        if time.is_empty() {
            return Err(UsageError::new("--from: not before --to; give a time in between"));
        }
        let wanted = Wanted { vantage: self.vantage.clone(), time };
        let mut report = Report { kind: "export", archive: self.archive.clone(), dir: self.out.clone(), ..Report::default() };
        fs::create_dir_all(&self.out)
            .map_err(|e| UsageError(format!("--out {}: {e}; name a directory that can be written", self.out.display())))?;
        match self.form {
            Form::DaneStudy => self.lines(&archive, &wanted, &mut report)?,
            Form::Jsonl => self.tables(&archive, Rows::Jsonl, &wanted, &mut report)?,
            Form::Csv => self.tables(&archive, Rows::Csv, &wanted, &mut report)?,
        }
        if self.json {
            print::json(&report);
        } else {
            let rows: Vec<String> =
                report.rows.iter().map(|(table, rows)| format!("{} of {table}", present::count(*rows, "row"))).collect();
            print::line(format_args!("{} in {} below {}", rows.join(", "), present::count(report.files, "file"), self.out.display()));
        }
        Ok(Exit::Good)
    }

    fn packing(&self) -> Packing {
        if self.gzip { Packing::Gzip } else { Packing::Plain }
    }

    fn tables(&self, archive: &Archive, form: Rows, wanted: &Wanted, report: &mut Report) -> Result<(), UsageError> {
        for (table, name) in TABLES {
            let rows = write_table(archive, table, wanted, form, self.packing(), &self.out).map_err(UsageError::new)?;
            report.rows.insert(name, rows);
            report.files += 1;
        }
        Ok(())
    }

    fn lines(&self, archive: &Archive, wanted: &Wanted, report: &mut Report) -> Result<(), UsageError> {
        let mut progress = Progress::of(archive.snapshots().len() as u64, "rounds");
        let each = |written: &Written| progress.step(|| format!("({} lines)", present::number(written.lines)));
        let written = dane_study(archive, &self.out, wanted, self.packing(), each).map_err(UsageError::new)?;
        progress.finish();
        if written.left_out > 0 {
            let rounds = present::count(written.left_out, "round");
            anstream::eprintln!("danelaw: {rounds} left out: the form has one an hour, and the first one counts");
        }
        report.rows.insert("dane-study", written.lines);
        (report.files, report.left_out) = (written.files, written.left_out);
        Ok(())
    }
}
