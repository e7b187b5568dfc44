//! One MX host: addresses, TLSA, zone, and a visit to every address.

use crate::chain::presented;
use crate::comeback::{Comebacks, Visited};
use crate::config::{Certificates, ConfigError, DepthLimits, Destinations, Ipv6, LookerConfig, Scope};
use crate::dns::Dns;
use crate::look::now;
use crate::optout::OptOut;
use crate::pace::{Felt, Gate, TooBusy, Turn};
use crate::reach::is_public;
use crate::smtp::{Target, Visitor};
use crate::vantage::Vantage;
use crate::zone::Zones;
use dane::cause::Cause;
use dane::dns::{Lookup, Outcome};
use dane::name::{Name, tlsa_owner};
use dane::observation::{AddressObservation, Connect, Depth, EarlierVisit, HostObservation, SCHEMA_VERSION};
use dane::smtp::Again;
use dane::tlsa::Tlsa;
use domain::base::iana::Rtype;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What a look at one host needs.
pub(crate) struct HostLook {
    pub(crate) dns: Arc<dyn Dns>,
    pub(crate) zones: Arc<Zones>,
    pub(crate) visits: Arc<Visits>,
    /// The service's port.
    pub(crate) port: u16,
}

impl HostLook {
    /// Looks at everything there is.
    pub(crate) async fn observe(&self, host: &Name) -> HostObservation {
        let at = now();
        let (a, aaaa) = tokio::join!(self.dns.lookup(host, Rtype::A), self.dns.lookup(host, Rtype::AAAA));
        let bases = bases(host, &a, &aaaa);
        let alias = bases.len() > 1;
        let (cname, tlsa) = tokio::join!(
            async { if alias { Some(Box::new(self.dns.lookup(host, Rtype::CNAME).await)) } else { None } },
            self.tlsa(&bases),
        );
        let holder = tlsa.iter().find(|(_, l)| has_records(l)).map_or(host, |(base, _)| *base);
        let sni = sni(host, &a, &aaaa, &tlsa);
        let targets: Vec<Target> =
            addresses(&a, &aaaa).into_iter().map(|address| Target { address, port: self.visits.port, sni: sni.clone() }).collect();
        let (zone, servers) = tokio::join!(self.zones.around(holder), self.visits.all(host, targets, promised(&bases, &tlsa)));
        let (cname, tlsa) = (cname.map(|lookup| *lookup), tlsa.into_iter().map(|(_, lookup)| lookup).collect());
        HostObservation { schema: SCHEMA_VERSION, host: host.clone(), port: self.port, at, a, aaaa, cname, tlsa, zone, servers }
    }

    /// TLSA at every candidate base domain, in their order, but for those whose owner would be no domain name.
    async fn tlsa<'a>(&self, bases: &'a [Name]) -> Vec<(&'a Name, Lookup)> {
        let ask = |place: usize| async move {
            let base = bases.get(place)?;
            // a measuring prober asks in any case. R-027 rfc6698#3: the service's port, whatever port we connect to.
            Some((base, self.dns.lookup(&tlsa_owner(base, self.port)?, Rtype::TLSA).await))
        };
        let (first, second, third) = tokio::join!(ask(0), ask(1), ask(2));
        let mut found: Vec<_> = [first, second, third].into_iter().flatten().collect();
        // Held while servers are visited, by thousands.
        found.shrink_to_fit();
        found
    }
}

/// The candidate TLSA base domains, three at most: the ends of the host's two alias chains, then the host, each once.
///
/// R-021 rfc7672#2.2.3: a sender goes by a secure family; where the families lead to different places, its end comes first.
fn bases(host: &Name, a: &Lookup, aaaa: &Lookup) -> Vec<Name> {
    let mut families = [a, aaaa];
    families.sort_by_key(|l| (!(l.is_secure() && has_records(l)), l.records.is_empty()));
    let mut bases: Vec<Name> = Vec::new();
    for base in families.into_iter().map(Lookup::expanded).filter(|end| *end != host).chain([host]) {
        if !bases.contains(base) {
            bases.push(base.clone());
        }
    }
    bases
}

/// What is published for a host: with that in hand, a certificate that nothing fits is looked at twice.
#[derive(Debug, Default)]
struct Promised {
    records: Vec<Tlsa>,
    names: Vec<Name>,
}

fn promised(bases: &[Name], tlsa: &[(&Name, Lookup)]) -> Promised {
    let records = tlsa.iter().find(|(_, l)| has_records(l)).map(|(_, l)| l.records.as_slice()).unwrap_or_default();
    let mut records: Vec<Tlsa> = records.iter().filter_map(|r| r.data.parse().ok()).collect();
    records.shrink_to_fit();
    Promised { records, names: bases.to_vec() }
}

fn has_records(lookup: &Lookup) -> bool {
    lookup.outcome() == Outcome::Data
}

/// The name a sender puts into SNI: the TLSA base domain; without DANE the host itself.
fn sni(host: &Name, a: &Lookup, aaaa: &Lookup, tlsa: &[(&Name, Lookup)]) -> Name {
    // R-021 rfc7672#2.2.2: the expanded name is a base domain only if the whole chain down to an address is secure.
    let secure = [a, aaaa].into_iter().find(|l| l.is_secure() && has_records(l));
    let in_force = |end: &&Name| tlsa.iter().any(|(base, l)| base == end && l.is_secure() && has_records(l));
    // R-067 rfc7672#8.1
    secure.map(Lookup::expanded).filter(in_force).unwrap_or(host).clone()
}

/// IPv4 first, each family in numerical order: the canonical order of the paper view.
pub(crate) fn addresses(a: &Lookup, aaaa: &Lookup) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = a.records.iter().chain(&aaaa.records).filter_map(|r| r.data.parse().ok()).collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

/// How welcome we were.
fn felt(seen: &AddressObservation) -> Felt {
    match dane::smtp::obstacle(seen) {
        Some(Cause::RateLimited) => Felt::TooMuch,
        _ if seen.reply_code(None) == Some(220) => Felt::Welcome,
        _ => Felt::Nothing,
    }
}

/// All SMTP visits of a looker: whether one may be made, when, and what became of it.
pub(crate) struct Visits {
    pub(crate) visitor: Arc<Visitor>,
    gate: Arc<Gate>,
    pub(crate) comebacks: Comebacks,
    vantage: Arc<Vantage>,
    opt_out: Arc<OptOut>,
    scope: Scope,
    certificates: Certificates,
    /// How much of each server is looked at, and within which bounds.
    pub(crate) depth: (Depth, DepthLimits),
    destinations: Destinations,
    ipv6: Ipv6,
    addresses_per_host: usize,
    /// The port connected to.
    port: u16,
    pub(crate) made: AtomicU64,
    waiting: AtomicU64,
}

impl Visits {
    pub(crate) fn new(config: &LookerConfig, vantage: Arc<Vantage>) -> Result<Self, ConfigError> {
        Ok(Self {
            visitor: Arc::new(Visitor::new(config)?),
            gate: Arc::new(Gate::new(&config.pace)?),
            comebacks: Comebacks::new(config.returns.clone(), format!("{} {}", config.vantage, config.ehlo)),
            vantage,
            opt_out: Arc::clone(&config.opt_out),
            scope: config.scope.clone(),
            depth: (config.depth, config.depth_limits.clone()),
            certificates: config.certificates,
            destinations: config.destinations,
            ipv6: config.ipv6,
            addresses_per_host: config.addresses_per_host,
            port: config.connect_port.unwrap_or(config.port),
            made: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
        })
    }

    /// Visits of the next round: by the same visitor, under the same rate limits.
    pub(crate) fn next_round(&self, config: &LookerConfig, vantage: Arc<Vantage>) -> Self {
        Self {
            visitor: Arc::clone(&self.visitor),
            gate: Arc::clone(&self.gate),
            comebacks: Comebacks::new(config.returns.clone(), format!("{} {}", config.vantage, config.ehlo)),
            vantage,
            opt_out: Arc::clone(&config.opt_out),
            scope: self.scope.clone(),
            depth: self.depth.clone(),
            made: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            ..*self
        }
    }

    /// Visits made, visits that wait for their turn.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.made.load(Ordering::Relaxed), self.waiting.load(Ordering::Relaxed))
    }

    /// Visits all targets of one host side by side, as far as the gate lets them. Answers in the order of the targets.
    async fn all(self: &Arc<Self>, host: &Name, targets: Vec<Target>, promised: Promised) -> Vec<AddressObservation> {
        // The common case needs no task of its own.
        if let [target] = targets.as_slice() {
            let seen = self.one(host, target, &promised).await;
            return vec![*seen];
        }
        let promised = Arc::new(promised);
        let mut tasks = JoinSet::new();
        for (place, target) in targets.into_iter().enumerate() {
            let (visits, host, promised) = (Arc::clone(self), host.clone(), Arc::clone(&promised));
            tasks.spawn(async move {
                let beyond = place >= visits.addresses_per_host;
                (place, if beyond { Box::new(target.not_tried("limit", now())) } else { visits.one(&host, &target, &promised).await })
            });
        }
        let mut seen = Vec::new();
        while let Some(task) = tasks.join_next().await {
            seen.extend(task.ok());
        }
        seen.sort_by_key(|(place, _)| *place);
        seen.into_iter().map(|(_, observation)| *observation).collect()
    }

    async fn one(&self, host: &Name, target: &Target, promised: &Promised) -> Box<AddressObservation> {
        if let Scope::Presented(chain) = &self.scope {
            return Box::new(AddressObservation { tls: Some(presented(chain)), ..target.not_tried("chain-from-file", now()) });
        }
        if let Some(why) = self.objection(host, target.address) {
            return Box::new(target.not_tried(why, now()));
        }
        let mut visited = self.comebacks.begin();
        let mut seen = self.visit(host, target, visited.last_chance()).await;
        while let Some(why) = dane::smtp::again(&seen, &promised.records, &promised.names, seen.at) {
            // What is seldom done takes no room in what is always there.
            let Some(again) = Box::pin(self.once_more(why, host, target, &mut visited)).await else { break };
            let mut earlier = std::mem::take(&mut seen.earlier);
            earlier.push(EarlierVisit::of(*seen));
            seen = again;
            seen.earlier = earlier;
        }
        if self.certificates == Certificates::All {
            Box::pin(self.other_certificates(host, target, visited.last_chance(), &mut seen)).await;
        }
        Box::pin(self.deepen(host, target, &mut seen)).await;
        seen
    }

    /// Another visit, if it can be made.
    async fn once_more(&self, why: Again, host: &Name, target: &Target, visited: &mut Visited) -> Option<Box<AddressObservation>> {
        let last_chance = visited.last_chance();
        let away = self.comebacks.stay_away(why, visited, host, target.address);
        // Others can have our place meanwhile.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let is_due = away.await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if !is_due {
            return None;
        }
        let again = self.visit(host, target, last_chance).await;
        (!matches!(again.connect, Connect::NotTried { .. })).then_some(again)
    }

    /// What the server shows to other kinds of client, each on a connection of its own.
    async fn other_certificates(&self, host: &Name, target: &Target, by: Instant, seen: &mut AddressObservation) {
        for offer in Visitor::other_offers(seen) {
            let Ok(_turn) = self.turn(host, target.address, by).await else { return };
            self.made.fetch_add(1, Ordering::Relaxed);
            let look = self.visitor.look_as(target, seen, offer, now()).await;
            seen.others.push(look);
        }
    }

    /// One visit when its turn comes, if it comes by then, with a second connection where TLS needs a closer look.
    async fn visit(&self, host: &Name, target: &Target, by: Instant) -> Box<AddressObservation> {
        let Ok(turn) = self.turn(host, target.address, by).await else { return Box::new(target.not_tried("limit", now())) };
        // Much may have become known while we waited.
        if self.vantage.is_blocked() {
            return Box::new(target.not_tried("port-25-blocked", now()));
        }
        let mut observation = self.visitor.visit(target, now()).await;
        self.made.fetch_add(1, Ordering::Relaxed);
        self.vantage.learn(&observation);
        self.gate.learn(host, target.address, felt(&observation));
        // The second look is a visit like any other, and waits for its own turn.
        drop(turn);
        if Visitor::wants_second_look(&observation) {
            // What is seldom done takes no room in what is always there.
            Box::pin(self.second_look(host, target, by, &mut observation)).await;
        }
        observation
    }

    /// By OpenSSL, and where that learns nothing by a bare ClientHello; each on a connection of its own.
    async fn second_look(&self, host: &Name, target: &Target, by: Instant, seen: &mut AddressObservation) {
        if self.visitor.can_look_broadly() {
            let Ok(_turn) = self.turn(host, target.address, by).await else { return };
            self.made.fetch_add(1, Ordering::Relaxed);
            if self.visitor.look_broadly(target, seen).await {
                return;
            }
        }
        if let Ok(_turn) = self.turn(host, target.address, by).await {
            self.made.fetch_add(1, Ordering::Relaxed);
            self.visitor.look_again(target, seen).await;
        }
    }

    /// Leave to make one connection to this address of this host, if it comes by then.
    pub(crate) async fn turn(&self, host: &Name, address: IpAddr, by: Instant) -> Result<Turn, TooBusy> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let turn = self.gate.turn(host, address, by).await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        turn
    }

    /// Why we must not or cannot connect.
    pub(crate) fn objection(&self, host: &Name, address: IpAddr) -> Option<&'static str> {
        if self.scope == Scope::DnsOnly {
            Some("dns-only")
        } else if self.opt_out.has_name(host) || self.opt_out.has_address(address) {
            Some("opted-out")
        } else if self.destinations == Destinations::PublicOnly && !is_public(address) {
            Some("not-public-address")
        } else if address.is_ipv6() && !self.vantage.has_ipv6() && (self.ipv6 == Ipv6::Off || !address.is_loopback()) {
            Some("no-ipv6")
        } else {
            None
        }
    }
}
