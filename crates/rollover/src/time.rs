//! Time as an argument, and waits that no clock can cut short.

use dane::Epoch;
use serde::{Deserialize, Serialize};

/// A moment by two clocks: one that people and programs set, and one that only counts on.
///
/// Who has no clock of the second kind gives a boot that never changes and, as uptime, a time that he trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The time of day: for signatures, and for dates that people read.
    pub wall: Epoch,
    /// A number that is another one after each boot.
    pub boot: u64,
    /// Seconds since that boot, sleep included, by a clock that nobody sets.
    pub uptime: i64,
}

/// How long something has lasted, as far as it was counted by a clock that nobody sets.
///
/// A wall clock that jumps forward would end a wait too early, and mail would be lost. So what passes while the machine is down does not
/// count, and a wait lasts that much longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    passed: i64,
    boot: u64,
    uptime: i64,
}

impl Wait {
    /// Nothing has passed yet.
    #[must_use]
    pub fn begin(now: Now) -> Self {
        Self { passed: 0, boot: now.boot, uptime: now.uptime }
    }

    /// Counts on until `now`.
    pub fn count(&mut self, now: Now) {
        if self.boot != now.boot {
            *self = Self { passed: self.passed, boot: now.boot, uptime: now.uptime };
        } else if now.uptime > self.uptime {
            self.passed = self.passed.saturating_add(now.uptime.saturating_sub(self.uptime));
            self.uptime = now.uptime;
        }
    }

    /// Seconds that are missing to `needed`; 0: it has passed.
    #[must_use]
    pub fn left(&self, needed: i64) -> i64 {
        needed.saturating_sub(self.passed).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_steady_clock_counted_has_passed() {
        let at = |wall, boot, uptime| Now { wall, boot, uptime };
        let mut wait = Wait::begin(at(1000, 1, 100));
        wait.count(at(1_000_000, 1, 160));
        assert_eq!(wait.left(100), 40, "the wall clock jumped");
        wait.count(at(0, 1, 130));
        assert_eq!(wait.left(100), 40, "no clock of this kind runs back");
        wait.count(at(2000, 2, 5));
        assert_eq!(wait.left(100), 40, "how long it was down nobody counted");
        wait.count(at(2000, 2, 45));
        assert_eq!((wait.left(100), wait.left(99)), (0, 0));
    }
}
