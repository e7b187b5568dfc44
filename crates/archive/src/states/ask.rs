//! "What was it at that time?"

use super::model::{Epoch, Id, Seen, Snapshot, State, WordId};

/// What an archive knows of one thing at one moment, from one vantage point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a, K, S> {
    /// Nobody looked: there was no round for that time, or it was cut off before. Says nothing.
    NotLooked,
    /// A whole round did not meet it: it was not among the targets, or no longer exists.
    NobodyThere,
    /// It was seen.
    Seen(&'a State<K, S>),
}

/// States and the rounds that they rest on, in order.
pub struct History<K, S> {
    snapshots: Vec<Snapshot>,
    states: Vec<State<K, S>>,
}

impl<K: Id, S: Seen> History<K, S> {
    /// Of rows in any order. Rounds that this kind of thing was no business of are left out.
    #[must_use]
    pub fn new(snapshots: impl IntoIterator<Item = Snapshot>, states: impl IntoIterator<Item = State<K, S>>) -> Self {
        let mut snapshots: Vec<Snapshot> = snapshots.into_iter().filter(|snapshot| S::count(snapshot).is_some()).collect();
        snapshots.sort_by_key(|snapshot| (snapshot.vantage, snapshot.scheduled_s));
        let mut states: Vec<State<K, S>> = states.into_iter().collect();
        states.sort_by_key(place);
        Self { snapshots, states }
    }

    /// The rounds of a vantage point, in order.
    #[must_use]
    pub fn rounds(&self, vantage: WordId) -> &[Snapshot] {
        let from = self.snapshots.partition_point(|snapshot| snapshot.vantage < vantage);
        let to = self.snapshots.partition_point(|snapshot| snapshot.vantage <= vantage);
        &self.snapshots[from..to]
    }

    /// The states of one thing at a vantage point, in order.
    #[must_use]
    pub fn states(&self, key: K, vantage: WordId) -> &[State<K, S>] {
        let from = self.states.partition_point(|state| (state.key, state.vantage) < (key, vantage));
        let to = self.states.partition_point(|state| (state.key, state.vantage) <= (key, vantage));
        &self.states[from..to]
    }

    /// The round that stands for a moment: the last that began by then, if the moment is not past what it stands for.
    #[must_use]
    pub fn round(&self, vantage: WordId, at: Epoch) -> Option<&Snapshot> {
        let rounds = self.rounds(vantage);
        let place = rounds.partition_point(|snapshot| snapshot.scheduled_s <= at).checked_sub(1)?;
        Some(&rounds[place]).filter(|snapshot| snapshot.covers(at))
    }

    /// S(t): what was known of it at that moment.
    #[must_use]
    pub fn at(&self, key: K, vantage: WordId, at: Epoch) -> Answer<'_, K, S> {
        let Some(round) = self.round(vantage, at) else { return Answer::NotLooked };
        let states = self.states(key, vantage);
        let place = states.partition_point(|state| state.span.valid_from_s <= at).checked_sub(1);
        match place.map(|place| &states[place]).filter(|state| state.span.contains(at)) {
            Some(state) => Answer::Seen(state),
            None if round.complete => Answer::NobodyThere,
            None => Answer::NotLooked,
        }
    }
}

/// Where a state stands among others: by what, from where, when.
pub(crate) fn place<K: Id, S>(state: &State<K, S>) -> (K, WordId, Epoch) {
    (state.key, state.vantage, state.span.valid_from_s)
}
