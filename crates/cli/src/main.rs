//! `danelaw`: measures, explains, tests and keeps DANE for SMTP.
//!
//! This file parses arguments and hands over to one module per verb in [`verbs`].

mod common;
mod exit;
mod verbs;

use clap::Parser;
use std::process::ExitCode;

/// Measures, explains, tests and keeps DANE for SMTP.
#[derive(Parser)]
#[command(name = "danelaw", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: verbs::Verb,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // clap prints help and version to stdout with exit 0, usage errors to stderr with exit 2: the contract's own codes.
        Err(error) => error.exit(),
    };
    match cli.verb.run() {
        Ok(exit) => exit.into(),
        Err(error) => {
            anstream::eprintln!("danelaw: {error}");
            exit::Exit::Usage.into()
        }
    }
}
