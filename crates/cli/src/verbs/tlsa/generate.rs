//! `danelaw tlsa generate`: records from what an operator has at hand.

use crate::common::{file, print};
use crate::exit::{Exit, UsageError};
use dane::association::Associations;
use dane::cert::Certificate;
use dane::material::Material;
use dane::name::{self, Name};
use dane::tlsa::{MatchingType, Selector, Tlsa, Usage};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Makes TLSA records from certificates, keys or certificate requests, PEM or DER.
///
/// Without further options it makes what the standard recommends: 3 1 1, the digest of the server's own key. Such a record can be
/// published before the certificate exists, and stays right through renewals that keep the key.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw tlsa generate fullchain.pem --name mx.example.com
  danelaw tlsa generate next-key.pem --name mx.example.com --ttl 3600     before there is a certificate
  danelaw tlsa generate request.csr --key next-key.pem --name mx.example.com
  danelaw tlsa generate fullchain.pem --name mx.example.com --usage DANE-TA --selector Cert
  danelaw tlsa generate cert.der --usage 3 --selector 0,1 --type 1,2 --json

A file with several certificates is taken as a chain: usages 1 and 3 name the first one, usages 0 and 2 the last one.

EXIT CODES
  0  records were made
  2  the command line, or a file that it names, cannot be used")]
pub struct Generate {
    /// Certificate or chain, private key, public key or certificate request
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The TLSA base domain: the MX host. Without it the owner is relative to your zone's origin
    #[arg(long, value_name = "HOST")]
    name: Option<String>,

    /// The service's port
    #[arg(long, default_value_t = 25)]
    port: u16,

    /// Certificate usage: 0 to 3 or its name (PKIX-TA, PKIX-EE, DANE-TA, DANE-EE); several with commas
    #[arg(long, value_name = "USAGE", value_delimiter = ',', default_value = "3")]
    usage: Vec<Usage>,

    /// Selector: 0 or Cert, 1 or SPKI; several with commas [default: 1]
    #[arg(long, value_name = "SELECTOR", value_delimiter = ',', default_value = "1")]
    selector: Vec<Selector>,

    /// Matching type: 0 or Full, 1 or SHA2-256, 2 or SHA2-512; several with commas
    #[arg(long = "type", visible_alias = "matching-type", value_name = "TYPE", value_delimiter = ',', default_value = "1")]
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
}

impl Generate {
    /// Does it.
    ///
    /// # Errors
    /// If an argument or a file it names cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let owner = self.owner()?;
        let mut records: Vec<Tlsa> = Vec::new();
        let sources = self.files.iter().map(|path| Ok((path, materials(path)?))).collect::<Result<Vec<_>, UsageError>>()?;
        self.check_key(&sources)?;
        for (path, materials) in &sources {
            for record in self.records(path, materials)? {
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
        let Some(text) = &self.name else { return Ok(format!("_{}._tcp", self.port)) };
        let base: Name = name::parse_domain(text).map_err(|e| UsageError(format!("--name: {e}")))?;
        let owner = name::tlsa_owner(&base, self.port);
        owner
            .map(|owner| name::fqdn(&owner))
            .ok_or_else(|| UsageError(format!("--name {text}: with _{}._tcp before it, it is too long", self.port)))
    }

    /// Every file's key is that of `--key`.
    fn check_key(&self, sources: &[(&PathBuf, Vec<Material>)]) -> Result<(), UsageError> {
        let Some(path) = &self.key else { return Ok(()) };
        let keys = materials(path)?;
        let Some(Material::Key { spki, .. }) = keys.first() else {
            return Err(UsageError(format!("--key {}: this is a certificate, not a key", path.display())));
        };
        match sources.iter().find(|(_, materials)| materials.first().is_some_and(|m| m.spki() != spki.as_slice())) {
            Some((other, _)) => Err(UsageError(format!("the key in {} does not belong to {}", path.display(), other.display()))),
            None => Ok(()),
        }
    }

    fn records(&self, path: &Path, materials: &[Material]) -> Result<Vec<Tlsa>, UsageError> {
        let mut records = Vec::new();
        for usage in &self.usage {
            // In a chain file the issuer comes after the server's certificate.
            let material = if matches!(usage.0, 0 | 2) { materials.last() } else { materials.first() };
            let Some(material) = material else { continue };
            warn(path, *usage, material);
            let forms = match material {
                Material::Certificate(certificate) => Associations::of(certificate),
                Material::Key { spki, .. } => Associations::of_raw_key(spki),
            };
            for selector in &self.selector {
                for matching in &self.matching {
                    let record = forms.record(usage.0, selector.0, matching.0);
                    records.push(record.ok_or_else(|| no_certificate(path, material))?);
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
            print::line(serde_json::to_string(&report).map_err(UsageError::new)?);
        } else {
            print::line(&zone_file);
            print::line(format!("; the same for software that does not know TLSA: {rfc3597}"));
        }
        Ok(())
    }
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

fn no_certificate(path: &Path, material: &Material) -> UsageError {
    let what = if let Material::Key { from, .. } = material { *from } else { "certificate" };
    UsageError(format!(
        "{}: selector 0 names a certificate, and this is a {what}; use --selector 1, or give the certificate",
        path.display()
    ))
}

/// Records that can be made, but will not work as their maker may think.
fn warn(path: &Path, usage: Usage, material: &Material) {
    let Material::Certificate(certificate) = material else { return };
    let certificate: &Certificate = certificate;
    if matches!(usage.0, 0 | 2) && !certificate.is_issuer() {
        anstream::eprintln!(
            "danelaw: warning: usage {} names an issuer, but '{}' in {} is not one; no server will be authenticated by it",
            usage.0,
            certificate.subject,
            path.display()
        );
    }
    if matches!(usage.0, 0 | 1) {
        anstream::eprintln!("danelaw: warning: mail servers ignore usage {}; use 3 or 2 for mail (RFC 7672 section 3.1.3)", usage.0);
    }
}
