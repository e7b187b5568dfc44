//! When rounds begin. Everything here is a function of the time that it is given.
//!
//! Slots are seconds of UTC, which knows neither summer time nor time zones. A round begins at a slot, or a little after it; a slot that cannot
//! be met is missed, and the next one is tried: rounds never pile up, and none begins at a moment that only this machine knows. No slot is
//! begun twice, also not by a clock that is set back.

use aws_lc_rs::digest::{SHA256, digest};
use dane::Epoch;
use dane::name::Name;
use dane::observation::MissedSlots;
use std::time::Duration;

/// Milliseconds since 1970.
pub type EpochMs = i64;

/// A round may begin so late, as a part of the time between slots, and at most by [`LATEST_MS`].
const LATE_PART: i64 = 10;
/// Later, milliseconds, what is seen is not what others see at the slot.
const LATEST_MS: i64 = 60_000;

/// The slots of one series of rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    every_s: i64,
    origin_s: Epoch,
    /// The first slot that could be met.
    first_s: Epoch,
    /// When this process began.
    since_ms: EpochMs,
    /// The last slot that was begun.
    last_s: Option<Epoch>,
    /// When the round in it ended.
    free_ms: EpochMs,
    /// Up to here slots could not be used, for want of input.
    unusable_s: Option<Epoch>,
}

impl Schedule {
    /// Slots at all multiples of `every` (whole seconds, at least one) since 1970: the same ones for everybody. `last_s`: the last slot that an
    /// earlier process began, if one did.
    #[must_use]
    pub fn aligned(every: Duration, now: EpochMs, last_s: Option<Epoch>) -> Self {
        Self { last_s, ..Self::at(every, 0, now) }
    }

    /// Slots from now on.
    #[must_use]
    pub fn from_now(every: Duration, now: EpochMs) -> Self {
        let origin_s = now.div_euclid(1000) + i64::from(now.rem_euclid(1000) > 0);
        Self::at(every, origin_s, now)
    }

    fn at(every: Duration, origin_s: Epoch, now: EpochMs) -> Self {
        let every_s = i64::try_from(every.as_secs()).unwrap_or(i64::MAX).max(1);
        let new = Self { every_s, origin_s, first_s: origin_s, since_ms: now, last_s: None, free_ms: now, unusable_s: None };
        Self { first_s: new.next(now), ..new }
    }

    /// The first slot that can still be met.
    #[must_use]
    pub fn next(&self, now: EpochMs) -> Epoch {
        let earliest_ms = now.saturating_sub(self.tolerance_ms());
        let after = earliest_ms.saturating_sub(self.origin_s.saturating_mul(1000));
        let number = ceiling(after, self.every_s.saturating_mul(1000)).max(0);
        let slot = self.origin_s.saturating_add(number.saturating_mul(self.every_s));
        let unused = |last: Epoch| last.saturating_add(self.every_s);
        slot.max(self.last_s.map_or(slot, unused)).max(self.unusable_s.map_or(slot, unused))
    }

    /// How much later than its slot a round that begins now would begin, milliseconds. `None`: too late, or too early.
    #[must_use]
    pub fn late_ms(&self, slot: Epoch, now: EpochMs) -> Option<u64> {
        let late = now.saturating_sub(slot.saturating_mul(1000));
        if late <= self.tolerance_ms() { u64::try_from(late).ok() } else { None }
    }

    /// The slots since the last one begun that a round in `slot` leaves behind.
    #[must_use]
    pub fn missed(&self, slot: Epoch) -> Vec<MissedSlots> {
        let from = self.last_s.map_or(self.first_s, |last| last.saturating_add(self.every_s));
        let mut missed: Vec<MissedSlots> = Vec::new();
        let mut add = |first: Epoch, before: Epoch, why: &str| {
            if first < before {
                let count = before.saturating_sub(first) / self.every_s;
                let last_s = before - self.every_s;
                missed.push(MissedSlots { first_s: first, last_s, count: count.unsigned_abs(), why: why.to_owned() });
            }
        };
        let here = self.on_slot(self.since_ms, from, slot);
        add(from, here, "not-running");
        let free = self.on_slot(self.free_ms, here, slot);
        add(here, free, "former-ran");
        let usable = self.unusable_s.map_or(free, |last| last.saturating_add(self.every_s).clamp(free, slot));
        add(free, usable, "unusable-input");
        add(usable, slot, "too-late");
        missed
    }

    /// A round begins in this slot.
    pub fn begun(&mut self, slot: Epoch) {
        self.last_s = Some(slot);
        self.unusable_s = None;
    }

    /// The round is over.
    pub fn ended(&mut self, now: EpochMs) {
        self.free_ms = now;
    }

    /// Nothing could be done in this slot.
    pub fn unusable(&mut self, slot: Epoch) {
        self.unusable_s = Some(slot);
    }

    /// Milliseconds that a round may be late.
    fn tolerance_ms(&self) -> i64 {
        (self.every_s.saturating_mul(1000) / LATE_PART).min(LATEST_MS)
    }

    /// The first slot from `from` on, up to `end`, that could be met at this moment.
    fn on_slot(&self, at: EpochMs, from: Epoch, end: Epoch) -> Epoch {
        let after = at.saturating_sub(self.tolerance_ms()).saturating_sub(from.saturating_mul(1000));
        let number = ceiling(after, self.every_s.saturating_mul(1000)).max(0);
        from.saturating_add(number.saturating_mul(self.every_s)).min(end)
    }
}

/// How long after the slot a target's turn comes: always the same for the same domain, and evenly spread over all domains.
#[must_use]
pub fn offset(domain: &Name, spread: Duration) -> Duration {
    let text = format!("offset{}", domain.to_string().to_ascii_lowercase());
    let hash = digest(&SHA256, text.as_bytes());
    let part = hash.as_ref().first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    Duration::from_secs_f64(spread.as_secs_f64() * f64::from(part) / (f64::from(u32::MAX) + 1.0))
}

/// Division that rounds up.
fn ceiling(value: i64, by: i64) -> i64 {
    value.div_euclid(by) + i64::from(value.rem_euclid(by) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    /// 2026-11-22T10:00:00Z, a full hour.
    const TEN: Epoch = 1_795_341_600;

    fn ms(slot: Epoch, after: i64) -> EpochMs {
        slot * 1000 + after
    }

    fn told(missed: &[MissedSlots]) -> Vec<(Epoch, Epoch, u64, &str)> {
        missed.iter().map(|m| ((m.first_s - TEN) / 3600, (m.last_s - TEN) / 3600, m.count, m.why.as_str())).collect()
    }

    #[test]
    fn slots_are_full_hours_for_everybody() {
        assert_eq!(TEN % 3600, 0);
        for (begun, expected) in [(ms(TEN, -1), 0), (ms(TEN, 0), 0), (ms(TEN, 59_000), 0), (ms(TEN, 60_001), 1), (ms(TEN, 3_599_999), 1)] {
            let schedule = Schedule::aligned(HOUR, begun, None);
            assert_eq!(schedule.next(begun), TEN + expected * 3600, "{begun}");
            assert!(schedule.missed(schedule.next(begun)).is_empty());
        }
        // The night in which clocks in Europe go back: UTC has 24 slots as on every day. (2026-10-25)
        let mut schedule = Schedule::aligned(HOUR, ms(1_792_886_400, 0), None);
        for hour in 0..24 {
            let slot = 1_792_886_400 + hour * 3600;
            assert_eq!(schedule.next(ms(slot, 0)), slot);
            schedule.begun(slot);
        }
    }

    #[test]
    fn without_alignment_slots_count_from_the_beginning() {
        let mut schedule = Schedule::from_now(HOUR, ms(TEN, 1_200_000));
        assert_eq!(schedule.next(ms(TEN, 1_200_000)), TEN + 1200);
        schedule.begun(TEN + 1200);
        assert_eq!(schedule.next(ms(TEN, 1_200_500)), TEN + 4800, "no slot twice");
    }

    #[test]
    fn a_late_start_says_how_late_and_a_very_late_one_is_none() {
        let schedule = Schedule::aligned(HOUR, ms(TEN, 0), None);
        assert_eq!(schedule.late_ms(TEN, ms(TEN, 12)), Some(12));
        assert_eq!(schedule.late_ms(TEN, ms(TEN, 60_000)), Some(60_000));
        assert_eq!(schedule.late_ms(TEN, ms(TEN, 60_001)), None);
        assert_eq!(schedule.late_ms(TEN, ms(TEN, -1)), None, "too early");
        assert_eq!(Schedule::aligned(Duration::from_secs(2), 0, None).late_ms(2, 2201), None, "a tenth of two seconds");
    }

    #[test]
    fn a_long_round_costs_the_slots_it_runs_into() {
        let mut schedule = Schedule::aligned(HOUR, ms(TEN, 0), None);
        schedule.begun(TEN);
        schedule.ended(ms(TEN, 3_630_000));
        assert_eq!(schedule.next(ms(TEN, 3_630_000)), TEN + 3600, "half a minute late is late, not missed");
        assert!(schedule.missed(TEN + 3600).is_empty());
        schedule.ended(ms(TEN, 2 * 3_600_000 + 100_000));
        let next = schedule.next(ms(TEN, 2 * 3_600_000 + 100_000));
        assert_eq!(next, TEN + 3 * 3600);
        assert_eq!(told(&schedule.missed(next)), [(1, 2, 2, "former-ran")]);
    }

    #[test]
    fn a_process_that_comes_back_joins_the_next_slot() {
        let schedule = Schedule::aligned(HOUR, ms(TEN, 5 * 3_600_000 + 1_000_000), Some(TEN));
        let next = schedule.next(ms(TEN, 5 * 3_600_000 + 1_000_000));
        assert_eq!(next, TEN + 6 * 3600);
        assert_eq!(told(&schedule.missed(next)), [(1, 5, 5, "not-running")]);
        // Come back within the same hour, and within the first minute of it: the slot is not begun again.
        let schedule = Schedule::aligned(HOUR, ms(TEN, 30_000), Some(TEN));
        assert_eq!(schedule.next(ms(TEN, 30_000)), TEN + 3600);
        assert!(schedule.missed(TEN + 3600).is_empty());
    }

    #[test]
    fn each_missed_slot_has_its_own_reason() {
        let mut schedule = Schedule::aligned(HOUR, ms(TEN, 0), Some(TEN - 2 * 3600));
        assert_eq!(told(&schedule.missed(TEN)), [(-1, -1, 1, "not-running")]);
        schedule.begun(TEN);
        schedule.ended(ms(TEN, 3_600_000 + 600_000)); // into the first
        schedule.unusable(TEN + 2 * 3600); // no list in the second
        let next = schedule.next(ms(TEN, 3 * 3_600_000 + 120_000)); // asleep over the third
        assert_eq!(told(&schedule.missed(next)), [(1, 1, 1, "former-ran"), (2, 2, 1, "unusable-input"), (3, 3, 1, "too-late")]);
        schedule.begun(next);
        schedule.ended(ms(next, 1000));
        assert!(schedule.missed(next + 3600).is_empty(), "told once");
    }

    #[test]
    fn a_series_that_begins_with_an_unusable_list_says_so() {
        let mut schedule = Schedule::aligned(HOUR, ms(TEN, 0), None);
        schedule.unusable(TEN);
        assert_eq!(schedule.next(ms(TEN, 10)), TEN + 3600);
        assert_eq!(told(&schedule.missed(TEN + 3600)), [(0, 0, 1, "unusable-input")]);
    }

    #[test]
    fn a_clock_that_is_set_back_repeats_no_slot_and_one_set_forward_marks_what_it_jumps() {
        let mut schedule = Schedule::aligned(HOUR, ms(TEN, 0), None);
        schedule.begun(TEN);
        schedule.ended(ms(TEN, 1000));
        assert_eq!(schedule.next(ms(TEN, -7_200_000)), TEN + 3600);
        let next = schedule.next(ms(TEN, 10_000_000));
        assert_eq!((next, told(&schedule.missed(next))), (TEN + 3 * 3600, vec![(1, 2, 2, "too-late")]));
    }

    #[test]
    fn times_at_the_end_of_the_world_do_not_overflow() {
        for now in [i64::MIN, i64::MAX, 0, -1] {
            let schedule = Schedule::aligned(HOUR, now, None);
            let next = schedule.next(now);
            let _ = (schedule.late_ms(next, now), schedule.late_ms(i64::MAX, now), schedule.missed(next));
        }
    }

    #[test]
    fn the_load_is_even_and_every_domain_keeps_its_moment() {
        let spread = Duration::from_secs(1000);
        let name = |i: u32| dane::name::parse_domain(&format!("d{i}.example")).unwrap();
        let mut quarters = [0; 4];
        for i in 0..4000 {
            let at = offset(&name(i), spread);
            assert!(at < spread);
            assert_eq!(at, offset(&dane::name::parse_domain(&format!("D{i}.EXAMPLE")).unwrap(), spread));
            quarters[usize::try_from(at.as_secs() / 250).unwrap()] += 1;
        }
        // Of 4,000 fair throws, 1000 ± 27.4 fall into each quarter: five standard deviations.
        assert!(quarters.iter().all(|n| (863..1137).contains(n)), "{quarters:?}");
        assert_eq!(offset(&name(1), Duration::ZERO), Duration::ZERO);
    }
}
