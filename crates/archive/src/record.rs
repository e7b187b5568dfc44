//! One line of the log.

use dane::Epoch;
use dane::name::Name;
use dane::observation::{CertificateBytes, DomainObservation, HostObservation, RunObservation, SCHEMA_VERSION};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;

/// Certificates by the lower-case hex of their SHA-256.
pub(crate) type Certificates = HashMap<String, CertificateBytes>;

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Metadata of the run; the last one counts.
    Run(Box<RunObservation>),
    /// A certificate that hosts refer to.
    Certificate(CertificateBytes),
    /// An MX host.
    Host(Box<HostObservation>),
    /// A domain.
    Domain(Box<DomainObservation>),
    /// A target that was not looked at.
    Skipped(Skipped),
}

/// A target that was not looked at, so that every target has a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The target.
    pub domain: Name,
    /// When that was decided.
    pub at: Epoch,
    /// Stable code: `opted-out`, `cancelled`, `crashed`.
    pub why: String,
}

/// Why a line is no record.
pub(crate) enum Unreadable {
    /// Its schema version is above ours.
    TooNew(u64),
    /// Its kind is unknown to us: passed over.
    UnknownKind,
    /// It is broken.
    Broken(String),
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default)]
    schema: u64,
}

#[derive(Serialize, Deserialize)]
struct CertificateLine {
    sha256: String,
    der: String,
}

#[derive(Serialize)]
struct Line<'a, T> {
    kind: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

pub(crate) fn run_line(run: &RunObservation) -> serde_json::Result<String> {
    serde_json::to_string(&Line { kind: "run", body: run })
}

pub(crate) fn domain_line(domain: &DomainObservation) -> serde_json::Result<String> {
    serde_json::to_string(&Line { kind: "domain", body: domain })
}

pub(crate) fn skipped_line(skipped: &Skipped) -> serde_json::Result<String> {
    serde_json::to_string(&Line { kind: "skipped", body: skipped })
}

pub(crate) fn certificate_line(certificate: &CertificateBytes) -> serde_json::Result<String> {
    serde_json::to_string(&Line { kind: "cert", body: certificate })
}

pub(crate) fn host_line(host: &HostObservation) -> serde_json::Result<String> {
    serde_json::to_string(&Line { kind: "host", body: &host_by_reference(host)? })
}

/// A host in JSON with its certificates named by hash only.
pub(crate) fn host_by_reference(host: &HostObservation) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(host)?;
    for_each_certificate(&mut value, &mut |certificate| {
        certificate.remove("der");
        Ok(())
    })
    .ok();
    Ok(value)
}

/// The host again, certificates filled in.
pub(crate) fn host_from_reference(mut value: Value, certificates: &Certificates) -> Result<HostObservation, String> {
    for_each_certificate(&mut value, &mut |certificate| {
        if certificate.contains_key("der") {
            return Ok(());
        }
        let sha256 = certificate.get("sha256").and_then(Value::as_str).unwrap_or_default();
        let bytes = certificates.get(sha256).ok_or_else(|| format!("certificate {sha256} is missing"))?;
        certificate.insert("der".into(), data_encoding::BASE64.encode(&bytes.0).into());
        Ok(())
    })?;
    serde_json::from_value(value).map_err(|e| e.to_string())
}

type Change<'a> = dyn FnMut(&mut serde_json::Map<String, Value>) -> Result<(), String> + 'a;

fn for_each_certificate(host: &mut Value, change: &mut Change) -> Result<(), String> {
    let Some(servers) = host.get_mut("servers").and_then(Value::as_array_mut) else { return Ok(()) };
    for server in servers {
        in_chain(server, change)?;
        for visit in server.get_mut("earlier").and_then(Value::as_array_mut).into_iter().flatten() {
            in_chain(visit, change)?;
        }
    }
    Ok(())
}

fn in_chain(visit: &mut Value, change: &mut Change) -> Result<(), String> {
    let chain = visit.pointer_mut("/tls/chain").and_then(Value::as_array_mut);
    chain.into_iter().flatten().filter_map(Value::as_object_mut).try_for_each(change)
}

pub(crate) fn parse(line: &str, certificates: &Certificates) -> Result<Record, Unreadable> {
    let broken = |e: serde_json::Error| Unreadable::Broken(e.to_string());
    let head: Head = serde_json::from_str(line).map_err(broken)?;
    if head.schema > u64::from(SCHEMA_VERSION) {
        return Err(Unreadable::TooNew(head.schema));
    }
    match head.kind.as_ref() {
        "run" => serde_json::from_str(line).map(Record::Run).map_err(broken),
        "domain" => serde_json::from_str(line).map(Record::Domain).map_err(broken),
        "skipped" => serde_json::from_str(line).map(Record::Skipped).map_err(broken),
        "cert" => parse_certificate(line).map(Record::Certificate).map_err(Unreadable::Broken),
        "host" => {
            let value = serde_json::from_str(line).map_err(broken)?;
            host_from_reference(value, certificates).map(|h| Record::Host(Box::new(h))).map_err(Unreadable::Broken)
        }
        _ => Err(Unreadable::UnknownKind),
    }
}

fn parse_certificate(line: &str) -> Result<CertificateBytes, String> {
    let line: CertificateLine = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let der = data_encoding::BASE64.decode(line.der.as_bytes()).map_err(|e| e.to_string())?;
    let bytes = CertificateBytes(der.into());
    if key(&bytes) != line.sha256 {
        return Err(format!("certificate {} does not have that hash", line.sha256));
    }
    Ok(bytes)
}

/// The certificate's name in the archive.
pub(crate) fn key(certificate: &CertificateBytes) -> String {
    data_encoding::HEXLOWER.encode(&certificate.sha256())
}
