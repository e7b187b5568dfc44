//! A test bed for senders: one zone with every scenario below it, for as many tests as anybody wants, and a log of what senders do.
//!
//! `TOKEN.SCENARIO.ZONE` is a zone of its own, delegated from `ZONE` ([`parent`]), made when it is first asked for ([`instances`]) and served
//! from the same addresses, so that every question for its keys, its DS record and its TLSA records tells which test it belongs to. Mail
//! servers choose the certificate by the name that a client sends ([`mail`]); what a server does before TLS, it does by its address.
//! Tokens carry a seal ([`token`]): names that nobody was given do not exist, and cost nothing.

mod cache;
#[cfg(fuzzing)]
pub mod fuzz;
mod instances;
mod mail;
mod parent;
mod sites;
mod token;

pub(crate) use sites::Sites;
pub use sites::{Left, Why};

use crate::dns::adversity::Way;
use crate::dns::batch;
use crate::dns::rdata::{self, below, name};
use crate::dns::server::{self, Answers, Ask, Zones};
use crate::dns::zone::Zone;
use crate::dns::{keys::KeySet, master};
use crate::pki::{self, chain::Authority};
use crate::seed::Seed;
use crate::world::build::{Operator, delegation, zone};
use crate::{LabError, net};
use cache::{Cache, Key};
use dane::Epoch;
use dane::name::Name;
use dane::sender::{Event, Place, Query};
use domain::base::Message;
use domain::base::iana::{Rcode, Rtype};
use instances::Instances;
use parent::{Below, Parent};
use scenario::Scenario;
use scenario::recipe::{Algorithm, Denial, Signing};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use token::Tokens;
use tokio::runtime::{Builder, Runtime};

/// Where events go as they happen.
pub trait EventSink: Send + Sync {
    /// Takes one.
    fn add(&self, event: Event);
    /// Keeps those that were taken: they are about to be answered.
    fn flush(&self);
}

/// Keeps nothing.
struct Nowhere;

impl EventSink for Nowhere {
    fn add(&self, _: Event) {}
    fn flush(&self) {}
}

/// What a test bed is made from.
#[derive(Clone, Debug)]
pub struct TestbedConfig {
    /// The zone it has.
    pub zone: Name,
    /// Its addresses, for names and mail alike. With more of them more scenarios can be played: see [`Testbed::left_out`].
    pub addresses: Vec<Ipv4Addr>,
    /// An address for a root server of its own, which delegates the zone: for tests that reach nothing else.
    pub root: Option<Ipv4Addr>,
    /// UDP and TCP port of the name servers.
    pub dns_port: u16,
    /// TCP port of the mail servers.
    pub smtp_port: u16,
    /// What all keys come from: whoever knows it can forge everything here. Keep it, or the DS record changes.
    pub secret: [u8; 32],
}

/// A running test bed. Dropping it ends it.
pub struct Testbed {
    inside: Arc<Inside>,
    runtime: Option<Runtime>,
    _stop: EndsWith,
}

/// Ends the threads that look at it when it is dropped.
#[derive(Default)]
struct EndsWith(Arc<AtomicBool>);

impl Drop for EndsWith {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What the servers share.
struct Inside {
    config: TestbedConfig,
    sites: Arc<Sites>,
    tokens: Tokens,
    parent: Parent,
    instances: Instances,
    cache: Cache,
    root: Option<Zones>,
    anchor: String,
    ca: String,
    sink: Arc<dyn EventSink>,
}

impl Testbed {
    /// Builds it and serves nothing: for tokens, recipients and records.
    #[must_use]
    pub fn build(config: TestbedConfig) -> Self {
        Self { inside: Arc::new(Inside::new(config, Arc::new(Nowhere))), runtime: None, _stop: EndsWith::default() }
    }

    /// Builds and serves it. Returns as soon as it answers.
    ///
    /// # Errors
    /// Ports in use, sockets or threads refused.
    pub fn start(config: TestbedConfig, sink: Arc<dyn EventSink>) -> Result<Self, LabError> {
        net::raise_descriptor_limit();
        let inside = Arc::new(Inside::new(config, sink));
        let runtime =
            Builder::new_multi_thread().worker_threads(2).thread_name("testbed").enable_all().build().map_err(LabError::Threads)?;
        let config = &inside.config;
        let name_servers: Vec<Ipv4Addr> = inside.parent.operator.addresses.iter().copied().chain(config.root).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let ended = EndsWith(Arc::clone(&stop));
        runtime.block_on(async {
            server::serve_streams(&inside, &name_servers, config.dns_port)?;
            mail::serve(&inside, config.smtp_port)
        })?;
        batch::serve(&inside, &name_servers, config.dns_port, &stop)?;
        Ok(Self { inside, runtime: Some(runtime), _stop: ended })
    }

    /// What the parent zone is to have: NS, DS and address records, as zone-file text.
    #[must_use]
    pub fn delegation(&self) -> Vec<String> {
        let parent = &self.inside.parent;
        let records = delegation(&parent.plan, Some(&parent.ds));
        records.iter().map(|(owner, rtype, data)| master::record(owner, 3600, *rtype, data)).collect()
    }

    /// Whether a token was issued by this test bed.
    #[must_use]
    pub fn issued(&self, token: &str) -> bool {
        self.inside.tokens.holds(token)
    }

    /// A new token.
    #[must_use]
    pub fn token(&self) -> String {
        self.inside.tokens.issue()
    }

    /// The scenarios that are played.
    #[must_use]
    pub fn played(&self) -> Vec<&'static Scenario> {
        self.inside.sites.played()
    }

    /// The scenarios that are not, and why.
    #[must_use]
    pub fn left_out(&self) -> Vec<Left> {
        self.inside.sites.left()
    }

    /// Whom to write to for a test: a scenario and its mail address.
    #[must_use]
    pub fn recipients(&self, token: &str) -> Vec<(&'static Scenario, String)> {
        let address = |s: &'static Scenario| {
            let domain = Place { token: token.to_owned(), scenario: s.id.to_owned() }.zone(&self.inside.config.zone)?;
            Some((s, format!("test@{}{domain}", s.recipe.route.mail_label())))
        };
        self.played().into_iter().filter_map(address).collect()
    }

    /// Hints for its own root, as a root hints file; `None` without one.
    #[must_use]
    pub fn root_hints(&self) -> Option<String> {
        let address = self.inside.config.root?;
        let (root, host) = (Name::root_bytes(), name(ROOT_SERVER));
        let records = [
            master::record(&root, 3_600_000, Rtype::NS, &rdata::target(&host)),
            master::record(&host, 3_600_000, Rtype::A, &rdata::a(address)),
        ];
        Some(records.map(|record| record + "\n").concat())
    }

    /// The trust anchor that goes with it, as zone-file text: the DS record of its own root, or else of the zone.
    #[must_use]
    pub fn anchor(&self) -> String {
        self.inside.anchor.clone()
    }

    /// The certificate of its own authority, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.inside.ca.clone()
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        // A plain drop would block, which is forbidden inside another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The name of the root server that a test bed can have.
const ROOT_SERVER: &str = "a.root-servers.";

/// The begin of the half day that a moment belongs to. Certificates, records and answers are made anew together, long before anything expires.
fn period(now: Epoch) -> Epoch {
    now - now.rem_euclid(12 * 3600)
}

/// Now, milliseconds since 1970.
fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

/// Now, seconds since 1970.
fn now() -> Epoch {
    (now_ms() / 1000).cast_signed()
}

impl Inside {
    fn new(config: TestbedConfig, sink: Arc<dyn EventSink>) -> Self {
        let seed = Seed::secret(config.secret);
        let sites = Arc::new(Sites::new(&config.addresses));
        let addresses: Vec<Ipv4Addr> = config.addresses.iter().copied().take(2).collect();
        let names = (1..=addresses.len()).map(|n| below(&format!("ns{n}"), &config.zone)).collect();
        let operator = Operator { names, addresses };
        let authority = Arc::new(Authority::new(&seed.child("ca"), "Danelaw Test Bed", now()));
        let parent = Parent::new(&config.zone, operator.clone(), seed.child("parent"));
        let (root, ds) = config.root.map(|address| root(address, &parent, seed)).unzip();
        let anchor = match ds {
            Some(ds) => master::record(&Name::root_bytes(), 3600, Rtype::DS, &ds),
            None => master::record(&config.zone, 3600, Rtype::DS, &parent.ds),
        };
        Self {
            tokens: Tokens::new(seed.child("tokens")),
            instances: Instances::new(&config.zone, seed.child("instances"), Arc::clone(&authority), operator, Arc::clone(&sites)),
            ca: pki::der::pem("CERTIFICATE", &authority.root.der),
            cache: Cache::default(),
            anchor: anchor + "\n",
            parent,
            root,
            sites,
            sink,
            config,
        }
    }

    /// The zones of a name's test and scenario, if somebody was given that name.
    fn instance(&self, name: &Name) -> Option<Arc<instances::Instance>> {
        let place = Place::of(name, &self.config.zone)?;
        let scenario = self.sites.find(&place.scenario)?;
        self.tokens.holds(&place.token).then(|| self.instances.get(&place, scenario, now()))?
    }

    /// What belongs to no test is nobody's evidence.
    fn tell(&self, query: Query) {
        if Place::of(&query.name, &self.config.zone).is_some_and(|place| self.tokens.holds(&place.token)) {
            self.sink.add(Event::Query(query));
        }
    }

    fn answer(&self, server: Ipv4Addr, ask: &Ask<'_>) -> Option<Vec<u8>> {
        if let Some(root) = self.root.as_ref().filter(|_| self.config.root == Some(server)) {
            return root.message(server, ask, None);
        }
        if ask.strange() {
            return ask.error(Rcode::NOTIMP);
        }
        if !ask.name.ends_with(&self.config.zone) {
            return ask.error(Rcode::REFUSED);
        }
        let instance = self.instance(&ask.name);
        let delegation = instance.as_ref().and_then(|i| i.delegation(&ask.name));
        match (&instance, delegation) {
            (Some(instance), None) if instance.holds(&ask.name) => instance.zones.message(server, ask, None),
            // The DS record of a child is its parent's to answer. (RFC 4035 section 3.1.4.1)
            (Some(instance), Some(_)) if ask.rtype != Rtype::DS => instance.zones.message(server, ask, None),
            (_, Some(delegation)) => self.parent.message(ask, &Below::Delegation(delegation), now()),
            _ if self.sites.find_above(&ask.name, &self.config.zone) => self.parent.message(ask, &Below::Names, now()),
            _ => self.parent.message(ask, &Below::Nothing, now()),
        }
    }
}

impl Answers for Inside {
    fn flush(&self) {
        self.sink.flush();
    }

    fn respond(&self, server: Ipv4Addr, source: SocketAddr, octets: &[u8], tcp: bool) -> Option<(Vec<u8>, Duration)> {
        let (way, at_ms) = (if tcp { Way::Tcp } else { Way::Udp }, now_ms());
        let now = (at_ms / 1000).cast_signed();
        let key = Key::read(server, octets, way);
        if let Some((key, message)) = key.as_ref().and_then(|key| Some((key, self.cache.get(key, octets, now)?))) {
            let (name, rtype, dnssec_ok, checking_disabled) = key.question()?;
            self.tell(Query { at_ms, source, server: server.into(), tcp, name, rtype, dnssec_ok, checking_disabled });
            return Some((message, Duration::ZERO));
        }
        let query = Message::from_octets(octets).ok()?;
        let ask = Ask::read(&query, way)?;
        self.tell(ask.seen(server, source));
        let message = self.answer(server, &ask)?;
        if let Some(key) = key {
            self.cache.keep(key, &message, now);
        }
        Some((message, Duration::ZERO))
    }
}

/// A root zone that delegates the test bed, and the DS record of its key.
fn root(address: Ipv4Addr, parent: &Parent, seed: Seed) -> (Zones, rdata::Rdata) {
    let apex = Name::root_bytes();
    let operator = Operator { names: vec![name(ROOT_SERVER)], addresses: vec![address] };
    let mut plan = zone(&apex, Signing::OneKey(Algorithm::EcdsaP256), Denial::Nsec, &operator);
    for (owner, rtype, data) in delegation(&parent.plan, Some(&parent.ds)) {
        plan.add(&owner, rtype, 3600, data);
    }
    let seed = seed.child("root");
    let ds = KeySet::derive(&seed, &apex, plan.signing).and_then(|keys| Some(keys.keys.first()?.ds(&apex))).unwrap_or_default();
    (Zones::new(vec![Zone::new(plan)], seed, now()), ds)
}
