//! `danelaw smtp`: what senders do, and what servers show.

mod policy;
mod probe;

use crate::exit::{Exit, UsageError};

/// Shows what a sender does about a domain, and what mail servers show to it.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Policy(policy::Args),
    Probe(Box<probe::Args>),
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If an argument or a file it names cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        match self.what {
            What::Policy(args) => args.run(),
            What::Probe(args) => args.run(),
        }
    }
}
