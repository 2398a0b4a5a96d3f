//! Whatever comes, whenever: nothing panics, and memory stays below the limits.

use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;
use roundtrip_host::{Config, Host, IfIndex, Interface, Limits, Received, Route};
use roundtrip_packet::arp::{Operation, Packet};
use roundtrip_packet::ndp::{Message, NdpOption, Options, Prefix, Router};
use roundtrip_packet::{
    Envelope, EtherAddr, Flags, Fragment, IpHeader, Link, Protocol, SeqNumber, Verify, icmpv4,
    icmpv6, ipv4, ipv6, tcp, udp,
};
use roundtrip_record::{InterfaceId, Off, Time};

const OWN: EtherAddr = EtherAddr([2, 0, 0, 0, 0, 1]);
const OWN_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const OWN_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);

fn limits() -> Limits {
    Limits {
        sockets: 64,
        orphans: 16,
        time_wait: 16,
        syn_backlog: 8,
        udp_receive: 4_096,
        neighbours: 16,
        reassembly: 20_000,
        output: 100_000,
        path_mtus: 8,
        ..Limits::default()
    }
}

/// A router with everything open that can be.
fn host() -> (Host, IfIndex) {
    let config = Config { limits: limits(), forwarding: true, ..Config::default() };
    let mut host = Host::new(config);
    let lo = host.add_interface(Interface::loopback(InterfaceId(0)));
    host.add_address(lo, IpAddr::V4(Ipv4Addr::LOCALHOST), 8);
    let eth = host.add_interface(Interface::ethernet(InterfaceId(1), "eth0", OWN));
    host.add_address(eth, OWN_V4.into(), 24);
    host.add_address(eth, OWN_V6.into(), 64);
    let via = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 254)));
    let to = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    host.add_route(Route { to, prefix_len: 0, via, interface: eth });
    let all = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 80);
    host.listen(all, 4).unwrap();
    host.bind_udp(all).unwrap();
    host.check_address(Time::ZERO, OWN_V4.into());
    host.check_address(Time::ZERO, OWN_V6.into());
    (host, eth)
}

fn peer_v4() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![
        8 => (2_u8..40).prop_map(|n| Ipv4Addr::new(10, 0, 0, n)),
        1 => any::<u32>().prop_map(Ipv4Addr::from),
        1 => Just(OWN_V4),
    ]
}

fn peer_v6() -> impl Strategy<Value = Ipv6Addr> {
    prop_oneof![
        8 => (2_u16..40).prop_map(|n| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n)),
        4 => (2_u16..40).prop_map(|n| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, n)),
        1 => any::<u128>().prop_map(Ipv6Addr::from),
        1 => Just(OWN_V6),
    ]
}

fn mac() -> impl Strategy<Value = EtherAddr> {
    prop_oneof![
        6 => Just(OWN),
        2 => Just(EtherAddr::BROADCAST),
        1 => any::<[u8; 6]>().prop_map(EtherAddr),
    ]
}

fn header() -> impl Strategy<Value = IpHeader> {
    let v4 = (peer_v4(), prop_oneof![9 => Just(OWN_V4), 1 => peer_v4()], 0_u8..4, any::<bool>());
    let v4 = v4.prop_map(|(from, to, ttl, dont_fragment)| {
        let ttl = if ttl == 0 { 1 } else { 64 };
        let header = ipv4::Header::new(from, to, Protocol::TCP);
        IpHeader::V4(ipv4::Header { ttl, dont_fragment, ..header })
    });
    let v6 = (peer_v6(), prop_oneof![9 => Just(OWN_V6), 1 => peer_v6()], 0_u8..4);
    let v6 = v6.prop_map(|(from, to, kind)| {
        let hop_limit = [1, 64, 255, 255][usize::from(kind)];
        let to = if kind == 3 { Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1) } else { to };
        let header = ipv6::Header::new(from, to, Protocol::TCP);
        IpHeader::V6(ipv6::Header { hop_limit, ..header })
    });
    prop_oneof![v4, v6]
}

#[derive(Clone, Debug)]
enum Content {
    Segment { port: u16, flags: u16, seq: u32, ack: u32, payload: Vec<u8> },
    Datagram { port: u16, payload: Vec<u8> },
    Echo(Vec<u8>),
    Error { code: u8, quoted: Vec<u8> },
    Piece { identification: u32, offset: usize, more: bool, payload: Vec<u8> },
    Arp { operation: u16, sender: Ipv4Addr, target: Ipv4Addr },
    Ndp { kind: u8, target: Ipv6Addr, lifetime: u16 },
    Noise(Vec<u8>),
}

fn content() -> impl Strategy<Value = Content> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    prop_oneof![
        8 => (prop_oneof![Just(80_u16), 1..5_u16], 0_u16..256, any::<u32>(), any::<u32>(), bytes(64))
            .prop_map(|(port, flags, seq, ack, payload)| {
                Content::Segment { port, flags, seq, ack, payload }
            }),
        8 => (1_u16..2000, any::<u32>()).prop_map(|(_, seq)| Content::Segment {
            port: 80, flags: 2, seq, ack: 0, payload: Vec::new(),
        }),
        2 => (prop_oneof![Just(80_u16), 1..5_u16], bytes(1400))
            .prop_map(|(port, payload)| Content::Datagram { port, payload }),
        1 => bytes(100).prop_map(Content::Echo),
        2 => (any::<u8>(), bytes(80)).prop_map(|(code, quoted)| Content::Error { code, quoted }),
        4 => (0_u32..8, 0_usize..40, any::<bool>(), bytes(40)).prop_map(
            |(identification, offset, more, mut payload)| {
                if more {
                    payload.truncate(payload.len() & !7);
                }
                Content::Piece { identification, offset: offset * 8, more, payload }
            }
        ),
        2 => (0_u16..4, peer_v4(), peer_v4())
            .prop_map(|(operation, sender, target)| Content::Arp { operation, sender, target }),
        3 => (0_u8..4, peer_v6(), 0_u16..3)
            .prop_map(|(kind, target, lifetime)| Content::Ndp { kind, target, lifetime }),
        1 => bytes(200).prop_map(Content::Noise),
    ]
}

fn ndp(kind: u8, target: Ipv6Addr, lifetime: u16, envelope: &Envelope, out: &mut Vec<u8>) {
    let prefix = Prefix {
        length: 64,
        on_link: true,
        autonomous: true,
        valid_lifetime: u32::from(lifetime) * 100,
        preferred_lifetime: u32::from(lifetime) * 50,
        prefix: target,
    };
    let link = EtherAddr([2, 0, 0, 0, 9, target.octets()[15]]);
    let list = [
        NdpOption::SourceLinkLayer(link),
        NdpOption::TargetLinkLayer(link),
        NdpOption::PrefixInformation(prefix),
    ];
    let options = Options::List(&list);
    let router = Router { lifetime, reachable_time: 1000, ..Router::default() };
    let message = match kind {
        0 => Message::NeighbourSolicitation { target, options },
        1 => Message::NeighbourAdvertisement {
            router: false,
            solicited: lifetime == 1,
            override_entry: lifetime == 2,
            target,
            options,
        },
        2 => Message::RouterAdvertisement { router, options },
        _ => Message::RouterSolicitation { options },
    };
    let _ = envelope.emit_icmpv6(&icmpv6::Message::Ndp(message), out);
}

fn frame(ip: IpHeader, destination: EtherAddr, content: &Content) -> Vec<u8> {
    let link = Link { source: EtherAddr([2, 0, 0, 0, 0, 7]), destination };
    let envelope = Envelope::new(link, ip);
    let mut out = Vec::new();
    // What cannot be written for this family is an empty frame, which must be borne, too.
    let _ = match content {
        Content::Segment { port, flags, seq, ack, payload } => {
            let header = tcp::Header {
                flags: Flags::from_bits(*flags),
                sequence: SeqNumber(*seq),
                acknowledgement: SeqNumber(*ack),
                window: 1000,
                ..tcp::Header::new((*seq % 500) as u16 + 1, *port)
            };
            envelope.emit_tcp(&header, [payload, &[]], &mut out)
        }
        Content::Datagram { port, payload } => {
            let header = udp::Header { source_port: 9, destination_port: *port };
            envelope.emit_udp(&header, payload, &mut out)
        }
        Content::Echo(data) => match ip {
            IpHeader::V4(_) => {
                let message = icmpv4::Message::EchoRequest { identifier: 1, sequence: 1, data };
                envelope.emit_icmpv4(&message, &mut out)
            }
            IpHeader::V6(_) => {
                let message = icmpv6::Message::EchoRequest { identifier: 1, sequence: 1, data };
                envelope.emit_icmpv6(&message, &mut out)
            }
        },
        Content::Error { code, quoted } => {
            let code = icmpv4::Unreachable::from_code(code % 16, 600);
            let message = icmpv4::Message::DestinationUnreachable { code, packet: quoted };
            envelope.emit_icmpv4(&message, &mut out)
        }
        Content::Piece { identification, offset, more, payload } => {
            let (identification, offset, more) = (*identification, *offset, *more);
            let protocol = Protocol::UDP;
            let fragment = Fragment { identification, offset, more, protocol, payload };
            envelope.emit_fragment(&fragment, &mut out)
        }
        Content::Arp { operation, sender, target } => {
            let packet = Packet {
                operation: Operation::from(*operation),
                sender_hardware: EtherAddr([2, 0, 0, 0, 8, sender.octets()[3]]),
                sender_protocol: *sender,
                target_hardware: OWN,
                target_protocol: *target,
            };
            link.emit_arp(&packet, &mut out);
            return out;
        }
        Content::Ndp { kind, target, lifetime } => {
            ndp(*kind, *target, *lifetime, &envelope, &mut out);
            return out;
        }
        Content::Noise(bytes) => envelope.emit_payload(Protocol::ICMPV6, bytes, &mut out),
    };
    out
}

/// What the limits promise.
fn check(host: &Host) -> Result<(), TestCaseError> {
    let limits = limits();
    let held = host.held();
    prop_assert!(held.sockets <= limits.sockets, "{held:?}");
    prop_assert!(held.half_open <= limits.syn_backlog, "{held:?}");
    prop_assert!(held.time_wait <= limits.time_wait, "{held:?}");
    prop_assert!(held.neighbours <= limits.neighbours, "{held:?}");
    prop_assert!(held.reassembly_bytes <= limits.reassembly, "{held:?}");
    prop_assert!(held.output_bytes <= limits.output, "{held:?}");
    Ok(())
}

fn drain(host: &mut Host, now: Time) -> usize {
    let mut bytes = Vec::new();
    let mut count = 0;
    while host.poll_transmit(now, &mut bytes, &mut Off).is_some() {
        count += 1;
        assert!(count < 10_000, "it sends for ever");
    }
    while host.poll_event().is_some() {}
    count
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_frames_at_any_time(
        frames in prop::collection::vec((header(), mac(), content(), 0_u64..3_000, 0_u8..4), 1..120),
    ) {
        let (mut host, eth) = host();
        let mut now = Time::ZERO;
        for (ip, destination, content, wait, drains) in frames {
            now += Duration::from_millis(wait);
            if host.next_timeout().is_some_and(|at| at <= now) {
                host.handle_timeout(now, &mut Off);
            }
            let bytes = frame(ip, destination, &content);
            let received = Received { verify: Verify::Full, segment_size: None, cause: None };
            host.handle_frame(now, eth, &bytes, received, &mut Off);
            if drains > 0 {
                drain(&mut host, now);
            }
            check(&host)?;
        }
        // Left alone, it comes to rest.
        for _ in 0..2_000 {
            drain(&mut host, now);
            let Some(at) = host.next_timeout() else { break };
            prop_assert!(at >= now || host.next_timeout() == Some(at));
            now = now.max(at);
            host.handle_timeout(now, &mut Off);
            check(&host)?;
        }
        drain(&mut host, now);
    }

    #[test]
    fn any_bytes(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..128), 1..50)) {
        let (mut host, eth) = host();
        for bytes in frames {
            for head in [&[][..], &OWN.0, &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 7, 8, 0, 0x45], &[
                2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 7, 0x86, 0xdd, 0x60,
            ]] {
                let bytes = [head, &bytes[..]].concat();
                let received = Received { verify: Verify::Trusted, segment_size: None, cause: None };
                host.handle_frame(Time::ZERO, eth, &bytes, received, &mut Off);
                drain(&mut host, Time::ZERO);
            }
        }
        check(&host)?;
    }
}
