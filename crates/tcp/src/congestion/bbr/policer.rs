//! Paths whose bandwidth is cut by dropping what is above it: a policer with a bucket of tokens lets a burst through
//! and then drops steadily. Between two losses the rate of delivery is then the policer's own.

use super::bandwidth::{Bandwidth, UNIT};
use crate::congestion::rate_sample::RateSample;

/// The round trips that a stretch between losses has at least, and at most before it is given up.
const ROUNDS: std::ops::RangeInclusive<u32> = 4..=16;
/// Losses among what was delivered from which on a stretch counts: 50 of 256, a fifth.
const LOSSES: u32 = 50;
/// Two stretches agree when they differ by an eighth, or by half a kilobyte a second.
const NEAR: u32 = UNIT / 8;
const NEAR_BYTES: u64 = 500;
/// How many round trips the policer's bandwidth is used before the path is probed again.
const USED: u32 = 48;

/// What is known of a policer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Policer {
    /// Whether its bandwidth is the one to use.
    is_used: bool,
    /// Whether a stretch is being measured.
    is_measuring: bool,
    bandwidth: Bandwidth,
    /// Round trips since the stretch began, or since the bandwidth is used.
    rounds: u32,
    /// Where the stretch began: when, µs modulo 2³², and what had been delivered and lost by then.
    since_us: u32,
    delivered: u32,
    lost: u32,
}

/// What an acknowledgement means for the probing of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Nothing,
    /// The bandwidth has been used for long enough: the path is to be probed again.
    ProbeAgain,
}

impl Policer {
    /// The bandwidth to use, where the path has a policer.
    pub(super) fn bandwidth(&self) -> Option<Bandwidth> {
        self.is_used.then_some(self.bandwidth)
    }

    /// Begins anew, as if nothing were known.
    pub(super) fn forget(&mut self, sample: &RateSample) {
        *self = Policer::default();
        self.begin(sample);
    }

    fn begin(&mut self, sample: &RateSample) {
        self.since_us = sample.delivered_us;
        self.delivered = sample.delivered;
        self.lost = sample.lost;
        self.rounds = 0;
    }

    /// Takes an acknowledgement; `begins_round` says whether a round trip began with it, `is_cruising` whether
    /// the path is being probed in cycles.
    pub(super) fn on_ack(
        &mut self,
        sample: &RateSample,
        begins_round: bool,
        is_cruising: bool,
    ) -> Verdict {
        if self.is_used {
            if is_cruising && begins_round {
                self.rounds += 1;
                if self.rounds >= USED {
                    self.forget(sample);
                    return Verdict::ProbeAgain;
                }
            }
            return Verdict::Nothing;
        }
        if !self.is_measuring {
            // A stretch begins with a loss, when the bucket is empty.
            if sample.losses == 0 {
                return Verdict::Nothing;
            }
            self.begin(sample);
            self.is_measuring = true;
        }
        if sample.delivery.is_some_and(|delivery| delivery.is_limited) {
            self.forget(sample);
            return Verdict::Nothing;
        }
        self.rounds += u32::from(begins_round);
        if self.rounds > *ROUNDS.end() {
            self.forget(sample);
        } else if self.rounds >= *ROUNDS.start() && sample.losses > 0 {
            // It ends with a loss, when the bucket is empty again.
            self.end(sample);
        }
        Verdict::Nothing
    }

    fn end(&mut self, sample: &RateSample) {
        let lost = sample.lost.wrapping_sub(self.lost);
        let delivered = sample.delivered.wrapping_sub(self.delivered);
        if delivered == 0 || u64::from(lost) << 8 < u64::from(LOSSES) * u64::from(delivered) {
            return;
        }
        let took_ms = sample.delivered_us.wrapping_sub(self.since_us) / 1000;
        if took_ms == 0 {
            return;
        }
        let bandwidth = Bandwidth::of(delivered, u64::from(took_ms) * 1000);
        if self.bandwidth > Bandwidth::ZERO {
            let apart = bandwidth.distance(self.bandwidth);
            let is_near = apart <= self.bandwidth.times(NEAR)
                || apart.bytes_a_second(sample.mss, UNIT) <= NEAR_BYTES;
            if is_near {
                self.bandwidth = bandwidth.midpoint(self.bandwidth);
                self.is_used = true;
                self.rounds = 0;
                return;
            }
        }
        self.bandwidth = bandwidth;
        self.begin(sample);
    }
}
