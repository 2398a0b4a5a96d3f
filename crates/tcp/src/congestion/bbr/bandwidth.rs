//! Bandwidth: segments a microsecond, and the greatest of the last rounds.

use std::cmp::Reverse;

use crate::windowed::Least;

/// Binary digits after the point.
const DIGITS: u32 = 24;
/// The unit of gains: 256 is 1.
pub(super) const UNIT: u32 = 256;
/// Over how many round trips the greatest bandwidth counts: a cycle of gains, and two more.
const ROUNDS: u32 = 10;
/// How much below the bandwidth segments are spaced, so that no queue builds up: one per cent.
const SPACED_PERCENT: u64 = 99;

/// A bandwidth, in segments a microsecond, with 24 binary digits after the point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bandwidth(u64);

impl Bandwidth {
    pub(super) const ZERO: Bandwidth = Bandwidth(0);

    /// So many segments in so many microseconds, which are one or more.
    pub(super) fn of(segments: u32, us: u64) -> Bandwidth {
        Bandwidth((u64::from(segments) << DIGITS) / us.max(1))
    }

    /// How many segments come in so many microseconds.
    pub(super) fn segments(self, us: u32) -> u32 {
        ((self.0.saturating_mul(u64::from(us))) >> DIGITS).min(u64::from(u32::MAX)) as u32
    }

    /// `gain` times what is on the way in so many microseconds; begun segments count.
    pub(super) fn product(self, us: u32, gain: u32) -> u32 {
        let product = u128::from(self.0) * u128::from(us) * u128::from(gain) / u128::from(UNIT);
        let segments = product.div_ceil(1 << DIGITS);
        segments.min(u128::from(u32::MAX / 2)) as u32
    }

    /// `gain` times the bandwidth less a margin, in bytes a second, with segments of `mss` bytes.
    pub(super) fn bytes_a_second(self, mss: u32, gain: u32) -> u64 {
        let rate = u128::from(self.0) * u128::from(mss) * u128::from(gain) / u128::from(UNIT);
        let rate = rate * u128::from(10_000 * SPACED_PERCENT);
        u64::try_from(rate >> DIGITS).unwrap_or(u64::MAX)
    }

    /// `gain` times the bandwidth.
    pub(super) fn times(self, gain: u32) -> Bandwidth {
        Bandwidth(self.0.saturating_mul(u64::from(gain)) / u64::from(UNIT))
    }

    pub(super) fn distance(self, other: Bandwidth) -> Bandwidth {
        Bandwidth(self.0.abs_diff(other.0))
    }

    pub(super) fn midpoint(self, other: Bandwidth) -> Bandwidth {
        Bandwidth(self.0.midpoint(other.0))
    }
}

/// The greatest bandwidth of the last round trips.
#[derive(Clone, Copy, Debug)]
pub(super) struct Greatest(Least<Reverse<Bandwidth>>);

impl Greatest {
    pub(super) fn new() -> Greatest {
        Greatest(Least::new(Reverse(Bandwidth::ZERO)))
    }

    pub(super) fn get(&self) -> Bandwidth {
        self.0.get().0
    }

    /// Takes a bandwidth measured in the round trip `round`.
    pub(super) fn update(&mut self, round: u32, bandwidth: Bandwidth) {
        self.0.update(Reverse(bandwidth), round, ROUNDS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bandwidth_is_what_its_segments_take() {
        let bandwidth = Bandwidth::of(100, 10_000);
        // 100 segments of 1448 bytes in 10 ms are 14.48 MB a second; one per cent is kept back.
        let rate = bandwidth.bytes_a_second(1448, UNIT);
        assert!((14_335_199 - 20..=14_335_200).contains(&rate), "{rate}");
        assert_eq!(bandwidth.product(40_000, UNIT), 400);
        assert_eq!(bandwidth.product(40_000, 2 * UNIT), 800);
        assert_eq!(bandwidth.segments(10_000), 99, "cut, as 24 digits do not hold a hundredth");
    }

    #[test]
    fn the_greatest_is_forgotten_after_ten_rounds() {
        let mut greatest = Greatest::new();
        greatest.update(0, Bandwidth::of(50, 1000));
        for round in 1..=10 {
            greatest.update(round, Bandwidth::of(20, 1000));
            assert_eq!(greatest.get(), Bandwidth::of(50, 1000), "round {round}");
        }
        greatest.update(11, Bandwidth::of(20, 1000));
        assert_eq!(greatest.get(), Bandwidth::of(20, 1000));
    }
}
