//! Days of the Gregorian calendar and seconds since 1970, both ways.

use std::time::SystemTime;

use time::{Date, Month, OffsetDateTime, Time};

/// Seconds since 1970 at the beginning of a day, UTC; `None` for a day that does not exist or is
/// before 1970.
pub(crate) fn seconds(year: i32, month: u8, day: u8) -> Option<u64> {
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    u64::try_from(date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp()).ok()
}

/// A time in RFC 3339, UTC, to the second.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// A time as the common log format has it, UTC: `31/Jan/2026:12:00:00 +0000`.
pub(crate) fn common_log(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let month = at.month().to_string();
    format!(
        "{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000",
        at.day(),
        &month[..3],
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn times_are_written_as_calendars_have_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn days_that_are_not_have_no_seconds() {
        assert_eq!(seconds(2000, 3, 1), Some(11_017 * 86_400));
        for (year, month, day) in [(2023, 2, 29), (2026, 13, 1), (2026, 0, 1), (1969, 12, 31)] {
            assert_eq!(seconds(year, month, day), None, "{year}-{month}-{day}");
        }
    }
}
