//! `danelaw tlsa generate`: records from what an operator has at hand.

use crate::common::probe::{VisitOptions, looker};
use crate::common::resolver::ResolverOptions;
use crate::common::{file, print};
use crate::exit::{Exit, UsageError};
use dane::association::Associations;
use dane::cert::Certificate;
use dane::material::Material;
use dane::name::{self, Name};
use dane::observation::{AddressObservation, HostObservation};
use dane::smtp;
use dane::tlsa::{MatchingType, Selector, Tlsa, TlsaError, Usage};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Makes TLSA records from certificates, keys or certificate requests, PEM or DER, or from what a mail server shows.
///
/// Without further options it makes what the standard recommends: 3 1 1, the digest of the server's own key. Such a record can be
/// published before the certificate exists, and stays right through renewals that keep the key.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true))]
#[command(after_help = "EXAMPLES
  danelaw tlsa generate fullchain.pem --name mx.example.com

  # Before there is a certificate:
  danelaw tlsa generate next-key.pem --name mx.example.com --ttl 3600

  # Only if the request is for this key:
  danelaw tlsa generate request.csr --key next-key.pem \\
      --name mx.example.com

  # The issuer; several forms at once:
  danelaw tlsa generate fullchain.pem --name mx.example.com \\
      --usage DANE-TA --selector Cert
  danelaw tlsa generate cert.der --usage 3 --selector 0,1 --type 1,2 --json

  # From the certificate that a host shows now:
  danelaw tlsa generate --host mx.example.com

  A file with several certificates is taken as a chain: usages 1 and 3
  name the first one, usages 0 and 2 the last one. With --host, what the
  server shows is believed. Check from a second place that it is yours
  before you publish it. Resolver and probe options, except --port, matter
  for --host only.

EXIT CODES
  0  records were made
  2  the command line, or a file that it names, cannot be used
  3  no address of --host showed a certificate that can be used")]
pub struct Generate {
    /// Certificate or chain, private key, public key or certificate request
    #[arg(value_name = "FILE", group = "source")]
    files: Vec<PathBuf>,

    /// Ask this mail server over STARTTLS, at every address, instead of reading files
    #[arg(long, value_name = "HOST", group = "source")]
    host: Option<String>,

    /// The TLSA base domain: the MX host [default: --host; without it the owner is relative to your zone's origin]
    #[arg(long, value_name = "HOST")]
    name: Option<String>,

    /// Certificate usage: 0 to 3 or its name (PKIX-TA, PKIX-EE, DANE-TA, DANE-EE); several with commas
    #[arg(long, value_name = "USAGE", value_parser = usage, value_delimiter = ',', default_value = "3")]
    usage: Vec<Usage>,

    /// Selector: 0 or Cert, 1 or SPKI; several with commas
    #[arg(long, value_name = "SELECTOR", value_parser = selector, value_delimiter = ',', default_value = "1")]
    selector: Vec<Selector>,

    /// Matching type: 0 or Full, 1 or SHA2-256, 2 or SHA2-512; several with commas
    #[arg(long = "type", visible_alias = "matching-type", value_name = "TYPE", value_parser = matching_type, value_delimiter = ',', default_value = "1")]
    matching: Vec<MatchingType>,

    /// Check that this private key belongs to every file given
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// TTL to put into the zone-file line, seconds
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u32>,

    /// One JSON object for each record
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    visit: VisitOptions,

    #[command(flatten)]
    resolver: ResolverOptions,
}

impl Generate {
    /// Does it.
    ///
    /// # Errors
    /// If an argument or a file it names cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let owner = self.owner()?;
        let sources = match &self.host {
            Some(host) => self.shown_by(host)?,
            None => self.files.iter().map(|path| Ok((path.display().to_string(), materials(path)?))).collect::<Result<_, UsageError>>()?,
        };
        if sources.is_empty() {
            return Ok(Exit::Unknown);
        }
        self.check_key(&sources)?;
        let mut records: Vec<Tlsa> = Vec::new();
        for (source, materials) in &sources {
            for record in self.records(source, materials)? {
                if !records.contains(&record) {
                    records.push(record);
                }
            }
        }
        for record in &records {
            self.print(record, &owner)?;
        }
        Ok(Exit::Good)
    }

    fn owner(&self) -> Result<String, UsageError> {
        let port = self.visit.port;
        let Some(text) = self.name.as_ref().or(self.host.as_ref()) else { return Ok(format!("_{port}._tcp")) };
        let option = if self.name.is_some() { "--name" } else { "--host" };
        let base: Name = name::parse_domain(text).map_err(|e| UsageError(format!("{option}: {e}")))?;
        let owner = name::tlsa_owner(&base, port);
        owner.map(|owner| name::fqdn(&owner)).ok_or_else(|| UsageError(format!("{text}: with _{port}._tcp before it, it is too long")))
    }

    /// What every address of a live host shows: `HOST at ADDRESS`, and its chain. Says on the way which address shows nothing.
    fn shown_by(&self, host: &str) -> Result<Vec<Source>, UsageError> {
        let name = name::parse_domain(host).map_err(|e| UsageError(format!("--host: {e}")))?;
        let looker = looker(self.resolver.resolver(None)?, self.visit.config(self.resolver.mail_ipv6())?)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UsageError::new)?;
        let seen: &HostObservation = &runtime.block_on(looker.observe_host(&name));
        if seen.servers.is_empty() {
            let why = [&seen.a, &seen.aaaa].into_iter().find_map(|l| l.failure_detail.as_deref());
            anstream::eprintln!("danelaw: {host} has no address that could be asked{}", why.map_or_else(String::new, |w| format!(": {w}")));
        }
        let told = |server: &AddressObservation| {
            let from = format!("{host} at {}", server.address);
            match shown_by(server) {
                Ok(materials) => Some((from, materials)),
                Err(why) => {
                    anstream::eprintln!("danelaw: {from}: {why}");
                    None
                }
            }
        };
        Ok(seen.servers.iter().filter_map(told).collect())
    }

    /// Every file's key is that of `--key`.
    fn check_key(&self, sources: &[Source]) -> Result<(), UsageError> {
        let Some(path) = &self.key else { return Ok(()) };
        let keys = materials(path)?;
        let Some(Material::Key { spki, .. }) = keys.first() else {
            return Err(UsageError(format!("--key {}: this is a certificate, not a key", path.display())));
        };
        match sources.iter().find(|(_, materials)| materials.first().is_some_and(|m| m.spki() != spki.as_slice())) {
            Some((other, _)) => Err(UsageError(format!("the key in {} does not belong to {other}", path.display()))),
            None => Ok(()),
        }
    }

    fn records(&self, source: &str, materials: &[Material]) -> Result<Vec<Tlsa>, UsageError> {
        let mut records = Vec::new();
        for usage in &self.usage {
            // In a chain file the issuer comes after the server's certificate.
            let material = if matches!(usage.0, 0 | 2) { materials.last() } else { materials.first() };
            let Some(material) = material else { continue };
            warn(source, *usage, material);
            let forms = match material {
                Material::Certificate(certificate) => Associations::of(certificate),
                Material::Key { spki, .. } => Associations::of_raw_key(spki),
            };
            for selector in &self.selector {
                for matching in &self.matching {
                    let record = forms.record(usage.0, selector.0, matching.0);
                    records.push(record.ok_or_else(|| no_certificate(source, material))?);
                }
            }
        }
        Ok(records)
    }

    fn print(&self, record: &Tlsa, owner: &str) -> Result<(), UsageError> {
        let ttl = self.ttl.map_or_else(String::new, |ttl| format!("{ttl} "));
        let zone_file = format!("{owner} {ttl}IN TLSA {record}");
        let generic = record.to_rfc3597();
        let rfc3597 = format!("{owner} {ttl}IN TYPE52 {generic}");
        if self.json {
            let report = Report {
                owner,
                ttl: self.ttl,
                usage: record.usage,
                selector: record.selector,
                matching_type: record.matching,
                data: data_encoding::HEXLOWER.encode(&record.data),
                zone_file: &zone_file,
                rfc3597: &rfc3597,
            };
            print::json(&report);
        } else {
            print::line(&zone_file);
            print::line(format!("; the same for software that does not know TLSA: {rfc3597}"));
        }
        Ok(())
    }
}

fn usage(text: &str) -> Result<Usage, String> {
    known(text, |usage: &Usage| usage.0, 3)
}

fn selector(text: &str) -> Result<Selector, String> {
    known(text, |selector: &Selector| selector.0, 1)
}

fn matching_type(text: &str) -> Result<MatchingType, String> {
    known(text, |matching: &MatchingType| matching.0, 2)
}

/// No client can use a record with a field that nobody has defined. (R-040 rfc6698#2.1)
fn known<T: FromStr<Err = TlsaError>>(text: &str, number: fn(&T) -> u8, most: u8) -> Result<T, String> {
    let value: T = text.parse().map_err(|e: TlsaError| e.to_string())?;
    if number(&value) <= most { Ok(value) } else { Err(format!("nobody has defined that; give 0 to {most}, or a name")) }
}

/// The contract of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    owner: &'a str,
    ttl: Option<u32>,
    usage: u8,
    selector: u8,
    matching_type: u8,
    data: String,
    zone_file: &'a str,
    rfc3597: &'a str,
}

fn materials(path: &Path) -> Result<Vec<Material>, UsageError> {
    Material::read(&file::read(path)?).map_err(|e| UsageError(format!("{}: {e}", path.display())))
}

/// Where it comes from, in words, and what is there.
type Source = (String, Vec<Material>);

/// The chain that a server showed, if a sender gets to see it, can read all of it, and the server proved that the key is its own.
/// A record of anything else would keep mail away.
fn shown_by(server: &AddressObservation) -> Result<Vec<Material>, String> {
    if let Some(obstacle) = smtp::obstacle(server) {
        return Err(obstacle.title().to_owned());
    }
    let tls = server.tls.as_ref().ok_or("it shows no certificate")?;
    if tls.key_proven != Some(true) {
        return Err("it did not prove that it has the key of its certificate".to_owned());
    }
    let read = |(depth, bytes)| {
        let certificate =
            Certificate::parse_shared(bytes).map_err(|why| format!("certificate {depth} of its chain cannot be read: {why}"))?;
        Ok(Material::Certificate(Box::new(certificate)))
    };
    tls.chain.iter().enumerate().map(read).collect()
}

fn no_certificate(source: &str, material: &Material) -> UsageError {
    let what = if let Material::Key { from, .. } = material { *from } else { "certificate" };
    UsageError(format!("{source}: selector 0 names a certificate, and this is a {what}; use --selector 1, or give the certificate"))
}

/// Records that can be made, but will not work as their maker may think.
fn warn(source: &str, usage: Usage, material: &Material) {
    let Material::Certificate(certificate) = material else { return };
    let certificate: &Certificate = certificate;
    if matches!(usage.0, 0 | 2) && !certificate.is_issuer() {
        anstream::eprintln!(
            "danelaw: warning: usage {} names an issuer, but '{}' in {source} is not one; no server will be authenticated by it",
            usage.0,
            certificate.subject()
        );
    }
    if matches!(usage.0, 0 | 1) {
        anstream::eprintln!("danelaw: warning: mail servers ignore usage {}; use 3 or 2 for mail (RFC 7672 section 3.1.3)", usage.0);
    }
}
