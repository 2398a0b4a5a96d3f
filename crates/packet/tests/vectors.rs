//! Bytes and lines known beforehand, worked out by hand from the RFCs.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use roundtrip_packet::icmpv4::TimeExceeded;
use roundtrip_packet::options::{FastOpenCookie, TcpOption, iter};
use roundtrip_packet::*;

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const LINK: Link =
    Link { source: EtherAddr([2, 0, 0, 0, 0, 1]), destination: EtherAddr([2, 0, 0, 0, 0, 2]) };

fn client6() -> Ipv6Addr {
    "2001:db8::1".parse().unwrap()
}

fn server6() -> Ipv6Addr {
    "2001:db8::2".parse().unwrap()
}

fn to_server(protocol: Protocol) -> Envelope {
    Envelope::new(LINK, ipv4::Header::new(CLIENT, SERVER, protocol))
}

fn to_server6(protocol: Protocol) -> Envelope {
    Envelope::new(LINK, ipv6::Header::new(client6(), server6(), protocol))
}

fn syn() -> tcp::Header {
    tcp::Header {
        sequence: SeqNumber(0x0102_0304),
        flags: Flags::SYN,
        window: 64240,
        options: Options {
            mss: Some(1460),
            window_scale: Some(10),
            sack_permitted: true,
            timestamps: Some(Timestamps { value: 0x1111_1111, echo: 0 }),
            ..Options::NONE
        },
        ..tcp::Header::new(0xc000, 80)
    }
}

fn emit_tcp(envelope: &Envelope, header: &tcp::Header, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    envelope.emit_tcp(header, [data, &[]], &mut out).unwrap();
    out
}

#[test]
fn every_byte_of_a_syn() {
    #[rustfmt::skip]
    let expected = [
        2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00,
        0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6, 0xb6, 0xb8, 192, 0, 2, 1, 192, 0, 2, 2,
        0xc0, 0x00, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0xa0, 0x02, 0xfa, 0xf0, 0xe2, 0x8f, 0, 0,
        2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0x11, 0x11, 0x11, 0x11, 0, 0, 0, 0, 1, 3, 3, 10,
    ];
    let bytes = emit_tcp(&to_server(Protocol::TCP), &syn(), &[]);
    assert_eq!(bytes, expected);
}

/// `tcp_options_write`: what Linux sends in each of these situations.
#[test]
fn options_stand_in_the_kernels_order() {
    let block = |left, right| SackBlock { left: SeqNumber(left), right: SeqNumber(right) };
    let clock = Some(Timestamps { value: 1, echo: 2 });
    let sack: SackBlocks = (0..4).map(|i| block(i * 10, i * 10 + 5)).collect();
    let written = |options: Options| options.to_bytes().as_bytes().to_vec();
    assert_eq!(
        written(Options { sack_permitted: true, ..Options::NONE }),
        [1, 1, 4, 2],
        "without a clock SACK permitted has padding of its own"
    );
    assert_eq!(
        written(Options { timestamps: clock, ..Options::NONE }),
        [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]
    );
    let both = written(Options { timestamps: clock, sack, ..Options::NONE });
    assert_eq!(both.len(), 40);
    assert_eq!(both[12..24], [1, 1, 5, 26, 0, 0, 0, 0, 0, 0, 0, 5], "three blocks fit");
    assert_eq!(written(Options { sack, ..Options::NONE })[..4], [1, 1, 5, 34], "four fit");
    let cookie = FastOpenCookie::new(&[1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(
        written(Options { fast_open: cookie, ..Options::NONE }),
        [34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1]
    );
    assert_eq!(
        written(Options { fast_open: Some(FastOpenCookie::REQUEST), ..Options::NONE }),
        [34, 2, 1, 1]
    );
    let old = cookie.map(|cookie| cookie.in_experimental(true));
    assert_eq!(
        written(Options { fast_open: old, ..Options::NONE }),
        [254, 12, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8]
    );
    assert_eq!(Options::parse(&[254, 6, 0xf9, 0x89, 1, 2]).fast_open, None, "two bytes are none");
    assert_eq!(Options::parse(&[254, 4, 0xf9, 0x8a]).fast_open, None, "another experiment");
    for length in [1, 2, 3, 5, 17, 18] {
        assert_eq!(FastOpenCookie::new(&[0; 18][..length]), None);
    }
}

#[test]
fn malformed_options_end_the_list_and_harm_nothing() {
    let read = |bytes: &[u8]| Options::parse(bytes);
    let mss = Options { mss: Some(1460), ..Options::NONE };
    assert_eq!(read(&[2, 4, 5, 180, 3]), mss, "a kind without a length");
    assert_eq!(read(&[2, 4, 5, 180, 3, 1, 7]), mss, "a length below 2");
    assert_eq!(read(&[2, 4, 5, 180, 3, 4, 7]), mss, "a length beyond the end");
    assert_eq!(read(&[3, 4, 7, 7, 2, 4, 5, 180]), mss, "a known kind of another length");
    assert_eq!(read(&[2, 4, 5, 180, 0, 3, 3, 7]), mss, "after the end of the list");
    assert_eq!(read(&[5, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Options::NONE, "half a SACK block");
    let list: Vec<_> = iter(&[1, 254, 4, 0xf9, 0x8a, 0, 9, 9]).collect();
    let unknown = TcpOption::Unknown { kind: 254, data: &[0xf9, 0x8a] };
    assert_eq!(list, [TcpOption::NoOperation, unknown, TcpOption::EndOfList]);
}

#[test]
fn a_short_tcp_header_is_refused() {
    let good = emit_tcp(&to_server(Protocol::TCP), &syn(), &[]);
    let broken = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        parse_frame(&bytes, Verify::Trusted).unwrap_err()
    };
    let offset = 14 + 20 + 12;
    assert_eq!(broken(offset, 0x42).problem, Problem::HeaderLength(16));
    let problem = Problem::Truncated { needed: 44, available: 40 };
    assert_eq!(broken(offset, 0xb2), ParseError { layer: Layer::Tcp, problem, offset: 40 });
    assert_eq!(
        broken(offset, 0x42).to_string(),
        "TCP: header length 16, below the minimum, at byte 12 (RFC 9293 §3.1)"
    );
}

#[test]
fn udp_without_a_checksum() {
    let header = udp::Header { source_port: 53, destination_port: 4000 };
    for (envelope, field, accepted) in [
        (to_server(Protocol::UDP), 14 + 20 + 6, true),
        (to_server6(Protocol::UDP), 14 + 40 + 6, false),
    ] {
        let mut bytes = Vec::new();
        envelope.emit_udp(&header, b"abc", &mut bytes).unwrap();
        assert!(parse_frame(&bytes, Verify::Full).is_ok());
        bytes[field..field + 2].fill(0);
        let read = parse_frame(&bytes, Verify::Full);
        assert_eq!(read.is_ok(), accepted);
        if let Err(error) = read {
            assert_eq!((error.problem, error.offset), (Problem::ChecksumMissing, 6));
        }
    }
}

/// A datagram whose checksum comes out as zero is sent with all ones instead.
#[test]
fn a_udp_checksum_is_never_zero() {
    let header = udp::Header { source_port: 1, destination_port: 2 };
    let mut bytes = Vec::new();
    let emitted = to_server(Protocol::UDP).emit_udp(&header, &[0, 0], &mut bytes).unwrap();
    let field = emitted.transport + 6;
    let checksum = [bytes[field], bytes[field + 1]];
    bytes.clear();
    to_server(Protocol::UDP).emit_udp(&header, &checksum, &mut bytes).unwrap();
    assert_eq!(bytes[field..field + 2], [0xff, 0xff]);
    assert!(parse_frame(&bytes, Verify::Full).is_ok());
}

#[test]
fn an_icmp_error_finds_its_socket_in_eight_bytes() {
    let sent = emit_tcp(&to_server(Protocol::TCP), &syn(), b"data");
    let message = icmpv4::Message::DestinationUnreachable {
        code: icmpv4::Unreachable::FragmentationNeeded { next_hop_mtu: 1400 },
        packet: &sent[14..14 + 28],
    };
    let quote = message.quote().unwrap();
    assert_eq!(quote.protocol, Protocol::TCP);
    let sockets = (SocketAddr::from((CLIENT, 0xc000)), SocketAddr::from((SERVER, 80)));
    assert_eq!(quote.sockets(), Some(sockets));
    let Some(QuotedTransport::Tcp { sequence, .. }) = quote.transport else { panic!("{quote:?}") };
    assert_eq!(sequence, SeqNumber(0x0102_0304));

    let mut bytes = Vec::new();
    message.emit(&mut bytes);
    assert_eq!(bytes[..2], [3, 4]);
    assert_eq!(bytes[4..8], [0, 0, 0x05, 0x78], "the MTU in the second half of the word");
    assert_eq!(icmpv4::Message::parse(&bytes, Verify::Full), Ok(message));

    let too_short =
        icmpv4::Message::TimeExceeded { code: TimeExceeded::InTransit, packet: &sent[14..14 + 27] };
    assert_eq!(too_short.quote().unwrap().transport, None);
}

#[test]
fn a_quote_looks_through_extension_headers_and_fragments() {
    let mut payload = vec![6, 0, 1, 4, 0, 0, 0, 0];
    payload.extend([0xc0, 0, 0, 80, 1, 2, 3, 4]);
    let mut packet = Vec::new();
    ipv6::Header::new(client6(), server6(), Protocol::DESTINATION_OPTIONS)
        .emit(500, &mut packet)
        .unwrap();
    packet.extend(&payload);
    let quote = Quote::parse(&packet).unwrap();
    let sockets = (SocketAddr::from((client6(), 0xc000)), SocketAddr::from((server6(), 80)));
    assert_eq!(quote.sockets(), Some(sockets));

    for (offset, has_ports) in [(0, true), (8, false)] {
        let header = ipv4::Header {
            fragment_offset: offset,
            more_fragments: true,
            ..ipv4::Header::new(CLIENT, SERVER, Protocol::UDP)
        };
        let mut packet = Vec::new();
        header.emit(1000, &mut packet).unwrap();
        packet.extend([0, 53, 0, 54, 0, 16, 0, 0]);
        assert_eq!(Quote::parse(&packet).unwrap().sockets().is_some(), has_ports);
    }
}

/// RFC 4884: where extensions follow, the length byte ends the quote.
#[test]
fn extensions_are_not_part_of_the_quote() {
    let mut body = vec![0x45; 128];
    body.extend([0x20, 0, 0, 0]);
    let mut bytes = vec![11, 0, 0, 0, 0, 32, 0, 0];
    bytes.extend(&body);
    let message = icmpv4::Message::parse(&bytes, Verify::Trusted).unwrap();
    let icmpv4::Message::TimeExceeded { packet, .. } = message else { panic!("{message:?}") };
    assert_eq!(packet, &body[..128]);
}

#[test]
fn every_byte_of_a_neighbour_solicitation() {
    let options = [ndp::NdpOption::SourceLinkLayer(LINK.source)];
    let solicitation = ndp::Message::NeighbourSolicitation {
        target: server6(),
        options: ndp::Options::List(&options),
    };
    let header = ipv6::Header {
        hop_limit: 255,
        ..ipv6::Header::new(client6(), ipv6::solicited_node(server6()), Protocol::ICMPV6)
    };
    let mut bytes = Vec::new();
    Envelope::new(LINK, header)
        .emit_icmpv6(&icmpv6::Message::Ndp(solicitation), &mut bytes)
        .unwrap();
    let message = &bytes[54..];
    assert_eq!(message[..2], [135, 0]);
    assert_eq!(message[4..8], [0; 4]);
    assert_eq!(message[8..24], server6().octets());
    assert_eq!(message[24..], [1, 1, 2, 0, 0, 0, 0, 1]);
    assert_eq!(solicitation.validate(&header), Ok(()));
    assert_eq!(
        summary::Line(&bytes).to_string(),
        "IP6 2001:db8::1 > ff02::1:ff00:2: ICMP6, neighbor solicitation, who has 2001:db8::2, \
         length 32"
    );
}

#[test]
fn a_redirect_quotes_whole_units_and_never_too_many() {
    let written = |length: usize| {
        let packet = vec![7; length];
        let options = [ndp::NdpOption::RedirectedHeader(&packet)];
        let message = icmpv6::Message::Ndp(ndp::Message::Redirect {
            target: client6(),
            destination: server6(),
            options: ndp::Options::List(&options),
        });
        let mut bytes = Vec::new();
        to_server6(Protocol::ICMPV6).emit_icmpv6(&message, &mut bytes).unwrap();
        assert!(parse_frame(&bytes, Verify::Full).is_ok());
        bytes.len() - 14 - 40 - 40
    };
    assert_eq!([written(47), written(48), written(55)], [48, 56, 56]);
    assert_eq!(written(60_000), 255 * 8);
}

#[test]
fn neighbour_discovery_from_afar_is_refused() {
    let header = ipv6::Header {
        hop_limit: 255,
        ..ipv6::Header::new(client6(), server6(), Protocol::ICMPV6)
    };
    let advertisement = ndp::Message::RouterAdvertisement {
        router: ndp::Router::default(),
        options: ndp::Options::NONE,
    };
    let far = advertisement.validate(&ipv6::Header { hop_limit: 254, ..header }).unwrap_err();
    assert_eq!(far.problem, Problem::HopLimit(254));
    assert!(advertisement.validate(&header).is_err(), "not from a link-local address");
    let link_local = ipv6::Header { source: "fe80::1".parse().unwrap(), ..header };
    assert_eq!(advertisement.validate(&link_local), Ok(()));
    let own = [ndp::NdpOption::SourceLinkLayer(LINK.source)];
    let probe = |options| ndp::Message::NeighbourSolicitation { target: server6(), options };
    let unspecified = ipv6::Header {
        source: Ipv6Addr::UNSPECIFIED,
        destination: ipv6::solicited_node(server6()),
        ..header
    };
    assert_eq!(probe(ndp::Options::NONE).validate(&unspecified), Ok(()));
    assert!(probe(ndp::Options::List(&own)).validate(&unspecified).is_err());
    let elsewhere = ipv6::Header { destination: server6(), ..unspecified };
    assert!(probe(ndp::Options::NONE).validate(&elsewhere).is_err());
    assert!(ndp::Options::parse(&[1, 0, 0, 0, 0, 0, 0, 0], 24).is_err(), "a length of zero");
}

#[test]
fn messages_travel_in_their_own_family() {
    let mut out = vec![1, 2, 3];
    let echo = icmpv4::Message::EchoRequest { identifier: 1, sequence: 1, data: &[] };
    assert_eq!(
        to_server6(Protocol::ICMPV6).emit_icmpv4(&echo, &mut out),
        Err(EmitError::WrongFamily(Layer::Icmpv4))
    );
    let long = vec![0; 65_600];
    let refused = to_server(Protocol::TCP).emit_tcp(&syn(), [&long, &[]], &mut out);
    assert!(matches!(refused, Err(EmitError::TooLong { layer: Layer::Ipv4, .. })));
    let header = udp::Header { source_port: 1, destination_port: 2 };
    let refused = to_server6(Protocol::UDP).emit_udp(&header, &long, &mut out);
    assert!(matches!(refused, Err(EmitError::TooLong { layer: Layer::Udp, .. })));
    assert_eq!(out, [1, 2, 3], "what fails writes nothing");
}

#[test]
fn lines_read_as_tcpdumps() {
    let line = |bytes: &[u8]| summary::Line(bytes).to_string();
    assert_eq!(
        line(&emit_tcp(&to_server(Protocol::TCP), &syn(), &[])),
        "IP 192.0.2.1.49152 > 192.0.2.2.80: Flags [S], seq 16909060, win 64240, \
         options [mss 1460,sackOK,TS val 286331153 ecr 0,nop,wscale 10], length 0"
    );
    let data = tcp::Header {
        sequence: SeqNumber(100),
        acknowledgement: SeqNumber(7),
        flags: Flags::PSH_ACK,
        window: 502,
        ..tcp::Header::new(0xc000, 80)
    };
    let whole = emit_tcp(&to_server6(Protocol::TCP), &data, b"hello");
    let expected = "IP6 2001:db8::1.49152 > 2001:db8::2.80: Flags [P.], seq 100:105, ack 7, \
                    win 502, length 5";
    assert_eq!(line(&whole), expected);
    assert_eq!(line(&whole[..whole.len() - 5]), expected, "though the end was not captured");

    let mut bytes = Vec::new();
    LINK.emit_arp(&arp::Packet::request((LINK.source, CLIENT), SERVER), &mut bytes);
    assert_eq!(line(&bytes), "ARP, Request who-has 192.0.2.2 tell 192.0.2.1, length 28");

    let sent = emit_tcp(&to_server(Protocol::TCP), &syn(), &[]);
    let message = icmpv4::Message::DestinationUnreachable {
        code: icmpv4::Unreachable::Port,
        packet: &sent[14..],
    };
    bytes.clear();
    to_server(Protocol::ICMPV4).emit_icmpv4(&message, &mut bytes).unwrap();
    assert_eq!(
        line(&bytes),
        "IP 192.0.2.1 > 192.0.2.2: ICMP 192.0.2.2 tcp port 80 unreachable, length 68"
    );
}
