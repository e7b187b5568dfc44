//! Name servers that answer with what cannot be validated, where others answer right.

use super::Case;
use crate::cause::Cause;
use crate::dns::Lookup;
use crate::name::Name;
use crate::observation::ZoneObservation;
use crate::verdict::Finding;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Questions that a finding names.
const NAMED: usize = 3;

/// One finding for each zone and server.
///
/// R-127 rfc4035#4.3: we got the right answer elsewhere. A resolver that does not ask again is left with one that is bogus.
pub(super) fn findings(case: &Case) -> Vec<Finding> {
    let mut wrong: BTreeMap<(&Name, IpAddr), Vec<String>> = BTreeMap::new();
    for (zone, lookup) in lookups(case) {
        for server in &lookup.bogus_servers {
            wrong.entry((zone, *server)).or_default().push(format!("{} {}", lookup.name, lookup.rtype));
        }
    }
    wrong.into_iter().map(|((zone, server), questions)| finding(zone, server, questions)).collect()
}

fn finding(zone: &Name, server: IpAddr, mut questions: Vec<String>) -> Finding {
    questions.sort();
    questions.dedup();
    let more = if questions.len() > NAMED { ", …" } else { "" };
    questions.truncate(NAMED);
    let sentence = format!(
        "The name server at {server} gives answers that cannot be validated ({}{more}), another server gives the right ones. Senders whose resolver does not ask again keep the mail in their queues.",
        questions.join(", ")
    );
    Finding::new(Cause::ServerBogus, zone, sentence).at(server)
}

/// Every lookup with the zone in whose course it was made, as far as we know it.
fn lookups<'a>(case: &'a Case) -> Vec<(&'a Name, &'a Lookup)> {
    let mut all = Vec::new();
    let mut add = |name: &'a Name, zone: Option<&'a ZoneObservation>, lookups: Vec<&'a Lookup>| {
        let zones = zone.into_iter().flat_map(|z| [&z.soa, &z.ns, &z.dnskey].into_iter().chain(&z.cds).chain(&z.cdnskey));
        let place = zone.map_or(name, |z| &z.apex);
        all.extend(zones.chain(lookups).map(|lookup| (place, lookup)));
    };
    if let Some(domain) = case.domain {
        add(&domain.domain, domain.zone.as_deref(), vec![&domain.mx]);
    }
    for host in case.hosts {
        add(&host.host, host.zone.as_deref(), [&host.a, &host.aaaa].into_iter().chain(&host.cname).chain(&host.tlsa).collect());
    }
    all
}
