//! A late round: intervals that are in files already are read, put right, and written anew.

use super::file;
use super::fold::{Interval, Look, Slot};
use super::kind::{Kind, Streams, interval, slot, state};
use super::late::Insertion;
use super::model::{Snapshot, State, WordId};
use super::round::Round;
use super::store::Archive;
use super::table::Table;
use super::writer::{Writer, twice};
use crate::Error;
use std::collections::{BTreeMap, BTreeSet};

/// Why a late round could not be put in its place.
pub(super) enum Failed {
    /// It is no round.
    Refused(String),
    /// The archive cannot be read or written.
    Error(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed::Error(error)
    }
}

impl Writer {
    /// Puts a round between those before and after it, and makes a checkpoint of the outcome.
    pub(super) fn insert(&mut self, snapshot: &Snapshot, round: &Round) -> Result<(), Failed> {
        // Everything is computed before anything is changed.
        let servers = round.servers.as_deref().map(|looks| put(&self.archive, &self.servers, snapshot, looks)).transpose()?;
        let domains = round.domains.as_deref().map(|looks| put(&self.archive, &self.domains, snapshot, looks)).transpose()?;
        let mut dropped = BTreeSet::new();
        if let Some(changed) = servers {
            dropped.extend(changed.dropped);
            self.servers = changed.streams;
        }
        if let Some(changed) = domains {
            dropped.extend(changed.dropped);
            self.domains = changed.streams;
        }
        self.remember(*snapshot);
        self.replace(&dropped).inspect_err(|e| self.broken = Some(e.to_string()))?;
        Ok(())
    }
}

/// Streams with a late round in its place.
struct Changed<S: Kind> {
    streams: Streams<S>,
    /// Files whose states are all in the streams now.
    dropped: BTreeSet<String>,
}

fn put<S: Kind>(archive: &Archive, streams: &Streams<S>, snapshot: &Snapshot, looks: &[Look<S::Key, S>]) -> Result<Changed<S>, Failed>
where
    State<S::Key, S>: Table,
{
    let rounds: Vec<Slot> = archive.snapshots.iter().filter(|s| s.vantage == snapshot.vantage && S::count(s).is_some()).map(slot).collect();
    let insertion = Insertion::new(&rounds, slot(snapshot));
    let near = insertion.neighbourhood();
    let mut by_key: BTreeMap<S::Key, Option<&Look<S::Key, S>>> = BTreeMap::new();
    for look in looks {
        if by_key.insert(look.key, Some(look)).is_some() {
            return Err(Failed::Refused(twice(look.key)));
        }
    }
    let touched = |s: &State<S::Key, S>| s.vantage == snapshot.vantage && near.meets(s.span);
    let (mut rows, mut untouched, mut dropped) = (Vec::new(), Vec::new(), BTreeSet::new());
    for entry in archive.manifest.of(<State<S::Key, S> as Table>::NAME).filter(|entry| !entry.is_open()) {
        let mut all: Vec<State<S::Key, S>> = Vec::new();
        file::read(&archive.place, entry, None, &archive.parts, |more| all.extend_from_slice(more))?;
        if all.iter().any(touched) {
            dropped.insert(entry.path.clone());
            sort_out(all, touched, &mut rows, &mut untouched);
        }
    }
    sort_out(streams.over.clone(), touched, &mut rows, &mut untouched);
    sort_out(streams.open(), touched, &mut rows, &mut untouched);
    let mut spans: BTreeMap<S::Key, Vec<Interval<S::Key, S>>> = BTreeMap::new();
    for row in &rows {
        by_key.entry(row.key).or_default();
        spans.entry(row.key).or_default().push(interval(row));
    }
    for (key, look) in by_key {
        let mut of_key = spans.remove(&key).unwrap_or_default();
        of_key.sort_by_key(|interval| interval.span.valid_from_s);
        untouched.extend(insertion.insert(&of_key, look).into_iter().map(|interval| state(snapshot.vantage, interval)));
    }
    let snapshots: Vec<Snapshot> = archive.snapshots.iter().copied().chain([*snapshot]).collect();
    let streams = again(&snapshots, untouched);
    Ok(Changed { streams, dropped })
}

fn sort_out<T>(all: Vec<T>, touched: impl Fn(&T) -> bool, rows: &mut Vec<T>, untouched: &mut Vec<T>) {
    for row in all {
        if touched(&row) { rows.push(row) } else { untouched.push(row) }
    }
}

/// Streams of these states: those that the last round of their vantage point saw go on, the others are over.
pub(super) fn again<S: Kind>(snapshots: &[Snapshot], states: Vec<State<S::Key, S>>) -> Streams<S>
where
    State<S::Key, S>: Table,
{
    let mut last: BTreeMap<WordId, i64> = BTreeMap::new();
    for round in snapshots.iter().filter(|round| S::count(round).is_some()) {
        let last = last.entry(round.vantage).or_insert(round.scheduled_s);
        *last = (*last).max(round.scheduled_s);
    }
    let goes_on = |state: &State<S::Key, S>| last.get(&state.vantage).is_some_and(|at| state.span.contains(*at));
    let (open, over) = states.into_iter().partition(goes_on);
    let mut streams = Streams::resume(snapshots, open);
    streams.over = over;
    streams
}
