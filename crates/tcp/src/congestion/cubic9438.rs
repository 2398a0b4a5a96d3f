//! CUBIC of RFC 9438 with the slow start of RFC 9406 (HyStart++).

use roundtrip_packet::SeqNumber;

use super::controller::{Controller, Moment};
use super::window::Window;

/// β_cubic in tenths: the share of the window that is left after a loss (RFC 9438 §4.6).
const BETA: u32 = 7;
/// N_RTT_SAMPLE: the round-trip samples needed in a round (RFC 9406 §4.3).
const SAMPLES: u32 = 8;
/// MIN_RTT_THRESH and MAX_RTT_THRESH (RFC 9406 §4.3), µs.
const THRESH_US: (u32, u32) = (4_000, 16_000);
/// MIN_RTT_DIVISOR (RFC 9406 §4.3).
const RTT_DIVISOR: u32 = 8;
/// CSS_GROWTH_DIVISOR (RFC 9406 §4.3).
const GROWTH_DIVISOR: u32 = 4;
/// CSS_ROUNDS (RFC 9406 §4.3).
const ROUNDS: u32 = 5;
/// L for a sender without pacing: the most segments by which one acknowledgement grows the window
/// (RFC 9406 §4.3).
const BURST: u32 = 8;

/// The CUBIC state of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cubic9438 {
    /// W_max, segments.
    w_max: u32,
    /// cwnd_prior: the window before it was last reduced, segments.
    prior: u32,
    /// t_epoch, µs, and K, ms, while in congestion avoidance.
    epoch: Option<(u64, u64)>,
    /// W_est, 1/1024 segments.
    w_est: u64,
    srtt_us: u32,
    hystart: HyStartPlus,
}

/// The HyStart++ state: the last two round trips and, in Conservative Slow Start, the delay to
/// compare with.
#[derive(Clone, Copy, Debug)]
struct HyStartPlus {
    /// lastRoundMinRTT and currentRoundMinRTT: the least round-trip times of the last and the
    /// current round, µs.
    last_us: u32,
    current_us: u32,
    samples: u32,
    round_end: SeqNumber,
    /// cssBaselineMinRtt in µs, and the rounds spent in Conservative Slow Start.
    conservative: Option<(u32, u32)>,
    /// Acknowledged segments that have not yet made the window grow.
    left: u32,
}

impl HyStartPlus {
    fn new(at: &Moment) -> HyStartPlus {
        HyStartPlus {
            last_us: u32::MAX,
            current_us: u32::MAX,
            samples: 0,
            round_end: at.nxt,
            conservative: None,
            left: 0,
        }
    }

    /// Takes a round-trip time; true when slow start is over.
    fn sample(&mut self, rtt_us: u32, at: &Moment) -> bool {
        if at.una.gt(self.round_end) && self.end_round(at) {
            return true;
        }
        self.current_us = self.current_us.min(rtt_us);
        self.samples += 1;
        if self.samples < SAMPLES {
            return false;
        }
        match self.conservative {
            None if self.last_us != u32::MAX => {
                let rise = (self.last_us / RTT_DIVISOR).clamp(THRESH_US.0, THRESH_US.1);
                if self.current_us >= self.last_us.saturating_add(rise) {
                    self.conservative = Some((self.current_us, 0));
                }
            }
            // The delay fell again: leaving slow start was premature.
            Some((baseline, _)) if self.current_us < baseline => self.conservative = None,
            _ => {}
        }
        false
    }

    fn end_round(&mut self, at: &Moment) -> bool {
        self.last_us = self.current_us;
        self.current_us = u32::MAX;
        self.samples = 0;
        self.round_end = at.nxt;
        if let Some((_, rounds)) = &mut self.conservative {
            *rounds += 1;
            return *rounds >= ROUNDS;
        }
        false
    }

    /// The number of segments by which the window grows after `acked` were acknowledged.
    fn growth(&mut self, acked: u32, paced: bool) -> u32 {
        let acked = if paced { acked } else { acked.min(BURST) };
        if self.conservative.is_none() {
            return acked;
        }
        self.left += acked;
        let growth = self.left / GROWTH_DIVISOR;
        self.left %= GROWTH_DIVISOR;
        growth
    }
}

impl Cubic9438 {
    pub(crate) fn new(at: &Moment) -> Cubic9438 {
        Cubic9438 {
            w_max: 0,
            prior: 0,
            epoch: None,
            w_est: 0,
            srtt_us: 0,
            hystart: HyStartPlus::new(at),
        }
    }

    fn avoid(&mut self, window: &mut Window, acked: u32, at: &Moment) {
        let cwnd = window.cwnd;
        let (epoch_us, k_ms) = match self.epoch {
            Some(epoch) => epoch,
            None => self.begin_epoch(cwnd, at),
        };
        self.estimate_reno(cwnd, acked);
        let w_est = (self.w_est >> 10) as u32;
        let t_ms = at.now.us.saturating_sub(epoch_us) / 1000;
        if self.cubic(t_ms, k_ms) < u64::from(w_est) {
            if w_est > cwnd {
                window.cwnd = w_est;
            }
            return;
        }
        let ahead = self.cubic(t_ms + u64::from(self.srtt_us) / 1000, k_ms);
        let target = ahead.clamp(u64::from(cwnd), u64::from(cwnd) * 3 / 2) as u32;
        if target > cwnd {
            window.additive(cwnd / (target - cwnd), acked);
        }
    }

    fn begin_epoch(&mut self, cwnd: u32, at: &Moment) -> (u64, u64) {
        self.w_est = u64::from(cwnd) << 10;
        if self.w_max < cwnd {
            self.w_max = cwnd;
        }
        // K = ∛((W_max − cwnd_epoch) / C), C = 0.4; in ms.
        let k_ms = cube_root(u64::from(self.w_max - cwnd) * 2_500_000_000);
        self.epoch = Some((at.now.us, k_ms));
        (at.now.us, k_ms)
    }

    /// W_cubic(t) (RFC 9438 §4.2), segments.
    fn cubic(&self, t_ms: u64, k_ms: u64) -> u64 {
        let offset = t_ms.abs_diff(k_ms).min(1 << 20);
        let delta = offset * offset * offset * 4 / 10 / 1_000_000_000;
        let w_max = u64::from(self.w_max);
        if t_ms < k_ms { w_max.saturating_sub(delta) } else { w_max + delta }
    }

    /// Updates W_est (RFC 9438 §4.3): α_cubic = 3·(1−β)/(1+β) = 9/17 until the old window is
    /// reached, then 1.
    fn estimate_reno(&mut self, cwnd: u32, acked: u32) {
        let gain = (u64::from(acked) << 10) / u64::from(cwnd.max(1));
        let reached = self.w_est >> 10 >= u64::from(self.prior);
        self.w_est += if reached { gain } else { gain * 9 / 17 };
    }
}

impl Controller for Cubic9438 {
    fn ssthresh(&mut self, window: &Window) -> u32 {
        self.epoch = None;
        self.prior = window.cwnd;
        // Fast convergence (RFC 9438 §4.7).
        self.w_max =
            if window.cwnd < self.w_max { window.cwnd * (10 + BETA) / 20 } else { window.cwnd };
        (window.cwnd * BETA / 10).max(2)
    }

    fn on_ack(&mut self, window: &mut Window, acked: u32, at: &Moment) {
        if !window.is_limited() {
            return;
        }
        if window.in_slow_start() {
            let growth = self.hystart.growth(acked, at.paced);
            window.slow_start(growth);
        } else {
            self.avoid(window, acked, at);
        }
    }

    fn on_round_trip(&mut self, window: &mut Window, rtt_us: u32, at: &Moment) {
        self.srtt_us = match self.srtt_us {
            0 => rtt_us,
            srtt => srtt - srtt / 8 + rtt_us / 8,
        };
        // HyStart++ is for the first slow start only (RFC 9406 §4.3).
        if window.in_slow_start() && self.prior == 0 && self.hystart.sample(rtt_us, at) {
            window.ssthresh = window.cwnd;
        }
    }

    fn on_timeout(&mut self, _at: &Moment) {
        self.epoch = None;
    }

    fn on_restart(&mut self, last_sent_ticks: u32, at: &Moment) {
        let idle = at.now.ticks.wrapping_sub(last_sent_ticks);
        let idle_us = u64::from(idle) * at.tick.us();
        if let Some((epoch, _)) = &mut self.epoch {
            *epoch = (*epoch + idle_us).min(at.now.us);
        }
    }
}

/// The integer cube root, rounded down.
fn cube_root(n: u64) -> u64 {
    let mut root = 0_u64;
    let mut bit = 1 << 20;
    while bit > 0 {
        let candidate = root | bit;
        if u128::from(candidate).pow(3) <= u128::from(n) {
            root = candidate;
        }
        bit >>= 1;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::super::samples::{moment, window};
    use super::*;

    #[test]
    fn the_cube_root_is_exact() {
        for n in [0, 1, 7, 8, 26, 27, 1_000_000, 75_000_000_000] {
            let root = cube_root(n);
            assert!(root.pow(3) <= n && (root + 1).pow(3) > n);
        }
    }

    #[test]
    fn the_window_returns_to_w_max_after_k() {
        let mut cubic = Cubic9438::new(&moment(0, 0, 0));
        let mut window = window(100);
        window.ssthresh = cubic.ssthresh(&window);
        window.cwnd = window.ssthresh;
        assert_eq!(window.cwnd, 70);
        cubic.srtt_us = 100_000;
        for round in 0..43_u64 {
            let us = 1_000_000 + round * 100_000;
            for _ in 0..window.cwnd {
                cubic.on_ack(&mut window, 1, &moment(us, 0, 0));
            }
        }
        assert!((96..=104).contains(&window.cwnd), "{}", window.cwnd);
    }

    #[test]
    fn a_rise_in_delay_slows_slow_start_down_and_then_ends_it() {
        let mut cubic = Cubic9438::new(&moment(0, 0, 0));
        let mut window = window(32);
        let mut una = 0;
        for round in 0..8 {
            let rtt = if round < 2 { 40_000 } else { 60_000 };
            for _ in 0..10 {
                una += 100;
                let at = moment(round * 50_000, una, una + 1000);
                cubic.on_round_trip(&mut window, rtt, &at);
            }
        }
        assert!(cubic.hystart.conservative.is_some());
        for round in 8..20 {
            for _ in 0..10 {
                una += 100;
                let at = moment(round * 50_000, una, una + 1000);
                cubic.on_round_trip(&mut window, 60_000, &at);
            }
        }
        assert_eq!(window.ssthresh, window.cwnd);
    }
}
