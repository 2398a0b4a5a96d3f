//! Quantities with their units, read and written without floating point.

use std::time::Duration;

use crate::seed::Ppm;

/// A value, or what is wanted instead.
pub(crate) type Read<T> = Result<T, &'static str>;

const TIME: &str = "a time with its unit is wanted: 200ms, 1.5s or 300us";
const SOME_TIME: &str = "a time with its unit is wanted, more than zero: 5ms or 500us";
const RATE: &str =
    "a rate with its unit is wanted, more than zero: 768kbit, 1.6Mbit, 1Gbit or 56000bit";
const PERCENT: &str = "a percentage from 0% to 100% is wanted: 2% or 0.05%";
const SWITCH: &str = "on or off is wanted";
const FLOWS: &str = "a number from 1 to 65536 is wanted";
const AMOUNT: &str = "a number of bytes is wanted, more than zero: 100000, 64kB, 1.5MB or 2GB";
const QUANTUM: &str = "bytes from 256B to 64kB are wanted: 1514B";

/// The units of time, in nanoseconds; the longest suitable one is written.
const TIMES: [(&str, u64); 4] = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];
const RATES: [(&str, u64); 4] =
    [("Gbit", 1_000_000_000), ("Mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)];
const BYTES: [(&str, u64); 3] = [("MB", 1_000_000), ("kB", 1_000), ("B", 1)];

/// The fastest rate that can be described: 1 Tbit/s.
pub(crate) const FASTEST: u64 = 1_000_000_000_000;

pub(crate) fn time(text: &str) -> Read<Duration> {
    // The `µ` of `µs` may be either of two characters that look alike.
    let text = text.replace(['µ', 'μ'], "u");
    // The limit is ten minutes; more is a slip of the pen.
    let nanos = quantity(&text, &TIMES).filter(|nanos| *nanos <= 600_000_000_000);
    nanos.map(Duration::from_nanos).ok_or(TIME)
}

pub(crate) fn rate(text: &str) -> Read<u64> {
    // `Mbps` and `Mbit/s` are read too, as others write them.
    let text = text.trim_end_matches("/s").replace("bps", "bit");
    quantity(&text, &RATES).filter(|rate| (1..=FASTEST).contains(rate)).ok_or(RATE)
}

pub(crate) fn percent(text: &str) -> Read<Ppm> {
    let ppm = text.strip_suffix('%').and_then(|number| decimal(number, 10_000));
    ppm.filter(|ppm| *ppm <= 1_000_000).map(|ppm| Ppm::new(ppm as u32)).ok_or(PERCENT)
}

/// Reads a time that is not 0.
pub(crate) fn some_time(text: &str) -> Read<Duration> {
    let time = time(text)?;
    if time.is_zero() { Err(SOME_TIME) } else { Ok(time) }
}

pub(crate) fn switch(text: &str) -> Read<bool> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(SWITCH),
    }
}

pub(crate) fn flows(text: &str) -> Read<u32> {
    text.parse().ok().filter(|flows| (1..=65_536).contains(flows)).ok_or(FLOWS)
}

pub(crate) fn quantum(text: &str) -> Read<u32> {
    let found = bytes(text).filter(|bytes| (256..=64_000).contains(bytes));
    found.map(|bytes| bytes as u32).ok_or(QUANTUM)
}

pub(crate) fn write_switch(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

pub(crate) fn write_time(time: Duration) -> String {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    // Times are written in milliseconds, but those below one in microseconds.
    let below = nanos < 1_000_000 && nanos > 0;
    write(nanos, if below { ("us", 1_000) } else { ("ms", 1_000_000) })
}

pub(crate) fn write_rate(rate: u64) -> String {
    write(rate, longest(rate, &RATES))
}

pub(crate) fn write_percent(ppm: Ppm) -> String {
    write(u64::from(ppm.get()), ("%", 10_000))
}

pub(crate) fn write_bytes(bytes: u64) -> String {
    write(bytes, longest(bytes, &BYTES))
}

/// Reads a number of bytes: `64kB`; `None` if the text is none.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    quantity(text, &BYTES)
}

/// Reads how many bytes are to be transferred: a number, or `64kB`, `1.5MB`, `2GB`.
///
/// # Errors
///
/// What is wanted instead of the text.
pub fn amount(text: &str) -> Result<u64, &'static str> {
    let units = [BYTES.as_slice(), &[("GB", 1_000_000_000)]].concat();
    let bytes = text.parse().ok().or_else(|| quantity(text, &units));
    bytes.filter(|bytes| *bytes > 0).ok_or(AMOUNT)
}

/// Reads a quantity such as `1.6Mbit` in its smallest unit. Units may be in upper or lower case.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let split = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let (_, scale) = units.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name))?;
    decimal(number.trim_end(), *scale)
}

/// Reads a decimal number and multiplies it by `scale`; the result must be whole.
pub(crate) fn decimal(text: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return None;
    }
    let mut value =
        if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? }.checked_mul(scale)?;
    let mut place = scale;
    for digit in fraction.trim_end_matches('0').bytes() {
        if !place.is_multiple_of(10) {
            return None;
        }
        place /= 10;
        value = value.checked_add(u64::from(digit - b'0') * place)?;
    }
    Some(value)
}

/// The largest unit of which the value has at least one.
fn longest<'a>(value: u64, units: &[(&'a str, u64)]) -> (&'a str, u64) {
    *units.iter().find(|(_, scale)| value >= *scale).unwrap_or(&units[units.len() - 1])
}

fn write(value: u64, (unit, scale): (&str, u64)) -> String {
    let (whole, rest) = (value / scale, value % scale);
    if rest == 0 {
        return format!("{whole}{unit}");
    }
    let width = scale.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}{unit}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units_or_none() {
        for (text, bytes) in
            [("100000", 100_000), ("64kB", 64_000), ("1.5mb", 1_500_000), ("2GB", 2_000_000_000)]
        {
            assert_eq!(amount(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "0kB", "1M", "-1", "1.5", "99999999999999999999", "20000000000GB"] {
            assert_eq!(amount(text), Err(AMOUNT), "{text}");
        }
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(decimal("1.6", 1_000_000), Some(1_600_000));
        assert_eq!(decimal(".5", 10), Some(5));
        assert_eq!(decimal("2.", 10), Some(20));
        assert_eq!(decimal("1.2345", 1_000), None);
        assert_eq!(decimal("1.2300", 100), Some(123));
        for wrong in ["", ".", "-1", "+1", "1e3", "1.2.3", "0x10", "18446744073709551616"] {
            assert_eq!(decimal(wrong, 1), None, "{wrong}");
        }
    }

    #[test]
    fn what_others_write_is_read() {
        assert_eq!(rate("1.6Mbit/s"), Ok(1_600_000));
        assert_eq!(rate("768kbps"), Ok(768_000));
        assert_eq!(time("300µs"), Ok(Duration::from_micros(300)));
        assert_eq!(time("1 s"), Ok(Duration::from_secs(1)));
        assert_eq!(bytes("64kB"), Some(64_000));
    }
}
