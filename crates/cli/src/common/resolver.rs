//! The options of everything that resolves names.

use crate::common::{file, time};
use crate::exit::UsageError;
use resolve::{Algorithms, Anchors, Clock, Config, Epoch, Ipv6, Mode, Resolver, Sha1, hints};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How names are resolved: by default iteratively from IANA's root servers, validated from IANA's root keys.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Resolver options")]
pub struct ResolverOptions {
    /// Trust anchors: DS or DNSKEY records in zone-file form [default: the root's keys of 2017 and 2024]
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<PathBuf>,

    /// Root servers: NS, A and AAAA records in zone-file form [default: IANA's]
    #[arg(long, value_name = "FILE", conflicts_with = "upstream")]
    pub root_hints: Option<PathBuf>,

    /// Ask this recursive resolver instead of the authoritative servers. It need not validate: what it says is validated here
    #[arg(long, value_name = "IP[:PORT]", value_parser = server)]
    pub upstream: Option<SocketAddr>,

    /// Port of all authoritative servers, for a lab on unprivileged ports
    #[arg(long, value_name = "N", default_value_t = 53)]
    pub dns_port: u16,

    /// How long to wait for one DNS answer, seconds
    #[arg(long, value_name = "SECONDS", default_value = "1.5", value_parser = seconds)]
    pub dns_timeout: Duration,

    /// How long one lookup may take in all, seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub dns_deadline: Duration,

    /// How often each name server is asked before giving up
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=10))]
    pub dns_tries: u32,

    /// Validate signatures made with SHA-1 (algorithms 5 and 7). Without this they count as unsupported (RFC 9905)
    #[arg(long)]
    pub validate_sha1: bool,

    /// Want signatures by every algorithm that the DS records or anchors of a zone name, where one would do (RFC 6840 section 5.11)
    #[arg(long)]
    pub all_algorithms: bool,

    /// Show each name server no more of a name than it needs to see (RFC 9156). It costs queries
    #[arg(long, conflicts_with = "upstream")]
    pub minimise: bool,

    /// Do not use IPv6 [default: if there is a route]
    #[arg(long)]
    pub no_ipv6: bool,
}

impl ResolverOptions {
    /// The configuration that these options describe. `at` is the time at which signatures are judged, the machine's clock if none.
    ///
    /// # Errors
    /// Names the file and line that cannot be used.
    pub fn config(&self, at: Option<Epoch>) -> Result<Config, UsageError> {
        let mut config = self.upstream.map_or_else(Config::default, Config::upstream);
        if let Some(path) = &self.root_hints {
            let roots = hints::parse(&file::text("--root-hints", path)?).map_err(|error| in_file(path, &error))?;
            config.mode = Mode::Iterative { roots };
        }
        if let Some(path) = &self.anchor {
            config.anchors = anchors(path)?;
        }
        config.dns_port = self.dns_port;
        config.timeouts.query = self.dns_timeout;
        config.timeouts.tcp = config.timeouts.tcp.max(self.dns_timeout);
        config.timeouts.lookup = self.dns_deadline;
        config.attempts = self.dns_tries;
        config.minimise = self.minimise;
        if self.validate_sha1 {
            config.policy.sha1 = Sha1::Validate;
        }
        if self.all_algorithms {
            config.policy.algorithms = Algorithms::All;
        }
        if self.no_ipv6 {
            config.ipv6 = Ipv6::Off;
        }
        if let Some(at) = at {
            config.clock = Clock::At(at);
        }
        Ok(config)
    }

    /// Whether mail servers are visited over IPv6.
    #[must_use]
    pub fn mail_ipv6(&self) -> probe::Ipv6 {
        if self.no_ipv6 { probe::Ipv6::Off } else { probe::Ipv6::Auto }
    }

    /// A resolver with these options.
    ///
    /// # Errors
    /// As [`config`](Self::config), and if nobody is left to ask.
    pub fn resolver(&self, at: Option<Epoch>) -> Result<Resolver, UsageError> {
        self.with(self.config(at)?)
    }

    /// A resolver with the configuration that was made from these options.
    ///
    /// # Errors
    /// If nobody is left to ask.
    pub fn with(&self, config: Config) -> Result<Resolver, UsageError> {
        Resolver::new(config).map_err(|error| match &self.root_hints {
            Some(path) => in_file(path, &error),
            None => UsageError::new(error),
        })
    }
}

/// Trust anchors from a file. Without an anchor everything would be insecure, and look as if nobody had DNSSEC.
///
/// # Errors
/// If the file cannot be used, or has none.
pub fn anchors(path: &Path) -> Result<Anchors, UsageError> {
    let anchors = Anchors::parse(&file::text("--anchor", path)?).map_err(|error| in_file(path, &error))?;
    if anchors.names().next().is_none() {
        return Err(UsageError(format!(
            "--anchor {}: no DS or DNSKEY record in it; leave --anchor away for the root's keys",
            path.display()
        )));
    }
    Ok(anchors)
}

fn in_file(path: &Path, error: &dyn std::fmt::Display) -> UsageError {
    UsageError(format!("{}: {error}", path.display()))
}

pub fn server(text: &str) -> Result<SocketAddr, String> {
    let ip = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    text.parse().or_else(|_| ip()).map_err(|_| "give an IP address, with a port as in 127.0.0.1:5353 or [::1]:5353".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    time::seconds(text, 0.01..=3600.0)
}
