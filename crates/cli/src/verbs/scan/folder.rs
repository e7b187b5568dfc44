//! What becomes of rounds that are over: states, and in the end no records.

use crate::common::fold::{Folded, fold, open, vantage};
use crate::common::roots::Trust;
use archive::states::{Appended, Writer};
use archive::{Archive, Error, Run};
use dane::Epoch;
use dane::observation::RunObservation;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The word of [`dane::observation::RoundObservation::records`] for records that make way.
pub const LATEST: &str = "latest";

/// How often we begin anew because another machine was faster.
const OVERTAKEN: u32 = 10;

/// Which rounds keep their complete records beside their states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum KeepRecords {
    /// Every one
    All,
    /// The latest whole one, and those after it
    Latest,
}

/// Folds rounds into the states of an archive, and takes records away that may go. Works beside the round under way.
pub struct Folder {
    archive: PathBuf,
    roots: Arc<Trust>,
    /// To be folded.
    pending: Vec<Run>,
    /// Folded, and to be taken away when a later round of the series is whole, by series.
    transient: BTreeMap<String, Vec<(Epoch, Run)>>,
    /// Begin of the latest whole round that is folded, by series.
    whole: BTreeMap<String, Epoch>,
}

/// What was done, for programs.
#[derive(Serialize)]
pub struct States {
    /// Name of the run's directory.
    run: String,
    /// Its vantage point, as states have it.
    vantage: String,
    slot_s: Epoch,
    /// `new`; `late`: put before later ones; `known`: they were there already.
    outcome: &'static str,
    /// States and notes that began, ended or changed; of a new one only.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<usize>,
}

/// What is to be said of it.
#[derive(Default)]
pub struct Told {
    /// Rounds that became states.
    pub states: Vec<States>,
    /// How many of these a former process has left.
    pub former: usize,
    /// What went wrong, one line each.
    pub problems: Vec<String>,
}

impl Folder {
    /// For an archive, which need not exist yet.
    pub fn new(archive: &Path, roots: Arc<Trust>) -> Self {
        let (transient, whole) = (BTreeMap::new(), BTreeMap::new());
        Self { archive: archive.to_path_buf(), roots, pending: Vec::new(), transient, whole }
    }

    /// Takes up the rounds that former processes have left.
    pub fn look_around(&mut self) -> Told {
        let mut told = Told::default();
        // Without an archive there is nothing to take up; the first round makes it.
        if let Ok(archive) = Archive::open(&self.archive) {
            told.note(archive.sweep());
            self.pending = told.note(archive.runs()).unwrap_or_default();
        }
        // Of what is no round nothing need be said; `report` does.
        self.pending.retain(|run| !run.is_being_written().unwrap_or(false) && run.metadata().is_ok_and(|run| run.round.is_some()));
        self.work(&mut told);
        told.former = told.states.iter().filter(|states| states.is_news()).count();
        told
    }

    /// A round is over: folds it, and what could not be folded before.
    pub fn take(&mut self, run: PathBuf) -> Told {
        self.pending.push(Run::at(&run));
        let mut told = Told::default();
        self.work(&mut told);
        told
    }

    /// How many rounds could not be folded.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    fn work(&mut self, told: &mut Told) {
        if self.pending.is_empty() {
            return;
        }
        // Held no longer than needed: others may have rounds for the same states.
        let Some(mut writer) = told.note(open(&self.archive)) else { return };
        let mut overtaken = 0;
        let mut left = VecDeque::from(std::mem::take(&mut self.pending));
        while let Some(run) = left.pop_front() {
            match self.one(&mut writer, &run, told) {
                Ok(()) => {}
                // In a bucket, where there is no lock: others have folded a round of their own meanwhile.
                Err(Error::Overtaken { .. }) if overtaken < OVERTAKEN => {
                    overtaken += 1;
                    left.push_front(run);
                    drop(writer);
                    match told.note(open(&self.archive)) {
                        Some(opened) => writer = opened,
                        None => return self.pending.extend(left),
                    }
                }
                Err(error) => {
                    told.problems.push(format!("{}: no states yet: {error}", run.directory().display()));
                    self.pending.push(run);
                }
            }
        }
    }

    fn one(&mut self, writer: &mut Writer, run: &Run, told: &mut Told) -> Result<(), Error> {
        let metadata = run.metadata()?;
        let Folded { appended, damage } = fold(writer, run, &metadata, &self.roots)?;
        if damage.count > 0 {
            let lines = present::count(damage.count, "line");
            told.problems.push(format!("{}: {lines} passed over that cannot be read", run.directory().display()));
        }
        told.states.push(States::new(run, &metadata, appended));
        self.clear(run, &metadata, told);
        Ok(())
    }

    /// Takes away the records that made way for a whole round.
    fn clear(&mut self, run: &Run, metadata: &RunObservation, told: &mut Told) {
        let Some(round) = &metadata.round else { return };
        let series = vantage(metadata);
        if round.complete == Some(true) {
            let whole = self.whole.entry(series.clone()).or_insert(metadata.started);
            *whole = (*whole).max(metadata.started);
        }
        let transient = self.transient.entry(series.clone()).or_default();
        if round.records.as_deref() == Some(LATEST) {
            transient.push((metadata.started, run.clone()));
        }
        let Some(whole) = self.whole.get(&series) else { return };
        for (_, run) in transient.extract_if(.., |(started, _)| *started < *whole) {
            told.note(run.remove());
        }
    }
}

impl States {
    fn new(run: &Run, metadata: &RunObservation, appended: Appended) -> Self {
        let (outcome, changes) = match appended {
            Appended::New { changes } => ("new", Some(changes)),
            Appended::Late => ("late", None),
            Appended::Known => ("known", None),
        };
        let name = run.directory().file_name().map(|name| name.to_string_lossy().into_owned());
        Self {
            run: name.unwrap_or_default(),
            vantage: vantage(metadata),
            slot_s: metadata.round.as_ref().map_or(metadata.started, |round| round.scheduled_s),
            outcome,
            changes,
        }
    }

    /// Whether anything was written.
    pub fn is_news(&self) -> bool {
        self.outcome != "known"
    }
}

impl Told {
    fn note<T>(&mut self, done: Result<T, Error>) -> Option<T> {
        done.map_err(|error| self.problems.push(error.to_string())).ok()
    }
}
