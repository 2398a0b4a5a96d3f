//! Histograms of times: HDR, from 0.1 µs to an hour with three significant digits.

use core::time::Duration;

use hdrhistogram::Histogram;

/// The shortest time that is told from others, nanoseconds: what is shorter counts as this.
const LOW: u64 = 100;
/// The longest, nanoseconds: what is longer counts as this.
const HIGH: u64 = 3_600_000_000_000;

/// Times, each counted with an error of a thousandth, or of 0.1 µs, at most.
#[derive(Clone, Debug)]
pub struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self::with_digits(3)
    }
}

impl Times {
    /// Ones of so many significant digits, 1 to 5.
    pub(crate) fn with_digits(digits: u8) -> Self {
        // It grows as far as it is used: most times are short.
        let mut histogram = Histogram::new_with_bounds(LOW, 2 * LOW, digits)
            .expect("bounds and digits are in the range that HDR histograms have");
        histogram.auto(true);
        Self(histogram)
    }

    /// Counts a time.
    pub(crate) fn add(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(HIGH).clamp(LOW, HIGH);
        // It grows by itself, so that nothing is out of its range.
        let _ = self.0.record(nanos);
    }

    /// Counts all that another one has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        let _ = self.0.add(&other.0);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time that this share of all, from 0 to 1, do not exceed; zero where there are none.
    pub fn quantile(&self, share: f64) -> Duration {
        if self.0.is_empty() {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.0.value_at_quantile(share))
    }

    /// The longest; zero where there are none.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }

    /// The mean; zero where there are none.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.0.mean() as u64)
    }

    /// For logs.
    pub(crate) fn inner(&self) -> &Histogram<u64> {
        &self.0
    }

    /// How many lie in each of the steps from the shortest to the longest, each a tenth wider than the one
    /// before: the upper end of each, and its count. (Nothing but multiplication, which is the same on every
    /// machine.)
    pub fn steps(&self) -> Vec<(Duration, u64)> {
        const WIDER: f64 = 1.1;
        let mut steps = Vec::new();
        if self.0.is_empty() {
            return steps;
        }
        let (mut end, longest, mut from) = (self.0.min().max(LOW) as f64, self.0.max(), 0);
        while from <= longest {
            end *= WIDER;
            let last = self.0.highest_equivalent((end as u64).min(longest)).max(from);
            steps.push((Duration::from_nanos(last), self.0.count_between(from, last)));
            from = last + 1;
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let mut times = Times::default();
        for micros in 1..=100_000 {
            times.add(Duration::from_micros(micros));
        }
        for (share, micros) in [(0.5, 50_000.0), (0.99, 99_000.0), (0.999, 99_900.0)] {
            let found = times.quantile(share).as_nanos() as f64 / 1e3;
            assert!((found / micros - 1.0).abs() < 0.0011, "{share}: {found}");
        }
        assert_eq!(times.count(), 100_000);
        let steps = times.steps();
        assert_eq!(steps.iter().map(|(_, count)| count).sum::<u64>(), 100_000);
    }

    #[test]
    fn what_is_out_of_range_counts_as_its_end() {
        let mut times = Times::default();
        times.add(Duration::ZERO);
        times.add(Duration::from_secs(100_000));
        assert_eq!(times.count(), 2);
        assert!(times.quantile(0.5) <= Duration::from_nanos(200));
        assert!((times.max().as_secs_f64() / 3600.0 - 1.0).abs() < 0.002);
    }
}
