//! Every name server asked by itself: resolvers ask one of them, and which is chance.

use crate::dns::Dns;
use dane::dns::LookupFailure;
use dane::name::Name;
use dane::observation::{HostObservation, NameServerObservation, ZoneObservation};
use domain::base::iana::Rtype;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Zones whose servers are asked for the sake of one domain.
const MAX_ZONES: usize = 8;
/// Addresses asked of one zone, and questions put to each.
pub(crate) const MAX_ADDRESSES: usize = 26;
const MAX_QUESTIONS: usize = 16;

/// What to ask the servers of each zone.
type Questions = BTreeMap<Name, Vec<(Name, Rtype)>>;

/// What matters to mail: the zone's version and keys, the MX records, the TLSA records of every MX host, and the DS records at the parent.
pub(crate) fn questions(domain: &Name, zone: Option<&ZoneObservation>, hosts: &[Arc<HostObservation>]) -> Questions {
    let mut wanted = Questions::new();
    let mut want = |zone: &Name, name: &Name, rtype: Rtype| {
        if wanted.contains_key(zone) || wanted.len() < MAX_ZONES {
            let asked = wanted.entry(zone.clone()).or_default();
            if asked.len() < MAX_QUESTIONS && !asked.iter().any(|(n, r)| n == name && *r == rtype) {
                asked.push((name.clone(), rtype));
            }
        }
    };
    let of_hosts = hosts.iter().filter_map(|host| Some((host.zone.as_deref()?, host)));
    for zone in zone.into_iter().chain(of_hosts.clone().map(|(zone, _)| zone)) {
        want(&zone.apex, &zone.apex, Rtype::SOA);
        if !zone.dnskey.records.is_empty() {
            want(&zone.apex, &zone.apex, Rtype::DNSKEY);
        }
    }
    if let Some(zone) = zone {
        want(&zone.apex, domain, Rtype::MX);
        // The parent's zone is what signed the DS records, or else is taken to be the name above.
        let signer = zone.ds.signature.as_ref().map(|signature| signature.signer.clone());
        if let Some(parent) = signer.or_else(|| zone.apex.parent()) {
            want(&parent, &zone.apex, Rtype::DS);
        }
    }
    for (zone, host) in of_hosts {
        for tlsa in host.tlsa.iter().filter(|tlsa| tlsa.name.ends_with(&zone.apex)) {
            want(&zone.apex, &tlsa.name, Rtype::TLSA);
        }
    }
    wanted
}

/// Asks them all, side by side.
pub(crate) async fn ask(dns: &Arc<dyn Dns>, questions: Questions) -> Vec<NameServerObservation> {
    let mut visits = JoinSet::new();
    for (zone, asked) in questions {
        let dns = Arc::clone(dns);
        visits.spawn(async move { of_zone(&dns, &zone, &asked).await });
    }
    let mut seen: Vec<NameServerObservation> = visits.join_all().await.into_iter().flatten().collect();
    seen.sort_by(|a, b| (&a.zone, &a.server, a.address).cmp(&(&b.zone, &b.server, b.address)));
    seen
}

async fn of_zone(dns: &Arc<dyn Dns>, zone: &Name, asked: &[(Name, Rtype)]) -> Vec<NameServerObservation> {
    ask_each(dns, zone, dns.name_servers(zone).await, asked).await
}

/// Asks each of these servers of a zone, at each address.
pub(crate) async fn ask_each(
    dns: &Arc<dyn Dns>,
    zone: &Name,
    servers: Vec<(Name, Vec<IpAddr>)>,
    asked: &[(Name, Rtype)],
) -> Vec<NameServerObservation> {
    let mut addresses: Vec<(Name, IpAddr)> =
        servers.into_iter().flat_map(|(name, addresses)| addresses.into_iter().map(move |address| (name.clone(), address))).collect();
    addresses.truncate(MAX_ADDRESSES);
    let mut visits = JoinSet::new();
    for (server, address) in addresses {
        let (dns, zone, asked) = (Arc::clone(dns), zone.clone(), asked.to_vec());
        visits.spawn(async move {
            let mut answers = Vec::with_capacity(asked.len());
            let mut silent = false;
            for (name, rtype) in &asked {
                let answer = dns.lookup_at(address, name, *rtype).await;
                // Whoever does not answer the first question is not waited for again and again.
                silent = answers.is_empty() && matches!(answer.failure, Some(LookupFailure::Timeout | LookupFailure::Unreachable));
                answers.push(answer);
                if silent {
                    break;
                }
            }
            let tcp = if silent { None } else { dns.answers_over_tcp(address, &zone).await };
            NameServerObservation { zone, server, address, answers, tcp }
        });
    }
    visits.join_all().await
}
