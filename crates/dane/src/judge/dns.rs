//! From a lookup that is not secure to its cause.

use super::Case;
use crate::cause::{Cause, Party};
use crate::date::utc;
use crate::dns::{Lookup, LookupFailure, Outcome, Security};
use crate::name::Name;
use crate::observation::ZoneObservation;
use crate::repair;
use crate::verdict::{Finding, Repair};
use domain::base::iana::Rtype;

/// Labels, the root's counted, of a name that is hardly anything but a registry's: the root, or a top-level domain.
const REGISTRY_LABELS: usize = 2;

/// Why this answer is an ERR of the decision table, or insecure; `None`: it is secure.
pub(super) fn cause(case: &Case, lookup: &Lookup) -> Option<Cause> {
    let cause = own_cause(lookup)?;
    if lookup.failure.is_some() && lookup.failed_zone.as_ref().is_some_and(Name::is_root) && !anything_works(case) {
        return Some(Cause::RootUnreachable);
    }
    let blamed = cause.party() == Party::Domain && lookup.outcome() == Outcome::Err;
    Some(match cause {
        _ if !blamed => cause,
        _ if lookup.failed_upstream && !anything_works(case) => Cause::ResolverFails,
        _ if is_above(case, lookup) => Cause::ZoneAbove,
        _ => cause,
    })
}

/// Whether any question was answered. If not, a failing upstream is itself at fault, and where the root is silent, our own network is.
fn anything_works(case: &Case) -> bool {
    let of_hosts = case.hosts.iter().flat_map(|h| [&h.a, &h.aaaa].into_iter().chain(&h.tlsa));
    let of_zones = zones(case).flat_map(|z| [&z.soa, &z.ns, &z.ds, &z.dnskey]);
    let mut lookups = case.domain.map(|d| &d.mx).into_iter().chain(of_hosts).chain(of_zones);
    case.vantage.anchor_current.is_some() || lookups.any(|lookup| lookup.failure.is_none())
}

/// What mends it; nothing that the domain could do mends a zone above it.
pub(super) fn mend(case: &Case, cause: Cause, lookup: &Lookup) -> Option<Repair> {
    if is_above(case, lookup) { None } else { repair::dnssec(cause, lookup, case.domain, case.hosts, case.at) }
}

/// Whether the chain ends or breaks in a zone above those of the domain and its MX hosts: the root, a top-level domain, a registry's zone.
fn is_above(case: &Case, lookup: &Lookup) -> bool {
    let Some(place) = failing_place(case, lookup) else { return false };
    let is_ours = |apex: &Name| apex == case.subject || case.hosts.iter().any(|h| h.host == *apex);
    // What lies in no zone of its own seems to lie in its registry's.
    let is_registry = |apex: &Name| apex.label_count() <= REGISTRY_LABELS && !is_ours(apex);
    if is_ours(&place) || zones(case).any(|z| place.ends_with(&z.apex) && !is_registry(&z.apex)) {
        return false;
    }
    place.label_count() <= REGISTRY_LABELS || zones(case).any(|z| z.apex.ends_with(&place))
}

/// The zone whose servers failed, or at which the chain of proof breaks.
fn failing_place(case: &Case, lookup: &Lookup) -> Option<Name> {
    if let Some(zone) = &lookup.failed_zone {
        // Servers that have a zone and its parent answer without a referral: where its other questions are answered, this one is its own.
        let below = |z: &&ZoneObservation| z.apex != *zone && z.apex.ends_with(zone) && lookup.expanded().ends_with(&z.apex);
        let its_own = zones(case).filter(below).find(|z| z.soa.failure.is_none() && z.dnskey.failure.is_none());
        return Some(its_own.map_or(zone, |z| &z.apex).clone());
    }
    let reason = lookup.reason.as_ref()?;
    // A DS record is its parent's: so are its signature, the proof that there is none, and the servers that have it. (RFC 4035 section 2.4)
    let of_parent = ["rrsig-", "denial-", "wildcard-", "fetch-"].iter().any(|kind| reason.code.starts_with(kind));
    Some(match reason.at_name.parent() {
        Some(parent) if reason.at_type == Rtype::DS && of_parent => parent,
        _ => reason.at_name.clone(),
    })
}

/// R-112 rfc4035#5.3.1: what signatures will be there later than we looked cannot be known; those seen are taken to be renewed.
pub(super) fn signatures_to_come(case: &Case) -> Option<Finding> {
    let of_hosts = case.hosts.iter().flat_map(|h| [&h.a, &h.aaaa].into_iter().chain(&h.tlsa));
    let lookups = case.domain.map(|d| &d.mx).into_iter().chain(of_hosts).chain(zones(case).flat_map(|z| [&z.ds, &z.dnskey]));
    let window = |l: &'_ Lookup| l.signature.as_ref().map(|s| (s.expiration, s.signer.clone(), l.at));
    let ended = lookups.filter(|l| l.is_secure()).filter_map(window);
    let (end, signer, seen) = ended.filter(|(end, _, seen)| seen <= end && *end < case.at).min()?;
    let sentence = format!(
        "Judged for {}. Of the signatures seen at {} those of {} are the first to end, at {}. Whether they are renewed by then \
         cannot be known yet; it is taken that they are, as usual.",
        utc(case.at),
        utc(seen),
        signer.fmt_with_dot(),
        utc(end)
    );
    Some(Finding::new(Cause::SignaturesToCome, case.subject, sentence))
}

/// The zones that were looked at: the domain's, and its MX hosts'.
fn zones<'a>(case: &'a Case<'_>) -> impl Iterator<Item = &'a ZoneObservation> {
    case.domain.and_then(|d| d.zone.as_deref()).into_iter().chain(case.hosts.iter().filter_map(|h| h.zone.as_deref()))
}

fn own_cause(lookup: &Lookup) -> Option<Cause> {
    let failure = lookup.failure.map(failure_cause);
    let reason = lookup.reason.as_ref().map(|r| r.code.as_str());
    Some(match (lookup.status, reason, failure) {
        // A broken chain of signatures says more than the SERVFAIL that may come with it.
        (Security::Bogus, Some(code), _) => bogus(code, lookup.reason.as_ref().map(|r| r.at_type)),
        (_, _, Some(failure)) => failure,
        (Security::Bogus, None, None) => Cause::DnssecOther,
        (Security::Indeterminate, code, None) => unfetched(code),
        // A response code that answers nothing, whatever its proof.
        (_, _, None) if lookup.outcome() == Outcome::Err => error_code(lookup.rcode),
        (Security::Insecure, code, None) => insecure(code),
        (Security::Secure, _, None) => return None,
    })
}

/// What the chain ends or breaks at: the zone or owner name to mend. The name asked, if nothing better is known.
pub(super) fn place(lookup: &Lookup) -> &Name {
    lookup.reason.as_ref().map_or_else(|| lookup.expanded(), |r| &r.at_name)
}

/// What is wrong in words, the particulars in brackets, without a final stop.
pub(super) fn particulars(case: &Case, lookup: &Lookup) -> String {
    let words = |c: Cause| lower_first(c.title().trim_end_matches('.'));
    let title = match (cause(case, lookup), own_cause(lookup)) {
        (Some(above @ Cause::ZoneAbove), Some(own)) => format!("{}: {}", words(above), words(own)),
        (cause, _) => cause.map_or(String::new(), words),
    };
    let detail = lookup.reason.as_ref().map(|r| r.detail.as_str()).filter(|d| !d.is_empty());
    let detail = detail.or(lookup.failure_detail.as_deref()).map(|d| d.trim_end_matches('.')).filter(|d| !d.is_empty());
    match detail {
        Some(detail) if title.is_empty() => detail.to_owned(),
        Some(detail) => format!("{title} ({detail})"),
        None => title,
    }
}

/// A sentence as it reads after a colon; abbreviations stay as they are.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// Whether the trouble is that of validating senders only: others do not notice.
pub(super) fn is_dnssec(cause: Cause) -> bool {
    use Cause as C;
    matches!(
        cause,
        C::Unsigned
            | C::DsMissing
            | C::AlgorithmUnsupported
            | C::DsDigestMismatch
            | C::DsNoMatchingKey
            | C::DnskeyMissing
            | C::RrsigExpired
            | C::RrsigNotYetValid
            | C::RrsigTimesReversed
            | C::RrsigMissing
            | C::RrsigUnknownKey
            | C::RrsigWrong
            | C::DenialWrong
            | C::WildcardWrong
            | C::CnameProofWrong
            | C::Nsec3Iterations
            | C::DnssecOther
    )
}

/// Whether a lookup failed for a reason that is the domain's: then a sender fails there, too.
pub(super) fn blames_domain(case: &Case, lookup: &Lookup) -> bool {
    cause(case, lookup).is_some_and(|c| c.party() == Party::Domain)
}

fn failure_cause(failure: LookupFailure) -> Cause {
    match failure {
        LookupFailure::Timeout => Cause::DnsTimeout,
        LookupFailure::Unreachable => Cause::DnsUnreachable,
        LookupFailure::Servfail => Cause::DnsServfail,
        LookupFailure::Refused => Cause::DnsRefused,
        LookupFailure::Notimp | LookupFailure::ErrorCode | LookupFailure::Malformed => Cause::DnsError,
        LookupFailure::AliasLoop => Cause::AliasLoop,
        LookupFailure::DelegationLoop => Cause::DelegationLoop,
        LookupFailure::Budget => Cause::BudgetExhausted,
    }
}

fn error_code(rcode: u16) -> Cause {
    match rcode {
        2 => Cause::DnsServfail,
        5 => Cause::DnsRefused,
        _ => Cause::DnsError,
    }
}

/// The finer codes of validation, by the causes that operators know.
fn bogus(code: &str, at_type: Option<Rtype>) -> Cause {
    let cause = match code {
        // our anchor, not the domain's keys.
        "anchor-stale" => Cause::AnchorStale,
        "alias-loop" => Cause::AliasLoop,
        "denial-missing" => Cause::DenialWrong,
        "no-zone-key" | "key-revoked" | "key-unsupported" => Cause::DsNoMatchingKey,
        "rrsig-signer" | "rrsig-labels" => Cause::RrsigWrong,
        // R-115 rfc4035#5.3: signed with nothing that counts.
        "rrsig-algorithm" | "algorithm-missing" => Cause::RrsigMissing,
        other => Cause::from_code(other).filter(|c| is_dnssec(*c)).unwrap_or(Cause::DnssecOther),
    };
    let unproven = matches!(cause, Cause::RrsigWrong | Cause::RrsigMissing | Cause::RrsigUnknownKey);
    // R-124 rfc4035#5: what cannot be believed is the alias, not the data.
    if unproven && at_type == Some(Rtype::CNAME) { Cause::CnameProofWrong } else { cause }
}

/// The proof could not be fetched: as if the answer itself could not. Of an unknown code nobody is blamed.
fn unfetched(code: Option<&str>) -> Cause {
    match code {
        Some("fetch-unreachable") => Cause::DnsUnreachable,
        Some("fetch-servfail") => Cause::DnsServfail,
        Some("fetch-refused") => Cause::DnsRefused,
        Some("fetch-error") => Cause::DnsError,
        Some("alias-loop") => Cause::AliasLoop,
        Some("delegation-loop") => Cause::DelegationLoop,
        Some("budget") => Cause::BudgetExhausted,
        _ => Cause::DnsTimeout,
    }
}

fn insecure(code: Option<&str>) -> Cause {
    match code {
        Some("ds-missing") => Cause::DsMissing,
        Some("algorithm-unsupported" | "digest-unsupported") => Cause::AlgorithmUnsupported,
        Some("nsec3-iterations-high") => Cause::Nsec3Iterations,
        // whether the domain is signed cannot be said without an anchor above it.
        Some("no-anchor") => Cause::NoAnchor,
        _ => Cause::Unsigned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-127 rfc4035#4.3: a proof that could not be fetched is judged as an answer that could not be had for the same reason.
    #[test]
    fn what_kept_a_proof_away_decides_who_is_to_blame() {
        let mut lookup = Lookup::unasked(&Name::root_bytes(), Rtype::TLSA, 0);
        lookup.failure = None;
        for (code, expected, party) in [
            ("fetch-failed", Cause::DnsTimeout, Party::Path),
            ("fetch-unreachable", Cause::DnsUnreachable, Party::Path),
            ("fetch-servfail", Cause::DnsServfail, Party::Domain),
            ("fetch-refused", Cause::DnsRefused, Party::Domain),
            ("fetch-error", Cause::DnsError, Party::Domain),
            ("delegation-loop", Cause::DelegationLoop, Party::Domain),
            ("budget", Cause::BudgetExhausted, Party::Us),
            ("of a later version", Cause::DnsTimeout, Party::Path),
        ] {
            let lookup = lookup.clone().with_status(Security::Indeterminate, code);
            assert_eq!(own_cause(&lookup).map(|c| (c, c.party())), Some((expected, party)), "{code}");
        }
    }
}
