//! What one look brought: the RRset at every authoritative server, the chains at every address, and what lies at home.
//!
//! A look holds evidence and no judgement, like the observations that it is made of.

use crate::key::{Chain, Key};
use crate::rrset::RrSet;
use dane::Epoch;
use dane::dns::{Lookup, Security};
use dane::name::Name;
use dane::observation::{AddressObservation, HostObservation, NameServerObservation, Shows};
use dane::repair::authoritative_ttl;
use domain::base::iana::Rtype;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One look at a TLSA RRset and at all mail servers behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Every address of every authoritative server.
    pub servers: Vec<ServerLook>,
    /// What the place holds to which changes are written; for want of such a place, what the servers agree on.
    pub primary: Option<RrSet>,
    /// Sum of the TTLs of the aliases that lead to the RRset, seconds.
    pub aliases_ttl: u32,
    /// Every address of every MX host whose TLSA name leads to the RRset.
    pub addresses: Vec<AddressLook>,
    /// Public keys that were made and lie ready, by the name of their lane.
    pub prepared: Vec<(String, Key)>,
}

/// One authoritative server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLook {
    /// Name and address: `ns1.example.org [192.0.2.1]`.
    pub server: String,
    /// `None`: no answer.
    pub said: Option<Said>,
}

/// What a server says of the RRset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The records; none: it denies that there are any.
    pub set: RrSet,
    /// TTL of the RRset, or of the denial, seconds.
    pub ttl: u32,
    /// What validation says of it.
    pub security: Security,
    /// Why it is not secure.
    pub reason: String,
    /// Validity of the signature: first and last moment.
    pub signature: Option<(Epoch, Epoch)>,
}

/// One address of one MX host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The MX host.
    pub host: Name,
    /// Its address.
    pub address: IpAddr,
}

/// What a server shows at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressLook {
    /// Where.
    pub place: Place,
    /// The chains that clients of any kind are shown; none: nothing could be seen.
    pub shown: Vec<Chain>,
}

impl Look {
    /// From observations: the hosts behind the RRset, the name servers asked by themselves, and the RRset's own name, after aliases.
    #[must_use]
    pub fn of(hosts: &[&HostObservation], name_servers: &[NameServerObservation], owner: &Name) -> Self {
        let answers =
            |server: &'_ NameServerObservation| server.answers.iter().find(|a| a.rtype == Rtype::TLSA && a.name == *owner).cloned();
        let asked = name_servers.iter().filter_map(|server| {
            let answer = answers(server)?;
            Some(ServerLook { server: format!("{} [{}]", server.server, server.address), said: Said::of(&answer) })
        });
        let aliases = hosts.iter().flat_map(|host| &host.tlsa).filter(|lookup| lookup.expanded() == owner);
        let alias_ttl = |lookup: &Lookup| lookup.aliases.iter().fold(0_u32, |sum, alias| sum.saturating_add(alias.ttl));
        let addresses = hosts.iter().flat_map(|host| host.servers.iter().map(|server| AddressLook::of(&host.host, server)));
        let mut look = Self {
            servers: asked.collect(),
            primary: None,
            aliases_ttl: aliases.map(alias_ttl).max().unwrap_or(0),
            addresses: addresses.collect(),
            prepared: Vec::new(),
        };
        look.primary = look.agreed();
        look
    }

    /// The set that every server that answered serves.
    #[must_use]
    pub fn agreed(&self) -> Option<RrSet> {
        let mut sets = self.servers.iter().filter_map(|server| Some(&server.said.as_ref()?.set));
        let first = sets.next()?;
        sets.all(|set| set == first).then(|| first.clone())
    }
}

impl Said {
    /// What an answer says; `None`: it is none.
    #[must_use]
    pub fn of(lookup: &Lookup) -> Option<Self> {
        if lookup.failure.is_some() || !matches!(lookup.rcode, 0 | 3) {
            return None;
        }
        Some(Self {
            set: lookup.records.iter().filter_map(|record| record.data.parse().ok()).collect(),
            ttl: authoritative_ttl(lookup).or(lookup.negative_ttl).unwrap_or(0),
            security: lookup.status,
            reason: lookup.reason.as_ref().map(|reason| reason.detail.clone()).unwrap_or_default(),
            signature: lookup.signature.as_ref().map(|window| (window.inception, window.expiration)),
        })
    }
}

impl AddressLook {
    fn of(host: &Name, seen: &AddressObservation) -> Self {
        // A chain whose key was not proven is one that anybody can send.
        let others = seen.others.iter().filter_map(|look| if let Shows::Other(tls) = &look.shows { Some(&**tls) } else { None });
        let proven = seen.tls.iter().chain(others).filter(|tls| tls.key_proven != Some(false));
        let mut shown: Vec<Chain> = proven.filter_map(|tls| Chain::new(tls.chain.clone()).ok()).collect();
        shown.dedup();
        Self { place: Place { host: host.clone(), address: seen.address }, shown }
    }
}
