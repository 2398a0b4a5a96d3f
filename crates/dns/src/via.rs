//! What a message travels in.

/// What a message travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A datagram.
    Udp,
    /// A stream, each message behind its length (RFC 7766 §8).
    Tcp,
}

impl Via {
    /// Its name in the record.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}
