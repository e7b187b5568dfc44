//! What can go wrong with an archive.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be written or read. Prints as one line with place and remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{}: {source}{}", path.display(), remedy(source))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// Written by a later version.
    #[error("{}: written by a newer danelaw (schema {found}, this one reads up to {known}); read it with that version", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u64,
        /// Ours.
        known: u16,
    },
    /// A round that cannot be taken up.
    #[error("{}: the round of {} at '{vantage}' (slot {slot}): {detail}", path.display(), dane::date::utc(*slot))]
    Round {
        /// The archive.
        path: PathBuf,
        /// The round's vantage point.
        vantage: String,
        /// Its slot.
        slot: dane::Epoch,
        /// Why, and what to do.
        detail: String,
    },
    /// Another process writes.
    #[error("{}: the archive is being written by process {holder}; wait for it to end", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process, as it wrote itself into the file.
        holder: String,
    },
    /// Another process has written to it since it was opened, from a machine that has no lock in common with this one.
    #[error("{}: somebody else has written to it meanwhile; what was acknowledged is there, what was under way is not: run this again", path.display())]
    Overtaken {
        /// The archive.
        path: PathBuf,
    },
    /// Not what it should be.
    #[error("{}: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

impl Error {
    /// Adds the place to an error of the system.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
        move |source| Error::Io { path: path.to_path_buf(), source }
    }

    /// Adds the place to any other error.
    pub(crate) fn damaged(path: &Path, detail: impl std::fmt::Display) -> Error {
        Error::Damaged { path: path.to_path_buf(), detail: detail.to_string() }
    }

    /// Whether the reader of our output went away, which is no error of ours.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; what is written stays readable; free some space and run again",
        io::ErrorKind::FileTooLarge => "; what is written stays readable; raise the limit on the size of files and run again",
        io::ErrorKind::PermissionDenied => "; choose a place you may use",
        _ => "",
    }
}
