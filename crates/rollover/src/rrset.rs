//! A TLSA RRset's data: records in no order, each once.

use dane::tlsa::{Tlsa, TlsaError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The records of one TLSA RRset. Equal if and only if the records are the same. Stored as presentation forms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct RrSet(Vec<Tlsa>);

impl RrSet {
    /// The records, in canonical order.
    #[must_use]
    pub fn records(&self) -> &[Tlsa] {
        &self.0
    }

    /// Whether there is none: the RRset does not exist.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The records of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).cloned().collect()
    }

    /// The records that the other has not.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.0.iter().filter(|record| !other.0.contains(record)).cloned().collect()
    }

    /// Usage, selector and matching type of the records that senders can use.
    #[must_use]
    pub fn combinations(&self) -> BTreeSet<(u8, u8, u8)> {
        self.0.iter().filter(|record| record.usability().is_ok()).map(combination).collect()
    }

    /// The records with one combination of usage, selector and matching type.
    pub(crate) fn of(&self, wanted: (u8, u8, u8)) -> Vec<Tlsa> {
        self.0.iter().filter(|record| combination(record) == wanted).cloned().collect()
    }
}

fn combination(record: &Tlsa) -> (u8, u8, u8) {
    (record.usage, record.selector, record.matching)
}

impl FromIterator<Tlsa> for RrSet {
    fn from_iter<I: IntoIterator<Item = Tlsa>>(records: I) -> Self {
        let mut records: Vec<Tlsa> = records.into_iter().collect();
        records.sort_by(|a, b| (combination(a), &a.data).cmp(&(combination(b), &b.data)));
        records.dedup();
        Self(records)
    }
}

impl TryFrom<Vec<String>> for RrSet {
    type Error = TlsaError;

    fn try_from(lines: Vec<String>) -> Result<Self, TlsaError> {
        lines.iter().map(|line| line.parse()).collect()
    }
}

impl From<RrSet> for Vec<String> {
    fn from(set: RrSet) -> Self {
        set.0.iter().map(ToString::to_string).collect()
    }
}
