//! What a run's records rest on.

use crate::common::fingerprint::fingerprint;
use crate::common::time::now;
use dane::observation::{RunObservation, SCHEMA_VERSION, VantageObservation};
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
        config_sha256: fingerprint(resolver, looker),
        targets_sha256: String::new(),
        targets: 0,
        malformed: 0,
        shard: None,
        anchors: resolver.anchors.texts(),
        roots: roots(&resolver.mode),
        public_suffixes: Some(dane::suffix::version().to_owned()),
        round: None,
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
