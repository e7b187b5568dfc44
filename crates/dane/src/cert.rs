//! A tolerant view of an X.509 certificate: whatever can be read is read, and the bytes that TLSA records refer to are cut exactly as
//! they were received. (RFC 5280 section 4.1, RFC 6698 section 2.1.2)

use crate::Epoch;
use crate::observation::CertificateBytes;
use crate::x509::der::{Reader, tag, time, whole_bits};
use crate::x509::dn;
use crate::x509::extensions::{Extensions, GeneralName};
pub use crate::x509::signature::SignatureError;
use crate::x509::signature::{self, AlgorithmId, PublicKey};
use std::ops::Range;

/// One certificate, as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The whole, as received.
    pub der: CertificateBytes,
    /// SubjectPublicKeyInfo, cut from `der`, never re-encoded.
    pub spki: Vec<u8>,
    /// 1, 2 or 3 (or what else the field says, plus one).
    pub version: u8,
    /// First moment of validity; `None` if the field cannot be read.
    pub not_before: Option<Epoch>,
    /// Last moment of validity; `None` if the field cannot be read.
    pub not_after: Option<Epoch>,
    /// The public key.
    pub key: KeyInfo,
    /// DNS names of the subjectAltName extension, as they stand there; empty if there is none.
    pub dns_names: Vec<String>,
    pub(crate) extensions: Extensions,
    /// Where things lie in `der`: most of those who read a certificate want few of them.
    subject: Range<usize>,
    issuer: Range<usize>,
    serial: Range<usize>,
    /// The signed part.
    signed: Range<usize>,
    /// Content of the signature's AlgorithmIdentifier, and whether the signed part repeats it, as it must.
    signed_with: Range<usize>,
    algorithms_agree: bool,
    signature: Range<usize>,
    /// Octets of `der` that belong to the certificate.
    length: usize,
}

/// A public key in general terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// `RSA`, `P-256`, `P-384`, `P-521`, `Ed25519`, …; a dotted object identifier if we know no name.
    pub kind: String,
    /// Size in bits, if the kind has one that we know.
    pub bits: Option<u32>,
}

/// Why bytes are not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate: {0}")]
pub struct CertificateError(pub &'static str);

impl Certificate {
    /// Reads a certificate. Tolerant: versions, serial numbers, algorithms, times, names and extensions may be anything, and octets may
    /// follow; it fails only if the structure is not that of a certificate. Never panics.
    ///
    /// # Errors
    /// What is missing.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        Self::parse_shared(&CertificateBytes(der.into()))
    }

    /// The key of a certificate, and nothing else of it: its SubjectPublicKeyInfo as received, and what it is.
    ///
    /// # Errors
    /// Where [`Certificate::parse`] has none.
    pub fn key_of(der: &[u8]) -> Result<(&[u8], KeyInfo), CertificateError> {
        let parts = Parts::read(der)?;
        Ok((parts.fields.spki, parts.fields.key.info()))
    }

    /// [`Certificate::parse`] without a copy of the whole.
    ///
    /// # Errors
    /// What is missing.
    pub fn parse_shared(bytes: &CertificateBytes) -> Result<Self, CertificateError> {
        let der: &[u8] = &bytes.0;
        let Parts { signed, fields, signed_with, signature, length } = Parts::read(der)?;
        let extensions = fields.extensions.map(Extensions::read).unwrap_or_default();
        Ok(Self {
            spki: fields.spki.to_vec(),
            version: fields.version,
            subject: place(der, fields.subject),
            issuer: place(der, fields.issuer),
            not_before: fields.not_before,
            not_after: fields.not_after,
            key: fields.key.info(),
            dns_names: dns_names(&extensions),
            serial: place(der, fields.serial),
            extensions,
            signed,
            algorithms_agree: fields.signed_with == signed_with,
            signed_with: place(der, signed_with),
            signature: place(der, whole_bits(signature).unwrap_or_default()),
            length,
            der: bytes.clone(),
        })
    }

    fn at(&self, place: &Range<usize>) -> &[u8] {
        self.der.0.get(place.clone()).unwrap_or_default()
    }

    /// Subject as DER.
    #[must_use]
    pub fn subject_der(&self) -> &[u8] {
        self.at(&self.subject)
    }

    /// Issuer as DER.
    #[must_use]
    pub fn issuer_der(&self) -> &[u8] {
        self.at(&self.issuer)
    }

    /// Subject, in words: `CN=mail.example.com, O=…`.
    #[must_use]
    pub fn subject(&self) -> String {
        dn::in_words(self.subject_der())
    }

    /// Issuer, in words.
    #[must_use]
    pub fn issuer(&self) -> String {
        dn::in_words(self.issuer_der())
    }

    /// The common names of the subject, in their order.
    #[must_use]
    pub fn common_names(&self) -> Vec<String> {
        dn::common_names(self.subject_der())
    }

    /// The common names of the issuer, in their order.
    #[must_use]
    pub fn issuer_common_names(&self) -> Vec<String> {
        dn::common_names(self.issuer_der())
    }

    /// Content of the serial number's INTEGER.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        self.at(&self.serial)
    }

    /// Signature algorithm: `sha256WithRSAEncryption`, `ecdsa-with-SHA384`, …; a dotted object identifier if we know no name.
    #[must_use]
    pub fn signature_algorithm(&self) -> String {
        AlgorithmId::read(self.at(&self.signed_with)).map_or_else(String::new, signature::name_of)
    }

    /// What to call it in a sentence: its subject in quotes; without one (RFC 5280 section 4.1.2.6) its place, the leaf being 0, and the
    /// beginning of its SHA-256.
    #[must_use]
    pub fn called(&self, place: usize) -> String {
        let subject = self.subject();
        if !subject.is_empty() {
            return format!("'{subject}'");
        }
        let digest = data_encoding::HEXLOWER.encode(&self.der.sha256());
        format!("certificate {} (no subject, SHA-256 {}…)", place + 1, digest.get(..16).unwrap_or_default())
    }

    /// Whether issuer and subject are the same name. (RFC 5280 section 3.2)
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        let subject = dn::canonical(self.subject_der());
        subject.is_some() && subject == dn::canonical(self.issuer_der())
    }

    /// Whether it was issued to itself, as far as names and key identifiers tell; the signature is not verified.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.may_be_issued_by(self)
    }

    /// Whether it says that it may issue certificates. (RFC 5280 section 4.2.1.9; version 1 has no way to say so)
    #[must_use]
    pub fn is_issuer(&self) -> bool {
        self.extensions.basic_constraints.map_or(self.version == 1, |b| b.ca)
    }

    /// Whether nothing follows the certificate in its bytes.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.length == self.der.0.len()
    }

    /// Whether names and key identifiers allow that `issuer` issued it. (RFC 5280 sections 4.2.1.1 and 6.1.3)
    #[must_use]
    pub fn may_be_issued_by(&self, issuer: &Self) -> bool {
        let named = dn::canonical(self.issuer_der());
        if named.is_none() || named != dn::canonical(issuer.subject_der()) {
            return false;
        }
        let Some(authority) = &self.extensions.authority_key_id else { return true };
        let differs = |said: &Option<Vec<u8>>, is: Option<&[u8]>| matches!((said, is), (Some(said), Some(is)) if said != is);
        let issuer_of_issuer = authority.issuer.as_deref().map(dn::canonical);
        !differs(&authority.key_id, issuer.extensions.subject_key_id.as_deref())
            && !differs(&authority.serial, Some(issuer.serial()))
            && issuer_of_issuer.is_none_or(|name| name == dn::canonical(issuer.issuer_der()))
    }

    /// [`Self::may_be_issued_by`], and the issuer's key is of the kind that made the signature; which is not verified.
    #[must_use]
    pub fn looks_issued_by(&self, issuer: &Self) -> bool {
        let fits = AlgorithmId::read(self.at(&self.signed_with)).is_some_and(|algorithm| signature::fits(&issuer.spki, algorithm));
        fits && self.may_be_issued_by(issuer)
    }

    /// Whether its signature was made with the key `spki`.
    ///
    /// # Errors
    /// Why not.
    pub fn verify_signature(&self, spki: &[u8]) -> Result<(), SignatureError> {
        if !self.algorithms_agree {
            return Err(SignatureError::Wrong("the certificate names two different signature algorithms"));
        }
        let algorithm =
            AlgorithmId::read(self.at(&self.signed_with)).ok_or(SignatureError::Wrong("the signature algorithm cannot be read"))?;
        let message = self.der.0.get(self.signed.clone()).unwrap_or_default();
        signature::verify(spki, algorithm, message, self.at(&self.signature))
    }
}

/// Those of `roots` whose subject is the issuer that one of `certificates` names. A root store has many more, and to read them all would
/// cost more than the rest of a verdict.
pub(crate) fn roots_above(certificates: &[&Certificate], roots: &[CertificateBytes]) -> Vec<Certificate> {
    let is_issuer = |root: &&CertificateBytes| {
        let subject = subject_of(&root.0).and_then(dn::canonical);
        subject.is_some() && certificates.iter().any(|c| dn::canonical(c.issuer_der()) == subject)
    };
    roots.iter().filter(is_issuer).filter_map(|root| Certificate::parse_shared(root).ok()).collect()
}

/// The subject's Name, whole; nothing else is looked at.
fn subject_of(der: &[u8]) -> Option<&[u8]> {
    let mut tbs = Reader(der).enter(tag::SEQUENCE)?.enter(tag::SEQUENCE)?;
    tbs.optional(tag::constructed(0));
    // Serial number, algorithm, issuer, validity.
    for _ in 0..4 {
        tbs.any()?;
    }
    tbs.any().filter(|t| t.tag == tag::SEQUENCE).map(|t| t.whole)
}

/// Whether `data` is exactly one SubjectPublicKeyInfo with a key that can be one of its algorithm.
#[must_use]
pub fn is_public_key(data: &[u8]) -> bool {
    PublicKey::read(data).is_some_and(|key| key.length == data.len() && key.is_plausible())
}

fn dns_names(extensions: &Extensions) -> Vec<String> {
    let names = extensions.alternative_names.iter().flatten();
    // Bytes that are not ASCII are no DNS name (RFC 5280 section 4.2.1.6); they are kept so that they can be shown.
    names.filter_map(|n| if let GeneralName::Dns(n) = n { Some(String::from_utf8_lossy(n).into_owned()) } else { None }).collect()
}

/// A Name. OpenSSL does not mind if its SEQUENCE claims to be primitive, so neither do we.
fn name<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    reader.any().filter(|t| t.tag | 0x20 == tag::SEQUENCE).map(|t| t.whole)
}

/// Where a part lies within the whole that it was cut from.
fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    let begin = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    begin..begin + part.len()
}

/// A certificate taken apart. (RFC 5280 section 4.1)
struct Parts<'a> {
    /// Where the signed part lies.
    signed: Range<usize>,
    fields: Tbs<'a>,
    /// Content of a well-formed AlgorithmIdentifier.
    signed_with: &'a [u8],
    /// Content of the BIT STRING.
    signature: &'a [u8],
    /// Octets that belong to it.
    length: usize,
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> Result<Self, CertificateError> {
        let whole = Reader(der).any().filter(|t| t.tag == tag::SEQUENCE).ok_or(CertificateError("no complete SEQUENCE"))?;
        let mut outer = Reader(whole.value);
        let tbs = outer.any().filter(|t| t.tag == tag::SEQUENCE).ok_or(CertificateError("no tbsCertificate"))?;
        let signed_with = outer.content(tag::SEQUENCE).ok_or(CertificateError("no signatureAlgorithm"))?;
        let signature = outer.content(tag::BIT_STRING).ok_or(CertificateError("no signatureValue"))?;
        let fields = Tbs::read(tbs.value)?;
        AlgorithmId::read(signed_with).ok_or(CertificateError("malformed signatureAlgorithm"))?;
        let signed = whole.header..whole.header + tbs.whole.len();
        Ok(Self { signed, fields, signed_with, signature, length: whole.whole.len() })
    }
}

/// The fields of tbsCertificate. (RFC 5280 section 4.1)
struct Tbs<'a> {
    version: u8,
    serial: &'a [u8],
    signed_with: &'a [u8],
    issuer: &'a [u8],
    not_before: Option<Epoch>,
    not_after: Option<Epoch>,
    subject: &'a [u8],
    /// R-049 rfc6698#2.1.2: tag, length and content, as received.
    spki: &'a [u8],
    key: PublicKey<'a>,
    /// The SEQUENCE OF Extension.
    extensions: Option<&'a [u8]>,
}

impl<'a> Tbs<'a> {
    fn read(tbs: &'a [u8]) -> Result<Self, CertificateError> {
        let mut reader = Reader(tbs);
        let version = match reader.optional(tag::constructed(0)) {
            Some(explicit) => Reader(explicit.value).content(tag::INTEGER).and_then(<[u8]>::last).map_or(0, |v| v.saturating_add(1)),
            None => 1,
        };
        let serial = reader.content(tag::INTEGER).ok_or(CertificateError("no serialNumber"))?;
        let signed_with = reader.content(tag::SEQUENCE).ok_or(CertificateError("no signature algorithm in tbsCertificate"))?;
        let issuer = name(&mut reader).ok_or(CertificateError("no issuer"))?;
        let mut validity = reader.enter(tag::SEQUENCE).ok_or(CertificateError("no validity"))?;
        let not_before = validity.any().and_then(|t| time(&t));
        let not_after = validity.any().and_then(|t| time(&t));
        let subject = name(&mut reader).ok_or(CertificateError("no subject"))?;
        let spki = reader.optional(tag::SEQUENCE).ok_or(CertificateError("no subjectPublicKeyInfo"))?.whole;
        let key = PublicKey::read(spki).ok_or(CertificateError("malformed subjectPublicKeyInfo"))?;
        // issuerUniqueID and subjectUniqueID say nothing to anybody.
        for unique_id in [1, 2] {
            if reader.optional(tag::primitive(unique_id)).is_none() {
                reader.optional(tag::constructed(unique_id));
            }
        }
        let extensions = reader.optional(tag::constructed(3)).map(|t| t.value);
        Ok(Self { version, serial, signed_with, issuer, not_before, not_after, subject, spki, key, extensions })
    }
}
