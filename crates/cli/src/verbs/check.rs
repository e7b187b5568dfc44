//! `danelaw check`: is the DANE of this domain right, and if not, what exactly is to be typed?

use crate::common::colour::ColourOption;
use crate::common::policies::PolicyOptions;
use crate::common::preflight::Preflight;
use crate::common::probe::LookOptions;
use crate::common::resolvers::ResolversOptions;
use crate::common::roots::RootsOption;
use crate::common::survey::runtime;
use crate::common::{domains, print, time};
use crate::exit::{Exit, UsageError};
use dane::Epoch;
use dane::cause::Weight;
use dane::judge::{Forecast, Terms, judge, judge_host, opted_out, outlook, outlook_host};
use dane::name::Name;
use dane::observation::{CertificateBytes, HostObservation, Observation, ResolverObservation, VantageObservation};
use dane::resolver::{self, ResolverVerdict};
use dane::verdict::{Standing, Verdict};
use present::{Nagios, Style, Subject};
use probe::{Looker, LookerConfig, NameServers, Policies};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Says whether the DANE of a mail domain is right, why, and exactly what to type if it is not.
///
/// The first line says what senders that validate DANE experience now. Then comes the chain of proof step by step, from the root to the
/// certificate of every server, with each TLSA record labelled; then MTA-STS, TLS reporting and CAA; then what is wrong, who has to act, and
/// the very lines to publish.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw check example.com

  # One object a line, for programs; one line for Nagios and Icinga:
  danelaw check example.com example.org --json
  danelaw check example.com --nagios

  # One mail host by itself:
  danelaw check mx1.example.com --host

  # Before the switch: will the new certificate match?
  danelaw check example.com --with-cert new/fullchain.pem

  # What will break within 60 days?
  danelaw check example.com --days 60

  # And what else its TLS accepts, weak suites and all:
  danelaw check example.com --depth tls

  # A server that greylists: stay, and look again after five minutes:
  danelaw check example.com --retries 1

  # No port 25 here: what the DNS says; or judge this chain instead:
  danelaw check example.com --no-smtp
  danelaw check example.com --chain fullchain.pem

  # A domain of the lab that 'danelaw lab serve --export lab' serves:
  danelaw check valid.nl --root-hints lab/root.hints \\
      --anchor lab/anchor.ds --dns-port 5300 --connect-port 2525 \\
      --https-port 2525 --roots lab/ca.pem --allow-private

  # Does the resolver of this machine let a mail server do DANE? And one
  # that validates in the lab, for which 127.0.0.1 stands in resolv.conf:
  danelaw check --resolver
  danelaw check --resolver --resolv-conf resolv.conf \\
      --resolver-port 5353 --signed-name valid.nl/MX \\
      --bogus-name mx-rrsig-wrong.nl/MX --long-name rsasha256.nl/DNSKEY \\
      --tlsa-name _25._tcp.mx1.valid.nl

EXIT CODES
  0  nothing is wrong (there may be warnings; a null MX is as it should be)
  1  something is wrong: a finding that weighs as error, or --with-cert
     would break mail
  2  a domain, the command line, or a file that it names, cannot be used
  3  could not tell: we could not look
  Over several domains the first of 2, 1, 3, 0 that occurs.
  With --resolver: 0 DANE can work, 1 it cannot, 3 could not tell.
  With --nagios: 0 OK, 1 WARNING (also for what will break within --days),
  2 CRITICAL, 3 UNKNOWN (also for what cannot be used); over several
  domains the first of 2, 1, 3, 0 that occurs")]
pub struct Args {
    /// Mail domains; a name without MX is looked at as a mail host
    #[arg(value_name = "DOMAIN", required_unless_present = "resolver")]
    domains: Vec<String>,

    /// The names are mail hosts: judge them by themselves, as a relay that somebody has configured
    #[arg(long)]
    host: bool,

    /// Judge also as if every server (or those that it names) presented this certificate: PEM, the server's first
    #[arg(long, value_name = "FILE")]
    with_cert: Option<PathBuf>,

    /// The time for which the result is judged: seconds since 1970 or RFC 3339 [default: now]. For a time to come signatures are taken to be renewed until then
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    at: Option<Epoch>,

    /// Say also what will go wrong within so many days if nothing changes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=3650))]
    days: Option<u16>,

    #[command(flatten)]
    roots: RootsOption,

    /// One line and the exit codes of Nagios
    #[arg(long, conflicts_with_all = ["json", "with_cert"])]
    nagios: bool,

    /// One JSON object on one line for each domain
    #[arg(long)]
    json: bool,

    /// With --json: the whole observation, too
    #[arg(long, requires = "json")]
    evidence: bool,

    #[command(flatten)]
    colour: ColourOption,

    #[command(flatten)]
    policies: PolicyOptions,

    #[command(flatten)]
    look: LookOptions,

    // Last, for what follows it would stand under its heading.
    #[command(flatten)]
    resolvers: ResolversOptions,
}

/// What was looked at.
enum Seen {
    Domain(Box<Observation>),
    Host(Arc<HostObservation>, VantageObservation),
}

/// The contract of `--json`: the verdict's own fields, and these.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    #[serde(flatten)]
    verdict: &'a Verdict,
    outlook: &'a [Forecast],
    #[serde(skip_serializing_if = "Option::is_none")]
    with_cert: Option<&'a Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observation: Option<&'a Observation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_observation: Option<&'a HostObservation>,
}

/// The contract of `--resolver --json`: the verdict's own fields, and these.
#[derive(Serialize)]
struct ResolverLine<'a> {
    kind: &'static str,
    #[serde(flatten)]
    verdict: &'a ResolverVerdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    observation: Option<&'a ResolverObservation>,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If an option or a file it names cannot be used.
    pub fn run(self) -> Result<ExitCode, UsageError> {
        if self.resolvers.resolver {
            return self.resolvers();
        }
        if self.nagios { Ok(ExitCode::from(self.plugin()?.code())) } else { Ok(self.for_people_and_programs()?.into()) }
    }

    /// The resolvers of this machine.
    fn resolvers(&self) -> Result<ExitCode, UsageError> {
        let runtime = runtime()?;
        let observation = self.resolvers.look(&runtime)?;
        let verdict = resolver::judge(&observation);
        if self.nagios {
            let state = Nagios::of_resolvers(&verdict);
            print::line(state.line(&verdict.headline));
            return Ok(ExitCode::from(state.code()));
        }
        if self.json {
            let observation = self.evidence.then_some(&observation);
            print::json(&ResolverLine { kind: "resolver", verdict: &verdict, observation });
        } else {
            print::text(present::resolver(&verdict, &self.colour.style()));
        }
        let exit = match verdict.standing {
            resolver::Standing::Works => Exit::Good,
            resolver::Standing::Fails => Exit::Bad,
            resolver::Standing::CouldNotTell => Exit::Unknown,
        };
        Ok(exit.into())
    }

    fn plugin(&self) -> Result<Nagios, UsageError> {
        let roots = self.roots.trust()?;
        let mut state = Nagios::Ok;
        let names = self.each(|name, seen| {
            let (verdict, outlook) = match seen {
                Some(seen) => (seen.judge(Terms { at: self.at(), roots: &roots.at(self.at()) }), self.outlook(seen)),
                None => (opted_out(name, self.at()), Vec::new()),
            };
            print::line(present::nagios(&verdict, &outlook));
            state = state.worst(Nagios::of(&verdict, &outlook));
        })?;
        if names == Exit::Usage {
            print::line(Nagios::Unknown.line("one of the names cannot be used"));
            state = state.worst(Nagios::Unknown);
        }
        Ok(state)
    }

    fn for_people_and_programs(&self) -> Result<Exit, UsageError> {
        let style = self.colour.style();
        let preflight = self.with_cert.as_deref().map(Preflight::read).transpose()?;
        let roots = self.roots.trust()?;
        let (mut exit, mut first) = (Exit::Good, true);
        let names = self.each(|name, seen| {
            let Some(seen) = seen else {
                exit = exit.worst(self.left_alone(name));
                return;
            };
            if !first && !self.json {
                print::line("");
            }
            first = false;
            exit = exit.worst(self.tell(seen, &roots.at(self.at()), preflight.as_ref(), &style));
        })?;
        Ok(exit.worst(names))
    }

    /// Looks at all names at the same time and tells of each in its turn; `None`: nobody looks at it.
    fn each(&self, mut tell: impl FnMut(&Name, Option<&Seen>)) -> Result<Exit, UsageError> {
        let (names, exit) = domains::parse(&self.domains)?;
        let runtime = runtime()?;
        let looker = self.look.attended(self.at, |config| self.wishes(config), &runtime)?;
        let checks = runtime.spawn({
            let looker = looker.clone();
            async move { looker.check_vantage().await }
        });
        let as_host = self.host;
        let look = |name: Name| (name.clone(), runtime.spawn(look(looker.clone(), name, as_host)));
        let looks: Vec<_> = names.into_iter().map(look).collect();
        let _ = runtime.block_on(checks);
        for (name, look) in looks {
            let mut seen = runtime.block_on(look).map_err(|e| UsageError(format!("a look broke off: {e}")))?;
            if let Some(seen) = &mut seen {
                seen.at_vantage(looker.vantage());
            }
            tell(&name, seen.as_ref());
        }
        runtime.shutdown_background();
        Ok(exit)
    }

    /// What an operator wants to know beyond what mail needs.
    fn wishes(&self, config: &mut LookerConfig) {
        config.name_servers = NameServers::Each;
        self.policies.apply(config, Policies::All);
    }

    /// A domain that nobody looks at has its line all the same.
    fn left_alone(&self, name: &Name) -> Exit {
        if self.json {
            let verdict = opted_out(name, self.at());
            let line = Line { kind: "check", verdict: &verdict, outlook: &[], with_cert: None, observation: None, host_observation: None };
            print::json(&line);
        }
        domains::opted_out(name)
    }

    fn tell(&self, seen: &Seen, roots: &[CertificateBytes], preflight: Option<&Preflight>, style: &Style) -> Exit {
        let terms = Terms { at: self.at(), roots };
        let (verdict, outlook) = (seen.judge(terms), self.outlook(seen));
        let with_cert = preflight.map(|p| (p, seen.with(p).judge(terms)));
        if self.json {
            self.json(seen, &verdict, &outlook, with_cert.as_ref().map(|(_, v)| v));
        } else {
            print::text(present::check(seen.subject(), &verdict, &outlook, style));
            if let Some((preflight, after)) = &with_cert {
                print::text(present::preflight(&preflight.shown(), &verdict, after, style));
            }
        }
        with_cert.map_or(Exit::Good, |(_, after)| exit_of(&after)).worst(exit_of(&verdict))
    }

    fn at(&self) -> Epoch {
        self.at.unwrap_or_else(time::now)
    }

    fn outlook(&self, seen: &Seen) -> Vec<Forecast> {
        let from = self.at();
        self.days.map(|days| seen.outlook(from, from.saturating_add(i64::from(days) * DAY))).unwrap_or_default()
    }

    fn json(&self, seen: &Seen, verdict: &Verdict, outlook: &[Forecast], with_cert: Option<&Verdict>) {
        let (observation, host_observation) = match seen {
            _ if !self.evidence => (None, None),
            Seen::Domain(observation) => (Some(&**observation), None),
            Seen::Host(host, _) => (None, Some(&**host)),
        };
        let line = Line { kind: "check", verdict, outlook, with_cert, observation, host_observation };
        print::json(&line);
    }
}

/// `None`: it is on the opt-out list.
async fn look(looker: Looker, name: Name, as_host: bool) -> Option<Seen> {
    if as_host {
        Some(Seen::Host(looker.observe_host(&name).await, VantageObservation::default()))
    } else {
        Some(Seen::Domain(Box::new(looker.observe_domain(&name).await?)))
    }
}

impl Seen {
    /// What is known of ourselves, now that all checks are made.
    fn at_vantage(&mut self, known: VantageObservation) {
        match self {
            Seen::Domain(observation) => observation.vantage = known,
            Seen::Host(_, vantage) => *vantage = known,
        }
    }

    fn judge(&self, terms: Terms) -> Verdict {
        match self {
            Seen::Domain(observation) => judge(observation, terms),
            Seen::Host(host, vantage) => judge_host(host, vantage, terms),
        }
    }

    fn outlook(&self, from: Epoch, until: Epoch) -> Vec<Forecast> {
        match self {
            Seen::Domain(observation) => outlook(observation, from, until),
            Seen::Host(host, _) => outlook_host(host, from, until),
        }
    }

    fn subject(&self) -> Subject<'_> {
        match self {
            Seen::Domain(observation) => Subject::Domain(observation),
            Seen::Host(host, _) => Subject::Host(host),
        }
    }

    /// The same, as if servers presented another certificate.
    fn with(&self, preflight: &Preflight) -> Self {
        match self {
            Seen::Domain(observation) => Seen::Domain(Box::new(preflight.domain(observation))),
            Seen::Host(host, vantage) => Seen::Host(Arc::new(preflight.host(host)), vantage.clone()),
        }
    }
}

/// An operator asks whether DANE is right: one error and it is not.
fn exit_of(verdict: &Verdict) -> Exit {
    let wrong = verdict.findings.iter().any(|f| f.weight == Weight::Error);
    match verdict.standing {
        Standing::Broken | Standing::Undeliverable => Exit::Bad,
        _ if wrong => Exit::Bad,
        Standing::CouldNotTell => Exit::Unknown,
        Standing::Protected | Standing::Partial | Standing::Unprotected | Standing::NoMail => Exit::Good,
    }
}
