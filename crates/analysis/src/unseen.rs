//! What could not be looked at, and who stood in the way? Kept apart from everything that is right or wrong.

use crate::failures::FailureRow;
use dane::cause::{Party, Weight};
use serde::{Deserialize, Serialize};

/// One reason why something could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnseenRow {
    /// The reason, as in the table of failures.
    #[serde(flatten)]
    pub row: FailureRow,
    /// Whether it lies with us: then the remedy is ours, too.
    pub ours: bool,
}

/// The rows that say *could not look*; those that say something of ourselves; and the rest, which say what is.
pub(crate) fn split(rows: Vec<FailureRow>) -> (Vec<UnseenRow>, Vec<FailureRow>, Vec<FailureRow>) {
    let (unseen, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(|r| r.weight == Weight::Unknown);
    let (ourselves, seen) = rest.into_iter().partition(|r| r.party == Party::Us);
    (unseen.into_iter().map(|row| UnseenRow { ours: row.party == Party::Us, row }).collect(), ourselves, seen)
}
