//! Steps 2, 3 and 7: neighbour, connection, close.

use core::fmt;
use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{
    AttemptEnd, ConnectionId, Direction, ExchangeId, How, InterfaceId, Side, Time, Transport,
};

/// An entry of the neighbour table changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourChanged {
    /// On which interface.
    pub interface: InterfaceId,
    /// Whose hardware address is asked for: the next hop.
    pub address: IpAddr,
    /// The hardware address, once known, as `02:00:00:00:00:01`.
    pub mac: Option<String>,
    /// The state before; `None` for a new entry.
    pub from: Option<NeighbourState>,
    /// The state now.
    pub to: NeighbourState,
    /// How this is known.
    pub how: How,
}

/// RFC 4861 §7.3.2, and Linux's names for what IPv4 does likewise (`include/uapi/linux/neighbour.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NeighbourState {
    /// Asked, not answered yet.
    Incomplete,
    /// Known to work within the last half minute or so.
    Reachable,
    /// Known, but not confirmed lately.
    Stale,
    /// Just used while stale: waiting for a confirmation from above.
    Delay,
    /// Being asked again.
    Probe,
    /// Asked in vain.
    Failed,
    /// Needs no resolution (loopback, point to point).
    Noarp,
    /// Set by hand.
    Permanent,
}

/// The states of RFC 9293 §3.3.2, with their names as the RFC and the kernel write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum TcpState {
    Closed,
    Listen,
    SynSent,
    #[serde(rename = "SYN_RECEIVED")]
    SynReceived,
    Established,
    #[serde(rename = "FIN_WAIT_1")]
    FinWait1,
    #[serde(rename = "FIN_WAIT_2")]
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

impl TcpState {
    /// Its name: `SYN_SENT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN_SENT",
            Self::SynReceived => "SYN_RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN_WAIT_1",
            Self::FinWait2 => "FIN_WAIT_2",
            Self::CloseWait => "CLOSE_WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
        }
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One end of a connection came into being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpOpened {
    /// The connection.
    pub connection: ConnectionId,
    /// Which end of it.
    pub side: Side,
    /// Its address.
    pub local: SocketAddr,
    /// The other end's.
    pub remote: SocketAddr,
}

/// It changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpStateChanged {
    /// The connection.
    pub connection: ConnectionId,
    /// The state before.
    pub from: TcpState,
    /// The state now.
    pub to: TcpState,
    /// How this is known.
    pub how: How,
}

/// The flags of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(pub u8);

impl Flags {
    /// The bits, lowest first, as they stand in the header (RFC 9293 §3.1).
    pub const NAMES: [&'static str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

    /// Whether the flag with this name is set.
    pub fn has(self, name: &str) -> bool {
        Self::NAMES.iter().position(|n| *n == name).is_some_and(|bit| self.0 >> bit & 1 == 1)
    }
}

impl fmt::Display for Flags {
    /// `SYN, ACK`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for name in Self::NAMES.into_iter().filter(|name| self.has(name)) {
            write!(f, "{separator}{name}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// A segment as one end sent or received it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpSegment {
    /// The connection.
    pub connection: ConnectionId,
    /// Which way.
    pub direction: Direction,
    /// Sequence number as on the wire.
    pub seq: u32,
    /// Acknowledgement number as on the wire; `None` without ACK.
    pub ack: Option<u32>,
    /// Flags.
    pub flags: Flags,
    /// The window in bytes, scaled.
    pub window: u32,
    /// Bytes of payload.
    pub length: u32,
    /// MSS option, of a SYN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mss: Option<u16>,
    /// Window scale option, of a SYN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_scale: Option<u8>,
    /// SACK-permitted option, of a SYN.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub sack_permitted: bool,
    /// Timestamps option: value and echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamps: Option<(u32, u32)>,
    /// SACK blocks, as on the wire.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sack: Vec<(u32, u32)>,
    /// It had been sent before.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub retransmission: bool,
    /// What receiving it came to, where that is more than `accepted`: `duplicate`, `out_of_window`, `bad_ack`, `paws` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
}

/// What the sender is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CongestionPhase {
    /// The window grows by what is acknowledged (RFC 5681 §3.1).
    SlowStart,
    /// It grows as the algorithm says.
    Avoidance,
    /// The network marked packets: the window is being reduced (RFC 3168).
    Reduction,
    /// Repairing losses (RFC 6675, 8985).
    Recovery,
    /// After a retransmission timeout.
    Loss,
}

/// The sender's view of the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpCongestion {
    /// The connection.
    pub connection: ConnectionId,
    /// Phase.
    pub phase: CongestionPhase,
    /// Congestion window, bytes.
    pub cwnd: u64,
    /// Slow start threshold, bytes; `None` while it is unlimited.
    pub ssthresh: Option<u64>,
    /// Bytes sent and believed to be in the network.
    pub in_flight: u64,
    /// Smoothed round-trip time (RFC 6298), once one was measured.
    pub srtt: Option<Duration>,
    /// Its variation.
    pub rttvar: Option<Duration>,
    /// Retransmission timeout.
    pub rto: Duration,
}

/// A timer of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Retransmission (RFC 6298).
    Retransmission,
    /// Tail loss probe (RFC 8985 §7).
    LossProbe,
    /// RACK reordering window (RFC 8985 §6).
    Reordering,
    /// Zero-window probe (RFC 9293 §3.8.6.1).
    Persist,
    /// Delayed acknowledgement.
    DelayedAck,
    /// Keep-alive.
    KeepAlive,
    /// User timeout (RFC 9293 §3.8.3, RFC 5482).
    UserTimeout,
    /// 2·MSL (RFC 9293 §3.6.1).
    TimeWait,
    /// Linux's limit on `FIN_WAIT_2` of a socket nobody holds (`tcp_fin_timeout`).
    FinWait2,
    /// Pacing.
    Pacing,
}

/// A timer fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpTimer {
    /// The connection.
    pub connection: ConnectionId,
    /// Which timer.
    pub timer: Timer,
    /// How often in a row it has now fired.
    pub count: u32,
}

/// A sample of the kernel's `TCP_INFO` (`include/uapi/linux/tcp.h`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpInfo {
    /// The connection.
    pub connection: ConnectionId,
    /// State, as the kernel names it (`ESTABLISHED`, `CLOSE`).
    pub state: String,
    /// Smoothed round-trip time, microseconds.
    pub rtt_us: u32,
    /// Its variation, microseconds.
    pub rttvar_us: u32,
    /// Least round-trip time, microseconds.
    pub min_rtt_us: u32,
    /// Retransmission timeout, microseconds.
    pub rto_us: u32,
    /// Congestion window, segments.
    pub cwnd: u32,
    /// Maximum segment size to send.
    pub snd_mss: u32,
    /// Segments retransmitted so far.
    pub retransmissions: u32,
    /// Bytes sent and acknowledged.
    pub bytes_acked: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Segments out.
    pub segments_out: u32,
    /// Segments in.
    pub segments_in: u32,
}

/// We read bytes that the kernel had had for a while: what lies between is our own machine's time,
/// and not the network's or the other end's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpRead {
    /// The connection.
    pub connection: ConnectionId,
    /// When the last of these bytes had arrived at this host (`SO_TIMESTAMPING`, a captured packet).
    /// The event's own time is when we read them.
    pub arrived: Time,
    /// How many bytes were read.
    pub bytes: u64,
}

/// Why a connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// Both directions were closed with FIN and acknowledged.
    Finished,
    /// 2·MSL have passed.
    TimeWaitOver,
    /// The other end sent RST while it was open.
    Reset,
    /// The other end answered the SYN with RST.
    Refused,
    /// We sent RST.
    Aborted,
    /// Retransmissions or the user timeout ran out.
    TimedOut,
    /// ICMP said the way is barred.
    Unreachable,
    /// It was removed for another reason: the host stopped, a new SYN reused `TIME_WAIT` (RFC 6191).
    Replaced,
}

/// A connection is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpClosed {
    /// The connection.
    pub connection: ConnectionId,
    /// Why.
    pub reason: CloseReason,
    /// How this is known.
    pub how: How,
}

/// A connection to one address is tried (RFC 8305 has several in flight).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectAttempt {
    /// For which exchange, where for one.
    pub exchange: Option<ExchangeId>,
    /// Whereto.
    pub to: SocketAddr,
    /// Over what.
    #[serde(default, skip_serializing_if = "Transport::is_tcp")]
    pub transport: Transport,
}

/// How the try ended. Its cause is the attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectResult {
    /// For which exchange, where for one.
    pub exchange: Option<ExchangeId>,
    /// Whereto.
    pub to: SocketAddr,
    /// The connection, where it came to one.
    pub connection: Option<ConnectionId>,
    /// How it ended.
    pub end: AttemptEnd,
    /// Over what.
    #[serde(default, skip_serializing_if = "Transport::is_tcp")]
    pub transport: Transport,
    /// When the (first) SYN left this host, where the wire tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syn_sent: Option<Time>,
    /// When the SYN-ACK arrived at this host, where the wire tells; what lies between it and the
    /// event's own time is our own machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syn_ack: Option<Time>,
}
