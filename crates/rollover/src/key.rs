//! Public keys and chains, as far as TLSA records speak of them. Private keys never come here.

use dane::association::Associations;
use dane::cert::{Certificate, CertificateError};
use dane::observation::CertificateBytes;
use dane::tlsa::Tlsa;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A public key: its SubjectPublicKeyInfo in DER, stored as base64.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(Arc<[u8]>);

impl Key {
    /// A key by its SubjectPublicKeyInfo, exactly as certificates will have it.
    #[must_use]
    pub fn new(spki: &[u8]) -> Self {
        Self(spki.into())
    }

    /// SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.0
    }

    /// `3 1 M` of this key; `None` if the matching type is not defined. (R-099: the records that no renewal breaks)
    #[must_use]
    pub fn record(&self, matching: u8) -> Option<Tlsa> {
        Associations::of_raw_key(&self.0).record(3, 1, matching)
    }

    /// The beginning of the key's SHA-256, by which a person finds the record.
    #[must_use]
    pub fn short(&self) -> String {
        let record = self.record(1).map(|record| data_encoding::HEXLOWER.encode(&record.data));
        record.unwrap_or_default().chars().take(8).collect()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.short())
    }
}

impl TryFrom<String> for Key {
    type Error = data_encoding::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        data_encoding::BASE64.decode(text.as_bytes()).map(|spki| Self(spki.into()))
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        data_encoding::BASE64.encode(&key.0)
    }
}

/// Kind of a server's key: a server may hold one of each, and chooses by what the client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// RSA.
    Rsa,
    /// ECDSA on any curve.
    Ecdsa,
    /// Anything else.
    Other,
}

/// A chain as a server presents it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<CertificateBytes>", into = "Vec<CertificateBytes>")]
pub struct Chain {
    certificates: Vec<CertificateBytes>,
    key: Key,
    kind: KeyType,
}

impl Chain {
    /// Of certificates, leaf first, exactly as received.
    ///
    /// # Errors
    /// If there is no leaf, or it is none.
    pub fn new(certificates: Vec<CertificateBytes>) -> Result<Self, CertificateError> {
        let leaf = certificates.first().ok_or(CertificateError("there is none"))?;
        let (spki, info) = Certificate::key_of(&leaf.0)?;
        let kind = match info.kind.as_str() {
            "RSA" => KeyType::Rsa,
            curve if curve.starts_with("P-") => KeyType::Ecdsa,
            _ => KeyType::Other,
        };
        Ok(Self { key: Key::new(spki), kind, certificates })
    }

    /// The chain to come with a key, of which no certificate exists yet: for plans.
    pub(crate) fn to_come(key: Key, kind: KeyType) -> Self {
        Self { certificates: Vec::new(), key, kind }
    }

    /// The certificates, leaf first; none if they are not issued yet.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateBytes] {
        &self.certificates
    }

    /// The leaf's key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The kind of the leaf's key.
    #[must_use]
    pub fn kind(&self) -> KeyType {
        self.kind
    }
}

impl TryFrom<Vec<CertificateBytes>> for Chain {
    type Error = CertificateError;

    fn try_from(certificates: Vec<CertificateBytes>) -> Result<Self, CertificateError> {
        Self::new(certificates)
    }
}

impl From<Chain> for Vec<CertificateBytes> {
    fn from(chain: Chain) -> Self {
        chain.certificates
    }
}
