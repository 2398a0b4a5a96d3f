//! Through a router: hops, path MTU, and what a router says.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use roundtrip_host::{IcmpReason, UdpId, Unreachable};
use roundtrip_packet::icmpv4::TimeExceeded;
use roundtrip_packet::{Network, Verify, parse_frame};

use crate::cable::{MILLI, Net};

/// Sends a datagram from the first host to a port of another, from a socket of its own.
fn send(net: &mut Net, to: SocketAddr, bytes: &[u8]) -> UdpId {
    let own: SocketAddr =
        if to.is_ipv4() { "10.0.1.1:0".parse().unwrap() } else { "[fd01::1]:0".parse().unwrap() };
    let udp = net.hosts[0].bind_udp(own).unwrap();
    net.on(0, |host, now, spy| host.send_udp(now, udp, to, bytes, None, spy)).unwrap();
    net.run_for(20 * MILLI);
    udp
}

fn at(to: &str) -> SocketAddr {
    SocketAddr::new(to.parse().unwrap(), 53)
}

#[test]
fn each_hop_takes_one_from_the_ttl() {
    for to in ["10.0.2.1", "fd02::1"] {
        let mut net = Net::routed(1500);
        let seen = Rc::new(RefCell::new(Vec::new()));
        let hops = Rc::clone(&seen);
        net.lose = Some(Box::new(move |frame| {
            if let Network::Ip(packet) = parse_frame(frame, Verify::Full).unwrap().network
                && matches!(packet.transport, roundtrip_packet::Transport::Udp { .. })
            {
                hops.borrow_mut().push(packet.ip.hop_limit());
            }
            false
        }));
        send(&mut net, at(to), b"data");
        assert_eq!(*seen.borrow(), [64, 63], "{to}");
    }
}

/// A datagram with TTL 1 that crosses the router.
fn expiring(family: IpAddr) -> Vec<u8> {
    use roundtrip_packet::{Envelope, EtherAddr, Link, Protocol, ipv4, ipv6, udp};
    let link =
        Link { source: EtherAddr([2, 0, 0, 0, 0, 1]), destination: EtherAddr([2, 0, 0, 0, 0, 2]) };
    let ip = match family {
        IpAddr::V4(to) => {
            let header = ipv4::Header::new([10, 0, 1, 1].into(), to, Protocol::UDP);
            ipv4::Header { ttl: 1, ..header }.into()
        }
        IpAddr::V6(to) => {
            let header = ipv6::Header::new("fd01::1".parse().unwrap(), to, Protocol::UDP);
            roundtrip_packet::IpHeader::from(ipv6::Header { hop_limit: 1, ..header })
        }
    };
    let header = udp::Header { source_port: 4000, destination_port: 53 };
    let mut frame = Vec::new();
    Envelope::new(link, ip).emit_udp(&header, b"hello", &mut frame).unwrap();
    frame
}

#[test]
fn the_last_hop_was_one_too_many() {
    for (to, from, own) in
        [("10.0.2.1", "10.0.1.254", "10.0.1.1:4000"), ("fd02::1", "fd01::254", "[fd01::1]:4000")]
    {
        let mut net = Net::routed(1500);
        let own: SocketAddr = own.parse().unwrap();
        let udp = net.hosts[0].bind_udp(own).unwrap();
        net.put(0, crate::cable::ETH, &expiring(to.parse().unwrap()));
        net.run_for(20 * MILLI);
        let (destination, error) = net.hosts[0].take_udp_error(udp).unwrap();
        assert_eq!(destination, SocketAddr::new(to.parse().unwrap(), 53));
        let why = IcmpReason::TimeExceeded(TimeExceeded::InTransit);
        assert_eq!(error, Unreachable::Icmp { why, from: from.parse().unwrap() });
        assert!(net.hosts[2].counters().frames_received == 0);
    }
}

#[test]
fn a_router_without_a_route_says_so() {
    let mut net = Net::routed(1500);
    for (to, why) in
        [("8.8.8.8", "network unreachable"), ("2001:db8::1", "no route to destination")]
    {
        let udp = send(&mut net, at(to), b"");
        let (destination, error) = net.hosts[0].take_udp_error(udp).unwrap();
        assert_eq!(destination, at(to));
        assert_eq!(error.to_string(), why);
    }
}

#[test]
fn a_router_whose_neighbour_is_silent_says_so_after_three_seconds() {
    let mut net = Net::routed(1500);
    for (to, why) in [("10.0.2.77", "host unreachable"), ("fd02::77", "address unreachable")] {
        let udp = send(&mut net, at(to), b"");
        assert!(net.hosts[0].take_udp_error(udp).is_none());
        net.run_for(3000 * MILLI);
        let (_, error) = net.hosts[0].take_udp_error(udp).unwrap();
        assert_eq!(error.to_string(), why);
    }
}

/// RFC 1191, RFC 8201: the router says what the next link carries; from then on the sender cuts
/// up what is longer itself.
#[test]
fn the_path_mtu_is_learned_from_the_router() {
    let mut net = Net::routed(1280);
    for to in ["10.0.2.1", "fd02::1"] {
        let sink = net.hosts[2].bind_udp(at(to)).unwrap();
        let first = send(&mut net, at(to), &[7; 1400]);
        assert!(net.hosts[2].receive_udp(sink).is_none());
        let (_, error) = net.hosts[0].take_udp_error(first).unwrap();
        assert_eq!(error, Unreachable::TooBig { mtu: 1280 });
        net.log();
        send(&mut net, at(to), &[7; 1400]);
        assert_eq!(net.hosts[2].receive_udp(sink).unwrap().bytes, [7; 1400]);
        let log = net.log();
        assert!(log.iter().filter(|line| line.contains("fragment")).count() >= 4, "{log:?}");
    }
}

/// Without DF a router cuts the packet up itself (RFC 791 §3.2), and fragments of it again.
#[test]
fn a_router_cuts_up_what_may_be_cut() {
    let mut net = Net::routed(600);
    let udp = net.hosts[0].bind_udp("10.0.1.1:4000".parse().unwrap()).unwrap();
    let sink = net.hosts[2].bind_udp("10.0.2.1:53".parse().unwrap()).unwrap();
    let payload: Vec<u8> = (0..5000_u32).map(|n| (n / 7) as u8).collect();
    let to = "10.0.2.1:53".parse().unwrap();
    net.on(0, |host, now, spy| host.send_udp(now, udp, to, &payload, None, spy)).unwrap();
    net.run_for(20 * MILLI);
    assert_eq!(net.hosts[2].receive_udp(sink).unwrap().bytes, payload);
    let crossed =
        net.log().iter().filter(|line| line.contains(" b: ") && line.contains("udp")).count();
    assert!(crossed > 9, "{crossed}");
}
