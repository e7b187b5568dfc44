//! RSA as libraries no longer offer it: with SHA-1, and with keys of 1,024 bits. Only for wrong certificates and old zones.

use super::der;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use num_bigint::BigUint;
use std::sync::LazyLock;

/// An RSA key pair from a file of the lab.
#[derive(Debug)]
pub struct RsaKey {
    /// PKCS #1 private key.
    pub der: &'static [u8],
    /// Modulus, big-endian.
    pub modulus: Vec<u8>,
    /// Public exponent, big-endian.
    pub exponent: Vec<u8>,
    private: Vec<u8>,
}

/// Hash of a PKCS #1 signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// 2,048 bits; zones sign with it.
pub static FOR_ZONES: LazyLock<RsaKey> = LazyLock::new(|| RsaKey::read(include_bytes!("keys/rsa2048-1.der")));
/// 2,048 bits; servers present it.
pub static FOR_SERVERS: LazyLock<RsaKey> = LazyLock::new(|| RsaKey::read(include_bytes!("keys/rsa2048-2.der")));
/// 1,024 bits.
pub static WEAK: LazyLock<RsaKey> = LazyLock::new(|| RsaKey::read(include_bytes!("keys/rsa1024.der")));

impl RsaKey {
    fn read(der: &'static [u8]) -> Self {
        let mut parts = der::integers(der).into_iter().skip(1);
        let mut next = || parts.next().unwrap_or_default();
        Self { der, modulus: next(), exponent: next(), private: next() }
    }

    /// RSASSA-PKCS1-v1_5. (RFC 8017 section 8.2)
    pub fn sign(&self, hash: Hash, message: &[u8]) -> Vec<u8> {
        let (prefix, digest) = match hash {
            Hash::Sha1 => {
                (&b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"[..], digest(&SHA1_FOR_LEGACY_USE_ONLY, message))
            }
            Hash::Sha256 => {
                (&b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"[..], digest(&SHA256, message))
            }
        };
        let tail = [&[0], prefix, digest.as_ref()].concat();
        let size = self.modulus.len();
        let mut padded = vec![0, 1];
        padded.resize(size.saturating_sub(tail.len()), 0xff);
        padded.extend_from_slice(&tail);
        let n = BigUint::from_bytes_be(&self.modulus);
        let signature = BigUint::from_bytes_be(&padded).modpow(&BigUint::from_bytes_be(&self.private), &n).to_bytes_be();
        [vec![0; size.saturating_sub(signature.len())], signature].concat()
    }
}
