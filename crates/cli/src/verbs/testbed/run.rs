//! `danelaw testbed run`: a suite for the pipeline of a mail server's makers.

use super::judge::{Judged, Terms, judge, of_token, wanted};
use super::serve::zone;
use super::state::{Kept, Start};
use crate::common::colour::ColourOption;
use crate::common::{print, time};
use crate::exit::{Exit, UsageError};
use dane::name::Name;
use dane::sender::{Operators, Patience, Place, Ruling};
use lab::testbed::Testbed;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Runs a command that sends one message to each scenario, waits for what becomes of them, and says what was wrong.
///
/// Names and mail are served on loopback, with a root zone of their own: point a validating resolver at it, and the sender at that. The command
/// finds in its environment: DANELAW_RECIPIENTS (a file, one address a line), DANELAW_MESSAGES (a file: envelope sender and recipient, one message
/// a line; a message that comes back to that sender was returned, where RFC 7672 wants it tried again), DANELAW_ROOT_HINTS and DANELAW_ANCHOR (files for the resolver),
/// DANELAW_CA (a file for trust stores), DANELAW_ROOT (address of the root server), DANELAW_ZONE, DANELAW_DNS_PORT, DANELAW_SMTP_PORT.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  # As root: everything at its usual port.
  danelaw testbed run -- ./send-to-all.sh

  # Only what RFC 7672 asks of broken records, and longer:
  danelaw testbed run --only tlsa-wrong-data,starttls-refused \\
    --wait 120 -- ./send-to-all.sh

EXIT CODES
  0  everything was as RFC 7672 wants it
  1  something was not; it is listed
  2  the command or an argument cannot be used
  3  not known: for some scenarios nothing was sent")]
pub struct Run {
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,

    /// The zone
    #[arg(long, value_name = "NAME", value_parser = zone, default_value = "dane-test.lab")]
    zone: Name,

    /// Addresses for names and mail
    #[arg(long, value_name = "IP", value_delimiter = ',', default_value = "127.57.0.1,127.57.0.2,127.57.0.3,127.57.0.4")]
    address: Vec<Ipv4Addr>,

    /// Address of the root server
    #[arg(long, value_name = "IP", default_value = "127.57.0.53")]
    root: Ipv4Addr,

    /// UDP and TCP port of the name servers
    #[arg(long, value_name = "N", default_value_t = 53, value_parser = clap::value_parser!(u16).range(1..))]
    dns_port: u16,

    /// TCP port of the mail servers
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    smtp_port: u16,

    /// Wait so many seconds after the command has ended, for messages that are still queued
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,

    /// Only these scenarios (and `valid`)
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,

    /// Keep files and events here [default: a directory below the system's for temporary files]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// One JSON object on one line
    #[arg(long)]
    json: bool,

    /// Write the results as JUnit XML, for build servers
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    #[command(flatten)]
    colour: ColourOption,
}

impl Run {
    /// Does it.
    ///
    /// # Errors
    /// If the command or an argument cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let dir = self.state.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("danelaw-testbed-{}", std::process::id())));
        let start = Start {
            zone: self.zone.clone(),
            addresses: self.address.clone(),
            root: Some(self.root),
            dns_port: self.dns_port,
            smtp_port: self.smtp_port,
        };
        let kept = Kept::start(&dir, start)?;
        let testbed = Testbed::start(kept.config(), kept.sink()?).map_err(UsageError::new)?;
        let token = testbed.token();
        let scenarios = self.scenarios(&testbed)?;
        self.send(&testbed, &kept, &token, &scenarios)?;
        std::thread::sleep(Duration::from_secs(self.wait));
        drop(testbed);
        let (events, _) = kept.events()?;
        // Whoever sends from here has been given all the time there is.
        let patience = Patience { silence_ms: 0, ..Patience::INTERNET };
        let until = u64::try_from(time::now_ms()).unwrap_or(0);
        let terms = Terms { zone: &self.zone, scenarios: &scenarios, patience, operators: &Operators::default(), until_ms: until };
        let judged = judge(&of_token(&events, &self.zone, &token), &token, &terms);
        self.tell(&judged, &scenarios)
    }

    fn scenarios(&self, testbed: &Testbed) -> Result<Vec<&'static scenario::Scenario>, UsageError> {
        let played = testbed.played();
        if let Some(unknown) = self.only.iter().find(|id| !played.iter().any(|s| s.id == **id)) {
            return Err(UsageError(format!("--only {unknown}: no such scenario is played here; `danelaw lab scenarios` lists all")));
        }
        let wanted = |s: &&scenario::Scenario| self.only.is_empty() || s.id == "valid" || self.only.iter().any(|id| id == s.id);
        Ok(played.into_iter().filter(wanted).collect())
    }

    fn send(&self, testbed: &Testbed, kept: &Kept, token: &str, scenarios: &[&'static scenario::Scenario]) -> Result<(), UsageError> {
        let files = kept.export(testbed)?;
        let mine = |s: &scenario::Scenario| scenarios.iter().any(|other| other.id == s.id);
        let chosen: Vec<_> = testbed.recipients(token).into_iter().filter(|(s, _)| mine(s)).collect();
        let recipients: String = chosen.iter().map(|(_, address)| format!("{address}\n")).collect();
        let returns = |s: &scenario::Scenario| Place { token: token.to_owned(), scenario: s.id.to_owned() }.bounces(&self.zone);
        let messages: String = chosen.iter().map(|(s, address)| format!("{} {address}\n", returns(s))).collect();
        let [program, arguments @ ..] = self.command.as_slice() else { return Err(UsageError("give a command after --".to_owned())) };
        let status = Command::new(program)
            .args(arguments)
            .env("DANELAW_RECIPIENTS", kept.write("recipients", &recipients)?)
            .env("DANELAW_MESSAGES", kept.write("messages", &messages)?)
            .env("DANELAW_ROOT_HINTS", files.root_hints.unwrap_or_default())
            .env("DANELAW_ANCHOR", files.anchor)
            .env("DANELAW_CA", files.ca)
            .env("DANELAW_ROOT", self.root.to_string())
            .env("DANELAW_ZONE", self.zone.to_string())
            .env("DANELAW_DNS_PORT", self.dns_port.to_string())
            .env("DANELAW_SMTP_PORT", self.smtp_port.to_string())
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(UsageError(format!("the command failed ({status}), so nothing can be said of the sender: {program}"))),
            Err(error) => Err(UsageError(format!("the command cannot be run: {program}: {error}"))),
        }
    }

    fn tell(&self, judged: &Judged, scenarios: &[&'static scenario::Scenario]) -> Result<Exit, UsageError> {
        if let Some(path) = &self.junit {
            let text = present::sender_junit(&judged.trials, &wanted(scenarios));
            fs::write(path, text).map_err(|e| UsageError(format!("{}: {e}", path.display())))?;
        }
        if self.json {
            print::json(judged);
        } else {
            print::text(present::sender(&judged.token, &judged.profile, &judged.trials, &wanted(scenarios), &self.colour.style()));
        }
        let any = |what: &[Ruling]| judged.trials.iter().any(|t| what.contains(&t.ruling));
        Ok(match () {
            () if any(&[Ruling::TooLax, Ruling::TooStrict]) => Exit::Bad,
            () if any(&[Ruling::CannotTellYet]) => Exit::Unknown,
            () => Exit::Good,
        })
    }
}
