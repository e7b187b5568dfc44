//! TLSA records to publish and to remove.

use super::{NEW_TTL_S, authoritative_ttl, repair, settle_time, step};
use crate::association::Associations;
use crate::cause::{Cause, Party};
use crate::cert::Certificate;
use crate::dns::Lookup;
use crate::name::{Name, fqdn, tlsa_owner};
use crate::observation::{AddressObservation, ClientOffer, Connect, HostObservation, Shows};
use crate::tlsa::Tlsa;
use crate::verdict::{Repair, Step};
use std::sync::Arc;

/// Records that one step names, and their octets.
const SHOWN_RECORDS: usize = 24;
const SHOWN_OCTETS: usize = 16_384;

/// One TLSA record as a zone-file line, owner with final dot.
#[must_use]
pub fn tlsa_line(owner: &Name, ttl: u32, tlsa: &Tlsa) -> String {
    format!("{} {ttl} IN TLSA {tlsa}", fqdn(owner))
}

/// The leaves that the host's servers show, with an address that shows each.
fn shown(seen: &HostObservation) -> Vec<(Certificate, String)> {
    let mut servers: Vec<_> = seen.servers.iter().collect();
    servers.sort_by_key(|s| s.address);
    let mut leaves: Vec<(Certificate, String)> = Vec::new();
    for server in servers {
        // What clients get that do not name the server is for others than those who validate DANE.
        let named = server.others.iter().filter(|look| look.offer != ClientOffer::NoName);
        let others = named.filter_map(|look| if let Shows::Other(tls) = &look.shows { Some(&**tls) } else { None });
        for tls in server.tls.iter().chain(others).filter(|t| t.key_proven != Some(false)) {
            let Some(leaf) = tls.chain.first().and_then(|c| Certificate::parse(&c.0).ok()) else { continue };
            if !leaves.iter().any(|(known, _)| known.der == leaf.der) {
                leaves.push((leaf, server.address.to_string()));
            }
        }
    }
    leaves
}

/// The records of every key shown that have to be added to those `present`, with an address that shows the key. (R-099: `3 1 1` if free)
///
/// rfc7671#9: senders look at the strongest digest only, so every key is published with all digests that any key has.
fn missing_keys(leaves: &[(Certificate, String)], present: &[Tlsa]) -> Vec<(Tlsa, String)> {
    let is_used = |m: &u8| present.iter().any(|t| (t.usage, t.selector, t.matching) == (3, 1, *m) && t.usability().is_ok());
    let used: Vec<u8> = [1, 2].into_iter().filter(is_used).collect();
    let digests = if used.is_empty() { vec![1] } else { used };
    let mut missing: Vec<(Tlsa, String)> = Vec::new();
    for (leaf, address) in leaves {
        let forms = Associations::of(leaf);
        for tlsa in digests.iter().filter_map(|m| forms.record(3, 1, *m)) {
            if !present.contains(&tlsa) && !missing.iter().any(|(known, _)| *known == tlsa) {
                missing.push((tlsa, address.clone()));
            }
        }
    }
    missing
}

fn parsed(lookup: &Lookup) -> Vec<Tlsa> {
    lookup.records.iter().filter_map(|r| r.data.parse().ok()).collect()
}

/// The records do not fit what the servers show. Where `cause` says that the records are right and the server's chain is wrong, the server
/// is to be mended; else publish what fits at once, remove the rest after. `wrong`: records that match nowhere.
#[must_use]
pub fn mismatch(cause: Cause, lookup: &Lookup, seen: &HostObservation, wrong: &[String]) -> Option<Repair> {
    if cause.party() == Party::Us {
        return None;
    }
    if let Some(what) = server_to_mend(cause, &seen.host) {
        return mend_server(what, lookup, seen);
    }
    let leaves = shown(seen);
    let owner = lookup.expanded();
    let ttl = authoritative_ttl(lookup).unwrap_or(NEW_TTL_S);
    if leaves.is_empty() {
        let what = format!(
            "Make the record from the certificate that {} really uses: `danelaw tlsa generate` prints the line for {}.",
            seen.host,
            fqdn(owner)
        );
        return repair("TLSA records that match the server", vec![step(what)]);
    }
    let missing = missing_keys(&leaves, &parsed(lookup));
    if is_preflight(seen) {
        return before_switch(lookup, seen, missing);
    }
    let mut steps = vec![step(format!(
        "Make sure that what {} shows now is the certificate that you mean it to show; if not, mend the server and check again.",
        seen.host
    ))];
    let last = missing.len().saturating_sub(1);
    for (i, (tlsa, address)) in missing.into_iter().enumerate() {
        let publish =
            step(format!("Publish the record that matches the key at {address}, at once.")).with_line(tlsa_line(owner, ttl, &tlsa));
        // R-092 rfc7671#8.1
        steps.push(if i == last { publish.then_wait(settle_time(lookup)) } else { publish });
    }
    // A record of what is shown matches nowhere only because a stronger digest hides it.
    let names_a_leaf = |t: &Tlsa| t.usage == 3 && leaves.iter().any(|(leaf, _)| Associations::of(leaf).equals(t));
    let wrong: Vec<&String> = wrong.iter().filter(|r| !r.parse().is_ok_and(|t| names_a_leaf(&t))).collect();
    // what could not be seen may be what a record is for.
    let unseen = seen.servers.iter().any(|s| s.tls.as_ref().is_none_or(|t| t.chain.is_empty()));
    if unseen {
        steps.push(step(
            "Remove nothing before every address could be looked at: a record that matches none of those seen may fit one that was not.",
        ));
    } else if !wrong.is_empty() {
        steps.push(removal("Then check again and remove what matches nothing, unless it is for the key to come.", &wrong));
    }
    repair(format!("TLSA records that match what {} shows", seen.host), steps)
}

/// Whether the chain comes from a file: no server shows it yet, as far as we know.
fn is_preflight(seen: &HostObservation) -> bool {
    let from_file = |s: &AddressObservation| matches!(&s.connect, Connect::NotTried { why } if why == "chain-from-file");
    !seen.servers.is_empty() && seen.servers.iter().all(from_file)
}

/// Records for a certificate that is not installed yet: the new beside the old, and the old stay until the servers have switched.
/// (R-091 rfc7672#4, R-092 rfc7671#8.1, R-093)
fn before_switch(lookup: &Lookup, seen: &HostObservation, missing: Vec<(Tlsa, String)>) -> Option<Repair> {
    let (owner, ttl) = (lookup.expanded(), authoritative_ttl(lookup).unwrap_or(NEW_TTL_S));
    let publish = |(tlsa, _): (Tlsa, String)| {
        step("Publish the record of the new certificate's key beside those that are there; remove none of them.")
            .with_line(tlsa_line(owner, ttl, &tlsa))
    };
    let mut steps: Vec<Step> = missing.into_iter().map(publish).collect();
    steps.last_mut()?.wait_s = Some(settle_time(lookup));
    steps.push(step(format!("Only then install the certificate at every address of {}.", seen.host)));
    steps.push(step("Check again, and remove the old records when no address shows the old certificate any more."));
    repair(format!("a switch of certificates at {} that loses no mail", seen.host), steps)
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
fn mend_server(what: String, lookup: &Lookup, seen: &HostObservation) -> Option<Repair> {
    let mut steps = vec![step(what)];
    let ttl = authoritative_ttl(lookup).unwrap_or(NEW_TTL_S);
    for (tlsa, address) in missing_keys(&shown(seen), &parsed(lookup)) {
        let what = format!(
            "If that cannot be done at once, publish this record of the key at {address} beside the others: it asks neither for issuers nor for \
             names or dates."
        );
        steps.push(step(what).with_line(tlsa_line(lookup.expanded(), ttl, &tlsa)));
    }
    repair(format!("a certificate chain at {} that fits its TLSA records", seen.host), steps)
}

/// The record pins the certificate; pin the key instead, the new beside the old until every cache has both.
#[must_use]
pub fn pin_key(lookup: &Lookup, seen: &HostObservation) -> Option<Repair> {
    let ttl = authoritative_ttl(lookup).unwrap_or(NEW_TTL_S);
    let wait = settle_time(lookup);
    let present = parsed(lookup);
    let mut steps: Vec<Step> = Vec::new();
    for (tlsa, address) in missing_keys(&shown(seen), &present) {
        // R-091 rfc7672#4: both are published before anything changes.
        let what = format!("Publish this record of the key at {address} beside those that are there.");
        steps.push(step(what).with_line(tlsa_line(lookup.expanded(), ttl, &tlsa)));
    }
    // R-092 rfc7671#8.1
    steps.last_mut()?.wait_s = Some(wait);
    let pins: Vec<String> = present.iter().filter(|t| (t.usage, t.selector) == (3, 0)).map(ToString::to_string).collect();
    let what = "Keep the same key when the certificate is renewed, and remove the 3 0 records.";
    steps.push(removal(what, &pins.iter().collect::<Vec<_>>()));
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
        for (tlsa, address) in missing_keys(&shown(seen), &[]) {
            let what = format!("Publish the record of the key that {} shows at {address}.", seen.host);
            steps.push(step(what).with_line(tlsa_line(&owner, NEW_TTL_S, &tlsa)));
        }
    }
    repair("DANE for this host", steps)
}

/// A step that takes these records out: each whole, and as many as can be read.
fn removal(what: &str, records: &[&String]) -> Step {
    let mut room = SHOWN_OCTETS;
    let fits = |(i, r): &(usize, &&String)| {
        room = room.saturating_sub(r.len());
        *i == 0 || room > 0
    };
    let shown: Vec<String> = records.iter().take(SHOWN_RECORDS).enumerate().take_while(fits).map(|(_, r)| (*r).clone()).collect();
    let more = records.len() - shown.len();
    let more = if more == 0 { String::new() } else { format!(" These are the first; {more} more follow when you check again.") };
    step(format!("{what}{more}")).without(shown)
}
