//! Signatures over RRsets, right or harmed. (RFC 4034 section 3.1.8.1)

use super::keys::{KeySet, ZoneKey};
use super::rdata::Rdata;
use super::zone::{Node, Rrset, ZonePlan};
use bytes::Bytes;
use dane::Epoch;
use dane::name::Name;
use domain::base::iana::Rtype;
use scenario::recipe::Harm;

const DAY: i64 = 86_400;

/// When the signatures of a zone are valid.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    /// When they are made.
    pub now: Epoch,
    /// How long from then on they are valid, seconds.
    pub lasts: i64,
}

impl Period {
    /// Two weeks from this moment on.
    pub fn around(now: Epoch) -> Self {
        Self { now, lasts: 14 * DAY }
    }
}

/// Signs the RRsets of one zone.
pub struct Signer<'a> {
    /// The zone.
    pub plan: &'a ZonePlan,
    /// Its keys.
    pub keys: &'a KeySet,
    /// When signatures are valid.
    pub period: Period,
}

impl Signer<'_> {
    /// Signs what is authoritative at a name.
    pub fn sign_node(&self, owner: &Name, node: &mut Node) {
        if node.occluded {
            return;
        }
        let cut = node.cut;
        for rrset in node.rrsets.iter_mut().filter(|r| !cut || matches!(r.rtype, Rtype::DS | Rtype::NSEC)) {
            self.sign(owner, rrset);
        }
    }

    /// Signs one RRset, or does to it what the plan says.
    pub fn sign(&self, owner: &Name, rrset: &mut Rrset) {
        let harm = self.harm(owner, rrset.rtype);
        if harm == Some(Harm::SignatureMissing) {
            return;
        }
        // Three days, because validators forgive clocks that are off by up to one.
        let Period { now, lasts } = self.period;
        let (inception, expiration) = match harm {
            Some(Harm::SignatureExpired) => (now - 30 * DAY, now - 3 * DAY),
            Some(Harm::SignatureNotYetValid) => (now + 3 * DAY, now + 30 * DAY),
            Some(Harm::SignatureTimesReversed) => (now + 10 * DAY, now - 10 * DAY),
            _ => (now - DAY, now + lasts),
        };
        let key = match (harm, rrset.rtype) {
            (Some(Harm::UnknownKey), _) => &self.keys.stranger,
            (_, Rtype::DNSKEY) => &self.keys.keys[0],
            _ => &self.keys.keys[self.keys.zone_signer],
        };
        let mut claims = Claims::right(&self.plan.apex, owner, rrset, key, self.period);
        (claims.inception, claims.expiration) = (inception as u32, expiration as u32);
        let extra: &[u8] = if harm == Some(Harm::SignatureWrong) { &[0] } else { &[] };
        rrset.signatures.push(claims.signature(owner, rrset, key, extra));
    }

    /// What the plan says is wrong at a place.
    pub fn harm(&self, owner: &Name, rtype: Rtype) -> Option<Harm> {
        self.plan.damage.iter().find(|((name, at), _)| name == owner && *at == rtype).map(|(_, harm)| *harm)
    }
}

/// What a signature says of itself. (RFC 4034 section 3.1)
#[derive(Clone, Debug)]
pub struct Claims {
    /// Type covered.
    pub covers: Rtype,
    /// Algorithm number.
    pub algorithm: u8,
    /// Labels of the owner, wildcard and root labels not counted.
    pub labels: u8,
    /// Original TTL.
    pub original_ttl: u32,
    /// Expiration.
    pub expiration: u32,
    /// Inception.
    pub inception: u32,
    /// Key tag.
    pub tag: u16,
    /// Signer's name.
    pub signer: Name,
}

impl Claims {
    /// What is true of a signature by a key of the zone `apex`.
    pub fn right(apex: &Name, owner: &Name, rrset: &Rrset, key: &ZoneKey, period: Period) -> Self {
        Self {
            covers: rrset.rtype,
            algorithm: key.algorithm(),
            labels: (owner.label_count() - 1 - usize::from(owner.is_wildcard())) as u8,
            original_ttl: rrset.ttl,
            expiration: (period.now + period.lasts) as u32,
            inception: (period.now - DAY) as u32,
            tag: key.tag(),
            signer: apex.clone(),
        }
    }

    /// RRSIG record data: these claims, and a signature over them, the set as a validator would rebuild it from them, and `extra`.
    /// (RFC 4035 section 5.3.2)
    pub fn signature(&self, owner: &Name, rrset: &Rrset, key: &ZoneKey, extra: &[u8]) -> Rdata {
        let head = self.head();
        let signed_owner = self.signed_owner(owner);
        let mut message = head.clone();
        for data in &rrset.data {
            message.extend_from_slice(&signed_owner);
            message.extend_from_slice(&self.covers.to_int().to_be_bytes());
            message.extend_from_slice(&[0, 1]);
            message.extend_from_slice(&self.original_ttl.to_be_bytes());
            message.extend_from_slice(&(data.len() as u16).to_be_bytes());
            message.extend_from_slice(data);
        }
        message.extend_from_slice(extra);
        Bytes::from([head, key.sign(&message)].concat())
    }

    /// The owner that is signed: with fewer labels than the owner has, the wildcard that it must have come from.
    fn signed_owner(&self, owner: &Name) -> Vec<u8> {
        let own = owner.label_count() - 1 - usize::from(owner.is_wildcard());
        let above = owner.iter_suffixes().nth((owner.label_count() - 1).saturating_sub(usize::from(self.labels)));
        match above {
            Some(above) if usize::from(self.labels) < own => [b"\x01*", above.as_slice()].concat(),
            _ => owner.as_slice().to_vec(),
        }
    }

    fn head(&self) -> Vec<u8> {
        let mut head = self.covers.to_int().to_be_bytes().to_vec();
        head.extend_from_slice(&[self.algorithm, self.labels]);
        for number in [self.original_ttl, self.expiration, self.inception] {
            head.extend_from_slice(&number.to_be_bytes());
        }
        head.extend_from_slice(&self.tag.to_be_bytes());
        head.extend_from_slice(self.signer.as_slice());
        head
    }
}

/// Extra methods on names.
trait Wildcard {
    fn is_wildcard(&self) -> bool;
}

impl Wildcard for Name {
    fn is_wildcard(&self) -> bool {
        self.as_slice().starts_with(b"\x01*")
    }
}
