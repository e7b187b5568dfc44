//! Rounds, and counts of what they saw.

use archive::states::model::{Snapshot, Span};
use dane::Epoch;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The rounds of one vantage point, in order.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    times: Vec<Epoch>,
    complete: Vec<bool>,
    interval: i64,
}

impl Grid {
    /// Of rounds in any order.
    pub(super) fn new(mut snapshots: Vec<&Snapshot>) -> Self {
        snapshots.sort_by_key(|snapshot| snapshot.scheduled_s);
        snapshots.dedup_by_key(|snapshot| snapshot.scheduled_s);
        // What most rounds stand for.
        let mut lengths: Vec<u32> = snapshots.iter().map(|snapshot| snapshot.every_s).collect();
        lengths.sort_unstable();
        let interval = lengths.get(lengths.len() / 2).copied().unwrap_or(3600).max(1);
        Self {
            times: snapshots.iter().map(|snapshot| snapshot.scheduled_s).collect(),
            complete: snapshots.iter().map(|snapshot| snapshot.complete).collect(),
            interval: interval.into(),
        }
    }

    #[cfg(test)]
    pub(super) fn of(times: &[Epoch], interval: i64) -> Self {
        Self { times: times.to_vec(), complete: vec![true; times.len()], interval }
    }

    /// When each round was scheduled, ascending.
    #[must_use]
    pub fn times(&self) -> &[Epoch] {
        &self.times
    }

    /// When a round was scheduled; after the last one, when the next would be.
    #[must_use]
    pub fn time(&self, round: usize) -> Epoch {
        self.times.get(round).copied().unwrap_or_else(|| self.times.last().map_or(0, |last| last.saturating_add(self.interval)))
    }

    /// How many rounds there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether nobody ever looked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Seconds from one round to the next, missed ones aside.
    #[must_use]
    pub fn interval(&self) -> i64 {
        self.interval
    }

    /// Whether a round reached every target.
    #[must_use]
    pub fn is_complete(&self, round: usize) -> bool {
        self.complete.get(round).copied().unwrap_or(false)
    }

    /// The rounds that confirm a state: all in its interval.
    #[must_use]
    pub fn rounds(&self, span: &Span) -> Range<usize> {
        self.before(span.valid_from_s)..self.before(span.valid_to_s)
    }

    /// The rounds as those who grade rollovers want them.
    #[must_use]
    pub fn for_rollovers(&self) -> dane::rollover::Rounds<'_> {
        dane::rollover::Rounds::ascending(&self.times, self.interval)
    }

    /// How many rounds are before a moment. Few rounds are missed, so the rhythm says about where: from there in steps that double.
    fn before(&self, moment: Epoch) -> usize {
        let Some(first) = self.times.first() else { return 0 };
        let is_before = |round: usize| self.times.get(round).is_some_and(|time| *time < moment);
        let guess = moment.saturating_sub(*first).div_euclid(self.interval);
        let guess = usize::try_from(guess).unwrap_or(0).min(self.times.len());
        let (mut low, mut high) = (guess, guess);
        let mut step = 1;
        while low > 0 && !is_before(low - 1) {
            high = low;
            low = low.saturating_sub(step);
            step *= 2;
        }
        step = 1;
        while is_before(high) {
            low = high;
            high = (high + step).min(self.times.len());
            step *= 2;
        }
        low + self.times.get(low..high).map_or(0, |between| between.partition_point(|time| *time < moment))
    }
}

/// How many of something there were at each round: kept as what changes from one round to the next, so that an interval costs two additions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    changes: Vec<i64>,
}

impl Steps {
    /// So many more at these rounds.
    pub fn add(&mut self, rounds: &Range<usize>, many: i64) {
        if rounds.is_empty() || many == 0 {
            return;
        }
        if self.changes.len() <= rounds.end {
            self.changes.resize(rounds.end + 1, 0);
        }
        self.changes[rounds.start] += many;
        self.changes[rounds.end] -= many;
    }

    /// Those of another partition, too.
    pub fn merge(&mut self, other: &Self) {
        if self.changes.len() < other.changes.len() {
            self.changes.resize(other.changes.len(), 0);
        }
        self.changes.iter_mut().zip(&other.changes).for_each(|(mine, other)| *mine += other);
    }

    /// How many at each of so many rounds.
    #[must_use]
    pub fn counts(&self, rounds: usize) -> Vec<u64> {
        let mut sum = 0_i64;
        (0..rounds)
            .map(|round| {
                sum += self.changes.get(round).copied().unwrap_or(0);
                u64::try_from(sum).unwrap_or(0)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(times: &[Epoch]) -> Grid {
        Grid { times: times.to_vec(), complete: vec![true; times.len()], interval: 10 }
    }

    /// Asked in the slow way, of every moment around grids with every combination of missing rounds.
    #[test]
    fn rounds_before_a_moment() {
        for missing in 0_u32..256 {
            let times: Vec<Epoch> = (0..8).filter(|round| missing >> round & 1 == 0).map(|round| i64::from(round) * 10).collect();
            let grid = grid(&times);
            for moment in -25..120 {
                assert_eq!(grid.before(moment), times.iter().filter(|time| **time < moment).count(), "{times:?} {moment}");
            }
        }
    }

    /// A round of another rhythm in between makes the guess too low.
    #[test]
    fn rounds_off_the_grid() {
        let times = [0, 3, 7, 10, 11, 12, 13, 14, 40];
        let grid = grid(&times);
        for moment in -5..60 {
            assert_eq!(grid.before(moment), times.iter().filter(|time| **time < moment).count(), "{moment}");
        }
    }

    #[test]
    fn steps_count() {
        let mut steps = Steps::default();
        steps.add(&(1..3), 1);
        steps.add(&(2..5), 2);
        steps.add(&(3..3), 7);
        let mut other = Steps::default();
        other.add(&(0..6), 1);
        steps.merge(&other);
        assert_eq!(steps.counts(7), [1, 2, 4, 3, 3, 1, 0]);
    }
}
