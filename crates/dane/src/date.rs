//! Times as people read them.

use crate::Epoch;

/// `2026-11-22 10:15 UTC`; seconds are left out. Years beyond four digits are printed as they are.
#[must_use]
pub fn utc(at: Epoch) -> String {
    let (days, seconds) = (at.div_euclid(86_400), at.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", seconds / 3600, seconds % 3600 / 60)
}

/// Midnight UTC at which a day (`2026-11-22`) begins. `None`: no such form. Days that their month does not have count on into the next.
#[must_use]
pub(crate) fn day(text: &str) -> Option<Epoch> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // As in `civil`: years begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * month + 2) / 5 + day - 1;
    Some((era * 146_097 + day_of_era - 719_468) * 86_400)
}

/// Year, month and day of the proleptic Gregorian calendar, from days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years are counted from 1 March, so that the leap day is the last of its year, in eras of 400 years, which all have 146097 days.
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{day, utc};

    #[test]
    fn as_the_system_prints_them() {
        // From `date -u -d @SECONDS '+%Y-%m-%d %H:%M UTC'`.
        for (at, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (-1, "1969-12-31 23:59 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (951_868_800, "2000-03-01 00:00 UTC"),
            (1_794_483_261, "2026-11-12 11:34 UTC"),
            (4_107_542_399, "2100-02-28 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59 UTC"),
            (-2_203_891_200, "1900-03-01 00:00 UTC"),
            (-62_135_596_800, "0001-01-01 00:00 UTC"),
        ] {
            assert_eq!(utc(at), text);
        }
        // No input is too far away.
        for far in [i64::MIN, i64::MAX] {
            assert!(utc(far).ends_with(" UTC"));
        }
    }

    #[test]
    fn days_begin_where_the_system_says() {
        // From `date -u -d DAY +%s`.
        for (text, at) in [("1970-01-01", 0), ("2000-02-29", 951_782_400), ("2000-03-01", 951_868_800), ("2021-01-19", 1_611_014_400)] {
            assert_eq!(day(text), Some(at), "{text}");
            assert!(utc(at).starts_with(text));
        }
        for text in ["", "2021", "2021-13-01", "2021-00-10", "2021-01-32", "x-y-z", "2021-01-19-1"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
