//! Years of hourly states of thousands of mail servers, from a seed, with the truth beside them.
//!
//! The model plans each server: its kind by the shares of P22, when it renews certificates, and how each change is carried
//! out. A way of doing it has one grade by the definition of P22 section 6, so the truth is known without looking. Missed rounds, outages,
//! block lists and differences between vantage points are put where they touch no planned change, or planned because they do.
//!
//! What is not modelled: addresses (one stream per server and vantage point, as the studies have it), and servers that change between secure
//! and insecure more than once.

mod choice;
mod customers;
mod dane_study;
pub mod domains;
mod faults;
mod grid;
mod pki;
mod plan;
mod random;
mod records;
mod server;
mod steps;
mod timeline;
mod truth;
mod wire;

pub use customers::Stay;
pub use dane_study::{Packing, Written};
pub use plan::{Class, Manner, Profile, Usage};
pub use timeline::{Answer, ChainId, Dnssec, SetId, Sight, Stretch};
pub use truth::{ChangeTruth, Counts, Initial, MistakesTruth, P20, P20Standing, ServerTruth, ServerVerdict, Where};

use crate::parallel::parallel;
use crate::seed::Seed;
use dane::Epoch;
use dane::observation::CertificateBytes;
use dane::tlsa::Tlsa;
use grid::Grid;
use pki::Pki;
use random::Chance;
use records::Material;
use serde::Serialize;
use server::{Server, Shared};
use timeline::Timeline;

/// Seconds of a day.
const DAY_S: i64 = 86_400;
/// Days that a history has at least: below, a rollover with a long TTL does not fit.
pub const LEAST_DAYS: u32 = 14;
/// The vantage points of P20, in the order in which a history has them.
pub const CITIES: [&str; 5] = ["virginia", "oregon", "paris", "sydney", "saopaulo"];

/// What to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryConfig {
    /// Mail servers.
    pub servers: usize,
    /// Days, of 24 rounds each; at least [`LEAST_DAYS`].
    pub days: u32,
    /// Everything is a function of it.
    pub seed: u64,
    /// Midnight UTC at which it begins.
    pub start: Epoch,
    /// Vantage points, one to five.
    pub vantages: usize,
}

impl HistoryConfig {
    /// 100 servers, 30 days from 2019-07-13 on (the first day of P22), one vantage point.
    #[must_use]
    pub fn new() -> Self {
        Self { servers: 100, days: 30, seed: 1, start: 1_562_976_000, vantages: 1 }
    }
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// Why there is no such history.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Too few days.
    #[error("a history has at least {LEAST_DAYS} days; {0} are too few")]
    Days(u32),
    /// No vantage point, or more than there are.
    #[error("a history has one to five vantage points; not {0}")]
    Vantages(usize),
    /// It begins in the middle of a day, or outside the years 1980 to 2200.
    #[error("a history begins at midnight UTC, in the years from 1980 to 2200; not at {0}")]
    Start(Epoch),
}

/// What changed of one server at one vantage point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The first round that sees it.
    pub at: Epoch,
    /// Index of the server.
    pub server: usize,
    /// Index of the vantage point.
    pub vantage: usize,
    /// What is seen from now on; `None`: the server is no more.
    pub sight: Option<Sight>,
}

/// A history.
pub struct History {
    config: HistoryConfig,
    grid: Grid,
    pki: Pki,
    material: Material,
    timelines: Vec<Timeline>,
    truth: Vec<ServerTruth>,
}

/// What `truth.json` holds.
#[derive(Serialize)]
struct TruthFile<'a> {
    config: &'a HistoryConfig,
    interval: i64,
    vantages: &'a [&'a str],
    rounds: i64,
    missed: Vec<Vec<Epoch>>,
    counts: Counts,
    servers: &'a [ServerTruth],
}

impl History {
    /// Plans all of it.
    ///
    /// # Errors
    /// A configuration that cannot be.
    pub fn new(config: HistoryConfig) -> Result<Self, HistoryError> {
        if config.days < LEAST_DAYS {
            return Err(HistoryError::Days(config.days));
        }
        if !(1..=CITIES.len()).contains(&config.vantages) {
            return Err(HistoryError::Vantages(config.vantages));
        }
        if config.start % 86_400 != 0 || !(315_532_800..7_258_118_400).contains(&config.start) {
            return Err(HistoryError::Start(config.start));
        }
        let seed = Seed::new(config.seed).child("history");
        let grid = Grid::new(config.start, config.days, config.vantages, &mut Chance::of(&seed, "grid"));
        let pki = Pki::new(&seed, config.start);
        let mut history = Self { grid, pki, material: Material::default(), timelines: Vec::new(), truth: Vec::new(), config };
        let plans = plan::plans(history.config.servers, &mut Chance::of(&seed, "plans"));
        // Let's Encrypt changed its intermediate in the sixteenth of P22's twenty months.
        let switch = history.grid.count * 3 / 4;
        let mut shared = Shared { grid: &history.grid, pki: &history.pki, material: &mut history.material, switch };
        for (number, plan) in plans.into_iter().enumerate() {
            let host = host(number, plan.class);
            let chance = Chance::of(&seed, &format!("server {number}"));
            let (timeline, truth) = Server::new(&mut shared, plan, host, chance).live();
            history.timelines.push(timeline);
            history.truth.push(truth);
        }
        Ok(history)
    }

    /// What it was made from.
    #[must_use]
    pub fn config(&self) -> &HistoryConfig {
        &self.config
    }

    /// Seconds between rounds.
    #[must_use]
    pub fn interval(&self) -> i64 {
        grid::HOUR
    }

    /// The times at which a vantage point really looked.
    #[must_use]
    pub fn rounds(&self, vantage: usize) -> Vec<Epoch> {
        self.grid.times(vantage)
    }

    /// What is known of every server, by index.
    #[must_use]
    pub fn truth(&self) -> &[ServerTruth] {
        &self.truth
    }

    /// What tables over the whole history must say.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(&self.truth, self.grid.time(self.grid.count * 15 / 100))
    }

    /// The records of a set.
    #[must_use]
    pub fn records(&self, set: SetId) -> &[Tlsa] {
        self.material.sets().get(set as usize).map_or(&[], Vec::as_slice)
    }

    /// The certificates of a chain, made now.
    #[must_use]
    pub fn certificates(&self, chain: ChainId) -> Vec<CertificateBytes> {
        self.material.leaves().get(chain as usize).map_or_else(Vec::new, |leaf| self.pki.chain(leaf))
    }

    /// How many sets and chains there are.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        (self.material.sets().len(), self.material.leaves().len())
    }

    /// Everything that one vantage point could see of a server, in order. Rounds in which it did not look are not left out: see
    /// [`History::rounds`].
    #[must_use]
    pub fn stretches(&self, server: usize, vantage: usize) -> Vec<Stretch> {
        self.timelines.get(server).map_or_else(Vec::new, |timeline| timeline.stretches(vantage, &self.grid))
    }

    /// All changes of all servers at all vantage points, in the order of time.
    pub fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        let servers: Vec<usize> = (0..self.timelines.len()).collect();
        let of_one = |server: &usize| {
            let mut out = Vec::new();
            for vantage in 0..self.config.vantages {
                let stretches = self.stretches(*server, vantage);
                out.extend(stretches.iter().map(|s| Change { at: s.from, server: *server, vantage, sight: Some(s.sight) }));
                let end = stretches.last().map(|s| s.to).filter(|end| *end < self.grid.time(self.grid.count));
                out.extend(end.map(|at| Change { at, server: *server, vantage, sight: None }));
            }
            out
        };
        let mut all: Vec<Change> = parallel(&servers, of_one).into_iter().flatten().collect();
        all.sort_by_key(|change| (change.at, change.server, change.vantage));
        all.into_iter()
    }

    /// The content of `truth.json`.
    #[must_use]
    pub fn truth_json(&self) -> String {
        let missed = |vantage| (0..self.grid.count).filter(|r| !self.grid.looked(vantage, *r)).map(|r| self.grid.time(r)).collect();
        let file = TruthFile {
            config: &self.config,
            interval: grid::HOUR,
            vantages: &CITIES[..self.config.vantages],
            rounds: self.grid.count,
            missed: (0..self.config.vantages).map(missed).collect(),
            counts: self.counts(),
            servers: &self.truth,
        };
        serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
    }
}

/// First and last moment of the signature over a TLSA set that is asked for at this time: they are made anew every midnight.
#[must_use]
pub fn signature(at: Epoch) -> (Epoch, Epoch) {
    let day = at - at.rem_euclid(86_400);
    (day - 86_400, day + 14 * 86_400)
}

/// Providers have many servers each under one domain; everybody else has one under the domain it is for.
fn host(number: usize, class: Class) -> String {
    let tld = ["com", "net", "org", "se"][number % 4];
    match class {
        Class::Outsourced => format!("mx{number}.provider{}.{tld}", number / 20),
        Class::OwnMail | Class::Own => format!("mail.own{number}.{tld}"),
    }
}
