//! Bursts: segments that are sent together.

use roundtrip_packet::SeqNumber;

/// A run of consecutive segments that are sent together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Burst {
    /// The first sequence number of the burst.
    pub(crate) seq: SeqNumber,
    /// Bytes of payload.
    pub(crate) len: u32,
    /// Bytes of a full segment.
    pub(crate) mss: u32,
    /// Whether the last segment carries FIN.
    pub(crate) fin: bool,
    /// Whether the last segment carries PSH.
    pub(crate) push: bool,
    pub(crate) retransmission: bool,
}
