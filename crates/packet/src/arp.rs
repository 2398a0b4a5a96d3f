//! Address resolution for IPv4 over Ethernet (RFC 826).

use std::net::Ipv4Addr;

use crate::error::{Layer, ParseError, Problem};
use crate::ethernet::{EtherAddr, EtherType};

/// The length of an ARP packet for IPv4 over Ethernet, bytes.
pub const PACKET_LEN: usize = 28;

/// The hardware type of Ethernet (ar$hrd).
const HARDWARE_ETHERNET: u16 = 1;

/// The operation of an ARP packet (ar$op).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Request: who has the target's protocol address?
    Request,
    /// Reply: the sender has the address that was asked for.
    Reply,
    /// An operation this crate has no name for.
    Other(u16),
}

impl Operation {
    const fn number(self) -> u16 {
        match self {
            Operation::Request => 1,
            Operation::Reply => 2,
            Operation::Other(number) => number,
        }
    }
}

impl From<u16> for Operation {
    fn from(number: u16) -> Self {
        match number {
            1 => Operation::Request,
            2 => Operation::Reply,
            other => Operation::Other(other),
        }
    }
}

/// An ARP packet, which resolves IPv4 addresses to Ethernet addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Packet {
    /// The operation: request or reply.
    pub operation: Operation,
    /// ar$sha: the sender's hardware address.
    pub sender_hardware: EtherAddr,
    /// ar$spa: the sender's IPv4 address; 0.0.0.0 in a probe.
    pub sender_protocol: Ipv4Addr,
    /// ar$tha: the target's hardware address; meaningless in a request.
    pub target_hardware: EtherAddr,
    /// ar$tpa: the address asked for, or that of the reply's receiver.
    pub target_protocol: Ipv4Addr,
}

impl Packet {
    /// A request: who has `target`? Tell `sender`.
    pub const fn request(sender: (EtherAddr, Ipv4Addr), target: Ipv4Addr) -> Packet {
        Packet {
            operation: Operation::Request,
            sender_hardware: sender.0,
            sender_protocol: sender.1,
            target_hardware: EtherAddr::UNSPECIFIED,
            target_protocol: target,
        }
    }

    /// The reply to this request from the station `hardware`: RFC 826's "swap … put the local
    /// hardware address in the sender field".
    #[must_use]
    pub const fn reply(&self, hardware: EtherAddr) -> Packet {
        Packet {
            operation: Operation::Reply,
            sender_hardware: hardware,
            sender_protocol: self.target_protocol,
            target_hardware: self.sender_hardware,
            target_protocol: self.sender_protocol,
        }
    }

    /// Whether the packet is a probe, which asks whether anyone uses an address without claiming it
    /// (RFC 5227 §1.1).
    pub fn is_probe(&self) -> bool {
        self.operation == Operation::Request && self.sender_protocol.is_unspecified()
    }

    /// Whether the packet is an announcement, which tells the link who uses an address (RFC 5227
    /// §1.1).
    pub fn is_announcement(&self) -> bool {
        self.sender_protocol == self.target_protocol && !self.sender_protocol.is_unspecified()
    }

    /// Parses a packet; the bytes after it are the frame's padding.
    ///
    /// # Errors
    /// The bytes are too few, or not ARP for IPv4 over Ethernet.
    pub fn parse(bytes: &[u8]) -> Result<Packet, ParseError> {
        let Some(fixed) = bytes.first_chunk::<PACKET_LEN>() else {
            return Err(ParseError::truncated(Layer::Arp, PACKET_LEN, bytes.len()));
        };
        let word = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let ether = |at: usize| EtherAddr(std::array::from_fn(|i| fixed[at + i]));
        let ip = |at: usize| Ipv4Addr::from(std::array::from_fn::<u8, 4, _>(|i| fixed[at + i]));
        let family = |at| ParseError::new(Layer::Arp, Problem::AddressFamily, at);
        if word(0) != HARDWARE_ETHERNET {
            return Err(family(0));
        }
        if word(2) != EtherType::IPV4.0 {
            return Err(family(2));
        }
        if (fixed[4], fixed[5]) != (6, 4) {
            return Err(family(4));
        }
        Ok(Packet {
            operation: word(6).into(),
            sender_hardware: ether(8),
            sender_protocol: ip(14),
            target_hardware: ether(18),
            target_protocol: ip(24),
        })
    }

    /// Appends the packet to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&HARDWARE_ETHERNET.to_be_bytes());
        out.extend_from_slice(&EtherType::IPV4.0.to_be_bytes());
        out.extend_from_slice(&[6, 4]);
        out.extend_from_slice(&self.operation.number().to_be_bytes());
        out.extend_from_slice(&self.sender_hardware.0);
        out.extend_from_slice(&self.sender_protocol.octets());
        out.extend_from_slice(&self.target_hardware.0);
        out.extend_from_slice(&self.target_protocol.octets());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKING: EtherAddr = EtherAddr([2, 0, 0, 0, 0, 1]);
    const ASKED: EtherAddr = EtherAddr([2, 0, 0, 0, 0, 2]);
    const REQUEST: [u8; PACKET_LEN] =
        [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];

    #[test]
    fn a_request_and_its_reply() {
        let request =
            Packet::request((ASKING, Ipv4Addr::new(10, 0, 0, 1)), Ipv4Addr::new(10, 0, 0, 2));
        let mut bytes = Vec::new();
        request.emit(&mut bytes);
        assert_eq!(bytes, REQUEST);
        assert_eq!(Packet::parse(&bytes), Ok(request));
        let reply = request.reply(ASKED);
        assert_eq!(reply.operation, Operation::Reply);
        assert_eq!((reply.sender_hardware, reply.target_hardware), (ASKED, ASKING));
        assert_eq!(reply.sender_protocol, request.target_protocol);
        assert_eq!(reply.target_protocol, request.sender_protocol);
    }

    #[test]
    fn other_families_are_refused_where_they_show() {
        for at in [0, 2, 4, 5] {
            let mut bytes = REQUEST;
            bytes[at] ^= 0x40;
            let error = Packet::parse(&bytes).unwrap_err();
            assert_eq!((error.problem, error.offset), (Problem::AddressFamily, at & !1));
        }
        assert!(Packet::parse(&REQUEST[..27]).is_err());
    }
}
