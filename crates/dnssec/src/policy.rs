//! What validation supports and what it is willing to spend.

use serde::{Deserialize, Serialize};

/// What to do with signatures made with SHA-1: algorithms 5 and 7.
// R-111 rfc9905#2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sha1 {
    /// They count as unsupported: a zone that has nothing else is insecure. The practice since RFC 9905.
    #[default]
    Insecure,
    /// They are verified like others.
    Validate,
}

/// How many of the algorithms that the DS records or anchors of a zone name must have signed each RRset.
// R-115 rfc6840#5.11
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithms {
    /// Any one: what RFC 6840 section 5.11 asks of validators.
    #[default]
    Any,
    /// Every one that is supported. Protects against the breaking of one algorithm, and fails on many a harmless mistake. (Unbound calls it
    /// `harden-algo-downgrade`.)
    All,
}

/// Choices and limits of a validation.
///
/// One [`TrustCache`](crate::TrustCache) must be used with one policy only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// SHA-1 signatures: algorithms 5 and 7. A trust anchor with such an algorithm is an explicit wish: below its own name, down to the next
    /// delegation, they are validated whatever is said here.
    pub sha1: Sha1,
    /// Algorithms that must have signed.
    pub algorithms: Algorithms,
    /// NSEC3 iterations above this make a denial insecure. (RFC 9276 section 3.2)
    pub nsec3_insecure_above: u16,
    /// NSEC3 iterations above this make a denial bogus; `u16::MAX` for never. (RFC 9276 section 3.2)
    pub nsec3_bogus_above: u16,
    /// Signatures verified at most.
    pub max_signatures: u32,
    /// Of these, those that may fail. More is no accident: of a few keys with one tag, one fits. (CVE-2023-50387)
    pub max_failures: u32,
    /// Signatures of one RRset looked at, and keys with one key tag and algorithm tried for each. (CVE-2023-50387)
    pub max_tries: usize,
    /// NSEC3 names, and keys for DS records, hashed at most. (CVE-2023-50868, CVE-2023-50387)
    pub max_hashes: u32,
    /// Questions asked at most.
    pub max_questions: u32,
    /// Aliases followed at most.
    pub max_aliases: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            sha1: Sha1::Insecure,
            algorithms: Algorithms::Any,
            nsec3_insecure_above: 50,
            nsec3_bogus_above: u16::MAX,
            max_signatures: 128,
            max_failures: 16,
            max_tries: 4,
            max_hashes: 128,
            max_questions: 128,
            max_aliases: 16,
        }
    }
}
