//! ICMP for IPv4 (RFC 792, RFC 1122 §3.2.2).

use std::net::Ipv4Addr;

use crate::checksum;
use crate::error::{Layer, ParseError, Problem};
use crate::quote::Quote;
use crate::verify::Verify;

/// Bytes of the part that all messages have.
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
    /// 0.
    Net,
    /// 1.
    Host,
    /// 2: the host does not speak this protocol.
    Protocol,
    /// 3: nobody listens.
    Port,
    /// 4: too long for the next link, and DF is set.
    FragmentationNeeded {
        /// What the next link carries (RFC 1191 §4); 0 from routers that do not say.
        next_hop_mtu: u16,
    },
    /// 5.
    SourceRouteFailed,
    /// 6.
    NetUnknown,
    /// 7.
    HostUnknown,
    /// 8.
    SourceHostIsolated,
    /// 9: communication with the network is administratively prohibited.
    NetProhibited,
    /// 10: communication with the host is administratively prohibited.
    HostProhibited,
    /// 11: for this type of service.
    NetForService,
    /// 12: for this type of service.
    HostForService,
    /// 13: a filter (RFC 1812 §5.2.7.1).
    AdministrativelyProhibited,
    /// 14.
    HostPrecedenceViolation,
    /// 15.
    PrecedenceCutoff,
    /// A code without a name.
    Unassigned(u8),
}

impl Unreachable {
    /// The code.
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

    /// From the code, and the second half of the header's second word (the next-hop MTU).
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

/// What ran out (RFC 792; the same two codes in `ICMPv6`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeExceeded {
    /// 0: the hop limit, on the way.
    InTransit,
    /// 1: the time for the missing fragments.
    Reassembly,
    /// A code without a name.
    Unassigned(u8),
}

impl TimeExceeded {
    /// The code.
    pub const fn code(self) -> u8 {
        match self {
            TimeExceeded::InTransit => 0,
            TimeExceeded::Reassembly => 1,
            TimeExceeded::Unassigned(code) => code,
        }
    }

    /// From the code.
    pub const fn from_code(code: u8) -> TimeExceeded {
        match code {
            0 => TimeExceeded::InTransit,
            1 => TimeExceeded::Reassembly,
            other => TimeExceeded::Unassigned(other),
        }
    }
}

/// A message. Errors quote the packet that caused them: see [`Message::quote`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Type 8: send this back.
    EchoRequest {
        /// Whose request.
        identifier: u16,
        /// Which one.
        sequence: u16,
        /// What to send back.
        data: &'a [u8],
    },
    /// Type 0: here it is back.
    EchoReply {
        /// Whose request it was.
        identifier: u16,
        /// Which one.
        sequence: u16,
        /// What came.
        data: &'a [u8],
    },
    /// Type 3.
    DestinationUnreachable {
        /// Why.
        code: Unreachable,
        /// The packet, from its IP header on.
        packet: &'a [u8],
    },
    /// Type 5: there is a better first hop.
    Redirect {
        /// For the network (0), the host (1), either with its type of service (2, 3).
        code: u8,
        /// The better hop.
        gateway: Ipv4Addr,
        /// The packet, from its IP header on.
        packet: &'a [u8],
    },
    /// Type 11.
    TimeExceeded {
        /// What ran out.
        code: TimeExceeded,
        /// The packet, from its IP header on.
        packet: &'a [u8],
    },
    /// Type 12.
    ParameterProblem {
        /// 0: the pointer says where; 1: an option is missing; 2: a bad length.
        code: u8,
        /// The byte of the packet that is wrong.
        pointer: u8,
        /// The packet, from its IP header on.
        packet: &'a [u8],
    },
    /// Any other type, as it came.
    Other {
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
        /// The second word of the header.
        rest: [u8; 4],
        /// What follows the header.
        data: &'a [u8],
    },
}

impl<'a> Message<'a> {
    /// Reads a message.
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
        // RFC 4884 §4: the second byte counts the quote's words where extensions follow it.
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

    /// The message's type.
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

    /// Whether it reports an error: about such a message no other may be sent (RFC 1122 §3.2.2).
    pub const fn is_error(&self) -> bool {
        // 4 is Source Quench, deprecated by RFC 6633.
        matches!(self.kind(), 3 | 4 | 5 | 11 | 12)
    }

    /// The packet an error is about.
    pub fn quote(&self) -> Option<Quote> {
        match self {
            Message::DestinationUnreachable { packet, .. }
            | Message::Redirect { packet, .. }
            | Message::TimeExceeded { packet, .. }
            | Message::ParameterProblem { packet, .. } => Quote::parse(packet),
            Message::EchoRequest { .. } | Message::EchoReply { .. } | Message::Other { .. } => None,
        }
    }

    /// Bytes of the message.
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
