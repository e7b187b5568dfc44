//! Chance that is the same on every machine, and shares that come out exactly.

use crate::seed::Seed;

/// A stream of pseudo-random numbers: `SplitMix64`, fast and good enough for choices.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The stream at a place of the tree of seeds.
    pub fn of(seed: &Seed, label: &str) -> Self {
        let mut first = [0; 8];
        first.copy_from_slice(&seed.child(label).bytes()[..8]);
        Self(u64::from_be_bytes(first))
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included; `low` if there is none between.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0) + 1;
        low + i64::try_from(self.next() % span).unwrap_or(0)
    }

    /// True so many times of a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        let index = usize::try_from(self.next() % among.len().max(1) as u64).unwrap_or(0);
        &among[index]
    }

    /// Puts things into another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = usize::try_from(self.next() % (last as u64 + 1)).unwrap_or(0);
            things.swap(last, other);
        }
    }

    /// So many things in some order, of each its share to within one: shares are weights, and remainders go to the largest first.
    pub fn shares<T: Clone>(&mut self, count: usize, weights: &[(T, f64)]) -> Vec<T> {
        let whole: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let exact: Vec<f64> = weights.iter().map(|(_, weight)| weight / whole * count as f64).collect();
        let mut counts: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by(|a, b| exact[*b].fract().total_cmp(&exact[*a].fract()).then(a.cmp(b)));
        let missing = count.saturating_sub(counts.iter().sum());
        order.iter().cycle().take(missing).for_each(|i| counts[*i] += 1);
        let mut things: Vec<T> = weights.iter().zip(&counts).flat_map(|((t, _), n)| std::iter::repeat_n(t.clone(), *n)).collect();
        self.shuffle(&mut things);
        things
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_and_the_order_is_not() {
        let things = Chance::of(&Seed::new(1), "x").shares(1000, &[('a', 74.3), ('b', 25.65), ('c', 0.05)]);
        let count = |thing| things.iter().filter(|t| **t == thing).count();
        // 743, 256.5 and 0.5: the one that is left goes to the first of the two halves.
        assert_eq!((count('a'), count('b') + count('c')), (743, 257));
        assert!(!things.is_sorted());
        assert_eq!(things, Chance::of(&Seed::new(1), "x").shares(1000, &[('a', 74.3), ('b', 25.65), ('c', 0.05)]));
    }

    #[test]
    fn numbers_stay_between_their_limits_and_reach_them() {
        let mut chance = Chance::of(&Seed::new(1), "x");
        let numbers: Vec<i64> = (0..1000).map(|_| chance.between(-2, 2)).collect();
        assert!((-2..=2).all(|n| numbers.contains(&n)) && numbers.iter().all(|n| (-2..=2).contains(n)));
        assert_eq!(chance.between(5, 4), 5);
    }
}
