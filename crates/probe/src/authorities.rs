//! What every authority has of one TLSA RRset: the proof that a change has arrived.

use crate::dns::Dns;
use crate::{name_servers, zone};
use dane::name::Name;
use dane::observation::{AuthoritiesObservation, ZoneAuthorities};
use domain::base::iana::Rtype;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Names on the way from an alias to the records.
const MAX_NAMES: usize = 8;

/// Asks every name server, named by parent or child, of every zone on the way from `owner` to its TLSA records. (R-092 rfc7671#8.1, R-104)
///
/// Needs a resolver that asks authorities itself: behind an upstream no server can be asked alone, and there are none in the observation.
pub async fn observe_authorities(dns: &Arc<dyn Dns>, owner: &Name) -> AuthoritiesObservation {
    let lookup = dns.lookup(owner, Rtype::TLSA).await;
    let mut names = vec![owner.clone()];
    for target in lookup.aliases.iter().map(|alias| &alias.target) {
        if names.len() < MAX_NAMES && !names.contains(target) {
            names.push(target.clone());
        }
    }
    let mut looks = JoinSet::new();
    for (at, name) in names.into_iter().enumerate() {
        let dns = Arc::clone(dns);
        looks.spawn(async move { (at, of_name(&dns, name).await) });
    }
    let mut zones = looks.join_all().await;
    zones.sort_by_key(|(at, _)| *at);
    AuthoritiesObservation { owner: owner.clone(), lookup, zones: zones.into_iter().filter_map(|(_, zone)| zone).collect() }
}

async fn of_name(dns: &Arc<dyn Dns>, name: Name) -> Option<ZoneAuthorities> {
    let apex = dns.zone_apex(&name).await?;
    let (zone, delegation, mut servers) =
        tokio::join!(zone::observe(Arc::clone(dns), apex.clone()), dns.delegation(&apex), dns.name_servers(&apex));
    let at_parent = delegation.as_ref().map(|servers| servers.iter().map(|(server, _)| server.clone()).collect());
    for (server, addresses) in delegation.into_iter().flatten() {
        match servers.iter_mut().find(|(known, _)| *known == server) {
            Some((_, known)) => {
                known.extend(addresses);
                known.sort_unstable();
                known.dedup();
            }
            None => servers.push((server, addresses)),
        }
    }
    let without_address = servers.iter().filter(|(_, addresses)| addresses.is_empty()).map(|(server, _)| server.clone()).collect();
    let total: usize = servers.iter().map(|(_, addresses)| addresses.len()).sum();
    let not_asked = u32::try_from(total.saturating_sub(name_servers::MAX_ADDRESSES)).unwrap_or(u32::MAX);
    let asked = [(apex.clone(), Rtype::SOA), (name.clone(), Rtype::TLSA)];
    let mut servers = name_servers::ask_each(dns, &apex, servers, &asked).await;
    servers.sort_by(|a, b| (&a.server, a.address).cmp(&(&b.server, b.address)));
    Some(ZoneAuthorities { name, zone, at_parent, without_address, not_asked, servers })
}
