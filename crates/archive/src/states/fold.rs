//! The fold: one round after the other becomes intervals. Pure: no files, no clock.
//!
//! A [`Stream`] is what one vantage point sees of servers, or of domains. [`Stream::compare`] says what is new in a round as a [`Delta`], which
//! is what gets written down; [`Stream::apply`] makes it so, for a round just delivered and for one read from the log alike. What a delta
//! does not mention was seen as before: an unchanged round has an empty one.

use super::model::{Epoch, Id, Notes, Span};
use serde::{Deserialize, Serialize};

/// One thing as seen in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look<K, S> {
    /// What was looked at.
    pub key: K,
    /// What was seen.
    pub seen: S,
    /// Signature, evidence and rules of this look.
    pub notes: Notes,
}

/// When a round was, and until when it stands for what it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub at: Epoch,
    pub until: Epoch,
}

/// What a round changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delta<K, S> {
    /// Seen for the first time, or otherwise than before.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub begun: Vec<(K, S, Notes)>,
    /// Seen before, and not now.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<K>,
    /// Seen as before, by another signature or with other evidence.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub noted: Vec<(K, Notes)>,
}

impl<K, S> Delta<K, S> {
    /// How many things it mentions.
    pub fn len(&self) -> usize {
        self.begun.len() + self.ended.len() + self.noted.len()
    }
}

/// An interval of one thing, at one vantage point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval<K, S> {
    pub key: K,
    pub span: Span,
    pub seen: S,
    pub notes: Notes,
}

/// A state that the last round saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open<S> {
    from: Epoch,
    /// Rounds of the stream before it.
    before: u32,
    seen: S,
    notes: Notes,
}

/// What goes on at one vantage point.
#[derive(Clone, Debug)]
pub(crate) struct Stream<K, S> {
    /// By key.
    open: Vec<Option<Open<S>>>,
    rounds: u32,
    last: Option<Slot>,
    key: std::marker::PhantomData<K>,
}

/// A round that names the same thing twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Twice<K>(pub K);

impl<K: Id, S: Copy + Eq> Stream<K, S> {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self { open: Vec::new(), rounds: 0, last: None, key: std::marker::PhantomData }
    }

    /// A stream as it was: its last round, how many there were, and the intervals that go on.
    pub fn resume(rounds: u32, last: Option<Slot>, open: impl IntoIterator<Item = Interval<K, S>>) -> Self {
        let mut stream = Self { rounds, last, ..Self::new() };
        for one in open {
            let before = rounds.saturating_sub(one.span.n_obs);
            *stream.place(one.key) = Some(Open { from: one.span.valid_from_s, before, seen: one.seen, notes: one.notes });
        }
        stream
    }

    /// The latest round.
    pub fn last(&self) -> Option<Slot> {
        self.last
    }

    /// What is known of this thing as of the last round.
    pub fn current(&self, key: K) -> Option<&S> {
        self.open.get(key.index())?.as_ref().map(|open| &open.seen)
    }

    /// What this round changes.
    ///
    /// # Errors
    /// If it names something twice.
    pub fn compare(&self, looks: &[Look<K, S>]) -> Result<Delta<K, S>, Twice<K>> {
        let mut delta = Delta { begun: Vec::new(), ended: Vec::new(), noted: Vec::new() };
        let most = looks.iter().map(|look| look.key.index() + 1).max().unwrap_or(0);
        let mut met = vec![false; most.max(self.open.len())];
        for look in looks {
            if std::mem::replace(&mut met[look.key.index()], true) {
                return Err(Twice(look.key));
            }
            match self.open.get(look.key.index()).and_then(Option::as_ref) {
                Some(open) if open.seen == look.seen => {
                    let notes = later(open.notes, look.notes);
                    if notes != open.notes {
                        delta.noted.push((look.key, notes));
                    }
                }
                _ => delta.begun.push((look.key, look.seen, first(look.notes))),
            }
        }
        let gone = |(index, open): (usize, &Option<Open<S>>)| (open.is_some() && !met[index]).then(|| K::at(index));
        delta.ended = self.open.iter().enumerate().filter_map(gone).collect();
        Ok(delta)
    }

    /// The round took place: hands over the intervals that are over.
    pub fn apply(&mut self, slot: Slot, delta: &Delta<K, S>, mut over: impl FnMut(Interval<K, S>)) {
        // What a missed round would have stood for belongs to nobody.
        let to = self.last.map_or(slot.at, |last| last.until.min(slot.at));
        let rounds = self.rounds;
        for key in &delta.ended {
            over_with(*key, self.place(*key).take(), to, rounds, &mut over);
        }
        for (key, seen, notes) in &delta.begun {
            let open = Open { from: slot.at, before: rounds, seen: *seen, notes: *notes };
            over_with(*key, self.place(*key).replace(open), to, rounds, &mut over);
        }
        for (key, notes) in &delta.noted {
            if let Some(open) = self.place(*key) {
                open.notes = *notes;
            }
        }
        self.rounds += 1;
        self.last = Some(slot);
    }

    /// One look of a round under way, which [`Stream::end`] ends. What is not told of is seen as before. Says whether that is another state.
    ///
    /// # Errors
    /// If the round began a state of the same thing already.
    pub fn see(&mut self, at: Epoch, look: &Look<K, S>, mut over: impl FnMut(Interval<K, S>)) -> Result<bool, Twice<K>> {
        let (to, rounds) = (self.last.map_or(at, |last| last.until.min(at)), self.rounds);
        let place = self.place(look.key);
        match place {
            Some(open) if open.before == rounds => return Err(Twice(look.key)),
            Some(open) if open.seen == look.seen => {
                open.notes = later(open.notes, look.notes);
                return Ok(false);
            }
            _ => {}
        }
        let open = Open { from: at, before: rounds, seen: look.seen, notes: first(look.notes) };
        over_with(look.key, place.replace(open), to, rounds, &mut over);
        Ok(true)
    }

    /// A round under way did not see this any more. Says whether it was seen before.
    pub fn lose(&mut self, at: Epoch, key: K, mut over: impl FnMut(Interval<K, S>)) -> bool {
        let (to, rounds) = (self.last.map_or(at, |last| last.until.min(at)), self.rounds);
        let open = self.place(key).take();
        let was_there = open.is_some();
        over_with(key, open, to, rounds, &mut over);
        was_there
    }

    /// The round of which [`Stream::see`] and [`Stream::lose`] told is over.
    pub fn end(&mut self, slot: Slot) {
        self.rounds += 1;
        self.last = Some(slot);
    }

    /// What the last round saw, in the order of the keys.
    pub fn known(&self) -> impl Iterator<Item = (K, &S)> {
        self.open.iter().enumerate().filter_map(|(place, open)| Some((K::at(place), &open.as_ref()?.seen)))
    }

    /// The intervals that the last round confirmed, as long as they are by now.
    pub fn open(&self) -> impl Iterator<Item = Interval<K, S>> + '_ {
        let to = self.last.map_or(0, |last| last.until);
        let open = self.open.iter().enumerate();
        open.filter_map(move |(index, open)| open.map(|open| interval(K::at(index), open, to, self.rounds)))
    }

    /// The interval of this thing that the last round confirmed.
    pub fn open_at(&self, key: K) -> Option<Interval<K, S>> {
        let open = (*self.open.get(key.index())?)?;
        Some(interval(key, open, self.last.map_or(0, |last| last.until), self.rounds))
    }

    fn place(&mut self, key: K) -> &mut Option<Open<S>> {
        if self.open.len() <= key.index() {
            self.open.resize(key.index() + 1, None);
        }
        &mut self.open[key.index()]
    }
}

fn over_with<K, S>(key: K, open: Option<Open<S>>, to: Epoch, rounds: u32, over: &mut impl FnMut(Interval<K, S>)) {
    if let Some(open) = open {
        over(interval(key, open, to, rounds));
    }
}

fn interval<K, S>(key: K, open: Open<S>, to: Epoch, rounds: u32) -> Interval<K, S> {
    let span = Span { valid_from_s: open.from, valid_to_s: to, n_obs: rounds - open.before };
    Interval { key, span, seen: open.seen, notes: open.notes }
}

/// The notes of a state of which there is one look.
pub(crate) fn first(look: Notes) -> Notes {
    Notes { evidence_to: look.evidence_to.or(look.evidence_from), ..look }
}

/// The notes of a state after one more look: beginnings stay, ends move on.
pub(crate) fn later(notes: Notes, look: Notes) -> Notes {
    Notes { sig_expiration_s: look.sig_expiration_s, evidence_to: look.evidence_to.or(look.evidence_from).or(notes.evidence_to), ..notes }
}
