//! The clocks of a connection, all derived from the time that is handed in.

use std::time::Duration;

use roundtrip_record::Time;

/// The tick of timers and coarse clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Ticks a second (`CONFIG_HZ`), in which CUBIC and the delayed acknowledgement count.
    pub hz: u32,
    /// Whether timers fire as the kernel's timer wheel does (`kernel/time/timer.c`,
    /// `calc_wheel_index`): never early, at a tick, and more coarsely the further ahead they are.
    /// Otherwise they fire exactly when they are set to.
    pub wheel: bool,
}

/// The current time in the units that the kernel's TCP uses, computed once for each call from
/// outside (`tcp_mstamp_refresh`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Now {
    /// The time that was handed in.
    pub(crate) time: Time,
    /// The time in microseconds, for round-trip times and RACK.
    pub(crate) us: u64,
    /// The time in ticks, for CUBIC and delayed acknowledgements.
    pub(crate) ticks: u32,
    /// The time in milliseconds, for the timestamp option.
    pub(crate) ms: u32,
}

impl Now {
    #[inline]
    pub(crate) fn at(time: Time, tick: Tick) -> Now {
        let us = time.micros();
        Now { time, us, ticks: tick.whole(us) as u32, ms: (us / 1000) as u32 }
    }
}

/// An optional time, which takes no more memory than a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline(Time);

impl Deadline {
    pub(crate) const NONE: Deadline = Deadline(Time::MAX);

    #[inline]
    pub(crate) const fn at(time: Time) -> Deadline {
        Deadline(time)
    }

    #[inline]
    pub(crate) fn get(self) -> Option<Time> {
        (self.0 != Time::MAX).then_some(self.0)
    }

    /// Whether the deadline is set and has come.
    #[inline]
    pub(crate) fn is_due(self, now: Time) -> bool {
        self.0 <= now && self.0 != Time::MAX
    }

    /// The earlier of two deadlines.
    #[inline]
    pub(crate) fn min(self, other: Deadline) -> Deadline {
        Deadline(self.0.min(other.0))
    }
}

/// Whole microseconds of a duration.
#[inline]
pub(crate) const fn micros(duration: Duration) -> u64 {
    duration.as_secs() * 1_000_000 + duration.subsec_micros() as u64
}

impl Tick {
    /// The length of one tick, µs.
    #[inline]
    pub(crate) const fn us(self) -> u64 {
        match self.hz {
            250 => 4_000,
            hz => 1_000_000 / hz as u64,
        }
    }

    /// `us` in ticks, rounded down. The usual rates are spelled out because dividing by a constant
    /// is faster, and this is computed several times for each segment.
    #[inline]
    const fn whole(self, us: u64) -> u64 {
        match self.hz {
            250 => us / 4_000,
            1_000 => us / 1_000,
            _ => us / self.us(),
        }
    }

    /// `us` in ticks, rounded up (`usecs_to_jiffies`).
    #[inline]
    pub(crate) const fn count(self, us: u64) -> u32 {
        self.whole(us + self.us() - 1) as u32
    }

    /// `us` rounded up to a time that a timer can be set to.
    #[inline]
    pub(crate) const fn round_up(self, us: u64) -> u64 {
        if self.wheel { self.count(us) as u64 * self.us() } else { us }
    }

    /// When a timer set now for `delay_us` microseconds fires.
    ///
    /// The wheel has levels of 64 buckets, each level eight times as coarse as the one before. A
    /// timer goes to the bucket after the one its expiry falls in, so that it is never early.
    #[inline]
    pub(crate) fn expiry(self, now: Now, delay_us: u64) -> Time {
        if !self.wheel {
            return now.time + Duration::from_micros(delay_us);
        }
        let tick = self.us();
        let ahead = self.whole(delay_us + tick - 1);
        let expires = self.whole(now.us) + ahead;
        let mut shift = 0;
        while shift < 24 && ahead >= 63 << shift {
            shift += 3;
        }
        let fires = ((expires >> shift) + 1) << shift;
        Time::from_micros(fires * tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINUX: Tick = Tick { hz: 250, wheel: true };

    #[test]
    fn a_timer_is_never_early_and_at_most_one_bucket_late() {
        for start in [0, 1, 3_999, 4_000, 123_457] {
            for delay in [1, 4_000, 40_000, 200_000, 251_000, 252_000, 1_000_000, 3_000_000] {
                let now = Now::at(Time::from_micros(start), LINUX);
                let fires = LINUX.expiry(now, delay).micros();
                let ticks: u64 = u64::div_ceil(delay, 4_000);
                let bucket = if ticks < 63 {
                    1
                } else if ticks < 504 {
                    8
                } else {
                    64
                };
                assert!(fires >= start + delay, "{start}+{delay} fired at {fires}");
                assert!(fires <= start + delay + (bucket + 1) * 4_000, "{start}+{delay}: {fires}");
            }
        }
    }

    #[test]
    fn without_a_wheel_timers_are_exact() {
        let exact = Tick { hz: 1000, wheel: false };
        let now = Now::at(Time::from_nanos(123), exact);
        assert_eq!(exact.expiry(now, 10), Time::from_nanos(10_123));
    }
}
