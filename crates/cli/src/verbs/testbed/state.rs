//! What a test bed keeps on disk: its secret, how it was started, and what it saw.

use crate::exit::UsageError;
use dane::name::Name;
use dane::sender::Event;
use lab::testbed::{EventSink, Testbed, TestbedConfig};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How it was started, and its secret: one JSON object.
const CONFIG: &str = "testbed.json";
/// What it saw: one JSON object a line.
const EVENTS: &str = "events.jsonl";

/// A test bed's directory.
pub struct Kept {
    dir: PathBuf,
    saved: Saved,
}

/// Files for resolvers and trust stores.
#[derive(Serialize)]
pub struct Export {
    /// Hints of its own root, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_hints: Option<PathBuf>,
    /// The trust anchor: of its own root, or else of the zone.
    pub anchor: PathBuf,
    /// The certificate of its authority.
    pub ca: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    zone: Name,
    addresses: Vec<Ipv4Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<Ipv4Addr>,
    dns_port: u16,
    smtp_port: u16,
    /// Hexadecimal.
    secret: String,
}

/// How a test bed is to be started; what is not said stays as it was.
pub struct Start {
    /// Its zone.
    pub zone: Name,
    /// Its addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// Address of its own root.
    pub root: Option<Ipv4Addr>,
    /// UDP and TCP port of its name servers.
    pub dns_port: u16,
    /// TCP port of its mail servers.
    pub smtp_port: u16,
}

impl Kept {
    /// The directory of a test bed that was started before.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, UsageError> {
        match Self::read(dir)? {
            Some(saved) => Ok(Self { dir: dir.to_owned(), saved }),
            None => Err(UsageError(format!("there is no test bed in {}; `danelaw testbed serve --state {0} …` makes one", dir.display()))),
        }
    }

    /// The directory of a test bed that is about to start; made if it is not there. Its secret stays what it was.
    ///
    /// # Errors
    /// If it cannot be read or written, or holds the test bed of another zone.
    pub fn start(dir: &Path, start: Start) -> Result<Self, UsageError> {
        let failed = |e: std::io::Error| UsageError(format!("{}: {e}; name a directory that can be written with --state", dir.display()));
        fs::create_dir_all(dir).map_err(failed)?;
        let secret = match Self::read(dir)? {
            Some(before) if before.zone != start.zone => {
                return Err(UsageError(format!(
                    "{} holds the test bed of {}; name another directory with --state",
                    dir.display(),
                    before.zone
                )));
            }
            Some(before) => before.secret,
            None => fresh_secret()?,
        };
        let Start { zone, addresses, root, dns_port, smtp_port } = start;
        let saved = Saved { version: 1, zone, addresses, root, dns_port, smtp_port, secret };
        let text = serde_json::to_vec_pretty(&saved).map_err(UsageError::new)?;
        let new = dir.join(format!("{CONFIG}.new"));
        // Whoever reads the secret can sign in the zone's name.
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, dir.join(CONFIG))).map_err(failed)?;
        Ok(Self { dir: dir.to_owned(), saved })
    }

    fn read(dir: &Path) -> Result<Option<Saved>, UsageError> {
        let path = dir.join(CONFIG);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(UsageError(format!("{}: {error}", path.display()))),
        };
        match serde_json::from_slice::<Saved>(&text) {
            Ok(saved) if saved.version == 1 => Ok(Some(saved)),
            Ok(saved) => {
                Err(UsageError(format!("{} has version {}; this danelaw knows 1: use a newer one", path.display(), saved.version)))
            }
            Err(error) => Err(UsageError(format!("{}: {error}; restore it, or begin anew in another directory", path.display()))),
        }
    }

    /// What the test bed is made from.
    pub fn config(&self) -> TestbedConfig {
        let Saved { zone, addresses, root, dns_port, smtp_port, secret, .. } = &self.saved;
        let mut octets = [0; 32];
        let decoded = data_encoding::HEXLOWER.decode(secret.as_bytes()).unwrap_or_default();
        octets.iter_mut().zip(decoded).for_each(|(octet, value)| *octet = value);
        TestbedConfig {
            zone: zone.clone(),
            addresses: addresses.clone(),
            root: *root,
            dns_port: *dns_port,
            smtp_port: *smtp_port,
            secret: octets,
        }
    }

    /// Where events go: each is in the file before it is answered, so that nothing that was seen is lost when the process is.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn sink(&self) -> Result<Arc<dyn EventSink>, UsageError> {
        let path = self.dir.join(EVENTS);
        let open = || {
            let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&path)?;
            // A line that was cut off when the process ended stays by itself.
            let mut last = [b'\n'];
            if file.seek(SeekFrom::End(-1)).is_ok() {
                file.read_exact(&mut last)?;
            }
            if last != [b'\n'] {
                file.write_all(b"\n")?;
            }
            Ok(file)
        };
        let file = open().map_err(|e: std::io::Error| UsageError(format!("{}: {e}", path.display())))?;
        Ok(Arc::new(Events { path, file: Mutex::new((file, Vec::new())) }))
    }

    /// Writes a file into the directory; returns its path.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, UsageError> {
        let path = self.dir.join(name);
        fs::write(&path, text).map_err(|e| UsageError(format!("{}: {e}", path.display()))).map(|()| path)
    }

    /// Writes what resolvers and trust stores want: hints of a root of its own, the trust anchor, the authority's certificate.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn export(&self, testbed: &Testbed) -> Result<Export, UsageError> {
        Ok(Export {
            root_hints: testbed.root_hints().map(|hints| self.write("root.hints", &hints)).transpose()?,
            anchor: self.write("anchor.ds", &testbed.anchor())?,
            ca: self.write("ca.pem", &testbed.ca_pem())?,
        })
    }

    /// All events, oldest first. Lines that cannot be read are counted: the last one, if the machine stopped in the middle of it.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn events(&self) -> Result<(Vec<Event>, u64), UsageError> {
        let path = self.dir.join(EVENTS);
        let failed = |e: std::io::Error| UsageError(format!("{}: {e}", path.display()));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((vec![], 0)),
            Err(error) => return Err(failed(error)),
        };
        let (mut events, mut lost) = (Vec::new(), 0);
        for line in BufReader::new(file).split(b'\n') {
            match serde_json::from_slice(&line.map_err(failed)?) {
                Ok(event) => events.push(event),
                Err(_) => lost += 1,
            }
        }
        events.sort_by_key(Event::at_ms);
        Ok((events, lost))
    }
}

/// The file of events, and what is about to be written to it.
struct Events {
    path: PathBuf,
    file: Mutex<(File, Vec<u8>)>,
}

impl EventSink for Events {
    fn add(&self, event: Event) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing into memory cannot fail.
        let _ = serde_json::to_writer(&mut file.1, &event);
        file.1.push(b'\n');
    }

    fn flush(&self) {
        let (file, lines) = &mut *self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return;
        }
        if let Err(error) = file.write_all(lines) {
            anstream::eprintln!("danelaw: {}: {error}; events are lost", self.path.display());
        }
        lines.clear();
    }
}

fn fresh_secret() -> Result<String, UsageError> {
    let mut octets = [0; 32];
    let mut random = File::open("/dev/urandom").map_err(|e| UsageError(format!("/dev/urandom: {e}")))?;
    random.read_exact(&mut octets).map_err(|e| UsageError(format!("/dev/urandom: {e}")))?;
    Ok(data_encoding::HEXLOWER.encode(&octets))
}
