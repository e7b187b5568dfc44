//! Each address of a host: what a sender meets there.

use super::finding::gather;
use super::{Case, advice, depth, vantage, visits};
use crate::cause::{Cause, Party, Weight};
use crate::cert::Certificate;
use crate::dns::{Lookup, Security};
use crate::matching::{MatchVerdict, Verification, VerifyOptions, verify_read};
use crate::name::Name;
use crate::observation::{AddressObservation, CertificateBytes, HostObservation};
use crate::paper;
use crate::policies::webpki;
use crate::repair;
use crate::smtp;
use crate::tlsa::Tlsa;
use crate::verdict::{Action, Finding, ServerVerdict, WebPki};
use crate::walk::HostRoute;

/// One address, looked at.
pub(super) struct Seen<'a> {
    pub(super) verdict: ServerVerdict,
    pub(super) observation: &'a AddressObservation,
    /// The certificates shown; empty if none were seen.
    pub(super) chain: &'a [CertificateBytes],
    /// The first of them, read.
    pub(super) certificates: Vec<Option<Certificate>>,
    /// How they fit the records that parse, in the records' order; `None` if there are no certificates or no such records.
    pub(super) verification: Option<Verification>,
}

impl Seen<'_> {
    /// Whether this address shows a chain with which a sender is content or discontent: not one that it never gets to see, nor one that is
    /// beyond our own limits.
    pub(super) fn counts(&self) -> bool {
        self.verdict.obstacle.is_none() && self.verification.as_ref().is_some_and(|v| !v.is_undecided())
    }

    /// Whether the chain was seen, and one of our own limits kept us from judging it.
    pub(super) fn is_undecided(&self) -> bool {
        self.verdict.obstacle.is_none() && self.verification.as_ref().is_some_and(Verification::is_undecided)
    }

    pub(super) fn matches(&self) -> bool {
        self.verification.as_ref().is_some_and(|v| v.verdict == MatchVerdict::Match)
    }

    pub(super) fn leaf(&self) -> Option<&Certificate> {
        self.certificates.first()?.as_ref()
    }
}

/// Every address, in the order of addresses.
pub(super) fn judge_all<'a>(
    case: &Case,
    route: &HostRoute,
    seen: &'a HostObservation,
    published: Option<&Lookup>,
    tlsa: &[Tlsa],
) -> Vec<Seen<'a>> {
    let mut order: Vec<&AddressObservation> = seen.servers.iter().collect();
    order.sort_by_key(|s| s.address);
    order.into_iter().map(|server| judge(case, route, server, published, tlsa)).collect()
}

fn judge<'a>(case: &Case, route: &HostRoute, server: &'a AddressObservation, published: Option<&Lookup>, tlsa: &[Tlsa]) -> Seen<'a> {
    let obstacle = smtp::obstacle(server).map(|c| vantage::obstacle(c, server, case.vantage));
    let chain = server.tls.as_ref().map_or(&[][..], |t| t.chain.as_slice());
    // Below insecure names nothing is in force; the host's own name then stands for the names a sender would use.
    let own_name = std::slice::from_ref(&route.host);
    let names = if route.names.is_empty() { own_name } else { route.names.as_slice() };
    let certificates = paper::read(chain);
    let leaf = certificates.first().and_then(Option::as_ref);
    let judged = !chain.is_empty() && !tlsa.is_empty();
    let verification = judged.then(|| verify_read(leaf, chain, tlsa, (names, case.at), &VerifyOptions::default()));
    let status = published.map_or(Security::Indeterminate, |l| l.status);
    let (paper_match, paper_valid) = paper::both(status, &certificates, tlsa, case.roots, case.at);
    let verdict = ServerVerdict {
        address: server.address,
        obstacle,
        rfc_delivers: delivers(route.action, obstacle, verification.as_ref()),
        paper_match,
        paper_valid,
        depth: verification.as_ref().filter(|v| v.verdict == MatchVerdict::Match).and_then(|v| v.depth),
        webpki: leaf.map(|leaf| without_dane(case, &route.host, (leaf, chain))),
    };
    Seen { verdict, observation: server, chain, certificates, verification }
}

fn without_dane(case: &Case, host: &Name, (leaf, chain): (&Certificate, &[CertificateBytes])) -> WebPki {
    let [names_host, names_domain] = webpki::is_for(leaf, [host, case.subject]);
    WebPki { trusted: webpki::trusted(chain, case.roots, case.at), names_host, names_domain }
}

/// rfc7672#2.2
fn delivers(action: Action, obstacle: Option<Cause>, verification: Option<&Verification>) -> Option<bool> {
    let blamed = obstacle.map(|c| c.party() == Party::Domain && c.weight() == Weight::Error);
    match (action, blamed) {
        // Could not look.
        (_, Some(false)) => None,
        (Action::Dane | Action::Enc, Some(true)) => Some(false),
        (Action::Dane, None) => verification.filter(|v| !v.is_undecided()).map(|v| v.verdict == MatchVerdict::Match),
        (Action::Enc, None) => Some(true),
        // Opportunistic: TLS that fails is done without.
        (Action::Opp, _) => Some(true),
        (Action::Skip, _) => None,
    }
}

/// Findings on single addresses; those on certificates against records are in `mismatch` and `advice`.
pub(super) fn findings(case: &Case, route: &HostRoute, servers: &[Seen], published: Option<&Lookup>) -> Vec<Finding> {
    let mut found = Vec::new();
    for server in servers {
        let address = server.verdict.address;
        if let Some(cause) = server.verdict.obstacle {
            found.push(obstacle(case, route, servers, (server, cause)));
        }
        let remarks = smtp::remarks(server.observation).into_iter();
        found.extend(remarks.map(|cause| Finding::new(cause, &route.host, cause.title()).at(address)));
        found.extend(visits::disagree(case, route, server.observation, published));
        found.extend(advice::chain(route, server));
        found.extend(depth::findings(route, server));
    }
    gather(found)
}

fn obstacle(case: &Case, route: &HostRoute, all: &[Seen], (server, cause): (&Seen, Cause)) -> Finding {
    let host = &route.host;
    // What is true of all addresses alike, and no property of any, is said once.
    if matches!(cause, Cause::NotLooked | Cause::Port25Blocked | Cause::NoIpv6) {
        // A machine without IPv6 is no news, unless nothing else was there to be seen.
        let told = all.iter().any(|s| s.verdict.rfc_delivers.is_some());
        let weight = if cause == Cause::NoIpv6 && told { Weight::Info } else { cause.weight() };
        return Finding::new(cause, host, format!("{host}: {}", cause.title())).weighing(weight);
    }
    let words = match &server.observation.tls {
        // What the server said before agreed to TLS.
        Some(tls) => tls.error.as_ref().map(|e| {
            let cut =
                tls.cut_off.as_ref().map_or(String::new(), |c| format!(", after {} of {} octets of certificates", c.arrived, c.announced));
            format!(" ({}{cut})", e.alert.as_deref().unwrap_or(&e.detail))
        }),
        None => smtp::decisive_words(server.observation).map(|w| format!(" (\"{w}\")")),
    };
    let words = words.unwrap_or_default();
    let title = cause.title().trim_end_matches('.');
    let promised = matches!(route.action, Action::Dane | Action::Enc) && cause.weight() == Weight::Error;
    // R-038 rfc7672#2.2: whoever publishes TLSA records has promised TLS.
    let consequence = if promised { ". Its TLSA records promise TLS, so senders that validate DANE do not deliver here." } else { "." };
    let weight = if promised { Weight::Error } else { lesser(cause) };
    let repair = promised.then(|| repair::starttls(cause, host, route.tlsa_base.as_ref(), case.hosts)).flatten();
    let sentence = format!("{title}{words}{consequence}");
    Finding::new(cause, host, sentence).at(server.verdict.address).weighing(weight).mended_by(repair)
}

/// Without DANE, trouble with TLS means cleartext, as it always did.
fn lesser(cause: Cause) -> Weight {
    if cause.weight() == Weight::Error { Weight::Warning } else { cause.weight() }
}
