//! What validation takes and what it gives.

use bytes::Bytes;
use domain::base::iana::Rtype;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// An absolute domain name. Compares case-insensitively; prints without the final dot.
pub type Name = domain::base::name::Name<Bytes>;

/// Seconds since 1970-01-01T00:00:00Z.
pub type Epoch = i64;

/// Where names stand to each other, whatever their case. The same as comparing label by label, and several times faster: length octets are
/// below 64, and so are no letters.
// R-015 rfc4343#3
pub trait Relation {
    /// Whether it is the same name.
    fn is(&self, other: &Self) -> bool;

    /// Whether it is `ancestor` or below it.
    fn is_within(&self, ancestor: &Self) -> bool;
}

impl Relation for Name {
    fn is(&self, other: &Self) -> bool {
        self.as_slice().eq_ignore_ascii_case(other.as_slice())
    }

    fn is_within(&self, ancestor: &Self) -> bool {
        let (name, ancestor) = (self.as_slice(), ancestor.as_slice());
        let Some(above) = name.len().checked_sub(ancestor.len()) else { return false };
        if !name.get(above..).is_some_and(|end| end.eq_ignore_ascii_case(ancestor)) {
            return false;
        }
        // The end must begin where a label does.
        let mut position = 0;
        while position < above {
            position += 1 + name.get(position).copied().map_or(above, usize::from);
        }
        position == above
    }
}

/// A name and a type to ask for, class IN.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// Name asked.
    pub name: Name,
    /// Type asked.
    pub rtype: Rtype,
}

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        self.rtype == other.rtype && self.name.is(&other.name)
    }
}

impl Eq for Question {}

impl Hash for Question {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut folded = [0; 255];
        let octets = self.name.as_slice();
        if let Some(folded) = folded.get_mut(..octets.len()) {
            folded.copy_from_slice(octets);
            folded.make_ascii_lowercase();
            state.write(folded);
        }
        state.write_u16(self.rtype.to_int());
    }
}

/// The data of an RRSIG. (RFC 4034 section 3.1)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rrsig {
    /// Type of the RRset it covers.
    pub type_covered: Rtype,
    /// Algorithm number.
    pub algorithm: u8,
    /// Number of labels of the original owner name.
    pub labels: u8,
    /// TTL the RRset was signed with, seconds.
    pub original_ttl: u32,
    /// Expiration, 32-bit serial time. (RFC 4034 section 3.1.5)
    pub expiration: u32,
    /// Inception, 32-bit serial time.
    pub inception: u32,
    /// Key tag of the signing key.
    pub key_tag: u16,
    /// The zone that signed.
    pub signer: Name,
    /// The signature.
    pub signature: Bytes,
}

/// Records of one owner and type, with the signatures received beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rrset {
    /// Owner name.
    pub owner: Name,
    /// Type.
    pub rtype: Rtype,
    /// Lowest TTL received, of the records and their signatures, seconds.
    pub ttl: u32,
    /// Record data in wire form, embedded names uncompressed, duplicates removed.
    pub data: Vec<Bytes>,
    /// Signatures that came with it and cover its type.
    pub signatures: Vec<Rrsig>,
}

/// A response message, as far as validation reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Response code with the extended bits of EDNS: 0 NOERROR, 3 NXDOMAIN, …
    pub rcode: u16,
    /// Answer section.
    pub answer: Vec<Rrset>,
    /// Authority section.
    pub authority: Vec<Rrset>,
}

/// DNSSEC status. (RFC 4035 section 4.3)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// A chain of signatures leads from a trust anchor to the data.
    Secure,
    /// It is proven that there is no such chain, or no trust anchor is above the data.
    Insecure,
    /// There should be a chain, and it is broken.
    Bogus,
    /// Whether there should be one could not be found out: the records needed could not be fetched.
    Indeterminate,
}
