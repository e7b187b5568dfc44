//! Reading an archive of states.

use super::ask::History;
use super::file;
use super::kind::{Kind, Streams};
use super::log::{self, Torn};
use super::manifest::Manifest;
use super::model::{
    Cert, CertDer, CertId, Chain, Domain, DomainState, Evidence, Id, MxSet, NsSet, ServerId, ServerKey, ServerSeen, ServerState, Snapshot,
    State, TlsaSet,
};
use super::parts::Parts;
use super::place::Place;
use super::rows::Fresh;
use super::table::Table;
use super::tables::{CertRow, ChainRow, DerRow, DomainRow, EvidenceRow, MxRow, NsRow, TlsaRow};
use crate::Error;
use std::path::Path;

/// The directory of the states within an archive.
pub(crate) const STATES: &str = "states";

/// Which columns of a table are needed: those left out are not read, and have the value that stands for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns<'a> {
    /// Every one.
    All,
    /// Those of these names, as in docs/schema.md.
    Only(&'a [&'a str]),
}

impl<'a> Columns<'a> {
    pub(super) fn names(self) -> Option<&'a [&'a str]> {
        match self {
            Columns::All => None,
            Columns::Only(names) => Some(names),
        }
    }
}

/// What an archive is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Content stays in its files.
    Read,
    /// To know what is there already, the names of all content are in memory.
    Write,
}

/// An archive of states as it was when it was opened: files, and the log of the rounds since the last checkpoint.
pub struct Archive {
    pub(crate) place: Place,
    pub(crate) manifest: Manifest,
    pub(crate) parts: Parts,
    /// By vantage point and slot.
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) log: log::Read,
}

impl Archive {
    /// Whether the archive at `root` has states. If that cannot be told, it is for [`Archive::open`] to say why.
    #[must_use]
    pub fn exists(root: &Path) -> bool {
        let found = Place::at(&root.join(STATES)).and_then(|place| place.manifest());
        !matches!(found, Ok(None))
    }

    /// Opens the states of the archive at `root`.
    ///
    /// # Errors
    /// If there are none, if they are damaged or of a newer version.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let place = Place::at(&root.join(STATES))?;
        let manifest = Manifest::read(&place)?.ok_or_else(|| {
            Error::damaged(
                root,
                "no archive of states here (no states/manifest.json); one is made by 'danelaw scan --every' or 'danelaw import'",
            )
        })?;
        let archive = Self::load_latest(&place, manifest, Purpose::Read)?;
        place.tidy(&archive.manifest);
        Ok(archive)
    }

    /// Loads what the manifest names, or what a newer one names: somebody may replace files while they are opened.
    pub(crate) fn load_latest(place: &Place, mut manifest: Manifest, purpose: Purpose) -> Result<Self, Error> {
        loop {
            let error = match Self::load(place.clone(), manifest.clone(), purpose) {
                Ok(archive) => return Ok(archive),
                Err(error) => error,
            };
            match Manifest::read(place)? {
                Some(now) if now != manifest => manifest = now,
                _ => return Err(error),
            }
        }
    }

    pub(crate) fn load(place: Place, manifest: Manifest, purpose: Purpose) -> Result<Self, Error> {
        let log = log::read(&place, &manifest.log)?;
        let mut archive = Self { place, manifest, parts: Parts::new(), snapshots: Vec::new(), log };
        archive.load_names()?;
        match purpose {
            Purpose::Read => archive.parts.count(&archive.manifest.counts),
            Purpose::Write => archive.load_content()?,
        }
        let mut snapshots = Vec::with_capacity(archive.count_in_files(Snapshot::NAME) + archive.log.lines.len());
        archive.files::<Snapshot>(Columns::All, |rows| snapshots.extend_from_slice(rows))?;
        for line in &mut archive.log.lines {
            let learnt = archive.parts.learn(std::mem::take(&mut line.parts));
            learnt.map_err(|what| Error::damaged(&archive.place.path(&archive.manifest.log), what))?;
            snapshots.push(line.round);
        }
        snapshots.sort_unstable_by_key(|snapshot| (snapshot.vantage, snapshot.scheduled_s));
        archive.snapshots = snapshots;
        Ok(archive)
    }

    /// The rounds, by vantage point and slot.
    #[must_use]
    pub fn snapshots(&self) -> &[Snapshot] {
        &self.snapshots
    }

    /// Words by their numbers: [`Parts::text`], [`Parts::find_word`].
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Every server, by its number.
    #[must_use]
    pub fn servers(&self) -> &[ServerKey] {
        self.parts.servers.list()
    }

    /// The round that was being written when the last writer was cut off: it is missing.
    #[must_use]
    pub fn torn(&self) -> Option<&Torn> {
        self.log.torn.as_ref()
    }

    /// Every state of every server, some thousands at a time, in no order.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn server_states(&self, columns: Columns<'_>, each: impl FnMut(&[ServerState])) -> Result<(), Error> {
        self.states(columns, each)
    }

    /// Every state of every domain, in the same way.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn domain_states(&self, columns: Columns<'_>, each: impl FnMut(&[DomainState])) -> Result<(), Error> {
        self.states(columns, each)
    }

    /// The states of all servers in memory, to be asked.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn server_history(&self) -> Result<History<ServerId, ServerSeen>, Error> {
        let mut all = Vec::new();
        self.server_states(Columns::All, |states| all.extend_from_slice(states))?;
        Ok(History::new(self.snapshots.iter().copied(), all))
    }

    /// What can be read of every certificate, by its number.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn certs(&self, columns: Columns<'_>) -> Result<Vec<Cert>, Error> {
        let mut all = Vec::with_capacity(self.count_in_files(CertRow::NAME));
        self.rows::<CertRow>(columns, |rows| all.extend(rows.iter().map(|row| row.cert.clone())))?;
        Ok(all)
    }

    /// The bytes of every certificate, in the order of their numbers.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn ders(&self, mut each: impl FnMut(CertId, &CertDer)) -> Result<(), Error> {
        self.rows::<DerRow>(Columns::All, |rows| rows.iter().for_each(|row| each(row.id, &row.cert)))
    }

    /// Every list of certificates, by its number.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn chains(&self) -> Result<Vec<Chain>, Error> {
        let columns = Columns::Only(&["chain_id", "cert_id"]);
        let found = self.grouped(columns, |row: &ChainRow| (row.id.index(), row.cert))?;
        Ok(found.into_iter().map(|certs| Chain { certs: certs.into() }).collect())
    }

    /// Every set of TLSA records, by its number.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn tlsa_sets(&self) -> Result<Vec<TlsaSet>, Error> {
        let columns = Columns::Only(&["tlsa_set_id", "usage", "selector", "matching", "data"]);
        let found = self.grouped(columns, |row: &TlsaRow| (row.id.index(), row.record()))?;
        Ok(found.into_iter().map(|records| TlsaSet { records: records.into() }).collect())
    }

    /// Every set of mail hosts, by its number.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn mx_sets(&self) -> Result<Vec<MxSet>, Error> {
        let found = self.grouped(Columns::All, |row: &MxRow| (row.id.index(), row.preference.zip(row.host.clone())))?;
        Ok(found.into_iter().map(|hosts| MxSet { hosts: hosts.into() }).collect())
    }

    /// Every set of name servers, by its number.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn ns_sets(&self) -> Result<Vec<NsSet>, Error> {
        let found = self.grouped(Columns::All, |row: &NsRow| (row.id.index(), row.host.clone()))?;
        Ok(found.into_iter().map(|hosts| NsSet { hosts: hosts.into() }).collect())
    }

    /// Raw answers, by their number.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn evidence(&self) -> Result<Vec<Evidence>, Error> {
        let mut all = Vec::new();
        self.rows::<EvidenceRow>(Columns::All, |rows| all.extend(rows.iter().map(|row| Evidence { messages: row.messages.clone() })))?;
        Ok(all)
    }

    /// Every domain, by its number.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn domains(&self) -> Result<Vec<Domain>, Error> {
        let mut all = Vec::new();
        self.rows::<DomainRow>(Columns::All, |rows| all.extend(rows.iter().map(|row| Domain { domain: row.domain.clone() })))?;
        Ok(all)
    }

    pub(super) fn states<S: Kind>(&self, columns: Columns<'_>, mut each: impl FnMut(&[State<S::Key, S>])) -> Result<(), Error>
    where
        State<S::Key, S>: Table,
    {
        if !self.log.lines.iter().any(|line| S::delta(line).is_some()) {
            return self.files(columns, each);
        }
        let closed = self.manifest.of(<State<S::Key, S> as Table>::NAME).filter(|entry| !entry.is_open());
        for entry in closed {
            file::read(&self.place, entry, columns.names(), &self.parts, &mut each)?;
        }
        let streams = self.streams::<S>()?;
        each(&streams.over);
        each(&streams.open());
        Ok(())
    }

    /// What goes on, by now.
    pub(crate) fn streams<S: Kind>(&self) -> Result<Streams<S>, Error>
    where
        State<S::Key, S>: Table,
    {
        let mut open = Vec::new();
        for entry in self.manifest.of(<State<S::Key, S> as Table>::NAME).filter(|entry| entry.is_open()) {
            file::read(&self.place, entry, None, &self.parts, |rows| open.extend_from_slice(rows))?;
        }
        let logged: std::collections::HashSet<_> = self.log.lines.iter().map(|line| (line.round.vantage, line.round.scheduled_s)).collect();
        let saved: Vec<Snapshot> =
            self.snapshots.iter().filter(|round| !logged.contains(&(round.vantage, round.scheduled_s))).copied().collect();
        let mut streams = Streams::resume(&saved, open);
        for line in &self.log.lines {
            if let Some(delta) = S::delta(line) {
                streams.apply(&line.round, delta);
            }
        }
        Ok(streams)
    }

    /// The rows of a table: those in files, then those that are in the log only.
    pub(crate) fn rows<T: Fresh>(&self, columns: Columns<'_>, mut each: impl FnMut(&[T])) -> Result<(), Error> {
        self.files(columns, &mut each)?;
        each(&T::fresh(&self.parts));
        Ok(())
    }

    /// The rows of a table that are in files.
    pub(crate) fn files<T: Table>(&self, columns: Columns<'_>, mut each: impl FnMut(&[T])) -> Result<(), Error> {
        for entry in self.manifest.of(T::NAME) {
            file::read(&self.place, entry, columns.names(), &self.parts, &mut each)?;
        }
        Ok(())
    }

    /// How many rows the files of a table are said to have; not more than one would make room for in good faith.
    fn count_in_files(&self, table: &str) -> usize {
        const MOST: u64 = 1 << 20;
        usize::try_from(self.manifest.of(table).map(|entry| entry.rows).fold(0, u64::saturating_add).min(MOST)).unwrap_or(0)
    }

    /// That numbers count on without a gap.
    pub(crate) fn in_order<T: Table>(&self, id: usize, place: usize) -> Result<(), Error> {
        if id == place {
            return Ok(());
        }
        Err(Error::damaged(&self.place.path(T::NAME), format!("number {} stands where {} should", id + 1, place + 1)))
    }

    /// Lists whose members have a row each; an empty one has a row without.
    fn grouped<T: Fresh, M>(&self, columns: Columns<'_>, member: impl Fn(&T) -> (usize, Option<M>)) -> Result<Vec<Vec<M>>, Error> {
        let mut lists: Vec<Vec<M>> = Vec::new();
        let mut wrong = None;
        self.rows::<T>(columns, |rows| {
            for (place, one) in rows.iter().map(&member) {
                if place == lists.len() {
                    lists.push(Vec::new());
                } else if place + 1 != lists.len() {
                    wrong = wrong.or(Some((place, lists.len())));
                }
                if let (Some(list), Some(one)) = (lists.last_mut(), one) {
                    list.push(one);
                }
            }
        })?;
        wrong.map_or(Ok(()), |(id, place)| self.in_order::<T>(id, place))?;
        Ok(lists)
    }
}
