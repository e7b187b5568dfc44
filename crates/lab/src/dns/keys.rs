//! DNSSEC keys, derived from the lab's seed.

use super::rdata::Rdata;
use crate::pki::key::{P256, P384, ec_from_seed};
use crate::pki::rsa::{FOR_ZONES, Hash};
use crate::seed::Seed;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
};
use dane::name::Name;
use scenario::recipe::{Algorithm, Signing};
use std::sync::LazyLock;

/// A zone's key.
pub struct ZoneKey {
    rdata: Rdata,
    algorithm: Algorithm,
    secret: Secret,
}

enum Secret {
    Ecdsa(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Rsa,
    Noise(Seed),
}

/// Flags of a key with SEP.
const KSK: u16 = 257;
/// Flags of a zone key without SEP.
const ZSK: u16 = 256;

/// The keys of a zone: what is published, and which of them sign.
pub struct KeySet {
    /// All keys; the first is the one the DS record is about.
    pub keys: Vec<ZoneKey>,
    /// Index of the key that signs all but DNSKEY.
    pub zone_signer: usize,
    /// Index of a key that is not published.
    pub stranger: ZoneKey,
}

impl KeySet {
    /// The keys of the zone `apex`; `None` if it is not signed.
    pub fn derive(seed: &Seed, apex: &Name, signing: Signing) -> Option<Self> {
        let seed = seed.child(&format!("zone {apex}"));
        let ksk = |algorithm| ZoneKey::derive(&seed.child("ksk"), algorithm, KSK);
        let zsk = |algorithm, n: usize| ZoneKey::derive(&seed.child(&format!("zsk {n}")), algorithm, ZSK);
        let (keys, zone_signer, algorithm) = match signing {
            Signing::Unsigned => return None,
            Signing::OneKey(algorithm) => (vec![ksk(algorithm)], 0, algorithm),
            Signing::TwoKeys(algorithm) => (vec![ksk(algorithm), zsk(algorithm, 0)], 1, algorithm),
            Signing::CollidingTags(algorithm) => {
                let (one, two) = collision(|n| zsk(algorithm, n));
                (vec![ksk(algorithm), one, two], 2, algorithm)
            }
            Signing::ManyKeys(algorithm, count) => {
                let idle = (0..usize::from(count)).map(|n| zsk(algorithm, n));
                (std::iter::once(ksk(algorithm)).chain(idle).collect(), 0, algorithm)
            }
        };
        Some(Self { keys, zone_signer, stranger: ZoneKey::derive(&seed.child("stranger"), algorithm, ZSK) })
    }
}

/// Two keys with the same tag: among some hundred keys there is such a pair.
fn collision(make: impl Fn(usize) -> ZoneKey) -> (ZoneKey, ZoneKey) {
    let mut seen = std::collections::HashMap::new();
    for n in 0.. {
        let key = make(n);
        if let Some(other) = seen.insert(key.tag(), n) {
            return (make(other), key);
        }
    }
    unreachable!("there are only 65,536 tags")
}

impl ZoneKey {
    fn derive(seed: &Seed, algorithm: Algorithm, flags: u16) -> Self {
        let (secret, public) = match algorithm {
            Algorithm::EcdsaP256 => ecdsa(ec_from_seed(&ECDSA_P256_SHA256_FIXED_SIGNING, seed, P256, 32)),
            Algorithm::EcdsaP384 => ecdsa(ec_from_seed(&ECDSA_P384_SHA384_FIXED_SIGNING, seed, P384, 48)),
            Algorithm::Ed25519 => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&seed.bytes()).expect("32 octets are an Ed25519 key");
                let public = pair.public_key().as_ref().to_vec();
                (Secret::Ed25519(Box::new(pair)), public)
            }
            Algorithm::RsaSha1 | Algorithm::RsaSha256 | Algorithm::RsaSha512 => {
                let exponent = &FOR_ZONES.exponent;
                (Secret::Rsa, [&[exponent.len() as u8], exponent.as_slice(), &FOR_ZONES.modulus].concat())
            }
            Algorithm::Gost => (Secret::Noise(*seed), seed.stretch(64)),
        };
        let [high, low] = flags.to_be_bytes();
        let rdata = [&[high, low, 3, algorithm.number()], public.as_slice()].concat().into();
        Self { rdata, algorithm, secret }
    }

    /// DNSKEY record data.
    pub fn rdata(&self) -> &Rdata {
        &self.rdata
    }

    /// Rewrites the record data that is published, and keeps the secret.
    pub fn rewrite(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut octets = self.rdata.to_vec();
        change(&mut octets);
        self.rdata = octets.into();
    }

    /// A key of an algorithm that nobody knows: it signs noise.
    pub fn unknown(seed: &Seed, number: u8) -> Self {
        let mut key = Self::derive(seed, Algorithm::Gost, ZSK);
        key.rewrite(|octets| octets[3] = number);
        key
    }

    /// DNSSEC algorithm number.
    pub fn algorithm(&self) -> u8 {
        self.algorithm.number()
    }

    /// Key tag. (RFC 4034 appendix B)
    pub fn tag(&self) -> u16 {
        let sum = self.rdata.iter().enumerate().fold(0_u32, |sum, (i, octet)| sum + (u32::from(*octet) << if i % 2 == 0 { 8 } else { 0 }));
        ((sum + (sum >> 16)) & 0xffff) as u16
    }

    /// DS record data with SHA-256. (RFC 4509)
    pub fn ds(&self, apex: &Name) -> Rdata {
        let sum = digest(&SHA256, &[apex.as_slice(), &self.rdata].concat());
        [&self.tag().to_be_bytes(), &[self.algorithm(), 2][..], sum.as_ref()].concat().into()
    }

    /// Signs, in the form of its algorithm.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let rng = SystemRandom::new();
        match (&self.secret, self.algorithm) {
            (Secret::Ecdsa(pair), _) => pair.sign(&rng, message).map(|s| s.as_ref().to_vec()).unwrap_or_default(),
            (Secret::Ed25519(pair), _) => pair.sign(message).as_ref().to_vec(),
            (Secret::Rsa, Algorithm::RsaSha1) => FOR_ZONES.sign(Hash::Sha1, message),
            (Secret::Rsa, Algorithm::RsaSha512) => rsa(&RSA_PKCS1_SHA512, message),
            (Secret::Rsa, _) => rsa(&RSA_PKCS1_SHA256, message),
            (Secret::Noise(seed), _) => seed.child(&message.len().to_string()).stretch(64),
        }
    }
}

fn ecdsa(pair: EcdsaKeyPair) -> (Secret, Vec<u8>) {
    // The uncompressed point without its leading octet. (RFC 6605 section 4)
    let public = pair.public_key().as_ref().iter().skip(1).copied().collect();
    (Secret::Ecdsa(Box::new(pair)), public)
}

fn rsa(padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    static PAIR: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::from_der(FOR_ZONES.der).expect("the lab's own key file"));
    let pair = &*PAIR;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature).expect("signing with a valid key");
    signature
}
