//! One TLSA RRset as each of its authorities has it.

use super::{NameServerObservation, ZoneObservation};
use crate::dns::Lookup;
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// What the name servers of every zone on the way to a TLSA RRset say of it, each asked by itself.
///
/// It answers when a change has arrived everywhere (R-092 rfc7671#8.1, R-106): all of [`ZoneAuthorities::servers`] have the new set, and
/// nobody was left out (`without_address`, `not_asked`). TTLs are those of the authorities; `lookup` may have come from a cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthoritiesObservation {
    /// The name asked for.
    pub owner: Name,
    /// What a validating resolver says: the aliases on the way, the status of the whole, the signature.
    pub lookup: Lookup,
    /// For the owner and every target of its aliases, in order: the zone that it is in. A name whose zone could not be found is missing.
    pub zones: Vec<ZoneAuthorities>,
}

/// What a zone's servers say of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneAuthorities {
    /// The name: the owner, or the target of an alias.
    pub name: Name,
    /// The zone's apex by the resolver: its NS records as the child has them, keys and DS with the end of their signatures.
    pub zone: ZoneObservation,
    /// The name servers as the parent has them. `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_parent: Option<Vec<Name>>,
    /// Servers, named by parent or child, whose addresses could not be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_address: Vec<Name>,
    /// Addresses beyond our limit.
    #[serde(default)]
    pub not_asked: u32,
    /// What each address says: SOA of the apex, TLSA of the name. A server that does not answer the first is not asked the second; one that answers
    /// without being an authority has failed.
    pub servers: Vec<NameServerObservation>,
}

impl ZoneAuthorities {
    /// What each server says of the TLSA records; `None` where it did not answer the question before.
    pub fn tlsa(&self) -> impl Iterator<Item = (&NameServerObservation, Option<&Lookup>)> {
        self.servers.iter().map(|server| (server, server.answers.iter().find(|answer| answer.rtype == domain::base::iana::Rtype::TLSA)))
    }
}
