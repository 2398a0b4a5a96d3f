//! Dates of cookies (RFC 6265 §5.1.1): in any order, with anything between, zones passed over.

use core::str::FromStr;
use std::time::SystemTime;

use time::{Date, Month, OffsetDateTime};

/// What was found of a date so far.
#[derive(Default)]
struct Found {
    time: Option<(u8, u8, u8)>,
    day: Option<u8>,
    month: Option<Month>,
    year: Option<i32>,
}

/// Reads a date; `None` where it is none. One before 1970 is given as 1970: both are past.
pub fn parse(text: &str) -> Option<SystemTime> {
    let mut found = Found::default();
    let parts = text.as_bytes().split(|&byte| is_delimiter(byte));
    for part in parts.filter(|part| !part.is_empty()) {
        found.take(part);
    }
    found.date()
}

/// What stands between the parts of a date.
fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// The number that a part begins with, of so many digits, and what follows it.
fn number<T: FromStr>(part: &[u8], digits: core::ops::RangeInclusive<usize>) -> Option<(T, &[u8])> {
    let length = part.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !digits.contains(&length) {
        return None;
    }
    let (number, rest) = part.split_at(length);
    Some((core::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

fn time(part: &[u8]) -> Option<(u8, u8, u8)> {
    let (hour, rest) = number(part, 1..=2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 1..=2)?;
    let (second, _) = number(rest.strip_prefix(b":")?, 1..=2)?;
    Some((hour, minute, second))
}

fn month(part: &[u8]) -> Option<Month> {
    const NAMES: [&[u8]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ];
    let start = part.get(..3)?.to_ascii_lowercase();
    let (_, number) = NAMES.iter().zip(1..).find(|(name, _)| **name == start)?;
    Month::try_from(number).ok()
}

impl Found {
    /// Takes a part for the first that it can be and that is still wanted.
    fn take(&mut self, part: &[u8]) {
        if self.time.is_none()
            && let Some(time) = time(part)
        {
            self.time = Some(time);
        } else if self.day.is_none()
            && let Some((day, _)) = number(part, 1..=2)
        {
            self.day = Some(day);
        } else if self.month.is_none()
            && let Some(month) = month(part)
        {
            self.month = Some(month);
        } else if self.year.is_none()
            && let Some((year, _)) = number(part, 2..=4)
        {
            self.year = Some(match year {
                70..=99 => year + 1900,
                0..=69 => year + 2000,
                year => year,
            });
        }
    }

    fn date(&self) -> Option<SystemTime> {
        let (hour, minute, second) = self.time?;
        let year = self.year.filter(|year| *year >= 1601)?;
        let date = Date::from_calendar_date(year, self.month?, self.day?).ok()?;
        let at = date.with_hms(hour, minute, second).ok()?.assume_utc();
        Some(at.max(OffsetDateTime::UNIX_EPOCH).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_servers_write_them() {
        let at = |text: &str| {
            parse(text).map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
        };
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "06 nov 1994 08:49:37",
            "1994 6 November 8:49:37 +0900",
            "Nov,6;1994=08:49:37.999",
            "Mon Nov 06th 1994 08:49:37 UTC",
        ] {
            assert_eq!(at(text), Some(784_111_777), "{text}");
        }
        assert_eq!(at("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(at("Wed, 31 Dec 1969 23:59:59 GMT"), Some(0));
        assert_eq!(at("29 Feb 2000 00:00:00"), Some(951_782_400));
        assert_eq!(at("01 Mar 2100 00:00:00"), Some(4_107_542_400));
        assert_eq!(at("01 Jan 69 00:00:00"), Some(3_124_224_000));
        for text in [
            "",
            "soon",
            "Sun, 06 Nov 1994",
            "06 Nov 1994 24:00:00",
            "06 Nov 1994 08:60:00",
            "30 Feb 2000 00:00:00",
            "29 Feb 1900 00:00:00",
            "00 Nov 1994 08:49:37",
            "06 Nov 1600 08:49:37",
            "06 Foo 1994 08:49:37",
            "06 Nov 1994 08:49",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
