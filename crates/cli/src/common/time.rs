//! Times as arguments.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Reads a time: seconds since 1970, or RFC 3339 (`2026-11-22T10:00:00Z`).
///
/// # Errors
/// In words for clap to show.
pub fn parse(text: &str) -> Result<i64, String> {
    if let Ok(epoch) = text.parse() {
        return Ok(epoch);
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| "give seconds since 1970, or a time like 2026-11-22T10:00:00Z".to_owned())?;
    Ok(time.as_second())
}

/// Reads a time to wait in seconds, within these limits.
///
/// # Errors
/// In words for clap to show.
pub fn seconds(text: &str, limits: RangeInclusive<f64>) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "give a number of seconds".to_owned())?;
    if limits.contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("give between {} and {} seconds", limits.start(), limits.end()))
    }
}

/// The time of this machine.
#[must_use]
pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The same in milliseconds.
#[must_use]
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Reads how often something is done: `1h`, `15m`, `90s`, whole seconds up to a week.
///
/// # Errors
/// In words for clap to show.
pub fn period(text: &str) -> Result<Duration, String> {
    let span = span(text)?;
    let whole = span.subsec_nanos() == 0 && (1..=7 * 86_400).contains(&span.as_secs());
    if whole { Ok(span) } else { Err("give whole seconds, from 1s to 168h".to_owned()) }
}

/// Reads a time that something takes: `1h30m`, `15m`, `0s`, `500ms`.
///
/// # Errors
/// In words for clap to show.
pub fn span(text: &str) -> Result<Duration, String> {
    let span: Option<jiff::SignedDuration> = text.parse().ok();
    span.and_then(|s| Duration::try_from(s).ok()).ok_or_else(|| "give a time with its unit, such as 1h, 15m or 30s".to_owned())
}

/// The time for which signatures seen now are validated, if the result is judged for `at`.
///
/// Not for a time to come: until then zones are signed anew, so that what is there now says nothing about what will be.
#[must_use]
pub fn of_look(at: Option<i64>) -> Option<i64> {
    at.filter(|at| *at < now())
}

/// Milliseconds since 1970 for the name of a file: `20261122T100000.000Z`.
#[must_use]
pub fn stamp(epoch_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(epoch_ms)
        .map_or_else(|_| epoch_ms.to_string(), |time| time.strftime("%Y%m%dT%H%M%S.%3fZ").to_string())
}

/// A time in UTC as RFC 3339 has it; the number itself if it is beyond the calendar.
#[must_use]
pub fn show(epoch: i64) -> String {
    jiff::Timestamp::from_second(epoch).map_or_else(|_| epoch.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(n: u64) -> Duration {
        Duration::from_secs(3600 * n)
    }

    #[test]
    fn reads_both_forms_and_explains_a_third() {
        assert_eq!(parse("1763805600"), Ok(1_763_805_600));
        assert_eq!(parse("2025-11-22T10:00:00Z"), Ok(1_763_805_600));
        assert_eq!(show(1_763_805_600), "2025-11-22T10:00:00Z");
        assert_eq!(seconds("1.5", 0.1..=600.0), Ok(Duration::from_millis(1500)));
        assert_eq!(seconds("0", 0.1..=600.0).unwrap_err(), "give between 0.1 and 600 seconds");
        assert!(seconds("NaN", 0.1..=600.0).is_err() && seconds("soon", 0.1..=600.0).is_err());
        assert_eq!((period("1h"), period("90s"), span("500ms")), (Ok(hours(1)), Ok(hours(1) / 40), Ok(hours(1) / 7200)));
        assert!(period("500ms").is_err() && period("0s").is_err() && period("-1h").is_err() && period("3600").is_err());
        assert!(period("169h").unwrap_err().contains("168h") && span("soon").unwrap_err().contains("unit"));
        assert!(parse("yesterday").unwrap_err().contains("seconds since 1970"));
    }
}
