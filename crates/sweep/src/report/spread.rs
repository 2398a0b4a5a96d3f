//! `Distribution`: how one figure is spread over many visits.

/// The percentiles that are told.
const TOLD: [u8; 5] = [50, 75, 90, 95, 99];
/// Half the width of an interval that holds 95 % of a normal distribution, in standard deviations.
const WIDTH: f64 = 1.96;

/// How one figure is spread over many visits, in the figure's unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// The variant that all of them have.
    pub variant: String,
    /// Visits that ended well and have the figure.
    pub visits: usize,
    /// Visits that ended with a fault. They have no part in the figures.
    pub failed: usize,
    /// Median, quartile and the slow end.
    pub percentiles: Vec<Percentile>,
    /// The values at 0, 1, 2 … 100 per cent: the empirical distribution function, turned round.
    pub quantiles: Vec<f64>,
}

/// A percentile, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile {
    /// Which one.
    pub percent: u8,
    /// Its value: so many per cent of the visits took no longer (nearest rank).
    pub value: f64,
    /// The interval in which it lies with a probability of 95 %, whatever the distribution is; `None`
    /// where there are too few visits to tell.
    pub interval: Option<(f64, f64)>,
}

impl Distribution {
    /// The distribution of some values.
    pub(crate) fn of(variant: &str, mut values: Vec<f64>, failed: usize) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let all = |percents: &mut dyn Iterator<Item = u8>| -> Vec<f64> {
            percents.filter_map(|percent| nearest_rank(&values, percent)).collect()
        };
        Self {
            variant: variant.to_owned(),
            visits: values.len(),
            failed,
            percentiles: TOLD.into_iter().filter_map(|one| Percentile::of(&values, one)).collect(),
            quantiles: all(&mut (0..=100)),
        }
    }

    /// The value of a percentile that is told.
    pub fn percentile(&self, percent: u8) -> Option<&Percentile> {
        self.percentiles.iter().find(|one| one.percent == percent)
    }
}

impl Percentile {
    /// The interval goes from one rank to another: how many of the values lie below the percentile is a
    /// binomial number, taken to be normal (W. J. Conover: Practical Nonparametric Statistics, 3.2).
    fn of(sorted: &[f64], percent: u8) -> Option<Self> {
        let (count, part) = (sorted.len() as f64, f64::from(percent) / 100.0);
        let spread = WIDTH * (count * part * (1.0 - part)).sqrt();
        let (low, high) = ((count * part - spread).floor(), (count * part + spread).ceil());
        let at = |rank: f64| sorted.get((rank as usize).checked_sub(1)?).copied();
        let interval = (low >= 1.0 && high <= count).then(|| Some((at(low)?, at(high)?))).flatten();
        Some(Self { percent, value: nearest_rank(sorted, percent)?, interval })
    }
}

/// The smallest value that so many per cent of all do not exceed.
fn nearest_rank(sorted: &[f64], percent: u8) -> Option<f64> {
    let rank = (sorted.len() * usize::from(percent)).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_have_intervals_where_there_are_enough_visits() {
        let values: Vec<f64> = (1..=1000).rev().map(f64::from).collect();
        let spread = Distribution::of("as-is", values, 3);
        let median = spread.percentile(50).expect("a median");
        // 500 ± 1.96 √250.
        assert_eq!((median.value, median.interval), (500.0, Some((469.0, 531.0))));
        assert_eq!(spread.percentile(99).expect("p99").interval, Some((983.0, 997.0)));
        assert_eq!((spread.visits, spread.failed, spread.quantiles.len()), (1000, 3, 101));
        assert_eq!((spread.quantiles[0], spread.quantiles[100]), (1.0, 1000.0));
        let few = Distribution::of("as-is", vec![3.0, 1.0, 2.0], 0);
        assert_eq!(few.percentile(50).map(|one| (one.value, one.interval)), Some((2.0, None)));
        assert!(Distribution::of("as-is", Vec::new(), 1).percentiles.is_empty());
    }
}
