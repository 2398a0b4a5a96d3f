//! Acknowledgements that come in bunches, as radio links and receivers with offloads send them: how many segments
//! more than the bandwidth explains are acknowledged at once, so that the window has room for them.

use super::bandwidth::Bandwidth;
use crate::congestion::rate_sample::RateSample;

/// Over how many round trips the greatest bunch counts; of two such windows the greater one.
const ROUNDS: u32 = 5;
/// From how many segments on a bunch is begun anew.
const MOST: u32 = 1 << 20;
/// The most that is made room for: what comes in 100 ms.
const MOST_US: u32 = 100_000;

/// The bunches that acknowledgements came in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bunching {
    /// The greatest surplus in this window of round trips, and in the one before, segments.
    surplus: [u32; 2],
    this: usize,
    rounds: u32,
    /// The bunch that is coming in: since when, µs modulo 2³², and how many segments.
    since_us: u32,
    acked: u32,
}

impl Bunching {
    /// Begins a new bunch.
    pub(super) fn restart(&mut self, now_us: u32) {
        self.since_us = now_us;
        self.acked = 0;
    }

    /// Segments that the window has to have room for because of bunches.
    pub(super) fn room(&self, bandwidth: Bandwidth) -> u32 {
        self.surplus[0].max(self.surplus[1]).min(bandwidth.segments(MOST_US))
    }

    /// Takes an acknowledgement; `bandwidth` is the one known so far, `cwnd` the window.
    pub(super) fn on_ack(
        &mut self,
        sample: &RateSample,
        begins_round: bool,
        bandwidth: Bandwidth,
        cwnd: u32,
    ) {
        if sample.acked == 0 || sample.measured().is_none() {
            return;
        }
        if begins_round {
            self.rounds += 1;
            if self.rounds >= ROUNDS {
                self.rounds = 0;
                self.this ^= 1;
                self.surplus[self.this] = 0;
            }
        }
        let mut expected = bandwidth.segments(sample.delivered_us.wrapping_sub(self.since_us));
        if self.acked <= expected || self.acked + sample.acked >= MOST {
            self.restart(sample.delivered_us);
            expected = 0;
        }
        self.acked = (self.acked + sample.acked).min(MOST - 1);
        let surplus = self.acked.saturating_sub(expected).min(cwnd);
        self.surplus[self.this] = self.surplus[self.this].max(surplus);
    }
}
