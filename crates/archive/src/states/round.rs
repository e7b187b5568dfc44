//! What is delivered: one round of one vantage point.

use super::fold::Look;
use super::kind::Kind;
use super::model::{Digest, DomainId, DomainSeen, Id, ServerId, ServerSeen, Snapshot};
use crate::Error;
use aws_lc_rs::digest::{Context, SHA256};
use std::path::Path;

/// What was observed in one round at one vantage point, by the numbers of [`super::Parts`].
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Who looked, when, at what. How many were seen, and the digest of it, are filled in when it is appended.
    pub snapshot: Snapshot,
    /// What was seen of servers, in any order. `None`: the round did not look at any.
    pub servers: Option<Vec<Look<ServerId, ServerSeen>>>,
    /// What was seen of domains.
    pub domains: Option<Vec<Look<DomainId, DomainSeen>>>,
}

/// What became of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is on disk. So many states began or ended.
    New {
        /// What changed.
        changes: usize,
    },
    /// It came after later ones of its vantage point, and is where it belongs.
    Late,
    /// The same round was there already: nothing was done.
    Known,
}

impl Round {
    /// The snapshot with what can be said of it only now.
    pub(super) fn finished(&self) -> Snapshot {
        let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
        Snapshot {
            every_s: self.snapshot.every_s.max(1),
            servers: self.servers.as_ref().map(|looks| count(looks.len())),
            domains: self.domains.as_ref().map(|looks| count(looks.len())),
            content: self.content(),
            ..self.snapshot
        }
    }

    /// That its times can be: a clock that was set back makes rounds that end before they begin.
    pub(super) fn check(&self, place: &Path, vantage: &str) -> Result<(), Error> {
        let Snapshot { scheduled_s, started_s, finished_s, .. } = self.snapshot;
        let wrong = match finished_s {
            Some(finished) if finished < started_s => format!("it ended ({finished}) before it began ({started_s})"),
            _ if started_s < scheduled_s => format!("it began ({started_s}) before its slot"),
            _ => return Ok(()),
        };
        let detail = format!("{wrong}: the clock was set back; correct its times, or leave it out");
        Err(Error::Round { path: place.to_path_buf(), vantage: vantage.to_owned(), slot: scheduled_s, detail })
    }

    /// SHA-256 of what was seen, whatever its order.
    fn content(&self) -> Digest {
        let mut hash = Context::new(&SHA256);
        hash.update(&[u8::from(self.snapshot.complete)]);
        digest(&mut hash, self.servers.as_deref());
        digest(&mut hash, self.domains.as_deref());
        Digest::from_slice(hash.finish().as_ref()).unwrap_or_default()
    }
}

fn digest<S: Kind + std::hash::Hash>(hash: &mut Context, looks: Option<&[Look<S::Key, S>]>) {
    let Some(looks) = looks else { return hash.update(b"-") };
    let mut order: Vec<u32> = (0..u32::try_from(looks.len()).unwrap_or(u32::MAX)).collect();
    order.sort_unstable_by_key(|index| looks[*index as usize].key);
    let mut octets = Octets(Vec::with_capacity(looks.len() * 64));
    for look in order.into_iter().map(|index| &looks[index as usize]) {
        std::hash::Hash::hash(&look.key.index(), &mut octets);
        std::hash::Hash::hash(&look.seen, &mut octets);
    }
    hash.update(b"+");
    hash.update(&octets.0);
}

/// Takes the octets that a value hashes as they are.
struct Octets(Vec<u8>);

impl std::hash::Hasher for Octets {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
    }
}
