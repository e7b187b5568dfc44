//! The differences that are known, each with the RFC's sentence.

use super::rule::Rule;
use crate::Status::{Bogus, Indeterminate, Insecure, Secure};
use lab::Kind::{
    self, Alias, Apex, Away, BelowSigned, BelowUnsigned, Dangling, Dname, DnameNone, Ds, Empty, NoData, NoDs, NxDomain, Wild, WildNoData,
};
use lab::MutationOperator::{self as Op, *};
use scenario::recipe::{Algorithm, Denial, Signing};

const UNBOUND: &[&str] = &["unbound"];
const BIND: &[&str] = &["named", "delv"];
/// Where there is something to prove absent, or to be found at the end of an alias.
const NEGATIVE: &[Kind] = &[NoData, NxDomain, WildNoData, Empty, NoDs, DnameNone, Dangling, Away, BelowUnsigned, Wild, Alias, Dname];
/// What makes a signature not hold, or another one beside it.
const ON_SIGNATURES: &[Op] = &[
    DropSignature,
    DropRecord,
    SwapData,
    AddRecord,
    FlipSignature,
    ShortSignature,
    Expired,
    NotYetValid,
    TimesReversed,
    StrangerSigns,
    StrangerWithOurTag,
    LastKeySigns,
    SignerIsParent,
    SignerIsBelow,
    SignerIsElsewhere,
    WrongOwner,
    LabelsFewer,
    LabelsNone,
    LabelsMore,
    OriginalTtlChanged,
    CoversOther,
    AlgorithmOther,
    WrongThenRight,
];

/// What changes an answer about DS records, or the proof that there are none.
const IN_DS_ANSWERS: &[Op] =
    &[ProofsMissing, FirstProofMissing, LastProofMissing, ProofsUnsigned, ProofOfElsewhere, SoaMissing, NxdomainForNodata, ExtraAuthority];

fn sha1(signing: Signing, _: Denial) -> bool {
    matches!(signing, Signing::OneKey(Algorithm::RsaSha1))
}

fn colliding(signing: Signing, _: Denial) -> bool {
    matches!(signing, Signing::CollidingTags(_))
}

fn opt_out(_: Signing, denial: Denial) -> bool {
    denial == Denial::Nsec3OptOut
}

/// 50 is where ours ends, and an operator adds one.
fn many_iterations(_: Signing, denial: Denial) -> bool {
    matches!(denial, Denial::Nsec3 { iterations: 50.. })
}

fn denies_insecurely(signing: Signing, denial: Denial) -> bool {
    opt_out(signing, denial) || many_iterations(signing, denial)
}

/// The first rule that holds explains a difference.
pub const RULES: &[Rule] = &[
    Rule {
        ours: &[Insecure],
        reasons: &["algorithm-unsupported"],
        zone: Some(sha1),
        ..Rule::new("sha-1", "RFC 9905 section 2: signatures made with SHA-1 must not be relied on, so the zone counts as unsigned")
    },
    Rule {
        ours: &[Insecure],
        reasons: &["nsec3-iterations-high"],
        zone: Some(many_iterations),
        ..Rule::new(
            "iterations",
            "RFC 9276 section 3.2: validating resolvers MAY return an insecure response when processing NSEC3 records with iterations \
             larger than 0. We do above 50, the others above 150",
        )
    },
    Rule {
        ours: &[Bogus],
        reasons: &["key-revoked"],
        operators: &[KeyRevoked],
        ..Rule::new(
            "revoked",
            "RFC 5011 section 2.1: once the resolver sees the REVOKE bit, it MUST NOT use this key for any other purpose except to \
             validate the RRSIG it signed over the DNSKEY RRSet",
        )
    },
    Rule {
        ours: &[Bogus],
        reasons: &["ds-digest-mismatch"],
        operators: &[DsSha1RightSha256Wrong],
        ..Rule::new(
            "ds-sha-1",
            "RFC 4509 section 3: validators SHOULD ignore DS RRs containing SHA-1 digests if DS RRs with SHA-256 digests are present",
        )
    },
    Rule {
        judges: BIND,
        ours: &[Bogus],
        reasons: &["no-zone-key"],
        operators: &[KeyProtocol],
        ..Rule::new(
            "protocol",
            "RFC 4034 section 2.1.2: the DNSKEY RR MUST be treated as invalid if its protocol is some value other than 3",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Bogus, Indeterminate, Insecure],
        ours: &[Secure, Insecure],
        zone: Some(colliding),
        ..Rule::new(
            "colliding",
            "RFC 4035 section 5.3.1: it is possible for more than one DNSKEY RR to match, and the validator MUST try each matching \
             DNSKEY RR until either the signature is validated or it has run out of keys. BIND gives up after the first that fails",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Bogus, Indeterminate, Insecure],
        ours: &[Secure, Insecure],
        operators: &[WrongThenRight],
        ..Rule::new(
            "second-signature",
            "RFC 6840 section 5.4: a resolver SHOULD accept any valid RRSIG as sufficient. BIND gives up after one that fails",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Bogus, Indeterminate],
        ours: &[Secure, Insecure],
        operators: &[KeyTooShortBeside],
        ..Rule::new(
            "short-key",
            "RFC 4035 section 5.3.1: signer's name, algorithm and key tag MUST match some DNSKEY RR of the RRset. One beside it that \
             cannot be read is none; BIND stops there",
        )
    },
    Rule {
        ours: &[Bogus],
        reasons: &["rrsig-labels"],
        operators: &[LabelsFewer, LabelsNone],
        ..Rule::new(
            "labels-above",
            "RFC 4035 section 5.3.1: the signer's name MUST be the name of the zone that contains the RRset; a wildcard above the apex \
             it does not contain",
        )
    },
    Rule {
        theirs: &[Secure, Insecure],
        ours: &[Bogus],
        reasons: &["denial-missing", "denial-wrong", "wildcard-wrong"],
        operators: &[LabelsFewer, LabelsNone],
        ..Rule::new(
            "expanded-proof",
            "RFC 4035 sections 5.3.4 and 5.4: an RRset of fewer labels in its RRSIG RR was expanded from a wildcard, and it must be \
             verified that there is no closer match; only an NSEC RR with as many labels as its RRSIG RR says stands where it says",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Indeterminate, Insecure, Secure],
        ours: &[Bogus],
        kinds: NEGATIVE,
        operators: ON_SIGNATURES,
        ..Rule::new(
            "soa-unproven",
            "RFC 4035 section 3.2.3: AD only if all RRsets in the answer and authority sections are authentic. Where only the SOA record \
             is not, BIND answers without AD, and delv looks at the first alias only; we and unbound refuse",
        )
    },
    Rule {
        judges: &["named", "delv", "unbound"],
        theirs: &[Secure],
        ours: &[Insecure],
        reasons: &["opt-out"],
        zone: Some(opt_out),
        ..Rule::new(
            "opt-out",
            "RFC 5155 section 9.2: the AD bit MUST NOT be set if the NSEC3 RR that covers the next closer name has the Opt-Out bit set",
        )
    },
    Rule {
        theirs: &[Bogus, Indeterminate],
        ours: &[Insecure],
        reasons: &["unsigned", "opt-out"],
        zone: Some(opt_out),
        ..Rule::new(
            "opt-out-cut",
            "RFC 5155 section 12.2: all unsigned names are insecure, and these include signed wildcard expansions. A name in an opt-out \
             span may be that of an unsigned delegation, whether or not what was answered is badly signed",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Secure, Insecure],
        ours: &[Bogus],
        operators: &[HashFlagUnknown],
        ..Rule::new("hash-flags", "RFC 5155 section 8.2: a validator MUST ignore NSEC3 RRs with a Flag fields value other than zero or one")
    },
    Rule {
        theirs: &[Secure, Insecure],
        ours: &[Bogus],
        operators: &[BitmapMalformed],
        ..Rule::new("bitmap-empty-window", "RFC 4034 section 4.1.2: blocks with no types present MUST NOT be included")
    },
    Rule {
        judges: UNBOUND,
        theirs: &[Secure, Insecure],
        ours: &[Bogus],
        operators: &[HashShort],
        ..Rule::new("hash-length", "RFC 5155 section 3.1.7: the field holds the next hashed owner name, and SHA-1 has 20 octets")
    },
    Rule {
        theirs: &[Secure, Insecure],
        ours: &[Bogus],
        operators: &[ProofOfAll],
        ..Rule::new(
            "proof-of-all",
            "RFC 4034 section 4.1.1: the next name of the last NSEC record is the apex; one that ends at itself elsewhere covers nothing",
        )
    },
    Rule {
        theirs: &[Secure, Insecure],
        ours: &[Bogus, Indeterminate],
        reasons: &["cname-proof-wrong", "fetch-error", "malformed"],
        operators: &[DnameOtherAlias],
        ..Rule::new(
            "dname-cname",
            "RFC 6672 section 5.3.1: verification of the DNAME RR and then that the CNAME was properly synthesized is sufficient proof. \
             Others make the CNAME anew, whatever was sent",
        )
    },
    Rule {
        theirs: &[Bogus, Indeterminate],
        ours: &[Secure, Insecure],
        operators: &[NxdomainForNodata, NxdomainWithAnswer, NodataForNxdomain],
        ..Rule::new(
            "rcode",
            "RFC 4035 section 5.4: denial of existence is determined by NSEC RRs. The response code is not signed: we report what is \
             proven, others refuse where the two differ",
        )
    },
    Rule {
        kinds: &[Kind::Loop],
        ..Rule::new("loop", "RFC 1034 section 3.6.2: CNAME loops are signalled as an error: nobody has an answer")
    },
    Rule {
        judges: UNBOUND,
        theirs: &[Insecure],
        ours: &[Bogus],
        operators: &[BitmapOfDelegation],
        ..Rule::new(
            "delegation-bitmap",
            "RFC 6840 section 4.1: an ancestor delegation's NSEC RR MUST NOT be used to assume nonexistence of any RRs below that cut. \
             Unbound takes it for an insecure delegation, and we find no proof",
        )
    },
    Rule {
        theirs: &[Bogus],
        ours: &[Secure],
        operators: &[ProofOutside],
        kinds: &[NoData, NoDs, WildNoData, Dangling],
        ..Rule::new(
            "next-outside",
            "RFC 4035 section 5.4: an NSEC RR that matches the name proves by its bitmap; its next name plays no part. Unbound drops \
             such a record unread, and so delv behind it does not see it",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Bogus, Indeterminate],
        operators: &[SoaMissing, DropSet, DropRecord],
        ..Rule::new(
            "no-soa",
            "RFC 2308 section 5: negative responses without SOA records SHOULD NOT be cached. They are not forbidden, and RFC 4035 \
             section 5.4 needs no SOA; BIND takes them for malformed",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Bogus, Indeterminate],
        operators: &[DsShortDigest],
        ..Rule::new(
            "ds-length",
            "RFC 4509 section 2.2: a SHA-256 digest has 32 octets. BIND takes a shorter one for a malformed message, we for one that \
             does not match",
        )
    },
    Rule {
        ours: &[Indeterminate],
        reasons: &["fetch-error", "malformed"],
        operators: &[SwapData, AddRecord],
        ..Rule::new("malformed", "RFC 1035 section 3.1: a name ends with the root label; where the data has none, nobody has an answer")
    },
    Rule {
        theirs: &[Bogus],
        ours: &[Secure],
        operators: &[ForgedNxdomain, ForgedNodata, AnswerUnsigned, NxdomainWithAnswer],
        kinds: &[BelowSigned],
        ..Rule::new(
            "ds-in-referral",
            "RFC 4035 section 3.1.4: the name server MUST return the DS RRset along with the NS RRset of a referral. Who follows \
             referrals need not ask for it, and hears no lie about it",
        )
    },
    Rule {
        theirs: &[Bogus, Indeterminate, Insecure],
        ours: &[Secure],
        operators: ON_SIGNATURES,
        kinds: &[WildNoData],
        ..Rule::new(
            "needless-proof",
            "RFC 4035 section 3.2.3: AD if all relevant negative response RRs are authentic. That the name above a wildcard exists need \
             not be proven where the wildcard's own NSEC RR is there; others want every NSEC RR that was sent to be authentic",
        )
    },
    Rule {
        theirs: &[Bogus],
        ours: &[Secure],
        operators: &[ProofToTheEnd, ProofOfAll],
        ..Rule::new(
            "two-truths",
            "RFC 4035 section 5.4: a resolver can use authenticated NSEC RRs to prove that an RRset is not present. Of two that \
             contradict each other, both signed by the zone, we take the one that proves, others the first; for NSEC3, section 8 of RFC \
             5155 likewise",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Bogus, Indeterminate],
        ours: &[Secure],
        operators: &[BitmapEmpty, BitmapMalformed],
        ..Rule::new(
            "bitmap-empty",
            "RFC 4035 section 2.3: the bitmap of every NSEC RR MUST indicate NSEC and RRSIG. That is for zones to heed, section 5.4 asks \
             for the type in question only; BIND takes an empty one for malformed",
        )
    },
    Rule {
        theirs: &[Bogus, Indeterminate],
        ours: &[Secure, Insecure],
        operators: &[RecordsTwice],
        ..Rule::new(
            "duplicates",
            "RFC 4034 section 6.3: duplicate RRs are a protocol error; who handles it in the spirit of the robustness principle MUST \
             remove all but one. We do; unbound does not for DNAME and CNAME",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Secure],
        ours: &[Bogus],
        reasons: &["no-zone-key"],
        operators: &[KeyNotZone],
        kinds: &[Apex],
        ..Rule::new(
            "not-a-zone-key",
            "RFC 4034 section 2.1.1: without the Zone Key flag a DNSKEY RR MUST NOT be used to verify RRSIGs that cover RRsets. BIND \
             does, where the DNSKEY RRset itself is asked for",
        )
    },
    Rule {
        judges: UNBOUND,
        theirs: &[Insecure],
        ours: &[Bogus],
        operators: ON_SIGNATURES,
        kinds: NEGATIVE,
        zone: Some(denies_insecurely),
        ..Rule::new(
            "soa-unproven-insecure",
            "RFC 5155 section 9.2: under opt-out, or with too many iterations, a denial is not secure anyway, so unbound does not look \
             at the SOA record; RFC 4035 section 5.5 wants a signature where the zone is signed",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Insecure],
        ours: &[Bogus],
        operators: &[HashUnknown],
        ..Rule::new(
            "hash-unknown",
            "RFC 5155 section 8.1: responses containing only NSEC3 RRs with unknown hash types will generally be considered bogus",
        )
    },
    Rule {
        theirs: &[Bogus, Indeterminate],
        ours: &[Secure],
        operators: &[ForgedNxdomain],
        kinds: &[Empty],
        ..Rule::new(
            "rcode-empty",
            "RFC 4035 section 5.4: denial of existence is determined by NSEC RRs, and the one that was sent says that the name is an \
             empty non-terminal. We report NODATA whatever the response code says, others refuse",
        )
    },
    Rule {
        theirs: &[Secure, Insecure],
        ours: &[Bogus],
        operators: &[HashIterations, HashSalt],
        ..Rule::new(
            "parameters-mixed",
            "RFC 5155 section 8.2: a validator MAY treat a response as bogus if it contains NSEC3 RRs that contain different values for \
             hash algorithm, iterations, or salt from each other for that zone",
        )
    },
    Rule {
        judges: UNBOUND,
        theirs: &[Secure],
        ours: &[Bogus],
        reasons: &["denial-wrong"],
        operators: &[ForgedNxdomain, ForgedNodata, DropSet, DropRecord],
        kinds: &[Alias],
        ..Rule::new(
            "wildcard-alias-denied",
            "RFC 6840 section 4.3: validators MUST check the CNAME bit in the matching NSEC or NSEC3 RR's type bitmap in addition to the \
             bit for the query type. Unbound does not for a wildcard's",
        )
    },
    Rule {
        judges: UNBOUND,
        theirs: &[Secure, Insecure],
        ours: &[Bogus],
        reasons: &["denial-wrong", "denial-missing"],
        operators: &[BitmapWithDname],
        kinds: &[Empty, NxDomain, NoData, Dangling],
        ..Rule::new(
            "dname-above",
            "RFC 6840 section 4.1: an NSEC RR with the DNAME bit set MUST NOT be used to assume the nonexistence of any subdomain of its \
             owner. Unbound does for empty non-terminals",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Bogus, Indeterminate],
        ours: &[Insecure],
        operators: &[ForgedAnswer],
        kinds: &[NxDomain],
        ..Rule::new(
            "malformed-data",
            "RFC 8659 section 4.1: an address is no CAA record data. BIND reads data of an unsigned answer, too; we do not",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Bogus, Indeterminate],
        ours: &[Secure, Insecure],
        operators: &[AddRecord],
        ..Rule::new(
            "two-soa",
            "RFC 1035 section 5.2: exactly one SOA RR should be present at the top of the zone. Where a zone has signed two, BIND takes \
             the answer for malformed; for the denial they are nothing",
        )
    },
    Rule {
        judges: &["danelaw dns scan"],
        theirs: &[Secure],
        ours: &[Bogus],
        kinds: &[Ds, NoDs],
        ..Rule::new(
            "ds-by-referral",
            "RFC 4035 section 3.1.4: the name server MUST return the DS RRset, or the NSEC RR that proves that there is none, along with \
             the NS RRset of a referral. `dns scan` takes that for the answer; the lie is in the other one, which it does not ask for",
        )
    },
    Rule {
        theirs: &[Bogus, Indeterminate],
        ours: &[Insecure],
        reasons: &["unsigned"],
        operators: IN_DS_ANSWERS,
        kinds: &[BelowUnsigned],
        ..Rule::new(
            "no-ds-in-referral",
            "RFC 4035 section 3.1.4: the name server MUST return the NSEC RR that proves that there is no DS RRset along with the NS \
             RRset of a referral. Who follows referrals need not ask for it, and hears no lie about it",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Bogus, Indeterminate],
        ours: &[Insecure],
        reasons: &["unsigned"],
        operators: ON_SIGNATURES,
        kinds: &[BelowUnsigned],
        ..Rule::new(
            "soa-unproven-ds",
            "RFC 4035 section 3.1.4: a referral has no SOA record, and its proof that there is no DS RRset needs none. BIND asks for DS, \
             and fails at the SOA record beside the proof",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Bogus, Indeterminate],
        ours: &[Insecure],
        reasons: &["unsigned"],
        operators: &[BitmapWithAlias],
        kinds: &[BelowUnsigned],
        ..Rule::new(
            "delegation-and-alias",
            "RFC 6840 section 4.4: for an insecure delegation the NS bit must be there, and those of DS and SOA not. The CNAME bit is \
             for NODATA answers (section 4.3), as which BIND treats it",
        )
    },
    Rule {
        theirs: &[Bogus, Indeterminate],
        ours: &[Insecure],
        reasons: &["unsigned"],
        operators: &[BitmapOfDelegation],
        ..Rule::new(
            "delegation-claimed",
            "RFC 4035 section 5.2: an authenticated NSEC RR with NS and without DS proves that what is below is unsigned. The zone says \
             so of the name, whose data is badly signed; we believe the proof, others look at the signature",
        )
    },
    Rule {
        theirs: &[Bogus, Indeterminate],
        ours: &[Insecure],
        reasons: &["algorithm-unsupported", "digest-unsupported"],
        operators: &[SignerIsParent],
        ..Rule::new(
            "signer-above-insecure",
            "RFC 4035 section 5.2: if none of the DS RRs can be used, the resolver treats the child zone as unsigned; a signature in it \
             that names the parent as its signer is of no zone that contains the data (section 5.3.1). Others check it with the parent's \
             keys",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Secure],
        ours: &[Insecure],
        reasons: &["opt-out"],
        operators: &[HashOptOut],
        ..Rule::new(
            "opt-out-flag",
            "RFC 5155 section 9.2: the AD bit MUST NOT be set if the NSEC3 RR that covers the next closer name has the Opt-Out bit set",
        )
    },
    Rule {
        judges: UNBOUND,
        theirs: &[Insecure],
        ours: &[Secure],
        operators: &[NxdomainWithAnswer],
        zone: Some(many_iterations),
        ..Rule::new(
            "rcode-iterations",
            "RFC 4035 section 5.4: denial of existence is determined by NSEC RRs, and none is needed for a signed answer. Unbound goes \
             by the response code, looks for a denial, and finds one with too many iterations",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Secure],
        ours: &[Bogus],
        reasons: &["rrsig-missing"],
        operators: &[AnswerUnsigned],
        kinds: &[Alias, Dname, Away],
        ..Rule::new(
            "recursor-had-it",
            "RFC 2181 section 5.4.1: a cache keeps the data that it trusts most. The recursor in front of BIND had the alias with its \
             signature from another answer, and gave that; we were given none",
        )
    },
    Rule {
        judges: BIND,
        theirs: &[Bogus],
        ours: &[Secure],
        operators: &[BitmapOfDelegation],
        kinds: &[NxDomain, DnameNone, Dangling],
        ..Rule::new(
            "delegation-covers",
            "RFC 6840 section 4.1: of an ancestor delegation's NSEC3 RR the signer field is shorter than the owner name. Of the apex's \
             own it is not, and to cover a name's hash its types play no part (RFC 5155 section 8.3)",
        )
    },
];
