//! Everything that a sender's cache may hold, at every moment.

use super::library::Library;
use super::world::{Author, Version};
use dane::rollover::{ChainId, SetId};
use std::collections::HashSet;

/// A set that caches hold, or that they may be given.
#[derive(Clone, Debug)]
struct Held {
    version: Version,
    /// Until when; [`i64::MAX`] while a server serves it.
    until: i64,
    /// When the signature ends that came with it last.
    signed_until: i64,
}

/// What one address shows.
#[derive(Clone, Copy, Debug)]
pub struct Shows {
    pub chain: ChainId,
    pub author: Author,
    pub since: i64,
}

/// A pair that fails newly, and who made its parts.
pub struct Failure {
    pub set: Version,
    pub shows: Shows,
    pub delivers: bool,
}

/// The caches of all senders.
pub struct Senders {
    held: Vec<Held>,
    /// How many TTLs a set lives: one, or two where a cache asks a cache that does not count down.
    lives: i64,
    failing: HashSet<(SetId, ChainId)>,
    failing_until: i64,
    seen_until: i64,
    /// Seconds in which some sender failed to deliver.
    pub failed_s: i64,
}

impl Senders {
    pub fn new(lives: i64, at: i64) -> Self {
        Self { held: Vec::new(), lives, failing: HashSet::new(), failing_until: at, seen_until: at, failed_s: 0 }
    }

    /// Time passes, and nothing happens.
    pub fn pass(&mut self, at: i64) {
        self.failed_s += (self.failing_until.min(at) - self.seen_until).max(0);
        self.seen_until = self.seen_until.max(at);
    }

    /// Something happened: what servers serve (with the end of its signature) and addresses show now. Says which pairs fail that did not.
    pub fn judge(&mut self, at: i64, served: &[(Version, i64)], shown: &[Shows], library: &mut Library) -> Vec<Failure> {
        let is = |held: &Held, version: &Version| (held.version.set, held.version.ttl) == (version.set, version.ttl);
        for (version, signed_until) in served {
            match self.held.iter_mut().find(|held| is(held, version)) {
                Some(held) => {
                    if held.until < i64::MAX {
                        (held.until, held.signed_until) = (i64::MAX, 0);
                    }
                    held.version.made = held.version.made.max(version.made);
                    held.signed_until = held.signed_until.max(*signed_until);
                }
                None => self.held.push(Held { version: *version, until: i64::MAX, signed_until: *signed_until }),
            }
        }
        for held in &mut self.held {
            if held.until == i64::MAX && !served.iter().any(|(version, _)| is(held, version)) {
                held.until = (at + self.lives * i64::from(held.version.ttl)).min(held.signed_until);
            }
        }
        self.held.retain(|held| held.until > at);
        let (mut failures, mut failing) = (Vec::new(), HashSet::new());
        self.failing_until = at;
        for held in &self.held {
            for shows in shown {
                let cover = library.cover(held.version.set, shows.chain);
                if !cover.delivers {
                    self.failing_until = self.failing_until.max(held.until);
                }
                if !cover.all_deliver {
                    let pair = (held.version.set, shows.chain);
                    if failing.insert(pair) && !self.failing.contains(&pair) {
                        failures.push(Failure { set: held.version, shows: *shows, delivers: cover.delivers });
                    }
                }
            }
        }
        self.failing = failing;
        failures
    }
}
