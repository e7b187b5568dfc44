//! Puts scenarios on the wire: DNS and SMTP servers, and hosts of MTA-STS policies, on loopback.
//!
//! [`Lab::start`] builds a small Internet (a signed root, five TLDs, providers, mail domains) from a seed and serves it on 127.0.0.0/8 at
//! unprivileged ports from threads of its own, until the [`Lab`] is dropped. It shares no code with the resolver, the validator or the
//! probe: they meet on the wire only.

mod crowd;
mod dns;
mod export;
pub mod history;
mod https;
mod log;
mod mutants;
mod net;
mod parallel;
mod pki;
mod seed;
mod smtp;
pub mod testbed;
mod truth;
mod world;

pub use crowd::{Crowd, CrowdConfig, CrowdZone, MailDomain};
pub use dane::sender::{Query, Visit};
pub use dns::adversity::Adversity;
pub use mutants::{Ask, Beyond, Case, Kind, Mutants, MutantsConfig, Operator as MutationOperator};
pub use truth::{Group, Truth};
pub use world::{SHARES, Share};

use dane::Epoch;
use dane::name::Name;
use dns::rdata::{self, Rdata};
use dns::{master, server::Zones};
use domain::base::iana::Rtype;
use export::ServerFacts;
use https::PolicyHost;
use log::Log;
use seed::Seed;
use smtp::server::Host;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use world::{Operator, World};

/// Visits to mail servers that are remembered.
const VISITS: usize = 100_000;

/// What to build and where to serve it.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// How many mail domains there are in all: the catalogue first (one domain per scenario), the population after it.
    pub domains: usize,
    /// Everything but signatures, and digests of what holds one, is a function of this (and of `now`, and whether the machine has `::1`).
    pub seed: u64,
    /// UDP and TCP port of every name server.
    pub dns_port: u16,
    /// TCP port of every SMTP server, and of every host of an MTA-STS policy: no address has both.
    pub smtp_port: u16,
    /// The moment around which signatures and certificates are valid.
    pub now: Epoch,
    /// Which domains there are.
    pub content: Content,
}

/// Which domains a lab has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// One domain per scenario, then a population with the papers' shares.
    Everything,
    /// One domain per scenario only; `domains` is ignored.
    Catalogue,
    /// A population with the papers' shares only.
    Population,
}

impl LabConfig {
    /// 2,000 domains at ports 5300 and 2525.
    #[must_use]
    pub fn new(now: Epoch) -> Self {
        Self { domains: 2000, seed: 1, dns_port: 5300, smtp_port: 2525, now, content: Content::Everything }
    }
}

/// Why there is no lab.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Somebody else listens there.
    #[error("{what} {address} is in use; stop the other program or choose another port with {option}")]
    PortInUse {
        /// `UDP` or `TCP`.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// The option that chooses another.
        option: &'static str,
    },
    /// The system refuses a socket for another reason.
    #[error("cannot listen at {what} {address}: {source}; choose another port with {option}")]
    Socket {
        /// `UDP` or `TCP`.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// The option that chooses another.
        option: &'static str,
        /// The system's words.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// Threads cannot be made.
    #[error("cannot start the lab's threads: {0}")]
    Threads(std::io::Error),
}

/// A lab, built and perhaps running. Dropping it ends it.
pub struct Lab {
    config: LabConfig,
    truth: Vec<Truth>,
    zones: Arc<Zones>,
    visits: Arc<Log<Visit>>,
    hosts: Vec<Arc<Host>>,
    servers: Vec<ServerFacts>,
    ca_pem: String,
    roots: Operator,
    anchor: Rdata,
    built_in: Duration,
    running: Option<Running>,
}

/// What keeps a lab's sockets open.
struct Running {
    runtime: Runtime,
    _deaf: Vec<socket2::Socket>,
}

impl Lab {
    /// Builds it and serves nothing: for [`Lab::export`].
    #[must_use]
    pub fn build(config: LabConfig) -> Self {
        Self::assemble(config).0
    }

    /// Builds and serves it. Returns as soon as it answers.
    ///
    /// # Errors
    /// Ports in use, sockets or threads refused.
    pub fn start(config: LabConfig) -> Result<Self, LabError> {
        let (mut lab, policy_hosts) = Self::assemble(config);
        net::raise_descriptor_limit();
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("lab").enable_all().build().map_err(LabError::Threads)?;
        let deaf = runtime.block_on(async {
            dns::server::serve(Arc::clone(&lab.zones), lab.zones.addresses(), lab.config.dns_port).await?;
            https::serve(policy_hosts, lab.config.smtp_port)?;
            let visits = Arc::clone(&lab.visits);
            smtp::server::serve(&lab.hosts, lab.config.smtp_port, &(Arc::new(move |visit| visits.add(visit)) as smtp::server::Sink))
        })?;
        lab.running = Some(Running { runtime, _deaf: deaf });
        Ok(lab)
    }

    fn assemble(config: LabConfig) -> (Self, Vec<PolicyHost>) {
        let begun = Instant::now();
        let world = World::new(&config);
        let zones = Arc::new(Zones::new(world.zones, Seed::new(config.seed), config.now));
        zones.sign_ahead();
        let lab = Self {
            truth: world.truth,
            zones,
            visits: Arc::new(Log::new(VISITS)),
            servers: export::facts(&world.hosts, config.smtp_port),
            hosts: world.hosts.into_iter().map(Arc::new).collect(),
            ca_pem: pki::der::pem("CERTIFICATE", &world.authority.root.der),
            roots: world.roots,
            anchor: world.anchor,
            built_in: begun.elapsed(),
            running: None,
            config,
        };
        (lab, world.policy_hosts)
    }

    /// What it was made from.
    #[must_use]
    pub fn config(&self) -> &LabConfig {
        &self.config
    }

    /// Every mail domain and what is known of it, in the order of the target list.
    #[must_use]
    pub fn truth(&self) -> &[Truth] {
        &self.truth
    }

    /// The root servers: names and addresses, for a resolver's configuration.
    #[must_use]
    pub fn roots(&self) -> Vec<(Name, Vec<IpAddr>)> {
        self.roots.names.iter().cloned().zip(self.roots.addresses.iter().map(|a| vec![IpAddr::V4(*a)])).collect()
    }

    /// The root servers as a root hints file.
    #[must_use]
    pub fn root_hints(&self) -> String {
        let root = Name::root_bytes();
        let mut out = String::new();
        for (name, address) in self.roots.names.iter().zip(&self.roots.addresses) {
            out += &format!("{}\n", master::record(&root, 3_600_000, Rtype::NS, &rdata::target(name)));
            out += &format!("{}\n", master::record(name, 3_600_000, Rtype::A, &rdata::a(*address)));
        }
        out
    }

    /// The trust anchor as zone-file text: the root's DS record.
    #[must_use]
    pub fn anchor(&self) -> String {
        master::record(&Name::root_bytes(), 3600, Rtype::DS, &self.anchor) + "\n"
    }

    /// The lab's public CA, PEM: what a trust store would hold here.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.ca_pem.clone()
    }

    /// From now on network and name servers do as badly as this. It can be called as often as one likes; the default ends it.
    pub fn suffer(&self, adversity: Adversity) {
        self.zones.weather.set(adversity);
    }

    /// From now on the servers of one host present the certificates of another one, as if somebody had mixed them up; what the DNS says stays.
    /// To install a host's own ends it. Returns how many servers that are: none, if either name is no host's.
    pub fn install(&self, host: &str, of: &str) -> usize {
        let Some(source) = self.hosts.iter().find(|other| other.name == of) else { return 0 };
        self.hosts.iter().filter(|target| target.name == host).map(|target| target.install(source.tls.clone())).count()
    }

    /// Every zone and the addresses of its name servers.
    #[must_use]
    pub fn name_servers(&self) -> Vec<(Name, Vec<Ipv4Addr>)> {
        self.zones.firsts().map(|zone| (zone.plan.apex.clone(), zone.plan.servers.clone())).collect()
    }

    /// The latest DNS queries, oldest first.
    #[must_use]
    pub fn queries(&self) -> Vec<Query> {
        self.zones.log.all()
    }

    /// The latest SMTP visits, oldest first.
    #[must_use]
    pub fn visits(&self) -> Vec<Visit> {
        self.visits.all()
    }

    /// Writes everything another program needs into a directory: what [`Lab::export_hints`] writes, every zone as a signed master file under
    /// `zones/`, every server's key and chain under `servers/`, and configurations for NSD and BIND.
    ///
    /// # Errors
    /// A directory or file cannot be written.
    pub fn export(&self, dir: &Path) -> Result<(), LabError> {
        export::everything(self, dir)
    }

    /// Writes only what `check` and `scan` need: `root.hints`, `anchor.ds`, `anchor.dnskey`, `ca.pem`, `domains.txt`, `truth.jsonl`.
    ///
    /// # Errors
    /// A directory or file cannot be written.
    pub fn export_hints(&self, dir: &Path) -> Result<(), LabError> {
        export::hints(self, dir)
    }

    /// How long building and signing took.
    #[must_use]
    pub fn built_in(&self) -> Duration {
        self.built_in
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A plain drop would block, which is forbidden inside another runtime.
        if let Some(running) = self.running.take() {
            running.runtime.shutdown_background();
        }
    }
}
