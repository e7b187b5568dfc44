//! What a verification brought to light: the verdict, why not, and what became of each record.

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// In one word.
    pub verdict: MatchVerdict,
    /// Certificate usage of the record that matched; without a match, of the one that came nearest, if it names a certificate on a path.
    pub usage: Option<u8>,
    /// Depth of the certificate that this record names in its path: 0 leaf. For a bare key (2 1 0) that of the certificate it signed.
    pub depth: Option<u8>,
    /// Why there is no match: the failure nearest to success.
    pub error: Option<MatchError>,
    /// One for each record given, in their order.
    pub records: Vec<RecordOutcome>,
    /// There is a match, and a sender that tries one path only does not find it.
    pub detour: Option<Detour>,
}

/// How a sender goes astray that follows the first path it finds and tries no other, as OpenSSL and what is built on it do.
/// (R-063 rfc7671#5.2)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detour {
    /// The certificates of the path that matches, from the server's own upward, as places in the chain that was sent, that being 0. One
    /// that came from the DNS has no place.
    pub right: Vec<usize>,
    /// Which issuer such a sender takes instead of which other one, in words.
    pub detail: String,
}

impl Verification {
    /// Whether there is no match only as far as our own limits let us look: then nothing can be said.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.verdict == MatchVerdict::NoMatch
            && self.error.as_ref().is_some_and(|e| matches!(e.code, ErrorCode::Budget | ErrorCode::UnsupportedSignature))
    }
}

/// The answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchVerdict {
    /// At least one usable record authenticates the chain.
    Match,
    /// There are usable records, and none does.
    NoMatch,
    /// There is no usable record.
    Unusable,
}

impl MatchVerdict {
    /// One word in lower case.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::NoMatch => "nomatch",
            Self::Unusable => "unusable",
        }
    }
}

/// Why there is no match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchError {
    /// Stable.
    pub code: ErrorCode,
    /// With particulars.
    pub detail: String,
}

/// Stable code of a [`MatchError`], ordered from far to near: of several failures the greatest is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// No record is usable.
    NoUsableRecord,
    /// The server presented no certificate.
    NoCertificate,
    /// The leaf is not a certificate that can be read.
    GarbageCertificate,
    /// No record equals what it refers to.
    NoMatch,
    /// A usage 2 record names the leaf.
    LeafAsTa,
    /// A digest of a key or certificate that is not in the chain, and the path ends at an issuer that was not sent.
    TaNotSent,
    /// Only a record hidden by a stronger digest matches.
    HiddenByAgility,
    /// One of our limits was reached.
    Budget,
    /// The certificate with the right hash is there; a signature on the way to it is of a kind that we cannot verify, and others can.
    UnsupportedSignature,
    /// The certificate with the right hash is there, but no valid path leads from the leaf to it.
    PathBroken,
    /// Usage 0 or 1: no path leads to a trusted root.
    UntrustedRoot,
    /// A certificate on the path has expired.
    Expired,
    /// A certificate on the path is not valid yet.
    NotYetValid,
    /// The path is good; the names are not.
    NameMismatch,
}

impl ErrorCode {
    /// Kebab-case.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoUsableRecord => "no-usable-record",
            Self::NoCertificate => "no-certificate",
            Self::GarbageCertificate => "garbage-certificate",
            Self::NoMatch => "no-match",
            Self::LeafAsTa => "leaf-as-ta",
            Self::TaNotSent => "ta-not-sent",
            Self::HiddenByAgility => "hidden-by-agility",
            Self::Budget => "budget",
            Self::UnsupportedSignature => "unsupported-signature",
            Self::PathBroken => "path-broken",
            Self::UntrustedRoot => "untrusted-root",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::NameMismatch => "name-mismatch",
        }
    }
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordOutcome {
    /// In one word.
    pub status: RecordStatus,
    /// Stable kebab-case code: one of [`ErrorCode`] or of [`crate::tlsa::Unusable`]; for a match what matched: `leaf`, `issuer`, `bare-key`.
    pub reason: &'static str,
    /// In words.
    pub detail: String,
    /// Depth of the certificate that equals the record's data, whether or not that authenticates.
    pub depth: Option<u8>,
}

/// What became of one record, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordStatus {
    /// It authenticates the chain.
    Matched,
    /// It does not.
    Unmatched,
    /// No client can use it.
    Unusable,
    /// A record with a stronger digest stands beside it, so it does not count.
    SkippedAgility,
}

impl RecordStatus {
    /// Kebab-case.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Unmatched => "unmatched",
            Self::Unusable => "unusable",
            Self::SkippedAgility => "skipped-agility",
        }
    }
}
