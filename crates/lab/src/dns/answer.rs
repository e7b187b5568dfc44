//! What an authoritative server answers. (RFC 1034 section 4.3.2, RFC 4035 section 3.1, RFC 5155 section 7.2)

use super::denial::NEGATIVE_TTL;
use super::rdata;
use super::zone::{Node, Rrset, SignedZone, ZonePlan};
use dane::name::Name;
use domain::base::iana::{Rcode, Rtype};
use std::borrow::Cow;

/// Aliases followed within one zone.
const MAX_ALIASES: usize = 8;

/// An RRset under an owner name, which for wildcards is not the one it has in the zone.
pub type Entry<'a> = (Name, Cow<'a, Rrset>);

/// A response without its wire form.
pub struct Response<'a> {
    /// Response code.
    pub rcode: Rcode,
    /// Authoritative answer.
    pub authoritative: bool,
    /// Answer section.
    pub answer: Vec<Entry<'a>>,
    /// Authority section.
    pub authority: Vec<Entry<'a>>,
    /// Additional section.
    pub additional: Vec<Entry<'a>>,
}

impl Response<'_> {
    /// A response without records.
    pub fn empty(rcode: Rcode) -> Self {
        Self { rcode, authoritative: false, answer: vec![], authority: vec![], additional: vec![] }
    }
}

/// Answers a question for a name in a zone.
pub(crate) fn answer<'a>(plan: &'a ZonePlan, zone: &'a SignedZone, qname: &Name, qtype: Rtype, with_dnssec: bool) -> Response<'a> {
    let mut made = Answering { plan, zone, with_dnssec, out: Response { authoritative: true, ..Response::empty(Rcode::NOERROR) } };
    let mut name = qname.clone();
    for _ in 0..MAX_ALIASES {
        match made.step(&name, qtype) {
            Some(target) if target.ends_with(&plan.apex) => name = target,
            _ => break,
        }
    }
    made.out
}

struct Answering<'a> {
    plan: &'a ZonePlan,
    zone: &'a SignedZone,
    with_dnssec: bool,
    out: Response<'a>,
}

impl<'a> Answering<'a> {
    /// Answers for one name; returns the target if it is an alias.
    fn step(&mut self, name: &Name, qtype: Rtype) -> Option<Name> {
        let plan = self.plan;
        // From the apex down, the first delegation on the way ends our authority.
        let mut above: Vec<Name> = name.iter_suffixes().take_while(|n| n.ends_with(&plan.apex)).collect();
        above.reverse();
        for suffix in &above {
            match self.zone.nodes.get(suffix) {
                Some(node) if node.cut && !(suffix == name && qtype == Rtype::DS) => {
                    self.referral(suffix.clone(), node);
                    return None;
                }
                Some(node) if suffix != name && node.get(Rtype::DNAME).is_some() => return self.dname(suffix, node, name),
                _ => {}
            }
        }
        if let Some(node) = self.zone.nodes.get(name) {
            return self.at_node(name, name, node, qtype);
        }
        let known = |n: &&Name| self.zone.nodes.contains_key(*n);
        let encloser = above.iter().rev().find(known).unwrap_or(&plan.apex).clone();
        let next_closer = above.iter().find(|n| n.label_count() == encloser.label_count() + 1).unwrap_or(name).clone();
        let wildcard = rdata::below("*", &encloser);
        if let Some(node) = self.zone.nodes.get(&wildcard) {
            self.prove_no_closer(name, &next_closer);
            if node.rrsets.iter().all(|r| r.rtype != qtype && r.rtype != Rtype::CNAME) {
                self.prove_match(&encloser);
            }
            return self.at_node(name, &wildcard, node, qtype);
        }
        self.out.rcode = Rcode::NXDOMAIN;
        self.push_soa();
        self.prove_no_closer(name, &next_closer);
        if self.zone.nsec3.is_some() {
            self.prove_match(&encloser);
        }
        self.prove_no_closer(&wildcard, &wildcard);
        None
    }

    fn at_node(&mut self, name: &Name, stored: &Name, node: &'a Node, qtype: Rtype) -> Option<Name> {
        if let Some(alias) = node.get(Rtype::CNAME).filter(|_| !matches!(qtype, Rtype::CNAME | Rtype::NSEC)) {
            self.out.answer.push((name.clone(), Cow::Borrowed(alias)));
            return alias.data.first().and_then(|d| Name::from_octets(d.clone()).ok());
        }
        let found: Vec<&Rrset> = node.rrsets.iter().filter(|r| r.rtype == qtype || qtype == Rtype::ANY).collect();
        if found.is_empty() {
            self.push_soa();
            self.prove_match(stored);
        }
        for rrset in found {
            self.out.answer.push((name.clone(), Cow::Borrowed(rrset)));
        }
        None
    }

    fn dname(&mut self, owner: &Name, node: &'a Node, name: &Name) -> Option<Name> {
        let rrset = node.get(Rtype::DNAME)?;
        let target = Name::from_octets(rrset.data.first()?.clone()).ok()?;
        let kept = name.as_slice().get(..name.len() - owner.len())?;
        let synthesised = Name::from_octets([kept, target.as_slice()].concat().into()).ok()?;
        let cname = Rrset { rtype: Rtype::CNAME, ttl: rrset.ttl, data: vec![rdata::target(&synthesised)], signatures: vec![] };
        self.out.answer.push((owner.clone(), Cow::Borrowed(rrset)));
        self.out.answer.push((name.clone(), Cow::Owned(cname)));
        Some(synthesised)
    }

    fn referral(&mut self, owner: Name, node: &'a Node) {
        self.out.authoritative = !self.out.answer.is_empty();
        let Some(ns) = node.get(Rtype::NS) else { return };
        self.out.authority.push((owner.clone(), Cow::Borrowed(ns)));
        match node.get(Rtype::DS) {
            Some(ds) if self.with_dnssec => self.out.authority.push((owner.clone(), Cow::Borrowed(ds))),
            Some(_) => {}
            None => self.prove_match(&owner),
        }
        for host in ns.data.iter().filter_map(|d| Name::from_octets(d.clone()).ok()) {
            if let Some(glue) = self.zone.nodes.get(&host).and_then(|n| n.get(Rtype::A)) {
                self.out.additional.push((host, Cow::Borrowed(glue)));
            }
        }
    }

    fn push_soa(&mut self) {
        if let Some(soa) = self.zone.nodes.get(&self.plan.apex).and_then(|n| n.get(Rtype::SOA)) {
            let mut soa = soa.clone();
            soa.ttl = soa.ttl.min(NEGATIVE_TTL);
            self.out.authority.push((self.plan.apex.clone(), Cow::Owned(soa)));
        }
    }

    /// The record at `name`: which types there are. Under opt-out an insecure delegation has none, and a cover takes its place.
    fn prove_match(&mut self, name: &Name) {
        if !self.with_dnssec {
            return;
        }
        let Some(chain) = &self.zone.nsec3 else {
            match self.zone.nodes.get(name) {
                // An empty non-terminal has no NSEC; the one before it proves that it is empty. (RFC 4035 section 3.1.3.4)
                Some(node) if node.rrsets.is_empty() => self.prove_no_closer(name, name),
                node => {
                    if let Some(nsec) = node.and_then(|n| n.get(Rtype::NSEC)) {
                        self.push_proof(name.clone(), nsec);
                    }
                }
            }
            return;
        };
        if let Some((_, owner, rrset)) = chain.matching(name) {
            self.push_proof(owner.clone(), rrset);
        } else if self.zone.nodes.get(name).is_some_and(|n| n.cut) {
            self.prove_no_closer(name, name);
            if let Some((_, owner, rrset)) = chain.matching(&self.plan.apex) {
                self.push_proof(owner.clone(), rrset);
            }
        }
    }

    /// The record that covers `name` (NSEC) or the next closer name (NSEC3).
    fn prove_no_closer(&mut self, name: &Name, next_closer: &Name) {
        if !self.with_dnssec {
            return;
        }
        if let Some(chain) = &self.zone.nsec3 {
            if let Some((_, owner, rrset)) = chain.covering(next_closer) {
                self.push_proof(owner.clone(), rrset);
            }
            return;
        }
        // Names without records of their own have no NSEC; a record left out on purpose leaves its neighbours' proofs alone.
        let before = self.zone.nodes.range(..name.clone()).rev().find(|(_, n)| !n.occluded && !n.rrsets.is_empty());
        if let Some((owner, nsec)) = before.and_then(|(owner, n)| Some((owner, n.get(Rtype::NSEC)?))) {
            self.push_proof(owner.clone(), nsec);
        }
    }

    fn push_proof(&mut self, owner: Name, rrset: &'a Rrset) {
        let there = self.out.authority.iter().any(|(o, r)| *o == owner && r.rtype == rrset.rtype);
        if !there {
            self.out.authority.push((owner, Cow::Borrowed(rrset)));
        }
    }
}
