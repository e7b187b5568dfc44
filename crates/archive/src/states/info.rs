//! What is in an archive, at a glance.

use super::model::{Epoch, Snapshot, WordId};
use super::store::Archive;
use serde::Serialize;
use std::collections::BTreeMap;

/// What an archive holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Info {
    /// Version of the tables.
    pub schema: u16,
    /// Version of danelaw that wrote the last checkpoint.
    pub danelaw: String,
    /// Rounds of all vantage points.
    pub rounds: u64,
    /// Of these, rounds that no checkpoint has written into tables yet.
    pub rounds_in_log: u64,
    /// Octets of the log.
    pub log_octets: u64,
    /// Octets of all tables.
    pub octets: u64,
    /// The round that was being written when the last writer was cut off, in words.
    pub torn: Option<String>,
    /// By name.
    pub vantages: Vec<VantageInfo>,
    /// By name. What is in the log is in none.
    pub tables: Vec<TableSize>,
}

/// The rounds of one vantage point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VantageInfo {
    /// Its name.
    pub vantage: String,
    /// How many took place.
    pub rounds: u64,
    /// Slots between them in which none did: as many as would fit by what the round before each gap stands for.
    pub missed: u64,
    /// Rounds in which a target has no record.
    pub incomplete: u64,
    /// First slot.
    pub first_s: Epoch,
    /// Last slot.
    pub last_s: Epoch,
    /// Seconds that the last round stands for.
    pub every_s: u32,
    /// Looks at servers.
    pub servers: u64,
    /// Looks at domains.
    pub domains: u64,
}

/// One table's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableSize {
    /// Its name.
    pub table: String,
    /// Files.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Octets of them.
    pub octets: u64,
}

impl Archive {
    /// What is in it, by its manifest, its snapshots and its log: no table of states is read.
    #[must_use]
    pub fn info(&self) -> Info {
        let mut tables: BTreeMap<&str, TableSize> = BTreeMap::new();
        for entry in &self.manifest.files {
            let empty = || TableSize { table: entry.table.clone(), files: 0, rows: 0, octets: 0 };
            let size = tables.entry(&entry.table).or_insert_with(empty);
            size.files += 1;
            size.rows += entry.rows;
            size.octets += entry.octets;
        }
        let mut vantages: BTreeMap<WordId, VantageInfo> = BTreeMap::new();
        // By vantage point and slot.
        for (index, round) in self.snapshots.iter().enumerate() {
            let before = index.checked_sub(1).map(|index| &self.snapshots[index]).filter(|before| before.vantage == round.vantage);
            let count = |many: Option<u32>| u64::from(many.unwrap_or(0));
            let info = vantages.entry(round.vantage).or_insert_with(|| VantageInfo {
                vantage: self.parts.text(round.vantage).to_owned(),
                rounds: 0,
                missed: 0,
                incomplete: 0,
                first_s: round.scheduled_s,
                last_s: round.scheduled_s,
                every_s: round.every_s,
                servers: 0,
                domains: 0,
            });
            info.rounds += 1;
            info.missed += before.map_or(0, |before| missed(before, round));
            info.incomplete += u64::from(!round.complete);
            (info.last_s, info.every_s) = (round.scheduled_s, round.every_s);
            info.servers += count(round.servers);
            info.domains += count(round.domains);
        }
        let mut vantages: Vec<VantageInfo> = vantages.into_values().collect();
        vantages.sort_by(|a, b| a.vantage.cmp(&b.vantage));
        let tables: Vec<TableSize> = tables.into_values().collect();
        Info {
            schema: self.manifest.schema,
            danelaw: self.manifest.danelaw.clone(),
            rounds: self.snapshots.len() as u64,
            rounds_in_log: self.log.lines.len() as u64,
            log_octets: self.log.length,
            octets: tables.iter().map(|table| table.octets).sum(),
            torn: self.log.torn.as_ref().map(ToString::to_string),
            vantages,
            tables,
        }
    }
}

/// Slots between two rounds that follow each other.
fn missed(before: &Snapshot, after: &Snapshot) -> u64 {
    let gap = after.scheduled_s.saturating_sub(before.until());
    u64::try_from(gap / i64::from(before.every_s.max(1))).unwrap_or(0)
}
