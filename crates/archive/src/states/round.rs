//! What is delivered: one round of one vantage point.

use super::fold::Look;
use super::kind::Kind;
use super::model::{Digest, DomainId, DomainSeen, ServerId, ServerSeen, Snapshot, State};
use super::table::{Access, Column, Table};
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

    /// SHA-256 of what was seen, whatever its order, and whatever it means: rules change, and the round stays the one it was.
    fn content(&self) -> Digest {
        let (servers, domains) = (self.servers.as_deref().map(Sum::of_looks), self.domains.as_deref().map(Sum::of_looks));
        content(&self.snapshot, servers.as_ref(), domains.as_ref())
    }

    /// Whether it is the round that has this content: by [`Round::content`], or as danelaw counted before, all looks in one.
    pub(super) fn has(&self, kept: Digest) -> bool {
        let before = || {
            let mut hash = Context::new(&SHA256);
            hash.update(&[u8::from(self.snapshot.complete)]);
            all_in_one(&mut hash, self.servers.as_deref());
            all_in_one(&mut hash, self.domains.as_deref());
            digest(hash)
        };
        kept == self.content() || kept == before()
    }
}

/// That the times of a round can be: a clock that was set back makes rounds that end before they begin.
pub(super) fn check(round: &Snapshot, place: &Path, vantage: &str) -> Result<(), Error> {
    let Snapshot { scheduled_s, started_s, finished_s, .. } = *round;
    let wrong = match finished_s {
        Some(finished) if finished < started_s => format!("it ended ({finished}) before it began ({started_s})"),
        _ if started_s < scheduled_s => format!("it began ({started_s}) before its slot"),
        _ => return Ok(()),
    };
    let detail = format!("{wrong}: the clock was set back; correct its times, or leave it out");
    Err(Error::Round { path: place.to_path_buf(), vantage: vantage.to_owned(), slot: scheduled_s, detail })
}

/// [`Snapshot::content`]: whether the round is complete, and what was seen of each kind of things that were its business.
pub(super) fn content(snapshot: &Snapshot, servers: Option<&Sum>, domains: Option<&Sum>) -> Digest {
    let mut hash = Context::new(&SHA256);
    hash.update(&[u8::from(snapshot.complete)]);
    for sum in [servers, domains] {
        let Some(sum) = sum else {
            hash.update(b"-");
            continue;
        };
        hash.update(b"+");
        hash.update(&(sum.count as u64).to_le_bytes());
        sum.total.iter().for_each(|part| hash.update(&part.to_le_bytes()));
    }
    digest(hash)
}

fn digest(hash: Context) -> Digest {
    Digest::from_slice(hash.finish().as_ref()).unwrap_or_default()
}

/// What a round saw of one kind of things: the sum of the SHA-256 of all looks, modulo 2^256. So their order does not matter, and a round
/// that differs from another in ten looks costs ten. (Two rounds can be made to have the same sum, with much work, by who makes them both:
/// he would have one of them taken for the other, which he can have for nothing.)
#[derive(Debug, Default)]
pub(super) struct Sum {
    /// The lowest 64 bits first.
    total: [u64; 4],
    count: usize,
    /// Room for the octets of one look.
    octets: Vec<u8>,
}

impl Sum {
    /// Of these things as they were seen.
    pub fn of<'a, S: Kind>(seen: impl Iterator<Item = (S::Key, &'a S)>) -> Self
    where
        State<S::Key, S>: Table,
    {
        let mut sum = Self::default();
        seen.for_each(|(key, seen)| sum.add(key, seen));
        sum
    }

    fn of_looks<S: Kind>(looks: &[Look<S::Key, S>]) -> Self
    where
        State<S::Key, S>: Table,
    {
        Self::of(looks.iter().map(|look| (look.key, &look.seen)))
    }

    /// How many things there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// One more.
    pub fn add<S: Kind>(&mut self, key: S::Key, seen: &S)
    where
        State<S::Key, S>: Table,
    {
        let mut carry = false;
        for (part, more) in self.total.iter_mut().zip(look(&mut self.octets, key, seen)) {
            let (sum, over) = part.overflowing_add(more);
            let (sum, over_again) = sum.overflowing_add(carry.into());
            (*part, carry) = (sum, over || over_again);
        }
        self.count += 1;
    }

    /// One that is in it is not.
    pub fn remove<S: Kind>(&mut self, key: S::Key, seen: &S)
    where
        State<S::Key, S>: Table,
    {
        let mut borrow = false;
        for (part, less) in self.total.iter_mut().zip(look(&mut self.octets, key, seen)) {
            let (rest, under) = part.overflowing_sub(less);
            let (rest, under_again) = rest.overflowing_sub(borrow.into());
            (*part, borrow) = (rest, under || under_again);
        }
        self.count = self.count.saturating_sub(1);
    }
}

/// SHA-256 of one look, the lowest 64 bits first.
fn look<S: Kind>(octets: &mut Vec<u8>, key: S::Key, seen: &S) -> [u64; 4]
where
    State<S::Key, S>: Table,
{
    octets.clear();
    encode(key, seen, octets);
    let Digest(hash) = Digest::of(octets);
    let mut parts = [0; 4];
    for (part, eight) in parts.iter_mut().zip(hash.chunks_exact(8)) {
        *part = eight.try_into().map_or(0, u64::from_le_bytes);
    }
    parts
}

fn all_in_one<S: Kind>(hash: &mut Context, looks: Option<&[Look<S::Key, S>]>)
where
    State<S::Key, S>: Table,
{
    let Some(looks) = looks else { return hash.update(b"-") };
    hash.update(b"+");
    let mut order: Vec<&Look<S::Key, S>> = looks.iter().collect();
    order.sort_by_key(|look| look.key);
    let mut octets = Vec::new();
    for look in order {
        octets.clear();
        encode(look.key, &look.seen, &mut octets);
        hash.update(&octets);
    }
}

/// Appends the columns of a look that have a value, by name: so a column that is new changes nothing where it has none.
fn encode<S: Kind>(key: S::Key, seen: &S, octets: &mut Vec<u8>)
where
    State<S::Key, S>: Table,
{
    let row = State { key, seen: seen.observed(), ..Table::blank() };
    for Column { name, access, .. } in <State<S::Key, S> as Table>::COLUMNS {
        let mut put = |value: &[u8]| {
            octets.extend_from_slice(name.as_bytes());
            octets.extend_from_slice(value);
            octets.push(0);
        };
        match access {
            Access::Int(take, _) => take(&row).into_iter().for_each(|value| put(&value.to_le_bytes())),
            Access::Bool(take, _) => take(&row).into_iter().for_each(|value| put(&[u8::from(value)])),
            Access::Text(take, _) => take(&row).into_iter().for_each(|value| put(value.as_bytes())),
            Access::Bytes(take, _) => take(&row).into_iter().for_each(put),
            Access::Word(take, _) => take(&row).into_iter().for_each(|value| put(&value.number().to_le_bytes())),
            Access::JoinedText(_) | Access::JoinedInt(_) => {}
        }
    }
}
