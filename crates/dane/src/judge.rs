//! What an observation means for mail. Pure: the same observation and moment give the same verdict, on any machine and in any year.
//!
//! ```text
//! observation ──evidence──> walk::route ──> what a sender does before it connects
//!      │                                        │
//!      ├─ mx        findings on the domain      │
//!      ├─ name_servers  those that answer wrong, otherwise or not at all, where others answer right
//!      ├─ host      findings on each MX host <──┤   server: each address;  records: each TLSA record;  mismatch: why nothing fits
//!      ├─ policies  MTA-STS, TLS reporting, CAA: findings, and no part of the standing
//!      ├─ vantage   what is wrong with ourselves: turns findings into "could not tell"
//!      └─ standing  the verdict in one word, the delivery, the headline
//! ```
//!
//! Every finding comes from one of these files, names one cause of [`crate::cause`], and carries its repair from [`crate::repair`].

mod advice;
mod depth;
mod dns;
mod evidence;
mod finding;
mod host;
mod mismatch;
mod mx;
mod name_servers;
mod others;
mod outlook;
mod policies;
mod records;
mod server;
mod standing;
mod vantage;
mod visits;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use outlook::{Forecast, outlook, outlook_host};

use crate::Epoch;
use crate::cause::Cause;
use crate::dns::Security;
use crate::name::Name;
use crate::observation::{CertificateBytes, DomainObservation, HostObservation, Observation, VantageObservation};
use crate::verdict::{Finding, RULES_VERSION, Standing, Verdict};
use crate::walk::{NextHop, Route, Rules};
use evidence::Evidence;
use std::sync::Arc;

/// What a judgement rests on besides the observation. An [`Epoch`] alone will do.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The moment for which to judge.
    pub at: Epoch,
    /// Roots trusted at that moment: for [`crate::paper::paper_valid`], for MTA-STS, and for what a certificate is worth without DANE. Without
    /// any, nothing is said of these.
    pub roots: &'a [CertificateBytes],
}

impl From<Epoch> for Terms<'_> {
    fn from(at: Epoch) -> Self {
        Self { at, roots: &[] }
    }
}

/// Judges a domain for this moment, or on these terms.
#[must_use]
pub fn judge<'a>(observation: &Observation, terms: impl Into<Terms<'a>>) -> Verdict {
    let next_hop = NextHop::Domain(observation.domain.domain.clone());
    judge_case(&next_hop, Some(&observation.domain), &observation.hosts, &observation.vantage, terms.into())
}

/// Judges one mail host, as a sender would that has it configured as its relay. (R-014)
#[must_use]
pub fn judge_host<'a>(host: &Arc<HostObservation>, vantage: &VantageObservation, terms: impl Into<Terms<'a>>) -> Verdict {
    judge_case(&NextHop::Relay(host.host.clone()), None, std::slice::from_ref(host), vantage, terms.into())
}

/// The verdict on a domain that wishes not to be looked at: it could not be told, for a reason of ours.
#[must_use]
pub fn opted_out(domain: &Name, at: Epoch) -> Verdict {
    let sentence = format!("{domain} is on our opt-out list, so it was not looked at.");
    Verdict {
        rules: RULES_VERSION,
        domain: domain.clone(),
        at,
        standing: Standing::CouldNotTell,
        headline: format!("What senders to {domain} experience could not be told. {sentence}"),
        delivery: None,
        mx_status: Security::Indeterminate,
        hosts: Vec::new(),
        policies: None,
        findings: vec![Finding::new(Cause::OptedOut, domain, sentence)],
    }
}

/// The route of a sender that follows RFC 7672 and saw what was observed.
#[must_use]
pub fn observed_route(observation: &Observation) -> Route {
    let next_hop = NextHop::Domain(observation.domain.domain.clone());
    Evidence::new(Some(&observation.domain), &observation.hosts).route(&next_hop, &rules_for(&observation.hosts))
}

/// Everything the files below look at.
struct Case<'a> {
    /// The domain, or the host if there is none.
    subject: &'a Name,
    domain: Option<&'a DomainObservation>,
    hosts: &'a [Arc<HostObservation>],
    vantage: &'a VantageObservation,
    route: Route,
    at: Epoch,
    roots: &'a [CertificateBytes],
}

fn judge_case(
    next_hop: &NextHop,
    domain: Option<&DomainObservation>,
    hosts: &[Arc<HostObservation>],
    vantage: &VantageObservation,
    Terms { at, roots }: Terms,
) -> Verdict {
    let root = Name::root_bytes();
    let subject = match next_hop {
        NextHop::Domain(name) | NextHop::Relay(name) => name,
        NextHop::Address(_) => &root,
    };
    let route = Evidence::new(domain, hosts).route(next_hop, &rules_for(hosts));
    let case = Case { subject, domain, hosts, vantage, route, at, roots };

    let mut findings = mx::findings(&case);
    let judged: Vec<host::Judged> = case.route.hosts.iter().map(|route| host::judge(&case, route)).collect();
    findings.extend(judged.iter().flat_map(|h| h.findings.iter().cloned()));
    findings.extend(mx::coverage(&case, &judged));
    findings.extend(dns::signatures_to_come(&case));
    findings.extend(name_servers::findings(&case));
    let (of_policies, policies) = policies::judge(&case, &judged);
    findings.extend(of_policies);
    findings.extend(vantage::findings(&case));
    vantage::doubt(&case, &mut findings);
    finding::settle(&mut findings);

    let (standing, delivery) = standing::weigh(&case, &judged);
    Verdict {
        rules: RULES_VERSION,
        domain: subject.clone(),
        at,
        standing,
        headline: standing::headline(&case, standing, delivery, &judged, &findings),
        delivery,
        mx_status: case.route.mx_answer.map_or(Security::Indeterminate, |a| a.status),
        hosts: judged.into_iter().map(|h| h.verdict).collect(),
        policies,
        findings,
    }
}

fn rules_for(hosts: &[Arc<HostObservation>]) -> Rules {
    Rules { port: hosts.first().map_or(25, |h| h.port), ..Rules::default() }
}
