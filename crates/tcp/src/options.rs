//! What the owner chooses for one connection.

use std::sync::Arc;
use std::time::Duration;

use crate::profile::{EcnMode, KeepAlive, Profile};

/// The choices for one connection: what Linux has as socket options, and what the path gives.
#[derive(Clone, Debug)]
pub struct Options {
    /// Constants and habits of the stack.
    pub profile: Arc<Profile>,
    /// The largest segment that fits the path: its MTU less the IP and TCP headers without options
    /// (1460 for Ethernet and IPv4). Announced in the SYN.
    pub mss: u16,
    /// `TCP_MAXSEG`: no larger segments than this, either way.
    pub max_segment: Option<u16>,
    /// `TCP_NODELAY`: no waiting for fuller segments (RFC 9293 §3.7.4).
    pub nodelay: bool,
    /// `SO_KEEPALIVE` with its times; `None` switches it off.
    pub keepalive: Option<KeepAlive>,
    /// `SO_SNDBUF`: bytes of payload; fixes the send buffer, which otherwise tunes itself.
    pub send_buffer: Option<usize>,
    /// `SO_RCVBUF` as given to the call, which Linux doubles; fixes the receive buffer, which
    /// otherwise tunes itself.
    pub receive_buffer: Option<usize>,
    /// `TCP_USER_TIMEOUT`: how long sent data may stay unacknowledged (RFC 5482).
    pub user_timeout: Option<Duration>,
    /// Explicit congestion notification; `None` takes the profile's.
    pub ecn: Option<EcnMode>,
    /// Added to the clock in our timestamps (RFC 7323 §5.4): drawn at random for each connection.
    pub timestamp_offset: u32,
    /// `TCP_LINGER2`: how long FIN_WAIT_2 may last once nobody holds the socket; `None` takes the
    /// profile's.
    pub fin_timeout: Option<Duration>,
    /// `TCP_WINDOW_CLAMP`: the largest window to offer, bytes.
    pub window_clamp: Option<u32>,
    /// `TCP_NOTSENT_LOWAT`, bytes; `None` takes the profile's.
    pub notsent_low_water: Option<u32>,
    /// `TCP_DEFER_ACCEPT` of the listener, in timeouts of the SYN-ACK: so long a connection waits for
    /// data before it counts as open.
    pub defer_accept: u8,
    /// `IP_TOS`, or the traffic class, of its packets, without the two bits of ECN. For the host.
    pub service: u8,
    /// `IP_TTL`, or the hop limit, of its packets; `None` takes the host's. For the host.
    pub hop_limit: Option<u8>,
    /// `IP_MTU_DISCOVER`: what is done about the path's MTU. For the host.
    pub path_mtu: PathMtuDiscovery,
}

/// Path MTU discovery by ICMP, for one connection (`IP_MTU_DISCOVER`, ip(7); RFC 1191, RFC 8201).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathMtuDiscovery {
    /// Routers must not fragment, and what they say of too large packets is heeded
    /// (`IP_PMTUDISC_WANT`, the default, and `_DO`).
    #[default]
    Heed,
    /// It is heeded, but routers may fragment (`IP_PMTUDISC_PROBE`, as TCP has it).
    HeedAndAllow,
    /// Routers may fragment, and what they say is not heeded (`IP_PMTUDISC_DONT`,
    /// `_INTERFACE` and `_OMIT`).
    Allow,
}

impl PathMtuDiscovery {
    /// Packets bear "don't fragment" (`ip_dont_fragment`).
    pub const fn forbids_fragments(self) -> bool {
        matches!(self, PathMtuDiscovery::Heed)
    }

    /// Word of too large packets is heeded (`tcp_v4_mtu_reduced`).
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
            service: 0,
            hop_limit: None,
            path_mtu: PathMtuDiscovery::Heed,
        }
    }
}

/// How a write ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writing {
    /// With a push.
    #[default]
    Whole,
    /// More comes soon: what does not fill a segment waits for it, for an acknowledgement or for
    /// the timer (`MSG_MORE`).
    More,
    /// It ends a record: no segment has bytes of it and of the next (`MSG_EOR`).
    Record,
}
