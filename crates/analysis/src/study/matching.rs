//! Which TLSA set matches which chain, from digests alone.

use archive::states::model::{Cert, CertId, Chain, ChainId, Digest, Digest512, Id, TlsaSet, TlsaSetId};
use dane::paper::WrongField;
use dane::rollover::{ChainFacts, Difference, Evidence, Part, Place};
use dane::tlsa::Tlsa;
use foldhash::fast::RandomState;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

/// [`dane::paper::paper_match`] for what an archive has. Two differences from bytes: a full certificate or key is compared by its SHA-256; and
/// a record of usage 0 whose root was not sent does not match, as roots are no part of an archive.
pub struct Matching<'a> {
    certs: &'a [Cert],
    chains: &'a [Chain],
    sets: &'a [TlsaSet],
    known: RefCell<HashMap<(u32, u32, Part), bool, RandomState>>,
    /// By set and chain.
    pub(super) labels: RefCell<HashMap<(u32, u32), Option<WrongField>>>,
    /// By certificate: the number of its key, the same for all certificates with this key. Found out when somebody asks.
    keys: OnceCell<Vec<u32>>,
}

impl<'a> Matching<'a> {
    /// Of the lists of an archive.
    #[must_use]
    pub fn new(certs: &'a [Cert], chains: &'a [Chain], sets: &'a [TlsaSet]) -> Self {
        Self { certs, chains, sets, known: RefCell::default(), labels: RefCell::default(), keys: OnceCell::new() }
    }

    /// The certificates of a chain that can be read, leaf first; none if the leaf cannot.
    pub fn certificates(&self, chain: ChainId) -> impl Iterator<Item = &'a Cert> + use<'a> {
        let (certs, chain) = (self.certs, self.sent(chain));
        let has_leaf = chain.first().and_then(|leaf| certs.get(leaf.index())).is_some_and(|leaf| leaf.spki_sha256.is_some());
        let chain = if has_leaf { chain } else { &[] };
        chain.iter().filter_map(|cert| certs.get(cert.index())).filter(|cert| cert.spki_sha256.is_some())
    }

    /// The records of a set.
    #[must_use]
    pub fn records(&self, set: TlsaSetId) -> &'a [Tlsa] {
        self.sets.get(set.index()).map_or(&[], |set| &set.records)
    }

    /// Whether one record matches a chain.
    #[must_use]
    pub fn fits(&self, record: &Tlsa, chain: ChainId) -> bool {
        self.certificates(chain).enumerate().any(|(place, cert)| refers_to(record.usage, place) && is_data_of(record, cert))
    }

    /// Whether any record of a part of a set matches a chain.
    #[must_use]
    pub fn any_fits(&self, set: TlsaSetId, chain: ChainId, part: Part) -> bool {
        let find_out = || self.records(set).iter().any(|record| part.has(record.usage) && self.fits(record, chain));
        *self.known.borrow_mut().entry((set.number(), chain.number(), part)).or_insert_with(find_out)
    }

    /// The certificate of the server itself, if it can be read.
    #[must_use]
    pub fn leaf(&self, chain: ChainId) -> Option<&'a Cert> {
        self.certificates(chain).next()
    }

    /// The last certificate sent, if it can be read; of a chain of one that one.
    #[must_use]
    pub fn last(&self, chain: ChainId) -> Option<&'a Cert> {
        let last = self.sent(chain).last()?;
        self.certs.get(last.index()).filter(|cert| cert.spki_sha256.is_some())
    }

    /// The number of the leaf's key: the same for all certificates with this key.
    #[must_use]
    pub fn leaf_key(&self, chain: ChainId) -> Option<u32> {
        self.leaf(chain)?;
        self.key(self.sent(chain).first()?)
    }

    /// The number of the key of the certificate after the leaf: its issuer's, as chains go.
    #[must_use]
    pub fn issuer_key(&self, chain: ChainId) -> Option<u32> {
        self.leaf(chain)?;
        let is_read = |cert: &&CertId| self.certs.get(cert.index()).is_some_and(|cert| cert.spki_sha256.is_some());
        self.key(self.sent(chain).iter().skip(1).find(is_read)?)
    }

    /// The certificates and keys of a chain as numbers.
    #[must_use]
    pub fn facts(&self, chain: ChainId) -> ChainFacts {
        let (leaf, issuers) = self.leaf_and_issuers(chain);
        ChainFacts {
            leaf: leaf.map_or(0, |cert| cert.number()),
            leaf_key: leaf.and_then(|cert| self.key(cert)).unwrap_or(u32::MAX),
            issuers: issuers.iter().map(|cert| cert.number()).collect(),
            issuer_keys: issuers.iter().filter_map(|cert| self.key(cert)).collect(),
        }
    }

    /// The numbers of the leaf's key, if there is one, and of its issuers'.
    pub(super) fn keys_of(&self, chain: ChainId) -> (Option<u32>, Vec<u32>) {
        let (leaf, issuers) = self.leaf_and_issuers(chain);
        (leaf.and_then(|cert| self.key(cert)), issuers.iter().filter_map(|cert| self.key(cert)).collect())
    }

    /// Every certificate of a chain, whether it can be read or not.
    fn sent(&self, chain: ChainId) -> &'a [CertId] {
        self.chains.get(chain.index()).map_or(&[], |chain| &chain.certs)
    }

    fn leaf_and_issuers(&self, chain: ChainId) -> (Option<&'a CertId>, &'a [CertId]) {
        let sent = self.sent(chain);
        sent.split_first().map_or((None, sent), |(leaf, issuers)| (Some(leaf), issuers))
    }

    fn key(&self, cert: &CertId) -> Option<u32> {
        self.keys.get_or_init(|| keys(self.certs)).get(cert.index()).copied()
    }
}

/// As [`ChainFacts::difference`]; chains are short, and there are very many of them.
fn place<T: PartialEq>(leaf: bool, before: &[T], after: &[T]) -> Option<Place> {
    let lost = |these: &[T], those: &[T]| these.iter().any(|one| !those.contains(one));
    match (leaf, lost(before, after) && lost(after, before)) {
        (true, true) => Some(Place::Both),
        (true, false) => Some(Place::Leaf),
        (false, true) => Some(Place::Issuers),
        (false, false) => None,
    }
}

fn keys(certs: &[Cert]) -> Vec<u32> {
    let mut numbers: HashMap<Digest, u32, RandomState> = HashMap::with_capacity_and_hasher(certs.len(), RandomState::default());
    let mut number = |cert: &Cert| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(key_of(cert)).or_insert(next)
    };
    certs.iter().map(&mut number).collect()
}

/// Of what cannot be read as a certificate, all is the key.
fn key_of(cert: &Cert) -> Digest {
    cert.spki_sha256.unwrap_or(cert.sha256)
}

/// Whether a record of this usage refers to the certificate at this place of a chain.
pub(super) fn refers_to(usage: u8, place: usize) -> bool {
    match usage {
        1 | 3 => place == 0,
        0 | 2 => place > 0,
        _ => false,
    }
}

/// Whether a record's data is what its selector and matching type make of a certificate. (RFC 6698 section 2.1)
pub(super) fn is_data_of(record: &Tlsa, cert: &Cert) -> bool {
    let digest = || Digest::from_slice(&record.data);
    let digest512 = || Digest512::from_slice(&record.data);
    match (record.selector, record.matching) {
        (0, 0) => Digest::of(&record.data) == cert.sha256,
        (1, 0) => Some(Digest::of(&record.data)) == cert.spki_sha256,
        (0, 1) => digest() == Some(cert.sha256),
        (1, 1) => cert.spki_sha256.is_some() && digest() == cert.spki_sha256,
        (0, 2) => digest512() == Some(cert.sha512),
        (1, 2) => cert.spki_sha512.is_some() && digest512() == cert.spki_sha512,
        _ => false,
    }
}

/// Numbers as in the archive's tables.
impl Evidence for Matching<'_> {
    fn matches(&self, set: u32, chain: u32, part: Part) -> bool {
        TlsaSetId::new(set).zip(ChainId::new(chain)).is_some_and(|(set, chain)| self.any_fits(set, chain, part))
    }

    fn has(&self, set: u32, part: Part) -> bool {
        TlsaSetId::new(set).is_some_and(|set| self.records(set).iter().any(|record| part.has(record.usage)))
    }

    fn difference(&self, old: u32, new: u32) -> Difference {
        let Some((old, new)) = ChainId::new(old).zip(ChainId::new(new)) else { return Difference::default() };
        let ((old_leaf, old_issuers), (new_leaf, new_issuers)) = (self.leaf_and_issuers(old), self.leaf_and_issuers(new));
        let ((old_key, old_keys), (new_key, new_keys)) = (self.keys_of(old), self.keys_of(new));
        Difference {
            certificates: place(old_leaf != new_leaf, old_issuers, new_issuers),
            keys: place(old_key != new_key, &old_keys, &new_keys),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is quick says what the definition says.
    #[test]
    fn differences_are_those_of_the_facts() {
        let cert = |key: u8, der: u8| Cert { sha256: Digest([der; 32]), spki_sha256: Some(Digest([key; 32])), ..Cert::default() };
        let certs = [cert(1, 1), cert(1, 2), cert(2, 3), cert(3, 4), cert(3, 5), cert(4, 6)];
        let id = |number: u32| CertId::new(number).unwrap();
        let lists: [&[u32]; 8] = [&[1], &[2], &[1, 3], &[2, 3], &[1, 4], &[3, 4, 6], &[1, 5, 6], &[1, 6, 4]];
        let chains: Vec<Chain> = lists.iter().map(|list| Chain { certs: list.iter().map(|number| id(*number)).collect() }).collect();
        let matching = Matching::new(&certs, &chains, &[]);
        for old in 1..=chains.len() as u32 {
            for new in 1..=chains.len() as u32 {
                let facts = |number: u32| matching.facts(ChainId::new(number).unwrap());
                assert_eq!(matching.difference(old, new), facts(old).difference(&facts(new)), "{old} {new}");
            }
        }
    }
}
