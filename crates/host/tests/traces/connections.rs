//! Whole connections, and every way in which a try to connect can fail.

use core::time::Duration;
use std::net::SocketAddr;

use roundtrip_host::{
    ConnectError, ConnectFailure, Event, IcmpReason, ListenerId, SocketId, Unreachable,
};
use roundtrip_packet::{Envelope, EtherAddr, Flags, Link, Protocol, SeqNumber, icmpv4, ipv4, tcp};
use roundtrip_record::{CloseReason, TcpState, What};
use roundtrip_tcp as engine;

use crate::cable::{ETH, MILLI, Net};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn connect(net: &mut Net, to: &str) -> SocketId {
    net.on(0, |host, now, spy| host.connect(now, at(to), None, None, None, spy)).unwrap()
}

fn listen(net: &mut Net, host: usize, to: &str) -> ListenerId {
    net.hosts[host].listen(at(to), 16).unwrap()
}

/// What a socket holds that was not read, read.
fn read_all(net: &mut Net, host: usize, socket: SocketId) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = net.on(host, |host, now, _| host.read(now, socket, &mut piece)) {
        all.extend_from_slice(&piece[..count]);
    }
    all
}

fn state(net: &Net, host: usize, socket: SocketId) -> TcpState {
    net.hosts[host].tcp(socket).map_or(TcpState::Closed, engine::Connection::state)
}

/// Steps 2, 3, 5 and 7 of an exchange: neighbour, handshake, data both ways, close.
#[test]
fn one_connection_from_arp_to_time_wait() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 1, "10.0.0.2:80");
    let client = connect(&mut net, "10.0.0.2:80");
    net.run_for(10 * MILLI);
    let log = net.log();
    assert_eq!(log[0], "0 a: ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28");
    assert!(log[2].starts_with("2 a: IP 10.0.0.1.") && log[2].contains("Flags [S]"), "{log:#?}");
    assert!(log[3].starts_with("3 b: IP 10.0.0.2.80 > ") && log[3].contains("Flags [S.]"));
    assert!(log[4].starts_with("4 a: IP ") && log[4].contains("Flags [.]"));
    assert_eq!(log.len(), 5, "{log:#?}");
    assert_eq!(net.events(0), [Event::Tcp(client, engine::Event::Connected)]);
    assert_eq!(net.events(1), [Event::Acceptable(listener)]);
    let server = net.hosts[1].accept(listener).unwrap();
    assert_eq!(net.hosts[1].accept(listener), None);
    assert_eq!(net.hosts[0].syn_times(client).len(), 1);

    net.on(0, |host, now, _| host.write(now, client, b"GET / HTTP/1.0\r\n\r\n")).unwrap();
    net.run_for(2 * MILLI);
    assert_eq!(read_all(&mut net, 1, server), b"GET / HTTP/1.0\r\n\r\n");
    net.on(1, |host, now, _| host.write(now, server, b"HTTP/1.0 204 No Content\r\n\r\n")).unwrap();
    net.on(1, |host, now, spy| host.close(now, server, spy));
    assert!(net.hosts[1].tcp(server).is_none(), "its owner has let go of it");
    net.run_for(60 * MILLI);
    assert_eq!(read_all(&mut net, 0, client), b"HTTP/1.0 204 No Content\r\n\r\n");
    assert_eq!(state(&net, 0, client), TcpState::CloseWait);
    let id = net.hosts[0].tcp(client).unwrap().id();
    net.on(0, |host, now, spy| host.close(now, client, spy));
    net.run_for(10 * MILLI);
    assert!(net.events(0).contains(&Event::Gone(id)), "the end that closed last is done");
    // The end that closed first waits for 2·MSL: Linux's 60 s.
    let held = net.hosts[1].held();
    assert_eq!((held.sockets, held.time_wait), (0, 1));
    net.events(1);
    net.run_for(Duration::from_secs(58));
    assert_eq!(net.events(1), []);
    net.run_for(Duration::from_secs(3));
    assert!(matches!(net.events(1)[..], [Event::Gone(_)]));
    let last = net.spies[1].events.iter().rev().find_map(|(_, _, what)| match what {
        What::TcpClosed(closed) => Some(closed.reason),
        _ => None,
    });
    assert_eq!(last, Some(CloseReason::TimeWaitOver));
    let held = (net.hosts[0].held(), net.hosts[1].held());
    assert_eq!((held.0.sockets, held.1.sockets, held.1.time_wait), (0, 0, 0));
}

/// Every frame knows what wanted it, back to the frame that came before.
#[test]
fn every_frame_has_its_cause() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 1, "10.0.0.2:80");
    connect(&mut net, "10.0.0.2:80");
    net.run_for(10 * MILLI);
    net.hosts[1].accept(listener).unwrap();
    // ARP's reply, and the SYN-ACK.
    let sent = net.causes(1, "frame out");
    assert_eq!(sent[0], "frame out < frame in");
    assert!(sent[1].starts_with("frame out < tcp.segment"), "{sent:?}");
    let received = net.causes(1, "tcp.segment");
    assert_eq!(received[0], "tcp.segment < frame in", "the SYN");
    assert_eq!(net.causes(0, "neighbour"), ["neighbour < tcp.segment", "neighbour < frame in"]);
    let sent = net.causes(0, "frame out");
    assert_eq!(sent[..2], ["frame out < tcp.segment"; 2], "what asked for ARP is the SYN");
    assert_eq!(net.hosts[0].counters().frames_sent, 3);
}

#[test]
fn over_ipv6_it_is_the_same() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 1, "[::]:80");
    let client = connect(&mut net, "[fd00::2]:80");
    net.run_for(10 * MILLI);
    let server = net.hosts[1].accept(listener).unwrap();
    assert_eq!(net.hosts[1].tcp(server).unwrap().local(), at("[fd00::2]:80"));
    net.on(0, |host, now, _| host.write(now, client, b"hello")).unwrap();
    net.run_for(2 * MILLI);
    assert_eq!(read_all(&mut net, 1, server), b"hello");
}

#[test]
fn a_listener_on_every_address_takes_both_families() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 1, "[::]:80");
    connect(&mut net, "10.0.0.2:80");
    net.run_for(10 * MILLI);
    let server = net.hosts[1].accept(listener).unwrap();
    assert_eq!(net.hosts[1].tcp(server).unwrap().local(), at("10.0.0.2:80"));
}

#[test]
fn a_host_connects_to_itself() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 0, "127.0.0.1:80");
    let client = connect(&mut net, "127.0.0.1:80");
    assert_eq!(state(&net, 0, client), TcpState::Established, "no time passes");
    let server = net.hosts[0].accept(listener).unwrap();
    let payload = vec![7; 200_000];
    let mut sent = 0;
    let mut received = Vec::new();
    while received.len() < payload.len() {
        sent += net.on(0, |host, now, _| host.write(now, client, &payload[sent..])).unwrap();
        received.extend(read_all(&mut net, 0, server));
        net.run_for(50 * MILLI);
    }
    assert_eq!(received, payload);
    crossed!(net,);
}

#[test]
fn refused() {
    let mut net = Net::pair();
    let client = connect(&mut net, "10.0.0.2:80");
    net.run_for(10 * MILLI);
    assert_eq!(net.segments(), ["2 a: [S] 0", "3 b: [R.] 0"]);
    let reason = CloseReason::Refused;
    assert!(net.events(0).contains(&Event::Tcp(client, engine::Event::Closed { reason })));
    assert_eq!(net.hosts[0].connect_failure(client), Some(ConnectFailure::Refused));
    net.on(0, |host, now, spy| host.close(now, client, spy));
    assert_eq!(net.hosts[0].held().sockets, 0);
}

/// Linux: `connect` answers EHOSTUNREACH when the third question has gone unanswered.
#[test]
fn the_next_hop_does_not_answer() {
    let mut net = Net::pair();
    let client = connect(&mut net, "10.0.0.77:80");
    net.run_for(Duration::from_millis(2_999));
    assert_eq!(net.hosts[0].connect_failure(client), None);
    net.run_for(2 * MILLI);
    let next_hop = "10.0.0.77".parse().unwrap();
    let failure = ConnectFailure::Unreachable(Unreachable::NoNeighbour { next_hop });
    assert_eq!(net.hosts[0].connect_failure(client), Some(failure));
    // SYNs were made at 0, 1 and 2 s and waited for the neighbour.
    assert!(net.hosts[0].syn_times(client).len() >= 3);
    assert_eq!(net.segments(), [""; 0]);
}

#[test]
fn a_router_says_that_the_host_is_unreachable() {
    let mut net = Net::routed(1500);
    let client = connect(&mut net, "10.0.2.77:80");
    net.run_for(Duration::from_secs(4));
    let failure = net.hosts[0].connect_failure(client).unwrap();
    let from = "10.0.1.254".parse().unwrap();
    let error =
        Unreachable::Icmp { why: IcmpReason::Unreachable4(icmpv4::Unreachable::Host), from };
    assert_eq!(failure, ConnectFailure::Unreachable(error));
}

#[test]
fn nothing_comes_back() {
    let mut net = Net::pair();
    net.hosts[1].listen(at("10.0.0.2:80"), 1).unwrap();
    let client = connect(&mut net, "10.0.0.2:80");
    net.run_for(2 * MILLI);
    net.lose = Some(Box::new(|_| true));
    net.run_for(Duration::from_secs(300));
    let failure = net.hosts[0].connect_failure(client);
    // While SYNs were repeated the neighbour stopped answering as well, which is the better answer.
    let next_hop = "10.0.0.2".parse().unwrap();
    let gone = ConnectFailure::Unreachable(Unreachable::NoNeighbour { next_hop });
    assert!(failure == Some(ConnectFailure::TimedOut) || failure == Some(gone), "{failure:?}");
}

#[test]
fn what_cannot_even_be_tried() {
    let mut net = Net::pair();
    let mut tried = |to: &str, local: Option<&str>| {
        let local = local.map(at);
        net.on(0, |host, now, spy| host.connect(now, at(to), local, None, None, spy))
    };
    assert_eq!(tried("8.8.8.8:80", None), Err(ConnectError::NoRoute));
    assert_eq!(tried("224.0.0.1:80", None), Err(ConnectError::BadDestination));
    assert_eq!(tried("10.0.0.2:0", None), Err(ConnectError::BadDestination));
    assert_eq!(tried("10.0.0.2:80", Some("10.9.9.9:0")), Err(ConnectError::AddressNotAvailable));
    tried("10.0.0.2:80", Some("10.0.0.1:4000")).unwrap();
    assert_eq!(tried("10.0.0.2:80", Some("10.0.0.1:4000")), Err(ConnectError::AddressInUse));
    tried("10.0.0.2:81", Some("10.0.0.1:4000")).unwrap();
}

/// Sends `count` bytes from a to b, which reads them as they come.
fn transfer(net: &mut Net, from: SocketId, to: (usize, SocketId), count: usize) -> Vec<u8> {
    let payload: Vec<u8> = (0..count).map(|n| (n / 3) as u8).collect();
    let (mut sent, mut received) = (0, Vec::new());
    for _ in 0..10_000 {
        sent += net.on(0, |host, now, _| host.write(now, from, &payload[sent..])).unwrap();
        net.run_for(MILLI);
        received.extend(read_all(net, to.0, to.1));
        if received.len() == count {
            break;
        }
    }
    assert!(received == payload, "{} of {count}", received.len());
    received
}

/// RFC 1191: the router's words make the segments smaller, at once and for later connections.
#[test]
fn a_narrow_path_is_found() {
    for (to, own) in [("10.0.2.1:80", "0.0.0.0:80"), ("[fd02::1]:80", "[::]:80")] {
        let mut net = Net::routed(1280);
        let listener = listen(&mut net, 2, own);
        let client = connect(&mut net, to);
        net.run_for(20 * MILLI);
        let server = net.hosts[2].accept(listener).unwrap();
        transfer(&mut net, client, (2, server), 100_000);
        let header = if own.starts_with('[') { 60 } else { 40 };
        let again = connect(&mut net, to);
        net.run_for(20 * MILLI);
        assert!(state(&net, 0, again) == TcpState::Established);
        net.hosts[2].accept(listener).unwrap();
        let syns: Vec<String> = net.log().into_iter().filter(|l| l.contains("[S]")).collect();
        let mss = format!("mss {}", 1280 - header);
        assert!(syns.last().unwrap().contains(&mss), "{syns:#?}");
    }
}

/// RFC 5927 §4: an error that quotes what is not in flight is nobody's.
#[test]
fn a_blind_attacker_is_not_believed() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 1, "10.0.0.2:80");
    let client = connect(&mut net, "10.0.0.2:80");
    net.run_for(10 * MILLI);
    net.hosts[1].accept(listener).unwrap();
    let local = net.hosts[0].tcp(client).unwrap().local();
    let link =
        Link { source: EtherAddr([2, 0, 0, 0, 0, 2]), destination: EtherAddr([2, 0, 0, 0, 0, 1]) };
    let quoted = ipv4::Header::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), Protocol::TCP);
    let segment = tcp::Header { sequence: SeqNumber(12_345), ..tcp::Header::new(local.port(), 80) };
    let mut packet = Vec::new();
    Envelope::bare(quoted).emit_tcp(&segment, [&[], &[]], &mut packet).unwrap();
    let code = icmpv4::Unreachable::FragmentationNeeded { next_hop_mtu: 552 };
    let message = icmpv4::Message::DestinationUnreachable { code, packet: &packet };
    let outer = ipv4::Header::new([10, 0, 0, 2].into(), [10, 0, 0, 1].into(), Protocol::ICMPV4);
    let mut frame = Vec::new();
    Envelope::new(link, outer).emit_icmpv4(&message, &mut frame).unwrap();
    net.put(1, ETH, &frame);
    net.run_for(10 * MILLI);
    assert_eq!(net.hosts[0].counters().icmp_ignored, 1);
    net.log();
    connect(&mut net, "10.0.0.2:80");
    net.run_for(10 * MILLI);
    assert!(net.log()[0].contains("mss 1460"));
}

/// An error about a SYN must quote that SYN.
#[test]
fn a_blind_attacker_stops_no_attempt() {
    let mut net = Net::pair();
    let local = at("10.0.0.1:4000");
    let to = at("10.0.0.77:80");
    let client =
        net.on(0, |host, now, spy| host.connect(now, to, Some(local), None, None, spy)).unwrap();
    let quoted = ipv4::Header::new([10, 0, 0, 1].into(), [10, 0, 0, 77].into(), Protocol::TCP);
    let segment = tcp::Header { sequence: SeqNumber(12_345), ..tcp::Header::new(4000, 80) };
    let mut packet = Vec::new();
    Envelope::bare(quoted).emit_tcp(&segment, [&[], &[]], &mut packet).unwrap();
    let code = icmpv4::Unreachable::Port;
    let message = icmpv4::Message::DestinationUnreachable { code, packet: &packet };
    let outer = ipv4::Header::new([10, 0, 0, 2].into(), [10, 0, 0, 1].into(), Protocol::ICMPV4);
    let link =
        Link { source: EtherAddr([2, 0, 0, 0, 0, 2]), destination: EtherAddr([2, 0, 0, 0, 0, 1]) };
    let mut frame = Vec::new();
    Envelope::new(link, outer).emit_icmpv4(&message, &mut frame).unwrap();
    net.put(1, ETH, &frame);
    net.run_for(10 * MILLI);
    assert_eq!(state(&net, 0, client), TcpState::SynSent);
    assert_eq!(net.hosts[0].counters().icmp_ignored, 1);
}

/// RFC 4861 §7.3.1: as long as acknowledgements come, nobody needs to be asked whether the
/// neighbour is there.
#[test]
fn progress_keeps_the_neighbour_reachable() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 1, "10.0.0.2:80");
    let client = connect(&mut net, "10.0.0.2:80");
    net.run_for(10 * MILLI);
    let server = net.hosts[1].accept(listener).unwrap();
    for _ in 0..60 {
        net.on(0, |host, now, _| host.write(now, client, b"still here")).unwrap();
        net.run_for(Duration::from_secs(4));
        read_all(&mut net, 1, server);
    }
    let changes = net.neighbour_changes(0);
    assert_eq!(changes, ["0 10.0.0.2 INCOMPLETE", "2 10.0.0.2 REACHABLE"]);
}

/// `tcp_max_tw_buckets`, `tcp_max_orphans`.
#[test]
fn what_nobody_holds_any_more_is_bounded() {
    use roundtrip_host::{Config, Limits};

    let limits = Limits { time_wait: 3, orphans: 2, ..Limits::default() };
    let mut net = Net::pair_of(Config { limits, ..Config::default() }, Config::default());
    let listener = listen(&mut net, 1, "10.0.0.2:80");
    let sockets: Vec<SocketId> = (0..8).map(|_| connect(&mut net, "10.0.0.2:80")).collect();
    net.run_for(10 * MILLI);
    let servers: Vec<SocketId> = std::iter::from_fn(|| net.hosts[1].accept(listener)).collect();
    for socket in sockets {
        net.on(0, |host, now, spy| host.close(now, socket, spy));
        assert!(net.hosts[0].held().orphans <= 2);
    }
    net.run_for(100 * MILLI);
    for server in servers {
        net.on(1, |host, now, spy| host.close(now, server, spy));
        net.run_for(10 * MILLI);
        assert!(net.hosts[0].held().time_wait <= 3);
    }
    let gone = net.events(0).iter().filter(|event| matches!(event, Event::Gone(_))).count();
    let held = net.hosts[0].held();
    assert_eq!((held.sockets, held.orphans), (0, 0));
    assert_eq!(gone + held.time_wait, 8, "none is lost from sight");
}

/// RFC 9293 §3.10.7.1.
#[test]
fn stray_segments_are_reset_and_resets_are_not() {
    let mut net = Net::pair();
    let send = |net: &mut Net, flags: Flags| {
        let link = Link {
            source: EtherAddr([2, 0, 0, 0, 0, 1]),
            destination: EtherAddr([2, 0, 0, 0, 0, 2]),
        };
        let ip = ipv4::Header::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), Protocol::TCP);
        let header = tcp::Header { flags, sequence: SeqNumber(7), ..tcp::Header::new(9, 80) };
        let mut frame = Vec::new();
        Envelope::new(link, ip).emit_tcp(&header, [b"x", &[]], &mut frame).unwrap();
        net.put(0, ETH, &frame);
        net.run_for(10 * MILLI);
        net.segments().pop().unwrap().split_once(' ').unwrap().1.to_string()
    };
    assert_eq!(send(&mut net, Flags::ACK), "b: [R] 0");
    assert_eq!(send(&mut net, Flags::SYN), "b: [R.] 0");
    assert_eq!(send(&mut net, Flags::RST), "a: [R] 1", "no answer");
}

#[test]
fn an_aborted_connection_resets_and_is_gone() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 1, "10.0.0.2:80");
    let client = connect(&mut net, "10.0.0.2:80");
    net.run_for(10 * MILLI);
    let server = net.hosts[1].accept(listener).unwrap();
    net.segments();
    net.on(0, |host, now, spy| host.abort(now, client, spy));
    net.run_for(10 * MILLI);
    assert_eq!(net.segments(), ["10 a: [R.] 0"]);
    assert_eq!(net.hosts[0].held().sockets, 0);
    let reason = CloseReason::Reset;
    assert!(net.events(1).contains(&Event::Tcp(server, engine::Event::Closed { reason })));
    assert_eq!(net.hosts[1].held().sockets, 1, "its owner holds it");
    net.on(1, |host, now, spy| host.close(now, server, spy));
    assert_eq!(net.hosts[1].held().sockets, 0);
}

/// RFC 6191: a SYN that is newer may open the connection again while the old one is in `TIME_WAIT`.
#[test]
fn time_wait_gives_way_to_a_newer_connection() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 1, "10.0.0.2:80");
    let local = Some(at("10.0.0.1:4000"));
    let open = |net: &mut Net| {
        let to = at("10.0.0.2:80");
        net.on(0, |host, now, spy| host.connect(now, to, local, None, None, spy)).unwrap()
    };
    let client = open(&mut net);
    net.run_for(10 * MILLI);
    let server = net.hosts[1].accept(listener).unwrap();
    // The server closes first and keeps TIME_WAIT.
    net.on(1, |host, now, spy| host.close(now, server, spy));
    net.run_for(10 * MILLI);
    net.on(0, |host, now, spy| host.close(now, client, spy));
    net.run_for(Duration::from_secs(2));
    assert_eq!(net.hosts[1].held().time_wait, 1);
    let again = open(&mut net);
    net.run_for(10 * MILLI);
    assert_eq!(state(&net, 0, again), TcpState::Established);
    assert_eq!(net.hosts[1].held().time_wait, 0);
    assert!(net.hosts[1].accept(listener).is_some());
}

/// A FIN that comes again while only `TIME_WAIT` is left is acknowledged again, and the time runs
/// anew (RFC 9293 §3.10.7.4).
#[test]
fn time_wait_acknowledges_a_repeated_fin() {
    let mut net = Net::pair();
    let listener = listen(&mut net, 1, "10.0.0.2:80");
    let client = connect(&mut net, "10.0.0.2:80");
    net.run_for(10 * MILLI);
    let server = net.hosts[1].accept(listener).unwrap();
    net.on(0, |host, now, spy| host.close(now, client, spy));
    net.run_for(60 * MILLI);
    // The last acknowledgement is lost, so the FIN comes again.
    net.on(1, |host, now, spy| host.close(now, server, spy));
    net.segments();
    net.lose = Some(Box::new(|frame| frame[11] == 1));
    net.run_for(2 * MILLI);
    net.lose = None;
    assert_eq!(net.hosts[0].held().time_wait, 1);
    assert_eq!(net.hosts[1].held().sockets, 1);
    net.run_for(Duration::from_secs(1));
    assert_eq!(net.hosts[1].held().sockets, 0, "LAST_ACK is over");
    net.run_for(Duration::from_secs(59));
    assert_eq!(net.hosts[0].held().time_wait, 1, "the time began anew");
    net.run_for(Duration::from_secs(2));
    assert_eq!(net.hosts[0].held().time_wait, 0);
}

/// With segmentation offload one frame holds several segments, and says how to cut it; its payload
/// need not be copied into it.
#[test]
fn superframes_for_those_who_cut_them_up() {
    use roundtrip_host::{Config, Gso, Host, Interface, Offload, Received, SplitFrame};
    use roundtrip_packet::Verify;
    use roundtrip_record::{InterfaceId, Off, Time};

    let host = |end: u8| {
        let mut host = Host::new(Config { seed: [end; 32], ..Config::default() });
        let offload = Offload { tso: true, checksum: true };
        let mac = EtherAddr([2, 0, 0, 0, 0, end]);
        let interface = Interface::ethernet(InterfaceId(0), "eth0", mac);
        let eth = host.add_interface(Interface { offload, ..interface });
        host.add_address(eth, [10, 0, 0, end].into(), 24);
        let other = 3 - end;
        host.add_neighbour(eth, [10, 0, 0, other].into(), EtherAddr([2, 0, 0, 0, 0, other]));
        (host, eth)
    };
    let ((mut a, eth), (mut b, _)) = (host(1), host(2));
    let listener = b.listen(at("10.0.0.2:80"), 1).unwrap();
    let mut now = Time::ZERO;
    let client = a.connect(now, at("10.0.0.2:80"), None, None, None, &mut Off).unwrap();
    let mut largest = (0, None);
    let mut joined = Vec::new();
    let mut frame = Vec::new();
    let mut exchange = |a: &mut Host, b: &mut Host, now: Time| {
        let mut moved = true;
        while moved {
            moved = false;
            let received = Received { verify: Verify::Trusted, segment_size: None, cause: None };
            let take = |split: SplitFrame<'_>| {
                let whole = [split.headers, split.payload[0], split.payload[1]].concat();
                joined.push((whole, split.transmit.gso));
            };
            // Those in pieces come before the whole one that ends a round: here that is a handshake.
            let whole = a.poll_transmit_split(now, &mut frame, &mut Off, &mut Some(take));
            if whole.is_some() {
                joined.push((frame.clone(), None));
            }
            for (bytes, gso) in joined.drain(..) {
                if bytes.len() > largest.0 {
                    largest = (bytes.len(), gso);
                }
                b.handle_frame(now, eth, &bytes, received, &mut Off);
                moved = true;
            }
            while b.poll_transmit(now, &mut frame, &mut Off).is_some() {
                a.handle_frame(now, eth, &frame, received, &mut Off);
                moved = true;
            }
        }
    };
    exchange(&mut a, &mut b, now);
    let server = b.accept(listener).unwrap();
    let payload: Vec<u8> = (0..100_000_u32).map(|n| (n * 7 + n / 251) as u8).collect();
    let (mut sent, mut received) = (0, 0);
    let mut buffer = vec![0; 65_536];
    while received < payload.len() {
        sent += a.write(now, client, &payload[sent..]).unwrap();
        exchange(&mut a, &mut b, now);
        while let Ok(count @ 1..) = b.read(now, server, &mut buffer) {
            assert_eq!(buffer[..count], payload[received..received + count]);
            received += count;
        }
        now += MILLI;
        a.handle_timeout(now, &mut Off);
        b.handle_timeout(now, &mut Off);
    }
    let (length, gso) = largest;
    assert!(length > 3_000, "{length}");
    assert_eq!(gso, Some(Gso { segment_size: 1448, header_len: 66 }));
}
