//! ICMP for IPv6 (RFC 4443).

use crate::checksum;
use crate::error::{Layer, ParseError, Problem};
use crate::icmpv4::TimeExceeded;
use crate::ip::IpHeader;
use crate::ndp;
use crate::protocol::Protocol;
use crate::quote::Quote;
use crate::verify::Verify;

/// The length of the part that all messages have, bytes: type, code, checksum.
pub const HEADER_LEN: usize = 4;

const DESTINATION_UNREACHABLE: u8 = 1;
const PACKET_TOO_BIG: u8 = 2;
const TIME_EXCEEDED: u8 = 3;
const PARAMETER_PROBLEM: u8 = 4;
const ECHO_REQUEST: u8 = 128;
const ECHO_REPLY: u8 = 129;

/// Why a destination could not be reached (RFC 4443 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unreachable {
    /// Code 0: there is no route to the destination.
    NoRoute,
    /// Code 1: a filter prohibits communication.
    AdministrativelyProhibited,
    /// Code 2: the destination is beyond the scope of the source address.
    BeyondScope,
    /// Code 3: the address is unreachable for any other reason, such as a neighbour that does not
    /// answer.
    Address,
    /// Code 4: the port is closed.
    Port,
    /// Code 5: the source address failed a filter.
    SourcePolicy,
    /// Code 6: the route rejects the packet.
    RejectRoute,
    /// A code without a name.
    Unassigned(u8),
}

impl Unreachable {
    /// The number of the code.
    pub const fn code(self) -> u8 {
        match self {
            Unreachable::NoRoute => 0,
            Unreachable::AdministrativelyProhibited => 1,
            Unreachable::BeyondScope => 2,
            Unreachable::Address => 3,
            Unreachable::Port => 4,
            Unreachable::SourcePolicy => 5,
            Unreachable::RejectRoute => 6,
            Unreachable::Unassigned(code) => code,
        }
    }

    /// The reason with this code.
    pub const fn from_code(code: u8) -> Unreachable {
        match code {
            0 => Unreachable::NoRoute,
            1 => Unreachable::AdministrativelyProhibited,
            2 => Unreachable::BeyondScope,
            3 => Unreachable::Address,
            4 => Unreachable::Port,
            5 => Unreachable::SourcePolicy,
            6 => Unreachable::RejectRoute,
            other => Unreachable::Unassigned(other),
        }
    }
}

/// The kind of problem in a packet (RFC 4443 §3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterProblem {
    /// Code 0: a field has an erroneous value.
    ErroneousField,
    /// Code 1: a next header is not recognised.
    UnrecognizedNextHeader,
    /// Code 2: an option is not recognised.
    UnrecognizedOption,
    /// A code without a name.
    Unassigned(u8),
}

impl ParameterProblem {
    /// The number of the code.
    pub const fn code(self) -> u8 {
        match self {
            ParameterProblem::ErroneousField => 0,
            ParameterProblem::UnrecognizedNextHeader => 1,
            ParameterProblem::UnrecognizedOption => 2,
            ParameterProblem::Unassigned(code) => code,
        }
    }

    /// The kind of problem with this code.
    pub const fn from_code(code: u8) -> ParameterProblem {
        match code {
            0 => ParameterProblem::ErroneousField,
            1 => ParameterProblem::UnrecognizedNextHeader,
            2 => ParameterProblem::UnrecognizedOption,
            other => ParameterProblem::Unassigned(other),
        }
    }
}

/// An `ICMPv6` message. Errors quote the packet that caused them: see [`Message::quote`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Type 128: an echo request.
    EchoRequest {
        /// The identifier of the requester.
        identifier: u16,
        /// The sequence number of the request.
        sequence: u16,
        /// The data to send back.
        data: &'a [u8],
    },
    /// Type 129: an echo reply.
    EchoReply {
        /// The identifier of the requester.
        identifier: u16,
        /// The sequence number of the request.
        sequence: u16,
        /// The data of the request.
        data: &'a [u8],
    },
    /// Type 1: the destination is unreachable.
    DestinationUnreachable {
        /// The reason.
        code: Unreachable,
        /// The packet that the message is about, from its IP header on.
        packet: &'a [u8],
    },
    /// Type 2: the packet is too big for the next link.
    PacketTooBig {
        /// The MTU of the next link, bytes.
        mtu: u32,
        /// The packet that the message is about, from its IP header on.
        packet: &'a [u8],
    },
    /// Type 3: time exceeded.
    TimeExceeded {
        /// The reason.
        code: TimeExceeded,
        /// The packet that the message is about, from its IP header on.
        packet: &'a [u8],
    },
    /// Type 4: a parameter problem.
    ParameterProblem {
        /// The kind of problem.
        code: ParameterProblem,
        /// The offset of the erroneous byte in the packet.
        pointer: u32,
        /// The packet that the message is about, from its IP header on.
        packet: &'a [u8],
    },
    /// Types 133 to 137: a message of neighbour discovery.
    Ndp(ndp::Message<'a>),
    /// A message of any other type, as it came.
    Other {
        /// The type of the message.
        kind: u8,
        /// The code of the message.
        code: u8,
        /// The bytes after the checksum.
        data: &'a [u8],
    },
}

impl<'a> Message<'a> {
    /// Parses a message that came under the header `ip`.
    ///
    /// # Errors
    /// The message is too short, its checksum is wrong, or a message or option of neighbour
    /// discovery is malformed.
    pub fn parse(
        bytes: &'a [u8],
        ip: &IpHeader,
        verify: Verify,
    ) -> Result<Message<'a>, ParseError> {
        let Some((&[kind, code, c0, c1], body)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Err(ParseError::truncated(Layer::Icmpv6, HEADER_LEN, bytes.len()));
        };
        if verify == Verify::Full {
            let sum = ip.pseudo_header(Protocol::ICMPV6, bytes.len()) + checksum::sum(bytes);
            if !sum.verifies() {
                let problem = Problem::Checksum(u16::from_be_bytes([c0, c1]));
                return Err(ParseError::new(Layer::Icmpv6, problem, 2));
            }
        }
        if code == 0
            && let Some(message) = ndp::Message::parse(kind, body)
        {
            return message.map(Message::Ndp);
        }
        let other = Message::Other { kind, code, data: body };
        if !matches!(kind, 1..=4 | ECHO_REQUEST | ECHO_REPLY) {
            return Ok(other);
        }
        let Some((&[r0, r1, r2, r3], data)) = body.split_first_chunk::<4>() else {
            return Err(ParseError::truncated(Layer::Icmpv6, 8, bytes.len()));
        };
        let word = u32::from_be_bytes([r0, r1, r2, r3]);
        let (identifier, sequence) = ((word >> 16) as u16, word as u16);
        // The first byte counts the 64-bit words of the quote if extensions follow it (RFC 4884
        // §4).
        let packet = match usize::from(r0) * 8 {
            0 => data,
            length => data.get(..length).unwrap_or(data),
        };
        Ok(match kind {
            DESTINATION_UNREACHABLE => {
                Message::DestinationUnreachable { code: Unreachable::from_code(code), packet }
            }
            PACKET_TOO_BIG => Message::PacketTooBig { mtu: word, packet: data },
            TIME_EXCEEDED => Message::TimeExceeded { code: TimeExceeded::from_code(code), packet },
            PARAMETER_PROBLEM => Message::ParameterProblem {
                code: ParameterProblem::from_code(code),
                pointer: word,
                packet: data,
            },
            ECHO_REQUEST if code == 0 => Message::EchoRequest { identifier, sequence, data },
            ECHO_REPLY if code == 0 => Message::EchoReply { identifier, sequence, data },
            _ => other,
        })
    }

    /// The type of the message.
    pub const fn kind(&self) -> u8 {
        match self {
            Message::EchoRequest { .. } => ECHO_REQUEST,
            Message::EchoReply { .. } => ECHO_REPLY,
            Message::DestinationUnreachable { .. } => DESTINATION_UNREACHABLE,
            Message::PacketTooBig { .. } => PACKET_TOO_BIG,
            Message::TimeExceeded { .. } => TIME_EXCEEDED,
            Message::ParameterProblem { .. } => PARAMETER_PROBLEM,
            Message::Ndp(message) => message.kind(),
            Message::Other { kind, .. } => *kind,
        }
    }

    /// Whether the message reports an error or redirects, about which no error may be sent (RFC
    /// 4443 §2.1, §2.4(e)).
    pub const fn is_error(&self) -> bool {
        self.kind() < 128 || self.kind() == ndp::REDIRECT
    }

    /// The quoted packet, if the message is an error.
    pub fn quote(&self) -> Option<Quote> {
        match self {
            Message::DestinationUnreachable { packet, .. }
            | Message::PacketTooBig { packet, .. }
            | Message::TimeExceeded { packet, .. }
            | Message::ParameterProblem { packet, .. } => Quote::parse(packet),
            Message::EchoRequest { .. }
            | Message::EchoReply { .. }
            | Message::Ndp(_)
            | Message::Other { .. } => None,
        }
    }

    /// The length of the message, bytes.
    pub fn length(&self) -> usize {
        match self {
            Message::EchoRequest { data, .. } | Message::EchoReply { data, .. } => 8 + data.len(),
            Message::DestinationUnreachable { packet, .. }
            | Message::PacketTooBig { packet, .. }
            | Message::TimeExceeded { packet, .. }
            | Message::ParameterProblem { packet, .. } => 8 + packet.len(),
            Message::Ndp(message) => message.length(),
            Message::Other { data, .. } => HEADER_LEN + data.len(),
        }
    }

    /// Appends the message with its checksum, to be sent under the header `ip`.
    pub fn emit(&self, ip: &IpHeader, out: &mut Vec<u8>) {
        let start = out.len();
        let mut write = |code: u8, word: u32, data: &[u8]| {
            out.extend_from_slice(&[self.kind(), code, 0, 0]);
            out.extend_from_slice(&word.to_be_bytes());
            out.extend_from_slice(data);
        };
        match *self {
            Message::EchoRequest { identifier, sequence, data }
            | Message::EchoReply { identifier, sequence, data } => {
                write(0, u32::from(identifier) << 16 | u32::from(sequence), data);
            }
            Message::DestinationUnreachable { code, packet } => write(code.code(), 0, packet),
            Message::PacketTooBig { mtu, packet } => write(0, mtu, packet),
            Message::TimeExceeded { code, packet } => write(code.code(), 0, packet),
            Message::ParameterProblem { code, pointer, packet } => {
                write(code.code(), pointer, packet);
            }
            Message::Ndp(message) => {
                out.extend_from_slice(&[message.kind(), 0, 0, 0]);
                message.emit(out);
            }
            Message::Other { kind, code, data } => {
                out.extend_from_slice(&[kind, code, 0, 0]);
                out.extend_from_slice(data);
            }
        }
        let message = &out[start..];
        let sum = ip.pseudo_header(Protocol::ICMPV6, message.len()) + checksum::sum(message);
        out[start + 2..start + 4].copy_from_slice(&sum.checksum().to_be_bytes());
    }
}
