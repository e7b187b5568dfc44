//! Root, top-level domains, name-server operators; and the delegations between all zones.

use super::population;
use crate::dns::rdata::{self, below, name};
use crate::dns::zone::{Zone, ZonePlan};
use crate::https::PolicyHost;
use crate::parallel::parallel;
use crate::pki::chain::Authority;
use crate::seed::Seed;
use crate::smtp::server::Host;
use crate::testbed::Sites;
use crate::{Content, Group, LabConfig, Truth, net};
use dane::Epoch;
use dane::name::Name;
use domain::base::iana::Rtype;
use scenario::recipe::{Algorithm, Denial, Ds, Signing, Smtp};
use scenario::{Receiver, Scenario};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// TTL of everything but TLSA records, seconds.
pub const TTL: u32 = 3600;
/// TTL of TLSA records, seconds: good practice.
pub const TLSA_TTL: u32 = 1800;
/// Name servers shared by domains that run their own.
const SELF_RUN: usize = 32;

/// Top-level domains: name, denial. Registries differ in the proofs they use, as the real ones do.
const TLDS: [(&str, Denial); 5] = [
    ("com", Denial::Nsec3OptOut),
    ("net", Denial::Nsec3OptOut),
    ("org", Denial::Nsec3OptOut),
    ("nl", Denial::Nsec3OptOut),
    ("se", Denial::Nsec),
];

/// Name-server operators: zone, whether it is signed.
const OPERATORS: [(&str, Signing); 5] = [
    ("zonenhof.nl.", Signing::OneKey(Algorithm::EcdsaP256)),
    ("namnservice.se.", Signing::OneKey(Algorithm::EcdsaP256)),
    ("dnshost.net.", Signing::TwoKeys(Algorithm::RsaSha256)),
    ("registrar-dns.com.", Signing::Unsigned),
    ("catalogue-dns.net.", Signing::OneKey(Algorithm::EcdsaP256)),
];
/// Index of the operator that serves the catalogue.
pub const CATALOGUE_OPERATOR: usize = 4;

/// A name-server operator.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Names of its servers.
    pub names: Vec<Name>,
    /// Their addresses.
    pub addresses: Vec<Ipv4Addr>,
}

/// Everything there is.
pub struct World {
    /// Zones.
    pub zones: Vec<Zone>,
    /// SMTP servers.
    pub hosts: Vec<Host>,
    /// Hosts of MTA-STS policies.
    pub policy_hosts: Vec<PolicyHost>,
    /// What is known of each mail domain.
    pub truth: Vec<Truth>,
    /// The public CA.
    pub authority: Arc<Authority>,
    /// Root servers.
    pub roots: Operator,
    /// DS of the root's key.
    pub anchor: rdata::Rdata,
}

/// A world in the making.
pub struct Builder {
    /// What everything comes from.
    pub seed: Seed,
    /// The moment around which all is valid.
    pub now: Epoch,
    /// The public CA.
    pub authority: Arc<Authority>,
    /// Name-server operators.
    pub operators: Vec<Operator>,
    /// Zones so far.
    pub plans: Vec<ZonePlan>,
    /// SMTP servers so far.
    pub hosts: Vec<Host>,
    /// Hosts of MTA-STS policies so far.
    pub policy_hosts: Vec<PolicyHost>,
    /// Whether the machine has the address `::1`.
    pub has_ipv6: bool,
    truth: Vec<Truth>,
    places: Places,
    next_self_run: usize,
}

/// Where mail servers go.
pub enum Places {
    /// Each has an address of its own on loopback; the number is how many there are.
    Own(u32),
    /// They share those of a test bed.
    Sites(Arc<Sites>),
}

impl World {
    /// Builds it.
    pub fn new(config: &LabConfig) -> Self {
        let seed = Seed::new(config.seed);
        let authority = Authority::new(&seed.child("public-ca"), "Danelaw Lab", config.now);
        let mut builder = Builder::empty(seed, config.now, Arc::new(authority), Places::Own(0));
        let roots = builder.root();
        builder.top_level();
        builder.operators();
        if config.content != Content::Population {
            builder.catalogue();
        }
        if config.content != Content::Catalogue {
            let rest = config.domains.saturating_sub(builder.truth.len());
            population::populate(&mut builder, rest);
        }
        super::ourselves::add(&mut builder);
        builder.finish(roots)
    }
}

impl Builder {
    /// Of nothing yet.
    pub fn empty(seed: Seed, now: Epoch, authority: Arc<Authority>, places: Places) -> Self {
        Self {
            seed,
            now,
            authority,
            operators: vec![],
            plans: vec![],
            hosts: vec![],
            policy_hosts: vec![],
            has_ipv6: matches!(places, Places::Own(_)) && net::has_ipv6(),
            truth: vec![],
            places,
            next_self_run: 0,
        }
    }

    /// An address for a server by what it does: its domain's nth.
    pub fn address(&mut self, smtp: Smtp, nth: usize) -> Ipv4Addr {
        match &mut self.places {
            Places::Own(used) => {
                // One network each, as it would be outside.
                *used += 1;
                Ipv4Addr::new(127, 100 + (*used / 250) as u8, (*used % 250) as u8, 25)
            }
            Places::Sites(sites) => sites.address(smtp, nth).unwrap_or(Ipv4Addr::UNSPECIFIED),
        }
    }

    /// Name servers of a domain that runs its own: names below it, addresses shared with others like it.
    pub fn self_run(&mut self, apex: &Name) -> Operator {
        self.next_self_run += 2;
        let address = |n: usize| Ipv4Addr::new(127, 53, 4, 1 + (n % SELF_RUN) as u8);
        Operator {
            names: vec![below("ns1", apex), below("ns2", apex)],
            addresses: vec![address(self.next_self_run), address(self.next_self_run + 1)],
        }
    }

    /// Remembers a mail domain.
    pub fn know(&mut self, domain: Name, group: Group, scenario: &str, receiver: &Receiver) {
        let tld = domain.iter_suffixes().nth(domain.label_count().saturating_sub(2)).map(|t| t.to_string()).unwrap_or_default();
        self.truth.push(Truth {
            domain,
            group,
            scenario: scenario.to_owned(),
            tld,
            standing: receiver.standing,
            causes: receiver.causes.clone(),
            also: receiver.also.clone(),
        });
    }

    fn root(&mut self) -> Operator {
        let names = vec![name("a.root-servers."), name("b.root-servers.")];
        let roots = Operator { names, addresses: vec![Ipv4Addr::new(127, 53, 0, 1), Ipv4Addr::new(127, 53, 0, 2)] };
        let root = zone(&Name::root_bytes(), Signing::TwoKeys(Algorithm::EcdsaP256), Denial::Nsec, &roots);
        self.plans.push(root);
        roots
    }

    fn top_level(&mut self) {
        for (i, (label, denial)) in TLDS.into_iter().enumerate() {
            let apex = name(&format!("{label}."));
            let names = vec![below("a.nic", &apex), below("b.nic", &apex)];
            let address = |n: usize| Ipv4Addr::new(127, 53, 1, (2 * i + n) as u8);
            let operator = Operator { names, addresses: vec![address(1), address(2)] };
            let plan = zone(&apex, Signing::TwoKeys(Algorithm::EcdsaP256), denial, &operator);
            self.plans.push(plan);
        }
    }

    fn operators(&mut self) {
        for (i, (apex, signing)) in OPERATORS.into_iter().enumerate() {
            let apex = name(apex);
            let names = vec![below("ns1", &apex), below("ns2", &apex)];
            let address = |n: usize| Ipv4Addr::new(127, 53, 2, (2 * i + n) as u8);
            let operator = Operator { names, addresses: vec![address(1), address(2)] };
            let plan = zone(&apex, signing, Denial::Nsec, &operator);
            self.plans.push(plan);
            self.operators.push(operator);
        }
    }

    fn catalogue(&mut self) {
        let operator = self.operators[CATALOGUE_OPERATOR].clone();
        for scenario in Scenario::all() {
            let (domain, side) = (name(&format!("{}.nl.", scenario.id)), name(&format!("{}-side.nl.", scenario.id)));
            let played = self.play(&scenario.recipe, &domain, &side, &operator);
            self.know(played.mail, Group::Catalogue, scenario.id, &scenario.receiver);
        }
    }

    /// Delegates every zone from its parent and closes the world.
    fn finish(mut self, roots: Operator) -> World {
        let index: HashMap<Name, usize> = self.plans.iter().enumerate().map(|(i, p)| (p.apex.clone(), i)).collect();
        let seed = self.seed;
        let ds = parallel(&self.plans, |plan| plan.ds_records(&seed));
        for (child, ds) in ds.iter().enumerate() {
            let parent = self.plans[child].apex.iter_suffixes().skip(1).find_map(|n| index.get(&n));
            let Some(parent) = parent else { continue };
            for (owner, rtype, data) in delegation(&self.plans[child], ds.as_ref()) {
                self.plans[*parent].add(&owner, rtype, TTL, data);
            }
        }
        let anchor = ds.into_iter().next().flatten().unwrap_or_default();
        World {
            zones: self.plans.into_iter().map(Zone::new).collect(),
            hosts: self.hosts,
            policy_hosts: self.policy_hosts,
            truth: self.truth,
            authority: self.authority,
            roots,
            anchor,
        }
    }
}

/// An empty zone: SOA and NS.
pub fn zone(apex: &Name, signing: Signing, denial: Denial, operator: &Operator) -> ZonePlan {
    let ds = if signing == Signing::Unsigned { Ds::Missing } else { Ds::Right };
    let servers = operator.addresses.clone();
    let mut plan = ZonePlan { apex: apex.clone(), records: vec![], signing, denial, ds, damage: vec![], manners: vec![], servers };
    let mname = operator.names.first().unwrap_or(apex);
    plan.add(apex, Rtype::SOA, TTL, rdata::soa(mname, &below("hostmaster", apex), 1, 300));
    for (host, address) in operator.names.iter().zip(&operator.addresses) {
        plan.add(apex, Rtype::NS, TTL, rdata::target(host));
        if host.ends_with(apex) {
            plan.add(host, Rtype::A, TTL, rdata::a(*address));
        }
    }
    plan
}

/// What a parent publishes of a zone: NS, DS, glue.
pub fn delegation(plan: &ZonePlan, ds: Option<&rdata::Rdata>) -> Vec<(Name, Rtype, rdata::Rdata)> {
    let apex = &plan.apex;
    let hosts: Vec<&rdata::Rdata> =
        plan.records.iter().filter(|(owner, rtype, ..)| owner == apex && *rtype == Rtype::NS).map(|(.., data)| data).collect();
    let mut out: Vec<_> = hosts.iter().map(|data| (apex.clone(), Rtype::NS, (*data).clone())).collect();
    out.extend(ds.map(|data| (apex.clone(), Rtype::DS, data.clone())));
    let is_host = |owner: &Name| hosts.iter().any(|data| data.as_ref() == owner.as_slice());
    let glue = plan.records.iter().filter(|(owner, rtype, ..)| *rtype == Rtype::A && is_host(owner));
    out.extend(glue.map(|(owner, rtype, _, data)| (owner.clone(), *rtype, data.clone())));
    out
}
