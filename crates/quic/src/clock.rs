//! Times of the wire, as `quinn-proto` has them.

use std::time::Instant;

use roundtrip_record::Time;

/// A base that instants are counted from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    base: Instant,
    since: Time,
}

impl Clock {
    /// One that begins now.
    #[allow(
        clippy::disallowed_methods,
        reason = "an instant cannot be made otherwise; only differences to this one are ever used"
    )]
    pub(crate) fn new(now: Time) -> Self {
        Self { base: Instant::now(), since: now }
    }

    /// A time of the wire.
    pub(crate) fn instant(&self, at: Time) -> Instant {
        self.base + at.since(self.since)
    }

    /// The time of the wire that an instant is.
    pub(crate) fn time(&self, at: Instant) -> Time {
        self.since + at.saturating_duration_since(self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back() {
        let clock = Clock::new(Time::from_millis(7));
        for nanos in [7_000_000, 7_000_001, 123_456_789_012_345] {
            let at = Time::from_nanos(nanos);
            assert_eq!(clock.time(clock.instant(at)), at);
        }
        assert_eq!(clock.time(clock.instant(Time::ZERO)), Time::from_millis(7));
    }
}
