//! A survey from targets to records, verdicts and a summary: what `scan` and `demo` have in common.

use crate::common::print;
use crate::common::progress::Progress;
use crate::common::roots::Trust;
use crate::common::time::{now, now_ms};
use crate::exit::UsageError;
use analysis::Summary;
use archive::{RunWriter, Skipped, Writer};
use dane::judge::{Terms, judge};
use dane::name::Name;
use dane::observation::{Observation, RunObservation};
use dane::verdict::Verdict;
use probe::{Looked, Looker, Survey, SurveyOptions};
use serde::Serialize;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Where records go.
pub enum Sink {
    /// Into an archive.
    Archive(RunWriter),
    /// As JSON lines to a file or stdout.
    Lines(Box<Writer<BufWriter<Box<dyn Write>>>>, PathBuf),
}

/// What is told of every domain as soon as it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// Nothing.
    Nothing,
    /// The verdict, or why there is none, as one JSON object on one line of stdout.
    Verdicts,
}

/// How a survey ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every target was looked at, or its record says why not.
    Complete,
    /// The user stopped it; what was done is kept.
    Interrupted,
    /// Nobody reads our output any more.
    OutputClosed,
}

/// What a survey leaves.
pub struct Done {
    /// How it ended.
    pub end: End,
    /// The answers to all questions.
    pub summary: Summary,
    /// The run's metadata as last written.
    pub run: RunObservation,
    /// Where the records are.
    pub place: Option<PathBuf>,
}

/// A runtime for surveys and checks.
///
/// # Errors
/// If the system refuses threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, UsageError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| UsageError(format!("cannot start threads: {e}; allow more processes (ulimit -u)")))
}

/// A record on one line, told apart by `kind`.
#[derive(Serialize)]
pub struct Line<'a, T> {
    /// `verdict`, `skipped`, `summary`.
    pub kind: &'static str,
    /// The record.
    #[serde(flatten)]
    pub body: &'a T,
}

/// Prints a record on one line of stdout.
pub fn print_line<T: Serialize>(kind: &'static str, body: &T) {
    print::json(&Line { kind, body });
}

impl Sink {
    /// Begins a run in an archive.
    ///
    /// # Errors
    /// Those of the archive.
    pub fn archive(directory: &Path, run: &RunObservation) -> Result<Self, UsageError> {
        RunWriter::create(directory, run).map(Sink::Archive).map_err(UsageError::new)
    }

    /// JSON lines to a file that does not exist yet (or is no regular file), or to stdout for `-`.
    ///
    /// # Errors
    /// If it exists, or cannot be written.
    pub fn lines(path: &Path, run: &RunObservation) -> Result<Self, UsageError> {
        let out: Box<dyn Write> = if path.as_os_str() == "-" {
            Box::new(std::io::stdout())
        } else {
            let old = std::fs::metadata(path);
            if old.is_ok_and(|m| m.is_file() && m.len() > 0) {
                return Err(UsageError(format!("{}: exists already; nothing is overwritten: name another file", path.display())));
            }
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            Box::new(file.map_err(|e| UsageError(format!("{}: {e}; name a file that can be written, or '-'", path.display())))?)
        };
        let mut writer = Writer::new(BufWriter::new(out));
        writer.run(run).map_err(|e| UsageError::new(lost(path, e)))?;
        Ok(Sink::Lines(Box::new(writer), path.to_path_buf()))
    }

    fn seen(&mut self, observation: &Observation) -> Result<(), archive::Error> {
        match self {
            Sink::Archive(run) => run.observation(observation),
            Sink::Lines(writer, path) => writer.observation(observation).map_err(|e| lost(path, e)),
        }
    }

    fn skipped(&mut self, skipped: &Skipped) -> Result<(), archive::Error> {
        match self {
            Sink::Archive(run) => run.skipped(skipped),
            Sink::Lines(writer, path) => writer.skipped(skipped).map_err(|e| lost(path, e)),
        }
    }

    /// The end of the run; returns where the records are.
    fn finish(self, run: &RunObservation) -> Result<Option<PathBuf>, archive::Error> {
        match self {
            Sink::Archive(writer) => writer.finish(run).map(|r| Some(r.directory().to_path_buf())),
            Sink::Lines(mut writer, path) => {
                writer.run(run).map_err(|e| lost(&path, e))?;
                Ok((path.as_os_str() != "-").then_some(path))
            }
        }
    }
}

/// Records could not be written; stdout is called by its name.
fn lost(path: &Path, source: std::io::Error) -> archive::Error {
    let path = if path.as_os_str() == "-" { Path::new("stdout") } else { path };
    archive::Error::Io { path: path.to_path_buf(), source }
}

/// Looks at all names, writes every record as soon as it is there, judges, sums up. Ctrl-C ends it early and keeps what is done.
///
/// `each` sees every domain with its verdict.
///
/// # Errors
/// If a record cannot be written: says how many are kept.
pub async fn run(
    looker: Looker,
    names: impl IntoIterator<Item = Name, IntoIter: ExactSizeIterator + Send + 'static>,
    options: SurveyOptions,
    (mut sink, mut run, tell, roots): (Sink, RunObservation, Tell, Arc<Trust>),
    stop: &mut Stop,
    mut each: impl FnMut(&Verdict),
) -> Result<Done, UsageError> {
    let (begun, began_ms) = (Instant::now(), now_ms());
    let names = names.into_iter();
    let mut progress = Progress::new(names.len() as u64);
    let mut survey = Survey::start(looker.clone(), names, options);
    let mut summary = Summary::default();
    let mut end = End::Complete;
    let mut kept = 0_u64;
    loop {
        let looked = tokio::select! {
            looked = survey.next() => looked,
            () = stop.asked() => {
                if end == End::Interrupted { break; }
                end = End::Interrupted;
                survey.cancel();
                anstream::eprintln!("danelaw: stopping; domains in work may take a few seconds (Ctrl-C again: at once)");
                continue;
            }
        };
        let Some(looked) = looked else { break };
        let record = Record::of(looked);
        let written = record.write(&mut sink);
        match written {
            Ok(()) => kept += 1,
            Err(error) if error.is_broken_pipe() => {
                end = End::OutputClosed;
                break;
            }
            Err(error) => {
                progress.finish();
                return Err(UsageError(format!("{error} ({kept} domains are kept)")));
            }
        }
        record.count(&mut summary, tell, &roots, &mut each);
        let state = survey.progress();
        progress.tick(state.hosts, state.waiting);
    }
    progress.finish();
    run.vantage = looker.vantage();
    run.finished = (end == End::Complete).then(now);
    close_round(&mut run, end, begun, began_ms);
    let place = match sink.finish(&run) {
        Ok(place) => place,
        Err(error) if error.is_broken_pipe() => None,
        Err(error) => return Err(UsageError(format!("{error} ({kept} domains are kept)"))),
    };
    Ok(Done { end, summary, run, place })
}

/// What is known of a round when it is over.
fn close_round(run: &mut RunObservation, end: End, begun: Instant, began_ms: i64) {
    let Some(round) = &mut run.round else { return };
    let took = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    round.duration_ms = u64::try_from(took).ok();
    round.complete = Some(end == End::Complete);
    // What the clock shows beyond the time that went by was set. A few milliseconds are our own slowness.
    round.clock_step_ms = Some(now_ms() - began_ms - took).filter(|step| step.unsigned_abs() > CLOCK_STEP_MS);
}

/// A clock that differs by less from one that nobody sets was not set.
const CLOCK_STEP_MS: u64 = 50;

/// Ctrl-C and the system's request to end. Kept over everything that they end, so that none is missed.
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// Listens from now on.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn new() -> Result<Self, UsageError> {
        let on = |kind| signal(kind).map_err(|e| UsageError(format!("cannot wait for signals: {e}")));
        Ok(Self { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())? })
    }

    /// Waits until somebody wants us to end.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }
}

/// The one record of a target.
enum Record {
    Seen(Box<Observation>),
    Skipped(Skipped),
}

impl Record {
    fn of(looked: Looked) -> Self {
        let skipped = |domain, why: &str| Record::Skipped(Skipped { domain, at: now(), why: why.to_owned() });
        match looked {
            Looked::Seen(observation) => Record::Seen(observation),
            Looked::OptedOut(name) => skipped(name, "opted-out"),
            Looked::Cancelled(name) => skipped(name, "cancelled"),
            Looked::Crashed(name) => skipped(name, "crashed"),
        }
    }

    fn write(&self, sink: &mut Sink) -> Result<(), archive::Error> {
        match self {
            Record::Seen(observation) => sink.seen(observation),
            Record::Skipped(skipped) => sink.skipped(skipped),
        }
    }

    fn count(&self, summary: &mut Summary, tell: Tell, roots: &Trust, each: &mut impl FnMut(&Verdict)) {
        match self {
            Record::Skipped(skipped) => {
                summary.skip(&skipped.why);
                if tell == Tell::Verdicts {
                    print_line("skipped", skipped);
                }
            }
            Record::Seen(observation) => {
                // Judged for the moment of the look, so that a report made later from the records says the same.
                let verdict = judge(observation, Terms { at: observation.domain.at, roots: &roots.at(observation.domain.at) });
                summary.add(observation, &verdict);
                if tell == Tell::Verdicts {
                    print_line("verdict", &verdict);
                }
                each(&verdict);
            }
        }
    }
}
