//! The congestion window, and how far it is used.

use roundtrip_packet::SeqNumber;

use crate::clock::Now;

/// No threshold yet (`TCP_INFINITE_SSTHRESH`).
pub(crate) const INFINITE: u32 = 0x7fff_ffff;

/// The congestion window, in segments, and how far it is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The window (`snd_cwnd`).
    pub(in crate::congestion) cwnd: u32,
    /// Acknowledgements counted towards its next step (`snd_cwnd_cnt`).
    pub(in crate::congestion) count: u32,
    /// Slow start threshold.
    pub(in crate::congestion) ssthresh: u32,
    /// What the window was before it was reduced.
    prior_cwnd: u32,
    /// The window stood in the way of sending during the last window (`is_cwnd_limited`).
    pub(in crate::congestion) limited: bool,
    /// Most segments out during the last window (`max_packets_out`).
    pub(in crate::congestion) max_out: u32,
    /// The last window ends here (`cwnd_usage_seq`).
    usage_end: SeqNumber,
    /// Most segments out since the window was last full (`snd_cwnd_used`).
    used: u32,
    /// When it was last full or changed, ticks (`snd_cwnd_stamp`).
    stamp: u32,
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

    /// Reads something of it.
    #[inline]
    pub(crate) fn recall(&self) -> u32 {
        self.cwnd ^ self.stamp
    }

    /// The window, in segments.
    #[inline]
    pub(crate) fn cwnd(&self) -> u32 {
        self.cwnd
    }

    /// The slow start threshold, in segments; [`INFINITE`] before the first loss.
    #[inline]
    pub(crate) fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    pub(crate) fn set_ssthresh(&mut self, ssthresh: u32) {
        self.ssthresh = ssthresh;
    }

    /// The window is full, or was changed, at `ticks`.
    #[inline]
    pub(crate) fn touch(&mut self, ticks: u32) {
        self.stamp = ticks;
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

    // ---- how far it is used ----

    /// A push is over in which the window may have stood in the way (`limited`); `out` segments are
    /// out, those between `una` and `nxt`. Whether the window is used as far as it goes (RFC 7661;
    /// `tcp_cwnd_validate`).
    pub(crate) fn validate(
        &mut self,
        (una, nxt): (SeqNumber, SeqNumber),
        out: u32,
        limited: bool,
        ticks: u32,
    ) -> bool {
        if una.ge(self.usage_end) || limited || (!self.limited && out > self.max_out) {
            self.limited = limited;
            self.max_out = out;
            self.usage_end = nxt;
        }
        let is_limited = self.is_limited();
        if is_limited {
            self.used = 0;
            self.stamp = ticks;
        } else {
            self.used = self.used.max(out);
        }
        is_limited
    }

    /// Ticks since it was last full, or changed.
    pub(crate) fn unused_for(&self, ticks: u32) -> u32 {
        ticks.wrapping_sub(self.stamp)
    }

    /// Half of what was not used goes, down to `initial` segments, and the threshold is `ssthresh`
    /// if anything does (RFC 2861; `tcp_cwnd_application_limited`).
    pub(crate) fn release_unused(&mut self, initial: u32, ssthresh: u32) {
        let used = self.used.max(initial);
        if used < self.cwnd {
            self.ssthresh = ssthresh;
            self.cwnd = self.cwnd.midpoint(used);
        }
        self.used = 0;
    }

    /// It is halved for each timeout of `rto` ticks that passed while nothing was sent for `idle`
    /// ticks, down to `initial` segments (RFC 2861, RFC 5681 §4.1; `tcp_cwnd_restart`).
    pub(crate) fn restart(&mut self, idle: i64, rto: u32, initial: u32, ticks: u32) {
        let restart = initial.min(self.cwnd);
        let mut cwnd = self.cwnd;
        let mut idle = idle - i64::from(rto);
        while idle > 0 && cwnd > restart {
            cwnd >>= 1;
            idle -= i64::from(rto);
        }
        self.cwnd = cwnd.max(restart);
        self.stamp = ticks;
        self.used = 0;
    }

    // ---- reductions ----

    /// A reduction begins: what the window was is remembered.
    pub(crate) fn begin_reduction(&mut self) {
        self.count = 0;
        self.prior_cwnd = self.cwnd;
    }

    /// A timeout struck: what the window was is remembered.
    pub(crate) fn remember(&mut self) {
        self.prior_cwnd = self.cwnd;
    }

    /// A reduction is over.
    pub(crate) fn end_reduction(&mut self, ticks: u32) {
        self.cwnd = self.ssthresh;
        self.stamp = ticks;
    }

    /// After a timeout: one segment more than the `in_flight` ones.
    pub(crate) fn collapse(&mut self, in_flight: u32, ticks: u32) {
        self.cwnd = in_flight + 1;
        self.count = 0;
        self.stamp = ticks;
    }

    /// Takes a reduction back. Whether the threshold rises with it, to `prior_ssthresh`.
    pub(crate) fn undo_reduction(&mut self, prior_ssthresh: u32) -> bool {
        self.cwnd = self.cwnd.max(self.prior_cwnd);
        let rises = prior_ssthresh > self.ssthresh;
        if rises {
            self.ssthresh = prior_ssthresh;
        }
        rises
    }

    // ---- probes of the path's MTU ----

    /// A probe takes the place of two segments.
    pub(crate) fn make_way_for_probe(&mut self) {
        self.cwnd -= 1;
    }

    /// A probe was lost, which is no sign of congestion.
    pub(crate) fn give_back_probe(&mut self) {
        self.cwnd += 1;
    }

    /// Segments are `after` bytes long now instead of `before`: as many fewer make a window.
    pub(crate) fn rescale(&mut self, before: u32, after: u32, ticks: u32) {
        let bytes = u64::from(self.cwnd) * u64::from(before);
        self.cwnd = ((bytes / u64::from(after)) as u32).max(1);
        self.count = 0;
        self.stamp = ticks;
    }

    // ---- growth ----

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
