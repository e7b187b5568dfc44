//! The options of what is looked at besides DANE.

use probe::{LookerConfig, Policies};

/// Which policies are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Choice {
    /// None
    None,
    /// The records that announce MTA-STS and TLS reporting: two questions to the DNS for each domain
    Records,
    /// These, the MTA-STS policy by HTTPS, and CAA of every MX host
    All,
}

/// Policies besides DANE: MTA-STS, TLS reporting, CAA.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Policies besides DANE")]
pub struct PolicyOptions {
    /// What is looked at of MTA-STS, TLS reporting and CAA [default: check all, scan records]
    #[arg(long, value_enum, value_name = "WHICH")]
    policies: Option<Choice>,

    /// Fetch MTA-STS policies from this port instead: for a lab on unprivileged ports
    #[arg(long, value_name = "N", default_value_t = 443, value_parser = clap::value_parser!(u16).range(1..))]
    https_port: u16,
}

impl PolicyOptions {
    /// Writes the choice, or else `default`, into a configuration.
    pub fn apply(&self, config: &mut LookerConfig, default: Policies) {
        config.https_port = self.https_port;
        config.policies = self.policies.map_or(default, |choice| match choice {
            Choice::None => Policies::Skip,
            Choice::Records => Policies::Records,
            Choice::All => Policies::All,
        });
    }
}
