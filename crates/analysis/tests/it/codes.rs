//! The lab speaks in the words of the studies' scanner and of unbound; states hold codes.

use archive::states::Parts;
use archive::states::model::{ServerSeen, WordId};

/// What the DNS side of a scan calls what unbound says. (analyses.md, "Interchange": the first of these in order)
const BOGUS: [(&str, &str); 15] = [
    ("signature expired", "rrsig-expired"),
    ("no keys have a DS", "ds-no-matching-key"),
    ("DS hash mismatches", "ds-digest-mismatch"),
    ("wildcard proof failed", "wildcard-wrong"),
    ("No DNSKEY record", "dnskey-missing"),
    ("signature crypto failed", "rrsig-wrong"),
    ("signature missing from", "rrsig-missing"),
    ("cname proof failed", "cname-proof-wrong"),
    ("no DS", "no-ds"),
    ("signature before inception date", "rrsig-not-yet-valid"),
    ("no signatures", "no-signatures"),
    ("signatures from unknown keys", "rrsig-unknown-key"),
    ("no DNSSEC records", "no-dnssec-records"),
    ("signature inception after expiration", "rrsig-times-reversed"),
    ("no NSEC3 records from", "denial-missing"),
];

/// The code of a reason.
pub fn bogus(parts: &mut Parts, text: &str) -> WordId {
    let code = BOGUS.iter().find(|(phrase, _)| text.contains(phrase)).map_or("other", |(_, code)| code);
    parts.word(code)
}

/// The words of a server that does not offer STARTTLS, and answers with this to who asks all the same.
pub const NOT_OFFERED: &str = "not offered, then 502";

/// What kept the scanner from a certificate.
pub fn failure(parts: &mut Parts, seen: &mut ServerSeen, text: &str) {
    let (status, code) = match text {
        NOT_OFFERED => ("starttls-not-offered", Some(502)),
        _ if text.starts_with("421") => ("rate-limited", Some(421)),
        _ if text.starts_with("502") => ("starttls-refused", Some(502)),
        _ if text.starts_with("554") => ("smtp-blocked", Some(554)),
        _ if text.contains("i/o timeout") => ("connection-timeout", None),
        _ if text.contains("refused") => ("connection-refused", None),
        _ if text.starts_with("read tcp") => ("connection-reset", None),
        _ if text.contains("tls: ") => ("tls-handshake-failure", None),
        _ => ("other", None),
    };
    (seen.smtp_status, seen.smtp_code) = (Some(parts.word(status)), code);
}
