//! The congestion window, and how far it is used.

use roundtrip_packet::SeqNumber;

use crate::clock::Now;

/// No threshold yet (`TCP_INFINITE_SSTHRESH`).
pub(crate) const INFINITE: u32 = 0x7fff_ffff;

/// The congestion window, in segments, and how far it is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The window (`snd_cwnd`).
    pub(crate) cwnd: u32,
    /// Acknowledgements counted towards its next step (`snd_cwnd_cnt`).
    pub(crate) count: u32,
    /// Slow start threshold.
    pub(crate) ssthresh: u32,
    /// What the window was before it was reduced.
    pub(crate) prior_cwnd: u32,
    /// The window stood in the way of sending during the last window (`is_cwnd_limited`).
    pub(crate) limited: bool,
    /// Most segments out during the last window (`max_packets_out`).
    pub(crate) max_out: u32,
    /// The last window ends here (`cwnd_usage_seq`).
    pub(crate) usage_end: SeqNumber,
    /// Most segments out since the window was last full (`snd_cwnd_used`).
    pub(crate) used: u32,
    /// When it was last full or changed, ticks (`snd_cwnd_stamp`).
    pub(crate) stamp: u32,
}

impl Window {
    pub(crate) fn new(cwnd: u32, start: SeqNumber, now: Now) -> Window {
        Window {
            cwnd,
            count: 0,
            ssthresh: INFINITE,
            prior_cwnd: 0,
            limited: false,
            max_out: 0,
            usage_end: start,
            used: 0,
            stamp: now.ticks,
        }
    }

    #[inline]
    pub(crate) fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// Whether the window is used as far as it goes, and so may grow (`tcp_is_cwnd_limited`; RFC
    /// 7661). Slow start may grow it to twice what was out.
    pub(crate) fn is_limited(&self) -> bool {
        self.limited || (self.in_slow_start() && self.cwnd < 2 * self.max_out)
    }

    /// Grows by what was acknowledged, up to the threshold; gives what is left of it.
    pub(crate) fn slow_start(&mut self, acked: u32) -> u32 {
        let grown = self.cwnd.saturating_add(acked).min(self.ssthresh);
        let left = acked - (grown - self.cwnd);
        self.cwnd = grown;
        left
    }

    /// One segment more for each `every` acknowledged (`tcp_cong_avoid_ai`).
    pub(crate) fn additive(&mut self, every: u32, acked: u32) {
        let every = every.max(1);
        if self.count >= every {
            self.count = 0;
            self.cwnd += 1;
        }
        self.count += acked;
        if self.count >= every {
            let steps = self.count / every;
            self.count -= steps * every;
            self.cwnd = self.cwnd.saturating_add(steps);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::window;

    #[test]
    fn slow_start_doubles_and_stops_at_the_threshold() {
        let mut window = window(10);
        window.ssthresh = 15;
        assert_eq!(window.slow_start(10), 5);
        assert_eq!(window.cwnd, 15);
        assert!(!window.in_slow_start());
    }

    #[test]
    fn a_window_that_is_not_used_does_not_grow() {
        let mut window = window(10);
        window.limited = false;
        window.max_out = 5;
        assert!(!window.is_limited());
        window.max_out = 6;
        assert!(window.is_limited(), "slow start: up to twice what was out");
        window.ssthresh = 10;
        assert!(!window.is_limited(), "avoidance: only a full window");
    }
}
