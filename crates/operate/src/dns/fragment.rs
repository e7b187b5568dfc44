//! A file that the zone includes (`$INCLUDE`, RFC 1035 section 5.1). It holds TLSA records and nothing else, one a line, so that it can be
//! read again without a parser of zone files. The serial of the SOA record is the operator's: what reloads has to raise it.

use super::Done;
use super::change::{Change, TlsaSet};
use super::error::{Error, Why};
use super::process::{Reload, one_line};
use dane::name::{Name, fqdn};
use dane::tlsa::Tlsa;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Octets of a fragment.
const FILE: u64 = 1024 * 1024;
/// Waiting for another process that writes it, beyond what its reload may take.
const TURN: Duration = Duration::from_secs(10);
const HEAD: &str = "; TLSA records, kept by danelaw: it reads them here, so change nothing by hand.\n";

/// A file of TLSA records, and what makes the server read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The file. Its owner and mode are kept; a new one can be read by everybody, as the DNS can.
    pub file: PathBuf,
    /// What to run when it is written.
    pub reload: Reload,
}

impl Fragment {
    pub(crate) async fn write(&self, change: &Change) -> Result<Done, Error> {
        self.change(change).await.map_err(Error::at(self.file.display()))
    }

    pub(crate) fn rendering(&self, change: &Change) -> String {
        let lines: String = change.lines().map(|line| line + "\n").collect();
        let (file, argv) = (self.file.display(), self.reload.argv.join(" "));
        format!("; {file}, in place of what it has of {}:\n{lines}; then: {argv}\n", fqdn(&change.owner))
    }

    async fn change(&self, change: &Change) -> Result<Done, Why> {
        // A link stays one.
        let file = fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let directory = File::open(directory)?;
        self.turn(&directory).await?;
        let before = read(&file)?;
        let lines = before.as_deref().map(parse).transpose()?.unwrap_or_default();
        let of_owner = lines.iter().filter_map(|line| line.record.as_ref()).filter(|(owner, ..)| *owner == change.owner);
        let (ttls, found): (Vec<u32>, Vec<Vec<u8>>) = of_owner.map(|(_, ttl, rdata)| (*ttl, rdata.clone())).unzip();
        let found = TlsaSet::from_rdata(found);
        if found == change.to && before.is_some() && ttls.iter().all(|ttl| *ttl == change.ttl) {
            // Whoever wrote it may have been stopped before the server read it.
            self.reload.run().await?;
            return Ok(Done::AlreadyThere);
        }
        if found != change.from && found != change.to {
            return Err(Why::ChangedMeanwhile { owner: change.owner.clone(), expected: change.from.clone(), found: Some(found) });
        }
        let kept = lines.iter().filter(|line| line.record.as_ref().is_none_or(|(owner, ..)| *owner != change.owner));
        let mut text: String = kept.flat_map(|line| [line.text.as_str(), "\n"]).collect();
        if before.is_none() {
            text.push_str(HEAD);
        }
        text.extend(change.lines().flat_map(|line| [line, "\n".to_owned()]));
        replace(&file, &directory, text.as_bytes())?;
        if let Err(why) = self.reload.run().await {
            // What the server has not read now it must not read by chance later.
            let restored = match &before {
                Some(text) => replace(&file, &directory, text.as_bytes()),
                None => fs::remove_file(&file),
            };
            return Err(match restored {
                Ok(()) => why,
                Err(error) => Why::NotRestored { reload: Box::new(why), error },
            });
        }
        Ok(Done::Written)
    }

    /// Waits until no other process writes here. The lock is the directory's, and ends with the handle.
    async fn turn(&self, directory: &File) -> Result<(), Why> {
        let until = Instant::now() + self.reload.limit + TURN;
        loop {
            match directory.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(error)) => return Err(error.into()),
                Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(Duration::from_millis(50)).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(Why::Setting(
                        "another process keeps the directory locked; nothing was changed: find it (`lslocks`)".to_owned(),
                    ));
                }
            }
        }
    }
}

/// A line of the file.
struct Line {
    text: String,
    /// Owner, TTL and RDATA; none in a comment.
    record: Option<(Name, u32, Vec<u8>)>,
}

/// What the file has, if it is there.
fn read(file: &Path) -> Result<Option<String>, Why> {
    let open = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        open => open?,
    };
    let mut octets = Vec::new();
    open.take(FILE + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > FILE {
        return Err(Why::Setting("it is larger than 1 MiB, so it is no file of TLSA records: name another".to_owned()));
    }
    String::from_utf8(octets).map(Some).map_err(|_| Why::Setting("it is no text: name another file".to_owned()))
}

fn parse(text: &str) -> Result<Vec<Line>, Why> {
    let line = |(at, text): (usize, &str)| {
        let foreign = || Why::ForeignLine { number: at + 1, text: one_line(text).chars().take(60).collect() };
        let comment = text.trim().is_empty() || text.trim_start().starts_with(';');
        let record = if comment { None } else { Some(record(text).ok_or_else(foreign)?) };
        Ok(Line { text: text.to_owned(), record })
    };
    text.lines().enumerate().map(line).collect()
}

/// `OWNER. TTL IN TLSA DATA`, as [`Change::lines`] writes it.
fn record(line: &str) -> Option<(Name, u32, Vec<u8>)> {
    let mut words = line.splitn(5, ' ');
    let (owner, ttl, class, rtype, data) = (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    // An owner without the final dot would be below the origin, which is not known here.
    let owner = Name::from_str(owner.strip_suffix('.')?).ok()?;
    if class != "IN" || rtype != "TLSA" {
        return None;
    }
    Some((owner, ttl.parse().ok()?, data.parse::<Tlsa>().ok()?.to_rdata()))
}

/// Puts new content in the place of the old: at every moment, a crash included, the file is one or the other.
fn replace(file: &Path, directory: &File, octets: &[u8]) -> io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // It is ours alone while the directory is locked.
    let beside = file.with_file_name(format!(".{name}.danelaw"));
    let written = write_beside(&beside, fs::metadata(file).ok().as_ref(), octets).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    // Not every file system can do it; without it a crash may bring back the old file, which is whole, too.
    let _ = written.is_ok().then(|| directory.sync_all());
    written
}

fn write_beside(beside: &Path, as_of: Option<&fs::Metadata>, octets: &[u8]) -> io::Result<()> {
    let _ = fs::remove_file(beside);
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    new.write_all(octets)?;
    let ours = new.metadata()?;
    if let Some(old) = as_of.filter(|old| (old.uid(), old.gid()) != (ours.uid(), ours.gid())) {
        fchown(&new, Some(old.uid()), Some(old.gid()))?;
    }
    let mode = as_of.map_or(0o644, |old| old.mode() & 0o7777);
    new.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    new.sync_all()
}
