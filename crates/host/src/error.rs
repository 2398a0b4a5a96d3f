//! What a call can answer instead, and how a try to connect can end.

use std::net::IpAddr;

use roundtrip_record::AttemptEnd;

use crate::IcmpReason;

/// A connection cannot even be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No route to the destination (`ENETUNREACH`).
    #[error("network is unreachable")]
    NoRoute,
    /// The local address is not ours, or of the other family (`EADDRNOTAVAIL`).
    #[error("cannot assign requested address")]
    AddressNotAvailable,
    /// This pair of addresses and ports is in use by a connection that cannot give way
    /// (`EADDRNOTAVAIL`).
    #[error("cannot assign requested address: a connection between these ports is there already")]
    AddressInUse,
    /// Every ephemeral port towards this destination is in use (`EADDRNOTAVAIL`).
    #[error("no ephemeral port is free")]
    PortsExhausted,
    /// The destination is a group, or no address or port at all (`ENETUNREACH`, `EINVAL`).
    #[error("not a destination for TCP")]
    BadDestination,
    /// [`Limits::sockets`](crate::Limits::sockets) are open (`ENFILE`).
    #[error("too many sockets")]
    TooManySockets,
}

/// A socket cannot be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// Another socket has this address and port (`EADDRINUSE`).
    #[error("address already in use")]
    AddressInUse,
    /// The address is not ours (`EADDRNOTAVAIL`).
    #[error("cannot assign requested address")]
    AddressNotAvailable,
    /// Every ephemeral port is in use (`EADDRINUSE`).
    #[error("no ephemeral port is free")]
    PortsExhausted,
    /// [`Limits::sockets`](crate::Limits::sockets) are open (`ENFILE`).
    #[error("too many sockets")]
    TooManySockets,
}

/// A datagram cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The socket is closed.
    #[error("the socket is closed")]
    Closed,
    /// No route to the destination, or no address to send from (`ENETUNREACH`).
    #[error("network is unreachable")]
    NoRoute,
    /// Longer than a datagram can be, or than one that must not be cut (`EMSGSIZE`).
    #[error("message too long: {length} bytes, {limit} at most")]
    TooLong {
        /// Its length, bytes.
        length: usize,
        /// What fits, bytes.
        limit: usize,
    },
    /// The destination is of the other family than the socket's address, or has port 0.
    #[error("not a destination for this socket")]
    BadDestination,
    /// The queue of frames that wait to leave is full (`ENOBUFS`).
    #[error("no buffer space")]
    QueueFull,
}

/// An error that ICMP or neighbour resolution brought back for something sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// ICMP said so.
    #[error("{why}")]
    Icmp {
        /// What it says is the matter.
        why: IcmpReason,
        /// Who said so.
        from: IpAddr,
    },
    /// The next hop's hardware address could not be found.
    #[error("no neighbour {next_hop}")]
    NoNeighbour {
        /// The next hop.
        next_hop: IpAddr,
    },
    /// The datagram was larger than the path carries (`EMSGSIZE`).
    #[error("message too long for the path: it carries {mtu} bytes")]
    TooBig {
        /// The path's MTU, bytes.
        mtu: u16,
    },
}

/// How a try to connect ended that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectFailure {
    /// RST came back.
    #[error("connection refused")]
    Refused,
    /// Nothing came back.
    #[error("connection timed out")]
    TimedOut,
    /// ICMP, or the search for the next hop, said that there is no way.
    #[error(transparent)]
    Unreachable(Unreachable),
    /// We gave it up ourselves.
    #[error("given up")]
    Cancelled,
}

impl From<ConnectFailure> for AttemptEnd {
    fn from(failure: ConnectFailure) -> Self {
        match failure {
            ConnectFailure::Refused => Self::Refused,
            ConnectFailure::TimedOut => Self::TimedOut,
            ConnectFailure::Cancelled => Self::Cancelled,
            ConnectFailure::Unreachable(Unreachable::NoNeighbour { next_hop }) => {
                Self::NoNeighbour { next_hop }
            }
            ConnectFailure::Unreachable(Unreachable::Icmp { why, from, .. }) => {
                Self::Unreachable { why: why.to_string(), from: Some(from) }
            }
            ConnectFailure::Unreachable(error @ Unreachable::TooBig { .. }) => {
                Self::Failed { why: error.to_string() }
            }
        }
    }
}
