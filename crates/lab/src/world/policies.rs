//! What a domain publishes besides DANE, as records and a policy host.

use super::build::{Builder, TTL};
use crate::dns::rdata::{self, below};
use crate::dns::zone::ZonePlan;
use crate::https::PolicyHost;
use crate::pki::chain::{Credentials, Subject};
use crate::smtp::tls::{self, ServerName};
use dane::name::Name;
use domain::base::iana::Rtype;
use scenario::recipe::{Https, Policies, Smtp, Sts, StsMx};
use std::net::IpAddr;

impl Builder {
    /// Publishes the policies of a mail domain in its zone.
    pub fn policies(&mut self, policies: &Policies, domain: &Name, zone: &mut ZonePlan) {
        for text in &policies.tlsrpt {
            zone.add(&below("_smtp._tls", domain), Rtype::TXT, TTL, rdata::txt(text));
        }
        for issuer in &policies.caa {
            zone.add(domain, Rtype::CAA, TTL, rdata::caa("issue", issuer));
        }
        let Some(sts) = &policies.sts else { return };
        for text in &sts.records {
            zone.add(&below("_mta-sts", domain), Rtype::TXT, TTL, rdata::txt(text));
        }
        let address = self.address(Smtp::Normal, 0);
        let host = below("mta-sts", domain);
        zone.add(&host, Rtype::A, TTL, rdata::a(address));
        let (name, domain) = (host.to_string(), domain.to_string());
        let subject = Subject { host: &name, domain: &domain, seed: self.seed.child(&format!("policy host {name}")), now: self.now };
        let credentials = Credentials::new(&sts.certificate, &subject, &self.authority);
        let tls = tls::config(&name, &credentials, ServerName::Optional);
        let policy = policy(sts, &domain);
        self.policy_hosts.push(PolicyHost { name, address: IpAddr::V4(address), https: sts.https, tls, policy });
    }
}

/// RFC 8461 section 3.2
fn policy(sts: &Sts, domain: &str) -> String {
    let mx = match sts.mx {
        StsMx::Hosts => format!("*.{domain}"),
        StsMx::Other => "mx.former-provider.net".to_owned(),
    };
    let max_age = if sts.https == Https::Malformed { "" } else { "max_age: 604800\r\n" };
    format!("version: STSv1\r\nmode: {}\r\nmx: {mx}\r\n{max_age}", sts.mode.word())
}
