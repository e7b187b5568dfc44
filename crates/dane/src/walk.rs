//! The policy walk: what a sender that follows RFC 7672 asks of the DNS, in which order, and what it then does. Sans-I/O.
//!
//! ```text
//! next hop ──MX──> hosts, best preference first ──A, AAAA──> (CNAME) ──TLSA──> dane | enc | opp | skip
//!   │ null MX, no such domain: bounce             │ none or ERR: skip             at the expanded name, then at the original
//!   └ ERR: defer                                  └ insecure: opp, TLSA not asked
//! ```
//!
//! [`route`] is one pure function from answers to a [`Route`]. Where an answer is missing it stops and names the [`Query`], so the same
//! rules serve a resolver ([`Walk`]: ask, supply, repeat) and a stored observation (`crate::judge`); the two cannot disagree. A query
//! that a sender would not send is never named: some servers answer it with SERVFAIL, and mail would be stuck. (R-017)

mod host;
mod next_hop;

#[cfg(test)]
mod tests;

use crate::Epoch;
use crate::dns::{Lookup, Outcome, Security};
use crate::name::Name;
use crate::verdict::{Action, Delivery};
use domain::base::iana::Rtype;
use std::collections::HashMap;
use std::net::IpAddr;

/// Most MX hosts that are walked; the worst preferences beyond it are left out. (Postfix tries 5 addresses of a domain.)
pub const MAX_HOSTS: usize = 50;

/// Where a message goes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// A mail domain: MX first.
    Domain(Name),
    /// A host that the sender's administrator configured: no MX lookup, trusted as if it were secure. (R-014)
    Relay(Name),
    /// An address literal: DANE does not apply. (R-013)
    Address(IpAddr),
}

/// Whether the sender insists. (RFC 7672 section 6)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// DANE where it is published.
    #[default]
    Opportunistic,
    /// DANE or no delivery.
    Mandatory,
}

/// What to do with hosts that come from an insecure MX RRset. (R-004: a MAY)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InsecureMx {
    /// DANE to the host all the same, as Postfix and Exim do.
    #[default]
    HostLevelDane,
    /// No DANE.
    Opportunistic,
}

/// When A and AAAA of a host differ in security. (R-019: implementations differ)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Families {
    /// One secure family is enough to ask for TLSA records.
    #[default]
    Either,
    /// Every family that has addresses has to be secure.
    Both,
}

/// The sender's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The destination port, which names the TLSA records. (R-027)
    pub port: u16,
    /// Whether the sender insists on DANE.
    pub demand: Demand,
    /// DANE below insecure MX records.
    pub insecure_mx: InsecureMx,
    /// Mixed address families.
    pub families: Families,
}

impl Default for Rules {
    fn default() -> Self {
        Self { port: 25, demand: Demand::default(), insecure_mx: InsecureMx::default(), families: Families::default() }
    }
}

/// A question for the DNS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// Name to ask.
    pub name: Name,
    /// Type to ask.
    pub rtype: Rtype,
}

impl std::fmt::Display for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.rtype)
    }
}

/// Where the walk finds its answers.
pub trait Answers {
    /// The answer to this query, if it is there. `host`: the mail host on whose behalf it is asked; none at the MX stage. It matters only
    /// where hosts were looked at apart and the answers may differ.
    fn answer(&self, query: &Query, host: Option<&Name>) -> Option<&Lookup>;
}

impl Answers for HashMap<Query, Lookup> {
    fn answer(&self, query: &Query, _host: Option<&Name>) -> Option<&Lookup> {
        self.get(query)
    }
}

/// An answer, as far as the decision table looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Data, a negative answer, or ERR.
    pub outcome: Outcome,
    /// DNSSEC status of the answer, positive or negative.
    pub status: Security,
}

impl From<&Lookup> for Answered {
    fn from(lookup: &Lookup) -> Self {
        Self { outcome: lookup.outcome(), status: lookup.status }
    }
}

/// What the MX stage came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MxStage {
    /// There are MX hosts.
    Found,
    /// No MX record: the domain is its own host. (R-006)
    Implicit,
    /// The domain takes no mail. (R-008)
    Null,
    /// The domain does not exist. (R-007)
    NoSuchDomain,
    /// ERR: it cannot be known where the mail should go. (R-002)
    Failed,
    /// No MX lookup: a relay host or an address literal. (R-013, R-014)
    Skipped,
}

/// What decided a host's [`Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A secure TLSA RRset with a usable record. (R-033)
    Usable,
    /// A secure TLSA RRset without one. (R-034)
    AllUnusable,
    /// No TLSA records, or only insecure ones, at any candidate name. (R-029, R-030, R-032)
    NoSecureTlsa,
    /// A TLSA lookup failed. (R-031)
    TlsaFailed,
    /// The addresses are insecure and the host is no alias. (R-017)
    AddressInsecure,
    /// The host is an insecure alias. (R-023)
    AliasInsecure,
    /// The first link of the alias could not be validated. (R-024)
    AliasFailed,
    /// Neither A nor AAAA exists. (R-020)
    NoAddress,
    /// No address is known, and at least one lookup failed. (R-018)
    AddressFailed,
    /// The MX record has an IP address in place of a name. (R-013)
    MxIsAddress,
    /// The MX RRset is insecure, and the sender wants no DANE then, or insists on DANE. (R-004, R-005)
    MxInsecure,
}

impl Why {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Why::Usable => "usable",
            Why::AllUnusable => "all-unusable",
            Why::NoSecureTlsa => "no-secure-tlsa",
            Why::TlsaFailed => "tlsa-failed",
            Why::AddressInsecure => "address-insecure",
            Why::AliasInsecure => "alias-insecure",
            Why::AliasFailed => "alias-failed",
            Why::NoAddress => "no-address",
            Why::AddressFailed => "address-failed",
            Why::MxIsAddress => "mx-is-address",
            Why::MxInsecure => "mx-insecure",
        }
    }
}

/// One MX host and what the sender does about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRoute {
    /// As the MX record has it.
    pub host: Name,
    /// MX preference; 0 for an implicit MX.
    pub preference: u16,
    /// The A lookup, if it was made.
    pub a: Option<Answered>,
    /// The AAAA lookup, if it was made.
    pub aaaa: Option<Answered>,
    /// The last TLSA lookup, if one was made.
    pub tlsa: Option<Answered>,
    /// The name that it asked for.
    pub tlsa_name: Option<Name>,
    /// The TLSA base domain: the candidate with a secure RRset. It does not change if the TLSA name is itself an alias. (R-028)
    pub tlsa_base: Option<Name>,
    /// The secure TLSA records in presentation form.
    pub records: Vec<String>,
    /// How many of them are usable.
    pub usable: usize,
    /// What the sender does.
    pub action: Action,
    /// What decided it.
    pub why: Why,
    /// Server name to send in TLS. (R-067)
    pub sni: Option<Name>,
    /// Reference identifiers for usage 2, the TLSA base domain first. (R-068 to R-070)
    pub names: Vec<Name>,
}

/// The whole way of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What the MX stage came to.
    pub mx: MxStage,
    /// The MX lookup, if one was made.
    pub mx_answer: Option<Answered>,
    /// Hosts in the order in which they are tried. (R-011)
    pub hosts: Vec<HostRoute>,
    /// What happens, as far as the DNS decides it.
    pub delivery: Delivery,
    /// Every query, in order.
    pub queries: Vec<Query>,
    /// When the first of the answers is out of date, by its TTL or its signature. (R-037)
    pub expires: Option<Epoch>,
}

/// What a sender does, given these answers.
///
/// # Errors
/// The first query that it needs and that has no answer yet.
pub fn route(next_hop: &NextHop, rules: &Rules, answers: &impl Answers) -> Result<Route, Query> {
    next_hop::route(next_hop, rules, &mut Asker { answers, host: None, asked: Vec::new(), expires: None })
}

/// The same as a machine that asks.
pub struct Walk {
    next_hop: NextHop,
    rules: Rules,
    answers: HashMap<Query, Lookup>,
}

/// What a [`Walk`] wants next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Look this up and [`Walk::supply`] it.
    Ask(Query),
    /// It is finished.
    Done(Box<Route>),
}

impl Walk {
    /// A walk that has asked nothing yet.
    #[must_use]
    pub fn new(next_hop: NextHop, rules: Rules) -> Self {
        Self { next_hop, rules, answers: HashMap::new() }
    }

    /// What to do next. Ends after at most `1 + 5 × MAX_HOSTS` questions.
    #[must_use]
    pub fn step(&self) -> Step {
        match route(&self.next_hop, &self.rules, &self.answers) {
            Ok(route) => Step::Done(Box::new(route)),
            Err(query) => Step::Ask(query),
        }
    }

    /// Takes the answer to a query that [`Walk::step`] named.
    pub fn supply(&mut self, query: Query, lookup: Lookup) {
        self.answers.insert(query, lookup);
    }
}

/// Reads answers and remembers what was asked.
struct Asker<'a, A> {
    answers: &'a A,
    host: Option<Name>,
    asked: Vec<Query>,
    expires: Option<Epoch>,
}

impl<'a, A: Answers> Asker<'a, A> {
    fn ask(&mut self, name: &Name, rtype: Rtype) -> Result<&'a Lookup, Query> {
        let query = Query { name: name.clone(), rtype };
        // R-001 rfc7672#2.1.1: every answer comes with the status that validation gave it.
        let Some(lookup) = self.answers.answer(&query, self.host.as_ref()) else { return Err(query) };
        if !self.asked.contains(&query) {
            self.asked.push(query);
        }
        self.expires = self.expires.into_iter().chain(lookup.expires()).min();
        Ok(lookup)
    }
}
