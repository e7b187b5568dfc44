//! From a certificate recipe to keys, a chain to send, and the TLSA data that go with it.

use super::certificate::{Cert, Kind, Spec, make};
use super::der;
use super::key::CertKey;
use super::rsa::{self, Hash};
use crate::seed::Seed;
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use dane::Epoch;
use scenario::recipe::{Certificate, Form, Issuer, Key, Names, Object, Sends, Tlsa, Twist, Validity};

const DAY: i64 = 86_400;

/// A certification authority: a root and an intermediate.
pub struct Authority {
    /// The self-signed root.
    pub root: Cert,
    /// The intermediate that issues.
    pub intermediate: Cert,
    issuing_name: String,
    issuing_key: CertKey,
}

impl Authority {
    /// The authority of a seed.
    pub fn new(seed: &Seed, name: &str, now: Epoch) -> Self {
        let (root_key, issuing_key) = (CertKey::derive(&seed.child("root")), CertKey::derive(&seed.child("intermediate")));
        let (root_name, issuing_name) = (format!("{name} Root"), format!("{name} CA 1"));
        let signer = (root_name.as_str(), &root_key);
        let root = issuer((&root_name, &root_key), signer, &seed.child("root"), now);
        let intermediate = issuer((&issuing_name, &issuing_key), signer, &seed.child("intermediate"), now);
        Self { root, intermediate, issuing_name, issuing_key }
    }

    /// The intermediate's name and key once more, signed by a root that nobody sends.
    fn crossed(&self, seed: &Seed, now: Epoch) -> Cert {
        let other = CertKey::derive(&seed.child("other root"));
        issuer((&self.issuing_name, &self.issuing_key), ("Other Root", &other), &seed.child("crossed"), now)
    }
}

/// The certificate of an issuer, name and key, by another.
fn issuer(subject: (&str, &CertKey), signer: (&str, &CertKey), seed: &Seed, now: Epoch) -> Cert {
    let spec = Spec {
        subject: Some(subject.0),
        issuer: Some(signer.0),
        names: &[],
        validity: (now - 1000 * DAY, now + 1000 * DAY),
        kind: Kind::Issuer,
        serial: serial(seed),
        spki: &subject.1.spki(),
    };
    make(&spec, signer.1, Hash::Sha256)
}

/// Whose certificate it is.
pub struct Subject<'a> {
    /// The MX host.
    pub host: &'a str,
    /// The mail domain.
    pub domain: &'a str,
    /// What keys and serial numbers come from.
    pub seed: Seed,
    /// Now.
    pub now: Epoch,
}

/// A key and the certificates that are sent with it.
pub struct Identity {
    /// What the handshake is signed with.
    pub signing: CertKey,
    /// What is sent, in order.
    pub chain: Vec<Vec<u8>>,
}

/// Everything that comes of a certificate recipe.
pub struct Credentials {
    /// What the server uses: one, or two by what the client offers (ECDSA first).
    pub identities: Vec<Identity>,
    leaf: Cert,
    issuer: Cert,
    top: Cert,
    crossed: Cert,
    others: Seed,
    now: Epoch,
}

impl Credentials {
    /// Makes them.
    pub fn new(recipe: &Certificate, subject: &Subject<'_>, public: &Authority) -> Self {
        let private;
        let authority = match recipe.issuer {
            Issuer::PublicCa | Issuer::SelfSigned => public,
            Issuer::PrivateCa | Issuer::Impostor => {
                private = Authority::new(&subject.seed.child("private-ca"), &format!("Private {}", subject.domain), subject.now);
                &private
            }
        };
        let key = leaf_key(recipe, subject);
        let leaf = leaf(recipe, subject, &key, authority);
        let (issuer, top) = match recipe.issuer {
            Issuer::SelfSigned => (leaf.clone(), leaf.clone()),
            _ => (authority.intermediate.clone(), authority.root.clone()),
        };
        let crossed = authority.crossed(&subject.seed, subject.now);
        let mut made = Self { identities: vec![], leaf, issuer, top, crossed, others: subject.seed, now: subject.now };
        let signing = if recipe.key == Key::NotHeld { CertKey::derive(&subject.seed.child("not-held")) } else { key };
        made.identities.push(Identity { chain: made.message(recipe, &made.leaf), signing });
        if recipe.key == Key::Both {
            let key = CertKey::Rsa(&rsa::FOR_SERVERS);
            let second = self::leaf(recipe, subject, &key, authority);
            made.identities.push(Identity { chain: made.message(recipe, &second), signing: key });
        }
        made
    }

    /// The octets of a TLSA record: usage, selector, matching type, data.
    pub fn tlsa(&self, recipe: &Tlsa) -> Vec<u8> {
        let cert = match recipe.of {
            Object::Leaf => self.leaf.clone(),
            Object::Issuer => self.issuer.clone(),
            Object::Top => self.top.clone(),
            Object::OldLeaf => unrelated(&self.others.child("old"), self.now),
            Object::NextLeaf => unrelated(&self.others.child("next"), self.now),
            Object::Unrelated(n) => unrelated(&self.others.child(&format!("unrelated {n}")), self.now),
        };
        let selected = if recipe.made_selector == 0 { &cert.der } else { &cert.spki };
        let mut data = match recipe.made_matching {
            1 => digest(&SHA256, selected).as_ref().to_vec(),
            2 => digest(&SHA512, selected).as_ref().to_vec(),
            _ => selected.clone(),
        };
        match recipe.twist {
            Twist::None => {}
            Twist::DigestOfNothing => data = digest(&SHA256, b"").as_ref().to_vec(),
            Twist::Truncated => drop(data.pop()),
            Twist::Pem => data = der::pem("CERTIFICATE", &cert.der).into_bytes(),
            Twist::TwoDigitsOff => data.iter_mut().skip(5).step_by(11).take(2).for_each(|b| *b ^= 0x03),
        }
        [&[recipe.usage, recipe.selector, recipe.matching], data.as_slice()].concat()
    }

    fn message(&self, recipe: &Certificate, leaf: &Cert) -> Vec<Vec<u8>> {
        let self_signed = recipe.issuer == Issuer::SelfSigned;
        let leaf = leaf.der.clone();
        let (issuer, top) = (self.issuer.der.clone(), self.top.der.clone());
        let stranger = |n: usize| unrelated(&self.others.child(&format!("stranger {n}")), self.now).der;
        match recipe.sends {
            Sends::Nothing => vec![],
            Sends::Garbage => vec![b"this is not a certificate".to_vec()],
            Sends::Leaf => vec![leaf],
            Sends::WithoutTop | Sends::All if self_signed => vec![leaf],
            Sends::WithoutTop => vec![leaf, issuer],
            Sends::All => vec![leaf, issuer, top],
            Sends::CrossedFirst => vec![leaf, self.crossed.der.clone(), issuer, top],
            Sends::Reordered => vec![leaf, top, stranger(0), issuer],
            Sends::Huge => [leaf, issuer].into_iter().chain((0..100).map(stranger)).collect(),
        }
    }
}

fn serial(seed: &Seed) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&seed.child("serial").bytes()[..16]);
    out
}

fn leaf_key(recipe: &Certificate, subject: &Subject<'_>) -> CertKey {
    match recipe.key {
        Key::P256 | Key::Both | Key::NotHeld => CertKey::derive(&subject.seed.child("leaf")),
        Key::Rsa2048 => CertKey::Rsa(&rsa::FOR_SERVERS),
        Key::Rsa1024 => CertKey::Rsa(&rsa::WEAK),
    }
}

fn leaf(recipe: &Certificate, subject: &Subject<'_>, key: &CertKey, authority: &Authority) -> Cert {
    let names: Vec<String> = match recipe.names {
        Names::Host => vec![subject.host.to_owned()],
        Names::Domain => vec![subject.domain.to_owned()],
        Names::Wildcard => vec![format!("*.{}", subject.domain)],
        Names::Other => vec!["www.somebody-else.net".to_owned()],
        Names::None => vec![],
    };
    let now = subject.now;
    let validity = match recipe.validity {
        Validity::Current => (now - 30 * DAY, now + 60 * DAY),
        Validity::Expired => (now - 100 * DAY, now - 10 * DAY),
        Validity::Future => (now + 10 * DAY, now + 100 * DAY),
    };
    let own = names.first().map(String::as_str);
    let spki = key.spki();
    let spec = Spec {
        subject: own,
        issuer: if recipe.issuer == Issuer::SelfSigned { own } else { Some(&authority.issuing_name) },
        names: &names,
        validity,
        kind: if recipe.form == Form::V1 { Kind::ServerV1 } else { Kind::Server },
        serial: serial(&subject.seed.child(subject.host)),
        spki: &spki,
    };
    let hash = if recipe.form == Form::Sha1 { Hash::Sha1 } else { Hash::Sha256 };
    match recipe.issuer {
        Issuer::SelfSigned => make(&spec, key, hash),
        Issuer::Impostor => make(&spec, &CertKey::derive(&subject.seed.child("impostor")), hash),
        Issuer::PublicCa | Issuer::PrivateCa => make(&spec, &authority.issuing_key, hash),
    }
}

/// A self-signed certificate that has nothing to do with anything.
fn unrelated(seed: &Seed, now: Epoch) -> Cert {
    let key = CertKey::derive(seed);
    let spki = key.spki();
    let name = Some("unrelated.invalid");
    let validity = (now - 30 * DAY, now + 60 * DAY);
    make(
        &Spec { subject: name, issuer: name, names: &[], validity, kind: Kind::Server, serial: serial(seed), spki: &spki },
        &key,
        Hash::Sha256,
    )
}
