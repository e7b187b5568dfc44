//! `danelaw import`: other people's data into an archive of states.

mod aside;
mod dane_study;
mod files;
mod openintel;

use crate::exit::{Exit, UsageError};

/// Takes other people's data into an archive, as states.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    DaneStudy(dane_study::Args),
    #[command(name = "openintel")]
    OpenIntel(openintel::Args),
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// Files that cannot be read or hold nothing of their form, an archive that cannot be written.
    pub fn run(self) -> Result<Exit, UsageError> {
        match self.what {
            What::DaneStudy(args) => args.run(),
            What::OpenIntel(args) => args.run(),
        }
    }
}
