//! Events of the TLS handshake, which lies between connect and request.

use serde::{Deserialize, Serialize};

use crate::{BodyRef, ConnectionId, Time, TlsVersion};

/// A TLS handshake begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsStarted {
    /// The connection.
    pub connection: ConnectionId,
    /// The name in the SNI extension; empty where an address was given.
    pub server_name: String,
    /// The protocols offered in the ALPN extension (RFC 7301).
    pub alpn: Vec<String>,
}

/// A TLS handshake is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsEstablished {
    /// The connection.
    pub connection: ConnectionId,
    /// The version agreed on.
    pub version: TlsVersion,
    /// The cipher suite's IANA name.
    pub cipher: String,
    /// The IANA name of the key exchange group, where known.
    pub group: Option<String>,
    /// The protocol chosen in the ALPN extension; `None` where none was.
    pub alpn: Option<String>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The server's certificate chain, the server's own certificate first.
    pub certificates: Vec<Certificate>,
    /// When the last bytes that the handshake waited for arrived at this host, where the wire
    /// tells. The time between that and the event is spent on our own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<Time>,
}

/// The parts of an X.509 certificate (RFC 5280) that views show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The subject's distinguished name, as text.
    pub subject: String,
    /// The issuer's distinguished name, as text.
    pub issuer: String,
    /// The host names and addresses that the certificate is valid for.
    pub names: Vec<String>,
    /// Begin of the validity, in seconds since 1970.
    pub not_before: i64,
    /// End of the validity, in seconds since 1970.
    pub not_after: i64,
    /// The whole certificate in DER, where it was kept.
    pub der: Option<BodyRef>,
}
