//! Signatures, keys, DS records and proofs.

use super::{Draft, healthy, signed, unsigned};
use crate::recipe::{Algorithm, Denial, Ds, Harm, Place, Signing, Spot, TlsaVia, Zone};
use crate::{Scenario, Section};
use dane::cause::Cause;

pub fn scenarios() -> Vec<Scenario> {
    let mut all = vec![
        healthy(
            Section::A,
            "valid",
            "Everything right",
            "A signed zone, one MX host, one TLSA record `3 1 1` that matches. The reference for all others.",
        )
        .rests(&["R-033", "R-048", "R-051"]),
    ];
    all.extend(signatures());
    all.extend(delegations());
    all.extend(algorithms());
    all.extend(denials());
    all
}

fn with_signing(signing: Signing) -> Zone {
    Zone { signing, ..signed() }
}

fn signatures() -> Vec<Scenario> {
    let mx = |id, title, text| healthy(Section::A, id, title, text).rests(&["R-002", "R-112", "R-115"]);
    let tlsa = |section, id, title, text| healthy(section, id, title, text).rests(&["R-031", "R-112", "R-115"]);
    vec![
        mx("mx-rrsig-missing", "MX signature missing", "The zone is signed, but its MX RRset carries no RRSIG. A validator must call that bogus, so nothing is known about where the mail should go: the sender keeps it.")
            .damage(Spot::Mx, Harm::SignatureMissing)
            .defers(&[Cause::RrsigMissing]),
        mx("mx-rrsig-wrong", "MX signature wrong", "The RRSIG over the MX RRset was made over other data, as if somebody had changed the record on the way.")
            .damage(Spot::Mx, Harm::SignatureWrong)
            .defers(&[Cause::RrsigWrong]),
        mx("mx-rrsig-expired", "MX signature expired", "The RRSIG over the MX RRset expired three days ago: the signer stopped, the zone went on.")
            .damage(Spot::Mx, Harm::SignatureExpired)
            .defers(&[Cause::RrsigExpired]),
        mx("dnskey-missing", "DNSKEY missing", "The parent has a DS record, but the zone publishes no DNSKEY RRset: nothing in it can be validated.")
            .damage(Spot::Dnskey, Harm::Withheld)
            .defers(&[Cause::DnskeyMissing])
            .rests(&["R-002", "R-108"]),
        tlsa(Section::A, "tlsa-rrsig-wrong", "TLSA signature wrong", "MX and addresses are secure; only the RRSIG over the TLSA RRset does not fit. The host must be skipped, never used without DANE.")
            .damage(Spot::Tlsa, Harm::SignatureWrong)
            .fails(&[Cause::RrsigWrong]),
        tlsa(Section::A, "tlsa-rrsig-missing", "TLSA signature missing", "MX and addresses are secure; only the TLSA RRset carries no RRSIG.")
            .damage(Spot::Tlsa, Harm::SignatureMissing)
            .fails(&[Cause::RrsigMissing]),
        tlsa(Section::C, "rrsig-expired", "TLSA signature expired", "The RRSIG over the TLSA RRset expired three days ago: two thirds of the broken chains that Lee et al. (2020, section 5.3) saw.")
            .damage(Spot::Tlsa, Harm::SignatureExpired)
            .fails(&[Cause::RrsigExpired]),
        tlsa(Section::C, "rrsig-not-yet-valid", "TLSA signature not yet valid", "The RRSIG over the TLSA RRset begins in three days: a signer with a wrong clock.")
            .damage(Spot::Tlsa, Harm::SignatureNotYetValid)
            .fails(&[Cause::RrsigNotYetValid]),
        tlsa(Section::C, "rrsig-times-reversed", "TLSA signature ends before it begins", "The RRSIG's expiration lies before its inception.")
            .damage(Spot::Tlsa, Harm::SignatureTimesReversed)
            .fails(&[Cause::RrsigTimesReversed])
            .also(&[Cause::RrsigExpired, Cause::RrsigNotYetValid]),
        tlsa(Section::C, "rrsig-unknown-key", "TLSA signature by an unknown key", "The RRSIG over the TLSA RRset was made by a key that the zone does not publish: a botched key rollover.")
            .damage(Spot::Tlsa, Harm::UnknownKey)
            .fails(&[Cause::RrsigUnknownKey]),
        healthy(Section::C, "rrsig-missing", "Address signature missing", "The MX RRset is secure, the host's A RRset carries no RRSIG: its addresses are bogus, so the host cannot be used.")
            .damage(Spot::A, Harm::SignatureMissing)
            .fails(&[Cause::RrsigMissing])
            .rests(&["R-018", "R-115"]),
        healthy(Section::C, "rrsig-wrong", "Address signature wrong", "The MX RRset is secure, the RRSIG over the host's A RRset does not fit.")
            .damage(Spot::A, Harm::SignatureWrong)
            .fails(&[Cause::RrsigWrong])
            .rests(&["R-018", "R-112"]),
        healthy(Section::B, "one-family-bogus", "One address family bogus", "The A RRset is secure; the proof that there is no AAAA record is wrong, as broken load balancers make it. Senders go on over the good family, with DANE.")
            .damage(Spot::Aaaa, Harm::ProofWrong)
            .works(&[Cause::OneFamilyBogus])
            .also(&[Cause::DenialWrong])
            .rests(&["R-018"]),
    ]
}

fn delegations() -> Vec<Scenario> {
    vec![
        healthy(Section::A, "ds-missing", "DS missing", "The zone is signed in every part, but its parent has no DS record. For everybody else it is as if it were unsigned: the most frequent failure of DANE in both studies (a fifth of the signed TLSA records).")
            .zone(Zone { ds: Ds::Missing, ..signed() })
            .unprotected(&[Cause::DsMissing])
            .rests(&["R-017", "R-029", "R-120"]),
        healthy(Section::C, "unsigned", "TLSA without DNSSEC", "The TLSA record is published in a zone without DNSSEC. It protects nobody.")
            .zone(unsigned())
            .unprotected(&[Cause::Unsigned])
            .rests(&["R-017", "R-029", "R-120"]),
        healthy(Section::C, "ds-digest-mismatch", "DS digest wrong", "The DS record has tag and algorithm of the zone's key, but another digest.")
            .zone(Zone { ds: Ds::DigestMismatch, ..signed() })
            .defers(&[Cause::DsDigestMismatch])
            .rests(&["R-002", "R-108"]),
        healthy(Section::C, "ds-no-matching-key", "DS of another key", "The DS record belongs to a key that the zone does not publish: the key was changed and the registrar never told.")
            .zone(Zone { ds: Ds::OtherKey, ..signed() })
            .defers(&[Cause::DsNoMatchingKey])
            .rests(&["R-002", "R-108"]),
        healthy(Section::B, "host-zone-unsigned", "Host in an unsigned zone", "The domain is signed, its MX host lies in a provider's unsigned zone. Publishing a TLSA record there is useless, and the domain can do nothing but change provider.")
            .side(unsigned())
            .place(Place::Side)
            .unprotected(&[Cause::AddressInsecure])
            .also(&[Cause::Unsigned])
            .rests(&["R-017", "R-029"]),
        healthy(Section::B, "host-zone-ds-missing", "Host in a zone without DS", "The domain is signed and secure; the zone of its MX host is signed and has no DS record.")
            .side(Zone { ds: Ds::Missing, ..signed() })
            .place(Place::Side)
            .unprotected(&[Cause::DsMissing])
            .also(&[Cause::AddressInsecure])
            .rests(&["R-017", "R-029"]),
    ]
}

fn algorithms() -> Vec<Scenario> {
    let works = |id, title, text, signing| healthy(Section::B, id, title, text).zone(with_signing(signing)).rests(&["R-111"]);
    vec![
        healthy(Section::B, "algorithm-unsupported", "Unsupported algorithm only", "DS and keys are of algorithm 12 (GOST), which no validator of today supports. That makes the zone insecure, not bogus: mail flows, without DANE.")
            .zone(with_signing(Signing::OneKey(Algorithm::Gost)))
            .unprotected(&[Cause::AlgorithmUnsupported])
            .rests(&["R-109", "R-111"]),
        healthy(Section::B, "rsasha1", "RSA/SHA-1 only", "The zone is signed with algorithm 5. RFC 9905 deprecates it for validators; systems without SHA-1 treat it as insecure. A validator that still accepts it sees a secure zone: both are right, and a result says which rule was used.")
            .zone(with_signing(Signing::OneKey(Algorithm::RsaSha1)))
            .unprotected(&[Cause::AlgorithmUnsupported])
            .rests(&["R-109", "R-111"]),
        works("rsasha256", "RSA/SHA-256", "Signed with algorithm 8, RSA of 2,048 bits.", Signing::OneKey(Algorithm::RsaSha256)),
        works("rsasha512", "RSA/SHA-512", "Signed with algorithm 10.", Signing::OneKey(Algorithm::RsaSha512)),
        works("ecdsa-p384", "ECDSA P-384", "Signed with algorithm 14, which some validators forget.", Signing::OneKey(Algorithm::EcdsaP384)),
        works("ed25519", "Ed25519", "Signed with algorithm 15, which some validators forget.", Signing::OneKey(Algorithm::Ed25519)),
        works("two-keys", "Key-signing and zone-signing key", "The classic split: the DS names a key-signing key, which signs only the DNSKEY RRset; a zone-signing key signs the rest.", Signing::TwoKeys(Algorithm::EcdsaP256)),
        healthy(Section::B, "key-tag-collision", "Two keys with one tag", "Two zone keys have the same key tag, and only one made the signatures. A validator must try both, and must not be made to try thousands (CVE-2023-50387).")
            .zone(with_signing(Signing::CollidingTags(Algorithm::EcdsaP256)))
            .rests(&["R-112"]),
        healthy(Section::B, "huge-dnskey", "DNSKEY RRset too large for UDP", "Two dozen keys: the DNSKEY answer is truncated over UDP and must be fetched over TCP.")
            .zone(with_signing(Signing::ManyKeys(Algorithm::EcdsaP256, 24)))
            .rests(&["R-128"]),
    ]
}

fn denials() -> Vec<Scenario> {
    let none = |id, title, text, denial| {
        healthy(Section::B, id, title, text)
            .zone(Zone { denial, ..signed() })
            .tlsa(&[])
            .unprotected(&[Cause::NoTlsa])
            .rests(&["R-030", "R-032"])
    };
    vec![
        none("no-tlsa-nsec", "No TLSA, proven by NSEC", "There is no TLSA record, and NSEC proves it.", Denial::Nsec).rests(&["R-032", "R-117"]),
        none("no-tlsa-nsec3", "No TLSA, proven by NSEC3", "There is no TLSA record, and NSEC3 proves it: closest encloser, next closer name, wildcard.", Denial::Nsec3 { iterations: 0 })
            .rests(&["R-032", "R-117", "R-122"]),
        none("no-tlsa-opt-out", "No TLSA, NSEC3 with opt-out", "There is no TLSA record; the NSEC3 records that deny it have the opt-out flag, so the proof is insecure. That is no error.", Denial::Nsec3OptOut)
            .rests(&["R-030", "R-121"]),
        healthy(Section::B, "no-tlsa-wildcard", "No TLSA, but a wildcard", "A wildcard at the host has a TXT record and no TLSA: the negative answer needs the proof of the wildcard's types.")
            .via(TlsaVia::Wildcard)
            .tlsa(&[])
            .unprotected(&[Cause::NoTlsa])
            .rests(&["R-032", "R-118"]),
        healthy(Section::B, "tlsa-wildcard", "TLSA from a wildcard", "`*.<host>` has the TLSA record; the answer is expanded from it, with the proof that nothing closer exists.")
            .via(TlsaVia::Wildcard)
            .rests(&["R-114"]),
        healthy(Section::B, "valid-nsec3", "Everything right, NSEC3", "Like `valid`, with NSEC3.").zone(Zone { denial: Denial::Nsec3 { iterations: 0 }, ..signed() }).rests(&["R-033", "R-122"]),
        healthy(Section::B, "denial-broken", "Proof missing", "There is no TLSA record, and the proof of that is left out of the answer. An attacker who strips TLSA records looks just so: the host must be skipped.")
            .tlsa(&[])
            .damage(Spot::Tlsa, Harm::ProofMissing)
            .fails(&[Cause::DenialWrong])
            .rests(&["R-031", "R-117"]),
        healthy(Section::C, "denial-wrong", "Proof wrong", "There is no TLSA record, but the NSEC record in the answer says that there is one.")
            .tlsa(&[])
            .damage(Spot::Tlsa, Harm::ProofWrong)
            .fails(&[Cause::DenialWrong])
            .rests(&["R-031", "R-116"]),
        healthy(Section::C, "wildcard-wrong", "Wildcard without proof", "The TLSA record is expanded from a wildcard, but the proof that no closer name exists is left out.")
            .via(TlsaVia::Wildcard)
            .damage(Spot::Tlsa, Harm::ProofMissing)
            .fails(&[Cause::WildcardWrong])
            .rests(&["R-031", "R-114"]),
        healthy(Section::C, "cname-proof-wrong", "Alias with a wrong signature", "`_25._tcp.<host>` is an alias (CNAME) whose signature does not fit; what it points at is fine.")
            .via(TlsaVia::Alias)
            .damage(Spot::Alias, Harm::SignatureWrong)
            .fails(&[Cause::CnameProofWrong])
            .also(&[Cause::RrsigWrong])
            .rests(&["R-028", "R-031", "R-124"]),
        healthy(Section::B, "nsec3-iterations-high", "NSEC3 with 300 iterations", "Validators treat such proofs as insecure (RFC 9276). Positive answers stay secure, so DANE works; an absent AAAA record cannot be proven securely.")
            .zone(Zone { denial: Denial::Nsec3 { iterations: 300 }, ..signed() })
            .works(&[Cause::Nsec3Iterations])
            .rests(&["R-019", "R-123"]),
    ]
}
