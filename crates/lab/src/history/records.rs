//! TLSA sets and chains of a history, by number; records that fit and records that do not.

use super::pki::{Issuer, Leaf, Pki};
use super::plan::{Plan, Usage};
use super::random::Chance;
use super::timeline::{ChainId, SetId};
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use dane::tlsa::Tlsa;
use std::collections::HashMap;

/// Sets and chains, each once.
#[derive(Debug, Default)]
pub struct Material {
    sets: Vec<Vec<Tlsa>>,
    set_numbers: HashMap<Vec<Tlsa>, SetId>,
    chains: Vec<Leaf>,
    chain_numbers: HashMap<Leaf, ChainId>,
}

impl Material {
    /// The number of a set.
    pub fn set(&mut self, records: &[Tlsa]) -> SetId {
        *self.set_numbers.entry(records.to_vec()).or_insert_with(|| {
            self.sets.push(records.to_vec());
            self.sets.len() as SetId - 1
        })
    }

    /// The number of the chain that begins with a leaf.
    pub fn chain(&mut self, leaf: &Leaf) -> ChainId {
        *self.chain_numbers.entry(leaf.clone()).or_insert_with(|| {
            self.chains.push(leaf.clone());
            self.chains.len() as ChainId - 1
        })
    }

    /// All sets, by number.
    pub fn sets(&self) -> &[Vec<Tlsa>] {
        &self.sets
    }

    /// The leaves of all chains, by number.
    pub fn leaves(&self) -> &[Leaf] {
        &self.chains
    }
}

/// What a record says of a certificate.
fn data(selector: u8, matching: u8, whole: impl FnOnce() -> Vec<u8>, key: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let selected = if selector == 0 { whole() } else { key() };
    match matching {
        0 => selected,
        1 => digest(&SHA256, &selected).as_ref().to_vec(),
        _ => digest(&SHA512, &selected).as_ref().to_vec(),
    }
}

fn of_leaf(leaf: &Leaf, selector: u8, matching: u8, pki: &Pki) -> Vec<u8> {
    data(selector, matching, || pki.leaf(leaf), || pki.spki(leaf))
}

fn of_issuer(leaf: &Leaf, selector: u8, matching: u8, pki: &Pki) -> Vec<u8> {
    let cert = pki.issuer(leaf.issuer);
    data(selector, matching, || cert.map_or_else(Vec::new, |c| c.der.clone()), || cert.map_or_else(Vec::new, |c| c.spki.clone()))
}

/// The records that fit a certificate and its chain.
pub fn right(leaf: &Leaf, plan: &Plan, pki: &Pki) -> Vec<Tlsa> {
    let (selector, matching) = (plan.selector, plan.matching);
    let (ee, ta) = plan.usage.numbers();
    let ee = ee.map(|usage| Tlsa { usage, selector, matching, data: of_leaf(leaf, selector, matching, pki) });
    let ta = ta.map(|usage| Tlsa { usage, selector, matching, data: of_issuer(leaf, selector, matching, pki) });
    ee.into_iter().chain(ta).collect()
}

/// Both sets as one, each record once.
pub fn union(one: &[Tlsa], other: &[Tlsa]) -> Vec<Tlsa> {
    let more = other.iter().filter(|record| !one.contains(record)).cloned();
    one.iter().cloned().chain(more).collect()
}

/// A record of the plan's usages whose data is of nothing that is ever shown.
pub fn broken(plan: &Plan, chance: &mut Chance) -> Vec<Tlsa> {
    let (ee, ta) = plan.usage.numbers();
    let digest: Vec<u8> = (0..4).flat_map(|_| chance.next().to_be_bytes()).collect();
    let record = |usage| Tlsa { usage, selector: 1, matching: 1, data: digest.clone() };
    ee.into_iter().chain(ta).map(record).collect()
}

/// Records that never match, and the label of what is wrong with them; none where no field explains it. Of a set that names an issuer,
/// and of most others, nothing explains it. (P22 section 5.2.2 and footnote 5)
pub fn wrong(leaf: &Leaf, plan: &Plan, pki: &Pki, chance: &mut Chance) -> (Vec<Tlsa>, Option<&'static str>) {
    if plan.usage != Usage::DaneEe || chance.percent(50) {
        return (broken(plan, chance), None);
    }
    let record = |usage, selector, matching, data| vec![Tlsa { usage, selector, matching, data }];
    let key = || of_leaf(leaf, 1, 1, pki);
    let kinds = if leaf.issuer == Issuer::Nobody { 7 } else { 8 };
    match chance.next() % kinds {
        0 => (record(4, 1, 1, key()), Some("undefined-value")),
        1 => (record(2, 1, 1, key()), Some("usage")),
        2 => (record(3, 0, 1, key()), Some("selector")),
        3 => (record(3, 1, 2, key()), Some("matching-type")),
        4 => (record(3, 1, 1, digest(&SHA256, b"").as_ref().to_vec()), Some("digest-of-nothing")),
        5 => {
            let pem = crate::pki::der::pem("CERTIFICATE", &pki.leaf(leaf));
            (record(3, 0, 0, pem.into_bytes()), Some("pem"))
        }
        6 => {
            let mut slip = key();
            slip[5] ^= 0x0f;
            (record(3, 1, 1, slip), Some("copy-paste"))
        }
        _ => (record(3, 1, 1, of_issuer(leaf, 1, 1, pki)), Some("usage")),
    }
}
