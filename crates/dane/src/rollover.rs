//! Key rollovers of one server, graded as P22 section 6 does ("Under the Hood of DANE Mismanagement in SMTP", USENIX Security 2022).
//!
//! The input is what one stream of observations saw: [`State`]s, and the [`Rounds`] in which somebody really looked. The cost grows with
//! the states, not with the rounds. Sets and chains are numbers here; what they are says an [`Evidence`], so that a caller with many
//! servers can match them beforehand. [`Catalogue`] is one for those who have the records and certificates themselves.
//!
//! # Definition
//! At round *t*, *old* and *new* are the chains before and after, S(x) the TLSA set served at x, T its TTL at *t*. "Matches" is
//! [`crate::paper::paper_match`]. A change is found at *t* when a chain is seen that is not the one last seen.
//!
//! - **Certificate changed**: the leaf differs, or the set of issuers both lost and gained one. **Key changed**: the same of the keys. A
//!   chain that grows from no issuer to some has changed nothing (the studies' script counts it).
//! - **Target**: only the leaf's key changed and S(t−1) has usage 1 or 3; only those of issuers and it has 0 or 2; or both changed.
//!   Otherwise *not a rollover*.
//! - **Left out**: the server never matched at all; there is no data at t−1 or t; 2·T is shorter than the interval between rounds (prose of
//!   section 6.1: the opposite); S(t−1) matches neither *old* nor *new*.
//! - **Early retirement**: S(t−1) matches *new* but not *old*, and the server had shown *old* and matched it earlier. If it had not, the
//!   change is left out as unmatched before.
//! - S(t) does not match *new*: **never introduced** if no later S does, else **late**. S(t−1) does not: **late** (at the same time).
//!   S(t−2T) does not: **late** (in between). Else **correct**.
//! - S(x) between two rounds is that of the round before. Where that round is missing, or saw no set, the latest set before it decides: it
//!   matches, so the change is correct; it does not, so there is no data.
//! - With usages of both kinds, a change of the leaf that records of usage 0 or 2 in S(t−1) bridge (they match *old* and *new*), or one of
//!   issuers that records of usage 1 or 3 do, is correct without the condition on S(t−2T). (The script asks only for *old*. That differs
//!   where the chain loses an issuer and gains none: then nothing is bridged.)
//!
//! The questions are asked in the order of the studies' script: never matched, no set, short TTL, no chain, not a rollover, the rest.

pub mod both_ends;
mod catalogue;
mod grading;
mod history;
#[cfg(test)]
mod tests;
mod verdict;

pub use catalogue::Catalogue;
pub use grading::grade;
pub use verdict::{LeftOut, Mistakes, Tally, Verdict};

use crate::Epoch;
use std::collections::BTreeSet;

/// Number of a TLSA set.
pub type SetId = u32;
/// Number of a chain.
pub type ChainId = u32;

/// The rounds in which somebody really looked: the times for which they were scheduled.
#[derive(Clone, Copy, Debug)]
pub struct Rounds<'a> {
    times: &'a [Epoch],
    interval: i64,
}

impl<'a> Rounds<'a> {
    /// Rounds of a grid with so many seconds between them; those that failed are not in `times`. `None`: the times do not ascend, or the
    /// interval is not positive.
    #[must_use]
    pub fn new(times: &'a [Epoch], interval: i64) -> Option<Self> {
        let ascend = times.is_sorted_by(|a, b| a < b);
        (ascend && interval > 0).then_some(Self { times, interval })
    }

    /// The same of times of which the caller knows that they ascend: to find out takes longer than to grade a server.
    #[must_use]
    pub fn ascending(times: &'a [Epoch], interval: i64) -> Self {
        debug_assert!(times.is_sorted_by(|a, b| a < b) && interval > 0);
        Self { times, interval }
    }

    /// Seconds from one round of the grid to the next.
    #[must_use]
    pub fn interval(&self) -> i64 {
        self.interval
    }

    /// The times, ascending.
    #[must_use]
    pub fn times(&self) -> &'a [Epoch] {
        self.times
    }

    /// How many rounds are before a moment. `near` is a number of rounds that should not be far from it: from there the grid says where to
    /// look, and rounds that are missing do the rest. So it costs nothing that there are many.
    fn before(&self, moment: Epoch, near: usize) -> usize {
        let is_before = |index: usize| self.times.get(index).is_some_and(|time| *time < moment);
        let Some(base) = self.times.get(near).or(self.times.last()) else { return 0 };
        let near = near.min(self.times.len().saturating_sub(1));
        let steps = moment.saturating_sub(*base).div_euclid(self.interval);
        let guess = near.saturating_add_signed(isize::try_from(steps).unwrap_or(0)).min(self.times.len());
        // Away from the guess in steps that double, until the end of what is before lies between.
        let (mut low, mut high, mut step) = (guess, guess, 1);
        while low > 0 && !is_before(low - 1) {
            high = low;
            low = low.saturating_sub(step);
            step *= 2;
        }
        step = 1;
        while high < self.times.len() && is_before(high) {
            low = high;
            high = high.saturating_add(step).min(self.times.len());
            step *= 2;
        }
        low + self.times.get(low..high).map_or(0, |between| between.partition_point(|time| *time < moment))
    }

    /// The last round at or before a moment; `None` if there was none, or if the grid has a later one that is missing.
    fn at(&self, moment: Epoch) -> Option<Epoch> {
        let until = self.before(moment.saturating_add(1), 0);
        let round = *self.times.get(until.checked_sub(1)?)?;
        (moment.saturating_sub(round) < self.interval).then_some(round)
    }

    /// The round before this one; `None` if that is missing.
    fn previous(&self, round: Epoch) -> Option<Epoch> {
        let previous = *self.times.get(self.before(round, 0).checked_sub(1)?)?;
        (round.saturating_sub(previous) < self.interval.saturating_mul(2)).then_some(previous)
    }
}

/// A TLSA set as it was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Which.
    pub set: SetId,
    /// Its authoritative TTL, seconds.
    pub ttl: u32,
}

/// What was seen from one moment on and until another: for every round within, the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// First moment.
    pub from: Epoch,
    /// First moment after it.
    pub to: Epoch,
    /// The TLSA set; `None`: no data.
    pub served: Option<Served>,
    /// The chain; `None`: no data.
    pub chain: Option<ChainId>,
}

/// States that cannot be those of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("state {0} begins before the one before it ends, or ends before it begins")]
pub struct Disorder(
    /// Its index.
    pub usize,
);

/// Which records of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// All.
    All,
    /// Those of usages 1 and 3.
    Leaf,
    /// Those of usages 0 and 2.
    Issuers,
}

impl Part {
    /// Whether records of this usage belong to it.
    #[must_use]
    pub fn has(self, usage: u8) -> bool {
        match self {
            Part::All => true,
            Part::Leaf => matches!(usage, 1 | 3),
            Part::Issuers => matches!(usage, 0 | 2),
        }
    }
}

/// Where two chains differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// In the leaf.
    Leaf,
    /// In the issuers.
    Issuers,
    /// In both.
    Both,
}

/// How a chain differs from the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Where certificates changed.
    pub certificates: Option<Place>,
    /// Where keys changed.
    pub keys: Option<Place>,
}

/// The certificates of a chain and their keys, as numbers: equal if and only if the bytes are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainFacts {
    /// The leaf.
    pub leaf: u32,
    /// Its key.
    pub leaf_key: u32,
    /// The other certificates.
    pub issuers: BTreeSet<u32>,
    /// Their keys.
    pub issuer_keys: BTreeSet<u32>,
}

impl ChainFacts {
    /// How a later chain differs from this one.
    #[must_use]
    pub fn difference(&self, later: &Self) -> Difference {
        let place = |leaf: bool, before: &BTreeSet<u32>, after: &BTreeSet<u32>| {
            let issuers = before.difference(after).next().is_some() && after.difference(before).next().is_some();
            match (leaf, issuers) {
                (true, true) => Some(Place::Both),
                (true, false) => Some(Place::Leaf),
                (false, true) => Some(Place::Issuers),
                (false, false) => None,
            }
        };
        Difference {
            certificates: place(self.leaf != later.leaf, &self.issuers, &later.issuers),
            keys: place(self.leaf_key != later.leaf_key, &self.issuer_keys, &later.issuer_keys),
        }
    }
}

/// What grading has to know of sets and chains. Numbers that are not known match nothing and differ in nothing.
pub trait Evidence {
    /// Whether any record of a part of the set matches the chain, as [`crate::paper::paper_match`] has it.
    fn matches(&self, set: SetId, chain: ChainId, part: Part) -> bool;

    /// Whether a part of the set has any record.
    fn has(&self, set: SetId, part: Part) -> bool;

    /// How a chain differs from the one before it.
    fn difference(&self, old: ChainId, new: ChainId) -> Difference;
}

/// When a set that matches the new chain came too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Late {
    /// After the chain, at this round.
    After(Epoch),
    /// Together with it.
    SameTime,
    /// Before it, but not by two TTLs.
    InBetween,
}

/// For which moment there is no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Missing {
    /// The round before the change.
    Before,
    /// The round of the change: no TLSA set.
    At,
    /// Two TTLs before the change.
    TwoTtlsBefore,
}

/// What a change of keys is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// No record refers to what changed.
    NotARollover,
    /// Left out: no set of this server ever matched what it showed.
    NeverMatched,
    /// Left out: two TTLs are shorter than the interval between rounds.
    ShortTtl,
    /// Left out: it was not seen.
    NoData(Missing),
    /// Left out: the set was wrong before.
    UnmatchedBefore,
    /// Wrong: the old record was gone while the old chain was still shown.
    EarlyRetirement,
    /// Wrong: the new record came too late.
    Late(Late),
    /// Wrong: the new record never came.
    NeverIntroduced,
    /// Right.
    Correct,
}

/// How a grade counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Worth {
    /// Not counted.
    LeftOut,
    /// A mistake.
    Wrong,
    /// As it should be.
    Correct,
}

impl Grade {
    /// How it counts.
    #[must_use]
    pub fn worth(self) -> Worth {
        match self {
            Grade::NotARollover | Grade::NeverMatched | Grade::ShortTtl | Grade::NoData(_) | Grade::UnmatchedBefore => Worth::LeftOut,
            Grade::EarlyRetirement | Grade::Late(_) | Grade::NeverIntroduced => Worth::Wrong,
            Grade::Correct => Worth::Correct,
        }
    }

    /// The stable word, as in JSON and tables; the moments that some grades carry are left out.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Grade::NotARollover => "not-a-rollover",
            Grade::NeverMatched => "never-matched",
            Grade::ShortTtl => "short-ttl",
            Grade::NoData(Missing::Before) => "no-data-before",
            Grade::NoData(Missing::At) => "no-data-at",
            Grade::NoData(Missing::TwoTtlsBefore) => "no-data-two-ttls-before",
            Grade::UnmatchedBefore => "unmatched-before",
            Grade::EarlyRetirement => "early-retirement",
            Grade::Late(Late::After(_)) => "late-after",
            Grade::Late(Late::SameTime) => "late-same-time",
            Grade::Late(Late::InBetween) => "late-in-between",
            Grade::NeverIntroduced => "never-introduced",
            Grade::Correct => "correct",
        }
    }
}

/// A change of certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The round at which the new chain was first seen.
    pub at: Epoch,
    /// The last round at which the old one was.
    pub last_seen: Epoch,
    /// The chain before.
    pub old: ChainId,
    /// The chain after.
    pub new: ChainId,
    /// S(t−1), if it is known.
    pub set_before: Option<SetId>,
    /// Where certificates changed, and keys.
    pub difference: Difference,
    /// What it is worth; `None`: only certificates changed.
    pub grade: Option<Grade>,
}

/// One server's changes, graded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graded {
    /// In the order of time; only those in which a certificate or key changed.
    pub changes: Vec<Change>,
    /// Whether a set ever matched the chain shown at the same round.
    pub ever_matched: bool,
}
