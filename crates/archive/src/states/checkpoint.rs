//! Checkpoints and compaction: each replaces the manifest, and until then changes nothing that counts.

use super::file;
use super::kind::{Kind, Streams};
use super::manifest::{Entry, Manifest, OPEN, file_name};
use super::model::{DomainState, ServerState, Snapshot, State};
use super::parts::Parts;
use super::place::Place;
use super::rows::Fresh;
use super::table::Table;
use super::tables::{CertRow, ChainRow, DerRow, DomainRow, EvidenceRow, MxRow, NsRow, ServerRow, TlsaRow, WordRow};
use super::writer::{Writer, next};
use crate::Error;
use std::collections::{BTreeMap, BTreeSet};

/// Files of one partition from which on a checkpoint makes one of them.
const MANY_FILES: usize = if cfg!(test) { 3 } else { 24 };

/// Files that no manifest names yet: if none ever does, they are taken away when the archive is opened again.
#[derive(Debug, Default)]
pub(super) struct Spilled {
    /// How many times some were written.
    pub times: u64,
    pub files: Vec<Entry>,
}

impl Writer {
    /// Writes all of the log into tables, so that other programs see it and the archive opens faster.
    ///
    /// # Errors
    /// Those of the system. The archive is then as it was before.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        self.sound()?;
        if self.rounds.is_empty() { Ok(()) } else { self.commit() }
    }

    /// Makes one file of the files of each partition.
    ///
    /// # Errors
    /// Those of the system. The archive is then as it was before.
    pub fn compact(&mut self) -> Result<(), Error> {
        self.checkpoint()?;
        self.merge(2)
    }

    /// The checkpoint itself, and one file of many where there are too many.
    pub(super) fn commit(&mut self) -> Result<(), Error> {
        self.replace(&BTreeSet::new())?;
        self.merge(MANY_FILES)
    }

    /// Writes everything that is in memory only; files of these names belong to the archive no more.
    pub(super) fn replace(&mut self, dropped: &BTreeSet<String>) -> Result<(), Error> {
        let mark = self.archive.place.mark();
        let (sequence, log) = next(&self.archive.manifest, &self.spilled, &mark);
        let mut files = self.archive.manifest.files.clone();
        files.retain(|entry| !entry.is_open() && !dropped.contains(&entry.path));
        files.extend_from_slice(&self.spilled.files);
        let mut out = Out { place: &self.archive.place, parts: &self.archive.parts, name: file_name(sequence, &mark), files };
        out.all_parts()?;
        out.partitions(&self.rounds)?;
        out.states(&self.servers)?;
        out.states(&self.domains)?;
        let files = out.files;
        let manifest = Manifest { sequence, log, counts: self.archive.parts.counts(), files, ..Manifest::new(&mark) };
        let tail = self.archive.place.begin_log(&manifest.log)?;
        self.publish(manifest)?;
        self.tail = tail;
        self.spilled = Spilled::default();
        self.set_saved();
        Ok(())
    }

    /// Writes what will not change any more to files that count with the next checkpoint.
    pub(super) fn spill(&mut self) -> Result<(), Error> {
        let mark = self.archive.place.mark();
        let (sequence, _) = next(&self.archive.manifest, &self.spilled, &mark);
        let files = [&*self.archive.manifest.files, &self.spilled.files].concat();
        let known = files.len();
        let mut out = Out { place: &self.archive.place, parts: &self.archive.parts, name: file_name(sequence, &mark), files };
        out.all_parts()?;
        out.partitions(&self.rounds)?;
        out.partitions(&self.servers.over)?;
        out.partitions(&self.domains.over)?;
        self.spilled.files.extend(out.files.drain(known..));
        self.spilled.times += 1;
        self.set_saved();
        Ok(())
    }

    /// What is in files need not be in memory.
    fn set_saved(&mut self) {
        self.archive.parts.set_saved();
        self.rounds.clear();
        self.servers.over.clear();
        self.domains.over.clear();
    }

    /// The manifest changes: then what it names no more goes.
    fn publish(&mut self, manifest: Manifest) -> Result<(), Error> {
        let known: BTreeSet<&str> = self.archive.manifest.files.iter().map(|entry| entry.path.as_str()).collect();
        self.archive.place.settle(manifest.files.iter().map(|entry| entry.path.as_str()).filter(|path| !known.contains(path)))?;
        // Whether it counts already is for the disk to say, so after a failure here only opening it again can tell.
        manifest.write(&self.archive.place).inspect_err(|e| self.broken = Some(e.to_string()))?;
        let old = std::mem::replace(&mut self.archive.manifest, manifest);
        let kept: BTreeSet<&str> = self.archive.manifest.files.iter().map(|entry| entry.path.as_str()).collect();
        let gone = old.files.iter().map(|entry| entry.path.as_str()).filter(|path| !kept.contains(path));
        let log = (old.log != self.archive.manifest.log).then_some(old.log.as_str());
        for name in gone.chain(log) {
            // What cannot be taken away now is taken away by who opens the archive next.
            self.archive.place.remove(name).ok();
        }
        Ok(())
    }

    /// Makes one file of each partition that has at least so many.
    fn merge(&mut self, many: usize) -> Result<(), Error> {
        let mut crowds: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in &self.archive.manifest.files {
            crowds.entry(entry.directory()).or_default().push(entry);
        }
        crowds.retain(|_, entries| entries.len() >= many);
        if crowds.is_empty() {
            return Ok(());
        }
        let sequence = self.archive.manifest.sequence + 1;
        let mut files = self.archive.manifest.files.clone();
        for (directory, entries) in crowds {
            let name = format!("{directory}/{}", file_name(sequence, &self.archive.place.mark()));
            let merged = merged(&self.archive.place, &self.archive.parts, &entries, &name)?;
            // In the place of the first: the numbers of parts count on from file to file.
            let first = files.iter().position(|entry| entry.directory() == directory).unwrap_or(files.len());
            files.retain(|entry| entry.directory() != directory);
            files.insert(first, merged);
        }
        self.publish(Manifest { sequence, files, ..self.archive.manifest.clone() })
    }
}

/// One file of several, whatever table they are of.
fn merged(place: &Place, parts: &Parts, entries: &[&Entry], name: &str) -> Result<Entry, Error> {
    fn of<T: Table>(place: &Place, parts: &Parts, entries: &[&Entry], name: &str) -> Result<Entry, Error> {
        let mut rows: Vec<T> = Vec::new();
        for entry in entries {
            file::read(place, entry, None, parts, |more| rows.extend_from_slice(more))?;
        }
        T::sort(&mut rows, parts);
        file::write(place, name, &rows, parts)
    }
    let table = entries.first().map_or("", |entry| entry.table.as_str());
    match table {
        WordRow::NAME => of::<WordRow>(place, parts, entries, name),
        ServerRow::NAME => of::<ServerRow>(place, parts, entries, name),
        DomainRow::NAME => of::<DomainRow>(place, parts, entries, name),
        CertRow::NAME => of::<CertRow>(place, parts, entries, name),
        DerRow::NAME => of::<DerRow>(place, parts, entries, name),
        ChainRow::NAME => of::<ChainRow>(place, parts, entries, name),
        TlsaRow::NAME => of::<TlsaRow>(place, parts, entries, name),
        EvidenceRow::NAME => of::<EvidenceRow>(place, parts, entries, name),
        MxRow::NAME => of::<MxRow>(place, parts, entries, name),
        NsRow::NAME => of::<NsRow>(place, parts, entries, name),
        Snapshot::NAME => of::<Snapshot>(place, parts, entries, name),
        ServerState::NAME => of::<ServerState>(place, parts, entries, name),
        DomainState::NAME => of::<DomainState>(place, parts, entries, name),
        _ => Err(Error::damaged(&place.path(name), format!("the table '{table}' is none of this version's"))),
    }
}

/// New files of one checkpoint.
struct Out<'a> {
    place: &'a Place,
    parts: &'a Parts,
    /// Of each of them, in its directory.
    name: String,
    files: Vec<Entry>,
}

impl Out<'_> {
    fn all_parts(&mut self) -> Result<(), Error> {
        self.fresh::<WordRow>()?;
        self.fresh::<ServerRow>()?;
        self.fresh::<DomainRow>()?;
        self.fresh::<CertRow>()?;
        self.fresh::<DerRow>()?;
        self.fresh::<ChainRow>()?;
        self.fresh::<TlsaRow>()?;
        self.fresh::<EvidenceRow>()?;
        self.fresh::<MxRow>()?;
        self.fresh::<NsRow>()
    }

    /// New parts. A table without any has an empty file: programs that read tables by name find every one.
    fn fresh<T: Fresh>(&mut self) -> Result<(), Error> {
        let rows = T::fresh(self.parts);
        if rows.is_empty() && self.files.iter().any(|entry| entry.table == T::NAME) { Ok(()) } else { self.file(T::NAME, &rows) }
    }

    fn states<S: Kind>(&mut self, streams: &Streams<S>) -> Result<(), Error>
    where
        State<S::Key, S>: Table,
    {
        self.partitions(&streams.over)?;
        let partition = <State<S::Key, S>>::blank().partition().unwrap_or_default();
        let name = partition.split('=').next().unwrap_or_default();
        let open = streams.open_in_order(self.parts, file::ROW_GROUP_ROWS);
        let name = format!("{}/{name}{OPEN}/{}", <State<S::Key, S>>::NAME, self.name);
        self.files.push(file::write_groups(self.place, &name, open, self.parts)?);
        Ok(())
    }

    /// One file for each partition.
    fn partitions<T: Table>(&mut self, rows: &[T]) -> Result<(), Error> {
        let mut partitions: BTreeMap<String, Vec<T>> = BTreeMap::new();
        for row in rows {
            partitions.entry(row.partition().unwrap_or_default()).or_default().push(row.clone());
        }
        for (partition, mut rows) in partitions {
            T::sort(&mut rows, self.parts);
            self.file(&format!("{}/{partition}", T::NAME), &rows)?;
        }
        Ok(())
    }

    fn file<T: Table>(&mut self, directory: &str, rows: &[T]) -> Result<(), Error> {
        let name = format!("{directory}/{}", self.name);
        self.files.push(file::write(self.place, &name, rows, self.parts)?);
        Ok(())
    }
}
