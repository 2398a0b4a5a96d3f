//! Queues of listening sockets, and those who would fill them.

use core::time::Duration;
use std::net::SocketAddr;

use roundtrip_host::{Config, Event, Limits, ListenerId, SocketId};
use roundtrip_packet::{Envelope, EtherAddr, Flags, Link, Protocol, SeqNumber, ipv4, tcp};
use roundtrip_record::TcpState;

use crate::cable::{ETH, MILLI, Net};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn listen(net: &mut Net, backlog: usize) -> ListenerId {
    net.hosts[1].listen(at("10.0.0.2:80"), backlog).unwrap()
}

fn connect(net: &mut Net, count: usize) -> Vec<SocketId> {
    let to = at("10.0.0.2:80");
    (0..count)
        .map(|_| net.on(0, |host, now, spy| host.connect(now, to, None, None, None, spy)).unwrap())
        .collect()
}

/// SYNs from addresses that never answer.
fn flood(net: &mut Net, count: u32) {
    let link =
        Link { source: EtherAddr([2, 0, 0, 0, 0, 1]), destination: EtherAddr([2, 0, 0, 0, 0, 2]) };
    for number in 0..count {
        let from = std::net::Ipv4Addr::from(0x0a00_0000 + 10 + number % 200);
        let ip = ipv4::Header::new(from, [10, 0, 0, 2].into(), Protocol::TCP);
        let header = tcp::Header {
            flags: Flags::SYN,
            sequence: SeqNumber(number),
            window: 1000,
            ..tcp::Header::new((number % 60_000) as u16 + 1, 80)
        };
        let mut frame = Vec::new();
        Envelope::new(link, ip).emit_tcp(&header, [&[], &[]], &mut frame).unwrap();
        net.put(0, ETH, &frame);
    }
    net.run_for(10 * MILLI);
    net.log();
}

#[test]
fn as_many_as_the_backlog_and_one_more_wait() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 2);
    let sockets: Vec<SocketId> = (0..5)
        .map(|_| {
            let socket = connect(&mut net, 1)[0];
            net.run_for(10 * MILLI);
            socket
        })
        .collect();
    assert_eq!(net.events(1), vec![Event::Acceptable(listener); 3]);
    assert_eq!(net.hosts[1].counters().syns_dropped, 2);
    let accepted = std::iter::from_fn(|| net.hosts[1].accept(listener)).count();
    assert_eq!(accepted, 3);
    // When room is made, the next SYN of the others gets through.
    net.run_for(Duration::from_secs(2));
    let later = std::iter::from_fn(|| net.hosts[1].accept(listener)).count();
    assert_eq!(later, 2);
    for socket in sockets {
        assert_eq!(net.hosts[0].tcp(socket).unwrap().state(), TcpState::Established);
    }
}

/// The last acknowledgement of a handshake is dropped while the queue is full, and the SYN-ACK
/// that is repeated brings another (`tcp_abort_on_overflow` = 0).
#[test]
fn a_complete_handshake_waits_for_room() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 2);
    connect(&mut net, 2);
    net.run_for(10 * MILLI);
    connect(&mut net, 2);
    net.run_for(10 * MILLI);
    assert_eq!(net.hosts[1].counters().accepts_deferred, 1);
    assert_eq!(net.hosts[1].held().half_open, 1);
    let accepted = std::iter::from_fn(|| net.hosts[1].accept(listener)).count();
    assert_eq!(accepted, 3);
    net.run_for(Duration::from_secs(2));
    assert!(net.hosts[1].accept(listener).is_some());
    assert_eq!(net.hosts[1].held().half_open, 0);
}

#[test]
fn a_flood_of_syns_takes_no_more_than_its_share() {
    let limits = Limits { syn_backlog: 64, ..Limits::default() };
    let mut net = Net::pair_of(Config::default(), Config { limits, ..Config::default() });
    listen(&mut net, 1_000);
    flood(&mut net, 50_000);
    let held = net.hosts[1].held();
    assert!(held.half_open <= 64 && held.sockets <= 64, "{held:?}");
    // They give up in the end (`tcp_synack_retries` = 5).
    net.run_for(Duration::from_secs(130));
    assert_eq!(net.hosts[1].held().sockets, 0);
}

/// With the SYN queue full of strangers, friends still get through by cookie.
#[test]
fn cookies_let_friends_in_during_a_flood() {
    let limits = Limits { syn_backlog: 16, ..Limits::default() };
    let mut net = Net::pair_of(Config::default(), Config { limits, ..Config::default() });
    let listener = listen(&mut net, 100);
    flood(&mut net, 1_000);
    assert!(net.hosts[1].counters().cookies_sent > 0);
    let sockets = connect(&mut net, 3);
    net.run_for(20 * MILLI);
    let accepted: Vec<SocketId> = std::iter::from_fn(|| net.hosts[1].accept(listener)).collect();
    assert_eq!((accepted.len(), net.hosts[1].counters().cookies_accepted), (3, 3));
    net.on(0, |host, now, _| host.write(now, sockets[0], b"hello")).unwrap();
    net.run_for(10 * MILLI);
    let heard = accepted.iter().filter(|s| net.hosts[1].peek(**s)[0] == b"hello").count();
    assert_eq!(heard, 1);
}

/// An acknowledgement that carries no cookie of ours is answered with a reset.
#[test]
fn a_guessed_cookie_is_refused() {
    let limits = Limits { syn_backlog: 1, ..Limits::default() };
    let mut net = Net::pair_of(Config::default(), Config { limits, ..Config::default() });
    let listener = listen(&mut net, 100);
    flood(&mut net, 10);
    let link =
        Link { source: EtherAddr([2, 0, 0, 0, 0, 1]), destination: EtherAddr([2, 0, 0, 0, 0, 2]) };
    for guess in 0..100_u32 {
        let ip = ipv4::Header::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), Protocol::TCP);
        let header = tcp::Header {
            flags: Flags::ACK,
            sequence: SeqNumber(1),
            acknowledgement: SeqNumber(guess.wrapping_mul(0x9e37_79b9)),
            window: 1000,
            ..tcp::Header::new(5_000, 80)
        };
        let mut frame = Vec::new();
        Envelope::new(link, ip).emit_tcp(&header, [&[], &[]], &mut frame).unwrap();
        net.put(0, ETH, &frame);
    }
    net.run_for(20 * MILLI);
    assert_eq!(net.hosts[1].accept(listener), None);
    assert_eq!(net.hosts[1].counters().resets_sent, 100);
}

#[test]
fn a_closed_listener_resets_those_who_wait() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 10);
    let sockets = connect(&mut net, 2);
    net.run_for(20 * MILLI);
    net.on(1, |host, now, spy| host.close_listener(now, listener, spy));
    net.run_for(20 * MILLI);
    assert_eq!(net.hosts[1].held().sockets, 0);
    for socket in sockets {
        assert!(net.hosts[0].tcp(socket).unwrap().is_closed());
    }
    assert!(net.hosts[1].listen(at("10.0.0.2:80"), 1).is_ok(), "the port is free again");
}

#[test]
fn a_peer_that_resets_before_it_is_accepted() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 10);
    let socket = connect(&mut net, 1)[0];
    net.run_for(20 * MILLI);
    net.on(0, |host, now, spy| host.abort(now, socket, spy));
    net.run_for(20 * MILLI);
    // As in Linux, `accept` gives the socket and its use tells.
    let server = net.hosts[1].accept(listener).unwrap();
    assert!(net.hosts[1].tcp(server).unwrap().is_closed());
}
