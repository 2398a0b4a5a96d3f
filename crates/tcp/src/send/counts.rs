//! Counts of segments and bytes, for `tcp_info` and for the parts that compare them.

/// Counts of what has been sent and delivered so far, in segments unless a field says bytes. Counts
/// wrap.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SendCounts {
    bytes_acked: u64,
    data_segs_out: u32,
    retrans: u32,
    delivered: u32,
    delivered_ce: u32,
    lost: u32,
    dsack_dups: u32,
    reordering_seen: u32,
}

impl SendCounts {
    /// The counts after a handshake in which SYNs were retransmitted `retrans` times. Linux counts
    /// the SYN as a delivered segment, twice where the SYNs crossed, and the acknowledgement of
    /// ours as a byte.
    pub(super) fn new(is_active: bool, is_crossed: bool, retrans: u32) -> SendCounts {
        SendCounts {
            delivered: 1 + u32::from(is_crossed),
            retrans,
            bytes_acked: u64::from(is_active),
            ..SendCounts::default()
        }
    }

    /// Forgets the SYN-ACK, which has not been acknowledged yet.
    pub(super) fn forget_handshake(&mut self) {
        self.delivered = 0;
    }

    /// Sequence numbers acknowledged (`tcpi_bytes_acked`).
    pub(super) fn bytes_acked(&self) -> u64 {
        self.bytes_acked
    }

    #[inline]
    pub(super) fn note_acknowledged(&mut self, bytes: u32) {
        self.bytes_acked += u64::from(bytes);
    }

    /// Segments with payload sent (`tcpi_data_segs_out`).
    #[inline]
    pub(super) fn data_segs_out(&self) -> u32 {
        self.data_segs_out
    }

    #[inline]
    pub(super) fn note_sent(&mut self, data_segments: u32) {
        self.data_segs_out += data_segments;
    }

    /// Retransmissions (`tcpi_total_retrans`).
    pub(super) fn retrans(&self) -> u32 {
        self.retrans
    }

    /// Counts a retransmission of a segment with `len` bytes.
    pub(super) fn note_retransmitted(&mut self, len: u32) {
        self.retrans += 1;
        self.data_segs_out += u32::from(len > 0);
    }

    /// Segments delivered (`tcpi_delivered`).
    #[inline]
    pub(super) fn delivered(&self) -> u32 {
        self.delivered
    }

    pub(super) fn delivered_ce(&self) -> u32 {
        self.delivered_ce
    }

    /// Counts segments delivered; `met_congestion` if the peer reported congestion marks.
    #[inline]
    pub(super) fn note_delivered(&mut self, segments: u32, met_congestion: bool) {
        self.delivered = self.delivered.wrapping_add(segments);
        if met_congestion {
            self.delivered_ce = self.delivered_ce.wrapping_add(segments);
        }
    }

    /// Segments marked lost.
    #[inline]
    pub(super) fn lost(&self) -> u32 {
        self.lost
    }

    pub(super) fn note_lost(&mut self, segments: u32) {
        self.lost = self.lost.wrapping_add(segments);
    }

    /// Duplicates the peer reported (`tcpi_dsack_dups`).
    pub(super) fn dsack_dups(&self) -> u32 {
        self.dsack_dups
    }

    /// Counts duplicates that the peer reports. Answers whether our retransmissions can have caused
    /// that many.
    pub(super) fn note_duplicates(&mut self, segments: u32) -> bool {
        self.dsack_dups = self.dsack_dups.saturating_add(segments);
        self.dsack_dups <= self.retrans
    }

    /// How often reordering was seen (`tcpi_reord_seen`).
    pub(super) fn reordering_seen(&self) -> u32 {
        self.reordering_seen
    }

    pub(super) fn note_reordering(&mut self) {
        self.reordering_seen += 1;
    }
}
