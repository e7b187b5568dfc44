//! `danelaw`: measures, explains and tests DANE for SMTP.
//!
//! This file parses arguments and hands over to one module per verb in [`verbs`].

mod common;
mod exit;
mod verbs;

use clap::Parser;
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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // clap prints help and version to stdout with exit 0, usage errors to stderr with exit 2: the contract's own codes.
        Err(error) if error.use_stderr() && std::env::args_os().any(|argument| argument == "--nagios") => {
            // A plugin that cannot be started is UNKNOWN, and says so on stdout. (Nagios plugin guidelines)
            let text = error.to_string();
            let line = text.lines().next().unwrap_or("the arguments cannot be used");
            common::print::line(format!("DANE UNKNOWN - {}", line.trim_start_matches("error: ")));
            return exit::Exit::Unknown.into();
        }
        Err(error) => error.exit(),
    };
    let result = cli.verb.run().and_then(|exit| match common::print::lost() {
        None => Ok(exit),
        Some(why) => Err(exit::UsageError(format!("cannot write to stdout: {why}; part of the output is lost"))),
    });
    result.map_or_else(
        |error| {
            anstream::eprintln!("danelaw: {error}");
            exit::Exit::Usage.into()
        },
        Into::into,
    )
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
