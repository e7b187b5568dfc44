//! Why there is no certificate: between the texts of the studies' scanner and the words that a scan of ours has for it.
//!
//! | text | `smtp_status` | `smtp_code` |
//! |---|---|---|
//! | `421` | `rate-limited` | 421 |
//! | `454` | `starttls-454` | 454 |
//! | any other `4…` | `greylisted` | the reply's |
//! | `550`, `551`, `554` | `smtp-blocked` | the reply's |
//! | any other `5…` | `starttls-refused` | the reply's |
//! | `1…`, `2…`, `3…` | `not-smtp` | the reply's |
//! | `dial tcp`, `read tcp`, `write tcp` | `connection-refused`, `connection-timeout`, `tarpit`, `connection-reset`, `unreachable` | |
//! | `remote error`, `tls` | `tls-handshake-failure` | |
//! | no text, and no certificate | `empty-chain` | |
//! | `NoData` | none: not visited | |
//! | others | `connection-reset` of `EOF`, else `other` | |
//!
//! So the classes of P20 Figure 6 can be told apart by status and code. A text that we wrote ends in `danelaw: STATUS`, and means that.

use super::{Failure, WhyFail};
use dane::cause::Cause;

/// What stands before our own word in a text.
const OURS: &str = "danelaw: ";
/// What has no word of ours.
const OTHER: &str = "other";

/// Status and reply code of a failure; no status: the server was not visited.
#[must_use]
pub fn status(failure: &Failure) -> (Option<&'static str>, Option<u16>) {
    let text = failure.text.as_str();
    let code = code(text);
    let ours = text.rsplit_once(OURS).and_then(|(_, word)| Cause::from_code(word));
    let word = ours.or_else(|| match (failure.class, code) {
        (WhyFail::NoCertificate, _) => Some(Cause::EmptyChain),
        (WhyFail::Temporary, Some(421)) => Some(Cause::RateLimited),
        (WhyFail::Temporary, Some(454)) => Some(Cause::StarttlsTemporary),
        (WhyFail::Temporary, _) => Some(Cause::Greylisted),
        (WhyFail::Refused, _) => Some(Cause::SmtpBlocked),
        (WhyFail::NotImplemented, _) | (WhyFail::Other, Some(500..=599)) => Some(Cause::StarttlsRefused),
        (WhyFail::Preliminary | WhyFail::Success | WhyFail::Intermediate, _) => Some(Cause::NotSmtp),
        (WhyFail::Tcp, _) => Some(tcp(text)),
        (WhyFail::Tls, _) => Some(Cause::TlsHandshakeFailure),
        (WhyFail::Other, _) if text.ends_with("EOF") => Some(Cause::ConnectionReset),
        (WhyFail::NoData | WhyFail::Other, _) => None,
    });
    match (word, failure.class) {
        (Some(cause), _) => (Some(cause.code()), code),
        (None, WhyFail::NoData) => (None, None),
        (None, _) => (Some(OTHER), code),
    }
}

/// The text for a status and a code: [`status`] of it is the same again. `None`: it is said by a list of certificates without any.
#[must_use]
pub fn why_fail(status_word: Option<&str>, code: Option<u16>) -> Option<String> {
    let Some(word) = status_word else { return Some("NoData".to_owned()) };
    let cause = Cause::from_code(word);
    let plain = match (cause, code) {
        (Some(Cause::EmptyChain), _) => return None,
        // What the studies' scanner hears that asks for it all the same.
        (Some(Cause::StarttlsNotOffered | Cause::StarttlsStripped), _) => "502 ".to_owned(),
        (_, Some(code)) => format!("{code:03} "),
        (Some(Cause::ConnectionRefused | Cause::ConnectionTimeout | Cause::Unreachable), None) => "dial tcp: ".to_owned(),
        (Some(Cause::ConnectionReset | Cause::Tarpit | Cause::BannerTimeout), None) => "read tcp: ".to_owned(),
        (Some(Cause::TlsHandshakeFailure | Cause::TlsTooOld | Cause::TlsEngineLimit | Cause::KeyNotProven | Cause::HugeChain), None) => {
            "tls: ".to_owned()
        }
        _ => String::new(),
    };
    let short = plain.trim_end_matches([' ', ':']);
    let says_it = |text: &str| status(&Failure { class: WhyFail::of(text), text: text.to_owned() }) == (Some(word), code);
    Some(if says_it(short) { short.to_owned() } else { format!("{plain}{OURS}{word}") })
}

/// The reply code that a text begins with.
fn code(text: &str) -> Option<u16> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (digits == 3).then(|| text.get(..3)?.parse().ok())?
}

/// Go's words for what happened to a connection.
fn tcp(text: &str) -> Cause {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let dial = text.starts_with("dial");
    if has(&["refused"]) {
        Cause::ConnectionRefused
    } else if has(&["timeout", "timed out", "deadline exceeded"]) {
        if dial { Cause::ConnectionTimeout } else { Cause::Tarpit }
    } else if dial && !has(&["reset"]) {
        Cause::Unreachable
    } else {
        Cause::ConnectionReset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Option<&'static str>, Option<u16>) {
        status(&Failure { class: WhyFail::of(text), text: text.to_owned() })
    }

    #[test]
    fn texts_of_the_scanner() {
        for (text, expected) in [
            ("421 4.7.0 too many", (Some("rate-limited"), Some(421))),
            ("454 TLS not available", (Some("starttls-454"), Some(454))),
            ("450 come back", (Some("greylisted"), Some(450))),
            ("502 5.5.1 no", (Some("starttls-refused"), Some(502))),
            ("501 no", (Some("starttls-refused"), Some(501))),
            ("554 no", (Some("smtp-blocked"), Some(554))),
            ("220 hello", (Some("not-smtp"), Some(220))),
            ("dial tcp 192.0.2.1:25: connect: connection refused", (Some("connection-refused"), None)),
            ("dial tcp 192.0.2.1:25: i/o timeout", (Some("connection-timeout"), None)),
            ("dial tcp 192.0.2.1:25: connect: no route to host", (Some("unreachable"), None)),
            ("read tcp 192.0.2.9:4711->192.0.2.1:25: i/o timeout", (Some("tarpit"), None)),
            ("read tcp 192.0.2.9:4711->192.0.2.1:25: read: connection reset by peer", (Some("connection-reset"), None)),
            ("remote error: tls: handshake failure", (Some("tls-handshake-failure"), None)),
            ("NoData", (None, None)),
            ("EOF", (Some("connection-reset"), None)),
            ("short response: ", (Some("other"), None)),
            ("4", (Some("greylisted"), None)),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    /// The classes of P20 Figure 6 are those of the studies' prefixes whatever our word for them.
    #[test]
    fn a_text_for_a_status_means_the_status() {
        for cause in Cause::ALL {
            for code in [None, Some(250), Some(421), Some(450), Some(501), Some(502), Some(554)] {
                let Some(text) = why_fail(Some(cause.code()), code) else {
                    assert_eq!(*cause, Cause::EmptyChain);
                    continue;
                };
                let unoffered = matches!(cause, Cause::StarttlsNotOffered | Cause::StarttlsStripped);
                assert_eq!(of(&text), (Some(cause.code()), if unoffered { Some(502) } else { code }), "{text}");
            }
        }
        assert_eq!(why_fail(None, None).as_deref(), Some("NoData"));
        assert_eq!(why_fail(Some("other"), None).map(|text| of(&text)), Some((Some("other"), None)));
        assert_eq!(why_fail(Some("starttls-refused"), Some(502)).as_deref(), Some("502"));
        assert_eq!(why_fail(Some("rate-limited"), Some(450)).as_deref(), Some("450 danelaw: rate-limited"));
    }
}
