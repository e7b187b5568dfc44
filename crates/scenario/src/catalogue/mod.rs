//! The scenarios themselves, by topic, and the words they are written in.
//!
//! Every scenario starts from [`healthy`]: one signed zone (P-256, NSEC), one host in it, one `3 1 1` record that matches, a certificate from
//! the lab's public CA. What follows says what is different.

mod certificates;
mod dns;
mod dnssec;
mod policies;
mod smtp;
mod tlsa;

use crate::recipe::{
    Algorithm, Certificate, Damage, Denial, Ds, Family, Form, Harm, Host, Issuer, Key, Names, Object, Place, Route, Sends, Server, Service,
    Signing, Smtp, Spot, Tlsa, TlsaVia, Validity, Zone,
};
use crate::{Receiver, Recipe, Scenario, Section, Sender};
use dane::cause::Cause;
use dane::verdict::Standing;

/// Every scenario, in the order of the documentation.
pub fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    all.extend(dnssec::scenarios());
    all.extend(tlsa::scenarios());
    all.extend(certificates::scenarios());
    all.extend(smtp::scenarios());
    all.extend(dns::scenarios());
    all.extend(policies::scenarios());
    all
}

/// `3 1 1` of the host's own key: what most hosts publish.
pub const RIGHT: Tlsa = Tlsa::new(3, 1, 1, Object::Leaf);

/// `3 1 1` of somebody else's key.
pub const WRONG: Tlsa = Tlsa::new(3, 1, 1, Object::Unrelated(0));

/// Leaf and intermediate from the public CA, in order, valid, with the host's name.
pub const GOOD: Certificate = Certificate {
    issuer: Issuer::PublicCa,
    key: Key::P256,
    names: Names::Host,
    validity: Validity::Current,
    form: Form::V3,
    sends: Sends::WithoutTop,
};

/// The certificate of a CA of one's own, sent with all of its chain.
pub const PRIVATE: Certificate = Certificate { issuer: Issuer::PrivateCa, sends: Sends::All, ..GOOD };

/// A certificate signed by its own key.
pub const SELF_SIGNED: Certificate = Certificate { issuer: Issuer::SelfSigned, sends: Sends::Leaf, ..GOOD };

/// A zone with nothing wrong.
pub fn signed() -> Zone {
    Zone {
        signing: Signing::OneKey(Algorithm::EcdsaP256),
        denial: Denial::Nsec,
        ds: Ds::Right,
        damage: vec![],
        second: vec![],
        service: vec![],
    }
}

/// A zone without DNSSEC.
pub fn unsigned() -> Zone {
    Zone { signing: Signing::Unsigned, ds: Ds::Missing, ..signed() }
}

/// A host in the domain's own zone.
pub fn host(tlsa: &[Tlsa]) -> Host {
    Host { place: Place::Own, tlsa_via: TlsaVia::Owner, tlsa: tlsa.to_vec(), servers: vec![server(Family::V4, GOOD)] }
}

/// A server that does its duty with this certificate.
pub fn server(family: Family, certificate: Certificate) -> Server {
    Server { family, certificate, smtp: Smtp::Normal }
}

/// A scenario with nothing wrong, to be changed.
pub fn healthy(section: Section, id: &'static str, title: &'static str, text: &'static str) -> Scenario {
    Scenario {
        id,
        title,
        text,
        section,
        recipe: Recipe { zone: signed(), side: None, route: Route::Mx, hosts: vec![host(&[RIGHT])], policies: None },
        sender: vec![Sender::Dane],
        receiver: Receiver { standing: Standing::Protected, causes: vec![], also: vec![] },
        requirements: vec![],
    }
}

/// The words in which scenarios say what is different.
pub trait Draft: Sized {
    fn edit(self, change: impl FnOnce(&mut Recipe)) -> Self;
    fn edit_host(self, change: impl FnOnce(&mut Host)) -> Self;
    /// What senders do.
    fn sender(self, actions: &[Sender]) -> Self;
    /// What a check finds.
    fn finds(self, standing: Standing, causes: &[Cause]) -> Self;
    /// What it may find besides.
    fn also(self, causes: &[Cause]) -> Self;
    /// What the expectations rest on.
    fn rests(self, requirements: &[&'static str]) -> Self;

    fn zone(self, zone: Zone) -> Self {
        self.edit(|r| r.zone = zone)
    }
    fn side(self, zone: Zone) -> Self {
        self.edit(|r| r.side = Some(zone))
    }
    fn route(self, route: Route) -> Self {
        self.edit(|r| r.route = route)
    }
    fn hosts(self, hosts: Vec<Host>) -> Self {
        self.edit(|r| r.hosts = hosts)
    }
    fn damage(self, at: Spot, how: Harm) -> Self {
        self.edit(|r| r.zone.damage.push(Damage { at, how }))
    }
    fn service(self, service: Service) -> Self {
        self.edit(|r| r.zone.service.push(service))
    }
    fn tlsa(self, records: &[Tlsa]) -> Self {
        self.edit_host(|h| h.tlsa = records.to_vec())
    }
    fn via(self, via: TlsaVia) -> Self {
        self.edit_host(|h| h.tlsa_via = via)
    }
    fn place(self, place: Place) -> Self {
        self.edit_host(|h| h.place = place)
    }
    fn presents(self, certificate: Certificate) -> Self {
        self.edit_host(|h| h.servers.iter_mut().for_each(|s| s.certificate = certificate))
    }
    fn smtp(self, smtp: Smtp) -> Self {
        self.edit_host(|h| h.servers.iter_mut().for_each(|s| s.smtp = smtp))
    }
    /// The only host is skipped, so the message waits; the domain is broken for these causes.
    fn fails(self, causes: &[Cause]) -> Self {
        self.sender(&[Sender::Next, Sender::Defer]).finds(Standing::Broken, causes)
    }
    /// The message waits before any host is known; the domain is broken for these causes.
    fn defers(self, causes: &[Cause]) -> Self {
        self.sender(&[Sender::Defer]).finds(Standing::Broken, causes)
    }
    /// No DANE is in force for these causes.
    fn unprotected(self, causes: &[Cause]) -> Self {
        self.sender(&[Sender::Opp]).finds(Standing::Unprotected, causes)
    }
    /// Mail is encrypted, and nobody authenticated, for these causes.
    fn unauthenticated(self, causes: &[Cause]) -> Self {
        self.sender(&[Sender::Enc]).finds(Standing::Unprotected, causes)
    }
    /// DANE works; these are worth saying.
    fn works(self, causes: &[Cause]) -> Self {
        self.sender(&[Sender::Dane]).finds(Standing::Protected, causes)
    }
    /// The server cannot be looked at, for these causes; a sender waits.
    fn unknown(self, causes: &[Cause]) -> Self {
        self.sender(&[Sender::Next, Sender::Defer]).finds(Standing::CouldNotTell, causes)
    }
}

impl Draft for Scenario {
    fn edit(mut self, change: impl FnOnce(&mut Recipe)) -> Self {
        change(&mut self.recipe);
        self
    }
    fn edit_host(mut self, change: impl FnOnce(&mut Host)) -> Self {
        if let Some(host) = self.recipe.hosts.first_mut() {
            change(host);
        }
        self
    }
    fn sender(mut self, actions: &[Sender]) -> Self {
        self.sender = actions.to_vec();
        self
    }
    fn finds(mut self, standing: Standing, causes: &[Cause]) -> Self {
        self.receiver = Receiver { standing, causes: causes.to_vec(), also: vec![] };
        self
    }
    fn also(mut self, causes: &[Cause]) -> Self {
        self.receiver.also = causes.to_vec();
        self
    }
    fn rests(mut self, requirements: &[&'static str]) -> Self {
        self.requirements = requirements.to_vec();
        self
    }
}
