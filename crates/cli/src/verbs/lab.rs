//! `danelaw lab`: a small Internet on loopback.

mod history;

use crate::common::program::program;
use crate::common::{print, time};
use crate::exit::{Exit, UsageError};
use ::lab::{Adversity, Content, Lab, LabConfig};
use resolve::Epoch;
use scenario::Scenario;
use serde::Serialize;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Serves a small Internet with known faults on 127.0.0.0/8, exports it, and makes up years of mail servers.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Serve(Serve),
    Export(Export),
    Scenarios(Scenarios),
    History(history::Args),
}

/// What a lab is made from.
#[derive(clap::Args)]
struct Options {
    /// How many mail domains: one per scenario first, then a population with shares like those the studies found
    #[arg(long, value_name = "N", default_value_t = 2000)]
    domains: usize,

    /// Only one domain per scenario, no population
    #[arg(long, conflicts_with = "domains")]
    catalogue_only: bool,

    /// What names, keys and faults come from: the same number makes the same lab
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// UDP and TCP port of all name servers
    #[arg(long, value_name = "N", default_value_t = 5300, value_parser = clap::value_parser!(u16).range(1..))]
    dns_port: u16,

    /// TCP port of all mail servers, and of the hosts of MTA-STS policies
    #[arg(long, value_name = "N", default_value_t = 2525, value_parser = clap::value_parser!(u16).range(1..))]
    smtp_port: u16,

    /// The time around which signatures and certificates are valid [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    at: Option<Epoch>,
}

/// Builds the lab and keeps it up until Ctrl-C, SIGTERM or the end of --duration.
///
/// A signed root, the top-level domains com, net, org, nl and se, name-server operators, mail providers and mail domains, each with an
/// SMTP server behind it, for an ordinary user on unprivileged ports. Nothing leaves the machine.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  # 2,000 domains; prints how to point check and scan at them:
  danelaw lab serve

  # One domain per scenario: valid.nl, ds-missing.nl, …:
  danelaw lab serve --catalogue-only

  # Leave hints, anchor, list of domains and truth in lab/:
  danelaw lab serve --export lab --duration 600

  # A second lab beside the first:
  danelaw lab serve --dns-port 5301 --smtp-port 2526

  # On a bad day: a tenth of all datagrams lost, everything far away, the
  # second root server down:
  danelaw lab serve --loss 10 --latency 200 --dead 127.53.0.2

  # For programs: one object once it is up, with the options to use:
  danelaw lab serve --json

EXIT CODES
  0  it ran until it was told to stop
  2  a port is in use, or a directory cannot be written")]
struct Serve {
    #[command(flatten)]
    options: Options,

    /// Write hints, anchors, the list of domains and the truth here [default: a directory below the system's for temporary files]
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,

    /// Stop after so many seconds
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,

    /// One JSON object on one line as soon as it is up
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    adversity: Weather,
}

/// How badly network and name servers do.
#[derive(clap::Args)]
#[command(next_help_heading = "Bad weather")]
struct Weather {
    /// Datagrams lost, per cent, in each direction
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share, hide_default_value = true)]
    loss: f64,

    /// Milliseconds from each question to its answer
    #[arg(long, value_name = "MS", default_value_t = 0, hide_default_value = true)]
    latency: u64,

    /// Answers over UDP that are truncated, per cent
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share, hide_default_value = true)]
    truncated: f64,

    /// Questions answered with SERVFAIL, per cent
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share, hide_default_value = true)]
    servfail: f64,

    /// Questions answered with REFUSED, per cent
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share, hide_default_value = true)]
    refused: f64,

    /// Name servers that say nothing
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    dead: Vec<Ipv4Addr>,

    /// Name servers that refuse everything
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    lame: Vec<Ipv4Addr>,

    /// Name servers that say nothing over UDP
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    tcp_only: Vec<Ipv4Addr>,
}

/// A percentage as a share of one.
fn share(text: &str) -> Result<f64, String> {
    let percent = text.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.map(|percent| percent / 100.0).ok_or_else(|| "give a number from 0 to 100".to_owned())
}

impl Weather {
    fn adversity(&self, seed: u64) -> Adversity {
        Adversity {
            seed,
            loss: self.loss,
            latency: Duration::from_millis(self.latency),
            truncated: self.truncated,
            servfail: self.servfail,
            refused: self.refused,
            dead: self.dead.clone(),
            lame: self.lame.clone(),
            tcp_only: self.tcp_only.clone(),
        }
    }
}

/// Writes the lab's zones, keys and certificates for other people's servers, and serves nothing.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  # Signed master files in lab/zones/, lab/nsd.conf, lab/named.conf,
  # lab/servers.jsonl:
  danelaw lab export --dir lab

  # Then this serves the same zones at the same addresses:
  nsd -d -c lab/nsd.conf

EXIT CODES
  0  everything is written
  2  the directory cannot be written")]
struct Export {
    #[command(flatten)]
    options: Options,

    /// Where to
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,

    /// One JSON object on one line about what was written
    #[arg(long)]
    json: bool,
}

/// Lists the scenarios: what each is, what senders do, what a check finds.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw lab scenarios

  # What is known about one of them:
  danelaw lab scenarios --json | grep '\"ds-missing\"'

EXIT CODES
  0  always")]
struct Scenarios {
    /// The whole catalogue as JSON, one scenario on one line: test vectors for other software
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// Ports in use, directories that cannot be written.
    pub fn run(self) -> Result<Exit, UsageError> {
        match self.what {
            What::Serve(serve) => serve.run(),
            What::Export(export) => export.run(),
            What::Scenarios(list) => list.run(),
            What::History(history) => history.run(),
        }
    }
}

impl Options {
    fn config(&self) -> LabConfig {
        let mut config = LabConfig::new(self.at.unwrap_or_else(time::now));
        config.domains = self.domains;
        config.seed = self.seed;
        config.dns_port = self.dns_port;
        config.smtp_port = self.smtp_port;
        config.content = if self.catalogue_only { Content::Catalogue } else { Content::Everything };
        config
    }
}

impl Serve {
    fn run(self) -> Result<Exit, UsageError> {
        let dir = self.export.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("danelaw-lab-{}", self.options.dns_port)));
        let lab = Lab::start(self.options.config()).map_err(UsageError::new)?;
        lab.suffer(self.adversity.adversity(self.options.seed));
        lab.export_hints(&dir).map_err(UsageError::new)?;
        if self.json {
            print::json(&Up::new("lab-serve", lab.config(), lab.truth().len(), &dir));
        } else {
            announce(&lab, &dir);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UsageError::new)?;
        runtime.block_on(until_told(self.duration.map(Duration::from_secs)))?;
        Ok(Exit::Good)
    }
}

impl Export {
    fn run(self) -> Result<Exit, UsageError> {
        let lab = Lab::build(self.options.config());
        lab.export(&self.dir).map_err(UsageError::new)?;
        if self.json {
            print::json(&Up::new("lab-export", lab.config(), lab.truth().len(), &self.dir));
        } else {
            print::line(format_args!("{} mail domains written to {}", present::number(lab.truth().len() as u64), self.dir.display()));
        }
        Ok(Exit::Good)
    }
}

impl Scenarios {
    fn run(self) -> Result<Exit, UsageError> {
        for scenario in Scenario::all() {
            if self.json {
                print::json(scenario);
            } else {
                print::line(format_args!("{:32} {:14} {}", scenario.id, scenario.receiver.standing.word(), scenario.title));
            }
        }
        Ok(Exit::Good)
    }
}

/// The contract of `--json`: where a lab is, or would be.
#[derive(Serialize)]
struct Up<'a> {
    kind: &'static str,
    /// Mail domains.
    domains: usize,
    dns_port: u16,
    smtp_port: u16,
    /// For `--root-hints`, `--anchor`, `--roots`, as list of domains, and the truth about each.
    root_hints: PathBuf,
    anchor: PathBuf,
    roots: PathBuf,
    list: PathBuf,
    truth: PathBuf,
    dir: &'a Path,
}

impl<'a> Up<'a> {
    fn new(kind: &'static str, config: &LabConfig, domains: usize, dir: &'a Path) -> Self {
        let [root_hints, anchor, roots, list, truth] =
            ["root.hints", "anchor.ds", "ca.pem", "domains.txt", "truth.jsonl"].map(|file| dir.join(file));
        Self { kind, domains, dns_port: config.dns_port, smtp_port: config.smtp_port, root_hints, anchor, roots, list, truth, dir }
    }
}

/// Says what is there and how to use it.
fn announce(lab: &Lab, dir: &Path) {
    let (config, dir, danelaw) = (lab.config(), dir.display(), program());
    let dns = format!("--root-hints {dir}/root.hints --anchor {dir}/anchor.ds --dns-port {}", config.dns_port);
    let smtp = format!("--connect-port {0} --https-port {0} --roots {dir}/ca.pem --allow-private", config.smtp_port);
    print::line(format_args!(
        "The lab is up: {} mail domains, built in {:.1} s. Ctrl-C ends it.\n\n\
         Look at one domain:\n  {danelaw} check valid.nl {dns} {smtp}\n\n\
         Look at all of them:\n  {danelaw} scan {dir}/domains.txt --archive {dir}/archive --policies all {dns} {smtp}\n\n\
         Ask its DNS:\n  {danelaw} dns validate valid.nl MX {dns}\n\n\
         What is really so: {dir}/truth.jsonl\n\nScenarios, each at <name>.nl (`{danelaw} lab scenarios` explains them):",
        lab.truth().len(),
        lab.built_in().as_secs_f64(),
    ));
    let names: Vec<&str> = Scenario::all().iter().map(|s| s.id).collect();
    for row in names.chunks(4) {
        let row: String = row.iter().map(|name| format!("{name:32}")).collect();
        print::line(format_args!("  {}", row.trim_end()));
    }
}

/// Waits for Ctrl-C, SIGTERM or the end of the time.
pub async fn until_told(limit: Option<Duration>) -> Result<(), UsageError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(UsageError::new)?;
    let time_is_up = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        () = time_is_up => {}
    }
    Ok(())
}
