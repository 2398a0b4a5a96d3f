//! The packet an ICMP error is about, as much of it as was sent back.

use std::net::{IpAddr, SocketAddr};

use crate::ip::IpHeader;
use crate::ipv6::{self, Upper};
use crate::protocol::Protocol;
use crate::seq::SeqNumber;
use crate::verify::Verify;

/// Bytes of transport header that every ICMP error carries at least (RFC 792; RFC 1122 §3.2.2).
const MIN_TRANSPORT: usize = 8;

/// What an ICMP error says about the packet that caused it: enough to find the socket it is for.
/// Addresses are those of the packet, so `source` is the host that gets the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quote {
    /// Who sent the packet.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// The upper protocol.
    pub protocol: Protocol,
    /// What tells its sockets apart; `None` for protocols not known here, for fragments but the
    /// first, and if fewer than 8 bytes of it came back.
    pub transport: Option<QuotedTransport>,
}

/// The first 8 bytes of a transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotedTransport {
    /// A TCP segment.
    Tcp {
        /// Our port.
        source_port: u16,
        /// The peer's.
        destination_port: u16,
        /// SEG.SEQ, to be held against what is in flight (RFC 5927 §4.1).
        sequence: SeqNumber,
    },
    /// A UDP datagram.
    Udp {
        /// Our port.
        source_port: u16,
        /// The peer's.
        destination_port: u16,
    },
    /// An ICMP or `ICMPv6` echo request.
    Echo {
        /// Whose request.
        identifier: u16,
        /// Which one.
        sequence: u16,
    },
}

impl Quote {
    /// Reads a quoted packet. Checksums are not looked at: routers change what they cover, and
    /// the packet need not be there to its end.
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

    /// Source and destination with their ports, for TCP and UDP.
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
