//! All questions at once.

use crate::adoption::{Adoption, AdoptionRow};
use crate::facts::DomainFacts;
use crate::failures::{FailureRow, Failures};
use crate::incorrect::{Incorrect, IncorrectRow, Views};
use crate::servers::{Servers, WorstServer};
use crate::signing::{DomainSigning, SigningTable};
use crate::standing::{StandingRow, Standings};
use crate::starttls::StarttlsTable;
use crate::transport::{Transport, TransportTables};
use crate::unseen::UnseenRow;
use crate::{incorrect, signing, starttls, unseen};
use dane::observation::Observation;
use dane::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Takes observations with their verdicts, one domain after the other. Memory grows with MX hosts and top-level domains, not with domains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    domains: u64,
    adoption: Adoption,
    standings: Standings,
    signing: DomainSigning,
    incorrect: Incorrect,
    failures: Failures,
    servers: Servers,
    transport: Transport,
    skipped: BTreeMap<String, u64>,
}

impl Summary {
    /// Counts one domain. Give each domain once.
    pub fn add(&mut self, observation: &Observation, verdict: &Verdict) {
        let facts = DomainFacts::new(observation, verdict);
        self.domains += 1;
        self.adoption.add(&facts);
        self.standings.add(&facts);
        self.signing.add(&facts, &observation.domain.mx);
        self.incorrect.add(&facts);
        self.failures.add(&facts);
        self.servers.add(&facts);
        self.transport.add(&facts);
    }

    /// Counts a target that was not looked at; `why` is a stable code.
    pub fn skip(&mut self, why: &str) {
        *self.skipped.entry(why.to_owned()).or_default() += 1;
    }

    /// Takes up what another summary counted of *other* domains: the result is that of one summary over all of them, in any order.
    pub fn merge(&mut self, other: Self) {
        self.domains += other.domains;
        self.adoption.merge(other.adoption);
        self.standings.merge(other.standings);
        self.signing.merge(other.signing);
        self.incorrect.merge(other.incorrect);
        self.failures.merge(other.failures);
        self.servers.merge(other.servers);
        self.transport.merge(other.transport);
        other.skipped.into_iter().for_each(|(why, n)| *self.skipped.entry(why).or_default() += n);
    }

    /// The answers.
    #[must_use]
    pub fn tables(&self) -> Tables {
        let (unseen, ourselves, failures) = unseen::split(self.failures.table(&self.servers));
        Tables {
            domains: self.domains,
            servers: self.servers.iter().count() as u64,
            standings: self.standings.table(),
            adoption: self.adoption.table(),
            adoption_total: self.adoption.total(),
            signing: signing::table(&self.signing, &self.servers),
            starttls: starttls::table(&self.servers),
            incorrect: self.incorrect.table(),
            views: incorrect::views(&self.servers),
            failures,
            unseen,
            ourselves,
            worst_servers: self.servers.worst(),
            transport: self.transport.tables(),
            skipped: self.skipped.clone(),
        }
    }
}

/// The answers to all questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables {
    /// Domains counted.
    pub domains: u64,
    /// MX hosts among them, each once.
    pub servers: u64,
    /// How domains stand, in one word each.
    pub standings: Vec<StandingRow>,
    /// Paper view: domains with MX, with TLSA, full and partial, per top-level domain.
    pub adoption: Vec<AdoptionRow>,
    /// The same, all top-level domains together.
    pub adoption_total: AdoptionRow,
    /// Signed, missing DS, bogus.
    pub signing: SigningTable,
    /// Whether STARTTLS works.
    pub starttls: StarttlsTable,
    /// Who has it wrong, per top-level domain.
    pub incorrect: Vec<IncorrectRow>,
    /// Who has it right, in each view.
    pub views: Views,
    /// What is wrong, by cause.
    pub failures: Vec<FailureRow>,
    /// What could not be looked at, by reason.
    pub unseen: Vec<UnseenRow>,
    /// What is not as it should be with ourselves, though we could look.
    pub ourselves: Vec<FailureRow>,
    /// Servers at which something is wrong, those first that most domains use.
    pub worst_servers: Vec<WorstServer>,
    /// How well mail is protected in transport, with and without DANE.
    #[serde(default)]
    pub transport: TransportTables,
    /// Targets that were not looked at (and are not in `domains`), by reason.
    pub skipped: BTreeMap<String, u64>,
}
