//! A little signed world, whose every response a test can bend.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use dnssec::{Anchors, Epoch, FetchError, MemoryCache, Name, Outcome, Policy, Question, Response, Step, Validation};
use domain::base::iana::Rtype;

use super::record::{Rr, record};
use super::rpl::message;

/// When everything is valid.
pub const NOW: Epoch = 1_700_000_000;

/// A record in wire form, its data given as octets.
pub fn raw(owner: &str, rtype: Rtype, data: Vec<u8>) -> Rr {
    Rr { owner: owner.parse().unwrap(), ttl: 3600, rtype, data }
}

/// Records from text, one a line.
pub fn records(text: &str) -> Vec<Rr> {
    text.lines().map(str::trim).filter(|l| !l.is_empty()).map(|l| record(l, ".", 3600).unwrap_or_else(|| panic!("{l}"))).collect()
}

/// A question from text: `NAME TYPE`.
pub fn question(text: &str) -> Question {
    let (name, rtype) = text.split_once(' ').unwrap();
    Question { name: name.parse().unwrap(), rtype: rtype.parse().unwrap() }
}

/// The tag of a key.
pub fn key_tag(dnskey: &[u8]) -> u16 {
    let sum: u32 = dnskey.chunks(2).map(|c| u32::from(c[0]) << 8 | u32::from(c.get(1).copied().unwrap_or(0))).sum();
    ((sum & 0xFFFF) + (sum >> 16)) as u16
}

/// What of a signature a test may bend.
#[derive(Clone, Copy)]
pub struct Bend {
    pub algorithm: u8,
    pub labels: Option<u8>,
    pub original_ttl: u32,
    pub inception: u32,
    pub expiration: u32,
    pub tag: Option<u16>,
    pub break_it: bool,
}

impl Default for Bend {
    fn default() -> Self {
        let now = NOW as u32;
        Self {
            algorithm: 13,
            labels: None,
            original_ttl: 3600,
            inception: now - 86_400,
            expiration: now + 86_400,
            tag: None,
            break_it: false,
        }
    }
}

/// A zone's key.
pub struct Zone {
    pub apex: Name,
    pair: EcdsaKeyPair,
    pub dnskey: Vec<u8>,
}

impl Zone {
    pub fn new(apex: &str, flags: u16) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
        let mut dnskey = flags.to_be_bytes().to_vec();
        dnskey.extend([3, 13]);
        dnskey.extend(&pair.public_key().as_ref()[1..]);
        Self { apex: apex.parse().unwrap(), pair, dnskey }
    }

    pub fn key(&self) -> Rr {
        Rr { owner: self.apex.clone(), ttl: 3600, rtype: Rtype::DNSKEY, data: self.dnskey.clone() }
    }

    /// A DS record for the key.
    pub fn ds(&self, digest_type: u8) -> Rr {
        let algorithm = match digest_type {
            1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            4 => &digest::SHA384,
            _ => &digest::SHA256,
        };
        let mut data = key_tag(&self.dnskey).to_be_bytes().to_vec();
        data.extend([13, digest_type]);
        let mut signed = self.apex.as_slice().to_vec();
        signed.extend(&self.dnskey);
        data.extend(digest::digest(algorithm, &signed).as_ref());
        Rr { owner: self.apex.clone(), ttl: 3600, rtype: Rtype::DS, data }
    }

    /// Signs records that are one RRset; names must be in lower case already.
    pub fn sign(&self, set: &[Rr], bend: Bend) -> Rr {
        let owner = &set[0].owner;
        let wildcard = owner.as_slice().starts_with(b"\x01*");
        let labels = bend.labels.unwrap_or(owner.label_count() as u8 - 1 - u8::from(wildcard));
        let mut data = set[0].rtype.to_int().to_be_bytes().to_vec();
        data.extend([bend.algorithm, labels]);
        data.extend(bend.original_ttl.to_be_bytes());
        data.extend(bend.expiration.to_be_bytes());
        data.extend(bend.inception.to_be_bytes());
        data.extend(bend.tag.unwrap_or_else(|| key_tag(&self.dnskey)).to_be_bytes());
        data.extend(self.apex.as_slice());
        let mut signed = data.clone();
        let mut datas: Vec<&Vec<u8>> = set.iter().map(|rr| &rr.data).collect();
        datas.sort();
        for rdata in datas {
            let skip = owner.label_count() as u8 - 1;
            if labels < skip && !wildcard {
                signed.extend(b"\x01*");
                signed.extend(owner.iter_suffixes().nth((skip - labels).into()).unwrap().as_slice());
            } else {
                signed.extend(owner.as_slice());
            }
            signed.extend(set[0].rtype.to_int().to_be_bytes());
            signed.extend([0, 1]);
            signed.extend(bend.original_ttl.to_be_bytes());
            signed.extend((rdata.len() as u16).to_be_bytes());
            signed.extend(rdata);
        }
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        data.extend(signature.as_ref());
        if bend.break_it {
            *data.last_mut().unwrap() ^= 1;
        }
        Rr { owner: owner.clone(), ttl: set[0].ttl, rtype: Rtype::RRSIG, data }
    }

    /// An RRset with its signature.
    pub fn set(&self, text: &str) -> Vec<Rr> {
        self.bent(text, Bend::default())
    }

    /// An RRset with a bent signature.
    pub fn bent(&self, text: &str, bend: Bend) -> Vec<Rr> {
        let mut set = records(text);
        set.push(self.sign(&set, bend));
        set
    }

    /// Several RRsets of one record each, with signatures.
    pub fn sets(&self, texts: &[&str]) -> Vec<Rr> {
        texts.iter().flat_map(|text| self.set(text)).collect()
    }

    /// An NSEC3 record: matches `owner`, spans to just before its hash again unless `next` is given.
    pub fn nsec3(&self, owner: &str, next: &str, n: Nsec3, types: &str) -> Vec<Rr> {
        let hash = |name: &str| n.hash(name);
        let salt = if n.salt.is_empty() { "-".to_owned() } else { data_encoding::HEXLOWER.encode(n.salt) };
        let text = format!(
            "{}.{} NSEC3 {} {} {} {salt} {} {types}",
            hash(owner),
            self.apex.fmt_with_dot(),
            n.algorithm,
            n.flags,
            n.iterations,
            hash(next)
        );
        self.set(&text)
    }
}

/// NSEC3 parameters.
#[derive(Clone, Copy)]
pub struct Nsec3 {
    pub algorithm: u8,
    pub flags: u8,
    pub iterations: u16,
    pub salt: &'static [u8],
}

impl Nsec3 {
    pub const PLAIN: Self = Self { algorithm: 1, flags: 0, iterations: 0, salt: b"" };
    pub const OPT_OUT: Self = Self { flags: 1, ..Self::PLAIN };

    /// The hash of a name in base32hex; `name+` and `name-` are the hash plus and minus one.
    fn hash(&self, name: &str) -> String {
        let plain: Name = name.trim_end_matches(['+', '-']).parse().unwrap();
        let mut hash = plain.as_slice().to_vec();
        for _ in 0..=self.iterations {
            hash.extend(self.salt);
            hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &hash).as_ref().to_vec();
        }
        match name.chars().last() {
            Some('+') => hash[19] = hash[19].wrapping_add(1),
            Some('-') => hash[19] = hash[19].wrapping_sub(1),
            _ => {}
        }
        data_encoding::BASE32HEX_NOPAD.encode(&hash).to_lowercase()
    }
}

/// Response code, answer section, authority section.
type Reply = (u16, Vec<Rr>, Vec<Rr>);

/// Responses by question, from a signed root down.
pub struct World {
    pub root: Zone,
    responses: RefCell<HashMap<Question, Reply>>,
    pub asked: RefCell<Vec<Question>>,
    pub anchors: Anchors,
    pub policy: Policy,
}

impl World {
    pub fn new() -> Self {
        let root = Zone::new(".", 257);
        let ds = root.ds(2);
        let text = format!(". DS {} 13 2 {}", key_tag(&root.dnskey), data_encoding::HEXUPPER.encode(&ds.data[4..]));
        let world = Self {
            responses: RefCell::default(),
            asked: RefCell::default(),
            anchors: Anchors::parse(&text).unwrap(),
            policy: Policy::default(),
            root,
        };
        let key = world.root.key();
        let signature = world.root.sign(std::slice::from_ref(&key), Bend::default());
        world.put(". DNSKEY", 0, vec![key, signature], vec![]);
        world
    }

    /// Sets the response to a question.
    pub fn put(&self, asked: &str, rcode: u16, answer: Vec<Rr>, authority: Vec<Rr>) {
        self.responses.borrow_mut().insert(question(asked), (rcode, answer, authority));
    }

    /// Adds a zone right below the root.
    pub fn zone(&self, apex: &str) -> Rc<Zone> {
        let zone = Zone::new(apex, 257);
        self.delegate(&zone, &[zone.ds(2)]);
        self.keys(&zone, &[zone.key()]);
        Rc::new(zone)
    }

    /// Sets the DS records of a zone below the root.
    pub fn delegate(&self, zone: &Zone, ds: &[Rr]) {
        let signature = self.root.sign(ds, Bend::default());
        self.put(&format!("{} DS", zone.apex.fmt_with_dot()), 0, [ds, &[signature]].concat(), vec![]);
    }

    /// Sets the keys of a zone, signed by its own key.
    pub fn keys(&self, zone: &Zone, keys: &[Rr]) {
        let signature = zone.sign(keys, Bend::default());
        self.put(&format!("{} DNSKEY", zone.apex.fmt_with_dot()), 0, [keys, &[signature]].concat(), vec![]);
    }

    fn ask(&self, asked: &Question) -> Result<Response, FetchError> {
        self.asked.borrow_mut().push(asked.clone());
        let (rcode, answer, authority) = self.responses.borrow().get(asked).cloned().ok_or(FetchError::Timeout)?;
        Response::from_message(&message(asked, rcode, &answer, &authority), asked).map_err(|_| FetchError::Malformed)
    }

    pub fn validate(&self, asked: &str) -> Outcome {
        self.validate_at(asked, NOW)
    }

    pub fn validate_at(&self, asked: &str, now: Epoch) -> Outcome {
        self.validate_with(asked, now, &mut MemoryCache::default())
    }

    pub fn validate_with(&self, asked: &str, now: Epoch, cache: &mut MemoryCache) -> Outcome {
        let asked = question(asked);
        let response = self.ask(&asked).unwrap();
        let mut validation = Validation::new(asked, response, &self.anchors, self.policy, now);
        loop {
            match validation.step(cache) {
                Step::Ask(asked) => validation.supply(&asked, self.ask(&asked)),
                Step::Done(outcome) => return *outcome,
            }
        }
    }
}
