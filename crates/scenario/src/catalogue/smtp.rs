//! What SMTP servers do before a certificate can be seen.

use super::{Draft, GOOD, healthy};
use crate::recipe::{Certificate, Key, Smtp};
use crate::{Scenario, Section};
use dane::cause::Cause;

pub fn scenarios() -> Vec<Scenario> {
    let mut all = starttls();
    all.extend(tls());
    all.extend(could_not_look());
    all.extend(no_smtp());
    all
}

fn starttls() -> Vec<Scenario> {
    let bad =
        |section, id, title, text, smtp, cause| healthy(section, id, title, text).smtp(smtp).fails(&[cause]).rests(&["R-036", "R-038"]);
    vec![
        bad(Section::A, "starttls-refused", "STARTTLS refused", "TLSA records exist; STARTTLS is announced and refused for good (554). The test bed calls it \"no certificate\".", Smtp::StarttlsReply(554), Cause::StarttlsRefused),
        bad(Section::C, "starttls-not-offered", "STARTTLS not offered", "TLSA records exist; the server does not know STARTTLS.", Smtp::NoStarttls, Cause::StarttlsNotOffered),
        bad(Section::B, "starttls-selective", "STARTTLS for others only", "The server announces STARTTLS to some clients and not to this one, for which the command works all the same: RFC 7672 section 9.2 forbids such choice to whoever publishes TLSA records, and senders do not try what is not announced.", Smtp::StarttlsSelective, Cause::StarttlsNotOffered)
            .rests(&["R-038", "R-129"]),
        bad(Section::C, "starttls-454", "STARTTLS answered with 454", "\"TLS not available due to temporary reason\": usually a missing key file, and for days.", Smtp::StarttlsReply(454), Cause::StarttlsTemporary),
        healthy(Section::C, "starttls-flaky", "STARTTLS refused once", "The first STARTTLS of a client is answered with 454, the next one with 220: a key that was being replaced. RFC 7672 section 2.2 has senders try again, so mail is only late; whoever judges by a single visit calls the domain broken.")
            .smtp(Smtp::FlakyStarttls)
            .works(&[])
            .also(&[Cause::VisitsDisagree])
            .rests(&["R-036"]),
        healthy(Section::C, "pool-differs", "A pool with two certificates", "One address, two machines: every other connection meets one whose certificate no TLSA record covers. A sender that meets it skips the host and is lucky later. Whoever looks once sees a broken domain, or a healthy one.")
            .smtp(Smtp::Pool)
            .works(&[])
            .also(&[Cause::VisitsDisagree])
            .rests(&["R-036", "R-090"]),
        bad(Section::C, "starttls-500", "STARTTLS answered with 500", "Announced, and then not understood: a filter between us and the server.", Smtp::StarttlsReply(500), Cause::StarttlsRefused),
        bad(Section::C, "starttls-502", "STARTTLS answered with 502", "Announced, and then not implemented.", Smtp::StarttlsReply(502), Cause::StarttlsRefused),
        healthy(Section::C, "plaintext-injection", "Plaintext after the 220", "The server sends further replies in clear together with the 220 of STARTTLS. Clients must not take them for part of the TLS session.")
            .smtp(Smtp::Injection)
            .works(&[Cause::EarlyBytes])
            .rests(&["R-036"]),
        healthy(Section::C, "auth-before-starttls", "AUTH in clear", "The server offers AUTH before TLS: somebody will send a password in clear.").smtp(Smtp::AuthInClear).works(&[Cause::AuthBeforeStarttls]).rests(&["R-038"]),
        healthy(Section::B, "sni-required", "Server name required", "The server presents a certificate only to clients that name it. RFC 7672 tells clients to send the TLSA base domain, so it works, against the rule that servers must not need it.")
            .smtp(Smtp::SniRequired)
            .works(&[Cause::SniRequired])
            .rests(&["R-067", "R-103"]),
    ]
}

fn tls() -> Vec<Scenario> {
    let bad = |id, title, text, smtp, cause| healthy(Section::C, id, title, text).smtp(smtp).fails(&[cause]).rests(&["R-036", "R-073"]);
    vec![
        bad(
            "tls-handshake-failure",
            "Handshake refused",
            "STARTTLS is accepted; every ClientHello is answered with the alert handshake_failure.",
            Smtp::TlsAlert,
            Cause::TlsHandshakeFailure,
        ),
        bad(
            "tls-not-tls",
            "Text instead of TLS",
            "STARTTLS is accepted; then the server goes on in clear.",
            Smtp::TlsText,
            Cause::TlsHandshakeFailure,
        )
        .also(&[Cause::EarlyBytes]),
        bad(
            "tls-1-0-only",
            "TLS 1.0 only",
            "The server speaks no version that is still allowed: the alert protocol_version.",
            Smtp::Tls10Only,
            Cause::TlsTooOld,
        )
        .also(&[Cause::TlsHandshakeFailure]),
        healthy(
            Section::C,
            "rsa-kex-only",
            "RSA key transport only",
            "The server's only cipher suites are those of TLS 1.2 with RSA key transport. RFC 9325 section 4.1 advises against them, so some senders have none of them and skip the host, and others deliver: from a client without them nothing can be said.",
        )
        .presents(Certificate { key: Key::Rsa2048, ..GOOD })
        .smtp(Smtp::RsaKeyTransport)
        .unknown(&[Cause::TlsEngineLimit])
        .rests(&["R-036", "R-073"]),
        healthy(
            Section::C,
            "reset-after-starttls",
            "Reset after STARTTLS",
            "The connection is reset after the 220 of STARTTLS: a crashing TLS engine, or a filter on the way. From one place that cannot be told.",
        )
        .smtp(Smtp::ResetAfterStarttls)
        .unknown(&[Cause::ConnectionReset])
        .rests(&["R-036"]),
    ]
}

fn could_not_look() -> Vec<Scenario> {
    let unseen = |id, title, text, smtp, cause| healthy(Section::C, id, title, text).smtp(smtp).unknown(&[cause]).rests(&["R-036"]);
    vec![
        unseen(
            "smtp-blocked",
            "Blocked (554 greeting)",
            "The server does not talk to us: a block list. That says nothing about its DANE.",
            Smtp::Greeting(554),
            Cause::SmtpBlocked,
        ),
        unseen(
            "rate-limited",
            "Too many connections (421 greeting)",
            "The server is busy or finds us too eager.",
            Smtp::Greeting(421),
            Cause::RateLimited,
        ),
        unseen(
            "greylisted",
            "Come back later (450 greeting)",
            "The server asks unknown clients to come back.",
            Smtp::Greeting(450),
            Cause::Greylisted,
        ),
        healthy(Section::C, "greylisted-once", "Come back later, and then welcome", "The first visit of a client is greeted with 450, the next one as it should be. A sender comes back, and so must whoever wants to tell it from a server that nobody can look at.")
            .smtp(Smtp::GreylistOnce)
            .works(&[])
            .rests(&["R-036"]),
        healthy(Section::C, "capped-once", "Too many connections, and then welcome", "The first connection of a client is greeted with 421 \"too many connections\", the next one as it should be: a cap that others had used up. It says nothing about DANE, and a sender comes back.")
            .smtp(Smtp::CappedOnce)
            .works(&[])
            .rests(&["R-036"]),
        unseen("ehlo-rejected", "EHLO refused (550)", "The server greets, and refuses our name.", Smtp::EhloReply(550), Cause::SmtpBlocked),
        unseen("banner-timeout", "Silence", "The connection is accepted, and no greeting ever comes.", Smtp::Silent, Cause::BannerTimeout),
        unseen(
            "tarpit",
            "One octet every few seconds",
            "The greeting comes so slowly that nobody waits for its end.",
            Smtp::Drip,
            Cause::Tarpit,
        )
        .also(&[Cause::BannerTimeout]),
        unseen("connection-refused", "Connection refused", "Nothing listens at the address.", Smtp::Refused, Cause::ConnectionRefused),
        unseen("connection-timeout", "Connection attempts lost", "SYN packets vanish.", Smtp::SynLost, Cause::ConnectionTimeout),
        unseen(
            "connection-reset",
            "Connection reset",
            "The connection is reset as soon as it is made.",
            Smtp::ResetAtConnect,
            Cause::ConnectionReset,
        )
        .also(&[Cause::ConnectionRefused]),
        unseen("unreachable", "No way to the address", "There is no route to the host's address.", Smtp::Unreachable, Cause::Unreachable),
    ]
}

fn no_smtp() -> Vec<Scenario> {
    let unseen = |id, title, text, smtp| healthy(Section::C, id, title, text).smtp(smtp).unknown(&[Cause::NotSmtp]).rests(&["R-036"]);
    vec![
        unseen("not-smtp", "Another protocol", "What answers is a web server.", Smtp::NotSmtp),
        unseen(
            "endless-greeting",
            "A greeting that never ends",
            "Continuation lines without end: a scanner needs a limit.",
            Smtp::EndlessGreeting,
        )
        .also(&[Cause::Tarpit]),
        unseen("long-lines", "Lines of 40,000 octets", "A greeting far beyond the 512 octets of RFC 5321.", Smtp::LongLines),
    ]
}
