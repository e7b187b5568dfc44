//! `danelaw scan`: a list of domains in; observations and a summary out.

mod folder;
mod identify;
mod preflight;
mod rounds;

use crate::common::colour::ColourOption;
use crate::common::pace::PaceOptions;
use crate::common::policies::PolicyOptions;
use crate::common::probe::LookOptions;
use crate::common::program::program;
use crate::common::roots::RootsOption;
use crate::common::survey::{self, Done, End, Sink, Stop, Tell};
use crate::common::targets::{SetAside, Shard, Targets};
use crate::common::{metadata, print};
use crate::exit::{Exit, UsageError};
use dane::observation::RunObservation;
use identify::IdentifyOptions;
use preflight::OurselvesOptions;
use present::count;
use probe::{LookerConfig, NameServers, OptOut, Policies, Returns, SurveyOptions};
use resolve::Config;
use rounds::RoundOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Looks at every mail domain of a list and keeps what it saw.
///
/// Resolves and validates MX, addresses and TLSA, visits every address of every MX host over SMTP with STARTTLS, and writes one
/// complete record per domain, as soon as it is there. No mail is ever sent.
///
/// A server that asks us to come back later (greylisting, 421) is visited once more after five minutes and a bit, so the last records of a scan
/// can be that late (--retries, --retry-after). One whose connection broke, and one that shows something wrong, is visited once more after half
/// a minute: what is held against a domain has been seen twice. All visits are kept; the last one counts, and if they disagree that is a finding.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("records"))]
#[command(after_help = "EXAMPLES
  # Keep everything, print a summary; then make a page of it:
  danelaw scan domains.txt --archive survey
  danelaw report --archive survey --out survey.html

  # A thousand of a rank list, always the same ones:
  danelaw scan top1m.csv --sample 1000 --archive survey

  # The second of four machines:
  danelaw scan domains.txt --shard 2/4 --archive survey

  # Straight to stdout, no SMTP:
  zcat list.gz | danelaw scan - --out - --dns-only | jq .kind

  # A file, those left alone who wish it, and who we are:
  danelaw scan domains.txt --out seen.jsonl --opt-out leave-alone.txt \\
      --ehlo probe.example.org --vantage ams1

  # Would others let us in? (PTR, EHLO name, block lists)
  danelaw scan --preflight --ehlo probe.example.org --block-lists lists.txt

  # A page for those who wonder, and for those who want to be left alone:
  danelaw scan domains.txt --archive survey --identify 192.0.2.1:80 \\
      --contact scan@example.org --opt-out-requests wishes.jsonl

  # Every full hour, here and wherever the same list is scanned:
  danelaw scan domains.txt --archive survey --every 1h --align

THE LIST
  One domain a line; '#' begins a comment; of a rank list (17,example.com)
  the second column counts. Or a zone file: the names that it delegates are
  looked at. Either may be packed by gzip. Lines that are no domain are
  counted and written to set-aside.tsv in the run's directory (or
  FILE.set-aside.tsv beside --out FILE).

ROUNDS
  A round reads the list and the opt-outs anew, 15 s before its slot. One
  that cannot begin within a tenth of --every (at most 60 s) after its slot
  is missed, and the next round says so and why; so does one that follows a
  restart. Rounds with the same slot, list (by hash) and options can be
  compared; a series has a gap where a slot is missed or a round incomplete.
  Servers are visited again only if that fits into the rest of the round.

  When a round is over, what it saw is taken up in the archive's states
  (ARCHIVE/states): what did not change is kept once, so a round costs what
  changed. Its complete records, as a scan without --every leaves them, are
  kept until a later round is whole: 'report' shows the latest.
  --keep-records all keeps those of every round. What a process that was
  killed has left becomes states when the next one starts, a round cut off
  as incomplete.

OURSELVES
  Before it begins, a scan looks whether our addresses, their PTR names and
  the EHLO name lead to each other, and what block lists say. --preflight
  does only this: 0 all is well, 1 something is wrong, 3 could not tell.

THOSE WHO ARE VISITED
  --identify serves a page that says who scans and why, and with
  --opt-out-requests takes wishes to be left alone. One from the network
  that it names (up to /24, /48), or from an address of the domain or of
  its MX hosts, holds from the next round on; others wait as 'pending' for
  you. At most 10 an hour are taken from one network, 1000 in all, 8 MB.
  Serve it yourself, not through a proxy: the address of who asks counts.

EXIT CODES
  0  the scan is complete, whatever it found: every target has its record
  2  the command line, the list or the output cannot be used; records
     written before stay readable
  3  it was stopped (Ctrl-C, or nobody reads stdout any more), or missed a
     round; what was done is kept")]
pub struct Args {
    /// List of domains, one a line; '-' is stdin
    #[arg(value_name = "FILE|-", required_unless_present_any = ["preflight", "identify_only"])]
    list: Option<PathBuf>,

    /// Keep the records in this archive (made if it does not exist): JSON lines, then Parquet
    #[arg(long, value_name = "DIR", group = "records")]
    archive: Option<PathBuf>,

    /// Write the records as JSON lines to this file; '-' is stdout
    #[arg(long, value_name = "FILE|-", group = "records")]
    out: Option<PathBuf>,

    /// Look at this many of the domains only, chosen by hash: always the same ones
    #[arg(long, value_name = "N")]
    sample: Option<usize>,

    /// Look at part I of N of the list only; every domain is in exactly one part
    #[arg(long, value_name = "I/N", value_parser = Shard::parse)]
    shard: Option<Shard>,

    /// Ask every name server of every zone concerned, too, and report where they disagree
    #[arg(long, conflicts_with = "upstream")]
    all_servers: bool,

    /// Domains in work at the same time
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    parallel: u32,

    /// Print verdicts (kind "verdict", one a line, as they come), domains not looked at (kind "skipped") and the summary (kind "summary") as JSON; of each round its metadata (kind "run") and what became of it in the states (kind "states"), too
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    colour: ColourOption,

    #[command(flatten)]
    roots: RootsOption,

    #[command(flatten)]
    rounds: RoundOptions,

    #[command(flatten)]
    ourselves: OurselvesOptions,

    #[command(flatten)]
    identify: IdentifyOptions,

    #[command(flatten)]
    pace: PaceOptions,

    #[command(flatten)]
    policies: PolicyOptions,

    #[command(flatten)]
    look: LookOptions,
}

/// Nothing is looked at that is not kept.
const NO_RECORDS: &str = "say where the records go: --archive DIR or --out FILE";

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If an argument or the list cannot be used, or the records cannot be written.
    pub fn run(self) -> Result<Exit, UsageError> {
        let style = self.colour.style();
        let runtime = survey::runtime()?;
        if self.ourselves.preflight {
            return runtime.block_on(self.preflight());
        }
        if self.identify.identify_only {
            let exit = runtime.block_on(identify::only(&self));
            runtime.shutdown_background();
            return exit;
        }
        if self.archive.is_none() && self.out.is_none() {
            return Err(UsageError::new(NO_RECORDS));
        }
        let targets = self.targets()?;
        if let Some(every) = self.rounds.every {
            let Some(archive) = &self.archive else {
                return Err(UsageError::new("--every: rounds are kept in an archive; give --archive DIR"));
            };
            let exit = runtime.block_on(rounds::run(&self, every, archive, targets))?;
            runtime.shutdown_background();
            return Ok(exit);
        }
        let done = runtime.block_on(self.survey(targets))?;
        // A task that hangs in the system must not keep us.
        runtime.shutdown_background();
        let tables = done.summary.tables();
        let to_stdout = self.out.as_deref().is_some_and(|p| p.as_os_str() == "-");
        if self.json && done.end != End::OutputClosed {
            survey::print_line("summary", &tables);
        } else if to_stdout {
            anstream::eprintln!("danelaw: {}", present::run_line(&done.run, &tables));
        } else {
            print::line(present::run_line(&done.run, &tables));
            print::text(present::summary(&tables, &style));
        }
        self.hint(&done);
        Ok(if done.end == End::Complete { Exit::Good } else { Exit::Unknown })
    }

    fn targets(&self) -> Result<Targets, UsageError> {
        let list = self.list.as_deref().ok_or_else(|| UsageError::new("give a list of domains, or '-' for stdin"))?;
        let mut targets = Targets::read(list)?;
        if let Some(size) = self.sample {
            targets.sample(size);
        }
        if let Some(shard) = self.shard {
            targets.shard(shard);
        }
        targets.scatter();
        Ok(targets)
    }

    fn configs(&self, returns: &Returns) -> Result<(Config, LookerConfig), UsageError> {
        let (mut asked, mut visited) = self.look.configs(None, returns)?;
        self.pace.apply(&mut asked)?;
        self.policies.apply(&mut visited, Policies::Records);
        visited.opt_out = Arc::new(self.left_alone()?);
        asked.leave_alone = Arc::new(visited.opt_out.networks().clone());
        if self.all_servers {
            visited.name_servers = NameServers::Each;
        }
        self.ourselves.apply(&mut visited)?;
        Ok((asked, visited))
    }

    /// Who wants to be left alone, by the files as they are now.
    fn left_alone(&self) -> Result<OptOut, UsageError> {
        let mut opt_out = self.look.opt_out()?;
        self.identify.heed(&mut opt_out)?;
        Ok(opt_out)
    }

    async fn preflight(&self) -> Result<Exit, UsageError> {
        let (asked, visited) = self.configs(&Returns::POLITE)?;
        let looker = self.look.looker(asked, visited)?;
        Ok(preflight::show(&looker.check_vantage().await, self.json))
    }

    async fn survey(&self, targets: Targets) -> Result<Done, UsageError> {
        let (asked, visited) = self.configs(&Returns::POLITE)?;
        let run = metadata::run(&asked, &visited);
        let looker = self.look.looker(asked.clone(), visited.clone())?;
        let _serving = self.identify.serve(self, asked, &visited, &looker.vantage()).await?;
        let vantage = looker.check_vantage().await;
        preflight::tell(&vantage);
        let run = self.described(RunObservation { vantage, ..run }, &targets);
        let sink = self.sink(&run)?;
        self.put_aside(&targets, &sink)?;
        survey::run(
            looker,
            targets.names,
            self.options(),
            (sink, run, self.tell(), Arc::new(self.roots.trust()?)),
            &mut Stop::new()?,
            |_| (),
        )
        .await
    }

    fn described(&self, run: RunObservation, targets: &Targets) -> RunObservation {
        RunObservation {
            targets: targets.names.len() as u64,
            malformed: targets.malformed,
            targets_sha256: targets.sha256.clone(),
            shard: self.shard.map(|s| s.to_string()),
            ..run
        }
    }

    fn options(&self) -> SurveyOptions {
        SurveyOptions { parallel: usize::try_from(self.parallel).unwrap_or(1), ..SurveyOptions::default() }
    }

    fn tell(&self) -> Tell {
        if self.json { Tell::Verdicts } else { Tell::Nothing }
    }

    fn sink(&self, run: &RunObservation) -> Result<Sink, UsageError> {
        match (&self.archive, &self.out) {
            (Some(directory), _) => Sink::archive(directory, run),
            (None, Some(file)) => Sink::lines(file, run),
            (None, None) => Err(UsageError::new(NO_RECORDS)),
        }
    }

    /// Writes the lines that are no domain where the user finds them, and says so.
    fn put_aside(&self, targets: &Targets, sink: &Sink) -> Result<(), UsageError> {
        if targets.repeated > 0 {
            let name = if targets.repeated == 1 { "names" } else { "name" };
            anstream::eprintln!("danelaw: {} {name} a domain again; each domain is looked at once", count(targets.repeated, "line"));
        }
        let Some(first) = targets.set_aside.first() else { return Ok(()) };
        let place = match sink {
            Sink::Archive(run) => Some(run.directory().join("set-aside.tsv")),
            Sink::Lines(_, path) => std::fs::metadata(path).is_ok_and(|m| m.is_file()).then(|| {
                let mut name = path.clone().into_os_string();
                name.push(".set-aside.tsv");
                PathBuf::from(name)
            }),
        };
        let example = format!("line {}: {}", first.line, present::clean(&first.reason));
        let kept = match &place {
            Some(place) => {
                write_aside(place, &targets.set_aside)?;
                format!("; all are in {}", place.display())
            }
            None => String::new(),
        };
        let they = if targets.malformed == 1 { "it is" } else { "they are" };
        anstream::eprintln!("danelaw: {} set aside, for {they} no domain ({example}){kept}", count(targets.malformed, "line"));
        Ok(())
    }

    fn hint(&self, done: &Done) {
        let Some(place) = &done.place else { return };
        if done.end == End::Interrupted {
            anstream::eprintln!("danelaw: stopped; what was done is in {}", place.display());
        } else if let Some(archive) = &self.archive {
            anstream::eprintln!("\nThe records are in {}. For a page of this:", place.display());
            anstream::eprintln!("  {} report --archive {} --out report.html", program(), archive.display());
        }
    }
}

fn write_aside(path: &Path, lines: &[SetAside]) -> Result<(), UsageError> {
    let mut text = String::from("line\treason\ttext\n");
    for line in lines {
        text.push_str(&format!("{}\t{}\t{}\n", line.line, present::clean(&line.reason), present::clean(&line.text)));
    }
    let written = std::fs::File::create(path).and_then(|mut f| f.write_all(text.as_bytes()));
    written.map_err(|e| UsageError(format!("{}: {e}", path.display())))
}
