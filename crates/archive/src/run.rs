//! Runs in an archive: writing one, finding them, reading one.

use crate::record::{Record, Skipped};
use crate::{Damage, Error, PARQUET_FILES, Reader, Writer, columnar, on_this_machine};
use dane::Epoch;
use dane::name::Name;
use dane::observation::{DomainObservation, HostObservation, Observation, RunObservation, VantageObservation};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufReader, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const LOG: &str = "observations.jsonl";
const RUNS: &str = "runs";
/// What the name of a directory ends in that is being taken away.
const REMOVED: &str = ".removed";
/// Directories tried before giving up on a free name.
const NAMES_TRIED: u32 = 1000;

/// A run being written.
pub struct RunWriter {
    directory: PathBuf,
    log: Writer<BufWriter<File>>,
}

impl RunWriter {
    /// Begins a run below `archive`, which is made if it does not exist.
    ///
    /// # Errors
    /// Those of the system, with the place.
    pub fn create(archive: &Path, run: &RunObservation) -> Result<Self, Error> {
        let runs = on_this_machine(archive)?.join(RUNS);
        fs::create_dir_all(&runs).map_err(Error::io(&runs))?;
        let directory = free_directory(&runs, run)?;
        let path = directory.join(LOG);
        let file = OpenOptions::new().create_new(true).append(true).open(&path).map_err(Error::io(&path))?;
        // Tells others that this run is not over. Where the system has no locks, they cannot tell.
        file.lock().ok();
        let mut log = Writer::new(BufWriter::new(file));
        log.run(run).map_err(Error::io(&path))?;
        Ok(Self { directory, log })
    }

    /// Where the run is kept.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Appends one domain with its hosts, and hands it to the system.
    ///
    /// # Errors
    /// Those of the system. What was written before stays readable.
    pub fn observation(&mut self, observation: &Observation) -> Result<(), Error> {
        self.log.observation(observation).map_err(Error::io(&self.directory.join(LOG)))
    }

    /// Appends that a target was not looked at.
    ///
    /// # Errors
    /// As [`RunWriter::observation`].
    pub fn skipped(&mut self, skipped: &Skipped) -> Result<(), Error> {
        self.log.skipped(skipped).map_err(Error::io(&self.directory.join(LOG)))
    }

    /// Ends the run: the final metadata, the log made durable, the Parquet files.
    ///
    /// # Errors
    /// Those of the system. The log stays readable.
    pub fn finish(mut self, run: &RunObservation) -> Result<Run, Error> {
        let path = self.directory.join(LOG);
        self.log.run(run).map_err(Error::io(&path))?;
        let file = self.log.get_ref().get_ref();
        file.sync_all().map_err(Error::io(&path))?;
        // Closing it is not enough while a process that another thread is just starting has it open, too.
        file.unlock().ok();
        drop(self.log);
        let run = Run { directory: self.directory };
        run.write_parquet()?;
        Ok(run)
    }
}

/// Makes `<start>-<vantage>`, `<start>` if the vantage point has no name, or that with a number.
fn free_directory(runs: &Path, run: &RunObservation) -> Result<PathBuf, Error> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let vantage: String = run.vantage.name.chars().take(40).map(safe).collect();
    let base = format!("{}{}{vantage}", compact_time(run.started), if vantage.is_empty() { "" } else { "-" });
    for number in 1..NAMES_TRIED {
        let directory = runs.join(if number == 1 { base.clone() } else { format!("{base}-{number}") });
        match fs::create_dir(&directory) {
            Ok(()) => return Ok(directory),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::io(&directory)(e)),
        }
    }
    Err(Error::damaged(runs, "no free name for a new run"))
}

/// An archive on disk.
pub struct Archive {
    path: PathBuf,
}

impl Archive {
    /// Opens an archive that exists.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let here = on_this_machine(path)?;
        let runs = here.join(RUNS);
        match fs::metadata(&runs) {
            Ok(m) if m.is_dir() => Ok(Self { path: here }),
            Ok(_) => Err(Error::damaged(&runs, "not a directory")),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                Err(Error::damaged(path, "no archive here (no directory 'runs'); make one with 'danelaw scan LIST --archive DIR'"))
            }
            Err(e) => Err(Error::io(&runs)(e)),
        }
    }

    /// Takes away what is left of runs whose removal was cut off.
    ///
    /// # Errors
    /// Those of the system.
    pub fn sweep(&self) -> Result<(), Error> {
        let runs = self.path.join(RUNS);
        for entry in fs::read_dir(&runs).map_err(Error::io(&runs))? {
            let path = entry.map_err(Error::io(&runs))?.path();
            if is_removed(&path) {
                fs::remove_dir_all(&path).map_err(Error::io(&path))?;
            }
        }
        Ok(())
    }

    /// Its runs, oldest first.
    ///
    /// # Errors
    /// Those of the system.
    pub fn runs(&self) -> Result<Vec<Run>, Error> {
        let runs = self.path.join(RUNS);
        let mut found = Vec::new();
        for entry in fs::read_dir(&runs).map_err(Error::io(&runs))? {
            let directory = entry.map_err(Error::io(&runs))?.path();
            let run = Run { directory };
            if !is_removed(&run.directory) && (run.is_whole() || run.log().exists()) {
                found.push(run);
            }
        }
        found.sort_by(|a, b| a.directory.cmp(&b.directory));
        Ok(found)
    }
}

fn is_removed(directory: &Path) -> bool {
    directory.as_os_str().as_encoded_bytes().ends_with(REMOVED.as_bytes())
}

/// What a run says of one target.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// What was seen.
    Seen(Box<Observation>),
    /// It was not looked at.
    Skipped(Skipped),
}

/// One run on disk.
#[derive(Clone, Debug)]
pub struct Run {
    directory: PathBuf,
}

impl Run {
    /// The run in this directory.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf() }
    }

    /// Whether a process is writing it at this moment. Where the system has no locks: no.
    ///
    /// # Errors
    /// If its log cannot be opened.
    pub fn is_being_written(&self) -> Result<bool, Error> {
        match File::open(self.log()) {
            Ok(log) => Ok(matches!(log.try_lock_shared(), Err(TryLockError::WouldBlock))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Error::io(&self.log())(e)),
        }
    }

    /// Takes the run away, with all its records. Who is cut off in the middle leaves nothing that could be taken for a run.
    ///
    /// # Errors
    /// Those of the system.
    pub fn remove(self) -> Result<(), Error> {
        let mut aside = self.directory.clone().into_os_string();
        aside.push(REMOVED);
        fs::rename(&self.directory, &aside).map_err(Error::io(&self.directory))?;
        fs::remove_dir_all(&aside).map_err(Error::io(Path::new(&aside)))
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its metadata.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn metadata(&self) -> Result<RunObservation, Error> {
        if self.is_whole() {
            let found = columnar::read_run(&self.directory)?;
            return found.ok_or_else(|| Error::damaged(&self.directory, "the run's metadata is missing"));
        }
        let mut last = None;
        let mut log = self.open_log()?;
        while let Some(record) = log.next_record()? {
            if let Record::Run(run) = record {
                last = Some(*run);
            }
        }
        last.ok_or_else(|| Error::damaged(&self.log(), "the run's metadata is missing"))
    }

    /// Every target, observations first and in the order written, each with its hosts: from the Parquet files if they are whole, else from the log.
    /// Holds the run's hosts in memory, not its domains.
    ///
    /// # Errors
    /// If it cannot be read, or was written by a later version.
    pub fn items(&self, each: impl FnMut(Item)) -> Result<Damage, Error> {
        if !self.is_whole() {
            return read_log(&self.log(), each).map(|(_, damage)| damage);
        }
        let vantage = self.metadata()?.vantage;
        let mut join = Join { hosts: columnar::read_hosts(&self.directory)?, vantage, each };
        columnar::each_domain(&self.directory, |domain| join.domain(domain))?;
        columnar::each_skipped(&self.directory, |skipped| (join.each)(Item::Skipped(skipped)))?;
        Ok(Damage::default())
    }

    /// Makes the Parquet files from the log.
    ///
    /// # Errors
    /// Those of the system. The log is only read.
    pub fn write_parquet(&self) -> Result<(), Error> {
        columnar::write(&self.directory, &mut self.open_log()?)
    }

    fn is_whole(&self) -> bool {
        PARQUET_FILES.iter().all(|f| self.directory.join(format!("{f}.parquet")).exists())
    }

    fn log(&self) -> PathBuf {
        self.directory.join(LOG)
    }

    fn open_log(&self) -> Result<Reader<BufReader<File>>, Error> {
        open(&self.log())
    }
}

/// Reads a log by itself, as `scan --out FILE` writes it: the metadata and what had to be passed over.
///
/// # Errors
/// If it cannot be read, or was written by a later version.
pub fn read_log(path: &Path, each: impl FnMut(Item)) -> Result<(Option<RunObservation>, Damage), Error> {
    let mut join = Join { hosts: HashMap::new(), vantage: VantageObservation::default(), each };
    let mut run = None;
    let mut first = open(path)?;
    while let Some(record) = first.next_record()? {
        match record {
            Record::Run(r) => run = Some(*r),
            Record::Host(h) => {
                join.hosts.insert(h.host.clone(), Arc::from(h));
            }
            Record::Domain(_) | Record::Certificate(_) | Record::Skipped(_) => {}
        }
    }
    join.vantage = run.as_ref().map(|r| r.vantage.clone()).unwrap_or_default();
    let mut second = open(path)?;
    while let Some(record) = second.next_record()? {
        match record {
            Record::Domain(domain) => join.domain(*domain),
            Record::Skipped(skipped) => (join.each)(Item::Skipped(skipped)),
            Record::Run(_) | Record::Host(_) | Record::Certificate(_) => {}
        }
    }
    Ok((run, first.damage().clone()))
}

fn open(path: &Path) -> Result<Reader<BufReader<File>>, Error> {
    Ok(Reader::new(BufReader::new(File::open(path).map_err(Error::io(path))?), path))
}

/// Puts domains and hosts together. A run probes one service port, so that a host's name says which host it is.
struct Join<F> {
    hosts: HashMap<Name, Arc<HostObservation>>,
    vantage: VantageObservation,
    each: F,
}

impl<F: FnMut(Item)> Join<F> {
    fn domain(&mut self, domain: DomainObservation) {
        let hosts = dane::mx::hosts(&domain.domain, &domain.mx).iter().filter_map(|m| self.hosts.get(&m.host).cloned()).collect();
        (self.each)(Item::Seen(Box::new(Observation { domain, hosts, vantage: self.vantage.clone() })));
    }
}

/// `20261122T100312Z`, for file names that sort by time.
fn compact_time(at: Epoch) -> String {
    jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH).strftime("%Y%m%dT%H%M%SZ").to_string()
}
