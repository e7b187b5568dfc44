//! `danelaw`: measures, explains and tests DANE for SMTP.
//!
//! This file parses arguments and hands over to one module per verb in [`verbs`].

mod common;
mod exit;
mod verbs;

use clap::Parser;
use clap::error::ErrorKind;
use present::Nagios;
use std::process::ExitCode;

/// Measures, explains, tests and keeps DANE for SMTP: the protection of mail by TLSA records and DNSSEC.
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

/// A survey allocates and frees small pieces all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Not so much an error as a question.
const MISSING_VERB: ErrorKind = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;

fn main() -> ExitCode {
    // Known before the command line is, which may be wrong.
    let nagios = std::env::args_os().any(|argument| argument == "--nagios");
    let parsed = Cli::try_parse().map_err(|error| match error.use_stderr() && error.kind() != MISSING_VERB {
        true => exit::UsageError(in_one_line(&error.to_string())),
        // Help and version, to stdout with exit 0; and help where no verb was given.
        false => error.exit(),
    });
    let result = parsed.and_then(|cli| cli.verb.run()).and_then(|exit| match common::print::lost() {
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
    common::print::line(Nagios::Unknown.line(why));
    ExitCode::from(Nagios::Unknown.code())
}

/// What clap says in several paragraphs: what is wrong, its hints, and where to read on.
fn in_one_line(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let telling = paragraphs.filter(|part| !part.is_empty() && !part.starts_with("Usage:") && !part.starts_with("For more information"));
    let line = telling.collect::<Vec<_>>().join("; ");
    format!("{}; --help tells more", line.trim_start_matches("error: ").trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::{Cli, in_one_line};
    use clap::{Command, CommandFactory};

    #[test]
    fn a_usage_error_is_one_line() {
        let text = "error: the following required arguments were not provided:\n  <--archive <DIR>|--out <FILE>>\n\n  tip: a hint\n\n\
                    Usage: danelaw scan\n\nFor more information, try '--help'.\n";
        let expected = "the following required arguments were not provided: <--archive <DIR>|--out <FILE>>; tip: a hint; --help tells more";
        assert_eq!(in_one_line(text), expected);
    }

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
