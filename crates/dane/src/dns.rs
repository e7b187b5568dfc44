//! What a DNS lookup brought back, in the form in which an observation keeps it.
//!
//! A [`Lookup`] is plain data: it says what was asked, what came back, and what DNSSEC validation said of it and why. It is filled by
//! whoever can resolve (the `probe` crate, a test, an importer) and read by the rules of this crate.

use crate::Epoch;
use crate::name::Name;
use domain::base::iana::Rtype;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// DNSSEC status of an answer, or of one link of it. (RFC 4035 section 4.3)
///
/// "Anchorless" data (RFC 4033 section 5, *indeterminate*) is [`Security::Insecure`]; [`Security::Indeterminate`] is kept for
/// "the proof could not be fetched".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// A chain of signatures leads from a trust anchor to every link of the answer.
    Secure,
    /// It is proven that some link of the answer is below an unsigned delegation.
    Insecure,
    /// There should be a chain of signatures, and it is broken.
    Bogus,
    /// Whether there should be a chain of signatures could not be found out.
    Indeterminate,
}

impl Security {
    /// The stable word, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Security::Secure => "secure",
            Security::Insecure => "insecure",
            Security::Bogus => "bogus",
            Security::Indeterminate => "indeterminate",
        }
    }

    /// The weaker of two statuses, which is that of an answer built from both.
    #[must_use]
    pub fn weakest(self, other: Self) -> Self {
        fn rank(s: Security) -> u8 {
            match s {
                Security::Secure => 0,
                Security::Insecure => 1,
                Security::Indeterminate => 2,
                Security::Bogus => 3,
            }
        }
        if rank(other) > rank(self) { other } else { self }
    }
}

/// Why there is no answer at all. None of these says anything about the domain's DANE. (R-002, R-031: "ERR")
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookupFailure {
    /// No server answered in time.
    Timeout,
    /// No server could be reached: refused, no route.
    Unreachable,
    /// Every server answered SERVFAIL.
    Servfail,
    /// Every server answered REFUSED, or is not authoritative for the zone (lame).
    Refused,
    /// Every server answered NOTIMP.
    Notimp,
    /// Every server answered FORMERR or some other error code.
    ErrorCode,
    /// Answers that are no well-formed DNS messages, or that do not answer the question.
    Malformed,
    /// A CNAME or DNAME chain that loops or is too long.
    AliasLoop,
    /// A delegation that loops or has no reachable name server names.
    DelegationLoop,
    /// Our own budget of queries, signatures or time for this lookup ran out.
    Budget,
}

/// Why an answer is not secure: a stable code, the place, and words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityReason {
    /// Stable kebab-case code, as `dnssec::ReasonCode` prints it: `rrsig-expired`, `ds-missing`, `unsigned`, …
    pub code: String,
    /// The name at which the chain ends or breaks.
    pub at_name: Name,
    /// The type of the RRset at which it ends or breaks.
    pub at_type: Rtype,
    /// One sentence with the particulars (key tags, times, algorithms).
    pub detail: String,
    /// Extended DNS Error info-codes that describe it. (RFC 8914)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ede: Vec<u16>,
}

/// One link of an alias chain: `owner` is an alias of `target`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The alias.
    pub owner: Name,
    /// What it stands for.
    pub target: Name,
    /// TTL as received, seconds.
    pub ttl: u32,
    /// Status of this link alone. A CNAME synthesised from a DNAME has the status of the DNAME.
    pub status: Security,
}

/// One resource record of the final RRset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Owner, after all aliases.
    pub owner: Name,
    /// TTL as received, seconds.
    pub ttl: u32,
    /// Record data in presentation form; RFC 3597 form (`\# 2 0301`) where it has no other.
    pub data: String,
}

/// The signature that proved an RRset (or, if none did, the one that came nearest).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureWindow {
    /// The zone that signed.
    pub signer: Name,
    /// Key tag of the signing key.
    pub key_tag: u16,
    /// DNSSEC algorithm number.
    pub algorithm: u8,
    /// First moment of validity.
    pub inception: Epoch,
    /// Last moment of validity.
    pub expiration: Epoch,
    /// TTL that the signer put into the signature, seconds.
    pub original_ttl: u32,
}

/// One question and all that came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// Name asked.
    pub name: Name,
    /// Type asked.
    pub rtype: Rtype,
    /// When the answer was complete.
    pub at: Epoch,
    /// Status of the whole answer: that of its weakest link. Meaningless (and `indeterminate`) if `failure` is set without `reason`.
    pub status: Security,
    /// Set if there is no usable answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<LookupFailure>,
    /// Particulars of `failure`, in words: which server, what happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_detail: Option<String>,
    /// The zone whose name servers `failure` is about, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_zone: Option<Name>,
    /// `failure` is the word of the recursive resolver that was asked, about itself or about servers behind it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed_upstream: bool,
    /// Response code of the end of the chain: 0 NOERROR, 3 NXDOMAIN, …
    pub rcode: u16,
    /// Why `status` is not secure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SecurityReason>,
    /// The alias chain, in order; empty for most names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// The final RRset; empty for NODATA and NXDOMAIN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Record>,
    /// Whether the final RRset carried signatures, valid or not. Signed and insecure is "missing DS". (P20 section 4.3)
    #[serde(default)]
    pub signed: bool,
    /// The signature over the final RRset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureWindow>,
    /// TTL of a negative answer (RFC 2308 section 5), seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_ttl: Option<u32>,
    /// The server that gave the final answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<IpAddr>,
    /// Name servers whose answers could not be validated, where this one, from another, could.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bogus_servers: Vec<IpAddr>,
    /// How long it took, milliseconds.
    #[serde(default)]
    pub elapsed_ms: u32,
    /// Raw messages, base64, kept whenever the status is not secure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raw: Vec<String>,
}

/// What a lookup says, as the decision table of RFC 7672 needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There are records.
    Data,
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// Bogus, indeterminate, or no answer: what the requirements call ERR.
    Err,
}

impl Lookup {
    /// The record of a question that was not asked or not waited for, because our own time was over.
    #[must_use]
    pub fn unasked(name: &Name, rtype: Rtype, at: Epoch) -> Self {
        Self {
            name: name.clone(),
            rtype,
            at,
            status: Security::Indeterminate,
            failure: Some(LookupFailure::Budget),
            failure_detail: Some("it was not looked up in the time we had".to_owned()),
            failed_zone: None,
            failed_upstream: false,
            rcode: 0,
            reason: None,
            aliases: Vec::new(),
            records: Vec::new(),
            signed: false,
            signature: None,
            negative_ttl: None,
            server: None,
            bogus_servers: Vec::new(),
            elapsed_ms: 0,
            raw: Vec::new(),
        }
    }

    /// Where this lookup stands in the decision table. A negative answer, secure or insecure, is never ERR.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.failure.is_some() || matches!(self.status, Security::Bogus | Security::Indeterminate) {
            return Outcome::Err;
        }
        match (self.rcode, self.records.is_empty()) {
            (0, false) => Outcome::Data,
            (0, true) => Outcome::NoData,
            (3, _) => Outcome::NxDomain,
            _ => Outcome::Err,
        }
    }

    /// Whether the answer, positive or negative, is proven. (RFC 4035 section 4.3)
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.failure.is_none() && self.status == Security::Secure
    }

    /// When this answer must be asked for again: after the shortest TTL on the way, or at the end of its signature if that is earlier.
    ///
    /// `None` if nothing says how long it lives. (R-037, RFC 4035 section 5.3.3)
    #[must_use]
    pub fn expires(&self) -> Option<Epoch> {
        let links = self.aliases.iter().map(|a| a.ttl);
        let ttl = links.chain(self.records.iter().map(|r| r.ttl)).chain(self.negative_ttl).min()?;
        let by_ttl = self.at.saturating_add(i64::from(ttl));
        // R-037 rfc4035#5.3.3: no signed answer outlives its signature.
        Some(self.signature.as_ref().filter(|_| self.is_secure()).map_or(by_ttl, |s| s.expiration.min(by_ttl)))
    }

    /// The name at the end of the alias chain; the name asked if there is none.
    #[must_use]
    pub fn expanded(&self) -> &Name {
        self.aliases.last().map_or(&self.name, |a| &a.target)
    }
}
