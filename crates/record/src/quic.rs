//! Events of QUIC connections (RFC 9000): opened and closed.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{ConnectionId, Direction, Side};

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
