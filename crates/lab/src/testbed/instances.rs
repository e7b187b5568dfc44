//! The zones and hosts of each test and scenario, made when they are first asked for.

use super::period;
use super::sites::Sites;
use crate::dns::rdata::Rdata;
use crate::dns::server::Zones;
use crate::dns::zone::{Zone, ZonePlan};
use crate::pki::chain::Authority;
use crate::seed::Seed;
use crate::smtp::tls;
use crate::world::build::{Builder, Operator, Places};
use dane::Epoch;
use dane::name::Name;
use dane::sender::Place;
use rustls::sign::CertifiedKey;
use scenario::Scenario;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// TTL of everything below a token, seconds, as the study had it: a sender that tries again asks again.
const TTL: u32 = 1;
/// Instances that are kept; the oldest makes way.
const KEPT: usize = 20_000;

/// One test of one scenario.
pub struct Instance {
    /// Its zone, and the second one if it has any.
    pub zones: Zones,
    delegations: Vec<Delegation>,
    hosts: Vec<Host>,
    period: Epoch,
}

/// What the parent says of a zone.
pub struct Delegation {
    /// Its apex.
    pub apex: Name,
    /// Its DS record, if the parent has one.
    pub ds: Option<Rdata>,
}

/// One mail server.
struct Host {
    name: String,
    address: IpAddr,
    keys: Vec<Arc<CertifiedKey>>,
}

impl Instance {
    /// The delegation at a name.
    pub fn delegation(&self, name: &Name) -> Option<&Delegation> {
        self.delegations.iter().find(|d| d.apex == *name)
    }

    /// Whether a name lies in one of its zones.
    pub fn holds(&self, name: &Name) -> bool {
        self.delegations.iter().any(|d| name.ends_with(&d.apex))
    }

    /// The keys and chains of the server of this name at an address; of the name elsewhere, if the host has none there.
    pub fn keys(&self, name: &str, address: IpAddr) -> Option<&[Arc<CertifiedKey>]> {
        let named = || self.hosts.iter().filter(|h| h.name.eq_ignore_ascii_case(name));
        named().find(|h| h.address == address).or_else(|| named().next()).map(|h| h.keys.as_slice())
    }
}

/// All instances.
pub struct Instances {
    zone: Name,
    seed: Seed,
    authority: Arc<Authority>,
    operator: Operator,
    sites: Arc<Sites>,
    made: Mutex<Made>,
}

/// Those that are kept, and in which order they came.
#[derive(Default)]
struct Made {
    by_place: HashMap<Place, Arc<Instance>>,
    order: VecDeque<Place>,
}

impl Instances {
    /// None yet.
    pub fn new(zone: &Name, seed: Seed, authority: Arc<Authority>, operator: Operator, sites: Arc<Sites>) -> Self {
        Self { zone: zone.clone(), seed, authority, operator, sites, made: Mutex::default() }
    }

    /// The authority of all of them.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The instance of a place, made now if there is none, or none of today. `None` if its names are too long.
    pub fn get(&self, place: &Place, scenario: &Scenario, now: Epoch) -> Option<Arc<Instance>> {
        let lock = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(instance) = lock().by_place.get(place).filter(|i| i.period == period(now)) {
            return Some(Arc::clone(instance));
        }
        let instance = Arc::new(self.make(place, scenario, period(now))?);
        let mut made = lock();
        if made.by_place.insert(place.clone(), Arc::clone(&instance)).is_none() {
            made.order.push_back(place.clone());
        }
        while made.order.len() > KEPT {
            let oldest = made.order.pop_front();
            oldest.and_then(|place| made.by_place.remove(&place));
        }
        Some(instance)
    }

    fn make(&self, place: &Place, scenario: &Scenario, now: Epoch) -> Option<Instance> {
        let (domain, side) = (place.zone(&self.zone)?, place.side(&self.zone)?);
        // Room for `_25._tcp.mx1` and the like.
        let room = domain.len() + 64 <= 255 && side.len() + 64 <= 255;
        let seed = self.seed.child(&format!("{} {}", place.token, place.scenario));
        let mut builder = Builder::empty(seed, now, Arc::clone(&self.authority), Places::Sites(Arc::clone(&self.sites)));
        room.then(|| builder.play(&scenario.recipe, &domain, &side, &self.operator))?;
        let mut plans: Vec<ZonePlan> = builder.plans;
        plans.iter_mut().flat_map(|plan| &mut plan.records).for_each(|record| record.2 = TTL);
        let mut delegations: Vec<Delegation> = Vec::new();
        for plan in &plans {
            if !delegations.iter().any(|d| d.apex == plan.apex) {
                delegations.push(Delegation { apex: plan.apex.clone(), ds: plan.ds_records(&seed) });
            }
        }
        let host = |h: crate::smtp::server::Host| {
            Some(Host { name: h.name.trim_end_matches('.').to_owned(), address: h.address, keys: tls::certified(&h.identities)? })
        };
        let hosts = builder.hosts.into_iter().filter_map(host).collect();
        Some(Instance { zones: Zones::new(plans.into_iter().map(Zone::new).collect(), seed, now), delegations, hosts, period: now })
    }
}
