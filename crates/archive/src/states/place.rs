//! Where an archive is kept: files appear whole or not at all, what is there stays, and of two who write at once one is told.
//!
//! A directory is the first keeper, a bucket ([`bucket`]) the second. Of what a bucket keeps there are copies in a directory of this machine: tables are
//! read from there, and written there before they are sent.

#[cfg(feature = "s3")]
mod bucket;
#[cfg(not(feature = "s3"))]
#[path = "place/no_bucket.rs"]
mod bucket;

use self::bucket::Bucket;
use super::manifest::{Entry, MANIFEST, Manifest};
use super::model::Digest;
use crate::{Error, address};
use aws_lc_rs::digest::{Context, SHA256};
use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Copies on their way from a bucket.
const FETCHING: &str = "fetching";
/// After so long nobody fetches any more what is left there.
const ABANDONED: Duration = Duration::from_secs(86_400);

/// Files with names relative to a place, `/` between.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// On this machine.
    root: PathBuf,
    /// As the user knows it.
    address: PathBuf,
    bucket: Option<Arc<Bucket>>,
    /// Octets that may still be written: plays a full disk.
    #[cfg(test)]
    pub space: Option<std::sync::Arc<std::sync::atomic::AtomicU64>>,
}

impl Place {
    /// A directory.
    #[cfg(test)]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), address: root.to_path_buf(), bucket: None, space: None }
    }

    /// A directory, or a prefix of a bucket.
    pub fn at(address: &Path) -> Result<Self, Error> {
        let bucket = address::bucketed(address)?.map(|at| Bucket::connect(address, &at)).transpose()?;
        Ok(Self {
            root: address::on_this_machine(address)?,
            address: address.to_path_buf(),
            bucket: bucket.map(Arc::new),
            #[cfg(test)]
            space: None,
        })
    }

    /// What a file is called before the user.
    pub fn path(&self, name: &str) -> PathBuf {
        self.address.join(name)
    }

    /// Where a file, or its copy, is on this machine.
    pub fn local(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// What is put into the names of new files: where there is no lock, every writer has names of its own.
    pub fn mark(&self) -> String {
        self.bucket.as_ref().map_or_else(String::new, |bucket| format!("-{}", bucket.mark()))
    }

    /// Makes the directory.
    pub fn make(&self) -> Result<(), Error> {
        fs::create_dir_all(&self.root).map_err(Error::io(&self.root))
    }

    /// Begins a file that has no name until it is whole; directories on the way are made.
    pub fn begin(&self, name: &str) -> Result<Sink, Error> {
        let path = self.local(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        let temporary = self.local(&format!("{name}.tmp"));
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

    /// Makes files durable, with their names and those of the directories on the way. All at once, for that is faster than one by one. A
    /// bucket gets them.
    pub fn settle<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        let mut directories = BTreeSet::from([self.root.clone()]);
        let mut objects = Vec::new();
        for name in names {
            let path = self.local(name);
            File::open(&path).and_then(|file| self.sync(&file)).map_err(Error::io(&path))?;
            directories.extend(path.ancestors().skip(1).take_while(|d| d.starts_with(&self.root)).map(Path::to_path_buf));
            if self.bucket.is_some() {
                objects.push((name.to_owned(), path));
            }
        }
        for directory in directories {
            File::open(&directory).and_then(|d| self.sync(&d)).map_err(Error::io(&directory))?;
        }
        self.bucket.as_ref().map_or(Ok(()), |bucket| bucket.put_files(objects))
    }

    /// The manifest that counts; `None` if there is no archive.
    pub fn manifest(&self) -> Result<Option<Vec<u8>>, Error> {
        match &self.bucket {
            Some(bucket) => bucket.manifest(),
            None => self.get(MANIFEST),
        }
    }

    /// Makes a manifest the one that counts. Files that it names must be there.
    pub fn publish(&self, manifest: &Manifest, text: &[u8]) -> Result<(), Error> {
        let Some(bucket) = &self.bucket else { return self.put(MANIFEST, text) };
        let files: Vec<&str> = manifest.files.iter().map(|entry| entry.path.as_str()).collect();
        bucket.publish(text, &manifest.log, &files)
    }

    /// The log that belongs to the manifest read last; `None` if it is missing.
    pub fn log(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some(bucket) = &self.bucket else { return self.get(name) };
        let mut content = Vec::new();
        for piece in bucket.pieces() {
            let path = self.local(&piece);
            if !path.exists() {
                self.fetch(bucket, &piece)?;
            }
            content.extend(fs::read(&path).map_err(Error::io(&path))?);
        }
        Ok(Some(content))
    }

    /// Opens a table.
    pub fn open(&self, entry: &Entry) -> Result<File, Error> {
        let path = self.local(&entry.path);
        if let Some(bucket) = &self.bucket {
            // After a loss of power a copy can be shorter than it was.
            if !fs::metadata(&path).is_ok_and(|found| found.len() == entry.octets) {
                self.fetch(bucket, &entry.path)?;
            }
        }
        File::open(&path).map_err(Error::io(&self.path(&entry.path)))
    }

    /// Makes a copy of what a bucket has. Others may do the same at the same time.
    fn fetch(&self, bucket: &Bucket, name: &str) -> Result<(), Error> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let missing = || Error::damaged(&self.path(name), "missing; if somebody has just replaced it, run this again");
        let content = bucket.get(name)?.ok_or_else(missing)?;
        let temporary = self.local(&format!("{FETCHING}/{}-{}", bucket.mark(), NUMBER.fetch_add(1, Ordering::Relaxed)));
        let path = self.local(name);
        for parent in [temporary.parent(), path.parent()].into_iter().flatten() {
            fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        let written = File::create(&temporary).and_then(|mut file| file.write_all(&content).and_then(|()| file.sync_all()));
        written.map_err(Error::io(&temporary))?;
        fs::rename(&temporary, &path).map_err(Error::io(&path))
    }

    /// A file's content; `None` if there is no such file.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.local(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(&path)(e)),
        }
    }

    /// SHA-256 and length of a file as it is kept; a copy of another content goes.
    pub fn digest(&self, name: &str) -> Result<(Digest, u64), Error> {
        let Some(bucket) = &self.bucket else { return self.local_digest(name) };
        let kept = bucket.digest(name)?;
        if self.local(name).exists() && self.local_digest(name)? != kept {
            self.remove(name)?;
        }
        Ok(kept)
    }

    fn local_digest(&self, name: &str) -> Result<(Digest, u64), Error> {
        let path = self.local(name);
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

    /// Begins a log, which is empty.
    pub fn begin_log(&self, name: &str) -> Result<Tail, Error> {
        if self.bucket.is_none() {
            self.put(name, b"")?;
        }
        self.append(name, 0)
    }

    /// Opens the end of a log for appending; what is beyond `length` goes first.
    pub fn append(&self, name: &str, length: u64) -> Result<Tail, Error> {
        let tail = |file| Tail { place: self.clone(), file, name: name.to_owned(), length, torn: false };
        if self.bucket.is_some() {
            return Ok(tail(None));
        }
        let path = self.local(name);
        let file = OpenOptions::new().append(true).open(&path).map_err(Error::io(&path))?;
        if file.metadata().map_err(Error::io(&path))?.len() != length {
            file.set_len(length).and_then(|()| file.sync_all()).map_err(Error::io(&path))?;
        }
        Ok(tail(Some(file)))
    }

    /// Takes files, or copies, away that the archive names no more. One that is gone already is no error.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.local(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io(&path)(e)),
            _ => Ok(()),
        }
    }

    /// Takes away what a writer left on this machine that was cut off, and copies of what has been replaced: files that the manifest does not
    /// name. The caller has the lock.
    pub fn clear(&self, manifest: &Manifest) -> Result<(), Error> {
        self.sweep(manifest, Duration::ZERO)
    }

    /// The same for who only reads, of copies: a writer may be about to name what he has just written.
    pub fn tidy(&self, manifest: &Manifest) {
        if self.bucket.is_some() {
            // Only to save room.
            self.sweep(manifest, ABANDONED).ok();
        }
    }

    fn sweep(&self, manifest: &Manifest, unused_for: Duration) -> Result<(), Error> {
        let mut named: HashSet<String> = manifest.files.iter().map(|entry| entry.path.clone()).collect();
        named.insert(manifest.log.clone());
        if let Some(bucket) = &self.bucket {
            named.extend(bucket.pieces());
        }
        let has_lain = |name: &str, so_long: Duration| {
            let modified = fs::metadata(self.local(name)).and_then(|about| about.modified());
            so_long.is_zero() || modified.is_ok_and(|then| then.elapsed().is_ok_and(|ago| ago > so_long))
        };
        for name in self.list()? {
            let ours = name.ends_with(".parquet") || name.ends_with(".tmp") || name.starts_with("log-");
            let unnamed = ours && !named.contains(&name) && has_lain(&name, unused_for);
            if unnamed || (name.starts_with(FETCHING) && has_lain(&name, ABANDONED)) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Every file on this machine, by its relative name, sorted.
    pub fn list(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let mut left = vec![String::new()];
        while let Some(directory) = left.pop() {
            let path = self.local(&directory);
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

/// The end of a log.
#[derive(Debug)]
pub(crate) struct Tail {
    place: Place,
    /// `None` in a bucket.
    file: Option<File>,
    name: String,
    length: u64,
    /// A write failed, and what it left could not be cut off, or may yet arrive.
    torn: bool,
}

impl Tail {
    /// Appends durably, or leaves the log as it was as far as the system lets us.
    pub fn push(&mut self, octets: &[u8]) -> Result<(), Error> {
        match self.place.bucket.clone() {
            Some(bucket) => self.send(&bucket, octets)?,
            None => self.write_down(octets)?,
        }
        self.torn = false;
        self.length += octets.len() as u64;
        Ok(())
    }

    fn send(&mut self, bucket: &Bucket, octets: &[u8]) -> Result<(), Error> {
        if self.torn {
            return Err(Error::damaged(
                &self.place.path(&self.name),
                "whether the round before has arrived is not known; open the archive again",
            ));
        }
        bucket.append(&self.name, octets).inspect_err(|e| self.torn = !matches!(e, Error::Overtaken { .. }))
    }

    fn write_down(&mut self, octets: &[u8]) -> Result<(), Error> {
        let path = self.place.local(&self.name);
        let Some(file) = &mut self.file else { return Ok(()) };
        if self.torn {
            file.set_len(self.length).map_err(Error::io(&path))?;
        }
        let written = write(&self.place, file, octets).and_then(|()| self.place.sync(file));
        if let Err(e) = written {
            self.torn = file.set_len(self.length).is_err();
            return Err(Error::io(&path)(e));
        }
        Ok(())
    }

    pub fn length(&self) -> u64 {
        self.length
    }
}

fn write(place: &Place, file: &mut File, mut octets: &[u8]) -> io::Result<()> {
    while !octets.is_empty() {
        let allowed = place.take(octets.len())?;
        file.write_all(&octets[..allowed])?;
        octets = &octets[allowed..];
    }
    Ok(())
}

fn digest(hash: Context) -> Digest {
    Digest::from_slice(hash.finish().as_ref()).unwrap_or_default()
}
