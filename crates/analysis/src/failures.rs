//! What is wrong, and how often? By cause, domains and servers. (The reasons of P20 Figure 7 and P22 Figure 4, in danelaw's own codes.)

use crate::facts::DomainFacts;
use crate::servers::Servers;
use dane::cause::{Cause, Party, Weight};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One cause, as far as it has one weight: an unsigned zone is an error below TLSA records and a note elsewhere. A domain with several
/// causes counts under each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRow {
    /// The stable code.
    pub cause: Cause,
    /// One sentence.
    pub sentence: String,
    /// Who has to act.
    pub party: Party,
    /// How much it weighs at these domains.
    pub weight: Weight,
    /// The requirement it rests on.
    pub requirement: String,
    /// Domains at which it was found, by the greatest weight that it has there.
    pub domains: u64,
    /// MX hosts at which it was found, each counted once, by the greatest weight that it has there.
    pub servers: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    domains: BTreeMap<(Cause, Weight), u64>,
}

impl Failures {
    pub fn add(&mut self, domain: &DomainFacts) {
        for (cause, weight) in &domain.causes {
            *self.domains.entry((*cause, *weight)).or_default() += 1;
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (key, count) in other.domains {
            *self.domains.entry(key).or_default() += count;
        }
    }

    /// Every cause, the gravest first, then by domains.
    pub fn table(&self, servers: &Servers) -> Vec<FailureRow> {
        let mut at_servers: BTreeMap<(Cause, Weight), u64> = BTreeMap::new();
        for (cause, weight) in servers.iter().flat_map(|s| &s.causes) {
            *at_servers.entry((*cause, *weight)).or_default() += 1;
        }
        let row = |((cause, weight), domains): (&(Cause, Weight), &u64)| FailureRow {
            cause: *cause,
            sentence: cause.title().to_owned(),
            party: cause.party(),
            weight: *weight,
            requirement: cause.requirement().to_owned(),
            domains: *domains,
            servers: at_servers.get(&(*cause, *weight)).copied().unwrap_or_default(),
        };
        let mut rows: Vec<FailureRow> = self.domains.iter().map(row).collect();
        rows.sort_by(|a, b| (b.weight, b.domains, a.cause).cmp(&(a.weight, a.domains, b.cause)));
        rows
    }
}
