//! Whole frames read in one call, all layers of them.

use crate::error::ParseError;
use crate::ethernet::{self, EtherType};
use crate::fragment::Fragment;
use crate::ip::IpHeader;
use crate::ipv6::Upper;
use crate::protocol::Protocol;
use crate::verify::Verify;
use crate::{arp, icmpv4, icmpv6, ipv4, ipv6, tcp, udp};

/// A frame that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its header; `None` if the bytes began with IP.
    pub ethernet: Option<ethernet::Header>,
    /// What it carries.
    pub network: Network<'a>,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // it lives on the stack, once for each frame
pub enum Network<'a> {
    /// Address resolution.
    Arp(arp::Packet),
    /// A packet of either version of IP.
    Ip(Packet<'a>),
    /// Something else.
    Other {
        /// What.
        ether_type: EtherType,
        /// Its bytes, and padding.
        payload: &'a [u8],
    },
}

/// An IP packet that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The (fixed) header.
    pub ip: IpHeader,
    /// What it carries, after any extension headers.
    pub transport: Transport<'a>,
    /// The whole packet from the IP header on, without padding: what an ICMP error quotes, and
    /// what a router sends on.
    pub bytes: &'a [u8],
    /// Bytes that the length field counts and a snapped capture does not have.
    pub missing: usize,
}

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // it lives on the stack, once for each frame
pub enum Transport<'a> {
    /// A TCP segment.
    Tcp(tcp::Segment<'a>),
    /// A UDP datagram.
    Udp {
        /// Its header.
        header: udp::Header,
        /// Its data.
        payload: &'a [u8],
    },
    /// ICMP, over IPv4.
    Icmpv4(icmpv4::Message<'a>),
    /// ICMP, over IPv6.
    Icmpv6(icmpv6::Message<'a>),
    /// A part of a datagram.
    Fragment(Fragment<'a>),
    /// Any other protocol.
    Other {
        /// Which.
        protocol: Protocol,
        /// Its bytes.
        payload: &'a [u8],
    },
}

/// Reads an Ethernet frame.
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

/// Reads an IP packet of either version, without a frame around it.
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

/// Bytes a packet, whose header has been read, says it has.
fn stated_length(packet: &[u8]) -> usize {
    match *packet {
        [version, _, high, low, ..] if version >> 4 == 4 => u16::from_be_bytes([high, low]).into(),
        [_, _, _, _, high, low, ..] => {
            ipv6::HEADER_LEN + usize::from(u16::from_be_bytes([high, low]))
        }
        _ => packet.len(),
    }
}

/// Reads what a packet carries: its payload after extension headers, or a reassembled datagram,
/// whose checksums count the addresses in `ip`.
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
