//! What can be done to a zone.

use super::case::Kind;

macro_rules! operators {
    ($($(#[doc = $text:literal])+ $name:ident,)+) => {
        /// One change to a zone. It aims at one question of its case, and hits what answers it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operator {
            $($(#[doc = $text])+ $name,)+
        }

        impl Operator {
            /// Every operator.
            pub const ALL: &'static [Operator] = &[$(Operator::$name,)+];
        }
    };
}

operators! {
    /// One signature of the RRset is left out.
    DropSignature,
    /// A record of the RRset is left out, and the signature stays.
    DropRecord,
    /// The RRset is left out, though the proofs still name it.
    DropSet,
    /// An octet of the data is another one.
    SwapData,
    /// A record that nobody signed joins the RRset.
    AddRecord,
    /// An octet of the signature is another one.
    FlipSignature,
    /// The signature is cut short.
    ShortSignature,
    /// Expired three days ago. (RFC 4035 section 5.3.1)
    Expired,
    /// Begins in three days.
    NotYetValid,
    /// Expires before it begins.
    TimesReversed,
    /// Signed by a key that is not in the DNSKEY RRset.
    StrangerSigns,
    /// The same, under the tag of the key that should have signed.
    StrangerWithOurTag,
    /// Signed by the first key, whichever should have signed. Nothing is wrong with that.
    FirstKeySigns,
    /// Signed by the last key, which for DNSKEY is not the one that the DS record names.
    LastKeySigns,
    /// The signer's name is that of the parent.
    SignerIsParent,
    /// The signer's name is below the zone.
    SignerIsBelow,
    /// The signer's name is another zone's.
    SignerIsElsewhere,
    /// Made for another owner.
    WrongOwner,
    /// The labels field is one less than the owner's labels: a wildcard expansion, though without its proof. (RFC 4034 section 3.1.3)
    LabelsFewer,
    /// The labels field is 0, as of an expansion of `*.`.
    LabelsNone,
    /// The labels field is one more than the owner has.
    LabelsMore,
    /// The original TTL was changed after signing.
    OriginalTtlChanged,
    /// Signed with a shorter original TTL than the RRset has. (RFC 4035 section 5.3.3 caps the TTL; nothing is wrong)
    OriginalTtlShorter,
    /// Signed with a longer one.
    OriginalTtlLonger,
    /// The signature covers another type.
    CoversOther,
    /// The algorithm field names an algorithm of which the zone has no key.
    AlgorithmOther,
    /// A wrong signature before the right one. (RFC 4035 section 5.3.3: one that holds is enough)
    WrongThenRight,
    /// A wrong one after it.
    RightThenWrong,
    /// Signatures by an unknown algorithm beside the right one.
    UnknownBeside,
    /// The RRset is sent with each record twice. (RFC 4034 section 6.3)
    RecordsTwice,
    /// The records are sent in reverse order.
    RecordsReversed,
    /// The owner name is sent in capitals. (RFC 4034 section 6.2)
    OwnerInCapitals,
    /// Names in the data are sent in capitals. (RFC 4034 section 6.2, RFC 6840 section 5.1)
    DataInCapitals,

    /// The signing key lacks the Zone Key flag. (RFC 4034 section 2.1.1)
    KeyNotZone,
    /// The first key's protocol is not 3. (RFC 4034 section 2.1.2)
    KeyProtocol,
    /// The first key is revoked. (RFC 5011 section 2.1)
    KeyRevoked,
    /// The first key lacks the SEP flag. (RFC 4034 section 2.1.1: validators do not look at it)
    KeyWithoutSep,
    /// A key of an unknown algorithm beside the others.
    KeyUnknownBeside,
    /// A key of one octet, of the same algorithm, beside the others.
    KeyTooShortBeside,
    /// The zone signer's public key was changed after signing.
    KeyChanged,

    /// No DS record: the zone is proven to be unsigned.
    DsMissing,
    /// Another digest.
    DsOtherDigest,
    /// Another tag.
    DsOtherTag,
    /// Another algorithm, which is supported.
    DsOtherAlgorithm,
    /// The right one, and one that matches no key. (RFC 4035 section 5.2)
    DsUnmatchedBeside,
    /// Only an unknown algorithm. (RFC 4035 section 5.2)
    DsUnknownAlgorithm,
    /// Only an unknown digest type. (RFC 6840 section 5.2)
    DsUnknownDigest,
    /// The right one, and an unknown digest type.
    DsUnknownDigestBeside,
    /// An unknown algorithm, and a supported one that matches no key.
    DsUnknownAndUnmatched,
    /// Only SHA-1.
    DsSha1,
    /// SHA-1 is right, SHA-256 is wrong. (RFC 4509 section 3)
    DsSha1RightSha256Wrong,
    /// SHA-1 is wrong, SHA-256 is right.
    DsSha1WrongSha256Right,
    /// Only SHA-384.
    DsSha384,
    /// SHA-256 is wrong, SHA-384 is right.
    DsSha256WrongSha384Right,
    /// The digest is shorter than its type says.
    DsShortDigest,
    /// The digest is of the second key. (The first still signs the keys.)
    DsOfLastKey,

    /// No proofs.
    ProofsMissing,
    /// The first proof is missing.
    FirstProofMissing,
    /// The last proof is missing.
    LastProofMissing,
    /// The proofs are not signed.
    ProofsUnsigned,
    /// The first proof is another one of the same zone.
    ProofOfElsewhere,
    /// No SOA record.
    SoaMissing,
    /// The proof's bitmap denies a type that exists, and is signed. (RFC 4034 section 4.1.2)
    BitmapWithoutType,
    /// The proof's bitmap has the type asked for.
    BitmapWithType,
    /// The proof's bitmap has CNAME. (RFC 6840 section 4.3)
    BitmapWithAlias,
    /// The proof's bitmap has DNAME.
    BitmapWithDname,
    /// The proof's bitmap has NS and no SOA, as at a delegation. (RFC 6840 section 4.1)
    BitmapOfDelegation,
    /// The proof's bitmap has SOA, as at an apex. (RFC 6840 section 4.4)
    BitmapWithSoa,
    /// The proof's bitmap is empty.
    BitmapEmpty,
    /// The proof's bitmap has an extra empty window. (RFC 4034 section 4.1.2)
    BitmapMalformed,
    /// The proof ends at the apex, and so covers all that follows.
    ProofToTheEnd,
    /// The proof ends where it begins.
    ProofOfAll,
    /// The proof ends at its neighbour's octet: covers nothing.
    ProofOfNothing,
    /// The proof ends outside of the zone.
    ProofOutside,
    /// NSEC3 of an unknown hash algorithm. (RFC 5155 section 8.1)
    HashUnknown,
    /// NSEC3 with an unknown flag. (RFC 5155 section 8.2)
    HashFlagUnknown,
    /// NSEC3 with the opt-out flag, though the chain has none.
    HashOptOut,
    /// One NSEC3 record with one iteration more than the others. (RFC 5155 section 8.2)
    HashIterations,
    /// One NSEC3 record with a salt that the others do not have.
    HashSalt,
    /// An NSEC3 record whose next hash is too short.
    HashShort,

    /// What exists is said not to exist, with the zone's own proofs.
    ForgedNxdomain,
    /// What exists is said to have no such type, with the zone's own proof at the name.
    ForgedNodata,
    /// NXDOMAIN with the proofs of NODATA.
    NxdomainForNodata,
    /// NODATA with the proofs of NXDOMAIN.
    NodataForNxdomain,
    /// NXDOMAIN beside an answer.
    NxdomainWithAnswer,
    /// What exists is answered from a wildcard, with the wildcard's proof of another name. (RFC 4592 section 2.2)
    WildcardForExisting,
    /// What does not exist is answered with somebody else's records.
    ForgedAnswer,
    /// An unsigned record of the same zone joins the answer.
    ExtraAnswer,
    /// An unsigned record joins the authority section.
    ExtraAuthority,
    /// An unsigned record joins the additional section.
    ExtraAdditional,
    /// A signed RRset that nobody asked for joins the answer.
    SignedExtraAnswer,
    /// The signatures of the answer section are left out.
    AnswerUnsigned,
    /// The records of the answer section are in reverse order.
    AnswerReversed,
    /// The CNAME made from a DNAME is missing. (RFC 6672 section 3.1)
    DnameWithoutAlias,
    /// The CNAME made from a DNAME leads elsewhere. (RFC 6672 section 5.3.1)
    DnameOtherAlias,
    /// The CNAME is there without the DNAME.
    AliasWithoutDname,
    /// The answer ends after the first alias.
    AliasOnly,
}

impl Operator {
    /// The questions that it can aim at.
    pub(crate) fn suits(self, kind: Kind) -> bool {
        use Kind::{Alias, Apex, Away, Dangling, Data, Dname, DnameNone, Ds, Empty, NoData, NoDs, NxDomain, Wild, WildNoData};
        use Operator::*;
        let negative = matches!(kind, NoData | NxDomain | WildNoData | Empty | NoDs | DnameNone | Dangling);
        let positive = matches!(kind, Data | Apex | Wild | Ds | Alias | Dname);
        match self {
            ProofsMissing | FirstProofMissing | LastProofMissing | ProofsUnsigned | ProofOfElsewhere => negative || kind == Wild,
            SoaMissing => negative,
            BitmapWithType | BitmapWithAlias | BitmapWithDname | BitmapOfDelegation | BitmapWithSoa | BitmapEmpty | BitmapMalformed
            | BitmapWithoutType | ProofToTheEnd | ProofOfAll | ProofOfNothing | ProofOutside | HashUnknown | HashFlagUnknown
            | HashOptOut | HashIterations | HashSalt | HashShort => negative || kind == Wild,
            ForgedNxdomain | ForgedNodata => positive || kind == Empty,
            NxdomainForNodata => matches!(kind, NoData | WildNoData | Empty | NoDs),
            NodataForNxdomain => matches!(kind, NxDomain | Dangling | DnameNone),
            NxdomainWithAnswer => positive || kind == Dangling,
            WildcardForExisting => kind == Data,
            ForgedAnswer => kind == NxDomain,
            ExtraAnswer | ExtraAuthority | ExtraAdditional | SignedExtraAnswer => positive || negative,
            AnswerUnsigned | AnswerReversed => positive || kind == Away,
            DnameWithoutAlias | DnameOtherAlias | AliasWithoutDname => matches!(kind, Dname | DnameNone),
            AliasOnly => matches!(kind, Alias | Dangling | Dname),
            _ => !matches!(kind, Kind::BelowSigned | Kind::BelowUnsigned | Kind::Loop),
        }
    }
}
