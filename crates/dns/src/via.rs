//! `Via`: the transport that carries a message.

/// The transport that carries a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A datagram.
    Udp,
    /// A stream, in which each message follows its length (RFC 7766 §8).
    Tcp,
}

impl Via {
    /// The transport's name in the record.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}
