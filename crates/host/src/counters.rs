//! Counters of a host, and how much it holds.

/// Counters of a host, from its creation on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received, including those of the loopback interface.
    pub frames_received: u64,
    /// Frames sent, including those of the loopback interface.
    pub frames_sent: u64,
    /// Received frames that could not be parsed, or whose checksums were wrong.
    pub malformed: u64,
    /// Received frames and packets that were addressed to other hosts.
    pub not_for_us: u64,
    /// Received packets of protocols that the host does not implement.
    pub unknown_protocol: u64,
    /// Packets for other hosts that this host took up as a router, including those it had to drop
    /// afterwards.
    pub forwarded: u64,
    /// ICMP errors sent.
    pub errors_sent: u64,
    /// ICMP errors not sent because of the rate limit.
    pub errors_suppressed: u64,
    /// Received ICMP messages that were ignored: not for a socket of ours, not believed, or not
    /// implemented.
    pub icmp_ignored: u64,
    /// RST segments sent in answer to segments without a connection.
    pub resets_sent: u64,
    /// RST segments not sent because of the rate limit.
    pub resets_suppressed: u64,
    /// SYNs dropped because a listener's queues, or the table of sockets, were full.
    pub syns_dropped: u64,
    /// SYNs answered with a SYN cookie.
    pub cookies_sent: u64,
    /// Connections opened by an acknowledgement with a valid SYN cookie.
    pub cookies_accepted: u64,
    /// Final acknowledgements of handshakes dropped because the listener's accept queue was full.
    pub accepts_deferred: u64,
    /// UDP datagrams dropped because their socket's queue was full.
    pub udp_dropped: u64,
    /// Datagrams dropped during reassembly, because fragments overlapped or a limit was reached.
    pub reassemblies_dropped: u64,
    /// Frames dropped because the output queue was full.
    pub output_dropped: u64,
    /// TCP segments dropped because there was no route.
    pub unroutable: u64,
}

/// How much a host holds at a moment, of what [`Limits`](crate::Limits) bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// TCP sockets, including half-open connections and orphans.
    pub sockets: usize,
    /// Half-open connections of all listeners.
    pub half_open: usize,
    /// Orphans: connections that the application has closed and that have not ended.
    pub orphans: usize,
    /// Connections that are only in `TIME_WAIT`; they are not counted as sockets.
    pub time_wait: usize,
    /// Bytes of all connections' buffers, as Linux counts them.
    pub tcp_memory: usize,
    /// UDP sockets.
    pub udp_sockets: usize,
    /// Entries of the neighbour table.
    pub neighbours: usize,
    /// Bytes of fragments whose datagrams are incomplete.
    pub reassembly_bytes: usize,
    /// Bytes of queued outgoing frames, segments of TCP connections not counted.
    pub output_bytes: usize,
}
