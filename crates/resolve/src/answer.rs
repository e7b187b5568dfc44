//! What a lookup brought back.

use bytes::Bytes;
use dnssec::{Epoch, Name, Question, Rrset, Security};
use domain::base::iana::Rtype;
use std::net::IpAddr;
use std::time::Duration;

/// Why there is no answer at all. None of these says anything about the data asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No server answered in time.
    Timeout,
    /// No server could be reached: refused, no route.
    Unreachable,
    /// Servers answered SERVFAIL.
    Servfail,
    /// Servers answered REFUSED, or are not authoritative for the zone (lame).
    Refused,
    /// Servers answered NOTIMP.
    Notimp,
    /// Servers answered FORMERR or some other error code.
    ErrorCode,
    /// Answers that are no well-formed DNS messages, or that do not answer the question.
    Malformed,
    /// A CNAME or DNAME chain that loops or is too long.
    AliasLoop,
    /// A delegation that loops, or that has no name server with an address.
    DelegationLoop,
    /// Our own budget of queries or time for this lookup ran out.
    Budget,
}

/// A failure with its particulars: which server, what happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct LookupError {
    /// The kind.
    pub failure: Failure,
    /// In words.
    pub detail: String,
}

/// Why an answer is not secure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Stable kebab-case code.
    pub code: String,
    /// The name at which the chain ends or breaks.
    pub at_name: Name,
    /// The type of the RRset at which it ends or breaks.
    pub at_type: Rtype,
    /// One sentence with the particulars.
    pub detail: String,
    /// Extended DNS Error info-codes. (R-126 rfc8914#4)
    pub ede: Vec<u16>,
}

/// One link of an alias chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The alias.
    pub owner: Name,
    /// What it stands for.
    pub target: Name,
    /// TTL as received, seconds.
    pub ttl: u32,
    /// Status of this link alone.
    pub status: Security,
}

/// The signature that proved an RRset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
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
///
/// Either `failure` is set and there is no answer, or `rcode`, `aliases` and `rrset` hold one and `status` says how far it is proven.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// When the answer was complete, by the resolver's clock.
    pub at: Epoch,
    /// Status of the whole answer, that of its weakest link; indeterminate if there is none.
    pub status: Security,
    /// Why there is no answer.
    pub failure: Option<Failure>,
    /// Particulars of `failure`: which server, what happened.
    pub failure_detail: Option<String>,
    /// Response code of the end of the alias chain: 0 NOERROR, 3 NXDOMAIN, …; of a failure, the one that the servers gave.
    pub rcode: u16,
    /// Why `status` is not secure.
    pub reason: Option<Reason>,
    /// The alias chain, in order.
    pub aliases: Vec<Link>,
    /// The final RRset with the signatures received; `None` if the answer is negative.
    pub rrset: Option<Rrset>,
    /// The signature that proved the final RRset.
    pub signature: Option<Signature>,
    /// TTL of a negative answer, seconds. (RFC 2308 section 5)
    pub negative_ttl: Option<u32>,
    /// The server that gave the final answer.
    pub server: Option<IpAddr>,
    /// How long it took.
    pub elapsed: Duration,
    /// The messages received, whole, whenever the status is not secure: the evidence.
    pub raw: Vec<Bytes>,
}

impl Answer {
    /// The name at the end of the alias chain; the name asked if there is none.
    #[must_use]
    pub fn expanded(&self) -> &Name {
        self.aliases.last().map_or(&self.question.name, |link| &link.target)
    }

    /// Whether the answer, positive or negative, is proven.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.failure.is_none() && self.status == Security::Secure
    }

    /// Whether the final RRset carried signatures, valid or not.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.rrset.as_ref().is_some_and(|set| !set.signatures.is_empty())
    }

    /// The data of the final RRset in presentation form, one text a record; empty if the answer is negative.
    #[must_use]
    pub fn data_text(&self) -> Vec<String> {
        self.rrset.iter().flat_map(|set| set.data.iter().map(|data| crate::text::data(set.rtype, data))).collect()
    }
}
