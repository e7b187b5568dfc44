//! `danelaw dns validate`: one question, and whether its answer is proven.

use crate::common::resolver::ResolverOptions;
use crate::common::{print, time};
use crate::exit::{Exit, UsageError};
use domain::base::iana::{OptRcode, Rcode, Rtype};
use resolve::{Answer, Epoch, Failure, Name, Security};
use serde::Serialize;

/// Resolves NAME TYPE and validates the answer from the trust anchors down.
///
/// Says whether it is secure (proven), insecure (proven to be unsigned), bogus (a proof that should be there is broken) or
/// indeterminate (the proof could not be fetched), and where and why the chain ends.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw dns validate _25._tcp.mx.example.com TLSA

  # Ask a local resolver, validate here:
  danelaw dns validate example.com MX --upstream 127.0.0.1

  # Will the signatures still hold at Christmas?
  danelaw dns validate example.com MX --at 2026-12-24T00:00:00Z

  # Any type, for programs:
  danelaw dns validate example.com TYPE65 --json

  # In the lab that 'danelaw lab serve --export lab' serves:
  danelaw dns validate valid.nl MX --root-hints lab/root.hints \\
      --anchor lab/anchor.ds --dns-port 5300

EXIT CODES
  0  secure or insecure: there is an answer, positive or negative, that
     can be used
  1  bogus
  2  the command line, or a file that it names, cannot be used
  3  indeterminate: no answer, or its proof could not be fetched")]
pub struct Args {
    /// Domain name; octets beyond letters and digits as \DDD
    name: String,

    /// Record type: a mnemonic like TLSA, or TYPEnnn
    #[arg(value_name = "TYPE")]
    rtype: String,

    /// The time at which signatures are judged: seconds since 1970 or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    at: Option<Epoch>,

    /// One JSON object on one line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    resolver: ResolverOptions,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If an argument or a file it names cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let name = parse_name(&self.name)?;
        let rtype = parse_type(&self.rtype)?;
        let resolver = self.resolver.resolver(self.at)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UsageError::new)?;
        let answer = runtime.block_on(resolver.lookup(&name, rtype));
        if self.json {
            print::json(&Report::from(&*answer));
        } else {
            show(&answer);
        }
        Ok(match answer.status {
            Security::Secure | Security::Insecure => Exit::Good,
            Security::Bogus => Exit::Bad,
            Security::Indeterminate => Exit::Unknown,
        })
    }
}

/// The contract of `--json`: names and meanings do not change.
#[derive(Serialize)]
struct Report<'a> {
    name: &'a Name,
    r#type: String,
    /// The time at which it was judged.
    at: Epoch,
    status: Security,
    /// As a validating resolver would say it to its clients: SERVFAIL unless the answer can be used. (RFC 4035 section 5.5)
    rcode: String,
    /// Extended DNS errors that describe the reason. (R-126 rfc8914#4)
    ede: Vec<u16>,
    /// Why it is not secure: a stable code.
    reason: Option<String>,
    /// Where the chain ends or breaks.
    at_name: Option<&'a Name>,
    at_type: Option<String>,
    detail: Option<&'a str>,
    /// Why there is no answer.
    failure: Option<&'static str>,
    failure_detail: Option<&'a str>,
    /// The alias chain, then the records of the type asked for.
    answers: Vec<Record<'a>>,
    signature: Option<Signature<'a>>,
    negative_ttl: Option<u32>,
    wildcard: bool,
    opt_out: bool,
    server: Option<std::net::IpAddr>,
    /// Servers whose answers were bogus where those of others were not.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    bogus_servers: &'a [std::net::IpAddr],
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct Record<'a> {
    name: &'a Name,
    ttl: u32,
    r#type: String,
    data: String,
}

#[derive(Serialize)]
struct Signature<'a> {
    signer: &'a Name,
    key_tag: u16,
    algorithm: u8,
    inception: Epoch,
    expiration: Epoch,
    original_ttl: u32,
}

impl<'a> From<&'a Answer> for Report<'a> {
    fn from(answer: &'a Answer) -> Self {
        let reason = answer.reason.as_ref();
        let signature = answer.signature.as_ref().map(|s| Signature {
            signer: &s.signer,
            key_tag: s.key_tag,
            algorithm: s.algorithm,
            inception: s.inception,
            expiration: s.expiration,
            original_ttl: s.original_ttl,
        });
        Report {
            name: &answer.question.name,
            r#type: answer.question.rtype.to_string(),
            at: answer.at,
            status: answer.status,
            rcode: rcode(answer),
            ede: reason.and_then(|r| r.ede).or(answer.failure.and_then(|f| f.reason().ede())).into_iter().collect(),
            reason: reason.map(|r| r.code).or(answer.failure.map(Failure::reason)).map(|code| code.to_string()),
            at_name: reason.map(|r| &r.at_name).or(answer.failure.map(|_| &answer.question.name)),
            at_type: reason.map(|r| r.at_type.to_string()),
            detail: reason.map(|r| r.detail.as_str()).filter(|detail| !detail.is_empty()),
            failure: answer.failure.map(Failure::code),
            failure_detail: answer.failure_detail.as_deref(),
            answers: records(answer),
            signature,
            negative_ttl: answer.negative_ttl,
            wildcard: answer.wildcard,
            opt_out: answer.opt_out,
            server: answer.server,
            bogus_servers: &answer.bogus_servers,
            elapsed_ms: u64::try_from(answer.elapsed.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

fn records(answer: &Answer) -> Vec<Record<'_>> {
    let alias = |link: &'_ resolve::Link| link.target.fmt_with_dot().to_string();
    let aliases =
        answer.aliases.iter().map(|link| Record { name: &link.owner, ttl: link.ttl, r#type: Rtype::CNAME.to_string(), data: alias(link) });
    let data = answer.data_text().into_iter();
    let set = answer.rrset.iter();
    let last =
        set.flat_map(|set| data.clone().map(move |data| Record { name: &set.owner, ttl: set.ttl, r#type: set.rtype.to_string(), data }));
    aliases.chain(last).collect()
}

fn show(answer: &Answer) {
    let status = format!("{:?}", answer.status).to_lowercase();
    print::line(format!("{} {}: {status}, {}", answer.question.name.fmt_with_dot(), answer.question.rtype, rcode(answer)));
    for record in records(answer) {
        print::line(format!("  {} {} IN {} {}", record.name.fmt_with_dot(), record.ttl, record.r#type, record.data));
    }
    if let Some(s) = &answer.signature {
        let (from, until) = (time::show(s.inception), time::show(s.expiration));
        let signer = s.signer.fmt_with_dot();
        print::line(format!("  signed by {signer} with key {} (algorithm {}), valid {from} to {until}", s.key_tag, s.algorithm));
    }
    if let Some(detail) = &answer.failure_detail {
        print::line(format!("  no answer: {detail}"));
    }
    if let Some(reason) = &answer.reason {
        print::line(format!("  {reason}"));
        print::line(format!("  {}", reason.code.text()));
    }
    for server in &answer.bogus_servers {
        print::line(format!("  {server} gave a bogus answer; another server gave this one"));
    }
}

pub fn rcode(answer: &Answer) -> String {
    let usable = matches!(answer.status, Security::Secure | Security::Insecure);
    let code = if usable || answer.failure.is_some() { answer.rcode } else { OptRcode::SERVFAIL.to_int() };
    let known = u8::try_from(code).ok().and_then(Rcode::checked_from_int);
    known.map_or_else(|| code.to_string(), |code| code.to_string())
}

/// Any name that DNS can hold: underscores, asterisks, escapes; an international name becomes A-labels.
fn parse_name(text: &str) -> Result<Name, UsageError> {
    let bad =
        |why: &dyn std::fmt::Display| UsageError(format!("'{}' is not a domain name: {why}", text.chars().take(80).collect::<String>()));
    if !text.is_ascii() {
        return dane::name::parse_domain(text).map_err(UsageError::new);
    }
    if text.is_empty() {
        return Err(bad(&"it is empty; the root is '.'"));
    }
    text.parse::<Name>().map_err(|error| bad(&error))
}

pub fn parse_type(text: &str) -> Result<Rtype, UsageError> {
    let bad = || {
        UsageError(format!("'{}' is not a record type; give a mnemonic like TLSA, or TYPEnnn", text.chars().take(40).collect::<String>()))
    };
    text.parse().map_err(|_| bad())
}
