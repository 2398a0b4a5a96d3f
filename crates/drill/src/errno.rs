//! Errors of the host as error numbers of system calls.

use roundtrip_host::{BindError, ConnectError, ConnectFailure, IcmpReason, Unreachable};
use roundtrip_packet::{icmpv4, icmpv6};

use crate::symbols::Errno;

/// The error number for a failed connection attempt.
pub(crate) fn failure_errno(failure: ConnectFailure) -> Errno {
    match failure {
        ConnectFailure::Refused => Errno::ECONNREFUSED,
        ConnectFailure::TimedOut => Errno::ETIMEDOUT,
        ConnectFailure::Cancelled => Errno::ECONNABORTED,
        ConnectFailure::Unreachable(why) => unreachable_errno(why),
    }
}

/// The error number for an ICMP error or a failed neighbour resolution.
pub(crate) fn unreachable_errno(why: Unreachable) -> Errno {
    match why {
        Unreachable::Icmp { why: IcmpReason::Unreachable4(code), .. } => errno_v4(code),
        Unreachable::Icmp { why: IcmpReason::Unreachable6(code), .. } => errno_v6(code),
        Unreachable::Icmp { why: IcmpReason::ParameterProblem, .. } => Errno::EPROTO,
        Unreachable::Icmp { why: IcmpReason::TimeExceeded(_), .. }
        | Unreachable::NoNeighbour { .. } => Errno::EHOSTUNREACH,
        Unreachable::TooBig { .. } => Errno::EMSGSIZE,
    }
}

/// The error number for an ICMPv4 code (`icmp_err_convert` of `net/ipv4/icmp.c`).
fn errno_v4(code: icmpv4::Unreachable) -> Errno {
    use icmpv4::Unreachable as U;
    match code {
        U::Net | U::NetUnknown | U::NetProhibited | U::NetForService => Errno::ENETUNREACH,
        U::Protocol => Errno::ENOPROTOOPT,
        U::Port => Errno::ECONNREFUSED,
        U::FragmentationNeeded { .. } => Errno::EMSGSIZE,
        U::SourceRouteFailed => Errno::EOPNOTSUPP,
        U::HostUnknown => Errno::EHOSTDOWN,
        U::SourceHostIsolated => Errno::ENONET,
        U::Host
        | U::HostProhibited
        | U::HostForService
        | U::AdministrativelyProhibited
        | U::HostPrecedenceViolation
        | U::PrecedenceCutoff
        | U::Unassigned(_) => Errno::EHOSTUNREACH,
    }
}

/// The error number for an ICMPv6 code (`tab_unreach` of `net/ipv6/icmp.c`).
fn errno_v6(code: icmpv6::Unreachable) -> Errno {
    use icmpv6::Unreachable as U;
    match code {
        U::NoRoute => Errno::ENETUNREACH,
        U::AdministrativelyProhibited | U::SourcePolicy | U::RejectRoute => Errno::EACCES,
        U::Port => Errno::ECONNREFUSED,
        U::BeyondScope | U::Address | U::Unassigned(_) => Errno::EHOSTUNREACH,
    }
}

/// The error number for a failed bind.
pub(crate) fn bind_errno(error: BindError) -> Errno {
    match error {
        BindError::AddressInUse | BindError::PortsExhausted => Errno::EADDRINUSE,
        BindError::AddressNotAvailable => Errno::EADDRNOTAVAIL,
        BindError::TooManySockets => Errno::ENOBUFS,
    }
}

/// The error number for a connection that could not be attempted.
pub(crate) fn connect_errno(error: ConnectError) -> Errno {
    match error {
        ConnectError::NoRoute => Errno::ENETUNREACH,
        ConnectError::BadDestination => Errno::EINVAL,
        ConnectError::AddressNotAvailable
        | ConnectError::AddressInUse
        | ConnectError::PortsExhausted => Errno::EADDRNOTAVAIL,
        ConnectError::TooManySockets => Errno::ENOBUFS,
    }
}
