//! What a busy thread does with its own time is not booked as the network's.
#![allow(clippy::disallowed_methods, reason = "the other end is a thread of its own")]

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use roundtrip_live::{CaptureWish, Live, LiveStream, Settings, run};
use roundtrip_os::Clock;
use roundtrip_record::{ConnectionId, Log, TcpInfo, TcpRead, Time, What};
use roundtrip_wire::{Transport as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// For how long the thread is kept busy.
const BUSY: Duration = Duration::from_millis(60);
/// How exact the kernel's two clocks are joined.
const EXACT: Duration = Duration::from_micros(200);

/// Takes the processor for as long, without a break.
fn work(clock: Clock, time: Duration) {
    let until = clock.now() + time;
    while clock.now() < until {
        core::hint::spin_loop();
    }
}

/// Listens on loopback.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    (listener, at)
}

/// Answers one request, after a while; between which times it wrote.
fn answer(listener: &TcpListener, clock: Clock) -> (Time, Time) {
    let (mut stream, _) = listener.accept().expect("a connection");
    let _ = stream.read(&mut [0; 100]).expect("a request");
    std::thread::sleep(Duration::from_millis(5));
    let before = clock.now();
    stream.write_all(b"answer").expect("room");
    (before, clock.now())
}

fn live<T, F: Future<Output = T>>(
    clock: Clock,
    log: &Log,
    capture: CaptureWish,
    body: impl FnOnce(Live) -> F,
) -> T {
    let settings = Settings { capture, ..Settings::default() };
    run(clock, log.clone(), settings, body).expect("a runtime")
}

/// Asks, is busy while the answer comes, and reads it; the connection, and when the answer was read.
async fn ask(live: &Live, clock: Clock, at: SocketAddr) -> (LiveStream, Time) {
    let mut stream = live.connect(at, None, None).await.expect("a connection");
    stream.write_all(b"ask\n").await.expect("room");
    work(clock, BUSY);
    stream.read_exact(&mut [0; 6]).await.expect("the answer");
    (stream, live.now())
}

#[test]
fn bytes_arrive_when_they_were_at_the_socket() {
    for capture in [CaptureWish::No, CaptureWish::IfPermitted] {
        let (listener, at) = listener();
        let (clock, log) = (Clock::start(), Log::memory());
        let server = std::thread::spawn(move || answer(&listener, clock));
        let (arrived, late) = live(clock, &log, capture, |live| async move {
            let (stream, read) = ask(&live, clock, at).await;
            assert_eq!(stream.arrived(6), None, "no such byte has come");
            assert_eq!(stream.arrived(0), stream.arrived(5));
            (stream.arrived(0).expect("it is stamped"), read)
        });
        let (before, after) = server.join().expect("the server");
        // On loopback what is written has arrived when the call returns.
        assert!(
            arrived + EXACT >= before && arrived <= after + EXACT,
            "{capture:?}: {arrived} is not from {before} to {after}"
        );
        assert!(late.since(arrived) > Duration::from_millis(20), "{capture:?}: it was not busy");
        let told: Vec<TcpRead> = log
            .events()
            .into_iter()
            .filter_map(|event| match event.what {
                What::TcpRead(read) => Some(read),
                _ => None,
            })
            .collect();
        let [read] = told[..] else { panic!("{told:?}") };
        assert_eq!(read.bytes, 6);
        assert!(read.arrived.since(before) < after.since(before) + 2 * EXACT);
    }
}

/// On loopback what is written is with the other end when the call returns, however late we come to
/// look.
#[test]
fn bytes_leave_when_they_are_written() {
    for capture in [CaptureWish::No, CaptureWish::IfPermitted] {
        let (listener, at) = listener();
        let (clock, log) = (Clock::start(), Log::memory());
        let server = std::thread::spawn(move || answer(&listener, clock));
        live(clock, &log, capture, |live| async move {
            let mut stream = live.connect(at, None, None).await.expect("a connection");
            assert_eq!(stream.departed(), None, "nothing was written");
            let before = live.now();
            stream.write_all(b"ask\n").await.expect("room");
            let after = live.now();
            work(clock, BUSY);
            let departed = stream.departed().expect("it is known");
            assert!(
                departed + EXACT >= before && departed <= after + EXACT,
                "{capture:?}: {departed} is not from {before} to {after}"
            );
            stream.read_exact(&mut [0; 6]).await.expect("the answer");
        });
        server.join().expect("the server");
    }
}

/// What waits for room at the other end has not left: nobody can tell when it will.
#[test]
fn bytes_that_wait_have_not_left() {
    let (listener, at) = listener();
    let (clock, log) = (Clock::start(), Log::memory());
    live(clock, &log, CaptureWish::No, |live| async move {
        let mut stream = live.connect(at, None, None).await.expect("a connection");
        let piece = vec![0; 1 << 20];
        // The other end does not read: at some point the windows are full.
        let full = async { while stream.write_all(&piece).await.is_ok() {} };
        let pause = live.sleep(Duration::from_millis(200));
        tokio::select! { () = full => panic!("it is never full"), () = pause => {} }
        assert_eq!(stream.departed(), None);
    });
    drop(listener);
}

#[test]
fn a_handshake_ends_when_its_answer_came() {
    for capture in [CaptureWish::No, CaptureWish::IfPermitted] {
        let (listener, at) = listener();
        let (clock, log) = (Clock::start(), Log::memory());
        live(clock, &log, capture, |live| async move {
            let began = live.now();
            let busy = live.spawn(async move { work(clock, BUSY) });
            let stream = live.connect(at, None, None).await.expect("a connection");
            let took = live.now().since(began);
            busy.await;
            let info = stream.info();
            let (sent, count) = info.syn.expect("we sent it");
            let answered = info.syn_ack.expect("it was seen");
            assert_eq!(count, 1);
            assert!(took >= BUSY, "{took:?}");
            let handshake = answered.since(sent);
            // Inside the kernel, on one processor, though others may want it.
            assert!(handshake < BUSY / 3, "{capture:?}: {handshake:?} of {took:?}");
            assert!(sent >= began && answered > sent);
        });
        drop(listener);
    }
}

/// What the last sample of a connection says was sent again.
fn last(log: &Log, id: ConnectionId) -> Option<TcpInfo> {
    let events = log.events().into_iter().rev();
    let mut infos = events.filter_map(|event| match event.what {
        What::TcpInfo(info) if info.connection == id => Some(info),
        _ => None,
    });
    infos.next()
}

/// A listener whose queue is full drops the SYN; the kernel sends it again a second later.
#[test]
fn a_syn_that_was_sent_again_is_counted() {
    let log = Log::memory();
    let clock = Clock::start();
    let id = live(clock, &log, CaptureWish::No, |live| async move {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.expect("a socket");
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).expect("a port");
        socket.listen(0).expect("a queue of one");
        let at = socket.local_addr().expect("an address").as_socket().expect("of IP");
        let first = TcpStream::connect(at).expect("it takes the queue's place");
        let emptied = live.spawn({
            let live = live.clone();
            async move {
                live.sleep(Duration::from_millis(300)).await;
                let taken = socket.accept().expect("the first");
                // Long enough for the SYN that is sent again.
                live.sleep(Duration::from_secs(4)).await;
                drop((taken, socket));
            }
        });
        let stream = live.connect(at, None, None).await.expect("at the second try");
        let info = stream.info();
        assert_eq!(info.syn.map(|(_, count)| count), Some(2));
        assert_eq!(info.syn_ack, None, "which of two was answered cannot be told");
        assert_eq!(info.retransmissions, Some(1));
        let id = stream.id();
        drop((stream, first, emptied));
        live.sleep(Duration::from_millis(50)).await;
        id
    });
    assert_eq!(last(&log, id).map(|info| info.retransmissions), Some(1));
}
