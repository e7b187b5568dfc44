//! Why an outcome is what it is: stable codes, the RFC 8914 code that goes with each, and the record of every attempt.

use std::fmt;

use domain::base::iana::Rtype;
use serde::{Deserialize, Serialize};

use crate::types::{Name, Security};

macro_rules! reason_codes {
    ($($variant:ident $code:literal [$($ede:literal)?] $text:literal;)*) => {
        /// Why data is not secure. The code is a contract: it never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ReasonCode {
            $(#[doc = $text] #[serde(rename = $code)] $variant,)*
        }

        impl ReasonCode {
            /// Every code.
            pub const ALL: &'static [ReasonCode] = &[$(ReasonCode::$variant,)*];

            /// The stable kebab-case code: `rrsig-expired`.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(ReasonCode::$variant => $code,)* }
            }

            /// The extended DNS error that says the same, where there is one.
            // R-126 rfc8914#4
            #[must_use]
            pub fn ede(self) -> Option<u16> {
                match self { $(ReasonCode::$variant => reason_codes!(@ede $($ede)?),)* }
            }

            /// One sentence.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(ReasonCode::$variant => $text,)* }
            }
        }
    };
    (@ede $ede:literal) => { Some($ede) };
    (@ede) => { None };
}

reason_codes! {
    // Insecure
    NoAnchor "no-anchor" [] "No trust anchor is configured above the name.";
    Unsigned "unsigned" [] "The parent zone proves that the delegation has no DS record, and the data is unsigned.";
    DsMissing "ds-missing" [] "The parent zone proves that the delegation has no DS record, although the data is signed.";
    AlgorithmUnsupported "algorithm-unsupported" [1] "No DS record names an algorithm that is supported.";
    DigestUnsupported "digest-unsupported" [2] "No DS record has a digest type that is supported.";
    OptOut "opt-out" [] "The denial rests on an NSEC3 record with opt-out, below which unsigned delegations may exist.";
    Nsec3Iterations "nsec3-iterations-high" [27] "The NSEC3 iteration count is above the limit.";
    // Bogus
    DsDigestMismatch "ds-digest-mismatch" [9] "A DS record fits a key by tag and algorithm, but not by digest.";
    DsNoMatchingKey "ds-no-matching-key" [9] "No key of the zone fits a DS record at its parent.";
    AnchorStale "anchor-stale" [9] "No key of the zone fits the configured trust anchor.";
    DnskeyMissing "dnskey-missing" [9] "There should be a DNSKEY record, and there is none.";
    NoZoneKey "no-zone-key" [11] "The only fitting key lacks the zone key flag.";
    KeyRevoked "key-revoked" [9] "The only fitting key is revoked.";
    KeyUnsupported "key-unsupported" [6] "The key is malformed, or its size or exponent is outside what is supported.";
    RrsigMissing "rrsig-missing" [10] "The data should be signed, and no signature came with it.";
    RrsigExpired "rrsig-expired" [7] "The signature has expired.";
    RrsigNotYetValid "rrsig-not-yet-valid" [8] "The signature is not valid yet.";
    RrsigTimesReversed "rrsig-times-reversed" [25] "The signature ends before it begins.";
    RrsigUnknownKey "rrsig-unknown-key" [9] "The signature was made by a key that the zone does not publish.";
    RrsigWrong "rrsig-wrong" [6] "The signature does not fit the data.";
    RrsigSigner "rrsig-signer" [6] "The signature names a signer that is not the zone of the data.";
    RrsigLabels "rrsig-labels" [6] "The signature covers more labels than the owner name has.";
    RrsigAlgorithm "rrsig-algorithm" [10] "The data is signed only with algorithms that are not supported.";
    AlgorithmMissing "algorithm-missing" [6] "Not every algorithm that the DS records name has signed, and the policy demands it.";
    DenialMissing "denial-missing" [12] "The proof that a name or type does not exist is missing.";
    DenialWrong "denial-wrong" [6] "The records that should prove a name or type absent do not prove it.";
    WildcardWrong "wildcard-wrong" [12] "The proof that a wildcard applies is missing or wrong.";
    CnameProofWrong "cname-proof-wrong" [6] "An alias on the way contradicts the signed data.";
    AliasLoop "alias-loop" [] "The aliases loop, or there are too many.";
    // Indeterminate
    FetchFailed "fetch-failed" [22] "Records needed for validation could not be fetched: nobody answered in time.";
    FetchUnreachable "fetch-unreachable" [23] "Records needed for validation could not be fetched: no server could be reached.";
    FetchServfail "fetch-servfail" [22] "Records needed for validation could not be fetched: the servers answer SERVFAIL.";
    FetchRefused "fetch-refused" [22] "Records needed for validation could not be fetched: the servers refuse, or do not serve the zone.";
    FetchError "fetch-error" [22] "Records needed for validation could not be fetched: the servers answer with an error, or malformed.";
    DelegationLoop "delegation-loop" [22] "Records needed for validation could not be fetched: the delegation loops, or its servers have no address.";
    Budget "budget" [5] "Validation would cost more than the budget allows.";
    Unvalidatable "unvalidatable" [5] "The records asked for are never signed themselves.";
}

impl ReasonCode {
    /// The status that goes with it.
    // R-127 rfc4035#4.3
    #[must_use]
    pub fn status(self) -> Security {
        match self {
            Self::NoAnchor | Self::Unsigned | Self::DsMissing | Self::AlgorithmUnsupported | Self::DigestUnsupported | Self::OptOut => {
                Security::Insecure
            }
            Self::FetchFailed | Self::FetchUnreachable | Self::FetchServfail | Self::FetchRefused | Self::FetchError => {
                Security::Indeterminate
            }
            Self::DelegationLoop | Self::Budget | Self::Unvalidatable | Self::AliasLoop => Security::Indeterminate,
            _ => Security::Bogus,
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What decided that data is not secure, and where.
// R-127 rfc4035#4.3
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What is the matter.
    pub code: ReasonCode,
    /// The name at which it showed.
    pub at_name: Name,
    /// The type at which it showed.
    pub at_type: Rtype,
    /// Particulars in plain English; may be empty.
    pub detail: String,
    /// Extended DNS error, where one says the same.
    pub ede: Option<u16>,
}

impl Reason {
    pub(crate) fn new(code: ReasonCode, at_name: &Name, at_type: Rtype, detail: impl Into<String>) -> Self {
        Self { code, at_name: at_name.clone(), at_type, detail: detail.into(), ede: code.ede() }
    }

    /// The reason why data is insecure, now that the data was seen: an unsigned delegation of signed data lacks its DS record.
    pub(crate) fn seen(&self, signed: bool) -> Self {
        let code = if signed && self.code == ReasonCode::Unsigned { ReasonCode::DsMissing } else { self.code };
        Self { code, ..self.clone() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}/{}", self.code, self.at_name.fmt_with_dot(), self.at_type)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

/// What was held against what in an [`Attempt`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// A signature and a key of its signer.
    Signature {
        /// Signer's name.
        signer: Name,
        /// Algorithm of the signature.
        algorithm: u8,
        /// Key tag of the signature.
        key_tag: u16,
    },
    /// A DS record, or a trust anchor in DS form, and a key of the zone.
    Ds {
        /// Algorithm named.
        algorithm: u8,
        /// Digest type.
        digest_type: u8,
        /// Key tag named.
        key_tag: u16,
    },
    /// A trust anchor in DNSKEY form and the keys of the zone.
    AnchorKey {
        /// Algorithm of the key.
        algorithm: u8,
        /// Its key tag.
        key_tag: u16,
    },
}

/// One try to link data to a key, or a key to a DS record or anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Owner of the data.
    pub name: Name,
    /// Type of the data.
    pub rtype: Rtype,
    /// What was held against it.
    pub tried: Tried,
    /// `None` if it held; otherwise why not.
    pub failure: Option<ReasonCode>,
}
