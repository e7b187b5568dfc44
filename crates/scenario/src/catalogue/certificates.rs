//! Certificates and chains.

use super::{Draft, GOOD, PRIVATE, RIGHT, SELF_SIGNED, WRONG, healthy, server};
use crate::recipe::{Certificate, Family, Form, Issuer, Key, Names, Object, Sends, Tlsa, Validity};
use crate::{Scenario, Section, Sender};
use dane::cause::Cause;
use dane::verdict::Standing;

pub fn scenarios() -> Vec<Scenario> {
    let mut all = without_tlsa();
    all.extend(ee());
    all.extend(ta());
    all.extend(chains());
    all.extend(addresses());
    all
}

const TOP: Tlsa = Tlsa::new(2, 0, 1, Object::Top);

fn without_tlsa() -> Vec<Scenario> {
    let none = |id, title, text, certificate| {
        healthy(Section::A, id, title, text).presents(certificate).tlsa(&[]).unprotected(&[Cause::NoTlsa]).rests(&["R-032"])
    };
    vec![
        none(
            "cert-expired-no-tlsa",
            "Expired certificate, no TLSA",
            "Without TLSA records the certificate's dates do not matter to opportunistic TLS. Whether a sender minds all the same is worth noting.",
            Certificate { validity: Validity::Expired, ..GOOD },
        ),
        none("cert-self-signed-no-tlsa", "Self-signed certificate, no TLSA", "Opportunistic TLS takes any certificate.", SELF_SIGNED),
        none(
            "cert-name-mismatch-no-tlsa",
            "Certificate of another name, no TLSA",
            "Opportunistic TLS takes any name.",
            Certificate { names: Names::Other, ..GOOD },
        ),
    ]
}

fn ee() -> Vec<Scenario> {
    vec![
        healthy(Section::A, "cert-expired-usage3", "Expired certificate under usage 3", "Usage 3 pins the key and ignores the dates: senders must deliver.")
            .presents(Certificate { validity: Validity::Expired, ..SELF_SIGNED })
            .works(&[Cause::ExpiredUnderUsage3])
            .rests(&["R-052"]),
        healthy(Section::B, "ee-not-yet-valid", "Certificate not yet valid under usage 3", "Usage 3 ignores the dates, in both directions.")
            .presents(Certificate { validity: Validity::Future, ..SELF_SIGNED })
            .works(&[Cause::NotYetValidUnderUsage3])
            .rests(&["R-052"]),
        healthy(Section::B, "ee-name-mismatch", "Certificate of another name under usage 3", "Usage 3 ignores the names.").presents(Certificate { names: Names::Other, ..GOOD }).rests(&["R-052"]),
        healthy(Section::B, "ee-empty-subject", "Certificate without any name under usage 3", "Usage 3 needs no name.").presents(Certificate { names: Names::None, ..SELF_SIGNED }).rests(&["R-052"]),
        healthy(Section::B, "ee-rsa", "RSA key", "Like `valid`, with an RSA key of 2,048 bits.").presents(Certificate { key: Key::Rsa2048, ..GOOD }).rests(&["R-049", "R-051"]),
        healthy(Section::B, "two-certificates", "Two certificates by client offer", "The server has an ECDSA and an RSA certificate and chooses by what the client offers; the TLSA record covers the first only. Clients that offer only RSA fail.")
            .presents(Certificate { key: Key::Both, ..GOOD })
            .works(&[Cause::CertificateUncovered])
            .rests(&["R-051", "R-090"]),
        healthy(Section::C, "weak-key", "RSA of 1,024 bits", "The key matches and is far too short.")
            .presents(Certificate { key: Key::Rsa1024, ..SELF_SIGNED })
            .works(&[Cause::WeakKey])
            .also(&[Cause::KeyNotProven, Cause::TlsHandshakeFailure])
            .rests(&["R-073"]),
        healthy(Section::C, "v1-certificate", "X.509 version 1", "A certificate without extensions, as old scripts make it. Under usage 3 that does not matter.")
            .presents(Certificate { form: Form::V1, ..SELF_SIGNED })
            .works(&[Cause::V1Certificate])
            .rests(&["R-052"]),
        healthy(Section::C, "sha1-signature", "Signed with SHA-1", "The certificate's own signature is of a kind nobody should trust. Under usage 3 nobody does.")
            .presents(Certificate { form: Form::Sha1, key: Key::Rsa2048, ..SELF_SIGNED })
            .works(&[Cause::Sha1Signature])
            .rests(&["R-052"]),
        healthy(Section::C, "key-not-proven", "A certificate without its key", "The server shows the right certificate, but cannot prove that it holds the key: somebody else's certificate.")
            .presents(Certificate { key: Key::NotHeld, ..GOOD })
            .fails(&[Cause::KeyNotProven])
            .also(&[Cause::TlsHandshakeFailure])
            .rests(&["R-036"]),
    ]
}

fn ta() -> Vec<Scenario> {
    let ta = |id, title, text, certificate| healthy(Section::B, id, title, text).presents(certificate).tlsa(&[TOP]);
    vec![
        ta("ta-private", "A CA of one's own", "`2 0 1` of a root that is in nobody's store, sent with the chain. Trust starts at the record, not at a root store.", PRIVATE).rests(&["R-060", "R-068"]),
        ta("ta-not-sent", "Issuer not sent", "The record is the digest of a root that the server does not send. A digest alone verifies nothing.", Certificate { sends: Sends::WithoutTop, ..PRIVATE })
            .fails(&[Cause::TaNotSent])
            .also(&[Cause::UnknownMismatch])
            .rests(&["R-058", "R-100"]),
        ta("ta-name-mismatch", "Issuer right, name wrong", "The chain leads to the issuer in the record, but the certificate is for another host.", Certificate { names: Names::Other, ..PRIVATE })
            .fails(&[Cause::TaNameMismatch])
            .rests(&["R-068"]),
        ta("ta-name-next-hop", "Certificate names the mail domain", "With secure MX records the mail domain is a reference identifier beside the host's name.", Certificate { names: Names::Domain, ..PRIVATE }).rests(&["R-069"]),
        ta("ta-expired", "Issuer right, certificate expired", "Under usage 2 dates count.", Certificate { validity: Validity::Expired, ..PRIVATE }).fails(&[Cause::TaExpired]).rests(&["R-061"]),
        ta("ta-wildcard", "Wildcard certificate", "`*.<domain>` covers the host's name.", Certificate { names: Names::Wildcard, ..PRIVATE }).rests(&["R-072"]),
        ta("ta-cross-signed", "Cross-signed issuer first", "Before the issuer that leads to the record stands the same issuer as signed by a root that is not sent. Any path will do, and there is one; but senders built on OpenSSL, like Postfix, follow the first issuer only, and fail.", Certificate { sends: Sends::CrossedFirst, ..PRIVATE })
            .works(&[Cause::TaSecondPath])
            .rests(&["R-063"]),
        ta("ta-hash-unrelated-cert", "The issuer's certificate is there, but did not sign", "The chain contains a certificate with the right digest, and another key signed the server's. Who only compares digests is fooled.", Certificate { issuer: Issuer::Impostor, ..PRIVATE })
            .fails(&[Cause::TaPathBroken])
            .rests(&["R-059"]),
    ]
}

fn chains() -> Vec<Scenario> {
    vec![
        healthy(Section::C, "empty-chain", "No certificate", "The server speaks TLS and presents no certificate.")
            .presents(Certificate { sends: Sends::Nothing, ..GOOD })
            .fails(&[Cause::EmptyChain])
            .also(&[Cause::TlsHandshakeFailure])
            .rests(&["R-036", "R-073"]),
        healthy(Section::C, "garbage-certificate", "Not a certificate", "Where the certificate should be there are other octets.")
            .presents(Certificate { sends: Sends::Garbage, ..GOOD })
            .fails(&[Cause::GarbageCertificate])
            .also(&[Cause::TlsHandshakeFailure, Cause::KeyNotProven, Cause::UnknownMismatch])
            .rests(&["R-033", "R-049"]),
        healthy(
            Section::C,
            "reordered-chain",
            "Chain out of order",
            "Root first, then an unrelated certificate, then the intermediate. The path exists, so it must be found.",
        )
        .presents(Certificate { sends: Sends::Reordered, ..PRIVATE })
        .tlsa(&[TOP])
        .works(&[Cause::ReorderedChain])
        .rests(&["R-062"]),
        healthy(Section::C, "huge-chain", "A hundred certificates too many", "The server's own certificate comes first and matches.")
            .presents(Certificate { sends: Sends::Huge, ..GOOD })
            .works(&[Cause::HugeChain])
            .rests(&["R-066"]),
    ]
}

fn addresses() -> Vec<Scenario> {
    vec![
        healthy(
            Section::B,
            "dual-stack",
            "An IPv4 and an IPv6 address",
            "Both families are secure, and the server behind each shows the certificate of the record: what every address of a host owes its senders.",
        )
        .edit_host(|h| h.servers.push(server(Family::V6, GOOD)))
        .rests(&["R-018", "R-090"]),
        healthy(
            Section::B,
            "per-address-differs",
            "One of two addresses is stale",
            "The host has two addresses; the server behind the second shows another certificate, which no record matches.",
        )
        .edit_host(|h| {
            h.tlsa = vec![RIGHT];
            h.servers.push(server(Family::V4, SELF_SIGNED));
        })
        .sender(&[Sender::Dane])
        .finds(Standing::Broken, &[Cause::UnknownMismatch, Cause::PartialCoverage])
        .rests(&["R-090"]),
        healthy(
            Section::B,
            "both-addresses-stale",
            "Both addresses are stale",
            "The host has two addresses with different certificates; no record matches either.",
        )
        .edit_host(|h| {
            h.tlsa = vec![WRONG];
            h.servers.push(server(Family::V4, SELF_SIGNED));
        })
        .fails(&[Cause::UnknownMismatch])
        .rests(&["R-033", "R-090"]),
    ]
}
