//! Zones that operators have mutated: what validators are compared on.
//!
//! From a seed and a number comes a [`Case`]: a small zone with its own kinds of keys and proofs, up to two [`Operator`]s that change it, and
//! questions. [`Mutants::start`] serves a range of cases, each below one of three signed parents, so that every validator sees the same.
//! Nothing here says what the right verdict is.

mod answers;
mod case;
mod keys;
mod operator;
mod proofs;
mod signed;

pub use case::{Ask, Beyond, Case, Kind};
pub use operator::Operator;

use crate::dns::answer::{self, Response};
use crate::dns::keys::KeySet;
use crate::dns::master;
use crate::dns::rdata::{self, Rdata, below, name};
use crate::dns::server::{self, Zones};
use crate::dns::sign::Signer;
use crate::dns::zone::{Mutation, Place, Rrset, SignedZone, Zone, ZonePlan};
use crate::parallel::parallel;
use crate::seed::Seed;
use crate::{LabError, net, world};
use case::PARENTS;
use dane::Epoch;
use dane::name::{Name, fqdn};
use domain::base::iana::Rtype;
use scenario::recipe::{Algorithm, Denial, Signing};
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use world::Operator as Servers;

/// Everything above the cases is served at the first two addresses: root, parents. Then the cases, and the zones below them.
const ADDRESSES: [Ipv4Addr; 5] = [
    Ipv4Addr::new(127, 89, 0, 1),
    Ipv4Addr::new(127, 89, 0, 2),
    Ipv4Addr::new(127, 89, 0, 3),
    Ipv4Addr::new(127, 89, 0, 4),
    Ipv4Addr::new(127, 89, 0, 5),
];
const TTL: u32 = 3600;
const ABOVE: Signing = Signing::OneKey(Algorithm::EcdsaP256);

/// Which cases to serve, and where.
#[derive(Clone, Debug)]
pub struct MutantsConfig {
    /// With a case's number, everything that makes it (but signatures).
    pub seed: u64,
    /// The numbers of the cases.
    pub cases: Range<usize>,
    /// UDP and TCP port of the name servers.
    pub dns_port: u16,
    /// The moment around which signatures are valid.
    pub now: Epoch,
}

/// Mutated zones, served until this is dropped.
pub struct Mutants {
    cases: Vec<Case>,
    zones: Vec<(String, Ipv4Addr)>,
    anchor: String,
    hints: String,
    runtime: Option<Runtime>,
}

impl Mutants {
    /// The addresses of the name servers.
    pub const ADDRESSES: [Ipv4Addr; 5] = ADDRESSES;

    /// Makes the cases and serves them. The case after the last one is there, too, for the last one's aliases lead to it.
    ///
    /// # Errors
    /// Ports in use, sockets or threads refused.
    pub fn start(config: &MutantsConfig) -> Result<Self, LabError> {
        let seed = Seed::new(config.seed);
        let numbers: Vec<usize> = (config.cases.start..config.cases.end + 1).collect();
        let servers: Vec<Servers> = (0..5).map(operator).collect();
        let made = parallel(&numbers, |number| {
            let case = Case::new(&seed, *number);
            let zones = zones_of(&seed, &case, &servers);
            (case, zones)
        });
        let mut parents: Vec<ZonePlan> =
            PARENTS.iter().map(|(apex, denial)| world::zone(&name(apex), ABOVE, *denial, &servers[1])).collect();
        let (mut cases, mut zones) = (Vec::new(), Vec::new());
        for (case, (ds, own)) in made {
            let above = parents.iter_mut().find(|parent| own[0].plan.apex.ends_with(&parent.apex));
            above.into_iter().for_each(|above| delegate(above, &own[0].plan, &ds));
            zones.extend(own);
            cases.push(case);
        }
        cases.pop();
        let mut root = world::zone(&Name::root_bytes(), ABOVE, Denial::Nsec, &servers[0]);
        parents.iter().for_each(|parent| delegate(&mut root, parent, parent.ds_records(&seed).as_slice()));
        // The names of all name servers stand in the root.
        for server in &servers[1..] {
            root.add(&server.names[0], Rtype::A, TTL, rdata::a(server.addresses[0]));
        }
        let anchor = master::record(&root.apex, TTL, Rtype::DS, &root.ds_records(&seed).unwrap_or_default()) + "\n";
        zones.extend(parents.into_iter().chain([root]).map(Zone::new));
        let listed = zones.iter().map(|zone| (shown(&zone.plan.apex), zone.plan.servers[0])).collect();
        let zones = Arc::new(Zones::new(zones, seed, config.now));
        zones.sign_ahead();
        let runtime =
            Builder::new_multi_thread().worker_threads(2).thread_name("mutants").enable_all().build().map_err(LabError::Threads)?;
        net::raise_descriptor_limit();
        let addresses = zones.addresses();
        runtime.block_on(server::serve(zones, addresses, config.dns_port))?;
        let hints = [(Name::root_bytes(), Rtype::NS, rdata::target(&servers[0].names[0]))].into_iter().chain([(
            servers[0].names[0].clone(),
            Rtype::A,
            rdata::a(ADDRESSES[0]),
        )]);
        let hints = hints.map(|(owner, rtype, data)| master::record(&owner, TTL, rtype, &data) + "\n").collect();
        Ok(Self { cases, zones: listed, anchor, hints, runtime: Some(runtime) })
    }

    /// The cases that were asked for.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Every zone, with the final dot, and the address that serves it.
    #[must_use]
    pub fn zones(&self) -> &[(String, Ipv4Addr)] {
        &self.zones
    }

    /// The root's DS record as zone-file text.
    #[must_use]
    pub fn anchor(&self) -> &str {
        &self.anchor
    }

    /// The root servers as a root hints file.
    #[must_use]
    pub fn root_hints(&self) -> &str {
        &self.hints
    }
}

impl Drop for Mutants {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn operator(at: usize) -> Servers {
    Servers { names: vec![name(&format!("s{at}.servers."))], addresses: vec![ADDRESSES[at]] }
}

fn shown(apex: &Name) -> String {
    if apex.is_root() { ".".to_owned() } else { fqdn(apex) }
}

fn delegate(above: &mut ZonePlan, plan: &ZonePlan, ds: &[Rdata]) {
    for (owner, rtype, data) in world::delegation(plan, None) {
        above.add(&owner, rtype, TTL, data);
    }
    ds.iter().for_each(|data| above.add(&plan.apex, Rtype::DS, TTL, data.clone()));
}

/// The DS records of a case for its parent, and its zones, its own first.
fn zones_of(seed: &Seed, case: &Case, servers: &[Servers]) -> (Vec<Rdata>, Vec<Zone>) {
    let own = [servers[2].clone(), servers[3].clone(), servers[4].clone()];
    let plans = case.plans(seed, &own, |plan| plan.ds_records(seed));
    let change = |(n, (operator, ask)): (usize, &(Operator, Ask))| (*operator, ask.place(), seed.child(&format!("{} {n}", case.number)));
    let mutant = Mutant { changes: case.operators.iter().enumerate().map(change).collect() };
    let apex = plans[0].apex.clone();
    let mut ds: Vec<Rdata> = Vec::new();
    if let Some(mut keys) = KeySet::derive(seed, &apex, case.signing) {
        mutant.keys(&mut keys);
        ds.push(keys.keys[0].ds(&apex));
        mutant.changes.iter().for_each(|(operator, ..)| keys::delegate(*operator, &apex, &keys, &mut ds));
    }
    let mut zones: Vec<Zone> = plans.into_iter().map(Zone::new).collect();
    zones[0].mutation = Some(Box::new(mutant));
    (ds, zones)
}

/// What is done to one zone.
struct Mutant {
    changes: Vec<(Operator, Place, Seed)>,
}

impl Mutation for Mutant {
    fn keys(&self, keys: &mut KeySet) {
        self.changes.iter().for_each(|(operator, _, seed)| keys::change(*operator, seed, keys));
    }

    fn zone(&self, zone: &mut SignedZone, signer: &Signer<'_>) {
        for (operator, place, seed) in &self.changes {
            strike(*operator, place, seed, zone, signer);
        }
    }

    fn response<'a>(&self, plan: &'a ZonePlan, zone: &'a SignedZone, question: &Place, mut response: Response<'a>) -> Response<'a> {
        for (operator, _, seed) in self.changes.iter().filter(|(_, place, _)| place == question) {
            answers::Scene { plan, zone, question, seed: *seed }.change(*operator, &mut response);
        }
        response
    }
}

/// Changes one of the signed RRsets that answer a question, where it stands in the zone.
fn strike(operator: Operator, place: &Place, seed: &Seed, zone: &mut SignedZone, signer: &Signer<'_>) {
    let answered = answer::answer(signer.plan, zone, &place.0, place.1, true);
    let sets: Vec<(Name, Rtype)> = answered
        .answer
        .iter()
        .chain(&answered.authority)
        .filter(|(_, rrset)| !rrset.signatures.is_empty())
        .map(|(owner, rrset)| (owner.clone(), rrset.rtype))
        .collect();
    let proofs: Vec<(Name, Rtype)> = sets.iter().filter(|(_, rtype)| matches!(*rtype, Rtype::NSEC | Rtype::NSEC3)).cloned().collect();
    let pick = |from: &[(Name, Rtype)]| from.get(seed.child("set").below(from.len())).cloned();
    if let Some((owner, rtype)) = pick(&proofs)
        && let Some((owner, rrset)) = stored(zone, &owner, rtype)
    {
        proofs::change(operator, place.1, &owner, rrset, signer);
    }
    if let Some((owner, rtype)) = pick(&sets) {
        let Some((stood, rrset)) = stored(zone, &owner, rtype) else { return };
        if signed::change(operator, seed, &stood, rrset, signer) == signed::Keep::No
            && let Some(node) = zone.nodes.get_mut(&stood)
        {
            node.rrsets.retain(|set| set.rtype != rtype);
        }
    }
}

/// An RRset where it stands in the zone: at its owner, in the NSEC3 chain, or at the wildcard that the owner came from.
fn stored<'z>(zone: &'z mut SignedZone, owner: &Name, rtype: Rtype) -> Option<(Name, &'z mut Rrset)> {
    if rtype == Rtype::NSEC3 {
        let links = &mut zone.nsec3.as_mut()?.links;
        return links.iter_mut().find(|(_, at, _)| at == owner).map(|(_, at, rrset)| (at.clone(), rrset));
    }
    let wildcards = owner.iter_suffixes().skip(1).filter(|above| !above.is_root()).map(|above| below("*", &above));
    let has = |name: &Name| zone.nodes.get(name).is_some_and(|node| node.get(rtype).is_some());
    let stood = std::iter::once(owner.clone()).chain(wildcards).find(has)?;
    let rrset = zone.nodes.get_mut(&stood)?.rrsets.iter_mut().find(|set| set.rtype == rtype)?;
    Some((stood, rrset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::answer::Entry;

    const NOW: Epoch = 1_800_000_000;

    /// What is published about a question of the case: what its servers answer, and what its parent has.
    fn published(case: &Case, ask: &Ask) -> String {
        let seed = Seed::new(1);
        let servers: Vec<Servers> = (0..5).map(operator).collect();
        let (ds, zones) = zones_of(&seed, case, &servers);
        let (zone, (name, rtype)) = (&zones[0], ask.place());
        let signed = zone.signed(&seed, NOW);
        let response = answer::answer(&zone.plan, signed, &name, rtype, true);
        let response = zone.mutation.as_ref().unwrap().response(&zone.plan, signed, &(name, rtype), response);
        let shown = |entries: &[Entry<'_>]| format!("{:?}", entries.iter().map(|(owner, set)| (owner.as_slice(), set)).collect::<Vec<_>>());
        let sections = [&response.answer, &response.authority, &response.additional].map(|entries| shown(entries));
        format!("{ds:?} {:?} {sections:?} {:?}", response.rcode, signed.nodes[&zone.plan.apex].get(Rtype::DNSKEY))
    }

    /// Ed25519, because its signatures are a function of key and data.
    fn plain(denial: Denial) -> Case {
        Case { signing: Signing::TwoKeys(Algorithm::Ed25519), denial, operators: vec![], ..Case::new(&Seed::new(1), 0) }
    }

    #[test]
    fn every_operator_changes_something() {
        let denials = [Denial::Nsec, Denial::Nsec3 { iterations: 0 }];
        let idle = Operator::ALL.iter().filter(|operator| {
            let changes = |denial: Denial, ask: &Ask| {
                let case = plain(denial);
                let mutated = Case { operators: vec![(**operator, ask.clone())], ..case.clone() };
                published(&case, ask) != published(&mutated, ask)
            };
            let asks: Vec<Ask> =
                Case::every_ask(&name(&plain(Denial::Nsec).apex)).into_iter().filter(|ask| operator.suits(ask.kind)).collect();
            !denials.iter().any(|denial| asks.iter().any(|ask| changes(*denial, ask)))
        });
        assert_eq!(idle.collect::<Vec<_>>(), Vec::<&Operator>::new());
    }

    #[test]
    fn a_case_is_a_function_of_seed_and_number() {
        let made = |seed: u64, number| format!("{:?}", Case::new(&Seed::new(seed), number));
        assert_eq!(made(7, 3), made(7, 3));
        assert_ne!(made(7, 3).replace("c00003", ""), made(8, 3).replace("c00003", ""));
    }
}
