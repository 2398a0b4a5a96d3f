//! Which end of a connection or exchange a host is, and which transport carries it.

use serde::{Deserialize, Serialize};

/// Which end of a connection or an exchange this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The end that opened the connection, or sent the request.
    Client,
    /// The end that accepted the connection, or answered the request.
    Server,
}

/// The transport protocol of a connection.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP (RFC 9293).
    #[default]
    Tcp,
    /// QUIC (RFC 9000).
    Quic,
    /// A Unix domain socket of this machine (unix(7)): no packets, and no addresses.
    Unix,
}

impl Transport {
    /// The transport's name, as every view shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Quic => "quic",
            Self::Unix => "unix",
        }
    }

    /// Whether the transport is TCP, the default, which is left out of `record.jsonl`.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    pub(crate) const fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp)
    }
}
