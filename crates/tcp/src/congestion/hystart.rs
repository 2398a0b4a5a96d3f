//! HyStart: ends slow start before the first loss (Ha and Rhee, "Taming the Elephants", 2008;
//! `tcp_cubic.c`, `hystart_update`).

use roundtrip_packet::SeqNumber;

use super::controller::Moment;
use super::window::Window;

/// The window below which slow start always goes on, segments (`hystart_low_window`).
const LOW_WINDOW: u32 = 16;
/// The largest gap between acknowledgements of one train, µs (`hystart_ack_delta_us`).
const ACK_DELTA_US: u32 = 2000;
/// The number of samples of a round trip before its delay is judged (`HYSTART_MIN_SAMPLES`).
const MIN_SAMPLES: u8 = 8;
/// Bounds of the rise in delay that ends slow start, µs (`HYSTART_DELAY_MIN`, `_MAX`).
const DELAY_RISE_US: (u32, u32) = (4000, 16_000);

/// The HyStart state of one round trip of slow start.
#[derive(Clone, Copy, Debug)]
pub(super) struct HyStart {
    /// Whether the exit of slow start was found; no more is looked for until the next timeout.
    pub(super) found: bool,
    samples: u8,
    /// The least delay of this round trip, µs.
    least_us: u32,
    /// When the round trip began, µs modulo 2³².
    round_start_us: u32,
    last_ack_us: u32,
    /// The round trip ends when more than this sequence number is acknowledged.
    round_end: SeqNumber,
}

impl HyStart {
    pub(super) fn new(at: &Moment) -> HyStart {
        HyStart {
            found: false,
            samples: 0,
            least_us: u32::MAX,
            round_start_us: at.now.us as u32,
            last_ack_us: at.now.us as u32,
            round_end: at.nxt,
        }
    }

    /// Begins another round trip (`bictcp_hystart_reset`).
    pub(super) fn start_round(&mut self, at: &Moment) {
        *self = HyStart { found: self.found, ..HyStart::new(at) };
    }

    /// Judges an acknowledgement that came after `delay_us`, and ends slow start by setting the
    /// threshold to the window if it has gone far enough. `least_delay_us` is the path's least
    /// delay.
    pub(super) fn update(
        &mut self,
        window: &mut Window,
        delay_us: u32,
        least_delay_us: u32,
        at: &Moment,
    ) {
        if at.una.gt(self.round_end) {
            self.start_round(at);
        }
        if window.cwnd < LOW_WINDOW {
            return;
        }
        if self.train_is_long(least_delay_us, at) || self.delay_rose(delay_us, least_delay_us) {
            self.found = true;
            window.ssthresh = window.cwnd;
        }
    }

    /// Whether the acknowledgements of this round trip have come close together for half the least
    /// delay: the window then fills what the path holds one way.
    fn train_is_long(&mut self, least_delay_us: u32, at: &Moment) -> bool {
        let now = at.now.us as u32;
        if now.wrapping_sub(self.last_ack_us) > ACK_DELTA_US {
            return false;
        }
        self.last_ack_us = now;
        let mut threshold = u64::from(least_delay_us) + ack_delay_us(at);
        if !at.paced {
            threshold /= 2;
        }
        u64::from(now.wrapping_sub(self.round_start_us)) > threshold
    }

    /// Whether the least delay of this round trip is an eighth above the path's: a queue is
    /// building.
    fn delay_rose(&mut self, delay_us: u32, least_delay_us: u32) -> bool {
        self.least_us = self.least_us.min(delay_us);
        if self.samples < MIN_SAMPLES {
            self.samples += 1;
            return false;
        }
        let rise = (least_delay_us >> 3).clamp(DELAY_RISE_US.0, DELAY_RISE_US.1);
        self.least_us > least_delay_us + rise
    }
}

/// The time that bursts of segmentation offload may add to the spacing of acknowledgements, µs
/// (`hystart_ack_delay`).
fn ack_delay_us(at: &Moment) -> u64 {
    match at.pacing_rate {
        0 => 0,
        rate => (u64::from(at.gso_max_size) * 4 * 1_000_000 / rate).min(1000),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{moment, window};
    use super::*;

    #[test]
    fn a_train_of_acknowledgements_half_a_round_trip_long_ends_slow_start() {
        let mut hystart = HyStart::new(&moment(0, 0, 1000));
        let mut window = window(20);
        for us in (0..=20_000).step_by(1000) {
            hystart.update(&mut window, 40_000, 40_000, &moment(us, 10, 1000));
        }
        assert!(!hystart.found, "exactly half is not more than half");
        hystart.update(&mut window, 40_000, 40_000, &moment(21_000, 10, 1000));
        assert!(hystart.found);
        assert_eq!(window.ssthresh, 20);
    }

    #[test]
    fn a_gap_breaks_the_train() {
        let mut hystart = HyStart::new(&moment(0, 0, 1000));
        let mut window = window(20);
        for us in (0..40_000).step_by(2001) {
            hystart.update(&mut window, 40_000, 40_000, &moment(us, 10, 1000));
        }
        assert!(!hystart.found);
    }

    #[test]
    fn a_rise_of_an_eighth_in_delay_ends_slow_start_after_eight_samples() {
        let mut hystart = HyStart::new(&moment(0, 0, 1000));
        let mut window = window(20);
        for n in 0..8 {
            hystart.update(&mut window, 46_000, 40_000, &moment(10_000 * (n + 1), 10, 1000));
            assert!(!hystart.found);
        }
        hystart.update(&mut window, 46_000, 40_000, &moment(100_000, 10, 1000));
        assert!(hystart.found);
    }

    #[test]
    fn small_windows_are_left_alone() {
        let mut hystart = HyStart::new(&moment(0, 0, 1000));
        let mut window = window(15);
        for n in 0..20 {
            hystart.update(&mut window, 90_000, 40_000, &moment(1000 * n, 10, 1000));
        }
        assert!(!hystart.found);
    }
}
