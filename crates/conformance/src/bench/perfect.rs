//! What it takes at least: the verifications and exchanges that no cache could save.

use super::world::{Group, Kind, World};
use std::collections::HashSet;

/// Numbers of verifications and exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Perfect {
    /// Signatures that have to be verified.
    pub verifications: usize,
    /// Queries that have to be answered.
    pub exchanges: usize,
}

/// For all types of all domains of a group, beginning with empty caches.
pub fn of(world: &World, group: &Group<'_>) -> Perfect {
    let domains = group.domains.len();
    let hosts: HashSet<&str> = group.domains.iter().map(|domain| domain.host.as_str()).collect();
    let own: HashSet<&str> = group.domains.iter().filter(|d| d.host.ends_with(&d.name)).map(|d| d.host.as_str()).collect();
    let above = |name: &str| name.split_once('.').map(|(_, above)| above.to_owned());
    let providers: HashSet<String> = hosts.difference(&own).filter_map(|host| above(host)).collect();
    let names = group.domains.iter().map(|domain| domain.name.as_str()).chain(providers.iter().map(String::as_str));
    let tlds: HashSet<String> = names.filter_map(above).collect();
    // DS and DNSKEY of every zone above, and the root's DNSKEY.
    let chain = 2 * (providers.len() + tlds.len()) + 1;
    let verifications = match group.kind {
        // DS, DNSKEY, SOA, NS, MX; of each host A, AAAA (or the NSEC record that denies it) and TLSA.
        Kind::Signed => 5 * domains + 3 * hosts.len() + chain,
        // The NSEC3 records of com that cover the delegations, and com's own.
        Kind::Unsigned => world.crowd.com_ranges + 1 + 3 * (hosts.len() - own.len()) + chain,
    };
    // The referral (with or without DS), DNSKEY, SOA (with NS beside it), MX. A referral and DNSKEY of the zones above.
    Perfect { verifications, exchanges: 4 * domains + 3 * hosts.len() + chain }
}
