//! `danelaw roll`: keys, certificates and TLSA records of your own mail servers, kept right through every renewal.

mod emergency;
mod init;
mod may_deploy;
mod plan;
mod run;
mod show;

use crate::common::colour::ColourOption;
use crate::common::probe::{VisitOptions, looker};
use crate::common::resolver::ResolverOptions;
use crate::exit::{Exit, UsageError};
use operate::roll::{Config, Service, World};
use probe::{Dns, Pace};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// Keeps keys, certificates and TLSA records right, so that no renewal breaks mail.
///
/// The next key always exists and its record is always published, so a renewal may come at any time. No step is taken without proof: that every
/// authoritative server has the records, that caches have forgotten the old ones, that every address shows the new chain.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Init(init::Init),
    Status(show::Status),
    Plan(plan::Plan),
    Run(Box<run::Run>),
    MayDeploy(Box<may_deploy::MayDeploy>),
    Emergency(Box<emergency::Emergency>),
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If an argument or the configuration cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        match self.what {
            What::Init(init) => init.run(),
            What::Status(status) => status.run(),
            What::Plan(plan) => plan.run(),
            What::Run(run) => run.run(),
            What::MayDeploy(may_deploy) => may_deploy.run(),
            What::Emergency(emergency) => emergency.run(),
        }
    }
}

/// Where lookers live.
fn runtime() -> Result<Runtime, UsageError> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(UsageError::new)
}

/// The service that a key belongs to.
fn service_of<'c>(config: &'c Config, key: &str) -> Result<&'c Service, UsageError> {
    let of = |service: &&Service| service.keys.iter().any(|known| known.name == key);
    config.services.iter().find(of).ok_or_else(|| {
        let known: Vec<&str> = config.services.iter().flat_map(|service| &service.keys).map(|key| key.name.as_str()).collect();
        UsageError(format!("--key {key}: no such key; there are: {}", known.join(", ")))
    })
}

/// Where everything is said.
#[derive(Clone, Debug, clap::Args)]
struct ConfigOption {
    /// What is to be kept right, and how
    #[arg(long, value_name = "FILE", default_value = "/etc/danelaw/roll.toml")]
    config: PathBuf,
}

impl ConfigOption {
    fn read(&self) -> Result<Config, UsageError> {
        Config::read(&self.config).map_err(|e| UsageError(format!("{e}; `danelaw roll init` writes such a file")))
    }
}

/// The options of verbs that look at the world.
#[derive(Clone, Debug, clap::Args)]
struct LookOptions {
    #[command(flatten)]
    config: ConfigOption,

    /// One JSON object per service
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    colour: ColourOption,

    #[command(flatten)]
    visit: VisitOptions,

    #[command(flatten)]
    resolver: ResolverOptions,
}

impl LookOptions {
    /// Who looks. The servers are our own, so they are visited without pauses.
    fn world(&self) -> Result<World, UsageError> {
        if self.resolver.upstream.is_some() {
            return Err(UsageError(
                "--upstream: no server can be asked alone behind a resolver, and each has to be; leave it away".to_owned(),
            ));
        }
        let make = |options: &Self| -> Result<(Arc<dyn Dns>, probe::Looker), UsageError> {
            let dns: Arc<dyn Dns> = Arc::new(options.resolver.resolver(None)?);
            let mut config = options.visit.config(options.resolver.mail_ipv6())?;
            config.pace = Pace { total_per_s: 50.0, address_per_s: 20.0, network_per_s: 50.0, provider_per_s: 50.0, ..Pace::default() };
            Ok((dns, looker(options.resolver.resolver(None)?, config)?))
        };
        make(self)?;
        let options = self.clone();
        Ok(World::new(move || make(&options).map_err(|error| std::io::Error::other(error.0))))
    }
}
