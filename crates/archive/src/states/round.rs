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
        let mut content = Content::new(&self.snapshot);
        digest(&mut content, self.servers.as_deref());
        digest(&mut content, self.domains.as_deref());
        content.finish()
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

/// [`Snapshot::content`] in the making: servers, then domains, each all at once or none.
pub(crate) struct Content(Context);

impl Content {
    /// Of a round of which only whether it is complete counts so far.
    pub fn new(snapshot: &Snapshot) -> Self {
        let mut hash = Context::new(&SHA256);
        hash.update(&[u8::from(snapshot.complete)]);
        Self(hash)
    }

    /// Whether things of the next kind were its business.
    pub fn kind(&mut self, looked: Looked) {
        self.0.update(match looked {
            Looked::Yes => b"+",
            Looked::No => b"-",
        });
    }

    /// Looks that [`encode`] has written, in the order of their keys.
    pub fn looks(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    pub fn finish(self) -> Digest {
        Digest::from_slice(self.0.finish().as_ref()).unwrap_or_default()
    }
}

/// Whether a round looked at things of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    Yes,
    No,
}

fn digest<S: Kind>(content: &mut Content, looks: Option<&[Look<S::Key, S>]>)
where
    State<S::Key, S>: Table,
{
    let Some(looks) = looks else { return content.kind(Looked::No) };
    content.kind(Looked::Yes);
    let mut order: Vec<&Look<S::Key, S>> = looks.iter().collect();
    order.sort_by_key(|look| look.key);
    let mut octets = Vec::new();
    for look in order {
        octets.clear();
        encode(look.key, &look.seen, &mut octets);
        content.looks(&octets);
    }
}

/// Appends the columns of a look that have a value, by name: so a column that is new changes nothing where it has none.
pub(crate) fn encode<S: Kind>(key: S::Key, seen: &S, octets: &mut Vec<u8>)
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
