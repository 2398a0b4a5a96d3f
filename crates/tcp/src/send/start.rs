//! What a sender starts from.

use roundtrip_packet::SeqNumber;

/// What a sender starts from after the handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SenderStart {
    /// The sequence number after our SYN.
    pub(crate) una: SeqNumber,
    /// SEG.WND and SEG.SEQ of the segment that completed the handshake.
    pub(crate) window: u32,
    pub(crate) wl1: SeqNumber,
    pub(crate) mss_clamp: u16,
    pub(crate) path_mss: u16,
    pub(crate) timestamps: bool,
    pub(crate) sack: bool,
    pub(crate) ecn: bool,
    /// The time from our SYN, or SYN-ACK, to its acknowledgement, if it was sent only once, µs.
    pub(crate) rtt_us: Option<u64>,
    /// Whether our SYN, or SYN-ACK, was retransmitted more than once, and not spuriously: the
    /// congestion window then begins at one segment (RFC 5681).
    pub(crate) syn_lost: bool,
    pub(crate) syn_retrans: u32,
    /// The timeouts of the handshake, and how long it took to get over them, ms.
    pub(crate) syn_timeouts: (u32, u32),
    /// Whether we sent the first SYN, whose acknowledgement Linux counts as a byte.
    pub(crate) is_active: bool,
    /// Whether the SYNs crossed, so that ours was sent twice.
    pub(crate) is_crossed: bool,
    /// The size of the send buffer, if the application set it (`SO_SNDBUF`).
    pub(crate) buffer: Option<usize>,
}
