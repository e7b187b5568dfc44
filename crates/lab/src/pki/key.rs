//! Keys that certificates are about, and that sign them.

use super::der::{bits, int, octets, oid, pem, seq, tlv};
use super::rsa::{self, Hash, RsaKey};
use crate::seed::Seed;
use aws_lc_rs::digest::{SHA512, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use std::sync::Arc;

const EC_PUBLIC_KEY: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
/// Object identifier of the curve P-256, encoded content.
pub const P256: &[u8] = b"\x2a\x86\x48\xce\x3d\x03\x01\x07";
/// Object identifier of the curve P-384, encoded content.
pub const P384: &[u8] = b"\x2b\x81\x04\x00\x22";
const RSA_ENCRYPTION: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const ECDSA_SHA256: &[u8] = b"\x2a\x86\x48\xce\x3d\x04\x03\x02";
const RSA_SHA1: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05";
const ED25519: &[u8] = b"\x2b\x65\x70";
const RSA_SHA256: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";

/// A key pair.
pub enum CertKey {
    /// ECDSA P-256.
    Ec(Box<EcdsaKeyPair>),
    /// RSA.
    Rsa(&'static RsaKey),
    /// Ed25519: the same message has the same signature.
    Ed(Box<Ed25519KeyPair>),
    /// An RSA key that nobody holds, by its SubjectPublicKeyInfo: what it signs has 256 octets where a signature should be.
    Nobody(Vec<u8>),
}

impl CertKey {
    /// The P-256 key of a seed.
    pub fn derive(seed: &Seed) -> Self {
        let pair = ec_from_seed(&ECDSA_P256_SHA256_ASN1_SIGNING, seed, P256, 32);
        Self::Ec(Box::new(pair))
    }

    /// The Ed25519 key of a seed.
    pub fn ed25519(seed: &Seed) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed.child("ed25519").bytes()).expect("any 32 octets are a key");
        Self::Ed(Box::new(pair))
    }

    /// SubjectPublicKeyInfo.
    pub fn spki(&self) -> Vec<u8> {
        match self {
            CertKey::Ec(pair) => seq(&[&seq(&[&oid(EC_PUBLIC_KEY), &oid(P256)]), &bits(pair.public_key().as_ref())]),
            CertKey::Rsa(key) => {
                let public = seq(&[&int(&key.modulus), &int(&key.exponent)]);
                seq(&[&seq(&[&oid(RSA_ENCRYPTION), &tlv(0x05, &[])]), &bits(&public)])
            }
            CertKey::Ed(pair) => seq(&[&seq(&[&oid(ED25519)]), &bits(pair.public_key().as_ref())]),
            CertKey::Nobody(spki) => spki.clone(),
        }
    }

    /// AlgorithmIdentifier of its signatures.
    pub fn signature_algorithm(&self, hash: Hash) -> Vec<u8> {
        match (self, hash) {
            (CertKey::Ec(_), _) => seq(&[&oid(ECDSA_SHA256)]),
            (CertKey::Rsa(_), Hash::Sha1) => seq(&[&oid(RSA_SHA1), &tlv(0x05, &[])]),
            (CertKey::Rsa(_), Hash::Sha256) | (CertKey::Nobody(_), _) => seq(&[&oid(RSA_SHA256), &tlv(0x05, &[])]),
            (CertKey::Ed(_), _) => seq(&[&oid(ED25519)]),
        }
    }

    /// Signs.
    pub fn sign(&self, hash: Hash, message: &[u8]) -> Vec<u8> {
        match self {
            CertKey::Ec(pair) => pair.sign(&SystemRandom::new(), message).map(|s| s.as_ref().to_vec()).unwrap_or_default(),
            CertKey::Rsa(key) => key.sign(hash, message),
            CertKey::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            CertKey::Nobody(_) => digest(&SHA512, message).as_ref().repeat(4),
        }
    }

    /// The private key, PEM.
    pub fn pem(&self) -> String {
        match self {
            CertKey::Ec(pair) => pem("PRIVATE KEY", pair.to_pkcs8v1().as_ref().map(AsRef::as_ref).unwrap_or_default()),
            CertKey::Rsa(key) => pem("RSA PRIVATE KEY", key.der),
            CertKey::Ed(pair) => pem("PRIVATE KEY", pair.to_pkcs8v1().as_ref().map(AsRef::as_ref).unwrap_or_default()),
            CertKey::Nobody(_) => String::new(),
        }
    }

    /// The key as a TLS server uses it.
    pub fn for_tls(&self) -> Option<Arc<dyn SigningKey>> {
        let any = |der: PrivateKeyDer<'_>| rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).ok();
        match self {
            CertKey::Ec(pair) => any(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.to_pkcs8v1().ok()?.as_ref().to_vec()))),
            CertKey::Rsa(key) if std::ptr::eq(*key, &*rsa::WEAK) => Some(Arc::new(WeakRsa)),
            CertKey::Ed(pair) => any(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.to_pkcs8v1().ok()?.as_ref().to_vec()))),
            CertKey::Nobody(_) => None,
            CertKey::Rsa(key) => any(PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(key.der))),
        }
    }
}

/// The elliptic-curve key of a seed. `size` is that of the curve's field, octets.
pub fn ec_from_seed(algorithm: &'static EcdsaSigningAlgorithm, seed: &Seed, curve: &[u8], size: usize) -> EcdsaKeyPair {
    let mut scalar = seed.child("ec").stretch(size);
    // Surely below the order of the curve, and not zero.
    if let Some(first) = scalar.first_mut() {
        *first = *first & 0x7f | 0x01;
    }
    let der = seq(&[&int(&[1]), &octets(&scalar), &tlv(0xa0, &oid(curve))]);
    EcdsaKeyPair::from_private_key_der(algorithm, &der).expect("a scalar below the order is a key")
}

/// RSA of 1,024 bits in TLS 1.2, which the TLS library's own keys refuse.
#[derive(Debug)]
struct WeakRsa;

impl SigningKey for WeakRsa {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SignatureScheme::RSA_PKCS1_SHA256).then(|| Box::new(WeakRsa) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

impl Signer for WeakRsa {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(rsa::WEAK.sign(Hash::Sha256, message))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::RSA_PKCS1_SHA256
    }
}
