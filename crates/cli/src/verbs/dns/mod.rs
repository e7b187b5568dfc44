//! `danelaw dns`: questions to the DNS.

mod dry_run;
mod list;
mod record;
mod scan;
mod validate;
mod worker;

use crate::exit::{Exit, UsageError};

/// Looks names up in the DNS and says whether the answers are proven.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Validate(validate::Args),
    Scan(Box<scan::Args>),
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If an argument or a file it names cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        match self.what {
            What::Validate(validate) => validate.run(),
            What::Scan(scan) => scan.run(),
        }
    }
}
