//! `danelaw archive`: what is in an archive of states, whether it is sound, and fewer files of it.

use crate::common::{print, time};
use crate::exit::{Exit, UsageError};
use archive::states::{Archive, Info, Writer};
use present::{clean, count, number};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Looks after an archive of states.
#[derive(clap::Args)]
#[command(after_help = "IN A BUCKET
  s3://BUCKET/PREFIX stands for a directory wherever an archive of states is
  read or written, in a danelaw that was built with S3 (cargo build
  --features s3). The environment says where and who, as it does elsewhere:
  AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
  Plain http is for this machine only, or with AWS_ALLOW_HTTP=true. The
  service has to heed If-Match and If-None-Match, as Amazon's does; of two
  who write at once, one is told. Records of runs, lines set aside and
  copies of tables stay on this machine, in $XDG_STATE_HOME/danelaw/s3 or
  ~/.local/state/danelaw/s3.

EXAMPLES
  danelaw archive info survey
  danelaw archive verify s3://measurements/survey")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Info(InfoArgs),
    Verify(VerifyArgs),
    Compact(CompactArgs),
}

/// Tells what is in an archive: rounds, vantage points, what was missed, and how much room it takes.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw archive info survey

  # The slots in which nobody looked, by vantage point:
  danelaw archive info survey --json | jq .vantages

EXIT CODES
  0  always, if there is an archive
  2  there is none, or it cannot be read")]
struct InfoArgs {
    /// The archive
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// One JSON object (kind \"archive-info\") on one line
    #[arg(long)]
    json: bool,
}

/// Looks whether an archive is what it says it is.
///
/// Every file is the one that was written, every reference leads to something, certificates and records have their names, intervals do not
/// overlap, and each round is confirmed by as many states as it saw things.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw archive verify survey

  # In a script:
  danelaw archive verify survey --json || mail -s archive root

EXIT CODES
  0  it is sound
  1  it is not: what is wrong, a line each
  2  there is no archive, or it cannot be read at all")]
struct VerifyArgs {
    /// The archive
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// One JSON object (kind \"archive-verify\") on one line
    #[arg(long)]
    json: bool,
}

/// Writes the log into the tables and makes one file of the files of each partition.
///
/// Nothing that the archive says changes. A process that is killed leaves the old files or the new ones.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw archive compact survey

EXIT CODES
  0  it is done
  2  there is no archive, someone writes to it, or it cannot be written")]
struct CompactArgs {
    /// The archive
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// One JSON object (kind \"archive-compact\") on one line
    #[arg(long)]
    json: bool,
}

/// The contract of `info --json`.
#[derive(Serialize)]
struct About<'a> {
    kind: &'static str,
    archive: &'a Path,
    #[serde(flatten)]
    info: &'a Info,
}

/// The contract of `verify --json`.
#[derive(Serialize)]
struct Soundness<'a> {
    kind: &'static str,
    archive: &'a Path,
    sound: bool,
    rounds: u64,
    states: u64,
    observations: u64,
    files: u64,
    octets: u64,
    fault_count: u64,
    /// The first hundred.
    faults: &'a [String],
    torn: Option<String>,
}

/// The contract of `compact --json`.
#[derive(Serialize)]
struct Compacted<'a> {
    kind: &'static str,
    archive: &'a Path,
    files_before: u64,
    files: u64,
    octets_before: u64,
    octets: u64,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If there is no archive, or it cannot be read or written.
    pub fn run(self) -> Result<Exit, UsageError> {
        match self.what {
            What::Info(args) => args.run(),
            What::Verify(args) => args.run(),
            What::Compact(args) => args.run(),
        }
    }
}

fn open(dir: &Path) -> Result<Archive, UsageError> {
    Archive::open(dir).map_err(UsageError::new)
}

impl InfoArgs {
    fn run(self) -> Result<Exit, UsageError> {
        let info = open(&self.dir)?.info();
        if self.json {
            print::json(&About { kind: "archive-info", archive: &self.dir, info: &info });
            return Ok(Exit::Good);
        }
        print::line(format_args!(
            "{} of {}; {} octets in tables, {} in the log ({})",
            count(info.rounds, "round"),
            count(info.vantages.len() as u64, "vantage point"),
            number(info.octets),
            number(info.log_octets),
            count(info.rounds_in_log, "round"),
        ));
        if let Some(torn) = &info.torn {
            print::hanging(0, torn);
        }
        print::line(format_args!(
            "\n{:20} {:>10} {:>8} {:>10}  {:20}  {:20}",
            "vantage point", "rounds", "missed", "incomplete", "from", "to"
        ));
        for v in &info.vantages {
            print::line(format_args!(
                "{:20} {:>10} {:>8} {:>10}  {:20}  {:20}",
                clean(&v.vantage),
                number(v.rounds),
                number(v.missed),
                number(v.incomplete),
                time::show(v.first_s),
                time::show(v.last_s)
            ));
        }
        print::line(format_args!("\n{:20} {:>10} {:>12} {:>15}", "table", "files", "rows", "octets"));
        for table in &info.tables {
            let [files, rows, octets] = [table.files, table.rows, table.octets].map(number);
            print::line(format_args!("{:20} {files:>10} {rows:>12} {octets:>15}", table.table));
        }
        Ok(Exit::Good)
    }
}

impl VerifyArgs {
    fn run(self) -> Result<Exit, UsageError> {
        let archive = open(&self.dir)?;
        let found = archive.verify().map_err(UsageError::new)?;
        let torn = archive.torn().map(ToString::to_string);
        let sound = found.is_sound();
        if self.json {
            print::json(&Soundness {
                kind: "archive-verify",
                archive: &self.dir,
                sound,
                rounds: found.rounds,
                states: found.states,
                observations: found.observations,
                files: found.files,
                octets: found.octets,
                fault_count: found.fault_count,
                faults: &found.faults,
                torn,
            });
        } else {
            found.faults.iter().for_each(|fault| print::hanging(0, format_args!("✗ {fault}")));
            let more = found.fault_count.saturating_sub(found.faults.len() as u64);
            if more > 0 {
                print::line(format_args!("and {} more", number(more)));
            }
            if let Some(torn) = torn {
                print::hanging(0, torn);
            }
            print::line(format_args!(
                "{}: {}, {}, {} observations in {} ({} octets)",
                if sound { "sound" } else { "not sound" },
                count(found.rounds, "round"),
                count(found.states, "state"),
                number(found.observations),
                count(found.files, "file"),
                number(found.octets)
            ));
        }
        Ok(if sound { Exit::Good } else { Exit::Bad })
    }
}

impl CompactArgs {
    fn run(self) -> Result<Exit, UsageError> {
        let size = |info: Info| (info.tables.iter().map(|table| table.files).sum::<u64>(), info.octets + info.log_octets);
        // Before a writer makes one where there is none.
        let (files_before, octets_before) = size(open(&self.dir)?.info());
        let mut writer = Writer::open(&self.dir).map_err(UsageError::new)?;
        if let Some(torn) = writer.torn() {
            anstream::eprintln!("danelaw: {}: {torn}", self.dir.display());
        }
        writer.compact().map_err(UsageError::new)?;
        drop(writer);
        let (files, octets) = size(open(&self.dir)?.info());
        if self.json {
            print::json(&Compacted { kind: "archive-compact", archive: &self.dir, files_before, files, octets_before, octets });
        } else {
            print::line(format_args!(
                "{} instead of {}, {} octets instead of {}",
                count(files, "file"),
                number(files_before),
                number(octets),
                number(octets_before)
            ));
        }
        Ok(Exit::Good)
    }
}
