//! Errors of the host's calls, and how a connection attempt can fail.

use std::net::IpAddr;

use roundtrip_record::AttemptEnd;

use crate::IcmpReason;

/// Why a connection attempt cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No route to the destination (`ENETUNREACH`).
    #[error("network is unreachable")]
    NoRoute,
    /// The local address is not ours, or is of another family than the destination
    /// (`EADDRNOTAVAIL`).
    #[error("cannot assign requested address")]
    AddressNotAvailable,
    /// This pair of addresses and ports is in use by a connection that cannot be replaced
    /// (`EADDRNOTAVAIL`).
    #[error("cannot assign requested address: a connection between these ports is there already")]
    AddressInUse,
    /// Every ephemeral port is in use for this destination (`EADDRNOTAVAIL`).
    #[error("no ephemeral port is free")]
    PortsExhausted,
    /// The destination is a multicast or broadcast address, or its address or port is zero
    /// (`ENETUNREACH`, `EINVAL`).
    #[error("not a destination for TCP")]
    BadDestination,
    /// As many sockets are open as [`Limits`](crate::Limits) allows (`ENFILE`).
    #[error("too many sockets")]
    TooManySockets,
}

/// Why a socket cannot be bound.
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
    /// As many sockets are open as [`Limits`](crate::Limits) allows (`ENFILE`).
    #[error("too many sockets")]
    TooManySockets,
}

/// Why a datagram cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The socket is closed.
    #[error("the socket is closed")]
    Closed,
    /// There is no route to the destination, or no source address for it (`ENETUNREACH`).
    #[error("network is unreachable")]
    NoRoute,
    /// The datagram is longer than IP allows, or than the MTU where it must not be fragmented
    /// (`EMSGSIZE`).
    #[error("message too long: {length} bytes, {limit} at most")]
    TooLong {
        /// The length of the datagram, bytes.
        length: usize,
        /// The largest length allowed, bytes.
        limit: usize,
    },
    /// The destination's family does not fit the socket's address, or its address or port is zero.
    #[error("not a destination for this socket")]
    BadDestination,
    /// The output queue is full, or so is the neighbour table (`ENOBUFS`).
    #[error("no buffer space")]
    QueueFull,
}

/// An error that ICMP or neighbour resolution reported for a packet sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// An ICMP error came back.
    #[error("{why}")]
    Icmp {
        /// The reason that the ICMP error gives.
        why: IcmpReason,
        /// The sender of the ICMP error.
        from: IpAddr,
    },
    /// The next hop's hardware address could not be found.
    #[error("no neighbour {next_hop}")]
    NoNeighbour {
        /// The address of the next hop.
        next_hop: IpAddr,
    },
    /// The datagram was larger than the path MTU (`EMSGSIZE`).
    #[error("message too long for the path: it carries {mtu} bytes")]
    TooBig {
        /// The path's MTU, bytes.
        mtu: u16,
    },
}

/// Why a connection attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectFailure {
    /// The peer answered with RST.
    #[error("connection refused")]
    Refused,
    /// No answer came in time.
    #[error("connection timed out")]
    TimedOut,
    /// ICMP or neighbour resolution reported that the destination is unreachable.
    #[error(transparent)]
    Unreachable(Unreachable),
    /// The attempt was aborted on this side.
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
