//! One entry per MX host, however many domains use it; and the question which servers do the most harm.

use crate::facts::{DomainFacts, HostFacts};
use crate::signing::Signing;
use crate::starttls::{self, StarttlsClass};
use dane::Epoch;
use dane::cause::{Cause, Party, Weight};
use dane::verdict::{Finding, HostVerdict, ServerVerdict};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Domains named as examples per server. The lowest in order, so that merging shards gives the same ones.
const EXAMPLES: usize = 5;

/// What one look at a server showed. Of two looks the greater one counts: the later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Look {
    pub at: Epoch,
    pub tlsa: Option<bool>,
    pub signing: Option<Signing>,
    pub reason: Option<String>,
    pub starttls: StarttlsClass,
    pub starttls_paper: StarttlsClass,
    /// The first address in canonical order: the paper view.
    pub first: Answers,
    /// All addresses: the worst of them.
    pub worst: Answers,
}

/// The two questions of the studies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Answers {
    pub paper_match: Option<bool>,
    pub paper_valid: Option<bool>,
}

/// One MX host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub look: Look,
    pub domains: u64,
    pub examples: BTreeSet<String>,
    pub causes: BTreeMap<Cause, Weight>,
    /// Whether a sender delivers; `false` if it fails for one of the domains.
    pub rfc: Option<bool>,
}

/// All MX hosts seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Servers {
    hosts: BTreeMap<String, Server>,
}

impl Servers {
    pub fn add(&mut self, domain: &DomainFacts) {
        for host in &domain.hosts {
            if let Some(server) = Server::new(host, domain) {
                self.put(&host.name, server);
            }
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (name, server) in other.hosts {
            self.put(&name, server);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Server> {
        self.hosts.values()
    }

    /// Those with TLSA records, secure or not.
    pub fn with_tlsa(&self) -> impl Iterator<Item = &Server> {
        self.iter().filter(|s| s.look.tlsa == Some(true))
    }

    /// Servers at which something is wrong now, those first that most domains use.
    pub fn worst(&self) -> Vec<WorstServer> {
        let mut worst: Vec<WorstServer> = self.hosts.iter().filter_map(|(name, s)| s.harm(name)).collect();
        worst.sort_by(|a, b| b.domains.cmp(&a.domains).then_with(|| a.host.cmp(&b.host)));
        worst
    }

    fn put(&mut self, name: &str, server: Server) {
        match self.hosts.get_mut(name) {
            Some(mine) => mine.absorb(server),
            None => {
                self.hosts.insert(name.to_owned(), server);
            }
        }
    }
}

/// A server at which something is wrong, and whom it affects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorstServer {
    /// The MX host.
    pub host: String,
    /// Domains whose mail goes to it.
    pub domains: u64,
    /// Up to five of them.
    pub examples: Vec<String>,
    /// What is wrong: causes that lie with the domain or its provider and weigh as error.
    pub causes: Vec<Cause>,
}

impl Server {
    /// `None` for a host that nobody looked at.
    fn new(host: &HostFacts, domain: &DomainFacts) -> Option<Self> {
        let seen = host.seen?;
        let verdicts: &[ServerVerdict] = host.verdict.map_or(&[], |v| &v.servers);
        let tlsa = host.tlsa().filter(|l| !l.records.is_empty());
        let first = host.first_server().and_then(|(_, v)| v).map(Answers::of).unwrap_or_default();
        let look = Look {
            at: seen.at,
            tlsa: host.has_tlsa(),
            signing: tlsa.map(Signing::of),
            reason: tlsa.and_then(|l| l.reason.as_ref()).map(|r| r.code.clone()),
            starttls: StarttlsClass::of(host),
            starttls_paper: starttls::paper_class(host),
            first,
            worst: verdicts.iter().map(Answers::of).fold(Answers::default(), Answers::worst),
        };
        let examples = BTreeSet::from([domain.verdict.domain.to_string().to_ascii_lowercase()]);
        let mut causes = BTreeMap::new();
        for finding in domain.verdict.findings.iter().filter(|f| is_about(f, host)) {
            raise(&mut causes, finding.cause, finding.weight);
        }
        Some(Self { look, domains: 1, examples, causes, rfc: host.verdict.and_then(rfc) })
    }

    fn absorb(&mut self, other: Self) {
        if other.look > self.look {
            self.look = other.look;
        }
        self.domains += other.domains;
        self.examples.extend(other.examples);
        while self.examples.len() > EXAMPLES {
            self.examples.pop_last();
        }
        other.causes.into_iter().for_each(|(cause, weight)| raise(&mut self.causes, cause, weight));
        self.rfc = worst(self.rfc, other.rfc);
    }

    fn harm(&self, name: &str) -> Option<WorstServer> {
        let bad = |(cause, weight): (&Cause, &Weight)| (*weight == Weight::Error && cause.party() == Party::Domain).then_some(*cause);
        let causes: Vec<Cause> = self.causes.iter().filter_map(bad).collect();
        let examples = self.examples.iter().cloned().collect();
        (!causes.is_empty()).then(|| WorstServer { host: name.to_owned(), domains: self.domains, examples, causes })
    }
}

impl Answers {
    fn of(verdict: &ServerVerdict) -> Self {
        Self { paper_match: verdict.paper_match, paper_valid: verdict.paper_valid }
    }

    fn worst(self, other: Self) -> Self {
        Self { paper_match: worst(self.paper_match, other.paper_match), paper_valid: worst(self.paper_valid, other.paper_valid) }
    }
}

/// `false` before `true` before not known.
fn worst(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, None) => None,
    }
}

fn raise(causes: &mut BTreeMap<Cause, Weight>, cause: Cause, weight: Weight) {
    let mine = causes.entry(cause).or_insert(weight);
    *mine = weight.max(*mine);
}

/// Whether a sender delivers to the host: `false` if one address fails.
fn rfc(host: &HostVerdict) -> Option<bool> {
    host.servers.iter().map(|s| s.rfc_delivers).fold(None, worst)
}

/// Whether a finding is about this host: it names the host, the owner of its TLSA records, or the zone that these lie in.
fn is_about(finding: &Finding, host: &HostFacts) -> bool {
    let subject = finding.subject.to_string().to_ascii_lowercase();
    let owns = subject.starts_with('_') && subject.strip_suffix(host.name.as_str()).is_some_and(|rest| rest.ends_with('.'));
    let zone = host.seen.filter(|_| host.has_tlsa() == Some(true)).and_then(|h| h.zone.as_ref());
    subject == host.name || owns || zone.is_some_and(|z| z.apex == finding.subject)
}
