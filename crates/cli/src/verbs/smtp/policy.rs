//! `danelaw smtp policy`: what a sender that follows RFC 7672 decides from the DNS alone, before it connects.

use crate::common::resolver::ResolverOptions;
use crate::common::{domains, print, time};
use crate::exit::{Exit, UsageError};
use dane::dns::{Lookup, Outcome, Security};
use dane::name::Name;
use dane::verdict::{Action, Delivery};
use dane::walk::{Answered, Demand, Families, HostRoute, InsecureMx, MxStage, NextHop, Query, Route, Rules, Step, Walk, Why};
use resolve::{Epoch, Resolver};
use serde::Serialize;

/// Says what a sender that validates DANE does about mail to DOMAIN, as far as the DNS decides it.
///
/// Asks what such a sender asks, in its order, and nothing else. For each MX host: `dane` (authenticated TLS or nothing), `enc` (TLS or
/// nothing, nobody authenticated), `opp` (as if DANE did not exist) or `skip` (not to this host now). No mail server is connected to.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw smtp policy example.com

  # Ask a local resolver, validate here:
  danelaw smtp policy example.com --json --upstream 127.0.0.1

  # A sender that insists on DANE for this domain:
  danelaw smtp policy example.com --mandatory

  # A relay host: no MX lookup, TLSA at _587._tcp:
  danelaw smtp policy relay.example.net --relay --port 587

  # In the lab that 'danelaw lab serve --export lab' serves:
  danelaw smtp policy valid.nl --root-hints lab/root.hints \\
      --anchor lab/anchor.ds --dns-port 5300

EXIT CODES
  0  deliver: at least one host would be connected to
  1  defer or bounce (be it for a null MX)
  2  a domain, the command line, or a file that it names, cannot be used
  3  defer, because nothing could be found out: no answers, or no proofs,
     came back
  Over several domains: the first of 2, 1, 3, 0 that occurs")]
pub struct Args {
    /// Mail domain: what stands after the @
    #[arg(value_name = "DOMAIN", required = true)]
    domains: Vec<String>,

    /// The sender insists on DANE. (RFC 7672 section 6)
    #[arg(long)]
    mandatory: bool,

    /// DOMAIN is a host configured as relay: no MX lookup
    #[arg(long)]
    relay: bool,

    /// Destination port, which names the TLSA records
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,

    /// Below insecure MX records: DANE to the host, or none (RFC 7672 allows both)
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Below::Dane)]
    insecure_mx: Below,

    /// Where A and AAAA differ in security: is one secure family enough? (senders differ)
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = Secure::Either)]
    secure_family: Secure,

    /// The time at which signatures are judged: seconds since 1970 or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    at: Option<Epoch>,

    /// One JSON object on one line for each domain
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    resolver: ResolverOptions,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Below {
    Dane,
    None,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Secure {
    Either,
    Both,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If an argument or a file it names cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let (domains, mut exit) = domains::parse(&self.domains)?;
        let resolver = self.resolver.resolver(self.at)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UsageError::new)?;
        for domain in domains {
            let next_hop = if self.relay { NextHop::Relay(domain.clone()) } else { NextHop::Domain(domain.clone()) };
            let route = runtime.block_on(walk(next_hop, self.rules(), &resolver));
            exit = exit.worst(exit_of(&route));
            if self.json {
                print::json(&Report::new(&domain, &route, Host::new));
            } else {
                show(&domain, &route);
            }
        }
        Ok(exit)
    }

    fn rules(&self) -> Rules {
        Rules {
            port: self.port,
            demand: if self.mandatory { Demand::Mandatory } else { Demand::Opportunistic },
            insecure_mx: match self.insecure_mx {
                Below::Dane => InsecureMx::HostLevelDane,
                Below::None => InsecureMx::Opportunistic,
            },
            families: match self.secure_family {
                Secure::Either => Families::Either,
                Secure::Both => Families::Both,
            },
        }
    }
}

async fn walk(next_hop: NextHop, rules: Rules, resolver: &Resolver) -> Route {
    let mut walk = Walk::new(next_hop, rules);
    loop {
        match walk.step() {
            Step::Done(route) => return *route,
            Step::Ask(query) => {
                let lookup: Lookup = probe::lookup_record(&*resolver.lookup(&query.name, query.rtype).await);
                walk.supply(query, lookup);
            }
        }
    }
}

fn exit_of(route: &Route) -> Exit {
    let answers = || route.hosts.iter().flat_map(|h| [h.a, h.aaaa, h.tlsa]).chain([route.mx_answer]).flatten();
    let failed = |status| answers().any(|a| a.outcome == Outcome::Err && a.status == status);
    match route.delivery {
        Delivery::Deliver => Exit::Good,
        Delivery::Defer if failed(Security::Indeterminate) && !failed(Security::Bogus) => Exit::Unknown,
        Delivery::Defer | Delivery::Bounce => Exit::Bad,
    }
}

/// The contract of `--json`: names and meanings do not change. A status is that of the answer, also of a negative one; null: not asked.
/// `H` is what there is to say about one host: [`Host`], or that and more.
#[derive(Serialize)]
pub(super) struct Report<H> {
    domain: String,
    /// `found`, `implicit`, `null`, `no-such-domain`, `failed`, `not-used`.
    mx: &'static str,
    mx_status: Option<Security>,
    hosts: Vec<H>,
    outcome: Delivery,
    /// `NAME TYPE`, in the order in which they were asked.
    queries: Vec<String>,
    /// When the first of the answers is out of date, seconds since 1970.
    expires: Option<Epoch>,
}

#[derive(Serialize)]
pub(super) struct Host {
    host: String,
    pref: u16,
    a_status: Option<Security>,
    aaaa_status: Option<Security>,
    /// The candidate with a secure TLSA RRset; null if there is none.
    tlsa_base: Option<String>,
    /// Of the last TLSA query.
    tlsa_status: Option<Security>,
    /// The secure TLSA records.
    records: Vec<String>,
    /// How many of them are usable.
    usable: usize,
    action: Action,
    /// What decided it.
    why: &'static str,
    sni: Option<String>,
    /// Reference identifiers for usage 2, the TLSA base domain first.
    names: Vec<String>,
}

impl<H> Report<H> {
    pub(super) fn new(domain: &Name, route: &Route, host: impl Fn(&HostRoute) -> H) -> Self {
        Self {
            domain: domain.to_string(),
            mx: mx_word(route.mx),
            mx_status: status(route.mx_answer),
            hosts: route.hosts.iter().map(host).collect(),
            outcome: route.delivery,
            queries: route.queries.iter().map(Query::to_string).collect(),
            expires: route.expires,
        }
    }
}

impl Host {
    pub(super) fn new(host: &HostRoute) -> Self {
        Self {
            host: host.host.to_string(),
            pref: host.preference,
            a_status: status(host.a),
            aaaa_status: status(host.aaaa),
            tlsa_base: host.tlsa_base.as_ref().map(Name::to_string),
            tlsa_status: status(host.tlsa),
            records: host.records.clone(),
            usable: host.usable,
            action: host.action,
            why: host.why.code(),
            sni: host.sni.as_ref().map(Name::to_string),
            names: host.names.iter().map(Name::to_string).collect(),
        }
    }
}

fn status(answered: Option<Answered>) -> Option<Security> {
    answered.map(|a| a.status)
}

fn mx_word(stage: MxStage) -> &'static str {
    match stage {
        MxStage::Found => "found",
        MxStage::Implicit => "implicit",
        MxStage::Null => "null",
        MxStage::NoSuchDomain => "no-such-domain",
        MxStage::Failed => "failed",
        MxStage::Skipped => "not-used",
    }
}

fn show(domain: &Name, route: &Route) {
    let outcome = match route.delivery {
        Delivery::Deliver => "A sender that validates DANE connects to these hosts, in this order",
        Delivery::Defer => "A sender that validates DANE keeps the message and tries later",
        Delivery::Bounce => "A sender returns the message at once",
    };
    print::hanging(0, format_args!("{domain}: {outcome}."));
    let stage = match route.mx {
        MxStage::Found => "MX records",
        MxStage::Implicit => "no MX record: the domain is its own mail host",
        MxStage::Null => "null MX: the domain takes no mail",
        MxStage::NoSuchDomain => "the domain does not exist",
        MxStage::Failed => "the MX lookup failed",
        MxStage::Skipped => "no MX lookup",
    };
    print::hanging(2, format_args!("{stage}{}", in_brackets(route.mx_answer)));
    for host in &route.hosts {
        print::line(format_args!("  {:>5} {:<5} {}", host.preference, host.action.word(), host.host));
        print::hanging(14, explain(host));
        for record in &host.records {
            print::line(format_args!("              TLSA {record}"));
        }
    }
    print::hanging(2, "asked, in this order:");
    for query in &route.queries {
        print::hanging(4, query);
    }
}

fn explain(host: &HostRoute) -> String {
    let (a, aaaa, tlsa) = (in_brackets(host.a), in_brackets(host.aaaa), in_brackets(host.tlsa));
    let words = match host.why {
        Why::Usable => "usable TLSA records",
        Why::AllUnusable => "TLSA records, none of them usable",
        Why::NoSecureTlsa => "no secure TLSA records",
        Why::TlsaFailed => "the TLSA lookup failed",
        Why::AddressInsecure => "insecure addresses, so TLSA records are not asked for",
        Why::AliasInsecure => "an insecure alias, so TLSA records are not asked for",
        Why::AliasFailed => "the alias could not be validated",
        Why::NoAddress => "no address",
        Why::AddressFailed => "the address lookup failed",
        Why::MxIsAddress => "an IP address in place of a host name, to which DANE does not apply",
        Why::MxInsecure => "insecure MX records",
    };
    let base = host.tlsa_base.as_ref().map_or(String::new(), |base| format!(", TLSA base domain and server name {base}"));
    format!("{words}{base}; A{a}, AAAA{aaaa}, TLSA{tlsa}")
}

fn in_brackets(answered: Option<Answered>) -> String {
    let Some(answered) = answered else { return " not asked".to_owned() };
    let outcome = match answered.outcome {
        Outcome::Data => "",
        Outcome::NoData | Outcome::NxDomain => "none, ",
        Outcome::Err => "failed, ",
    };
    format!(" ({outcome}{})", answered.status.word())
}
