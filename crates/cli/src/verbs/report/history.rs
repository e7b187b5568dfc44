//! The history of an archive: every question answered, as a page and as figures.

use super::{unmade, write};
use crate::common::study::{self, Choices};
use crate::common::{print, time};
use crate::exit::UsageError;
use analysis::questions;
use analysis::study::{Answer, Holdings, answers};
use archive::states::Archive;
use dane::Epoch;
use present::{Side, Study};
use std::path::{Path, PathBuf};

/// What is told of a history.
#[derive(clap::Args)]
#[command(next_help_heading = "Of a history")]
pub struct HistoryOptions {
    /// Only what was seen in this period, its end not included
    #[arg(long, value_name = "TIME..TIME", value_parser = study::stretch, conflicts_with_all = ["from", "run", "at"])]
    period: Option<(Epoch, Epoch)>,

    /// Put this beside it: another archive, or another period of the same
    #[arg(long, value_name = "DIR|TIME..TIME", conflicts_with_all = ["from", "run", "at"])]
    compare: Option<String>,

    /// Write every chart (QUESTION-CHART-VIEW.svg) and table (QUESTION-TABLE-VIEW.csv) to this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["from", "run", "at"])]
    pub figures: Option<PathBuf>,

    #[command(flatten)]
    choices: Choices,
}

/// What was asked and answered.
pub struct History {
    ours: Asked,
    other: Option<Asked>,
}

/// One side.
struct Asked {
    name: String,
    holdings: Holdings,
    answers: Vec<Answer>,
}

impl HistoryOptions {
    /// Whether there is an option that makes sense for a history only.
    pub fn is_asked_for(&self) -> bool {
        self.period.is_some() || self.compare.is_some() || self.figures.is_some()
    }

    /// Asks every question of the archive, and of what is put beside it.
    ///
    /// # Errors
    /// If an archive cannot be read, or has no such vantage point.
    pub fn ask(&self, directory: &Path) -> Result<History, UsageError> {
        let archive = study::open(directory)?;
        let named = |period: Option<(Epoch, Epoch)>| period.map_or_else(|| directory.display().to_string(), stretch_name);
        let mut ours = self.side(&archive, self.period, named(self.period))?;
        let mut other = match &self.compare {
            None => None,
            Some(what) => Some(match study::stretch(what) {
                Ok(period) => self.side(&archive, Some(period), stretch_name(period))?,
                Err(why) if !Path::new(what).is_dir() => {
                    return Err(UsageError(format!("--compare {what}: neither a directory nor a period ({why})")));
                }
                Err(_) => self.side(&study::open(Path::new(what))?, self.period, what.clone())?,
            }),
        };
        if let Some(other) = other.as_mut().filter(|other| other.name == ours.name) {
            ours.name.push_str(" (first)");
            other.name.push_str(" (second)");
        }
        Ok(History { ours, other })
    }

    fn side(&self, archive: &Archive, period: Option<(Epoch, Epoch)>, name: String) -> Result<Asked, UsageError> {
        let settings = self.choices.settings(archive, (period.map(|(from, _)| from), period.map(|(_, to)| to)))?;
        let answers = answers(archive, &settings, &questions::all()).map_err(UsageError::new)?;
        Ok(Asked { name, holdings: Holdings::of(archive, &settings), answers })
    }
}

/// A period as people write it.
fn stretch_name((from, to): (Epoch, Epoch)) -> String {
    let name = |at| present::time(at).trim_end_matches(" UTC").trim_end_matches(" 00:00").to_owned();
    format!("{} to {}", name(from), name(to))
}

impl Asked {
    fn side(&self) -> Side<'_> {
        Side { name: &self.name, holdings: &self.holdings, answers: &self.answers }
    }
}

/// One answer for programs, as `danelaw analyse` gives it.
#[derive(serde::Serialize)]
struct Line<'a> {
    kind: &'static str,
    #[serde(flatten)]
    answer: &'a Answer,
}

impl History {
    /// Every answer as `danelaw analyse --json` gives it.
    pub fn print_json(&self) {
        self.ours.answers.iter().for_each(|answer| print::json(&Line { kind: "answer", answer }));
    }

    /// Tells what there is, of an archive that has no run.
    pub fn tell(&self) {
        let rounds = self.ours.holdings.watches.iter().map(|watch| watch.grid.len() as u64).sum();
        let answered = self.ours.answers.iter().filter(|answer| answer.tables.iter().any(|table| !table.rows.is_empty())).count();
        let (rounds, asked) = (present::count(rounds, "round"), present::count(self.ours.answers.len() as u64, "question"));
        print::line(format_args!("{rounds}; {asked}, {answered} with an answer. 'danelaw analyse' tells them here."));
    }

    /// Writes the page; `latest` is that of the latest run, in the same directory.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_page(&self, path: &Path, latest: Option<&Path>) -> Result<(), UsageError> {
        let latest = latest.and_then(Path::file_name).map(|name| format!("./{}", present::address(&name.to_string_lossy())));
        let study =
            Study { side: self.ours.side(), other: self.other.as_ref().map(Asked::side), latest: latest.as_deref(), made: time::now() };
        write(path, present::study_page(&study).map_err(|e| unmade(path, &e))?)
    }

    /// Writes figures and tables; the number of files.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn write_figures(&self, directory: &Path) -> Result<u64, UsageError> {
        let shown = |path: &Path, e: std::io::Error| UsageError(format!("--figures {}: {e}; name a directory", path.display()));
        std::fs::create_dir_all(directory).map_err(|e| shown(directory, e))?;
        let mut files = present::figures(&self.ours.answers);
        for answer in &self.ours.answers {
            let name = |table: &analysis::study::Table| format!("{}-{}-{}.csv", answer.about.id, table.name, table.view.word());
            files.extend(answer.tables.iter().map(|table| (name(table), present::answers::csv(table))));
        }
        for (name, content) in &files {
            let path = directory.join(name);
            std::fs::write(&path, content).map_err(|e| shown(&path, e))?;
        }
        Ok(files.len() as u64)
    }
}

/// The page of the latest run beside that of the history: `survey-latest.html`.
pub fn beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-latest.html"))
}
