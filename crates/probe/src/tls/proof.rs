//! Whether a signature in the handshake proves that the server holds the leaf's key.
//!
//! Works on the SubjectPublicKeyInfo alone, so that version 1 certificates, odd extensions and short keys do not stand in the way.

use aws_lc_rs::signature as alg;
use aws_lc_rs::signature::{ParsedPublicKey, VerificationAlgorithm};
use dane::cert::Certificate;
use rustls::{ProtocolVersion, SignatureScheme};

/// Signature schemes we offer, in the order of our preference: ECDSA first, as most DANE surveys do.
pub(super) const OFFERED: [SignatureScheme; 11] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    // Old servers have nothing better, and we came to see them.
    SignatureScheme::RSA_PKCS1_SHA1,
];

/// Those of RSA keys only.
pub(super) const RSA: [SignatureScheme; 7] = {
    let [_, _, _, _, rsa @ ..] = OFFERED;
    rsa
};

/// Those of elliptic curves only.
pub(super) const ECDSA: [SignatureScheme; 4] = {
    let [ecdsa @ .., _, _, _, _, _, _, _] = OFFERED;
    ecdsa
};

/// Whether `signature` over `message` proves the key of `leaf`. `None`: a kind of key or signature that we cannot verify.
pub(super) fn proves(leaf: &[u8], version: ProtocolVersion, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> Option<bool> {
    // What is no certificate has no key that could be proven.
    let Ok((spki, key)) = Certificate::key_of(leaf) else { return Some(false) };
    if key.kind == "RSA" && key.bits.is_some_and(|bits| bits < smallest_verifiable(scheme)) {
        return None;
    }
    let candidates = algorithms(version, scheme)?;
    Some(
        candidates
            .iter()
            .any(|algorithm| ParsedPublicKey::new(*algorithm, spki).is_ok_and(|key| key.verify_sig(message, signature).is_ok())),
    )
}

/// The shortest RSA key, in bits, for which the library verifies this scheme.
fn smallest_verifiable(scheme: SignatureScheme) -> u32 {
    match scheme {
        SignatureScheme::RSA_PKCS1_SHA1 | SignatureScheme::RSA_PKCS1_SHA256 | SignatureScheme::RSA_PKCS1_SHA512 => 1024,
        _ => 2048,
    }
}

/// What a scheme may mean. In TLS 1.2 an ECDSA scheme names only the hash, the curve is that of the key. (RFC 8422 section 5.10,
/// RFC 8446 section 4.2.3) In TLS 1.3 PKCS #1 v1.5 and SHA-1 do not sign handshakes. `None`: not ours to verify.
fn algorithms(version: ProtocolVersion, scheme: SignatureScheme) -> Option<&'static [&'static dyn VerificationAlgorithm]> {
    let tls13 = version == ProtocolVersion::TLSv1_3;
    Some(match scheme {
        SignatureScheme::ECDSA_NISTP256_SHA256 if tls13 => &[&alg::ECDSA_P256_SHA256_ASN1],
        SignatureScheme::ECDSA_NISTP384_SHA384 if tls13 => &[&alg::ECDSA_P384_SHA384_ASN1],
        SignatureScheme::ECDSA_NISTP521_SHA512 if tls13 => &[&alg::ECDSA_P521_SHA512_ASN1],
        SignatureScheme::ED25519 => &[&alg::ED25519],
        SignatureScheme::RSA_PSS_SHA256 => &[&alg::RSA_PSS_2048_8192_SHA256],
        SignatureScheme::RSA_PSS_SHA384 => &[&alg::RSA_PSS_2048_8192_SHA384],
        SignatureScheme::RSA_PSS_SHA512 => &[&alg::RSA_PSS_2048_8192_SHA512],
        SignatureScheme::ED448 => return None,
        _ if tls13 => &[],
        SignatureScheme::ECDSA_NISTP256_SHA256 => {
            &[&alg::ECDSA_P256_SHA256_ASN1, &alg::ECDSA_P384_SHA256_ASN1, &alg::ECDSA_P521_SHA256_ASN1]
        }
        SignatureScheme::ECDSA_NISTP384_SHA384 => {
            &[&alg::ECDSA_P384_SHA384_ASN1, &alg::ECDSA_P256_SHA384_ASN1, &alg::ECDSA_P521_SHA384_ASN1]
        }
        SignatureScheme::ECDSA_NISTP521_SHA512 => {
            &[&alg::ECDSA_P521_SHA512_ASN1, &alg::ECDSA_P384_SHA512_ASN1, &alg::ECDSA_P256_SHA512_ASN1]
        }
        SignatureScheme::RSA_PKCS1_SHA1 => &[&alg::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY],
        SignatureScheme::RSA_PKCS1_SHA256 => &[&alg::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY],
        SignatureScheme::RSA_PKCS1_SHA384 => &[&alg::RSA_PKCS1_2048_8192_SHA384],
        SignatureScheme::RSA_PKCS1_SHA512 => &[&alg::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::names;

    #[test]
    fn the_offer_is_parted_by_kind_of_key() {
        let of_rsa = |scheme: &SignatureScheme| names::scheme(*scheme).starts_with("rsa_");
        assert!(RSA.iter().all(of_rsa) && !ECDSA.iter().any(of_rsa));
        assert_eq!([&ECDSA[..], &RSA].concat(), OFFERED);
    }
}
