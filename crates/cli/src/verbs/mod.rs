//! The verbs: one module each, with its arguments, its examples and its `run`.

mod analyse;
mod archive;
mod check;
mod demo;
mod dns;
mod export;
mod import;
mod lab;
mod rejudge;
mod report;
mod roll;
mod scan;
mod smtp;
mod testbed;
mod tlsa;

use crate::exit::UsageError;
use std::process::ExitCode;

/// What danelaw can do.
#[derive(clap::Subcommand)]
pub enum Verb {
    Demo(demo::Args),
    Check(Box<check::Args>),
    Scan(Box<scan::Args>),
    Report(report::Args),
    Analyse(analyse::Args),
    Import(import::Args),
    Export(export::Args),
    Archive(archive::Args),
    Rejudge(rejudge::Args),
    Dns(dns::Args),
    Tlsa(tlsa::Args),
    Smtp(smtp::Args),
    Testbed(testbed::Args),
    Roll(roll::Args),
    Lab(lab::Args),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// Only what the user can mend: arguments and input. Everything else is an exit code with findings printed.
    pub fn run(self) -> Result<ExitCode, UsageError> {
        let exit = match self {
            Verb::Check(args) => return args.run(),
            Verb::Demo(args) => args.run(),
            Verb::Scan(args) => args.run(),
            Verb::Report(args) => args.run(),
            Verb::Analyse(args) => args.run(),
            Verb::Import(args) => args.run(),
            Verb::Export(args) => args.run(),
            Verb::Archive(args) => args.run(),
            Verb::Rejudge(args) => args.run(),
            Verb::Dns(args) => args.run(),
            Verb::Tlsa(args) => args.run(),
            Verb::Smtp(args) => args.run(),
            Verb::Testbed(args) => args.run(),
            Verb::Roll(args) => args.run(),
            Verb::Lab(args) => args.run(),
        };
        exit.map(Into::into)
    }
}
