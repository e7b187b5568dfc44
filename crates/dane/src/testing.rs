//! Builders of evidence for the tests of this crate.

use crate::dns::{Alias, Lookup, LookupFailure, Record, Security, SecurityReason, SignatureWindow};
use crate::name::{Name, fqdn};
use domain::base::iana::Rtype;

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
        rcode: 0,
        reason: None,
        aliases: Vec::new(),
        records: data.iter().map(|d| Record { owner: owner.clone(), ttl: 3600, data: (*d).to_owned() }).collect(),
        signed: true,
        signature: None,
        negative_ttl: data.is_empty().then_some(900),
        server: None,
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
    pub fn nxdomain(mut self) -> Self {
        self.rcode = 3;
        self.records.clear();
        self
    }

    pub fn insecure(self, code: &str) -> Self {
        self.with_status(Security::Insecure, code)
    }

    pub fn bogus(self, code: &str) -> Self {
        self.with_status(Security::Bogus, code)
    }

    pub fn with_status(mut self, status: Security, code: &str) -> Self {
        self.status = status;
        let at_name = self.name.clone();
        self.reason = Some(SecurityReason { code: code.to_owned(), at_name, at_type: self.rtype, detail: String::new(), ede: Vec::new() });
        self
    }

    /// The reason lies at this zone.
    pub fn in_zone(mut self, apex: &str) -> Self {
        if let Some(reason) = &mut self.reason {
            reason.at_name = name(apex);
        }
        self
    }

    pub fn failing(mut self, failure: LookupFailure) -> Self {
        self.failure = Some(failure);
        self.status = Security::Indeterminate;
        self.records.clear();
        self
    }

    /// One more link: the end of the chain so far is an alias of `target`, whose records these are. The whole gets the weakest status.
    pub fn via(mut self, target: &str, link: Security) -> Self {
        let owner = self.expanded().clone();
        self.aliases.push(Alias { owner, target: name(target), ttl: 300, status: link });
        for record in &mut self.records {
            record.owner = name(target);
        }
        self.status = self.status.weakest(link);
        self
    }

    pub fn signed_until(mut self, expiration: crate::Epoch) -> Self {
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
