//! `danelaw testbed`: does this sender really validate DANE?

mod doctor;
mod judge;
mod report;
mod run;
mod serve;
mod state;
mod verdict;
mod web;

use crate::common::print;
use crate::exit::{Exit, UsageError};
use std::path::PathBuf;

/// Tests mail senders: domains with known faults, and a record of what each sender does with them.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Serve(serve::Serve),
    Token(Token),
    Verdict(verdict::Verdict),
    Report(report::Report),
    Run(Box<run::Run>),
    Doctor(Box<doctor::Doctor>),
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If an argument, an address or the state directory cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        match self.what {
            What::Serve(serve) => serve.run(),
            What::Token(token) => token.run(),
            What::Verdict(verdict) => verdict.run(),
            What::Report(report) => report.run(),
            What::Run(run) => run.run(),
            What::Doctor(doctor) => doctor.run(),
        }
    }
}

/// Makes a token for one test of one sender, and lists whom to write to.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw testbed token --state /var/lib/danelaw-testbed

  # Only the addresses, for a mail program's To line:
  danelaw testbed token --state /var/lib/danelaw-testbed --json |
    jq -r .address

EXIT CODES
  0  here it is
  2  there is no test bed in that directory")]
struct Token {
    /// The test bed's directory
    #[arg(long, value_name = "DIR")]
    state: PathBuf,

    /// One JSON object per address
    #[arg(long)]
    json: bool,
}

impl Token {
    fn run(self) -> Result<Exit, UsageError> {
        let testbed = lab::testbed::Testbed::build(state::Kept::open(&self.state)?.config());
        let token = testbed.token();
        if !self.json {
            print::line(format_args!("Token: {token}\n\nWrite to each of these, one message each:\n"));
        }
        for (scenario, address) in testbed.recipients(&token) {
            if self.json {
                print::json(
                    &serde_json::json!({ "kind": "testbed-recipient", "token": token, "scenario": scenario.id, "address": address }),
                );
            } else {
                print::line(format_args!("  {address}"));
            }
        }
        Ok(Exit::Good)
    }
}
