//! TCP Fast Open (RFC 7413) between two hosts.

use core::time::Duration;
use std::net::SocketAddr;

use roundtrip_host::{Config, Event, FastOpenPolicy, Host, KnownServers, ListenerId, SocketId};
use roundtrip_record::TcpState;
use roundtrip_tcp as tcp;

use crate::cable::{MILLI, Net};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A client that uses Fast Open, and a server whose listeners may.
fn pair() -> Net {
    let client = Config { fast_open_connect: true, ..Config::default() };
    let server = Config { fast_open: FastOpenPolicy::SERVER, ..Config::default() };
    Net::pair_of(client, server)
}

/// A listener that takes data of `queue` connections whose handshakes are not complete.
fn listen(net: &mut Net, queue: u32) -> ListenerId {
    let host = &mut net.hosts[1];
    let listener = host.listen(at("10.0.0.2:80"), 10).unwrap();
    let fast_open = tcp::FastOpen { queue, ..tcp::FastOpen::default() };
    let options = tcp::Options { fast_open, ..tcp::Options::default() };
    host.set_listener_options(listener, options);
    listener
}

fn connect(net: &mut Net) -> SocketId {
    let to = at("10.0.0.2:80");
    net.on(0, |host, now, spy| host.connect(now, to, None, None, None, spy)).unwrap()
}

fn write(net: &mut Net, socket: SocketId, bytes: &[u8]) -> usize {
    net.on(0, |host, now, _| host.write(now, socket, bytes)).unwrap()
}

fn is_deferred(host: &Host, socket: SocketId) -> bool {
    host.tcp(socket).unwrap().is_deferred()
}

/// A client that has the cookie of its server.
fn with_cookie(net: &mut Net, listener: ListenerId) {
    let first = connect(net);
    assert!(!is_deferred(&net.hosts[0], first), "the SYN that asks for a cookie waits for nothing");
    net.run_for(10 * MILLI);
    net.on(1, |host, _, _| host.accept(listener)).unwrap();
    net.log();
    net.events(1);
}

#[test]
fn data_arrives_a_round_trip_earlier() {
    let mut net = pair();
    let listener = listen(&mut net, 5);
    with_cookie(&mut net, listener);
    let socket = connect(&mut net);
    assert!(is_deferred(&net.hosts[0], socket));
    net.run_for(10 * MILLI);
    assert_eq!(net.log(), Vec::<String>::new(), "nothing is sent before there is data");
    assert_eq!(write(&mut net, socket, b"hello"), 5);
    net.run_for(MILLI + MILLI / 2);
    let accepted = net.on(1, |host, _, _| host.accept(listener)).unwrap();
    let mut heard = [0; 8];
    let now = net.now;
    assert_eq!(net.hosts[1].read(now, accepted, &mut heard), Ok(5));
    assert_eq!(&heard[..5], b"hello");
    // The answer may leave before the handshake is complete.
    assert_eq!(net.hosts[1].tcp(accepted).unwrap().state(), TcpState::SynReceived);
    net.on(1, |host, now, _| host.write(now, accepted, b"hello yourself")).unwrap();
    net.run_for(MILLI);
    let now = net.now;
    let mut heard = [0; 20];
    assert_eq!(net.hosts[0].read(now, socket, &mut heard), Ok(14));
    net.run_for(10 * MILLI);
    for (host, socket) in [(0, socket), (1, accepted)] {
        let info = net.hosts[host].tcp(socket).unwrap().info();
        assert_eq!((info.state, info.syn_data), (TcpState::Established, true));
    }
}

/// A cookie is an address's: that of one does not serve another, and a host that is asked by a server it
/// has forgotten begins anew.
#[test]
fn what_is_known_can_be_forgotten_and_handed_on() {
    let mut net = pair();
    let listener = listen(&mut net, 5);
    with_cookie(&mut net, listener);
    let known = net.hosts[0].known_servers();
    net.hosts[0].set_known_servers(KnownServers::default());
    let socket = connect(&mut net);
    assert!(!is_deferred(&net.hosts[0], socket));
    net.hosts[0].set_known_servers(known);
    let socket = connect(&mut net);
    assert!(is_deferred(&net.hosts[0], socket));
}

/// SYNs with good cookies whose handshakes are never completed hold no more connections than the listener
/// allows (RFC 7413 §5.1), and one that was reset goes on to count for a minute.
#[test]
fn no_more_are_in_use_early_than_allowed() {
    let mut net = pair();
    let listener = listen(&mut net, 1);
    with_cookie(&mut net, listener);
    // Nothing comes back any more: to the server the clients fall silent.
    net.lose = Some(Box::new(|frame| frame[6..12] == [2, 0, 0, 0, 0, 2]));
    let sockets = [connect(&mut net), connect(&mut net)];
    for socket in sockets {
        write(&mut net, socket, b"hello");
    }
    net.run_for(10 * MILLI);
    assert_eq!(net.events(1), [Event::Acceptable(listener)], "the second is an ordinary handshake");
    let early = net.on(1, |host, _, _| host.accept(listener)).unwrap();
    assert_eq!(net.hosts[1].check_read(early), Ok(5));
    net.on(0, |host, now, spy| host.abort(now, sockets[1], spy));
    let third = connect(&mut net);
    write(&mut net, third, b"hello");
    net.run_for(10 * MILLI);
    assert!(!net.events(1).contains(&Event::Acceptable(listener)), "the first still counts");
    net.run_for(Duration::from_secs(200));
    net.lose = None;
    net.on(0, |host, now, spy| host.abort(now, third, spy));
    let fourth = connect(&mut net);
    write(&mut net, fourth, b"hello");
    net.run_for(10 * MILLI);
    let accepted = net.on(1, |host, _, _| host.accept(listener)).unwrap();
    let info = net.hosts[1].tcp(accepted).unwrap().info();
    assert!(info.syn_data, "the first was given up, and there is room again");
}
