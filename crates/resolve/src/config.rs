//! How a [`Resolver`](crate::Resolver) is set up.

use crate::gate::Gate;
use crate::hints;
use crate::networks::Networks;
use dnssec::{Anchors, Epoch, Name, Policy};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where answers come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// From the authoritative servers themselves, starting at the root's.
    Iterative {
        /// The root's name servers and their addresses ("hints").
        roots: Vec<(Name, Vec<IpAddr>)>,
    },
    /// From one recursive resolver, asked with RD=1, CD=1 and DO=1. What it says of DNSSEC (AD) is not believed.
    Upstream(SocketAddr),
}

/// Whether name servers are asked over IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ipv6 {
    /// If this machine has a route; loopback addresses always.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// The time at which signatures are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Always this moment.
    At(Epoch),
}

impl Clock {
    /// Seconds since 1970.
    #[must_use]
    pub fn now(self) -> Epoch {
        match self {
            Clock::At(epoch) => epoch,
            Clock::System => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(Epoch::MAX)),
        }
    }
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the answer to one UDP query. The second attempt at a server waits twice as long.
    pub query: Duration,
    /// For connection, query and answer over TCP together.
    pub tcp: Duration,
    /// For one lookup with all that it needs: servers, aliases, keys.
    pub lookup: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { query: Duration::from_millis(1500), tcp: Duration::from_secs(5), lookup: Duration::from_secs(30) }
    }
}

/// What one lookup may cost and the caches may hold. Each bound turns an attack or a broken zone into a named failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Messages sent for one lookup, those for keys and name server addresses included.
    pub queries: u32,
    /// Links of an alias chain. (RFC 1034 section 3.6.2 asks for a bound; 11 is Unbound's)
    pub aliases: u32,
    /// Referrals followed for one question; a name has at most 127 labels, real ones meet less than 10 cuts.
    pub referrals: u32,
    /// Name server names without address looked up for one delegation. (the NXNS attack)
    pub name_servers: u32,
    /// How deep the lookup of a name server's address may need the lookup of another one's.
    pub depth: u32,
    /// How often a bogus answer is asked for again, from other servers, before it is believed.
    pub bogus_retries: u32,
    /// Messages under way at once, which bounds open sockets.
    pub sockets: usize,
    /// Bytes of messages that the answer caches hold.
    pub cache_bytes: usize,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { queries: 150, aliases: 11, referrals: 24, name_servers: 8, depth: 5, bogus_retries: 2, sockets: 512, cache_bytes: 128 << 20 }
    }
}

/// All that a resolver needs to know. Start from [`Config::default`] (the Internet) or [`Config::upstream`] and change what differs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where answers come from.
    pub mode: Mode,
    /// Where trust begins.
    pub anchors: Anchors,
    /// How validation decides where the RFCs leave a choice, and its own bounds.
    pub policy: Policy,
    /// UDP and TCP port of all authoritative servers. 53 but for a lab.
    pub dns_port: u16,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How often each server of a zone is asked before giving up. The last attempt at a silent server is over TCP.
    pub attempts: u32,
    /// Bounds.
    pub budgets: Budgets,
    /// Whether each name server is shown no more of a name than it needs to see. It costs queries. (RFC 9156)
    pub minimise: bool,
    /// Whether name servers are asked over IPv6.
    pub ipv6: Ipv6,
    /// The time at which signatures are judged.
    pub clock: Clock,
    /// Where queries are sent from.
    pub source: Source,
    /// How often servers are asked. Resolvers whose gates are clones share its limits.
    pub gate: Gate,
    /// Name servers that are never asked.
    pub leave_alone: Arc<Networks>,
}

/// Where queries are sent from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The address, for machines with several.
    pub address: Option<IpAddr>,
    /// UDP and TCP ports, one drawn for each use; the system's choice if none. The fewer there are, the easier are answers forged.
    pub ports: Option<RangeInclusive<u16>>,
}

impl Default for Config {
    /// The Internet: IANA's root servers and root keys, the machine's clock.
    fn default() -> Self {
        Self {
            mode: Mode::Iterative { roots: hints::iana() },
            anchors: Anchors::iana(),
            policy: Policy::default(),
            dns_port: 53,
            timeouts: Timeouts::default(),
            attempts: 3,
            budgets: Budgets::default(),
            minimise: false,
            ipv6: Ipv6::Auto,
            clock: Clock::System,
            source: Source::default(),
            gate: Gate::default(),
            leave_alone: Arc::default(),
        }
    }
}

impl Config {
    /// As the default, but asking one recursive resolver.
    #[must_use]
    pub fn upstream(server: SocketAddr) -> Self {
        Self { mode: Mode::Upstream(server), ..Self::default() }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No root server with an address that can be asked.
    #[error("no root server has an address that can be asked; check the root hints{0}")]
    NoRoots(&'static str),
    /// A line of the root hints that cannot be read.
    #[error("root hints, line {line}: {what}")]
    Hints {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}
