//! Formats numbers and foreign text for people: units, columns, and no characters that could
//! control a terminal.

use core::time::Duration;

use time::OffsetDateTime;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::language::{Language, word};

/// A duration with its unit: `310 ms`, `4.71 s`, `2 min 5 s`, `3 d 4 h`.
pub fn duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let seconds = duration.as_secs();
    match nanos {
        0 => "0 ms".into(),
        1..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{} µs", digits(nanos as f64 / 1e3)),
        1_000_000..1_000_000_000 => format!("{} ms", digits(nanos as f64 / 1e6)),
        1_000_000_000..120_000_000_000 => format!("{} s", digits(nanos as f64 / 1e9)),
        _ => pair(seconds),
    }
}

/// A number of seconds in its two largest units.
fn pair(seconds: u64) -> String {
    let (large, small, large_name, small_name) = match seconds {
        0..7_200 => (seconds / 60, seconds % 60, "min", "s"),
        7_200..172_800 => (seconds / 3600, seconds % 3600 / 60, "h", "min"),
        _ => (seconds / 86_400, seconds % 86_400 / 3600, "d", "h"),
    };
    if small == 0 || large >= 100 {
        format!("{large} {large_name}")
    } else {
        format!("{large} {large_name} {small} {small_name}")
    }
}

/// A number with at most three significant digits: `4.71`, `43.1`, `310`.
fn digits(value: f64) -> String {
    let places = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    let text = format!("{value:.places$}");
    if places == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Milliseconds with one decimal place, for a column.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.1}", duration.as_nanos() as f64 / 1e6)
}

/// Seconds with up to three decimal places, without trailing zeros: `0.2`, `1`, `0.213`.
pub(crate) fn seconds(duration: Duration) -> String {
    let text = format!("{:.3}", duration.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number of bytes: `412 B`, `43.1 kB`, `2.15 GB`.
pub fn bytes(count: u64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", digits(value), units[unit])
}

/// A rate in bits per second: `400 kbit/s`, `1.6 Mbit/s`.
pub(crate) fn rate(bits: u64) -> String {
    format!("{}it/s", bytes(bits).replace('B', "b"))
}

/// A number with its digits in groups of three: `1 302 118 744`.
pub fn grouped(number: u64) -> String {
    let plain = number.to_string();
    let mut text = String::with_capacity(plain.len() + plain.len() / 3);
    for (n, digit) in plain.chars().enumerate() {
        if n > 0 && (plain.len() - n).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 request`, `2 requests`.
pub fn count(number: usize, noun: &str) -> String {
    if Language::spoken() == Language::Chinese {
        return counted(number, noun);
    }
    match number {
        1 => format!("1 {noun}"),
        _ if noun == "try" => format!("{} tries", grouped(number as u64)),
        _ if noun.ends_with("ss") => format!("{} {noun}es", grouped(number as u64)),
        _ => format!("{} {noun}s", grouped(number as u64)),
    }
}

/// The same in a language whose nouns have no plural: the catalogue has the measure word.
fn counted(number: usize, noun: &str) -> String {
    let (kind, noun) = match noun.rsplit_once(' ') {
        Some((kind, noun)) => (format!("{kind} "), noun),
        None => (String::new(), noun),
    };
    let text = format!("{{}} {noun}");
    format!("{kind}{}", word(&text).replacen("{}", &grouped(number as u64), 1))
}

/// A domain name without the final dot; `.` for the root.
pub(crate) fn bare(name: &str) -> String {
    let name = clean(name.trim_end_matches('.'));
    if name.is_empty() { ".".into() } else { name }
}

/// A part of a whole in per cent; `0%` if the whole is zero.
pub(crate) fn percent(part: Duration, whole: Duration) -> String {
    if whole.is_zero() {
        return "0%".into();
    }
    let share = part.as_nanos() as f64 / whole.as_nanos() as f64 * 100.0;
    if share > 99.0 && share < 100.0 { format!("{share:.1}%") } else { format!("{share:.0}%") }
}

/// A label of the time axis: milliseconds as `0`, `75`, `1500`, or seconds from ten seconds on.
pub(crate) fn axis(at: Duration) -> String {
    let micros = at.as_micros();
    match (micros / 1000, micros % 1000) {
        (10_000.., _) => format!("{}s", at.as_secs()),
        (whole, 0) => whole.to_string(),
        (whole, rest) => format!("{whole}.{}", format!("{rest:03}").trim_end_matches('0')),
    }
}

/// A round step that gives about `most` ticks or fewer; zero where `whole` is zero.
pub(crate) fn tick(whole: Duration, most: u64) -> Duration {
    let wanted = whole.as_micros() as u64 / most;
    if wanted == 0 {
        return Duration::ZERO;
    }
    let mut unit = 1u64;
    loop {
        for factor in [1, 2, 5] {
            if unit * factor >= wanted {
                return Duration::from_micros(unit * factor);
            }
        }
        match unit.checked_mul(10) {
            Some(next) => unit = next,
            None => return Duration::ZERO,
        }
    }
}

/// A calendar time, UTC, from seconds since 1970: `2026-11-18 16:02Z`. Beyond the year 9999 the
/// seconds themselves.
pub(crate) fn calendar(seconds: i64) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(seconds) else {
        return format!("{seconds} s since 1970");
    };
    let (date, hour, minute) = (at.date(), at.hour(), at.minute());
    format!("{date} {hour:02}:{minute:02}Z")
}

/// A calendar time in ISO 8601, UTC, from nanoseconds since 1970.
pub(crate) fn iso8601(nanos: u64) -> String {
    let at = OffsetDateTime::UNIX_EPOCH + Duration::from_nanos(nanos);
    let (date, (hour, minute, second, milli)) = (at.date(), at.time().as_hms_milli());
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Makes foreign text harmless: control characters, and characters that change the direction of
/// writing, become `�`.
pub fn clean(text: &str) -> String {
    text.chars().map(|char| if is_steering(char) { '\u{FFFD}' } else { char }).collect()
}

fn is_steering(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// The columns that a text takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Cuts a text to this many columns, with `…` where something was cut.
pub fn clip(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut clipped = String::new();
    let mut used = 0;
    for char in text.chars() {
        let next = char.width().unwrap_or(0);
        if used + next + 1 > columns {
            break;
        }
        clipped.push(char);
        used += next;
    }
    if columns > 0 {
        clipped.push('…');
    }
    clipped
}

/// Cuts a text in its middle, so that its begin and its end stay.
pub fn clip_middle(text: &str, columns: usize) -> String {
    if text.width() <= columns || columns < 5 {
        return clip(text, columns);
    }
    let head = clip(text, columns.div_ceil(2));
    let mut tail: Vec<char> = Vec::new();
    let mut used = head.width();
    for char in text.chars().rev() {
        let next = char.width().unwrap_or(0);
        if used + next > columns {
            break;
        }
        tail.push(char);
        used += next;
    }
    head + &tail.into_iter().rev().collect::<String>()
}

/// Pads a text with spaces on its right.
pub fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// Pads a text with spaces on its left.
pub fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(text.width())))
}

/// Breaks a text at spaces into lines of at most this many columns.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word.to_owned();
        if !line.is_empty() && line.width() + 1 + word.width() > columns {
            lines.push(core::mem::take(&mut line));
        }
        while word.width() > columns {
            let mut at = 0;
            let mut used = 0;
            for (n, char) in word.char_indices() {
                used += char.width().unwrap_or(0);
                if used > columns {
                    break;
                }
                at = n + char.len_utf8();
            }
            let rest = word.split_off(at.max(1));
            lines.push(core::mem::replace(&mut word, rest));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        let text = |nanos: u64| duration(Duration::from_nanos(nanos));
        assert_eq!(text(0), "0 ms");
        assert_eq!(text(43_210), "43.2 µs");
        assert_eq!(text(9_999_999), "10 ms");
        assert_eq!(text(310_400_000), "310 ms");
        assert_eq!(text(4_714_000_000), "4.71 s");
        assert_eq!(text(125_000_000_000), "2 min 5 s");
        assert_eq!(duration(Duration::from_hours(76)), "3 d 4 h");
    }

    #[test]
    fn bytes_are_decimal() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(43_120), "43.1 kB");
        assert_eq!(bytes(999_900), "1 MB");
        assert_eq!(bytes(2_150_000_000), "2.15 GB");
        assert_eq!(rate(1_600_000), "1.6 Mbit/s");
        assert_eq!(grouped(1_302_118_744), "1 302 118 744");
    }

    #[test]
    fn the_calendar_knows_leap_years() {
        assert_eq!(calendar(0), "1970-01-01 00:00Z");
        assert_eq!(calendar(951_782_400), "2000-02-29 00:00Z");
        assert_eq!(calendar(4_107_542_399), "2100-02-28 23:59Z");
        assert_eq!(calendar(-1), "1969-12-31 23:59Z");
        assert_eq!(iso8601(1_767_225_600_123_000_000), "2026-01-01T00:00:00.123Z");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c\r\n"), "a\u{FFFD}[31mb\u{FFFD}c\u{FFFD}\u{FFFD}");
    }

    #[test]
    fn columns_are_counted_not_characters() {
        assert_eq!(clip("日本語です", 5), "日本…");
        assert_eq!(width(&clip_middle("/a/very/long/path/style.css", 15)), 15);
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
    }
}
