//! Signature algorithms and digests: public keys in DNSKEY form, on aws-lc-rs where it goes.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    self as sig, ParsedPublicKey, RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaParameters, RsaPublicKeyComponents,
};
use ed448_goldilocks::{Signature as Ed448Signature, VerifyingKey as Ed448Key};

use crate::policy::Sha1;
use crate::rsa;

/// Whether signatures of this algorithm are validated. Others count as absent.
// R-111 rfc8624#3.1 rfc9905#2
pub(crate) fn is_supported(algorithm: u8, sha1: Sha1) -> bool {
    match algorithm {
        8 | 10 | 13 | 14 | 15 | 16 => true,
        _ => uses_sha1(algorithm) && sha1 == Sha1::Validate,
    }
}

/// RSASHA1 and RSASHA1-NSEC3-SHA1.
pub(crate) fn uses_sha1(algorithm: u8) -> bool {
    matches!(algorithm, 5 | 7)
}

/// The digest of a DS record, or `None` if its type is not supported. `parts` are hashed one after the other.
// R-110 rfc4509#3 rfc6605#2
pub(crate) fn ds_digest(digest_type: u8, parts: &[&[u8]]) -> Option<digest::Digest> {
    let algorithm = match digest_type {
        1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        2 => &digest::SHA256,
        4 => &digest::SHA384,
        _ => return None,
    };
    let mut context = digest::Context::new(algorithm);
    parts.iter().for_each(|part| context.update(part));
    Some(context.finish())
}

/// SHA-256 of the parts, each preceded by its length.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().try_into().unwrap_or_default()
}

/// Whether a DS digest type is supported.
pub(crate) fn is_digest_supported(digest_type: u8) -> bool {
    matches!(digest_type, 1 | 2 | 4)
}

/// A public key ready to verify signatures.
#[derive(Debug)]
pub(crate) enum PublicKey {
    /// RSA, ECDSA and Ed25519.
    Lc(ParsedPublicKey),
    /// RSA of a size or exponent that aws-lc-rs refuses.
    Rsa(rsa::Key),
    /// Ed448.
    Ed448(Box<Ed448Key>),
}

impl PublicKey {
    /// Reads the public key field of a DNSKEY record. `None` if the algorithm is not implemented or the key is not a key.
    pub(crate) fn new(algorithm: u8, key: &[u8]) -> Option<Self> {
        match algorithm {
            5 | 7 => Self::rsa(key, &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, rsa::Hash::Sha1),
            8 => Self::rsa(key, &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, rsa::Hash::Sha256),
            10 => Self::rsa(key, &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, rsa::Hash::Sha512),
            13 => Self::ecdsa(key, &sig::ECDSA_P256_SHA256_FIXED),
            14 => Self::ecdsa(key, &sig::ECDSA_P384_SHA384_FIXED),
            15 => ParsedPublicKey::new(&sig::ED25519, key).ok().map(Self::Lc),
            16 => Ed448Key::from_bytes(key.try_into().ok()?).ok().map(|key| Self::Ed448(Box::new(key))),
            _ => None,
        }
    }

    fn rsa(key: &[u8], parameters: &'static RsaParameters, hash: rsa::Hash) -> Option<Self> {
        let (e, n) = rsa::components(key)?;
        if rsa::is_common(e, n) {
            return RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).ok().map(Self::Lc);
        }
        rsa::Key::new(e, n, hash).map(Self::Rsa)
    }

    /// The key is the point without the octet that says "uncompressed". (RFC 6605 section 4)
    fn ecdsa(key: &[u8], algorithm: &'static sig::EcdsaVerificationAlgorithm) -> Option<Self> {
        let mut point = Vec::with_capacity(1 + key.len());
        point.push(4);
        point.extend_from_slice(key);
        ParsedPublicKey::new(algorithm, &point).ok().map(Self::Lc)
    }

    /// Whether the signature over the message was made with this key.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Lc(key) => key.verify_sig(message, signature).is_ok(),
            Self::Rsa(key) => key.verifies(message, signature),
            Self::Ed448(key) => Ed448Signature::try_from(signature).is_ok_and(|s| key.verify_raw(&s, message).is_ok()),
        }
    }
}
