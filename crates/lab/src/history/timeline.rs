//! What one server shows, by rounds.

use super::grid::{Grid, Round};
use dane::Epoch;
use std::collections::{BTreeMap, BTreeSet};

/// Number of a TLSA set of the history.
pub type SetId = u32;
/// Number of a chain of the history.
pub type ChainId = u32;

/// What DNSSEC says of a server's TLSA set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dnssec {
    /// Proven.
    Secure,
    /// Signed, but the parent has no DS record.
    NoDs,
    /// Not signed at all.
    Unsigned,
    /// Broken; the text is what unbound says of it.
    Bogus(&'static str),
}

/// The TLSA set as one vantage point saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which set.
    pub set: SetId,
    /// TTL, seconds.
    pub ttl: u32,
    /// Its status.
    pub dnssec: Dnssec,
}

/// What one vantage point saw of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The TLSA set; `None`: no data.
    pub tlsa: Option<Answer>,
    /// The chain, or why there is none, in the words of the studies' scanner.
    pub chain: Result<ChainId, &'static str>,
}

/// Rounds in which something could not be seen.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// First round.
    pub from: Round,
    /// Last round.
    pub to: Round,
    /// The vantage point; `None`: all.
    pub vantage: Option<usize>,
    /// What could not be seen.
    pub what: Unseen,
}

/// What could not be seen.
#[derive(Clone, Copy, Debug)]
pub enum Unseen {
    /// The TLSA set.
    Tlsa,
    /// The chain, for this reason.
    Chain(&'static str),
}

/// From which round on a server shows what.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// First round.
    pub appears: Round,
    /// First round in which it is no more.
    pub gone: Round,
    /// TTL of its TLSA sets, seconds.
    pub ttl: u32,
    /// Sets by first round.
    pub sets: BTreeMap<Round, SetId>,
    /// Chains by first round.
    pub chains: BTreeMap<Round, ChainId>,
    /// Status by first round.
    pub dnssec: BTreeMap<Round, Dnssec>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// One stretch of a server's history: until `to` (not included) all rounds see the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// First moment.
    pub from: Epoch,
    /// First moment after it.
    pub to: Epoch,
    /// What is seen.
    pub sight: Sight,
}

impl Timeline {
    /// What a vantage point sees at a round, if the server is there.
    pub fn at(&self, vantage: usize, round: Round) -> Option<Sight> {
        fn latest<T: Copy>(map: &BTreeMap<Round, T>, round: Round) -> Option<T> {
            map.range(..=round).next_back().map(|(_, value)| *value)
        }
        if round < self.appears || round >= self.gone {
            return None;
        }
        let set = latest(&self.sets, round)?;
        let dnssec = latest(&self.dnssec, round).unwrap_or(Dnssec::Secure);
        let mut sight = Sight { tlsa: Some(Answer { set, ttl: self.ttl, dnssec }), chain: Ok(latest(&self.chains, round)?) };
        for gap in self.gaps.iter().filter(|gap| gap.from <= round && round <= gap.to && gap.vantage.is_none_or(|v| v == vantage)) {
            match gap.what {
                Unseen::Tlsa => sight.tlsa = None,
                Unseen::Chain(why) => sight.chain = Err(why),
            }
        }
        Some(sight)
    }

    /// All stretches that a vantage point can see, in order, each different from the one before.
    pub fn stretches(&self, vantage: usize, grid: &Grid) -> Vec<Stretch> {
        let mut edges: BTreeSet<Round> = [self.appears, self.gone].into();
        edges.extend(self.sets.keys().chain(self.chains.keys()).chain(self.dnssec.keys()));
        edges.extend(self.gaps.iter().flat_map(|gap| [gap.from, gap.to + 1]));
        let edges: Vec<Round> = edges.into_iter().filter(|round| (self.appears..=self.gone).contains(round)).collect();
        let mut out: Vec<Stretch> = Vec::new();
        for pair in edges.windows(2) {
            let Some(sight) = self.at(vantage, pair[0]) else { continue };
            let (from, to) = (grid.time(pair[0]), grid.time(pair[1]));
            match out.last_mut().filter(|last| last.sight == sight) {
                Some(last) => last.to = to,
                None => out.push(Stretch { from, to, sight }),
            }
        }
        out
    }
}
