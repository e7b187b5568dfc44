//! The test bed's own zone: a few names, and a delegation for everybody who was given a token.
//!
//! Its delegations are as many as there are tokens, so it is signed as it is asked, and proves that something is not there by a record that
//! speaks of the name asked only (RFC 9824): a resolver that keeps such proofs cannot conclude from one test on another (RFC 8198).

use super::instances::Delegation;
use super::period;
use crate::dns::answer::Response;
use crate::dns::keys::KeySet;
use crate::dns::rdata::{self, Rdata};
use crate::dns::server::Ask;
use crate::dns::sign::{Period, Signer};
use crate::dns::zone::{Rrset, Zone, ZonePlan};
use crate::seed::Seed;
use crate::world::build::{Operator, zone};
use dane::Epoch;
use dane::name::Name;
use domain::base::iana::{Rcode, Rtype};
use scenario::recipe::{Algorithm, Denial, Signing};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

/// TTL of proofs that something is not there, and of DS records, seconds.
const TTL: u32 = 1;
/// "There is no such name", as a type. (RFC 9824 section 3.4)
const NXNAME: Rtype = Rtype::from_int(128);

/// What a name is that is not one of the zone's own.
pub enum Below<'a> {
    /// A delegation, whose DS record is wanted.
    Delegation(&'a Delegation),
    /// Nothing itself, with names below it: a scenario.
    Names,
    /// Nothing.
    Nothing,
}

/// The zone.
pub struct Parent {
    /// Its own names.
    pub plan: ZonePlan,
    /// Its name servers.
    pub operator: Operator,
    /// DS record of its key.
    pub ds: Rdata,
    keys: KeySet,
    seed: Seed,
    signed: Mutex<Option<(Epoch, Arc<Zone>)>>,
}

impl Parent {
    /// The zone at `apex`.
    pub fn new(apex: &Name, operator: Operator, seed: Seed) -> Self {
        let plan = zone(apex, Signing::OneKey(Algorithm::EcdsaP256), Denial::Nsec, &operator);
        let keys = KeySet::derive(&seed, apex, plan.signing).expect("a signed zone has keys");
        let ds = keys.keys[0].ds(apex);
        Self { plan, operator, ds, keys, seed, signed: Mutex::default() }
    }

    /// The answer for a name of its own, or for one that is something else.
    pub fn message(&self, ask: &Ask<'_>, below: &Below<'_>, now: Epoch) -> Option<Vec<u8>> {
        let zone = self.zone(now);
        let signed = zone.signed(&self.seed, now);
        let mut response = Response { authoritative: true, ..Response::empty(Rcode::NOERROR) };
        let mut types: Vec<Rtype> = vec![];
        if let Some(node) = signed.nodes.get(&ask.name) {
            if let Some(rrset) = node.get(ask.rtype).filter(|r| r.rtype != Rtype::NSEC) {
                response.answer.push((ask.name.clone(), Cow::Borrowed(rrset)));
                return ask.message(&response);
            }
            types.extend(node.types().iter().filter(|t| **t != Rtype::NSEC));
        } else if let Below::Delegation(delegation) = below {
            if let Some(ds) = &delegation.ds {
                let ds = self.signed_set(&ask.name, Rtype::DS, vec![ds.clone()], now);
                response.answer.push((ask.name.clone(), Cow::Owned(ds)));
                return ask.message(&response);
            }
            types.push(Rtype::NS);
        } else if let Below::Nothing = below {
            types.push(NXNAME);
            if !ask.dnssec_ok {
                response.rcode = Rcode::NXDOMAIN;
            }
        }
        if let Some(soa) = signed.nodes.get(&self.plan.apex).and_then(|n| n.get(Rtype::SOA)) {
            response.authority.push((self.plan.apex.clone(), Cow::Owned(Rrset { ttl: TTL, ..soa.clone() })));
        }
        if ask.dnssec_ok {
            types.extend([Rtype::RRSIG, Rtype::NSEC]);
            let nsec = self.signed_set(&ask.name, Rtype::NSEC, vec![rdata::nsec(&next(&ask.name), &types)], now);
            response.authority.push((ask.name.clone(), Cow::Owned(nsec)));
        }
        ask.message(&response)
    }

    fn zone(&self, now: Epoch) -> Arc<Zone> {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        match &*signed {
            Some((made, zone)) if *made == period(now) => Arc::clone(zone),
            _ => Arc::clone(&signed.insert((period(now), Arc::new(Zone::new(self.plan.clone())))).1),
        }
    }

    fn signed_set(&self, owner: &Name, rtype: Rtype, data: Vec<Rdata>, now: Epoch) -> Rrset {
        let mut rrset = Rrset { rtype, ttl: TTL, data, signatures: vec![] };
        Signer { plan: &self.plan, keys: &self.keys, period: Period::around(now) }.sign(owner, &mut rrset);
        rrset
    }
}

/// The name that follows a name at once: one more label, an octet of zero. (RFC 9824 section 3.1)
fn next(name: &Name) -> Name {
    // A name that is too long for one more label is never asked for here: no token has it.
    Name::from_octets([b"\x01\0", name.as_slice()].concat().into()).unwrap_or_else(|_| name.clone())
}
