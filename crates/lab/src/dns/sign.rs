//! Signatures over RRsets, right or harmed. (RFC 4034 section 3.1.8.1)

use super::keys::{KeySet, ZoneKey};
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
        let head = self.head(owner, rrset, key, inception, expiration);
        let mut message = head.clone();
        for data in &rrset.data {
            message.extend_from_slice(owner.as_slice());
            message.extend_from_slice(&rrset.rtype.to_int().to_be_bytes());
            message.extend_from_slice(&[0, 1]);
            message.extend_from_slice(&rrset.ttl.to_be_bytes());
            message.extend_from_slice(&(data.len() as u16).to_be_bytes());
            message.extend_from_slice(data);
        }
        if harm == Some(Harm::SignatureWrong) {
            message.push(0);
        }
        rrset.signatures.push(Bytes::from([head, key.sign(&message)].concat()));
    }

    /// What the plan says is wrong at a place.
    pub fn harm(&self, owner: &Name, rtype: Rtype) -> Option<Harm> {
        self.plan.damage.iter().find(|((name, at), _)| name == owner && *at == rtype).map(|(_, harm)| *harm)
    }

    fn head(&self, owner: &Name, rrset: &Rrset, key: &ZoneKey, inception: Epoch, expiration: Epoch) -> Vec<u8> {
        // Root and wildcard labels do not count. (RFC 4034 section 3.1.3)
        let labels = owner.label_count() - 1 - usize::from(owner.is_wildcard());
        let mut head = rrset.rtype.to_int().to_be_bytes().to_vec();
        head.extend_from_slice(&[key.algorithm(), labels as u8]);
        for number in [rrset.ttl, expiration as u32, inception as u32] {
            head.extend_from_slice(&number.to_be_bytes());
        }
        head.extend_from_slice(&key.tag().to_be_bytes());
        head.extend_from_slice(self.plan.apex.as_slice());
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
