//! What a server offers before and after TLS, and what it calls itself: read from the dialogue of a visit.

use crate::observation::{AddressObservation, Exchange, Got};
use serde::Serialize;

/// Keywords of a reply to EHLO that are kept.
const MAX_KEYWORDS: usize = 64;
/// Characters of a version.
const MAX_VERSION: usize = 32;

/// The capabilities of one address. (RFC 5321 section 4.1.1.1)
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Lines of the reply to EHLO in the clear but for the first; `None`: there was no such reply.
    pub before: Option<Vec<String>>,
    /// The same inside TLS.
    pub after: Option<Vec<String>>,
    /// Mechanisms of AUTH (RFC 4954) in the clear.
    pub auth_before: Vec<String>,
    /// The same inside TLS.
    pub auth_after: Vec<String>,
    /// Whether REQUIRETLS is offered inside TLS. (RFC 8689) `None`: there was no reply to EHLO there.
    pub requiretls: Option<bool>,
    /// What the greeting gives away of the software.
    pub software: Option<Software>,
}

/// A mail server's software, by its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Software {
    /// Its name.
    pub name: &'static str,
    /// Its version, if it tells.
    pub version: Option<String>,
}

/// Reads them from a visit.
#[must_use]
pub fn capabilities(server: &AddressObservation) -> Capabilities {
    let keywords = |encrypted: bool| {
        let good = server.dialogue.iter().rev().filter(|e| e.encrypted == encrypted && is_ehlo(e)).find_map(|e| match &e.got {
            Got::Reply { code: 250, lines } => Some(lines),
            _ => None,
        })?;
        Some(good.iter().skip(1).take(MAX_KEYWORDS).cloned().collect::<Vec<String>>())
    };
    let (before, after) = (keywords(false), keywords(true));
    let greeting = server.dialogue.iter().find(|e| e.sent.is_none()).and_then(|e| match &e.got {
        Got::Reply { lines, .. } => Some(lines.join(" ")),
        _ => None,
    });
    Capabilities {
        auth_before: auth(before.as_deref()),
        auth_after: auth(after.as_deref()),
        requiretls: after.as_ref().map(|lines| lines.iter().any(|line| line.trim().eq_ignore_ascii_case("REQUIRETLS"))),
        software: greeting.and_then(|words| software(&words)),
        before,
        after,
    }
}

fn is_ehlo(exchange: &Exchange) -> bool {
    exchange.sent.as_deref().and_then(|s| s.get(..5)).is_some_and(|verb| verb.eq_ignore_ascii_case("EHLO "))
}

/// Each mechanism once: some servers repeat them as `AUTH=PLAIN`.
fn auth(lines: Option<&[String]>) -> Vec<String> {
    let mut mechanisms: Vec<String> = Vec::new();
    for line in lines.unwrap_or_default() {
        let mut words = line.split([' ', '=']).filter(|w| !w.is_empty());
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case("AUTH")) {
            for mechanism in words.map(str::to_ascii_uppercase) {
                if !mechanisms.contains(&mechanism) {
                    mechanisms.push(mechanism);
                }
            }
        }
    }
    mechanisms
}

/// What software a greeting gives away.
#[must_use]
pub fn software(greeting: &str) -> Option<Software> {
    let text = greeting.to_ascii_lowercase();
    let rows = include_str!("../data/mail-software.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| row.split_once('\t')).find_map(|(name, words)| {
        let words = words.to_ascii_lowercase();
        let (before, rest) = text.split_once(&words)?;
        let whole = !before.ends_with(|c: char| c.is_alphanumeric()) && !rest.starts_with(|c: char| c.is_alphanumeric());
        whole.then(|| Software { name, version: version(rest) })
    })
}

/// A number at the beginning, behind at most a sign and a space.
fn version(rest: &str) -> Option<String> {
    let number = rest.trim_start_matches([' ', '/', '(', ':']).trim_start_matches('v');
    let end = number.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))).unwrap_or(number.len());
    let number = number.get(..end)?.trim_end_matches('.');
    let is_version = number.starts_with(|c: char| c.is_ascii_digit()) && number.len() <= MAX_VERSION;
    is_version.then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::dialogue;

    #[test]
    fn greetings() {
        // As these servers are shipped, or as they are seen.
        for (greeting, expected) in [
            ("mx.example.org ESMTP Postfix (Debian/GNU)", Some(("Postfix", None))),
            ("mx.example.org ESMTP Exim 4.96 Sat, 28 Nov 2026 10:00:00 +0000", Some(("Exim", Some("4.96")))),
            ("mx.example.org ESMTP Sendmail 8.17.1.9/8.17.1.9/Debian-2; Sat, 28 Nov 2026", Some(("Sendmail", Some("8.17.1.9")))),
            ("EX01.example.org Microsoft ESMTP MAIL Service ready at Sat, 28 Nov 2026", Some(("Microsoft", None))),
            ("mx Microsoft ESMTP MAIL Service, Version: 10.0.14393.4169 ready at", Some(("Microsoft", Some("10.0.14393.4169")))),
            ("mx.example.org ESMTP OpenSMTPD", Some(("OpenSMTPD", None))),
            ("mx.example.org ESMTP Haraka/3.0.2 ready", Some(("Haraka", Some("3.0.2")))),
            ("mx.google.com ESMTP a1-2002 - gsmtp", Some(("Gmail", None))),
            ("mx.example.org ESMTP", None),
            ("postfixed.example.org ESMTP", None),
            ("", None),
        ] {
            let found = software(greeting);
            assert_eq!(found.as_ref().map(|s| (s.name, s.version.as_deref())), expected, "{greeting}");
        }
    }

    #[test]
    fn before_and_after() {
        let mut seen = dialogue(&[
            ("", "220 mx ESMTP Exim 4.97"),
            ("EHLO me", "250-mx|250-STARTTLS|250-AUTH PLAIN LOGIN|250 AUTH=PLAIN"),
            ("STARTTLS", "220 go"),
            ("EHLO me", "250-mx|250-AUTH SCRAM-SHA-256|250-REQUIRETLS|250 8BITMIME"),
        ]);
        seen.dialogue[3].encrypted = true;
        let found = capabilities(&seen);
        assert_eq!(found.before.unwrap(), ["STARTTLS", "AUTH PLAIN LOGIN", "AUTH=PLAIN"]);
        assert_eq!((found.auth_before.join(" "), found.auth_after.join(" ")), ("PLAIN LOGIN".into(), "SCRAM-SHA-256".into()));
        assert_eq!((found.requiretls, found.software.map(|s| s.name)), (Some(true), Some("Exim")));
        seen.dialogue.truncate(2);
        let found = capabilities(&seen);
        assert_eq!((found.after, found.requiretls, found.auth_after.len()), (None, None, 0));
    }
}
