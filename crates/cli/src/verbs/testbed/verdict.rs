//! `danelaw testbed verdict`: what is known of a sender.

use super::judge::{OperatorsOption, Terms, judge, of_token, wanted};
use super::state::Kept;
use crate::common::colour::ColourOption;
use crate::common::{print, time};
use crate::exit::{Exit, UsageError};
use dane::sender::{Class, Patience};
use lab::testbed::Testbed;
use std::path::PathBuf;

/// Says of a test what kind of sender it is, by the columns of the study's Table 3 and scenario by scenario.
///
/// A message that does not arrive is a rejection only once the sender has tried again, or was silent for four hours.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw testbed verdict abcdefgh2345 --state /var/lib/danelaw-testbed

  # Every cell with the events it rests on:
  danelaw testbed verdict abcdefgh2345 --state testbed --json | jq

EXIT CODES
  0  it validates DANE as RFC 7672 wants it
  1  it does not
  2  there is no such test bed or token
  3  not known yet")]
pub struct Verdict {
    /// The token, as `danelaw testbed token` printed it
    token: String,

    /// The test bed's directory
    #[arg(long, value_name = "DIR")]
    state: PathBuf,

    /// The moment as of which to judge [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    at: Option<i64>,

    #[command(flatten)]
    operators: OperatorsOption,

    /// One JSON object on one line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    colour: ColourOption,
}

impl Verdict {
    /// Does it.
    ///
    /// # Errors
    /// If there is no such test bed or token.
    pub fn run(self) -> Result<Exit, UsageError> {
        let (kept, operators) = (Kept::open(&self.state)?, self.operators.table()?);
        let testbed = Testbed::build(kept.config());
        let token = self.token.to_ascii_lowercase();
        if !testbed.issued(&token) {
            return Err(UsageError(format!("'{token}' is no token of this test bed; `danelaw testbed token` makes one")));
        }
        let (events, lost) = kept.events()?;
        if lost > 0 {
            anstream::eprintln!("danelaw: {lost} lines of events cannot be read and are left out");
        }
        let until = self.at.map_or_else(time::now_ms, |at| at * 1000);
        let config = kept.config();
        let played = testbed.played();
        let terms = Terms {
            zone: &config.zone,
            scenarios: &played,
            patience: Patience::INTERNET,
            operators: &operators,
            until_ms: u64::try_from(until).unwrap_or(0),
        };
        let judged = judge(&of_token(&events, &config.zone, &token), &token, &terms);
        if self.json {
            print::json(&judged);
        } else {
            print::text(present::sender(&token, &judged.profile, &judged.trials, &wanted(&played), &self.colour.style()));
        }
        Ok(match judged.profile.class {
            Class::Validates => Exit::Good,
            Class::CannotTellYet => Exit::Unknown,
            _ => Exit::Bad,
        })
    }
}
