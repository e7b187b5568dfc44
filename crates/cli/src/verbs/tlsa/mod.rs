//! `danelaw tlsa`: records from certificates, and certificates against records.

mod generate;
mod verify;

use crate::exit::{Exit, UsageError};

/// Makes TLSA records from certificates and keys, and checks a certificate chain against TLSA records.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Generate(Box<generate::Generate>),
    Verify(verify::Verify),
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If an argument or a file it names cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        match self.what {
            What::Generate(generate) => generate.run(),
            What::Verify(verify) => verify.run(),
        }
    }
}
