//! Trust that was established once and holds for a while.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::keys::Key;
use crate::policy::Sha1;
use crate::reason::Reason;
use crate::rrsig::Signer;
use crate::types::{Epoch, Name};

/// How long trust is kept at most, seconds.
pub(crate) const MAX_TRUST: Epoch = 86_400;

/// Validated keys of a zone.
#[derive(Debug)]
pub struct ZoneKeys {
    /// The zone's apex.
    pub(crate) apex: Name,
    /// Usable zone keys.
    pub(crate) keys: Vec<Arc<Key>>,
    /// The rule for SHA-1 in this zone.
    pub(crate) sha1: Sha1,
    /// Algorithms that must all have signed; none if any one will do.
    pub(crate) required: Vec<u8>,
    /// When they must be validated again.
    pub(crate) expires: Epoch,
}

impl ZoneKeys {
    pub(crate) fn signer(&self) -> Signer<'_> {
        Signer { apex: &self.apex, keys: &self.keys, sha1: self.sha1, required: &self.required }
    }

    /// The zone's apex.
    #[must_use]
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// Key tag and algorithm of each usable key.
    pub fn tags(&self) -> impl Iterator<Item = (u16, u8)> + '_ {
        self.keys.iter().map(|k| (k.tag(), k.algorithm()))
    }
}

/// What is proven about a name's place in the chain of trust.
#[derive(Clone, Debug)]
pub enum Trust {
    /// A zone begins here, and these are its keys.
    Zone(Arc<ZoneKeys>),
    /// Here and below nothing is signed, or nothing that is supported.
    Insecure {
        /// Why.
        reason: Arc<Reason>,
        /// When it must be proven again.
        expires: Epoch,
    },
    /// The name exists or might, and no zone begins here.
    NotCut {
        /// When it must be proven again.
        expires: Epoch,
    },
    /// The name does not exist, nor does any below it.
    NoSuchName {
        /// When it must be proven again.
        expires: Epoch,
    },
}

impl Trust {
    /// When it must be established again.
    #[must_use]
    pub fn expires(&self) -> Epoch {
        match self {
            Self::Zone(zone) => zone.expires,
            Self::Insecure { expires, .. } | Self::NotCut { expires } | Self::NoSuchName { expires } => *expires,
        }
    }
}

/// Where validations keep and share what they established. One cache goes with one set of anchors, one policy and one clock: trust that was
/// established at one time says nothing of earlier times.
pub trait TrustCache {
    /// What is known of this very name and has not expired.
    fn get(&mut self, name: &Name, now: Epoch) -> Option<Trust>;

    /// Remembers until `trust.expires()`.
    fn put(&mut self, name: &Name, trust: Trust);
}

/// A cache in memory, bounded by a number of entries.
#[derive(Debug)]
pub struct MemoryCache {
    entries: HashMap<Name, Trust, RandomState>,
    capacity: usize,
    now: Epoch,
}

impl MemoryCache {
    /// A cache for at most `capacity` names.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { entries: HashMap::default(), capacity: capacity.max(16), now: Epoch::MIN }
    }

    /// Number of entries, expired ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops what has expired; if that is less than a quarter, drops every second entry too.
    fn make_room(&mut self) {
        let now = self.now;
        self.entries.retain(|_, trust| trust.expires() > now);
        if self.entries.len() > self.capacity / 4 * 3 {
            let mut keep = false;
            self.entries.retain(|_, _| {
                keep = !keep;
                keep
            });
        }
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new(200_000)
    }
}

impl TrustCache for MemoryCache {
    fn get(&mut self, name: &Name, now: Epoch) -> Option<Trust> {
        self.now = self.now.max(now);
        self.entries.get(name).filter(|trust| trust.expires() > now).cloned()
    }

    fn put(&mut self, name: &Name, trust: Trust) {
        if self.entries.len() >= self.capacity && !self.entries.contains_key(name) {
            self.make_room();
        }
        self.entries.insert(name.clone(), trust);
    }
}
