//! What was seen of one server, ready to be asked.

use super::{ChainId, Disorder, Evidence, Part, Rounds, Served, SetId, State};
use crate::Epoch;
use std::collections::HashMap;

/// A state as far as it was seen: its first and last round.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Its first round.
    pub first: Epoch,
    /// Its last round.
    pub last: Epoch,
    /// The TLSA set.
    pub served: Option<Served>,
    /// The chain.
    pub chain: Option<ChainId>,
}

/// All that was seen, in order.
pub struct History<'a> {
    /// When somebody looked.
    pub rounds: Rounds<'a>,
    seen: Vec<Seen>,
    /// First rounds of every set's states.
    sets: HashMap<SetId, Vec<Epoch>>,
    /// The first round at which each chain was shown with a set that matched it.
    matched: HashMap<ChainId, Epoch>,
}

impl<'a> History<'a> {
    /// Keeps of every state the rounds in which somebody looked; a state without any was never seen.
    pub fn new(states: &[State], rounds: Rounds<'a>) -> Result<Self, Disorder> {
        let mut seen = Vec::with_capacity(states.len());
        let mut near = 0;
        let mut end = Epoch::MIN;
        for (i, state) in states.iter().enumerate() {
            if state.from < end || state.to < state.from {
                return Err(Disorder(i));
            }
            end = state.to;
            let from = rounds.before(state.from, near);
            near = rounds.before(state.to, from);
            let within = rounds.times().get(from..near).unwrap_or_default();
            if let (Some(first), Some(last)) = (within.first(), within.last()) {
                seen.push(Seen { first: *first, last: *last, served: state.served, chain: state.chain });
            }
        }
        Ok(Self { rounds, seen, sets: HashMap::new(), matched: HashMap::new() })
    }

    /// Finds out when sets were served and chains matched: what only servers that changed keys are asked.
    pub fn index(&mut self, evidence: &impl Evidence) {
        for seen in &self.seen {
            let Some(served) = seen.served else { continue };
            self.sets.entry(served.set).or_default().push(seen.first);
            if let Some(chain) = seen.chain
                && !self.matched.contains_key(&chain)
                && evidence.matches(served.set, chain, Part::All)
            {
                self.matched.insert(chain, seen.first);
            }
        }
    }

    /// What was seen, in order.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// What was seen at a round.
    pub fn at(&self, round: Epoch) -> Option<&Seen> {
        let after = self.seen.partition_point(|seen| seen.first <= round);
        self.seen.get(after.checked_sub(1)?).filter(|seen| round <= seen.last)
    }

    /// The latest set seen before a moment.
    pub fn served_before(&self, moment: Epoch) -> Option<Served> {
        let after = self.seen.partition_point(|seen| seen.first < moment);
        self.seen.iter().take(after).rev().find_map(|seen| seen.served)
    }

    /// The first set that is seen from a later round on.
    pub fn served_after(&self, round: Epoch) -> Option<Served> {
        let after = self.seen.partition_point(|seen| seen.first <= round);
        self.seen.iter().skip(after).find_map(|seen| seen.served)
    }

    /// The first round after this one at which a set was served that matches a chain; only to be asked if none does at this round.
    pub fn first_match_after(&self, round: Epoch, chain: ChainId, evidence: &impl Evidence) -> Option<Epoch> {
        self.first_set_after(round, |set| evidence.matches(set, chain, Part::All))
    }

    /// The first round after a moment at which a set begins to be served that fits.
    pub fn first_set_after(&self, moment: Epoch, fits: impl Fn(SetId) -> bool) -> Option<Epoch> {
        let fitting = self.sets.iter().filter(|(set, _)| fits(**set));
        fitting.filter_map(|(_, firsts)| firsts.get(firsts.partition_point(|first| *first <= moment)).copied()).min()
    }

    /// Whether any set matched the chain shown with it.
    pub fn ever_matched(&self) -> bool {
        !self.matched.is_empty()
    }

    /// Whether, before this round, the chain was shown and a set matched it.
    pub fn had_matched(&self, chain: ChainId, round: Epoch) -> bool {
        self.matched.get(&chain).is_some_and(|first| *first < round)
    }
}
