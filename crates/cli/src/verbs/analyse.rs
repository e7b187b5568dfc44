//! `danelaw analyse`: questions about a history, answered.

#[cfg(feature = "arrow")]
mod arrow;

use crate::common::colour::ColourOption;
use crate::common::print;
use crate::common::study::{self, StudyOptions};
use crate::exit::{Exit, UsageError};
use analysis::questions;
use analysis::study::{Answer, Entry, answers};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Answers questions about what an archive saw over time: the tables and figures of the studies of DANE, and more.
///
/// Each question says what it counts and of what, and in whose eyes: the paper view is what the studies' own scripts compute. A round that did not
/// take place is no data, and never bridged.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  # What can be asked:
  danelaw analyse --list

  # Everything:
  danelaw analyse --archive survey

  # Two questions, for a program; their tables as files:
  danelaw analyse --archive survey p22-rollover p20-adoption --json
  danelaw analyse --archive survey --csv tables

  # As the authors of the studies did, without days that failed:
  danelaw analyse --archive survey \\
      --exclude-rounds 2020-02-22T00:00:00Z..2020-02-24T00:00:00Z

  # A part of the work, and adding up: docs/spark/analyse.py does this
  # with Spark over many machines:
  danelaw analyse --archive survey --arrow <part.arrow >counted.arrow
  danelaw analyse --archive survey --parts counted.arrow

EXIT CODES
  0  the questions are answered, whatever the answers are
  2  the command line or the archive cannot be used, or a file cannot be
     written")]
pub struct Args {
    /// Questions, by their names [default: all]
    #[arg(value_name = "QUESTION", conflicts_with = "list")]
    questions: Vec<String>,

    /// The archive
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    archive: Option<PathBuf>,

    /// Tell what can be asked
    #[arg(long)]
    list: bool,

    /// Write every table to a file of this directory: QUESTION-TABLE-VIEW.csv
    #[arg(long, value_name = "DIR", conflicts_with = "list")]
    csv: Option<PathBuf>,

    /// Count what comes on stdin, and no more: states of the archive as a stream of Arrow, all of a host together. Writes what was counted to
    /// stdout, as a stream of Arrow (question, part)
    #[arg(long, conflicts_with_all = ["list", "csv", "json", "parts"])]
    arrow: bool,

    /// Add up what 'analyse --arrow' counted elsewhere; '-' is stdin
    #[arg(long, value_name = "FILE|-", conflicts_with = "list")]
    parts: Option<PathBuf>,

    /// One JSON object per answer (kind "answer") or, with --list, per question (kind "question")
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    study: StudyOptions,

    #[command(flatten)]
    colour: ColourOption,
}

/// The contract of `--json`.
#[derive(Serialize)]
struct Line<'a, T> {
    kind: &'static str,
    #[serde(flatten)]
    content: &'a T,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// A question that nobody knows, an archive that cannot be read, a file that cannot be written.
    pub fn run(self) -> Result<Exit, UsageError> {
        let style = self.colour.style();
        if self.list {
            self.tell();
            return Ok(Exit::Good);
        }
        let questions = self.questions()?;
        let directory = self.archive.as_deref().unwrap_or(Path::new("."));
        if self.arrow {
            self.count(directory, &questions)?;
            return Ok(Exit::Good);
        }
        let answers = match &self.parts {
            Some(file) => self.add_up(directory, &questions, file)?,
            None => self.answers(directory, &questions)?,
        };
        if let Some(csv) = &self.csv {
            let files = write_tables(csv, &answers)?;
            anstream::eprintln!("danelaw: {} in {}", present::count(files, "table"), csv.display());
        }
        for answer in &answers {
            match (self.json, &self.csv) {
                (true, _) => print::json(&Line { kind: "answer", content: answer }),
                (false, None) => print::text(present::answers::answer(answer, &style)),
                (false, Some(_)) => {}
            }
        }
        Ok(Exit::Good)
    }

    fn answers(&self, directory: &Path, questions: &[Entry]) -> Result<Vec<Answer>, UsageError> {
        let archive = study::open(directory)?;
        let settings = self.study.settings(&archive)?;
        answers(&archive, &settings, questions).map_err(UsageError::new)
    }

    fn questions(&self) -> Result<Vec<Entry>, UsageError> {
        if self.questions.is_empty() {
            return Ok(questions::all());
        }
        let find = |id: &String| {
            questions::find(id)
                .ok_or_else(|| UsageError(format!("there is no question '{id}'; 'danelaw analyse --list' tells what can be asked")))
        };
        self.questions.iter().map(find).collect()
    }

    fn tell(&self) {
        for question in questions::all() {
            let about = question.about;
            if self.json {
                print::json(&Line { kind: "question", content: about });
            } else {
                print::line(format_args!("{:<22} {}", about.id, about.title));
                print::hanging(23, about.source);
            }
        }
    }
}

/// Arrow takes long to build, and few need it.
#[cfg(not(feature = "arrow"))]
impl Args {
    const NOT_HERE: &str = "this danelaw is built without Arrow; 'cargo build --release --features arrow' makes one with it";

    #[allow(clippy::unused_self)]
    fn count(&self, _: &Path, _: &[Entry]) -> Result<(), UsageError> {
        Err(UsageError(format!("--arrow: {}", Self::NOT_HERE)))
    }

    #[allow(clippy::unused_self)]
    fn add_up(&self, _: &Path, _: &[Entry], _: &Path) -> Result<Vec<Answer>, UsageError> {
        Err(UsageError(format!("--parts: {}", Self::NOT_HERE)))
    }
}

/// Writes every table; the number of files.
fn write_tables(directory: &Path, answers: &[Answer]) -> Result<u64, UsageError> {
    std::fs::create_dir_all(directory).map_err(|e| UsageError(format!("--csv {}: {e}; name a directory", directory.display())))?;
    let mut files = 0;
    for (answer, table) in answers.iter().flat_map(|answer| answer.tables.iter().map(move |table| (answer, table))) {
        let path = directory.join(format!("{}-{}-{}.csv", answer.about.id, table.name, table.view.word()));
        std::fs::write(&path, present::answers::csv(table)).map_err(|e| UsageError(format!("--csv {}: {e}", path.display())))?;
        files += 1;
    }
    Ok(files)
}
