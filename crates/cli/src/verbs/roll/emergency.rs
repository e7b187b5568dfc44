//! `danelaw roll emergency`: somebody else may have the key.

use super::LookOptions;
use crate::common::print;
use crate::exit::{Exit, UsageError};
use dane::date::utc;
use operate::roll::{Store, emergency, now};
use rollover::machine::Urgency;
use serde_json::json;

/// Replaces a key that others may have. Without --haste it only says what that costs: how long mail waits, or how long the old key is good.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  # What would it cost?
  danelaw roll emergency --key 'mx1 ecdsa'

  # Without a failed delivery, as soon as that can be:
  danelaw roll emergency --key 'mx1 ecdsa' --haste safe
  danelaw roll run --once

EXIT CODES
  0  here it is, or: it is noted, and the next turn begins
  2  the configuration or the state cannot be used, or there is no such key
  3  not known, as no server can be seen")]
pub struct Emergency {
    /// Which key of the configuration
    #[arg(long, value_name = "NAME")]
    key: String,

    /// Begin: 'safe' as soon as no delivery fails by it, 'at-once' whoever fails until caches have forgotten the old records
    #[arg(long, value_name = "HOW", value_enum)]
    haste: Option<Haste>,

    #[command(flatten)]
    look: LookOptions,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Haste {
    Safe,
    AtOnce,
}

impl Emergency {
    /// Does it.
    ///
    /// # Errors
    /// If the configuration or the state cannot be used, or there is no such key.
    pub fn run(self) -> Result<Exit, UsageError> {
        let config = self.look.config.read()?;
        let service = super::service_of(&config, &self.key)?;
        let store = match self.haste {
            Some(_) => Store::open(&config.state).map_err(|e| UsageError(format!("{}: {e}", config.state.display())))?,
            None => Store::look(&config.state),
        };
        let runtime = super::runtime()?;
        let _inside = runtime.enter();
        let world = self.look.world()?;
        let haste = self.haste.map(|haste| match haste {
            Haste::Safe => Urgency::Safe,
            Haste::AtOnce => Urgency::AtOnce,
        });
        let cost = runtime.block_on(emergency(service, &self.key, haste, &world, &store, now())).map_err(UsageError::new)?;
        if self.look.json {
            let (known, why) = (cost.as_ref().ok(), cost.as_ref().err());
            print::json(&json!({
                "kind": "roll-emergency", "key": self.key, "begun": haste.is_some(), "words": known.map(|cost| &cost.words), "why": why,
                "safe_from": known.map(|cost| cost.safe_from), "failing_until": known.map(|cost| cost.failing_until),
            }));
        } else {
            match &cost {
                Ok(cost) => {
                    print::hanging(0, &cost.words);
                    print::hanging(0, format_args!("Without loss from {}.", utc(cost.safe_from)));
                }
                Err(why) => print::hanging(0, format_args!("What it costs is not known: {why}")),
            }
            if haste.is_some() {
                print::line("It is noted: the next turn of `danelaw roll run` begins.");
            }
        }
        Ok(if cost.is_ok() || haste.is_some() { Exit::Good } else { Exit::Unknown })
    }
}
