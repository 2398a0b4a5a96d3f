//! Neighbours found, lost and found again.

use core::time::Duration;
use std::net::SocketAddr;

use roundtrip_host::{Config, Event, Limits, Neighbours, Unreachable};
use roundtrip_packet::arp::Packet;
use roundtrip_packet::{EtherAddr, Link};
use roundtrip_record::NeighbourState;

use crate::cable::{ETH, MILLI, Net};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A socket on host 0 that has sent `count` datagrams to `to`.
fn send(net: &mut Net, to: &str, count: usize) -> roundtrip_host::UdpId {
    let family = if to.starts_with('[') { "[::]:4000" } else { "0.0.0.0:4000" };
    let udp = net.hosts[0].bind_udp(at(family)).unwrap();
    again(net, udp, to, count);
    udp
}

fn again(net: &mut Net, udp: roundtrip_host::UdpId, to: &str, count: usize) {
    for _ in 0..count {
        net.on(0, |host, now, spy| host.send_udp(now, udp, at(to), b"hello", None, spy)).unwrap();
    }
}

#[test]
fn arp_asks_once_and_what_waited_follows() {
    let mut net = Net::pair();
    let b = net.hosts[1].bind_udp(at("10.0.0.2:53")).unwrap();
    send(&mut net, "10.0.0.2:53", 2);
    net.run_for(10 * MILLI);
    crossed!(
        net,
        "0 a: ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28",
        "1 b: ARP, Reply 10.0.0.2 is-at 02:00:00:00:00:02, length 28",
        "2 a: IP 10.0.0.1.4000 > 10.0.0.2.53: UDP, length 5",
        "2 a: IP 10.0.0.1.4000 > 10.0.0.2.53: UDP, length 5",
    );
    assert_eq!(net.neighbour_changes(0), ["0 10.0.0.2 INCOMPLETE", "2 10.0.0.2 REACHABLE"]);
    // Who was asked has noted who asked, and needs not ask itself.
    assert_eq!(net.neighbour_changes(1), ["1 10.0.0.1 STALE"]);
    assert_eq!(net.events(1), [Event::Udp(b)]);
    assert_eq!(net.hosts[1].receive_udp(b).unwrap().from, at("10.0.0.1:4000"));
}

#[test]
fn ndp_does_the_same_with_its_own_words() {
    let mut net = Net::pair();
    net.hosts[1].bind_udp(at("[fd00::2]:53")).unwrap();
    send(&mut net, "[fd00::2]:53", 1);
    net.run_for(10 * MILLI);
    crossed!(
        net,
        "0 a: IP6 fd00::1 > ff02::1:ff00:2: ICMP6, neighbor solicitation, who has fd00::2, length 32",
        "1 b: IP6 fd00::2 > fd00::1: ICMP6, neighbor advertisement, tgt is fd00::2, length 32",
        "2 a: IP6 fd00::1.4000 > fd00::2.53: UDP, length 5",
    );
    assert_eq!(net.neighbour_changes(0), ["0 fd00::2 INCOMPLETE", "2 fd00::2 REACHABLE"]);
    // The answer goes through the entry, and in five seconds b will ask whether a is still there,
    // as Linux does.
    assert_eq!(net.neighbour_changes(1), ["1 fd00::1 STALE", "1 fd00::1 DELAY"]);
}

/// `net/core/neighbour.c`: three questions a second apart, and after the last one's second
/// everything that waited is told.
#[test]
fn nobody_answers() {
    let mut net = Net::pair();
    let udp = send(&mut net, "10.0.0.77:53", 1);
    net.run_for(Duration::from_millis(2_999));
    assert_eq!(net.events(0), []);
    net.run_for(MILLI);
    crossed!(
        net,
        "0 a: ARP, Request who-has 10.0.0.77 tell 10.0.0.1, length 28",
        "1000 a: ARP, Request who-has 10.0.0.77 tell 10.0.0.1, length 28",
        "2000 a: ARP, Request who-has 10.0.0.77 tell 10.0.0.1, length 28",
    );
    assert_eq!(net.events(0), [Event::Udp(udp)]);
    let next_hop = "10.0.0.77".parse().unwrap();
    let error = net.hosts[0].take_udp_error(udp);
    assert_eq!(error, Some((at("10.0.0.77:53"), Unreachable::NoNeighbour { next_hop })));
    assert_eq!(net.neighbour_changes(0), ["0 10.0.0.77 INCOMPLETE", "3000 10.0.0.77 FAILED"]);
    // The next packet asks again.
    again(&mut net, udp, "10.0.0.77:53", 1);
    crossed!(net, "3000 a: ARP, Request who-has 10.0.0.77 tell 10.0.0.1, length 28");
}

/// RFC 4861 §7.3.3: REACHABLE, unused → STALE; used → DELAY; unconfirmed → PROBE; answered →
/// REACHABLE.
#[test]
fn an_entry_ages_and_is_retried() {
    let mut net = Net::pair();
    net.hosts[1].bind_udp(at("10.0.0.2:53")).unwrap();
    let udp = send(&mut net, "10.0.0.2:53", 1);
    net.run_for(Duration::from_secs(60));
    net.log();
    again(&mut net, udp, "10.0.0.2:53", 1);
    net.run_for(Duration::from_secs(6));
    crossed!(
        net,
        "60000 a: IP 10.0.0.1.4000 > 10.0.0.2.53: UDP, length 5",
        "65000 a: ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28",
        "65001 b: ARP, Reply 10.0.0.2 is-at 02:00:00:00:00:02, length 28",
    );
    let changes = net.neighbour_changes(0);
    let stale = changes[2].strip_suffix(" 10.0.0.2 STALE").unwrap();
    // The mean is 30 s, each interface draws from half of it to half more.
    assert!((15_000..45_000).contains(&stale.parse::<u32>().unwrap()), "{stale}");
    assert_eq!(
        changes[3..],
        ["60000 10.0.0.2 DELAY", "65000 10.0.0.2 PROBE", "65002 10.0.0.2 REACHABLE"]
    );
}

#[test]
fn a_neighbour_that_went_away_is_asked_three_times_and_forgotten() {
    let mut net = Net::pair();
    net.hosts[1].bind_udp(at("10.0.0.2:53")).unwrap();
    let udp = send(&mut net, "10.0.0.2:53", 1);
    net.run_for(Duration::from_secs(60));
    net.lose = Some(Box::new(|_| true));
    again(&mut net, udp, "10.0.0.2:53", 1);
    net.log();
    net.run_for(Duration::from_secs(10));
    crossed!(
        net,
        "65000 a: ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28 (lost)",
        "66000 a: ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28 (lost)",
        "67000 a: ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28 (lost)",
    );
    assert_eq!(net.neighbour_changes(0).last().unwrap(), "68000 10.0.0.2 FAILED");
    assert_eq!(net.hosts[0].neighbours().next().unwrap().mac, None);
}

#[test]
fn what_waits_is_bounded_and_the_oldest_goes() {
    let neighbours = Neighbours { queue_bytes: 1_000, ..Neighbours::default() };
    let mut net = Net::pair_of(Config { neighbours, ..Config::default() }, Config::default());
    let b = net.hosts[1].bind_udp(at("10.0.0.2:53")).unwrap();
    let a = net.hosts[0].bind_udp(at("10.0.0.1:4000")).unwrap();
    for number in 0..100_u8 {
        let bytes = [number; 58];
        net.on(0, |host, now, spy| host.send_udp(now, a, at("10.0.0.2:53"), &bytes, None, spy))
            .unwrap();
    }
    net.run_for(10 * MILLI);
    let received: Vec<u8> =
        std::iter::from_fn(|| net.hosts[1].receive_udp(b)).map(|d| d.bytes[0]).collect();
    assert_eq!(received, (90..100).collect::<Vec<u8>>());
}

#[test]
fn a_flood_of_addresses_does_not_grow_the_table() {
    let limits = Limits { neighbours: 10, ..Limits::default() };
    let mut net = Net::pair_of(Config { limits, ..Config::default() }, Config::default());
    for number in 0..200_u8 {
        let mac = EtherAddr([2, 0, 0, 0, 9, number]);
        let request = Packet::request((mac, [10, 0, 0, number].into()), [10, 0, 0, 1].into());
        let mut frame = Vec::new();
        Link { source: mac, destination: EtherAddr::BROADCAST }.emit_arp(&request, &mut frame);
        net.put(1, ETH, &frame);
        net.run_for(2 * MILLI);
    }
    assert_eq!(net.hosts[0].neighbours().count(), 10);
    assert!(net.hosts[0].neighbours().all(|entry| entry.state == NeighbourState::Stale));
}

/// An answer that nobody asked for adds nothing (RFC 4861 §7.2.5; Linux's `arp_accept` = 0), but
/// an announcement mends what is known.
#[test]
fn announcements_mend_and_do_not_add() {
    let mut net = Net::pair();
    let announce = |net: &mut Net, ip: [u8; 4], mac| {
        let mut frame = Vec::new();
        let link = Link { source: mac, destination: EtherAddr::BROADCAST };
        link.emit_arp(&Packet::request((mac, ip.into()), ip.into()), &mut frame);
        net.put(1, ETH, &frame);
        net.run_for(2 * MILLI);
    };
    announce(&mut net, [10, 0, 0, 9], EtherAddr([2, 0, 0, 0, 9, 9]));
    assert_eq!(net.hosts[0].neighbours().count(), 0);
    send(&mut net, "10.0.0.2:53", 1);
    net.run_for(10 * MILLI);
    announce(&mut net, [10, 0, 0, 2], EtherAddr([2, 0, 0, 0, 9, 9]));
    let entry = net.hosts[0].neighbours().next().unwrap();
    assert_eq!(entry.mac, Some(EtherAddr([2, 0, 0, 0, 9, 9])));
    assert_eq!(entry.state, NeighbourState::Stale);
}
