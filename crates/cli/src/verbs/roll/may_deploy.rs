//! `danelaw roll may-deploy`: what hooks of ACME clients ask.

use super::LookOptions;
use crate::common::{file, print};
use crate::exit::{Exit, UsageError};
use operate::roll::{Store, may_deploy, now};
use rollover::deploy::MayDeploy as Answer;
use rollover::key::Chain;
use serde_json::json;
use std::path::PathBuf;

/// Whether a new certificate may be deployed now: yes, not before a certain time, or not with this key.
///
/// For the deploy hook of certbot, acme.sh, lego or dehydrated: deploy only if it exits with 0.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw roll may-deploy --key 'mx1 ecdsa' fullchain.pem

  # In a deploy hook:
  danelaw roll may-deploy --key 'mx1 ecdsa' \\
    \"$RENEWED_LINEAGE\"/fullchain.pem || exit 1

EXIT CODES
  0  yes
  1  not now: not before the time it says, or with another key
  2  the configuration, the state or the certificate cannot be used
  3  a server cannot be seen, so nothing can be said")]
pub struct MayDeploy {
    /// The chain (PEM), the server's certificate first
    #[arg(value_name = "CHAIN")]
    chain: PathBuf,

    /// Which key of the configuration it is for
    #[arg(long, value_name = "NAME")]
    key: String,

    #[command(flatten)]
    look: LookOptions,
}

impl MayDeploy {
    /// Does it.
    ///
    /// # Errors
    /// If the configuration, the state or the chain cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let config = self.look.config.read()?;
        let named = |what: &dyn std::fmt::Display| UsageError(format!("{}: {what}", self.chain.display()));
        let certificates = dane::chain::read(&file::read(&self.chain)?).map_err(|e| named(&e))?;
        let chain = Chain::new(certificates).map_err(|e| named(&e))?;
        let service = super::service_of(&config, &self.key)?;
        let runtime = super::runtime()?;
        let _inside = runtime.enter();
        let (world, store) = (self.look.world()?, Store::look(&config.state));
        let answer = runtime.block_on(may_deploy(service, &self.key, &chain, &world, &store, now())).map_err(UsageError::new)?;
        let (word, why, exit) = match &answer {
            Answer::Yes => ("yes", None, Exit::Good),
            Answer::NotBefore(_, why) => ("not-before", Some(why), Exit::Bad),
            Answer::RenewWith(_, why) => ("renew-with", Some(why), Exit::Bad),
            Answer::No(why) => ("no", Some(why), if super::show::is_unseen(why.code) { Exit::Unknown } else { Exit::Bad }),
        };
        if self.look.json {
            print::json(&json!({ "kind": "roll-may-deploy", "key": self.key, "answer": word, "why": why }));
        } else {
            print::hanging(0, why.map_or_else(|| "yes".to_owned(), |why| format!("no: {why}")));
        }
        Ok(exit)
    }
}
