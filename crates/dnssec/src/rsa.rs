//! RSA keys in DNSKEY form, and verification for keys that DNSSEC allows and aws-lc-rs refuses: 512 to 1023 bits, long exponents.
//! (RFC 3110, RFC 5702)

use aws_lc_rs::digest;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};

/// Hash of an RSA algorithm.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// DER of a `DigestInfo` up to the digest. (RFC 8017 section 9.2, note 1)
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
            Self::Sha256 => b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
            Self::Sha512 => b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
        }
    }
}

/// Exponent and modulus of a DNSKEY public key field, without leading zeros. (RFC 3110 section 2)
pub(crate) fn components(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = key.split_first()?;
    let (len, rest) = match first {
        0 => {
            let (len, rest) = rest.split_at_checked(2)?;
            (usize::from(u16::from_be_bytes(len.try_into().ok()?)), rest)
        }
        len => (len.into(), rest),
    };
    let (exponent, modulus) = rest.split_at_checked(len)?;
    let (exponent, modulus) = (trimmed(exponent), trimmed(modulus));
    (!exponent.is_empty() && !modulus.is_empty()).then_some((exponent, modulus))
}

fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&octet| octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn bits(number: &[u8]) -> usize {
    number.len() * 8 - number.first().map_or(0, |octet| octet.leading_zeros() as usize)
}

/// Whether aws-lc-rs takes a key of this shape.
pub(crate) fn is_common(exponent: &[u8], modulus: &[u8]) -> bool {
    (1024..=8192).contains(&bits(modulus)) && bits(exponent) <= 33
}

/// The longest modulus. (RFC 5702 section 2)
const MAX_MODULUS_BITS: usize = 4096;
/// The longest exponent: one more costs its sender nothing and us a multiplication.
const MAX_EXPONENT_BITS: usize = 64;

/// An RSA public key of uncommon shape.
#[derive(Debug)]
pub(crate) struct Key {
    exponent: BoxedUint,
    parameters: BoxedMontyParams,
    octets: usize,
    hash: Hash,
}

impl Key {
    /// `None` if the key is outside what RFC 3110 and RFC 5702 allow or what is worth its cost.
    pub(crate) fn new(exponent: &[u8], modulus: &[u8], hash: Hash) -> Option<Self> {
        let smallest = if matches!(hash, Hash::Sha512) { 1024 } else { 512 };
        if !(smallest..=MAX_MODULUS_BITS).contains(&bits(modulus)) || !(2..=MAX_EXPONENT_BITS).contains(&bits(exponent)) {
            return None;
        }
        let number = BoxedUint::from_be_slice_vartime(modulus);
        let odd: Option<Odd<BoxedUint>> = Odd::new(number).into_option();
        Some(Self {
            exponent: BoxedUint::from_be_slice_vartime(exponent),
            parameters: BoxedMontyParams::new_vartime(odd?),
            octets: modulus.len(),
            hash,
        })
    }

    /// RSASSA-PKCS1-v1_5. (RFC 8017 section 8.2.2)
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let modulus = self.parameters.modulus().as_ref();
        if signature.len() != self.octets {
            return false;
        }
        let Ok(number) = BoxedUint::from_be_slice(signature, modulus.bits_precision()) else { return false };
        if number >= *modulus {
            return false;
        }
        let power = BoxedMontyForm::new(number, &self.parameters).pow(&self.exponent).retrieve().to_be_bytes();
        self.encoded(message).is_some_and(|wanted| power.ends_with(&wanted) && trimmed(&power).len() + 1 == wanted.len())
    }

    /// The encoded message a right signature opens to.
    fn encoded(&self, message: &[u8]) -> Option<Vec<u8>> {
        let digest = digest::digest(self.hash.algorithm(), message);
        let info = self.hash.prefix().len() + digest.as_ref().len();
        let padding = self.octets.checked_sub(info + 3).filter(|&len| len >= 8)?;
        let mut out = vec![0, 1];
        out.resize(2 + padding, 0xFF);
        out.push(0);
        out.extend_from_slice(self.hash.prefix());
        out.extend_from_slice(digest.as_ref());
        Some(out)
    }
}
