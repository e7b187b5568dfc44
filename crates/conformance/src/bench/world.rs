//! The zones of the benchmark, made once and kept, and the name servers that serve them.

use super::options::Options;
use super::query::{Flags, Query, ask};
use super::usage::on_core;
use super::{PORT, SERVERS};
use crate::process::Server;
use crate::{nsd, zone};
use lab::{Crowd, MailDomain};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Raise it when what [`Crowd::write`] writes changes: kept worlds are made anew.
const VERSION: u32 = 1;
/// Signatures must be valid for so long yet, seconds.
const SPARE: i64 = 2 * 86_400;
/// How long name servers may take to load everything.
const LOAD: Duration = Duration::from_secs(900);

/// The crowd, and where it is.
pub struct World {
    /// What there is.
    pub crowd: Crowd,
    /// Where its files are.
    pub directory: PathBuf,
    /// Where runs leave their files.
    pub runs: PathBuf,
    /// How long making it took; `None` if it was there already.
    pub made_in: Option<Duration>,
    names: usize,
}

/// Mail domains that are measured together.
pub struct Group<'a> {
    /// What they have in common.
    pub kind: Kind,
    /// The domains.
    pub domains: &'a [MailDomain],
}

/// Whether domains are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every answer has to be secure.
    Signed,
    /// Every answer of the domain itself has to be insecure.
    Unsigned,
}

impl Kind {
    /// As a word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Signed => "signed",
            Kind::Unsigned => "unsigned",
        }
    }

    /// The status that danelaw has to find.
    pub fn status(self) -> &'static str {
        match self {
            Kind::Signed => "secure",
            Kind::Unsigned => "insecure",
        }
    }
}

impl World {
    /// The world that the options describe: the kept one if its signatures are still good, else a new one.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn provide(options: &Options) -> Self {
        let crowd = options.crowd;
        let name = format!("world-{VERSION}-{}-{}-{}-{}-{}", crowd.signed, crowd.unsigned, crowd.providers, crowd.hosts, crowd.seed);
        let directory = std::path::absolute(options.directory.join(name)).expect("a current directory");
        let runs = options.directory.join("runs");
        let _ = fs::remove_dir_all(&runs);
        fs::create_dir_all(&runs).expect("directory for runs");
        let runs = std::path::absolute(runs).expect("a current directory");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX));
        if let Some(crowd) = kept(&directory).filter(|crowd| crowd.until > now + SPARE) {
            return Self { crowd, directory, runs, made_in: None, names: options.names };
        }
        let begun = Instant::now();
        let _ = fs::remove_dir_all(&directory);
        let crowd = Crowd::write(crowd, now, &directory).expect("the world is written");
        // Written last: a world without it is not complete.
        fs::write(directory.join("crowd.json"), serde_json::to_vec(&crowd).expect("plain data")).expect("crowd.json");
        Self { crowd, directory, runs, made_in: Some(begun.elapsed()), names: options.names }
    }

    /// Starts the name servers and waits until they answer. Returns how long that took, too.
    ///
    /// # Panics
    /// If they do not.
    #[must_use]
    pub fn serve(&self) -> (Vec<Server>, Duration) {
        let zones = zone::of_crowd(&self.crowd, &self.directory);
        let begun = Instant::now();
        let servers = on_core(SERVERS, || nsd::serve(&zones, PORT, &self.runs));
        for zone in [zones.first(), zones.last()].into_iter().flatten() {
            let query = Query::new(&zone.name, "SOA", Flags::Iterative);
            while !ask(SocketAddr::new(zone.servers[0], PORT), &query).is_some_and(|reply| reply.is_answer()) {
                assert!(begun.elapsed() < LOAD, "{} is not served: {}", zone.name, servers.iter().map(Server::log).collect::<String>());
                sleep(Duration::from_millis(100));
            }
        }
        (servers, begun.elapsed())
    }

    /// The address of a name server that has every mail domain's zone.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        let mail = self.crowd.zones.first().and_then(|zone| zone.servers.first()).expect("a zone with a server");
        SocketAddr::new(IpAddr::V4(*mail), PORT)
    }

    /// The signed domains that are looked up.
    #[must_use]
    pub fn signed(&self) -> Group<'_> {
        Group { kind: Kind::Signed, domains: &self.crowd.domains[..self.names] }
    }

    /// The unsigned domains.
    #[must_use]
    pub fn unsigned(&self) -> Group<'_> {
        Group { kind: Kind::Unsigned, domains: &self.crowd.domains[self.crowd.config.signed..] }
    }

    /// A file of the world.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

fn kept(directory: &Path) -> Option<Crowd> {
    serde_json::from_slice(&fs::read(directory.join("crowd.json")).ok()?).ok()
}
