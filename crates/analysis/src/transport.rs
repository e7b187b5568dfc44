//! How well is mail protected in transport? The questions that S4 asks of the top domains of the Web, and those of
//! the study of 2015 that it quotes (Durumeric et al., "Neither Snow Nor Rain Nor MITM").
//!
//! They count *domains*, each by one server: the first address of its most preferred MX host with which an SMTP session came about (the most
//! preferred, if none did). A domain *has mail* if MX records name a host. Each file is one question; every share has its denominator:
//!
//! | file | question | denominator |
//! |---|---|---|
//! | `support` | STARTTLS; AUTH offered before it | domains with an SMTP session; domains with TLS |
//! | `providers` | the largest operators of MX hosts, and how they do | domains with mail; of the operator: sessions, TLS, certificates judged |
//! | `trust` | trusted certificates: for the domain, for the server, for neither | domains with TLS whose certificate was judged |
//! | `parameters` | version, key exchange, cipher, MAC, key, forward secrecy | domains with TLS of which it is known |
//! | `dnssec` | DNSSEC and DANE | domains with mail; domains with TLS |
//! | `policies` | MTA-STS and TLS reporting | domains with mail of which it is known |

mod dnssec;
mod parameters;
mod policies;
mod providers;
mod support;
mod trust;

pub use dnssec::DnssecTable;
pub use parameters::ParameterTable;
pub use policies::PolicyTable;
pub use providers::ProviderRow;
pub use support::SupportTable;
pub use trust::TrustTable;

use crate::facts::{DomainFacts, HostFacts, Mail};
use crate::starttls::StarttlsClass;
use dane::name::Name;
use dane::observation::{AddressObservation, TlsObservation};
use dane::suffix;
use dane::verdict::{ServerVerdict, WebPki};
use serde::{Deserialize, Serialize};

/// One domain that has mail.
pub(crate) struct Transported<'a> {
    pub facts: &'a DomainFacts<'a>,
    /// Who runs its most preferred MX host: the registered name above the host's.
    pub operator: String,
    /// Whether there was an SMTP session.
    pub session: bool,
    /// The server, if there was a session.
    pub server: Option<&'a AddressObservation>,
    /// What TLS agreed on, if STARTTLS works.
    pub tls: Option<&'a TlsObservation>,
    /// What the certificate is worth, if STARTTLS works.
    pub webpki: Option<WebPki>,
}

impl<'a> Transported<'a> {
    /// `None`: the domain has no mail.
    fn new(facts: &'a DomainFacts<'a>) -> Option<Self> {
        let first = facts.hosts.first().filter(|_| facts.mail == Mail::Mx)?;
        let (server, verdict) = facts.hosts.iter().find_map(session).unzip();
        let tls = server.and_then(|s: &AddressObservation| s.tls.as_ref()).filter(|_| verdict.is_some_and(works));
        Some(Self {
            facts,
            operator: operator(&first.name),
            session: server.is_some(),
            server,
            tls,
            webpki: verdict.filter(|_| tls.is_some()).and_then(|v| v.webpki),
        })
    }
}

/// The server with which a session came about.
fn session<'a>(host: &'a HostFacts<'a>) -> Option<(&'a AddressObservation, &'a ServerVerdict)> {
    let (server, verdict) = host.first_server()?;
    let verdict = verdict?;
    (StarttlsClass::of(host).is_judged() || works(verdict)).then_some((server, verdict))
}

/// Whether STARTTLS works: a TLS session with a certificate, or one that only our engine could not make.
fn works(verdict: &ServerVerdict) -> bool {
    verdict.obstacle.is_none() || (verdict.obstacle == Some(dane::cause::Cause::TlsEngineLimit) && verdict.webpki.is_some())
}

/// The registered name above a host's; strangers' names below a service's are the service's.
fn operator(host: &str) -> String {
    if host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() {
        return "(an address, not a host)".to_owned();
    }
    let registered = host.parse::<Name>().ok().and_then(|name| suffix::operator(&name));
    registered.map_or_else(|| host.to_owned(), |name| name.to_string())
}

/// All counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transport {
    with_mail: u64,
    support: support::Support,
    providers: providers::Providers,
    trust: trust::Trust,
    parameters: parameters::Parameters,
    dnssec: dnssec::Dnssec,
    policies: policies::Policies,
}

impl Transport {
    pub fn add(&mut self, facts: &DomainFacts) {
        let Some(domain) = Transported::new(facts) else { return };
        self.with_mail += 1;
        self.support.add(&domain);
        self.providers.add(&domain);
        self.trust.add(&domain);
        self.parameters.add(&domain);
        self.dnssec.add(&domain);
        self.policies.add(&domain);
    }

    pub fn merge(&mut self, other: Self) {
        self.with_mail += other.with_mail;
        self.support.merge(&other.support);
        self.providers.merge(other.providers);
        self.trust.merge(&other.trust);
        self.parameters.merge(other.parameters);
        self.dnssec.merge(&other.dnssec);
        self.policies.merge(&other.policies);
    }

    pub fn tables(&self) -> TransportTables {
        TransportTables {
            with_mail: self.with_mail,
            support: self.support.table(),
            providers: self.providers.table(self.with_mail),
            providers_in_all: self.providers.len(),
            trust: self.trust.table(),
            parameters: self.parameters.table(),
            dnssec: self.dnssec.table(),
            policies: self.policies.table(),
        }
    }
}

/// The answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransportTables {
    /// Domains that have mail: MX records name a host.
    pub with_mail: u64,
    /// STARTTLS, and AUTH before it.
    pub support: SupportTable,
    /// Operators of MX hosts, those of most domains first, at most 25.
    pub providers: Vec<ProviderRow>,
    /// How many operators there are.
    pub providers_in_all: u64,
    /// Trusted certificates; `None`: not judged, for no roots were given.
    pub trust: Option<TrustTable>,
    /// What TLS agreed on.
    pub parameters: ParameterTable,
    /// DNSSEC and DANE.
    pub dnssec: DnssecTable,
    /// MTA-STS and TLS reporting; `None`: nobody looked.
    pub policies: Option<PolicyTable>,
}

#[cfg(test)]
mod tests {
    use super::operator;

    #[test]
    fn operators_by_name() {
        for (host, expected) in [
            ("mx1.mail.example.com", "example.com"),
            ("example.com", "example.com"),
            ("mx.example.co.uk", "example.co.uk"),
            ("mx.example.kawasaki.jp", "mx.example.kawasaki.jp"),
            ("mx.city.kawasaki.jp", "city.kawasaki.jp"),
            ("com", "com"),
            ("", ""),
            ("192.0.2.1", "(an address, not a host)"),
        ] {
            assert_eq!(operator(host), expected);
        }
    }
}
