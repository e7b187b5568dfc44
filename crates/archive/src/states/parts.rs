//! What is kept once: numbers for names and content.

use super::model::{
    CertDer, CertId, Chain, ChainId, Digest, DomainId, Evidence, EvidenceId, Id, MxSet, MxSetId, NsSet, NsSetId, ServerId, ServerKey,
    TlsaSet, TlsaSetId, WordId,
};
use dane::tlsa::Tlsa;
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};

/// Names with numbers, all in memory, each once: there may be millions.
#[derive(Clone, Debug)]
pub(crate) struct Names<V> {
    /// Places in `list`, by the hashes of the names.
    places: HashTable<u32>,
    hasher: RandomState,
    /// So many before those in `list` were not read.
    unread: usize,
    list: Vec<V>,
    /// How many of `list` are in files.
    saved: usize,
    /// How many of `list` are in files or in the log.
    logged: usize,
}

impl<V: Clone + Eq + Hash> Names<V> {
    fn new() -> Self {
        Self { places: HashTable::new(), hasher: RandomState::new(), unread: 0, list: Vec::new(), saved: 0, logged: 0 }
    }

    /// All that were read.
    pub fn list(&self) -> &[V] {
        &self.list
    }

    pub fn count(&self) -> usize {
        self.unread + self.list.len()
    }

    /// A name that is in a file already.
    pub fn known(&mut self, name: V) {
        self.push(name);
        (self.saved, self.logged) = (self.list.len(), self.list.len());
    }

    /// Names that are in no file yet, with the places of their numbers.
    pub fn fresh(&self) -> impl Iterator<Item = (usize, &V)> {
        self.list.iter().enumerate().skip(self.saved).map(|(place, name)| (self.unread + place, name))
    }

    fn number<Q: Eq + Hash + ?Sized>(&mut self, name: &Q, own: impl FnOnce() -> V) -> usize
    where
        V: Borrow<Q>,
    {
        match self.find(name) {
            Some(number) => number,
            None => self.push(own()),
        }
    }

    /// Its number, counted from 0, if it has one and was read.
    fn find<Q: Eq + Hash + ?Sized>(&self, name: &Q) -> Option<usize>
    where
        V: Borrow<Q>,
    {
        let is_it = |place: &u32| self.list.get(*place as usize).is_some_and(|other| other.borrow() == name);
        self.places.find(self.hasher.hash_one(name), is_it).map(|place| self.unread + *place as usize)
    }

    fn push(&mut self, name: V) -> usize {
        let number = self.count();
        let place = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let hash = self.hasher.hash_one(&name);
        self.list.push(name);
        let (list, hasher) = (&self.list, &self.hasher);
        self.places.insert_unique(hash, place, |place| hasher.hash_one(&list[*place as usize]));
        number
    }
}

/// Content with numbers, by its SHA-256; only what is not yet in files is in memory.
#[derive(Clone, Debug)]
pub(crate) struct Kept<V> {
    ids: HashMap<Digest, u32>,
    count: usize,
    /// The last ones, in order, with their digest.
    fresh: Vec<(Digest, V)>,
    /// How many of these are not in the log.
    unlogged: usize,
}

impl<V: Clone> Kept<V> {
    fn new() -> Self {
        Self { ids: HashMap::new(), count: 0, fresh: Vec::new(), unlogged: 0 }
    }

    /// Number and content of what is not yet in files.
    pub fn fresh(&self) -> impl Iterator<Item = (usize, &Digest, &V)> {
        let first = self.count - self.fresh.len();
        self.fresh.iter().enumerate().map(move |(place, (digest, content))| (first + place, digest, content))
    }

    /// Something that is in a file already.
    pub fn known(&mut self, digest: Digest) {
        self.ids.insert(digest, u32::try_from(self.count).unwrap_or(u32::MAX));
        self.count += 1;
    }

    fn number(&mut self, digest: Digest, own: impl FnOnce() -> V) -> usize {
        if let Some(number) = self.ids.get(&digest) {
            return *number as usize;
        }
        self.push(digest, own())
    }

    fn push(&mut self, digest: Digest, content: V) -> usize {
        self.known(digest);
        self.fresh.push((digest, content));
        self.unlogged += 1;
        self.count - 1
    }

    fn unlogged(&self) -> Vec<(Digest, V)> {
        self.fresh[self.fresh.len() - self.unlogged..].to_vec()
    }
}

/// Everything that is kept once. What is added is written with the next round that is appended.
#[derive(Clone, Debug)]
pub struct Parts {
    pub(crate) words: Names<Box<str>>,
    pub(crate) servers: Names<ServerKey>,
    pub(crate) domains: Names<Box<str>>,
    pub(crate) certs: Kept<CertDer>,
    pub(crate) chains: Kept<Chain>,
    pub(crate) tlsa_sets: Kept<TlsaSet>,
    pub(crate) evidence: Kept<Evidence>,
    pub(crate) mx_sets: Kept<MxSet>,
    pub(crate) ns_sets: Kept<NsSet>,
}

impl Parts {
    pub(crate) fn new() -> Self {
        Self {
            words: Names::new(),
            servers: Names::new(),
            domains: Names::new(),
            certs: Kept::new(),
            chains: Kept::new(),
            tlsa_sets: Kept::new(),
            evidence: Kept::new(),
            mx_sets: Kept::new(),
            ns_sets: Kept::new(),
        }
    }

    /// The number of a word: a vantage point, a code, a top-level domain.
    pub fn word(&mut self, word: &str) -> WordId {
        WordId::at(self.words.number(word, || word.into()))
    }

    /// The number of a word that is known already.
    #[must_use]
    pub fn find_word(&self, word: &str) -> Option<WordId> {
        self.words.find(word).map(WordId::at)
    }

    /// The word with this number; empty if it is none of ours.
    #[must_use]
    pub fn text(&self, word: WordId) -> &str {
        self.words.list.get(word.index()).map_or("", |word| word)
    }

    /// The number of a server.
    pub fn server(&mut self, key: &ServerKey) -> ServerId {
        ServerId::at(self.servers.number(key, || key.clone()))
    }

    /// The number of a domain: lower case, no final dot.
    pub fn domain(&mut self, domain: &str) -> DomainId {
        DomainId::at(self.domains.number(domain, || domain.into()))
    }

    /// The number of a certificate.
    pub fn cert(&mut self, der: &[u8]) -> CertId {
        CertId::at(self.certs.number(Digest::of(der), || CertDer { der: der.into() }))
    }

    /// The number of a list of certificates.
    pub fn chain<'a>(&mut self, ders: impl IntoIterator<Item = &'a [u8]>) -> ChainId {
        let (certs, digests): (Vec<CertId>, Vec<Digest>) = ders.into_iter().map(|der| (self.cert(der), Digest::of(der))).unzip();
        ChainId::at(self.chains.number(Chain::sha256(&digests), || Chain { certs: certs.into() }))
    }

    /// The number of a set of TLSA records; of no records, if the answer was that there are none.
    pub fn tlsa_set(&mut self, records: Vec<Tlsa>) -> TlsaSetId {
        let set = TlsaSet::new(records);
        TlsaSetId::at(self.tlsa_sets.number(set.sha256(), || set))
    }

    /// The number of raw messages, in base64.
    pub fn evidence<'a>(&mut self, messages: impl IntoIterator<Item = &'a str>) -> EvidenceId {
        let messages: Vec<&str> = messages.into_iter().collect();
        let messages: Box<str> = messages.join("\n").into();
        EvidenceId::at(self.evidence.number(Digest::of(messages.as_bytes()), || Evidence { messages }))
    }

    /// The number of a set of mail hosts, each with its preference.
    pub fn mx_set<'a>(&mut self, hosts: impl IntoIterator<Item = (u16, &'a str)>) -> MxSetId {
        let mut hosts: Vec<(u16, Box<str>)> = hosts.into_iter().map(|(preference, host)| (preference, host.into())).collect();
        hosts.sort();
        let set = MxSet { hosts: hosts.into() };
        MxSetId::at(self.mx_sets.number(set.sha256(), || set))
    }

    /// The number of a set of name servers.
    pub fn ns_set<'a>(&mut self, hosts: impl IntoIterator<Item = &'a str>) -> NsSetId {
        let mut hosts: Vec<Box<str>> = hosts.into_iter().map(Into::into).collect();
        hosts.sort();
        hosts.dedup();
        let set = NsSet { hosts: hosts.into() };
        NsSetId::at(self.ns_sets.number(set.sha256(), || set))
    }

    /// What is neither in files nor in the log.
    pub(crate) fn news(&self) -> News {
        fn rest<V: Clone>(names: &Names<V>) -> Vec<V> {
            names.list[names.logged..].to_vec()
        }
        let base64 = |(_, cert): (Digest, CertDer)| data_encoding::BASE64.encode(&cert.der);
        let rdata = |(_, set): (Digest, TlsaSet)| set.records.iter().map(|r| data_encoding::HEXLOWER.encode(&r.to_rdata())).collect();
        News {
            words: rest(&self.words),
            servers: rest(&self.servers),
            domains: rest(&self.domains),
            certs: self.certs.unlogged().into_iter().map(base64).collect(),
            chains: self.chains.unlogged(),
            tlsa_sets: self.tlsa_sets.unlogged().into_iter().map(rdata).collect(),
            evidence: self.evidence.unlogged().into_iter().map(|(_, evidence)| evidence).collect(),
            mx_sets: self.mx_sets.unlogged().into_iter().map(|(_, set)| set).collect(),
            ns_sets: self.ns_sets.unlogged().into_iter().map(|(_, set)| set).collect(),
        }
    }

    /// Takes up what the log says. `Err`: what of it cannot be read.
    pub(crate) fn learn(&mut self, news: News) -> Result<(), String> {
        news.words.into_iter().for_each(|word| _ = self.words.push(word));
        news.servers.into_iter().for_each(|server| _ = self.servers.push(server));
        news.domains.into_iter().for_each(|domain| _ = self.domains.push(domain));
        for text in news.certs {
            let der = data_encoding::BASE64.decode(text.as_bytes()).map_err(|e| format!("a certificate: {e}"))?;
            self.certs.push(Digest::of(&der), CertDer { der: der.into() });
        }
        news.chains.into_iter().for_each(|(digest, chain)| _ = self.chains.push(digest, chain));
        for records in news.tlsa_sets {
            let record = |text: String| data_encoding::HEXLOWER.decode(text.as_bytes()).map(|rdata| Tlsa::from_rdata(&rdata));
            let records = records.into_iter().map(record).collect::<Result<Vec<_>, _>>().map_err(|e| format!("a TLSA record: {e}"))?;
            let set = TlsaSet { records: records.into() };
            self.tlsa_sets.push(set.sha256(), set);
        }
        news.evidence.into_iter().for_each(|one| _ = self.evidence.push(Digest::of(one.messages.as_bytes()), one));
        news.mx_sets.into_iter().for_each(|set| _ = self.mx_sets.push(set.sha256(), set));
        news.ns_sets.into_iter().for_each(|set| _ = self.ns_sets.push(set.sha256(), set));
        self.set_logged();
        Ok(())
    }

    /// All of it is in the log.
    pub(crate) fn set_logged(&mut self) {
        fn names<V>(names: &mut Names<V>) {
            names.logged = names.list.len();
        }
        names(&mut self.words);
        names(&mut self.servers);
        names(&mut self.domains);
        self.certs.unlogged = 0;
        self.chains.unlogged = 0;
        self.tlsa_sets.unlogged = 0;
        self.evidence.unlogged = 0;
        self.mx_sets.unlogged = 0;
        self.ns_sets.unlogged = 0;
    }

    /// All of it is in files.
    pub(crate) fn set_saved(&mut self) {
        self.set_logged();
        self.words.saved = self.words.list.len();
        self.servers.saved = self.servers.list.len();
        self.domains.saved = self.domains.list.len();
        self.certs.fresh.clear();
        self.chains.fresh.clear();
        self.tlsa_sets.fresh.clear();
        self.evidence.fresh.clear();
        self.mx_sets.fresh.clear();
        self.ns_sets.fresh.clear();
    }

    /// How many numbers were given out, by table.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        let counts = [
            ("word", self.words.count()),
            ("server", self.servers.count()),
            ("domain", self.domains.count()),
            ("cert", self.certs.count),
            ("chain", self.chains.count),
            ("tlsa_set", self.tlsa_sets.count),
            ("evidence", self.evidence.count),
            ("mx_set", self.mx_sets.count),
            ("ns_set", self.ns_sets.count),
        ];
        counts.into_iter().map(|(table, count)| (table.to_owned(), count as u64)).collect()
    }

    /// How many things of size are in no file yet.
    pub(crate) fn unsaved(&self) -> usize {
        let names = self.domains.list.len() - self.domains.saved + self.servers.list.len() - self.servers.saved;
        // A certificate takes as much room as some names.
        let content = self.tlsa_sets.fresh.len() + self.mx_sets.fresh.len() + self.ns_sets.fresh.len() + 8 * self.certs.fresh.len();
        names + content + 8 * self.evidence.fresh.len()
    }

    /// Whether something has more than can be numbered.
    pub(crate) fn is_full(&self) -> bool {
        self.counts().values().any(|count| *count >= u64::from(u32::MAX))
    }

    /// So many are in files, and will not be asked for: enough to go on counting.
    pub(crate) fn count(&mut self, counts: &BTreeMap<String, u64>) {
        let of = |table: &str| counts.get(table).map_or(0, |count| usize::try_from(*count).unwrap_or(usize::MAX));
        self.domains.unread = of("domain");
        self.certs.count = of("cert");
        self.chains.count = of("chain");
        self.tlsa_sets.count = of("tlsa_set");
        self.evidence.count = of("evidence");
        self.mx_sets.count = of("mx_set");
        self.ns_sets.count = of("ns_set");
    }
}

/// New parts, in the order of their numbers, as they stand in the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct News {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    words: Vec<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    servers: Vec<ServerKey>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    domains: Vec<Box<str>>,
    /// DER, base64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certs: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    chains: Vec<(Digest, Chain)>,
    /// RDATA of the records, hexadecimal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tlsa_sets: Vec<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<Evidence>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mx_sets: Vec<MxSet>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ns_sets: Vec<NsSet>,
}
