//! `Rate`: requests a second, exactly.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// Requests a second, in thousandths: from one in 1000 s to a thousand million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

/// A text that is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?}: wanted requests a second, from 0.001 to 1000M, as 200, 2.5, 20k or 1M")]
pub struct BadRate(String);

/// Nanoseconds of a second, times the thousandths of a rate.
const SCALE: u128 = 1_000_000_000 * 1000;

impl Rate {
    const MOST: u64 = 1_000_000_000_000;

    /// So many requests in 1000 s; `None` for none, and for more than a thousand million a second.
    pub const fn from_thousandths(thousandths: u64) -> Option<Self> {
        if thousandths == 0 || thousandths > Self::MOST { None } else { Some(Self(thousandths)) }
    }

    /// The same, at least the smallest and at most the largest there is.
    pub(crate) fn clamped(thousandths: u64) -> Self {
        Self(thousandths.clamp(1, Self::MOST))
    }

    /// Requests in 1000 s.
    pub const fn thousandths(self) -> u64 {
        self.0
    }

    /// Requests a second.
    pub fn per_second(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// When the request with this number is due, counted from 0, where all are evenly spread.
    pub fn even(self, number: u64) -> Duration {
        nanoseconds(u128::from(number) * SCALE / u128::from(self.0))
    }

    /// `share` times the mean time between two requests.
    pub(crate) fn times(self, share: f64) -> Duration {
        // Multiplication and division of IEEE 754 are the same on every machine.
        let nanos = share * (SCALE as f64) / self.0 as f64;
        nanoseconds(nanos.min(u64::MAX as f64) as u128)
    }
}

fn nanoseconds(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let bad = || BadRate(text.to_owned());
        let plain = text.trim().trim_end_matches("/s");
        let (number, unit) = match plain.strip_suffix(['k', 'K']) {
            Some(number) => (number, 1_000),
            None => match plain.strip_suffix(['m', 'M']) {
                Some(number) => (number, 1_000_000),
                None => (plain, 1),
            },
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 9 {
            return Err(bad());
        }
        let scale = unit * 1000;
        let whole = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(scale));
        let part = part.parse::<u64>().map_or(0, |digits| {
            u128::from(digits) * u128::from(scale) / 10_u128.pow(part.len() as u32)
        });
        let all = whole.and_then(|whole| whole.checked_add(u64::try_from(part).ok()?));
        all.and_then(Self::from_thousandths).ok_or_else(bad)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1000, self.0 % 1000);
        let whole = roundtrip_report::text::grouped(whole);
        if part == 0 {
            return f.write_str(&whole);
        }
        f.write_str(&whole)?;
        f.write_str(format!(".{part:03}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_exactly() {
        for (text, thousandths) in [
            ("200", 200_000),
            ("20k", 20_000_000),
            ("2.5k/s", 2_500_000),
            ("0.25", 250),
            ("1M", 1_000_000_000),
            ("0.001", 1),
        ] {
            assert_eq!(text.parse::<Rate>().map(Rate::thousandths), Ok(thousandths), "{text}");
        }
        for text in
            ["", "0", "-1", "1e3", "k", "1.", ".5", "5 h", "0.0001", "1001M", "99999999999M"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert_eq!("12.50".parse::<Rate>().unwrap().to_string(), "12.5");
        assert_eq!("20k".parse::<Rate>().unwrap().to_string(), "20 000");
    }

    #[test]
    fn evenly_spread_requests_do_not_drift() {
        let rate: Rate = "3".parse().unwrap();
        assert_eq!(rate.even(1), Duration::from_nanos(333_333_333));
        assert_eq!(rate.even(3_000_000), Duration::from_secs(1_000_000));
    }
}
