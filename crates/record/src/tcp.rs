//! Events of steps 2, 3 and 7: neighbour, connection, close.

use core::fmt;
use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use roundtrip_packet::tcp::Header;
use serde::{Deserialize, Serialize};

use crate::hex::hex;
use crate::{
    AttemptEnd, ConnectionId, Direction, Evidence, ExchangeId, InterfaceId, Side, Time, Transport,
};

/// An entry of the neighbour table changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourChanged {
    /// The interface the entry belongs to.
    pub interface: InterfaceId,
    /// The neighbour's IP address: the next hop, whose hardware address is asked for.
    pub address: IpAddr,
    /// The hardware address, once known, as `02:00:00:00:00:01`.
    pub mac: Option<String>,
    /// The state before; `None` for a new entry.
    pub from: Option<NeighbourState>,
    /// The state now.
    pub to: NeighbourState,
    /// How the change is known.
    pub how: Evidence,
}

/// The state of a neighbour table entry: RFC 4861 §7.3.2, with Linux's names and additions
/// (`include/uapi/linux/neighbour.h`). IPv4 uses the same states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NeighbourState {
    /// Asked for, not answered yet.
    Incomplete,
    /// Known, and confirmed to work within about the last half minute.
    Reachable,
    /// Known, but not confirmed lately.
    Stale,
    /// Used while stale, and waiting for a confirmation from a protocol above, such as TCP.
    Delay,
    /// Being asked for again.
    Probe,
    /// Asked for, and never answered.
    Failed,
    /// Needs no resolution (loopback, point to point).
    Noarp,
    /// Set by the administrator.
    Permanent,
}

/// The state of a TCP connection (RFC 9293 §3.3.2), named as in the RFC and the kernel.
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
    /// The state's name, as `SYN_SENT`.
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

/// One end of a TCP connection came into being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpOpened {
    /// The connection.
    pub connection: ConnectionId,
    /// Which end of the connection this host is.
    pub side: Side,
    /// The address of this end.
    pub local: SocketAddr,
    /// The address of the other end.
    pub remote: SocketAddr,
}

/// One end of a TCP connection changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpStateChanged {
    /// The connection.
    pub connection: ConnectionId,
    /// The state before.
    pub from: TcpState,
    /// The state now.
    pub to: TcpState,
    /// How the change is known.
    pub how: Evidence,
}

/// The control bits of a TCP header, as one byte (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(pub u8);

impl Flags {
    /// The names of the bits, lowest bit first.
    pub const NAMES: [&'static str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

    /// Whether the flag with this name is set.
    pub fn has(self, name: &str) -> bool {
        Self::NAMES.iter().position(|n| *n == name).is_some_and(|bit| self.0 >> bit & 1 == 1)
    }
}

impl fmt::Display for Flags {
    /// Writes the names of the set bits, as `SYN, ACK`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for name in Self::NAMES.into_iter().filter(|name| self.has(name)) {
            write!(f, "{separator}{name}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// A segment that one end of a TCP connection sent or received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpSegment {
    /// The connection.
    pub connection: ConnectionId,
    /// Whether this end sent or received the segment.
    pub direction: Direction,
    /// Sequence number as on the wire.
    pub seq: u32,
    /// Acknowledgement number as on the wire; `None` without ACK.
    pub ack: Option<u32>,
    /// The control bits.
    pub flags: Flags,
    /// The receive window in bytes, with the window scale applied.
    pub window: u32,
    /// Bytes of the payload.
    pub length: u32,
    /// The MSS option of a SYN, in bytes (RFC 9293 §3.7.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mss: Option<u16>,
    /// The window scale option of a SYN: the shift count (RFC 7323 §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_scale: Option<u8>,
    /// Whether a SYN has the SACK-permitted option (RFC 2018 §2).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub sack_permitted: bool,
    /// The timestamps option, value and echo reply (RFC 7323 §3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamps: Option<(u32, u32)>,
    /// The SACK blocks as on the wire: first sequence number, and the one after the last (RFC 2018
    /// §3).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sack: Vec<(u32, u32)>,
    /// The Fast Open cookie of a SYN, in hexadecimal; empty for the request for one (RFC 7413
    /// §4.1.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_open: Option<String>,
    /// Whether the segment is a retransmission.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub retransmission: bool,
    /// What became of a received segment, where it was not simply accepted: `duplicate`,
    /// `out_of_window`, `bad_ack`, `paws` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
}

impl TcpSegment {
    /// What a header says, before a payload of `length` bytes. `shift` is the window scale of its
    /// sender: it does not hold in a SYN, and is 14 at most (RFC 7323 §2.2, §2.3).
    pub fn of(
        connection: ConnectionId,
        direction: Direction,
        header: &Header,
        length: usize,
        shift: u8,
    ) -> Self {
        let syn = header.flags.contains(roundtrip_packet::Flags::SYN);
        let options = &header.options;
        Self {
            connection,
            direction,
            seq: header.sequence.0,
            ack: header.ack().map(|ack| ack.0),
            flags: Flags(header.flags.bits() as u8),
            window: u32::from(header.window) << if syn { 0 } else { shift.min(14) },
            length: length as u32,
            mss: options.mss,
            window_scale: options.window_scale,
            sack_permitted: options.sack_permitted,
            timestamps: options.timestamps.map(|stamps| (stamps.value, stamps.echo)),
            sack: options.sack.as_slice().iter().map(|b| (b.left.0, b.right.0)).collect(),
            fast_open: options.fast_open.map(|cookie| hex(cookie.as_bytes())),
            retransmission: false,
            disposition: None,
        }
    }
}

/// The phase of the sender's congestion control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CongestionPhase {
    /// The window grows by what is acknowledged (RFC 5681 §3.1).
    SlowStart,
    /// The window grows as the congestion control algorithm says (congestion avoidance).
    Avoidance,
    /// The network marked packets: the window is being reduced (RFC 3168).
    Reduction,
    /// Losses are being repaired (RFC 6675, RFC 8985).
    Recovery,
    /// The time after a retransmission timeout, until the losses are repaired.
    Loss,
}

/// The sender's estimate of the path, after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpCongestion {
    /// The connection.
    pub connection: ConnectionId,
    /// The phase of the congestion control.
    pub phase: CongestionPhase,
    /// Congestion window, bytes.
    pub cwnd: u64,
    /// Slow start threshold, bytes; `None` while it is unlimited.
    pub ssthresh: Option<u64>,
    /// Bytes sent and believed to be in the network.
    pub in_flight: u64,
    /// Smoothed round-trip time (RFC 6298), once one was measured.
    pub srtt: Option<Duration>,
    /// The variation of the round-trip time (RFC 6298).
    pub rttvar: Option<Duration>,
    /// Retransmission timeout.
    pub rto: Duration,
}

/// A timer of a TCP connection.
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
    /// Delayed acknowledgement (RFC 9293 §3.8.6.3).
    DelayedAck,
    /// Keep-alive (RFC 9293 §3.8.4).
    KeepAlive,
    /// User timeout (RFC 9293 §3.8.3, RFC 5482).
    UserTimeout,
    /// The wait in `TIME_WAIT`, 2·MSL (RFC 9293 §3.6.1).
    TimeWait,
    /// Linux's limit on `FIN_WAIT_2` of a socket that no process holds any more
    /// (`tcp_fin_timeout`).
    FinWait2,
    /// Pacing: the next segment may be sent.
    Pacing,
}

/// A timer of a TCP connection fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpTimer {
    /// The connection.
    pub connection: ConnectionId,
    /// Which timer.
    pub timer: Timer,
    /// How many times in a row the timer has now fired.
    pub count: u32,
}

/// A sample of the kernel's `TCP_INFO` (`include/uapi/linux/tcp.h`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpInfo {
    /// The connection.
    pub connection: ConnectionId,
    /// The connection's state, as the kernel names it (`ESTABLISHED`, `CLOSE`).
    pub state: String,
    /// Smoothed round-trip time, microseconds.
    pub rtt_us: u32,
    /// Variation of the round-trip time, microseconds.
    pub rttvar_us: u32,
    /// Smallest round-trip time, microseconds.
    pub min_rtt_us: u32,
    /// Retransmission timeout, microseconds.
    pub rto_us: u32,
    /// Congestion window, segments.
    pub cwnd: u32,
    /// Maximum segment size for sending, bytes.
    pub snd_mss: u32,
    /// Segments retransmitted so far.
    pub retransmissions: u32,
    /// Bytes that were sent and acknowledged so far.
    pub bytes_acked: u64,
    /// Bytes received so far.
    pub bytes_received: u64,
    /// Segments sent so far.
    pub segments_out: u32,
    /// Segments received so far.
    pub segments_in: u32,
    /// Whether data that travelled with the SYN was taken (RFC 7413; `TCPI_OPT_SYN_DATA`).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub syn_data: bool,
}

/// Bytes were read that had already been waiting in the kernel. The wait is our own machine's time,
/// and not the network's or the other end's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpRead {
    /// The connection.
    pub connection: ConnectionId,
    /// When the last of these bytes arrived at this host (`SO_TIMESTAMPNS`, a captured packet).
    /// The event's own time is when they were read.
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
    /// The other end sent RST while the connection was open.
    Reset,
    /// The other end answered the SYN with RST.
    Refused,
    /// This end sent RST.
    Aborted,
    /// Retransmissions or the user timeout ran out.
    TimedOut,
    /// An ICMP error said that the destination cannot be reached.
    Unreachable,
    /// The connection was removed for another reason: the host stopped, or a new SYN reused
    /// `TIME_WAIT` (RFC 6191).
    Replaced,
}

/// One end of a TCP connection is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpClosed {
    /// The connection.
    pub connection: ConnectionId,
    /// Why the connection is gone.
    pub reason: CloseReason,
    /// How the change is known.
    pub how: Evidence,
}

/// An attempt to connect to one address begins. Several may be under way at a time (RFC 8305).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectAttempt {
    /// The exchange that needs the connection; `None` where it is for no exchange.
    pub exchange: Option<ExchangeId>,
    /// The address to connect to.
    pub to: SocketAddr,
    /// The transport.
    #[serde(default, skip_serializing_if = "Transport::is_tcp")]
    pub transport: Transport,
}

/// An attempt to connect has ended. The event's cause is the [`ConnectAttempt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectResult {
    /// The exchange that needs the connection; `None` where it is for no exchange.
    pub exchange: Option<ExchangeId>,
    /// The address of the attempt.
    pub to: SocketAddr,
    /// The connection, where the attempt came so far as to have one.
    pub connection: Option<ConnectionId>,
    /// How the attempt ended.
    pub end: AttemptEnd,
    /// The transport.
    #[serde(default, skip_serializing_if = "Transport::is_tcp")]
    pub transport: Transport,
    /// When the first SYN left this host, where the wire tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syn_sent: Option<Time>,
    /// When the SYN-ACK arrived at this host, where the wire tells. The time between that and the
    /// event is spent on our own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syn_ack: Option<Time>,
}
