//! Dates of archives: ISO 8601 with any number of fraction digits, with or without an offset.

use time::{Date, Month, OffsetDateTime};

/// Nanoseconds from 1970-01-01T00:00:00Z to a date as `2026-11-29T00:45:47.774+01:00`; `None` if
/// the text is no such date, or is one before 1970 or after 2554. A date without an offset is taken
/// for UTC.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(digits);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (clock, offset) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => (&time[..at], offset(&time[at..])?),
        None => (time, 0),
    };
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (digits(parts.next()?)?, digits(parts.next()?)?);
    let (seconds, nanos) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once(['.', ',']) {
            Some((whole, fraction)) => (digits(whole)?, fraction_nanos(fraction)?),
            None => (digits(seconds)?, 0),
        },
    };
    // 60 is a leap second.
    if hour > 24 || minute > 59 || seconds > 60 {
        return None;
    }
    let seconds = days(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + seconds - offset;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(nanos)
}

fn digits(text: &str) -> Option<i64> {
    let all = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

/// The nanoseconds of a fraction of a second, of which more than nine digits are cut off.
fn fraction_nanos(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nine = text.bytes().chain(core::iter::repeat(b'0')).take(9);
    Some(nine.fold(0, |nanos, digit| nanos * 10 + u64::from(digit - b'0')))
}

/// The seconds of an offset from UTC: `Z`, `+01:00`, `-0530`, `+01`.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return (text.len() == 1).then_some(0),
    };
    let (hours, minutes) = match (rest.split_once(':'), rest.len()) {
        (Some(parts), _) => parts,
        (None, 4) => rest.split_at_checked(2)?,
        (None, _) => (rest, "0"),
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours <= 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; `None` if there is no such day.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let (year, day) = (i32::try_from(year).ok()?, u8::try_from(day).ok()?);
    let date = Date::from_calendar_date(year, month, day).ok()?;
    Some((date.to_julian_day() - OffsetDateTime::UNIX_EPOCH.to_julian_day()).into())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dates_as_archives_have_them() {
        let second = 1_000_000_000;
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2026-11-29T00:45:47.774Z", 1_795_913_147, 774_000_000),
            ("2010-01-02T15:38:46.686+01:00", 1_262_443_126, 686_000_000),
            ("2009-04-16T12:07:23.3212345-07:00", 1_239_908_843, 321_234_500),
            ("2000-02-29T12:00:00", 951_825_600, 0),
            ("2024-12-31T23:59:60.5+0530", 1_735_669_800, 500_000_000),
            ("2024-03-01 00:00Z", 1_709_251_200, 0),
            ("2024-03-01T01:00:00,12345678912+01", 1_709_251_200, 123_456_789),
        ] {
            assert_eq!(parse(text), Some(seconds * second + nanos), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "T",
            "2024-13-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-01-01",
            "1969-12-31T23:59:59Z",
            "2024-01-01T1:2:3:4Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00+1:99",
            "99999-01-01T00:00:00Z",
            "2024-01-01T00:00:00Zx",
            "é-01-01T00:00:00Z",
            "2024-01-01T00:00:00+é1",
            "9999-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
