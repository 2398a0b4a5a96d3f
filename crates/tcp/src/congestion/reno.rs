//! Reno congestion control (RFC 5681; `tcp_cong.c`).

use super::controller::{Controller, Moment};
use super::window::Window;

/// The Reno congestion control, which has no state of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reno;

impl Controller for Reno {
    fn ssthresh(&mut self, window: &Window) -> u32 {
        (window.cwnd / 2).max(2)
    }

    fn on_ack(&mut self, window: &mut Window, acked: u32, _at: &Moment) {
        if !window.is_limited() {
            return;
        }
        let mut acked = acked;
        if window.in_slow_start() {
            acked = window.slow_start(acked);
        }
        if acked > 0 {
            window.additive(window.cwnd, acked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{moment, window};
    use super::*;

    #[test]
    fn one_segment_more_each_round_trip_in_avoidance() {
        let at = moment(0, 0, 0);
        let mut window = window(10);
        window.ssthresh = 10;
        for _ in 0..10 {
            Reno.on_ack(&mut window, 1, &at);
        }
        assert_eq!(window.cwnd, 11);
        assert_eq!(Reno.ssthresh(&window), 5);
    }
}
