//! The archive's directory: files appear whole or not at all, and what is there stays.

use super::model::Digest;
use crate::Error;
use aws_lc_rs::digest::{Context, SHA256};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// A directory of files with names relative to it, `/` between.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    root: PathBuf,
    /// Octets that may still be written: plays a full disk.
    #[cfg(test)]
    pub space: Option<std::sync::Arc<std::sync::atomic::AtomicU64>>,
}

impl Place {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            #[cfg(test)]
            space: None,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes the directory.
    pub fn make(&self) -> Result<(), Error> {
        fs::create_dir_all(&self.root).map_err(Error::io(&self.root))
    }

    /// Begins a file that has no name until it is whole; directories on the way are made.
    pub fn begin(&self, name: &str) -> Result<Sink, Error> {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        let temporary = self.path(&format!("{name}.tmp"));
        let file = File::create(&temporary).map_err(Error::io(&temporary))?;
        Ok(Sink { place: self.clone(), file, temporary, path, hash: Context::new(&SHA256), octets: 0 })
    }

    /// Writes a whole file under its name, durably.
    pub fn put(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let mut sink = self.begin(name)?;
        let path = sink.temporary.clone();
        sink.write_all(content).map_err(Error::io(&path))?;
        // What it replaces must not go before it is there.
        self.sync(&sink.file).map_err(Error::io(&path))?;
        sink.publish()?;
        self.settle([name])
    }

    /// Makes files durable, with their names and those of the directories on the way. All at once, for that is faster than one by one.
    pub fn settle<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        let mut directories = BTreeSet::from([self.root.clone()]);
        for name in names {
            let path = self.path(name);
            File::open(&path).and_then(|file| self.sync(&file)).map_err(Error::io(&path))?;
            directories.extend(path.ancestors().skip(1).take_while(|d| d.starts_with(&self.root)).map(Path::to_path_buf));
        }
        for directory in directories {
            File::open(&directory).and_then(|d| self.sync(&d)).map_err(Error::io(&directory))?;
        }
        Ok(())
    }

    /// A file's content; `None` if there is no such file.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(&path)(e)),
        }
    }

    /// SHA-256 and length of a file.
    pub fn digest(&self, name: &str) -> Result<(Digest, u64), Error> {
        let path = self.path(name);
        let mut file = File::open(&path).map_err(Error::io(&path))?;
        let (mut hash, mut octets, mut buffer) = (Context::new(&SHA256), 0, vec![0; 1 << 16]);
        loop {
            let length = file.read(&mut buffer).map_err(Error::io(&path))?;
            if length == 0 {
                return Ok((digest(hash), octets));
            }
            hash.update(&buffer[..length]);
            octets += length as u64;
        }
    }

    /// Opens the end of a file for appending; it is cut to `length` first.
    pub fn append(&self, name: &str, length: u64) -> Result<Tail, Error> {
        let path = self.path(name);
        let file = OpenOptions::new().append(true).open(&path).map_err(Error::io(&path))?;
        if file.metadata().map_err(Error::io(&path))?.len() != length {
            file.set_len(length).and_then(|()| file.sync_all()).map_err(Error::io(&path))?;
        }
        Ok(Tail { place: self.clone(), file, path, length, torn: false })
    }

    /// Takes files away that the archive names no more. One that is gone already is no error.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io(&path)(e)),
            _ => Ok(()),
        }
    }

    /// Every file below, by its relative name, sorted.
    pub fn list(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let mut left = vec![String::new()];
        while let Some(directory) = left.pop() {
            let path = self.path(&directory);
            for entry in fs::read_dir(&path).map_err(Error::io(&path))? {
                let entry = entry.map_err(Error::io(&path))?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let name = if directory.is_empty() { name } else { format!("{directory}/{name}") };
                let kind = entry.file_type().map_err(Error::io(&path))?;
                if kind.is_dir() { left.push(name) } else { names.push(name) }
            }
        }
        names.sort();
        Ok(names)
    }

    /// Makes a file durable. A disk that is only played needs none of it.
    fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        if self.space.is_some() {
            return Ok(());
        }
        file.sync_all()
    }

    /// Gives way to so many octets, or says that the disk is full.
    #[cfg(test)]
    fn take(&self, wanted: usize) -> io::Result<usize> {
        use std::sync::atomic::Ordering::SeqCst;
        let Some(space) = &self.space else { return Ok(wanted) };
        let free = usize::try_from(space.load(SeqCst)).unwrap_or(usize::MAX);
        space.fetch_sub(free.min(wanted) as u64, SeqCst);
        if free == 0 && wanted > 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(free.min(wanted)) }
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    fn take(&self, wanted: usize) -> io::Result<usize> {
        Ok(wanted)
    }
}

/// A file on its way to a name. Dropped before that, it leaves nothing that counts.
pub(crate) struct Sink {
    place: Place,
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    hash: Context,
    octets: u64,
}

impl Sink {
    /// Gives it its name; [`Place::settle`] makes it durable. SHA-256 and length.
    pub fn publish(self) -> Result<(Digest, u64), Error> {
        fs::rename(&self.temporary, &self.path).map_err(Error::io(&self.path))?;
        Ok((digest(self.hash), self.octets))
    }

    /// What it will be called.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for Sink {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let allowed = self.place.take(octets.len())?;
        let written = self.file.write(&octets[..allowed])?;
        self.hash.update(&octets[..written]);
        self.octets += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The end of a file.
#[derive(Debug)]
pub(crate) struct Tail {
    place: Place,
    file: File,
    path: PathBuf,
    length: u64,
    /// A write failed, and what it left could not be cut off.
    torn: bool,
}

impl Tail {
    /// Appends durably, or leaves the file as it was as far as the system lets us.
    pub fn push(&mut self, octets: &[u8]) -> Result<(), Error> {
        if self.torn {
            self.file.set_len(self.length).map_err(Error::io(&self.path))?;
        }
        let written = self.write(octets).and_then(|()| self.place.sync(&self.file));
        if let Err(e) = written {
            self.torn = self.file.set_len(self.length).is_err();
            return Err(Error::io(&self.path)(e));
        }
        self.torn = false;
        self.length += octets.len() as u64;
        Ok(())
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    fn write(&mut self, mut octets: &[u8]) -> io::Result<()> {
        while !octets.is_empty() {
            let allowed = self.place.take(octets.len())?;
            self.file.write_all(&octets[..allowed])?;
            octets = &octets[allowed..];
        }
        Ok(())
    }
}

fn digest(hash: Context) -> Digest {
    Digest::from_slice(hash.finish().as_ref()).unwrap_or_default()
}
