//! Public keys and the signatures made with them.
//!
//! What is verified is what OpenSSL verifies at security level 0, as far as the crypto library can: a sender that follows RFC 7672 has no
//! rule about key sizes or digests in certificates. MD5 and older digests, and DSA, make no path. What senders may verify and we cannot, is
//! [`SignatureError::Unsupported`]: Ed448, SHA-224, RSA keys below 1024 bits (2048 with SHA-384 or PSS), other curves and digests of theirs.

use super::der::{Reader, dotted, tag, whole_bits};
use crate::cert::KeyInfo;
use aws_lc_rs::signature as algorithm;
use aws_lc_rs::signature::VerificationAlgorithm;

/// An AlgorithmIdentifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AlgorithmId<'a> {
    /// Content of the OBJECT IDENTIFIER.
    pub(crate) oid: &'a [u8],
    /// The rest: parameters with tag and length, or nothing.
    pub(crate) parameters: &'a [u8],
}

impl<'a> AlgorithmId<'a> {
    /// Reads the content of the SEQUENCE.
    pub(crate) fn read(content: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(content);
        Some(Self { oid: reader.content(tag::OID)?, parameters: reader.0 })
    }
}

/// A SubjectPublicKeyInfo, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublicKey<'a> {
    pub(crate) algorithm: AlgorithmId<'a>,
    /// The key's own encoding.
    pub(crate) key: &'a [u8],
    /// Octets of the whole element.
    pub(crate) length: usize,
}

impl<'a> PublicKey<'a> {
    /// Takes apart the SubjectPublicKeyInfo at the beginning of `input`.
    pub(crate) fn read(input: &'a [u8]) -> Option<Self> {
        let tlv = Reader(input).any().filter(|t| t.tag == tag::SEQUENCE)?;
        let mut spki = Reader(tlv.value);
        let algorithm = AlgorithmId::read(spki.content(tag::SEQUENCE)?)?;
        let key = whole_bits(spki.content(tag::BIT_STRING)?)?;
        spki.is_empty().then_some(Self { algorithm, key, length: tlv.whole.len() })
    }

    /// Kind and size, for people and for lint.
    pub(crate) fn info(&self) -> KeyInfo {
        let (kind, bits) = match Kind::of(self.algorithm) {
            Kind::Rsa => ("RSA".into(), modulus_bits(self.key)),
            Kind::Curve(curve) => (curve.name().into(), Some(curve.bits())),
            Kind::ExplicitCurve => ("EC, explicit parameters".into(), None),
            Kind::Ed25519 => ("Ed25519".into(), Some(256)),
            Kind::Ed448 => ("Ed448".into(), Some(456)),
            Kind::Other => (dotted(self.algorithm.oid).unwrap_or_else(|| "malformed".into()), None),
        };
        KeyInfo { kind, bits }
    }

    /// Whether the key's encoding can be one of its algorithm; `true` if we do not know the algorithm.
    pub(crate) fn is_plausible(&self) -> bool {
        match Kind::of(self.algorithm) {
            Kind::Rsa => modulus_bits(self.key).is_some_and(|bits| bits > 0),
            Kind::Curve(curve) => {
                let octets = curve.bits().div_ceil(8) as usize;
                matches!((self.key.first(), self.key.len()), (Some(2 | 3), n) if n == octets + 1)
                    || matches!((self.key.first(), self.key.len()), (Some(4), n) if n == 2 * octets + 1)
            }
            Kind::Ed25519 => self.key.len() == 32,
            Kind::Ed448 => self.key.len() == 57,
            Kind::ExplicitCurve | Kind::Other => true,
        }
    }
}

/// Why a signature proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// It is not a signature by this key; why, in words.
    Wrong(&'static str),
    /// It may be one: it is of a kind that we cannot verify, and others can.
    Unsupported,
}

impl std::fmt::Display for SignatureError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wrong(why) => why,
            Self::Unsupported => "the signature is of a kind that danelaw cannot verify",
        })
    }
}

/// Whether `signature` over `message` was made with the key `spki`.
pub(crate) fn verify(spki: &[u8], signed_with: AlgorithmId<'_>, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    let key = PublicKey::read(spki).ok_or(SignatureError::Wrong("the issuer's public key cannot be read"))?;
    if is_beyond_us(&key, signed_with) {
        return Err(SignatureError::Unsupported);
    }
    let algorithm = choose(Kind::of(key.algorithm), signed_with)
        .ok_or(SignatureError::Wrong("the signature algorithm does not fit the key, or is one that nobody accepts"))?;
    let verified = algorithm::UnparsedPublicKey::new(algorithm, key.key).verify(message, signature);
    verified.map_err(|_| SignatureError::Wrong("the signature is wrong"))
}

/// Whether a signature of this algorithm can have been made with a key of the kind that `spki` is.
pub(crate) fn fits(spki: &[u8], signed_with: AlgorithmId<'_>) -> bool {
    PublicKey::read(spki).is_some_and(|key| choose(Kind::of(key.algorithm), signed_with).is_some() || is_beyond_us(&key, signed_with))
}

/// Whether the algorithm fits the key and is accepted elsewhere, but the crypto library has no verifier for it.
fn is_beyond_us(key: &PublicKey<'_>, signed_with: AlgorithmId<'_>) -> bool {
    let kind = Kind::of(key.algorithm);
    let small = |least: u32| modulus_bits(key.key).is_some_and(|bits| bits < least);
    match signed_with.oid {
        // PSS and SHA-384: from 2048 bits on. SHA-224: never.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10 | 12] => kind == Kind::Rsa && small(2048),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 14] => kind == Kind::Rsa,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5 | 11 | 13] | OIW_SHA1_RSA => kind == Kind::Rsa && small(1024),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1..=4] => {
            key.algorithm.oid == EC_PUBLIC_KEY && choose(kind, signed_with).is_none()
        }
        ED448 => kind == Kind::Ed448,
        _ => false,
    }
}

/// The name of a signature algorithm, as OpenSSL spells it.
pub(crate) fn name_of(signed_with: AlgorithmId<'_>) -> String {
    let name = match signed_with.oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, n] => match n {
            2 => "md2WithRSAEncryption",
            4 => "md5WithRSAEncryption",
            5 => "sha1WithRSAEncryption",
            10 => "rsassaPss",
            11 => "sha256WithRSAEncryption",
            12 => "sha384WithRSAEncryption",
            13 => "sha512WithRSAEncryption",
            14 => "sha224WithRSAEncryption",
            _ => "",
        },
        OIW_SHA1_RSA => "sha1WithRSA",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => "ecdsa-with-SHA1",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, n] => match n {
            1 => "ecdsa-with-SHA224",
            2 => "ecdsa-with-SHA256",
            3 => "ecdsa-with-SHA384",
            4 => "ecdsa-with-SHA512",
            _ => "",
        },
        ED25519 => "ED25519",
        ED448 => "ED448",
        _ => "",
    };
    if name.is_empty() { dotted(signed_with.oid).unwrap_or_else(|| "malformed".into()) } else { name.into() }
}

const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const ED448: &[u8] = &[0x2b, 0x65, 0x71];
const OIW_SHA1_RSA: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1d];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    Curve(Curve),
    ExplicitCurve,
    Ed25519,
    Ed448,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
    P521,
    Secp256k1,
}

impl Curve {
    fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Secp256k1 => "secp256k1",
        }
    }

    fn bits(self) -> u32 {
        match self {
            Self::P256 | Self::Secp256k1 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }
}

impl Kind {
    fn of(algorithm: AlgorithmId<'_>) -> Self {
        match algorithm.oid {
            // rsaEncryption, and keys that may only sign with PSS.
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 | 10] => Self::Rsa,
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => match Reader(algorithm.parameters).any() {
                Some(t) if t.tag == tag::SEQUENCE => Self::ExplicitCurve,
                Some(t) if t.tag == tag::OID => match t.value {
                    [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] => Self::Curve(Curve::P256),
                    [0x2b, 0x81, 4, 0, 34] => Self::Curve(Curve::P384),
                    [0x2b, 0x81, 4, 0, 35] => Self::Curve(Curve::P521),
                    [0x2b, 0x81, 4, 0, 10] => Self::Curve(Curve::Secp256k1),
                    _ => Self::Other,
                },
                _ => Self::Other,
            },
            ED25519 => Self::Ed25519,
            ED448 => Self::Ed448,
            _ => Self::Other,
        }
    }
}

/// Digests, by their size in bits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Digest {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

fn choose(key: Kind, signed_with: AlgorithmId<'_>) -> Option<&'static dyn VerificationAlgorithm> {
    match signed_with.oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10] if key == Kind::Rsa => pss(signed_with.parameters),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, n] if key == Kind::Rsa => pkcs1(match n {
            5 => Digest::Sha1,
            11 => Digest::Sha256,
            12 => Digest::Sha384,
            13 => Digest::Sha512,
            _ => return None,
        }),
        OIW_SHA1_RSA if key == Kind::Rsa => pkcs1(Digest::Sha1),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => ecdsa(key, Digest::Sha1),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, n] => ecdsa(
            key,
            match n {
                1 => Digest::Sha224,
                2 => Digest::Sha256,
                3 => Digest::Sha384,
                4 => Digest::Sha512,
                _ => return None,
            },
        ),
        ED25519 if key == Kind::Ed25519 => Some(&algorithm::ED25519),
        _ => None,
    }
}

fn pkcs1(digest: Digest) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match digest {
        Digest::Sha1 => &algorithm::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Digest::Sha256 => &algorithm::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        Digest::Sha384 => &algorithm::RSA_PKCS1_2048_8192_SHA384,
        Digest::Sha512 => &algorithm::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        Digest::Sha224 => return None,
    })
}

fn ecdsa(key: Kind, digest: Digest) -> Option<&'static dyn VerificationAlgorithm> {
    let Kind::Curve(curve) = key else { return None };
    Some(match (curve, digest) {
        (Curve::P256, Digest::Sha1) => &algorithm::ECDSA_P256_SHA1_ASN1,
        (Curve::P256, Digest::Sha256) => &algorithm::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Digest::Sha384) => &algorithm::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Digest::Sha512) => &algorithm::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Digest::Sha256) => &algorithm::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Digest::Sha384) => &algorithm::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Digest::Sha512) => &algorithm::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Digest::Sha1) => &algorithm::ECDSA_P521_SHA1_ASN1,
        (Curve::P521, Digest::Sha224) => &algorithm::ECDSA_P521_SHA224_ASN1,
        (Curve::P521, Digest::Sha256) => &algorithm::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Digest::Sha384) => &algorithm::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Digest::Sha512) => &algorithm::ECDSA_P521_SHA512_ASN1,
        (Curve::Secp256k1, Digest::Sha256) => &algorithm::ECDSA_P256K1_SHA256_ASN1,
        _ => return None,
    })
}

/// RSASSA-PSS: the digest is in the parameters. (RFC 4055 section 3.1)
fn pss(parameters: &[u8]) -> Option<&'static dyn VerificationAlgorithm> {
    const SHA2: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2];
    let mut sequence = Reader(parameters).enter(tag::SEQUENCE)?;
    let mut hash = sequence.enter(tag::constructed(0))?;
    match AlgorithmId::read(hash.content(tag::SEQUENCE)?)?.oid.strip_prefix(SHA2)? {
        [1] => Some(&algorithm::RSA_PSS_2048_8192_SHA256),
        [2] => Some(&algorithm::RSA_PSS_2048_8192_SHA384),
        [3] => Some(&algorithm::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

/// Bits of the modulus of an RSAPublicKey. (RFC 8017 appendix A.1.1)
fn modulus_bits(key: &[u8]) -> Option<u32> {
    let mut sequence = Reader(key).enter(tag::SEQUENCE)?;
    let modulus = sequence.content(tag::INTEGER)?;
    sequence.content(tag::INTEGER)?;
    let start = modulus.iter().position(|o| *o != 0)?;
    let significant = modulus.get(start..)?;
    u32::try_from(significant.len()).ok()?.checked_mul(8)?.checked_sub(significant.first()?.leading_zeros())
}
