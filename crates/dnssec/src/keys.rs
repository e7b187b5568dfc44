//! DNSKEY and DS records.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;

use crate::canonical::push_canonical_name;
use crate::crypto::{self, PublicKey};
use crate::reason::ReasonCode;
use crate::types::Name;
use crate::work::Purse;

/// The DNSKEY is a zone key. (RFC 4034 section 2.1.1)
const ZONE: u16 = 0x0100;
/// The DNSKEY is revoked. (RFC 5011 section 7)
const REVOKE: u16 = 0x0080;

/// A DNSKEY record, its key not yet read.
#[derive(Clone, Debug)]
pub(crate) struct Dnskey {
    data: Bytes,
    flags: u16,
    protocol: u8,
    /// Algorithm number.
    pub(crate) algorithm: u8,
    /// Key tag.
    pub(crate) tag: u16,
}

impl Dnskey {
    /// Reads record data; `None` if it is too short.
    pub(crate) fn new(data: &Bytes) -> Option<Self> {
        let &[f0, f1, protocol, algorithm, ..] = &**data else { return None };
        Some(Self { flags: u16::from_be_bytes([f0, f1]), protocol, algorithm, tag: key_tag(data), data: data.clone() })
    }

    /// Whether it may sign a zone, and if not, why.
    // R-108 rfc4034#2.1.2 rfc5011#2.1
    pub(crate) fn check(&self) -> Result<(), ReasonCode> {
        if self.flags & ZONE == 0 || self.protocol != 3 {
            Err(ReasonCode::NoZoneKey)
        } else if self.flags & REVOKE != 0 {
            Err(ReasonCode::KeyRevoked)
        } else {
            Ok(())
        }
    }

    /// The whole record data.
    pub(crate) fn data(&self) -> &Bytes {
        &self.data
    }

    /// Reads the public key.
    fn public_key(&self) -> Option<PublicKey> {
        PublicKey::new(self.algorithm, self.data.get(4..)?)
    }
}

/// The key tag of DNSKEY record data. (RFC 4034 appendix B)
pub(crate) fn key_tag(data: &[u8]) -> u16 {
    let sum: u32 =
        data.iter().enumerate().map(|(i, &octet)| if i % 2 == 0 { u32::from(octet) << 8 } else { octet.into() }).fold(0, u32::wrapping_add);
    (sum.wrapping_add(sum >> 16 & 0xFFFF) & 0xFFFF) as u16
}

/// A zone key that is trusted.
#[derive(Debug)]
pub(crate) struct Key {
    dnskey: Dnskey,
    /// Read when first needed; `None` if the key field is not a key.
    public: OnceLock<Option<PublicKey>>,
    memory: Mutex<Memory>,
}

/// Signatures that a key has verified, as digests of signature and message. That one key made one signature over one message is true for
/// ever; whether the signature may still be used is judged elsewhere.
#[derive(Debug, Default)]
struct Memory {
    /// The first ones, never forgotten: those of the zone's apex, which come back beside denials and when they are asked for. Most keys
    /// are not asked for more in all their life.
    first: Vec<[u8; 32]>,
    /// Those used lately, and those that will be forgotten next.
    young: HashSet<[u8; 32]>,
    old: HashSet<[u8; 32]>,
}

/// Signatures that are never forgotten.
const FIRST: usize = 16;
/// Signatures remembered of each age.
const MEMORY: usize = 1 << 15;

impl Memory {
    fn knows(&mut self, fact: &[u8; 32]) -> bool {
        if self.first.contains(fact) || self.young.contains(fact) {
            return true;
        }
        let known = self.old.remove(fact);
        if known {
            self.young.insert(*fact);
        }
        known
    }

    fn learn(&mut self, fact: [u8; 32]) {
        if self.first.len() < FIRST {
            self.first.push(fact);
            return;
        }
        if self.young.len() >= MEMORY {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(fact);
    }
}

impl Key {
    /// Takes a DNSKEY record.
    pub(crate) fn new(dnskey: Dnskey) -> Self {
        Self { dnskey, public: OnceLock::new(), memory: Mutex::default() }
    }

    /// The record.
    pub(crate) fn dnskey(&self) -> &Dnskey {
        &self.dnskey
    }

    pub(crate) fn tag(&self) -> u16 {
        self.dnskey.tag
    }

    pub(crate) fn algorithm(&self) -> u8 {
        self.dnskey.algorithm
    }

    /// Verifies a signature, unless it is remembered. Only what has to be computed is paid for.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8], purse: &mut impl Purse) -> Result<(), ReasonCode> {
        let fact = crypto::sha256(&[signature, message]);
        if self.memory().knows(&fact) {
            return Ok(());
        }
        purse.spend_signature()?;
        let result = match self.public.get_or_init(|| self.dnskey.public_key()) {
            None => Err(ReasonCode::KeyUnsupported),
            Some(key) if key.verifies(message, signature) => Ok(()),
            Some(_) => Err(ReasonCode::RrsigWrong),
        };
        match result {
            Ok(()) => self.memory().learn(fact),
            Err(_) => purse.failed(),
        }
        result
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A DS record. (RFC 4034 section 5)
#[derive(Clone, Debug)]
pub(crate) struct Ds {
    /// Tag of the key it names.
    pub(crate) key_tag: u16,
    /// Algorithm of the key it names.
    pub(crate) algorithm: u8,
    /// Digest type.
    pub(crate) digest_type: u8,
    digest: Bytes,
}

impl Ds {
    /// Reads record data; `None` if it is too short.
    pub(crate) fn new(data: &Bytes) -> Option<Self> {
        let &[t0, t1, algorithm, digest_type, ..] = &**data else { return None };
        Some(Self { key_tag: u16::from_be_bytes([t0, t1]), algorithm, digest_type, digest: data.slice(4..) })
    }

    /// Whether the digest is that of this key at this name.
    // R-108 rfc4034#5.1.4
    pub(crate) fn digest_fits(&self, owner: &Name, key: &Dnskey) -> bool {
        let mut name = Vec::with_capacity(owner.len());
        push_canonical_name(owner.as_slice(), &mut name);
        crypto::ds_digest(self.digest_type, &[&name, key.data()]).is_some_and(|digest| digest.as_ref() == &*self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_remembered_and_the_rest_forgotten() {
        let mut memory = Memory::default();
        let fact = |number: usize| crypto::sha256(&[&number.to_be_bytes()]);
        for number in 0..3 * MEMORY {
            memory.learn(fact(number));
            if number % 1000 == 0 {
                assert!(memory.knows(&fact(FIRST)) || number < FIRST, "{number}");
            }
        }
        assert!(!memory.knows(&fact(FIRST + 1)));
        assert!((0..FIRST).all(|number| memory.knows(&fact(number))), "the first ones are never forgotten");
        assert!(memory.young.len() + memory.old.len() <= 2 * MEMORY);
    }
}
