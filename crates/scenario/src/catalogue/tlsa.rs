//! TLSA records: fields, data, alternatives, digest agility.

use super::{Draft, GOOD, PRIVATE, RIGHT, SELF_SIGNED, WRONG, healthy, host};
use crate::recipe::{Object, Sends, Tlsa, Twist};
use crate::{Scenario, Section, Sender};
use dane::cause::Cause;
use dane::verdict::Standing;

pub fn scenarios() -> Vec<Scenario> {
    let mut all = wrong_fields();
    all.extend(undefined());
    all.extend(unusable_among_others());
    all.extend(data());
    all.extend(alternatives());
    all.extend(sets());
    all
}

fn wrong_fields() -> Vec<Scenario> {
    vec![
        healthy(Section::A, "tlsa-wrong-usage", "Usage 1 instead of 3", "A self-signed certificate and `1 1 1`, whose data match. RFC 7672 leaves usages 0 and 1 undefined for SMTP, so the record is unusable and senders encrypt without authentication. The test bed of 2020 expected a rejection (the certificate fails PKIX): reports show both readings.")
            .presents(SELF_SIGNED)
            .tlsa(&[Tlsa::new(1, 1, 1, Object::Leaf)])
            .unauthenticated(&[Cause::PkixUsage])
            .also(&[Cause::AllUnusable, Cause::WrongUsage])
            .rests(&["R-034", "R-043"]),
        healthy(Section::A, "tlsa-wrong-usage-wrong-data", "Usage 1, and wrong data", "Like `tlsa-wrong-usage` with data that match nothing: it tells a sender that ignores the record from one that skips only the PKIX part.")
            .presents(SELF_SIGNED)
            .tlsa(&[Tlsa::new(1, 1, 1, Object::Unrelated(0))])
            .unauthenticated(&[Cause::PkixUsage])
            .also(&[Cause::AllUnusable])
            .rests(&["R-034", "R-043"]),
        healthy(Section::A, "tlsa-wrong-selector", "Wrong selector", "The digest is of the public key, the selector says certificate.")
            .tlsa(&[Tlsa::new(3, 0, 1, Object::Leaf).made_as(1, 1)])
            .fails(&[Cause::WrongSelector])
            .rests(&["R-033", "R-049"]),
        healthy(Section::A, "tlsa-wrong-matching-type", "Wrong matching type", "The data are a SHA-256 digest, the matching type says SHA-512. A digest of the wrong length can never match, so the record is unusable (RFC 7671 section 9) and senders encrypt without authentication; the test bed of 2020 expected a rejection. Reports show both readings.")
            .tlsa(&[Tlsa::new(3, 1, 2, Object::Leaf).made_as(1, 1)])
            .unauthenticated(&[Cause::WrongMatchingType])
            .also(&[Cause::AllUnusable, Cause::TlsaMalformed])
            .rests(&["R-034", "R-041"]),
        healthy(Section::A, "tlsa-wrong-data", "Wrong data", "The record names a key that the server does not have.")
            .tlsa(&[WRONG])
            .fails(&[Cause::UnknownMismatch])
            .rests(&["R-033", "R-048"]),
        healthy(Section::C, "wrong-usage", "Usage 3 for an issuer", "The data are right for the issuer's key; the usage says it is the server's own.")
            .tlsa(&[Tlsa::new(3, 1, 1, Object::Issuer)])
            .fails(&[Cause::WrongUsage])
            .rests(&["R-051"]),
        healthy(Section::C, "wrong-usage-and-selector", "Usage and selector wrong", "The data are right for the issuer's key; the record says the server's own certificate.")
            .tlsa(&[Tlsa::new(3, 0, 1, Object::Issuer).made_as(1, 1)])
            .fails(&[Cause::WrongUsage])
            .also(&[Cause::WrongSelector])
            .rests(&["R-049", "R-051"]),
        healthy(Section::B, "self-signed-leaf-as-ta", "Usage 2 for a self-signed certificate", "The record says issuer, but the data are of the server's own, self-signed certificate. Usage 2 never matches the server's own certificate.")
            .presents(SELF_SIGNED)
            .tlsa(&[Tlsa::new(2, 1, 1, Object::Leaf)])
            .fails(&[Cause::LeafAsTa])
            .also(&[Cause::WrongUsage])
            .rests(&["R-054"]),
    ]
}

fn undefined() -> Vec<Scenario> {
    let odd = |section, id, title, text, records: &[Tlsa], cause| {
        healthy(section, id, title, text)
            .tlsa(records)
            .unauthenticated(&[cause])
            .also(&[Cause::AllUnusable])
            .rests(&["R-034", "R-039", "R-040"])
    };
    vec![
        odd(
            Section::A,
            "tlsa-undefined-usage",
            "Undefined usage",
            "Usage 9 does not exist. The record is unusable; TLSA records exist, so senders must still encrypt.",
            &[Tlsa::new(9, 1, 1, Object::Leaf)],
            Cause::TlsaUndefinedUsage,
        ),
        odd(
            Section::A,
            "tlsa-undefined-selector",
            "Undefined selector",
            "Selector 9 does not exist.",
            &[Tlsa::new(3, 9, 1, Object::Leaf).made_as(1, 1)],
            Cause::TlsaUndefinedSelector,
        ),
        odd(
            Section::A,
            "tlsa-undefined-matching-type",
            "Undefined matching type",
            "Matching type 9 does not exist.",
            &[Tlsa::new(3, 1, 9, Object::Leaf).made_as(1, 1)],
            Cause::TlsaUndefinedMatchingType,
        ),
        odd(
            Section::B,
            "all-unusable",
            "Several records, none usable",
            "An undefined usage, an undefined selector and an undefined matching type: no record can be used.",
            &[
                Tlsa::new(7, 1, 1, Object::Leaf),
                Tlsa::new(3, 7, 1, Object::Leaf).made_as(1, 1),
                Tlsa::new(3, 1, 7, Object::Leaf).made_as(1, 1),
            ],
            Cause::AllUnusable,
        )
        .also(&[Cause::TlsaUndefinedUsage, Cause::TlsaUndefinedSelector, Cause::TlsaUndefinedMatchingType]),
    ]
}

fn unusable_among_others() -> Vec<Scenario> {
    vec![
        healthy(
            Section::B,
            "unusable-plus-wrong",
            "An unusable and a wrong record",
            "One record is unusable, one is usable and wrong. The unusable one does not soften the failure.",
        )
        .tlsa(&[Tlsa::new(9, 1, 1, Object::Leaf), WRONG])
        .fails(&[Cause::UnknownMismatch])
        .also(&[Cause::TlsaUndefinedUsage])
        .rests(&["R-045"]),
        healthy(Section::B, "unusable-plus-right", "An unusable and a right record", "One record is unusable, one matches: DANE works.")
            .tlsa(&[Tlsa::new(9, 1, 1, Object::Leaf), RIGHT])
            .works(&[])
            .also(&[Cause::TlsaUndefinedUsage])
            .rests(&["R-039", "R-048"]),
        healthy(Section::B, "only-pkix", "Only usages 0 and 1", "Both records would match under PKIX rules; for SMTP neither is usable.")
            .tlsa(&[Tlsa::new(0, 1, 1, Object::Issuer), Tlsa::new(1, 1, 1, Object::Leaf)])
            .unauthenticated(&[Cause::PkixUsage])
            .also(&[Cause::AllUnusable, Cause::WrongUsage])
            .rests(&["R-034", "R-043"]),
        healthy(
            Section::B,
            "pkix-right-ee-wrong",
            "Usage 1 right, usage 3 wrong",
            "The unusable record is right, the usable one is wrong: failure.",
        )
        .tlsa(&[Tlsa::new(1, 1, 1, Object::Leaf), WRONG])
        .fails(&[Cause::UnknownMismatch])
        .also(&[Cause::PkixUsage, Cause::WrongUsage])
        .rests(&["R-044"]),
    ]
}

fn data() -> Vec<Scenario> {
    vec![
        healthy(Section::B, "digest-of-nothing", "SHA-256 of nothing", "`e3b0c442…`: a script hashed an empty file.")
            .tlsa(&[RIGHT.twisted(Twist::DigestOfNothing)])
            .fails(&[Cause::DigestOfNothing])
            .also(&[Cause::UnknownMismatch])
            .rests(&["R-048", "R-050"]),
        healthy(Section::B, "truncated-digest", "A digest one octet short", "The last octet of the digest was lost in copying. The record is malformed and unusable, and must never match as a prefix.")
            .tlsa(&[RIGHT.twisted(Twist::Truncated)])
            .unauthenticated(&[Cause::TlsaMalformed])
            .also(&[Cause::AllUnusable, Cause::CopyPasteError])
            .rests(&["R-034", "R-041"]),
        healthy(Section::B, "pem-in-full", "PEM text in a full record", "Matching type 0 with the PEM file's text instead of DER.")
            .tlsa(&[Tlsa::new(3, 0, 0, Object::Leaf).twisted(Twist::Pem)])
            .unauthenticated(&[Cause::PemInFull])
            .also(&[Cause::AllUnusable, Cause::TlsaMalformed])
            .rests(&["R-034", "R-042"]),
        healthy(Section::C, "copy-paste-error", "Two digits wrong", "The digest differs from the right one in two hexadecimal digits.")
            .tlsa(&[RIGHT.twisted(Twist::TwoDigitsOff)])
            .fails(&[Cause::CopyPasteError])
            .also(&[Cause::UnknownMismatch])
            .rests(&["R-050"]),
        healthy(Section::C, "stale-tlsa", "The certificate was renewed, the record was not", "The record matches the certificate that the server showed before: the cause of 70 % of the mismatches at self-managed servers (Lee et al. 2022, section 5.2). Only who knows the past can say so; a first look sees an unknown mismatch.")
            .tlsa(&[Tlsa::new(3, 1, 1, Object::OldLeaf)])
            .fails(&[Cause::UnknownMismatch])
            .also(&[Cause::StaleTlsa])
            .rests(&["R-090"]),
        healthy(Section::C, "key-rolled-tlsa-early", "The record was renewed, the certificate was not", "The record of the next key has replaced that of the current one before the server has the new certificate. It should have stood beside it for as long as the old record lives in caches.")
            .tlsa(&[Tlsa::new(3, 1, 1, Object::NextLeaf)])
            .fails(&[Cause::UnknownMismatch])
            .rests(&["R-090"]),
        healthy(Section::B, "full-certificate", "The whole certificate", "`3 0 0`: discouraged for its size, but right.").tlsa(&[Tlsa::new(3, 0, 0, Object::Leaf)]).rests(&["R-042", "R-049"]),
        healthy(Section::B, "full-key", "The whole public key", "`3 1 0`: discouraged, but right.").tlsa(&[Tlsa::new(3, 1, 0, Object::Leaf)]).rests(&["R-042", "R-049"]),
        healthy(Section::B, "sha512", "SHA-512", "`3 1 2`: allowed, rare, and right.").tlsa(&[Tlsa::new(3, 1, 2, Object::Leaf)]).rests(&["R-050"]),
        healthy(Section::B, "certificate-digest", "Digest of the certificate", "`3 0 1`: right today, and broken by every renewal, even with the same key.").tlsa(&[Tlsa::new(3, 0, 1, Object::Leaf)]).rests(&["R-049", "R-102"]),
    ]
}

fn alternatives() -> Vec<Scenario> {
    vec![
        healthy(Section::B, "ee-and-ta-alternatives", "Usage 3 wrong, usage 2 right", "Records are alternatives: the issuer's record authenticates. RFC 7671 section 8.4 asks that every combination match, so a check warns.")
            .presents(PRIVATE)
            .tlsa(&[WRONG, Tlsa::new(2, 1, 1, Object::Top)])
            .works(&[Cause::CombinationUnmatched])
            .rests(&["R-048", "R-065", "R-090"]),
        healthy(Section::B, "ee-right-ta-wrong", "Usage 3 right, usage 2 wrong", "The reverse: the server's own record authenticates.")
            .presents(PRIVATE)
            .tlsa(&[RIGHT, Tlsa::new(2, 1, 1, Object::Unrelated(0))])
            .works(&[Cause::CombinationUnmatched])
            .rests(&["R-048", "R-065", "R-090"]),
        healthy(Section::B, "current-and-next", "Current and next key", "Two `3 1 1` records: the key in use and the next one, published ahead. Good practice, and no finding.")
            .tlsa(&[RIGHT, Tlsa::new(3, 1, 1, Object::NextLeaf)])
            .rests(&["R-091", "R-094"]),
        healthy(Section::B, "current-and-issuer", "Key and issuer", "`3 1 1` of the server's key and `2 1 1` of its issuer's, both matching.")
            .presents(PRIVATE)
            .tlsa(&[RIGHT, Tlsa::new(2, 1, 1, Object::Top)])
            .rests(&["R-048", "R-095"]),
        healthy(Section::B, "agility-strong-bad", "SHA-256 right, SHA-512 wrong", "Digest agility: of one usage and selector only the strongest digest counts. The wrong SHA-512 record hides the right SHA-256 one.")
            .tlsa(&[RIGHT, Tlsa::new(3, 1, 2, Object::Unrelated(0))])
            .fails(&[Cause::AgilityHidesMatch])
            .rests(&["R-074", "R-075"]),
        healthy(Section::B, "agility-strong-good", "SHA-256 wrong, SHA-512 right", "The right SHA-512 record hides the wrong SHA-256 one. It works, against RFC 7671 section 8.4.")
            .tlsa(&[WRONG, Tlsa::new(3, 1, 2, Object::Leaf)])
            .works(&[Cause::CombinationUnmatched])
            .rests(&["R-074", "R-075", "R-090"]),
        healthy(Section::B, "agility-other-selector", "A strong digest of another selector", "A wrong `3 0 2` does not hide a right `3 1 1`: agility is per usage and selector.")
            .tlsa(&[RIGHT, Tlsa::new(3, 0, 2, Object::Unrelated(0))])
            .works(&[Cause::CombinationUnmatched])
            .rests(&["R-076", "R-090"]),
        healthy(Section::B, "agility-malformed-strong", "A malformed strong digest", "A `3 1 2` of 63 octets is unusable, so it does not hide a right `3 1 1`.")
            .tlsa(&[RIGHT, Tlsa::new(3, 1, 2, Object::Leaf).twisted(Twist::Truncated)])
            .works(&[])
            .also(&[Cause::TlsaMalformed, Cause::CombinationUnmatched, Cause::CopyPasteError])
            .rests(&["R-078"]),
    ]
}

fn sets() -> Vec<Scenario> {
    let many = |count: u8| {
        let mut records: Vec<Tlsa> = (0..count).map(|i| Tlsa::new(3, 1, 1, Object::Unrelated(i))).collect();
        records.push(RIGHT);
        records
    };
    let stale = || host(&[WRONG]);
    vec![
        healthy(Section::B, "many-tlsa", "Thirteen records", "Twelve records that match nothing and one that does: more than some large senders read.").tlsa(&many(12)).rests(&["R-048", "R-132"]),
        healthy(Section::B, "many-tlsa-tcp", "Forty records", "The answer does not fit into UDP.").tlsa(&many(39)).rests(&["R-048", "R-128", "R-132"]),
        healthy(Section::B, "good-mx-plus-bad-mx", "Backup MX wrong", "The preferred host is right, the backup's record is wrong: the failure shows on the day the first host is down.")
            .hosts(vec![host(&[RIGHT]), stale()])
            .sender(&[Sender::Dane])
            .finds(Standing::Broken, &[Cause::UnknownMismatch])
            .rests(&["R-003", "R-011", "R-033"]),
        healthy(Section::B, "bad-mx-preferred", "Preferred MX wrong", "The preferred host's record is wrong, the backup is right: senders skip to the backup.")
            .hosts(vec![stale(), host(&[RIGHT])])
            .sender(&[Sender::Next, Sender::Dane])
            .finds(Standing::Broken, &[Cause::UnknownMismatch])
            .rests(&["R-003", "R-011", "R-033"]),
        healthy(Section::B, "mx-without-tlsa", "Partial deployment", "The preferred host has TLSA records, the backup has none: whoever blocks the first host gets the mail unprotected.")
            .hosts(vec![host(&[RIGHT]), host(&[])])
            .sender(&[Sender::Dane])
            .finds(Standing::Partial, &[Cause::PartialTlsa])
            .also(&[Cause::NoTlsa])
            .rests(&["R-003", "R-032", "R-101"]),
        healthy(Section::B, "ta-bare-key", "A bare issuer key", "`2 1 0` of a root that is not sent. The key in DNS verifies the chain by itself; RFC 7671 recommends that clients manage that, and tells publishers to send the certificate anyway.")
            .presents(crate::recipe::Certificate { sends: Sends::WithoutTop, ..PRIVATE })
            .tlsa(&[Tlsa::new(2, 1, 0, Object::Top)])
            .works(&[])
            .also(&[Cause::TaNotSent])
            .rests(&["R-055", "R-056"]),
        healthy(Section::B, "ta-full-certificate", "An issuer's whole certificate", "`2 0 0` of a root that is not sent. Clients must use the certificate from DNS.")
            .presents(crate::recipe::Certificate { sends: Sends::WithoutTop, ..PRIVATE })
            .tlsa(&[Tlsa::new(2, 0, 0, Object::Top)])
            .works(&[])
            .also(&[Cause::TaNotSent])
            .rests(&["R-057"]),
        healthy(Section::B, "ta-public", "A public issuer", "`2 1 1` of the public CA's intermediate, which the server sends.").presents(GOOD).tlsa(&[Tlsa::new(2, 1, 1, Object::Issuer)]).rests(&["R-058", "R-060", "R-068"]),
    ]
}
