//! TLS between connect and request.

use serde::{Deserialize, Serialize};

use crate::{BodyRef, ConnectionId, Time, TlsVersion};

/// A handshake begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsStarted {
    /// The connection.
    pub connection: ConnectionId,
    /// The name in the SNI extension; empty where an address was given.
    pub server_name: String,
    /// Protocols offered (ALPN).
    pub alpn: Vec<String>,
}

/// A handshake is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsEstablished {
    /// The connection.
    pub connection: ConnectionId,
    /// The version agreed on.
    pub version: TlsVersion,
    /// The cipher suite's IANA name.
    pub cipher: String,
    /// The key exchange group's IANA name, where known.
    pub group: Option<String>,
    /// The protocol chosen (ALPN).
    pub alpn: Option<String>,
    /// A session was resumed.
    pub resumed: bool,
    /// The server's certificates, its own first.
    pub certificates: Vec<Certificate>,
    /// When the last bytes that the handshake waited for had arrived at this host, where the wire
    /// tells; what lies between it and the event's own time is our own machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<Time>,
}

/// A certificate, as far as people ask about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Subject, as text.
    pub subject: String,
    /// Issuer, as text.
    pub issuer: String,
    /// Names it is good for.
    pub names: Vec<String>,
    /// Valid from, seconds since 1970.
    pub not_before: i64,
    /// Valid to, seconds since 1970.
    pub not_after: i64,
    /// Its bytes (DER).
    pub der: Option<BodyRef>,
}
