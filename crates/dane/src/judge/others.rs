//! Servers with several certificates: what clients meet that offer something else than the first that we sent.

use super::Case;
use super::finding::gather;
use super::server::Seen;
use crate::cause::Cause;
use crate::dns::Lookup;
use crate::matching::{MatchVerdict, VerifyOptions, verify};
use crate::observation::{ClientOffer, HostObservation, OtherLook, Shows, TlsObservation};
use crate::repair;
use crate::smtp;
use crate::tlsa::Tlsa;
use crate::verdict::Finding;
use crate::walk::HostRoute;

/// Certificates that the records in force do not fit, though they fit another of the same address. (R-090 rfc7671#8)
pub(super) fn uncovered(case: &Case, route: &HostRoute, seen: &HostObservation, servers: &[Seen], lookup: &Lookup) -> Vec<Finding> {
    let tlsa: Vec<Tlsa> = lookup.records.iter().filter_map(|r| r.data.parse().ok()).collect();
    let found = servers.iter().filter(|s| s.counts()).flat_map(|server| {
        let others = server.observation.others.iter().filter_map(|look| Some((look.offer, certified(look)?)));
        let differing = others.filter_map(|(offer, tls)| {
            let fits = verify(&tls.chain, &tlsa, &route.names, case.at, &VerifyOptions::default());
            let matches = !fits.is_undecided() && fits.verdict == MatchVerdict::Match;
            let client = match offer {
                ClientOffer::Rsa => "takes RSA keys only",
                ClientOffer::Ecdsa => "takes keys on elliptic curves only",
                // A sender that validates DANE says whom it wants.
                ClientOffer::NoName => return None,
            };
            (matches != server.matches() && !fits.is_undecided()).then_some((client, matches))
        });
        let to_finding = |(client, matches): (&str, bool)| {
            let (first, second) = if matches { ("does not fit", "fits") } else { ("fits", "does not fit") };
            let sentence = format!(
                "The server has several certificates: the one that most clients get {first} the TLSA records, the one for a client that {client} {second}.",
            );
            Finding::new(Cause::CertificateUncovered, &route.host, sentence).at(server.verdict.address)
        };
        differing.map(to_finding).collect::<Vec<_>>()
    });
    let mended = |finding: Finding| finding.mended_by(repair::mismatch(Cause::CertificateUncovered, lookup, seen, &[]));
    gather(found).into_iter().map(mended).collect()
}

/// What it means to name the server, or not to. (R-067 rfc7672#8.1, R-103)
pub(super) fn naming(route: &HostRoute, servers: &[Seen]) -> Vec<Finding> {
    let found = servers.iter().filter_map(|server| {
        let look = server.observation.others.iter().find(|look| look.offer == ClientOffer::NoName)?;
        let named = server.observation.tls.as_ref()?;
        let cause = match (&named.error, &look.shows) {
            (Some(error), _) if is_answer(&error.kind) && certified(look).is_some() => Cause::SniBreaks,
            (None, Shows::Other(tls)) if tls.error.as_ref().is_none_or(|e| is_answer(&e.kind)) => Cause::SniRequired,
            _ => return None,
        };
        let shown = certified(look).and_then(|tls| crate::cert::Certificate::parse(&tls.chain.first()?.0).ok());
        let title = cause.title().trim_end_matches('.');
        let sentence = match shown {
            Some(leaf) if cause == Cause::SniRequired => format!("{title}: they get that of '{}'.", leaf.subject()),
            _ => cause.title().to_owned(),
        };
        Some(Finding::new(cause, &route.host, sentence).at(server.verdict.address))
    });
    gather(found)
}

/// A failure that the server chose, not one of the way to it.
fn is_answer(kind: &str) -> bool {
    matches!(kind, "alert" | "empty-chain" | "no-common-cipher")
}

/// The session of this look, if there was one with certificates in it that a sender could judge.
fn certified(look: &OtherLook) -> Option<&TlsObservation> {
    let Shows::Other(tls) = &look.shows else { return None };
    (smtp::handshake(tls).is_none() && !tls.chain.is_empty()).then_some(tls)
}
