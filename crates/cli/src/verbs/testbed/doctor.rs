//! `danelaw testbed doctor`: is the test bed seen from outside as it has to be?

use super::state::Kept;
use crate::common::colour::ColourOption;
use crate::common::print;
use crate::common::resolver::ResolverOptions;
use crate::exit::{Exit, UsageError};
use dane::name::Name;
use dane::sender::Place;
use domain::base::iana::Rtype;
use lab::testbed::{Testbed, TestbedConfig};
use present::{Ink, Style};
use resolve::{Answer, Failure, ReasonCode, Resolver, Security};
use serde::Serialize;
use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Looks at a test bed that is being served, from the root down, and says what to mend.
///
/// The delegation, its DS record, a scenario's own zone and records, and the greeting of each mail server. Run it on another machine, with a copy of
/// the directory, to see what senders see.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw testbed doctor --state /var/lib/danelaw-testbed

  # One with a root of its own:
  danelaw testbed doctor --state testbed --dns-port 5357 \\
    --root-hints testbed/root.hints --anchor testbed/anchor.ds

EXIT CODES
  0  all is well
  1  something has to be mended; it says what
  2  there is no test bed in that directory
  3  something could not be looked at")]
pub struct Doctor {
    /// The test bed's directory
    #[arg(long, value_name = "DIR")]
    state: PathBuf,

    /// How long to wait for a mail server's greeting, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    smtp_timeout: u64,

    /// One JSON object a line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    colour: ColourOption,

    #[command(flatten)]
    resolver: ResolverOptions,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Good,
    Bad,
    /// It could not be looked at.
    Unknown,
}

/// The contract of `--json`: one thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    kind: &'static str,
    /// A stable word: `delegation`, `ds`, `scenario`, `mail`.
    about: &'static str,
    state: State,
    /// What was seen.
    seen: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "String::is_empty")]
    remedy: String,
}

impl Finding {
    fn new(about: &'static str, state: State, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind: "testbed-doctor", about, state, seen: seen.into(), remedy: remedy.into() }
    }

    fn good(about: &'static str, seen: impl Into<String>) -> Self {
        Self::new(about, State::Good, seen, "")
    }
}

/// What was seen of the zone.
struct Zone {
    soa: Arc<Answer>,
    ds: Arc<Answer>,
    scenario: [Arc<Answer>; 2],
}

impl Doctor {
    /// Does it.
    ///
    /// # Errors
    /// If there is no such test bed, or an option cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let kept = Kept::open(&self.state)?;
        let (config, testbed) = (kept.config(), Testbed::build(kept.config()));
        let resolver = self.resolver.resolver(None)?;
        let place = Place { token: testbed.token(), scenario: "valid".to_owned() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UsageError::new)?;
        let seen = runtime.block_on(look(&resolver, &config.zone, &place));
        let mut findings = vec![delegation(&seen.soa, &config, &testbed), ds(&seen.ds, &testbed)];
        findings.extend(seen.scenario.iter().map(|answer| scenario(answer)));
        let port = config.smtp_port;
        findings.extend(config.addresses.iter().map(|a| mail(SocketAddr::from((*a, port)), Duration::from_secs(self.smtp_timeout))));
        if self.json {
            findings.iter().for_each(print::json);
        } else {
            let style = self.colour.style();
            findings.iter().for_each(|finding| tell(finding, &style));
        }
        let any = |state| findings.iter().any(|finding| finding.state == state);
        Ok(match () {
            () if any(State::Bad) => Exit::Bad,
            () if any(State::Unknown) => Exit::Unknown,
            () => Exit::Good,
        })
    }
}

async fn look(resolver: &Resolver, zone: &Name, place: &Place) -> Zone {
    let below = |text: &str| Name::from_chars(format!("{text}{}.{}.{}.", place.token, place.scenario, zone).chars());
    let domain = below("").unwrap_or_else(|_| zone.clone());
    let tlsa = below("_25._tcp.mx1.").unwrap_or_else(|_| zone.clone());
    let (soa, ds) = (resolver.lookup(zone, Rtype::SOA).await, resolver.lookup(zone, Rtype::DS).await);
    Zone { soa, ds, scenario: [resolver.lookup(&domain, Rtype::MX).await, resolver.lookup(&tlsa, Rtype::TLSA).await] }
}

/// Whether the parent sends those who ask for the zone to us.
fn delegation(soa: &Answer, config: &TestbedConfig, testbed: &Testbed) -> Finding {
    let about = "delegation";
    let ours = |server: IpAddr| config.addresses.iter().any(|address| IpAddr::V4(*address) == server);
    let records = || format!("have the parent zone hold\n{}", testbed.delegation().join("\n"));
    let zone = &config.zone;
    match (soa.failure, soa.server) {
        (Some(Failure::Timeout | Failure::Unreachable | Failure::Refused | Failure::DelegationLoop), _) => {
            let why = soa.failure_detail.clone().unwrap_or_default();
            Finding::new(
                about,
                State::Bad,
                format!("nobody answers for {zone}: {why}"),
                format!(
                    "see that `danelaw testbed serve` runs, that UDP and TCP port {} of {} reach it, and {}",
                    config.dns_port,
                    config.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                    records()
                ),
            )
        }
        (Some(_), _) => Finding::new(about, State::Unknown, soa.failure_detail.clone().unwrap_or_default(), "try again"),
        (None, Some(server)) if ours(server) => Finding::good(about, format!("{zone} is answered for from {server}")),
        (None, Some(server)) if soa.rcode == 3 || soa.rrset.is_none() && soa.received.is_none() => {
            Finding::new(about, State::Bad, format!("{zone} is not delegated: {server} knows no such zone"), records())
        }
        (None, server) => {
            let server = server.map_or_else(|| "another server".to_owned(), |server| server.to_string());
            Finding::new(about, State::Bad, format!("{zone} is answered for from {server}, which is not the test bed"), records())
        }
    }
}

/// Whether the parent's DS record is that of our key.
fn ds(answer: &Answer, testbed: &Testbed) -> Finding {
    let about = "ds";
    let line = testbed.delegation().into_iter().find(|record| record.split_whitespace().nth(3) == Some("DS")).unwrap_or_default();
    let wanted = plain(line.split_whitespace().skip(4));
    let found: Vec<String> = answer.data_text().iter().map(|data| plain(data.split_whitespace())).collect();
    let add = || format!("hand this to the registrar:\n{line}");
    match answer.status {
        _ if answer.failure.is_some() => Finding::new(about, State::Unknown, reason(answer), "try again"),
        Security::Secure if found.contains(&wanted) => Finding::good(about, "the DS record is that of the zone's key"),
        Security::Secure if found.is_empty() => {
            Finding::new(about, State::Bad, "the parent has no DS record: nobody can validate anything here", add())
        }
        Security::Secure => {
            let seen = format!(
                "the DS record is another key's ({}), so nothing that this directory's key signs is believed; a new --state has new keys",
                found.join("; ")
            );
            Finding::new(about, State::Bad, seen, add())
        }
        Security::Insecure => Finding::new(about, State::Bad, "the parent zone itself is not signed", "take a zone below one that is"),
        Security::Bogus if clock(answer) => Finding::new(
            about,
            State::Bad,
            format!("signatures of the parent are out of their time: {}", reason(answer)),
            "see that the clock of this machine is right",
        ),
        Security::Bogus | Security::Indeterminate => {
            Finding::new(about, State::Unknown, reason(answer), "see what is wrong with the parent")
        }
    }
}

/// Fields of a record, one blank between them, digests in one piece.
fn plain<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    let fields: Vec<String> = fields.map(str::to_ascii_uppercase).filter(|field| field != "(" && field != ")").collect();
    let (head, digest) = fields.split_at(fields.len().min(3));
    format!("{} {}", head.join(" "), digest.concat())
}

/// Whether a healthy scenario's records are proven.
fn scenario(answer: &Answer) -> Finding {
    let about = "scenario";
    let what = format!("{} {}", answer.question.name, answer.question.rtype);
    match answer.status {
        Security::Secure if answer.rrset.is_some() => Finding::good(about, format!("{what} is there, and proven")),
        Security::Secure => Finding::new(about, State::Bad, format!("{what} does not exist"), "serve with this directory, and no other"),
        Security::Bogus if clock(answer) => {
            let seen = format!("{what}: {}", reason(answer));
            Finding::new(about, State::Bad, seen, "see that the clocks of this machine and of the one that serves are right")
        }
        Security::Indeterminate => {
            Finding::new(about, State::Unknown, format!("{what}: {}", reason(answer)), "mend what is said above first")
        }
        Security::Bogus | Security::Insecure => {
            Finding::new(about, State::Bad, format!("{what} cannot be proven: {}", reason(answer)), "mend what is said above first")
        }
    }
}

fn clock(answer: &Answer) -> bool {
    answer.reason.as_ref().is_some_and(|r| matches!(r.code, ReasonCode::RrsigExpired | ReasonCode::RrsigNotYetValid))
}

fn reason(answer: &Answer) -> String {
    let reason = answer.reason.as_ref().map(|r| r.code.text().to_owned());
    answer.failure_detail.clone().or(reason).unwrap_or_else(|| "no answer".to_owned())
}

/// Whether a mail server is there, and is ours.
fn mail(server: SocketAddr, limit: Duration) -> Finding {
    let about = "mail";
    let greeting = || -> std::io::Result<String> {
        let stream = TcpStream::connect_timeout(&server, limit)?;
        stream.set_read_timeout(Some(limit))?;
        let mut line = String::new();
        BufReader::new(stream.take(512)).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    };
    match greeting() {
        Ok(line) if line.starts_with("220") => Finding::good(about, format!("{server} greets: {line}")),
        Ok(line) => {
            let remedy = "see that nothing else has that port";
            Finding::new(about, State::Bad, format!("{server} greets as no mail server does: {line:?}"), remedy)
        }
        Err(error) => {
            let remedy = format!("see that `danelaw testbed serve` runs, and that no firewall keeps TCP port {} from it", server.port());
            Finding::new(about, State::Bad, format!("{server} does not greet: {error}"), remedy)
        }
    }
}

fn tell(finding: &Finding, style: &Style) {
    let (word, ink) = match finding.state {
        State::Good => ("good   ", Ink::Good),
        State::Bad => ("bad    ", Ink::Bad),
        State::Unknown => ("unknown", Ink::Unseen),
    };
    print::line(format_args!("{}  {}", style.paint(ink, word), style.paint(Ink::Bold, finding.about)));
    print::hanging(2, &finding.seen);
    let mut lines = finding.remedy.lines();
    if let Some(sentence) = lines.next() {
        print::hanging(2, format_args!("> {sentence}"));
    }
    // Records are to be copied, so they are not wrapped.
    for record in lines {
        print::line(format_args!("    {}", present::clean(&record.replace('\t', " "))));
    }
}
