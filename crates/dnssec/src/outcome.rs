//! What a validation comes to.

use domain::base::iana::Rtype;

use crate::policy::Sha1;
use crate::reason::{Attempt, Reason};
use crate::types::{Epoch, Name, Rrset, Security};

/// One step along an alias: a CNAME, or the CNAME that a DNAME stands for.
// R-124 rfc6672#5.3
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The alias.
    pub owner: Name,
    /// What it stands for.
    pub target: Name,
    /// Time to live, seconds, capped by the signature.
    pub ttl: u32,
    /// Status of this link alone.
    pub status: Security,
    /// Type of the record the link rests on: CNAME or DNAME.
    pub rtype: Rtype,
}

/// The signature that made an RRset secure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The zone that signed.
    pub signer: Name,
    /// Tag of the key.
    pub key_tag: u16,
    /// Algorithm number.
    pub algorithm: u8,
    /// Start of its validity.
    pub inception: Epoch,
    /// End of its validity.
    pub expiration: Epoch,
    /// TTL the RRset was signed with, seconds.
    pub original_ttl: u32,
}

/// What a validation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The weakest status of all links and of the final answer.
    pub status: Security,
    /// Why it is not secure. `None` exactly if it is.
    pub reason: Option<Reason>,
    /// Aliases from the name asked for to the owner of the answer, in order.
    pub aliases: Vec<Link>,
    /// The final RRset, if there is one and it is not bogus.
    pub answer: Option<Rrset>,
    /// Response code at the end of the aliases, as far as proven: 0 with no answer means the type does not exist.
    pub rcode: u16,
    /// The signature that made `answer` secure.
    pub signature: Option<Signature>,
    /// For how long the absence may be cached, seconds; `None` if there is an answer. (RFC 2308, RFC 9077)
    pub negative_ttl: Option<u32>,
    /// The denial rests on opt-out: an unsigned delegation may exist there.
    pub opt_out: bool,
    /// The answer was made from a wildcard.
    pub wildcard: bool,
    /// Where SHA-1 algorithms or digests took part in the decision: the rule that was applied.
    pub sha1: Option<Sha1>,
    /// Every signature, key and DS record that was tried in this validation, in order. Cached trust is not tried again.
    pub attempts: Vec<Attempt>,
    /// Signatures verified with a key: what this validation cost.
    pub verifications: u32,
    /// Names hashed for NSEC3, and keys for DS records: the same.
    pub hashes: u32,
    /// When this outcome must be forgotten: the least of TTLs and signature ends it rests on.
    pub expires: Epoch,
}
