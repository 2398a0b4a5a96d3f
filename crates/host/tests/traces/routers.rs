//! Through a router: hops, path MTU, and what a router says.

use std::net::{IpAddr, SocketAddr};

use roundtrip_host::{PingId, Unreachable};

use crate::cable::{MILLI, Net};

fn ping(net: &mut Net, to: &str, bytes: &[u8]) -> PingId {
    let ping = net.hosts[0].open_ping().unwrap();
    let to: IpAddr = to.parse().unwrap();
    net.on(0, |host, now, spy| host.send_ping(now, ping, to, 1, bytes, None, spy)).unwrap();
    net.run_for(20 * MILLI);
    ping
}

#[test]
fn each_hop_takes_one_from_the_ttl() {
    let mut net = Net::routed(1500);
    let v4 = ping(&mut net, "10.0.2.1", b"data");
    let v6 = ping(&mut net, "fd02::1", b"data");
    assert_eq!(net.hosts[0].receive_ping(v4).unwrap().hop_limit, 63);
    assert_eq!(net.hosts[0].receive_ping(v6).unwrap().hop_limit, 63);
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
        let (whereto, error) = net.hosts[0].take_udp_error(udp).unwrap();
        assert_eq!(whereto, SocketAddr::new(to.parse().unwrap(), 53));
        let (why, from) = ("time exceeded in transit", from.parse().unwrap());
        assert_eq!(error, Unreachable::Icmp { why, from, refused: false });
        assert!(net.hosts[2].counters().frames_received == 0);
    }
}

#[test]
fn a_router_without_a_route_says_so() {
    let mut net = Net::routed(1500);
    for (to, why) in
        [("8.8.8.8", "network unreachable"), ("2001:db8::1", "no route to destination")]
    {
        let ping = ping(&mut net, to, b"");
        let (whereto, error) = net.hosts[0].take_ping_error(ping).unwrap();
        assert_eq!(whereto, to.parse::<IpAddr>().unwrap());
        assert!(matches!(error, Unreachable::Icmp { why: said, .. } if said == why), "{error}");
    }
}

#[test]
fn a_router_whose_neighbour_is_silent_says_so_after_three_seconds() {
    let mut net = Net::routed(1500);
    for (to, why) in [("10.0.2.77", "host unreachable"), ("fd02::77", "address unreachable")] {
        let ping = ping(&mut net, to, b"");
        assert!(net.hosts[0].take_ping_error(ping).is_none());
        net.run_for(3000 * MILLI);
        let (_, error) = net.hosts[0].take_ping_error(ping).unwrap();
        assert!(matches!(error, Unreachable::Icmp { why: said, .. } if said == why), "{error}");
    }
}

/// RFC 1191, RFC 8201: the router says what the next link carries; from then on the sender cuts
/// up what is longer itself.
#[test]
fn the_path_mtu_is_learned_from_the_router() {
    let mut net = Net::routed(1280);
    for to in ["10.0.2.1", "fd02::1"] {
        let first = ping(&mut net, to, &[7; 1400]);
        assert!(net.hosts[0].receive_ping(first).is_none());
        let (_, error) = net.hosts[0].take_ping_error(first).unwrap();
        assert_eq!(error, Unreachable::TooBig { mtu: 1280 });
        net.log();
        let second = ping(&mut net, to, &[7; 1400]);
        assert_eq!(net.hosts[0].receive_ping(second).unwrap().bytes, [7; 1400]);
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
