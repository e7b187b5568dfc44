//! What works today and is against good practice, or will break.

use super::finding::gather;
use super::records;
use super::server::Seen;
use crate::Epoch;
use crate::cause::{Cause, Weight};
use crate::cert::Certificate;
use crate::dns::Lookup;
use crate::observation::HostObservation;
use crate::repair;
use crate::tlsa::Tlsa;
use crate::verdict::Finding;
use crate::walk::HostRoute;

/// Senders of a large provider cope with about this many records. (field.md)
const MANY_RECORDS: usize = 12;
/// Octets of TLSA data beyond which an answer with its signature does not fit into 1232 octets.
const MANY_OCTETS: usize = 950;
/// A day: 93 of 100 TLSA RRsets live shorter. (P22)
const LONG_TTL_S: u32 = 86_400;
/// Certificates that no path needs.
const HUGE_CHAIN: usize = 10;

/// Advice on the records in force.
pub(super) fn findings(route: &HostRoute, seen: &HostObservation, servers: &[Seen], lookup: &Lookup, at: Epoch) -> Vec<Finding> {
    let tlsa: Vec<Tlsa> = lookup.records.iter().filter_map(|r| r.data.parse().ok()).collect();
    let usable: Vec<(usize, &Tlsa)> = tlsa.iter().enumerate().filter(|(_, t)| t.usability().is_ok()).collect();
    let host = &route.host;
    let mut found = Vec::new();
    let mut say = |cause: Cause, sentence: String| found.push(Finding::new(cause, host, format!("{host}: {sentence}")));

    // R-131 rfc7671#13
    let ttl = repair::authoritative_ttl(lookup).unwrap_or(0);
    if ttl > LONG_TTL_S {
        say(Cause::TlsaTtlLong, format!("the TLSA records live {ttl} seconds in caches; 3600 is good practice."));
    }
    // R-132 rfc7671#10.1.1
    let octets: usize = tlsa.iter().map(|t| t.data.len() + 15).sum();
    if tlsa.len() > MANY_RECORDS || octets > MANY_OCTETS {
        say(Cause::ManyTlsa, format!("{} TLSA records ({octets} octets) force senders to ask over TCP.", tlsa.len()));
    }
    // R-095 rfc7671#8
    if usable.iter().any(|(_, t)| t.usage == 3) && usable.iter().any(|(_, t)| t.usage == 2) {
        say(Cause::MixedScheme, Cause::MixedScheme.title().to_owned());
    }
    // R-056 rfc7671#5.2.3
    if usable.iter().any(|(_, t)| (t.usage, t.selector, t.matching) == (2, 1, 0) && !key_is_sent(t, servers)) {
        say(Cause::BareTaKey, Cause::BareTaKey.title().to_owned());
    }
    // R-099 rfc7672#3.1
    if let Some((_, t)) = usable.iter().find(|(_, t)| discouraged(t)) {
        say(
            Cause::UsageDiscouraged,
            format!("{} {} {} works, but 3 1 1 is what the standard recommends.", t.usage, t.selector, t.matching),
        );
    }
    // R-102 rfc7672#3.1.1
    let matched: Vec<&Tlsa> = usable.iter().filter(|(i, _)| records::matched_somewhere(*i, servers)).map(|(_, t)| *t).collect();
    if !matched.is_empty() && matched.iter().all(|t| pins_certificate(t)) {
        let finding = Finding::new(Cause::BreaksOnRenewal, host, format!("{host}: {}", Cause::BreaksOnRenewal.title()));
        found.push(finding.mended_by(repair::pin_key(lookup, seen)));
    }
    found.extend(gather(servers.iter().filter_map(|s| dates(route, s, at))));
    found.extend(gather(servers.iter().filter_map(|s| second_path(route, s))));
    found
}

/// Whether the record pins a whole certificate of the server itself.
pub(super) fn pins_certificate(tlsa: &Tlsa) -> bool {
    tlsa.usage == 3 && tlsa.selector == 0
}

fn discouraged(tlsa: &Tlsa) -> bool {
    !pins_certificate(tlsa) && !matches!((tlsa.usage, tlsa.selector, tlsa.matching), (3, 1, 1) | (2, 0 | 1, 1))
}

fn key_is_sent(tlsa: &Tlsa, servers: &[Seen]) -> bool {
    let mut issuers = servers.iter().flat_map(|s| s.certificates.iter().skip(1).flatten());
    issuers.any(|c| c.spki == tlsa.data)
}

/// R-052 rfc7671#5.1
fn dates(route: &HostRoute, server: &Seen, at: Epoch) -> Option<Finding> {
    server.verification.as_ref().filter(|v| v.usage == Some(3))?;
    let leaf = server.leaf()?;
    let expired = leaf.not_after.filter(|end| *end < at).map(|_| Cause::ExpiredUnderUsage3);
    let cause = expired.or_else(|| leaf.not_before.filter(|start| *start > at).map(|_| Cause::NotYetValidUnderUsage3))?;
    Some(Finding::new(cause, &route.host, cause.title()).at(server.verdict.address))
}

/// R-063 rfc7671#5.2: any path will do, and many senders try only one.
fn second_path(route: &HostRoute, server: &Seen) -> Option<Finding> {
    let detour = server.verification.as_ref()?.detour.as_ref()?;
    let cause = Cause::TaSecondPath;
    let title = cause.title().trim_end_matches('.');
    let sentence = format!("{title}. One that tries no other, as OpenSSL and Postfix do, fails here: {}.", detour.detail);
    let repair = repair::path_first(&route.host, server.chain, detour);
    Some(Finding::new(cause, &route.host, sentence).at(server.verdict.address).mended_by(repair))
}

/// Remarks on one server's chain itself, with or without DANE.
pub(super) fn chain(route: &HostRoute, server: &Seen) -> Vec<Finding> {
    let certificates: Vec<&Certificate> = server.certificates.iter().take(HUGE_CHAIN).flatten().collect();
    let mut causes: Vec<(Cause, String)> = Vec::new();
    if let Some(leaf) = certificates.first() {
        // R-073 rfc7672#8.2
        if let Some(bits) = leaf.key.bits.filter(|b| leaf.key.kind == "RSA" && *b < 2048) {
            causes.push((Cause::WeakKey, format!("an RSA key of {bits} bits")));
        }
        if leaf.version < 3 {
            causes.push((Cause::V1Certificate, format!("version {}", leaf.version)));
        }
        if weak_signature(leaf) {
            causes.push((Cause::Sha1Signature, leaf.signature_algorithm()));
        }
    }
    if reordered(&certificates) {
        causes.push((Cause::ReorderedChain, format!("{} certificates", server.chain.len())));
    }
    if server.chain.len() > HUGE_CHAIN {
        causes.push((Cause::HugeChain, format!("{} certificates", server.chain.len())));
    }
    let address = server.verdict.address;
    let to_finding = |(cause, more): (Cause, String)| {
        let sentence = format!("{} ({more}).", cause.title().trim_end_matches('.'));
        let weight = if cause == Cause::ReorderedChain { Weight::Info } else { cause.weight() };
        Finding::new(cause, &route.host, sentence).at(address).weighing(weight)
    };
    causes.into_iter().map(to_finding).collect()
}

fn weak_signature(leaf: &Certificate) -> bool {
    let algorithm = leaf.signature_algorithm().to_ascii_lowercase();
    ["sha1", "sha-1", "md5", "md2"].iter().any(|w| algorithm.contains(w))
}

/// R-062 rfc8446#4.4.2: some certificate's issuer is there, and not next.
fn reordered(chain: &[&Certificate]) -> bool {
    chain.iter().enumerate().any(|(i, c)| {
        let issued = |other: &&Certificate| other.subject_der() == c.issuer_der() && c.issuer_der() != c.subject_der();
        chain.iter().any(issued) && !chain.get(i + 1).is_some_and(issued)
    })
}
