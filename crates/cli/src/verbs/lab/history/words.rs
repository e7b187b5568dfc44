//! The words of the studies' scanner and of unbound in those of our scans: so that the error classes of both papers can be counted from
//! `smtp_status`, `smtp_code` and `reason`.

use archive::import::dane_study::{WhyBogus, WhyFail};
use dane::cause::Cause;

/// What was in the way of a certificate, as a scan would call it, with the server's reply code. What no scan has a word for keeps the
/// studies' class: `other`.
pub fn smtp_status(text: &str) -> (&'static str, Option<u16>) {
    let has = |what: &str| text.contains(what);
    let class = WhyFail::of(text);
    let cause = match class {
        WhyFail::Tcp if has("timeout") => Cause::ConnectionTimeout,
        WhyFail::Tcp if has("refused") => Cause::ConnectionRefused,
        WhyFail::Tcp if has("reset") || has("broken pipe") => Cause::ConnectionReset,
        WhyFail::Tcp if has("no route") || has("unreachable") => Cause::Unreachable,
        WhyFail::Tls => Cause::TlsHandshakeFailure,
        WhyFail::Temporary if text.starts_with("421") => Cause::RateLimited,
        WhyFail::Temporary => Cause::Greylisted,
        WhyFail::NotImplemented => Cause::StarttlsRefused,
        WhyFail::Refused => Cause::SmtpBlocked,
        _ => return (class.code(), code(text)),
    };
    (cause.code(), code(text))
}

/// The reply code that a text begins with.
fn code(text: &str) -> Option<u16> {
    text.get(..3)?.parse().ok().filter(|code| (100..600).contains(code))
}

/// Why an answer is bogus.
pub fn why_bogus(text: &str) -> &'static str {
    WhyBogus::of(text).code()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever counts by P22's classes finds them again.
    #[test]
    fn classes_of_the_papers_stay_apart() {
        for (text, word, code) in [
            ("dial tcp: i/o timeout", "connection-timeout", None),
            ("dial tcp: connect: connection refused", "connection-refused", None),
            ("read tcp: connection reset by peer", "connection-reset", None),
            ("421 4.3.2 too many connections, try again later", "rate-limited", Some(421)),
            ("450 4.7.1 greylisted", "greylisted", Some(450)),
            ("502 5.5.1 command not implemented", "starttls-refused", Some(502)),
            ("554 5.7.1 service unavailable", "smtp-blocked", Some(554)),
            ("remote error: tls: handshake failure", "tls-handshake-failure", None),
            ("EOF", "other", None),
        ] {
            assert_eq!(smtp_status(text), (word, code), "{text}");
        }
    }
}
