//! Mending DNSSEC: DS lines for the registrar, and who has to sign what anew.

use super::{mismatch, repair, step};
use crate::Epoch;
use crate::cause::Cause;
use crate::dns::Lookup;
use crate::matching::{MatchVerdict, VerifyOptions, verify};
use crate::name::{Name, fqdn};
use crate::observation::{DomainObservation, HostObservation, ZoneObservation};
use crate::tlsa::Tlsa;
use crate::verdict::{Repair, Step};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, HEXUPPER};
use std::sync::Arc;

/// What mends this trouble of DNSSEC or DNS at this moment; `None` where nothing is the domain's to mend.
#[must_use]
pub fn dnssec(
    cause: Cause,
    lookup: &Lookup,
    domain: Option<&DomainObservation>,
    hosts: &[Arc<HostObservation>],
    at: Epoch,
) -> Option<Repair> {
    let place = lookup.reason.as_ref().map_or_else(|| lookup.expanded(), |r| &r.at_name);
    let zone = zone_of(place, domain, hosts);
    let apex = zone.map_or(place, |z| &z.apex);
    match cause {
        Cause::DsMissing => {
            let mut hosts: Vec<Arc<HostObservation>> = hosts.to_vec();
            hosts.sort_by(|a, b| a.host.cmp(&b.host));
            let mut steps: Vec<Step> = sign_first(apex, zone, domain, &hosts, at).into_iter().collect();
            steps.extend(match_first(apex, domain, &hosts, at));
            steps.extend(missing_ds(apex, zone));
            repair(format!("a chain of trust to {apex}"), steps)
        }
        Cause::DsDigestMismatch | Cause::DsNoMatchingKey => {
            repair(format!("a DS record that fits the keys of {apex}"), wrong_ds(apex, zone))
        }
        Cause::DnskeyMissing => repair(format!("one story about {apex}"), missing_dnskey(apex, zone)),
        Cause::Unsigned => {
            let sign = step(format!("Sign the zone {apex} with DNSSEC (algorithm 13 is a good choice)."));
            repair(format!("DNSSEC for {apex}"), vec![sign, step("Hand its DS record to the registrar, and check again.")])
        }
        Cause::AlgorithmUnsupported => {
            let sign = step(format!("Sign {apex} with an algorithm that validators support: 13 (ECDSA P-256) or 8 (RSA/SHA-256)."));
            repair(format!("DNSSEC for {apex} that counts"), vec![sign, step("Replace its DS record at the registrar.")])
        }
        Cause::RrsigExpired => again(apex, "The signatures ran out: mend the job that signs, and sign the zone anew at once."),
        Cause::RrsigNotYetValid | Cause::RrsigTimesReversed => {
            again(apex, "Set the clock of the machine that signs, and sign the zone anew at once.")
        }
        Cause::RrsigMissing | Cause::RrsigWrong | Cause::RrsigUnknownKey => again(
            apex,
            "Sign the whole zone anew with the keys in its DNSKEY records, and see that every name server has the same version.",
        ),
        Cause::DenialWrong | Cause::WildcardWrong | Cause::CnameProofWrong => again(
            apex,
            "Sign the zone anew, so that its NSEC or NSEC3 records are complete, and see that every name server has the same version.",
        ),
        Cause::Nsec3Iterations => {
            let line = format!("{} 0 IN NSEC3PARAM 1 0 0 -", fqdn(apex));
            repair(format!("NSEC3 of {apex} as RFC 9276 wants it"), vec![step("Set NSEC3 to no iterations and no salt.").with_line(line)])
        }
        Cause::DnsServfail | Cause::DnsRefused | Cause::DnsError | Cause::DelegationLoop => {
            let what = format!("See that every name server to which {apex} is delegated loads the zone and answers for it.");
            repair(format!("name servers that answer for {apex}"), vec![step(what)])
        }
        Cause::AliasLoop => repair("an alias that leads somewhere", vec![step(format!("Make the aliases at {place} end at a host."))]),
        Cause::DnssecOther => again(apex, "Look at the reason given, sign the zone anew, and compare its keys with the DS at its parent."),
        _ => None,
    }
}

/// The DS records (SHA-256) of every key-signing key, as zone-file lines. (RFC 4509, RFC 4034 section 5.1.4)
///
/// Keys with the SEP flag if there are any, else all zone keys; revoked keys never. (RFC 4034 section 2.1.1, RFC 5011 section 2.1)
#[must_use]
pub fn ds_lines(zone: &ZoneObservation) -> Vec<String> {
    let keys: Vec<Key> = zone.dnskey.records.iter().filter_map(|r| Key::parse(&r.data)).filter(Key::signs_zones).collect();
    let entry_points = keys.iter().filter(|k| k.flags & 1 == 1).count();
    let chosen = keys.iter().filter(|k| entry_points == 0 || k.flags & 1 == 1);
    chosen.take(8).map(|k| format!("{} IN DS {}", fqdn(&zone.apex), k.ds(&zone.apex))).collect()
}

fn again(apex: &Name, what: &str) -> Option<Repair> {
    repair(format!("valid signatures in {apex}"), vec![step(what)])
}

/// A DS record over signatures that do not hold would make of an insecure zone a bogus one. (RFC 4035 section 5)
fn sign_first(
    apex: &Name,
    zone: Option<&ZoneObservation>,
    domain: Option<&DomainObservation>,
    hosts: &[Arc<HostObservation>],
    at: Epoch,
) -> Option<Step> {
    let of_zone: Vec<&Lookup> = zone.map_or(Vec::new(), |z| vec![&z.dnskey, &z.soa, &z.ns]);
    let of_hosts = hosts.iter().flat_map(|h| [&h.a, &h.aaaa].into_iter().chain(&h.tlsa));
    let unsigned = of_zone.iter().take(2).find(|l| !l.records.is_empty() && !l.signed);
    let mut lookups = of_zone.iter().copied().chain(domain.map(|d| &d.mx)).chain(of_hosts);
    // R-105 rfc4035#5.3.1
    let outside = lookups.find(|l| l.signature.as_ref().is_some_and(|s| s.signer == *apex && (s.expiration < at || s.inception > at)));
    let (lookup, what) = match (unsigned, outside) {
        (Some(lookup), _) => (*lookup, "has no signature"),
        (None, Some(lookup)) => (lookup, "has a signature that is not valid now"),
        (None, None) => return None,
    };
    let (rtype, name) = (lookup.rtype, lookup.expanded());
    Some(step(format!(
        "First sign the zone {apex} anew, mend the job that signs, and check again: the {rtype} RRset of {name} {what}. With a DS record \
         above it, validators would refuse the zone, and mail would stop."
    )))
}

/// A DS record puts TLSA records in force: those that match nothing would stop mail.
fn match_first(apex: &Name, domain: Option<&DomainObservation>, hosts: &[Arc<HostObservation>], at: Epoch) -> Vec<Step> {
    let mut steps = Vec::new();
    for seen in hosts {
        let Some(lookup) = seen.tlsa.iter().find(|l| !l.records.is_empty() && l.expanded().ends_with(apex)) else { continue };
        let tlsa: Vec<Tlsa> = lookup.records.iter().filter_map(|r| r.data.parse().ok()).collect();
        let names: Vec<Name> =
            [&seen.host, seen.a.expanded(), seen.aaaa.expanded()].into_iter().chain(domain.map(|d| &d.domain)).cloned().collect();
        let mut chains = seen.servers.iter().filter_map(|s| s.tls.as_ref()).map(|t| t.chain.as_slice()).filter(|c| !c.is_empty());
        // R-048 rfc7671#8
        let differs = chains.any(|c| verify(c, &tlsa, &names, at, &VerifyOptions::default()).verdict == MatchVerdict::NoMatch);
        // Only what has to be added: what to take out is told when the records are in force.
        let mend = differs.then(|| mismatch(Cause::UnknownMismatch, lookup, seen, &[])).flatten();
        steps.extend(mend.into_iter().flat_map(|r| r.steps));
    }
    steps
}

fn missing_ds(apex: &Name, zone: Option<&ZoneObservation>) -> Vec<Step> {
    let wait = zone.and_then(|z| z.ds.negative_ttl);
    let mut steps = hand_over(apex, zone);
    if let (Some(last), Some(wait)) = (steps.last_mut(), wait) {
        last.wait_s = Some(wait);
    }
    steps
}

fn wrong_ds(apex: &Name, zone: Option<&ZoneObservation>) -> Vec<Step> {
    let mut steps = hand_over(apex, zone);
    let Some(zone) = zone else { return steps };
    let fits: Vec<String> = ds_lines(zone);
    let is_wrong = |data: &String| !fits.iter().any(|line| ds_data(line).is_some_and(|right| same_ds(right, data)));
    let wrong: Vec<String> = zone.ds.records.iter().map(|r| r.data.clone()).filter(is_wrong).take(6).map(|d| format!("`{d}`")).collect();
    if !wrong.is_empty() {
        steps.push(step(format!("In the same change have the registrar remove the DS {}.", wrong.join(", "))));
    }
    if let (Some(last), Some(ttl)) = (steps.last_mut(), super::authoritative_ttl(&zone.ds)) {
        last.wait_s = Some(ttl);
    }
    steps
}

fn missing_dnskey(apex: &Name, zone: Option<&ZoneObservation>) -> Vec<Step> {
    let sign = step(format!("Serve {apex} signed with the key that the DS record at its parent names."));
    let remove = step("Or, if it shall not be signed any more, have the registrar remove the DS record first.");
    vec![sign, zone.and_then(|z| super::authoritative_ttl(&z.ds)).map_or(remove.clone(), |ttl| remove.then_wait(ttl))]
}

/// The DS lines for the registrar, and what the zone itself says to its parent. (RFC 7344)
fn hand_over(apex: &Name, zone: Option<&ZoneObservation>) -> Vec<Step> {
    let lines = zone.map(ds_lines).unwrap_or_default();
    let mut steps: Vec<Step> = Vec::new();
    if lines.is_empty() {
        steps.push(step(format!("Hand the DS record of the key-signing key of {apex} to its registrar.")));
    }
    for line in lines {
        steps.push(step(format!("Hand this DS record of {apex} to its registrar.")).with_line(line));
    }
    let wishes = |lookup: Option<&Lookup>| lookup.map_or(Vec::new(), |l| l.records.iter().map(|r| r.data.clone()).collect::<Vec<_>>());
    let cds = zone.map_or(Vec::new(), |z| wishes(z.cds.as_ref()));
    let cdnskey = zone.map_or(Vec::new(), |z| wishes(z.cdnskey.as_ref()));
    // RFC 8078 section 4: algorithm 0 asks the parent to remove the DS.
    if cds.iter().chain(&cdnskey).any(|d| d.split_whitespace().next() == Some("0")) {
        steps.push(step(format!("Take the CDS/CDNSKEY records of {apex} out: they ask the parent to remove the DS record.")));
    } else if !cds.is_empty() || !cdnskey.is_empty() {
        let kinds = [("CDS", &cds), ("CDNSKEY", &cdnskey)].into_iter().filter(|(_, d)| !d.is_empty()).map(|(k, _)| k);
        let kinds: Vec<&str> = kinds.collect();
        let what =
            format!("{apex} publishes {} records: a registrar or registry that reads them does this by itself.", kinds.join(" and "));
        steps.push(step(what));
    }
    steps
}

/// The zone whose apex encloses this name most closely, of those that were looked at.
fn zone_of<'a>(place: &Name, domain: Option<&'a DomainObservation>, hosts: &'a [Arc<HostObservation>]) -> Option<&'a ZoneObservation> {
    let zones = domain.and_then(|d| d.zone.as_deref()).into_iter().chain(hosts.iter().filter_map(|h| h.zone.as_deref()));
    zones.filter(|z| place.ends_with(&z.apex)).max_by_key(|z| (z.apex.label_count(), z.dnskey.records.len()))
}

/// A DNSKEY in presentation form. (RFC 4034 section 2.2)
struct Key {
    flags: u16,
    algorithm: u8,
    rdata: Vec<u8>,
}

impl Key {
    fn parse(data: &str) -> Option<Self> {
        let mut fields = data.split_ascii_whitespace();
        let flags: u16 = fields.next()?.parse().ok()?;
        let protocol: u8 = fields.next()?.parse().ok()?;
        let algorithm: u8 = fields.next()?.parse().ok()?;
        let key = BASE64.decode(fields.collect::<String>().as_bytes()).ok()?;
        let mut rdata = flags.to_be_bytes().to_vec();
        rdata.extend([protocol, algorithm]);
        rdata.extend(key);
        (protocol == 3).then_some(Self { flags, algorithm, rdata })
    }

    /// R-108 rfc4034#2.1.1, rfc5011#2.1
    fn signs_zones(&self) -> bool {
        self.flags & 0x0100 != 0 && self.flags & 0x0080 == 0
    }

    /// RFC 4034 appendix B.
    fn tag(&self) -> u16 {
        let sum: u32 = self.rdata.iter().enumerate().map(|(i, b)| if i % 2 == 0 { u32::from(*b) << 8 } else { u32::from(*b) }).sum();
        let folded = sum.wrapping_add(sum >> 16) & 0xffff;
        u16::try_from(folded).unwrap_or(0)
    }

    /// DS data with SHA-256: owner in canonical form, then the DNSKEY's data. (RFC 4034 section 5.1.4)
    fn ds(&self, apex: &Name) -> String {
        // Length octets are below 64, so that lower-casing touches letters only.
        let mut bytes = apex.as_slice().to_ascii_lowercase();
        bytes.extend(&self.rdata);
        format!("{} {} 2 {}", self.tag(), self.algorithm, HEXUPPER.encode(digest(&SHA256, &bytes).as_ref()))
    }
}

fn ds_data(line: &str) -> Option<&str> {
    line.split_once(" IN DS ").map(|(_, data)| data)
}

/// Digest types other than SHA-256 are compared by tag and algorithm only: they may be right.
fn same_ds(right: &str, published: &str) -> bool {
    let fields = |text: &str| text.split_ascii_whitespace().map(str::to_ascii_uppercase).collect::<Vec<_>>();
    let (right, published) = (fields(right), fields(published));
    let same_key = right.get(..2) == published.get(..2);
    let sha256 = published.get(2).is_some_and(|t| t == "2");
    let digest = published.get(3..).map(<[String]>::concat);
    same_key && (!sha256 || right.get(3).cloned() == digest)
}
