//! The search for the largest segment that a path carries: how far it has come (RFC 4821 §7.2).

use roundtrip_packet::SeqNumber;

/// The search of one connection (`icsk_mtup`).
#[derive(Clone, Copy, Debug)]
pub(super) struct MtuSearch {
    /// Segments are no larger than was found to pass. Else a black hole is only waited for.
    pub(super) is_on: bool,
    /// What passes, as far as is known (RFC 4821 §7.2, `search_low`).
    pub(super) low: u32,
    /// What might pass at most (`search_high`).
    pub(super) high: u32,
    /// The probe that is out.
    pub(super) probe: Option<Probe>,
    /// Bytes of IP and TCP headers.
    pub(super) headers: u32,
    /// When the search last began, ticks.
    pub(super) since: u32,
    /// In this push a probe was thought of already.
    pub(super) was_tried: bool,
}

/// A segment larger than is known to pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub(super) size: u32,
    pub(super) start: SeqNumber,
    pub(super) end: SeqNumber,
}
