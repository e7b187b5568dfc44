//! Are TLSA records and mail domains signed, and does the parent know? (P20 Figure 5: share signed, share of signed without DS.)

use crate::Share;
use crate::facts::{DomainFacts, Mail};
use crate::servers::Servers;
use dane::dns::{Lookup, Security};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The DNSSEC state of one RRset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signing {
    /// Signed and proven.
    Secure,
    /// Signed, but the chain of trust ends above it: no DS at a parent.
    MissingDs,
    /// Not signed.
    Unsigned,
    /// Should be provable and is not.
    Bogus,
    /// Could not be found out.
    Unknown,
}

impl Signing {
    /// Every state, best first.
    pub const ALL: [Signing; 5] = [Signing::Secure, Signing::MissingDs, Signing::Unsigned, Signing::Bogus, Signing::Unknown];

    /// Of an answer. Signed and insecure is "missing DS" (P20 section 4.3); so are the few zones whose algorithms nobody supports.
    pub(crate) fn of(lookup: &Lookup) -> Self {
        match lookup.status {
            Security::Secure => Signing::Secure,
            Security::Insecure if lookup.signed => Signing::MissingDs,
            Security::Insecure => Signing::Unsigned,
            Security::Bogus => Signing::Bogus,
            Security::Indeterminate => Signing::Unknown,
        }
    }
}

/// TLSA sets and domains by DNSSEC state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningTable {
    /// TLSA sets of servers by state.
    pub tlsa_sets: BTreeMap<Signing, u64>,
    /// Paper view of the same: sets with signatures, bogus ones not counted as signed.
    pub tlsa_signed: Share,
    /// Paper view: sets without DS, of those signed.
    pub tlsa_missing_ds: Share,
    /// Bogus TLSA sets by reason code.
    pub tlsa_bogus: BTreeMap<String, u64>,
    /// MX answers of domains by state, per top-level domain.
    pub domains: Vec<ZoneSigning>,
}

/// The MX answers of one top-level domain's domains with MX.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneSigning {
    /// The top-level domain, without dot.
    pub tld: String,
    /// Domains by state.
    pub states: BTreeMap<Signing, u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DomainSigning {
    tlds: BTreeMap<String, BTreeMap<Signing, u64>>,
}

impl DomainSigning {
    pub fn add(&mut self, domain: &DomainFacts, mx: &Lookup) {
        if matches!(domain.mail, Mail::Unknown | Mail::Nowhere) && mx.status != Security::Bogus {
            return;
        }
        // The zone says more than a negative answer about an absent MX: signed is who publishes keys.
        let signed = mx.signed || domain.zone.is_some_and(|z| !z.dnskey.records.is_empty());
        let state = match Signing::of(mx) {
            Signing::Unsigned if signed => Signing::MissingDs,
            state => state,
        };
        *self.tlds.entry(domain.tld.clone()).or_default().entry(state).or_default() += 1;
    }

    pub fn merge(&mut self, other: Self) {
        for (tld, states) in other.tlds {
            let mine = self.tlds.entry(tld).or_default();
            states.into_iter().for_each(|(state, n)| *mine.entry(state).or_default() += n);
        }
    }
}

pub(crate) fn table(domains: &DomainSigning, servers: &Servers) -> SigningTable {
    let mut sets: BTreeMap<Signing, u64> = BTreeMap::new();
    let mut bogus: BTreeMap<String, u64> = BTreeMap::new();
    for server in servers.with_tlsa() {
        let state = server.look.signing.unwrap_or(Signing::Unknown);
        *sets.entry(state).or_default() += 1;
        if state == Signing::Bogus {
            *bogus.entry(server.look.reason.clone().unwrap_or_else(|| "dnssec-broken".into())).or_default() += 1;
        }
    }
    let count = |state| sets.get(&state).copied().unwrap_or_default();
    let signed = count(Signing::Secure) + count(Signing::MissingDs);
    let row = |(tld, states): (&String, &BTreeMap<Signing, u64>)| ZoneSigning { tld: tld.clone(), states: states.clone() };
    let mut rows: Vec<ZoneSigning> = domains.tlds.iter().map(row).collect();
    rows.sort_by_key(|r| std::cmp::Reverse(r.states.values().sum::<u64>()));
    SigningTable {
        tlsa_signed: Share::new(signed, sets.values().sum()),
        tlsa_missing_ds: Share::new(count(Signing::MissingDs), signed),
        tlsa_sets: sets,
        tlsa_bogus: bogus,
        domains: rows,
    }
}
