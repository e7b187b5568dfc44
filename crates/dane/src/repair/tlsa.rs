//! TLSA records to publish and to remove.

use super::{NEW_TTL_S, authoritative_ttl, repair, settle_time, step};
use crate::cause::{Cause, Party};
use crate::cert::Certificate;
use crate::dns::Lookup;
use crate::name::{Name, fqdn, tlsa_owner};
use crate::observation::HostObservation;
use crate::tlsa::Tlsa;
use crate::verdict::{Repair, Step};
use aws_lc_rs::digest::{SHA256, digest};
use std::sync::Arc;

/// One TLSA record as a zone-file line, owner with final dot.
#[must_use]
pub fn tlsa_line(owner: &Name, ttl: u32, tlsa: &Tlsa) -> String {
    format!("{} {ttl} IN TLSA {tlsa}", fqdn(owner))
}

/// `3 1 1` of every key that the host's servers show, with an address that shows it. (R-099: the recommended form)
fn shown_keys(seen: &HostObservation) -> Vec<(Tlsa, String)> {
    let mut servers: Vec<_> = seen.servers.iter().collect();
    servers.sort_by_key(|s| s.address);
    let mut keys: Vec<(Tlsa, String)> = Vec::new();
    for server in servers {
        let leaf = server.tls.as_ref().filter(|t| t.key_proven != Some(false)).and_then(|t| t.chain.first());
        let Some(leaf) = leaf.and_then(|c| Certificate::parse(&c.0).ok()) else { continue };
        let data = digest(&SHA256, &leaf.spki).as_ref().to_vec();
        let tlsa = Tlsa { usage: 3, selector: 1, matching: 1, data };
        if !keys.iter().any(|(known, _)| *known == tlsa) {
            keys.push((tlsa, server.address.to_string()));
        }
    }
    keys
}

/// The records do not fit what the servers show. Where `cause` says that the records are right and the server's chain is wrong, the server
/// is to be mended; else publish what fits at once, remove the rest after. `wrong`: records that match nowhere.
#[must_use]
pub fn mismatch(cause: Cause, lookup: &Lookup, seen: &HostObservation, wrong: &[String]) -> Option<Repair> {
    if cause.party() == Party::Us {
        return None;
    }
    if let Some(what) = server_to_mend(cause, &seen.host) {
        return mend_server(what, lookup, seen, wrong);
    }
    let keys = shown_keys(seen);
    let owner = lookup.expanded();
    let ttl = authoritative_ttl(lookup).unwrap_or(NEW_TTL_S);
    if keys.is_empty() {
        let what = format!(
            "Make the record from the certificate that {} really uses: `danelaw tlsa generate` prints the line for {}.",
            seen.host,
            fqdn(owner)
        );
        return repair("TLSA records that match the server", vec![step(what)]);
    }
    let mut steps = vec![step(format!(
        "Make sure that what {} shows now is the certificate that you mean it to show; if not, mend the server and check again.",
        seen.host
    ))];
    let present: Vec<Tlsa> = lookup.records.iter().filter_map(|r| r.data.parse().ok()).collect();
    for (tlsa, address) in keys.iter().filter(|(t, _)| !present.contains(t)) {
        steps.push(step(format!("Publish the record that matches the key at {address}, at once.")).with_line(tlsa_line(owner, ttl, tlsa)));
    }
    let (hiding, harmless): (Vec<&String>, Vec<&String>) = wrong.iter().partition(hides);
    if !hiding.is_empty() {
        steps.push(step(format!("In the same change remove {}: senders prefer the stronger digest.", list(&hiding))));
    }
    if let Some(last) = steps.last_mut() {
        last.wait_s = Some(settle_time(lookup));
    }
    if !harmless.is_empty() {
        steps.push(step(format!("Then check again and remove {}, unless it is the key to come.", list(&harmless))));
    }
    repair(format!("TLSA records that match what {} shows", seen.host), steps)
}

/// What to do at the server where the issuer that the records name is the right one.
fn server_to_mend(cause: Cause, host: &Name) -> Option<String> {
    Some(match cause {
        // R-061 rfc7671#5.2
        Cause::TaExpired => format!(
            "Renew the certificate that is outside its validity, with the same issuer, and install it at {host} together with its issuers' \
             certificates. The TLSA records can stay as they are."
        ),
        // R-058 rfc7671#5.2.2
        Cause::TaNotSent => format!(
            "Let {host} send its issuers' certificates after its own (fullchain.pem, not cert.pem): the issuer that the TLSA record names has to \
             be among them."
        ),
        // R-068 rfc7672#3.2.2
        Cause::TaNameMismatch => format!(
            "Install a certificate at {host} that has {host} among its DNS names, from the same issuer. The TLSA records can stay as they are."
        ),
        _ => return None,
    })
}

/// The server first; a record of the key as the second choice, which needs no issuer. Records of issuers are not to be removed.
fn mend_server(what: String, lookup: &Lookup, seen: &HostObservation, wrong: &[String]) -> Option<Repair> {
    let mut steps = vec![step(what)];
    let present: Vec<Tlsa> = lookup.records.iter().filter_map(|r| r.data.parse().ok()).collect();
    let ttl = authoritative_ttl(lookup).unwrap_or(NEW_TTL_S);
    for (tlsa, address) in shown_keys(seen).into_iter().filter(|(t, _)| !present.contains(t)) {
        let what = format!(
            "If that cannot be done at once, publish this record of the key at {address} beside the others: it asks neither for issuers nor for \
             names or dates."
        );
        steps.push(step(what).with_line(tlsa_line(lookup.expanded(), ttl, &tlsa)));
    }
    let hiding: Vec<&String> = wrong.iter().filter(hides).collect();
    if steps.len() > 1 && !hiding.is_empty() {
        steps.push(step(format!("In the same change remove {}: senders prefer the stronger digest.", list(&hiding))));
    }
    repair(format!("a certificate chain at {} that fits its TLSA records", seen.host), steps)
}

/// rfc7671#9: a wrong digest that is stronger would hide the new record.
fn hides(record: &&String) -> bool {
    record.parse::<Tlsa>().is_ok_and(|t| (t.usage, t.selector, t.matching) == (3, 1, 2))
}

/// The record pins the certificate; pin the key instead, the new beside the old until every cache has both.
#[must_use]
pub fn pin_key(lookup: &Lookup, seen: &HostObservation) -> Option<Repair> {
    let ttl = authoritative_ttl(lookup).unwrap_or(NEW_TTL_S);
    let wait = settle_time(lookup);
    let mut steps: Vec<Step> = Vec::new();
    for (tlsa, address) in shown_keys(seen) {
        // R-091 rfc7672#4: both are published before anything changes.
        let what = format!("Publish this record of the key at {address} beside those that are there.");
        steps.push(step(what).with_line(tlsa_line(lookup.expanded(), ttl, &tlsa)));
    }
    // R-092 rfc7671#8.1
    steps.last_mut()?.wait_s = Some(wait);
    steps.push(step("Keep the same key when the certificate is renewed, and remove the 3 0 records."));
    repair("records that survive renewals", steps)
}

/// First TLSA records for hosts that have none.
#[must_use]
pub fn publish(hosts: &[&Arc<HostObservation>]) -> Option<Repair> {
    let mut steps: Vec<Step> = Vec::new();
    for seen in hosts {
        if !seen.a.is_secure() && !seen.aaaa.is_secure() {
            steps.push(step(format!("Secure the zone of {} with DNSSEC first; until then TLSA records are without force.", seen.host)));
            continue;
        }
        let Some(owner) = tlsa_owner(&seen.host, seen.port) else { continue };
        for (tlsa, address) in shown_keys(seen) {
            let what = format!("Publish the record of the key that {} shows at {address}.", seen.host);
            steps.push(step(what).with_line(tlsa_line(&owner, NEW_TTL_S, &tlsa)));
        }
    }
    repair("DANE for this host", steps)
}

fn list(records: &[&String]) -> String {
    let shown: Vec<String> = records.iter().take(6).map(|r| format!("`{}`", r.chars().take(80).collect::<String>())).collect();
    let more = if records.len() > 6 { " and others like them" } else { "" };
    format!("{}{more}", shown.join(", "))
}
