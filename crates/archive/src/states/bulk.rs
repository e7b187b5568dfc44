//! Many rounds at once, each told by what it changes: for archives that are made of something that knows its changes.
//!
//! What comes of it is what [`Writer::append`] makes of the same rounds told in full (`tests/bulk.rs`). There is no log: rounds are on disk
//! when a checkpoint is, which is made after some hundred thousand states, and at the end.

use super::fold::{Look, Stream};
use super::kind::{Kind, Streams, slot, state};
use super::model::{DomainId, DomainSeen, Id, ServerId, ServerSeen, Snapshot, State, WordId};
use super::parts::Parts;
use super::round::{Content, Looked, encode};
use super::table::Table;
use super::writer::{Writer, key, twice};
use crate::Error;
use std::collections::BTreeMap;

/// States that are over, and new parts, after which a checkpoint is made: what is held in memory.
const MANY: usize = if cfg!(test) { 9 } else { 400_000 };
/// Keys whose octets for [`Snapshot::content`] are made anew together.
const BLOCK: usize = 64;
/// Blocks that are kept: beyond, they would take more memory than they save time. Millions of domains are looked at daily, not hourly.
const MOST_BLOCKS: usize = if cfg!(test) { 1 } else { 4096 };

/// A writer that is given rounds by their changes. What is not ended by [`Bulk::finish`] is lost, back to the last checkpoint, and the writer
/// has to be opened again.
pub struct Bulk<'a> {
    writer: &'a mut Writer,
    servers: BTreeMap<WordId, Blocks>,
    domains: BTreeMap<WordId, Blocks>,
}

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
        Ok(Bulk { writer: self, servers: BTreeMap::new(), domains: BTreeMap::new() })
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
        let known = self.writer.archive.snapshots.binary_search_by_key(&key(&snapshot), key).is_ok();
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
    pub fn finish(self) -> Result<(), Error> {
        self.writer.commit()?;
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
    /// Those of the system, if a checkpoint is due.
    pub fn end(mut self) -> Result<(), Error> {
        let Bulk { writer, servers, domains } = self.bulk;
        let mut content = Content::new(&self.snapshot);
        self.snapshot.servers = end(&mut writer.servers, servers, &self.snapshot, &mut content);
        self.snapshot.domains = end(&mut writer.domains, domains, &self.snapshot, &mut content);
        self.snapshot.content = content.finish();
        writer.remember(self.snapshot);
        let held = writer.servers.over.len() + writer.domains.over.len() + writer.archive.parts.unsaved();
        if held >= MANY { writer.commit() } else { Ok(()) }
    }
}

fn see<S: Kind>(
    streams: &mut Streams<S>,
    blocks: &mut BTreeMap<WordId, Blocks>,
    round: &Snapshot,
    look: &Look<S::Key, S>,
) -> Result<(), String>
where
    State<S::Key, S>: Table,
{
    let is_new = streams
        .with(round.vantage, |stream, over| stream.see(round.scheduled_s, look, |interval| over.push(state(round.vantage, interval))));
    if is_new.map_err(|found| twice(found.0))? {
        blocks.entry(round.vantage).or_default().stale(look.key.index());
    }
    Ok(())
}

fn lose<S: Kind>(streams: &mut Streams<S>, blocks: &mut BTreeMap<WordId, Blocks>, round: &Snapshot, key: S::Key)
where
    State<S::Key, S>: Table,
{
    streams.with(round.vantage, |stream, over| {
        stream.lose(round.scheduled_s, key, |interval| over.push(state(round.vantage, interval)));
    });
    blocks.entry(round.vantage).or_default().stale(key.index());
}

/// Ends the round for one kind of things: how many there are.
fn end<S: Kind>(streams: &mut Streams<S>, blocks: &mut BTreeMap<WordId, Blocks>, round: &Snapshot, content: &mut Content) -> Option<u32>
where
    State<S::Key, S>: Table,
{
    if S::count(round).is_none() {
        content.kind(Looked::No);
        return None;
    }
    content.kind(Looked::Yes);
    let stream = streams.at(round.vantage);
    stream.end(slot(round));
    let count = blocks.entry(round.vantage).or_default().hash(stream, content);
    Some(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The octets of what one vantage point sees now, for the content of its rounds.
#[derive(Default)]
struct Blocks {
    kept: Vec<Block>,
}

#[derive(Default)]
struct Block {
    octets: Vec<u8>,
    count: usize,
    fresh: bool,
}

impl Blocks {
    fn stale(&mut self, index: usize) {
        if let Some(block) = self.kept.get_mut(index / BLOCK) {
            block.fresh = false;
        }
    }

    /// Hashes all that is seen; says how many that are.
    fn hash<S: Kind>(&mut self, stream: &Stream<S::Key, S>, content: &mut Content) -> usize
    where
        State<S::Key, S>: Table,
    {
        let mut count = 0;
        let mut passing = Block::default();
        for number in 0..stream.width().div_ceil(BLOCK) {
            if number == self.kept.len() && number < MOST_BLOCKS {
                self.kept.push(Block::default());
            }
            let block = self.kept.get_mut(number).unwrap_or(&mut passing);
            if !block.fresh {
                block.octets.clear();
                block.count = 0;
                for (key, seen) in stream.known(number * BLOCK..(number + 1) * BLOCK) {
                    encode(key, seen, &mut block.octets);
                    block.count += 1;
                }
                block.fresh = number < MOST_BLOCKS;
            }
            content.looks(&block.octets);
            count += block.count;
        }
        count
    }
}
