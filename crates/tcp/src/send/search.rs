//! The state of the search for the path MTU (RFC 4821 §7.2).

use roundtrip_packet::SeqNumber;

/// The search for the path MTU of one connection (`icsk_mtup`).
#[derive(Clone, Copy, Debug)]
pub(super) struct MtuSearch {
    /// Whether probes are sent and segments kept to the size that was found to pass; otherwise a
    /// black hole is only waited for.
    pub(super) is_on: bool,
    /// The largest size known to pass, bytes of payload and options (RFC 4821 §7.2, `search_low`).
    pub(super) low: u32,
    /// The largest size that might pass, bytes of payload and options (`search_high`).
    pub(super) high: u32,
    /// The probe in flight.
    pub(super) probe: Option<Probe>,
    /// The length of the IP and TCP headers, bytes.
    pub(super) headers: u32,
    /// When the search last began, ticks.
    pub(super) since: u32,
    /// Whether a probe was already considered in this push.
    pub(super) was_tried: bool,
}

/// A probe: a segment larger than is known to pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub(super) size: u32,
    pub(super) start: SeqNumber,
    pub(super) end: SeqNumber,
}
