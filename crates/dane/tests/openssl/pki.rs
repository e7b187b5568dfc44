//! Certificates of every shape, right and wrong: DER put together here, keys and signatures made by openssl.
//!
//! Nothing of the crate under test is used, so that a mistake in its reader cannot hide in what it reads.

use crate::oracle::openssl;
use std::cell::Cell;
use std::path::{Path, PathBuf};

/// Keys and the digest with which they sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    P256,
    P256Sha384,
    P384,
    P521,
    Secp256k1,
    Ed25519,
    Rsa(u32),
    RsaSha1(u32),
    RsaMd5(u32),
    RsaPss,
}

/// One key pair.
#[derive(Clone)]
pub struct Key {
    pub kind: Kind,
    /// PEM, for s_server.
    pub file: PathBuf,
    pub spki: Vec<u8>,
}

/// One certificate and the key it is for.
#[derive(Clone)]
pub struct Cert {
    pub der: Vec<u8>,
    pub key: Key,
    pub subject: Vec<u8>,
}

/// Everything about a certificate that can be wrong.
#[derive(Clone)]
pub struct Template {
    /// 1 or 3; 3 has the extensions.
    pub version: u8,
    pub serial: Vec<u8>,
    pub subject: Vec<u8>,
    pub not_before: &'static str,
    pub not_after: &'static str,
    /// Whole extensions.
    pub extensions: Vec<Vec<u8>>,
    /// The algorithm in tbsCertificate differs from the one outside.
    pub two_algorithms: bool,
    /// The signature is wrong in its last octet.
    pub bad_signature: bool,
}

/// Makes keys and certificates in a directory.
pub struct Pki {
    directory: PathBuf,
    count: Cell<u32>,
}

impl Pki {
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf(), count: Cell::new(0) }
    }

    fn file(&self, suffix: &str) -> PathBuf {
        self.count.set(self.count.get() + 1);
        self.directory.join(format!("{}.{suffix}", self.count.get()))
    }

    pub fn key(&self, kind: Kind) -> Key {
        let file = self.file("key");
        let bits;
        let options: &[&str] = match kind {
            Kind::P256 | Kind::P256Sha384 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            Kind::P384 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            Kind::P521 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            Kind::Secp256k1 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
            Kind::Ed25519 => &["-algorithm", "ED25519"],
            Kind::Rsa(n) | Kind::RsaSha1(n) | Kind::RsaMd5(n) => {
                bits = format!("rsa_keygen_bits:{n}");
                &["-algorithm", "RSA", "-pkeyopt", &bits]
            }
            Kind::RsaPss => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        };
        let path = file.to_str().unwrap();
        openssl(&[&["genpkey"], options, &["-out", path]].concat());
        let spki = openssl(&["pkey", "-in", path, "-pubout", "-outform", "DER"]);
        Key { kind, file, spki }
    }

    /// A certificate for `key` signed by `issuer`.
    pub fn issue(&self, template: &Template, key: &Key, issuer: &Cert) -> Cert {
        self.sign(template, key, &issuer.key, &issuer.subject)
    }

    /// A self-signed certificate.
    pub fn self_sign(&self, template: &Template, key: &Key) -> Cert {
        self.sign(template, key, key, &template.subject)
    }

    /// A certificate signed with any key in any name.
    pub fn sign(&self, t: &Template, key: &Key, signer: &Key, issuer: &[u8]) -> Cert {
        let algorithm = signer.kind.algorithm();
        let inner = if t.two_algorithms { Kind::Rsa(2048).algorithm() } else { algorithm.clone() };
        let version = if t.version == 1 { vec![] } else { tlv(0xa0, &[&tlv(2, &[&[t.version - 1]])]) };
        let extensions = if t.extensions.is_empty() { vec![] } else { tlv(0xa3, &[&tlv(0x30, &[&t.extensions.concat()])]) };
        let validity = tlv(0x30, &[&time(t.not_before), &time(t.not_after)]);
        let serial = tlv(2, &[&t.serial]);
        let tbs = tlv(0x30, &[&version, &serial, &inner, issuer, &validity, &t.subject, &key.spki, &extensions]);
        let mut signature = self.signature(signer, &tbs);
        if t.bad_signature {
            *signature.last_mut().unwrap() ^= 1;
        }
        let der = tlv(0x30, &[&tbs, &algorithm, &tlv(3, &[&[0], &signature])]);
        Cert { der, key: key.clone(), subject: t.subject.clone() }
    }

    fn signature(&self, key: &Key, message: &[u8]) -> Vec<u8> {
        let (input, path) = (self.file("tbs"), key.file.to_str().unwrap());
        std::fs::write(&input, message).unwrap();
        let input = input.to_str().unwrap();
        let digest = match key.kind {
            Kind::Ed25519 => return openssl(&["pkeyutl", "-sign", "-rawin", "-inkey", path, "-in", input]),
            Kind::P384 | Kind::P256Sha384 => "-sha384",
            Kind::P521 => "-sha512",
            Kind::RsaSha1(_) => "-sha1",
            Kind::RsaMd5(_) => "-md5",
            _ => "-sha256",
        };
        let pss: &[&str] =
            if key.kind == Kind::RsaPss { &["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] } else { &[] };
        openssl(&[&["dgst", digest, "-sign", path], pss, &[input]].concat())
    }
}

impl Kind {
    /// AlgorithmIdentifier of its signatures, whole.
    fn algorithm(self) -> Vec<u8> {
        let pkcs1 = |n: u8| tlv(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, n, 5, 0]]);
        let ecdsa = |n: u8| tlv(0x30, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, n]]);
        match self {
            Self::P256 | Self::Secp256k1 => ecdsa(2),
            Self::P384 | Self::P256Sha384 => ecdsa(3),
            Self::P521 => ecdsa(4),
            Self::Ed25519 => tlv(0x30, &[&[6, 3, 0x2b, 0x65, 0x70]]),
            Self::Rsa(_) => pkcs1(11),
            Self::RsaSha1(_) => pkcs1(5),
            Self::RsaMd5(_) => pkcs1(4),
            Self::RsaPss => {
                let sha256 = tlv(0x30, &[&[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0]]);
                let mgf1 = tlv(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8], &sha256]);
                let parameters = tlv(0x30, &[&tlv(0xa0, &[&sha256]), &tlv(0xa1, &[&mgf1]), &tlv(0xa2, &[&[2, 1, 32]])]);
                tlv(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10], &parameters])
            }
        }
    }
}

impl Template {
    fn new(subject: Vec<u8>, extensions: Vec<Vec<u8>>) -> Self {
        let (not_before, not_after) = ("20200101000000Z", "20400101000000Z");
        Self { version: 3, serial: vec![7], subject, not_before, not_after, extensions, two_algorithms: false, bad_signature: false }
    }

    /// An issuer as it should be.
    pub fn ca(name: &str) -> Self {
        Self::new(dn(name), vec![basic_constraints(true, None), key_usage(0x06)])
    }

    /// A server's certificate as it should be.
    pub fn leaf(names: &[&str]) -> Self {
        Self::new(dn(names.first().unwrap_or(&"")), vec![key_usage(0x80), server_auth(), dns_names(names)])
    }

    /// With these extensions and no others.
    pub fn with(mut self, extensions: &[Vec<u8>]) -> Self {
        self.extensions = extensions.to_vec();
        self
    }

    /// With one more extension.
    pub fn and(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    pub fn valid(mut self, not_before: &'static str, not_after: &'static str) -> Self {
        (self.not_before, self.not_after) = (not_before, not_after);
        self
    }

    pub fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// One element.
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        n @ 0..=127 => out.push(n as u8),
        n @ 128..=255 => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    [out, content].concat()
}

/// A distinguished name with one common name; none if it is empty.
pub fn dn(common_name: &str) -> Vec<u8> {
    if common_name.is_empty() {
        return vec![0x30, 0];
    }
    let value = tlv(0x0c, &[common_name.as_bytes()]);
    tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[&[6, 3, 0x55, 4, 3], &value])])])
}

/// A distinguished name with a common name as PrintableString.
pub fn printable_dn(common_name: &str) -> Vec<u8> {
    let value = tlv(0x13, &[common_name.as_bytes()]);
    tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[&[6, 3, 0x55, 4, 3], &value])])])
}

fn time(digits: &str) -> Vec<u8> {
    match digits.strip_prefix("20") {
        Some(short) if digits < "2050" => tlv(0x17, &[short.as_bytes()]),
        _ => tlv(0x18, &[digits.as_bytes()]),
    }
}

/// An extension of id-ce.
pub fn extension(number: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    tlv(0x30, &[&[6, 3, 0x55, 0x1d, number], critical, &tlv(4, &[value])])
}

pub fn basic_constraints(ca: bool, path_len: Option<u8>) -> Vec<u8> {
    let ca: &[u8] = if ca { &[1, 1, 0xff] } else { &[] };
    let path_len = path_len.map_or(vec![], |n| vec![2, 1, n]);
    extension(19, true, &tlv(0x30, &[ca, &path_len]))
}

pub fn key_usage(bits: u8) -> Vec<u8> {
    extension(15, true, &[3, 2, bits.trailing_zeros() as u8, bits])
}

pub fn server_auth() -> Vec<u8> {
    extended_key_usage(&[&[0x2b, 6, 1, 5, 5, 7, 3, 1]])
}

pub fn extended_key_usage(oids: &[&[u8]]) -> Vec<u8> {
    let oids: Vec<u8> = oids.iter().flat_map(|oid| tlv(6, &[oid])).collect();
    extension(37, false, &tlv(0x30, &[&oids]))
}

pub fn dns_names(names: &[&str]) -> Vec<u8> {
    let names: Vec<u8> = names.iter().flat_map(|n| tlv(0x82, &[n.as_bytes()])).collect();
    extension(17, false, &tlv(0x30, &[&names]))
}

pub fn mail_name(address: &str) -> Vec<u8> {
    extension(17, false, &tlv(0x30, &[&tlv(0x81, &[address.as_bytes()])]))
}

/// Name constraints: general names, whole.
pub fn name_constraints(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let subtrees = |tag, names: &[Vec<u8>]| match names {
        [] => vec![],
        _ => tlv(tag, &[&names.iter().flat_map(|n| tlv(0x30, &[n])).collect::<Vec<u8>>()]),
    };
    extension(30, true, &tlv(0x30, &[&subtrees(0xa0, permitted), &subtrees(0xa1, excluded)]))
}

pub fn subject_key_id(id: &[u8]) -> Vec<u8> {
    extension(14, false, &tlv(4, &[id]))
}

pub fn authority_key_id(id: &[u8]) -> Vec<u8> {
    extension(35, false, &tlv(0x30, &[&tlv(0x80, &[id])]))
}

/// PEM.
pub fn pem(der: &[u8]) -> String {
    let digits = data_encoding::BASE64.encode(der);
    let lines: Vec<&str> = digits.as_bytes().chunks(64).map(|c| std::str::from_utf8(c).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
