//! Events of QUIC connections (RFC 9000): opened, packets, congestion, losses, closed.

use core::time::Duration;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{CongestionPhase, ConnectionId, Direction, QuicFrame, Side};

/// One end of a QUIC connection came into being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuicOpened {
    /// The connection, numbered together with those of TCP.
    pub connection: ConnectionId,
    /// Which end of the connection this host is.
    pub side: Side,
    /// The address of this end.
    pub local: SocketAddr,
    /// The address of the other end.
    pub remote: SocketAddr,
    /// The version of QUIC, as on the wire: 1 is RFC 9000.
    pub version: u32,
}

/// A QUIC connection is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuicClosed {
    /// The connection.
    pub connection: ConnectionId,
    /// Which way the `CONNECTION_CLOSE` frame went; `None` where there was none: the idle timeout, a
    /// stateless reset.
    pub direction: Option<Direction>,
    /// The error code of the `CONNECTION_CLOSE` frame; `None` where there was none.
    pub code: Option<u64>,
    /// Whether the error code is the application's (HTTP/3) and not the transport's.
    pub application: bool,
    /// Why the connection ended, in words.
    pub why: String,
}

/// A packet number space, or the keys within one (RFC 9000 §12.3, RFC 9001 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuicSpace {
    /// The first packets of a handshake.
    Initial,
    /// What a client sends with the keys of an earlier session, before the handshake is complete.
    ZeroRtt,
    /// The rest of the handshake.
    Handshake,
    /// What is sent once there are keys for data.
    OneRtt,
}

/// A packet that one end of a QUIC connection sent, or received and could decrypt. A datagram may carry
/// several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuicPacket {
    /// The connection.
    pub connection: ConnectionId,
    /// Whether this end sent or received the packet.
    pub direction: Direction,
    /// The packet number space.
    pub space: QuicSpace,
    /// The packet number.
    pub number: u64,
    /// Bytes of the packet, with its header and its authentication tag.
    pub length: u32,
    /// The frames of the packet, in the order in which they stand in the packet.
    pub frames: Vec<QuicFrame>,
}

/// The sender's view of the path of a QUIC connection, after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuicCongestion {
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
    /// Smoothed round-trip time (RFC 9002 §5.3), once one was measured.
    pub srtt: Option<Duration>,
}

/// One end of a QUIC connection takes packets that it sent to be lost (RFC 9002 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuicLost {
    /// The connection.
    pub connection: ConnectionId,
    /// Bytes of the packets.
    pub bytes: u64,
    /// Whether all that was sent for a long time was lost (RFC 9002 §7.6: persistent congestion).
    pub persistent: bool,
}
