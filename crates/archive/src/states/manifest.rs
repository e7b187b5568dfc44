//! The manifest: which files belong to the archive. What it does not name is not there.

use super::file::STATES_SCHEMA;
use super::model::Digest;
use super::place::Place;
use crate::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The file's name.
pub(crate) const MANIFEST: &str = "manifest.json";

/// One Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub table: String,
    /// Relative to the archive, `/` between.
    pub path: String,
    pub rows: u64,
    pub octets: u64,
    pub sha256: Digest,
    pub schema: u16,
}

impl Entry {
    /// The directory it lies in: table and, if the table has any, partition.
    pub fn directory(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(directory, _)| directory)
    }

    /// Whether it holds what goes on: superseded by the next checkpoint.
    pub fn is_open(&self) -> bool {
        self.directory().ends_with(OPEN)
    }
}

/// The partition of states that the last round saw.
pub(crate) const OPEN: &str = "=open";

/// Everything that belongs to the archive. Replaced as a whole, so that there is always one that is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// [`STATES_SCHEMA`] of the writer.
    pub schema: u16,
    /// Version of danelaw that wrote it.
    pub danelaw: String,
    /// Of the last checkpoint: no file is ever written twice under one name.
    pub sequence: u64,
    /// The log of the rounds since.
    pub log: String,
    /// How many numbers each table of parts has given out.
    pub counts: BTreeMap<String, u64>,
    /// The tables.
    pub files: Vec<Entry>,
}

#[derive(Deserialize)]
struct Version {
    schema: u64,
}

impl Manifest {
    /// Of an archive without rounds; `mark` is that of the place.
    pub fn new(mark: &str) -> Self {
        let danelaw = env!("CARGO_PKG_VERSION").to_owned();
        Self { schema: STATES_SCHEMA, danelaw, sequence: 0, log: log_name(0, mark), counts: BTreeMap::new(), files: Vec::new() }
    }

    /// Reads it; `None` if there is none.
    pub fn read(place: &Place) -> Result<Option<Self>, Error> {
        let Some(text) = place.manifest()? else { return Ok(None) };
        let path = place.path(MANIFEST);
        let Version { schema } = serde_json::from_slice(&text).map_err(|e| Error::damaged(&path, e))?;
        if schema > u64::from(STATES_SCHEMA) {
            return Err(Error::TooNew { path, found: schema, known: STATES_SCHEMA });
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(|e| Error::damaged(&path, e))?;
        let outside = manifest.files.iter().map(|entry| &entry.path).chain([&manifest.log]).find(|name| !is_within(name)).cloned();
        match outside {
            Some(name) => Err(Error::damaged(&path, format!("names a file outside of the archive: '{}'", name.escape_debug()))),
            None => Ok(Some(manifest)),
        }
    }

    /// Makes it the one that counts.
    pub fn write(&self, place: &Place) -> Result<(), Error> {
        let path = place.path(MANIFEST);
        let mut text = serde_json::to_vec_pretty(self).map_err(|e| Error::damaged(&path, e))?;
        text.push(b'\n');
        place.publish(self, &text)
    }

    /// The files of a table, oldest first.
    pub fn of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Entry> + 'a {
        self.files.iter().filter(move |entry| entry.table == table)
    }
}

/// Whether a name leads nowhere but below the archive: whoever writes to a bucket must not reach files of those who read it.
pub(crate) fn is_within(name: &str) -> bool {
    name.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']))
}

/// The name of a checkpoint's files, in the directory of each table.
pub(crate) fn file_name(sequence: u64, mark: &str) -> String {
    format!("{sequence:06}{mark}.parquet")
}

/// The log that begins with this checkpoint.
pub(crate) fn log_name(sequence: u64, mark: &str) -> String {
    format!("log-{sequence:06}{mark}.jsonl")
}
