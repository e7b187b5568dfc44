//! Records and certificates themselves, by number.

use super::{ChainFacts, ChainId, Difference, Evidence, Part, SetId};
use crate::cert::Certificate;
use crate::observation::CertificateBytes;
use crate::paper::paper_match;
use crate::tlsa::Tlsa;
use std::cell::RefCell;
use std::collections::HashMap;

/// TLSA sets and chains as they were seen. What matches what is found out when it is asked, once.
#[derive(Debug, Default)]
pub struct Catalogue {
    roots: Vec<CertificateBytes>,
    sets: Numbers<Vec<Tlsa>>,
    chains: Numbers<Vec<CertificateBytes>>,
    certificates: Numbers<CertificateBytes>,
    keys: Numbers<Vec<u8>>,
    facts: Vec<ChainFacts>,
    known: RefCell<HashMap<(SetId, ChainId, Part), bool>>,
}

impl Catalogue {
    /// An empty one; `roots` are for records of usage 0, which may name a root that is not sent.
    #[must_use]
    pub fn new(roots: Vec<CertificateBytes>) -> Self {
        Self { roots, ..Self::default() }
    }

    /// The number of a set. The order of its records, and records that it has twice, make no difference.
    pub fn set(&mut self, records: &[Tlsa]) -> SetId {
        let mut records = records.to_vec();
        records.sort_by(|a, b| (a.usage, a.selector, a.matching, &a.data).cmp(&(b.usage, b.selector, b.matching, &b.data)));
        records.dedup();
        self.sets.number(records)
    }

    /// The number of a chain, leaf first; `None` if there is no certificate. Of what cannot be read as a certificate, all is the key.
    pub fn chain(&mut self, chain: &[CertificateBytes]) -> Option<ChainId> {
        let (leaf, issuers) = chain.split_first()?;
        let number = self.chains.number(chain.to_vec());
        if self.facts.len() == number as usize {
            let (leaf, leaf_key) = self.certificate(leaf);
            let (issuers, issuer_keys) = issuers.iter().map(|issuer| self.certificate(issuer)).unzip();
            self.facts.push(ChainFacts { leaf, leaf_key, issuers, issuer_keys });
        }
        Some(number)
    }

    /// The records of a set.
    #[must_use]
    pub fn records(&self, set: SetId) -> &[Tlsa] {
        self.sets.get(set).map_or(&[], Vec::as_slice)
    }

    /// The certificates of a chain.
    #[must_use]
    pub fn certificates(&self, chain: ChainId) -> &[CertificateBytes] {
        self.chains.get(chain).map_or(&[], Vec::as_slice)
    }

    pub(super) fn roots(&self) -> &[CertificateBytes] {
        &self.roots
    }

    pub(super) fn facts(&self, chain: ChainId) -> Option<&ChainFacts> {
        self.facts.get(chain as usize)
    }

    fn certificate(&mut self, der: &CertificateBytes) -> (u32, u32) {
        let key = Certificate::key_of(&der.0).map_or_else(|_| der.0.to_vec(), |(spki, _)| spki.to_vec());
        (self.certificates.number(der.clone()), self.keys.number(key))
    }
}

impl Evidence for Catalogue {
    fn matches(&self, set: SetId, chain: ChainId, part: Part) -> bool {
        let find_out = || {
            let records: Vec<Tlsa> = self.records(set).iter().filter(|record| part.has(record.usage)).cloned().collect();
            paper_match(self.certificates(chain), &records, &self.roots).unwrap_or(false)
        };
        *self.known.borrow_mut().entry((set, chain, part)).or_insert_with(find_out)
    }

    fn has(&self, set: SetId, part: Part) -> bool {
        self.records(set).iter().any(|record| part.has(record.usage))
    }

    fn difference(&self, old: ChainId, new: ChainId) -> Difference {
        self.facts(old).zip(self.facts(new)).map_or_else(Difference::default, |(old, new)| old.difference(new))
    }
}

/// Things and their numbers, from 0.
#[derive(Debug)]
struct Numbers<T> {
    things: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { things: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Numbers<T> {
    fn number(&mut self, thing: T) -> u32 {
        if let Some(number) = self.numbers.get(&thing) {
            return *number;
        }
        let number = u32::try_from(self.things.len()).unwrap_or(u32::MAX);
        self.things.push(thing.clone());
        self.numbers.insert(thing, number);
        number
    }

    fn get(&self, number: u32) -> Option<&T> {
        self.things.get(number as usize)
    }
}
