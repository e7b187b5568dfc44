//! From a recipe to zones and hosts.

use super::build::{Builder, Operator, TLSA_TTL, TTL, zone};
use crate::dns::rdata::{self, below, name};
use crate::dns::zone::{Manner, Place, ZonePlan};
use crate::pki::chain::{Credentials, Subject};
use crate::smtp::server::Host;
use crate::smtp::tls::{self, ServerName};
use dane::name::{Name, tlsa_owner};
use domain::base::iana::Rtype;
use scenario::recipe::{self, Family, Harm, Recipe, Route, Service, Smtp, Spot, TlsaVia};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;

/// The address to which there is no way: TCP cannot connect to a broadcast address.
const NOWHERE: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 255);

/// What came of playing a recipe.
pub struct Played {
    /// The mail domain.
    pub mail: Name,
    /// Its MX hosts, best preference first.
    pub hosts: Vec<Name>,
}

/// Names of a scenario.
struct Cast<'a> {
    recipe: &'a Recipe,
    domain: &'a Name,
    side: &'a Name,
    mail: Name,
}

impl Builder {
    /// Makes the zones and hosts of a recipe: its zone `domain`, its second zone `side`, both served by `operator`.
    pub fn play(&mut self, recipe: &Recipe, domain: &Name, side: &Name, operator: &Operator) -> Played {
        let mail = match recipe.route {
            Route::WildcardMx | Route::AliasedDomain => below("mail", domain),
            _ => domain.clone(),
        };
        let cast = Cast { recipe, domain, side, mail };
        let hosts: Vec<Name> = (0..recipe.hosts.len()).map(|i| cast.host(i)).collect();
        if recipe.route == Route::NoSuchDomain {
            return Played { mail: cast.mail, hosts };
        }
        let mut zone = self.treated(domain, &recipe.zone, operator, &cast);
        let mut second = recipe.side.as_ref().map(|treatment| self.treated(side, treatment, operator, &cast));
        cast.route(&mut zone, second.as_mut(), &hosts);
        for (i, host) in recipe.hosts.iter().enumerate() {
            self.host(&cast, i, host, &mut zone, second.as_mut());
        }
        if let Some(policies) = &recipe.policies {
            self.policies(policies, &cast.mail, &mut zone);
        }
        self.serve(zone, &recipe.zone, &cast);
        if let (Some(zone), Some(treatment)) = (second, &recipe.side) {
            self.serve(zone, treatment, &cast);
        }
        Played { mail: cast.mail, hosts }
    }

    fn treated(&self, apex: &Name, treatment: &recipe::Zone, operator: &Operator, cast: &Cast<'_>) -> ZonePlan {
        let mut plan = zone(apex, treatment.signing, treatment.denial, operator);
        plan.ds = treatment.ds;
        plan.damage = treatment.damage.iter().map(|d| (cast.stored(d.at, apex), d.how)).collect();
        for service in &treatment.service {
            let (spot, manner) = match service {
                Service::Servfail(spot) => (*spot, Manner::Servfail),
                Service::Silent(spot) => (*spot, Manner::Silent),
                Service::Refused(spot) => (*spot, Manner::Refused),
                Service::TcpOnly => (None, Manner::TcpOnly),
            };
            plan.manners.push((spot.map(|s| cast.asked(s, apex)), manner));
        }
        plan
    }

    /// The zone at its servers; at the second its own copy, if that is another.
    fn serve(&mut self, mut zone: ZonePlan, treatment: &recipe::Zone, cast: &Cast<'_>) {
        let apart = if treatment.second.is_empty() { vec![] } else { zone.servers.split_off(1) };
        let mut copy = (!apart.is_empty()).then(|| ZonePlan { servers: apart, ..zone.clone() });
        if let Some(copy) = &mut copy {
            copy.damage.extend(treatment.second.iter().map(|d| (cast.stored(d.at, &zone.apex), d.how)));
        }
        self.plans.push(zone);
        self.plans.extend(copy);
    }

    fn host(&mut self, cast: &Cast<'_>, index: usize, host: &recipe::Host, zone: &mut ZonePlan, mut side: Option<&mut ZonePlan>) {
        let (shown, real, base) = (cast.host(index), cast.real_host(index), cast.tlsa_base(index));
        if shown != real || host.place == recipe::Place::AliasLoop {
            zone.add(&shown, Rtype::CNAME, TTL, rdata::target(&real));
        }
        if host.place == recipe::Place::AliasLoop {
            return;
        }
        let base_text = base.to_string();
        let domain_text = cast.mail.to_string();
        for (n, server) in host.servers.iter().enumerate() {
            let holds = owning(zone, side.as_deref_mut(), &real);
            let address: IpAddr = match server.family {
                Family::V6 if !self.has_ipv6 => continue,
                Family::V6 => {
                    holds.add(&real, Rtype::AAAA, TTL, rdata::aaaa(Ipv6Addr::LOCALHOST));
                    Ipv6Addr::LOCALHOST.into()
                }
                Family::V4 => {
                    let address = if server.smtp == Smtp::Unreachable { NOWHERE } else { self.address(server.smtp, index + n) };
                    holds.add(&real, Rtype::A, TTL, rdata::a(address));
                    address.into()
                }
            };
            // Servers that present the same are given the same key.
            let key = host.servers.iter().position(|other| other.certificate == server.certificate).unwrap_or(n);
            let subject = Subject {
                host: &base_text,
                domain: &domain_text,
                seed: self.seed.child(&format!("server {base_text} {key}")),
                now: self.now,
            };
            let credentials = Credentials::new(&server.certificate, &subject, &self.authority);
            if n == 0 {
                let data = host.tlsa.iter().map(|record| credentials.tlsa(record)).collect();
                cast.publish(host, &base, data, zone, side.as_deref_mut());
            }
            let name_rule = if server.smtp == Smtp::SniRequired { ServerName::Required } else { ServerName::Optional };
            let tls = tls::config(&base_text, &credentials, name_rule);
            let other_tls = (server.smtp == Smtp::Pool).then(|| Subject { seed: subject.seed.child("the other machine"), ..subject });
            let other_tls =
                other_tls.and_then(|s| tls::config(&base_text, &Credentials::new(&server.certificate, &s, &self.authority), name_rule));
            let (name, identities) = (base_text.clone(), credentials.identities);
            self.hosts.push(Host {
                name,
                address,
                smtp: server.smtp,
                tls,
                identities,
                other_tls,
                installed: Mutex::default(),
                welcome: None,
                met: Mutex::default(),
            });
        }
    }
}

/// The zone that a name lies in.
fn owning<'a>(zone: &'a mut ZonePlan, side: Option<&'a mut ZonePlan>, owner: &Name) -> &'a mut ZonePlan {
    match side {
        Some(side) if owner.ends_with(&side.apex) => side,
        _ => zone,
    }
}

impl Cast<'_> {
    /// The host as the MX record has it.
    fn host(&self, index: usize) -> Name {
        let label = format!("mx{}", index + 1);
        match self.recipe.hosts.get(index).map(|h| h.place) {
            _ if self.recipe.route == Route::Implicit => self.domain.clone(),
            Some(recipe::Place::Side) => below(&label, self.side),
            _ => below(&label, self.domain),
        }
    }

    /// The name at which its addresses are.
    fn real_host(&self, index: usize) -> Name {
        match self.recipe.hosts.get(index).map(|h| h.place) {
            Some(recipe::Place::AliasToSide | recipe::Place::AliasToSideTlsaHere) => below(&format!("mx{}", index + 1), self.side),
            _ => self.host(index),
        }
    }

    /// The name below which its TLSA records are.
    fn tlsa_base(&self, index: usize) -> Name {
        match self.recipe.hosts.get(index).map(|h| h.place) {
            Some(recipe::Place::AliasToSide) => self.real_host(index),
            _ => self.host(index),
        }
    }

    fn route(&self, zone: &mut ZonePlan, side: Option<&mut ZonePlan>, hosts: &[Name]) {
        let root = Name::root_bytes();
        let (zone, owner) = match (self.recipe.route, side) {
            (Route::AliasedDomain, Some(side)) => {
                zone.add(&self.mail, Rtype::CNAME, TTL, rdata::target(self.side));
                (side, self.side.clone())
            }
            (Route::WildcardMx, _) => (zone, below("*", self.domain)),
            _ => (zone, self.mail.clone()),
        };
        match self.recipe.route {
            Route::Implicit | Route::NoSuchDomain => return,
            Route::Null => return zone.add(&owner, Rtype::MX, TTL, rdata::mx(0, &root)),
            Route::Address => return zone.add(&owner, Rtype::MX, TTL, rdata::mx(10, &name("127.0.0.1."))),
            Route::NoSuchHost => return zone.add(&owner, Rtype::MX, TTL, rdata::mx(10, &below("nowhere", self.domain))),
            Route::NullAndMx => zone.add(&owner, Rtype::MX, TTL, rdata::mx(0, &root)),
            Route::Mx | Route::WildcardMx | Route::AliasedDomain => {}
        }
        for (i, host) in hosts.iter().enumerate() {
            zone.add(&owner, Rtype::MX, TTL, rdata::mx(10 * (i as u16 + 1), host));
        }
    }

    /// Publishes TLSA records where the host wants them.
    fn publish(&self, host: &recipe::Host, base: &Name, data: Vec<Vec<u8>>, zone: &mut ZonePlan, side: Option<&mut ZonePlan>) {
        let Some(owner) = tlsa_owner(base, 25) else { return };
        let at = match host.tlsa_via {
            TlsaVia::Owner => owner.clone(),
            TlsaVia::Wildcard => below("*", base),
            TlsaVia::Alias => below("_dane", self.domain),
            TlsaVia::AliasToSide => below("_dane", self.side),
        };
        let mut side = side;
        if at != owner && host.tlsa_via != TlsaVia::Wildcard {
            owning(zone, side.as_deref_mut(), &owner).add(&owner, Rtype::CNAME, TTL, rdata::target(&at));
        }
        let harmed_proof = |d: &recipe::Damage| d.at == Spot::Tlsa && matches!(d.how, Harm::ProofMissing | Harm::ProofWrong);
        let holds = owning(zone, side, &at);
        if data.is_empty() && (host.tlsa_via == TlsaVia::Wildcard || self.recipe.zone.damage.iter().any(harmed_proof)) {
            // The name must exist, so that there is a proof of its own to be harmed, or a wildcard.
            holds.add(&at, Rtype::TXT, TLSA_TTL, rdata::txt("no TLSA here"));
        }
        for record in data {
            holds.add(&at, Rtype::TLSA, TLSA_TTL, record.into());
        }
    }

    /// The question that belongs to a spot.
    fn asked(&self, spot: Spot, apex: &Name) -> Place {
        let owner = || tlsa_owner(&self.tlsa_base(0), 25).unwrap_or_else(|| apex.clone());
        match spot {
            Spot::Mx => (self.mail.clone(), Rtype::MX),
            Spot::A => (self.real_host(0), Rtype::A),
            Spot::Aaaa => (self.real_host(0), Rtype::AAAA),
            Spot::Dnskey => (apex.clone(), Rtype::DNSKEY),
            Spot::Tlsa => (owner(), Rtype::TLSA),
            Spot::Alias if self.real_host(0) != self.host(0) => (self.host(0), Rtype::CNAME),
            Spot::Alias => (owner(), Rtype::CNAME),
        }
    }

    /// The name and type in the zone that belong to a spot.
    fn stored(&self, spot: Spot, apex: &Name) -> Place {
        match (spot, self.recipe.hosts.first().map(|h| h.tlsa_via)) {
            (Spot::Tlsa, Some(TlsaVia::Wildcard)) => (below("*", &self.tlsa_base(0)), Rtype::TLSA),
            (Spot::Tlsa, Some(TlsaVia::Alias)) => (below("_dane", self.domain), Rtype::TLSA),
            (Spot::Tlsa, Some(TlsaVia::AliasToSide)) => (below("_dane", self.side), Rtype::TLSA),
            _ => self.asked(spot, apex),
        }
    }
}
