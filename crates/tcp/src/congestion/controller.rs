//! The interface of a congestion control.

use roundtrip_packet::SeqNumber;

use crate::clock::{Now, Tick};

use super::window::Window;

/// The state of the connection that a congestion control may look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Now,
    pub(crate) tick: Tick,
    pub(crate) una: SeqNumber,
    pub(crate) nxt: SeqNumber,
    /// The pacing rate, bytes a second.
    pub(crate) pacing_rate: u64,
    /// Whether segments are spaced at the pacing rate.
    pub(crate) paced: bool,
    pub(crate) gso_max_size: u32,
}

/// A congestion control (`struct tcp_congestion_ops`).
pub(crate) trait Controller {
    /// The slow start threshold after a loss, segments (RFC 5681 §3.1, equation 4).
    fn ssthresh(&mut self, window: &Window) -> u32;
    /// Grows the window after `acked` segments were delivered (`cong_avoid`).
    fn on_ack(&mut self, window: &mut Window, acked: u32, at: &Moment);
    /// Takes a round-trip time, measured on the last segment acknowledged (`pkts_acked`).
    fn on_round_trip(&mut self, _window: &mut Window, _rtt_us: u32, _at: &Moment) {}
    /// Resets the state after a retransmission timeout (`set_state`, `TCP_CA_Loss`).
    fn on_timeout(&mut self, _at: &Moment) {}
    /// Notes that sending begins again after nothing was in flight (`CA_EVENT_TX_START`).
    fn on_restart(&mut self, _last_sent_ticks: u32, _at: &Moment) {}
}
