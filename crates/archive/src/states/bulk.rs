//! Many rounds at once, each told by what it changes: for archives that are made of something that knows its changes.
//!
//! What comes of it is what [`Writer::append`] makes of the same rounds told in full (`tests/bulk.rs`). There is no log: what is over goes to
//! files after some hundred thousand states; it counts when a checkpoint is made, which is when more has changed than goes on, and at the end.
//! So a round costs what it changes, and what millions of domains have in common is written once or twice.

use super::fold::{Look, Stream};
use super::kind::{Kind, Streams, slot, state};
use super::model::{DomainId, DomainSeen, Epoch, ServerId, ServerSeen, Snapshot, State, WordId};
use super::parts::Parts;
use super::round::{Sum, content};
use super::table::Table;
use super::writer::{Writer, key, twice};
use crate::Error;
use std::collections::{BTreeMap, HashSet};

/// States that are over, and new parts, after which they go to files: what is held in memory.
const MANY: usize = if cfg!(test) { 9 } else { 400_000 };
/// So many times what goes on has to have changed before it is written with a checkpoint: it is written again with the next.
const TIMES: usize = 2;

/// A writer that is given rounds by their changes. What is not ended by [`Bulk::finish`] is lost, back to the last checkpoint, and the writer
/// has to be opened again.
pub struct Bulk<'a> {
    writer: &'a mut Writer,
    servers: Sums,
    domains: Sums,
    /// Rounds told, which the archive's list does not have yet.
    told: Vec<Snapshot>,
    known: HashSet<(WordId, Epoch)>,
    /// What went to files since the last checkpoint.
    spilled: usize,
}

/// What each vantage point sees now, for the content of its rounds.
type Sums = BTreeMap<WordId, Sum>;

/// A round under way. What is not told of was seen as in the round before of the same vantage point.
pub struct BulkRound<'b, 'a> {
    bulk: &'b mut Bulk<'a>,
    snapshot: Snapshot,
}

impl Writer {
    /// Takes rounds by their changes from now on.
    ///
    /// # Errors
    /// If the writer has to be opened again.
    pub fn bulk(&mut self) -> Result<Bulk<'_>, Error> {
        self.sound()?;
        self.broken = Some("rounds were given in bulk and not finished".into());
        let (told, known) = (Vec::new(), HashSet::new());
        Ok(Bulk { writer: self, servers: Sums::new(), domains: Sums::new(), told, known, spilled: 0 })
    }
}

impl<'a> Bulk<'a> {
    /// Numbers for what rounds speak of.
    pub fn parts(&mut self) -> &mut Parts {
        &mut self.writer.archive.parts
    }

    /// Begins a round. `snapshot` says whom it looks at: of what is its business it has a number, which is set when it ends.
    ///
    /// # Errors
    /// If the vantage point has this round already, or a later one; if its times cannot be.
    pub fn begin(&mut self, snapshot: &Snapshot) -> Result<BulkRound<'_, 'a>, Error> {
        let snapshot = Snapshot { every_s: snapshot.every_s.max(1), ..*snapshot };
        let (path, vantage) = self.names(&snapshot);
        super::round::check(&snapshot, &path, &vantage)?;
        let name = key(&snapshot);
        let known = self.known.contains(&name) || self.writer.archive.snapshots.binary_search_by_key(&name, key).is_ok();
        if known || self.writer.is_late(&snapshot) {
            return Err(self.refused(&snapshot, "rounds in bulk come in order, each once; append this one by itself".into()));
        }
        if self.writer.archive.parts.is_full() {
            return Err(self.refused(&snapshot, "the archive has no numbers left; begin another one".into()));
        }
        Ok(BulkRound { bulk: self, snapshot })
    }

    /// Writes everything down, one file a partition.
    ///
    /// # Errors
    /// Those of the system.
    pub fn finish(mut self) -> Result<(), Error> {
        self.writer.commit()?;
        let snapshots = &mut self.writer.archive.snapshots;
        snapshots.append(&mut self.told);
        snapshots.sort_by_key(key);
        self.writer.broken = None;
        self.writer.compact()
    }

    fn names(&self, snapshot: &Snapshot) -> (std::path::PathBuf, String) {
        let archive = &self.writer.archive;
        (archive.place.path(""), archive.parts.text(snapshot.vantage).to_owned())
    }

    fn refused(&self, snapshot: &Snapshot, detail: String) -> Error {
        let (path, vantage) = self.names(snapshot);
        Error::Round { path, vantage, slot: snapshot.scheduled_s, detail }
    }
}

impl BulkRound<'_, '_> {
    /// Numbers for what rounds speak of.
    pub fn parts(&mut self) -> &mut Parts {
        self.bulk.parts()
    }

    /// What was seen of a server; needed where it is not what was seen before.
    ///
    /// # Errors
    /// If the round has told of it already.
    pub fn server(&mut self, look: &Look<ServerId, ServerSeen>) -> Result<(), Error> {
        let done = see(&mut self.bulk.writer.servers, &mut self.bulk.servers, &self.snapshot, look);
        done.map_err(|what| self.bulk.refused(&self.snapshot, what))
    }

    /// A server was not seen any more.
    pub fn gone_server(&mut self, key: ServerId) {
        lose(&mut self.bulk.writer.servers, &mut self.bulk.servers, &self.snapshot, key);
    }

    /// What was seen of a domain; needed where it is not what was seen before.
    ///
    /// # Errors
    /// If the round has told of it already.
    pub fn domain(&mut self, look: &Look<DomainId, DomainSeen>) -> Result<(), Error> {
        let done = see(&mut self.bulk.writer.domains, &mut self.bulk.domains, &self.snapshot, look);
        done.map_err(|what| self.bulk.refused(&self.snapshot, what))
    }

    /// A domain was not seen any more.
    pub fn gone_domain(&mut self, key: DomainId) {
        lose(&mut self.bulk.writer.domains, &mut self.bulk.domains, &self.snapshot, key);
    }

    /// So many targets it had, and each has its record.
    pub fn targets(&mut self, count: u64) {
        (self.snapshot.targets, self.snapshot.done) = (count, count);
    }

    /// The round is over.
    ///
    /// # Errors
    /// Those of the system, if files are due.
    pub fn end(mut self) -> Result<(), Error> {
        let bulk = self.bulk;
        let servers = end(&mut bulk.writer.servers, &mut bulk.servers, &self.snapshot);
        let domains = end(&mut bulk.writer.domains, &mut bulk.domains, &self.snapshot);
        let count = |sum: &Sum| u32::try_from(sum.count()).unwrap_or(u32::MAX);
        self.snapshot.content = content(&self.snapshot, servers, domains);
        (self.snapshot.servers, self.snapshot.domains) = (servers.map(count), domains.map(count));
        bulk.known.insert(key(&self.snapshot));
        bulk.told.push(self.snapshot);
        bulk.writer.rounds.push(self.snapshot);
        bulk.write_if_due()
    }
}

impl Bulk<'_> {
    /// Files of what is over and new, or a checkpoint.
    fn write_if_due(&mut self) -> Result<(), Error> {
        let writer = &mut *self.writer;
        let held = writer.servers.over.len() + writer.domains.over.len() + writer.archive.parts.unsaved();
        if held < MANY {
            return Ok(());
        }
        let goes_on: usize = self.servers.values().chain(self.domains.values()).map(Sum::count).sum();
        self.spilled += held;
        if self.spilled < TIMES * goes_on {
            return writer.spill();
        }
        self.spilled = 0;
        writer.commit()
    }
}

fn see<S: Kind>(streams: &mut Streams<S>, sums: &mut Sums, round: &Snapshot, look: &Look<S::Key, S>) -> Result<(), String>
where
    State<S::Key, S>: Table,
{
    streams.with(round.vantage, |stream, over| {
        let sum = sum(sums, round.vantage, stream);
        let is_new = stream.see(round.scheduled_s, look, |interval| {
            sum.remove(interval.key, &interval.seen);
            over.push(state(round.vantage, interval));
        });
        if is_new.map_err(|found| twice(found.0))? {
            sum.add(look.key, &look.seen);
        }
        Ok(())
    })
}

fn lose<S: Kind>(streams: &mut Streams<S>, sums: &mut Sums, round: &Snapshot, key: S::Key)
where
    State<S::Key, S>: Table,
{
    streams.with(round.vantage, |stream, over| {
        let sum = sum(sums, round.vantage, stream);
        stream.lose(round.scheduled_s, key, |interval| {
            sum.remove(interval.key, &interval.seen);
            over.push(state(round.vantage, interval));
        });
    });
}

/// The sum of what a vantage point sees now.
fn sum<'a, S: Kind>(sums: &'a mut Sums, vantage: WordId, stream: &Stream<S::Key, S>) -> &'a mut Sum
where
    State<S::Key, S>: Table,
{
    sums.entry(vantage).or_insert_with(|| Sum::of(stream.known()))
}

/// Ends the round for one kind of things: what was seen of them. `None`: they were not its business.
fn end<'a, S: Kind>(streams: &mut Streams<S>, sums: &'a mut Sums, round: &Snapshot) -> Option<&'a Sum>
where
    State<S::Key, S>: Table,
{
    S::count(round)?;
    let stream = streams.at(round.vantage);
    stream.end(slot(round));
    Some(sum(sums, round.vantage, stream))
}
