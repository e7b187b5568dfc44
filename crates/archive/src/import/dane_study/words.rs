//! What the texts of unbound and of the studies' scanner mean.

/// Why an answer is bogus: the first of unbound's phrases, in the studies' order, that its text contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WhyBogus {
    /// `signature expired`
    Expired,
    /// `no keys have a DS`
    NoKeyHasDs,
    /// `DS hash mismatches`
    DsDigest,
    /// `wildcard proof failed`
    Wildcard,
    /// `No DNSKEY record`
    NoDnskey,
    /// `signature crypto failed`
    Crypto,
    /// `signature missing from`
    Missing,
    /// `cname proof failed`
    Cname,
    /// `no DS`
    NoDs,
    /// `signature before inception date`
    NotYetValid,
    /// `no signatures`
    NoSignatures,
    /// `signatures from unknown keys`
    UnknownKeys,
    /// `no DNSSEC records`
    NoDnssecRecords,
    /// `signature inception after expiration`
    TimesReversed,
    /// `no NSEC3 records from`
    NoNsec3,
    /// None of these.
    Other,
}

impl WhyBogus {
    /// Phrases in the order in which they are looked for, and the codes of this project for them.
    const ALL: [(WhyBogus, &'static str, &'static str); 15] = [
        (WhyBogus::Expired, "signature expired", "rrsig-expired"),
        (WhyBogus::NoKeyHasDs, "no keys have a DS", "ds-no-matching-key"),
        (WhyBogus::DsDigest, "DS hash mismatches", "ds-digest-mismatch"),
        (WhyBogus::Wildcard, "wildcard proof failed", "wildcard-wrong"),
        (WhyBogus::NoDnskey, "No DNSKEY record", "dnskey-missing"),
        (WhyBogus::Crypto, "signature crypto failed", "rrsig-wrong"),
        (WhyBogus::Missing, "signature missing from", "rrsig-missing"),
        (WhyBogus::Cname, "cname proof failed", "cname-proof-wrong"),
        (WhyBogus::NoDs, "no DS", "no-ds"),
        (WhyBogus::NotYetValid, "signature before inception date", "rrsig-not-yet-valid"),
        (WhyBogus::NoSignatures, "no signatures", "no-signatures"),
        (WhyBogus::UnknownKeys, "signatures from unknown keys", "rrsig-unknown-key"),
        (WhyBogus::NoDnssecRecords, "no DNSSEC records", "no-dnssec-records"),
        (WhyBogus::TimesReversed, "signature inception after expiration", "rrsig-times-reversed"),
        (WhyBogus::NoNsec3, "no NSEC3 records from", "denial-missing"),
    ];

    /// What a text of unbound means.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::ALL.iter().find(|(_, phrase, _)| text.contains(phrase)).map_or(WhyBogus::Other, |(why, ..)| *why)
    }

    /// A stable code: that of our own validator where it has the same reason.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::ALL.iter().find(|(why, ..)| *why == self).map_or("other", |(.., code)| code)
    }
}

/// Why there is no certificate, by the first prefix that fits, in the studies' order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WhyFail {
    /// `4`: not now.
    Temporary,
    /// `500`, `502`, `503`, `504`: not implemented or understood.
    NotImplemented,
    /// `551`, `550`, `554`: refused.
    Refused,
    /// `dial tcp`, `write tcp`, `read tcp`
    Tcp,
    /// `remote error`, `tls`
    Tls,
    /// `1`
    Preliminary,
    /// `2`: a reply that should be none here.
    Success,
    /// `3`: the same.
    Intermediate,
    /// `NoData`: the server was not visited.
    NoData,
    /// A list of certificates without any: TLS, and nothing shown.
    NoCertificate,
    /// Anything else.
    Other,
}

impl WhyFail {
    const PREFIXES: [(&'static str, WhyFail); 17] = [
        ("4", WhyFail::Temporary),
        ("500", WhyFail::NotImplemented),
        ("502", WhyFail::NotImplemented),
        ("503", WhyFail::NotImplemented),
        ("504", WhyFail::NotImplemented),
        ("551", WhyFail::Refused),
        ("550", WhyFail::Refused),
        ("554", WhyFail::Refused),
        ("dial tcp", WhyFail::Tcp),
        ("write tcp", WhyFail::Tcp),
        ("read tcp", WhyFail::Tcp),
        ("remote error", WhyFail::Tls),
        ("tls", WhyFail::Tls),
        ("1", WhyFail::Preliminary),
        ("2", WhyFail::Success),
        ("3", WhyFail::Intermediate),
        ("NoData", WhyFail::NoData),
    ];

    /// What a text of the scanner means.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix)).map_or(WhyFail::Other, |(_, why)| *why)
    }

    /// A stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            WhyFail::Temporary => "4xx",
            WhyFail::NotImplemented => "not-implemented",
            WhyFail::Refused => "refused",
            WhyFail::Tcp => "tcp",
            WhyFail::Tls => "tls",
            WhyFail::Preliminary => "1xx",
            WhyFail::Success => "2xx",
            WhyFail::Intermediate => "3xx",
            WhyFail::NoData => "no-data",
            WhyFail::NoCertificate => "no-certificate",
            WhyFail::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_phrase_in_the_studies_order_counts() {
        for (text, why) in [
            ("validation failure <_25._tcp.mx.example. TLSA IN>: signature expired from 192.0.2.1", WhyBogus::Expired),
            (
                "no keys have a DS with algorithm RSASHA256 from 192.0.2.1 for key example. while building chain of trust",
                WhyBogus::NoKeyHasDs,
            ),
            ("No DNSKEY record from 192.0.2.1 for key example. while building chain of trust", WhyBogus::NoDnskey),
            ("no DNSSEC records from 192.0.2.1", WhyBogus::NoDnssecRecords),
            ("no DS proof, signature expired", WhyBogus::Expired),
            ("no DS", WhyBogus::NoDs),
            ("signature before inception date", WhyBogus::NotYetValid),
            ("signature inception after expiration", WhyBogus::TimesReversed),
            ("SIGNATURE EXPIRED", WhyBogus::Other),
            ("", WhyBogus::Other),
        ] {
            assert_eq!(WhyBogus::of(text), why, "{text}");
        }
        // Every phrase means itself, unless an earlier one stands in it.
        for (why, phrase, code) in WhyBogus::ALL {
            assert_eq!((WhyBogus::of(phrase), why.code()), (why, code));
        }
    }

    #[test]
    fn the_first_prefix_counts() {
        for (text, why) in [
            ("421 too many connections", WhyFail::Temporary),
            ("502 5.5.1 no", WhyFail::NotImplemented),
            ("501 no", WhyFail::Other),
            ("550 no", WhyFail::Refused),
            ("553 no", WhyFail::Other),
            ("dial tcp 192.0.2.1:25: i/o timeout", WhyFail::Tcp),
            ("remote error: tls: handshake failure", WhyFail::Tls),
            ("tls: first record does not look like a TLS handshake", WhyFail::Tls),
            ("220 hello", WhyFail::Success),
            ("354 go on", WhyFail::Intermediate),
            ("NoData", WhyFail::NoData),
            ("EOF", WhyFail::Other),
            ("", WhyFail::Other),
        ] {
            assert_eq!(WhyFail::of(text), why, "{text}");
        }
    }
}
