//! The options of one connection.

use std::sync::Arc;
use std::time::Duration;

use crate::fast_open::FastOpen;
use crate::profile::{EcnMode, KeepAlive, Profile};

/// The options of one connection: Linux's socket options, and what the path gives.
#[derive(Clone, Debug)]
pub struct Options {
    /// The profile of the stack.
    pub profile: Arc<Profile>,
    /// The largest segment that fits the path: its MTU less the IP and TCP headers without options
    /// (1460 for Ethernet and IPv4). Announced in the SYN.
    pub mss: u16,
    /// The largest segment in either direction, bytes (`TCP_MAXSEG`).
    pub max_segment: Option<u16>,
    /// Whether Nagle's algorithm is off (`TCP_NODELAY`; RFC 9293 §3.7.4).
    pub nodelay: bool,
    /// The keep-alive times (`SO_KEEPALIVE`); `None` switches keep-alive off.
    pub keepalive: Option<KeepAlive>,
    /// The size of the send buffer (`SO_SNDBUF`) as the kernel keeps it, bytes as Linux counts
    /// them; `None` lets it tune itself.
    pub send_buffer: Option<usize>,
    /// The size of the receive buffer (`SO_RCVBUF`) as given to the call, which Linux doubles;
    /// `None` lets it tune itself.
    pub receive_buffer: Option<usize>,
    /// How long sent data may stay unacknowledged (`TCP_USER_TIMEOUT`; RFC 5482).
    pub user_timeout: Option<Duration>,
    /// The use of explicit congestion notification; `None` takes the profile's.
    pub ecn: Option<EcnMode>,
    /// The offset of our timestamps from the clock (RFC 7323 §5.4), drawn at random for each
    /// connection.
    pub timestamp_offset: u32,
    /// How long FIN_WAIT_2 may last once nobody holds the socket (`TCP_LINGER2`); `None` takes the
    /// profile's.
    pub fin_timeout: Option<Duration>,
    /// The largest window to offer, bytes (`TCP_WINDOW_CLAMP`).
    pub window_clamp: Option<u32>,
    /// The number of unsent bytes from which on a write takes no more (`TCP_NOTSENT_LOWAT`); `None`
    /// takes the profile's.
    pub notsent_low_water: Option<u32>,
    /// How long a connection of a listener waits for data before it counts as open, in timeouts of
    /// the SYN-ACK (`TCP_DEFER_ACCEPT`).
    pub defer_accept: u8,
    /// Data that travels with the SYN (RFC 7413).
    pub fast_open: FastOpen,
    /// The type of service or traffic class of the packets (`IP_TOS`), without the two ECN bits;
    /// used by the host.
    pub service: u8,
    /// The TTL or hop limit of the packets (`IP_TTL`); `None` takes the host's. Used by the host.
    pub hop_limit: Option<u8>,
    /// The use of path MTU discovery (`IP_MTU_DISCOVER`); used by the host.
    pub path_mtu: PathMtuDiscovery,
}

/// Path MTU discovery by ICMP, for one connection (`IP_MTU_DISCOVER`, ip(7); RFC 1191, RFC 8201).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathMtuDiscovery {
    /// DF is set, and ICMP reports of too large packets are heeded (`IP_PMTUDISC_WANT`, the
    /// default, and `_DO`).
    #[default]
    Heed,
    /// DF is not set, but ICMP reports of too large packets are heeded (`IP_PMTUDISC_PROBE`, as TCP
    /// has it).
    HeedAndAllow,
    /// DF is not set, and ICMP reports of too large packets are ignored (`IP_PMTUDISC_DONT`,
    /// `_INTERFACE` and `_OMIT`).
    Allow,
}

impl PathMtuDiscovery {
    /// Whether packets have DF ("don't fragment") set (`ip_dont_fragment`).
    pub const fn forbids_fragments(self) -> bool {
        matches!(self, PathMtuDiscovery::Heed)
    }

    /// Whether ICMP reports of too large packets are heeded (`tcp_v4_mtu_reduced`).
    pub const fn is_heeding(self) -> bool {
        !matches!(self, PathMtuDiscovery::Allow)
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            profile: Arc::new(Profile::linux()),
            mss: 1460,
            max_segment: None,
            nodelay: false,
            keepalive: None,
            send_buffer: None,
            receive_buffer: None,
            user_timeout: None,
            ecn: None,
            timestamp_offset: 0,
            fin_timeout: None,
            window_clamp: None,
            notsent_low_water: None,
            defer_accept: 0,
            fast_open: FastOpen::default(),
            service: 0,
            hop_limit: None,
            path_mtu: PathMtuDiscovery::Heed,
        }
    }
}

/// What follows a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writing {
    /// Nothing follows soon: the last segment carries PSH.
    #[default]
    Whole,
    /// More data follows soon: what does not fill a segment waits for it, for an acknowledgement or
    /// for a timer (`MSG_MORE`).
    More,
    /// The write ends a record: no segment holds bytes of it and of the next (`MSG_EOR`).
    Record,
}
