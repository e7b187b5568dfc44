//! One look a day: what is told of years is told by days.

use super::Grid;
use dane::Epoch;
use std::collections::BTreeMap;
use std::ops::Range;

const DAY: i64 = 86_400;

/// The UTC days on which servers were looked at, and domains too if ever they were: of each day the first round of either kind.
#[derive(Clone, Debug, Default)]
pub struct Days {
    times: Vec<Epoch>,
    servers: Vec<usize>,
    domains: Vec<usize>,
}

impl Days {
    /// Of the rounds of both kinds.
    pub(super) fn new(servers: Option<&Grid>, domains: Option<&Grid>) -> Self {
        fn first(grid: Option<&Grid>) -> BTreeMap<i64, usize> {
            let mut days = BTreeMap::new();
            for (round, time) in grid.map_or(&[][..], Grid::times).iter().enumerate() {
                days.entry(time.div_euclid(DAY)).or_insert(round);
            }
            days
        }
        let (of_servers, of_domains) = (first(servers), first(domains));
        let mut days = Self::default();
        for (day, round) in of_servers {
            let domains = of_domains.get(&day);
            if domains.is_none() && !of_domains.is_empty() {
                continue;
            }
            days.times.push(day.saturating_mul(DAY));
            days.servers.push(round);
            days.domains.extend(domains);
        }
        days
    }

    /// The first second of each day, ascending.
    #[must_use]
    pub fn times(&self) -> &[Epoch] {
        &self.times
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The days whose look at servers is among these rounds.
    #[must_use]
    pub fn of_servers(&self, rounds: &Range<usize>) -> Range<usize> {
        within(&self.servers, rounds)
    }

    /// The days whose look at domains is among these rounds.
    #[must_use]
    pub fn of_domains(&self, rounds: &Range<usize>) -> Range<usize> {
        within(&self.domains, rounds)
    }
}

fn within(rounds: &[usize], range: &Range<usize>) -> Range<usize> {
    let before = |end: usize| rounds.partition_point(|round| *round < end);
    before(range.start)..before(range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_first_rounds() {
        let hourly = Grid::of(&[0, 3600, DAY + 7200, DAY + 10_800, 2 * DAY, 3 * DAY + 5], 3600);
        let daily = Grid::of(&[0, DAY, 3 * DAY], DAY);
        let days = Days::new(Some(&hourly), Some(&daily));
        assert_eq!(days.times(), [0, DAY, 3 * DAY], "a day on which only one kind was looked at is none");
        assert_eq!(days.of_servers(&(0..2)), 0..1);
        assert_eq!(days.of_servers(&(1..2)), 1..1, "not the day's first");
        assert_eq!(days.of_servers(&(1..6)), 1..3);
        assert_eq!(days.of_domains(&(1..3)), 1..3);
        assert_eq!(Days::new(Some(&hourly), None).len(), 4);
        assert!(Days::new(None, Some(&daily)).is_empty());
    }
}
