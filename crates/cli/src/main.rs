//! `danelaw`: measures, explains and tests DANE for SMTP.
//!
//! This file parses arguments and hands over to one module per verb in [`verbs`].

mod common;
mod exit;
mod verbs;

use clap::Parser;
use present::Nagios;
use std::process::ExitCode;

/// Measures, explains and tests DANE for SMTP: the protection of mail by TLSA records and DNSSEC.
#[derive(Parser)]
#[command(name = "danelaw", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "EXAMPLES
  # No network needed: a small Internet on this machine, and what is wrong
  # in it:
  danelaw demo --domains 200

  # Is the DANE of this domain right, and if not, what is to be typed?
  danelaw check example.com

  # The record to publish for a certificate:
  danelaw tlsa generate fullchain.pem --name mx.example.com

  'danelaw help VERB' has more for each verb.")]
struct Cli {
    #[command(subcommand)]
    verb: verbs::Verb,
}

fn main() -> ExitCode {
    // Known before the command line is, which may be wrong.
    let nagios = std::env::args_os().any(|argument| argument == "--nagios");
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if nagios && error.use_stderr() => return unknown(error.to_string().trim_start_matches("error: ")),
        // clap prints help and version to stdout with exit 0, usage errors to stderr with exit 2: the contract's own codes.
        Err(error) => error.exit(),
    };
    let result = cli.verb.run().and_then(|exit| match common::print::lost() {
        None => Ok(exit),
        Some(why) => Err(exit::UsageError(format!("cannot write to stdout: {why}; part of the output is lost"))),
    });
    result.unwrap_or_else(|error| {
        anstream::eprintln!("danelaw: {error}");
        if nagios { unknown(&error.to_string()) } else { exit::Exit::Usage.into() }
    })
}

/// To Nagios, 2 means CRITICAL: what cannot even be tried is UNKNOWN, with the reason on the one line of stdout that it shows.
fn unknown(why: &str) -> ExitCode {
    let reason: Vec<&str> = why.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    common::print::line(Nagios::Unknown.line(&reason.join(" ")));
    ExitCode::from(Nagios::Unknown.code())
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::{Command, CommandFactory};

    /// Every line of help that clap does not break itself fits a terminal of 80 columns.
    #[test]
    fn examples_fit_the_terminal() {
        fn look(command: &Command) {
            for line in command.get_after_help().map(ToString::to_string).unwrap_or_default().lines() {
                assert!(line.chars().count() <= 76, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
    }

    #[test]
    fn arguments_are_well_formed() {
        Cli::command().debug_assert();
    }
}
