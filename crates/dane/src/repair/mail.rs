//! Mending MX records and mail servers.

use super::{NEW_TTL_S, authoritative_ttl, repair, step};
use crate::cause::Cause;
use crate::cert::Certificate;
use crate::matching::Detour;
use crate::name::{Name, fqdn, tlsa_owner};
use crate::observation::{CertificateBytes, DomainObservation, HostObservation};
use crate::verdict::Repair;
use std::net::IpAddr;
use std::sync::Arc;

/// R-009 rfc7505#3
#[must_use]
pub fn null_mx_mixed(domain: &DomainObservation) -> Option<Repair> {
    let is_null = |data: &&str| data.split_ascii_whitespace().nth(1) == Some(".");
    let null: Vec<&str> = domain.mx.records.iter().map(|r| r.data.as_str()).filter(is_null).collect();
    let what = format!("Remove the MX record `{}` of {}, or, if it takes no mail, all the others.", null.first()?, domain.domain);
    repair("MX records that say one thing", vec![step(what)])
}

/// R-013 rfc7672#2.2: a name for the address, and the MX record to the name.
#[must_use]
pub fn mx_is_address(domain: &Name, host: &Name, preference: u16) -> Option<Repair> {
    let text = host.to_string();
    let address: IpAddr = text.trim_matches(['[', ']']).parse().ok()?;
    let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
    let name = format!("mx.{}", fqdn(domain));
    let give = step("Give the address a name.").with_line(format!("{name} {NEW_TTL_S} IN {rtype} {address}"));
    let point = step("Let the MX record name it.").with_line(format!("{} {NEW_TTL_S} IN MX {preference} {name}", fqdn(domain)));
    repair("an MX record that names a host", vec![give, point, step(format!("Remove the MX record with {address}."))])
}

/// A chain in which the path that matches comes first. (R-063 rfc7671#5.2)
#[must_use]
pub fn path_first(host: &Name, chain: &[CertificateBytes], detour: &Detour) -> Option<Repair> {
    let called = |place: &usize| {
        let certificate = Certificate::parse_shared(chain.get(*place)?).ok()?;
        Some(format!("{} (now number {})", certificate.called(*place), place.saturating_add(1)))
    };
    let order: Vec<String> = detour.right.iter().filter_map(called).collect();
    let what = format!(
        "In the file of certificates that {host} presents, put these first, in this order: {}. Put the others after them, or leave them out.",
        order.join(", then ")
    );
    repair("a chain that every sender follows", vec![step(what)])
}

/// A server that promised TLS and does not keep it.
#[must_use]
pub fn starttls(cause: Cause, host: &Name, base: Option<&Name>, hosts: &[Arc<HostObservation>]) -> Option<Repair> {
    let what = match cause {
        Cause::StarttlsNotOffered => "Switch STARTTLS on for every client, with a certificate that matches the TLSA records.",
        Cause::StarttlsTemporary => "See in the server's log why TLS is not available: most often the key or certificate cannot be read.",
        Cause::StarttlsRefused => "Let the server accept the STARTTLS command that it offers; see in its log why it refuses.",
        Cause::TlsTooOld => "Let the server speak TLS 1.2 and 1.3.",
        Cause::EmptyChain | Cause::GarbageCertificate => {
            "Give the server its certificate, in the form that it expects, and the issuers' after it."
        }
        Cause::KeyNotProven => "Give the server the private key that belongs to its certificate.",
        Cause::TlsHandshakeFailure => "See in the server's log why the TLS handshake fails.",
        _ => return None,
    };
    let mut steps = vec![step(format!("{host}: {what}"))];
    let seen = hosts.iter().find(|h| h.host == *host);
    let owner = base.and_then(|b| tlsa_owner(b, seen.map_or(25, |s| s.port)));
    if let Some(owner) = owner {
        // R-101 rfc7672#2.2
        let published = seen.and_then(|s| s.tlsa_at(&owner)).and_then(authoritative_ttl);
        let remove = step(format!("If the server cannot do TLS, remove the TLSA records at {}: they promise that it can.", fqdn(&owner)));
        steps.push(published.map_or(remove.clone(), |ttl| remove.then_wait(ttl)));
    }
    repair(format!("TLS at {host}"), steps)
}
