//! Numbers of domains by round, as lists of changes; and rounds as lists of ranges: most hosts are bad seldom, and most domains change seldom.

use super::Uses;
use crate::study::Steps;
use archive::states::model::{MxSetId, WordId};
use std::ops::Range;

/// Half-open ranges of rounds, in order, none touching another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<Range<u32>>);

impl Ranges {
    /// Adds a range that begins no earlier than the last one.
    pub fn push(&mut self, range: Range<u32>) {
        match self.0.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => self.0.push(range),
        }
    }

    /// The rounds in any of several lists.
    pub fn union<'r>(of: impl IntoIterator<Item = &'r Ranges>) -> Self {
        let mut all: Vec<Range<u32>> = of.into_iter().flat_map(|ranges| ranges.0.iter().cloned()).collect();
        all.sort_unstable_by_key(|range| range.start);
        let mut union = Self::default();
        all.into_iter().for_each(|range| union.push(range));
        union
    }

    /// They, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Range<u32>> {
        self.0.iter()
    }
}

/// Domains of one top-level domain that have the same MX hosts, as many of them with TLSA records.
#[derive(Debug)]
pub struct Group {
    /// The hosts.
    pub mx: MxSetId,
    /// The top-level domain.
    pub tld: Option<WordId>,
    /// How many of the hosts have TLSA records.
    pub tlsa: u16,
    /// Rounds in order, and how many domains there are from each on.
    counts: Vec<(u32, i64)>,
}

/// All domains by group.
pub fn groups(mut uses: Vec<Uses>) -> Vec<Group> {
    let key = |uses: &Uses| (uses.mx, uses.tld, uses.tlsa);
    uses.sort_unstable_by_key(key);
    let group = |uses: &[Uses]| {
        let mut changes: Vec<(u32, i64)> = uses.iter().flat_map(|uses| [(uses.from, 1), (uses.to, -1)]).collect();
        changes.sort_unstable_by_key(|(round, _)| *round);
        let mut sum = 0;
        let mut counts: Vec<(u32, i64)> = Vec::new();
        for (round, change) in changes {
            sum += change;
            match counts.last_mut() {
                Some((last, count)) if *last == round => *count = sum,
                _ => counts.push((round, sum)),
            }
        }
        uses.first().map(|first| Group { mx: first.mx, tld: first.tld, tlsa: first.tlsa, counts })
    };
    uses.chunk_by(|one, other| key(one) == key(other)).filter_map(group).collect()
}

impl Group {
    /// Stretches with the same number of domains; the last one ends with none.
    fn stretches(&self) -> impl Iterator<Item = (Range<u32>, i64)> + '_ {
        self.counts.windows(2).map(|pair| (pair[0].0..pair[1].0, pair[0].1)).filter(|(_, count)| *count > 0)
    }

    /// The most domains that there were at a time.
    pub fn most(&self) -> u64 {
        self.counts.iter().map(|(_, count)| u64::try_from(*count).unwrap_or(0)).max().unwrap_or(0)
    }

    /// Adds the domains at all times, each so many times.
    pub fn add_all(&self, steps: &mut Steps, times: i64) {
        for (range, count) in self.stretches() {
            steps.add(&(range.start as usize..range.end as usize), count * times);
        }
    }

    /// Adds the domains in these rounds.
    pub fn add_within(&self, rounds: &Ranges, steps: &mut Steps) {
        let mut ranges = rounds.iter().peekable();
        for (stretch, count) in self.stretches() {
            while ranges.next_if(|range| range.end <= stretch.start).is_some() {}
            // A range may reach into the next stretch, and is needed there again.
            for range in ranges.clone().take_while(|range| range.start < stretch.end) {
                let both = range.start.max(stretch.start) as usize..range.end.min(stretch.end) as usize;
                steps.add(&both, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every placement of a range over two stretches, counted round by round.
    #[test]
    fn domains_within_rounds_are_what_counting_gives() {
        let mx = MxSetId::new(1).unwrap();
        let uses = |from, to| Uses { mx, tld: None, tlsa: 1, from, to };
        let all = [uses(2, 9), uses(5, 7), uses(0, 3), uses(7, 9)];
        let group = groups(all.to_vec()).remove(0);
        for start in 0..10 {
            for end in start + 1..11 {
                let mut ranges = Ranges::default();
                ranges.push(start..end);
                ranges.push(12..13);
                let mut steps = Steps::default();
                group.add_within(&ranges, &mut steps);
                let wanted: Vec<u64> = (0..14_u32)
                    .map(|round| {
                        if (start..end).contains(&round) {
                            all.iter().filter(|u| (u.from..u.to).contains(&round)).count() as u64
                        } else {
                            0
                        }
                    })
                    .collect();
                assert_eq!(steps.counts(14), wanted, "{start}..{end}");
            }
        }
    }

    #[test]
    fn unions_are_what_rounds_say() {
        for mask in 0_u32..1 << 10 {
            let (mut one, mut other) = (Ranges::default(), Ranges::default());
            (0..5).filter(|bit| mask >> bit & 1 == 1).for_each(|bit| one.push(bit * 2..bit * 2 + 2));
            (0..5).filter(|bit| mask >> (bit + 5) & 1 == 1).for_each(|bit| other.push(bit * 2 + 1..bit * 2 + 3));
            let has = |ranges: &Ranges, round: u32| ranges.iter().any(|range| range.contains(&round));
            let union = Ranges::union([&one, &other]);
            for round in 0..12 {
                assert_eq!(has(&union, round), has(&one, round) || has(&other, round), "{one:?} {other:?} {round}");
            }
            assert!(union.0.windows(2).all(|pair| pair[0].end < pair[1].start), "{union:?}");
        }
    }
}
