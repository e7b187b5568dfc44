//! What states refer to: kept once, whoever shows it and however often.

use super::{CertId, Digest, Digest512};
use dane::Epoch;
use dane::cert::Certificate;
use dane::tlsa::Tlsa;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What a client takes.
///
/// A server may have several certificates and choose by what the client offers: so what it shows is asked by kind of client. A row for
/// another kind than [`KeyType::Any`] exists only while that kind is shown something else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyType {
    /// Every kind of key: what senders do.
    #[default]
    Any,
    /// RSA keys only.
    Rsa,
    /// Keys on elliptic curves only.
    Ecdsa,
    /// Every kind, and it does not say whom it wants: no SNI.
    NoName,
}

impl KeyType {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Any, Self::Rsa, Self::Ecdsa, Self::NoName];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Rsa => "rsa",
            Self::Ecdsa => "ecdsa",
            Self::NoName => "no-name",
        }
    }
}

/// What has a history: a server of a host at an address, as one kind of client meets it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServerKey {
    /// The host, lower case, no final dot.
    pub host: Box<str>,
    /// The service's port: it names the TLSA record.
    pub port: u16,
    /// The address. `None`: no address was visited or known, so that the row speaks of the host's DNS alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// What the client takes.
    #[serde(default)]
    pub key_type: KeyType,
}

impl ServerKey {
    /// What a sender meets that takes every kind of key.
    #[must_use]
    pub fn new(host: &str, port: u16, address: Option<IpAddr>) -> Self {
        Self { host: host.into(), port, address, key_type: KeyType::Any }
    }
}

/// A mail domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Domain {
    /// The domain, lower case, no final dot.
    pub domain: Box<str>,
}

impl Domain {
    /// Its last label.
    #[must_use]
    pub fn tld(&self) -> &str {
        self.domain.rsplit('.').next().unwrap_or_default()
    }
}

/// A certificate, as far as it can be read, without its bytes: enough to match it and to say when it holds and who made it.
///
/// Its association data by selector and matching type (RFC 6698 section 2.1) are `sha256`, `sha512`, `spki_sha256`, `spki_sha512`; the two
/// full forms are [`CertDer::der`] and the key cut from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cert {
    /// SHA-256 of its bytes: its name everywhere.
    pub sha256: Digest,
    /// SHA-512 of its bytes.
    pub sha512: Digest512,
    /// SHA-256 of its SubjectPublicKeyInfo: the identity of its key. `None`: it cannot be read.
    pub spki_sha256: Option<Digest>,
    /// SHA-512 of its SubjectPublicKeyInfo.
    pub spki_sha512: Option<Digest512>,
    /// First moment of validity.
    pub not_before_s: Option<Epoch>,
    /// Last moment of validity.
    pub not_after_s: Option<Epoch>,
    /// The first common name of its subject.
    pub subject_cn: Option<String>,
    /// The first common name of its issuer.
    pub issuer_cn: Option<String>,
    /// `RSA`, `P-256`, …
    pub key_kind: Option<String>,
    /// Size of the key in bits.
    pub key_bits: Option<u32>,
}

impl Cert {
    /// What can be read of bytes that claim to be a certificate.
    #[must_use]
    pub fn read(der: &CertDer) -> Self {
        let read = Certificate::parse(&der.der).ok();
        let read = read.as_ref();
        Self {
            sha256: Digest::of(&der.der),
            sha512: Digest512::of(&der.der),
            spki_sha256: read.map(|c| Digest::of(&c.spki)),
            spki_sha512: read.map(|c| Digest512::of(&c.spki)),
            not_before_s: read.and_then(|c| c.not_before),
            not_after_s: read.and_then(|c| c.not_after),
            subject_cn: read.and_then(|c| c.common_names().into_iter().next()),
            issuer_cn: read.and_then(|c| c.issuer_common_names().into_iter().next()),
            key_kind: read.map(|c| c.key.kind.clone()),
            key_bits: read.and_then(|c| c.key.bits),
        }
    }
}

/// The bytes of a certificate as received, well-formed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertDer {
    /// The bytes.
    pub der: Box<[u8]>,
}

/// The certificates that a server sent, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Chain {
    /// The certificates; the first is the server's own.
    pub certs: Box<[CertId]>,
}

impl Chain {
    /// Its name in every archive: SHA-256 of the SHA-256 of its certificates, one after the other.
    #[must_use]
    pub fn sha256(digests: &[Digest]) -> Digest {
        Digest::of_all(digests.iter().map(|d| &d.0[..]))
    }
}

/// TLSA records that were answered together, sorted; none if the answer was that there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsaSet {
    /// The records, each once.
    pub records: Box<[Tlsa]>,
}

impl TlsaSet {
    /// The set of these records.
    #[must_use]
    pub fn new(mut records: Vec<Tlsa>) -> Self {
        records.sort_by(|a, b| (a.usage, a.selector, a.matching, &a.data).cmp(&(b.usage, b.selector, b.matching, &b.data)));
        records.dedup();
        Self { records: records.into() }
    }

    /// Its name in every archive: SHA-256 of its records' RDATA, each after its length in four octets, the first the highest.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        let mut octets = Vec::new();
        for record in &self.records {
            let rdata = record.to_rdata();
            octets.extend(u32::try_from(rdata.len()).unwrap_or(u32::MAX).to_be_bytes());
            octets.extend(rdata);
        }
        Digest::of(&octets)
    }
}

/// Raw DNS messages, base64, by line: from them a status that is not secure can be found anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The messages.
    pub messages: Box<str>,
}

/// The hosts that a domain's mail goes to, best first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MxSet {
    /// Preference and host, lower case, no final dot; sorted.
    pub hosts: Box<[(u16, Box<str>)]>,
}

impl MxSet {
    /// Its name in every archive: SHA-256 of `PREFERENCE HOST` by line.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        let lines: String = self.hosts.iter().map(|(preference, host)| format!("{preference} {host}\n")).collect();
        Digest::of(lines.as_bytes())
    }
}

/// The name servers of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NsSet {
    /// Their names, lower case, no final dot; sorted.
    pub hosts: Box<[Box<str>]>,
}

impl NsSet {
    /// Its name in every archive: SHA-256 of the names by line.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        Digest::of_all(self.hosts.iter().flat_map(|host| [host.as_bytes(), b"\n"]))
    }
}
