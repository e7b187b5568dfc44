//! Writing an archive of states: one writer at a time, one round after the other.

use super::checkpoint::Spilled;
use super::fold::{Delta, Look, Slot};
use super::insert::Failed;
use super::kind::{Kind, Streams};
use super::log::{Line, Torn};
use super::manifest::{Manifest, log_name};
use super::model::{DomainId, DomainSeen, ServerId, ServerSeen, Snapshot, State, WordId};
use super::parts::Parts;
use super::place::{Place, Tail};
use super::round::{Appended, Round};
use super::store::{Archive, Purpose, STATES};
use super::table::Table;
use crate::Error;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

/// Names the process that writes.
const LOCK: &str = "lock";
/// Rounds in the log after which a checkpoint is made: what has to be read again when the archive is opened.
const LOG_ROUNDS: usize = if cfg!(test) { 7 } else { 256 };
/// Octets in the log after which a checkpoint is made.
const LOG_OCTETS: u64 = 16 << 20;
/// Changes of one round that go to the tables at once: a line of the log is read as a whole.
const LINE_CHANGES: usize = if cfg!(test) { 6 } else { 200_000 };

/// An archive of states that is being written. Everything that [`Writer::append`] has acknowledged survives whatever happens to the process.
pub struct Writer {
    pub(super) archive: Archive,
    pub(super) servers: Streams<ServerSeen>,
    pub(super) domains: Streams<DomainSeen>,
    /// Snapshots since the last checkpoint.
    pub(super) rounds: Vec<Snapshot>,
    pub(super) tail: Tail,
    /// Files for the next checkpoint, of what is not in memory any more.
    pub(super) spilled: Spilled,
    /// What is in memory may not be what is on disk: why.
    pub(super) broken: Option<String>,
    torn: Option<Torn>,
    /// Held as long as the writer lives.
    _lock: Lock,
}

impl Writer {
    /// Opens the states of the archive at `root` for writing; makes them if there are none. What a crash left behind is cleared away:
    /// [`Writer::torn`] says whether a round was lost by it.
    ///
    /// # Errors
    /// If another process writes; if the archive is damaged or of a newer version; those of the system.
    pub fn open(root: &Path) -> Result<Self, Error> {
        Self::at(Place::at(&root.join(STATES))?)
    }

    pub(super) fn at(place: Place) -> Result<Self, Error> {
        place.make()?;
        let lock = lock(&place.local(LOCK))?;
        let manifest = match Manifest::read(&place)? {
            Some(manifest) => manifest,
            None => {
                let manifest = Manifest::new(&place.mark());
                place.begin_log(&manifest.log)?;
                manifest.write(&place)?;
                manifest
            }
        };
        place.clear(&manifest)?;
        let mut archive = Archive::load_latest(&place, manifest, Purpose::Write)?;
        let tail = archive.place.append(&archive.manifest.log, archive.log.length)?;
        let (servers, domains) = (archive.streams()?, archive.streams()?);
        let rounds = archive.log.lines.iter().map(|line| line.round).collect();
        let torn = archive.log.torn.take();
        // From here on the streams have what the log says.
        archive.log.lines.clear();
        Ok(Self { archive, servers, domains, rounds, tail, spilled: Spilled::default(), broken: None, torn, _lock: lock })
    }

    /// The round that was lost when the last writer was cut off, if one was.
    #[must_use]
    pub fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    /// Numbers for what rounds speak of.
    pub fn parts(&mut self) -> &mut Parts {
        &mut self.archive.parts
    }

    /// The number of a word that is known already.
    #[must_use]
    pub fn word(&self, word: &str) -> Option<WordId> {
        self.archive.parts.find_word(word)
    }

    /// What is known of a server as of the latest round of a vantage point.
    #[must_use]
    pub fn current(&self, vantage: WordId, server: ServerId) -> Option<&ServerSeen> {
        self.servers.current(vantage, server)
    }

    /// What is known of a domain as of the latest round of a vantage point.
    #[must_use]
    pub fn current_domain(&self, vantage: WordId, domain: DomainId) -> Option<&DomainSeen> {
        self.domains.current(vantage, domain)
    }

    /// The rounds that are there, by vantage point and slot.
    #[must_use]
    pub fn snapshots(&self) -> &[Snapshot] {
        &self.archive.snapshots
    }

    /// Takes up a round: when this returns, it is on disk. A round that is there already changes nothing; one that comes after later ones
    /// is put where it belongs, which rewrites every file that it touches.
    ///
    /// # Errors
    /// If another round is there for the slot and vantage point, if the round names something twice or ends before it begins; those of the
    /// system. The archive is then as it was before.
    pub fn append(&mut self, round: &Round) -> Result<Appended, Error> {
        self.sound()?;
        let snapshot = round.finished();
        let vantage = self.archive.parts.text(snapshot.vantage).to_owned();
        let path = self.archive.place.path("");
        super::round::check(&snapshot, &path, &vantage)?;
        let refuse = |detail: String| Error::Round { path: path.clone(), vantage: vantage.clone(), slot: snapshot.scheduled_s, detail };
        if self.archive.parts.is_full() {
            return Err(refuse("the archive has no numbers left; begin another one".into()));
        }
        let known = self.archive.snapshots.binary_search_by_key(&key(&snapshot), key);
        if let Ok(place) = known {
            return match round.has(self.archive.snapshots[place].content) {
                true => Ok(Appended::Known),
                false => Err(refuse("the archive has another round of this vantage point for this slot; leave one of them out".into())),
            };
        }
        if self.is_late(&snapshot) {
            let inserted = self.insert(&snapshot, round).map_err(|failed| match failed {
                Failed::Refused(what) => refuse(what),
                Failed::Error(error) => error,
            });
            return inserted.map(|()| Appended::Late);
        }
        let servers = compare(&mut self.servers, &snapshot, round.servers.as_deref()).map_err(&refuse)?;
        let domains = compare(&mut self.domains, &snapshot, round.domains.as_deref()).map_err(&refuse)?;
        let mut line = Line { round: snapshot, parts: Default::default(), servers, domains };
        let changes = line.len();
        if changes > LINE_CHANGES {
            self.take_up(&line);
            self.commit_or_break()?;
            return Ok(Appended::New { changes });
        }
        line.parts = self.archive.parts.news();
        let octets = line.encode(&vantage).map_err(|e| refuse(e.to_string()))?;
        self.tail.push(&octets)?;
        self.archive.parts.set_logged();
        self.take_up(&line);
        if self.rounds.len() >= LOG_ROUNDS || self.tail.length() >= LOG_OCTETS {
            // The round is safe in the log: if there is no room for a checkpoint now, there may be after the next one.
            self.commit().ok();
        }
        Ok(Appended::New { changes })
    }

    /// Refuses to go on where memory and disk may differ.
    pub(super) fn sound(&self) -> Result<(), Error> {
        match &self.broken {
            Some(why) => Err(Error::damaged(&self.archive.place.path(""), format!("open the archive again: {why}"))),
            None => Ok(()),
        }
    }

    /// A checkpoint that must not fail half-way: what is in memory is nowhere else.
    pub(super) fn commit_or_break(&mut self) -> Result<(), Error> {
        self.commit().inspect_err(|e| self.broken = Some(e.to_string()))
    }

    pub(super) fn is_late(&self, snapshot: &Snapshot) -> bool {
        let later = |last: Option<Slot>| last.is_some_and(|last| last.at > snapshot.scheduled_s);
        let servers = snapshot.servers.is_some() && later(self.servers.last(snapshot.vantage));
        servers || (snapshot.domains.is_some() && later(self.domains.last(snapshot.vantage)))
    }

    fn take_up(&mut self, line: &Line) {
        if let Some(delta) = &line.servers {
            self.servers.apply(&line.round, delta);
        }
        if let Some(delta) = &line.domains {
            self.domains.apply(&line.round, delta);
        }
        self.remember(line.round);
    }

    pub(super) fn remember(&mut self, snapshot: Snapshot) {
        let place = self.archive.snapshots.partition_point(|other| key(other) < key(&snapshot));
        self.archive.snapshots.insert(place, snapshot);
        self.rounds.push(snapshot);
    }
}

pub(super) fn key(snapshot: &Snapshot) -> (WordId, i64) {
    (snapshot.vantage, snapshot.scheduled_s)
}

pub(super) fn twice(key: impl super::model::Id) -> String {
    format!("it names {key:?} twice")
}

fn compare<S: Kind>(
    streams: &mut Streams<S>,
    snapshot: &Snapshot,
    looks: Option<&[Look<S::Key, S>]>,
) -> Result<Option<Delta<S::Key, S>>, String>
where
    State<S::Key, S>: Table,
{
    let delta = looks.map(|looks| streams.at(snapshot.vantage).compare(looks)).transpose();
    delta.map_err(|found| twice(found.0))
}

/// The lock, held. The system lets go of it when the process ends, however it ends.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough while a process that another thread is just starting has it open, too.
        self.0.unlock().ok();
    }
}

/// Takes the lock, or says who has it.
fn lock(path: &Path) -> Result<Lock, Error> {
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = open.map_err(Error::io(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).ok();
            return Err(Error::Locked { path: path.to_path_buf(), holder: holder.trim().to_owned() });
        }
        Err(TryLockError::Error(e)) => return Err(Error::io(path)(e)),
    }
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    // Who holds the lock is a courtesy; that it is held is not.
    written.ok();
    Ok(Lock(file))
}

/// The number of a new manifest, and the log that belongs to it.
pub(super) fn next(manifest: &Manifest, spilled: &Spilled, mark: &str) -> (u64, String) {
    let sequence = manifest.sequence + 1 + spilled.times;
    (sequence, log_name(sequence, mark))
}
