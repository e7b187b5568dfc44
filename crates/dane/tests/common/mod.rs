//! Chains made by rcgen and records made by hand, for tests that need no other program.
#![allow(dead_code, reason = "each test uses a part")]

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use dane::matching::{ErrorCode, MatchVerdict, RecordStatus, Verification, VerifyOptions, verify};
use dane::observation::CertificateBytes;
use dane::tlsa::Tlsa;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, date_time_ymd};

/// 2026-01-01.
pub const NOW: i64 = 1_767_225_600;
pub const HOST: &str = "mx.example.com";

/// One certificate and its key.
pub struct Made {
    pub params: CertificateParams,
    pub key: KeyPair,
    pub der: Vec<u8>,
    pub spki: Vec<u8>,
}

pub fn params(name: &str, dns_names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(dns_names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
    params
}

pub fn ca_params(name: &str) -> CertificateParams {
    let mut params = params(name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

impl Made {
    /// Signed by `issuer`, or by itself.
    pub fn new(params: CertificateParams, issuer: Option<&Made>) -> Self {
        Self::with_key(params, KeyPair::generate().unwrap(), issuer)
    }

    pub fn with_key(params: CertificateParams, key: KeyPair, issuer: Option<&Made>) -> Self {
        let certificate = match issuer {
            Some(issuer) => params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key)),
            None => params.self_signed(&key),
        };
        let (der, spki) = (certificate.unwrap().der().to_vec(), key.subject_public_key_info());
        Self { params, key, der, spki }
    }

    pub fn ca(name: &str, issuer: Option<&Made>) -> Self {
        Self::new(ca_params(name), issuer)
    }

    pub fn leaf(issuer: &Made) -> Self {
        Self::new(params(HOST, &[HOST]), Some(issuer))
    }

    pub fn bytes(&self) -> CertificateBytes {
        CertificateBytes(self.der.as_slice().into())
    }

    /// The record that names it. The data is computed here, not by the code under test.
    pub fn record(&self, usage: u8, selector: u8, matching: u8) -> Tlsa {
        let full = if selector == 0 { &self.der } else { &self.spki };
        let data = match matching {
            1 => digest(&SHA256, full).as_ref().to_vec(),
            2 => digest(&SHA512, full).as_ref().to_vec(),
            _ => full.clone(),
        };
        Tlsa { usage, selector, matching, data }
    }
}

/// Root, issuer and leaf as they should be.
pub struct Usual {
    pub root: Made,
    pub issuer: Made,
    pub leaf: Made,
    pub stranger: Made,
}

impl Usual {
    pub fn new() -> Self {
        let root = Made::ca("Root", None);
        let issuer = Made::ca("Issuer", Some(&root));
        let leaf = Made::leaf(&issuer);
        Self { root, issuer, leaf, stranger: Made::ca("Stranger", None) }
    }

    /// Verifies the whole chain now, for the usual name, as an SMTP client.
    pub fn verify(&self, records: &[Tlsa]) -> Verification {
        verify_chain(&[&self.leaf, &self.issuer, &self.root], records)
    }
}

pub fn verify_chain(chain: &[&Made], records: &[Tlsa]) -> Verification {
    verify_at(chain, records, &[HOST], NOW)
}

pub fn verify_at(chain: &[&Made], records: &[Tlsa], names: &[&str], at: i64) -> Verification {
    let chain: Vec<CertificateBytes> = chain.iter().map(|m| m.bytes()).collect();
    let names: Vec<_> = names.iter().map(|n| dane::name::parse_domain(n).unwrap()).collect();
    verify(&chain, records, &names, at, &VerifyOptions::default())
}

/// Usage and depth of a match.
#[track_caller]
pub fn assert_match(verification: &Verification, usage: u8, depth: u8) {
    assert_eq!(
        (verification.verdict, verification.usage, verification.depth),
        (MatchVerdict::Match, Some(usage), Some(depth)),
        "{verification:?}"
    );
    assert_eq!(verification.error, None);
}

#[track_caller]
pub fn assert_error(verification: &Verification, code: ErrorCode) {
    assert_eq!(verification.verdict, MatchVerdict::NoMatch, "{verification:?}");
    assert_eq!(verification.error.as_ref().map(|e| e.code), Some(code), "{verification:?}");
}

#[track_caller]
pub fn assert_unusable(verification: &Verification, reason: &str) {
    assert_eq!(verification.verdict, MatchVerdict::Unusable, "{verification:?}");
    assert_eq!((verification.records[0].status, verification.records[0].reason), (RecordStatus::Unusable, reason));
}
