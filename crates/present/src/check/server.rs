//! One MX host: addresses, TLSA records with their labels, SMTP, certificates.

use super::chain::{above, answer, because, state, zone_steps};
use super::{Subject, heading, step};
use crate::style::{Ink, Style};
use crate::text::{clean, count, cut, time};
use dane::Epoch;
use dane::cause::Weight;
use dane::cert::Certificate;
use dane::dns::Lookup;
use dane::observation::{AddressObservation, ClientOffer, Connect, HostObservation, OtherLook, Shows, TlsObservation};
use dane::smtp;
use dane::verdict::{Action, HostVerdict, RecordLabel, RecordVerdict, ServerVerdict};
use std::fmt::Write as _;

/// Certificates of a chain that are listed.
const CERTIFICATES_SHOWN: usize = 8;

/// Everything about one MX host.
pub(super) fn host(out: &mut String, subject: Subject, (verdict, at): (&HostVerdict, Epoch), style: &Style) {
    let action = match verdict.action {
        Action::Dane => "a DANE sender demands an authenticated server",
        Action::Enc => "a DANE sender demands TLS, but can authenticate nobody",
        Action::Opp => "a DANE sender uses TLS if it is there, and authenticates nobody",
        Action::Skip => "a DANE sender passes this host by",
    };
    let what = if matches!(subject, Subject::Domain(_)) { format!("MX {}", verdict.preference) } else { "Host".into() };
    heading(out, style, &format!("{what} {}", clean(&verdict.host.to_string())));
    let _ = writeln!(out, "  {}", style.paint(Ink::Dim, action));
    let seen = match subject {
        Subject::Domain(observation) => observation.hosts.iter().find(|h| h.host == verdict.host).map(AsRef::as_ref),
        Subject::Host(host) => Some(host),
    };
    let Some(seen) = seen else {
        step(out, style, (Ink::Unseen, "host", "not looked at"), "");
        return;
    };
    if let Some(zone) = &seen.zone {
        match subject {
            Subject::Domain(o) if o.domain.zone.as_ref().is_some_and(|d| d.apex == zone.apex) => {}
            Subject::Domain(_) => zone_steps(out, zone, style),
            Subject::Host(_) => above(out, zone, style),
        }
    }
    addresses(out, seen, style);
    for tlsa in &seen.tlsa {
        tlsa_step(out, tlsa, style);
    }
    for record in &verdict.records {
        labelled(out, record, style);
    }
    for server in &seen.servers {
        visit(out, server, verdict.servers.iter().find(|v| v.address == server.address), verdict.action, style);
        out.push_str(&crate::depth::depth(server, at, 4, style));
    }
}

fn addresses(out: &mut String, seen: &HostObservation, style: &Style) {
    for (what, lookup) in [("A", &seen.a), ("AAAA", &seen.aaaa)] {
        let (ink, word) = state(lookup);
        step(out, style, (ink, what, word), &answer(lookup));
    }
}

fn tlsa_step(out: &mut String, lookup: &Lookup, style: &Style) {
    let (ink, word) = state(lookup);
    let until = lookup.signature.as_ref().map(|s| format!(", signature until {}", time(s.expiration))).unwrap_or_default();
    let owner = clean(&lookup.name.to_string());
    let text = match lookup.records.len() {
        0 => format!("{owner}: {}", answer(lookup)),
        n => {
            let ttl = lookup.records.iter().map(|r| r.ttl).min().unwrap_or_default();
            let alias = lookup.aliases.iter().map(|a| format!(", alias of {}", clean(&a.target.to_string()))).collect::<String>();
            format!("{owner}: {}{alias}, TTL {ttl} s{until}{}", count(n as u64, "record"), because(lookup))
        }
    };
    step(out, style, (ink, "TLSA", word), &text);
}

pub(super) fn labelled(out: &mut String, record: &RecordVerdict, style: &Style) {
    let (ink, label) = match record.label {
        RecordLabel::Matches => (Ink::Good, "matches"),
        RecordLabel::NextKey => (Ink::Good, "next key"),
        RecordLabel::Issuer => (Ink::Good, "issuer"),
        RecordLabel::Stale => (Ink::Warn, "stale"),
        RecordLabel::Garbage => (Ink::Bad, "garbage"),
        RecordLabel::Unusable => (Ink::Warn, "unusable"),
        RecordLabel::Hidden => (Ink::Warn, "hidden"),
        RecordLabel::Unmatched => (Ink::Bad, "no match"),
        RecordLabel::Unknown => (Ink::Unseen, "unknown"),
    };
    let width = style.width().saturating_sub(4);
    let record_text = cut(&clean(&record.record), width);
    let _ = writeln!(out, "    {}", style.paint(Ink::Code, record_text));
    let reason = crate::text::wrap(&clean(&record.reason), style.width().saturating_sub(16));
    for (number, line) in reason.iter().enumerate() {
        let label = if number == 0 { label } else { "" };
        let text = format!("      {} {line}", style.paint(ink, format!("{label:<9}")));
        let _ = writeln!(out, "{}", text.trim_end());
    }
}

/// SMTP, TLS and certificates each by themselves, and then what it comes to.
fn visit(out: &mut String, server: &AddressObservation, verdict: Option<&ServerVerdict>, action: Action, style: &Style) {
    let obstacle = verdict.and_then(|v| v.obstacle);
    let (bad, word) = match obstacle {
        Some(cause) if cause.weight() == Weight::Unknown => (Ink::Unseen, "not seen"),
        Some(_) => (Ink::Bad, "fails"),
        None => (Ink::Dim, "not tried"),
    };
    let through = smtp::offers_starttls(server) == Some(true) && server.reply_code(Some("STARTTLS")) == Some(220);
    let (ink, word) = if through { (Ink::Good, "works") } else { (bad, word) };
    let what = format!("{}:{}", server.address, server.transport_port);
    step(out, style, (ink, "SMTP", word), &format!("{what} {}", dialogue(server)));
    let say = |out: &mut String| {
        if let Some(cause) = obstacle {
            step(out, style, (Ink::Dim, "", ""), &format!("{}: {}", cause.code(), cause.title()));
        }
    };
    if !through {
        say(out);
    }
    if let Some(tls) = &server.tls {
        let failed = tls.error.is_some() || tls.key_proven == Some(false) || (through && obstacle.is_some());
        let ink = if failed { bad } else { Ink::Good };
        step(out, style, (ink, "TLS", tls.version.as_deref().unwrap_or("failed")), &session(tls));
    }
    if through {
        say(out);
    }
    if let Some(tls) = &server.tls {
        chain(out, tls, verdict, style);
    }
    for (client, shown) in server.others.iter().filter_map(other) {
        step(out, style, (Ink::Dim, "else", client), &shown);
    }
    if let Some(verdict) = verdict {
        outcome(out, verdict, action, style);
    }
}

/// What a sender that validates DANE does at this address.
fn outcome(out: &mut String, verdict: &ServerVerdict, action: Action, style: &Style) {
    let (ink, word, text) = match (action, verdict.rfc_delivers, verdict.obstacle) {
        (Action::Skip, _, _) => return,
        (_, None, _) => (Ink::Unseen, "could not tell", ""),
        (_, Some(false), Some(_)) => (Ink::Bad, "fails", "no TLS session that a DANE sender accepts"),
        (_, Some(false), None) => (Ink::Bad, "fails", "no TLSA record matches"),
        (Action::Dane, Some(true), _) => (Ink::Good, "delivers", "authenticated by a TLSA record"),
        (Action::Enc, Some(true), _) => (Ink::Warn, "delivers", "encrypted, nobody authenticated"),
        (Action::Opp, Some(true), _) => (Ink::Warn, "delivers", "as if there were no DANE"),
    };
    step(out, style, (ink, "DANE", word), text);
}

/// The replies, briefly.
fn dialogue(server: &AddressObservation) -> String {
    match &server.connect {
        Connect::Connected => {}
        Connect::Refused => return "connection refused".into(),
        Connect::Timeout => return "no answer".into(),
        Connect::Unreachable { detail } | Connect::LocalError { detail } => return clean(detail),
        Connect::NotTried { why } => return format!("not tried: {}", clean(why)),
    }
    let code = |command: Option<&str>| server.reply_code(command).map_or_else(|| "no reply".to_owned(), |c| c.to_string());
    let starttls = server.dialogue.iter().any(|e| e.sent.as_deref() == Some("STARTTLS"));
    let starttls = if starttls { format!(", STARTTLS {}", code(Some("STARTTLS"))) } else { String::new() };
    let visits = server.earlier.len() + 1;
    let which = if visits > 1 { format!(" at visit {visits}") } else { String::new() };
    format!("greeting {}{starttls}{which}", code(None))
}

fn session(tls: &TlsObservation) -> String {
    let mut parts: Vec<String> = [&tls.cipher, &tls.group, &tls.signature_scheme].into_iter().flatten().map(|p| clean(p)).collect();
    if let Some(error) = &tls.error {
        parts.push(format!("{}: {}", clean(&error.kind), clean(&error.detail)));
    }
    if tls.key_proven == Some(false) {
        parts.push("key not proven".into());
    }
    parts.join(", ")
}

fn chain(out: &mut String, tls: &TlsObservation, verdict: Option<&ServerVerdict>, style: &Style) {
    // Whatever matched is among those shown: nobody needs the hundredth stranger.
    let matched_at = verdict.and_then(|v| v.depth).map_or(0, usize::from);
    let shown = tls.chain.len().min(CERTIFICATES_SHOWN.max(matched_at + 1));
    let parsed: Vec<_> = tls.chain[..shown].iter().map(|bytes| Certificate::parse(&bytes.0)).collect();
    for (depth, (bytes, certificate)) in tls.chain.iter().zip(&parsed).enumerate() {
        let issues = |below: &Certificate| certificate.as_ref().is_ok_and(|c| below.may_be_issued_by(c));
        let what = match depth {
            0 => "leaf",
            _ if parsed[..depth].iter().flatten().any(issues) => "issuer",
            _ => "other",
        };
        let failed = verdict.is_some_and(|v| v.obstacle.is_none() && v.rfc_delivers == Some(false));
        let matched = verdict.is_some_and(|v| v.depth.map(usize::from) == Some(depth));
        let (ink, word) = match (failed, matched) {
            (true, _) if depth == 0 => (Ink::Bad, "no match"),
            (false, true) => (Ink::Good, "matched"),
            _ => (Ink::Dim, ""),
        };
        let text = match certificate {
            Ok(c) => briefly(c, depth),
            Err(error) => format!("{error} ({} octets)", bytes.0.len()),
        };
        step(out, style, (ink, what, word), &text);
    }
    if let Some(more @ 1..) = tls.chain.len().checked_sub(shown) {
        step(out, style, (Ink::Dim, "", ""), &format!("and {}", count(more as u64, "more certificate")));
    }
}

/// A certificate in a few words.
fn briefly(certificate: &Certificate, depth: usize) -> String {
    let name = certificate.common_names().pop().unwrap_or_else(|| certificate.called(depth).trim_matches('\'').to_owned());
    let until = certificate.not_after.map(|t| format!(", until {}", time(t))).unwrap_or_default();
    let bits = certificate.key.bits.filter(|_| certificate.key.kind == "RSA").map(|b| format!(" {b}")).unwrap_or_default();
    format!("{}{until}, {}{bits}", clean(&name), clean(&certificate.key.kind))
}

/// What another kind of client is shown, where that is worth a line: kind, and certificate. That a server has no second certificate is not.
#[must_use]
pub fn other(look: &OtherLook) -> Option<(&'static str, String)> {
    let Shows::Other(tls) = &look.shows else { return None };
    let client = match look.offer {
        ClientOffer::Rsa => "RSA only",
        ClientOffer::Ecdsa => "ECDSA only",
        ClientOffer::NoName => "no SNI",
    };
    let shown = match (tls.chain.first().map(Certificate::parse_shared), &tls.error) {
        (Some(Ok(leaf)), _) => briefly(&leaf, 0),
        (Some(Err(error)), _) => error.to_string(),
        (None, _) if look.offer != ClientOffer::NoName => return None,
        (None, Some(error)) => format!("no certificate ({})", clean(error.alert.as_deref().unwrap_or(&error.kind))),
        (None, None) => "no certificate".to_owned(),
    };
    Some((client, shown))
}
