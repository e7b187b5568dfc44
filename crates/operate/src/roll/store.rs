//! The machine's state on disk, and a journal of what was done.
//!
//! One small file, written anew as a whole, and a lock: there is one writer and nothing to query, and a person can read it in need. What
//! happened is a line in `journal.jsonl`.

use super::config::Service;
use super::install::replace;
use rollover::machine::{State, StateError};
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The directory of a configuration's state.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    _lock: Option<File>,
}

impl Store {
    /// Opens it for one who writes; made if it is not there. Nobody else writes until it is dropped.
    ///
    /// # Errors
    /// If it cannot be made, or somebody else writes.
    pub fn open(directory: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("lock"))?;
        lock.try_lock()
            .map_err(|_| io::Error::new(io::ErrorKind::WouldBlock, "another danelaw roll is at work here; wait for it to end"))?;
        Ok(Self { directory: directory.to_owned(), _lock: Some(lock) })
    }

    /// Looks into it without writing.
    #[must_use]
    pub fn look(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), _lock: None }
    }

    /// Where its keys are.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.directory.join("keys")
    }

    /// The state of a service; `None`: it has none yet.
    ///
    /// # Errors
    /// If it cannot be read, or a newer danelaw wrote it.
    pub fn read(&self, service: &Service) -> Result<Option<State>, StoreError> {
        let path = self.path(service);
        match fs::read(&path) {
            Ok(octets) => State::read(&octets).map(Some).map_err(|e| StoreError::State(path, e)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::File(path, error)),
        }
    }

    /// Keeps the state of a service.
    ///
    /// # Errors
    /// If it cannot be written: then what was there is there.
    pub fn write(&self, service: &Service, state: &State) -> Result<(), StoreError> {
        let path = self.path(service);
        let octets = state.write().map_err(|e| StoreError::State(path.clone(), e))?;
        replace(&path, &octets, 0o600).map_err(|e| StoreError::File(path, e))
    }

    /// Writes down what was done, or was tried.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn note(&self, service: &Service, at: dane::Epoch, what: &str, detail: &str) -> Result<(), StoreError> {
        let path = self.directory.join("journal.jsonl");
        let line = json!({ "at": at, "service": service.title(), "what": what, "detail": detail }).to_string() + "\n";
        let write = || OpenOptions::new().create(true).append(true).open(&path)?.write_all(line.as_bytes());
        write().map_err(|e| StoreError::File(path.clone(), e))
    }

    fn path(&self, service: &Service) -> PathBuf {
        self.directory.join(format!("{}.json", service.title()))
    }
}

/// Why state cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// What is in it.
    #[error("{0}: {1}")]
    State(PathBuf, StateError),
}
