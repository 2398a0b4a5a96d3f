//! The rank test of Mann and Whitney: whether two groups of runs differ by more than chance makes
//! them differ. (H. B. Mann, D. R. Whitney: On a Test of Whether one of Two Random Variables is
//! Stochastically Larger than the Other. Annals of Mathematical Statistics 18, 1947.)

/// The most values, of both groups together, for which the test is exact.
const EXACT: usize = 60;
/// One in this many: a difference that chance brings about this seldom counts as real (p ≤ 0.05).
const ONE_IN: u128 = 20;

/// What the two-sided rank test says of two groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankTest {
    /// The probability that values drawn from one distribution lie apart as far as these do or
    /// farther, to four decimal places.
    pub p: f64,
    /// Whether that is at most 0.05.
    pub is_significant: bool,
    /// Whether all ways to deal the values out to the groups were counted; otherwise `p` is that of
    /// the normal distribution.
    pub is_exact: bool,
}

impl RankTest {
    /// Tests two groups. Equal values have the mean of their ranks. Up to 60 values are dealt out in
    /// every possible way, so that ties need no correction; beyond, the normal approximation has the
    /// usual one.
    pub fn of(a: &[i64], b: &[i64]) -> Self {
        if a.is_empty() || b.is_empty() {
            return Self { p: 1.0, is_significant: false, is_exact: true };
        }
        let ranks = ranks(a, b);
        let sum: u64 = ranks.iter().filter(|rank| rank.is_a).map(|rank| rank.doubled).sum();
        if ranks.len() <= EXACT {
            exact(&ranks, a.len(), sum)
        } else {
            normal(&ranks, a.len(), sum)
        }
    }

    /// Whether groups of these sizes can differ significantly at all: the two most extreme of all
    /// ways to deal the values out must be seldom enough.
    pub fn can_tell(a: usize, b: usize) -> bool {
        if a + b > EXACT {
            return a.min(b) > 0;
        }
        2 * ONE_IN <= choose(a + b, a)
    }

    /// The fewest runs a side, the same number on both, that can tell.
    pub fn fewest() -> usize {
        (1..=EXACT).find(|runs| Self::can_tell(*runs, *runs)).unwrap_or(EXACT)
    }
}

/// A value's rank among all values of both groups, doubled so that the mean of tied ranks is a whole
/// number.
struct Rank {
    doubled: u64,
    is_a: bool,
    /// How many values are equal to this one, itself included.
    tied: u64,
}

fn ranks(a: &[i64], b: &[i64]) -> Vec<Rank> {
    let values = a.iter().map(|value| (*value, true)).chain(b.iter().map(|value| (*value, false)));
    let mut all: Vec<(i64, bool)> = values.collect();
    all.sort_unstable();
    let mut ranks = Vec::with_capacity(all.len());
    for tied in all.chunk_by(|one, next| one.0 == next.0) {
        let first = ranks.len() + 1;
        let last = ranks.len() + tied.len();
        ranks.extend(tied.iter().map(|(_, is_a)| Rank {
            doubled: (first + last) as u64,
            is_a: *is_a,
            tied: tied.len() as u64,
        }));
    }
    ranks
}

/// Counts the ways to choose as many of the ranks as A has values whose sum lies at least as far from
/// its mean as A's own does.
fn exact(ranks: &[Rank], of_a: usize, sum: u64) -> RankTest {
    let most = ranks.len() * (ranks.len() + 1);
    // ways[n][s]: how many ways there are to choose n of the ranks so far with the sum s.
    let mut ways = vec![vec![0_u128; most + 1]; of_a + 1];
    ways[0][0] = 1;
    for rank in ranks {
        let step = rank.doubled as usize;
        for n in (1..=of_a).rev() {
            for total in (step..=most).rev() {
                ways[n][total] += ways[n - 1][total - step];
            }
        }
    }
    let mean = (of_a * (ranks.len() + 1)) as u64;
    let apart = sum.abs_diff(mean);
    let all: u128 = ways[of_a].iter().sum();
    let as_far = |(total, _): &(usize, &u128)| (*total as u64).abs_diff(mean) >= apart;
    let extreme: u128 = ways[of_a].iter().enumerate().filter(as_far).map(|(_, ways)| ways).sum();
    RankTest {
        p: rounded(extreme as f64 / all as f64),
        is_significant: extreme * ONE_IN <= all,
        is_exact: true,
    }
}

/// The normal approximation with the corrections for continuity and for ties.
fn normal(ranks: &[Rank], of_a: usize, sum: u64) -> RankTest {
    let (all, a) = (ranks.len() as f64, of_a as f64);
    // Each of t tied values adds t² − 1, which makes t³ − t of a group of them.
    let ties: f64 = ranks.iter().map(|rank| (rank.tied * rank.tied - 1) as f64).sum();
    let variance = a * (all - a) / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)));
    let apart = (sum as f64 - a * (all + 1.0)).abs() / 2.0;
    if variance <= 0.0 {
        return RankTest { p: 1.0, is_significant: false, is_exact: false };
    }
    let z = (apart - 0.5).max(0.0) / variance.sqrt();
    let p = rounded(both_tails(z));
    RankTest { p, is_significant: p <= 1.0 / ONE_IN as f64, is_exact: false }
}

/// To four decimal places, which every machine computes alike.
fn rounded(p: f64) -> f64 {
    ((p * 1e4).round() / 1e4).clamp(0.0, 1.0)
}

/// The probability that a standard normal variable lies farther from zero than `z`, which is not
/// negative; off by less than 2 · 10⁻⁷ (Abramowitz and Stegun, Handbook of Mathematical Functions,
/// 7.1.26).
fn both_tails(z: f64) -> f64 {
    let x = z / core::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let coefficients =
        [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let polynomial = coefficients.iter().fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    polynomial * (-x * x).exp()
}

/// The number of ways to choose `k` of `n`.
fn choose(n: usize, k: usize) -> u128 {
    (0..k.min(n - k)).fold(1, |ways, i| ways * (n - i) as u128 / (i + 1) as u128)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of these sizes without ties in which A's values win exactly `u` of all comparisons.
    fn with_u(a: usize, b: usize, u: usize) -> (Vec<i64>, Vec<i64>) {
        let b_values: Vec<i64> = (1..=b).map(|n| n as i64 * 1000).collect();
        let mut left = u;
        let a_values = (0..a).map(|n| {
            let wins = left.min(b);
            left -= wins;
            // Behind `wins` values of B.
            wins as i64 * 1000 + 1 + n as i64
        });
        (a_values.collect(), b_values)
    }

    /// The largest U that is significant at 0.05, two-sided, as tables print it (for example D. Sheskin,
    /// Handbook of Parametric and Nonparametric Statistical Procedures, table A11).
    #[test]
    fn critical_values_are_those_of_the_tables() {
        for (a, b, critical) in [
            (3, 5, 0),
            (4, 4, 0),
            (4, 5, 1),
            (5, 5, 2),
            (5, 8, 6),
            (6, 6, 5),
            (7, 7, 8),
            (7, 10, 14),
            (8, 8, 13),
            (10, 10, 23),
            (12, 15, 49),
            (15, 15, 64),
            (20, 20, 127),
        ] {
            let test = |u| {
                let (a, b) = with_u(a, b, u);
                RankTest::of(&a, &b)
            };
            assert!(test(critical).is_significant, "{a} and {b}: U = {critical}");
            assert!(!test(critical + 1).is_significant, "{a} and {b}: U = {}", critical + 1);
            assert!(test(critical).is_exact);
        }
    }

    #[test]
    fn probabilities_are_exact() {
        // 2 of C(8, 4) = 70, 2 of C(10, 5) = 252.
        assert_eq!(RankTest::of(&[1, 2, 3, 4], &[5, 6, 7, 8]).p.to_string(), "0.0286");
        assert_eq!(RankTest::of(&[9, 8, 7, 6, 10], &[1, 2, 3, 4, 5]).p.to_string(), "0.0079");
        // Ties: of the C(6, 3) = 20 ways to deal 1 1 1 2 2 2 out, two keep them apart.
        assert_eq!(RankTest::of(&[1, 1, 1], &[2, 2, 2]).p.to_string(), "0.1");
        assert_eq!(RankTest::of(&[5, 5, 5, 5], &[5, 5, 5, 5]).p.to_string(), "1");
        assert_eq!(RankTest::of(&[], &[1]).p.to_string(), "1");
    }

    #[test]
    fn a_side_with_few_runs_can_tell_nothing() {
        assert!(!RankTest::can_tell(3, 3));
        assert!(RankTest::can_tell(4, 4));
        assert!(RankTest::can_tell(3, 5));
        assert!(!RankTest::can_tell(1, 20));
        assert!(RankTest::can_tell(1, 39));
        assert_eq!(RankTest::fewest(), 4);
    }

    #[test]
    fn large_groups_have_the_normal_distribution() {
        // Where both can be computed they agree.
        for shift in [0, 3, 6, 9] {
            let a: Vec<i64> = (0..30).map(|n| n * 7 % 30).collect();
            let b: Vec<i64> = a.iter().map(|value| value + shift).collect();
            let exact = RankTest::of(&a, &b);
            let ranks = ranks(&a, &b);
            let sum = ranks.iter().filter(|rank| rank.is_a).map(|rank| rank.doubled).sum();
            let normal = normal(&ranks, a.len(), sum);
            assert!((exact.p - normal.p).abs() < 0.01, "{exact:?} {normal:?}");
        }
        let a: Vec<i64> = (0..40).collect();
        let b: Vec<i64> = a.iter().map(|value| value + 20).collect();
        let apart = RankTest::of(&a, &b);
        assert!(!apart.is_exact && apart.is_significant, "{apart:?}");
        assert!(!RankTest::of(&a, &a).is_significant);
        assert!((both_tails(1.959_964) - 0.05).abs() < 1e-6);
    }
}
