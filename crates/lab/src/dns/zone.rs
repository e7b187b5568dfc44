//! Zones: what they hold as planned, and what they are once signed.

use super::answer::Response;
use super::denial::{self, Chain};
use super::keys::KeySet;
use super::rdata::{self, Rdata};
use super::sign::{Period, Signer};
use crate::seed::Seed;
use dane::Epoch;
use dane::name::Name;
use domain::base::iana::Rtype;
use scenario::recipe::{Denial, Ds, Harm, Signing};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::OnceLock;

/// What a name server does instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// SERVFAIL.
    Servfail,
    /// Nothing.
    Silent,
    /// REFUSED.
    Refused,
    /// Truncated answers over UDP.
    TcpOnly,
}

/// A question that something is wrong with.
pub type Place = (Name, Rtype);

/// A zone as it is planned: records without DNSSEC, and how to treat them.
#[derive(Clone, Debug)]
pub struct ZonePlan {
    /// Its apex.
    pub apex: Name,
    /// All records but those of DNSSEC; DS records of children included.
    pub records: Vec<(Name, Rtype, u32, Rdata)>,
    /// Keys.
    pub signing: Signing,
    /// Proofs.
    pub denial: Denial,
    /// What its parent says.
    pub ds: Ds,
    /// What is wrong with signatures and proofs, and where.
    pub damage: Vec<(Place, Harm)>,
    /// Where its servers do something else than answer; `None`: everywhere.
    pub manners: Vec<(Option<Place>, Manner)>,
    /// Addresses of its name servers.
    pub servers: Vec<Ipv4Addr>,
}

impl ZonePlan {
    /// Adds a record.
    pub fn add(&mut self, owner: &Name, rtype: Rtype, ttl: u32, data: Rdata) {
        self.records.push((owner.clone(), rtype, ttl, data));
    }

    /// The DS records that its parent should have for it.
    pub fn ds_records(&self, seed: &Seed) -> Option<Rdata> {
        let keys = match self.ds {
            Ds::Missing => return None,
            _ => KeySet::derive(seed, &self.apex, self.signing)?,
        };
        let right = keys.keys.first()?.ds(&self.apex);
        Some(match self.ds {
            Ds::OtherKey => keys.stranger.ds(&self.apex),
            Ds::DigestMismatch => right.iter().enumerate().map(|(i, b)| if i > 3 { b ^ 0x55 } else { *b }).collect::<Vec<u8>>().into(),
            Ds::Right | Ds::Missing => right,
        })
    }

    /// What its servers do at this question instead of answering.
    pub fn manner(&self, qname: &Name, qtype: Rtype) -> Option<Manner> {
        let here = |place: &Option<Place>| place.as_ref().is_none_or(|(name, rtype)| name == qname && *rtype == qtype);
        self.manners.iter().find(|(place, _)| here(place)).map(|(_, manner)| *manner)
    }
}

/// An RRset and its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rrset {
    /// Type.
    pub rtype: Rtype,
    /// TTL, seconds.
    pub ttl: u32,
    /// Record data in canonical order.
    pub data: Vec<Rdata>,
    /// RRSIG record data.
    pub signatures: Vec<Rdata>,
}

/// The RRsets of one name. Empty for empty non-terminals.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// In order of type.
    pub rrsets: Vec<Rrset>,
    /// A delegation starts here.
    pub cut: bool,
    /// It lies below a delegation: only glue.
    pub occluded: bool,
}

impl Node {
    /// The RRset of a type.
    pub fn get(&self, rtype: Rtype) -> Option<&Rrset> {
        self.rrsets.iter().find(|r| r.rtype == rtype)
    }

    /// The types at the name, as an NSEC or NSEC3 record lists them.
    pub fn types(&self) -> Vec<Rtype> {
        let listed = |r: &&Rrset| !self.cut || matches!(r.rtype, Rtype::NS | Rtype::DS);
        self.rrsets.iter().filter(listed).map(|r| r.rtype).collect()
    }
}

/// A zone ready to be served.
pub struct SignedZone {
    /// Every name, in canonical order.
    pub nodes: BTreeMap<Name, Node>,
    /// The NSEC3 chain, if it has one. (NSEC records are in the nodes.)
    pub nsec3: Option<Chain>,
}

/// Changes to a zone that no plan describes: to its keys, to what is signed, and to what is answered.
pub trait Mutation: Send + Sync {
    /// Before signing.
    fn keys(&self, keys: &mut KeySet);
    /// After signing.
    fn zone(&self, zone: &mut SignedZone, signer: &Signer<'_>);
    /// In place of what would be answered. The same question must always get the same answer.
    fn response<'a>(&self, plan: &'a ZonePlan, zone: &'a SignedZone, question: &Place, response: Response<'a>) -> Response<'a>;
}

/// A zone: its plan, and what comes of it when it is first asked for.
pub struct Zone {
    /// The plan.
    pub plan: ZonePlan,
    /// Changes beyond the plan.
    pub mutation: Option<Box<dyn Mutation>>,
    signed: OnceLock<SignedZone>,
}

impl Zone {
    /// From its plan.
    pub fn new(plan: ZonePlan) -> Self {
        Self { plan, mutation: None, signed: OnceLock::new() }
    }

    /// The zone, signed now if it was not before.
    pub fn signed(&self, seed: &Seed, now: Epoch) -> &SignedZone {
        let sign = || {
            let mut keys = KeySet::derive(seed, &self.plan.apex, self.plan.signing);
            let period = Period::around(now);
            if let (Some(mutation), Some(keys)) = (&self.mutation, &mut keys) {
                mutation.keys(keys);
            }
            let mut zone = SignedZone::build(&self.plan, keys.as_ref(), period);
            if let (Some(mutation), Some(keys)) = (&self.mutation, &keys) {
                mutation.zone(&mut zone, &Signer { plan: &self.plan, keys, period });
            }
            zone
        };
        self.signed.get_or_init(sign)
    }
}

impl SignedZone {
    /// Signs what is planned with these keys, if there are any.
    pub fn build(plan: &ZonePlan, keys: Option<&KeySet>, period: Period) -> Self {
        let mut nodes = nodes(plan);
        let Some(keys) = keys else {
            return Self { nodes, nsec3: None };
        };
        let withheld = plan.damage.iter().any(|(_, harm)| *harm == Harm::Withheld);
        if let Some(apex) = nodes.get_mut(&plan.apex) {
            if !withheld {
                let data = keys.keys.iter().map(|k| k.rdata().clone()).collect();
                insert(apex, Rtype::DNSKEY, 3600, data);
            }
            if let Denial::Nsec3 { iterations } = plan.denial {
                insert(apex, Rtype::NSEC3PARAM, 0, vec![rdata::nsec3param(iterations)]);
            } else if plan.denial == Denial::Nsec3OptOut {
                insert(apex, Rtype::NSEC3PARAM, 0, vec![rdata::nsec3param(0)]);
            }
        }
        let signer = Signer { plan, keys, period };
        let nsec3 = match plan.denial {
            Denial::Nsec => {
                denial::add_nsec(plan, &mut nodes);
                None
            }
            Denial::Nsec3 { iterations } => Some(denial::nsec3_chain(plan, &nodes, iterations, false, &signer)),
            Denial::Nsec3OptOut => Some(denial::nsec3_chain(plan, &nodes, 0, true, &signer)),
        };
        for (owner, node) in &mut nodes {
            signer.sign_node(owner, node);
        }
        Self { nodes, nsec3 }
    }
}

/// Adds an RRset to a node, in order of type, its data in canonical order and without duplicates.
pub fn insert(node: &mut Node, rtype: Rtype, ttl: u32, mut data: Vec<Rdata>) {
    data.sort();
    data.dedup();
    let at = node.rrsets.partition_point(|r| r.rtype.to_int() < rtype.to_int());
    node.rrsets.insert(at, Rrset { rtype, ttl, data, signatures: vec![] });
}

/// The names of a zone with their RRsets, empty non-terminals included, delegations marked.
fn nodes(plan: &ZonePlan) -> BTreeMap<Name, Node> {
    let mut grouped: BTreeMap<(Name, u16), (u32, Vec<Rdata>)> = BTreeMap::new();
    for (owner, rtype, ttl, data) in &plan.records {
        grouped.entry((owner.clone(), rtype.to_int())).or_insert_with(|| (*ttl, vec![])).1.push(data.clone());
    }
    let mut nodes: BTreeMap<Name, Node> = BTreeMap::new();
    for ((owner, rtype), (ttl, data)) in grouped {
        insert(nodes.entry(owner).or_default(), Rtype::from_int(rtype), ttl, data);
    }
    let owners: Vec<Name> = nodes.keys().cloned().collect();
    for owner in owners {
        for above in owner.iter_suffixes().skip(1).take_while(|n| n.ends_with(&plan.apex)) {
            nodes.entry(above.clone()).or_default();
        }
    }
    for (owner, node) in &mut nodes {
        node.cut = *owner != plan.apex && node.get(Rtype::NS).is_some();
    }
    let cuts: Vec<Name> = nodes.iter().filter(|(_, n)| n.cut).map(|(o, _)| o.clone()).collect();
    for cut in cuts {
        // In canonical order everything below a name follows it.
        let below = nodes.range_mut(cut.clone()..).skip(1).take_while(|(owner, _)| owner.ends_with(&cut));
        below.for_each(|(_, node)| node.occluded = true);
    }
    nodes
}
