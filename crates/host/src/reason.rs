//! The reasons that ICMP errors give.

use std::fmt;

use roundtrip_packet::icmpv4::{self, TimeExceeded};
use roundtrip_packet::icmpv6;

/// The reason that a received ICMP error gives. It is displayed in the words of RFC 792, 1122 and
/// 4443: `host unreachable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IcmpReason {
    /// Destination Unreachable, over IPv4 (RFC 792, RFC 1122 §3.2.2.1).
    Unreachable4(icmpv4::Unreachable),
    /// Destination Unreachable, over IPv6 (RFC 4443 §3.1).
    Unreachable6(icmpv6::Unreachable),
    /// Time Exceeded, over either version of IP.
    TimeExceeded(TimeExceeded),
    /// Parameter Problem, over either version of IP.
    ParameterProblem,
}

impl IcmpReason {
    /// Whether the port is closed, which a socket reports as a refused connection.
    pub const fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::Unreachable4(icmpv4::Unreachable::Port)
                | Self::Unreachable6(icmpv6::Unreachable::Port)
        )
    }

    /// Whether the error may be temporary, so that a connection is not given up for it
    /// (`icmp_err_convert` of `net/ipv4/icmp.c`, `tab_unreach` of `net/ipv6/icmp.c`).
    pub const fn may_pass(self) -> bool {
        use icmpv4::Unreachable as V4;
        use icmpv6::Unreachable as V6;
        match self {
            Self::Unreachable4(code) => matches!(
                code,
                V4::Net
                    | V4::Host
                    | V4::FragmentationNeeded { .. }
                    | V4::SourceRouteFailed
                    | V4::NetForService
                    | V4::HostForService
                    | V4::Unassigned(_)
            ),
            Self::Unreachable6(code) => {
                matches!(code, V6::NoRoute | V6::BeyondScope | V6::Address | V6::Unassigned(_))
            }
            Self::TimeExceeded(_) => true,
            Self::ParameterProblem => false,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Unreachable4(code) => words_v4(code),
            Self::Unreachable6(code) => words_v6(code),
            Self::TimeExceeded(TimeExceeded::Reassembly) => "fragment reassembly time exceeded",
            Self::TimeExceeded(_) => "time exceeded in transit",
            Self::ParameterProblem => "parameter problem",
        }
    }
}

const fn words_v4(code: icmpv4::Unreachable) -> &'static str {
    use icmpv4::Unreachable as U;
    match code {
        U::Net => "network unreachable",
        U::Host => "host unreachable",
        U::Protocol => "protocol unreachable",
        U::Port => "port unreachable",
        U::FragmentationNeeded { .. } => "fragmentation needed",
        U::SourceRouteFailed => "source route failed",
        U::NetUnknown => "network unknown",
        U::HostUnknown => "host unknown",
        U::SourceHostIsolated => "source host isolated",
        U::NetProhibited => "network administratively prohibited",
        U::HostProhibited => "host administratively prohibited",
        U::NetForService => "network unreachable for type of service",
        U::HostForService => "host unreachable for type of service",
        U::AdministrativelyProhibited => "communication administratively prohibited",
        U::HostPrecedenceViolation => "host precedence violation",
        U::PrecedenceCutoff => "precedence cutoff in effect",
        U::Unassigned(_) => "destination unreachable",
    }
}

const fn words_v6(code: icmpv6::Unreachable) -> &'static str {
    use icmpv6::Unreachable as U;
    match code {
        U::NoRoute => "no route to destination",
        U::AdministrativelyProhibited => "communication administratively prohibited",
        U::BeyondScope => "beyond scope of source address",
        U::Address => "address unreachable",
        U::Port => "port unreachable",
        U::SourcePolicy => "source address failed policy",
        U::RejectRoute => "reject route to destination",
        U::Unassigned(_) => "destination unreachable",
    }
}

impl fmt::Display for IcmpReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
