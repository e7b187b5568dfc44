//! What a run's records rest on.

use crate::common::time::now;
use dane::observation::{RunObservation, SCHEMA_VERSION, VantageObservation};
use data_encoding::HEXLOWER;
use probe::LookerConfig;
use resolve::{Config, Mode};

/// The metadata of a run that begins now; targets and vantage are still to be filled in.
#[must_use]
pub fn run(resolver: &Config, looker: &LookerConfig) -> RunObservation {
    RunObservation {
        schema: SCHEMA_VERSION,
        danelaw: env!("CARGO_PKG_VERSION").to_owned(),
        started: now(),
        finished: None,
        config_sha256: digest(resolver, looker),
        targets_sha256: String::new(),
        targets: 0,
        malformed: 0,
        shard: None,
        anchors: resolver.anchors.texts(),
        roots: roots(&resolver.mode),
        vantage: VantageObservation { name: looker.vantage.clone(), ..VantageObservation::default() },
    }
}

fn roots(mode: &Mode) -> Vec<String> {
    match mode {
        Mode::Upstream(server) => vec![format!("upstream {server}")],
        Mode::Iterative { roots } => {
            let addresses = |list: &[std::net::IpAddr]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            roots.iter().map(|(name, list)| format!("{} {}", name.fmt_with_dot(), addresses(list))).collect()
        }
    }
}

/// SHA-256 over everything that decides what is looked at and how; not over who is left alone, nor over what the vantage point is called
/// here and in EHLO: the machines that share a survey differ in that.
fn digest(resolver: &Config, looker: &LookerConfig) -> String {
    let text = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} | {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        resolver.mode,
        resolver.anchors.texts(),
        resolver.policy,
        resolver.dns_port,
        resolver.timeouts,
        resolver.attempts,
        resolver.budgets,
        resolver.ipv6,
        looker.port,
        looker.connect_port,
        looker.depth,
        looker.destinations,
        looker.ipv6,
        looker.smtp,
        looker.pace,
        looker.hosts_per_domain,
        looker.addresses_per_host,
        looker.domain_deadline,
    );
    HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref())
}
