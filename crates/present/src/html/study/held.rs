//! What the archive holds: a line for each vantage point, with a strip of its rounds.

use super::Side;
use crate::text::{clean, duration, number, time};
use analysis::study::Watch;
use dane::Epoch;
use std::fmt::Write as _;

/// Length of a strip in units.
const LENGTH: u64 = 600;

/// One vantage point.
pub(super) struct HeldLine {
    pub name: String,
    pub rounds: String,
    pub every: String,
    pub missed: String,
    pub incomplete: String,
    pub first: String,
    pub last: String,
    pub strip: String,
}

/// A line for each vantage point of a side, named where there are two sides.
pub(super) fn held(side: &Side<'_>, named: bool) -> Vec<HeldLine> {
    let Some((first, last)) = side.holdings.period() else { return Vec::new() };
    let line = |watch: &Watch| {
        let times = watch.grid.times();
        let name = if watch.name.is_empty() { "unnamed" } else { &watch.name };
        HeldLine {
            name: clean(&if named { format!("{}: {name}", side.name) } else { name.to_owned() }),
            rounds: number(times.len() as u64),
            every: duration(watch.grid.interval().unsigned_abs()),
            missed: number(watch.missed()),
            incomplete: number(watch.incomplete()),
            first: times.first().copied().map(time).unwrap_or_default(),
            last: times.last().copied().map(time).unwrap_or_default(),
            strip: strip(watch, first, last),
        }
    };
    side.holdings.watches.iter().map(line).collect()
}

/// The period from left to right: full colour where every slot has its round, paler where some are missing.
fn strip(watch: &Watch, first: Epoch, last: Epoch) -> String {
    let interval = watch.grid.interval().max(1);
    let slots = last.abs_diff(first) / interval.unsigned_abs() + 1;
    let units = LENGTH.min(slots);
    let mut seen = vec![0_u64; usize::try_from(units).unwrap_or(0)];
    let unit_of = |slot: u64| usize::try_from(u128::from(slot) * u128::from(units) / u128::from(slots)).unwrap_or(0);
    for time in watch.grid.times() {
        let slot = (time.abs_diff(first) / interval.unsigned_abs()).min(slots - 1);
        if let Some(unit) = seen.get_mut(unit_of(slot)) {
            *unit += 1;
        }
    }
    let full = |unit: usize| {
        let begin = |unit: u64| (u128::from(unit) * u128::from(slots)).div_ceil(u128::from(units));
        u64::try_from(begin(unit as u64 + 1) - begin(unit as u64)).unwrap_or(1).max(1)
    };
    let mut out =
        format!(r#"<svg class="bar strip" viewBox="0 0 {units} 12" preserveAspectRatio="none" aria-hidden="true" focusable="false">"#);
    let level = |unit: usize, count: u64| match count {
        0 => "",
        count if count >= full(unit) => "c-good",
        _ => "c-part",
    };
    let levels: Vec<&str> = seen.iter().enumerate().map(|(unit, count)| level(unit, *count)).collect();
    let mut x = 0;
    for run in levels.chunk_by(|a, b| a == b) {
        if let Some(class) = run.first().filter(|class| !class.is_empty()) {
            let _ = write!(out, r#"<rect class="{class}" x="{x}" y="0" width="{}" height="12"/>"#, run.len());
        }
        x += run.len();
    }
    out.push_str("</svg>");
    out
}
