//! `Significance`: whether two sides lie apart beyond what their own runs lie apart.

use core::time::Duration;

use roundtrip_record::Interval;
use serde::Serialize;

use super::both::Both;
use crate::rank::RankTest;

/// What is known of one figure on one side: a value for each run that has it, and the interval that a
/// single record may state of the runs among which it is the median.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    /// The values in nanoseconds, bytes or numbers, in the order of the runs.
    pub(super) values: Vec<i64>,
    /// Number of runs and interval, where a single record states them.
    pub(super) stated: Option<(u32, Interval)>,
}

impl Sample {
    /// The middle value; of an even number the lower of the two in the middle, so that it is that of
    /// a run.
    pub(super) fn median(&self) -> Option<i64> {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().checked_sub(1)? / 2).copied()
    }

    /// How many runs this is known of.
    fn runs(&self) -> usize {
        match (self.values.len(), self.stated) {
            (1, Some((runs, _))) => runs as usize,
            (values, _) => values,
        }
    }

    /// Where most of the runs lie, from a tenth to nine tenths.
    fn interval(&self) -> Option<(i64, i64)> {
        let of_values = || {
            let time = |value: &i64| Duration::from_nanos(value.unsigned_abs());
            Interval::of(self.values.iter().map(time).collect())
        };
        let stated = self.stated.filter(|_| self.values.len() == 1);
        let interval = stated.map(|(_, interval)| interval).or_else(of_values)?;
        let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        Some((nanos(interval.low), nanos(interval.high)))
    }
}

/// Whether a difference lies beyond the spread of the runs on either side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Significance {
    /// There is one run on each side, and no record says how others would have come out.
    OneRun,
    /// There are several runs, but so few that no difference between them would be significant.
    TooFewRuns {
        /// The number of runs.
        runs: Both<usize>,
        /// How many runs on each side could tell.
        needed: usize,
    },
    /// The difference is beyond the spread of either side.
    Beyond {
        /// The number of runs.
        runs: Both<usize>,
        /// How that is known.
        test: SpreadTest,
    },
    /// The difference is within the spread: other runs might differ as much the other way.
    Within {
        /// The number of runs.
        runs: Both<usize>,
        /// How that is known.
        test: SpreadTest,
    },
}

/// How it is known whether a difference is beyond the spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum SpreadTest {
    /// The two-sided rank test of Mann and Whitney over the values of all runs, at 0.05.
    Ranks {
        /// The probability of such a difference between runs of the same thing.
        p: f64,
    },
    /// Records state where eight of ten of their runs lie; whether these intervals meet.
    Intervals,
}

impl Significance {
    /// Compares two samples.
    pub(super) fn of(samples: Both<&Sample>) -> Self {
        let Both { a, b } = samples;
        let runs = samples.map(Sample::runs);
        if runs.a <= 1 && runs.b <= 1 {
            return Self::OneRun;
        }
        let needed = RankTest::fewest();
        if !RankTest::can_tell(runs.a, runs.b) {
            return Self::TooFewRuns { runs, needed };
        }
        if runs.a == a.values.len() && runs.b == b.values.len() {
            let test = RankTest::of(&a.values, &b.values);
            let ranks = SpreadTest::Ranks { p: test.p };
            return Self::new(test.is_significant, runs, ranks);
        }
        match samples.map(Sample::interval).known() {
            Some(Both { a, b }) => Self::new(a.1 < b.0 || b.1 < a.0, runs, SpreadTest::Intervals),
            None => Self::TooFewRuns { runs, needed },
        }
    }

    const fn new(beyond: bool, runs: Both<usize>, test: SpreadTest) -> Self {
        if beyond { Self::Beyond { runs, test } } else { Self::Within { runs, test } }
    }

    /// Whether other runs might well show no such difference.
    pub const fn is_within(&self) -> bool {
        matches!(self, Self::Within { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[i64]) -> Sample {
        Sample { values: values.to_vec(), stated: None }
    }

    fn stated(runs: u32, low: u64, high: u64) -> Sample {
        let interval = Interval {
            low: Duration::from_nanos(low),
            median: Duration::from_nanos(u64::midpoint(low, high)),
            high: Duration::from_nanos(high),
        };
        Sample { values: vec![u64::midpoint(low, high) as i64], stated: Some((runs, interval)) }
    }

    fn of(a: &Sample, b: &Sample) -> Significance {
        Significance::of(Both::new(a, b))
    }

    #[test]
    fn sets_are_ranked() {
        let (a, b) = (values(&[1, 2, 3, 4, 5]), values(&[6, 7, 8, 9, 10]));
        let test = SpreadTest::Ranks { p: 0.0079 };
        assert_eq!(of(&a, &b), Significance::Beyond { runs: Both::new(5, 5), test });
        assert!(of(&a, &values(&[3, 4, 5, 6, 2])).is_within());
        let few = Significance::TooFewRuns { runs: Both::new(3, 3), needed: 4 };
        assert_eq!(of(&values(&[1, 2, 3]), &values(&[7, 8, 9])), few);
        assert_eq!(of(&values(&[1]), &values(&[2])), Significance::OneRun);
    }

    #[test]
    fn stated_intervals_are_held_against_each_other() {
        let apart = of(&stated(5, 10, 20), &stated(5, 21, 30));
        let runs = Both::new(5, 5);
        assert_eq!(apart, Significance::Beyond { runs, test: SpreadTest::Intervals });
        assert!(of(&stated(5, 10, 20), &stated(5, 20, 30)).is_within());
        assert!(of(&stated(5, 10, 20), &values(&[21, 22, 23, 24])) != Significance::OneRun);
        let few = of(&stated(2, 10, 20), &stated(2, 21, 30));
        assert!(matches!(few, Significance::TooFewRuns { .. }), "{few:?}");
    }

    #[test]
    fn the_median_is_that_of_a_run() {
        assert_eq!(values(&[4, 1, 3, 2]).median(), Some(2));
        assert_eq!(values(&[]).median(), None);
    }
}
