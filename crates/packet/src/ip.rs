//! What both versions of IP share.

use std::fmt;
use std::net::IpAddr;

use crate::checksum::{self, Sum};
use crate::error::{EmitError, Layer, ParseError, Problem};
use crate::ethernet::EtherType;
use crate::{Verify, ipv4, ipv6};

/// An Internet protocol number (IANA "Protocol Numbers"); IPv6 calls it next header.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

impl Protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: Protocol = Protocol(0);
    /// ICMP for IPv4.
    pub const ICMPV4: Protocol = Protocol(1);
    /// TCP.
    pub const TCP: Protocol = Protocol(6);
    /// UDP.
    pub const UDP: Protocol = Protocol(17);
    /// IPv6 routing header.
    pub const ROUTING: Protocol = Protocol(43);
    /// IPv6 fragment header.
    pub const FRAGMENT: Protocol = Protocol(44);
    /// ICMP for IPv6.
    pub const ICMPV6: Protocol = Protocol(58);
    /// Nothing follows (RFC 8200 §4.7).
    pub const NO_NEXT_HEADER: Protocol = Protocol(59);
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: Protocol = Protocol(60);
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Protocol::ICMPV4 => f.write_str("icmp"),
            Protocol::TCP => f.write_str("tcp"),
            Protocol::UDP => f.write_str("udp"),
            Protocol::ICMPV6 => f.write_str("icmp6"),
            Protocol(number) => write!(f, "ip-proto-{number}"),
        }
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The two bits of explicit congestion notification (RFC 3168 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Ecn {
    /// The sender does not use ECN for this packet.
    #[default]
    NotEct = 0b00,
    /// ECN-capable, codepoint 01 (L4S, RFC 9331).
    Ect1 = 0b01,
    /// ECN-capable, codepoint 10: what RFC 3168 senders use.
    Ect0 = 0b10,
    /// Congestion experienced: a router would have dropped it.
    Ce = 0b11,
}

impl Ecn {
    /// From the low two bits of the TOS or traffic class byte.
    #[inline]
    pub const fn from_bits(bits: u8) -> Ecn {
        match bits & 0b11 {
            0b00 => Ecn::NotEct,
            0b01 => Ecn::Ect1,
            0b10 => Ecn::Ect0,
            _ => Ecn::Ce,
        }
    }

    /// Whether a router may mark the packet instead of dropping it.
    pub const fn is_capable(self) -> bool {
        !matches!(self, Ecn::NotEct)
    }
}

/// The header of an IP packet of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpHeader {
    /// RFC 791.
    V4(ipv4::Header),
    /// RFC 8200.
    V6(ipv6::Header),
}

impl IpHeader {
    /// A header from `source` to `destination` with the defaults of [`ipv4::Header::new`] or
    /// [`ipv6::Header::new`]; `None` if the addresses are not of one family.
    #[inline]
    pub fn new(source: IpAddr, destination: IpAddr, protocol: Protocol) -> Option<IpHeader> {
        match (source, destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                Some(IpHeader::V4(ipv4::Header::new(from, to, protocol)))
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                Some(IpHeader::V6(ipv6::Header::new(from, to, protocol)))
            }
            _ => None,
        }
    }

    /// Reads the header of a packet by its version, and gives its payload, trimmed to the length
    /// the header states. IPv6 extension headers are part of the payload.
    #[inline]
    pub fn parse(packet: &[u8], verify: Verify) -> Result<(IpHeader, &[u8]), ParseError> {
        match packet.first().map(|byte| byte >> 4) {
            Some(6) => ipv6::Header::parse(packet, verify).map(|(h, p)| (IpHeader::V6(h), p)),
            Some(4) => ipv4::Header::parse(packet, verify).map(|(h, p)| (IpHeader::V4(h), p)),
            Some(version) => Err(ParseError::new(Layer::Ipv4, Problem::Version(version), 0)),
            None => Err(ParseError::truncated(Layer::Ipv4, ipv4::HEADER_LEN, 0)),
        }
    }

    /// Appends the header of a packet that carries `payload_length` bytes.
    #[inline]
    pub fn emit(&self, payload_length: usize, out: &mut Vec<u8>) -> Result<(), EmitError> {
        self.emit_for(self.protocol(), payload_length, out)
    }

    /// The same for another protocol.
    #[inline(always)]
    pub(crate) fn emit_for(
        &self,
        protocol: Protocol,
        payload_length: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EmitError> {
        match self {
            IpHeader::V4(header) => header.emit_for(protocol, payload_length, out),
            IpHeader::V6(header) => header.emit_for(protocol, payload_length, out),
        }
    }

    /// Bytes of the header, IPv4 options included, IPv6 extensions not.
    #[inline]
    pub fn length(&self) -> usize {
        match self {
            IpHeader::V4(header) => header.length(),
            IpHeader::V6(_) => ipv6::HEADER_LEN,
        }
    }

    /// Who sent it.
    #[inline]
    pub const fn source(&self) -> IpAddr {
        match self {
            IpHeader::V4(header) => IpAddr::V4(header.source),
            IpHeader::V6(header) => IpAddr::V6(header.source),
        }
    }

    /// To whom.
    #[inline]
    pub const fn destination(&self) -> IpAddr {
        match self {
            IpHeader::V4(header) => IpAddr::V4(header.destination),
            IpHeader::V6(header) => IpAddr::V6(header.destination),
        }
    }

    /// Protocol or next header.
    #[inline]
    pub const fn protocol(&self) -> Protocol {
        match self {
            IpHeader::V4(header) => header.protocol,
            IpHeader::V6(header) => header.next_header,
        }
    }

    /// Time to live or hop limit.
    pub const fn hop_limit(&self) -> u8 {
        match self {
            IpHeader::V4(header) => header.ttl,
            IpHeader::V6(header) => header.hop_limit,
        }
    }

    /// The congestion bits.
    #[inline]
    pub const fn ecn(&self) -> Ecn {
        match self {
            IpHeader::V4(header) => header.ecn,
            IpHeader::V6(header) => header.ecn,
        }
    }

    /// The differentiated services code point, 0..=63 (RFC 2474).
    pub const fn dscp(&self) -> u8 {
        match self {
            IpHeader::V4(header) => header.dscp,
            IpHeader::V6(header) => header.dscp,
        }
    }

    /// The Ethernet type that announces this version.
    #[inline]
    pub const fn ether_type(&self) -> EtherType {
        match self {
            IpHeader::V4(_) => EtherType::IPV4,
            IpHeader::V6(_) => EtherType::IPV6,
        }
    }

    /// The same header for another protocol.
    #[must_use]
    #[inline]
    pub const fn with_protocol(mut self, protocol: Protocol) -> IpHeader {
        match &mut self {
            IpHeader::V4(header) => header.protocol = protocol,
            IpHeader::V6(header) => header.next_header = protocol,
        }
        self
    }

    /// The same header with other congestion bits.
    #[must_use]
    #[inline]
    pub const fn with_ecn(mut self, ecn: Ecn) -> IpHeader {
        match &mut self {
            IpHeader::V4(header) => header.ecn = ecn,
            IpHeader::V6(header) => header.ecn = ecn,
        }
        self
    }

    /// The sum of the pseudo-header for `length` bytes of `protocol`.
    #[inline(always)]
    pub fn pseudo_header(&self, protocol: Protocol, length: usize) -> Sum {
        match self {
            IpHeader::V4(header) => {
                checksum::pseudo_v4(header.source, header.destination, protocol, length as u32)
            }
            IpHeader::V6(header) => {
                checksum::pseudo_v6(header.source, header.destination, protocol, length as u32)
            }
        }
    }
}

impl From<ipv4::Header> for IpHeader {
    fn from(header: ipv4::Header) -> Self {
        IpHeader::V4(header)
    }
}

impl From<ipv6::Header> for IpHeader {
    fn from(header: ipv6::Header) -> Self {
        IpHeader::V6(header)
    }
}

/// A piece of a datagram that was too long for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fragment<'a> {
    /// Which datagram of this sender (16 bits in IPv4).
    pub identification: u32,
    /// Where the payload belongs in the datagram's, in bytes; a multiple of 8.
    pub offset: usize,
    /// Whether more follow.
    pub more: bool,
    /// What the whole datagram carries.
    pub protocol: Protocol,
    /// This piece.
    pub payload: &'a [u8],
}

impl Fragment<'_> {
    /// RFC 791 §3.2, RFC 8200 §4.5: all but the last are multiples of 8 bytes long, and none
    /// reaches beyond the largest datagram.
    pub(crate) fn check(&self, layer: Layer, at: usize) -> Result<(), ParseError> {
        let (offset, length) = (self.offset, self.payload.len());
        if (self.more && !length.is_multiple_of(8)) || offset + length > usize::from(u16::MAX) {
            return Err(ParseError::new(layer, Problem::FragmentExtent { offset, length }, at));
        }
        Ok(())
    }
}
