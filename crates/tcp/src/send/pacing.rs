//! Pacing: how fast segments are sent (`tcp_update_pacing_rate`, `tcp_update_skb_after_send`).

use std::time::Duration;

use roundtrip_record::Time;

use crate::clock::Deadline;

/// The pacing rate, which follows from window and round-trip time, and when the next burst may be
/// sent.
#[derive(Clone, Debug)]
pub(super) struct Pacing {
    /// The pacing rate, bytes a second (`sk_pacing_rate`); it also determines the size of bursts,
    /// even without pacing.
    rate: u64,
    /// When segments may be sent next, if they are paced.
    until: Time,
}

impl Pacing {
    pub(super) fn new() -> Pacing {
        Pacing { rate: 0, until: Time::ZERO }
    }

    #[inline]
    pub(super) fn rate(&self) -> u64 {
        self.rate
    }

    #[inline]
    pub(super) fn set_rate(&mut self, bytes_a_second: u64) {
        self.rate = bytes_a_second;
    }

    #[inline]
    pub(super) fn until(&self) -> Time {
        self.until
    }

    pub(super) fn deadline(&self) -> Deadline {
        Deadline::at(self.until)
    }

    /// Notes a burst of `len` bytes sent at `now`. One that was sent later than it might have been,
    /// at `allowed_since`, shortens the gap after it, by half at most.
    pub(super) fn space(&mut self, len: u32, allowed_since: Time, now: Time) {
        if self.rate == 0 {
            return;
        }
        let ns = u64::from(len) * 1_000_000_000 / self.rate;
        let late = now.since(allowed_since).as_nanos() as u64;
        let space = Duration::from_nanos(ns - late.min(ns / 2));
        self.until = self.until.max(now) + space;
    }
}
