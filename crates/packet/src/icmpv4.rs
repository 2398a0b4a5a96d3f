//! ICMP for IPv4 (RFC 792, RFC 1122 §3.2.2).

use std::net::Ipv4Addr;

use crate::checksum;
use crate::error::{Layer, ParseError, Problem};
use crate::quote::Quote;
use crate::verify::Verify;

/// The length of the header that all messages have, bytes.
pub const HEADER_LEN: usize = 8;

const ECHO_REPLY: u8 = 0;
const DESTINATION_UNREACHABLE: u8 = 3;
const REDIRECT: u8 = 5;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;

/// Why a destination could not be reached (IANA "ICMP Type 3 Codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unreachable {
    /// Code 0: the network is unreachable.
    Net,
    /// Code 1: the host is unreachable.
    Host,
    /// Code 2: the host does not support this protocol.
    Protocol,
    /// Code 3: the port is closed.
    Port,
    /// Code 4: the packet is too long for the next link, and DF is set.
    FragmentationNeeded {
        /// The MTU of the next link, bytes (RFC 1191 §4); 0 from routers that do not report it.
        next_hop_mtu: u16,
    },
    /// Code 5: the source route failed.
    SourceRouteFailed,
    /// Code 6: the destination network is unknown.
    NetUnknown,
    /// Code 7: the destination host is unknown.
    HostUnknown,
    /// Code 8: the source host is isolated.
    SourceHostIsolated,
    /// Code 9: communication with the network is administratively prohibited.
    NetProhibited,
    /// Code 10: communication with the host is administratively prohibited.
    HostProhibited,
    /// Code 11: the network is unreachable for this type of service.
    NetForService,
    /// Code 12: the host is unreachable for this type of service.
    HostForService,
    /// Code 13: a filter prohibits communication (RFC 1812 §5.2.7.1).
    AdministrativelyProhibited,
    /// Code 14: the host violated the precedence rules.
    HostPrecedenceViolation,
    /// Code 15: the precedence is below the cutoff.
    PrecedenceCutoff,
    /// A code without a name.
    Unassigned(u8),
}

impl Unreachable {
    /// The number of the code.
    pub const fn code(self) -> u8 {
        match self {
            Unreachable::Net => 0,
            Unreachable::Host => 1,
            Unreachable::Protocol => 2,
            Unreachable::Port => 3,
            Unreachable::FragmentationNeeded { .. } => 4,
            Unreachable::SourceRouteFailed => 5,
            Unreachable::NetUnknown => 6,
            Unreachable::HostUnknown => 7,
            Unreachable::SourceHostIsolated => 8,
            Unreachable::NetProhibited => 9,
            Unreachable::HostProhibited => 10,
            Unreachable::NetForService => 11,
            Unreachable::HostForService => 12,
            Unreachable::AdministrativelyProhibited => 13,
            Unreachable::HostPrecedenceViolation => 14,
            Unreachable::PrecedenceCutoff => 15,
            Unreachable::Unassigned(code) => code,
        }
    }

    /// The reason with this code; `next_hop_mtu` is the second half of the header's second word.
    pub const fn from_code(code: u8, next_hop_mtu: u16) -> Unreachable {
        match code {
            0 => Unreachable::Net,
            1 => Unreachable::Host,
            2 => Unreachable::Protocol,
            3 => Unreachable::Port,
            4 => Unreachable::FragmentationNeeded { next_hop_mtu },
            5 => Unreachable::SourceRouteFailed,
            6 => Unreachable::NetUnknown,
            7 => Unreachable::HostUnknown,
            8 => Unreachable::SourceHostIsolated,
            9 => Unreachable::NetProhibited,
            10 => Unreachable::HostProhibited,
            11 => Unreachable::NetForService,
            12 => Unreachable::HostForService,
            13 => Unreachable::AdministrativelyProhibited,
            14 => Unreachable::HostPrecedenceViolation,
            15 => Unreachable::PrecedenceCutoff,
            other => Unreachable::Unassigned(other),
        }
    }
}

/// Why time was exceeded (RFC 792; `ICMPv6` has the same two codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeExceeded {
    /// Code 0: the hop limit was exceeded in transit.
    InTransit,
    /// Code 1: the time for reassembly was exceeded.
    Reassembly,
    /// A code without a name.
    Unassigned(u8),
}

impl TimeExceeded {
    /// The number of the code.
    pub const fn code(self) -> u8 {
        match self {
            TimeExceeded::InTransit => 0,
            TimeExceeded::Reassembly => 1,
            TimeExceeded::Unassigned(code) => code,
        }
    }

    /// The reason with this code.
    pub const fn from_code(code: u8) -> TimeExceeded {
        match code {
            0 => TimeExceeded::InTransit,
            1 => TimeExceeded::Reassembly,
            other => TimeExceeded::Unassigned(other),
        }
    }
}

/// An ICMP message. Errors quote the packet that caused them: see [`Message::quote`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Type 8: an echo request.
    EchoRequest {
        /// The identifier of the requester.
        identifier: u16,
        /// The sequence number of the request.
        sequence: u16,
        /// The data to send back.
        data: &'a [u8],
    },
    /// Type 0: an echo reply.
    EchoReply {
        /// The identifier of the requester.
        identifier: u16,
        /// The sequence number of the request.
        sequence: u16,
        /// The data of the request.
        data: &'a [u8],
    },
    /// Type 3: the destination is unreachable.
    DestinationUnreachable {
        /// The reason.
        code: Unreachable,
        /// The packet that the message is about, from its IP header on.
        packet: &'a [u8],
    },
    /// Type 5: a redirect to a better first hop.
    Redirect {
        /// Whether the redirect is for the network (0), the host (1), or either with its type of
        /// service (2, 3).
        code: u8,
        /// The address of the better hop.
        gateway: Ipv4Addr,
        /// The packet that the message is about, from its IP header on.
        packet: &'a [u8],
    },
    /// Type 11: time exceeded.
    TimeExceeded {
        /// The reason.
        code: TimeExceeded,
        /// The packet that the message is about, from its IP header on.
        packet: &'a [u8],
    },
    /// Type 12: a parameter problem.
    ParameterProblem {
        /// The code: 0 if the pointer gives the place, 1 if an option is missing, 2 for a bad
        /// length.
        code: u8,
        /// The offset of the erroneous byte in the packet.
        pointer: u8,
        /// The packet that the message is about, from its IP header on.
        packet: &'a [u8],
    },
    /// A message of any other type, as it came.
    Other {
        /// The type of the message.
        kind: u8,
        /// The code of the message.
        code: u8,
        /// The second word of the header.
        rest: [u8; 4],
        /// The bytes after the header.
        data: &'a [u8],
    },
}

impl<'a> Message<'a> {
    /// Parses a message.
    ///
    /// # Errors
    /// The message is too short, or its checksum is wrong.
    pub fn parse(bytes: &'a [u8], verify: Verify) -> Result<Message<'a>, ParseError> {
        let Some((fixed, data)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Err(ParseError::truncated(Layer::Icmpv4, HEADER_LEN, bytes.len()));
        };
        let [kind, code, c0, c1, r0, r1, r2, r3] = *fixed;
        if verify == Verify::Full && !checksum::sum(bytes).verifies() {
            let problem = Problem::Checksum(u16::from_be_bytes([c0, c1]));
            return Err(ParseError::new(Layer::Icmpv4, problem, 2));
        }
        let (identifier, sequence) = (u16::from_be_bytes([r0, r1]), u16::from_be_bytes([r2, r3]));
        // The second byte counts the words of the quote if extensions follow it (RFC 4884 §4).
        let packet = match usize::from(r1) * 4 {
            0 => data,
            length => data.get(..length).unwrap_or(data),
        };
        Ok(match kind {
            ECHO_REQUEST if code == 0 => Message::EchoRequest { identifier, sequence, data },
            ECHO_REPLY if code == 0 => Message::EchoReply { identifier, sequence, data },
            DESTINATION_UNREACHABLE => Message::DestinationUnreachable {
                code: Unreachable::from_code(code, sequence),
                packet,
            },
            REDIRECT => {
                Message::Redirect { code, gateway: Ipv4Addr::new(r0, r1, r2, r3), packet: data }
            }
            TIME_EXCEEDED => Message::TimeExceeded { code: TimeExceeded::from_code(code), packet },
            PARAMETER_PROBLEM => Message::ParameterProblem { code, pointer: r0, packet },
            _ => Message::Other { kind, code, rest: [r0, r1, r2, r3], data },
        })
    }

    /// The type of the message.
    pub const fn kind(&self) -> u8 {
        match self {
            Message::EchoRequest { .. } => ECHO_REQUEST,
            Message::EchoReply { .. } => ECHO_REPLY,
            Message::DestinationUnreachable { .. } => DESTINATION_UNREACHABLE,
            Message::Redirect { .. } => REDIRECT,
            Message::TimeExceeded { .. } => TIME_EXCEEDED,
            Message::ParameterProblem { .. } => PARAMETER_PROBLEM,
            Message::Other { kind, .. } => *kind,
        }
    }

    /// Whether the message reports an error, about which no other error may be sent (RFC 1122
    /// §3.2.2).
    pub const fn is_error(&self) -> bool {
        // Type 4 is Source Quench, deprecated by RFC 6633.
        matches!(self.kind(), 3 | 4 | 5 | 11 | 12)
    }

    /// The quoted packet, if the message is an error.
    pub fn quote(&self) -> Option<Quote> {
        match self {
            Message::DestinationUnreachable { packet, .. }
            | Message::Redirect { packet, .. }
            | Message::TimeExceeded { packet, .. }
            | Message::ParameterProblem { packet, .. } => Quote::parse(packet),
            Message::EchoRequest { .. } | Message::EchoReply { .. } | Message::Other { .. } => None,
        }
    }

    /// The length of the message, bytes.
    pub const fn length(&self) -> usize {
        HEADER_LEN + self.body().len()
    }

    const fn body(&self) -> &'a [u8] {
        match self {
            Message::EchoRequest { data, .. }
            | Message::EchoReply { data, .. }
            | Message::Other { data, .. } => data,
            Message::DestinationUnreachable { packet, .. }
            | Message::Redirect { packet, .. }
            | Message::TimeExceeded { packet, .. }
            | Message::ParameterProblem { packet, .. } => packet,
        }
    }

    /// Appends the message with its checksum.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let pair = |high: u16, low: u16| (u32::from(high) << 16 | u32::from(low)).to_be_bytes();
        let (code, rest) = match *self {
            Message::EchoRequest { identifier, sequence, .. }
            | Message::EchoReply { identifier, sequence, .. } => (0, pair(identifier, sequence)),
            Message::DestinationUnreachable { code, .. } => match code {
                Unreachable::FragmentationNeeded { next_hop_mtu } => (4, pair(0, next_hop_mtu)),
                _ => (code.code(), [0; 4]),
            },
            Message::Redirect { code, gateway, .. } => (code, gateway.octets()),
            Message::TimeExceeded { code, .. } => (code.code(), [0; 4]),
            Message::ParameterProblem { code, pointer, .. } => (code, [pointer, 0, 0, 0]),
            Message::Other { code, rest, .. } => (code, rest),
        };
        let [r0, r1, r2, r3] = rest;
        let fixed = [self.kind(), code, 0, 0, r0, r1, r2, r3];
        let start = out.len();
        out.extend_from_slice(&fixed);
        let sum = checksum::sum(&fixed) + checksum::append(out, self.body());
        out[start + 2..start + 4].copy_from_slice(&sum.checksum().to_be_bytes());
    }
}
