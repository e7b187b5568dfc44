//! `danelaw demo`: a lab Internet on loopback, surveyed, checked against what is known of it, and reported.

use crate::common::colour::ColourOption;
use crate::common::program::program;
use crate::common::roots::Trust;
use crate::common::survey::{self, Done, End, Sink, Stop, Tell};
use crate::common::targets::scatter;
use crate::common::time::now;
use crate::common::{metadata, print};
use crate::exit::{Exit, UsageError};
use crate::verbs::report::write_page;
use dane::cause::{Cause, Weight};
use dane::name::{Name, parse_domain};
use dane::observation::RunObservation;
use dane::verdict::Verdict;
use lab::{Lab, LabConfig, LabError, Truth};
use present::{Ink, Report, Style};
use probe::{Certificates, Destinations, Looker, LookerConfig, Pace, Policies, Returns, Scope, SmtpLimits, SurveyOptions};
use resolve::{Anchors, Config, Mode, Resolver};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Ports tried, one after the other, if nobody asked for one.
const PORTS_TRIED: u16 = 20;
/// Differences shown.
const DIFFERENCES: usize = 20;

/// Builds a small Internet on this machine, surveys it, checks the result against what is known of it, and makes the report.
///
/// Needs no network and no privileges. Signed root, five top-level domains, mail providers and thousands of mail domains with the faults
/// that studies found in the real Internet, all on 127.0.0.0/8; name servers and mail servers are real ones, seen over the wire.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  # 2,000 domains, in under a minute:
  danelaw demo

  # A quick look:
  danelaw demo --domains 200

  # Put archive and report there:
  danelaw demo --out /tmp/demo

EXIT CODES
  0  every domain was found to be what the lab made it
  1  some were not: the differences are listed
  2  the command line, the ports or the directory cannot be used
  3  it was stopped")]
pub struct Args {
    /// How many mail domains
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    domains: u32,

    /// Where archive and report go
    #[arg(long, value_name = "DIR", default_value = "danelaw-demo")]
    out: PathBuf,

    /// The lab is made from this number: the same one gives the same lab
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Port of all name servers [default: 5300, or the next free one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    dns_port: Option<u16>,

    /// Port of all mail servers [default: 2525, or the next free one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    smtp_port: Option<u16>,

    /// The tables as one JSON object (kind "summary") on one line, and what differs (kind "difference")
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    colour: ColourOption,
}

/// A domain that was not found to be what the lab made it.
#[derive(serde::Serialize)]
struct Difference {
    domain: Name,
    scenario: String,
    expected: String,
    found: String,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If ports or the directory cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let style = self.colour.style();
        self.say(&style, "", "A small Internet on this machine, surveyed as one would survey the real one.\n");
        let archive = self.out.join("archive");
        // Before anything takes time: can we write there?
        std::fs::create_dir_all(&archive)
            .map_err(|e| UsageError(format!("--out {}: {e}; name a directory you can write to", self.out.display())))?;
        let lab = self.build(&style)?;
        let (done, differences, judged) = self.look(&lab, &archive, &style)?;
        let tables = done.summary.tables();
        let page = self.out.join("report.html");
        write_page(&page, &Report { tables: &tables, runs: std::slice::from_ref(&done.run), judged: None, made: now() })?;
        self.compare(&differences, judged, done.end, &style);
        self.say(&style, "Report", &format!("{}", page.display()));
        if self.json {
            survey::print_line("summary", &tables);
        } else {
            print::text(present::summary(&tables, &style));
            self.next(&style);
        }
        Ok(match done.end {
            End::Interrupted | End::OutputClosed => Exit::Unknown,
            End::Complete if differences.is_empty() && judged == lab.truth().len() => Exit::Good,
            End::Complete => Exit::Bad,
        })
    }

    fn build(&self, style: &Style) -> Result<Lab, UsageError> {
        let domains = present::count(self.domains.into(), "mail domain");
        self.say(style, "Build", &format!("a signed root, com net org nl se, mail providers, {domains}"));
        let lab = self.start()?;
        let config = lab.config();
        let done = format!(
            "serving on 127.0.0.0/8, DNS port {}, SMTP port {}, after {:.1} s",
            config.dns_port,
            config.smtp_port,
            lab.built_in().as_secs_f64()
        );
        self.say(style, "", &good(style, &done));
        Ok(lab)
    }

    /// Takes the next ports if those that nobody asked for are in use.
    fn start(&self) -> Result<Lab, UsageError> {
        let mut config = LabConfig { domains: self.domains as usize, seed: self.seed, ..LabConfig::new(now()) };
        config.dns_port = self.dns_port.unwrap_or(config.dns_port);
        config.smtp_port = self.smtp_port.unwrap_or(config.smtp_port);
        for _ in 0..PORTS_TRIED {
            match Lab::start(config.clone()) {
                Err(LabError::PortInUse { address, .. }) if address.port() == config.dns_port && self.dns_port.is_none() => {
                    config.dns_port += 1
                }
                Err(LabError::PortInUse { address, .. }) if address.port() == config.smtp_port && self.smtp_port.is_none() => {
                    config.smtp_port += 1
                }
                result => return result.map_err(UsageError::new),
            }
        }
        Err(UsageError(format!("no {PORTS_TRIED} ports in a row are free; choose some with --dns-port and --smtp-port")))
    }

    fn look(&self, lab: &Lab, archive: &std::path::Path, style: &Style) -> Result<(Done, Vec<Difference>, usize), UsageError> {
        self.say(style, "Look", "resolve, validate, visit every mail server over SMTP with STARTTLS");
        let begun = Instant::now();
        let resolver_config = resolver_config(lab)?;
        let looker_config = looker_config(lab)?;
        let mut run = metadata::run(&resolver_config, &looker_config);
        let resolver = Resolver::new(resolver_config).map_err(UsageError::new)?;
        let looker = Looker::new(Arc::new(resolver), looker_config).map_err(UsageError::new)?;
        let mut names: Vec<Name> = lab.truth().iter().map(|t| t.domain.clone()).collect();
        scatter(&mut names);
        run.targets = names.len() as u64;
        let truth: HashMap<&Name, &Truth> = lab.truth().iter().map(|t| (&t.domain, t)).collect();
        let (mut differences, mut judged) = (Vec::new(), 0);
        let compare = |verdict: &Verdict| {
            judged += 1;
            differences.extend(truth.get(&verdict.domain).and_then(|t| difference(t, verdict)));
        };
        let runtime = survey::runtime()?;
        let survey = self.survey(looker, names, archive, (run, roots(lab)?), compare);
        let done = runtime.block_on(survey)?;
        runtime.shutdown_background();
        let seconds = begun.elapsed().as_secs_f64().max(0.001);
        let tables = done.summary.tables();
        #[allow(clippy::cast_precision_loss)]
        let rate = tables.domains as f64 / seconds;
        let (domains, servers) = (present::count(tables.domains, "domain"), present::count(tables.servers, "MX host"));
        self.say(style, "", &good(style, &format!("{domains} and {servers} in {seconds:.1} s ({rate:.0} domains a second)")));
        Ok((done, differences, judged))
    }

    async fn survey(
        &self,
        looker: Looker,
        names: Vec<Name>,
        archive: &std::path::Path,
        (mut run, roots): (RunObservation, Trust),
        compare: impl FnMut(&Verdict),
    ) -> Result<Done, UsageError> {
        run.vantage = looker.check_vantage().await;
        let sink = Sink::archive(archive, &run)?;
        let options = SurveyOptions { parallel: 32, grace: Duration::from_secs(2) };
        survey::run(looker, names, options, (sink, run, Tell::Nothing, Arc::new(roots)), &mut Stop::new()?, compare).await
    }

    fn compare(&self, differences: &[Difference], judged: usize, end: End, style: &Style) {
        self.say(style, "Check", "against what the lab knows of itself: standing and causes of every domain");
        let right = present::number((judged - differences.len()) as u64);
        let line = format!("{right} of {} as expected", present::number(judged as u64));
        let line =
            if differences.is_empty() && end == End::Complete { good(style, &line) } else { style.paint(Ink::Bad, format!("✗ {line}")) };
        self.say(style, "", &line);
        if self.json {
            differences.iter().for_each(|d| survey::print_line("difference", d));
            return;
        }
        for d in differences.iter().take(DIFFERENCES) {
            self.say(style, "", &format!("{} ({}): expected {}; found {}", d.domain, d.scenario, d.expected, d.found));
        }
        if differences.len() > DIFFERENCES {
            self.say(style, "", &format!("… and {} more", differences.len() - DIFFERENCES));
        }
    }

    /// A line of the story: to stdout, or to stderr if stdout is for a program.
    fn say(&self, style: &Style, step: &str, text: &str) {
        let line = format!("{} {text}", style.paint(Ink::Bold, format!("{step:<7}")));
        let line = if step.is_empty() { format!("        {text}") } else { line };
        if self.json {
            anstream::eprintln!("{}", line.trim_end());
        } else {
            print::line(line.trim_end());
        }
    }

    fn next(&self, style: &Style) {
        print::line(format!("\n{}", style.paint(Ink::Bold, "What to try next")));
        let danelaw = program();
        let lines = [
            (format!("xdg-open {}/report.html", self.out.display()), "the page with everything above"),
            (
                format!("{danelaw} lab serve --domains {} --seed {}", self.domains, self.seed),
                "the same lab, to stay; prints how to point 'check' and 'scan' at it",
            ),
            (format!("{danelaw} check example.com"), "your own domain, on the real Internet"),
            (format!("{danelaw} scan domains.txt --archive survey"), "your own list"),
        ];
        for (command, what) in lines {
            print::line(format!("  {}\n      {}", style.paint(Ink::Code, command), style.paint(Ink::Dim, what)));
        }
    }
}

fn good(style: &Style, text: &str) -> String {
    format!("{} {text}", style.paint(Ink::Good, "✓"))
}

fn resolver_config(lab: &Lab) -> Result<Config, UsageError> {
    let mut config = Config { mode: Mode::Iterative { roots: lab.roots() }, dns_port: lab.config().dns_port, ..Config::default() };
    config.anchors = Anchors::parse(&lab.anchor()).map_err(UsageError::new)?;
    // Everything is on this machine: who is silent for so long is silent on purpose.
    config.timeouts.query = Duration::from_millis(1500);
    config.timeouts.lookup = Duration::from_secs(15);
    Ok(config)
}

fn looker_config(lab: &Lab) -> Result<LookerConfig, UsageError> {
    let mut config = LookerConfig::new(parse_domain("probe.demo.invalid").map_err(UsageError::new)?);
    config.vantage = "demo".into();
    config.connect_port = Some(lab.config().smtp_port);
    config.https_port = lab.config().smtp_port;
    config.policies = Policies::All;
    config.scope = Scope::Full;
    config.certificates = Certificates::All;
    config.destinations = Destinations::Any;
    config.pace = Pace::unhurried();
    config.returns = Returns::POLITE;
    config.smtp = SmtpLimits {
        connect: Duration::from_secs(2),
        reply: Duration::from_secs(3),
        handshake: Duration::from_secs(3),
        visit: Duration::from_secs(8),
        ..SmtpLimits::default()
    };
    Ok(config)
}

/// The lab's public CA.
fn roots(lab: &Lab) -> Result<Trust, UsageError> {
    let roots = dane::chain::read(lab.ca_pem().as_bytes()).map_err(UsageError::new)?;
    Ok(Trust::Always(roots.into()))
}

/// Standing and causes must be what the lab made them; what may be named besides may be missing, anything else grave may not be there.
fn difference(truth: &Truth, verdict: &Verdict) -> Option<Difference> {
    let found: BTreeSet<Cause> = verdict.findings.iter().map(|f| f.cause).collect();
    let missing = truth.causes.iter().any(|c| !found.contains(c));
    let allowed = |c: &Cause| truth.causes.contains(c) || truth.also.contains(c);
    let grave = verdict.findings.iter().filter(|f| f.weight >= Weight::Unknown).any(|f| !allowed(&f.cause));
    if truth.standing == verdict.standing && !missing && !grave {
        return None;
    }
    let list = |word: &str, causes: &mut dyn Iterator<Item = &Cause>| {
        let codes: Vec<&str> = causes.map(|c| c.code()).collect();
        if codes.is_empty() { word.to_owned() } else { format!("{word} ({})", codes.join(", ")) }
    };
    Some(Difference {
        domain: truth.domain.clone(),
        scenario: truth.scenario.clone(),
        expected: list(truth.standing.word(), &mut truth.causes.iter()),
        found: list(verdict.standing.word(), &mut found.iter()),
    })
}
