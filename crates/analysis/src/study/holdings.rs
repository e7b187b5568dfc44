//! What an archive holds: who looked, when, and when not.

use super::{Grid, Settings, grids};
use archive::states::Archive;
use dane::Epoch;

/// Who looked, and at how much.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// Vantage points, by name.
    pub watches: Vec<Watch>,
    /// Servers seen in one round, at most.
    pub servers: u32,
    /// Domains seen in one round, at most.
    pub domains: u32,
}

/// The rounds of one vantage point.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Its name.
    pub name: String,
    /// Its rounds.
    pub grid: Grid,
}

impl Holdings {
    /// Of an archive, as far as the settings want it.
    #[must_use]
    pub fn of(archive: &Archive, settings: &Settings) -> Self {
        let taken = || archive.snapshots().iter().filter(|snapshot| settings.takes(snapshot.scheduled_s));
        let watches = grids(archive, settings, |_| true);
        Self {
            watches: watches.into_iter().map(|(name, grid)| Watch { name: archive.parts().text(name).to_owned(), grid }).collect(),
            servers: taken().filter_map(|snapshot| snapshot.servers).max().unwrap_or(0),
            domains: taken().filter_map(|snapshot| snapshot.domains).max().unwrap_or(0),
        }
    }

    /// The first and the last round of all. `None`: there is none.
    #[must_use]
    pub fn period(&self) -> Option<(Epoch, Epoch)> {
        let ends = || self.watches.iter().filter_map(|watch| Some((*watch.grid.times().first()?, *watch.grid.times().last()?)));
        Some((ends().map(|(first, _)| first).min()?, ends().map(|(_, last)| last).max()?))
    }
}

impl Watch {
    /// Slots between the first round and the last in which nothing was measured.
    #[must_use]
    pub fn missed(&self) -> u64 {
        let times = self.grid.times();
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return 0 };
        let slots = last.abs_diff(*first) / self.grid.interval().unsigned_abs().max(1) + 1;
        slots.saturating_sub(times.len() as u64)
    }

    /// Rounds that did not reach every target.
    #[must_use]
    pub fn incomplete(&self) -> u64 {
        (0..self.grid.len()).filter(|round| !self.grid.is_complete(*round)).count() as u64
    }
}
