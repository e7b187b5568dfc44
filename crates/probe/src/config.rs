//! What a looker may do, how long, and how often.

use crate::optout::OptOut;
use crate::preflight::BlockLists;
use dane::name::Name;
use dane::observation::{CertificateBytes, Depth};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Which parts of a look are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// DNS and SMTP.
    Full,
    /// DNS only: every address is recorded as not tried, `dns-only`.
    DnsOnly,
    /// DNS only, and every address is recorded as if it had presented this chain (`chain-from-file`): for a vantage point without port 25,
    /// and for a certificate that is not in service yet.
    Presented(Vec<CertificateBytes>),
}

/// Which name servers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameServers {
    /// Whichever answers.
    AsNeeded,
    /// After that every one of the zones concerned, to see where they disagree.
    Each,
}

/// Which of a domain's policies besides DANE are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policies {
    /// None.
    Skip,
    /// The records that announce MTA-STS and TLS reporting: two questions a domain.
    Records,
    /// These, the MTA-STS policy by HTTPS, and CAA of every MX host.
    All,
}

/// Which addresses may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destinations {
    /// Globally reachable ones only. Others are recorded as not tried, `not-public-address`: an MX that points at 127.0.0.1 or into a private
    /// network must not turn the prober against its own surroundings.
    PublicOnly,
    /// Any: for a lab on loopback.
    Any,
}

/// Whether IPv6 addresses are connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv6 {
    /// If this machine has a route.
    Auto,
    /// Never: recorded as not tried, `no-ipv6`.
    Off,
}

/// How many of a server's certificates are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// The one that a client gets that takes everything: one connection.
    One,
    /// Those, too, that clients get that take only the other kind of key, or do not name the server: up to three more connections.
    All,
}

/// Which OpenSSL looks at servers that have no common ground with rustls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OpenSsl {
    /// The system's `libssl` 3, if it has one.
    #[default]
    System,
    /// The one in this directory, if it is there.
    In(PathBuf),
    /// None: what rustls refuses is seen only as far as it is sent in the clear.
    Without,
}

/// Bounds on one SMTP visit. A server can exceed them only by being recorded as having done so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpLimits {
    /// Time for the TCP connection.
    pub connect: Duration,
    /// Time for one whole reply. (RFC 5321 section 4.5.3.2 gives senders five minutes; a prober has less patience and says so.)
    pub reply: Duration,
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// Time for the whole visit.
    pub visit: Duration,
    /// Octets in one reply line, CRLF included. (RFC 5321 section 4.5.3.1.5 allows 512)
    pub line_octets: usize,
    /// Lines in one reply.
    pub reply_lines: usize,
    /// Octets received outside TLS records in one visit.
    pub total_octets: usize,
}

impl Default for SmtpLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            reply: Duration::from_secs(30),
            handshake: Duration::from_secs(20),
            visit: Duration::from_secs(90),
            line_octets: 4096,
            reply_lines: 128,
            total_octets: 64 * 1024,
        }
    }
}

/// Bounds on finding out all that one address accepts: one connection after the other, each when its turn comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepthLimits {
    /// Connections to one address. A Postfix as Debian ships it, with all that its library has, takes about 125; at the pace of
    /// [`Pace::default`] those are four minutes.
    pub connections: u16,
    /// Time for all of them, waiting for their turns included.
    pub time: Duration,
}

impl Default for DepthLimits {
    fn default() -> Self {
        Self { connections: 160, time: Duration::from_secs(600) }
    }
}

/// How often and how many at once. Every figure is for the whole survey, so that many domains behind one provider do not add up to a flood.
/// Loopback addresses are ourselves: only `open` counts for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// New connections per second, all together.
    pub total_per_s: f64,
    /// New connections per second to one address.
    pub address_per_s: f64,
    /// New connections per second to one network: IPv4 /24, IPv6 /48.
    pub network_per_s: f64,
    /// New connections per second to one provider: hosts below one registered name, by the public suffix list.
    pub provider_per_s: f64,
    /// Connections open to one address at the same time.
    pub address_open: usize,
    /// Connections open at the same time, all together.
    pub open: usize,
    /// How long a visit may wait for its turn before it is recorded as not tried, `limit`.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            total_per_s: 200.0,
            address_per_s: 0.5,
            network_per_s: 4.0,
            provider_per_s: 8.0,
            address_open: 1,
            open: 1000,
            patience: Duration::from_secs(900),
        }
    }
}

impl Pace {
    /// No limits but those on what is open at once: for a lab on loopback.
    #[must_use]
    pub fn unhurried() -> Self {
        let never = f64::INFINITY;
        Self { total_per_s: never, address_per_s: never, network_per_s: never, provider_per_s: never, address_open: 64, ..Self::default() }
    }
}

/// Whether and when a server is visited again within the look, by [`dane::smtp::again()`]: one that asks for it (4xx to the greeting or EHLO,
/// 421) `times` times; one whose connection broke, and one whose fault has yet to repeat, once each. So no address sees more than `times` + 3
/// visits, one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returns {
    /// Further visits to one address that asks for them; 0: no further visit to anybody, for whatever reason.
    pub times: u8,
    /// How long to stay away from who asks us to. Servers on loopback are ourselves: a second is enough for them.
    pub after: Duration,
    /// How long to stay away else. From loopback a tenth of a second.
    pub soon: Duration,
    /// No visit begins later than this after the first was wanted, so that a look ends before its domain's deadline.
    pub within: Duration,
    /// Further visits in all for each of the three reasons: beyond them, what was seen first stands.
    pub in_all: u64,
}

impl Returns {
    /// Every server has one chance.
    pub const NEVER: Self = Self { times: 0, ..Self::POLITE };

    /// Once, after five minutes and a bit: what greylisting commonly wants. Up to a quarter of the time is added, by the address, so that those
    /// who were met together are not met together again.
    pub const POLITE: Self = Self {
        times: 1,
        after: Duration::from_secs(310),
        soon: Duration::from_secs(30),
        within: Duration::from_secs(1000),
        in_all: 10_000,
    };
}

/// Everything a [`crate::Looker`] needs to know.
#[derive(Clone, Debug)]
pub struct LookerConfig {
    /// Name of the vantage point, for the records.
    pub vantage: String,
    /// The name we give in EHLO. It should resolve to our address, and our address to it.
    pub ehlo: Name,
    /// The service's port: names the TLSA record, and is connected to unless `connect_port` says otherwise.
    pub port: u16,
    /// Transport port, if it differs: a lab on unprivileged ports still asks for `_25._tcp`.
    pub connect_port: Option<u16>,
    /// Which parts of a look are made.
    pub scope: Scope,
    /// How much of each mail server is looked at.
    pub depth: Depth,
    /// Bounds on all connections to one address for [`Depth::Tls`] and [`Depth::Full`].
    pub depth_limits: DepthLimits,
    /// Which name servers are asked.
    pub name_servers: NameServers,
    /// Which policies besides DANE are looked at.
    pub policies: Policies,
    /// Port of policy hosts: 443 but in a lab.
    pub https_port: u16,
    /// Which addresses may be connected to.
    pub destinations: Destinations,
    /// Whether IPv6 addresses are connected to.
    pub ipv6: Ipv6,
    /// How many of a server's certificates are looked for.
    pub certificates: Certificates,
    /// What looks at servers that rustls cannot talk to.
    pub openssl: OpenSsl,
    /// Bounds on one visit.
    pub smtp: SmtpLimits,
    /// How often and how many at once.
    pub pace: Pace,
    /// Whether servers that ask us to come back are visited again.
    pub returns: Returns,
    /// Time for one domain, waiting for its turn at busy servers included.
    pub domain_deadline: Duration,
    /// MX hosts looked at per domain; the rest is missing from the observation.
    pub hosts_per_domain: usize,
    /// Addresses looked at per host; the rest is recorded as not tried, `limit`.
    pub addresses_per_host: usize,
    /// Octets of hosts, and of zones, that are remembered and shared. Those not asked for longest are forgotten first, and would be looked
    /// at again.
    pub remembered: usize,
    /// Domains and networks that want to be left alone.
    pub opt_out: Arc<OptOut>,
    /// The addresses by which others see us, where this machine does not know them (behind NAT). Empty: those by which it sends.
    pub seen_as: Vec<IpAddr>,
    /// Block lists that are asked about these.
    pub block_lists: Arc<BlockLists>,
}

impl LookerConfig {
    /// The defaults, with this EHLO name.
    #[must_use]
    pub fn new(ehlo: Name) -> Self {
        Self {
            vantage: String::new(),
            ehlo,
            port: 25,
            connect_port: None,
            scope: Scope::Full,
            depth: Depth::Chain,
            depth_limits: DepthLimits::default(),
            name_servers: NameServers::AsNeeded,
            policies: Policies::Skip,
            https_port: 443,
            destinations: Destinations::PublicOnly,
            ipv6: Ipv6::Auto,
            certificates: Certificates::One,
            openssl: OpenSsl::default(),
            smtp: SmtpLimits::default(),
            pace: Pace::default(),
            returns: Returns::NEVER,
            domain_deadline: Duration::from_secs(1200),
            hosts_per_domain: dane::walk::MAX_HOSTS,
            addresses_per_host: 16,
            remembered: 256 << 20,
            opt_out: Arc::default(),
            seen_as: Vec::new(),
            block_lists: Arc::default(),
        }
    }
}

/// Why a looker cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A rate or a bound that is zero or no number.
    #[error("{0} must be greater than zero")]
    Zero(&'static str),
    /// There is no OpenSSL where it should be.
    #[error("no OpenSSL 3 in {0} ({1}); name the directory that has libssl.so.3, or 'none'")]
    OpenSsl(PathBuf, String),
    /// The TLS engine refuses.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// The EHLO name to use if none is given: this machine's host name, or `localhost` if that is no domain name.
#[must_use]
pub fn default_ehlo() -> Name {
    let text = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    dane::name::parse_domain(&text).or_else(|_| dane::name::parse_domain("localhost")).unwrap_or_else(|_| Name::root_bytes())
}
