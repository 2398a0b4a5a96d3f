//! What programs see of the lab's sockets: the errors, the halves of a connection, the clock.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use roundtrip_lab::{Internet, Lab, LabHost, Net, Seed, Settings, Stuck};
use roundtrip_record::{AttemptEnd, ConnectionId, Log, Role, TcpState, Time};
use roundtrip_wire::{Datagram as _, Listener as _, Transport as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A client and one server.
struct Pair {
    internet: Internet,
    client: LabHost,
    server: LabHost,
    at: SocketAddr,
}

fn pair(net: &str) -> Pair {
    let net: Net = net.parse().unwrap();
    let mut internet = Internet::new(Settings::new(net, Seed::new(5), Log::off()));
    let at = SocketAddr::new(Internet::web_address(0).into(), 80);
    let server = internet.add_server("www", Role::WebServer, at.ip());
    Pair { client: internet.client().clone(), internet, server, at }
}

impl Pair {
    fn lab(&self) -> &Lab {
        self.internet.lab()
    }

    /// How a try to connect to `to` ends that fails, and when it began, ended and sent SYNs.
    fn fail(&self, to: SocketAddr) -> (AttemptEnd, Time, Vec<Time>) {
        let client = self.client.clone();
        let result =
            self.lab().run_until(async move { client.connect(to, None, None).await.err() });
        let attempt = result.unwrap().expect("no connection").0;
        (attempt.end, attempt.ended, attempt.syns)
    }
}

#[test]
fn a_closed_port_refuses() {
    let pair = pair("rtt=40ms");
    let (end, at, syns) = pair.fail(pair.at);
    assert_eq!(end, AttemptEnd::Refused);
    assert_eq!(syns.len(), 1);
    // The SYN and its RST; ARP on the client's segment and on the server's takes microseconds.
    assert_eq!(at.millis(), 40, "{at}");
}

#[test]
fn a_network_the_router_does_not_know_is_unreachable() {
    let pair = pair("rtt=40ms");
    let nowhere = SocketAddr::from(([192, 0, 2, 1], 80));
    let (end, ..) = pair.fail(nowhere);
    let AttemptEnd::Unreachable { why, from } = end else { panic!("{end:?}") };
    assert!(why.contains("unreachable"), "{why}");
    assert_eq!(from, Some(IpAddr::V4(Internet::ROUTER)));
}

#[test]
fn a_next_hop_that_does_not_answer_is_named() {
    // Of the client's own network, where nobody has it.
    let nobody = [10, 0, 0, 77].into();
    let pair = pair("cable");
    let (end, ..) = pair.fail(SocketAddr::new(nobody, 80));
    assert_eq!(end, AttemptEnd::NoNeighbour { next_hop: nobody });
}

/// Linux sends SYNs at 0, 1, 2, 3, 4, 5, 7 s … and gives up after two minutes.
#[test]
fn silence_times_out_and_tells_of_its_syns() {
    // The router answers on the segment; what it passes on is lost.
    let pair = pair("loss=100%");
    let (client, to) = (pair.client.clone(), pair.at);
    let until = Time::from_secs(10);
    let result = pair.lab().run_until(async move { client.connect(to, Some(until), None).await });
    let attempt = result.unwrap().err().expect("no connection").0;
    assert_eq!((attempt.end, attempt.ended), (AttemptEnd::TimedOut, until));
    let seconds: Vec<u64> = attempt.syns.iter().map(|at| at.millis() / 1_000).collect();
    assert_eq!(seconds, [0, 1, 2, 3, 4, 5, 7]);

    let (end, at, syns) = pair.fail(pair.at);
    assert_eq!(end, AttemptEnd::TimedOut);
    assert!(syns.len() > 7 && at > Time::from_secs(60), "{at}: {syns:?}");
}

#[test]
fn a_half_closed_connection_still_receives() {
    let pair = pair("rtt=40ms");
    let mut listener = pair.server.listen(pair.at).unwrap();
    let serve = async move {
        let mut stream = listener.accept().await.unwrap();
        let mut question = String::new();
        stream.read_to_string(&mut question).await.unwrap();
        assert_eq!(stream.info().state, TcpState::CloseWait);
        stream.write_all(question.to_uppercase().as_bytes()).await.unwrap();
    };
    pair.server.spawn(serve).detach();
    let (client, to) = (pair.client.clone(), pair.at);
    let work = async move {
        let mut stream = client.connect(to, None, None).await.unwrap();
        stream.write_all(b"question").await.unwrap();
        stream.shutdown().await.unwrap();
        let late = stream.write_all(b"more").await.unwrap_err();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        (answer, late.kind())
    };
    let (answer, late) = pair.lab().run_until(work).unwrap();
    assert_eq!(answer, "QUESTION");
    assert_eq!(late, ErrorKind::BrokenPipe);
}

/// As the kernel closes a descriptor: RST when something is left unread.
#[test]
fn dropping_a_stream_with_unread_data_resets() {
    let pair = pair("rtt=40ms");
    let mut listener = pair.server.listen(pair.at).unwrap();
    let server = pair.server.clone();
    let serve = async move {
        let stream = listener.accept().await.unwrap();
        server.sleep(Duration::from_millis(200)).await;
        drop(stream);
    };
    pair.server.spawn(serve).detach();
    let (client, to) = (pair.client.clone(), pair.at);
    let work = async move {
        let mut stream = client.connect(to, None, None).await.unwrap();
        stream.write_all(b"nobody reads this").await.unwrap();
        let error = stream.read(&mut [0; 10]).await.unwrap_err();
        let id = stream.id();
        client.closed(id).await;
        error.kind()
    };
    assert_eq!(pair.lab().run_until(work).unwrap(), ErrorKind::ConnectionReset);
}

#[test]
fn an_aborted_connection_is_gone_at_once() {
    let pair = pair("rtt=40ms");
    let mut listener = pair.server.listen(pair.at).unwrap();
    let (client, to) = (pair.client.clone(), pair.at);
    let work = async move {
        let mut stream = client.connect(to, None, None).await.unwrap();
        let mut accepted = listener.accept().await.unwrap();
        stream.abort();
        client.closed(stream.id()).await;
        let at = client.now();
        let error = accepted.read(&mut [0]).await.unwrap_err();
        (client.now() - at, error.kind())
    };
    let (took, kind) = pair.lab().run_until(work).unwrap();
    assert_eq!(kind, ErrorKind::ConnectionReset);
    assert!(took >= Duration::from_millis(20), "{took:?}");
}

#[test]
fn datagrams_go_both_ways_and_closed_ports_refuse_them() {
    let pair = pair("rtt=40ms");
    let at = SocketAddr::new(pair.at.ip(), 53);
    let echo = pair.server.datagram(at).unwrap();
    let work = async move {
        let packet = echo.receive().await.unwrap();
        echo.send_to(&packet.bytes, packet.from, None).await.unwrap();
    };
    pair.server.spawn(work).detach();
    let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let socket = pair.client.datagram(any).unwrap();
    let work = async move {
        socket.send_to(b"hello", at, None).await.unwrap();
        let packet = socket.receive().await.unwrap();
        assert_eq!((packet.from, &packet.bytes[..]), (at, &b"hello"[..]));
        // The echo's socket is gone now.
        socket.send_to(b"again", at, None).await.unwrap();
        socket.receive().await.unwrap_err().kind()
    };
    assert_eq!(pair.lab().run_until(work).unwrap(), ErrorKind::ConnectionRefused);
}

#[test]
fn an_address_is_used_once() {
    let pair = pair("lan");
    let first = pair.server.listen(pair.at).unwrap();
    let second = pair.server.listen(pair.at).err().expect("in use");
    assert_eq!(second.kind(), ErrorKind::AddrInUse);
    drop(first);
    assert!(pair.server.listen(pair.at).is_ok());
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 80));
    let third = pair.server.listen(elsewhere).err().expect("not ours");
    assert_eq!(third.kind(), ErrorKind::AddrNotAvailable);
}

#[test]
fn bulk_goes_both_ways_at_once() {
    const BYTES: usize = 300_000;
    let pair = pair("cable");
    let mut listener = pair.server.listen(pair.at).unwrap();
    let echo = async move {
        let stream = listener.accept().await.unwrap();
        let (mut reader, mut writer) = tokio::io::split(stream);
        tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    pair.server.spawn(echo).detach();
    let (client, to) = (pair.client.clone(), pair.at);
    let work = async move {
        let stream = client.connect(to, None, None).await.unwrap();
        let sent: Vec<u8> = (0..BYTES).map(|at| (at * 7 % 251) as u8).collect();
        let (mut reader, mut writer) = tokio::io::split(stream);
        let bytes = sent.clone();
        let writing = client.spawn(async move {
            writer.write_all(&bytes).await.unwrap();
            writer.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        writing.await;
        received == sent
    };
    assert!(pair.lab().run_until(work).unwrap());
}

#[test]
fn waiting_for_what_never_comes_is_an_error() {
    let pair = pair("lan");
    assert_eq!(
        pair.lab().run_until(core::future::pending::<()>()),
        Err(Stuck::Deadlock { at: Time::ZERO })
    );
}

#[test]
fn a_connection_nobody_knows_is_closed() {
    let pair = pair("lan");
    pair.lab().run_until(pair.client.closed(ConnectionId(77))).unwrap();
}

#[test]
fn time_jumps_and_the_calendar_follows() {
    let pair = pair("lan");
    let client = pair.client.clone();
    let (began, wall) = (client.now(), client.wall());
    let month = Duration::from_hours(30 * 24);
    pair.lab().run_until(client.sleep(month)).unwrap();
    assert_eq!(client.now() - began, month);
    assert_eq!(client.wall().duration_since(wall).unwrap(), month);
}
