//! What a sender begins with.

use roundtrip_packet::SeqNumber;

/// How the handshake left the connection.
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
    /// Time from our SYN, or SYN-ACK, to its acknowledgement, if it was sent once, µs.
    pub(crate) rtt_us: Option<u64>,
    /// It was sent more than twice and that was not spurious: the window begins at one (RFC 5681).
    pub(crate) syn_lost: bool,
    pub(crate) syn_retrans: u32,
    /// Its timeouts, and how long it took to get over them, ms.
    pub(crate) syn_timeouts: (u32, u32),
    /// We sent the first SYN, whose acknowledgement Linux counts as a byte.
    pub(crate) is_active: bool,
    /// The SYNs crossed, and ours went twice.
    pub(crate) is_crossed: bool,
    /// `SO_SNDBUF`.
    pub(crate) buffer: Option<usize>,
}
