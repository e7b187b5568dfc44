//! Many small zones as master files: a namespace to measure resolvers on. Nothing in it is wrong.
//!
//! Root and top-level domains have two keys; everything else that is signed has one key of its own. All zones but the top-level ones are
//! served by providers whose servers' names lie in zones of their own. `com` is like its model: few signed delegations among many that are
//! not, so that one NSEC3 record with opt-out proves many of them insecure.

use crate::dns::denial::Chain;
use crate::dns::keys::KeySet;
use crate::dns::master;
use crate::dns::rdata::{self, Rdata, below, name};
use crate::dns::sign::Period;
use crate::dns::zone::{SignedZone, ZonePlan};
use crate::parallel::parallel;
use crate::seed::Seed;
use crate::world::{Operator, delegation, label, zone};
use crate::{LabError, export};
use dane::Epoch;
use dane::name::Name;
use domain::base::iana::Rtype;
use scenario::recipe::{Algorithm, Denial, Signing};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

/// TTL of everything, seconds: nothing expires while one measures.
const TTL: u32 = 86_400;
/// Of a hundred mail domains so many have their mail host in their own zone.
const OWN_HOST_PERCENT: usize = 4;
/// Of a hundred delegations in `com` so many are signed.
const COM_SIGNED_PERCENT: usize = 5;
/// How long the signatures are valid.
const LASTS: i64 = 35 * 86_400;

const ONE_KEY: Signing = Signing::OneKey(Algorithm::EcdsaP256);
const TWO_KEYS: Signing = Signing::TwoKeys(Algorithm::EcdsaP256);
/// Top-level domains. The first has the unsigned mail domains, the second the providers, the others the rest.
const TLDS: [(&str, Denial); 4] =
    [("com", Denial::Nsec3OptOut), ("net", Denial::Nsec3OptOut), ("nl", Denial::Nsec3OptOut), ("se", Denial::Nsec)];

/// How much of everything there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrowdConfig {
    /// Signed mail domains.
    pub signed: usize,
    /// Unsigned mail domains.
    pub unsigned: usize,
    /// Providers, each with two name servers and a signed zone for their names.
    pub providers: usize,
    /// Mail hosts in the providers' zones.
    pub hosts: usize,
    /// Everything but the signatures is a function of it.
    pub seed: u64,
}

/// A crowd that has been written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Crowd {
    /// What it was made from.
    pub config: CrowdConfig,
    /// When its signatures end, seconds since 1970.
    pub until: Epoch,
    /// Every zone, those of the root and of top-level domains last.
    pub zones: Vec<CrowdZone>,
    /// The mail domains, signed ones first.
    pub domains: Vec<MailDomain>,
    /// The different NSEC3 records of `com` that it takes to prove all unsigned mail domains insecure.
    pub com_ranges: usize,
}

/// A zone, and where it is served.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CrowdZone {
    /// Its apex without the final dot; the root's is `.`.
    pub apex: String,
    /// Addresses of its name servers.
    pub servers: Vec<Ipv4Addr>,
}

/// A mail domain, without final dots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailDomain {
    /// Its name.
    pub name: String,
    /// Its only MX host.
    pub host: String,
    /// Whether it is signed.
    pub signed: bool,
}

impl Crowd {
    /// Writes the zones of a crowd, signed at `now`, with `root.hints` and `anchor.ds`, into a directory.
    ///
    /// # Errors
    /// A directory or file cannot be written.
    pub fn write(config: CrowdConfig, now: Epoch, dir: &Path) -> Result<Self, LabError> {
        export::make(&dir.join("zones"))?;
        let work = Work { seed: Seed::new(config.seed), period: Period { now, lasts: LASTS }, dir };
        let (operators, hosts) = (operators(config.providers), hosts(&config));
        let domains = domains(&config, &hosts);
        let mut plans = providers(&operators, &hosts);
        plans.extend(domains.iter().map(|domain| mail_zone(domain, &operators[work.seed.child(&domain.name).below(operators.len())])));
        let mut tlds = top_level();
        work.write_below(&plans, &mut tlds)?;
        let mut root = vec![root()];
        let chains = work.write_below(&tlds, &mut root)?;
        work.write(&root[0])?;
        work.write_hints(&root[0])?;
        let com_ranges = chains.into_iter().next().flatten().map_or(0, |com| ranges(&com, &domains));
        let zones = [plans, tlds, root].concat().into_iter().map(|plan| CrowdZone { apex: shown(&plan.apex), servers: plan.servers });
        Ok(Self { config, until: now + LASTS, zones: zones.collect(), domains, com_ranges })
    }

    /// Where a zone's master file is, relative to the crowd's directory.
    #[must_use]
    pub fn file(apex: &str) -> String {
        format!("zones/{}.zone", if apex == "." { "root" } else { apex })
    }
}

/// What writing a zone needs.
struct Work<'a> {
    seed: Seed,
    period: Period,
    dir: &'a Path,
}

impl Work<'_> {
    /// Signs and writes zones, and delegates them from those of the `parents` that they lie in. Returns their NSEC3 chains.
    fn write_below(&self, plans: &[ZonePlan], parents: &mut [ZonePlan]) -> Result<Vec<Option<Chain>>, LabError> {
        let mut chains = Vec::with_capacity(plans.len());
        for (plan, written) in plans.iter().zip(parallel(plans, |plan| self.write(plan))) {
            let (ds, chain) = written?;
            let parent = parents.iter_mut().find(|parent| plan.apex.ends_with(&parent.apex));
            if let Some(parent) = parent {
                delegation(plan, ds.as_ref()).iter().for_each(|(owner, rtype, data)| parent.add(owner, *rtype, TTL, data.clone()));
            }
            chains.push(chain);
        }
        Ok(chains)
    }

    /// Signs and writes a zone. Returns the record data of its DS record, and its NSEC3 chain.
    fn write(&self, plan: &ZonePlan) -> Result<(Option<Rdata>, Option<Chain>), LabError> {
        let keys = KeySet::derive(&self.seed, &plan.apex, plan.signing);
        let signed = SignedZone::build(plan, keys.as_ref(), self.period);
        export::write(self.dir, &Crowd::file(&shown(&plan.apex)), &master::text(&plan.apex, &signed))?;
        Ok((keys.and_then(|set| Some(set.keys.first()?.ds(&plan.apex))), signed.nsec3))
    }

    fn write_hints(&self, root: &ZonePlan) -> Result<(), LabError> {
        let hints = root.records.iter().filter(|(owner, rtype, ..)| *rtype == Rtype::A && *owner == root_server());
        let ns = [(Name::root_bytes(), Rtype::NS, TTL, rdata::target(&root_server()))];
        let lines = ns.iter().chain(hints).map(|(owner, rtype, ttl, data)| master::record(owner, *ttl, *rtype, data) + "\n");
        export::write(self.dir, "root.hints", &lines.collect::<String>())?;
        let ds = root.ds_records(&self.seed).unwrap_or_default();
        export::write(self.dir, "anchor.ds", &(master::record(&root.apex, TTL, Rtype::DS, &ds) + "\n"))
    }
}

/// The mail domains, signed ones first.
fn domains(config: &CrowdConfig, hosts: &[String]) -> Vec<MailDomain> {
    let seed = Seed::new(config.seed);
    let signed_in_com = config.unsigned * COM_SIGNED_PERCENT / (100 - COM_SIGNED_PERCENT);
    let domain = |number: usize| {
        let signed = number < config.signed;
        let tld = if !signed || number < signed_in_com { TLDS[0].0 } else { TLDS[2 + number % 2].0 };
        let name = format!("{}.{tld}", label(&seed, number));
        let seed = seed.child(&format!("domain {number}"));
        let own = seed.child("own").below(100) < OWN_HOST_PERCENT || hosts.is_empty();
        let host = if own { format!("mail.{name}") } else { hosts[seed.child("host").below(hosts.len())].clone() };
        MailDomain { name, host, signed }
    };
    let numbers: Vec<usize> = (0..config.signed + config.unsigned).collect();
    parallel(&numbers, |number| domain(*number))
}

fn operators(count: usize) -> Vec<Operator> {
    let operator = |n: usize| {
        let apex = name(&format!("dns{n:02}.net."));
        let address = |side: usize| Ipv4Addr::new(127, 53, 2 + (n / 100) as u8, (2 * (n % 100) + side) as u8);
        Operator { names: vec![below("ns1", &apex), below("ns2", &apex)], addresses: vec![address(1), address(2)] }
    };
    (0..count).map(operator).collect()
}

fn hosts(config: &CrowdConfig) -> Vec<String> {
    (0..config.hosts).map(|n| format!("mx{n:04}.dns{:02}.net", n % config.providers)).collect()
}

/// The providers' own zones with the mail hosts in them.
fn providers(operators: &[Operator], hosts: &[String]) -> Vec<ZonePlan> {
    let mut plans: Vec<ZonePlan> = operators
        .iter()
        .filter_map(|operator| operator.names.first()?.parent().map(|apex| planned(&apex, ONE_KEY, Denial::Nsec, operator)))
        .collect();
    for (n, host) in hosts.iter().enumerate() {
        let count = plans.len();
        add_host(&mut plans[n % count], &name(&format!("{host}.")));
    }
    plans
}

fn mail_zone(domain: &MailDomain, operator: &Operator) -> ZonePlan {
    let (apex, host) = (name(&format!("{}.", domain.name)), name(&format!("{}.", domain.host)));
    let mut plan = planned(&apex, if domain.signed { ONE_KEY } else { Signing::Unsigned }, Denial::Nsec, operator);
    plan.add(&apex, Rtype::MX, TTL, rdata::mx(10, &host));
    if host.ends_with(&apex) {
        add_host(&mut plan, &host);
    }
    plan
}

/// Addresses and TLSA record of a mail host. Every second one has no AAAA record, which has to be proven.
fn add_host(plan: &mut ZonePlan, host: &Name) {
    let seed = Seed::new(0).child(&host.to_string());
    let bytes = seed.child("address").bytes();
    plan.add(host, Rtype::A, TTL, rdata::a(Ipv4Addr::new(198, 18 + bytes[0] % 2, bytes[1], bytes[2])));
    if bytes[3].is_multiple_of(2) {
        // 2001:db8::/32, the network for documentation. (RFC 3849)
        plan.add(host, Rtype::AAAA, TTL, [&[0x20, 0x01, 0x0d, 0xb8], &bytes[4..16]].concat().into());
    }
    plan.add(&below("_25._tcp", host), Rtype::TLSA, TTL, [&[3, 1, 1], seed.child("tlsa").bytes().as_slice()].concat().into());
}

fn top_level() -> Vec<ZonePlan> {
    let tld = |(i, (tld, denial)): (usize, &(&str, Denial))| {
        let apex = name(&format!("{tld}."));
        let address = |n: usize| Ipv4Addr::new(127, 53, 1, (2 * i + n) as u8);
        let operator = Operator { names: vec![below("a.nic", &apex), below("b.nic", &apex)], addresses: vec![address(1), address(2)] };
        planned(&apex, TWO_KEYS, *denial, &operator)
    };
    TLDS.iter().enumerate().map(tld).collect()
}

fn root() -> ZonePlan {
    let operator = Operator { names: vec![root_server()], addresses: vec![Ipv4Addr::new(127, 53, 0, 1)] };
    planned(&Name::root_bytes(), TWO_KEYS, Denial::Nsec, &operator)
}

fn root_server() -> Name {
    name("a.root-servers.")
}

/// A zone with SOA and NS, and the addresses of those servers that are in it.
fn planned(apex: &Name, signing: Signing, denial: Denial, operator: &Operator) -> ZonePlan {
    let mut plan = zone(apex, signing, denial, operator);
    plan.records.iter_mut().for_each(|(_, _, ttl, _)| *ttl = TTL);
    plan
}

/// How many records of an NSEC3 chain with opt-out it takes to prove all unsigned domains below its zone insecure.
fn ranges(chain: &Chain, domains: &[MailDomain]) -> usize {
    let unsigned = domains.iter().filter(|domain| !domain.signed);
    let covering = unsigned.filter_map(|domain| chain.covering(&name(&format!("{}.", domain.name))).map(|(hash, ..)| hash));
    covering.collect::<BTreeSet<_>>().len()
}

fn shown(apex: &Name) -> String {
    if apex.is_root() { ".".to_owned() } else { apex.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_has_the_shares_it_should_have() {
        let config = CrowdConfig { signed: 1000, unsigned: 1900, providers: 4, hosts: 50, seed: 1 };
        let domains = domains(&config, &hosts(&config));
        let own = domains.iter().filter(|domain| domain.host.ends_with(&domain.name)).count();
        // 4% of 2,900 is 116; three standard deviations (10.6 each) to both sides.
        assert!((84..=148).contains(&own), "{own}");
        let in_com = |signed| domains.iter().filter(|d| d.signed == signed && d.name.ends_with(".com")).count();
        assert_eq!((in_com(true), in_com(false)), (100, 1900));
    }
}
