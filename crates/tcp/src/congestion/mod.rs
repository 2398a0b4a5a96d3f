//! How much may be out: the congestion window and who moves it.
//!
//! The window is counted in segments, as Linux counts it. A [`Controller`] decides how it grows and
//! how far it falls; when it does is decided by loss recovery (`send::recovery`), and how it gets
//! down by [`prr`].

mod cubic;
mod cubic9438;
mod hystart;
pub(crate) mod prr;
mod reno;

use roundtrip_packet::SeqNumber;

use crate::clock::Now;
use crate::profile::{Profile, Tick};

use cubic::Cubic;
use cubic9438::Cubic9438;
use reno::Reno;

/// No threshold yet (`TCP_INFINITE_SSTHRESH`).
pub(crate) const INFINITE: u32 = 0x7fff_ffff;

/// The congestion controls there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 5681: one segment more each round trip, half of the window after a loss.
    Reno,
    /// CUBIC as `net/ipv4/tcp_cubic.c` has it, with the original HyStart.
    Cubic,
    /// CUBIC of RFC 9438 with HyStart++ (RFC 9406).
    Cubic9438,
}

impl Algorithm {
    /// The name Linux has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Reno => "reno",
            Algorithm::Cubic | Algorithm::Cubic9438 => "cubic",
        }
    }
}

/// What a controller may want to know about the moment it is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Now,
    pub(crate) tick: Tick,
    pub(crate) una: SeqNumber,
    pub(crate) nxt: SeqNumber,
    /// Bytes a second.
    pub(crate) pacing_rate: u64,
    /// Whether segments are held back to that rate.
    pub(crate) paced: bool,
    pub(crate) gso_max_size: u32,
}

/// A congestion control (`struct tcp_congestion_ops`).
pub(crate) trait Controller {
    /// The threshold after a loss (RFC 5681 §3.1, equation 4).
    fn ssthresh(&mut self, window: &Window) -> u32;
    /// `acked` segments were delivered and the window may grow (`cong_avoid`).
    fn on_ack(&mut self, window: &mut Window, acked: u32, at: &Moment);
    /// A round trip was measured, on the last segment acknowledged (`pkts_acked`).
    fn on_round_trip(&mut self, _window: &mut Window, _rtt_us: u32, _at: &Moment) {}
    /// The retransmission timeout struck (`set_state`, `TCP_CA_Loss`).
    fn on_timeout(&mut self, _at: &Moment) {}
    /// Sending begins again after nothing was in flight (`CA_EVENT_TX_START`).
    fn on_restart(&mut self, _last_sent_ticks: u32, _at: &Moment) {}
}

/// The controller of a connection: one of those there are, kept in place.
#[derive(Clone, Debug)]
pub(crate) enum Control {
    Reno(Reno),
    Cubic(Cubic),
    Cubic9438(Cubic9438),
}

impl Control {
    /// Reads something of it.
    #[inline]
    pub(crate) fn recall(&self) -> u32 {
        match self {
            Control::Cubic(cubic) => cubic.last_max ^ cubic.acked,
            Control::Reno(_) | Control::Cubic9438(_) => 0,
        }
    }

    pub(crate) fn new(profile: &Profile, at: &Moment) -> Control {
        match profile.congestion {
            Algorithm::Reno => Control::Reno(Reno),
            Algorithm::Cubic => Control::Cubic(Cubic::new(at)),
            Algorithm::Cubic9438 => Control::Cubic9438(Cubic9438::new(at)),
        }
    }

    fn controller(&mut self) -> &mut dyn Controller {
        match self {
            Control::Reno(reno) => reno,
            Control::Cubic(cubic) => cubic,
            Control::Cubic9438(cubic) => cubic,
        }
    }
}

impl Controller for Control {
    fn ssthresh(&mut self, window: &Window) -> u32 {
        self.controller().ssthresh(window)
    }

    fn on_ack(&mut self, window: &mut Window, acked: u32, at: &Moment) {
        self.controller().on_ack(window, acked, at);
    }

    fn on_round_trip(&mut self, window: &mut Window, rtt_us: u32, at: &Moment) {
        self.controller().on_round_trip(window, rtt_us, at);
    }

    fn on_timeout(&mut self, at: &Moment) {
        self.controller().on_timeout(at);
    }

    fn on_restart(&mut self, last_sent_ticks: u32, at: &Moment) {
        self.controller().on_restart(last_sent_ticks, at);
    }
}

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
pub(crate) mod tests {
    use roundtrip_record::Time;

    use super::*;

    pub(crate) fn moment(us: u64, una: u32, nxt: u32) -> Moment {
        let tick = Profile::linux().tick;
        Moment {
            now: Now::at(Time::from_micros(us), tick),
            tick,
            una: SeqNumber(una),
            nxt: SeqNumber(nxt),
            pacing_rate: 1 << 40,
            paced: false,
            gso_max_size: 65_536,
        }
    }

    pub(crate) fn window(cwnd: u32) -> Window {
        let start = moment(0, 0, 0);
        Window { limited: true, ..Window::new(cwnd, SeqNumber(0), start.now) }
    }

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
