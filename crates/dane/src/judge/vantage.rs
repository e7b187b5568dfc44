//! Ourselves: what is wrong with this machine or its network must never be held against a domain.

use super::policies::is_policy;
use super::{Case, dns};
use crate::cause::{Cause, Party, Weight};
use crate::dns::{Outcome, Security};
use crate::observation::{AddressObservation, VantageObservation};
use crate::preflight;
use crate::verdict::Finding;

/// A clock that is wrong by less does not change what a signature window of hours says.
const CLOCK_TOLERANCE_S: u64 = 300;

/// What is wrong with ourselves.
pub(super) fn findings(case: &Case) -> Vec<Finding> {
    let vantage = case.vantage;
    // About us, not about the domain: under the name by which we go.
    let ourselves = vantage.ehlo.as_ref().unwrap_or(case.subject);
    let mut found = Vec::new();
    let mut say = |cause: Cause, more: String| {
        let sentence =
            if more.is_empty() { cause.title().to_owned() } else { format!("{} ({more}).", cause.title().trim_end_matches('.')) };
        found.push(Finding::new(cause, ourselves, sentence));
    };
    if vantage.dns_intercepted == Some(true) {
        say(Cause::DnsIntercepted, String::new());
    }
    if vantage.anchor_current == Some(false) {
        say(Cause::AnchorStale, String::new());
    }
    if let Some(offset) = clock_off(vantage) {
        say(Cause::ClockOff, format!("it is off by about {offset} seconds"));
    }
    match preflight::report(vantage) {
        Some(report) => found.extend(report.remarks.into_iter().map(|r| Finding::new(r.cause, ourselves, r.sentence))),
        // Looked at less closely.
        None => {
            if vantage.ptr == Some(false) {
                say(Cause::NoPtr, String::new());
            }
            if vantage.ehlo_resolves == Some(false) {
                say(Cause::EhloUnresolvable, vantage.ehlo.as_ref().map_or(String::new(), |n| format!("the name is {n}")));
            }
        }
    }
    found
}

/// What an obstacle is in truth, given what we know of ourselves.
pub(super) fn obstacle(cause: Cause, server: &AddressObservation, vantage: &VantageObservation) -> Cause {
    match cause {
        Cause::ConnectionTimeout | Cause::Unreachable if server.address.is_ipv6() && vantage.ipv6 == Some(false) => Cause::NoIpv6,
        // A refusal comes from somewhere; silence everywhere is our own network.
        Cause::ConnectionTimeout | Cause::Unreachable if vantage.port_open == Some(false) => Cause::Port25Blocked,
        other => other,
    }
}

/// Whether what DNSSEC says can be believed. Secure answers can: nobody can forge those.
pub(super) fn doubts_dns(vantage: &VantageObservation) -> bool {
    vantage.dns_intercepted == Some(true) || vantage.anchor_current == Some(false) || clock_off(vantage).is_some()
}

/// Takes back what we accused a domain of, where the fault may be ours.
pub(super) fn doubt(case: &Case, findings: &mut [Finding]) {
    if !doubts_dns(case.vantage) {
        return;
    }
    for finding in findings.iter_mut().filter(|f| is_doubtful(f.cause)) {
        finding.party = Party::Us;
        finding.weight = Weight::Unknown;
        finding.repair = None;
    }
}

/// Whether the route rests on an answer that we doubt.
pub(super) fn route_is_doubtful(case: &Case) -> bool {
    let answers = case.route.hosts.iter().flat_map(|h| [h.a, h.aaaa, h.tlsa]).chain([case.route.mx_answer]);
    doubts_dns(case.vantage) && answers.flatten().any(|a| a.status != Security::Secure || a.outcome == Outcome::Err)
}

fn is_doubtful(cause: Cause) -> bool {
    use Cause as C;
    let follows = matches!(cause, C::MxInsecure | C::AddressInsecure | C::OneFamilyBogus | C::NoSuchDomain | C::MxHostUnresolvable);
    let failed =
        matches!(cause, C::DnsServfail | C::DnsRefused | C::DnsError | C::AliasLoop | C::DelegationLoop | C::TaExpired | C::ZoneAbove);
    let policy = is_policy(cause) && cause.weight() >= Weight::Warning;
    dns::is_dnssec(cause) || follows || failed || policy
}

fn clock_off(vantage: &VantageObservation) -> Option<i64> {
    vantage.clock_offset_s.filter(|s| s.unsigned_abs() > CLOCK_TOLERANCE_S)
}
