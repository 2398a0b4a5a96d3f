//! Segments that leave together.

use roundtrip_packet::SeqNumber;

/// A run of segments that leave together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Burst {
    /// The first sequence number.
    pub(crate) seq: SeqNumber,
    /// Bytes of payload.
    pub(crate) len: u32,
    /// Bytes of a full segment.
    pub(crate) mss: u32,
    /// The last segment carries FIN.
    pub(crate) fin: bool,
    /// The last segment carries PSH.
    pub(crate) push: bool,
    pub(crate) retransmission: bool,
}
