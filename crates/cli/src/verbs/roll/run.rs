//! `danelaw roll run`: does what is to be done.

use super::LookOptions;
use super::show::{self, Row};
use crate::common::print;
use crate::exit::{Exit, UsageError};
use crate::verbs::lab::until_told;
use operate::roll::{Config, Deed, Mode, Store, Turn, World, now};
use std::time::Duration;

/// Looks, and does what can be proven to be safe: makes keys, publishes and withdraws records, installs certificates.
///
/// Everything may be interrupted at any moment and is gone on with by the next run. With `--once` it ends after one turn, for a timer; a turn
/// in which nothing is to be done changes nothing.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  # One turn, for a timer; first without doing anything:
  danelaw roll run --once --dry-run
  danelaw roll run --once

  # As a service, a turn every five minutes:
  danelaw roll run --every 300

EXIT CODES
  0  everything is done that could be done
  1  something was tried and failed; what was there before is there
  2  the configuration or the state cannot be used; nothing was done
  3  for something there is no proof because a server cannot be seen")]
pub struct Run {
    /// End after one turn
    #[arg(long)]
    once: bool,

    /// Seconds between turns
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400), conflicts_with = "once")]
    every: u64,

    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    look: LookOptions,
}

impl Run {
    /// Does it.
    ///
    /// # Errors
    /// If the configuration or the state cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let config = self.look.config.read()?;
        let mode = if self.dry_run { Mode::Dry } else { Mode::Real };
        let store = match mode {
            Mode::Real => Store::open(&config.state).map_err(|e| UsageError(format!("{}: {e}", config.state.display())))?,
            Mode::Dry => Store::look(&config.state),
        };
        let runtime = super::runtime()?;
        let _inside = runtime.enter();
        let world = self.look.world()?;
        loop {
            let exit = runtime.block_on(self.turns(&config, &world, &store, mode))?;
            if self.once || self.dry_run {
                return Ok(exit);
            }
            if runtime.block_on(async { told_within(Duration::from_secs(self.every)).await })? {
                return Ok(exit);
            }
        }
    }

    async fn turns(&self, config: &Config, world: &World, store: &Store, mode: Mode) -> Result<Exit, UsageError> {
        let (mut exit, style) = (Exit::Good, self.look.colour.style());
        for service in &config.services {
            let turn = Turn::take(config, service, world, store, mode, now()).await.map_err(UsageError::new)?;
            exit = exit.worst(verdict(&turn));
            let row = Row::new(service, &turn);
            if self.look.json {
                print::json(&row);
            } else {
                print::text(show::text(&row, &style));
            }
        }
        Ok(exit)
    }
}

/// Whether somebody asked us to end before the time was over.
async fn told_within(limit: Duration) -> Result<bool, UsageError> {
    let begun = std::time::Instant::now();
    until_told(Some(limit)).await?;
    Ok(begun.elapsed() < limit)
}

fn verdict(turn: &Turn) -> Exit {
    let failed = turn.deeds.iter().any(|deed| matches!(deed, Deed::Failed(_)));
    let unseen = turn.whys.iter().any(|(_, why)| show::is_unseen(why.code));
    match () {
        () if failed => Exit::Bad,
        () if unseen => Exit::Unknown,
        () => Exit::Good,
    }
}
