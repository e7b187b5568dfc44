//! `danelaw lab history`: years of mail servers, made up, with the truth beside them.

mod states;

use crate::common::{print, time};
use crate::exit::{Exit, UsageError};
use ::lab::history::domains::{Domains, DomainsConfig};
use ::lab::history::{CITIES, Counts, History, HistoryConfig, LEAST_DAYS, Packing, Written};
use dane::Epoch;
use serde::Serialize;
use states::{Made, Manner, Signatures};
use std::path::{Path, PathBuf};

/// Makes up years of hourly looks at mail servers, and writes down what is true of them.
///
/// Servers renew certificates, roll keys rightly and wrongly, have faults in their DNSSEC and are not always there, in the shares that the
/// studies found; rounds are missed. Every change was planned, so truth.json says what any analysis has to find: each change with its
/// grade, each server's verdict, and the counts of the tables. The same options give the same octets. A line, that is a server and hour, is
/// some 2 kB, with --gzip some 1 kB: 100 servers and 30 days are 170 MB.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  # 100 servers, 30 days, in the form in which the studies' authors publish
  # theirs: history/virginia/190713_0.txt and on, and history/truth.json:
  danelaw lab history --out history

  # Five vantage points, compressed:
  danelaw lab history --out history --vantages 5 --gzip

  # A million domains and no server; a provider's step moves thousands:
  danelaw lab history --servers 0 --domains 1000000 --days 30 --out domains

  # Twenty months of the paper's servers, as an archive of states:
  danelaw lab history --servers 13902 --days 580 --form states --out p22

  # The numbers of the paper, and nothing but the truth:
  danelaw lab history --servers 13902 --days 580 --form truth --out p22

EXIT CODES
  0  everything is written
  2  options that cannot be, or the directory cannot be written")]
pub struct Args {
    /// Mail servers
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    servers: u32,

    /// Mail domains: one state a day each, written as changes to domains.jsonl, their adoption of DANE to domains-truth.json
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=100_000_000))]
    domains: u32,

    /// Days of 24 rounds each
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(i64::from(LEAST_DAYS)..=20_000))]
    days: u16,

    /// Of ten thousand domains so many move to another provider each day
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(..=1000))]
    moves: u16,

    /// Everything is a function of it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Midnight UTC at which it begins [default: 2019-07-13T00:00:00Z]
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    start: Option<Epoch>,

    /// Vantage points
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=CITIES.len() as i64))]
    vantages: u8,

    /// Where to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// What to write beside truth.json
    #[arg(long, value_enum, default_value_t = Form::DaneStudy)]
    form: Form,

    /// Compress the files
    #[arg(long)]
    gzip: bool,

    /// In states: look so often, where an hour has a whole number of it: 6m, 30m. What changes changes on the hour all the same
    #[arg(long, value_name = "TIME", value_parser = time::period)]
    every: Option<std::time::Duration>,

    /// In states: when signatures over TLSA records begin and end; they are new every day
    #[arg(long)]
    signatures: bool,

    /// One JSON object on one line about what was written
    #[arg(long)]
    json: bool,
}

/// What to write.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// One JSON object a line for each server and hour, as the studies' authors publish
    DaneStudy,
    /// The states of an archive, below DIR/states: what changed and nothing else, so that years take minutes. Verdicts are those of the
    /// studies. Of domains, too, from a vantage point of their own, 'daily'
    States,
    /// Nothing
    Truth,
}

/// The contract of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    kind: &'static str,
    config: &'a HistoryConfig,
    written: Written,
    counts: Counts,
    /// Lines of domains.jsonl.
    domain_changes: u64,
    /// What the states stand for, in that form.
    #[serde(skip_serializing_if = "Option::is_none")]
    states: Option<Made>,
    truth: PathBuf,
    dir: &'a Path,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// A start that is no midnight, a directory that cannot be written.
    pub fn run(self) -> Result<Exit, UsageError> {
        let default = HistoryConfig::new();
        let config = HistoryConfig {
            servers: self.servers as usize,
            days: u32::from(self.days),
            seed: self.seed,
            start: self.start.unwrap_or(default.start),
            vantages: usize::from(self.vantages),
        };
        let manner = self.manner()?;
        let history = History::new(config).map_err(UsageError::new)?;
        let packing = if self.gzip { Packing::Gzip } else { Packing::Plain };
        let here = archive::on_this_machine(&self.out).map_err(UsageError::new)?;
        if here != self.out && self.form != Form::States {
            return Err(UsageError(format!("{}: only states go to a bucket; name a directory, or give --form states", self.out.display())));
        }
        let written = match self.form {
            Form::DaneStudy => history.write_dane_study(&here, packing),
            Form::States | Form::Truth => history.write_truth(&here).map(|()| Written::default()),
        };
        let written = written.map_err(UsageError::new)?;
        let domains = DomainsConfig { domains: self.domains, days: self.days, seed: self.seed, moves: self.moves };
        let domains = (self.domains > 0).then(|| Domains::new(domains));
        let domain_changes = match (&domains, self.form) {
            (None, _) => 0,
            (Some(domains), Form::States) => domains.write_truth(&here).map(|()| 0).map_err(UsageError::new)?,
            (Some(domains), _) => domains.write(&here).map_err(UsageError::new)?,
        };
        let states = match self.form {
            Form::States => Some(states::write(&self.out, &history, domains.as_ref(), manner).map_err(UsageError::new)?),
            Form::DaneStudy | Form::Truth => None,
        };
        let (counts, truth, dir) = (history.counts(), here.join("truth.json"), self.out.as_path());
        if self.json {
            print::json(&Report { kind: "lab-history", config: history.config(), written, counts, domain_changes, states, truth, dir });
            return Ok(Exit::Good);
        }
        self.tell(&counts, written, domain_changes, states, &truth);
        Ok(Exit::Good)
    }

    /// For people.
    fn tell(&self, counts: &Counts, written: Written, domain_changes: u64, states: Option<Made>, truth: &Path) {
        let dir = self.out.as_path();
        let number = present::number;
        if let Some(made) = states {
            print::line(format_args!(
                "{} rounds of {} servers and {} domains, {} looks, as states below {}; what is true: {}",
                number(made.rounds),
                number(counts.servers),
                number(self.domains.into()),
                number(made.observations),
                dir.join("states").display(),
                truth.display()
            ));
            return;
        }
        print::line(format_args!(
            "{} servers, {} with other certificates, {} with other keys, {} of them judged. {} lines in {} files below {}; what is true: {}",
            number(counts.servers),
            number(counts.certificate_changed),
            number(counts.key_changed),
            number(counts.targets),
            number(written.lines),
            number(written.files),
            dir.display(),
            truth.display()
        ));
        if self.domains > 0 {
            print::line(format_args!(
                "{} changes of {} domains: {}/domains.jsonl",
                number(domain_changes),
                number(self.domains.into()),
                dir.display()
            ));
        }
    }

    /// How states are made; the other forms have nothing to choose.
    fn manner(&self) -> Result<Manner, UsageError> {
        if self.form != Form::States && (self.every.is_some() || self.signatures) {
            return Err(UsageError::new("--every, --signatures: the form of the studies has its own; give --form states"));
        }
        let every = self.every.map_or(3600, |every| i64::try_from(every.as_secs()).unwrap_or(0));
        if every < 1 || 3600 % every != 0 {
            return Err(UsageError::new("--every: an hour has no whole number of these; give 6m, 15m, 30m or the like"));
        }
        Ok(Manner { signatures: if self.signatures { Signatures::Noted } else { Signatures::Unnoted }, every })
    }
}
