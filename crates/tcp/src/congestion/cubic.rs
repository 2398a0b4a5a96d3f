//! CUBIC as in `net/ipv4/tcp_cubic.c`: integer arithmetic throughout, time in ticks, and an update
//! at most once a tick, so that the window grows step by step as the kernel's does.

use super::controller::{Controller, Moment};
use super::hystart::HyStart;
use super::window::Window;

/// β, in 1/1024: the share of the window that is left after a loss.
const BETA: u32 = 717;
const BETA_SCALE: u32 = 1024;
/// C, in 1/1024 and times ten (`bic_scale`).
const RTT_SCALE: u64 = 410;
/// 2⁴⁰ / `RTT_SCALE` (`cube_factor`): converts segments to the cube of a time in 1/1024 s.
const CUBE_FACTOR: u64 = (1 << 40) / RTT_SCALE;
/// Acknowledgements, in 1/8, for one more segment in a Reno flow with the same β (`beta_scale`).
const RENO_SCALE: u32 = 8 * (BETA_SCALE + BETA) / 3 / (BETA_SCALE - BETA);

/// The CUBIC state of one connection (`struct bictcp`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cubic {
    /// The number of acknowledgements after which the window grows by one segment.
    count: u32,
    /// W_max: the window before the last reduction, or less under fast convergence.
    pub(super) last_max: u32,
    last_cwnd: u32,
    last_ticks: u32,
    /// The window at which the curve levels out, segments.
    origin: u32,
    /// K: the time from the beginning of the epoch until the window reaches `origin`, 1/1024 s.
    k: u32,
    /// The least delay seen, µs; 0 before the first.
    delay_min_us: u32,
    /// When growth began after the last reduction, ticks.
    epoch: Option<u32>,
    pub(super) acked: u32,
    /// W_est: the window that Reno would have, segments.
    reno_cwnd: u32,
    hystart: HyStart,
}

impl Cubic {
    pub(crate) fn new(at: &Moment) -> Cubic {
        Cubic {
            count: 0,
            last_max: 0,
            last_cwnd: 0,
            last_ticks: 0,
            origin: 0,
            k: 0,
            delay_min_us: 0,
            epoch: None,
            acked: 0,
            reno_cwnd: 0,
            hystart: HyStart::new(at),
        }
    }

    /// Computes after how many acknowledgements the window grows by one segment (`bictcp_update`).
    fn update(&mut self, cwnd: u32, acked: u32, at: &Moment) {
        let now = at.now.ticks;
        self.acked += acked;
        let age = now.wrapping_sub(self.last_ticks);
        if self.last_cwnd == cwnd && age <= at.tick.hz / 32 {
            return;
        }
        if self.epoch.is_none() || age != 0 {
            self.last_cwnd = cwnd;
            self.last_ticks = now;
            let epoch = match self.epoch {
                Some(epoch) => epoch,
                None => self.begin_epoch(cwnd, acked, now),
            };
            let target = self.target(now.wrapping_sub(epoch), at);
            self.count = if target > cwnd { cwnd / (target - cwnd) } else { 100 * cwnd };
            // Before the first loss the window grows by at least 5 % a round trip.
            if self.last_max == 0 {
                self.count = self.count.min(20);
            }
        }
        self.be_reno_friendly(cwnd);
        // The window grows by at most half each round trip.
        self.count = self.count.max(2);
    }

    fn begin_epoch(&mut self, cwnd: u32, acked: u32, now: u32) -> u32 {
        self.epoch = Some(now);
        self.acked = acked;
        self.reno_cwnd = cwnd;
        if self.last_max <= cwnd {
            self.k = 0;
            self.origin = cwnd;
        } else {
            self.k = cubic_root(CUBE_FACTOR * u64::from(self.last_max - cwnd));
            self.origin = self.last_max;
        }
        now
    }

    /// W(t) = C·(t − K)³ + W_max, one round trip ahead (RFC 9438 §4.2).
    fn target(&self, since_epoch: u32, at: &Moment) -> u32 {
        let ahead = at.tick.count(u64::from(self.delay_min_us));
        let t = (u64::from(since_epoch) + u64::from(ahead)) * 1024 / u64::from(at.tick.hz);
        let k = u64::from(self.k);
        let offset = t.abs_diff(k).min(1 << 17);
        let delta = ((RTT_SCALE * offset * offset * offset) >> 40) as u32;
        if t < k { self.origin.saturating_sub(delta) } else { self.origin.saturating_add(delta) }
    }

    /// Makes sure that the window grows no slower than Reno's (RFC 9438 §4.3).
    fn be_reno_friendly(&mut self, cwnd: u32) {
        let step = ((cwnd * RENO_SCALE) >> 3).max(1);
        while self.acked > step {
            self.acked -= step;
            self.reno_cwnd += 1;
        }
        if self.reno_cwnd > cwnd {
            self.count = self.count.min(cwnd / (self.reno_cwnd - cwnd));
        }
    }
}

impl Controller for Cubic {
    fn ssthresh(&mut self, window: &Window) -> u32 {
        self.epoch = None;
        // Fast convergence: a flow that lost before it was back at its old maximum makes room for
        // others.
        self.last_max = if window.cwnd < self.last_max {
            window.cwnd * (BETA_SCALE + BETA) / (2 * BETA_SCALE)
        } else {
            window.cwnd
        };
        (window.cwnd * BETA / BETA_SCALE).max(2)
    }

    fn on_ack(&mut self, window: &mut Window, acked: u32, at: &Moment) {
        if !window.is_limited() {
            return;
        }
        let mut acked = acked;
        if window.in_slow_start() {
            acked = window.slow_start(acked);
            if acked == 0 {
                return;
            }
        }
        self.update(window.cwnd, acked, at);
        window.additive(self.count, acked);
    }

    fn on_round_trip(&mut self, window: &mut Window, rtt_us: u32, at: &Moment) {
        // Delays in the first second after a reduction tell nothing of the path.
        if self.epoch.is_some_and(|epoch| at.now.ticks.wrapping_sub(epoch) < at.tick.hz) {
            return;
        }
        let delay = rtt_us.max(1);
        if self.delay_min_us == 0 || self.delay_min_us > delay {
            self.delay_min_us = delay;
        }
        if !self.hystart.found && window.in_slow_start() {
            self.hystart.update(window, delay, self.delay_min_us, at);
        }
    }

    fn on_timeout(&mut self, at: &Moment) {
        *self = Cubic::new(at);
    }

    fn on_restart(&mut self, last_sent_ticks: u32, at: &Moment) {
        // The curve does not advance while nothing is sent.
        let idle = at.now.ticks.wrapping_sub(last_sent_ticks);
        if let Some(epoch) = &mut self.epoch
            && idle > 0
        {
            let until_now = at.now.ticks.wrapping_sub(*epoch);
            *epoch = epoch.wrapping_add(idle.min(until_now));
        }
    }
}

/// The integer cube root, within one part in five hundred: a first guess of six bits from a table
/// and one step of Newton's method. The error is the kernel's, and part of how its window grows.
fn cubic_root(a: u64) -> u32 {
    /// ∛(n·2¹⁸) − 1 for n below 64, refined by Willy Tarreau for the least error after the step.
    const TABLE: [u8; 64] = [
        0, 54, 54, 54, 118, 118, 118, 118, 123, 129, 134, 138, 143, 147, 151, 156, 157, 161, 164,
        168, 170, 173, 176, 179, 181, 185, 187, 190, 192, 194, 197, 199, 200, 202, 204, 206, 209,
        211, 213, 215, 217, 219, 221, 222, 224, 225, 227, 229, 231, 232, 234, 236, 237, 239, 240,
        242, 244, 245, 246, 248, 250, 251, 252, 254,
    ];
    let bits = u64::BITS - a.leading_zeros();
    if bits < 7 {
        return (u32::from(TABLE[a as usize]) + 35) >> 6;
    }
    let third = ((bits * 84) >> 8) - 1;
    let index = (a >> (third * 3)) as usize & 63;
    let guess = ((u32::from(TABLE[index]) + 10) << third) >> 6;
    let guess = u64::from(guess.max(2));
    let twice = 2 * guess + a / (guess * (guess - 1));
    ((twice * 341) >> 10) as u32
}

#[cfg(test)]
mod tests {
    use super::super::samples::{moment, window};
    use super::*;

    #[test]
    fn the_cube_root_is_within_half_a_per_cent() {
        for exact in [3_u64, 10, 77, 500, 1234, 20_000, 300_000] {
            let root = u64::from(cubic_root(exact.pow(3)));
            assert!(root.abs_diff(exact) <= exact / 200 + 1, "{exact}: {root}");
        }
    }

    #[test]
    fn constants_are_those_of_the_module() {
        assert_eq!(CUBE_FACTOR, 2_681_735_677);
        assert_eq!(RENO_SCALE, 15);
    }

    #[test]
    fn after_a_loss_the_window_returns_to_where_it_was_after_k() {
        let mut cubic = Cubic::new(&moment(0, 0, 0));
        let mut window = window(100);
        window.ssthresh = cubic.ssthresh(&window);
        assert_eq!(window.ssthresh, 70);
        window.cwnd = window.ssthresh;
        cubic.delay_min_us = 100_000;
        // K = ∛(30 / 0.4) = 4.2 s.
        let mut at_k = 0;
        for round in 0..70_u64 {
            let us = 1_000_000 + round * 100_000;
            for _ in 0..window.cwnd {
                cubic.on_ack(&mut window, 1, &moment(us, 0, 0));
            }
            if round == 42 {
                at_k = window.cwnd;
            }
        }
        assert!((97..=103).contains(&at_k), "{at_k} at K");
        assert!(window.cwnd > 104, "beyond W_max it accelerates: {}", window.cwnd);
    }

    #[test]
    fn a_second_loss_on_the_way_up_makes_room() {
        let mut cubic = Cubic::new(&moment(0, 0, 0));
        cubic.ssthresh(&window(100));
        cubic.ssthresh(&window(80));
        assert_eq!(cubic.last_max, 80 * (1024 + 717) / 2048);
    }
}
