//! Files of mail servers, replaced whole: whoever reads one finds the old or the new content, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What was in the files before; a file that was not there has no content.
pub struct Before(Vec<(PathBuf, Option<Zeroizing<Vec<u8>>>)>);

/// Writes a server's key and chain: into one file, the key first, if it has no file of its own.
///
/// # Errors
/// If a file cannot be written: then all are as they were.
pub fn install(certificate: &Path, key_file: Option<&Path>, key: &[u8], chain: &[u8]) -> io::Result<Before> {
    let parts: Vec<(&Path, Zeroizing<Vec<u8>>)> = match key_file {
        // The key first: a server that reads between the two finds that they do not fit, and keeps what it has.
        Some(key_file) => vec![(key_file, key.to_vec().into()), (certificate, chain.to_vec().into())],
        None => vec![(certificate, [key, chain].concat().into())],
    };
    let mut before = Before(vec![]);
    for (path, content) in parts {
        let there = match fs::read(path) {
            Ok(content) => Some(content.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(before.undone(path, &error)),
        };
        before.0.push((path.to_owned(), there));
        if let Err(error) = replace(path, &content, 0o600) {
            return Err(before.undone(path, &error));
        }
    }
    Ok(before)
}

impl Before {
    /// Puts everything back.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn restore(self) -> io::Result<()> {
        for (path, content) in self.0.into_iter().rev() {
            match content {
                Some(content) => replace(&path, &content, 0o600)?,
                None => fs::remove_file(&path)?,
            }
        }
        Ok(())
    }

    fn undone(self, path: &Path, error: &io::Error) -> io::Error {
        let what = match self.restore() {
            Ok(()) => "nothing was changed".to_owned(),
            Err(error) => format!("and what was there before cannot be put back: {error}"),
        };
        io::Error::new(error.kind(), format!("{}: {error}; {what}", path.display()))
    }
}

/// Replaces a file as a whole. Owner and mode are kept; a new file gets this mode. A link stays one.
///
/// # Errors
/// If it cannot be written: then it is as it was.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no name of a file"))?;
    let new = directory.join(format!(".{}.danelaw-{}", name.to_string_lossy(), std::process::id()));
    let there = fs::metadata(&path).ok();
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(content)?;
        match &there {
            Some(there) => {
                fchown(&file, Some(there.uid()), Some(there.gid()))?;
                file.set_permissions(fs::Permissions::from_mode(there.mode() & 0o7777))?;
            }
            None => file.set_permissions(fs::Permissions::from_mode(mode))?,
        }
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(directory)?.sync_all()
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

#[cfg(test)]
mod tests {
    use super::{install, replace};
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn both_files_or_none() {
        let place = tempfile::tempdir().unwrap();
        let (certificate, key) = (place.path().join("chain.pem"), place.path().join("key.pem"));
        replace(&key, b"old key", 0o640).unwrap();
        replace(&certificate, b"old chain", 0o644).unwrap();
        let before = install(&certificate, Some(&key), b"new key", b"new chain").unwrap();
        let read = || (fs::read_to_string(&key).unwrap(), fs::read_to_string(&certificate).unwrap());
        assert_eq!(read(), ("new key".to_owned(), "new chain".to_owned()));
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o640, "the mode is the operator's");
        before.restore().unwrap();
        assert_eq!(read(), ("old key".to_owned(), "old chain".to_owned()));
        // A directory stands where the chain should be: the key is as it was.
        let blocked = place.path().join("blocked");
        fs::create_dir(&blocked).unwrap();
        assert!(install(&blocked, Some(&key), b"new key", b"new chain").is_err());
        assert_eq!(read().0, "old key");
        let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 3, "{left:?}");
    }
}
