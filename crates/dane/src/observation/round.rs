//! Rounds: runs that begin at the slots of a clock, so that those of several vantage points can be compared and those of one make a series.

use super::RunObservation;
use crate::Epoch;
use serde::{Deserialize, Serialize};

/// One round of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundObservation {
    /// Seconds between slots.
    pub every_s: u32,
    /// Whether slots are the multiples of `every_s` since 1970 in UTC: the same ones for everybody. Else they count from the first round.
    pub aligned: bool,
    /// The slot: when the round was to begin.
    pub scheduled_s: Epoch,
    /// How much later it began, milliseconds.
    pub late_ms: u64,
    /// The targets are begun over so many milliseconds after the slot, each at its own moment, the same in every round.
    #[serde(default)]
    pub spread_ms: u64,
    /// Slots between the round before and this one in which nothing was measured, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<MissedSlots>,
    /// How long it took, milliseconds, by a clock that nobody sets; absent while it runs, or if it was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Whether every target has its record. `None`: it was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
    /// Our clock minus the true time, milliseconds, as whoever runs it has measured. `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
    /// By how much our clock was set, forward or back, while the round ran, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_step_ms: Option<i64>,
    /// How long its complete records are to stay once its states are kept. `latest`: until a later round is whole and its states are kept, too.
    /// `None`: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
}

/// Slots without a round, one after another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissedSlots {
    /// The first of them.
    pub first_s: Epoch,
    /// The last of them.
    pub last_s: Epoch,
    /// How many they are.
    pub count: u64,
    /// Stable code. `not-running`: there was no process to begin it; `former-ran`: the round before was not over; `too-late`: the process was
    /// held up, or the clock was set; `unusable-input`: the list, or who wants to be left alone, could not be read.
    pub why: String,
}

/// Whether `next` is the round right after `former`, of the same series: what both say alike held all the time between, as far as such rounds
/// can tell. Where a slot was missed, or a round is not whole, there is a gap, and nothing may be said across it.
#[must_use]
pub fn follows(former: &RunObservation, next: &RunObservation) -> bool {
    let (Some(a), Some(b)) = (&former.round, &next.round) else { return false };
    same_series(former, next)
        && former.vantage.name == next.vantage.name
        && a.complete == Some(true)
        && b.complete == Some(true)
        && a.scheduled_s.checked_add(a.every_s.into()) == Some(b.scheduled_s)
}

/// Whether two rounds look at the same thing at the same time: the same list, the same slot of the common clock, looked at in the same way,
/// and wholly. Where their vantage points differ, so does what can be seen from there.
#[must_use]
pub fn comparable(one: &RunObservation, other: &RunObservation) -> bool {
    let (Some(a), Some(b)) = (&one.round, &other.round) else { return false };
    same_series(one, other) && a.aligned && a.scheduled_s == b.scheduled_s && a.complete == Some(true) && b.complete == Some(true)
}

fn same_series(one: &RunObservation, other: &RunObservation) -> bool {
    let series = |run: &RunObservation| {
        let round = run.round.as_ref()?;
        let targets = (run.targets_sha256.clone(), run.targets, run.shard.clone());
        Some((targets, run.config_sha256.clone(), round.every_s, round.aligned, round.spread_ms))
    };
    series(one) == series(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{SCHEMA_VERSION, VantageObservation};

    fn run(vantage: &str, slot: Epoch) -> RunObservation {
        RunObservation {
            schema: SCHEMA_VERSION,
            danelaw: "1".into(),
            started: slot,
            finished: Some(slot + 5),
            config_sha256: "c".into(),
            targets_sha256: "t".into(),
            targets: 1,
            shard: None,
            malformed: 0,
            anchors: Vec::new(),
            roots: Vec::new(),
            public_suffixes: None,
            round: Some(Box::new(RoundObservation {
                every_s: 3600,
                aligned: true,
                scheduled_s: slot,
                late_ms: 3,
                spread_ms: 0,
                missed: Vec::new(),
                duration_ms: Some(5000),
                complete: Some(true),
                clock_offset_ms: None,
                clock_step_ms: None,
                records: None,
            })),
            vantage: VantageObservation { name: vantage.into(), ..VantageObservation::default() },
        }
    }

    fn changed(slot: Epoch, change: impl FnOnce(&mut RunObservation, &mut RoundObservation)) -> RunObservation {
        let mut run = run("a", slot);
        let mut round = *run.round.take().unwrap();
        change(&mut run, &mut round);
        run.round = Some(Box::new(round));
        run
    }

    #[test]
    fn a_series_is_not_bridged() {
        let former = run("a", 7200);
        assert!(follows(&former, &run("a", 10_800)));
        assert!(!follows(&former, &run("a", 14_400)), "a slot is missing");
        assert!(!follows(&former, &run("b", 10_800)), "seen from elsewhere");
        let incomplete = changed(10_800, |_, round| round.complete = Some(false));
        assert!(!follows(&former, &incomplete) && !follows(&incomplete, &run("a", 14_400)));
        assert!(!follows(&changed(7200, |_, round| round.complete = None), &run("a", 10_800)), "cut off");
        assert!(!follows(&former, &changed(10_800, |run, _| run.targets_sha256 = "u".into())), "another list");
        assert!(!follows(&former, &RunObservation { round: None, ..run("a", 10_800) }));
    }

    #[test]
    fn vantage_points_are_compared_slot_by_slot() {
        let one = run("a", 7200);
        assert!(comparable(&one, &run("b", 7200)));
        assert!(!comparable(&one, &run("b", 10_800)));
        assert!(!comparable(&one, &changed(7200, |run, _| run.config_sha256 = "d".into())));
        let own_slots = changed(7200, |_, round| round.aligned = false);
        assert!(!comparable(&own_slots, &own_slots), "slots of one machine are nobody else's");
    }
}
