//! Servers and domains: two kinds of things with histories, treated alike.

use super::fold::{Delta, Interval, Slot, Stream};
use super::log::Line;
use super::model::{DomainId, DomainSeen, Id, Seen, ServerId, ServerSeen, Snapshot, State, WordId};
use super::parts::Parts;
use super::table::Table;
use std::collections::BTreeMap;

/// A kind of thing, by what is seen of it.
pub(crate) trait Kind: Seen + std::fmt::Debug + 'static {
    type Key: Id;

    /// What a round changed of this kind.
    fn delta(line: &Line) -> Option<&Delta<Self::Key, Self>>;

    /// Without what it means.
    fn observed(self) -> Self;
}

impl Kind for ServerSeen {
    type Key = ServerId;

    fn delta(line: &Line) -> Option<&Delta<ServerId, Self>> {
        line.servers.as_ref()
    }

    fn observed(self) -> Self {
        Self { verdict: super::model::ServerVerdict::default(), ..self }
    }
}

impl Kind for DomainSeen {
    type Key = DomainId;

    fn delta(line: &Line) -> Option<&Delta<DomainId, Self>> {
        line.domains.as_ref()
    }

    fn observed(self) -> Self {
        Self { standing: None, ..self }
    }
}

/// The stream of every vantage point, and what is over since the last checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct Streams<S: Kind> {
    by_vantage: BTreeMap<WordId, Stream<S::Key, S>>,
    pub over: Vec<State<S::Key, S>>,
}

impl<S: Kind> Streams<S>
where
    State<S::Key, S>: Table,
{
    /// As the last checkpoint left them: from its rounds and what went on then.
    pub fn resume(snapshots: &[Snapshot], open: Vec<State<S::Key, S>>) -> Self {
        let mut rounds: BTreeMap<WordId, (u32, Option<Slot>)> = BTreeMap::new();
        for snapshot in snapshots.iter().filter(|snapshot| S::count(snapshot).is_some()) {
            let (count, last) = rounds.entry(snapshot.vantage).or_default();
            *count += 1;
            if last.is_none_or(|last| last.at < snapshot.scheduled_s) {
                *last = Some(slot(snapshot));
            }
        }
        let mut by_vantage: BTreeMap<WordId, Vec<Interval<S::Key, S>>> = BTreeMap::new();
        for state in open {
            by_vantage.entry(state.vantage).or_default().push(interval(&state));
        }
        let stream = |(vantage, (count, last))| (vantage, Stream::resume(count, last, by_vantage.remove(&vantage).unwrap_or_default()));
        Self { by_vantage: rounds.into_iter().map(stream).collect(), over: Vec::new() }
    }

    /// The stream of a vantage point; a new one if it has none.
    pub fn at(&mut self, vantage: WordId) -> &mut Stream<S::Key, S> {
        self.by_vantage.entry(vantage).or_insert_with(Stream::new)
    }

    /// The stream of a vantage point, with where its intervals go that are over.
    pub fn with<T>(&mut self, vantage: WordId, work: impl FnOnce(&mut Stream<S::Key, S>, &mut Vec<State<S::Key, S>>) -> T) -> T {
        let stream = self.by_vantage.entry(vantage).or_insert_with(Stream::new);
        work(stream, &mut self.over)
    }

    /// Its latest round at a vantage point.
    pub fn last(&self, vantage: WordId) -> Option<Slot> {
        self.by_vantage.get(&vantage).and_then(Stream::last)
    }

    /// What is known as of that round.
    pub fn current(&self, vantage: WordId, key: S::Key) -> Option<&S> {
        self.by_vantage.get(&vantage)?.current(key)
    }

    /// Takes up a round.
    pub fn apply(&mut self, round: &Snapshot, delta: &Delta<S::Key, S>) {
        let stream = self.by_vantage.entry(round.vantage).or_insert_with(Stream::new);
        let over = &mut self.over;
        stream.apply(slot(round), delta, |interval| over.push(state(round.vantage, interval)));
    }

    /// What the last rounds saw, in the order of the table, so many at a time: all of it at once may be millions.
    pub fn open_in_order(&self, parts: &Parts, many: usize) -> impl Iterator<Item = Vec<State<S::Key, S>>> {
        let order = <State<S::Key, S> as Table>::order(parts);
        let of = |(vantage, stream): (&WordId, &Stream<S::Key, S>)| -> Vec<_> {
            stream.open().map(|interval| (order(&state(*vantage, interval)), *vantage, interval.key)).collect()
        };
        let mut places: Vec<_> = self.by_vantage.iter().flat_map(of).collect();
        places.sort_unstable();
        let mut left = places.into_iter();
        let place = |(_, vantage, key)| Some(state(vantage, self.by_vantage.get(&vantage)?.open_at(key)?));
        std::iter::from_fn(move || {
            let rows: Vec<_> = left.by_ref().take(many).filter_map(place).collect();
            (!rows.is_empty()).then_some(rows)
        })
    }

    /// What the last rounds saw.
    pub fn open(&self) -> Vec<State<S::Key, S>> {
        let all = self.by_vantage.iter();
        all.flat_map(|(vantage, stream)| stream.open().map(|interval| state(*vantage, interval))).collect()
    }
}

pub(crate) fn slot(round: &Snapshot) -> Slot {
    Slot { at: round.scheduled_s, until: round.until() }
}

pub(crate) fn state<K, S>(vantage: WordId, interval: Interval<K, S>) -> State<K, S> {
    State { key: interval.key, vantage, span: interval.span, seen: interval.seen, notes: interval.notes }
}

pub(crate) fn interval<K: Copy, S: Copy>(state: &State<K, S>) -> Interval<K, S> {
    Interval { key: state.key, span: state.span, seen: state.seen, notes: state.notes }
}
