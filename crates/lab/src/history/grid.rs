//! The rounds of all vantage points, and those that failed.

use super::random::Chance;
use dane::Epoch;

/// Number of a round, from 0.
pub type Round = i64;

/// Rounds of an hour.
pub const HOUR: i64 = 3600;
/// Rounds of a day.
pub const DAY: Round = 24;

/// Which rounds there are.
#[derive(Clone, Debug)]
pub struct Grid {
    /// When round 0 is.
    pub start: Epoch,
    /// How many there are.
    pub count: Round,
    /// Stretches of missed rounds, first and last, the same at every vantage point.
    pub outages: Vec<(Round, Round)>,
    /// By vantage point and round: somebody looked.
    looked: Vec<Vec<bool>>,
    /// By round: how many of those before it were missed anywhere.
    missed_before: Vec<u32>,
}

impl Grid {
    /// Hourly rounds of so many days. Every ten to thirty days some are missed: mostly one, sometimes a day or two, at some of them more at
    /// one vantage point than at another.
    pub fn new(start: Epoch, days: u32, vantages: usize, chance: &mut Chance) -> Self {
        let count = Round::from(days) * DAY;
        let mut looked = vec![vec![true; count as usize]; vantages];
        let (mut outages, mut at) = (Vec::new(), 0);
        loop {
            at += chance.between(10 * DAY, 30 * DAY);
            let length = match chance.next() % 10 {
                0 if days > 100 => chance.between(DAY, 2 * DAY),
                1 | 2 => chance.between(2, 6),
                _ => 1,
            };
            if at + length + 4 >= count {
                break;
            }
            let everywhere = vantages == 1 || chance.percent(70);
            for rounds in &mut looked {
                let more = if everywhere { 0 } else { chance.between(0, 3) };
                rounds[at as usize..(at + length + more) as usize].fill(false);
            }
            if everywhere {
                outages.push((at, at + length - 1));
            }
        }
        let mut missed_before = vec![0];
        for round in 0..count as usize {
            let missed = looked.iter().any(|rounds| !rounds[round]);
            missed_before.push(missed_before[round] + u32::from(missed));
        }
        Self { start, count, outages, looked, missed_before }
    }

    /// How many vantage points there are.
    pub fn vantages(&self) -> usize {
        self.looked.len()
    }

    /// When a round is.
    pub fn time(&self, round: Round) -> Epoch {
        self.start + round * HOUR
    }

    /// Whether somebody looked.
    pub fn looked(&self, vantage: usize, round: Round) -> bool {
        usize::try_from(round).ok().and_then(|round| self.looked.get(vantage)?.get(round)).copied().unwrap_or(false)
    }

    /// Whether everybody looked in all rounds from one to another, both included.
    pub fn all_looked(&self, from: Round, to: Round) -> bool {
        let inside = from >= 0 && to < self.count && from <= to;
        inside && self.missed_before[from as usize] == self.missed_before[to as usize + 1]
    }

    /// The times at which a vantage point really looked.
    pub fn times(&self, vantage: usize) -> Vec<Epoch> {
        (0..self.count).filter(|round| self.looked(vantage, *round)).map(|round| self.time(round)).collect()
    }
}
