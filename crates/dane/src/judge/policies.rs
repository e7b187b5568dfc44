//! Policies besides DANE: MTA-STS, TLS reporting, CAA. None of them changes a domain's standing, which is that of its DANE.

use super::host::{Judged, State};
use super::{Case, dns};
use crate::cause::{Cause, Party, Weight};
use crate::cert::Certificate;
use crate::dns::{Lookup, Outcome};
use crate::name::Name;
use crate::observation::{CaaObservation, FetchAttempt, HttpResponse, PoliciesObservation, PolicyFetch};
use crate::policies::caa::{Issuers, Property};
use crate::policies::sts::{Mode, Policy};
use crate::policies::{caa, octets, sts, tlsrpt, webpki};
use crate::smtp;
use crate::verdict::{Action, CaaVerdict, Finding, PoliciesVerdict, PolicyState, StsHost, StsVerdict, TlsrptVerdict};
use std::fmt::Write as _;

/// Patterns kept in a verdict.
const PATTERNS: usize = 100;

/// What is to be said, and what became of each policy; `None`: nobody looked.
pub(super) fn judge(case: &Case, judged: &[Judged]) -> (Vec<Finding>, Option<Box<PoliciesVerdict>>) {
    let Some(seen) = case.domain.and_then(|d| d.policies.as_deref()) else { return (Vec::new(), None) };
    let mut found = Vec::new();
    let sts = mta_sts(case, judged, seen, &mut found);
    let tlsrpt = reporting(case, judged, seen, &sts, &mut found);
    let caa = seen.caa.iter().map(|search| issuance(case, search, &mut found)).collect();
    (found, Some(Box::new(PoliciesVerdict { sts, tlsrpt, caa })))
}

/// Whether a cause is of this file: none of them explains how a domain stands.
pub(super) fn is_policy(cause: Cause) -> bool {
    use Cause as C;
    matches!(
        cause,
        C::StsRecordInvalid
            | C::StsPolicyUnavailable
            | C::StsPolicyInvalid
            | C::StsNotReached
            | C::StsMxMismatch
            | C::StsMxUntrusted
            | C::StsNotEnforced
            | C::StsConflict
            | C::TlsrptInvalid
            | C::TlsrptMissing
            | C::CaaExcludes
    )
}

fn say(case: &Case, cause: Cause, sentence: String) -> Finding {
    Finding::new(cause, case.subject, sentence)
}

/// The TXT records of an answer; `None`: there is no answer.
fn texts(lookup: &Lookup) -> Option<Vec<Vec<u8>>> {
    match lookup.outcome() {
        Outcome::Err => None,
        _ => Some(lookup.records.iter().filter_map(|r| octets(&r.data)).collect()),
    }
}

fn mta_sts(case: &Case, judged: &[Judged], seen: &PoliciesObservation, found: &mut Vec<Finding>) -> StsVerdict {
    let name = case.subject;
    let mut verdict = StsVerdict {
        state: PolicyState::CouldNotTell,
        id: None,
        mode: None,
        max_age: None,
        mx: Vec::new(),
        webpki: None,
        hosts: Vec::new(),
    };
    // R-081 rfc8461#3.1
    let Some(texts) = texts(&seen.sts) else { return verdict };
    match sts::record(&texts) {
        None => verdict.state = PolicyState::None,
        Some(Err(why)) => {
            verdict.state = PolicyState::Invalid;
            let sentence =
                format!("The MTA-STS record at _mta-sts.{name} is invalid: {why}. Senders act as if {name} had no MTA-STS policy.");
            found.push(say(case, Cause::StsRecordInvalid, sentence));
        }
        Some(Ok(record)) => {
            verdict.id = Some(record.id);
            match &seen.fetch {
                None => verdict.state = PolicyState::Announced,
                Some(fetch) => fetched(case, judged, fetch, &mut verdict, found),
            }
        }
    }
    verdict
}

/// Why there is no policy, and whom that is held against.
struct NoPolicy {
    cause: Cause,
    what: String,
}

impl NoPolicy {
    fn new(cause: Cause, what: impl Into<String>) -> Self {
        Self { cause, what: what.into() }
    }
}

fn fetched(case: &Case, judged: &[Judged], fetch: &PolicyFetch, verdict: &mut StsVerdict, found: &mut Vec<Finding>) {
    verdict.webpki = certificate(case, fetch).and_then(|c| c.map_or(Some(false), |trusted| trusted.then_some(true)));
    match policy(case, fetch) {
        Ok(policy) => {
            verdict.state = PolicyState::Valid;
            verdict.mode = Some(policy.mode);
            verdict.max_age = Some(policy.max_age);
            verdict.mx = policy.mx.iter().take(PATTERNS).cloned().collect();
            verdict.hosts = judged.iter().map(|host| as_sts_sees(case, host, &policy)).collect();
            found.extend(applied(case, judged, &policy, &verdict.hosts));
        }
        Err(NoPolicy { cause: Cause::NotLooked, .. }) => verdict.state = PolicyState::Announced,
        Err(NoPolicy { cause, what }) => {
            verdict.state = match cause {
                Cause::StsPolicyInvalid => PolicyState::Invalid,
                _ if cause.party() == Party::Domain => PolicyState::Unavailable,
                _ => PolicyState::CouldNotTell,
            };
            let consequence = if cause.party() == Party::Domain {
                ". Senders without an older copy act as if there were no policy."
            } else {
                ". That says nothing about the policy."
            };
            found.push(say(case, cause, format!("The MTA-STS policy of {} {what}{consequence}", case.subject)));
        }
    }
}

/// Whether the policy host's certificate authenticates it; `None`: none was seen.
fn certificate(case: &Case, fetch: &PolicyFetch) -> Option<Result<bool, crate::verification::MatchError>> {
    let tls = fetch.telling()?.tls.as_ref().filter(|tls| !tls.chain.is_empty())?;
    Some(webpki::authenticates(&tls.chain, &fetch.host, case.roots, case.at))
}

/// The policy, or why senders have none.
fn policy(case: &Case, fetch: &PolicyFetch) -> Result<Policy, NoPolicy> {
    let unavailable = |what: String| NoPolicy::new(Cause::StsPolicyUnavailable, what);
    let Some(attempt) = fetch.telling() else { return Err(no_address(case, fetch)) };
    if let Some(cause) = smtp::connection(&attempt.connect) {
        let cause = match cause.party() {
            Party::Domain => Cause::StsPolicyUnavailable,
            Party::Path => Cause::StsNotReached,
            Party::Us => cause,
        };
        let why = connection_words(attempt);
        return Err(NoPolicy::new(cause, format!("was not fetched: {} [{}] {why}", fetch.host, attempt.address)));
    }
    let tls_error = attempt.tls.as_ref().and_then(|tls| tls.error.as_ref());
    if let Some(error) = tls_error.filter(|_| attempt.response.is_none()) {
        let reset = matches!(error.kind.as_str(), "timeout" | "closed" | "reset");
        let cause = if reset { Cause::StsNotReached } else { Cause::StsPolicyUnavailable };
        let detail = error.alert.as_deref().unwrap_or(&error.detail);
        return Err(NoPolicy::new(cause, format!("cannot be fetched: the TLS handshake with {} fails ({detail})", fetch.host)));
    }
    // R-081 rfc8461#3.3: a certificate for the policy host, by its DNS names, from a trusted root, in its time.
    if let Some(Err(why)) = certificate(case, fetch) {
        return Err(unavailable(format!("cannot be fetched: the certificate of {} is not trusted: {}", fetch.host, why.detail)));
    }
    if attempt.tls.as_ref().is_some_and(|tls| tls.key_proven == Some(false)) {
        return Err(unavailable(format!("cannot be fetched: {} does not prove that it holds its certificate's key", fetch.host)));
    }
    match (&attempt.response, attempt.failure.as_deref()) {
        (Some(response), None) => read(response),
        (Some(response), Some(_)) if response.status != 200 => read(response),
        (_, Some("timeout" | "closed")) => {
            Err(NoPolicy::new(Cause::StsNotReached, format!("was not fetched: {} did not answer to the end", fetch.host)))
        }
        (_, Some("too-large")) => Err(unavailable("is longer than the 64 kB that senders read".to_owned())),
        _ => Err(unavailable(format!("cannot be fetched: what answers at {} does not speak HTTP", fetch.host))),
    }
}

/// R-081 rfc8461#3.2, rfc8461#3.3: status 200 and no redirect, plain text, and well-formed.
fn read(response: &HttpResponse) -> Result<Policy, NoPolicy> {
    let unavailable = |what: String| NoPolicy::new(Cause::StsPolicyUnavailable, what);
    match (response.status, &response.location) {
        (200, _) => {}
        (300..=399, Some(to)) => {
            return Err(unavailable(format!("cannot be fetched: the server redirects to {}, which senders must not follow", short(to))));
        }
        (status, _) => return Err(unavailable(format!("cannot be fetched: the server answers with status {status}"))),
    }
    let invalid = |what: String| NoPolicy::new(Cause::StsPolicyInvalid, what);
    let media = response.content_type.as_deref().and_then(|t| t.split(';').next()).unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("text/plain") {
        let media = if media.is_empty() { "without a media type".to_owned() } else { format!("as {}", short(media)) };
        return Err(invalid(format!("is served {media} and not as text/plain, as senders want it")));
    }
    let text = response.body.text().ok_or_else(|| invalid("is invalid: it is not UTF-8".to_owned()))?;
    sts::policy(text).map_err(|why| invalid(format!("is invalid: {why}")))
}

fn no_address(case: &Case, fetch: &PolicyFetch) -> NoPolicy {
    let failed = [&fetch.a, &fetch.aaaa].into_iter().find(|l| l.outcome() == Outcome::Err);
    match failed {
        None => NoPolicy::new(Cause::StsPolicyUnavailable, format!("cannot be fetched: {} has no address", fetch.host)),
        Some(lookup) => {
            let cause = dns::cause(case, lookup).unwrap_or(Cause::DnsError);
            let cause = if cause.party() == Party::Domain { Cause::StsPolicyUnavailable } else { Cause::StsNotReached };
            NoPolicy::new(
                cause,
                format!("cannot be fetched: the address of {} cannot be had: {}", fetch.host, dns::particulars(case, lookup)),
            )
        }
    }
}

fn connection_words(attempt: &FetchAttempt) -> String {
    use crate::observation::Connect as C;
    match &attempt.connect {
        C::Connected => String::new(),
        C::Refused => "refuses connections".to_owned(),
        C::Timeout => "does not answer".to_owned(),
        C::Unreachable { detail } | C::LocalError { detail } => format!("cannot be reached ({detail})"),
        C::NotTried { why } if why == "not-public-address" => "is no address on the Internet".to_owned(),
        C::NotTried { why } => format!("was left alone ({why})"),
    }
}

fn as_sts_sees(case: &Case, host: &Judged, policy: &Policy) -> StsHost {
    let name = &host.verdict.host;
    let text = name.to_string();
    // R-081 rfc8461#4.1
    StsHost { host: name.clone(), covered: policy.mx.iter().any(|p| sts::covers(p, &text)), webpki: authenticated(case, host) }
}

/// Whether a host does TLS with a certificate that is trusted for its name, wherever it was seen. (R-081 rfc8461#4.2)
fn authenticated(case: &Case, host: &Judged) -> Option<bool> {
    let mut known = None;
    for server in &host.verdict.servers {
        let blamed = server.obstacle.map(|c| c.party() == Party::Domain && c.weight() == Weight::Error);
        match (blamed, server.webpki) {
            (Some(true), _) => return Some(false),
            (Some(false), _) | (None, None) => {}
            (None, Some(pki)) if !pki.names_host || pki.trusted == Some(false) => return Some(false),
            (None, Some(pki)) => known = known.or(pki.trusted),
        }
    }
    known.filter(|_| !case.roots.is_empty())
}

/// What follows from a policy for the MX hosts that there are.
fn applied(case: &Case, judged: &[Judged], policy: &Policy, hosts: &[StsHost]) -> Vec<Finding> {
    let name = case.subject;
    let weight = match policy.mode {
        Mode::Enforce => Weight::Error,
        Mode::Testing => Weight::Warning,
        Mode::None => {
            return vec![say(
                case,
                Cause::StsNotEnforced,
                format!("The MTA-STS policy of {name} has mode none: senders act as if there were none."),
            )];
        }
    };
    let mut found = Vec::new();
    if policy.mode == Mode::Testing {
        let sentence = format!("The MTA-STS policy of {name} has mode testing: senders report what is wrong and deliver all the same.");
        found.push(say(case, Cause::StsNotEnforced, sentence));
    }
    let fate = if policy.mode == Mode::Enforce {
        "Senders that hold to MTA-STS do not deliver there"
    } else {
        "Under mode enforce it would get no mail"
    };
    let failing = |wrong: &dyn Fn(&StsHost) -> bool| list(hosts.iter().filter(|h| wrong(h)).map(|h| &h.host));
    if let Some(uncovered) = failing(&|h| !h.covered) {
        let sentence = format!("The MTA-STS policy of {name} has no pattern for its MX host {uncovered}. {fate}.");
        found.push(say(case, Cause::StsMxMismatch, sentence).weighing(weight));
    }
    if let Some(untrusted) = failing(&|h| h.covered && h.webpki == Some(false)) {
        let sentence = format!(
            "The MTA-STS policy of {name} wants TLS with a trusted certificate for the host's name, and {untrusted} has none. {fate}."
        );
        found.push(say(case, Cause::StsMxUntrusted, sentence).weighing(weight));
    }
    // R-080 rfc8461#2: what DANE fails, MTA-STS does not mend.
    let passes = |host: &Judged| hosts.iter().any(|h| h.host == host.verdict.host && h.covered && h.webpki == Some(true));
    let in_conflict = judged.iter().filter(|h| h.state == State::Broken && passes(h)).map(|h| &h.verdict.host);
    if let Some(both) = list(in_conflict).filter(|_| policy.mode == Mode::Enforce) {
        let sentence = format!(
            "MTA-STS would let mail through to {both}, and DANE fails there. Senders that do both must follow DANE, so they do not deliver; those that know MTA-STS only do, and notice nothing."
        );
        found.push(say(case, Cause::StsConflict, sentence));
    }
    found
}

/// Some hosts in words; `None`: there are none.
fn list<'a>(hosts: impl Iterator<Item = &'a Name>) -> Option<String> {
    const SHOWN: usize = 5;
    let hosts: Vec<String> = hosts.map(ToString::to_string).collect();
    let mut text = hosts.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(more @ 1..) = hosts.len().checked_sub(SHOWN) {
        let _ = write!(text, " and {more} more");
    }
    (!hosts.is_empty()).then_some(text)
}

fn reporting(case: &Case, judged: &[Judged], seen: &PoliciesObservation, sts: &StsVerdict, found: &mut Vec<Finding>) -> TlsrptVerdict {
    let name = case.subject;
    let Some(texts) = texts(&seen.tlsrpt) else { return TlsrptVerdict { state: PolicyState::CouldNotTell, rua: Vec::new() } };
    // R-082 rfc8460#3
    match tlsrpt::record(&texts) {
        Some(Ok(record)) => TlsrptVerdict { state: PolicyState::Valid, rua: record.rua },
        Some(Err(why)) => {
            let sentence =
                format!("The TLS reporting record at _smtp._tls.{name} is invalid: {why}. Senders do not report what goes wrong.");
            found.push(say(case, Cause::TlsrptInvalid, sentence));
            TlsrptVerdict { state: PolicyState::Invalid, rua: Vec::new() }
        }
        None => {
            // Who promises nothing has nothing to be told of.
            let promises = judged.iter().any(|h| matches!(h.verdict.action, Action::Dane | Action::Enc));
            if promises || sts.state == PolicyState::Valid {
                let sentence = format!(
                    "{name} has no TLS reporting record at _smtp._tls.{name}, so senders do not tell its operators when they cannot deliver."
                );
                found.push(say(case, Cause::TlsrptMissing, sentence));
            }
            TlsrptVerdict { state: PolicyState::None, rua: Vec::new() }
        }
    }
}

/// R-140 rfc8659#3: the first record set on the way up counts.
fn issuance(case: &Case, search: &CaaObservation, found: &mut Vec<Finding>) -> CaaVerdict {
    let host = search.host.clone();
    let Some(last) = search.lookups.last() else { return CaaVerdict { host, at: None, issuers: None, failed: true } };
    match last.outcome() {
        Outcome::Err => CaaVerdict { host, at: None, issuers: None, failed: true },
        Outcome::NoData | Outcome::NxDomain => CaaVerdict { host, at: None, issuers: None, failed: false },
        Outcome::Data => {
            let properties: Vec<Property> = last.records.iter().filter_map(|r| Property::parse(&r.data)).collect();
            let issuers = match caa::issuers(&properties) {
                Issuers::Any => None,
                Issuers::Only(domains) => Some(domains),
            };
            found.extend(issuers.as_deref().and_then(|only| excluded(case, &host, &last.name, only)));
            CaaVerdict { host, at: Some(last.name.clone()), issuers, failed: false }
        }
    }
}

/// The certificate that a host shows is from a CA that may not issue (any more): the next renewal fails.
fn excluded(case: &Case, host: &Name, at: &Name, issuers: &[String]) -> Option<Finding> {
    let servers = case.hosts.iter().filter(|h| h.host == *host).flat_map(|h| &h.servers);
    let chains = servers.filter_map(|s| s.tls.as_ref()).map(|t| t.chain.as_slice());
    let issuer = chains.filter(|c| webpki::trusted(c, case.roots, case.at) == Some(true)).find_map(|chain| {
        let leaf = Certificate::parse_shared(chain.first()?).ok()?;
        // Which domain stands for which CA is known of few; that nobody may issue is clear.
        let excluded = issuers.is_empty() || (leaf.issuer().contains("Let's Encrypt") && !issuers.iter().any(|i| i == "letsencrypt.org"));
        excluded.then(|| leaf.issuer())
    })?;
    let whom = if issuers.is_empty() { "nobody".to_owned() } else { format!("only {}", issuers.join(", ")) };
    let sentence = format!(
        "The CAA records at {at} let {whom} issue certificates for {host}, and its certificate is by {}: its renewal will fail.",
        short(&issuer)
    );
    Some(Finding::new(Cause::CaaExcludes, host, sentence))
}

/// Foreign text in a length that can be read.
fn short(text: &str) -> String {
    const SHOWN: usize = 100;
    let cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
