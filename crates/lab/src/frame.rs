//! The fields that a link reads or changes in the frames it carries.

use std::ops::Range;

use roundtrip_packet::ethernet::{EtherType, HEADER_LEN};
use roundtrip_packet::{Protocol, ipv4, ipv6};

use crate::seed::split_mix;

/// Message types of neighbour discovery (RFC 4861 §4).
const NEIGHBOUR_DISCOVERY: Range<u8> = 133..138;

fn ether_type(frame: &[u8]) -> Option<EtherType> {
    let bytes = frame.get(12..14)?.try_into().ok()?;
    Some(EtherType(u16::from_be_bytes(bytes)))
}

/// Whether a frame is ARP or neighbour discovery, which a router never forwards.
#[inline]
pub(crate) fn resolves_addresses(frame: &[u8]) -> bool {
    match ether_type(frame) {
        Some(EtherType::ARP) => true,
        Some(EtherType::IPV6) => is_neighbour_discovery(&frame[HEADER_LEN..]),
        _ => false,
    }
}

/// Whether an IPv6 packet is a message of neighbour discovery, whose hop limit is 255 unless it was
/// forwarded (RFC 4861 §6.1.1).
fn is_neighbour_discovery(packet: &[u8]) -> bool {
    packet.get(6..8) == Some(&[Protocol::ICMPV6.0, 255])
        && packet.get(40).is_some_and(|kind| NEIGHBOUR_DISCOVERY.contains(kind))
}

/// A hash of a frame's flow, keyed with `key`: of protocol, addresses and ports (RFC 8290 §4.1).
/// For fragments and protocols without ports, of addresses and protocol only.
pub(crate) fn flow(frame: &[u8], key: u64) -> u64 {
    let packet = frame.get(HEADER_LEN..).unwrap_or_default();
    let (protocol, addresses, ports) = match ether_type(frame) {
        Some(EtherType::IPV4) if packet.len() >= 20 => {
            let header = usize::from(packet[0] & 0xf) * 4;
            let fragment = u16::from_be_bytes([packet[6], packet[7]]) & 0x3fff != 0;
            (packet[9], &packet[12..20], (!fragment).then_some(header))
        }
        Some(EtherType::IPV6) if packet.len() >= 40 => (packet[6], &packet[8..40], Some(40)),
        _ => (0, &packet[..0], None),
    };
    let ports = ports.filter(|_| [Protocol::TCP.0, Protocol::UDP.0].contains(&protocol));
    let ports = ports.and_then(|at| packet.get(at..at + 4)).unwrap_or_default();
    let mut hash = split_mix(key ^ u64::from(protocol));
    for four in addresses.chunks_exact(4).chain(ports.chunks_exact(4)) {
        let number = u32::from_be_bytes([four[0], four[1], four[2], four[3]]);
        hash = split_mix(hash ^ u64::from(number));
    }
    hash
}

/// Marks a packet as having met congestion (CE, RFC 3168 §5), if its sender supports ECN; answers
/// whether it does.
pub(crate) fn mark_congestion(frame: &mut [u8]) -> bool {
    let kind = ether_type(frame);
    let Some(packet) = frame.get_mut(HEADER_LEN..) else { return false };
    match kind {
        Some(EtherType::IPV4) => ipv4::mark_congestion(packet),
        Some(EtherType::IPV6) => ipv6::mark_congestion(packet),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A UDP datagram over IPv4 between two ports, with a correct header checksum.
    fn datagram(from: u16, to: u16, tos: u8) -> Vec<u8> {
        let mut frame = vec![0; 14];
        frame[12..14].copy_from_slice(&EtherType::IPV4.0.to_be_bytes());
        let mut header = [
            0x45,
            tos,
            0,
            28,
            0,
            0,
            0x40,
            0,
            64,
            Protocol::UDP.0,
            0,
            0,
            10,
            0,
            0,
            2,
            203,
            0,
            113,
            10,
        ];
        let sum = !fold(&header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        frame.extend(header);
        frame.extend(from.to_be_bytes());
        frame.extend(to.to_be_bytes());
        frame.extend([0, 8, 0, 0]);
        frame
    }

    /// The one's complement sum of the header: 0xffff if its checksum is correct.
    fn fold(header: &[u8]) -> u16 {
        let mut sum: u32 =
            header.chunks(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]]))).sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    #[test]
    fn address_resolution_is_told_from_the_rest() {
        let mut frame = vec![0; 60];
        frame[12..14].copy_from_slice(&EtherType::ARP.0.to_be_bytes());
        assert!(resolves_addresses(&frame));
        frame[12..14].copy_from_slice(&EtherType::IPV6.0.to_be_bytes());
        frame[20] = Protocol::ICMPV6.0;
        frame[21] = 255;
        for (kind, resolves) in [(128, false), (133, true), (135, true), (137, true), (138, false)]
        {
            frame[54] = kind;
            assert_eq!(resolves_addresses(&frame), resolves, "type {kind}");
        }
        frame[54] = 135;
        frame[21] = 64;
        assert!(!resolves_addresses(&frame), "one that was forwarded");
        assert!(!resolves_addresses(&datagram(1, 2, 0)));
        assert!(!resolves_addresses(&frame[..13]));
        assert!(!resolves_addresses(&[]));
    }

    #[test]
    fn a_flow_is_protocol_addresses_and_ports() {
        let flow = |frame: &[u8]| super::flow(frame, 7);
        let one = datagram(1_000, 53, 0);
        assert_eq!(flow(&one), flow(&datagram(1_000, 53, 2)));
        assert_ne!(flow(&one), flow(&datagram(1_001, 53, 0)));
        assert_ne!(flow(&one), super::flow(&one, 8), "the key decides");
        let mut tcp = one.clone();
        tcp[14 + 9] = Protocol::TCP.0;
        assert_ne!(flow(&one), flow(&tcp));
        // Fragments after the first carry no ports.
        let [mut first, mut second] = [one.clone(), datagram(9, 9, 0)];
        first[14 + 6] = 0x20;
        second[14 + 7] = 1;
        assert_eq!(flow(&first), flow(&second));
    }

    #[test]
    fn a_mark_keeps_the_checksum_right() {
        for tos in [0x01, 0x02, 0x03, 0xb9] {
            let mut frame = datagram(1, 2, tos);
            assert!(mark_congestion(&mut frame));
            assert_eq!(frame[15], tos | 3);
            assert_eq!(fold(&frame[14..34]), 0xffff, "tos {tos}");
        }
        let mut frame = datagram(1, 2, 0xb8);
        assert!(!mark_congestion(&mut frame), "its sender does not understand ECN");
        assert_eq!(frame, datagram(1, 2, 0xb8));
    }
}
