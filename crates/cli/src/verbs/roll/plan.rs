//! `danelaw roll plan`: what will happen, in words and dates.

use super::LookOptions;
use crate::common::print;
use crate::exit::{Exit, UsageError};
use dane::date::utc;
use operate::roll::{Store, now, plan};
use present::Ink;
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
struct Step<'a> {
    kind: &'static str,
    service: &'a str,
    /// Not before, seconds since 1970.
    at: dane::Epoch,
    what: &'a str,
    /// Records to add and to remove, as zone-file data. Those of keys that are not made yet are left out.
    add: Vec<String>,
    remove: Vec<String>,
}

impl Plan {
    /// Does it.
    ///
    /// # Errors
    /// If the configuration or the state cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let config = self.look.config.read()?;
        let store = Store::look(&config.state);
        let runtime = super::runtime()?;
        let _inside = runtime.enter();
        let (world, style) = (self.look.world()?, self.look.colour.style());
        for service in &config.services {
            let planned = runtime.block_on(plan(service, &world, &store, now())).map_err(UsageError::new)?;
            let title = service.title();
            if !self.look.json {
                print::line(style.paint(Ink::Bold, &title));
            }
            // A stand-in has a record that nobody is to publish.
            let made = planned.iter().position(|step| step.what.starts_with("Make the next key")).unwrap_or(planned.len());
            for (number, step) in planned.iter().enumerate() {
                let texts = |set: &rollover::rrset::RrSet| match number < made {
                    true => set.records().iter().map(ToString::to_string).collect(),
                    false => vec![],
                };
                let step = Step {
                    kind: "roll-step",
                    service: &title,
                    at: step.at,
                    what: &step.what,
                    add: texts(&step.add),
                    remove: texts(&step.remove),
                };
                if self.look.json {
                    print::json(&step);
                } else {
                    tell(&step);
                }
            }
        }
        Ok(Exit::Good)
    }
}

fn tell(step: &Step<'_>) {
    print::hanging(2, format_args!("{}  {}", utc(step.at), step.what));
    for (sign, records) in [('+', &step.add), ('-', &step.remove)] {
        records.iter().for_each(|record| print::line(format_args!("      {sign} {record}")));
    }
}
