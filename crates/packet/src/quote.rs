//! The packet that an ICMP error is about, as far as the error quotes it.

use std::net::{IpAddr, SocketAddr};

use crate::ip::IpHeader;
use crate::ipv6::{self, Upper};
use crate::protocol::Protocol;
use crate::seq::SeqNumber;
use crate::verify::Verify;

/// The least number of transport header bytes in an ICMP error (RFC 792; RFC 1122 §3.2.2).
const MIN_TRANSPORT: usize = 8;

/// The quoted packet of an ICMP error: enough to find the socket it is for. Addresses are those of
/// the packet, so `source` is the host that receives the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quote {
    /// The source address of the packet.
    pub source: IpAddr,
    /// The destination address of the packet.
    pub destination: IpAddr,
    /// The upper protocol.
    pub protocol: Protocol,
    /// The fields that identify its sockets; `None` for unknown protocols, for fragments other than
    /// the first, and if fewer than 8 bytes of the transport header are quoted.
    pub transport: Option<QuotedTransport>,
}

/// The fields in the first 8 bytes of a transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotedTransport {
    /// A TCP segment.
    Tcp {
        /// The port of the packet's sender.
        source_port: u16,
        /// The port of the packet's receiver.
        destination_port: u16,
        /// SEG.SEQ, to be compared with what is in flight (RFC 5927 §4.1).
        sequence: SeqNumber,
    },
    /// A UDP datagram.
    Udp {
        /// The port of the packet's sender.
        source_port: u16,
        /// The port of the packet's receiver.
        destination_port: u16,
    },
    /// An ICMP or `ICMPv6` echo request.
    Echo {
        /// The identifier of the requester.
        identifier: u16,
        /// The sequence number of the request.
        sequence: u16,
    },
}

impl Quote {
    /// Parses a quoted packet. Checksums are not verified, since routers change what they cover,
    /// and the end of the packet may be missing.
    pub fn parse(packet: &[u8]) -> Option<Quote> {
        let (ip, payload) = IpHeader::parse(packet, Verify::Snapped).ok()?;
        let (protocol, transport) = match &ip {
            IpHeader::V4(header) if header.fragment_offset != 0 => (header.protocol, None),
            IpHeader::V4(header) => (header.protocol, Some(payload)),
            IpHeader::V6(header) => match ipv6::walk(header.next_header, payload) {
                Ok(Upper::Whole { protocol, payload, .. }) => (protocol, Some(payload)),
                Ok(Upper::Fragment(fragment)) => {
                    (fragment.protocol, (fragment.offset == 0).then_some(fragment.payload))
                }
                Err(_) => (header.next_header, None),
            },
        };
        Some(Quote {
            source: ip.source(),
            destination: ip.destination(),
            protocol,
            transport: transport.and_then(|bytes| QuotedTransport::parse(protocol, bytes)),
        })
    }

    /// The source and destination addresses with their ports, for TCP and UDP.
    pub fn sockets(&self) -> Option<(SocketAddr, SocketAddr)> {
        match self.transport? {
            QuotedTransport::Tcp { source_port, destination_port, .. }
            | QuotedTransport::Udp { source_port, destination_port } => Some((
                SocketAddr::new(self.source, source_port),
                SocketAddr::new(self.destination, destination_port),
            )),
            QuotedTransport::Echo { .. } => None,
        }
    }
}

impl QuotedTransport {
    fn parse(protocol: Protocol, bytes: &[u8]) -> Option<QuotedTransport> {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = *bytes.first_chunk::<MIN_TRANSPORT>()?;
        let (source_port, destination_port) =
            (u16::from_be_bytes([b0, b1]), u16::from_be_bytes([b2, b3]));
        match (protocol, b0) {
            (Protocol::TCP, _) => Some(QuotedTransport::Tcp {
                source_port,
                destination_port,
                sequence: SeqNumber(u32::from_be_bytes([b4, b5, b6, b7])),
            }),
            (Protocol::UDP, _) => Some(QuotedTransport::Udp { source_port, destination_port }),
            (Protocol::ICMPV4, 8) | (Protocol::ICMPV6, 128) => Some(QuotedTransport::Echo {
                identifier: u16::from_be_bytes([b4, b5]),
                sequence: u16::from_be_bytes([b6, b7]),
            }),
            _ => None,
        }
    }
}
