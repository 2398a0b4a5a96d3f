//! Quantities as people write them, `2.5 s`, `500 kB`, `50`, as whole numbers of the smallest unit.

use core::fmt;

use crate::metric::Unit;

/// A text that is no quantity of the wanted unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadQuantity {
    text: String,
    unit: Unit,
}

impl fmt::Display for BadQuantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = match self.unit {
            Unit::Milliseconds => "a time with its unit, as 2.5 s or 100 ms",
            Unit::Bytes => "a size with its unit, as 500 kB, 1.5 MB (powers of 1000) or 64 KiB",
            Unit::Count => "a whole number, as 50",
        };
        write!(f, "{:?}: wanted {wanted}", self.text)
    }
}

impl core::error::Error for BadQuantity {}

/// The units that a quantity may have, each with its size in the smallest unit.
fn units(unit: Unit) -> &'static [(&'static str, i128)] {
    match unit {
        Unit::Milliseconds => &[
            ("ns", 1),
            ("us", 1_000),
            ("µs", 1_000),
            ("ms", 1_000_000),
            ("s", 1_000_000_000),
            ("min", 60_000_000_000),
        ],
        Unit::Bytes => &[
            ("b", 1),
            ("kb", 1_000),
            ("mb", 1_000_000),
            ("gb", 1_000_000_000),
            ("kib", 1 << 10),
            ("mib", 1 << 20),
            ("gib", 1 << 30),
        ],
        Unit::Count => &[("", 1)],
    }
}

/// Reads a quantity: nanoseconds for [`Unit::Milliseconds`], bytes for [`Unit::Bytes`], a number for
/// [`Unit::Count`]. Times and sizes need a unit, since a bare number may mean several.
///
/// # Errors
/// When the text is no number with a unit of this kind, or more than can be counted.
pub fn quantity(text: &str, unit: Unit) -> Result<i64, BadQuantity> {
    let bad = || BadQuantity { text: text.to_owned(), unit };
    let (number, name) = split(text);
    let name = name.to_lowercase();
    let known = units(unit).iter().find(|(known, _)| *known == name);
    let (_, size) = known.ok_or_else(bad)?;
    scaled(number, *size).ok_or_else(bad)
}

/// The number and the unit of a text.
pub(crate) fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|letter: char| !matches!(letter, '0'..='9' | '.' | '_' | '+' | '-'));
    let (number, name) = text.split_at(end.unwrap_or(text.len()));
    (number, name.trim_start())
}

/// A decimal number times `size`, rounded towards zero. What is smaller than the smallest unit must
/// not be there where `size` is 1.
pub(crate) fn scaled(number: &str, size: i128) -> Option<i64> {
    let (sign, digits) = match number.strip_prefix(['-', '+']) {
        Some(digits) if number.starts_with('-') => (-1, digits),
        Some(digits) => (1, digits),
        None => (1, number),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_point = digits.contains('.');
    let wrong = whole.is_empty() || !is_plain(whole) || !is_plain(fraction);
    if wrong || has_point == fraction.is_empty() || fraction.len() > 18 || (has_point && size == 1)
    {
        return None;
    }
    let whole = whole.parse::<i128>().ok()?.checked_mul(size)?;
    let rest = match fraction {
        "" => 0,
        digits => {
            digits.parse::<i128>().ok()?.checked_mul(size)? / 10_i128.pow(digits.len() as u32)
        }
    };
    i64::try_from(sign * whole.checked_add(rest)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_whole_numbers_of_the_smallest_unit() {
        for (text, unit, value) in [
            ("2.5 s", Unit::Milliseconds, 2_500_000_000),
            ("100ms", Unit::Milliseconds, 100_000_000),
            ("0.1 ms", Unit::Milliseconds, 100_000),
            (" 1 min ", Unit::Milliseconds, 60_000_000_000),
            ("-250us", Unit::Milliseconds, -250_000),
            ("500 kB", Unit::Bytes, 500_000),
            ("1.5MB", Unit::Bytes, 1_500_000),
            ("64 KiB", Unit::Bytes, 65_536),
            ("12 B", Unit::Bytes, 12),
            ("50", Unit::Count, 50),
            ("+2", Unit::Count, 2),
        ] {
            assert_eq!(quantity(text, unit), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_may_mean_several_things_is_refused() {
        for (text, unit) in [
            ("2500", Unit::Milliseconds),
            ("500", Unit::Bytes),
            ("5 kB", Unit::Milliseconds),
            ("5 s", Unit::Bytes),
            ("1.5", Unit::Count),
            ("5 %", Unit::Count),
            ("", Unit::Count),
            ("ms", Unit::Milliseconds),
            ("1.ms", Unit::Milliseconds),
            (".5 s", Unit::Milliseconds),
            ("1_0 s", Unit::Milliseconds),
            ("1e3 ms", Unit::Milliseconds),
            ("--1 ms", Unit::Milliseconds),
            ("99999999999999999999 s", Unit::Milliseconds),
        ] {
            let error = quantity(text, unit).unwrap_err();
            assert!(error.to_string().contains("wanted"), "{text}");
        }
    }
}
