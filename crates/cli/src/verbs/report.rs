//! `danelaw report`: an archive in; a summary and HTML pages out.

mod history;

use crate::common::colour::ColourOption;
use crate::common::roots::RootsOption;
use crate::common::survey::print_line;
use crate::common::{print, time};
use crate::exit::{Exit, UsageError};
use analysis::Summary;
use archive::{Archive, Damage, Item, Run};
use dane::Epoch;
use dane::judge::{Terms, judge};
use dane::observation::RunObservation;
use history::HistoryOptions;
use std::cell::Cell;
use std::path::{Path, PathBuf};

/// Seconds within which the parts of one survey begin: a week.
const ONE_SURVEY: u64 = 7 * 86_400;

/// Sums an archive up: tables on the terminal, and self-contained HTML pages.
///
/// Of an archive that has a history (rounds of 'scan --every', or what was imported) the page answers every question of 'danelaw analyse', in
/// figures and tables; the latest run has a page of its own beside it, FILE-latest.html. Of one without, the page is that of the latest run.
///
/// For the latest run the kept observations are judged anew. It is taken with the other shards of its survey: the same list, the same options,
/// the same --vantage, begun within a week.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("records").required(true))]
#[command(after_help = "EXAMPLES
  danelaw report --archive survey --out survey.html

  # The tables only:
  danelaw report --archive survey

  # Every figure of a history for a paper, and its data:
  danelaw report --archive survey --figures figures

  # Two archives, or two years of one, side by side:
  danelaw report --archive survey --compare other --out both.html
  danelaw report --archive survey --out years.html \\
      --period 2025-01-01T00:00:00Z..2026-01-01T00:00:00Z \\
      --compare 2026-01-01T00:00:00Z..2027-01-01T00:00:00Z

  # An earlier run, for a program:
  danelaw report --archive survey --run 20261122T100312Z-ams1 --json

  # Of what 'scan --out' wrote:
  danelaw report --from seen.jsonl --out seen.html

  # Judged for another moment:
  danelaw report --archive survey --at 2027-01-01T00:00:00Z

EXIT CODES
  0  the report is made, whatever it says
  2  the command line or the archive cannot be used, or the page cannot
     be written")]
pub struct Args {
    /// The archive
    #[arg(long, value_name = "DIR", group = "records")]
    archive: Option<PathBuf>,

    /// A file of JSON lines instead
    #[arg(long, value_name = "FILE", group = "records")]
    from: Option<PathBuf>,

    /// This run instead of the latest: the name of its directory below 'runs'. May be given again for several shards
    #[arg(long, value_name = "NAME", requires = "archive")]
    run: Vec<String>,

    /// Write the page here
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,

    /// Judge for this moment instead of that of each look: seconds since 1970 or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    at: Option<Epoch>,

    #[command(flatten)]
    roots: RootsOption,

    /// The tables as one JSON object (kind "summary") on one line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    colour: ColourOption,

    #[command(flatten)]
    history: HistoryOptions,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If the archive cannot be read or the page cannot be written.
    pub fn run(self) -> Result<Exit, UsageError> {
        let Some(directory) = self.archive.as_deref().filter(|directory| self.wants_history(directory)) else {
            self.latest(self.out.as_deref())?;
            return Ok(Exit::Good);
        };
        let history = self.history.ask(directory)?;
        let has_run = Archive::open(directory).and_then(|archive| archive.runs()).is_ok_and(|runs| !runs.is_empty());
        let beside = self.out.as_deref().filter(|_| has_run).map(history::beside);
        if has_run {
            self.latest(beside.as_deref())?;
        } else if self.json {
            history.print_json();
        } else {
            history.tell();
        }
        if let Some(out) = &self.out {
            history.write_page(out, beside.as_deref())?;
            self.say(format_args!("The history is in {}", out.display()));
        }
        if let Some(figures) = &self.history.figures {
            let files = history.write_figures(figures)?;
            self.say(format_args!("{} in {}: figures and tables", present::count(files, "file"), figures.display()));
        }
        Ok(Exit::Good)
    }

    /// Whether a history is asked for: there is one, and nothing names a run or a moment. What only a history can do asks for it by itself.
    fn wants_history(&self, directory: &Path) -> bool {
        let only_run = !self.run.is_empty() || self.at.is_some();
        self.history.is_asked_for() || (!only_run && archive::states::Archive::exists(directory))
    }

    fn say(&self, line: std::fmt::Arguments<'_>) {
        if !self.json {
            print::line(line);
        }
    }

    /// The latest run: tables, and its page.
    fn latest(&self, out: Option<&Path>) -> Result<(), UsageError> {
        let style = self.colour.style();
        let (summary, runs) = self.collect()?;
        let tables = summary.tables();
        if self.json {
            print_line("summary", &tables);
        } else {
            for run in &runs {
                print::line(present::run_line(run, &tables));
            }
            print::text(present::summary(&tables, &style));
        }
        if let Some(out) = out {
            write_page(out, &present::Report { tables: &tables, runs: &runs, judged: self.at, made: time::now() })?;
            self.say(format_args!("\nThe report is in {}", out.display()));
        }
        Ok(())
    }

    fn collect(&self) -> Result<(Summary, Vec<RunObservation>), UsageError> {
        let roots = self.roots.trust()?;
        let mut summary = Summary::default();
        let items = Cell::new(0_u64);
        let mut count = |item: Item| {
            items.set(items.get() + 1);
            match item {
                Item::Skipped(skipped) => summary.skip(&skipped.why),
                Item::Seen(observation) => {
                    let at = self.at.unwrap_or(observation.domain.at);
                    let verdict = judge(&observation, Terms { at, roots: &roots.at(at) });
                    summary.add(&observation, &verdict);
                }
            }
        };
        let mut metadata = Vec::new();
        if let Some(log) = &self.from {
            let (run, damage) = archive::read_log(log, &mut count).map_err(UsageError::new)?;
            warn(log, &damage);
            metadata.extend(run);
            // A report of nothing would say that nothing is wrong.
            if metadata.is_empty() && items.get() == 0 {
                return Err(UsageError(format!(
                    "--from {}: no record in it; give a file that 'danelaw scan LIST --out FILE' wrote",
                    log.display()
                )));
            }
        }
        if let Some(directory) = &self.archive {
            for run in self.runs(directory)? {
                metadata.push(run.metadata().map_err(UsageError::new)?);
                let damage = run.items(&mut count).map_err(UsageError::new)?;
                warn(run.directory(), &damage);
            }
        }
        Ok((summary, metadata))
    }

    /// The runs asked for; without that the latest and the other shards of its survey.
    fn runs(&self, directory: &Path) -> Result<Vec<Run>, UsageError> {
        let runs = Archive::open(directory).and_then(|a| a.runs()).map_err(UsageError::new)?;
        if !self.run.is_empty() {
            let find = |name: &String| {
                let found = runs.iter().find(|r| r.directory().file_name().is_some_and(|f| f.to_string_lossy() == name.as_str()));
                found.cloned().ok_or_else(|| UsageError(format!("--run {name}: no such run below {}/runs", directory.display())))
            };
            return self.run.iter().map(find).collect();
        }
        let Some(latest) = runs.last() else {
            return Err(UsageError(format!(
                "{}: the archive has no run; make one with 'danelaw scan LIST --archive DIR'",
                directory.display()
            )));
        };
        let last = latest.metadata().map_err(UsageError::new)?;
        if last.shard.is_none() {
            return Ok(vec![latest.clone()]);
        }
        let mut shards: std::collections::BTreeMap<Option<String>, Run> = std::collections::BTreeMap::new();
        for run in &runs {
            match run.metadata() {
                Ok(other) if of_one_survey(&other, &last) => drop(shards.insert(other.shard, run.clone())),
                Ok(_) => {}
                Err(error) => anstream::eprintln!("danelaw: {}: {error}; this run is left out", run.directory().display()),
            }
        }
        let (found, of) = (shards.len(), parts(&last).unwrap_or_default());
        if of.parse() != Ok(found) {
            anstream::eprintln!(
                "danelaw: this is {found} of {of} parts; name runs with --run if the others are there and differ in their options"
            );
        }
        Ok(shards.into_values().collect())
    }
}

/// Whether two runs are parts of one survey: the same list in as many parts, looked at in the same way, from the same place, at about the
/// same time. What differs in any of these would be mixed up in one table.
fn of_one_survey(a: &RunObservation, b: &RunObservation) -> bool {
    let sort =
        |r: &RunObservation| (r.targets_sha256.clone(), parts(r).map(str::to_owned), r.config_sha256.clone(), r.vantage.name.clone());
    a.shard.is_some() && sort(a) == sort(b) && a.started.abs_diff(b.started) <= ONE_SURVEY
}

/// In how many parts the list was shared out.
fn parts(run: &RunObservation) -> Option<&str> {
    run.shard.as_deref()?.split_once('/').map(|(_, of)| of)
}

/// Writes the page under another name first, so that a failure leaves the old one.
///
/// # Errors
/// If it cannot be written.
pub fn write_page(path: &Path, report: &present::Report) -> Result<(), UsageError> {
    write(path, present::page(report).map_err(|e| unmade(path, &e))?)
}

fn unmade(path: &Path, why: &dyn std::fmt::Display) -> UsageError {
    UsageError(format!("--out {}: the page cannot be made: {why}", path.display()))
}

fn write(path: &Path, page: String) -> Result<(), UsageError> {
    let shown = |e: std::io::Error| UsageError(format!("--out {}: {e}; name a file that can be written", path.display()));
    if std::fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return std::fs::write(path, page).map_err(shown);
    }
    let mut temporary = path.to_path_buf().into_os_string();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let written = std::fs::write(&temporary, page).and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|e| {
        let _ = std::fs::remove_file(&temporary);
        shown(e)
    })
}

fn warn(place: &Path, damage: &Damage) {
    if damage.torn {
        anstream::eprintln!("danelaw: {}: the last line is torn, the run was cut off; the rest is used", place.display());
    }
    if let Some((line, reason)) = damage.lines.first() {
        let reason = present::clean(reason);
        anstream::eprintln!(
            "danelaw: {}: {} passed over that cannot be read (line {line}: {reason})",
            place.display(),
            present::count(damage.count, "line")
        );
    }
}
