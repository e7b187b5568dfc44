//! Real keys, certificates and record sets by number, and what covers what, found out once.

use dane::matching::{MatchVerdict, VerifyOptions, verify};
use dane::name::{Name, parse_domain};
use dane::observation::CertificateBytes;
use dane::rollover::{Catalogue, ChainId, SetId};
use dane::tlsa::Tlsa;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rollover::cover;
use rollover::key::{Chain, Key};
use rollover::rrset::RrSet;
use std::collections::HashMap;

/// A moment within the validity of all certificates.
const WITHIN: dane::Epoch = 1_800_000_000;
pub const ISSUERS: usize = 3;
/// The last issuer is the operator's own.
pub const OWN: usize = ISSUERS - 1;

struct Authority {
    params: CertificateParams,
    key: KeyPair,
    certificate: Certificate,
}

pub struct Library {
    pub host: Name,
    authorities: Vec<Authority>,
    keys: Vec<KeyPair>,
    taken: usize,
    chains: HashMap<(usize, usize, usize), ChainId>,
    shown: Vec<Chain>,
    pub catalogue: Catalogue,
    sets: HashMap<RrSet, SetId>,
    by_id: Vec<RrSet>,
    covered: HashMap<(SetId, ChainId), Cover>,
}

/// Whether a set works for a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    /// A sender that can use every combination delivers.
    pub delivers: bool,
    /// So does one that can use any single one.
    pub all_deliver: bool,
}

impl Library {
    pub fn new(keys: usize) -> Self {
        let authority = |number: usize| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, format!("Issuer {number}"));
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let certificate = params.self_signed(&key).unwrap();
            Authority { params, key, certificate }
        };
        Self {
            host: parse_domain("mx.example.org").unwrap(),
            authorities: (0..ISSUERS).map(authority).collect(),
            keys: (0..keys).map(|_| KeyPair::generate().unwrap()).collect(),
            taken: 0,
            chains: HashMap::new(),
            shown: Vec::new(),
            catalogue: Catalogue::new(Vec::new()),
            sets: HashMap::new(),
            by_id: Vec::new(),
            covered: HashMap::new(),
        }
    }

    /// A key that was not used lately.
    pub fn new_key(&mut self) -> usize {
        self.taken = (self.taken + 1) % self.keys.len();
        self.taken
    }

    pub fn key(&self, number: usize) -> Key {
        Key::new(&rcgen::PublicKeyData::subject_public_key_info(&self.keys[number]))
    }

    /// The number of a key that was published.
    pub fn number(&self, key: &Key) -> usize {
        (0..self.keys.len()).find(|number| self.key(*number) == *key).unwrap()
    }

    /// A chain with this key from this issuer; `edition` tells renewals with the same key apart.
    pub fn chain(&mut self, key: usize, issuer: usize, edition: usize) -> ChainId {
        let slot = (key, issuer, edition % 2);
        if let Some(known) = self.chains.get(&slot) {
            return *known;
        }
        let authority = &self.authorities[issuer];
        let mut params = CertificateParams::new(vec![self.host.to_string()]).unwrap();
        params.serial_number = Some((1 + slot.2 as u64).into());
        let signer = Issuer::from_params(&authority.params, &authority.key);
        let leaf = params.signed_by(&self.keys[key], &signer).unwrap();
        let certificates: Vec<_> = [&leaf, &authority.certificate].map(|c| CertificateBytes(c.der().as_ref().into())).into();
        let id = self.catalogue.chain(&certificates).unwrap();
        assert_eq!(id as usize, self.shown.len());
        self.shown.push(Chain::new(certificates).unwrap());
        self.chains.insert(slot, id);
        id
    }

    pub fn shown(&self, chain: ChainId) -> &Chain {
        &self.shown[chain as usize]
    }

    /// A record of an issuer.
    pub fn anchor(&self, issuer: usize, selector: u8) -> Tlsa {
        let certificate = dane::cert::Certificate::parse(self.authorities[issuer].certificate.der()).unwrap();
        dane::association::Associations::of(&certificate).record(2, selector, 1).unwrap()
    }

    /// `3 S 1` of a chain.
    pub fn leaf_record(&self, chain: ChainId, selector: u8) -> Tlsa {
        let certificate = dane::cert::Certificate::parse_shared(&self.shown(chain).certificates()[0]).unwrap();
        dane::association::Associations::of(&certificate).record(3, selector, 1).unwrap()
    }

    pub fn set(&mut self, set: &RrSet) -> SetId {
        if let Some(known) = self.sets.get(set) {
            return *known;
        }
        let id = self.catalogue.set(set.records());
        assert_eq!(id as usize, self.by_id.len());
        self.by_id.push(set.clone());
        self.sets.insert(set.clone(), id);
        id
    }

    pub fn records(&self, set: SetId) -> &RrSet {
        &self.by_id[set as usize]
    }

    pub fn cover(&mut self, set: SetId, chain: ChainId) -> Cover {
        let (by_id, shown, host) = (&self.by_id, &self.shown, &self.host);
        *self.covered.entry((set, chain)).or_insert_with(|| {
            let (set, chain) = (&by_id[set as usize], &shown[chain as usize]);
            let found = verify(chain.certificates(), set.records(), std::slice::from_ref(host), WITHIN, &VerifyOptions::default());
            // Without a usable record nobody is authenticated, and mail flows.
            let delivers = found.verdict != MatchVerdict::NoMatch;
            let all_deliver = found.verdict == MatchVerdict::Unusable || cover::chain(set, chain, host, WITHIN).is_ok();
            Cover { delivers, all_deliver }
        })
    }
}
