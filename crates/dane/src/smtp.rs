//! What the dialogue with one SMTP server means: did we see its TLS, and if not, who is in the way?
//!
//! A server that is busy, greylists us or has us on a block list says nothing about its DANE. So *could not look* (path, us) is told apart
//! from *bad* (domain), and in doubt it is *could not look*: a cause of the domain needs evidence that every sender would meet the same.
//!
//! | step | could not look | bad |
//! |---|---|---|
//! | connect | refused, timeout, unreachable, not tried | |
//! | greeting | 4xx, 5xx, silence, closed, no SMTP | |
//! | EHLO | 4xx, 5xx, silence, closed, no SMTP | EHLO unknown (500, 502) and HELO fine: no extensions |
//! | STARTTLS | 421, block list, silence, closed | not offered, 454, 500 to 504, other 5xx that speak of no block list |
//! | handshake | silence, closed, reset, our engine's limits | every other failure, no or garbage certificate, key not proven |

mod again;
#[cfg(test)]
mod tests;

pub use again::{Again, again};

use crate::cause::Cause;
use crate::cert::Certificate;
use crate::observation::{AddressObservation, Connect, Exchange, Got, TlsObservation};

/// What kept a sender from a TLS session with this address; `None`: nothing did, and the certificate was seen.
#[must_use]
pub fn obstacle(server: &AddressObservation) -> Option<Cause> {
    match (&server.connect, &server.tls) {
        (Connect::Connected, _) => talk(server),
        // A chain from a file stands in for a visit.
        (Connect::NotTried { .. }, Some(tls)) => handshake(tls),
        (connect, _) => connection(connect),
    }
}

/// Why there is no connection; `None`: there is one.
#[must_use]
pub fn connection(connect: &Connect) -> Option<Cause> {
    match connect {
        Connect::Connected => None,
        Connect::Refused => Some(Cause::ConnectionRefused),
        Connect::Timeout => Some(Cause::ConnectionTimeout),
        Connect::Unreachable { .. } => Some(Cause::Unreachable),
        Connect::LocalError { .. } => Some(Cause::LocalError),
        Connect::NotTried { why } => Some(not_tried(why)),
    }
}

/// Whether the server asks us to come back: what it shows then may be another thing.
#[must_use]
pub fn asks_to_come_back(server: &AddressObservation) -> bool {
    matches!(obstacle(server), Some(Cause::Greylisted | Cause::RateLimited))
}

/// What else the dialogue shows: against good practice, but no obstacle.
#[must_use]
pub fn remarks(server: &AddressObservation) -> Vec<Cause> {
    let mut remarks = Vec::new();
    if server.early_bytes.is_some() {
        remarks.push(Cause::EarlyBytes);
    }
    let starttls = extension(server, "STARTTLS").is_some();
    let passwords = |mechanisms: &str| mechanisms.split_ascii_whitespace().any(|m| matches!(m, "PLAIN" | "LOGIN"));
    if starttls && extension(server, "AUTH").is_some_and(|m| passwords(&m.to_ascii_uppercase())) {
        remarks.push(Cause::AuthBeforeStarttls);
    }
    remarks
}

/// Whether the last good reply to EHLO in the clear offers STARTTLS. `None`: there is no such reply.
#[must_use]
pub fn offers_starttls(server: &AddressObservation) -> Option<bool> {
    ehlo_lines(server)?;
    Some(extension(server, "STARTTLS").is_some())
}

/// Whether the last good reply to EHLO in the clear offers AUTH, by any mechanism. `None`: there is no such reply.
#[must_use]
pub fn offers_auth(server: &AddressObservation) -> Option<bool> {
    ehlo_lines(server)?;
    Some(extension(server, "AUTH").is_some())
}

/// The words of the reply that decided [`obstacle`], for people: `554 5.7.1 Go away`. Cut to one line of bounded length.
#[must_use]
pub fn decisive_words(server: &AddressObservation) -> Option<String> {
    let last = server.dialogue.iter().rfind(|e| !e.encrypted && !is_quit(e))?;
    let text = match &last.got {
        Got::Reply { code, lines } => format!("{code} {}", lines.last().map_or("", String::as_str)),
        Got::Garbage { text, .. } => text.clone(),
        Got::Timeout | Got::Closed | Got::Reset => return None,
    };
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect();
    Some(clean.trim_end().to_owned())
}

fn not_tried(why: &str) -> Cause {
    match why {
        "opted-out" => Cause::OptedOut,
        "no-ipv6" => Cause::NoIpv6,
        "port-25-blocked" => Cause::Port25Blocked,
        "not-public-address" => Cause::AddressNotPublic,
        "limit" => Cause::BudgetExhausted,
        _ => Cause::NotLooked,
    }
}

fn talk(server: &AddressObservation) -> Option<Cause> {
    let plain = |e: &&Exchange| !e.encrypted;
    let Some(greeting) = server.dialogue.iter().filter(plain).find(|e| e.sent.is_none()) else {
        return Some(Cause::BannerTimeout);
    };
    if let Some(cause) = opening(&greeting.got, 220, Cause::BannerTimeout) {
        return Some(cause);
    }
    if let Some(cause) = hello(server) {
        return Some(cause);
    }
    // rfc7672#2.2: a sender does not try what is not offered, even if it would work.
    if extension(server, "STARTTLS").is_none() {
        return Some(if masked(server) { Cause::StarttlsStripped } else { Cause::StarttlsNotOffered });
    }
    let Some(answer) = server.dialogue.iter().filter(plain).find(|e| says(e, "STARTTLS")) else {
        return Some(Cause::BudgetExhausted);
    };
    if let Some(cause) = starttls(&answer.got) {
        return Some(cause);
    }
    server.tls.as_ref().map_or(Some(Cause::BudgetExhausted), handshake)
}

/// The greeting, or the reply to EHLO: anything but consent means that we were not let in.
fn opening(got: &Got, consent: u16, silence: Cause) -> Option<Cause> {
    match got {
        Got::Reply { code, .. } if *code == consent => None,
        Got::Reply { code: 421, .. } => Some(Cause::RateLimited),
        Got::Reply { code: 400..=499, lines } if speaks_of(lines, &BUSY) => Some(Cause::RateLimited),
        Got::Reply { code: 400..=499, .. } => Some(Cause::Greylisted),
        Got::Reply { code: 500..=599, .. } => Some(Cause::SmtpBlocked),
        Got::Reply { .. } => Some(Cause::NotSmtp),
        Got::Garbage { why, .. } => Some(garbage(why)),
        Got::Timeout => Some(silence),
        Got::Closed | Got::Reset => Some(Cause::ConnectionReset),
    }
}

/// EHLO, and HELO where EHLO is not known.
fn hello(server: &AddressObservation) -> Option<Cause> {
    let plain = server.dialogue.iter().filter(|e| !e.encrypted);
    let mut refusal = Some(Cause::ConnectionReset);
    let mut unknown = false;
    for exchange in plain {
        if says(exchange, "EHLO") {
            refusal = opening(&exchange.got, 250, Cause::Tarpit);
            unknown = matches!(exchange.got, Got::Reply { code: 500 | 502, .. });
            refusal?;
        } else if says(exchange, "HELO") {
            let fine = opening(&exchange.got, 250, Cause::Tarpit);
            match fine {
                // A server from before RFC 1869: it talks to us, and it has no extensions.
                None if unknown => return None,
                // It wants no EHLO from us in particular.
                None => {}
                Some(cause) => refusal = Some(cause),
            }
        }
    }
    refusal
}

fn starttls(got: &Got) -> Option<Cause> {
    match got {
        Got::Reply { code: 220, .. } => None,
        Got::Reply { code: 421, .. } => Some(Cause::RateLimited),
        Got::Reply { code: 400..=499, lines } if speaks_of(lines, &BUSY) => Some(Cause::RateLimited),
        // RFC 3207 section 4: "454 TLS not available due to temporary reason".
        Got::Reply { code: 454, .. } => Some(Cause::StarttlsTemporary),
        Got::Reply { code: 400..=499, lines } if speaks_of(lines, &TLS) => Some(Cause::StarttlsTemporary),
        Got::Reply { code: 400..=499, .. } => Some(Cause::Greylisted),
        // Exchange without a certificate: "554 5.7.3 Unable to initialize security subsystem".
        Got::Reply { code: 505..=599, lines } if speaks_of(lines, &BLOCKED) && !speaks_of(lines, &TLS) => Some(Cause::SmtpBlocked),
        Got::Reply { code: 500..=599, .. } => Some(Cause::StarttlsRefused),
        Got::Reply { .. } => Some(Cause::NotSmtp),
        Got::Garbage { why, .. } => Some(garbage(why)),
        Got::Timeout => Some(Cause::Tarpit),
        Got::Closed | Got::Reset => Some(Cause::ConnectionReset),
    }
}

/// Bytes that are no reply: of a server that is slow or leaves in the middle of a word, or of something else.
fn garbage(why: &str) -> Cause {
    match why {
        "too-slow" => Cause::Tarpit,
        "cut-off" => Cause::ConnectionReset,
        _ => Cause::NotSmtp,
    }
}

/// What a sender that got so far finds wrong with the handshake.
pub(crate) fn handshake(tls: &TlsObservation) -> Option<Cause> {
    if let Some(failure) = &tls.error {
        let by_kind = match failure.kind.as_str() {
            "timeout" => Some(Cause::Tarpit),
            // R-036 rfc7672#2.2: a sender waits, too. But one visit shows one connection that broke: a filter on the way that dislikes TLS, or
            // us, and a crash look the same by FIN and by RST, and a server that means it sends an alert. "Could not look" is never "bad".
            "closed" | "reset" => Some(Cause::ConnectionReset),
            "protocol-version" => Some(Cause::TlsTooOld),
            "no-common-cipher" => Some(Cause::TlsEngineLimit),
            "empty-chain" => Some(Cause::EmptyChain),
            "chain-too-large" => Some(Cause::HugeChain),
            "message-too-large" => Some(Cause::BudgetExhausted),
            _ => None,
        };
        if by_kind.is_some() {
            return by_kind;
        }
        if failure.alert.as_deref() == Some("protocol_version") {
            return Some(Cause::TlsTooOld);
        }
    }
    // R-049 rfc6698#2.1.2: what does not even have a key cannot be matched by any selector of it.
    if tls.chain.first().is_some_and(|leaf| Certificate::key_of(&leaf.0).is_err()) {
        return Some(Cause::GarbageCertificate);
    }
    if tls.key_proven == Some(false) || tls.error.as_ref().is_some_and(|e| e.kind == "bad-signature") {
        return Some(Cause::KeyNotProven);
    }
    if tls.error.is_some() {
        return Some(Cause::TlsHandshakeFailure);
    }
    // R-073 rfc7672#8.2: usages 2 and 3 need a certificate; rfc8996 forbids what is older than TLS 1.2.
    if tls.chain.is_empty() {
        return Some(Cause::EmptyChain);
    }
    let too_old = |v: &str| matches!(v, "SSLv2" | "SSLv3" | "TLSv1" | "TLSv1.0" | "TLSv1.1");
    tls.version.as_deref().is_some_and(too_old).then_some(Cause::TlsTooOld)
}

/// The parameters of an extension that the server offered in the clear: `Some("")` if it has none.
fn extension(server: &AddressObservation, keyword: &str) -> Option<String> {
    ehlo_lines(server)?.iter().find_map(|line| {
        // Some servers write "AUTH=PLAIN".
        let mut parts = line.splitn(2, [' ', '=']);
        let word = parts.next()?;
        word.eq_ignore_ascii_case(keyword).then(|| parts.next().unwrap_or_default().to_owned())
    })
}

/// The extension lines of the last good EHLO reply in the clear; the first line of a reply is the server's name.
fn ehlo_lines(server: &AddressObservation) -> Option<&[String]> {
    let good = server.dialogue.iter().rev().filter(|e| !e.encrypted && says(e, "EHLO")).find_map(|e| match &e.got {
        Got::Reply { code: 250, lines } => Some(lines),
        _ => None,
    })?;
    good.get(1..)
}

/// Some firewalls overwrite what they do not want: `250-XXXXXXXA` where STARTTLS was.
fn masked(server: &AddressObservation) -> bool {
    let is_mask = |line: &String| {
        let word = line.split_ascii_whitespace().next().unwrap_or_default();
        word.len() >= 6 && word.bytes().filter(|b| *b == b'X').count() + 1 >= word.len()
    };
    ehlo_lines(server).is_some_and(|lines| lines.iter().any(is_mask))
}

fn says(exchange: &Exchange, verb: &str) -> bool {
    let word = exchange.sent.as_deref().and_then(|s| s.split_ascii_whitespace().next());
    word.is_some_and(|w| w.eq_ignore_ascii_case(verb))
}

fn is_quit(exchange: &Exchange) -> bool {
    says(exchange, "QUIT")
}

/// Phrases of servers that turn clients away because of their number or pace.
const BUSY: [&str; 9] =
    ["too many", "rate limit", "ratelimit", "throttl", "too fast", "too busy", "connection limit", "concurrent", "limit exceeded"];

/// Words of servers whose TLS does not work.
const TLS: [&str; 5] = ["tls", "ssl", "certificate", "encrypt", "security subsystem"];

/// Words of servers that have us on a list.
const BLOCKED: [&str; 9] = ["block", "blacklist", "spamhaus", "rbl", "reputation", "denied", "banned", "not allowed", "policy"];

fn speaks_of(lines: &[String], phrases: &[&str]) -> bool {
    lines.iter().take(20).any(|line| {
        let line = line.to_ascii_lowercase();
        phrases.iter().any(|p| line.contains(p))
    })
}
