//! A small world of sets and chains: keys are numbers, and a record has a usage and the key that it names.

use crate::rollover::{ChainFacts, ChainId, Difference, Evidence, Part, SetId};

/// Sets as (usage, key) and chains.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub sets: Vec<Vec<(u8, u32)>>,
    pub chains: Vec<ChainFacts>,
}

/// A chain: certificates and keys of leaf and issuers.
pub fn chain(leaf: u32, leaf_key: u32, issuers: &[u32]) -> ChainFacts {
    ChainFacts { leaf, leaf_key, issuers: issuers.iter().copied().collect(), issuer_keys: issuers.iter().copied().collect() }
}

impl Evidence for World {
    fn matches(&self, set: SetId, chain: ChainId, part: Part) -> bool {
        let chain = &self.chains[chain as usize];
        self.sets[set as usize].iter().filter(|(usage, _)| part.has(*usage)).any(|(usage, key)| match usage {
            1 | 3 => chain.leaf_key == *key,
            0 | 2 => chain.issuer_keys.contains(key),
            _ => false,
        })
    }

    fn has(&self, set: SetId, part: Part) -> bool {
        self.sets[set as usize].iter().any(|(usage, _)| part.has(*usage))
    }

    fn difference(&self, old: ChainId, new: ChainId) -> Difference {
        self.chains[old as usize].difference(&self.chains[new as usize])
    }
}
