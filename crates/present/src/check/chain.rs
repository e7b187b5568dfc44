//! From the root to the MX records.

use super::{heading, step};
use crate::style::{Ink, Style};
use crate::text::{clean, count, duration, time};
use dane::dns::{Lookup, Outcome, Security};
use dane::name::Name;
use dane::observation::{DomainObservation, NameServerObservation, ZoneObservation};

/// Colour and word of a lookup's status.
pub(super) fn state(lookup: &Lookup) -> (Ink, &'static str) {
    if lookup.failure.is_some() {
        return (Ink::Unseen, "no answer");
    }
    match lookup.status {
        Security::Secure => (Ink::Good, "secure"),
        Security::Insecure => (Ink::Warn, "insecure"),
        Security::Bogus => (Ink::Bad, "bogus"),
        Security::Indeterminate => (Ink::Unseen, "could not tell"),
    }
}

/// What a lookup brought back, in one text: aliases, records, TTL, or why not.
pub(super) fn answer(lookup: &Lookup) -> String {
    let mut parts: Vec<String> = lookup.aliases.iter().map(|a| format!("alias of {},", clean(&a.target.to_string()))).collect();
    if let Some(failure) = lookup.failure {
        let detail = lookup.failure_detail.clone().unwrap_or_else(|| format!("{failure:?}").to_lowercase());
        parts.push(clean(&detail));
    } else if lookup.records.is_empty() {
        parts.push(if lookup.outcome() == Outcome::NxDomain || lookup.rcode == 3 { "the name does not exist" } else { "none" }.into());
    } else {
        let data: Vec<String> = lookup.records.iter().map(|r| clean(&r.data)).collect();
        let ttl = lookup.records.iter().map(|r| r.ttl).min().unwrap_or_default();
        parts.push(format!("{} (TTL {})", data.join(", "), duration(ttl.into())));
    }
    format!("{}{}", parts.join(" "), because(lookup))
}

/// From the root to the MX records.
pub(super) fn dns(out: &mut String, domain: &DomainObservation, style: &Style) {
    heading(out, style, "Proof chain");
    match &domain.zone {
        Some(zone) => above(out, zone, style),
        None => step(out, style, (Ink::Unseen, "zone", "could not tell"), "the zone that the domain lies in could not be found"),
    }
    let (ink, word) = state(&domain.mx);
    let text = match domain.mx.outcome() {
        Outcome::NoData => format!("none: mail goes to {} itself", clean(&domain.domain.to_string())),
        _ => answer(&domain.mx),
    };
    step(out, style, (ink, "MX", word), &text);
    name_servers(out, &domain.name_servers, style);
}

/// Every name server that was asked by itself, but for the parent's, which are asked for DS records only.
fn name_servers(out: &mut String, servers: &[NameServerObservation], style: &Style) {
    let mut zone = None;
    for server in servers.iter().filter(|server| server.soa().is_some()) {
        if zone.replace(&server.zone) != Some(&server.zone) {
            heading(out, style, &format!("Name servers of {}", clean(&server.zone.to_string())));
        }
        let count = |wrong: fn(&Lookup) -> bool| server.answers.iter().filter(|answer| wrong(answer)).count();
        let (failed, bogus) = (count(|a| a.failure.is_some()), count(|a| a.failure.is_none() && a.status == Security::Bogus));
        let (ink, word) = match (failed, bogus) {
            (0, 0) => (Ink::Good, "answers"),
            (failed, _) if failed == server.answers.len() => (Ink::Unseen, "no answer"),
            (0, _) => (Ink::Bad, "bogus"),
            _ => (Ink::Warn, "answers in part"),
        };
        let serial = server.serial().map(|serial| format!(", serial {serial}")).unwrap_or_default();
        let tcp = if server.tcp == Some(false) { ", not over TCP" } else { "" };
        step(out, style, (ink, "server", word), &format!("{} [{}]{serial}{tcp}", clean(&server.server.to_string()), server.address));
    }
}

/// Root, top-level domain, zone.
pub(super) fn above(out: &mut String, zone: &ZoneObservation, style: &Style) {
    // The DS of the zone is signed by its parent: if it is proven, there or not, so is everything above.
    let broken_at = zone.ds.reason.as_ref().filter(|_| zone.ds.status != Security::Secure).map(|r| &r.at_name);
    step(out, style, place(&Name::root_bytes(), broken_at, "root", zone), "the trust anchor");
    if zone.apex.label_count() > 2 {
        let labels: Vec<_> = zone.apex.iter_suffixes().collect();
        if let Some(tld) = labels.get(labels.len().saturating_sub(2)) {
            let shown = format!(".{}", clean(&tld.to_string()));
            step(out, style, place(tld, broken_at, "TLD", zone), &shown);
        }
    }
    zone_steps(out, zone, style);
}

fn place(name: &Name, broken_at: Option<&Name>, what: &'static str, zone: &ZoneObservation) -> (Ink, &'static str, &'static str) {
    match broken_at {
        Some(at) if at == name => {
            let (ink, word) = state(&zone.ds);
            (ink, what, word)
        }
        Some(at) if name.ends_with(at) => (Ink::Dim, what, "not proven"),
        Some(_) => (Ink::Good, what, "secure"),
        None if zone.ds.failure.is_some() => (Ink::Unseen, what, "could not tell"),
        None => (Ink::Good, what, "secure"),
    }
}

/// DS, keys and the end of the signatures of one zone.
pub(super) fn zone_steps(out: &mut String, zone: &ZoneObservation, style: &Style) {
    let apex = clean(&zone.apex.to_string());
    let ds: Vec<String> = zone.ds.records.iter().map(|r| brief_ds(&r.data)).collect();
    let (ink, word) = state(&zone.ds);
    // NSEC3 opt-out proves the absence of a DS and is insecure all the same.
    let absent = ds.is_empty() && zone.ds.failure.is_none() && matches!(zone.ds.status, Security::Secure | Security::Insecure);
    if !absent {
        let text = if ds.is_empty() { answer(&zone.ds) } else { format!("{apex}: {}", ds.join(", ")) };
        step(out, style, (ink, "DS", word), &text);
    } else if zone.dnskey.records.is_empty() {
        step(out, style, (Ink::Warn, "DS", "none"), &format!("{apex} is not signed"));
    } else {
        step(out, style, (Ink::Bad, "DS", "missing"), &format!("{apex} is signed, but its parent has no DS record for it"));
    }
    let keys = zone.dnskey.records.len();
    if keys > 0 || zone.dnskey.failure.is_some() {
        let (ink, word) = state(&zone.dnskey);
        let until = zone.dnskey.signature.as_ref().map(|s| format!(", signature until {}", time(s.expiration))).unwrap_or_default();
        step(out, style, (ink, "DNSKEY", word), &format!("{}{until}{}", count(keys as u64, "key"), because(&zone.dnskey)));
    }
}

/// Why a lookup is not secure, to be put behind what it brought back. Not every reason has particulars.
pub(super) fn because(lookup: &Lookup) -> String {
    let reason = lookup.reason.as_ref().filter(|_| lookup.status != Security::Secure);
    reason.map_or_else(String::new, |r| {
        let detail = if r.detail.is_empty() { String::new() } else { format!(": {}", clean(&r.detail)) };
        format!(" — {}{detail}", clean(&r.code))
    })
}

/// Key tag, algorithm and digest type, with the beginning of the digest.
fn brief_ds(data: &str) -> String {
    let fields: Vec<&str> = data.split_whitespace().collect();
    match fields.as_slice() {
        [tag, algorithm, kind, digest, ..] => {
            format!(
                "tag {} algorithm {} digest type {} {}…",
                clean(tag),
                clean(algorithm),
                clean(kind),
                clean(&digest.chars().take(8).collect::<String>())
            )
        }
        _ => clean(data),
    }
}
