//! What a host counts.

/// What a host has counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that came, those of the loopback interface included.
    pub frames_received: u64,
    /// Frames that left, those of the loopback interface included.
    pub frames_sent: u64,
    /// Frames that could not be read, or whose checksums were wrong.
    pub malformed: u64,
    /// Frames and packets for somebody else.
    pub not_for_us: u64,
    /// Packets of protocols that are not spoken here.
    pub unknown_protocol: u64,
    /// Packets for others that a router took up.
    pub forwarded: u64,
    /// ICMP errors sent.
    pub errors_sent: u64,
    /// ICMP errors not sent because there were too many.
    pub errors_suppressed: u64,
    /// ICMP messages that concerned nobody here.
    pub icmp_ignored: u64,
    /// Resets sent for segments without a connection.
    pub resets_sent: u64,
    /// Resets not sent because there were too many.
    pub resets_suppressed: u64,
    /// SYNs dropped because a listener's queues, or the table of sockets, were full.
    pub syns_dropped: u64,
    /// SYNs answered with a cookie.
    pub cookies_sent: u64,
    /// Connections that came back with a valid cookie.
    pub cookies_accepted: u64,
    /// Final acknowledgements of handshakes dropped because nobody accepted.
    pub accepts_deferred: u64,
    /// Datagrams that found their socket's queue full.
    pub udp_dropped: u64,
    /// Datagrams whose fragments overlapped or were too many.
    pub reassemblies_dropped: u64,
    /// Frames that found the queue to leave full.
    pub output_dropped: u64,
    /// Segments for which there was no route.
    pub unroutable: u64,
}

/// What a host holds at a moment: what [`Limits`](crate::Limits) bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// TCP sockets, half-open ones and those nobody owns any more included.
    pub sockets: usize,
    /// Half-open connections of all listeners.
    pub half_open: usize,
    /// Connections that nobody owns any more.
    pub orphans: usize,
    /// Connections of which only `TIME_WAIT` is left; they are no sockets any more.
    pub time_wait: usize,
    /// Bytes of all connections' buffers, in Linux's measure.
    pub tcp_memory: usize,
    /// UDP sockets.
    pub udp_sockets: usize,
    /// Entries of the neighbour table.
    pub neighbours: usize,
    /// Bytes of fragments that wait for others.
    pub reassembly_bytes: usize,
    /// Bytes of frames, other than TCP's, that wait to leave.
    pub output_bytes: usize,
}
