//! A round that arrives after later ones: the intervals become what they would be had it come in time.
//!
//! An interval is a longest run of rounds that saw the same, so there is one right answer for any set of rounds, whatever their order. Only
//! notes can differ: where an interval is cut in two, both halves keep those of the whole.

use super::fold::{Interval, Look, Slot, first, later};
use super::model::{Epoch, Id, Span};

/// Puts a round of one stream between those before and after it.
pub(crate) struct Insertion<'a> {
    /// The stream's rounds without the new one, in order.
    rounds: &'a [Slot],
    new: Slot,
    /// How many of them are before it.
    place: usize,
}

impl<'a> Insertion<'a> {
    /// Of a round that is not there yet. `rounds` is in order.
    pub fn new(rounds: &'a [Slot], new: Slot) -> Self {
        Self { rounds, new, place: rounds.partition_point(|round| round.at < new.at) }
    }

    /// The intervals of one key, in order, after the round, which saw `look` of it, or nothing.
    pub fn insert<K: Id, S: Copy + Eq>(&self, rows: &[Interval<K, S>], look: Option<&Look<K, S>>) -> Vec<Interval<K, S>> {
        let mut out = Vec::with_capacity(rows.len() + 2);
        let mut pending = look.copied();
        for row in rows {
            let (before, after) = (self.confirms_before(row), self.confirms_after(row));
            match (before, after, pending) {
                (true, true, Some(look)) if look.seen == row.seen => {
                    pending = None;
                    out.push(Interval { span: Span { n_obs: row.span.n_obs + 1, ..row.span }, ..*row });
                }
                (true, true, _) => {
                    out.push(self.left_part(row));
                    out.extend(pending.take().map(|look| self.alone(&look)));
                    out.push(self.right_part(row));
                }
                (true, false, Some(look)) if look.seen == row.seen => {
                    pending = None;
                    let span = Span { valid_to_s: self.end(), n_obs: row.span.n_obs + 1, ..row.span };
                    out.push(Interval { span, notes: later(row.notes, look.notes), ..*row });
                }
                // What was seen instead may have gone on: the next interval knows.
                (true, false, _) => {
                    out.push(Interval { span: Span { valid_to_s: row.span.valid_to_s.min(self.new.at), ..row.span }, ..*row });
                }
                (false, true, Some(look)) if look.seen == row.seen => {
                    pending = None;
                    let span = Span { valid_from_s: self.new.at, n_obs: row.span.n_obs + 1, ..row.span };
                    let notes = super::model::Notes {
                        sig_inception_s: look.notes.sig_inception_s,
                        evidence_from: look.notes.evidence_from.or(row.notes.evidence_from),
                        rules: look.notes.rules,
                        ..row.notes
                    };
                    out.push(Interval { span, notes, ..*row });
                }
                (false, true, _) => {
                    out.extend(pending.take().map(|look| self.alone(&look)));
                    out.push(*row);
                }
                (false, false, _) => {
                    if row.span.valid_from_s > self.new.at {
                        out.extend(pending.take().map(|look| self.alone(&look)));
                    }
                    out.push(*row);
                }
            }
        }
        out.extend(pending.map(|look| self.alone(&look)));
        out
    }

    /// Which intervals of the stream the round can change: the others need not be looked at.
    pub fn neighbourhood(&self) -> Neighbourhood {
        let before = self.before().map_or(self.new.at, |round| round.at);
        Neighbourhood { from: before, to: self.after().map_or(self.new.at, |round| round.at) }
    }

    fn before(&self) -> Option<Slot> {
        self.place.checked_sub(1).map(|place| self.rounds[place])
    }

    fn after(&self) -> Option<Slot> {
        self.rounds.get(self.place).copied()
    }

    /// Whether the round right before the new one confirmed it.
    fn confirms_before<K, S>(&self, row: &Interval<K, S>) -> bool {
        self.before().is_some_and(|round| row.span.contains(round.at))
    }

    /// Whether the round right after the new one confirmed it.
    fn confirms_after<K, S>(&self, row: &Interval<K, S>) -> bool {
        self.after().is_some_and(|round| row.span.contains(round.at))
    }

    /// Until when the new round stands for what it saw.
    fn end(&self) -> Epoch {
        self.after().map_or(self.new.until, |round| round.at.min(self.new.until))
    }

    fn alone<K: Id, S: Copy>(&self, look: &Look<K, S>) -> Interval<K, S> {
        let span = Span { valid_from_s: self.new.at, valid_to_s: self.end(), n_obs: 1 };
        Interval { key: look.key, span, seen: look.seen, notes: first(look.notes) }
    }

    fn left_part<K: Copy, S: Copy>(&self, row: &Interval<K, S>) -> Interval<K, S> {
        let to = self.before().map_or(self.new.at, |round| round.until.min(self.new.at));
        Interval { span: Span { valid_to_s: to, n_obs: self.left(row), ..row.span }, ..*row }
    }

    fn right_part<K: Copy, S: Copy>(&self, row: &Interval<K, S>) -> Interval<K, S> {
        let from = self.after().map_or(self.new.at, |round| round.at);
        Interval { span: Span { valid_from_s: from, n_obs: row.span.n_obs - self.left(row), ..row.span }, ..*row }
    }

    /// Rounds before the new one that confirmed it.
    fn left<K, S>(&self, row: &Interval<K, S>) -> u32 {
        let first = self.rounds.partition_point(|round| round.at < row.span.valid_from_s);
        u32::try_from(self.place - first).unwrap_or(u32::MAX)
    }
}

/// From the round before a new one to the one after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbourhood {
    from: Epoch,
    to: Epoch,
}

impl Neighbourhood {
    /// Whether an interval reaches into it.
    pub fn meets(&self, span: Span) -> bool {
        span.valid_from_s <= self.to && span.valid_to_s > self.from
    }
}
