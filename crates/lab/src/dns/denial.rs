//! NSEC and NSEC3 chains. (RFC 4034 section 4, RFC 5155 section 7.1)

use super::rdata;
use super::sign::Signer;
use super::zone::{Node, Rrset, ZonePlan, insert};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use dane::name::Name;
use domain::base::iana::Rtype;
use scenario::recipe::Harm;
use std::collections::BTreeMap;

/// TTL of NSEC and NSEC3 records, and of negative answers: short, as everything in the lab.
pub const NEGATIVE_TTL: u32 = 300;

/// A hashed owner name.
pub type NameHash = [u8; 20];

/// An NSEC3 chain, in the order of its hashes.
pub struct Chain {
    /// Additional iterations.
    pub iterations: u16,
    /// Hash, owner name, record.
    pub links: Vec<(NameHash, Name, Rrset)>,
}

impl Chain {
    /// The record whose owner is this name's hash.
    pub fn matching(&self, name: &Name) -> Option<&(NameHash, Name, Rrset)> {
        let hash = nsec3_hash(name, self.iterations);
        self.links.iter().find(|(h, ..)| *h == hash)
    }

    /// The record whose interval covers this name's hash.
    pub fn covering(&self, name: &Name) -> Option<&(NameHash, Name, Rrset)> {
        let hash = nsec3_hash(name, self.iterations);
        let after = self.links.partition_point(|(h, ..)| *h < hash);
        if self.links.get(after).is_some_and(|(h, ..)| *h == hash) {
            return None;
        }
        self.links.get(after.checked_sub(1).unwrap_or(self.links.len().saturating_sub(1)))
    }
}

/// Adds the NSEC records of a zone to its nodes, unsigned.
pub fn add_nsec(plan: &ZonePlan, nodes: &mut BTreeMap<Name, Node>) {
    let owners: Vec<Name> = nodes.iter().filter(|(_, n)| !n.occluded && !n.rrsets.is_empty()).map(|(o, _)| o.clone()).collect();
    for (i, owner) in owners.iter().enumerate() {
        if harmed(plan, owner, Harm::ProofMissing).next().is_some() {
            continue;
        }
        let next = owners.get(i + 1).unwrap_or(&plan.apex);
        let Some(node) = nodes.get_mut(owner) else { continue };
        let mut types = node.types();
        types.extend([Rtype::RRSIG, Rtype::NSEC]);
        types.extend(harmed(plan, owner, Harm::ProofWrong));
        insert(node, Rtype::NSEC, NEGATIVE_TTL, vec![rdata::nsec(next, &types)]);
    }
}

/// The NSEC3 chain of a zone, signed.
pub(crate) fn nsec3_chain(plan: &ZonePlan, nodes: &BTreeMap<Name, Node>, iterations: u16, opt_out: bool, signer: &Signer<'_>) -> Chain {
    let mut hashes: Vec<(NameHash, &Name, &Node)> = nodes
        .iter()
        .filter(|(_, node)| !(node.occluded || opt_out && node.cut && node.get(Rtype::DS).is_none()))
        .map(|(owner, node)| (nsec3_hash(owner, iterations), owner, node))
        .collect();
    hashes.sort_unstable_by_key(|(hash, ..)| *hash);
    let mut links = Vec::with_capacity(hashes.len());
    for (i, (hash, owner, node)) in hashes.iter().enumerate() {
        if harmed(plan, owner, Harm::ProofMissing).next().is_some() {
            continue;
        }
        let next = hashes.get(i + 1).or(hashes.first()).map_or(hash, |(h, ..)| h);
        let mut types = node.types();
        if types.iter().any(|t| *t != Rtype::NS) {
            types.push(Rtype::RRSIG);
        }
        types.extend(harmed(plan, owner, Harm::ProofWrong));
        let hashed = rdata::below(&data_encoding::BASE32HEX_NOPAD.encode(hash).to_ascii_lowercase(), &plan.apex);
        let data = vec![rdata::nsec3(u8::from(opt_out), iterations, next, &types)];
        let mut rrset = Rrset { rtype: Rtype::NSEC3, ttl: NEGATIVE_TTL, data, signatures: vec![] };
        signer.sign(&hashed, &mut rrset);
        links.push((*hash, hashed, rrset));
    }
    Chain { iterations, links }
}

/// Hash of an owner name, without salt. (RFC 5155 section 5)
pub fn nsec3_hash(name: &Name, iterations: u16) -> NameHash {
    let lower: Vec<u8> = name.as_slice().to_ascii_lowercase();
    let mut hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &lower);
    for _ in 0..iterations {
        hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, hash.as_ref());
    }
    let mut out = [0; 20];
    out.copy_from_slice(hash.as_ref());
    out
}

/// Types at `owner` whose absence is proven in this wrong way.
fn harmed<'a>(plan: &'a ZonePlan, owner: &'a Name, how: Harm) -> impl Iterator<Item = Rtype> + 'a {
    plan.damage.iter().filter(move |((name, _), harm)| name == owner && *harm == how).map(|((_, rtype), _)| *rtype)
}
