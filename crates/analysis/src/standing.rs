//! How do domains stand, in one word each? Per top-level domain.

use crate::facts::DomainFacts;
use dane::verdict::Standing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So many domains stand so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingRow {
    /// The word.
    pub standing: Standing,
    /// Domains, all top-level domains together.
    pub domains: u64,
    /// Domains by top-level domain.
    pub by_tld: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standings {
    counts: BTreeMap<Standing, BTreeMap<String, u64>>,
}

impl Standings {
    pub fn add(&mut self, domain: &DomainFacts) {
        *self.counts.entry(domain.verdict.standing).or_default().entry(domain.tld.clone()).or_default() += 1;
    }

    pub fn merge(&mut self, other: Self) {
        for (standing, tlds) in other.counts {
            let mine = self.counts.entry(standing).or_default();
            tlds.into_iter().for_each(|(tld, n)| *mine.entry(tld).or_default() += n);
        }
    }

    /// In the order of [`Standing`]; words that nobody has are left out.
    pub fn table(&self) -> Vec<StandingRow> {
        let row = |(standing, by_tld): (&Standing, &BTreeMap<String, u64>)| StandingRow {
            standing: *standing,
            domains: by_tld.values().sum(),
            by_tld: by_tld.clone(),
        };
        self.counts.iter().map(row).collect()
    }
}
