//! Points in time as curl writes them into its files: `20301231 23:59:59`, UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{Date, Month, OffsetDateTime, Time};

/// Reads one; `None` where it is none. One before 1970 is given as 1970: both are past.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let (day, clock) = text.trim().split_once(' ')?;
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u8>().ok());
    let year = day.get(..4)?.parse().ok()?;
    let (month, day) = (number(day.get(4..6))?, number(day.get(6..))?);
    let mut parts = clock.trim().split(':');
    let clock = [number(parts.next())?, number(parts.next())?, number(parts.next())?];
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    let at = date.with_time(Time::from_hms(clock[0], clock[1], clock[2]).ok()?).assume_utc();
    let seconds = u64::try_from(at.unix_timestamp()).unwrap_or(0);
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Writes one.
pub(crate) fn text(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    format!(
        "{:04}{:02}{:02} {:02}:{:02}:{:02}",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (written, seconds) in [
            ("19700101 00:00:00", 0),
            ("20000229 00:00:01", 951_782_401),
            ("20301231 23:59:59", 1_924_991_999),
        ] {
            let at = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(parse(written), Some(at), "{written}");
            assert_eq!(text(at), written);
        }
        assert_eq!(parse("19690101 00:00:00"), Some(UNIX_EPOCH));
        for text in ["", "2030", "20301331 00:00:00", "20301231 24:00:00", "20301231", "é 1:2:3"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
