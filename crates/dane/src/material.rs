//! What an operator has at hand, and the key in it: certificate, private key, public key, certificate request; PEM or DER.
//!
//! Private keys are read only for their public half.

use crate::cert::{Certificate, is_public_key};
use crate::pem::{self, Block, PemError};
use crate::x509::der::{Reader, tag};
use aws_lc_rs::signature::{self as signing, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

/// One thing from which a TLSA record can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Material {
    /// A certificate: every selector.
    Certificate(Box<Certificate>),
    /// A key, as SubjectPublicKeyInfo: only selector 1.
    Key {
        /// Where it was found: `private key`, `public key`, `certificate request`.
        from: &'static str,
        /// SubjectPublicKeyInfo.
        spki: Vec<u8>,
    },
}

/// Why a file is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaterialError {
    /// Broken PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A block that is not what its label says.
    #[error("PEM block {0} ({1}, line {2}) is not {3}")]
    Block(usize, String, usize, &'static str),
    /// A pass phrase is needed.
    #[error("PEM block {0} ({1}, line {2}) is encrypted; decrypt it first (openssl pkey -in FILE -out PLAIN), or give the certificate")]
    Encrypted(usize, String, usize),
    /// Neither PEM nor DER of any kind known.
    #[error("it holds no certificate, key or certificate request, neither as PEM nor as DER")]
    Nothing,
    /// A private key that does not contain its public half, of a kind for which we cannot compute it.
    #[error("the public half of this kind of private key cannot be computed; give the public key or the certificate")]
    NoPublicHalf,
}

impl Material {
    /// Everything in a file, in order.
    ///
    /// # Errors
    /// What is broken, and where.
    pub fn read(file: &[u8]) -> Result<Vec<Self>, MaterialError> {
        if !pem::is_pem(file) {
            return Self::from_der(file).map(|m| vec![m]);
        }
        let blocks = pem::blocks(file)?;
        let mut found = Vec::new();
        for (i, block) in blocks.iter().enumerate() {
            found.extend(from_block(i + 1, block)?);
        }
        if found.is_empty() { Err(MaterialError::Nothing) } else { Ok(found) }
    }

    fn from_der(der: &[u8]) -> Result<Self, MaterialError> {
        if let Ok(certificate) = Certificate::parse(der) {
            return Ok(Self::Certificate(Box::new(certificate)));
        }
        if is_public_key(der) {
            return Ok(Self::Key { from: "public key", spki: der.to_vec() });
        }
        if let Some(spki) = of_request(der) {
            return Ok(Self::Key { from: "certificate request", spki });
        }
        let private = [of_pkcs8, of_pkcs1, of_sec1].into_iter().find_map(|read| read(der));
        private.ok_or(MaterialError::Nothing)?.map(|spki| Self::Key { from: "private key", spki }).ok_or(MaterialError::NoPublicHalf)
    }

    /// The key, as SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        match self {
            Self::Certificate(certificate) => &certificate.spki,
            Self::Key { spki, .. } => spki,
        }
    }
}

fn from_block(number: usize, block: &Block) -> Result<Option<Material>, MaterialError> {
    let wrong = |what| MaterialError::Block(number, block.label.clone(), block.line, what);
    if block.encrypted || block.label == "ENCRYPTED PRIVATE KEY" {
        return Err(MaterialError::Encrypted(number, block.label.clone(), block.line));
    }
    let der = block.der.as_slice();
    let key = |from, spki: Option<Vec<u8>>, what| spki.map(|spki| Some(Material::Key { from, spki })).ok_or_else(|| wrong(what));
    let private = |read: Option<Option<Vec<u8>>>, what| {
        key("private key", read.ok_or_else(|| wrong(what))?, "a private key whose public half can be computed")
    };
    match block.label.as_str() {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
            Certificate::parse(der).map(|c| Some(Material::Certificate(Box::new(c)))).map_err(|_| wrong("a certificate"))
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => key("certificate request", of_request(der), "a certificate request"),
        "PUBLIC KEY" => key("public key", is_public_key(der).then(|| der.to_vec()), "a public key"),
        "RSA PUBLIC KEY" => key("public key", Some(rsa_spki(der)).filter(|s| is_public_key(s)), "an RSA public key"),
        "PRIVATE KEY" => private(of_pkcs8(der), "a private key (PKCS#8)"),
        "RSA PRIVATE KEY" => private(of_pkcs1(der), "an RSA private key (PKCS#1)"),
        "EC PRIVATE KEY" => private(of_sec1(der), "an EC private key (SEC 1)"),
        // `EC PARAMETERS`, `DH PARAMETERS`, CRLs and the like stand beside what we look for.
        _ => Ok(None),
    }
}

/// PKCS#10: CertificationRequestInfo has version, subject and key. (RFC 2986 section 4.1)
fn of_request(der: &[u8]) -> Option<Vec<u8>> {
    let mut info = Reader(der).enter(tag::SEQUENCE)?.enter(tag::SEQUENCE)?;
    info.content(tag::INTEGER)?;
    info.content(tag::SEQUENCE)?;
    info.optional(tag::SEQUENCE).map(|t| t.whole.to_vec()).filter(|spki| is_public_key(spki))
}

/// PKCS#8 (RFC 5958). Outer `None`: it is something else; inner `None`: the public half is not there and cannot be computed.
fn of_pkcs8(der: &[u8]) -> Option<Option<Vec<u8>>> {
    let mut info = Reader(der).enter(tag::SEQUENCE)?;
    info.content(tag::INTEGER)?;
    let algorithm = info.optional(tag::SEQUENCE)?;
    let key = info.content(tag::OCTET_STRING)?;
    match algorithm.value {
        // rsaEncryption, RSASSA-PSS: the RSAPrivateKey has the public numbers.
        [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 | 10, ..] => Some(rsa_public(key).map(|public| wrap(algorithm.whole, &public))),
        // id-ecPublicKey
        [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, ..] => {
            let stored = ec_point(key).map(|point| wrap(algorithm.whole, &point));
            Some(stored.or_else(|| computed_point(der).map(|point| wrap(algorithm.whole, &point))))
        }
        [6, 3, 0x2b, 0x65, 0x70, ..] => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok();
            Some(pair.map(|pair| wrap(algorithm.whole, pair.public_key().as_ref())))
        }
        _ => Some(None),
    }
}

/// RSAPrivateKey. (RFC 8017 appendix A.1.2)
fn of_pkcs1(der: &[u8]) -> Option<Option<Vec<u8>>> {
    rsa_public(der).map(|public| Some(rsa_spki(&public)))
}

/// ECPrivateKey with the curve in it. (RFC 5915 section 3)
fn of_sec1(der: &[u8]) -> Option<Option<Vec<u8>>> {
    let mut key = Reader(der).enter(tag::SEQUENCE)?;
    key.content(tag::INTEGER).filter(|v| *v == [1])?;
    key.content(tag::OCTET_STRING)?;
    let curve = key.optional(tag::constructed(0))?.value;
    let algorithm = element(tag::SEQUENCE, &[&[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], curve].concat());
    let stored = ec_point(der).map(|point| wrap(&algorithm, &point));
    let pkcs8 = || element(tag::SEQUENCE, &[&[2, 1, 0], algorithm.as_slice(), &element(tag::OCTET_STRING, der)].concat());
    Some(stored.or_else(|| computed_point(&pkcs8()).map(|point| wrap(&algorithm, &point))))
}

/// The public point stored in an ECPrivateKey.
fn ec_point(key: &[u8]) -> Option<Vec<u8>> {
    let mut key = Reader(key).enter(tag::SEQUENCE)?;
    key.content(tag::INTEGER)?;
    key.content(tag::OCTET_STRING)?;
    key.optional(tag::constructed(0));
    let bits = Reader(key.optional(tag::constructed(1))?.value).content(tag::BIT_STRING)?;
    bits.strip_prefix(&[0]).map(<[u8]>::to_vec)
}

fn computed_point(pkcs8: &[u8]) -> Option<Vec<u8>> {
    let curves = [
        &signing::ECDSA_P256_SHA256_ASN1_SIGNING,
        &signing::ECDSA_P384_SHA384_ASN1_SIGNING,
        &signing::ECDSA_P521_SHA512_ASN1_SIGNING,
        &signing::ECDSA_P256K1_SHA256_ASN1_SIGNING,
    ];
    curves.into_iter().find_map(|curve| EcdsaKeyPair::from_pkcs8(curve, pkcs8).ok()).map(|pair| pair.public_key().as_ref().to_vec())
}

/// RSAPublicKey from RSAPrivateKey: its second and third numbers.
fn rsa_public(der: &[u8]) -> Option<Vec<u8>> {
    let mut key = Reader(der).enter(tag::SEQUENCE)?;
    key.content(tag::INTEGER).filter(|version| matches!(version, [0 | 1]))?;
    let (modulus, exponent) = (key.optional(tag::INTEGER)?, key.optional(tag::INTEGER)?);
    key.optional(tag::INTEGER)?;
    Some(element(tag::SEQUENCE, &[modulus.whole, exponent.whole].concat()))
}

fn rsa_spki(public: &[u8]) -> Vec<u8> {
    wrap(&[0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0], public)
}

/// SubjectPublicKeyInfo of an AlgorithmIdentifier, whole, and a key.
fn wrap(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    element(tag::SEQUENCE, &[algorithm, &element(tag::BIT_STRING, &[&[0], key].concat())].concat())
}

fn element(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|o| *o == 0).collect();
    let mut element = vec![tag];
    match value.len() {
        // One octet up to 127.
        short @ 0..=0x7f => element.extend(u8::try_from(short)),
        _ => {
            element.extend(u8::try_from(significant.len()).map(|n| 0x80 | n));
            element.extend(significant);
        }
    }
    element.extend(value);
    element
}
