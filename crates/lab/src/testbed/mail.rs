//! The mail servers of a test bed: one at each address, with the certificate of whomever a client names.

use super::{Inside, now};
use crate::LabError;
use crate::pki::chain::{Credentials, Subject};
use crate::seed::Seed;
use crate::smtp::server::{self, Host};
use crate::smtp::tls;
use dane::name::Name;
use dane::sender::{Event, Place, Visit};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use scenario::recipe::{Certificate, Form, Issuer, Key, Names, Sends, Validity};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// What is presented to a client that names nobody: a valid certificate, for the mail host's own name.
const OWN: Certificate = Certificate {
    issuer: Issuer::PublicCa,
    key: Key::P256,
    names: Names::Host,
    validity: Validity::Current,
    form: Form::V3,
    sends: Sends::WithoutTop,
};

/// Opens the sockets of all mail servers and serves from them as long as the runtime lives.
pub fn serve(inside: &Arc<Inside>, port: u16) -> Result<(), LabError> {
    let hosts = hosts(inside);
    let inside = Arc::clone(inside);
    let sink = move |visit| {
        if inside.concerns(&visit) {
            inside.sink.add(Event::Visit(visit));
            inside.sink.flush();
        }
    };
    server::serve(&hosts, port, &(Arc::new(sink) as server::Sink)).map(drop)
}

/// One at each address.
pub fn hosts(inside: &Arc<Inside>) -> Vec<Arc<Host>> {
    let name = format!("mx.{}", inside.config.zone);
    let subject = Subject { host: &name, domain: &name, seed: Seed::secret(inside.config.secret).child("mail host"), now: now() };
    let own = Credentials::new(&OWN, &subject, inside.instances.authority());
    let own: Arc<[Arc<CertifiedKey>]> = tls::certified(&own.identities).unwrap_or_default().into();
    let host = |(address, smtp): (std::net::Ipv4Addr, _)| {
        let (address, inside) = (IpAddr::V4(address), Arc::clone(inside));
        let resolver = ByName { inside: Arc::clone(&inside), address, own: Arc::clone(&own) };
        Arc::new(Host {
            name: name.clone(),
            address,
            smtp,
            tls: tls::presenting(Arc::new(resolver), tls::STRONG),
            identities: vec![],
            other_tls: None,
            installed: Mutex::default(),
            welcome: Some(Arc::new(move |recipient| inside.takes(recipient))),
            met: Mutex::default(),
        })
    };
    inside.sites.iter().map(host).collect()
}

impl Inside {
    /// Whether a mail address is one that somebody was given.
    fn takes(&self, recipient: &str) -> bool {
        let zone = &self.config.zone;
        let place = Place::of_address(recipient, zone).or_else(|| Place::of_bounce(recipient, zone));
        place.is_some_and(|place| self.plays(&place))
    }

    /// Whether a visit belongs to a test. Others are nobody's evidence, and anybody could fill a disk with them.
    fn concerns(&self, visit: &Visit) -> bool {
        let named = visit.sni.as_deref().and_then(|host| Place::of_host(host, &self.config.zone));
        named.is_some_and(|place| self.plays(&place)) || visit.recipients.iter().any(|recipient| self.takes(recipient))
    }

    fn plays(&self, place: &Place) -> bool {
        self.sites.find(&place.scenario).is_some() && self.tokens.holds(&place.token)
    }
}

/// Presents what belongs to the server name of the ClientHello.
struct ByName {
    inside: Arc<Inside>,
    address: IpAddr,
    own: Arc<[Arc<CertifiedKey>]>,
}

impl std::fmt::Debug for ByName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ByName({})", self.address)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| {
            let full = Name::from_chars(format!("{name}.").chars()).ok()?;
            let instance = self.inside.instance(&full)?;
            instance.keys(name, self.address).map(<[_]>::to_vec)
        });
        tls::choose(named.as_deref().unwrap_or(&self.own), &hello)
    }
}
