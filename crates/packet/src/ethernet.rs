//! Ethernet II frames (IEEE 802.3 §3.2), without preamble and frame check sequence.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::error::{Layer, ParseError};

/// The length of a header, bytes: two addresses and a type.
pub const HEADER_LEN: usize = 14;

/// A 48-bit hardware address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EtherAddr(pub [u8; 6]);

impl EtherAddr {
    /// The broadcast address, which reaches every station on the link.
    pub const BROADCAST: EtherAddr = EtherAddr([0xff; 6]);
    /// The all-zero address, which ARP requests have as the target.
    pub const UNSPECIFIED: EtherAddr = EtherAddr([0; 6]);

    /// Whether this is a group address, whose first bit on the wire is set. Broadcast is one.
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Whether this is the broadcast address.
    pub fn is_broadcast(self) -> bool {
        self == EtherAddr::BROADCAST
    }

    /// Whether this is the address of one station, and not all zeroes.
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && self != EtherAddr::UNSPECIFIED
    }

    /// The address of an IPv4 group: 01-00-5E and the low 23 bits (RFC 1112 §6.4).
    pub const fn of_ipv4_group(group: Ipv4Addr) -> EtherAddr {
        let [_, b, c, d] = group.octets();
        EtherAddr([0x01, 0x00, 0x5e, b & 0x7f, c, d])
    }

    /// The address of an IPv6 group: 33-33 and the low 32 bits (RFC 2464 §7).
    pub const fn of_ipv6_group(group: Ipv6Addr) -> EtherAddr {
        let [.., a, b, c, d] = group.octets();
        EtherAddr([0x33, 0x33, a, b, c, d])
    }
}

impl fmt::Display for EtherAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a0, a1, a2, a3, a4, a5] = self.0;
        write!(f, "{a0:02x}:{a1:02x}:{a2:02x}:{a3:02x}:{a4:02x}:{a5:02x}")
    }
}

impl fmt::Debug for EtherAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The error for text that is no hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hardware address: six pairs of hexadecimal digits between colons are")]
pub struct EtherAddrError;

impl FromStr for EtherAddr {
    type Err = EtherAddrError;

    fn from_str(text: &str) -> Result<Self, EtherAddrError> {
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().ok_or(EtherAddrError)?;
            if part.is_empty() || part.len() > 2 || part.starts_with('+') {
                return Err(EtherAddrError);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| EtherAddrError)?;
        }
        if parts.next().is_some() { Err(EtherAddrError) } else { Ok(EtherAddr(bytes)) }
    }
}

/// The type of a frame's payload (IANA "IEEE 802 Numbers").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4 (0x0800).
    pub const IPV4: EtherType = EtherType(0x0800);
    /// Address resolution, ARP (0x0806).
    pub const ARP: EtherType = EtherType(0x0806);
    /// IPv6 (0x86dd).
    pub const IPV6: EtherType = EtherType(0x86dd);
}

impl fmt::Display for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            EtherType::IPV4 => f.write_str("IPv4"),
            EtherType::ARP => f.write_str("ARP"),
            EtherType::IPV6 => f.write_str("IPv6"),
            EtherType(other) => write!(f, "{other:#06x}"),
        }
    }
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// The receiving station.
    pub destination: EtherAddr,
    /// The sending station.
    pub source: EtherAddr,
    /// The type of the payload.
    pub ether_type: EtherType,
}

impl Header {
    /// Parses the header of a frame; the rest is payload and, in short frames, padding.
    ///
    /// # Errors
    /// The frame is shorter than a header.
    #[inline]
    pub fn parse(frame: &[u8]) -> Result<(Header, &[u8]), ParseError> {
        let Some((bytes, payload)) = frame.split_first_chunk::<HEADER_LEN>() else {
            return Err(ParseError::truncated(Layer::Ethernet, HEADER_LEN, frame.len()));
        };
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *bytes;
        let header = Header {
            destination: EtherAddr([d0, d1, d2, d3, d4, d5]),
            source: EtherAddr([s0, s1, s2, s3, s4, s5]),
            ether_type: EtherType(u16::from_be_bytes([t0, t1])),
        };
        Ok((header, payload))
    }

    /// The bytes of the header.
    #[inline]
    pub const fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let [d0, d1, d2, d3, d4, d5] = self.destination.0;
        let [s0, s1, s2, s3, s4, s5] = self.source.0;
        let [t0, t1] = self.ether_type.0.to_be_bytes();
        [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1]
    }

    /// Appends the header to `out`.
    #[inline]
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_write_themselves() {
        let text = "02:00:5e:10:00:fe";
        let address: EtherAddr = text.parse().unwrap();
        assert_eq!(address, EtherAddr([2, 0, 0x5e, 0x10, 0, 0xfe]));
        assert_eq!(address.to_string(), text);
        for wrong in ["", "02", "02:00:5e:10:00", "02:00:5e:10:00:fe:00", "02:00:5e:10:00:+1"] {
            assert_eq!(wrong.parse::<EtherAddr>(), Err(EtherAddrError), "{wrong}");
        }
    }

    #[test]
    fn groups_map_as_the_rfcs_say() {
        let all_hosts = EtherAddr::of_ipv4_group(Ipv4Addr::new(224, 129, 2, 3));
        assert_eq!(all_hosts.to_string(), "01:00:5e:01:02:03");
        let all_nodes = EtherAddr::of_ipv6_group("ff02::1".parse().unwrap());
        assert_eq!(all_nodes.to_string(), "33:33:00:00:00:01");
        assert!(all_hosts.is_multicast() && all_nodes.is_multicast());
    }
}
