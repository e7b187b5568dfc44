//! Dialogues as real servers hold them, and what each says about the server's DANE.

use super::*;
use crate::cause::{Party, Weight};
use crate::testing::{certificate, dialogue, server, tls};
use crate::tlsa::Tlsa;

/// EHLO answers with STARTTLS among the extensions.
const EHLO: &str = "250-mx.example.nl greets you|250-PIPELINING|250-SIZE 10240000|250-STARTTLS|250 8BITMIME";
const NO_TLS: &str = "250-mx.example.nl greets you|250-PIPELINING|250 8BITMIME";
const HELLO: &str = "220 mx.example.nl ESMTP";
const READY: &str = "220 2.0.0 Ready to start TLS";

fn cause(steps: &[(&str, &str)]) -> Option<Cause> {
    obstacle(&dialogue(steps))
}

#[test]
fn what_turns_us_away_says_nothing_about_dane() {
    // each of these is "could not look".
    let cases: &[(&[(&str, &str)], Cause)] = &[
        // The greeting.
        (&[("", "421 4.7.0 mx.example.nl Too many concurrent SMTP connections")], Cause::RateLimited),
        (&[("", "421 4.3.2 Service not available, closing transmission channel")], Cause::RateLimited),
        (&[("", "450 4.7.1 Client host rejected: cannot find your hostname")], Cause::Greylisted),
        (&[("", "451 4.7.1 Greylisting in action, please come back later")], Cause::Greylisted),
        (&[("", "452 4.4.5 Too many connections from your host")], Cause::RateLimited),
        (&[("", "554 5.7.1 Service unavailable; client host blocked using zen.spamhaus.org")], Cause::SmtpBlocked),
        (&[("", "554 mx.example.nl ESMTP not accepting messages")], Cause::SmtpBlocked),
        (&[("", "521 mx.example.nl does not accept mail from you")], Cause::SmtpBlocked),
        (&[("", "550 5.7.606 Access denied, banned sending IP")], Cause::SmtpBlocked),
        (&[("", "TIMEOUT")], Cause::BannerTimeout),
        (&[("", "CLOSED")], Cause::ConnectionReset),
        (&[("", "RESET")], Cause::ConnectionReset),
        (&[("", "GARBAGE")], Cause::NotSmtp),
        (&[("", "250 mx.example.nl")], Cause::NotSmtp),
        // EHLO.
        (&[("", HELLO), ("EHLO me", "421 4.7.0 Too many errors")], Cause::RateLimited),
        (&[("", HELLO), ("EHLO me", "450 4.7.1 Greylisted, try again in 300 seconds")], Cause::Greylisted),
        (&[("", HELLO), ("EHLO me", "451 Temporary local problem - please try later")], Cause::Greylisted),
        (&[("", HELLO), ("EHLO me", "554 5.7.1 Blocked by reputation")], Cause::SmtpBlocked),
        (&[("", HELLO), ("EHLO me", "550 5.7.1 Helo command rejected: You are not me")], Cause::SmtpBlocked),
        (&[("", HELLO), ("EHLO me", "501 5.5.2 invalid name"), ("HELO me", "501 5.5.2 invalid name")], Cause::SmtpBlocked),
        (&[("", HELLO), ("EHLO me", "504 5.5.2 <me>: Helo command rejected: need fully-qualified hostname")], Cause::SmtpBlocked),
        (&[("", HELLO), ("EHLO me", "503 5.5.1 Bad sequence of commands")], Cause::SmtpBlocked),
        (&[("", HELLO), ("EHLO me", "502 5.5.1 Not implemented"), ("HELO me", "554 5.7.1 No")], Cause::SmtpBlocked),
        // EHLO is refused for a reason of ours, and HELO taken: that is no proof that TLS is missing.
        (&[("", HELLO), ("EHLO me", "550 5.7.1 You again"), ("HELO me", "250 mx.example.nl")], Cause::SmtpBlocked),
        (&[("", HELLO), ("EHLO me", "TIMEOUT")], Cause::Tarpit),
        (&[("", HELLO), ("EHLO me", "CLOSED")], Cause::ConnectionReset),
        (&[("", HELLO)], Cause::ConnectionReset),
        (&[("", HELLO), ("EHLO me", "220 mx.example.nl")], Cause::NotSmtp),
        // A firewall that masks what it does not want.
        (&[("", "220 *****************"), ("EHLO me", "250-mx.example.nl|250-XXXXXXXA|250 XXXB")], Cause::StarttlsStripped),
        // STARTTLS.
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "421 4.7.0 Error: too many new TLS sessions from 192.0.2.77")], Cause::RateLimited),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "450 4.7.1 please try again later")], Cause::Greylisted),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "554 5.7.1 Your host is blocked, see spamhaus.org")], Cause::SmtpBlocked),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "TIMEOUT")], Cause::Tarpit),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "CLOSED")], Cause::ConnectionReset),
        (&[("", HELLO), ("EHLO me", EHLO)], Cause::BudgetExhausted),
    ];
    for (steps, expected) in cases {
        assert_eq!(cause(steps), Some(*expected), "{steps:?}");
        assert_eq!(expected.weight(), Weight::Unknown, "{expected}");
        assert_ne!(expected.party(), Party::Domain, "{expected}");
    }
}

#[test]
fn what_every_sender_would_meet_is_the_domains() {
    let cases: &[(&[(&str, &str)], Cause)] = &[
        // R-038 rfc7672#2.2
        (&[("", HELLO), ("EHLO me", NO_TLS)], Cause::StarttlsNotOffered),
        (&[("", HELLO), ("EHLO me", "250 mx.example.nl")], Cause::StarttlsNotOffered),
        // The name of the server is no extension.
        (&[("", HELLO), ("EHLO me", "250-STARTTLS|250 SIZE")], Cause::StarttlsNotOffered),
        // Tried all the same: what was not offered stays not offered.
        (&[("", HELLO), ("EHLO me", NO_TLS), ("STARTTLS", "502 5.5.1 Not implemented")], Cause::StarttlsNotOffered),
        // From before RFC 1869: EHLO is unknown, HELO is fine.
        (&[("", HELLO), ("EHLO me", "500 5.5.1 Command unrecognized"), ("HELO me", "250 mx.example.nl")], Cause::StarttlsNotOffered),
        (&[("", HELLO), ("EHLO me", "502 unimplemented"), ("HELO me", "250 mx.example.nl")], Cause::StarttlsNotOffered),
        // R-036 rfc7672#2.2, rfc3207#4
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "454 4.7.0 TLS not available due to temporary reason")], Cause::StarttlsTemporary),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "451 4.3.0 cannot read certificate")], Cause::StarttlsTemporary),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "500 5.5.1 Command unrecognized")], Cause::StarttlsRefused),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "502 5.5.1 Not implemented")], Cause::StarttlsRefused),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "503 5.5.1 Bad sequence")], Cause::StarttlsRefused),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "554 5.7.3 Unable to initialize security subsystem")], Cause::StarttlsRefused),
    ];
    for (steps, expected) in cases {
        assert_eq!(cause(steps), Some(*expected), "{steps:?}");
        assert_eq!((expected.party(), expected.weight()), (Party::Domain, Weight::Error), "{expected}");
    }
}

#[test]
fn extensions_are_read_in_any_case_and_place() {
    for ehlo in ["250-mx|250 starttls", "250-mx|250-SIZE|250-StartTLS|250 HELP"] {
        let steps = [("", HELLO), ("EHLO me", ehlo), ("STARTTLS", "454 no"), ("QUIT", "221 bye")];
        assert_eq!(cause(&steps), Some(Cause::StarttlsTemporary), "{ehlo}");
    }
}

#[test]
fn connections_that_were_not_made() {
    let with = |connect| obstacle(&crate::observation::AddressObservation { connect, ..server("192.0.2.1") });
    let why = |why: &str| Connect::NotTried { why: why.to_owned() };
    let detail = "No route to host (os error 113)".to_owned();
    assert_eq!(with(Connect::Refused), Some(Cause::ConnectionRefused));
    assert_eq!(with(Connect::Timeout), Some(Cause::ConnectionTimeout));
    assert_eq!(with(Connect::Unreachable { detail: detail.clone() }), Some(Cause::Unreachable));
    assert_eq!(with(Connect::LocalError { detail }), Some(Cause::LocalError));
    assert_eq!(with(why("opted-out")), Some(Cause::OptedOut));
    assert_eq!(with(why("no-ipv6")), Some(Cause::NoIpv6));
    assert_eq!(with(why("port-25-blocked")), Some(Cause::Port25Blocked));
    assert_eq!(with(why("not-public-address")), Some(Cause::AddressNotPublic));
    assert_eq!(with(why("limit")), Some(Cause::BudgetExhausted));
    assert_eq!(with(why("dns-only")), Some(Cause::NotLooked));
    assert_eq!(with(why("something new")), Some(Cause::NotLooked));
}

#[test]
fn handshakes() {
    let leaf = || certificate("mx.example.nl");
    let after = |tls: TlsObservation| obstacle(&with_tls(tls));
    assert_eq!(after(tls(vec![leaf()])), None);
    let failed = |kind: &str, alert: Option<&str>| {
        let mut failed = tls(Vec::new());
        failed.key_proven = None;
        let alert = alert.map(str::to_owned);
        failed.error = Some(crate::observation::TlsFailure { kind: kind.to_owned(), alert, detail: "…".to_owned() });
        after(failed)
    };
    // R-036 rfc7672#2.2
    assert_eq!(failed("alert", Some("handshake_failure")), Some(Cause::TlsHandshakeFailure));
    assert_eq!(failed("alert", Some("internal_error")), Some(Cause::TlsHandshakeFailure));
    assert_eq!(failed("not-tls", None), Some(Cause::TlsHandshakeFailure));
    assert_eq!(failed("protocol-error", None), Some(Cause::TlsHandshakeFailure));
    // R-073 rfc7672#8.2
    assert_eq!(failed("protocol-version", None), Some(Cause::TlsTooOld));
    assert_eq!(failed("alert", Some("protocol_version")), Some(Cause::TlsTooOld));
    assert_eq!(failed("empty-chain", None), Some(Cause::EmptyChain));
    assert_eq!(failed("bad-signature", None), Some(Cause::KeyNotProven));
    assert_eq!(after(TlsObservation { version: Some("TLSv1.0".to_owned()), ..tls(vec![leaf()]) }), Some(Cause::TlsTooOld));
    assert_eq!(after(tls(Vec::new())), Some(Cause::EmptyChain));
    assert_eq!(after(TlsObservation { key_proven: Some(false), ..tls(vec![leaf()]) }), Some(Cause::KeyNotProven));
    let garbage = crate::observation::CertificateBytes(vec![1, 2, 3].into());
    assert_eq!(after(tls(vec![garbage])), Some(Cause::GarbageCertificate));
    // Could not look.
    assert_eq!(failed("timeout", None), Some(Cause::Tarpit));
    // R-036 rfc7672#2.2: mail waits, and yet: one connection that breaks may be the path's doing.
    assert_eq!(failed("reset", None), Some(Cause::ConnectionReset));
    assert_eq!(failed("closed", None), Some(Cause::ConnectionReset));
    assert_eq!(failed("message-too-large", None), Some(Cause::BudgetExhausted));
    assert_eq!(failed("no-common-cipher", None), Some(Cause::TlsEngineLimit));
}

#[test]
fn a_session_that_no_sender_would_have_made_is_none() {
    // R-038 rfc7672#2.2: it would work, but it is not offered, so senders do not try.
    let mut server = dialogue(&[("", HELLO), ("EHLO me", NO_TLS), ("STARTTLS", READY)]);
    server.tls = Some(tls(vec![certificate("mx.example.nl")]));
    assert_eq!(obstacle(&server), Some(Cause::StarttlsNotOffered));
    // A chain from a file stands in for the visit.
    server.connect = Connect::NotTried { why: "chain-from-file".to_owned() };
    server.dialogue.clear();
    assert_eq!(obstacle(&server), None);
}

#[test]
fn remarks_are_no_obstacles() {
    let mut server = with_tls(tls(vec![certificate("mx.example.nl")]));
    assert_eq!(remarks(&server), []);
    server.early_bytes = Some("MjUwIG9r".to_owned());
    assert_eq!((obstacle(&server), remarks(&server)), (None, vec![Cause::EarlyBytes]));
    for (auth, expected) in [("AUTH PLAIN LOGIN", true), ("AUTH=LOGIN", true), ("AUTH GSSAPI SCRAM-SHA-256-PLUS", false)] {
        let ehlo = format!("250-mx|250-STARTTLS|250 {auth}");
        let server = dialogue(&[("", HELLO), ("EHLO me", &ehlo), ("STARTTLS", READY)]);
        assert_eq!(remarks(&server).contains(&Cause::AuthBeforeStarttls), expected, "{auth}");
    }
}

#[test]
fn the_deciding_words_are_shown_in_one_line() {
    let server = dialogue(&[("", "220 hello"), ("EHLO me", "550-no|550 not\u{1b}[31m you"), ("QUIT", "221 bye")]);
    assert_eq!(decisive_words(&server).unwrap(), "550 not [31m you");
}

fn with_tls(tls: TlsObservation) -> AddressObservation {
    let mut server = dialogue(&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", READY), ("QUIT", "221 bye")]);
    server.tls = Some(tls);
    server
}

#[test]
fn a_temporary_no_is_worth_another_visit() {
    for steps in [
        &[("", "421 4.7.0 too many connections")][..],
        &[("", "450 4.2.0 greylisted")],
        &[("", HELLO), ("EHLO me", "451 4.7.1 try again later")],
        &[("", HELLO), ("EHLO me", "250-mx|250 STARTTLS"), ("STARTTLS", "421 4.4.2 closing")],
    ] {
        assert!(super::asks_to_come_back(&dialogue(steps)), "{steps:?}");
    }
    for steps in [
        &[("", "554 5.7.1 blocked")][..],
        &[("", "TIMEOUT")],
        &[("", HELLO), ("EHLO me", "250-mx|250 STARTTLS"), ("STARTTLS", "454 no TLS")],
    ] {
        assert!(!super::asks_to_come_back(&dialogue(steps)), "{steps:?}");
    }
}

type Steps = &'static [(&'static str, &'static str)];

/// what is held against the domain has to be seen twice, and chance has no say.
#[test]
fn what_one_visit_cannot_prove_is_looked_at_again() {
    let again = |server: &AddressObservation| super::again(server, &[], &[], crate::testing::NOW);
    let cases: &[(Steps, Option<Again>)] = &[
        (&[("", "421 4.7.0 too many connections")], Some(Again::Asked)),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "421 4.4.2 closing")], Some(Again::Asked)),
        (&[("", "RESET")], Some(Again::Broken)),
        (&[("", "TIMEOUT")], Some(Again::Broken)),
        (&[("", HELLO), ("EHLO me", "CLOSED")], Some(Again::Broken)),
        (&[("", HELLO), ("EHLO me", NO_TLS)], Some(Again::Doubt)),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "454 4.7.0 TLS not available due to temporary reason")], Some(Again::Doubt)),
        (&[("", HELLO), ("EHLO me", EHLO), ("STARTTLS", "554 5.7.3 Unable to initialize security subsystem")], Some(Again::Doubt)),
        // No is no, and whoever holds on to us is not given another connection to hold.
        (&[("", "554 5.7.1 blocked")], None),
        (&[("", HELLO), ("EHLO me", "TIMEOUT")], None),
        (&[("", "GARBAGE")], None),
    ];
    for (steps, expected) in cases {
        assert_eq!(again(&dialogue(steps)), *expected, "{steps:?}");
    }
    let refused = |connect| AddressObservation { connect, ..dialogue(&[]) };
    assert_eq!(again(&refused(Connect::Timeout)), Some(Again::Broken));
    assert_eq!(again(&refused(Connect::Refused)), None);
    assert_eq!(again(&refused(Connect::NotTried { why: "opted-out".into() })), None);
}

#[test]
fn a_certificate_that_fits_no_record_is_looked_at_again() {
    let shown = crate::testing::identity("mx.example.nl");
    let server = with_tls(tls(vec![shown.certificate.clone()]));
    let names = [crate::testing::name("mx.example.nl")];
    let again = |records: &[&str]| {
        let records: Vec<Tlsa> = records.iter().map(|r| r.parse().unwrap()).collect();
        super::again(&server, &records, &names, crate::testing::NOW)
    };
    let other = format!("3 1 1 {}", "0".repeat(64));
    assert_eq!(again(&[&other]), Some(Again::Doubt));
    assert_eq!(again(&[&other, &shown.record()]), None);
    assert_eq!(again(&[]), None, "nothing to hold it against");
    assert_eq!(again(&["1 1 1 00"]), None, "no usable record: nobody is authenticated anyway (R-034)");
}
