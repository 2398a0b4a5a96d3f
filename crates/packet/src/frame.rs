//! Parsing whole frames in one call, with all their layers.

use crate::error::ParseError;
use crate::ethernet::{self, EtherType};
use crate::fragment::Fragment;
use crate::ip::IpHeader;
use crate::ipv6::Upper;
use crate::protocol::Protocol;
use crate::verify::Verify;
use crate::{arp, icmpv4, icmpv6, ipv4, ipv6, tcp, udp};

/// A parsed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The Ethernet header; `None` if the bytes began with IP.
    pub ethernet: Option<ethernet::Header>,
    /// The network layer of the frame.
    pub network: Network<'a>,
}

/// The network layer of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // it lives on the stack, once for each frame
pub enum Network<'a> {
    /// An ARP packet.
    Arp(arp::Packet),
    /// An IP packet of either version.
    Ip(Packet<'a>),
    /// Any other payload.
    Other {
        /// The type of the payload.
        ether_type: EtherType,
        /// The bytes of the payload, with padding.
        payload: &'a [u8],
    },
}

/// A parsed IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The header, without IPv6 extension headers.
    pub ip: IpHeader,
    /// The payload, after any extension headers.
    pub transport: Transport<'a>,
    /// The whole packet from the IP header on, without padding: the bytes that an ICMP error quotes
    /// and a router forwards.
    pub bytes: &'a [u8],
    /// The number of bytes that the length field states and a snapped capture lacks.
    pub missing: usize,
}

/// The transport layer of an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // it lives on the stack, once for each frame
pub enum Transport<'a> {
    /// A TCP segment.
    Tcp(tcp::Segment<'a>),
    /// A UDP datagram.
    Udp {
        /// The UDP header.
        header: udp::Header,
        /// The payload of the datagram.
        payload: &'a [u8],
    },
    /// An ICMP message over IPv4.
    Icmpv4(icmpv4::Message<'a>),
    /// An ICMP message over IPv6.
    Icmpv6(icmpv6::Message<'a>),
    /// A fragment of a datagram.
    Fragment(Fragment<'a>),
    /// Any other protocol.
    Other {
        /// The protocol number.
        protocol: Protocol,
        /// The payload.
        payload: &'a [u8],
    },
}

/// Parses an Ethernet frame.
///
/// # Errors
/// Any layer is malformed; see [`ParseError`].
#[inline]
pub fn parse_frame(bytes: &[u8], verify: Verify) -> Result<Frame<'_>, ParseError> {
    let (header, payload) = ethernet::Header::parse(bytes)?;
    let network = match header.ether_type {
        EtherType::IPV4 => {
            let (ip, rest) = ipv4::Header::parse(payload, verify)?;
            Network::Ip(packet(IpHeader::V4(ip), payload, rest, verify)?)
        }
        EtherType::IPV6 => {
            let (ip, rest) = ipv6::Header::parse(payload, verify)?;
            Network::Ip(packet(IpHeader::V6(ip), payload, rest, verify)?)
        }
        EtherType::ARP => Network::Arp(arp::Packet::parse(payload)?),
        ether_type => Network::Other { ether_type, payload },
    };
    Ok(Frame { ethernet: Some(header), network })
}

/// Parses an IP packet of either version, without a frame around it.
///
/// # Errors
/// Any layer is malformed; see [`ParseError`].
#[inline]
pub fn parse_packet(bytes: &[u8], verify: Verify) -> Result<Packet<'_>, ParseError> {
    let (ip, payload) = IpHeader::parse(bytes, verify)?;
    packet(ip, bytes, payload, verify)
}

#[inline(always)]
fn packet<'a>(
    ip: IpHeader,
    bytes: &'a [u8],
    payload: &'a [u8],
    verify: Verify,
) -> Result<Packet<'a>, ParseError> {
    let transport = match &ip {
        IpHeader::V4(header) if header.is_fragment() => {
            Transport::Fragment(header.fragment(payload)?)
        }
        IpHeader::V4(header) => parse_transport(&ip, header.protocol, payload, verify)?,
        IpHeader::V6(header) => match ipv6::walk(header.next_header, payload)? {
            Upper::Whole { protocol, payload, .. } => {
                parse_transport(&ip, protocol, payload, verify)?
            }
            Upper::Fragment(fragment) => Transport::Fragment(fragment),
        },
    };
    let length = ip.length() + payload.len();
    let missing = if verify == Verify::Snapped { stated_length(bytes) - length } else { 0 };
    Ok(Packet { ip, transport, bytes: &bytes[..length], missing })
}

/// The length that a packet states, whose header has been parsed.
fn stated_length(packet: &[u8]) -> usize {
    match *packet {
        [version, _, high, low, ..] if version >> 4 == 4 => u16::from_be_bytes([high, low]).into(),
        [_, _, _, _, high, low, ..] => {
            ipv6::HEADER_LEN + usize::from(u16::from_be_bytes([high, low]))
        }
        _ => packet.len(),
    }
}

/// Parses the transport layer: a packet's payload after extension headers, or a reassembled
/// datagram. Its checksums cover the addresses in `ip`.
///
/// # Errors
/// The transport layer is malformed; see [`ParseError`].
#[inline(always)]
pub fn parse_transport<'a>(
    ip: &IpHeader,
    protocol: Protocol,
    payload: &'a [u8],
    verify: Verify,
) -> Result<Transport<'a>, ParseError> {
    match (protocol, ip) {
        (Protocol::TCP, _) => tcp::Segment::parse(payload, ip, verify).map(Transport::Tcp),
        (Protocol::UDP, _) => udp::Header::parse(payload, ip, verify)
            .map(|(header, payload)| Transport::Udp { header, payload }),
        (Protocol::ICMPV4, IpHeader::V4(_)) => {
            icmpv4::Message::parse(payload, verify).map(Transport::Icmpv4)
        }
        (Protocol::ICMPV6, IpHeader::V6(_)) => {
            icmpv6::Message::parse(payload, ip, verify).map(Transport::Icmpv6)
        }
        _ => Ok(Transport::Other { protocol, payload }),
    }
}
