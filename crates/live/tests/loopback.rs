//! The kernel's own TCP over loopback, and what we see of it.

#[path = "../../../tests/skip.rs"]
mod skip;

use core::time::Duration;
use std::net::SocketAddr;

use roundtrip_live::{CaptureWish, Live, Settings, run};
use roundtrip_os::Clock;
use roundtrip_record::{
    AttemptEnd, CloseReason, ConnectionId, Direction, Event, Evidence, Log, TcpState, What,
};
use roundtrip_wire::{Listener as _, Transport as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn loopback<T, F: Future<Output = T>>(log: Log, body: impl FnOnce(Live) -> F) -> T {
    let settings = Settings { capture: CaptureWish::IfPermitted, ..Settings::default() };
    run(Clock::start(), log, settings, body).expect("a runtime")
}

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// The states of one end, in order, with how each is known.
fn states(events: &[Event], id: ConnectionId) -> Vec<(TcpState, Evidence)> {
    let of = |event: &Event| match &event.what {
        What::TcpStateChanged(change) if change.connection == id => {
            Some((change.to, change.how.clone()))
        }
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

fn names(states: &[(TcpState, Evidence)]) -> Vec<TcpState> {
    states.iter().map(|(state, _)| *state).collect()
}

/// Serves one connection: reads a request's worth, answers, and closes when told.
async fn serve(
    live: Live,
    mut listener: roundtrip_live::LiveListener,
    closes_first: bool,
) -> ConnectionId {
    let mut stream = listener.accept().await.expect("a connection");
    let mut request = [0; 4];
    stream.read_exact(&mut request).await.expect("the request");
    stream.write_all(b"answer").await.expect("room for the answer");
    if closes_first {
        stream.shutdown().await.expect("a half-close");
    }
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("the client's end");
    let id = stream.id();
    drop(stream);
    live.sleep(Duration::from_millis(50)).await;
    id
}

/// One exchange, after which `server_first` closes; the ids of client and server end.
fn exchange(log: &Log, server_first: bool) -> (ConnectionId, ConnectionId) {
    loopback(log.clone(), |live| async move {
        let listener = live.listen(any_port()).expect("a port");
        let at = roundtrip_wire::Listener::local(&listener);
        let server_end = std::rc::Rc::new(core::cell::Cell::new(ConnectionId(0)));
        let (task_live, seen) = (live.clone(), server_end.clone());
        let server = live.spawn(async move {
            seen.set(serve(task_live, listener, server_first).await);
        });
        let mut client = live.connect(at, None, None).await.expect("a connection");
        client.write_all(b"ask\n").await.expect("room");
        let mut answer = vec![0; 6];
        client.read_exact(&mut answer).await.expect("the answer");
        assert_eq!(answer, b"answer");
        if server_first {
            assert_eq!(client.read(&mut answer).await.expect("the end"), 0);
        }
        client.shutdown().await.expect("our end");
        if !server_first {
            assert_eq!(client.read(&mut answer).await.expect("the end"), 0);
        }
        let id = client.id();
        drop(client);
        server.await;
        live.sleep(Duration::from_millis(50)).await;
        (id, server_end.get())
    })
}

#[test]
fn client_first_leaves_time_wait_at_the_client() {
    let log = Log::memory();
    let (client, server) = exchange(&log, false);
    let events = log.events();
    let client = names(&states(&events, client));
    use TcpState::{
        CloseWait, Closed, Established, FinWait1, FinWait2, LastAck, SynSent, TimeWait,
    };
    assert_eq!(client, [SynSent, Established, FinWait1, FinWait2, TimeWait], "client");
    let server = names(&states(&events, server));
    assert!(server.contains(&CloseWait) && server.ends_with(&[Closed]), "server: {server:?}");
    assert!(!server.contains(&TimeWait) && !server.contains(&FinWait1), "server: {server:?}");
    let _ = LastAck;
}

#[test]
fn server_first_leaves_time_wait_at_the_server() {
    let log = Log::memory();
    let (client, server) = exchange(&log, true);
    let events = log.events();
    let (client, server) = (names(&states(&events, client)), names(&states(&events, server)));
    assert!(client.contains(&TcpState::CloseWait), "client: {client:?}");
    assert_eq!(client.last(), Some(&TcpState::Closed), "client: {client:?}");
    assert_eq!(server.last(), Some(&TcpState::TimeWait), "server: {server:?}");
}

#[test]
fn every_state_says_how_it_is_known() {
    let log = Log::memory();
    let (client, _) = exchange(&log, false);
    for (state, how) in states(&log.events(), client) {
        assert_ne!(how, Evidence::Performed, "{state}: the kernel does this, not we");
    }
}

#[test]
fn refused_is_a_finding() {
    let log = Log::memory();
    let fault = loopback(log.clone(), |live| async move {
        let free = {
            let listener = live.listen(any_port()).expect("a port");
            roundtrip_wire::Listener::local(&listener)
        };
        live.connect(free, None, None).await.err().expect("nobody listens there")
    });
    assert_eq!(fault.0.end, AttemptEnd::Refused);
    let closed = log.events().into_iter().find_map(|event| match event.what {
        What::TcpClosed(closed) => Some(closed.reason),
        _ => None,
    });
    assert_eq!(closed, Some(CloseReason::Refused));
}

#[test]
fn a_reset_is_told_from_an_end() {
    let log = Log::memory();
    loopback(log.clone(), |live| async move {
        let mut listener = live.listen(any_port()).expect("a port");
        let at = roundtrip_wire::Listener::local(&listener);
        let mut client = live.connect(at, None, None).await.expect("a connection");
        let mut server = listener.accept().await.expect("a connection");
        server.abort();
        let error = client.read(&mut [0; 1]).await.expect_err("a reset");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    });
    let reset = log.events().iter().any(|event| {
        matches!(&event.what, What::TcpClosed(closed) if closed.reason == CloseReason::Reset)
    });
    assert!(reset);
}

#[test]
fn half_close_still_receives() {
    loopback(Log::off(), |live| async move {
        let mut listener = live.listen(any_port()).expect("a port");
        let at = roundtrip_wire::Listener::local(&listener);
        let mut client = live.connect(at, None, None).await.expect("a connection");
        let mut server = listener.accept().await.expect("a connection");
        client.shutdown().await.expect("a half-close");
        let mut all = Vec::new();
        assert_eq!(server.read_to_end(&mut all).await.expect("the end"), 0);
        server.write_all(b"still here").await.expect("room");
        drop(server);
        client.read_to_end(&mut all).await.expect("what came after");
        assert_eq!(all, b"still here");
    });
}

#[test]
fn captured_segments_are_joined_to_the_stream() {
    let log = Log::memory();
    let cause = loopback(log.clone(), |live| async move {
        let mut listener = live.listen(any_port()).expect("a port");
        let at = roundtrip_wire::Listener::local(&listener);
        let mut client = live.connect(at, None, None).await.expect("a connection");
        let mut server = listener.accept().await.expect("a connection");
        server.write_all(b"hello").await.expect("room");
        client.read_exact(&mut [0; 5]).await.expect("the greeting");
        client.segment_at(0)
    });
    let Some(cause) = cause else {
        let unseen = log.events().iter().any(|event| matches!(event.what, What::Unseen(_)));
        assert!(unseen, "neither packets nor a word that they are not seen");
        skip::skip("packets are not visible here (CAP_NET_RAW)");
        return;
    };
    let events = log.events();
    let event = events.iter().find(|event| event.id == cause).expect("the event it names");
    let What::TcpSegment(segment) = &event.what else { panic!("not a segment: {event:?}") };
    assert_eq!((segment.direction, segment.length), (Direction::Received, 5));
    let syn = events.iter().any(|event| {
        matches!(&event.what, What::TcpSegment(s) if s.flags.to_string() == "SYN" && s.mss.is_some())
    });
    assert!(syn, "the handshake was captured from its first segment on");
}

#[test]
fn a_file_is_sent_whole() {
    let mut file = tempfile::tempfile().expect("a file");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
    std::io::Write::write_all(&mut file, &bytes).expect("room on disk");
    let got = loopback(Log::off(), |live| async move {
        let mut listener = live.listen(any_port()).expect("a port");
        let at = roundtrip_wire::Listener::local(&listener);
        let mut client = live.connect(at, None, None).await.expect("a connection");
        let mut server = listener.accept().await.expect("a connection");
        let sender = live.spawn(async move {
            assert_eq!(server.send_file(&file, 10, 10_000_000).await.expect("sent"), 2_999_990);
        });
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.expect("the file");
        sender.await;
        got
    });
    assert!(got == bytes[10..]);
}
