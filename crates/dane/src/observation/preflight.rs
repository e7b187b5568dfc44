//! Our own addresses, as the servers that we visit may look at them.

use crate::Epoch;
use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What the DNS says of our addresses and of our EHLO name. What has no answer is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// When it was asked.
    pub at: Epoch,
    /// The addresses of the EHLO name; empty: it has none.
    #[serde(default)]
    pub ehlo: Option<Vec<IpAddr>>,
    /// Each address from which we connect.
    pub sources: Vec<SourceObservation>,
}

/// One of our addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceObservation {
    /// The address.
    pub address: IpAddr,
    /// The names of its PTR records, the first few; empty: it has none.
    #[serde(default)]
    pub ptr: Option<Vec<PtrName>>,
    /// What block lists say of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<ListAnswer>,
}

/// A name that a PTR record gives to an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PtrName {
    /// The name.
    pub name: Name,
    /// Its addresses.
    #[serde(default)]
    pub addresses: Option<Vec<IpAddr>>,
}

/// What one block list says of one address. (RFC 5782)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAnswer {
    /// The list's zone, or the file.
    pub list: String,
    /// What came of it.
    pub answer: Listing,
    /// The A records received.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<IpAddr>,
    /// What the list's TXT record says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Whether an address is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listing {
    /// It is: an answer in 127.0.0.0/8. (RFC 5782 section 2.1)
    Listed,
    /// It is not, by a list that knows its own test entry. (RFC 5782 section 5)
    NotListed,
    /// The list refuses our resolver: 127.255.255.0/24, or 127.0.0.1, which stands for no listing.
    Refused,
    /// The list does not know its own test entry, or answers what no list answers: it is dead, or somebody else answers for it.
    NoList,
    /// No answer.
    Unanswered,
}
