//! What a host holds at most, whoever sends: each test fails without its limit.

use core::time::Duration;
use std::net::SocketAddr;

use roundtrip_host::{Config, Limits, SocketId};
use roundtrip_packet::{
    Envelope, EtherAddr, Flags, Fragment, Link, Protocol, SeqNumber, ipv4, tcp, udp,
};
use roundtrip_record::Off;

use crate::cable::{ETH, MILLI, Net};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Bytes that each connection is to carry.
const LOAD: usize = 400_000;
const CONNECTIONS: usize = 40;

/// Connections from a to b, on each of which a writes as much as it can while b reads nothing.
fn loaded(limits: Limits) -> (Net, Vec<SocketId>, Vec<SocketId>, Vec<usize>) {
    let config = || Config { limits, ..Config::default() };
    let mut net = Net::pair_of(config(), config());
    let listener = net.on(1, |host, _, _| host.listen(at("10.0.0.2:80"), 100)).unwrap();
    let connect = |_| {
        net.on(0, |host, now, spy| host.connect(now, at("10.0.0.2:80"), None, None, None, spy))
            .unwrap()
    };
    let clients: Vec<SocketId> = (0..CONNECTIONS).map(connect).collect();
    net.run_for(20 * MILLI);
    let servers: Vec<SocketId> = std::iter::from_fn(|| net.hosts[1].accept(listener)).collect();
    assert_eq!(servers.len(), CONNECTIONS);
    let mut written = vec![0; CONNECTIONS];
    for _ in 0..400 {
        push(&mut net, &clients, &mut written);
        net.run_for(5 * MILLI);
    }
    (net, clients, servers, written)
}

/// Writes what there is room for.
fn push(net: &mut Net, clients: &[SocketId], written: &mut [usize]) {
    for (client, written) in clients.iter().zip(written) {
        let bytes = vec![7; (LOAD - *written).min(20_000)];
        *written += net.on(0, |host, now, _| host.write(now, *client, &bytes)).unwrap();
    }
}

/// `net.ipv4.tcp_mem`.
#[test]
fn all_connections_share_the_memory_there_is() {
    let unlimited = loaded(Limits::default()).0;
    let needed = unlimited.hosts[1].held().tcp_memory;
    assert!(needed > 4_000_000, "without a limit {needed} bytes are held");

    let limits = Limits { tcp_memory: [1_000_000, 1_500_000, 2_000_000], ..Limits::default() };
    let (mut net, clients, servers, mut written) = loaded(limits);
    // Beyond the limit each gets its least, and what was on its way when it was reached.
    let most = limits.tcp_memory[2] + CONNECTIONS * (4_096 + 2 * 2_304);
    for host in &net.hosts {
        let held = host.held().tcp_memory;
        assert!((limits.tcp_memory[0]..most).contains(&held), "{held} of {most}");
    }

    // It is a shortage and no end: once somebody reads, everything arrives.
    let mut got = vec![0; CONNECTIONS];
    for _ in 0..20_000 {
        push(&mut net, &clients, &mut written);
        for (server, got) in servers.iter().zip(&mut got) {
            let mut into = vec![0; 50_000];
            let read = net.on(1, |host, now, _| host.read(now, *server, &mut into));
            *got += read.unwrap_or(0);
        }
        if got.iter().all(|got| *got == LOAD) {
            break;
        }
        net.run_for(10 * MILLI);
        for host in 0..2 {
            net.events(host);
        }
    }
    assert_eq!(got, vec![LOAD; CONNECTIONS]);
    net.run_for(Duration::from_secs(1));
    assert_eq!((net.hosts[0].held().tcp_memory, net.hosts[1].held().tcp_memory), (0, 0));
}

/// Who lets go of a connection while there is no memory left lets go of its data (`tcp_check_oom`).
#[test]
fn nobody_waits_for_what_nobody_holds_when_memory_is_gone() {
    let limits = Limits { tcp_memory: [100_000, 150_000, 200_000], ..Limits::default() };
    let (mut net, clients, _, _) = loaded(limits);
    for client in clients {
        net.on(0, |host, now, spy| host.close(now, client, spy));
    }
    net.run_for(10 * MILLI);
    let held = net.hosts[0].held();
    assert!(held.tcp_memory <= limits.tcp_memory[2], "{held:?}");
}

/// A packet to b from the `n`th stranger on its link.
fn from_stranger(n: u8) -> Envelope {
    let link =
        Link { source: EtherAddr([2, 0, 0, 0, 0, 1]), destination: EtherAddr([2, 0, 0, 0, 0, 2]) };
    let ip = ipv4::Header::new([10, 0, 0, n].into(), [10, 0, 0, 2].into(), Protocol::UDP);
    Envelope::new(link, ip)
}

fn datagram(n: u8, destination_port: u16, length: usize) -> Vec<u8> {
    let header = udp::Header { source_port: 9, destination_port };
    let mut out = Vec::new();
    from_stranger(n).emit_udp(&header, &vec![1; length], &mut out).unwrap();
    out
}

/// `net.core.rmem_default`.
#[test]
fn datagrams_that_nobody_reads() {
    let limits = Limits { udp_receive: 20_000, ..Limits::default() };
    let mut net = Net::pair_of(Config::default(), Config { limits, ..Config::default() });
    let socket = net.on(1, |host, _, _| host.bind_udp(at("10.0.0.2:53"))).unwrap();
    for _ in 0..500 {
        net.put(0, ETH, &datagram(1, 53, 1_000));
    }
    net.run_for(2 * MILLI);
    let kept = std::iter::from_fn(|| net.hosts[1].receive_udp(socket)).count();
    assert!((10..=20).contains(&kept), "{kept}");
    assert_eq!(net.hosts[1].counters().udp_dropped, 500 - kept as u64);
}

/// `icmp_msgs_burst`, `icmp_ratelimit`: 240 strangers at once, and then one of them a hundred times.
#[test]
fn datagrams_to_ports_where_nobody_is() {
    let mut net = Net::pair();
    for n in 3..243 {
        net.put(0, ETH, &datagram(n, 7, 10));
    }
    net.run_for(2 * MILLI);
    assert_eq!(net.hosts[1].counters().errors_sent, 50);
    assert_eq!(net.hosts[1].counters().errors_suppressed, 190);
    net.run_for(Duration::from_secs(10));
    for _ in 0..100 {
        net.put(0, ETH, &datagram(250, 7, 10));
    }
    net.run_for(2 * MILLI);
    assert_eq!(net.hosts[1].counters().errors_sent, 56);
}

/// Segments to ports where nobody is: so many resets a second, and no more.
#[test]
fn segments_without_a_connection() {
    let limits = Limits { resets_per_second: 100, ..Limits::default() };
    let mut net = Net::pair_of(Config::default(), Config { limits, ..Config::default() });
    for n in 0..5_000_u32 {
        let header = tcp::Header {
            flags: Flags::ACK,
            acknowledgement: SeqNumber(n),
            ..tcp::Header::new(n as u16 + 1, 81)
        };
        let mut out = Vec::new();
        from_stranger(1).emit_tcp(&header, [&[], &[]], &mut out).unwrap();
        net.put(0, ETH, &out);
    }
    net.run_for(2 * MILLI);
    let counters = net.hosts[1].counters();
    assert_eq!((counters.resets_sent, counters.resets_suppressed), (100, 4_900));
}

/// Frames that wait to leave take no more than their limit, however long nobody takes them.
#[test]
fn frames_that_wait_to_leave() {
    let limits = Limits { output: 30_000, ..Limits::default() };
    let mut net = Net::pair_of(Config::default(), Config { limits, ..Config::default() });
    let socket = net.on(1, |host, _, _| host.bind_udp(at("10.0.0.2:53"))).unwrap();
    let mac = EtherAddr([2, 0, 0, 0, 0, 1]);
    let (now, host) = (net.now, &mut net.hosts[1]);
    host.add_neighbour(ETH, [10, 0, 0, 1].into(), mac);
    let to = at("10.0.0.1:9");
    let mut send = || host.send_udp(now, socket, to, &[1; 1_000], None, &mut Off).is_ok();
    let sent = (0..100).filter(|_| send()).count();
    assert!((20..=30).contains(&sent), "{sent}");
    assert!(net.hosts[1].held().output_bytes <= limits.output);
}

fn fragment(identification: u32, offset: usize, length: usize) -> Vec<u8> {
    let payload = vec![1; length];
    let piece =
        Fragment { identification, offset, more: true, protocol: Protocol::UDP, payload: &payload };
    let mut out = Vec::new();
    from_stranger(1).emit_fragment(&piece, &mut out).unwrap();
    out
}

/// Tiny pieces with holes, of ever new datagrams (`FragmentSmack`, CVE-2018-5391): memory and the
/// number of datagrams of one source stay below their limits, and all is gone after half a minute.
#[test]
fn pieces_of_datagrams_that_never_become_whole() {
    let limits = Limits { reassembly: 50_000, reassembly_per_source: 8, ..Limits::default() };
    let mut net = Net::pair_of(Config::default(), Config { limits, ..Config::default() });
    for n in 0..5_000_u32 {
        net.put(0, ETH, &fragment(n / 50, (n % 50) as usize * 16, 8));
        if n % 100 == 0 {
            net.run_for(2 * MILLI);
            let held = net.hosts[1].held().reassembly_bytes;
            assert!(held <= limits.reassembly, "{held}");
        }
    }
    net.run_for(2 * MILLI);
    assert!(net.hosts[1].counters().reassemblies_dropped > 0);
    net.run_for(Duration::from_secs(40));
    assert_eq!(net.hosts[1].held().reassembly_bytes, 0);
}

/// RFC 5722 §4, and Linux for IPv4 too: a datagram whose pieces overlap is dropped whole.
#[test]
fn pieces_that_overlap() {
    let mut net = Net::pair();
    net.put(0, ETH, &fragment(1, 0, 64));
    net.put(0, ETH, &fragment(1, 32, 64));
    net.run_for(2 * MILLI);
    assert_eq!(net.hosts[1].counters().reassemblies_dropped, 1);
    assert_eq!(net.hosts[1].held().reassembly_bytes, 0);
}
