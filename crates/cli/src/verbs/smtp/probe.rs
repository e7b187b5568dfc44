//! `danelaw smtp probe`: what every mail server of a domain shows, and what a sender makes of it.

use super::policy;
use crate::common::colour::ColourOption;
use crate::common::probe::LookOptions;
use crate::common::{domains, print, time};
use crate::exit::{Exit, UsageError};
use dane::capabilities::{Capabilities, capabilities};
use dane::cause::Party;
use dane::cert::Certificate;
use dane::dns::Lookup;
use dane::guideline::{TlsClass, tls_class};
use dane::judge::{judge, observed_route, opted_out};
use dane::matching::{VerifyOptions, verify};
use dane::name::Name;
use dane::observation::{
    AddressObservation, CertificateBytes, Connect, CutOff, Depth, DepthObservation, DomainObservation, EarlierVisit, Exchange, Got,
    HostObservation, Observation, OtherLook, SCHEMA_VERSION, TlsFailure, VantageObservation,
};
use dane::tlsa::Tlsa;
use dane::verdict::{Delivery, ServerVerdict, Standing, Verdict};
use dane::walk::{HostRoute, Route};
use domain::base::iana::Rtype;
use present::Style;
use resolve::Epoch;
use serde::Serialize;
use std::net::IpAddr;

/// Certificates of a chain that are listed for people; in JSON all are.
const CERTIFICATES_SHOWN: usize = 8;

/// Visits every address of every mail host of DOMAIN (or of a host without MX) and shows what it saw.
///
/// Greeting, EHLO, STARTTLS (also where it is not offered), the TLS handshake with its whole chain, and whether that chain matches the
/// TLSA records in force. Leaves with QUIT and never sends a mail.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw smtp probe example.com

  # One host: it has no MX, so it is looked at itself:
  danelaw smtp probe mx1.example.com --json

  # Every TLS version and cipher suite that it accepts, and their classes:
  danelaw smtp probe mx1.example.com --depth full

  # The name should lead to your address and back:
  danelaw smtp probe example.com --ehlo probe.example.net

  # No port 25 here: what the DNS says; or would this chain match?
  danelaw smtp probe example.com --dns-only
  danelaw smtp probe example.com --chain fullchain.pem

  # In the lab that 'danelaw lab serve --export lab' serves:
  danelaw smtp probe valid.nl --root-hints lab/root.hints \\
      --anchor lab/anchor.ds --dns-port 5300 --connect-port 2525 \\
      --allow-private

EXIT CODES
  0  a sender that validates DANE delivers, and no server fails it
  1  it does not (be it for a null MX), or fails at one server at least
  2  a domain, the command line, or a file that it names, cannot be used
  3  could not tell
  Over several domains: the first of 2, 1, 3, 0 that occurs")]
pub struct Args {
    /// Mail domain or mail host
    #[arg(value_name = "HOST|DOMAIN", required = true)]
    domains: Vec<String>,

    /// The time for which the result is judged: seconds since 1970 or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    at: Option<Epoch>,

    /// One JSON object on one line for each domain
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    colour: ColourOption,

    #[command(flatten)]
    look: LookOptions,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If an argument or a file it names cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let (domains, mut exit) = domains::parse(&self.domains)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UsageError::new)?;
        let looker = self.look.attended(self.at, |_| (), &runtime)?;
        // Ourselves first, but nobody waits for it.
        let checks = runtime.spawn({
            let looker = looker.clone();
            async move { looker.check_vantage().await }
        });
        let mut checks = Some(checks);
        for domain in domains {
            let Some(mut observation) = runtime.block_on(looker.observe_domain(&domain)) else {
                exit = exit.worst(self.left_alone(&domain));
                continue;
            };
            if let Some(checks) = checks.take() {
                let _ = runtime.block_on(checks);
            }
            observation.vantage = looker.vantage();
            exit = exit.worst(self.one(&domain, &observation));
        }
        Ok(exit)
    }

    fn one(&self, domain: &Name, observation: &Observation) -> Exit {
        let at = self.at.unwrap_or(observation.domain.mx.at);
        let (route, verdict) = (observed_route(observation), judge(observation, at));
        if self.json {
            print::json(&Report::new(domain, &route, observation, &verdict));
        } else {
            show(domain, &route, observation, &verdict, &self.colour.style());
        }
        exit_of(&verdict)
    }

    /// A domain that nobody looks at has its object all the same.
    fn left_alone(&self, domain: &Name) -> Exit {
        let at = self.at.unwrap_or_else(time::now);
        if self.json {
            let mx = Lookup::unasked(domain, Rtype::MX, at);
            let nothing = DomainObservation {
                schema: SCHEMA_VERSION,
                domain: domain.clone(),
                at,
                zone: None,
                mx,
                name_servers: Vec::new(),
                policies: None,
            };
            let nothing = Observation { domain: nothing, hosts: Vec::new(), vantage: VantageObservation::default() };
            print::json(&Report::new(domain, &observed_route(&nothing), &nothing, &opted_out(domain, at)));
        }
        domains::opted_out(domain)
    }
}

fn exit_of(verdict: &Verdict) -> Exit {
    match (verdict.standing, verdict.delivery) {
        (Standing::CouldNotTell, _) | (_, None) => Exit::Unknown,
        (Standing::Broken | Standing::Undeliverable, _) => Exit::Bad,
        (_, Some(Delivery::Deliver)) => Exit::Good,
        // Null MX too: no sender delivers, and `smtp policy` says the same. Whether that is as it should be is what `check` says.
        (_, Some(Delivery::Defer | Delivery::Bounce)) => Exit::Bad,
    }
}

/// The contract of `--json`: that of `smtp policy`, and for each host its servers.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    policy: policy::Report<Host<'a>>,
    standing: Standing,
    headline: &'a str,
}

impl<'a> Report<'a> {
    fn new(domain: &Name, route: &Route, observation: &'a Observation, verdict: &'a Verdict) -> Self {
        let host = |host: &HostRoute| Host::new(host, observation, verdict, verdict.at);
        Self { policy: policy::Report::new(domain, route, host), standing: verdict.standing, headline: &verdict.headline }
    }
}

#[derive(Serialize)]
struct Host<'a> {
    #[serde(flatten)]
    policy: policy::Host,
    servers: Vec<Server<'a>>,
}

#[derive(Serialize)]
struct Server<'a> {
    address: IpAddr,
    port: u16,
    connect: &'a Connect,
    /// Whether STARTTLS was offered in reply to EHLO; null: there was no such reply.
    starttls_offered: Option<bool>,
    /// The reply code to STARTTLS; null: there was none.
    starttls_reply: Option<u16>,
    tls: Option<Tls<'a>>,
    chain: Vec<Shown>,
    /// Against the TLSA records in force; null: there are none, or no chain.
    r#match: Option<Match>,
    /// What kept a sender from a TLS session: a cause code.
    obstacle: Option<&'static str>,
    /// Would a sender that follows RFC 7672 deliver here? null: could not tell.
    rfc_delivers: Option<bool>,
    paper_match: Option<bool>,
    paper_valid: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    early_bytes: Option<&'a str>,
    /// With --depth: what it accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<&'a DepthObservation>,
    /// The classes of that by the guideline in force; absent: there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<TlsClass>,
    /// With --depth full: what it offers before and after TLS, and what software it says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<Capabilities>,
    dialogue: &'a [Exchange],
    /// What other kinds of client are shown.
    others: &'a [OtherLook],
    /// Visits before this one, oldest first.
    earlier: &'a [EarlierVisit],
}

#[derive(Serialize)]
struct Tls<'a> {
    sni: Option<String>,
    version: Option<&'a str>,
    cipher: Option<&'a str>,
    group: Option<&'a str>,
    signature_scheme: Option<&'a str>,
    key_proven: Option<bool>,
    /// What came of the certificates, if the connection ended in the middle of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_off: Option<&'a CutOff>,
    error: Option<&'a TlsFailure>,
    engine: &'a str,
}

/// One certificate. What cannot be read is null.
#[derive(Serialize)]
struct Shown {
    subject: Option<String>,
    issuer: Option<String>,
    not_before: Option<Epoch>,
    not_after: Option<Epoch>,
    key: Option<String>,
    #[serde(flatten)]
    bytes: CertificateBytes,
}

#[derive(Serialize)]
struct Match {
    verdict: &'static str,
    usage: Option<u8>,
    depth: Option<u8>,
    error: Option<&'static str>,
}

impl<'a> Host<'a> {
    fn new(route: &HostRoute, observation: &'a Observation, verdict: &Verdict, at: Epoch) -> Self {
        let seen = observation.hosts.iter().find(|h| h.host == route.host);
        let servers = seen.iter().flat_map(|h| &h.servers).map(|s| Server::new(s, route, server_verdict(verdict, route, s), at)).collect();
        Self { policy: policy::Host::new(route), servers }
    }
}

fn server_verdict<'a>(verdict: &'a Verdict, route: &HostRoute, server: &AddressObservation) -> Option<&'a ServerVerdict> {
    verdict.hosts.iter().find(|h| h.host == route.host)?.servers.iter().find(|s| s.address == server.address)
}

impl<'a> Server<'a> {
    fn new(server: &'a AddressObservation, route: &HostRoute, verdict: Option<&ServerVerdict>, at: Epoch) -> Self {
        let chain = server.tls.as_ref().map_or(&[][..], |t| &t.chain);
        Self {
            address: server.address,
            port: server.transport_port,
            connect: &server.connect,
            starttls_offered: dane::smtp::offers_starttls(server),
            starttls_reply: server.reply_code(Some("STARTTLS")),
            tls: server.tls.as_ref().map(|t| Tls {
                sni: t.sni.as_ref().map(Name::to_string),
                version: t.version.as_deref(),
                cipher: t.cipher.as_deref(),
                group: t.group.as_deref(),
                signature_scheme: t.signature_scheme.as_deref(),
                key_proven: t.key_proven,
                cut_off: t.cut_off.as_deref(),
                error: t.error.as_ref(),
                engine: &t.engine,
            }),
            chain: chain.iter().map(Shown::new).collect(),
            r#match: matching(chain, route, at),
            obstacle: verdict.and_then(|v| v.obstacle).map(dane::cause::Cause::code),
            rfc_delivers: verdict.and_then(|v| v.rfc_delivers),
            paper_match: verdict.and_then(|v| v.paper_match),
            paper_valid: verdict.and_then(|v| v.paper_valid),
            early_bytes: server.early_bytes.as_deref(),
            depth: server.depth.as_deref(),
            class: server.depth.as_deref().and_then(|depth| tls_class(depth, chain, at)),
            capabilities: server.depth.as_ref().filter(|d| d.depth == Depth::Full).map(|_| capabilities(server)),
            dialogue: &server.dialogue,
            others: &server.others,
            earlier: &server.earlier,
        }
    }
}

impl Shown {
    fn new(bytes: &CertificateBytes) -> Self {
        let certificate = Certificate::parse(&bytes.0).ok();
        let seen = certificate.as_ref();
        Self {
            subject: seen.map(|c| c.subject()),
            issuer: seen.map(|c| c.issuer()),
            not_before: seen.and_then(|c| c.not_before),
            not_after: seen.and_then(|c| c.not_after),
            key: seen.map(key_words),
            bytes: bytes.clone(),
        }
    }
}

fn key_words(certificate: &Certificate) -> String {
    let bits = certificate.key.bits.filter(|_| certificate.key.kind == "RSA").map(|b| format!(" {b}")).unwrap_or_default();
    format!("{}{bits}", certificate.key.kind)
}

fn matching(chain: &[CertificateBytes], route: &HostRoute, at: Epoch) -> Option<Match> {
    let records: Vec<Tlsa> = route.records.iter().filter_map(|r| r.parse().ok()).collect();
    if chain.is_empty() || records.is_empty() {
        return None;
    }
    let seen = verify(chain, &records, &route.names, at, &VerifyOptions::default());
    Some(Match { verdict: seen.verdict.code(), usage: seen.usage, depth: seen.depth, error: seen.error.map(|e| e.code.code()) })
}

fn show(domain: &Name, route: &Route, observation: &Observation, verdict: &Verdict, style: &Style) {
    let at = verdict.at;
    print::hanging(0, format_args!("{domain}: {}", verdict.headline));
    for finding in verdict.findings.iter().filter(|f| f.party == Party::Us) {
        print::hanging(2, format_args!("here: {}", finding.sentence));
    }
    for host in &route.hosts {
        print::line(format_args!("  {:>5} {:<5} {}", host.preference, host.action.word(), host.host));
        for record in &host.records {
            print::line(format_args!("        TLSA {record}"));
        }
        for server in observation.hosts.iter().filter(|h| h.host == host.host).flat_map(|h: &std::sync::Arc<HostObservation>| &h.servers) {
            show_server(&Server::new(server, host, server_verdict(verdict, host, server), at));
            print::text(present::depth(server, at, 10, style));
        }
    }
}

fn show_server(server: &Server) {
    print::hanging(8, format_args!("{} port {}", server.address, server.port));
    let connect = match server.connect {
        Connect::Connected => None,
        Connect::Refused => Some("connection refused".to_owned()),
        Connect::Timeout => Some("no answer".to_owned()),
        Connect::Unreachable { detail } | Connect::LocalError { detail } => Some(detail.clone()),
        Connect::NotTried { why } => Some(format!("not visited: {why}")),
    };
    if let Some(words) = connect {
        print::hanging(10, words);
    }
    for visit in server.earlier {
        show_dialogue(&visit.dialogue);
        if let Some(error) = visit.tls.as_ref().and_then(|tls| tls.error.as_ref()) {
            print::hanging(10, format_args!("TLS failed: {}", error.detail));
        }
        print::hanging(10, "later:");
    }
    show_dialogue(server.dialogue);
    if let Some(tls) = &server.tls {
        show_tls(tls);
    }
    if server.early_bytes.is_some() {
        print::hanging(10, "plaintext came after the server's consent to TLS");
    }
    for (depth, shown) in server.chain.iter().enumerate().take(CERTIFICATES_SHOWN) {
        let what = shown.subject.as_ref().map_or_else(
            || format!("{} octets that are no certificate", shown.bytes.0.len()),
            |subject| format!("{subject}, {}", shown.key.as_deref().unwrap_or("unknown key")),
        );
        let until = shown.not_after.map_or(String::new(), |t| format!(", until {}", time::show(t)));
        print::hanging(10, format_args!("{depth}: {what}{until}"));
    }
    if let Some(more @ 1..) = server.chain.len().checked_sub(CERTIFICATES_SHOWN) {
        print::hanging(10, format_args!("and {}", present::count(more as u64, "more certificate")));
    }
    for (client, shown) in server.others.iter().filter_map(present::other) {
        print::hanging(10, format_args!("{client}: {shown}"));
    }
    if let Some(seen) = &server.r#match {
        let why = seen.error.map_or(String::new(), |e| format!(" ({e})"));
        print::hanging(10, format_args!("TLSA: {}{why}", seen.verdict));
    }
    if let Some(obstacle) = server.obstacle {
        print::hanging(10, obstacle);
    }
}

fn show_tls(tls: &Tls) {
    let known = [tls.version, tls.cipher, tls.group, tls.signature_scheme];
    let proven = match tls.key_proven {
        Some(true) => ", key proven",
        Some(false) => ", KEY NOT PROVEN",
        None => "",
    };
    let known: Vec<&str> = known.into_iter().flatten().collect();
    if !known.is_empty() {
        print::hanging(10, format_args!("{}{proven}", known.join(", ")));
    }
    if let Some(error) = tls.error {
        print::hanging(10, format_args!("TLS failed: {}", error.detail));
    }
    if let Some(cut) = tls.cut_off {
        let whole = present::count(cut.whole.len() as u64, "whole certificate");
        print::hanging(10, format_args!("{} of {} octets of certificates came: {whole}", cut.arrived, cut.announced));
    }
}

fn show_dialogue(dialogue: &[Exchange]) {
    for exchange in dialogue {
        let sent = exchange.sent.as_deref().unwrap_or("(greeting)");
        let lock = if exchange.encrypted { "TLS " } else { "" };
        print::hanging(10, format_args!("{lock}{sent}: {}", words(&exchange.got)));
    }
}

fn words(got: &Got) -> String {
    match got {
        Got::Reply { code, lines } => format!("{code} {}", lines.join(" / ")),
        Got::Garbage { text, why } => format!("no SMTP reply ({why}): {}", text.chars().take(80).collect::<String>()),
        Got::Timeout => "no reply in time".to_owned(),
        Got::Closed => "the connection was closed".to_owned(),
        Got::Reset => "the connection was reset".to_owned(),
    }
}
