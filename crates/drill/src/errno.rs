//! What the host answers, as errors of system calls.

use roundtrip_host::{BindError, ConnectError, ConnectFailure, Unreachable};

use crate::symbols::Errno;

/// How an attempt to connect failed, as an error.
pub(crate) fn failure_errno(failure: ConnectFailure) -> Errno {
    match failure {
        ConnectFailure::Refused => Errno::ECONNREFUSED,
        ConnectFailure::TimedOut => Errno::ETIMEDOUT,
        ConnectFailure::Cancelled => Errno::ECONNABORTED,
        ConnectFailure::Unreachable(why) => unreachable_errno(why),
    }
}

/// What ICMP said as an error (`icmp_err_convert` in `net/ipv4/icmp.c`).
pub(crate) fn unreachable_errno(why: Unreachable) -> Errno {
    match why {
        Unreachable::Icmp { refused: true, .. } => Errno::ECONNREFUSED,
        Unreachable::Icmp { why, .. } if why.starts_with("net") || why.starts_with("no route") => {
            Errno::ENETUNREACH
        }
        Unreachable::Icmp { why, .. } if why.starts_with("protocol") => Errno::ENOPROTOOPT,
        Unreachable::Icmp { .. } | Unreachable::NoNeighbour { .. } => Errno::EHOSTUNREACH,
        Unreachable::TooBig { .. } => Errno::EMSGSIZE,
    }
}

/// Why a socket was not bound, as an error.
pub(crate) fn bind_errno(error: BindError) -> Errno {
    match error {
        BindError::AddressInUse | BindError::PortsExhausted => Errno::EADDRINUSE,
        BindError::AddressNotAvailable => Errno::EADDRNOTAVAIL,
        BindError::TooManySockets => Errno::ENOBUFS,
    }
}

/// Why a connection was not even tried, as an error.
pub(crate) fn connect_errno(error: ConnectError) -> Errno {
    match error {
        ConnectError::NoRoute => Errno::ENETUNREACH,
        ConnectError::BadDestination => Errno::EINVAL,
        ConnectError::AddressNotAvailable | ConnectError::PortsExhausted => Errno::EADDRNOTAVAIL,
        ConnectError::AddressInUse => Errno::EADDRINUSE,
        ConnectError::TooManySockets => Errno::ENOBUFS,
    }
}
