//! Certificates, written by hand so that they can be wrong on purpose.

use super::der::{bits, int, octets, oid, seq, time, tlv};
use super::key::CertKey;
use super::rsa::Hash;
use aws_lc_rs::digest::{SHA256, digest};
use dane::Epoch;

/// A certificate and the part of it that selector 1 selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cert {
    /// The whole, DER.
    pub der: Vec<u8>,
    /// Its SubjectPublicKeyInfo, DER.
    pub spki: Vec<u8>,
}

/// What goes into a certificate.
pub struct Spec<'a> {
    /// Common name; `None`: empty subject.
    pub subject: Option<&'a str>,
    /// Common name of the issuer.
    pub issuer: Option<&'a str>,
    /// DNS names.
    pub names: &'a [String],
    /// First and last moment of validity.
    pub validity: (Epoch, Epoch),
    /// What it is for.
    pub kind: Kind,
    /// Serial number.
    pub serial: [u8; 16],
    /// Its key.
    pub spki: &'a [u8],
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A server.
    Server,
    /// A server, version 1: no extensions.
    ServerV1,
    /// An issuer.
    Issuer,
}

/// Makes it.
pub fn make(spec: &Spec<'_>, signer: &CertKey, hash: Hash) -> Cert {
    let algorithm = signer.signature_algorithm(hash);
    let mut serial = spec.serial;
    serial[0] = serial[0] & 0x7f | 0x40;
    let mut parts = vec![
        int(&serial),
        algorithm.clone(),
        name(spec.issuer),
        seq(&[&time(spec.validity.0), &time(spec.validity.1)]),
        name(spec.subject),
        spec.spki.to_vec(),
    ];
    if spec.kind != Kind::ServerV1 {
        parts.insert(0, tlv(0xa0, &int(&[2])));
        parts.push(tlv(0xa3, &extensions(spec, signer)));
    }
    let tbs = tlv(0x30, &parts.concat());
    let signature = signer.sign(hash, &tbs);
    Cert { der: seq(&[&tbs, &algorithm, &bits(&signature)]), spki: spec.spki.to_vec() }
}

fn name(common: Option<&str>) -> Vec<u8> {
    match common {
        None => seq(&[]),
        Some(text) => seq(&[&tlv(0x31, &seq(&[&oid(b"\x55\x04\x03"), &tlv(0x0c, text.as_bytes())]))]),
    }
}

fn key_id(spki: &[u8]) -> Vec<u8> {
    digest(&SHA256, spki).as_ref().iter().copied().take(20).collect()
}

fn extensions(spec: &Spec<'_>, signer: &CertKey) -> Vec<u8> {
    let critical = tlv(0x01, &[0xff]);
    let mut list = Vec::new();
    let mut add = |id: &[u8], is_critical: bool, value: &[u8]| {
        let mark: &[u8] = if is_critical { &critical } else { &[] };
        list.extend(seq(&[&oid(id), mark, &octets(value)]));
    };
    if spec.kind == Kind::Issuer {
        add(b"\x55\x1d\x13", true, &seq(&[&critical]));
        add(b"\x55\x1d\x0f", true, &tlv(0x03, &[1, 0x06]));
    } else {
        add(b"\x55\x1d\x13", true, &seq(&[]));
        add(b"\x55\x1d\x0f", true, &tlv(0x03, &[7, 0x80]));
        add(b"\x55\x1d\x25", false, &seq(&[&oid(b"\x2b\x06\x01\x05\x05\x07\x03\x01")]));
    }
    add(b"\x55\x1d\x0e", false, &octets(&key_id(spec.spki)));
    add(b"\x55\x1d\x23", false, &seq(&[&tlv(0x80, &key_id(&signer.spki()))]));
    if !spec.names.is_empty() {
        let names: Vec<u8> = spec.names.iter().flat_map(|n| tlv(0x82, n.as_bytes())).collect();
        add(b"\x55\x1d\x11", spec.subject.is_none(), &tlv(0x30, &names));
    }
    tlv(0x30, &list)
}
