//! `danelaw tlsa verify`: a chain against records, without any network.

use crate::common::{file, print, time};
use crate::exit::{Exit, UsageError};
use dane::Epoch;
use dane::cause::Cause;
use dane::matching::{self, CommonName, EeNames, MatchVerdict, Verification, VerifyOptions};
use dane::name::Name;
use dane::observation::CertificateBytes;
use dane::tlsa::{Mode, Tlsa};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Checks a certificate chain against TLSA records, as a mail server that validates DANE does.
///
/// The chain is what the server sends, its own certificate first. Names are the reference identifiers: the TLSA base domain, and with
/// secure MX records the mail domain, too.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("presented").required(true))]
#[command(after_help = "EXAMPLES
  danelaw tlsa verify --chain fullchain.pem --name mx.example.com \\
      --tlsa '3 1 1 0123…'

  # A set of two records, at Christmas, for a program:
  danelaw tlsa verify --chain fullchain.pem --name mx.example.com \\
      --name example.com --tlsa '2 1 1 89ab…' --tlsa '3 1 1 0123…' \\
      --at 2026-12-24T00:00:00Z --json

  # Not for mail: usages 0 and 1 count, too:
  danelaw tlsa verify --chain-der certificates/ --name www.example.com \\
      --tlsa 'PKIX-TA Cert SHA2-256 4567…' --mode generic \\
      --roots /etc/ssl/certs/ca-certificates.crt

EXIT CODES
  0  a record matches
  1  no usable record matches
  2  the command line, or a file that it names, cannot be used
  3  no record is usable: senders would encrypt without authenticating")]
pub struct Verify {
    /// The chain: a PEM file, the server's certificate first
    #[arg(long, value_name = "FILE", group = "presented")]
    chain: Option<PathBuf>,

    /// The chain: a directory with one DER file for each certificate, in the order of their names (numbers by value)
    #[arg(long, value_name = "DIR", group = "presented")]
    chain_der: Option<PathBuf>,

    /// A TLSA record: '3 1 1 HEX', 'DANE-EE SPKI SHA2-256 HEX' or '\# LENGTH HEX', also as a whole line of a zone file; repeat for each record of the set
    #[arg(long, value_name = "RECORD", required = true, allow_hyphen_values = true)]
    tlsa: Vec<String>,

    /// A name that the certificate may be for (usages 0, 1 and 2); repeat for each
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,

    /// The time for which to judge: seconds since 1970 or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    at: Option<Epoch>,

    /// smtp: usages 0 and 1 are unusable; generic: all four count
    #[arg(long, value_enum, default_value_t = ModeArgument::Smtp)]
    mode: ModeArgument,

    /// Trusted roots for usages 0 and 1: a PEM file
    #[arg(long, value_name = "FILE")]
    roots: Option<PathBuf>,

    /// Check names for usage 3, too, which RFC 7672 tells mail servers not to do
    #[arg(long)]
    ee_name_checks: bool,

    /// Never take a name from the subject's common name (RFC 9525)
    #[arg(long)]
    no_common_name: bool,

    /// Digests from strongest to weakest, as matching types
    #[arg(long, value_name = "TYPES", value_delimiter = ',', default_value = "2,1")]
    digest_order: Vec<u8>,

    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ModeArgument {
    Smtp,
    Generic,
}

impl Verify {
    /// Does it.
    ///
    /// # Errors
    /// If an argument or a file it names cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let records = records(&self.tlsa)?;
        let names = names(&self.name)?;
        let chain = match (&self.chain, &self.chain_der) {
            (Some(path), _) => file::certificates(path)?,
            (None, Some(directory)) => certificates_of(directory)?,
            (None, None) => return Err(UsageError::new("give the chain with --chain FILE or --chain-der DIR")),
        };
        let options = VerifyOptions {
            mode: match self.mode {
                ModeArgument::Smtp => Mode::Smtp,
                ModeArgument::Generic => Mode::Generic,
            },
            ee_names: if self.ee_name_checks { EeNames::Check } else { EeNames::Ignore },
            common_name: if self.no_common_name { CommonName::Never } else { CommonName::IfNoDnsName },
            digest_order: self.digest_order,
            roots: self.roots.as_deref().map_or(Ok(Vec::new()), file::certificates)?,
        };
        let at = self.at.unwrap_or_else(time::now);
        let verification = matching::verify(&chain, &records, &names, at, &options);
        if self.json {
            print::json(&Report::from(&verification));
        } else {
            show(&verification, &records);
        }
        if verification.is_undecided() {
            return Ok(Exit::Unknown);
        }
        Ok(match verification.verdict {
            MatchVerdict::Match => Exit::Good,
            MatchVerdict::NoMatch => Exit::Bad,
            MatchVerdict::Unusable => Exit::Unknown,
        })
    }
}

/// The contract of `--json`: names and meanings do not change.
#[derive(Serialize)]
struct Report<'a> {
    verdict: &'static str,
    usage: Option<u8>,
    depth: Option<u8>,
    error: Option<&'static str>,
    detail: Option<&'a str>,
    records: Vec<ReportRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<Warning<'a>>,
}

/// What is wrong with a match.
#[derive(Serialize)]
struct Warning<'a> {
    cause: Cause,
    detail: &'a str,
}

#[derive(Serialize)]
struct ReportRecord<'a> {
    status: &'static str,
    reason: &'static str,
    detail: &'a str,
}

impl<'a> From<&'a Verification> for Report<'a> {
    fn from(verification: &'a Verification) -> Self {
        let record = |r: &'a matching::RecordOutcome| ReportRecord { status: r.status.code(), reason: r.reason, detail: &r.detail };
        Report {
            verdict: verification.verdict.code(),
            usage: verification.usage,
            depth: verification.depth,
            error: verification.error.as_ref().map(|e| e.code.code()),
            detail: verification.error.as_ref().map(|e| e.detail.as_str()),
            records: verification.records.iter().map(record).collect(),
            warning: verification.detour.as_ref().map(|d| Warning { cause: Cause::TaSecondPath, detail: &d.detail }),
        }
    }
}

fn show(verification: &Verification, records: &[Tlsa]) {
    let verdict = verification.verdict.code();
    let place = verification.usage.zip(verification.depth).map(|(usage, depth)| format!("usage {usage} at depth {depth}"));
    match (verification.verdict, place, &verification.error) {
        (MatchVerdict::Match, Some(place), _) => print::line(format!("{verdict}: {place}")),
        // Of what fails, usage and depth say which record came closest: no match.
        (_, _, Some(error)) => print::line(format!("{verdict}: {} ({})", error.detail, error.code.code())),
        (_, _, None) => print::line(verdict),
    }
    if let Some(detour) = &verification.detour {
        let cause = Cause::TaSecondPath;
        print::line(format!("  {} ({}): {}", cause.title().trim_end_matches('.'), cause.code(), detour.detail));
    }
    for (record, outcome) in records.iter().zip(&verification.records) {
        let text = record.to_string();
        let short: String = if text.chars().count() > 28 { text.chars().take(27).chain(['…']).collect() } else { text };
        print::line(format!("  {short:28}  {}: {}", outcome.status.code(), outcome.detail));
    }
}

fn records(texts: &[String]) -> Result<Vec<Tlsa>, UsageError> {
    let read = |text: &String| {
        let shown: String = text.chars().take(60).collect();
        data_of(text).parse().map_err(|e| UsageError(format!("--tlsa '{shown}': {e}")))
    };
    texts.iter().map(read).collect()
}

/// What stands behind the type, if it is a whole line of a zone file: owner, TTL and class say nothing here.
fn data_of(line: &str) -> String {
    let mut words = line.split_whitespace();
    match words.find(|word| word.eq_ignore_ascii_case("TLSA") || word.eq_ignore_ascii_case("TYPE52")) {
        Some(_) => words.collect::<Vec<_>>().join(" "),
        None => line.to_owned(),
    }
}

fn names(texts: &[String]) -> Result<Vec<Name>, UsageError> {
    texts.iter().map(|text| dane::name::parse_domain(text).map_err(|e| UsageError(format!("--name: {e}")))).collect()
}

/// The files of a directory, in the order of their names; names that begin with a number by its value.
fn certificates_of(directory: &Path) -> Result<Vec<CertificateBytes>, UsageError> {
    let failed = |e: std::io::Error| UsageError(format!("cannot read {}: {e}", directory.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort_by_cached_key(|path| {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
        (digits.parse::<u64>().unwrap_or(u64::MAX), name)
    });
    paths.iter().map(|path| Ok(CertificateBytes(file::read(path)?.into()))).collect()
}
