//! OpenINTEL's forward DNS measurements: Parquet files with a row for each record of each answer.
//!
//! A day (UTC, by `timestamp`) is a round; a domain is a name whose MX records were asked for. What a row has beyond the columns used
//! here is passed over. MX hosts, name servers, DS and DNSKEY are those of the domain's own answers; addresses and TLSA records of a
//! host are found wherever the day's files have them, by the names `HOST` and `_25._tcp.HOST`.
//!
//! DNSSEC status is what the resolver said: `ad_flag` set is secure; not set is insecure, *signed* told by RRSIG records over the MX records;
//! SERVFAIL is no answer, for nobody kept why.

mod day;
mod file;

pub use file::{Rows, check};

use crate::Error;
use crate::states::model::Snapshot;
use crate::states::{Appended, Round, Writer};
use dane::Epoch;
use day::Day;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const DAY: i64 = 86_400;

/// What became of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// Rows used.
    pub rows: u64,
    /// Days that are new.
    pub new: u64,
    /// Days that came after later ones, and are where they belong.
    pub late: u64,
    /// Days that were there already.
    pub known: u64,
    /// Days that could not be taken up: why, a line each.
    pub refused: Vec<String>,
    /// States that began or ended by new days.
    pub changes: u64,
    /// Domains of all days.
    pub domains: u64,
}

/// Takes files in the order of time and makes a round of each day. A day may be spread over files that follow each other.
pub struct Import<'a> {
    writer: &'a mut Writer,
    vantage: String,
    danelaw: String,
    days: BTreeMap<Epoch, Day>,
    closed: BTreeSet<Epoch>,
    took: Took,
}

impl<'a> Import<'a> {
    /// Into this archive, as what this vantage point saw; by this version of danelaw.
    pub fn new(writer: &'a mut Writer, vantage: &str, danelaw: &str) -> Self {
        let (days, closed) = (BTreeMap::new(), BTreeSet::new());
        Self { writer, vantage: vantage.to_owned(), danelaw: danelaw.to_owned(), days, closed, took: Took::default() }
    }

    /// Takes all rows of a file; `aside` is told of rows that cannot be used: number from 1, reason, name asked for.
    ///
    /// # Errors
    /// If the file cannot be read to its end: then nothing of its days is in the archive. Those of the archive.
    pub fn file(&mut self, path: &Path, mut aside: impl FnMut(u64, &'static str, &str)) -> Result<(), Error> {
        let mut touched = BTreeSet::new();
        let mut number = 0;
        file::read(path, |row| {
            number += 1;
            let Some(at) = row.timestamp_ms else { return aside(number, "timestamp: none", row.query_name) };
            let day = at.div_euclid(1000).div_euclid(DAY).saturating_mul(DAY);
            if self.closed.contains(&day) {
                return aside(number, "its day was taken up already: name the files in the order of their days", row.query_name);
            }
            touched.insert(day);
            match self.days.entry(day).or_default().row(&row) {
                Ok(()) => self.took.rows += 1,
                Err(reason) => aside(number, reason, row.query_name),
            }
        })?;
        let whole: Vec<Epoch> = self.days.keys().filter(|day| !touched.contains(day)).copied().collect();
        whole.into_iter().try_for_each(|day| self.close(day))
    }

    /// What has been done so far.
    #[must_use]
    pub fn took(&self) -> &Took {
        &self.took
    }

    /// The end of the last file.
    ///
    /// # Errors
    /// Those of the archive.
    pub fn finish(mut self) -> Result<Took, Error> {
        while let Some(day) = self.days.keys().next().copied() {
            self.close(day)?;
        }
        self.writer.checkpoint()?;
        Ok(self.took)
    }

    fn close(&mut self, slot: Epoch) -> Result<(), Error> {
        let Some(day) = self.days.remove(&slot) else { return Ok(()) };
        self.closed.insert(slot);
        let looks = day.looks(self.writer.parts());
        if looks.is_empty() {
            return Ok(());
        }
        let parts = self.writer.parts();
        let domains = looks.len() as u64;
        let snapshot = Snapshot {
            vantage: parts.word(&self.vantage),
            scheduled_s: slot,
            every_s: 86_400,
            started_s: slot,
            finished_s: Some(slot.saturating_add(DAY)),
            clock_offset_ms: None,
            targets_sha256: None,
            targets: domains,
            done: domains,
            servers: None,
            domains: None,
            complete: true,
            config_sha256: None,
            versions: crate::states::model::Versions { danelaw: Some(parts.word(&self.danelaw)), ..Default::default() },
            content: Default::default(),
        };
        match self.writer.append(&Round { snapshot, servers: None, domains: Some(looks) }) {
            Ok(Appended::New { changes }) => {
                self.took.new += 1;
                self.took.changes += changes as u64;
            }
            Ok(Appended::Late) => self.took.late += 1,
            Ok(Appended::Known) => self.took.known += 1,
            Err(error @ Error::Round { .. }) => {
                self.took.refused.push(error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        self.took.domains += domains;
        Ok(())
    }
}
