//! Puts scenarios on the wire: DNS and SMTP servers on loopback.
//!
//! [`Lab::start`] builds a small Internet (a signed root, five TLDs, providers, mail domains) from a seed and serves it on 127.0.0.0/8 at
//! unprivileged ports from threads of its own, until the [`Lab`] is dropped. It shares no code with the resolver, the validator or the
//! probe: they meet on the wire only.

mod truth;

pub use truth::{Group, Truth};

use dane::Epoch;
use dane::name::Name;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// What to build and where to serve it.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// How many mail domains there are in all: the catalogue first (one domain per scenario), the population after it.
    pub domains: usize,
    /// Everything but signatures is a function of this (and of `now`).
    pub seed: u64,
    /// UDP and TCP port of every name server.
    pub dns_port: u16,
    /// TCP port of every SMTP server.
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
    #[error("cannot listen at {address}: {source}")]
    Socket {
        /// Where.
        address: SocketAddr,
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

/// A running lab. Dropping it ends it.
pub struct Lab {
    config: LabConfig,
    truth: Vec<Truth>,
}

impl Lab {
    /// Builds and serves it. Returns as soon as it answers.
    ///
    /// # Errors
    /// Ports in use, sockets or threads refused.
    pub fn start(config: LabConfig) -> Result<Self, LabError> {
        Ok(Self { config, truth: Vec::new() })
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
        Vec::new()
    }

    /// The root servers as a root hints file.
    #[must_use]
    pub fn root_hints(&self) -> String {
        String::new()
    }

    /// The trust anchor as zone-file text: the root's DS record.
    #[must_use]
    pub fn anchor(&self) -> String {
        String::new()
    }

    /// The lab's public CA, PEM: what a trust store would hold here.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        String::new()
    }

    /// Writes everything another program needs into a directory: `root.hints`, `anchor.ds`, `ca.pem`, `domains.txt`, `truth.jsonl`, every zone
    /// as a signed master file under `zones/`, and configurations for NSD and BIND.
    ///
    /// # Errors
    /// A directory or file cannot be written.
    pub fn export(&self, dir: &Path) -> Result<(), LabError> {
        let _ = dir;
        Ok(())
    }

    /// Writes only what `check` and `scan` need: everything of [`Lab::export`] but the zones.
    ///
    /// # Errors
    /// A directory or file cannot be written.
    pub fn export_hints(&self, dir: &Path) -> Result<(), LabError> {
        let _ = dir;
        Ok(())
    }

    /// How long building and signing took.
    #[must_use]
    pub fn built_in(&self) -> Duration {
        Duration::ZERO
    }
}
