//! `danelaw testbed serve`: the zone's name servers and its mail servers, in one process.

use super::judge::OperatorsOption;
use super::state::{Export, Kept, Start};
use super::web::{Pages, Recent};
use crate::common::print;
use crate::exit::{Exit, UsageError};
use crate::verbs::lab::until_told;
use dane::name::Name;
use lab::testbed::Testbed;
use probe::web::Web;
use serde::Serialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Serves a zone with every scenario below it, and its mail servers, and writes down what senders do.
///
/// Each scenario is a domain TOKEN.SCENARIO.ZONE, DNSSEC signed with TTL 1 s; mail is accepted, recorded in size and header lines only, thrown
/// away, and never relayed. Keep the directory: a new one has new keys, and the DS record changes.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  # Prints the records for the registrar and serves until Ctrl-C:
  danelaw testbed serve --zone dane-test.example \\
    --address 192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4 \\
    --state /var/lib/danelaw-testbed

  # On one machine, with a root of its own; hints and anchor are printed:
  danelaw testbed serve --zone dane-test.lab --state testbed \\
    --address 127.57.0.1,127.57.0.2 --root 127.57.0.53 \\
    --dns-port 5357 --smtp-port 2557

  # With pages on which people begin a test and follow it:
  danelaw testbed serve --zone dane-test.example --address 192.0.2.1 \\
    --state /var/lib/danelaw-testbed --web 127.0.0.1:8080

EXIT CODES
  0  it ran until it was told to stop
  2  a port is in use, or the directory cannot be used")]
pub struct Serve {
    /// The zone: a domain of yours that is delegated to these addresses
    #[arg(long, value_name = "NAME", value_parser = zone)]
    zone: Name,

    /// Addresses of this machine, comma-separated: for names and mail alike. One is enough for most scenarios, four for all
    #[arg(long, value_name = "IP", value_delimiter = ',', required = true)]
    address: Vec<Ipv4Addr>,

    /// Keys and events are kept here
    #[arg(long, value_name = "DIR")]
    state: PathBuf,

    /// Serve a root zone that delegates the zone, at this address: for tests that reach nothing else
    #[arg(long, value_name = "IP")]
    root: Option<Ipv4Addr>,

    /// UDP and TCP port of the name servers
    #[arg(long, value_name = "N", default_value_t = 53, value_parser = clap::value_parser!(u16).range(1..))]
    dns_port: u16,

    /// TCP port of the mail servers
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    smtp_port: u16,

    /// Serve pages over HTTP on which people begin a test and follow it; put a proxy with TLS in front
    #[arg(long, value_name = "ADDR:PORT")]
    web: Option<SocketAddr>,

    #[command(flatten)]
    operators: OperatorsOption,

    /// Stop after so many seconds
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,

    /// One JSON object on one line as soon as it is up
    #[arg(long)]
    json: bool,
}

/// Reads the name of a zone that leaves room below it.
pub fn zone(text: &str) -> Result<Name, String> {
    let name = Name::from_chars(format!("{}.", text.trim_end_matches('.').to_ascii_lowercase()).chars()).map_err(|e| format!("{e}"))?;
    match name.len() {
        ..=2 => Err("give a domain, such as dane-test.example".to_owned()),
        // Token, scenario, `_25._tcp.mx1` and their like need the rest of 255 octets.
        3..=100 => Ok(name),
        long => Err(format!("{long} octets are too many; 100 leave room for the names below")),
    }
}

impl Serve {
    /// Does it.
    ///
    /// # Errors
    /// If a port is in use or the directory cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let operators = self.operators.table()?;
        let Self { zone, address, root, dns_port, smtp_port, .. } = self;
        let kept = Kept::start(&self.state, Start { zone, addresses: address, root, dns_port, smtp_port })?;
        let zone = kept.config().zone;
        let mut sink = kept.sink()?;
        let mut pages = None;
        if self.web.is_some() {
            let recent = Arc::new(Recent::new(zone.clone(), sink, kept.events()?.0));
            pages = Some(Pages::new(zone, Testbed::build(kept.config()), Arc::clone(&recent), operators));
            sink = recent;
        }
        let testbed = Testbed::start(kept.config(), sink).map_err(UsageError::new)?;
        let export = kept.export(&testbed)?;
        if self.json {
            print::json(&Up::new(&testbed, export));
        } else {
            announce(&testbed, &export, &self.state.display().to_string());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UsageError::new)?;
        runtime.block_on(async {
            if let (Some(at), Some(pages)) = (self.web, pages) {
                let failed = |e| UsageError(format!("--web {at}: {e}; name a free address and port of this machine"));
                let web = Web::bind(at, pages).await.map_err(failed)?;
                anstream::eprintln!("danelaw: tests begin at http://{}/", web.address().map_err(failed)?);
                tokio::spawn(web.serve());
            }
            until_told(self.duration.map(Duration::from_secs)).await
        })?;
        Ok(Exit::Good)
    }
}

/// The contract of `--json`: what it serves.
#[derive(Serialize)]
struct Up {
    kind: &'static str,
    /// For the parent zone.
    delegation: Vec<String>,
    /// Scenarios that are played.
    scenarios: Vec<&'static str>,
    /// Scenarios that are not, and why.
    left_out: Vec<lab::testbed::Left>,
    #[serde(flatten)]
    files: Export,
}

impl Up {
    fn new(testbed: &Testbed, files: Export) -> Self {
        Self {
            kind: "testbed-serve",
            delegation: testbed.delegation(),
            scenarios: testbed.played().iter().map(|s| s.id).collect(),
            left_out: testbed.left_out(),
            files,
        }
    }
}

fn announce(testbed: &Testbed, files: &Export, state: &str) {
    let danelaw = crate::common::program::program();
    print::line(format_args!("The test bed is up: {} scenarios. Ctrl-C ends it.\n", testbed.played().len()));
    print::line("For the parent zone, at your registrar:");
    for record in testbed.delegation() {
        print::line(format_args!("  {record}"));
    }
    if let Some(hints) = &files.root_hints {
        print::line(format_args!("\nHints of its own root: {}\nTrust anchor: {}", hints.display(), files.anchor.display()));
    }
    let left = testbed.left_out();
    if !left.is_empty() {
        let names: Vec<String> = left.iter().map(|l| format!("{} ({})", l.scenario, l.why.words())).collect();
        print::line("");
        print::hanging(0, format_args!("Left out: {}", names.join(", ")));
    }
    print::line(format_args!(
        "\nA test: {danelaw} testbed token --state {state}\nIts result: {danelaw} testbed verdict TOKEN --state {state}"
    ));
}
