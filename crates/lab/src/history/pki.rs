//! Certificates of a history: as many as there are renewals, each made when somebody asks for it.
//!
//! Leaves have RSA keys of 2,048 bits whose modulus comes from the seed: every parser takes them, and nobody has the private key. Those of
//! authorities are signed by the authority's real Ed25519 key, so paths can be verified, and the same seed gives the same octets. Self-signed
//! leaves have 256 octets in place of a signature that no program would accept: for usage 3 nobody verifies it.

use crate::pki::certificate::{Cert, Kind, Spec, make};
use crate::pki::der::{bits, int, oid, seq, tlv};
use crate::pki::key::CertKey;
use crate::pki::rsa::Hash;
use crate::seed::Seed;
use dane::Epoch;
use dane::observation::CertificateBytes;

const DAY: i64 = 86_400;
const RSA_ENCRYPTION: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";

/// Who issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Issuer {
    /// Nobody: self-signed.
    Nobody,
    /// Let's Encrypt's intermediate before the switch.
    LetsEncryptX3,
    /// Let's Encrypt's intermediate after it.
    LetsEncryptR3,
    /// Another authority, always with the same intermediate.
    Other,
}

/// What one certificate of a server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// Host name, without final dot.
    pub host: String,
    /// Number of its key at this host.
    pub key: u32,
    /// Number of the certificate at this host.
    pub number: u32,
    /// First and last moment of validity.
    pub validity: (Epoch, Epoch),
    /// Who issued it.
    pub issuer: Issuer,
}

/// The authorities.
pub struct Pki {
    seed: Seed,
    authorities: Vec<(Issuer, &'static str, CertKey, Cert)>,
}

impl Pki {
    /// The authorities of a seed, valid around a time.
    pub fn new(seed: &Seed, around: Epoch) -> Self {
        let names = [
            (Issuer::LetsEncryptX3, "Let's Encrypt Authority X3", "DST Root CA X3"),
            (Issuer::LetsEncryptR3, "R3", "DST Root CA X3"),
            (Issuer::Other, "Sectigo RSA Domain Validation Secure Server CA", "USERTrust RSA Certification Authority"),
        ];
        let authority = |(issuer, name, root): (Issuer, &'static str, &str)| {
            let key = CertKey::ed25519(&seed.child(name));
            let spec = Spec {
                subject: Some(name),
                issuer: Some(root),
                names: &[],
                validity: (around - 2000 * DAY, around + 4000 * DAY),
                kind: Kind::Issuer,
                serial: serial(&seed.child(name)),
                spki: &key.spki(),
            };
            let cert = make(&spec, &CertKey::ed25519(&seed.child(root)), Hash::Sha256);
            (issuer, name, key, cert)
        };
        Self { seed: *seed, authorities: names.into_iter().map(authority).collect() }
    }

    /// The intermediate that is sent with a leaf.
    pub fn issuer(&self, issuer: Issuer) -> Option<&Cert> {
        self.authority(issuer).map(|(.., cert)| cert)
    }

    fn authority(&self, issuer: Issuer) -> Option<&(Issuer, &'static str, CertKey, Cert)> {
        self.authorities.iter().find(|(of, ..)| *of == issuer)
    }

    /// The SubjectPublicKeyInfo of a leaf's key.
    pub fn spki(&self, leaf: &Leaf) -> Vec<u8> {
        let mut modulus = self.seed.child(&leaf.host).child(&format!("key {}", leaf.key)).stretch(256);
        modulus[0] |= 0x80;
        modulus[255] |= 1;
        seq(&[&seq(&[&oid(RSA_ENCRYPTION), &tlv(0x05, &[])]), &bits(&seq(&[&int(&modulus), &int(&[1, 0, 1])]))])
    }

    /// The certificate itself.
    pub fn leaf(&self, leaf: &Leaf) -> Vec<u8> {
        let names = [leaf.host.clone()];
        let spki = self.spki(leaf);
        let authority = self.authority(leaf.issuer);
        let spec = Spec {
            subject: Some(&leaf.host),
            issuer: Some(authority.map_or(leaf.host.as_str(), |(_, name, ..)| name)),
            names: &names,
            validity: leaf.validity,
            kind: Kind::Server,
            serial: serial(&self.seed.child(&leaf.host).child(&format!("serial {}", leaf.number))),
            spki: &spki,
        };
        match authority {
            Some((_, _, key, _)) => make(&spec, key, Hash::Sha256).der,
            None => make(&spec, &CertKey::Nobody(spki.clone()), Hash::Sha256).der,
        }
    }

    /// The chain that a server sends.
    pub fn chain(&self, leaf: &Leaf) -> Vec<CertificateBytes> {
        let first = CertificateBytes(self.leaf(leaf).into());
        let rest = self.issuer(leaf.issuer).map(|cert| CertificateBytes(cert.der.as_slice().into()));
        std::iter::once(first).chain(rest).collect()
    }
}

fn serial(seed: &Seed) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&seed.child("serial").bytes()[..16]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use dane::cert::Certificate;

    #[test]
    fn leaves_are_read_back_and_their_signatures_hold() {
        let pki = Pki::new(&Seed::new(1), 1_580_000_000);
        let mut leaf = Leaf {
            host: "mx.example.net".to_owned(),
            key: 3,
            number: 7,
            validity: (1_580_000_000, 1_587_776_000),
            issuer: Issuer::LetsEncryptX3,
        };
        let chain = pki.chain(&leaf);
        let read: Vec<Certificate> = chain.iter().map(|der| Certificate::parse_shared(der).unwrap()).collect();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].spki, pki.spki(&leaf));
        assert_eq!((read[0].not_before, read[0].not_after), (Some(1_580_000_000), Some(1_587_776_000)));
        assert_eq!(
            (read[0].key.kind.as_str(), read[0].key.bits, &read[0].dns_names[..]),
            ("RSA", Some(2048), &["mx.example.net".to_owned()][..])
        );
        assert_eq!(read[0].verify_signature(&read[1].spki), Ok(()));
        assert_eq!(pki.chain(&leaf), chain, "the same octets again");
        leaf.key = 4;
        assert_ne!(pki.spki(&leaf), read[0].spki);
        leaf.issuer = Issuer::Nobody;
        let alone = pki.chain(&leaf);
        assert_eq!(alone.len(), 1);
        let alone = Certificate::parse_shared(&alone[0]).unwrap();
        assert!(alone.verify_signature(&alone.spki).is_err());
    }
}
