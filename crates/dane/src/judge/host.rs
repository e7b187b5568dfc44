//! Findings on one MX host: addresses, TLSA, and what its servers show.

use super::server::Seen;
use super::{Case, advice, dns, mismatch, others, records, server};
use crate::cause::{Cause, Party, Weight};
use crate::dns::{Lookup, Outcome, Security};
use crate::observation::HostObservation;
use crate::repair;
use crate::tlsa::Tlsa;
use crate::verdict::{Action, Finding, HostVerdict};
use crate::walk::{HostRoute, Why};
use std::sync::Arc;

/// What a validating sender meets at a host, all its addresses taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// DANE is in force and works wherever we could look.
    Protected,
    /// No DANE is in force.
    Unprotected,
    /// TLSA records are in force, and none is usable: encrypted, nobody authenticated.
    Unauthenticated,
    /// A validating sender fails here, or authenticates nobody; others deliver.
    Broken,
    /// Nobody can deliver here.
    Dead,
    /// DANE is in force; whether the server fits could not be seen.
    Unseen,
    /// Whether DANE is in force could not be found out.
    Unknown,
}

/// A host judged.
pub(super) struct Judged {
    pub(super) verdict: HostVerdict,
    pub(super) findings: Vec<Finding>,
    pub(super) state: State,
    /// Does a validating sender deliver here? `None`: could not tell.
    pub(super) delivers: Option<bool>,
}

pub(super) fn judge(case: &Case, route: &HostRoute) -> Judged {
    let seen = case.hosts.iter().find(|h| h.host == route.host);
    let Some(seen) = seen else { return unseen(case, route) };
    let published = published(seen, route);
    let tlsa: Vec<Tlsa> = published.iter().flat_map(|l| &l.records).filter_map(|r| r.data.parse().ok()).collect();
    let servers = server::judge_all(case, route, seen, published, &tlsa);

    let mut findings = addresses(case, route, seen);
    findings.extend(dane(case, route, seen, published));
    findings.extend(server::findings(case, route, &servers, published));
    findings.extend(others::naming(route, &servers));
    if let Some(lookup) = published.filter(|_| route.tlsa_base.is_some()) {
        findings.extend(mismatch::findings(route, seen, &servers, lookup));
        findings.extend(others::uncovered(case, route, seen, &servers, lookup));
        findings.extend(advice::findings(route, seen, &servers, lookup, case.at));
    }
    let state = state(case, route, seen, &servers, deciding(seen, route, published).and_then(|l| dns::cause(case, l)));
    let verdict = HostVerdict {
        host: route.host.clone(),
        preference: route.preference,
        action: route.action,
        tlsa_base: route.tlsa_base.clone(),
        tlsa_status: published.map(|l| l.status),
        names: route.names.clone(),
        records: records::label(published, &servers),
        servers: servers.iter().map(|s| s.verdict.clone()).collect(),
    };
    Judged { verdict, findings, state, delivers: delivers(route, state, &servers) }
}

/// The TLSA RRset in force; if there is none, the first that exists, whatever its status.
fn published<'a>(seen: &'a HostObservation, route: &HostRoute) -> Option<&'a Lookup> {
    let owner = route.tlsa_base.as_ref().and_then(|base| crate::name::tlsa_owner(base, seen.port));
    let in_force = owner.and_then(|owner| seen.tlsa_at(&owner));
    in_force.or_else(|| seen.tlsa.iter().find(|l| !l.records.is_empty()))
}

/// A host that we have not looked at: the domain has more of them than our limit, or only the domain's own DNS was wanted.
fn unseen(case: &Case, route: &HostRoute) -> Judged {
    let (state, findings) = if route.why == Why::MxIsAddress {
        (State::Unprotected, vec![mx_is_address(case, route)])
    } else {
        let sentence = format!("{} was not looked at, so nothing is known of its DANE.", route.host);
        (State::Unknown, vec![Finding::new(Cause::NotLooked, &route.host, sentence)])
    };
    let verdict = HostVerdict {
        host: route.host.clone(),
        preference: route.preference,
        action: route.action,
        tlsa_base: None,
        tlsa_status: None,
        names: Vec::new(),
        records: Vec::new(),
        servers: Vec::new(),
    };
    Judged { verdict, findings, state, delivers: None }
}

/// R-013 rfc7672#2.2
fn mx_is_address(case: &Case, route: &HostRoute) -> Finding {
    let sentence = format!(
        "The MX record of {} names the IP address {}, to which DANE does not apply. It has to name a host: some senders connect all the same, others return the mail.",
        case.subject, route.host
    );
    Finding::new(Cause::MxIsAddress, case.subject, sentence).mended_by(repair::mx_is_address(case.subject, &route.host, route.preference))
}

fn addresses(case: &Case, route: &HostRoute, seen: &Arc<HostObservation>) -> Vec<Finding> {
    let host = &route.host;
    let mut found = Vec::new();
    if route.why == Why::MxIsAddress {
        return vec![mx_is_address(case, route)];
    }
    let families = [&seen.a, &seen.aaaa];
    let alias = families.into_iter().find(|l| !l.aliases.is_empty());
    if let Some(alias) = alias.filter(|_| case.domain.is_some() && host != case.subject) {
        // R-026 rfc5321#5.1
        let sentence = format!("The MX host {host} is an alias of {}; RFC 5321 forbids that, and some senders fail.", alias.expanded());
        found.push(Finding::new(Cause::MxIsAlias, host, sentence));
    }
    let failed: Vec<&Lookup> = families.into_iter().filter(|l| l.outcome() == Outcome::Err).collect();
    let mended = |cause, lookup: &Lookup| dns::mend(case, cause, lookup);
    match route.why {
        // R-020 rfc7672#2.2.2
        Why::NoAddress => {
            let sentence = format!("{host} has neither an IPv4 nor an IPv6 address, so no mail can be delivered to it.");
            found.push(Finding::new(Cause::MxHostUnresolvable, host, sentence));
        }
        Why::AddressFailed => found.extend(failed.iter().filter_map(|l| {
            let cause = dns::cause(case, l)?;
            let sentence = format!("The {} records of {host} cannot be had, so senders skip it: {}.", l.rtype, dns::particulars(case, l));
            Some(Finding::new(cause, dns::place(l), sentence).mended_by(mended(cause, l)))
        })),
        // R-018 rfc7672#2.1.2
        _ => found.extend(failed.iter().filter_map(|l| {
            let cause = dns::cause(case, l)?;
            let cause = if cause.party() == Party::Domain { Cause::OneFamilyBogus } else { cause };
            let sentence =
                format!("The {} records of {host} cannot be had; senders use the other family: {}.", l.rtype, dns::particulars(case, l));
            let weight = cause.weight().min(Weight::Warning);
            Some(Finding::new(cause, host, sentence).weighing(weight).mended_by(dns::cause(case, l).and_then(|c| mended(c, l))))
        })),
    }
    found.extend(weak_proof(case, route, families));
    found
}

/// one family secure, the other not, for the proof that denies it is one that validators distrust.
fn weak_proof(case: &Case, route: &HostRoute, families: [&Lookup; 2]) -> Option<Finding> {
    families.iter().find(|l| l.is_secure())?;
    let weak = families.into_iter().find(|l| l.failure.is_none() && l.status == Security::Insecure)?;
    let cause = dns::cause(case, weak)?;
    let sentence = format!("The {} answer for {} is insecure: {}.", weak.rtype, route.host, dns::particulars(case, weak));
    let repair = dns::mend(case, cause, weak);
    Some(Finding::new(cause, dns::place(weak), sentence).weighing(cause.weight().min(Weight::Warning)).mended_by(repair))
}

/// What decides whether DANE is in force.
fn dane(case: &Case, route: &HostRoute, seen: &Arc<HostObservation>, published: Option<&Lookup>) -> Vec<Finding> {
    let host = &route.host;
    match route.why {
        Why::TlsaFailed => failed_tlsa(case, route, seen),
        Why::AliasFailed => {
            let link = seen.cname.as_ref().filter(|l| l.outcome() == Outcome::Err);
            let cause = link.and_then(|l| dns::cause(case, l)).unwrap_or(Cause::BudgetExhausted);
            let words = link.map(|l| dns::particulars(case, l)).unwrap_or_else(|| "it was not found when it was asked for".to_owned());
            let sentence = format!("The alias {host} cannot be validated, so senders skip it: {words}.");
            let repair = link.and_then(|l| dns::mend(case, cause, l));
            vec![Finding::new(cause, link.map_or(host, dns::place), sentence).mended_by(repair)]
        }
        Why::AddressInsecure | Why::AliasInsecure | Why::NoSecureTlsa => insecure(case, route, seen, published),
        Why::Usable | Why::AllUnusable | Why::NoAddress | Why::AddressFailed | Why::MxIsAddress | Why::MxInsecure => Vec::new(),
    }
}

/// R-031 rfc7672#2.1.2
fn failed_tlsa(case: &Case, route: &HostRoute, seen: &HostObservation) -> Vec<Finding> {
    let Some(lookup) = asked_last(route, seen) else {
        let sentence = format!("The TLSA records of {} were not looked up.", route.host);
        return vec![Finding::new(Cause::BudgetExhausted, &route.host, sentence)];
    };
    let cause = dns::cause(case, lookup).unwrap_or(Cause::DnsError);
    let sentence = format!(
        "The TLSA records of {} cannot be had, so senders that validate DANE skip it: {}.",
        route.host,
        dns::particulars(case, lookup)
    );
    let repair = dns::mend(case, cause, lookup);
    vec![Finding::new(cause, dns::place(lookup), sentence).mended_by(repair)]
}

/// The TLSA lookup at which the sender stopped.
fn asked_last<'a>(route: &HostRoute, seen: &'a HostObservation) -> Option<&'a Lookup> {
    route.tlsa_name.as_ref().and_then(|owner| seen.tlsa_at(owner))
}

/// No DANE in force: why, and whether somebody meant it to be.
fn insecure(case: &Case, route: &HostRoute, seen: &Arc<HostObservation>, published: Option<&Lookup>) -> Vec<Finding> {
    let host = &route.host;
    let mut found = Vec::new();
    let meant = published.is_some();
    if !meant {
        let sentence = format!("{host} has no TLSA records, so DANE does not protect mail to it.");
        let repair = (route.why == Why::NoSecureTlsa).then(|| repair::publish(&[seen])).flatten();
        found.push(Finding::new(Cause::NoTlsa, host, sentence).mended_by(repair));
    }
    let deciding = deciding(seen, route, published);
    let Some((lookup, cause)) = deciding.and_then(|l| Some((l, dns::cause(case, l)?))) else { return found };
    // Somebody published TLSA records, and they are without force: mail is unprotected that was meant to be protected.
    let weight = match cause.party() {
        Party::Domain if meant => Weight::Error,
        Party::Domain => cause.weight().min(Weight::Warning),
        Party::Path | Party::Us => cause.weight(),
    };
    let consequence = if meant { "its TLSA records are without force" } else { "senders do not ask for TLSA records" };
    let sentence = format!("{host} is not secured by DNSSEC, so {consequence}: {}.", dns::particulars(case, lookup));
    let repair = dns::mend(case, cause, lookup);
    found.push(Finding::new(cause, dns::place(lookup), sentence).weighing(weight).mended_by(repair));
    if route.why == Why::AddressInsecure {
        // R-017 rfc7672#2.2.2
        let weight = if meant { Cause::AddressInsecure.weight() } else { Weight::Info };
        let sentence = format!("The addresses of {host} are not secured by DNSSEC, so senders do not ask for its TLSA records.");
        found.push(Finding::new(Cause::AddressInsecure, host, sentence).weighing(weight));
    }
    found
}

/// The insecure answer at which a sender stops.
fn deciding<'a>(seen: &'a HostObservation, route: &HostRoute, published: Option<&'a Lookup>) -> Option<&'a Lookup> {
    let insecure = |l: &&Lookup| l.failure.is_none() && l.status == Security::Insecure;
    if route.why == Why::NoSecureTlsa {
        // The addresses are secure; insecure TLSA records come from an insecure alias or opt-out. Insecure denial is normal.
        return published.filter(insecure);
    }
    [&seen.a, &seen.aaaa].into_iter().find(insecure)
}

/// `insecure`: the cause of the insecure answer at which a sender stops.
fn state(case: &Case, route: &HostRoute, seen: &HostObservation, servers: &[Seen], insecure: Option<Cause>) -> State {
    let addresses = [&seen.a, &seen.aaaa];
    let failed = |l: &Lookup| l.outcome() == Outcome::Err;
    match route.why {
        Why::NoAddress => State::Dead,
        Why::AddressFailed if addresses.into_iter().any(|l| failed(l) && dns::blames_domain(case, l)) => State::Broken,
        Why::AddressFailed => State::Unknown,
        Why::TlsaFailed if asked_last(route, seen).is_some_and(|l| dns::blames_domain(case, l)) => State::Broken,
        Why::AliasFailed if seen.cname.as_ref().is_some_and(|l| failed(l) && dns::blames_domain(case, l)) => State::Broken,
        Why::TlsaFailed | Why::AliasFailed => State::Unknown,
        Why::Usable | Why::AllUnusable if servers.iter().any(|s| s.verdict.rfc_delivers == Some(false)) => State::Broken,
        Why::AllUnusable => State::Unauthenticated,
        Why::Usable if servers.iter().any(|s| s.verdict.rfc_delivers == Some(true)) => State::Protected,
        Why::Usable => State::Unseen,
        // Insecure only to us.
        Why::NoSecureTlsa | Why::AddressInsecure | Why::AliasInsecure if insecure.is_some_and(|c| c.party() == Party::Us) => State::Unknown,
        Why::NoSecureTlsa | Why::AddressInsecure | Why::AliasInsecure | Why::MxInsecure | Why::MxIsAddress => State::Unprotected,
    }
}

fn delivers(route: &HostRoute, state: State, servers: &[Seen]) -> Option<bool> {
    if route.action == Action::Skip {
        return (state != State::Unknown).then_some(false);
    }
    let mut answers = servers.iter().map(|s| s.verdict.rfc_delivers);
    if answers.clone().any(|a| a == Some(true)) {
        return Some(true);
    }
    let known_bad = !servers.is_empty() && answers.all(|a| a == Some(false));
    known_bad.then_some(false)
}
