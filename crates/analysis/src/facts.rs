//! What the questions need to know of one domain and of one server, taken once from observation and verdict.

use dane::cause::{Cause, Weight};
use dane::dns::{Lookup, Outcome, Security};
use dane::observation::{AddressObservation, HostObservation, Observation, ZoneObservation};
use dane::verdict::{HostVerdict, ServerVerdict, Verdict};
use std::collections::BTreeMap;

/// How mail finds the domain's servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mail {
    /// MX records name hosts.
    Mx,
    /// There are no MX records: the domain itself.
    Implicit,
    /// Null MX.
    Null,
    /// The domain does not exist, or names no usable host.
    Nowhere,
    /// No answer.
    Unknown,
}

/// One MX host of the domain: what was seen of it, and what that means.
pub(crate) struct HostFacts<'a> {
    pub name: String,
    pub seen: Option<&'a HostObservation>,
    pub verdict: Option<&'a HostVerdict>,
}

/// One domain.
pub(crate) struct DomainFacts<'a> {
    pub tld: String,
    pub mail: Mail,
    pub hosts: Vec<HostFacts<'a>>,
    /// Every cause found for the domain, with its greatest weight.
    pub causes: BTreeMap<Cause, Weight>,
    pub zone: Option<&'a ZoneObservation>,
    pub verdict: &'a Verdict,
}

impl<'a> DomainFacts<'a> {
    pub fn new(observation: &'a Observation, verdict: &'a Verdict) -> Self {
        let domain = &observation.domain;
        let host = |name: &dane::name::Name| HostFacts {
            name: name.to_string().to_ascii_lowercase(),
            seen: observation.hosts.iter().find(|h| h.host == *name).map(AsRef::as_ref),
            verdict: verdict.hosts.iter().find(|h| h.host == *name),
        };
        let mut causes = BTreeMap::new();
        for finding in &verdict.findings {
            let weight = causes.entry(finding.cause).or_insert(finding.weight);
            *weight = finding.weight.max(*weight);
        }
        Self {
            tld: tld(&domain.domain),
            mail: mail(observation),
            hosts: domain.mx_hosts().iter().map(|m| host(&m.host)).collect(),
            causes,
            zone: domain.zone.as_deref(),
            verdict,
        }
    }
}

impl HostFacts<'_> {
    /// The TLSA answer with records, if there is one; else the first.
    pub fn tlsa(&self) -> Option<&Lookup> {
        tlsa(self.seen?)
    }

    /// Whether it has TLSA records, secure or not; `None`: not known.
    pub fn has_tlsa(&self) -> Option<bool> {
        let host = self.seen?;
        if host.tlsa.iter().any(|l| !l.records.is_empty()) {
            return Some(true);
        }
        let answered = |l: &Lookup| l.failure.is_none() && l.outcome() != Outcome::Err;
        host.tlsa.first().is_some_and(answered).then_some(false)
    }

    /// The address of the paper view: the first in canonical order, IPv4 before IPv6. (analyses: "SMTP server")
    pub fn first_server(&self) -> Option<(&AddressObservation, Option<&ServerVerdict>)> {
        let server = self.seen?.servers.iter().min_by_key(|s| s.address)?;
        let verdict = self.verdict.and_then(|v| v.servers.iter().find(|s| s.address == server.address));
        Some((server, verdict))
    }
}

/// The TLSA answer with records, if there is one; else the first.
pub(crate) fn tlsa(host: &HostObservation) -> Option<&Lookup> {
    host.tlsa.iter().find(|l| !l.records.is_empty()).or_else(|| host.tlsa.first())
}

/// The last label, lower case; `.` for the root.
fn tld(domain: &dane::name::Name) -> String {
    let text = domain.to_string().to_ascii_lowercase();
    text.rsplit('.').next().filter(|l| !l.is_empty()).unwrap_or(".").to_owned()
}

fn mail(observation: &Observation) -> Mail {
    let mx = &observation.domain.mx;
    let hosts = observation.domain.mx_hosts();
    if mx.outcome() == Outcome::NoData {
        return Mail::Implicit;
    }
    if !hosts.is_empty() {
        return Mail::Mx;
    }
    let null = |data: &str| data.split_whitespace().nth(1) == Some(".");
    if !mx.records.is_empty() && mx.records.iter().all(|r| null(&r.data)) {
        return Mail::Null;
    }
    let unanswered = mx.failure.is_some() || mx.status == Security::Indeterminate;
    if unanswered { Mail::Unknown } else { Mail::Nowhere }
}
