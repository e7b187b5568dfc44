//! Names of moments along an axis, in UTC.

use super::axis::{Axis, Kind};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// Steps between named moments: how long, in seconds, and how to name them.
const STEPS: [(f64, Step, &str); 17] = [
    (3_600.0, Step::Hours(1), "%H:%M"),
    (10_800.0, Step::Hours(3), "%H:%M"),
    (21_600.0, Step::Hours(6), "%d %b %H:%M"),
    (43_200.0, Step::Hours(12), "%d %b %H:%M"),
    (86_400.0, Step::Days(1), "%d %b"),
    (172_800.0, Step::Days(2), "%d %b"),
    (604_800.0, Step::Days(7), "%d %b"),
    (1_209_600.0, Step::Days(14), "%d %b"),
    (2_592_000.0, Step::Months(1), "%b %Y"),
    (5_184_000.0, Step::Months(2), "%b %Y"),
    (7_776_000.0, Step::Months(3), "%b %Y"),
    (15_552_000.0, Step::Months(6), "%b %Y"),
    (31_536_000.0, Step::Months(12), "%Y"),
    (63_072_000.0, Step::Months(24), "%Y"),
    (157_680_000.0, Step::Months(60), "%Y"),
    (315_360_000.0, Step::Months(120), "%Y"),
    (3_153_600_000.0, Step::Months(1_200), "%Y"),
];

#[derive(Clone, Copy)]
enum Step {
    Hours(i64),
    Days(i64),
    Months(i64),
}

/// An axis of time from `low` to `high` (seconds since 1970) with at most about `names` names.
pub(super) fn axis(low: f64, high: f64, names: usize) -> Axis {
    let high = if high > low { high } else { low + 1.0 };
    let rough = (high - low) / super::data::as_f64(names.max(1) as u64);
    let (_, step, format) = STEPS.into_iter().find(|(length, ..)| *length >= rough).unwrap_or(STEPS[STEPS.len() - 1]);
    let mut ticks = Vec::new();
    let mut moment = begin(low, step);
    // A bound for the loop: twice as many as fit.
    for _ in 0..names * 2 + 4 {
        let Some(now) = moment else { break };
        let at = seconds(&now);
        if at > high {
            break;
        }
        if at >= low {
            ticks.push((at, now.strftime(format).to_string()));
        }
        moment = next(&now, step);
    }
    Axis { low, high, kind: Kind::Linear, ticks }
}

/// `2026-11-22`, or with hours if they matter.
pub(super) fn day(at: f64) -> String {
    zoned(at).map_or_else(String::new, |moment| moment.strftime("%Y-%m-%d").to_string())
}

/// A round moment before the first one shown.
fn begin(low: f64, step: Step) -> Option<Zoned> {
    let first = zoned(low)?;
    let day = first.start_of_day().ok()?;
    match step {
        Step::Hours(_) => Some(day),
        // So that every month has the same days named.
        Step::Days(_) => day.first_of_month().ok(),
        Step::Months(months) => {
            let years = i16::try_from(months / 12).ok()?.max(1);
            day.first_of_year().ok()?.with().year(first.year() - first.year().rem_euclid(years)).build().ok()
        }
    }
}

fn next(now: &Zoned, step: Step) -> Option<Zoned> {
    match step {
        Step::Hours(hours) => now.checked_add(Span::new().try_hours(hours).ok()?).ok(),
        Step::Days(days) => {
            let next = now.checked_add(Span::new().try_days(days).ok()?).ok()?;
            // Nothing is named shortly before the first of a month, which always is.
            let first = now.checked_add(Span::new().try_months(1).ok()?).ok()?.first_of_month().ok()?;
            let close = i64::from(first.date().since(next.date()).ok()?.get_days()) < days;
            if close || next.month() != now.month() { Some(first) } else { Some(next) }
        }
        Step::Months(months) => now.checked_add(Span::new().try_months(months).ok()?).ok(),
    }
}

#[allow(clippy::cast_possible_truncation)]
fn zoned(at: f64) -> Option<Zoned> {
    Timestamp::from_second(at as i64).ok().map(|moment| moment.to_zoned(TimeZone::UTC))
}

#[allow(clippy::cast_precision_loss)]
fn seconds(moment: &Zoned) -> f64 {
    moment.timestamp().as_second() as f64
}

#[cfg(test)]
mod tests {
    use super::axis;

    fn names(low: f64, days: f64, names: usize) -> Vec<String> {
        axis(low, low + days * 86_400.0, names).ticks.into_iter().map(|(_, name)| name).collect()
    }

    /// 2019-07-11 00:00 UTC.
    const JULY: f64 = 1_562_803_200.0;

    #[test]
    fn moments_are_round_in_every_length() {
        assert_eq!(names(JULY, 1.0, 5), ["11 Jul 00:00", "11 Jul 06:00", "11 Jul 12:00", "11 Jul 18:00", "12 Jul 00:00"]);
        assert_eq!(names(JULY, 30.0, 6), ["15 Jul", "22 Jul", "01 Aug", "08 Aug"]);
        assert_eq!(names(JULY, 600.0, 8), ["Oct 2019", "Jan 2020", "Apr 2020", "Jul 2020", "Oct 2020", "Jan 2021"]);
        assert_eq!(names(JULY, 4_000.0, 6), ["2020", "2022", "2024", "2026", "2028", "2030"]);
    }

    #[test]
    fn any_span_has_few_names_or_none() {
        for low in [-1e18, -4e9, 0.0, JULY, 1e11, 1e18] {
            for span in [0.0, 1.0, 3e3, 1e5, 1e7, 1e9, 1e12] {
                let axis = axis(low, low + span, 6);
                assert!(axis.high > axis.low || low.abs() >= 1e18, "{low} {span}");
                assert!(axis.ticks.len() <= 16, "{low} {span}: {}", axis.ticks.len());
            }
        }
    }
}
