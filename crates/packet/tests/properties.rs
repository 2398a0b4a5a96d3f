//! What is written is read again, and nothing that is read makes the reader panic.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use roundtrip_packet::icmpv4::TimeExceeded;
use roundtrip_packet::options::{FastOpenCookie, OptionBytes, TcpOption, iter};
use roundtrip_packet::*;

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=most)
}

fn ecn() -> impl Strategy<Value = Ecn> {
    any::<u8>().prop_map(Ecn::from_bits)
}

fn ether_addr() -> impl Strategy<Value = EtherAddr> {
    any::<[u8; 6]>().prop_map(EtherAddr)
}

fn link() -> impl Strategy<Value = Link> {
    (ether_addr(), ether_addr()).prop_map(|(source, destination)| Link { source, destination })
}

prop_compose! {
    fn ipv4_header()(
        dscp in 0_u8..64, ecn in ecn(), identification in any::<u16>(),
        dont_fragment in any::<bool>(), ttl in any::<u8>(),
        source in any::<Ipv4Addr>(), destination in any::<Ipv4Addr>(), options in bytes(40),
    ) -> ipv4::Header {
        ipv4::Header {
            dscp, ecn, identification, dont_fragment, ttl,
            options: ipv4::Options::new(&options).unwrap(),
            ..ipv4::Header::new(source, destination, Protocol::TCP)
        }
    }
}

prop_compose! {
    fn ipv6_header()(
        dscp in 0_u8..64, ecn in ecn(), flow_label in 0_u32..1 << 20, hop_limit in any::<u8>(),
        source in any::<Ipv6Addr>(), destination in any::<Ipv6Addr>(),
    ) -> ipv6::Header {
        ipv6::Header {
            dscp, ecn, flow_label, hop_limit,
            ..ipv6::Header::new(source, destination, Protocol::TCP)
        }
    }
}

fn ip_header() -> impl Strategy<Value = IpHeader> {
    prop_oneof![ipv4_header().prop_map(IpHeader::V4), ipv6_header().prop_map(IpHeader::V6),]
}

fn timestamps() -> impl Strategy<Value = Timestamps> {
    any::<(u32, u32)>().prop_map(|(value, echo)| Timestamps { value, echo })
}

fn sack_blocks(most: usize) -> impl Strategy<Value = SackBlocks> {
    prop::collection::vec(any::<(u32, u32)>(), 0..=most).prop_map(|pairs| {
        let block = |(left, right)| SackBlock { left: SeqNumber(left), right: SeqNumber(right) };
        pairs.into_iter().map(block).collect()
    })
}

fn cookie() -> impl Strategy<Value = FastOpenCookie> {
    prop_oneof![Just(0), (2_usize..=8).prop_map(|half| half * 2)]
        .prop_flat_map(|length| prop::collection::vec(any::<u8>(), length))
        .prop_map(|cookie| FastOpenCookie::new(&cookie).unwrap())
}

/// The options of a SYN, of which all always fit, and of any other segment.
fn tcp_options() -> impl Strategy<Value = Options> {
    let syn = (
        option::of(any::<u16>()),
        option::of(any::<u8>()),
        any::<bool>(),
        option::of(timestamps()),
        option::of(cookie()),
    )
        .prop_map(|(mss, window_scale, sack_permitted, timestamps, fast_open)| Options {
            mss,
            window_scale,
            sack_permitted,
            timestamps,
            fast_open,
            ..Options::NONE
        });
    let with_clock = (timestamps(), sack_blocks(3)).prop_map(|(clock, sack)| Options {
        timestamps: Some(clock),
        sack,
        ..Options::NONE
    });
    let without = sack_blocks(4).prop_map(|sack| Options { sack, ..Options::NONE });
    prop_oneof![syn, with_clock, without]
}

prop_compose! {
    fn tcp_header()(
        ports in any::<(u16, u16)>(), sequence in any::<u32>(), acknowledgement in any::<u32>(),
        flags in any::<u16>(), window in any::<u16>(), urgent in any::<u16>(),
        options in tcp_options(),
    ) -> tcp::Header {
        tcp::Header {
            sequence: SeqNumber(sequence),
            acknowledgement: SeqNumber(acknowledgement),
            flags: Flags::from_bits(flags),
            window, urgent, options,
            ..tcp::Header::new(ports.0, ports.1)
        }
    }
}

/// Any option that stands for itself when read again.
fn tcp_option() -> impl Strategy<Value = (u8, Vec<u8>)> {
    (any::<u8>().prop_filter("has no length", |kind| *kind > 1), bytes(12))
}

/// An ICMP message of any type, from its parts.
fn icmpv4_message((choice, code, word): (u8, u8, u32), data: &[u8]) -> icmpv4::Message<'_> {
    let (high, low) = ((word >> 16) as u16, word as u16);
    match choice % 7 {
        0 => icmpv4::Message::EchoRequest { identifier: high, sequence: low, data },
        1 => icmpv4::Message::EchoReply { identifier: high, sequence: low, data },
        2 => icmpv4::Message::DestinationUnreachable {
            code: icmpv4::Unreachable::from_code(code, low),
            packet: data,
        },
        3 => icmpv4::Message::Redirect { code, gateway: Ipv4Addr::from(word), packet: data },
        4 => icmpv4::Message::TimeExceeded { code: TimeExceeded::from_code(code), packet: data },
        5 => icmpv4::Message::ParameterProblem { code, pointer: high as u8, packet: data },
        _ => icmpv4::Message::Other { kind: 13, code, rest: word.to_be_bytes(), data },
    }
}

fn ndp_message(
    choice: u8,
    word: u32,
    [target, destination]: [Ipv6Addr; 2],
    options: ndp::Options<'_>,
) -> ndp::Message<'_> {
    let bit = |place: u32| word >> place & 1 == 1;
    match choice % 5 {
        0 => ndp::Message::RouterSolicitation { options },
        1 => ndp::Message::RouterAdvertisement {
            router: ndp::Router {
                hop_limit: word as u8,
                managed: bit(9),
                other_config: bit(10),
                lifetime: (word >> 16) as u16,
                reachable_time: word,
                retransmit_timer: !word,
            },
            options,
        },
        2 => ndp::Message::NeighbourSolicitation { target, options },
        3 => ndp::Message::NeighbourAdvertisement {
            router: bit(0),
            solicited: bit(1),
            override_entry: bit(2),
            target,
            options,
        },
        _ => ndp::Message::Redirect { target, destination, options },
    }
}

fn icmpv6_message((choice, code, word): (u8, u8, u32), data: &[u8]) -> icmpv6::Message<'_> {
    let (high, low) = ((word >> 16) as u16, word as u16);
    match choice % 7 {
        0 => icmpv6::Message::EchoRequest { identifier: high, sequence: low, data },
        1 => icmpv6::Message::EchoReply { identifier: high, sequence: low, data },
        2 => icmpv6::Message::DestinationUnreachable {
            code: icmpv6::Unreachable::from_code(code),
            packet: data,
        },
        3 => icmpv6::Message::PacketTooBig { mtu: word, packet: data },
        4 => icmpv6::Message::TimeExceeded { code: TimeExceeded::from_code(code), packet: data },
        5 => icmpv6::Message::ParameterProblem {
            code: icmpv6::ParameterProblem::from_code(code),
            pointer: word,
            packet: data,
        },
        _ => icmpv6::Message::Other { kind: 143, code, data },
    }
}

/// The IP packet in a frame that must be readable.
fn read(bytes: &[u8]) -> Packet<'_> {
    match parse_frame(bytes, Verify::Full) {
        Ok(Frame { network: Network::Ip(packet), .. }) => packet,
        other => panic!("{other:?}"),
    }
}

proptest! {
    /// RFC 9293 §3.4: order and distance of numbers less than half the circle apart, wherever the
    /// circle is cut.
    #[test]
    fn sequence_numbers(at in any::<u32>(), ahead in 0_u32..0x8000_0000) {
        for at in [SeqNumber(at), SeqNumber(at % 8), SeqNumber(u32::MAX - at % 8)] {
            let there = at + ahead;
            prop_assert_eq!((there - at, at - there), (ahead as i32, -(ahead as i32)));
            prop_assert_eq!(there - ahead, at);
            prop_assert_eq!((at.lt(there), at.le(there)), (ahead > 0, true));
            prop_assert_eq!((there.gt(at), there.ge(at)), (ahead > 0, true));
            prop_assert_eq!((there.lt(at), there.le(at)), (false, ahead == 0));
            prop_assert_eq!((at.max(there), at.min(there)), (there, at));
        }
    }

    #[test]
    fn segments(
        link in link(), ip in ip_header(), header in tcp_header(), data in bytes(3000),
        at in any::<Index>(), before in bytes(9), padding in bytes(9),
    ) {
        let (first, second) = data.split_at(at.index(data.len() + 1));
        let mut out = before.clone();
        let emitted =
            Envelope::new(link, ip).emit_tcp(&header, [first, second], &mut out).unwrap();
        prop_assert_eq!(&out[..before.len()], &before[..]);
        let mut frame = out.split_off(before.len());
        prop_assert_eq!(emitted.length, frame.len());
        prop_assert_eq!(&frame[emitted.payload..], &data[..]);
        frame.extend(padding);
        let packet = read(&frame);
        prop_assert_eq!(packet.ip, ip.with_protocol(Protocol::TCP));
        prop_assert_eq!(packet.bytes, &frame[emitted.network..emitted.length]);
        let Transport::Tcp(segment) = packet.transport else { panic!("{packet:?}") };
        prop_assert_eq!(segment.header, header);
        prop_assert_eq!(segment.payload, &data[..]);
    }

    /// The short way takes what is plain and right, sees in it what the long way sees, and takes
    /// nothing else, whichever bit is flipped.
    #[test]
    fn the_short_way_and_the_long_way_agree(
        link in link(), ip in ip_header(), bare in any::<bool>(), header in tcp_header(),
        data in bytes(200), padding in bytes(9), at in any::<Index>(), flip in any::<Option<u8>>(),
    ) {
        let ip = match ip {
            IpHeader::V4(v4) if bare => {
                IpHeader::V4(ipv4::Header { options: ipv4::Options::NONE, ..v4 })
            }
            _ => ip,
        };
        let mut frame = Vec::new();
        Envelope::new(link, ip).emit_tcp(&header, [&data, &[]], &mut frame).unwrap();
        frame.extend(padding);
        if let Some(mask) = flip {
            let at = at.index(frame.len());
            frame[at] ^= mask;
        }
        for verify in [Verify::Full, Verify::Trusted] {
            let long = match parse_frame(&frame, verify) {
                Ok(Frame {
                    network: Network::Ip(Packet { ip, transport: Transport::Tcp(segment), .. }), ..
                }) if ip.protocol() == Protocol::TCP
                    && (ip.length() == ipv4::HEADER_LEN || ip.source().is_ipv6())
                    && matches!(segment.options, [] | [1, 1, 8, 10, ..])
                    && segment.options.len() <= 12 => Some((ip, segment)),
                _ => None,
            };
            let short = parse_plain(&frame, verify);
            prop_assert_eq!(short.is_some(), long.is_some());
            let (Some(short), Some((ip, segment))) = (short, long) else { continue };
            prop_assert_eq!((short.source, short.destination), (ip.source(), ip.destination()));
            prop_assert_eq!((short.ecn, short.header()), (ip.ecn(), segment.header));
            prop_assert_eq!(short.ports(), (segment.header.source_port, segment.header.destination_port));
            prop_assert_eq!(short.payload, segment.payload);
        }
    }

    #[test]
    fn lists_of_options(ip in ip_header(), list in prop::collection::vec(tcp_option(), 0..8)) {
        let mut written = OptionBytes::EMPTY;
        for (kind, data) in &list {
            let before = written;
            if written.push(&TcpOption::Unknown { kind: *kind, data }).is_err() {
                prop_assert!(before.room() < 2 + data.len());
                prop_assert_eq!(written, before);
            }
        }
        let mut out = Vec::new();
        let envelope = Envelope::bare(ip);
        envelope.emit_tcp_with_options(&tcp::Header::new(1, 2), &written, [&[], &[]], &mut out)
            .unwrap();
        let packet = parse_packet(&out, Verify::Full).unwrap();
        let Transport::Tcp(segment) = packet.transport else { panic!("{packet:?}") };
        // Each option read is written as it was, in order.
        let mut again = OptionBytes::EMPTY;
        for option in iter(segment.options).filter(|option| *option != TcpOption::EndOfList) {
            again.push(&option).unwrap();
        }
        prop_assert_eq!(again, written);
    }

    #[test]
    fn datagrams(
        link in link(), ip in ip_header(), ports in any::<(u16, u16)>(), data in bytes(2000),
    ) {
        let header = udp::Header { source_port: ports.0, destination_port: ports.1 };
        let mut out = Vec::new();
        Envelope::new(link, ip).emit_udp(&header, &data, &mut out).unwrap();
        let packet = read(&out);
        prop_assert_eq!(packet.transport, Transport::Udp { header, payload: &data });
    }

    #[test]
    fn control_messages(
        link in link(), ip in ipv4_header(), parts in any::<(u8, u8, u32)>(), data in bytes(600),
    ) {
        let message = icmpv4_message(parts, &data);
        let mut out = Vec::new();
        Envelope::new(link, ip).emit_icmpv4(&message, &mut out).unwrap();
        prop_assert_eq!(read(&out).transport, Transport::Icmpv4(message));
    }

    #[test]
    fn control_messages_v6(
        link in link(), ip in ipv6_header(), parts in any::<(u8, u8, u32)>(), data in bytes(600),
    ) {
        let message = icmpv6_message(parts, &data);
        let mut out = Vec::new();
        Envelope::new(link, ip).emit_icmpv6(&message, &mut out).unwrap();
        prop_assert_eq!(read(&out).transport, Transport::Icmpv6(message));
    }

    #[test]
    fn neighbour_discovery(
        link in link(), ip in ipv6_header(), parts in any::<(u8, u32)>(),
        addresses in any::<[Ipv6Addr; 2]>(), station in ether_addr(), mtu in any::<u32>(),
        nonce in any::<[u8; 6]>(), units in 0_usize..20, choice in any::<u8>(),
    ) {
        let packet = vec![0x5a; units * 8];
        let unknown = vec![0xa5; units * 8 + 6];
        let list = [
            ndp::NdpOption::SourceLinkLayer(station),
            ndp::NdpOption::TargetLinkLayer(station),
            ndp::NdpOption::Mtu(mtu),
            ndp::NdpOption::Nonce(nonce),
            ndp::NdpOption::RedirectedHeader(&packet),
            ndp::NdpOption::Unknown { kind: 200, data: &unknown },
            ndp::NdpOption::PrefixInformation(ndp::Prefix {
                length: choice % 129,
                on_link: choice & 1 == 1,
                autonomous: choice & 2 == 2,
                valid_lifetime: mtu,
                preferred_lifetime: !mtu,
                prefix: addresses[1],
            }),
        ];
        let options = ndp::Options::List(&list[..usize::from(choice) % (list.len() + 1)]);
        let message = ndp_message(parts.0, parts.1, addresses, options);
        let mut out = Vec::new();
        let emitted = Envelope::new(link, ip)
            .emit_icmpv6(&icmpv6::Message::Ndp(message), &mut out).unwrap();
        prop_assert_eq!(emitted.length, out.len());
        prop_assert_eq!(read(&out).transport, Transport::Icmpv6(icmpv6::Message::Ndp(message)));
    }

    #[test]
    fn fragments(
        link in link(), ip in ip_header(), identification in any::<u16>(), eighths in 0_u16..4000,
        more in any::<bool>(), units in 1_usize..100,
    ) {
        let payload = vec![7; units * 8];
        let fragment = Fragment {
            identification: identification.into(),
            offset: usize::from(eighths) * 8,
            more: more || eighths == 0,
            protocol: Protocol::UDP,
            payload: &payload,
        };
        let mut out = Vec::new();
        Envelope::new(link, ip).emit_fragment(&fragment, &mut out).unwrap();
        prop_assert_eq!(read(&out).transport, Transport::Fragment(fragment));
    }

    #[test]
    fn arp(packet in any::<(u16, [u8; 6], [u8; 6], Ipv4Addr, Ipv4Addr)>(), link in link()) {
        let (operation, sender, target, sender_protocol, target_protocol) = packet;
        let packet = arp::Packet {
            operation: operation.into(),
            sender_hardware: EtherAddr(sender),
            sender_protocol,
            target_hardware: EtherAddr(target),
            target_protocol,
        };
        let mut out = Vec::new();
        link.emit_arp(&packet, &mut out);
        prop_assert_eq!(parse_frame(&out, Verify::Full).unwrap().network, Network::Arp(packet));
    }

    /// The checksums cover every bit after the Ethernet header (IPv6's own header only in part:
    /// traffic class, flow label and hop limit belong to no checksum).
    #[test]
    fn a_flipped_bit_is_seen(
        link in link(), header in tcp_header(), ip in ipv4_header(), data in bytes(100),
        at in any::<Index>(), bit in 0_u8..8,
    ) {
        let mut out = Vec::new();
        let emitted =
            Envelope::new(link, ip).emit_tcp(&header, [&data, &[]], &mut out).unwrap();
        let at = emitted.network + at.index(out.len() - emitted.network);
        out[at] ^= 1 << bit;
        prop_assert!(parse_frame(&out, Verify::Full).is_err());
    }

    /// A device that finishes the checksum over what follows the pseudo-header's sum gets what
    /// we would have written.
    #[test]
    fn an_unfinished_checksum_can_be_finished(
        link in link(), ip in ip_header(), header in tcp_header(), data in bytes(2000),
    ) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let full = Envelope::new(link, ip);
        let partial = Envelope { checksum: ChecksumMode::PseudoHeaderOnly, ..full };
        full.emit_tcp(&header, [&data, &[]], &mut ours).unwrap();
        let at = partial.emit_tcp(&header, [&data, &[]], &mut theirs).unwrap().transport;
        prop_assert!(parse_frame(&theirs, Verify::Trusted).is_ok());
        let finished = checksum::sum(&theirs[at..]).checksum();
        let field = at + tcp::CHECKSUM_OFFSET;
        theirs[field..field + 2].copy_from_slice(&finished.to_be_bytes());
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn any_bytes_can_be_read_and_shown(frame in bytes(300), kind in 0_usize..4) {
        never_panics(frame, kind);
    }

    /// The same with bytes that look like packets, so that the deeper layers are reached.
    #[test]
    fn damaged_frames_can_be_read_and_shown(
        link in link(), ip in ip_header(), protocol in 0_usize..8, payload in bytes(200),
        damage in prop::collection::vec(any::<(Index, u8)>(), 0..4), cut in any::<Index>(),
    ) {
        let protocol = [0, 1, 6, 17, 43, 44, 58, 60][protocol];
        let mut out = Vec::new();
        Envelope::new(link, ip).emit_payload(Protocol(protocol), &payload, &mut out).unwrap();
        for (at, value) in damage {
            let at = at.index(out.len());
            out[at] = value;
        }
        out.truncate(cut.index(out.len() * 4).min(out.len()));
        never_panics(out, 3);
    }
}

fn never_panics(mut frame: Vec<u8>, kind: usize) {
    if let (Some(place), Some(ether_type)) =
        (frame.get_mut(12..14), [0x0800_u16, 0x86dd, 0x0806].get(kind))
    {
        place.copy_from_slice(&ether_type.to_be_bytes());
    }
    for verify in [Verify::Full, Verify::Trusted, Verify::Snapped] {
        if let Ok(frame) = parse_frame(&frame, verify) {
            look_closely(&frame);
        }
        let _ = parse_packet(&frame, verify);
    }
    assert!(!summary::Line(&frame).to_string().is_empty());
    assert!(!summary::PacketLine(&frame).to_string().is_empty());
    let _ = Quote::parse(&frame);
    ipv4::decrement_ttl(&mut frame);
    ipv4::mark_congestion(&mut frame);
    ipv6::decrement_hop_limit(&mut frame);
    ipv6::mark_congestion(&mut frame);
}

/// Calls what is computed only on demand.
fn look_closely(frame: &Frame<'_>) {
    let Network::Ip(packet) = &frame.network else { return };
    match &packet.transport {
        Transport::Icmpv4(message) => {
            let _ = message.quote();
            let mut out = Vec::new();
            message.emit(&mut out);
            assert_eq!(out.len(), message.length());
        }
        Transport::Icmpv6(message) => {
            let _ = message.quote();
            if let (icmpv6::Message::Ndp(ndp), IpHeader::V6(ip)) = (message, &packet.ip) {
                let _ = ndp.validate(ip);
            }
            let mut out = Vec::new();
            message.emit(&packet.ip, &mut out);
            assert_eq!(out.len(), message.length());
        }
        _ => {}
    }
}
