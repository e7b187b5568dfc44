//! From states to graded changes.

use super::history::{History, Seen};
use super::{ChainId, Change, Difference, Disorder, Evidence, Grade, Graded, Late, Missing, Part, Place, Rounds, Served, SetId, State};
use crate::Epoch;

/// Every change of one server's certificates and keys, and what the latter are worth. The states are in the order of time.
///
/// # Errors
/// States that overlap or are out of order.
pub fn grade(states: &[State], rounds: Rounds<'_>, evidence: &impl Evidence) -> Result<Graded, Disorder> {
    let mut history = History::new(states, rounds)?;
    let mut changes = changes(&history, evidence);
    if changes.is_empty() {
        let pairs = history.seen().iter().filter_map(|seen| seen.served.zip(seen.chain));
        return Ok(Graded { changes, ever_matched: pairs.into_iter().any(|(s, chain)| evidence.matches(s.set, chain, Part::All)) });
    }
    history.index(evidence);
    let grader = Grader { history: &history, evidence };
    for change in &mut changes {
        let before = rounds.previous(change.at).and_then(|round| history.at(round));
        change.set_before = before.and_then(|seen| seen.served).map(|served| served.set);
        change.grade = change.difference.keys.map(|place| grader.grade(change, place, before));
    }
    Ok(Graded { changes, ever_matched: history.ever_matched() })
}

/// The changes, not graded yet.
fn changes(history: &History<'_>, evidence: &impl Evidence) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut last: Option<(ChainId, Epoch)> = None;
    for (seen, new) in history.seen().iter().filter_map(|seen| Some((seen, seen.chain?))) {
        if let Some((old, last_seen)) = last
            && old != new
        {
            let difference = evidence.difference(old, new);
            if difference != Difference::default() {
                changes.push(Change { at: seen.first, last_seen, old, new, set_before: None, difference, grade: None });
            }
        }
        last = Some((new, seen.last));
    }
    changes
}

struct Grader<'a, 'r, E> {
    history: &'a History<'r>,
    evidence: &'a E,
}

impl<E: Evidence> Grader<'_, '_, E> {
    fn grade(&self, change: &Change, place: Place, before: Option<&Seen>) -> Grade {
        if !self.history.ever_matched() {
            return Grade::NeverMatched;
        }
        let Some(earlier) = before.and_then(|seen| seen.served) else { return Grade::NoData(Missing::Before) };
        let Some(now) = self.history.at(change.at).and_then(|seen| seen.served) else { return Grade::NoData(Missing::At) };
        if two_ttls(now) < self.history.rounds.interval() {
            return Grade::ShortTtl;
        }
        let Some(old) = before.and_then(|seen| seen.chain) else { return Grade::NoData(Missing::Before) };
        let target = match place {
            Place::Leaf => self.evidence.has(earlier.set, Part::Leaf),
            Place::Issuers => self.evidence.has(earlier.set, Part::Issuers),
            Place::Both => true,
        };
        if !target {
            return Grade::NotARollover;
        }
        self.rollover(change.at, place, (old, change.new), (earlier, now))
    }

    /// Of a rollover from one chain to another at a round, with the sets of the round before and of this one.
    fn rollover(&self, at: Epoch, place: Place, (old, new): (ChainId, ChainId), (earlier, now): (Served, Served)) -> Grade {
        let fits = |set, chain| self.evidence.matches(set, chain, Part::All);
        if !fits(earlier.set, old) {
            let early = fits(earlier.set, new) && self.history.had_matched(old, at);
            return if early { Grade::EarlyRetirement } else { Grade::UnmatchedBefore };
        }
        if !fits(now.set, new) {
            let later = self.history.first_match_after(at, new, self.evidence);
            return later.map_or(Grade::NeverIntroduced, |round| Grade::Late(Late::After(round)));
        }
        if !fits(earlier.set, new) {
            return Grade::Late(Late::SameTime);
        }
        if self.is_bridged(earlier.set, place, old, new) {
            return Grade::Correct;
        }
        self.in_time(at.saturating_sub(two_ttls(now)), new)
    }

    /// Whether records that refer to what did not change cover the change.
    fn is_bridged(&self, set: SetId, place: Place, old: ChainId, new: ChainId) -> bool {
        let part = match place {
            Place::Leaf => Part::Issuers,
            Place::Issuers => Part::Leaf,
            Place::Both => return false,
        };
        self.evidence.matches(set, old, part) && self.evidence.matches(set, new, part)
    }

    /// Whether the set of a moment, two TTLs before the change, matches the new chain.
    fn in_time(&self, moment: Epoch, new: ChainId) -> Grade {
        let fits = |set| self.evidence.matches(set, new, Part::All);
        let there = self.history.rounds.at(moment).and_then(|round| self.history.at(round)).and_then(|seen| seen.served);
        match there {
            Some(served) if fits(served.set) => Grade::Correct,
            Some(_) => Grade::Late(Late::InBetween),
            None if self.history.served_before(moment).is_some_and(|served| fits(served.set)) => Grade::Correct,
            None => Grade::NoData(Missing::TwoTtlsBefore),
        }
    }
}

/// Two TTLs, seconds.
fn two_ttls(served: Served) -> i64 {
    2 * i64::from(served.ttl)
}
