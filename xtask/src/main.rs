//! The project's own commands. Run them as `cargo xtask COMMAND` from anywhere in the workspace.

mod bench;
mod citations;
mod debian;
mod docs;
mod fuzz;
mod manual;
mod package;
mod psl;
mod rfc;
mod roots;
mod source;
mod steps;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
The project's own commands.

Usage: cargo xtask COMMAND

  test [--deep]              format, lints, tidy, rfc, all tests, documentation tests, conformance with real software
  tidy                       the gates on how the sources look
  rfc                        every MUST of the areas claimed as done is cited in code and in a test; writes docs/requirements.md
  docs [--check]             generate docs/ (command line, manual pages, scenarios, causes), or check that it is up to date
  packages                   fetch the Debian packages of the conformance tests below the target directory, and list them
  package [--binary FILE] [--out DIR]
                             build a Debian package: binary, manual pages, and the units of `danelaw roll`
  software                   let other people's mail and name servers do all that the lab has, and write docs/software.md (as root, half an hour)
  roots                      make the list of Mozilla's roots anew, from every release of certifi
  psl                        make the public suffix list anew, from the newest release of publicsuffixlist
  fuzz [TARGET] [--minutes N]  run one fuzz target, or all of them; without --minutes: one minute each
  bench build                measure a cold release build and the size of the binary
  bench history [--servers N] [--days N] [--domains N] [--keep DIR]
                             make archives of years: what they cost to make and on disk; --keep: leave them there for other measurements
  bench dns [--zones N] [--names N] [--in-flight N] [--no-unbound] [--write]
                             resolve and validate a namespace, beside unbound and the bare machine; --write: docs/performance.md
  bench smtp [--visits N] [--in-flight N] [--held N] [--no-peers] [--write]
                             visit a mail server, beside the bare parts of a visit and other people's tools
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let outcome = match command {
        "test" => test::run(rest),
        "tidy" => tidy::run(rest),
        "rfc" => rfc::run(rest),
        "docs" => docs::run(rest),
        "packages" => debian::run(rest),
        "package" => package::run(rest),
        "software" => test::software(rest),
        "psl" => psl::run(rest),
        "roots" => roots::run(rest),
        "fuzz" => fuzz::run(rest),
        "bench" => bench::run(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("no such command: {other}; see `cargo xtask help`")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
