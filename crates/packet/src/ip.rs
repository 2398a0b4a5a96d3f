//! The header of an IP packet of either version.

use std::net::IpAddr;

use crate::checksum::{self, Sum};
use crate::ecn::Ecn;
use crate::error::{EmitError, Layer, ParseError, Problem};
use crate::ethernet::EtherType;
use crate::protocol::Protocol;
use crate::verify::Verify;
use crate::{ipv4, ipv6};

/// The header of an IP packet of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpHeader {
    /// An IPv4 header (RFC 791).
    V4(ipv4::Header),
    /// An IPv6 header (RFC 8200).
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

    /// Parses the header of a packet of either version, and gives its payload, trimmed to the
    /// stated length. IPv6 extension headers are part of the payload.
    ///
    /// # Errors
    /// The version is neither 4 nor 6, or the header is malformed.
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
    ///
    /// # Errors
    /// The packet would be too long.
    #[inline]
    pub fn emit(&self, payload_length: usize, out: &mut Vec<u8>) -> Result<(), EmitError> {
        self.emit_for(self.protocol(), payload_length, out)
    }

    /// Appends the header with another protocol.
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

    /// The length of the header, bytes, with IPv4 options but without IPv6 extension headers.
    #[inline]
    pub fn length(&self) -> usize {
        match self {
            IpHeader::V4(header) => header.length(),
            IpHeader::V6(_) => ipv6::HEADER_LEN,
        }
    }

    /// The source address.
    #[inline]
    pub const fn source(&self) -> IpAddr {
        match self {
            IpHeader::V4(header) => IpAddr::V4(header.source),
            IpHeader::V6(header) => IpAddr::V6(header.source),
        }
    }

    /// The destination address.
    #[inline]
    pub const fn destination(&self) -> IpAddr {
        match self {
            IpHeader::V4(header) => IpAddr::V4(header.destination),
            IpHeader::V6(header) => IpAddr::V6(header.destination),
        }
    }

    /// The protocol, or the next header.
    #[inline]
    pub const fn protocol(&self) -> Protocol {
        match self {
            IpHeader::V4(header) => header.protocol,
            IpHeader::V6(header) => header.next_header,
        }
    }

    /// The time to live, or the hop limit.
    pub const fn hop_limit(&self) -> u8 {
        match self {
            IpHeader::V4(header) => header.ttl,
            IpHeader::V6(header) => header.hop_limit,
        }
    }

    /// The ECN field.
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

    /// The Ethernet type of this version of IP.
    #[inline]
    pub const fn ether_type(&self) -> EtherType {
        match self {
            IpHeader::V4(_) => EtherType::IPV4,
            IpHeader::V6(_) => EtherType::IPV6,
        }
    }

    /// The same header with another protocol.
    #[must_use]
    #[inline]
    pub const fn with_protocol(mut self, protocol: Protocol) -> IpHeader {
        match &mut self {
            IpHeader::V4(header) => header.protocol = protocol,
            IpHeader::V6(header) => header.next_header = protocol,
        }
        self
    }

    /// The same header with another ECN field.
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
