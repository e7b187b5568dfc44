//! States for other people's programs: rows in which no number stands for something else, and the studies' hourly lines.

mod dane_study;
mod files;
mod rows;

pub use dane_study::{Written, dane_study};
pub use files::{Packing, Rows, write_table};
pub use rows::{Cells, TABLES, Table, rows};

use crate::Error;
use crate::states::Archive;
use crate::states::model::{Snapshot, Span, WordId};
use dane::Epoch;
use std::ops::Range;
use std::path::Path;

/// What is to be handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// One vantage point only, by its name.
    pub vantage: Option<String>,
    /// Rounds with slots in this time, and states that hold in it.
    pub time: Range<Epoch>,
}

impl Wanted {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self { vantage: None, time: Epoch::MIN..Epoch::MAX }
    }

    /// # Errors
    /// If the vantage point is none of the archive's.
    fn of(&self, archive: &Archive) -> Result<Only, Error> {
        let vantage = self.vantage.as_deref().map(|name| {
            let known = archive.parts().find_word(name).filter(|word| archive.snapshots().iter().any(|round| round.vantage == *word));
            known.ok_or_else(|| {
                let mut names: Vec<&str> = archive.snapshots().iter().map(|round| archive.parts().text(round.vantage)).collect();
                names.dedup();
                Error::damaged(Path::new(name), format!("no such vantage point; the archive has {}", names.join(", ")))
            })
        });
        Ok(Only { vantage: vantage.transpose()?, time: self.time.clone() })
    }
}

/// [`Wanted`] by the archive's number.
struct Only {
    vantage: Option<WordId>,
    time: Range<Epoch>,
}

impl Only {
    fn vantage(&self, vantage: WordId) -> bool {
        self.vantage.is_none_or(|only| only == vantage)
    }

    fn round(&self, round: &Snapshot) -> bool {
        self.vantage(round.vantage) && self.time.contains(&round.scheduled_s)
    }

    fn state(&self, vantage: WordId, span: Span) -> bool {
        self.vantage(vantage) && span.valid_from_s < self.time.end && span.valid_to_s > self.time.start
    }
}
