//! The congestion window.

use roundtrip_packet::SeqNumber;

use crate::clock::Now;

/// The slow start threshold before the first loss (`TCP_INFINITE_SSTHRESH`).
pub(crate) const INFINITE: u32 = 0x7fff_ffff;

/// The congestion window, in segments, and how much of it is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The window, segments (`snd_cwnd`).
    pub(in crate::congestion) cwnd: u32,
    /// Acknowledged segments counted towards the window's next step (`snd_cwnd_cnt`).
    pub(in crate::congestion) count: u32,
    /// The slow start threshold, segments.
    pub(in crate::congestion) ssthresh: u32,
    /// The window before it was reduced, segments.
    prior_cwnd: u32,
    /// Whether the window limited sending during the last window of data (`is_cwnd_limited`).
    pub(in crate::congestion) limited: bool,
    /// The most segments in flight during the last window of data (`max_packets_out`).
    pub(in crate::congestion) max_out: u32,
    /// The sequence number at which the last window of data ends (`cwnd_usage_seq`).
    usage_end: SeqNumber,
    /// The most segments in flight since the window was last full (`snd_cwnd_used`).
    used: u32,
    /// When the window was last full or changed, ticks (`snd_cwnd_stamp`).
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

    /// Reads part of the state, to bring it into the processor's caches.
    #[inline]
    pub(crate) fn prefetch(&self) -> u32 {
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

    /// Notes that the window is full, or was changed, at `ticks`.
    #[inline]
    pub(crate) fn touch(&mut self, ticks: u32) {
        self.stamp = ticks;
    }

    #[inline]
    pub(crate) fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// Whether the window is fully used, and so may grow (`tcp_is_cwnd_limited`; RFC 7661). Slow
    /// start may grow it to twice what was in flight.
    pub(crate) fn is_limited(&self) -> bool {
        self.limited || (self.in_slow_start() && self.cwnd < 2 * self.max_out)
    }

    // ---- how far it is used ----

    /// Notes the end of a push: `out` segments are in flight, those between `una` and `nxt`, and
    /// `limited` says whether the window stopped the push. Answers whether the window is fully used
    /// (RFC 7661; `tcp_cwnd_validate`).
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

    /// Ticks since the window was last full, or changed.
    pub(crate) fn unused_for(&self, ticks: u32) -> u32 {
        ticks.wrapping_sub(self.stamp)
    }

    /// Gives up half of the unused window, down to `initial` segments, and sets the threshold to
    /// `ssthresh` if the window changes (RFC 2861; `tcp_cwnd_application_limited`).
    pub(crate) fn release_unused(&mut self, initial: u32, ssthresh: u32) {
        let used = self.used.max(initial);
        if used < self.cwnd {
            self.ssthresh = ssthresh;
            self.cwnd = self.cwnd.midpoint(used);
        }
        self.used = 0;
    }

    /// Halves the window for each `rto` ticks of the `idle` ticks without sending, down to
    /// `initial` segments (RFC 2861, RFC 5681 §4.1; `tcp_cwnd_restart`).
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

    /// Sets the window to what a control by rate wants, segments.
    pub(crate) fn set(&mut self, cwnd: u32) {
        self.cwnd = cwnd.max(1);
    }

    // ---- reductions ----

    /// Begins a reduction and remembers the window.
    pub(crate) fn begin_reduction(&mut self) {
        self.count = 0;
        self.prior_cwnd = self.cwnd;
    }

    /// Remembers the window before a timeout reduces it.
    pub(crate) fn remember(&mut self) {
        self.prior_cwnd = self.cwnd;
    }

    /// Ends a reduction: the window becomes the threshold.
    pub(crate) fn end_reduction(&mut self, ticks: u32) {
        self.cwnd = self.ssthresh;
        self.stamp = ticks;
    }

    /// Sets the window to one segment more than the `in_flight` ones, after a timeout.
    pub(crate) fn collapse(&mut self, in_flight: u32, ticks: u32) {
        self.cwnd = in_flight + 1;
        self.count = 0;
        self.stamp = ticks;
    }

    /// Undoes a reduction. Answers whether the threshold rises with it, to `prior_ssthresh`.
    pub(crate) fn undo_reduction(&mut self, prior_ssthresh: u32) -> bool {
        self.cwnd = self.cwnd.max(self.prior_cwnd);
        let rises = prior_ssthresh > self.ssthresh;
        if rises {
            self.ssthresh = prior_ssthresh;
        }
        rises
    }

    // ---- probes of the path's MTU ----

    /// Makes room for an MTU probe, which takes the place of two segments.
    pub(crate) fn make_way_for_probe(&mut self) {
        self.cwnd -= 1;
    }

    /// Gives the segment of a lost MTU probe back, since its loss is no sign of congestion.
    pub(crate) fn give_back_probe(&mut self) {
        self.cwnd += 1;
    }

    /// Rescales the window for segments of `after` bytes instead of `before`, keeping its bytes.
    pub(crate) fn rescale(&mut self, before: u32, after: u32, ticks: u32) {
        let bytes = u64::from(self.cwnd) * u64::from(before);
        self.cwnd = ((bytes / u64::from(after)) as u32).max(1);
        self.count = 0;
        self.stamp = ticks;
    }

    // ---- growth ----

    /// Grows by the segments acknowledged, up to the threshold; answers how many are left over.
    pub(crate) fn slow_start(&mut self, acked: u32) -> u32 {
        let grown = self.cwnd.saturating_add(acked).min(self.ssthresh);
        let left = acked - (grown - self.cwnd);
        self.cwnd = grown;
        left
    }

    /// Grows by one segment for each `every` acknowledged (`tcp_cong_avoid_ai`).
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
