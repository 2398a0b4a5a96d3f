//! Makes frames as strangers send them: mostly with correct checksums around wrong contents.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use roundtrip_packet::arp::{Operation, Packet};
use roundtrip_packet::ndp::{Message, NdpOption, Options, Prefix, Router};
use roundtrip_packet::{
    Ecn, Envelope, EtherAddr, Flags, Fragment, IpHeader, Link, Protocol, SackBlock, SeqNumber,
    Timestamps, icmpv4, icmpv6, ipv4, ipv6, tcp, udp,
};

use crate::Chance;

/// The hardware address of the host under test.
pub(crate) const OWN: EtherAddr = EtherAddr([2, 0, 0, 0, 0, 1]);
/// The IPv4 addresses of the host under test, on its first link and, if it is a router, on its
/// second.
pub(crate) const OWN_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 1, 1)];
/// The IPv6 addresses of the host under test, likewise.
pub(crate) const OWN_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1), Ipv6Addr::new(0xfd00, 0, 0, 1, 0, 0, 0, 1)];

/// The hardware address of a stranger with this IP address.
pub(crate) fn station(of: IpAddr) -> EtherAddr {
    let last = match of {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets()[15],
    };
    EtherAddr([2, 0, 0, 0, 1, last])
}

/// What a stranger knows of a connection of the host: addresses, ports, and the numbers it last
/// saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) local: IpAddr,
    pub(crate) remote: IpAddr,
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
    /// The sequence number after the last byte that the host sent.
    pub(crate) sent: SeqNumber,
    /// The acknowledgement number that the host last sent.
    pub(crate) acknowledged: SeqNumber,
    /// The value of the host's last timestamps option.
    pub(crate) clock: Option<u32>,
}

/// The IP address of a stranger, mostly of a neighbour.
pub(crate) fn stranger(chance: &mut Chance<'_>) -> IpAddr {
    let n = 2 + chance.below(6) as u8;
    match chance.below(16) {
        0..=6 => IpAddr::V4(Ipv4Addr::new(10, 0, 0, n)),
        7..=12 => IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n.into())),
        13 => IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, n.into())),
        14 => IpAddr::V4(Ipv4Addr::from(chance.word())),
        _ => IpAddr::V4(Ipv4Addr::new(10, 0, 1, n)),
    }
}

/// An IP header between two addresses of one family, sometimes with unusual fields.
fn header(from: IpAddr, to: IpAddr, chance: &mut Chance<'_>) -> Option<IpHeader> {
    let mut header = IpHeader::new(from, to, Protocol::TCP)?;
    let odd = chance.below(32);
    match &mut header {
        IpHeader::V4(v4) => match odd {
            1 => v4.ttl = 1,
            2 => v4.dont_fragment = false,
            3 => v4.ecn = Ecn::Ce,
            4 => v4.options = ipv4::Options::new(&[7, 7, 4, 0, 0, 0, 0, 0]).unwrap_or(v4.options),
            _ => {}
        },
        IpHeader::V6(v6) => match odd {
            1 => v6.hop_limit = 1,
            2 => v6.ecn = Ecn::Ce,
            _ => {}
        },
    }
    Some(header)
}

fn link(from: IpAddr, chance: &mut Chance<'_>) -> Link {
    let destination = if chance.one_in(24) { EtherAddr::BROADCAST } else { OWN };
    Link { source: station(from), destination }
}

/// A sequence number near another, or any.
fn near(number: SeqNumber, chance: &mut Chance<'_>) -> SeqNumber {
    match chance.below(12) {
        1 => SeqNumber(chance.word()),
        2 => number + chance.below(65_536),
        3 => number - chance.below(65_536),
        4 => number + 1_u32,
        5 => number - 1_u32,
        _ => number,
    }
}

/// Makes a TCP segment of this flow, sometimes with unusual numbers, flags and options.
pub(crate) fn segment(flow: &Flow, chance: &mut Chance<'_>, out: &mut Vec<u8>) {
    const FLAGS: [Flags; 12] = [
        Flags::ACK,
        Flags::ACK,
        Flags::ACK,
        Flags::ACK,
        Flags::PSH_ACK,
        Flags::SYN,
        Flags::SYN_ACK,
        Flags::FIN_ACK,
        Flags::RST,
        Flags::RST_ACK,
        Flags::NONE,
        Flags::ECE,
    ];
    let flags = match chance.below(14) as usize {
        n @ 0..12 => FLAGS[n],
        _ => Flags::from_bits(chance.below(512) as u16),
    };
    let window = match chance.below(4) {
        0 => u16::MAX,
        1 => 0,
        _ => chance.below(65_536) as u16,
    };
    let mut header = tcp::Header {
        sequence: near(flow.acknowledged, chance),
        acknowledgement: near(flow.sent, chance),
        flags,
        window,
        urgent: chance.below(3) as u16,
        ..tcp::Header::new(flow.remote_port, flow.local_port)
    };
    let kinds = chance.below(32);
    if flags.contains(Flags::SYN) {
        header.options.mss = (kinds & 1 == 0).then(|| chance.below(65_536) as u16);
        header.options.window_scale = (kinds & 2 == 0).then(|| chance.below(20) as u8);
        header.options.sack_permitted = kinds & 4 == 0;
    }
    if kinds & 8 == 0 || flow.clock.is_some() && kinds & 16 == 0 {
        let value = chance.below(65_536);
        header.options.timestamps = Some(Timestamps { value, echo: flow.clock.unwrap_or(0) });
    }
    if !flags.contains(Flags::SYN) && kinds & 3 == 3 {
        for _ in 0..=chance.below(4) {
            let left = near(flow.sent - chance.below(20_000), chance);
            let right = near(left + chance.below(3000), chance);
            header.options.sack.push(SackBlock { left, right });
        }
    }
    let length = [0, 0, 1, 100, 1448][chance.below(5) as usize];
    let payload = vec![0x55; length];
    let link = link(flow.remote, chance);
    if let Some(ip) = header_of(flow, chance) {
        let _ = Envelope::new(link, ip).emit_tcp(&header, [&payload, &[]], out);
    }
}

fn header_of(flow: &Flow, chance: &mut Chance<'_>) -> Option<IpHeader> {
    header(flow.remote, flow.local, chance)
}

/// Makes a UDP datagram.
pub(crate) fn datagram(from: IpAddr, to: IpAddr, chance: &mut Chance<'_>, out: &mut Vec<u8>) {
    let ports = udp::Header {
        source_port: chance.below(4) as u16,
        destination_port: chance.pick(&[53, 53, 9, 0]),
    };
    let payload = vec![1; chance.below(1400) as usize];
    let link = link(from, chance);
    if let Some(ip) = header(from, to, chance) {
        let _ = Envelope::new(link, ip).emit_udp(&ports, &payload, out);
    }
}

/// Makes a fragment of a datagram, which may overlap others.
pub(crate) fn piece(from: IpAddr, to: IpAddr, chance: &mut Chance<'_>, out: &mut Vec<u8>) {
    let more = chance.below(4) > 0;
    let length = [8, 16, 64, 1400][chance.below(4) as usize] + if more { 0 } else { 3 };
    let payload = vec![2; length];
    let fragment = Fragment {
        identification: chance.below(4),
        offset: chance.below(64) as usize * 8 * chance.pick(&[1, 1, 127]),
        more,
        protocol: chance.pick(&[Protocol::UDP, Protocol::TCP, Protocol::ICMPV4, Protocol::ICMPV6]),
        payload: &payload,
    };
    let link = link(from, chance);
    if let Some(ip) = header(from, to, chance) {
        let _ = Envelope::new(link, ip).emit_fragment(&fragment, out);
    }
}

/// Makes an ICMP message: an echo, or an error about a packet that the host sent, or about
/// anything.
pub(crate) fn control(
    (from, to): (IpAddr, IpAddr),
    quoted: &[u8],
    chance: &mut Chance<'_>,
    out: &mut Vec<u8>,
) {
    let packet = quoted.get(14..).unwrap_or(&[]);
    let packet = &packet[..packet.len().min(chance.pick(&[1200, 28, 60, 7]))];
    let (code, word) = (chance.below(18) as u8, chance.below(65_536) as u16);
    let link = link(from, chance);
    let kind = chance.below(6);
    let Some(ip) = header(from, to, chance) else { return };
    let envelope = Envelope::new(link, ip);
    let _ = match ip {
        IpHeader::V4(_) => {
            let message = match kind {
                0 => icmpv4::Message::EchoRequest { identifier: word, sequence: 1, data: packet },
                1 => icmpv4::Message::EchoReply { identifier: word, sequence: 1, data: packet },
                2 => icmpv4::Message::TimeExceeded {
                    code: icmpv4::TimeExceeded::from_code(code),
                    packet,
                },
                3 => icmpv4::Message::ParameterProblem { code, pointer: word as u8, packet },
                _ => icmpv4::Message::DestinationUnreachable {
                    code: icmpv4::Unreachable::from_code(code, word),
                    packet,
                },
            };
            envelope.emit_icmpv4(&message, out)
        }
        IpHeader::V6(_) => {
            let message = match kind {
                0 => icmpv6::Message::EchoRequest { identifier: word, sequence: 1, data: packet },
                1 => icmpv6::Message::EchoReply { identifier: word, sequence: 1, data: packet },
                2 => icmpv6::Message::PacketTooBig { mtu: word.into(), packet },
                3 => icmpv6::Message::ParameterProblem {
                    code: icmpv6::ParameterProblem::from_code(code),
                    pointer: word.into(),
                    packet,
                },
                _ => icmpv6::Message::DestinationUnreachable {
                    code: icmpv6::Unreachable::from_code(code),
                    packet,
                },
            };
            envelope.emit_icmpv6(&message, out)
        }
    };
}

/// Makes an ARP packet: true, false, or about the host's own address.
pub(crate) fn arp(from: IpAddr, target: IpAddr, chance: &mut Chance<'_>, out: &mut Vec<u8>) {
    let (IpAddr::V4(sender), IpAddr::V4(target)) = (from, target) else { return };
    let operation = Operation::from(chance.pick(&[2, 1, 2, 7]));
    let lie = chance.below(4) as u8;
    let sender_hardware = match lie {
        1 => EtherAddr::BROADCAST,
        2 => OWN,
        _ => station(from),
    };
    let sender_protocol = if chance.one_in(8) { OWN_V4[0] } else { sender };
    let packet = Packet {
        operation,
        sender_hardware,
        sender_protocol,
        target_hardware: OWN,
        target_protocol: target,
    };
    link(from, chance).emit_arp(&packet, out);
}

/// Makes a neighbour discovery message (RFC 4861).
pub(crate) fn ndp(from: IpAddr, target: IpAddr, chance: &mut Chance<'_>, out: &mut Vec<u8>) {
    let (IpAddr::V6(sender), IpAddr::V6(target)) = (from, target) else { return };
    let prefix = Prefix {
        length: chance.pick(&[64, 64, 0, 128]),
        on_link: true,
        autonomous: true,
        valid_lifetime: chance.below(3) * 100,
        preferred_lifetime: chance.below(3) * 50,
        prefix: Ipv6Addr::new(0xfd00, 0, 0, chance.below(40) as u16, 0, 0, 0, 0),
    };
    let station = station(from);
    let list = [
        NdpOption::SourceLinkLayer(station),
        NdpOption::TargetLinkLayer(station),
        NdpOption::PrefixInformation(prefix),
        NdpOption::Mtu(chance.below(2000)),
    ];
    let options = Options::List(&list[..chance.below(5) as usize]);
    let bits = chance.below(8);
    let router = Router {
        lifetime: chance.below(3) as u16,
        reachable_time: chance.below(2000),
        retransmit_timer: chance.below(2000),
        ..Router::default()
    };
    let message = match chance.below(5) {
        0 | 1 => Message::NeighbourAdvertisement {
            router: bits & 1 > 0,
            solicited: bits & 2 > 0,
            override_entry: bits & 4 > 0,
            target,
            options,
        },
        2 => Message::NeighbourSolicitation { target: OWN_V6[0], options },
        3 => Message::RouterAdvertisement { router, options },
        _ => Message::Redirect { target, destination: target, options },
    };
    let to = if bits == 7 { Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1) } else { OWN_V6[0] };
    let ip = ipv6::Header {
        hop_limit: if chance.one_in(16) { 64 } else { 255 },
        ..ipv6::Header::new(sender, to, Protocol::ICMPV6)
    };
    let envelope = Envelope::new(link(from, chance), ip);
    let _ = envelope.emit_icmpv6(&icmpv6::Message::Ndp(message), out);
}
