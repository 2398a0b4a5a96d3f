//! `Schedule`: which request is next, and when it is due.

use core::time::Duration;

use roundtrip_lab::{Chance, Seed};

use crate::plan::{Arrivals, Pace, Plan};
use crate::rate::Rate;

/// One of several threads that carry a plan out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Its number, from 0.
    pub(crate) number: u32,
    /// How many there are.
    pub(crate) of: u32,
}

impl Share {
    /// Its part of so many things that can be dealt out.
    pub(crate) fn of(self, all: u64) -> u64 {
        let (number, of) = (u64::from(self.number), u64::from(self.of));
        all / of + u64::from(number < all % of)
    }
}

/// A request that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// When, since the beginning; `None`: as soon as it is taken.
    pub(crate) due: Option<Duration>,
    /// Which of the targets.
    pub(crate) target: usize,
}

/// The requests of one thread, in the order in which they are due.
pub(crate) struct Schedule {
    due: Due,
    chance: Chance,
    /// The sums of the weights up to each target.
    weights: Vec<u64>,
    /// Requests that are left.
    left: Option<u64>,
    end: Option<Duration>,
}

enum Due {
    AtOnce,
    Even { rate: Rate, share: Share, taken: u64 },
    Poisson { rate: Rate, at: Duration, chance: Chance },
}

impl Schedule {
    pub(crate) fn new(plan: &Plan, share: Share) -> Self {
        let seed = Seed::new(plan.seed).of(&format!("load {} of {}", share.number, share.of));
        let due = match plan.pace {
            Pace::Closed => Due::AtOnce,
            Pace::Open { rate, arrivals: Arrivals::Even } => Due::Even { rate, share, taken: 0 },
            Pace::Open { rate, arrivals: Arrivals::Poisson } => {
                // Several independent ones together are one of the sum of their rates.
                let own = Rate::clamped(rate.thousandths() / u64::from(share.of));
                let chance = Chance::new(seed.of("arrivals"));
                Due::Poisson { rate: own, at: Duration::ZERO, chance }
            }
        };
        let mut sum = 0;
        let weights = plan.targets.iter().map(|target| {
            sum += u64::from(target.weight.get());
            sum
        });
        Self {
            due,
            chance: Chance::new(seed.of("targets")),
            weights: weights.collect(),
            left: plan.stop.requests.map(|all| share.of(all)),
            end: plan.stop.time,
        }
    }

    /// The next request; `None` where there are no more. `now` is the time since the beginning.
    pub(crate) fn take(&mut self, now: Duration) -> Option<Ticket> {
        if self.left == Some(0) {
            return None;
        }
        let due = match &mut self.due {
            Due::AtOnce => None,
            Due::Even { rate, share, taken } => {
                let number = *taken * u64::from(share.of) + u64::from(share.number);
                *taken += 1;
                Some(rate.even(number))
            }
            Due::Poisson { rate, at, chance } => {
                *at = at.saturating_add(rate.times(exponential(chance)));
                Some(*at)
            }
        };
        if self.end.is_some_and(|end| due.unwrap_or(now) >= end) {
            self.left = Some(0);
            return None;
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        Some(Ticket { due, target: self.target() })
    }

    /// No more requests are given.
    pub(crate) fn stop(&mut self) {
        self.left = Some(0);
    }

    fn target(&mut self) -> usize {
        match self.weights.as_slice() {
            [] | [_] => 0,
            [.., all] => {
                let drawn = self.chance.below(*all);
                self.weights.partition_point(|sum| *sum <= drawn)
            }
        }
    }
}

/// A number that is exponentially distributed with the mean 1.
fn exponential(chance: &mut Chance) -> f64 {
    // 53 bits, from 2⁻⁵³ to 1: the logarithm of nothing is not wanted.
    let drawn = ((chance.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    -logarithm(drawn)
}

/// The natural logarithm of a number from 2⁻⁵³ to 1, from nothing but the four operations, which IEEE
/// 754 rounds alike on every machine; that of the system's library need not be.
fn logarithm(number: f64) -> f64 {
    let (mut mantissa, mut halvings) = (number, 0_u32);
    while mantissa < 0.75 {
        mantissa *= 2.0;
        halvings += 1;
    }
    // ln m = 2 artanh((m - 1) / (m + 1)): of at most 1/5, so that 12 terms are enough for 53 bits.
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let (square, mut power, mut sum) = (ratio * ratio, ratio, 0.0);
    for term in 0..12 {
        sum += power / f64::from(2 * term + 1);
        power *= square;
    }
    2.0 * sum - f64::from(halvings) * core::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use core::num::NonZeroU32;

    use super::*;
    use crate::plan::Target;

    fn plan(pace: Pace) -> Plan {
        let url = |path: &str| url::Url::parse(&format!("http://127.0.0.1/{path}")).unwrap();
        let mut rare = Target::get(url("rare"));
        let mut often = Target::get(url("often"));
        rare.weight = NonZeroU32::new(1).unwrap();
        often.weight = NonZeroU32::new(3).unwrap();
        Plan { pace, ..Plan::new(vec![rare, often]) }
    }

    fn all(mut schedule: Schedule) -> Vec<Ticket> {
        core::iter::from_fn(|| schedule.take(Duration::ZERO)).collect()
    }

    #[test]
    fn threads_together_are_as_one() {
        let pace = Pace::Open { rate: "1000".parse().unwrap(), arrivals: Arrivals::Even };
        let of = |share| all(Schedule::new(&plan(pace), share));
        let due = |tickets: Vec<Ticket>| tickets.into_iter().filter_map(|one| one.due);
        let mut dealt: Vec<_> =
            (0..3).flat_map(|number| due(of(Share { number, of: 3 }))).collect();
        dealt.sort();
        let alone: Vec<_> = due(of(Share { number: 0, of: 1 })).collect();
        assert_eq!(dealt, alone);
        assert_eq!(alone.len(), 10_000);
    }

    #[test]
    fn a_number_of_requests_is_dealt_out() {
        let mut plan =
            plan(Pace::Open { rate: "10".parse().unwrap(), arrivals: Arrivals::Poisson });
        plan.stop = crate::plan::Stop { requests: Some(1001), time: None };
        let counts = (0..4).map(|number| all(Schedule::new(&plan, Share { number, of: 4 })).len());
        assert_eq!(counts.collect::<Vec<_>>(), [251, 250, 250, 250]);
    }

    #[test]
    fn poisson_has_its_rate_and_its_spread() {
        let pace = Pace::Open { rate: "1000".parse().unwrap(), arrivals: Arrivals::Poisson };
        let tickets = all(Schedule::new(&plan(pace), Share { number: 0, of: 1 }));
        // Ten thousand are expected; their standard deviation is a hundred.
        assert!((9_600..10_400).contains(&tickets.len()), "{}", tickets.len());
        let due: Vec<Duration> = tickets.iter().filter_map(|one| one.due).collect();
        let gaps =
            due.windows(2).map(|two| two[1].checked_sub(two[0]).unwrap().as_secs_f64() * 1000.0);
        // Of an exponential distribution, the share above the mean is 1/e.
        let above = gaps.filter(|gap| *gap > 1.0).count() as f64 / due.len() as f64;
        assert!((above - 0.3679).abs() < 0.02, "{above}");
        let often = tickets.iter().filter(|one| one.target == 1).count() as f64;
        assert!((often / tickets.len() as f64 - 0.75).abs() < 0.02);
    }

    #[test]
    fn the_logarithm_is_that_of_the_library() {
        for number in [1.0, 0.999, 0.75, 0.749, 0.5, 0.1, 1e-9, 1.0 / (1_u64 << 53) as f64] {
            let (own, known) = (logarithm(number), f64::ln(number));
            assert!((own - known).abs() <= 1e-14 * known.abs().max(1.0), "{number}: {own} {known}");
        }
    }
}
