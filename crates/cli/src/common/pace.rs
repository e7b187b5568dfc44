//! The options of whoever asks many name servers.

use crate::exit::UsageError;
use resolve::{Config, Gate, Pace, Source};
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// How often name servers are asked, and from where.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Politeness towards name servers")]
pub struct PaceOptions {
    /// Queries per second, all together [default: no limit]
    #[arg(long, value_name = "N|none", value_parser = rate)]
    pub dns_rate: Option<f64>,

    /// Queries per second to one server address [default: 300; none on loopback]
    #[arg(long, value_name = "N|none", value_parser = rate)]
    pub dns_rate_server: Option<f64>,

    /// Queries per second to one operator: one network, IPv4 /24 or IPv6 /48 [default: 1000; none on loopback]
    #[arg(long, value_name = "N|none", value_parser = rate)]
    pub dns_rate_network: Option<f64>,

    /// Queries under way to one server address [default: 100; no limit on loopback]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub dns_open_server: Option<u32>,

    /// Send queries from this address
    #[arg(long, value_name = "IP")]
    pub source_address: Option<IpAddr>,

    /// Send queries from these ports, one drawn for each use [default: as the system chooses]
    #[arg(long, value_name = "FROM-TO", value_parser = ports)]
    pub source_ports: Option<RangeInclusive<u16>>,
}

impl PaceOptions {
    /// Changes a configuration accordingly. Limits that are given count on loopback, too.
    ///
    /// # Errors
    /// If the source cannot be used.
    pub fn apply(&self, config: &mut Config) -> Result<(), UsageError> {
        let polite = Pace::POLITE;
        config.gate = Gate::new(Pace {
            total_per_s: self.dns_rate.unwrap_or(polite.total_per_s),
            server_per_s: self.dns_rate_server.unwrap_or(polite.server_per_s),
            network_per_s: self.dns_rate_network.unwrap_or(polite.network_per_s),
            server_open: self.dns_open_server.map_or(polite.server_open, |n| usize::try_from(n).unwrap_or(usize::MAX)),
            loopback: self.dns_rate.or(self.dns_rate_server).or(self.dns_rate_network).is_some() || self.dns_open_server.is_some(),
        });
        config.source = Source { address: self.source_address, ports: self.source_ports.clone() };
        if let Some(address) = self.source_address
            && let Err(error) = std::net::UdpSocket::bind((address, 0))
        {
            return Err(UsageError(format!("--source-address {address}: {error}; give an address of this machine")));
        }
        Ok(())
    }
}

fn rate(text: &str) -> Result<f64, String> {
    if text == "none" {
        return Ok(f64::INFINITY);
    }
    text.parse().ok().filter(|rate| (0.001..=1e9).contains(rate)).ok_or_else(|| "give a number from 0.001 on, or 'none'".to_owned())
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let range = text.split_once('-').and_then(|(from, to)| Some(from.parse().ok()?..=to.parse().ok()?));
    let enough = |range: &RangeInclusive<u16>| *range.start() > 0 && range.clone().count() >= MIN_PORTS;
    range.filter(enough).ok_or_else(|| format!("give two port numbers at least {MIN_PORTS} apart, as in 20000-39999"))
}

/// Fewer ports make forged answers easy, and are soon all in use.
const MIN_PORTS: usize = 256;
