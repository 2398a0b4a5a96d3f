//! Round-trip time and retransmission timeout (RFC 6298), as Linux estimates them.

use roundtrip_packet::SeqNumber;

use crate::clock::{Now, micros};
use crate::profile::Profile;
use crate::windowed::Least;

/// The timeout after a handshake without a sample, µs (`TCP_TIMEOUT_FALLBACK`).
const FALLBACK_US: u32 = 3_000_000;

/// The round-trip time estimator, and the retransmission timeout that follows from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RttEstimator {
    /// Eight times the smoothed round-trip time, µs; 0 before the first sample.
    srtt8: u32,
    /// Four times the mean deviation, µs.
    mdev4: u32,
    /// Four times the greatest mean deviation in this round trip, µs.
    mdev_max4: u32,
    /// Four times the variation that counts for the timeout, µs.
    rttvar4: u32,
    /// The sequence number whose acknowledgement ends the round trip.
    round_end: SeqNumber,
    /// The retransmission timeout, back-off included, µs.
    rto: u32,
    min: Least<u32>,
}

impl RttEstimator {
    pub(crate) fn new(profile: &Profile) -> RttEstimator {
        RttEstimator {
            srtt8: 0,
            mdev4: micros(profile.rto_initial) as u32,
            mdev_max4: 0,
            rttvar4: 0,
            round_end: SeqNumber(0),
            rto: micros(profile.rto_initial) as u32,
            min: Least::new(u32::MAX),
        }
    }

    /// Raises the timeout because the handshake gave no sample, most likely since its segments were
    /// retransmitted (RFC 6298 §5.7; `tcp_init_metrics`).
    pub(crate) fn use_fallback_timeout(&mut self) {
        self.mdev4 = FALLBACK_US;
        self.mdev_max4 = FALLBACK_US;
        self.rttvar4 = FALLBACK_US;
        self.rto = FALLBACK_US;
    }

    /// Takes a sample of the round-trip time (`tcp_rtt_estimator`, `tcp_set_rto`). Unlike in RFC
    /// 6298 §2.3 the variation falls slowly, at most once a round trip, and a sample below the mean
    /// hardly raises it.
    pub(crate) fn sample(
        &mut self,
        sample_us: u64,
        snd_una: SeqNumber,
        snd_nxt: SeqNumber,
        profile: &Profile,
    ) {
        let rto_min = micros(profile.rto_min) as u32;
        let sample = sample_us.min(1 << 27) as i64;
        if self.srtt8 == 0 {
            self.srtt8 = (sample << 3).max(1) as u32;
            self.mdev4 = (sample << 1) as u32;
            self.rttvar4 = self.mdev4.max(rto_min);
            self.mdev_max4 = self.rttvar4;
            self.round_end = snd_nxt;
        } else {
            let error = sample - i64::from(self.srtt8 >> 3);
            self.srtt8 = (i64::from(self.srtt8) + error).max(1) as u32;
            let mut deviation = error.abs() - i64::from(self.mdev4 >> 2);
            if error < 0 && deviation > 0 {
                deviation >>= 3;
            }
            self.mdev4 = (i64::from(self.mdev4) + deviation).max(0) as u32;
            if self.mdev4 > self.mdev_max4 {
                self.mdev_max4 = self.mdev4;
                self.rttvar4 = self.rttvar4.max(self.mdev_max4);
            }
            if snd_una.gt(self.round_end) {
                if self.mdev_max4 < self.rttvar4 {
                    self.rttvar4 -= (self.rttvar4 - self.mdev_max4) >> 2;
                }
                self.round_end = snd_nxt;
                self.mdev_max4 = rto_min;
            }
        }
        self.rto = self.base_rto(profile);
    }

    /// The retransmission timeout without back-off, µs.
    fn base_rto(&self, profile: &Profile) -> u32 {
        let max = micros(profile.rto_max);
        if self.srtt8 == 0 && self.rttvar4 == 0 {
            return micros(profile.rto_initial) as u32;
        }
        let rto = u64::from(self.srtt8 >> 3) + u64::from(self.rttvar4);
        profile.tick.round_up(rto).min(max) as u32
    }

    /// Doubles the timeout (RFC 6298 §5.5).
    pub(crate) fn back_off(&mut self, profile: &Profile) {
        self.rto = (u64::from(self.rto) * 2).min(micros(profile.rto_max)) as u32;
    }

    /// Sets the timeout to the base doubled `steps` times, after an ICMP error showed one doubling
    /// to be needless (RFC 6069; `tcp_ld_RTO_revert`).
    pub(crate) fn revert_back_off(&mut self, steps: u32, profile: &Profile) {
        let base = u64::from(self.base_rto(profile));
        self.rto = (base << steps.min(32)).min(micros(profile.rto_max)) as u32;
    }

    pub(crate) fn update_min(&mut self, sample_us: u64, now: Now, profile: &Profile) {
        let window = profile.min_rtt_window.as_millis() as u32;
        self.min.update(sample_us.clamp(1, u64::from(u32::MAX) - 1) as u32, now.ms, window);
    }

    /// Eight times the smoothed round-trip time, µs; 0 before the first sample.
    #[inline]
    pub(crate) fn srtt8_us(&self) -> u32 {
        self.srtt8
    }

    /// Smoothed round-trip time, µs.
    #[inline]
    pub(crate) fn srtt_us(&self) -> u32 {
        self.srtt8 >> 3
    }

    /// Mean deviation, µs, as `tcp_info` gives it.
    pub(crate) fn rttvar_us(&self) -> u32 {
        self.mdev4 >> 2
    }

    /// Retransmission timeout, µs.
    #[inline]
    pub(crate) fn rto_us(&self) -> u64 {
        u64::from(self.rto)
    }

    /// Least round-trip time, µs; `u32::MAX` before the first sample.
    #[inline]
    pub(crate) fn min_us(&self) -> u32 {
        self.min.get()
    }
}

#[cfg(test)]
mod tests {
    use roundtrip_record::Time;

    use super::*;

    fn seq(n: u32) -> SeqNumber {
        SeqNumber(n)
    }

    #[test]
    fn the_first_sample_gives_the_timeout_of_linux() {
        let profile = Profile::linux();
        let mut rtt = RttEstimator::new(&profile);
        assert_eq!(rtt.rto_us(), 1_000_000);
        rtt.sample(40_000, seq(1), seq(1), &profile);
        // The variation counts as at least 200 ms, whatever the sample (`tcp_rto_min_us`).
        assert_eq!((rtt.srtt_us(), rtt.rto_us()), (40_000, 240_000));
    }

    #[test]
    fn a_steady_path_keeps_the_floor_under_the_variation() {
        let profile = Profile::linux();
        let mut rtt = RttEstimator::new(&profile);
        for n in 0..100 {
            rtt.sample(100_000, seq(n), seq(n + 1), &profile);
        }
        assert_eq!(rtt.rto_us(), 300_000);
        assert!(rtt.rttvar_us() < 1_000);
    }

    #[test]
    fn back_off_doubles_up_to_the_bound_and_can_be_taken_back() {
        let profile = Profile::linux();
        let mut rtt = RttEstimator::new(&profile);
        rtt.sample(100_000, seq(1), seq(1), &profile);
        rtt.back_off(&profile);
        assert_eq!(rtt.rto_us(), 600_000);
        rtt.revert_back_off(0, &profile);
        assert_eq!(rtt.rto_us(), 300_000);
        for _ in 0..20 {
            rtt.back_off(&profile);
        }
        assert_eq!(rtt.rto_us(), 120_000_000);
    }

    #[test]
    fn the_least_round_trip_is_forgotten_after_its_window() {
        let profile = Profile::linux();
        let mut rtt = RttEstimator::new(&profile);
        let at = |s: u64| Now::at(Time::from_secs(s), profile.tick);
        rtt.update_min(10_000, at(0), &profile);
        for s in 1..=299 {
            rtt.update_min(50_000, at(s), &profile);
        }
        assert_eq!(rtt.min_us(), 10_000);
        for s in 300..=320 {
            rtt.update_min(50_000, at(s), &profile);
        }
        assert_eq!(rtt.min_us(), 50_000);
    }
}
