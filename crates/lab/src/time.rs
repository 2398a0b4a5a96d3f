//! Arithmetic with virtual time that stays within its range.

use std::time::Duration;

use roundtrip_record::Time;

/// The time `nanos` nanoseconds after `at`.
#[inline]
pub(crate) fn later(at: Time, nanos: u64) -> Time {
    Time::from_nanos(at.nanos().saturating_add(nanos))
}

/// The nanoseconds of a duration, at most 2⁶⁴ − 1 (584 years).
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
