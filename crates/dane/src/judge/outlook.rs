//! What will go wrong if nobody acts.

use super::advice::pins_certificate;
use crate::Epoch;
use crate::cause::Cause;
use crate::cert::Certificate;
use crate::dns::Lookup;
use crate::matching::{MatchVerdict, VerifyOptions, verify};
use crate::name::{Name, tlsa_owner};
use crate::observation::{CertificateBytes, HostObservation, Observation};
use crate::tlsa::Tlsa;
use crate::verdict::Action;
use crate::walk::{HostRoute, NextHop, Route};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something that will go wrong if nobody acts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Forecast {
    /// When.
    pub at: Epoch,
    /// What it will be called then.
    pub cause: Cause,
    /// The host or zone.
    pub subject: Name,
    /// What will happen, in mail terms.
    pub sentence: String,
}

/// What will go wrong after `from` and not later than `until`, the nearest first, if nothing is changed.
#[must_use]
pub fn outlook(observation: &Observation, from: Epoch, until: Epoch) -> Vec<Forecast> {
    let route = super::observed_route(observation);
    within(signatures(&observation.domain.mx), &route, &observation.hosts, from, until)
}

/// The same of one mail host that somebody has configured as a relay.
#[must_use]
pub fn outlook_host(host: &Arc<HostObservation>, from: Epoch, until: Epoch) -> Vec<Forecast> {
    let hosts = std::slice::from_ref(host);
    let next_hop = NextHop::Relay(host.host.clone());
    let route = super::Evidence::new(None, hosts).route(&next_hop, &super::rules_for(hosts));
    within(Vec::new(), &route, hosts, from, until)
}

fn within(mut forecasts: Vec<Forecast>, route: &Route, hosts: &[Arc<HostObservation>], from: Epoch, until: Epoch) -> Vec<Forecast> {
    for host in route.hosts.iter().filter(|h| h.action == Action::Dane) {
        let Some(seen) = hosts.iter().find(|o| o.host == host.host) else { continue };
        forecasts.extend([&seen.a, &seen.aaaa].into_iter().flat_map(signatures));
        let owner = host.tlsa_base.as_ref().and_then(|base| tlsa_owner(base, seen.port));
        if let Some(lookup) = owner.and_then(|owner| seen.tlsa_at(&owner)) {
            forecasts.extend(signatures(lookup));
            forecasts.extend(certificates(host, seen, lookup, from));
        }
    }
    forecasts.retain(|f| f.at > from && f.at <= until);
    forecasts.sort_by(|a, b| (a.at, a.cause, &a.subject).cmp(&(b.at, b.cause, &b.subject)));
    forecasts.dedup_by(|a, b| (a.at, a.cause, &a.subject) == (b.at, b.cause, &b.subject));
    forecasts
}

/// The end of the signature, for whoever does not sign anew in time.
fn signatures(lookup: &Lookup) -> Vec<Forecast> {
    let Some(signature) = lookup.signature.as_ref().filter(|_| lookup.is_secure()) else { return Vec::new() };
    let zone = &signature.signer;
    let sentence = format!(
        "The signatures of {zone} by key {} end; unless the zone is signed anew before, senders that validate DANE defer the mail.",
        signature.key_tag,
    );
    vec![Forecast { at: signature.expiration, cause: Cause::RrsigExpired, subject: zone.clone(), sentence }]
}

fn certificates(route: &HostRoute, seen: &HostObservation, lookup: &Lookup, from: Epoch) -> Vec<Forecast> {
    let tlsa: Vec<Tlsa> = lookup.records.iter().filter_map(|r| r.data.parse().ok()).collect();
    let chains = seen.servers.iter().filter_map(|s| s.tls.as_ref()).map(|t| t.chain.as_slice());
    chains.flat_map(|chain| end_of_path(route, chain, &tlsa, from).into_iter().chain(end_of_pin(route, chain, &tlsa))).collect()
}

/// R-061 rfc7671#5.2: under usage 2 the first certificate on the path to end ends the match.
fn end_of_path(route: &HostRoute, chain: &[CertificateBytes], tlsa: &[Tlsa], from: Epoch) -> Option<Forecast> {
    let matches = |at: Epoch| verify(chain, tlsa, &route.names, at, &VerifyOptions::default()).verdict == MatchVerdict::Match;
    if !matches(from) {
        return None;
    }
    let ends: BTreeSet<Epoch> = chain.iter().take(10).filter_map(|c| Certificate::parse(&c.0).ok()?.not_after).collect();
    let at = ends.into_iter().map(|end| end.saturating_add(1)).filter(|at| *at > from).find(|at| !matches(*at))?;
    let sentence = format!(
        "A certificate of {} expires; usage 2 looks at that, so senders that validate DANE will defer mail unless it is renewed before.",
        route.host
    );
    Some(Forecast { at, cause: Cause::TaExpired, subject: route.host.clone(), sentence })
}

/// R-102 rfc7672#3.1.1: the renewal itself breaks a pin of the whole certificate.
fn end_of_pin(route: &HostRoute, chain: &[CertificateBytes], tlsa: &[Tlsa]) -> Option<Forecast> {
    let usable: Vec<&Tlsa> = tlsa.iter().filter(|t| t.usability().is_ok()).collect();
    if usable.is_empty() || !usable.iter().all(|t| pins_certificate(t)) {
        return None;
    }
    let at = Certificate::parse(&chain.first()?.0).ok()?.not_after?;
    let sentence = format!(
        "The certificate of {} expires; its TLSA records pin the whole certificate, so renewing it, which must happen by then, breaks DANE even with the same key.",
        route.host
    );
    Some(Forecast { at, cause: Cause::BreaksOnRenewal, subject: route.host.clone(), sentence })
}
