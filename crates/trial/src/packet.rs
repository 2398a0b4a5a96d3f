//! The trial of packets: parsed, displayed, changed, emitted and parsed again.

use roundtrip_packet::options::{self, OptionBytes, TcpOption};
use roundtrip_packet::summary::{Line, PacketLine};
use roundtrip_packet::{
    Envelope, EtherAddr, IpHeader, Link, Network, Packet, Protocol, Quote, Transport, Verify,
    icmpv6, ipv4, ipv6, parse_frame, parse_packet,
};

const LINK: Link =
    Link { source: EtherAddr([2, 0, 0, 0, 0, 1]), destination: EtherAddr::BROADCAST };

/// Parses bytes as a frame and as an IP packet, and does everything that can be done with the
/// result.
///
/// # Panics
/// If parsing or emitting panics, or if a packet that was emitted is not parsed to the same packet.
pub fn packet(bytes: &[u8]) {
    for verify in [Verify::Full, Verify::Trusted, Verify::Snapped] {
        if let Ok(frame) = parse_frame(bytes, verify) {
            match &frame.network {
                Network::Arp(arp) => {
                    let mut out = Vec::new();
                    LINK.emit_arp(arp, &mut out);
                    let again = parse_frame(&out, Verify::Full).map(|frame| frame.network);
                    assert_eq!(again, Ok(frame.network), "ARP");
                }
                Network::Ip(packet) => look(packet, verify),
                Network::Other { .. } => {}
            }
        }
        if let Ok(packet) = parse_packet(bytes, verify) {
            look(&packet, verify);
        }
    }
    assert!(!Line(bytes).to_string().is_empty());
    assert!(!PacketLine(bytes).to_string().is_empty());
    let _ = Quote::parse(bytes);
    let mut changed = bytes.to_vec();
    ipv4::decrement_ttl(&mut changed);
    ipv4::mark_congestion(&mut changed);
    ipv6::decrement_hop_limit(&mut changed);
    ipv6::mark_congestion(&mut changed);
}

fn look(packet: &Packet<'_>, verify: Verify) {
    if let (Transport::Icmpv6(icmpv6::Message::Ndp(ndp)), IpHeader::V6(ip)) =
        (&packet.transport, &packet.ip)
    {
        let _ = ndp.validate(ip);
    }
    if verify == Verify::Snapped {
        return;
    }
    let around = Envelope::new(LINK, packet.ip);
    let mut out = Vec::new();
    let (protocol, emitted) = match &packet.transport {
        Transport::Tcp(segment) => match list(segment.options) {
            Some(options) => {
                let payload = [segment.payload, &[]];
                let header = &segment.header;
                let emitted = around.emit_tcp_with_options(header, &options, payload, &mut out);
                (Protocol::TCP, emitted)
            }
            None => return,
        },
        Transport::Udp { header, payload } => {
            (Protocol::UDP, around.emit_udp(header, payload, &mut out))
        }
        Transport::Icmpv4(message) => {
            let _ = message.quote();
            (Protocol::ICMPV4, around.emit_icmpv4(message, &mut out))
        }
        Transport::Icmpv6(message) => {
            let _ = message.quote();
            (Protocol::ICMPV6, around.emit_icmpv6(message, &mut out))
        }
        Transport::Fragment(fragment) => {
            let mut out = Vec::new();
            around.emit_fragment(fragment, &mut out).expect("a fragment that was read fits");
            let again = read(&out);
            // Over IPv4, a datagram in one piece is not a fragment.
            let is_piece = fragment.more || fragment.offset > 0 || packet.ip.length() == 40;
            assert!(!is_piece || again.transport == packet.transport, "a fragment: {packet:?}");
            return;
        }
        // The protocol may be unknown only because a header in between is missing.
        Transport::Other { .. } => return,
    };
    emitted.expect("what was read can be written");
    let again = read(&out);
    assert_eq!(again.ip, packet.ip.with_protocol(protocol), "the IP header");
    match (&again.transport, &packet.transport) {
        (Transport::Tcp(again), Transport::Tcp(segment)) => {
            assert_eq!((again.header, again.payload), (segment.header, segment.payload));
        }
        (again, first) => assert_eq!(again, first),
    }
}

fn read(frame: &[u8]) -> Packet<'_> {
    match parse_frame(frame, Verify::Full).map(|frame| frame.network) {
        Ok(Network::Ip(packet)) => packet,
        other => panic!("our own frame reads as {other:?}"),
    }
}

/// The options of a segment one by one; `None` unless all of them are well formed.
fn list(bytes: &[u8]) -> Option<OptionBytes> {
    let mut list = OptionBytes::EMPTY;
    for option in options::iter(bytes) {
        match option {
            TcpOption::Malformed(_) => return None,
            // What follows the end of the list is padding.
            TcpOption::EndOfList => break,
            option => list.push(&option).expect("options that stood in one segment fit into one"),
        }
    }
    assert!(list.as_bytes().len() <= options::MAX_OPTIONS);
    Some(list)
}
