//! The configuration of a host, and the limits of its memory.

use core::time::Duration;
use std::sync::Arc;

use roundtrip_record::HostId;
use roundtrip_tcp as tcp;

use crate::FastOpenPolicy;

/// The configuration of a host. [`Config::default`] is a Linux machine that does not forward.
#[derive(Clone, Debug)]
pub struct Config {
    /// The host's id in the record. Connection ids are `host << 40 | number`, so that they differ
    /// from those of every other host.
    pub host: HostId,
    /// The TCP profile of new connections, unless their options name another.
    pub profile: Arc<tcp::Profile>,
    /// The seed of the host's generator, which draws ports, initial sequence numbers, hash keys and
    /// jitter.
    pub seed: [u8; 32],
    /// What is allowed of TCP Fast Open (`net.ipv4.tcp_fastopen`): clients may use it.
    pub fast_open: FastOpenPolicy,
    /// Whether connections that are opened without options of their own send their first data with
    /// the SYN, where the server has given a cookie (`TCP_FASTOPEN_CONNECT`).
    pub fast_open_connect: bool,
    /// Whether packets for other hosts are forwarded (`net.ipv4.ip_forward`).
    pub forwarding: bool,
    /// The range of ephemeral ports (`net.ipv4.ip_local_port_range`): 32,768..=60,999.
    pub ports: core::ops::RangeInclusive<u16>,
    /// The timers and limits of neighbour discovery.
    pub neighbours: Neighbours,
    /// The limits on what the host holds.
    pub limits: Limits,
}

/// The constants of neighbour discovery (RFC 4861 §10). The defaults are Linux's (`net/ipv4/arp.c`,
/// `arp_tbl.parms`; `net/ipv6/ndisc.c` has the same values).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbours {
    /// How long a neighbour counts as reachable after a confirmation, on average
    /// (`base_reachable_time`): 30 s. Each interface draws its own value from half of it to one and
    /// a half times it.
    pub base_reachable: Duration,
    /// The time between two solicitations (`retrans_time`): 1 s.
    pub retransmit: Duration,
    /// How long a stale entry that is used again waits for a confirmation by TCP before it is
    /// probed (`delay_first_probe_time`): 5 s.
    pub delay_first_probe: Duration,
    /// Multicast or broadcast solicitations before giving up (`mcast_solicit`): 3.
    pub multicast_solicit: u8,
    /// Unicast solicitations to the last known address before giving up (`ucast_solicit`): 3.
    pub unicast_solicit: u8,
    /// How long an unused entry is kept (`gc_stale_time`): 60 s.
    pub stale: Duration,
    /// Bytes of frames that may wait for one neighbour to be resolved (`unres_qlen_bytes`):
    /// 212,992. When more come, the oldest are dropped.
    pub queue_bytes: usize,
}

/// The most that a host may hold of anything, however much its peers lie or flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// TCP sockets, including half-open connections and orphans: 1,048,576.
    pub sockets: usize,
    /// Orphans: connections that the application has closed and that have not ended
    /// (`tcp_max_orphans`): 65,536. Beyond this number, closing a socket resets its connection.
    pub orphans: usize,
    /// `TIME_WAIT` entries (`tcp_max_tw_buckets`): 262,144. Beyond this number, a new one ends at
    /// once.
    pub time_wait: usize,
    /// Bytes of all connections' buffers, as Linux counts them (`tcp_mem`, there in pages). Beyond
    /// the second limit, until the total has fallen to the first, no buffer grows, and a connection
    /// that holds its share of the third limit gets no more; beyond the third limit every buffer
    /// gets its minimum only. The defaults are those of a machine with 16 GiB: 768, 1,024 and 1,536
    /// MiB.
    pub tcp_memory: [usize; 3],
    /// Half-open connections of one listener (`tcp_max_syn_backlog`): 1,024, or fewer if the
    /// backlog given to `listen` is smaller. Beyond this number, SYNs are answered with SYN
    /// cookies.
    pub syn_backlog: usize,
    /// UDP sockets: 65,536.
    pub udp_sockets: usize,
    /// Bytes that may wait to be read in one UDP socket (`net.core.rmem_default`): 212,992.
    pub udp_receive: usize,
    /// Entries of the neighbour table (`gc_thresh3`): 1,024.
    pub neighbours: usize,
    /// Bytes of fragments whose datagrams are incomplete (`ipfrag_high_thresh`): 4 MiB.
    pub reassembly: usize,
    /// Incomplete datagrams of one source address (`ipfrag_max_dist`): 64.
    pub reassembly_per_source: usize,
    /// Bytes of queued outgoing frames, segments of TCP connections not counted: 4 MiB.
    pub output: usize,
    /// Destinations whose path MTU is remembered, and servers whose Fast Open cookie is: 4,096.
    pub path_mtus: usize,
    /// The least time between two ICMP errors to one destination, after a burst of six
    /// (`icmp_ratelimit`, `XRLIM_BURST_FACTOR`): 1 s.
    pub icmp_interval: Duration,
    /// ICMP errors a second to all destinations together (`icmp_msgs_per_sec`): 1,000.
    pub icmp_per_second: u32,
    /// ICMP errors to all destinations in one burst (`icmp_msgs_burst`): 50.
    pub icmp_burst: u32,
    /// RST segments a second, and in one burst, for segments without a connection: 1,000. Linux has
    /// no such limit; FreeBSD's is 200 (`net.inet.icmp.icmplim`).
    pub resets_per_second: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: HostId(0),
            profile: Arc::new(tcp::Profile::linux()),
            seed: [0; 32],
            fast_open: FastOpenPolicy::default(),
            fast_open_connect: false,
            forwarding: false,
            ports: 32_768..=60_999,
            neighbours: Neighbours::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Neighbours {
    fn default() -> Self {
        Self {
            base_reachable: Duration::from_secs(30),
            retransmit: Duration::from_secs(1),
            delay_first_probe: Duration::from_secs(5),
            multicast_solicit: 3,
            unicast_solicit: 3,
            stale: Duration::from_mins(1),
            queue_bytes: 212_992,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets: 1 << 20,
            orphans: 65_536,
            time_wait: 262_144,
            tcp_memory: [768 << 20, 1 << 30, 1_536 << 20],
            syn_backlog: 1_024,
            udp_sockets: 65_536,
            udp_receive: 212_992,
            neighbours: 1_024,
            reassembly: 4 << 20,
            reassembly_per_source: 64,
            output: 4 << 20,
            path_mtus: 4_096,
            icmp_interval: Duration::from_secs(1),
            icmp_per_second: 1_000,
            icmp_burst: 50,
            resets_per_second: 1_000,
        }
    }
}
