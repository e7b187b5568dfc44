//! The options of everything that connects to mail servers.

use crate::common::resolver::ResolverOptions;
use crate::common::{file, time};
use crate::exit::UsageError;
use dane::name::{Name, parse_domain};
use dane::observation::{CertificateBytes, Depth};
use dane::smtp::Again;
use probe::{Certificates, Comeback, Destinations, Ipv6, Looker, LookerConfig, OpenSsl, OptOut, Pace, Returns, Scope};
use resolve::{Config, Epoch, Resolver};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How a mail server is visited.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Probe options")]
pub struct VisitOptions {
    /// The name we give in EHLO; it should resolve to our address and back [default: this machine's host name]
    #[arg(long, value_name = "NAME", value_parser = domain)]
    pub ehlo: Option<Name>,

    /// Port of the service: names the TLSA records, and is connected to
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,

    /// Connect to this port instead, and still ask for the TLSA records of --port: for a lab on unprivileged ports
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub connect_port: Option<u16>,

    /// Connect also to loopback, private and reserved addresses, for a lab. Without this they are left alone
    #[arg(long)]
    pub allow_private: bool,

    /// Which of a server's certificates to look for: 'one', on one connection; or 'all', as clients, too, that take RSA or ECDSA only and
    /// that do not name the server, on up to three more
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = Which::All)]
    pub certificates: Which,

    /// Take OpenSSL (libssl.so.3) from this directory, for servers that rustls cannot talk to; 'none': do without [default: the system's]
    #[arg(long, value_name = "DIR|none")]
    pub openssl: Option<PathBuf>,

    /// Domains, addresses and networks to leave alone, one a line
    #[arg(long, value_name = "FILE")]
    pub opt_out: Option<PathBuf>,

    /// How long to wait for one SMTP reply, seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = reply_time)]
    pub smtp_timeout: Duration,
}

/// Which certificates of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// The one that a client gets that takes everything.
    One,
    /// Those of other kinds of client, too.
    All,
}

/// How much of a mail server is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum How {
    /// What a sender meets: one connection to each address, its certificates
    Chain,
    /// Every TLS version, cipher suite and group that it accepts, and its class: up to 160 connections, minutes at the default rates
    Tls,
    /// That, and what it offers before and after TLS, what software it says it is, and whether commands sent before TLS find their way in
    Full,
}

/// How mail servers are visited: politely, bounded, and never with a mail.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Probe options")]
pub struct ProbeOptions {
    #[command(flatten)]
    visit: VisitOptions,

    /// Ask the DNS only, connect to no mail server
    #[arg(long, visible_alias = "no-smtp")]
    pub dns_only: bool,

    /// Ask the DNS only, and judge this certificate chain (PEM, server's certificate first) as if every address presented it
    #[arg(long, value_name = "FILE", conflicts_with = "dns_only")]
    pub chain: Option<PathBuf>,

    /// How much of each mail server to look at
    #[arg(long, value_name = "HOW", value_enum, default_value_t = How::Chain, conflicts_with_all = ["dns_only", "chain"])]
    pub depth: How,

    /// What this vantage point is called in the records
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub vantage: String,

    /// How often a server is visited again that asks us to come back later (greylisting, 421); unless 0, one that broke off, and one that shows something wrong, is visited once more after half a minute [default: scan 1, others 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=3))]
    pub retries: Option<u8>,

    /// How long to stay away before each of these visits, seconds; all of them fit into 1000 s
    #[arg(long, value_name = "SECONDS", default_value = "310", value_parser = away_time)]
    pub retry_after: Duration,

    /// New connections per second, all together
    #[arg(long, value_name = "N", default_value_t = 200.0, value_parser = rate)]
    pub rate: f64,

    /// New connections per second to one address
    #[arg(long, value_name = "N", default_value_t = 0.5, value_parser = rate)]
    pub rate_address: f64,

    /// New connections per second to one network, IPv4 /24 or IPv6 /48
    #[arg(long, value_name = "N", default_value_t = 4.0, value_parser = rate)]
    pub rate_network: f64,

    /// New connections per second to one provider: hosts below one registered name (example.co.uk)
    #[arg(long, value_name = "N", default_value_t = 8.0, value_parser = rate)]
    pub rate_provider: f64,
}

impl VisitOptions {
    /// The configuration that these options describe. `ipv6` says whether mail servers are visited over IPv6.
    ///
    /// # Errors
    /// Names the option or the file that cannot be used.
    pub fn config(&self, ipv6: Ipv6) -> Result<LookerConfig, UsageError> {
        let mut config = LookerConfig::new(self.ehlo.clone().unwrap_or_else(probe::default_ehlo));
        config.port = self.port;
        config.connect_port = self.connect_port;
        config.destinations = if self.allow_private { Destinations::Any } else { Destinations::PublicOnly };
        config.ipv6 = ipv6;
        config.smtp.reply = self.smtp_timeout;
        config.smtp.connect = config.smtp.connect.min(self.smtp_timeout);
        config.smtp.handshake = config.smtp.handshake.min(self.smtp_timeout);
        config.smtp.visit = self.smtp_timeout * 3;
        config.certificates = match self.certificates {
            Which::One => Certificates::One,
            Which::All => Certificates::All,
        };
        config.openssl = match &self.openssl {
            None => OpenSsl::System,
            Some(none) if none.as_os_str() == "none" => OpenSsl::Without,
            Some(directory) => OpenSsl::In(directory.clone()),
        };
        config.opt_out = Arc::new(self.left_alone()?);
        Ok(config)
    }

    fn left_alone(&self) -> Result<OptOut, UsageError> {
        self.opt_out.as_deref().map_or_else(|| Ok(OptOut::default()), opt_out)
    }
}

impl ProbeOptions {
    /// The configuration that these options describe; `returns` says what is done about servers that ask us to come back, if no option does.
    ///
    /// # Errors
    /// As [`VisitOptions::config`].
    fn config(&self, ipv6: Ipv6, returns: &Returns) -> Result<LookerConfig, UsageError> {
        let mut config = self.visit.config(ipv6)?;
        config.vantage.clone_from(&self.vantage);
        config.returns = Returns { times: self.retries.unwrap_or(returns.times), after: self.retry_after, ..returns.clone() };
        config.scope = match &self.chain {
            Some(path) => Scope::Presented(chain(path)?),
            None if self.dns_only => Scope::DnsOnly,
            None => Scope::Full,
        };
        config.depth = match self.depth {
            How::Chain => Depth::Chain,
            How::Tls => Depth::Tls,
            How::Full => Depth::Full,
        };
        if config.depth != Depth::Chain {
            config.domain_deadline += config.depth_limits.time;
        }
        config.pace = Pace {
            total_per_s: self.rate,
            address_per_s: self.rate_address,
            network_per_s: self.rate_network,
            provider_per_s: self.rate_provider,
            ..Pace::default()
        };
        Ok(config)
    }
}

/// The options of every verb that looks at domains.
#[derive(Clone, Debug, clap::Args)]
pub struct LookOptions {
    #[command(flatten)]
    probe: ProbeOptions,

    #[command(flatten)]
    resolver: ResolverOptions,
}

impl LookOptions {
    /// How names are resolved and servers visited. `at` is the time at which signatures are judged; `returns` says what is done about servers
    /// that ask us to come back, if no option does.
    ///
    /// # Errors
    /// Names the option or the file that cannot be used.
    pub fn configs(&self, at: Option<Epoch>, returns: &Returns) -> Result<(Config, LookerConfig), UsageError> {
        Ok((self.resolver.config(at)?, self.probe.config(self.resolver.mail_ipv6(), returns)?))
    }

    /// A looker for a person who waits, with what this verb wants otherwise: comes back to servers only if asked to, and then says so on
    /// stderr. Needs a runtime.
    ///
    /// # Errors
    /// As [`LookOptions::configs`], or if the configuration makes no sense.
    pub fn attended(&self, at: Option<Epoch>, change: impl FnOnce(&mut LookerConfig), runtime: &Runtime) -> Result<Looker, UsageError> {
        let (asked, mut visited) = self.configs(time::of_look(at), &Returns::NEVER)?;
        change(&mut visited);
        let looker = self.looker(asked, visited)?;
        let mut comebacks = looker.comebacks();
        runtime.spawn(async move {
            while let Ok(Comeback { host, address, why, after }) = comebacks.recv().await {
                let reason = match why {
                    Again::Asked => "asks us to come back later",
                    Again::Broken => "did not answer, or broke off",
                    Again::Doubt => "shows something wrong; that has to be seen twice",
                };
                anstream::eprintln!("danelaw: {host} [{address}] {reason}; visiting it again in {:.0} s", after.as_secs_f64());
            }
        });
        Ok(looker)
    }

    /// Who wants to be left alone, by the files as they are now.
    ///
    /// # Errors
    /// If they cannot be read, which must not be ignored.
    pub fn opt_out(&self) -> Result<OptOut, UsageError> {
        self.probe.visit.left_alone()
    }

    /// A resolver with this configuration.
    ///
    /// # Errors
    /// If nobody is left to ask.
    pub fn resolver(&self, asked: Config) -> Result<Resolver, UsageError> {
        self.resolver.with(asked)
    }

    /// A looker with these configurations.
    ///
    /// # Errors
    /// If they make no sense.
    pub fn looker(&self, asked: Config, visited: LookerConfig) -> Result<Looker, UsageError> {
        looker(self.resolver.with(asked)?, visited)
    }
}

/// A looker with this configuration, which asks this resolver.
///
/// # Errors
/// If the configuration makes no sense.
pub fn looker(resolver: Resolver, config: LookerConfig) -> Result<Looker, UsageError> {
    Looker::new(Arc::new(resolver), config).map_err(UsageError::new)
}

fn chain(path: &Path) -> Result<Vec<CertificateBytes>, UsageError> {
    dane::chain::read(&file::read(path)?).map_err(|error| UsageError(format!("--chain {}: {error}", path.display())))
}

/// An opt-out that cannot be read must not be ignored.
pub fn opt_out(path: &Path) -> Result<OptOut, UsageError> {
    OptOut::parse(&file::text("--opt-out", path)?).map_err(|error| UsageError(format!("--opt-out {}: {error}", path.display())))
}

fn reply_time(text: &str) -> Result<Duration, String> {
    time::seconds(text, 0.1..=600.0)
}

fn away_time(text: &str) -> Result<Duration, String> {
    time::seconds(text, 0.1..=900.0)
}

fn domain(text: &str) -> Result<Name, String> {
    parse_domain(text).map_err(|error| error.to_string())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "give a number, such as 0.5".to_owned())?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("give a number greater than zero".to_owned()) }
}
