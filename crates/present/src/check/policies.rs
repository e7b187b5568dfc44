//! MTA-STS, TLS reporting and CAA, in a few lines.

use super::{heading, step};
use crate::style::{Ink, Style};
use crate::text::{clean, duration};
use dane::policies::sts::Mode;
use dane::verdict::{CaaVerdict, PoliciesVerdict, PolicyState, StsVerdict, TlsrptVerdict};

/// Things of one kind that are shown.
const SHOWN: usize = 4;

pub(super) fn policies(out: &mut String, verdict: &PoliciesVerdict, style: &Style) {
    heading(out, style, "Other policies");
    let (ink, status, text) = sts(&verdict.sts);
    step(out, style, (ink, "MTA-STS", status), &text);
    let (ink, status, text) = tlsrpt(&verdict.tlsrpt);
    step(out, style, (ink, "TLSRPT", status), &text);
    // Hosts of one provider have the same records.
    let mut told: Vec<(Ink, &str, String)> = Vec::new();
    for line in verdict.caa.iter().map(caa) {
        if !told.contains(&line) {
            told.push(line);
        }
    }
    for (ink, status, text) in told.iter().take(SHOWN) {
        step(out, style, (*ink, "CAA", status), text);
    }
}

/// What a state that is not the policy's own looks like.
fn state(state: PolicyState) -> (Ink, &'static str) {
    match state {
        PolicyState::Valid => (Ink::Good, "valid"),
        PolicyState::None => (Ink::Dim, "none"),
        PolicyState::Announced => (Ink::Dim, "announced"),
        PolicyState::Invalid => (Ink::Warn, "invalid"),
        PolicyState::Unavailable => (Ink::Warn, "unavailable"),
        PolicyState::CouldNotTell => (Ink::Unseen, "could not tell"),
    }
}

fn sts(sts: &StsVerdict) -> (Ink, &'static str, String) {
    let (ink, status) = state(sts.state);
    let (PolicyState::Valid, Some(mode)) = (sts.state, sts.mode) else {
        let text = match sts.state {
            PolicyState::Announced => "a record announces a policy, which was not fetched",
            PolicyState::Invalid | PolicyState::Unavailable => "senders act as if there were no policy",
            _ => "",
        };
        return (ink, status, text.to_owned());
    };
    let kept = duration(u64::from(sts.max_age.unwrap_or_default()));
    let fails: Vec<String> =
        sts.hosts.iter().filter(|h| !h.covered || h.webpki == Some(false)).map(|h| clean(&h.host.to_string())).collect();
    let holds = match (mode, fails.is_empty()) {
        (Mode::None, _) => return (Ink::Dim, mode.word(), format!("given up; kept for {kept}")),
        (_, true) if sts.hosts.iter().any(|h| h.webpki.is_none()) => {
            "covers every MX host; not every certificate could be judged".to_owned()
        }
        (_, true) => "holds for every MX host".to_owned(),
        (_, false) => format!("fails for {}", some(&fails)),
    };
    let ink = match (mode, fails.is_empty()) {
        (_, true) => Ink::Good,
        (Mode::Enforce, false) => Ink::Bad,
        (_, false) => Ink::Warn,
    };
    let patterns: Vec<String> = sts.mx.iter().map(|mx| clean(mx)).collect();
    (ink, mode.word(), format!("{holds} (mx {}; kept for {kept})", some(&patterns)))
}

fn tlsrpt(tlsrpt: &TlsrptVerdict) -> (Ink, &'static str, String) {
    let (ink, status) = state(tlsrpt.state);
    let rua: Vec<String> = tlsrpt.rua.iter().map(|uri| clean(uri)).collect();
    let text = if rua.is_empty() { String::new() } else { format!("reports to {}", some(&rua)) };
    (ink, status, text)
}

fn caa(caa: &CaaVerdict) -> (Ink, &'static str, String) {
    let at = caa.at.as_ref().map(|at| clean(&at.to_string()));
    let issuers = caa.issuers.as_ref().map(|i| i.iter().map(|d| clean(d)).collect::<Vec<_>>());
    match (at, issuers) {
        _ if caa.failed => (Ink::Unseen, "could not tell", clean(&caa.host.to_string())),
        (Some(at), Some(issuers)) if issuers.is_empty() => (Ink::Warn, "nobody", format!("may issue certificates ({at})")),
        (Some(at), Some(issuers)) => (Ink::Good, "restricted", format!("{} may issue certificates ({at})", some(&issuers))),
        (Some(at), None) => (Ink::Dim, "anybody", format!("may issue certificates ({at})")),
        (None, _) => (Ink::Dim, "none", "any CA may issue certificates".to_owned()),
    }
}

/// The first few, and how many there are besides.
fn some(things: &[String]) -> String {
    let shown = things.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match things.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}
