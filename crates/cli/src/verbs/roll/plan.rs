//! `danelaw roll plan`: what will happen, in words and dates.

use super::LookOptions;
use crate::common::{print, time};
use crate::exit::{Exit, UsageError};
use dane::date::utc;
use operate::roll::{Mode, Service, Store, Turn, now};
use present::Ink;
use rollover::machine::Lane;
use serde::Serialize;

/// Explains what will happen to each key, and when at the earliest. Changes nothing.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw roll plan

EXIT CODES
  0  here it is
  2  the configuration or the state cannot be used")]
pub struct Plan {
    #[command(flatten)]
    look: LookOptions,
}

/// The contract of `--json`: one step.
#[derive(Serialize)]
struct Step {
    kind: &'static str,
    key: String,
    /// Not before, seconds since 1970.
    at: dane::Epoch,
    what: String,
}

impl Plan {
    /// Does it.
    ///
    /// # Errors
    /// If the configuration or the state cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let config = self.look.config.read()?;
        let store = Store::look(&config.state);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(UsageError::new)?;
        let _inside = runtime.enter();
        let (world, style) = (self.look.world()?, self.look.colour.style());
        for service in &config.services {
            let turn = runtime.block_on(Turn::take(&config, service, &world, &store, Mode::Dry, now())).map_err(UsageError::new)?;
            if !self.look.json {
                print::line(style.paint(Ink::Bold, service.title()));
            }
            for lane in &turn.lanes {
                for step in steps(service, lane, turn.settle_s, time::now_ms() / 1000) {
                    if self.look.json {
                        print::json(&step);
                    } else {
                        print::hanging(2, format_args!("{}  {}: {}", utc(step.at), step.key, step.what));
                    }
                }
            }
        }
        Ok(Exit::Good)
    }
}

/// The rest of this life and the whole of the next, each step at its earliest.
fn steps(service: &Service, lane: &Lane, settle_s: i64, now: dane::Epoch) -> Vec<Step> {
    let settle = settle_s.max(2 * i64::from(service.ttl));
    let retire = settle.max(i64::from(service.tickets));
    let step = |at: dane::Epoch, what: &str| Step { kind: "roll-step", key: lane.name.clone(), at, what: what.to_owned() };
    let all = [
        ("preparing", 0, "the next key is made"),
        ("publishing", 0, "its record is published beside the current one's, and seen at every authoritative server"),
        ("settling", settle, "every cache has the new records: a certificate for the next key may be deployed from now on"),
        ("switching", 0, "the next key is due: its certificate is installed, and seen at every address"),
        ("retiring", retire, "nobody can need the old key's record any more: it is withdrawn, and gone from every server"),
        ("preparing", 0, "the key after that is made"),
        ("publishing", 0, "its record is published"),
        ("settling", settle, "all is ready again"),
    ];
    let word = lane.phase.word();
    let word = match word {
        "ready" => "switching",
        "withdrawing" => "retiring",
        other => other,
    };
    let first = all.iter().position(|(phase, ..)| *phase == word).unwrap_or(0);
    let (mut at, mut out) = (now, Vec::new());
    for (phase, wait, what) in &all[first..] {
        at += wait;
        if *phase == "switching" {
            at = at.max(lane.due);
        }
        out.push(step(at, what));
    }
    out
}
