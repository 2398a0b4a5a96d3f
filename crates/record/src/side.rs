//! Which end of something a host is, and over what it runs.

use serde::{Deserialize, Serialize};

/// Which end of a connection or an exchange this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// It opened the connection; it asked.
    Client,
    /// It accepted the connection; it answered.
    Server,
}

/// What carries the bytes of a connection.
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
}

impl Transport {
    /// Its name in every view.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Quic => "quic",
        }
    }

    /// Whether it is TCP, which is not written.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    pub(crate) const fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp)
    }
}
