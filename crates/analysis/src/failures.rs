//! What is wrong, and how often? By cause, domains and servers. (The reasons of P20 Figure 7 and P22 Figure 4, in danelaw's own codes.)

use crate::facts::DomainFacts;
use crate::servers::Servers;
use dane::cause::{Cause, Party, Weight};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One cause. A domain with several counts under each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRow {
    /// The stable code.
    pub cause: Cause,
    /// One sentence.
    pub sentence: String,
    /// Who has to act.
    pub party: Party,
    /// The greatest weight it had anywhere.
    pub weight: Weight,
    /// The requirement it rests on.
    pub requirement: String,
    /// Domains at which it was found.
    pub domains: u64,
    /// MX hosts at which it was found, each counted once.
    pub servers: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    domains: u64,
    weight: Weight,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    causes: BTreeMap<Cause, Count>,
}

impl Failures {
    pub fn add(&mut self, domain: &DomainFacts) {
        for (cause, weight) in &domain.causes {
            self.count(*cause, Count { domains: 1, weight: *weight });
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (cause, count) in other.causes {
            self.count(cause, count);
        }
    }

    /// Every cause, the gravest first, then by domains.
    pub fn table(&self, servers: &Servers) -> Vec<FailureRow> {
        let row = |(cause, count): (&Cause, &Count)| FailureRow {
            cause: *cause,
            sentence: cause.title().to_owned(),
            party: cause.party(),
            weight: count.weight,
            requirement: cause.requirement().to_owned(),
            domains: count.domains,
            servers: servers.iter().filter(|s| s.causes.contains_key(cause)).count() as u64,
        };
        let mut rows: Vec<FailureRow> = self.causes.iter().map(row).collect();
        rows.sort_by(|a, b| (b.weight, b.domains, a.cause).cmp(&(a.weight, a.domains, b.cause)));
        rows
    }

    fn count(&mut self, cause: Cause, count: Count) {
        let mine = self.causes.entry(cause).or_insert(Count { domains: 0, weight: count.weight });
        mine.domains += count.domains;
        mine.weight = mine.weight.max(count.weight);
    }
}
