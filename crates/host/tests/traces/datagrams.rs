//! UDP, answers to ICMP echo, fragments, and errors that come back.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use roundtrip_host::{BindError, Config, Event, IcmpReason, SendError, UdpId, Unreachable};
use roundtrip_packet::{Envelope, EtherAddr, IpHeader, Link, Protocol, icmpv4, icmpv6, ipv4, ipv6};

use crate::cable::{MILLI, Net};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn bind(net: &mut Net, host: usize, to: &str) -> UdpId {
    net.hosts[host].bind_udp(at(to)).unwrap()
}

fn send(net: &mut Net, udp: UdpId, to: &str, bytes: &[u8]) -> Result<(), SendError> {
    net.on(0, |host, now, spy| host.send_udp(now, udp, at(to), bytes, None, spy))
}

/// A pair whose neighbours know each other.
fn acquainted() -> Net {
    let mut net = Net::pair();
    let (a, b) = (bind(&mut net, 0, "[::]:1"), bind(&mut net, 1, "[::]:1"));
    for to in ["10.0.0.2:1", "[fd00::2]:1"] {
        send(&mut net, a, to, b"").unwrap();
        net.run_for(10 * MILLI);
    }
    net.hosts[0].close_udp(a);
    net.hosts[1].close_udp(b);
    net.events(0);
    net.events(1);
    net.log();
    net
}

#[test]
fn nobody_listens() {
    let mut net = acquainted();
    let udp = bind(&mut net, 0, "10.0.0.1:4000");
    send(&mut net, udp, "10.0.0.2:53", b"hello").unwrap();
    net.run_for(10 * MILLI);
    crossed!(
        net,
        "20 a: IP 10.0.0.1.4000 > 10.0.0.2.53: UDP, length 5",
        "21 b: IP 10.0.0.2 > 10.0.0.1: ICMP 10.0.0.2 udp port 53 unreachable, length 41",
    );
    assert_eq!(net.events(0), [Event::Udp(udp)]);
    let from = "10.0.0.2".parse().unwrap();
    let error =
        Unreachable::Icmp { why: IcmpReason::Unreachable4(icmpv4::Unreachable::Port), from };
    assert_eq!(error.to_string(), "port unreachable");
    assert_eq!(net.hosts[0].take_udp_error(udp), Some((at("10.0.0.2:53"), error)));
}

#[test]
fn nobody_listens_over_ipv6_and_errors_are_rationed() {
    let mut net = acquainted();
    let udp = bind(&mut net, 0, "[fd00::1]:4000");
    for _ in 0..10 {
        send(&mut net, udp, "[fd00::2]:53", b"").unwrap();
    }
    net.run_for(10 * MILLI);
    let errors = net.log().iter().filter(|line| line.contains("udp port 53 unreachable")).count();
    // `icmp6_ratelimit`: six, then one a second.
    assert_eq!((errors, net.hosts[1].counters().errors_suppressed), (6, 4));
    net.run_for(Duration::from_secs(1));
    send(&mut net, udp, "[fd00::2]:53", b"").unwrap();
    net.run_for(10 * MILLI);
    assert_eq!(net.hosts[1].counters().errors_sent, 7);
}

/// A peer's echo request, over IPv4 or IPv6, as a frame.
fn echo_request(to: &str) -> Vec<u8> {
    let (source, destination) = (EtherAddr([2, 0, 0, 0, 0, 1]), EtherAddr([2, 0, 0, 0, 0, 2]));
    let link = Link { source, destination };
    let (identifier, sequence, data) = (7, 1, b"data");
    let mut frame = Vec::new();
    let written = match to.parse().unwrap() {
        IpAddr::V4(to) => {
            let ip = ipv4::Header::new([10, 0, 0, 1].into(), to, Protocol::ICMPV4);
            let request = icmpv4::Message::EchoRequest { identifier, sequence, data };
            Envelope::new(link, ip).emit_icmpv4(&request, &mut frame)
        }
        IpAddr::V6(to) => {
            let ip = ipv6::Header::new("fd00::1".parse().unwrap(), to, Protocol::ICMPV6);
            let request = icmpv6::Message::EchoRequest { identifier, sequence, data };
            Envelope::new(link, IpHeader::V6(ip)).emit_icmpv6(&request, &mut frame)
        }
    };
    written.unwrap();
    frame
}

#[test]
fn echo_requests_are_answered() {
    let mut net = acquainted();
    for (to, reply) in [
        ("10.0.0.2", "b: IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id 7, seq 1, length 12"),
        ("fd00::2", "b: IP6 fd00::2 > fd00::1: ICMP6, echo reply, id 7, seq 1, length 12"),
    ] {
        net.put(0, crate::cable::ETH, &echo_request(to));
        net.run_for(10 * MILLI);
        let log = net.log();
        assert_eq!(log.len(), 2, "{log:?}");
        assert!(log[1].ends_with(reply), "{log:?}");
    }
}

/// A protocol that the host does not have is reported to the sender (RFC 1122 §3.2.2.1, RFC 4443
/// §3.4), but of an IPv6 packet that ends with its headers nothing is left to report (RFC 8200 §4.7).
#[test]
fn a_packet_without_a_next_header_is_not_answered() {
    use roundtrip_packet::{Envelope, EtherAddr, IpHeader, Link, Protocol};
    let link =
        Link { source: EtherAddr([2, 0, 0, 0, 0, 1]), destination: EtherAddr([2, 0, 0, 0, 0, 2]) };
    let mut net = acquainted();
    for (from, to, protocol, answers) in [
        ("10.0.0.1", "10.0.0.2", 59, 1),
        ("10.0.0.1", "10.0.0.2", 253, 1),
        ("fd00::1", "fd00::2", 59, 0),
        ("fd00::1", "fd00::2", 253, 1),
    ] {
        for payload in [&b""[..], b"ignored"] {
            let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
            let ip = IpHeader::new(from, to, Protocol(protocol)).unwrap();
            let mut frame = Vec::new();
            Envelope::new(link, ip).emit_payload(Protocol(protocol), payload, &mut frame).unwrap();
            net.put(0, crate::cable::ETH, &frame);
            net.run_for(2_000 * MILLI);
            let mut log = net.log();
            // The neighbours are asked now and then whether they are still there.
            log.retain(|line| !line.contains("neighbor") && !line.contains("ARP"));
            assert_eq!(log.len(), 1 + answers, "{protocol} from {from}: {log:?}");
        }
    }
}

#[test]
fn a_long_datagram_goes_in_fragments() {
    let mut net = acquainted();
    let payload: Vec<u8> = (0..4000_u32).map(|n| n as u8).collect();
    for (from, to) in [("10.0.0.1:4000", "10.0.0.2:53"), ("[fd00::1]:4000", "[fd00::2]:53")] {
        let (a, b) = (bind(&mut net, 0, from), bind(&mut net, 1, to));
        send(&mut net, a, to, &payload).unwrap();
        net.run_for(10 * MILLI);
        let fragments = net.log();
        assert_eq!(fragments.len(), 3);
        assert!(fragments.iter().all(|line| line.contains("udp fragment")), "{fragments:?}");
        assert_eq!(net.hosts[1].receive_udp(b).unwrap().bytes, payload);
    }
}

#[test]
fn the_longest_datagram_and_one_byte_more() {
    let mut net = acquainted();
    let (a, b) = (bind(&mut net, 0, "10.0.0.1:4000"), bind(&mut net, 1, "10.0.0.2:53"));
    send(&mut net, a, "10.0.0.2:53", &vec![7; 65_507]).unwrap();
    net.run_for(10 * MILLI);
    assert_eq!(net.hosts[1].receive_udp(b).unwrap().bytes.len(), 65_507);
    let error = send(&mut net, a, "10.0.0.2:53", &vec![7; 65_508]).unwrap_err();
    assert!(matches!(error, SendError::TooLong { .. }), "{error}");
}

#[test]
fn a_fragment_that_is_lost_is_reported_after_half_a_minute() {
    let mut net = acquainted();
    let (a, b) = (bind(&mut net, 0, "10.0.0.1:4000"), bind(&mut net, 1, "10.0.0.2:53"));
    let mut count = 0;
    net.lose = Some(Box::new(move |_| {
        count += 1;
        count == 2
    }));
    send(&mut net, a, "10.0.0.2:53", &[7; 2000]).unwrap();
    net.run_for(Duration::from_secs(31));
    assert!(net.hosts[1].receive_udp(b).is_none());
    let log = net.log();
    let report = log.iter().find(|line| line.contains("reassembly time exceeded")).unwrap();
    assert!(report.starts_with("30021 b: "), "{report}");
    let (_, error) = net.hosts[0].take_udp_error(a).unwrap();
    let why = IcmpReason::TimeExceeded(icmpv4::TimeExceeded::Reassembly);
    let from = "10.0.0.2".parse().unwrap();
    assert_eq!(error, Unreachable::Icmp { why, from });
}

#[test]
fn a_host_talks_to_itself() {
    let mut net = Net::pair();
    let b = bind(&mut net, 0, "0.0.0.0:53");
    let a = bind(&mut net, 0, "0.0.0.0:4000");
    for to in ["127.0.0.1:53", "10.0.0.1:53", "127.0.0.53:53"] {
        send(&mut net, a, to, b"hello").unwrap();
        let from = net.hosts[0].receive_udp(b).unwrap().from;
        assert_eq!(from, SocketAddr::new(at(to).ip(), 4000));
    }
    crossed!(net,);
}

#[test]
fn broadcasts_reach_everybody_and_no_errors_come_back() {
    let mut net = acquainted();
    let (a, b) = (bind(&mut net, 0, "10.0.0.1:4000"), bind(&mut net, 1, "0.0.0.0:67"));
    send(&mut net, a, "255.255.255.255:67", b"one").unwrap();
    send(&mut net, a, "10.0.0.255:67", b"two").unwrap();
    send(&mut net, a, "10.0.0.255:68", b"nobody").unwrap();
    net.run_for(10 * MILLI);
    assert_eq!(net.log().len(), 3);
    let received: Vec<_> = std::iter::from_fn(|| net.hosts[1].receive_udp(b)).collect();
    assert_eq!(received.iter().map(|d| &d.bytes[..]).collect::<Vec<_>>(), [b"one", b"two"]);
}

#[test]
fn what_cannot_be_bound_or_sent() {
    let mut net = Net::pair();
    let host = &mut net.hosts[0];
    assert_eq!(host.bind_udp(at("10.0.0.9:1")), Err(BindError::AddressNotAvailable));
    let udp = host.bind_udp(at("10.0.0.1:1")).unwrap();
    assert_eq!(host.bind_udp(at("0.0.0.0:1")), Err(BindError::AddressInUse));
    let any = host.bind_udp(at("10.0.0.1:0")).unwrap();
    let port = host.udp_address(any).unwrap().port();
    assert!(Config::default().ports.contains(&port));
    assert_eq!(send(&mut net, udp, "8.8.8.8:53", b""), Err(SendError::NoRoute));
    assert_eq!(send(&mut net, udp, "[fd00::2]:53", b""), Err(SendError::BadDestination));
    assert_eq!(send(&mut net, udp, "10.0.0.2:0", b""), Err(SendError::BadDestination));
    net.hosts[0].close_udp(udp);
    assert_eq!(send(&mut net, udp, "10.0.0.2:53", b""), Err(SendError::Closed));
}

#[test]
fn a_damaged_datagram_is_dropped() {
    let mut net = acquainted();
    let (a, b) = (bind(&mut net, 0, "10.0.0.1:4000"), bind(&mut net, 1, "10.0.0.2:53"));
    send(&mut net, a, "10.0.0.2:53", b"hello").unwrap();
    let mut frame = Vec::new();
    let header = roundtrip_packet::udp::Header { source_port: 4000, destination_port: 53 };
    let ip = roundtrip_packet::ipv4::Header::new(
        [10, 0, 0, 1].into(),
        [10, 0, 0, 2].into(),
        roundtrip_packet::Protocol::UDP,
    );
    let link = roundtrip_packet::Link {
        source: roundtrip_packet::EtherAddr([2, 0, 0, 0, 0, 1]),
        destination: roundtrip_packet::EtherAddr([2, 0, 0, 0, 0, 2]),
    };
    roundtrip_packet::Envelope::new(link, ip).emit_udp(&header, b"hellO", &mut frame).unwrap();
    *frame.last_mut().unwrap() ^= 1;
    net.put(0, crate::cable::ETH, &frame);
    net.run_for(10 * MILLI);
    assert_eq!(net.hosts[1].receive_udp(b).unwrap().bytes, b"hello");
    assert!(net.hosts[1].receive_udp(b).is_none());
    assert_eq!(net.hosts[1].counters().malformed, 1);
}
