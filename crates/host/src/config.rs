//! A host's habits and limits.

use core::time::Duration;
use std::sync::Arc;

use roundtrip_record::HostId;
use roundtrip_tcp as tcp;

/// A host's habits and limits. [`Config::default`] is a Linux machine that does not forward.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which host this is in the record. The ids of its connections begin with it, so that they
    /// differ from those of every other host: `host << 40 | number`.
    pub host: HostId,
    /// How its TCP behaves.
    pub profile: Arc<tcp::Profile>,
    /// Seeds its generator: ports, initial sequence numbers, hash keys, jitter.
    pub seed: [u8; 32],
    /// Whether packets for others are passed on (`net.ipv4.ip_forward`).
    pub forwarding: bool,
    /// Ephemeral ports (`net.ipv4.ip_local_port_range`): 32,768..=60,999.
    pub ports: core::ops::RangeInclusive<u16>,
    /// How neighbours are found and kept.
    pub neighbours: Neighbours,
    /// What it may hold.
    pub limits: Limits,
}

/// The constants of neighbour discovery (RFC 4861 §10; `net/ipv4/arp.c`, `arp_tbl.parms`; IPv6
/// has the same in `net/ipv6/ndisc.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbours {
    /// How long a confirmation holds, on average (`base_reachable_time`): 30 s. Each interface
    /// draws its own from half of it to half more.
    pub base_reachable: Duration,
    /// Between two questions (`retrans_time`): 1 s.
    pub retransmit: Duration,
    /// How long a stale entry in use waits for a confirmation from above before it is asked
    /// again (`delay_first_probe_time`): 5 s.
    pub delay_first_probe: Duration,
    /// Questions to everybody before giving up (`mcast_solicit`): 3.
    pub multicast_solicit: u8,
    /// Questions to the last known address before giving up (`ucast_solicit`): 3.
    pub unicast_solicit: u8,
    /// How long an entry that nobody uses is kept (`gc_stale_time`): 60 s.
    pub stale: Duration,
    /// Bytes of packets that wait for one neighbour (`unres_qlen_bytes`): 212,992. The oldest go
    /// first.
    pub queue_bytes: usize,
}

/// What a host may hold at most. Each limit holds against a peer that lies or floods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// TCP sockets, half-open ones and those nobody owns any more included: 1,048,576.
    pub sockets: usize,
    /// Of these, such as nobody owns any more (`tcp_max_orphans`): 65,536. Beyond, closing resets.
    pub orphans: usize,
    /// `TIME_WAIT` entries (`tcp_max_tw_buckets`): 262,144. Beyond, they end at once.
    pub time_wait: usize,
    /// Bytes of all connections' buffers, in Linux's measure (`tcp_mem`, which counts pages): up to
    /// the first there is no shortage; beyond the second, until the first is reached again, no
    /// buffer grows, and none beyond its share of the third; beyond the third a buffer gets its
    /// least and no more. As on a machine with 16 GiB: 768, 1,024 and 1,536 MiB.
    pub tcp_memory: [usize; 3],
    /// Half-open connections of one listener (`tcp_max_syn_backlog`): 1,024. The backlog given to
    /// `listen` limits it further. Beyond, SYN cookies.
    pub syn_backlog: usize,
    /// UDP sockets, and likewise ping sockets: 65,536.
    pub udp_sockets: usize,
    /// Bytes that wait to be read in one UDP socket (`net.core.rmem_default`): 212,992.
    pub udp_receive: usize,
    /// Entries of the neighbour table (`gc_thresh3`): 1,024.
    pub neighbours: usize,
    /// Bytes of fragments that wait for others (`ipfrag_high_thresh`): 4 MiB.
    pub reassembly: usize,
    /// Datagrams of one source of which fragments wait (`ipfrag_max_dist`): 64.
    pub reassembly_per_source: usize,
    /// Bytes of frames other than TCP's own that wait to leave: 4 MiB.
    pub output: usize,
    /// Destinations whose path MTU is remembered: 4,096.
    pub path_mtus: usize,
    /// ICMP errors to one destination: one a second after six (`icmp_ratelimit`,
    /// `XRLIM_BURST_FACTOR`). This is the time between two.
    pub icmp_interval: Duration,
    /// ICMP errors to all destinations, a second (`icmp_msgs_per_sec`): 1,000.
    pub icmp_per_second: u32,
    /// Of these, at once (`icmp_msgs_burst`): 50.
    pub icmp_burst: u32,
    /// Resets for segments without a connection, a second, and at once: 1,000. Linux has no such
    /// limit; FreeBSD's is 200 (`net.inet.icmp.icmplim`).
    pub resets_per_second: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: HostId(0),
            profile: Arc::new(tcp::Profile::linux()),
            seed: [0; 32],
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
