//! Builders of evidence for the tests of this crate.

use crate::dns::{Alias, Lookup, LookupFailure, Record, Security, SecurityReason, SignatureWindow};
use crate::name::{Name, fqdn};
use crate::observation::{
    AddressObservation, CertificateBytes, Connect, DomainObservation, Exchange, Got, HostObservation, Observation, SCHEMA_VERSION,
    TlsObservation, VantageObservation,
};
use aws_lc_rs::digest::{SHA256, digest};
use domain::base::iana::Rtype;
use std::sync::Arc;

/// The moment at which the tests look.
pub const NOW: crate::Epoch = 1_800_000_000;

pub fn name(text: &str) -> Name {
    Name::from_chars(text.chars()).unwrap()
}

/// A secure answer with these records; without any, a secure NODATA.
pub fn answer(owner: &str, rtype: Rtype, data: &[&str]) -> Lookup {
    let owner = name(owner);
    Lookup {
        name: owner.clone(),
        rtype,
        at: NOW,
        status: Security::Secure,
        failure: None,
        failure_detail: None,
        failed_zone: None,
        failed_upstream: false,
        rcode: 0,
        reason: None,
        aliases: Vec::new(),
        records: data.iter().map(|d| Record { owner: owner.clone(), ttl: 3600, data: (*d).to_owned() }).collect(),
        signed: true,
        signature: None,
        negative_ttl: data.is_empty().then_some(900),
        server: None,
        bogus_servers: Vec::new(),
        elapsed_ms: 1,
        raw: Vec::new(),
    }
}

pub fn mx(owner: &str, data: &[&str]) -> Lookup {
    answer(owner, Rtype::MX, data)
}

pub fn a(owner: &str, data: &[&str]) -> Lookup {
    answer(owner, Rtype::A, data)
}

pub fn aaaa(owner: &str, data: &[&str]) -> Lookup {
    answer(owner, Rtype::AAAA, data)
}

/// TLSA at `_25._tcp` of this base.
pub fn tlsa(base: &str, data: &[&str]) -> Lookup {
    answer(&format!("_25._tcp.{base}"), Rtype::TLSA, data)
}

impl Lookup {
    pub(crate) fn nxdomain(mut self) -> Self {
        self.rcode = 3;
        self.records.clear();
        self
    }

    pub(crate) fn insecure(self, code: &str) -> Self {
        self.with_status(Security::Insecure, code)
    }

    pub(crate) fn bogus(self, code: &str) -> Self {
        self.with_status(Security::Bogus, code)
    }

    pub(crate) fn with_status(mut self, status: Security, code: &str) -> Self {
        self.status = status;
        let at_name = self.name.clone();
        self.reason = Some(SecurityReason { code: code.to_owned(), at_name, at_type: self.rtype, detail: String::new(), ede: Vec::new() });
        self
    }

    /// The reason lies at this zone.
    pub(crate) fn in_zone(mut self, apex: &str) -> Self {
        if let Some(reason) = &mut self.reason {
            reason.at_name = name(apex);
        }
        self
    }

    pub(crate) fn failing(mut self, failure: LookupFailure) -> Self {
        self.failure = Some(failure);
        self.status = Security::Indeterminate;
        self.records.clear();
        self
    }

    /// One more link: the end of the chain so far is an alias of `target`, whose records these are. The whole gets the weakest status.
    pub(crate) fn via(mut self, target: &str, link: Security) -> Self {
        let owner = self.expanded().clone();
        self.aliases.push(Alias { owner, target: name(target), ttl: 300, status: link });
        for record in &mut self.records {
            record.owner = name(target);
        }
        self.status = self.status.weakest(link);
        self
    }

    pub(crate) fn signed_until(mut self, expiration: crate::Epoch) -> Self {
        self.signature = Some(SignatureWindow {
            signer: name("example.nl"),
            key_tag: 4711,
            algorithm: 13,
            inception: NOW - 86_400,
            expiration,
            original_ttl: 3600,
        });
        self
    }
}

/// The CNAME query at an alias.
pub fn cname(owner: &str, target: &str) -> Lookup {
    answer(owner, Rtype::CNAME, &[&fqdn(&name(target))])
}

pub fn ttl(mut lookup: Lookup, seconds: u32) -> Lookup {
    lookup.records.iter_mut().for_each(|r| r.ttl = seconds);
    lookup
}

/// A connection to this address that was made, and nothing else yet.
pub fn server(address: &str) -> AddressObservation {
    AddressObservation { elapsed_ms: 10, ..AddressObservation::new(address.parse().unwrap(), 25, NOW, Connect::Connected) }
}

/// Commands (empty: the greeting) and replies, lines parted by `|`; or `TIMEOUT`, `CLOSED`, `RESET`, `GARBAGE`.
pub fn dialogue(steps: &[(&str, &str)]) -> AddressObservation {
    let mut server = server("192.0.2.1");
    for (sent, got) in steps {
        let got = match *got {
            "TIMEOUT" => Got::Timeout,
            "CLOSED" => Got::Closed,
            "RESET" => Got::Reset,
            "GARBAGE" => Got::Garbage { text: "HTTP/1.1 400 Bad Request".to_owned(), why: "not-smtp".to_owned() },
            reply => Got::Reply {
                code: reply[..3].parse().unwrap(),
                lines: reply.split('|').map(|l| l.get(4..).unwrap_or_default().to_owned()).collect(),
            },
        };
        let sent = (!sent.is_empty()).then(|| (*sent).to_owned());
        server.dialogue.push(Exchange { sent, encrypted: false, got, at_ms: 1 });
    }
    server
}

/// A TLS session that was made, with this chain.
pub fn tls(chain: Vec<CertificateBytes>) -> TlsObservation {
    TlsObservation { version: Some("TLSv1.3".to_owned()), key_proven: Some(true), chain, ..TlsObservation::new("test") }
}

/// A self-signed certificate for this name, with a new key, valid from 2020 to 2040.
pub fn certificate(host: &str) -> CertificateBytes {
    identity(host).certificate
}

/// A server's certificate, and its key as the software that made it encodes it.
#[derive(Clone)]
pub struct Identity {
    pub certificate: CertificateBytes,
    pub spki: Vec<u8>,
}

impl Identity {
    /// `3 1 1` of the key.
    pub(crate) fn record(&self) -> String {
        format!("3 1 1 {}", hex(digest(&SHA256, &self.spki).as_ref()))
    }

    /// `3 0 1` of the certificate.
    pub(crate) fn certificate_record(&self) -> String {
        format!("3 0 1 {}", hex(digest(&SHA256, &self.certificate.0).as_ref()))
    }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// A self-signed identity, valid from 2020 to 2040.
pub fn identity(host: &str) -> Identity {
    identity_until(host, 2040)
}

/// A self-signed identity, valid from 2020 to the first day of this year.
pub fn identity_until(host: &str, year: i32) -> Identity {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let certificate = CertificateBytes(params.self_signed(&key).unwrap().der().to_vec().into());
    Identity { certificate, spki: rcgen::PublicKeyData::subject_public_key_info(&key) }
}

/// A good visit at this address: STARTTLS, and this certificate.
pub fn visit(address: &str, certificate: &CertificateBytes) -> AddressObservation {
    let ehlo = "250-mx.example.nl greets you|250-PIPELINING|250-STARTTLS|250 8BITMIME";
    let steps = [("", "220 mx.example.nl ESMTP"), ("EHLO me", ehlo), ("STARTTLS", "220 2.0.0 Ready to start TLS")];
    AddressObservation { address: address.parse().unwrap(), tls: Some(tls(vec![certificate.clone()])), ..dialogue(&steps) }
}

/// A host with one IPv4 address, all of it secure, and this TLSA answer.
pub fn host(text: &str, address: &str, tlsa: Lookup, servers: Vec<AddressObservation>) -> HostObservation {
    HostObservation {
        schema: SCHEMA_VERSION,
        host: name(text),
        port: 25,
        at: NOW,
        a: a(text, &[address]),
        aaaa: aaaa(text, &[]),
        cname: None,
        tlsa: vec![tlsa],
        zone: None,
        servers,
    }
}

/// A domain with this MX answer and these hosts.
pub fn domain(mx: Lookup, hosts: Vec<HostObservation>) -> Observation {
    Observation {
        domain: DomainObservation {
            schema: SCHEMA_VERSION,
            domain: mx.name.clone(),
            at: NOW,
            zone: None,
            mx,
            name_servers: Vec::new(),
            policies: None,
        },
        hosts: hosts.into_iter().map(Arc::new).collect(),
        vantage: VantageObservation::default(),
    }
}
