//! What a congestion control is: what it is asked, and what it may look at.

use roundtrip_packet::SeqNumber;

use crate::clock::{Now, Tick};

use super::window::Window;

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
