//! One GET through the lab, every layer real: ARP, handshake, request, response, close to the end of
//! `TIME_WAIT`; recorded, and its capture read by tshark.

#[path = "../../../tests/skip.rs"]
mod skip;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use roundtrip_lab::{Internet, Net, Seed, Settings};
use roundtrip_record::{
    CloseReason, Event, Folder, Log, NeighbourState, Recorder, Role, Settings as Recording, Side,
    TcpState, Time, What,
};
use roundtrip_wire::{Listener as _, Transport as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const BODY: usize = 20_000;

/// Carries the exchange out; the record goes to `folder`.
fn get(folder: &Path, net: &str) {
    let log = Log::new(Recorder::new(Recording::in_folder(folder)).unwrap());
    let net: Net = net.parse().unwrap();
    let mut internet = Internet::new(Settings::new(net, Seed::new(1), log.clone()));
    let at = SocketAddr::new(Internet::web_address(0).into(), 80);
    let server = internet.add_server("www", Role::WebServer, at.ip());

    let mut listener = server.listen(at).unwrap();
    let serve = async move {
        let mut stream = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let read = stream.read_buf(&mut request).await.unwrap();
            assert_ne!(read, 0, "the request ends before its head does");
        }
        assert!(request.starts_with(b"GET / HTTP/1.1\r\n"));
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'x'; BODY]).await.unwrap();
    };
    server.spawn(serve).detach();

    let client = internet.client().clone();
    let exchange = async move {
        let mut stream = client.connect(at, None, None).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: www.example\r\n\r\n").await.unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.unwrap();
        assert!(response.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert!(response.ends_with(&vec![b'x'; BODY]));
        let last = response.len() as u64 - 1;
        assert!(stream.segment_at(last).is_some(), "the last byte has a segment as its cause");
        // Long enough that the acknowledgement of the server's FIN goes out before our own FIN.
        client.sleep(Duration::from_millis(100)).await;
        let id = stream.id();
        drop(stream);
        client.closed(id).await;
    };
    internet.lab().run_until(exchange).unwrap();
    assert!(internet.lab().settle(Time::from_secs(600)).unwrap(), "something goes on for ever");
    internet.lab().finish();
    log.finish().unwrap();
}

fn events(folder: &Path) -> Vec<Event> {
    let (events, cut) = Folder::open(folder).unwrap().read().unwrap();
    assert!(!cut);
    events
}

/// The states that one side passed, in order.
fn states(events: &[Event], side: Side) -> Vec<TcpState> {
    let opened = events.iter().find_map(|event| match &event.what {
        What::TcpOpened(opened) if opened.side == side => Some(opened.connection),
        _ => None,
    });
    let connection = opened.expect("the connection was opened");
    let mut states = Vec::new();
    for event in events {
        if let What::TcpStateChanged(change) = &event.what
            && change.connection == connection
        {
            if let Some(before) = states.last() {
                assert_eq!(*before, change.from);
            }
            states.push(change.to);
        }
    }
    states
}

#[test]
fn the_record_tells_every_step() {
    let folder = tempfile::tempdir().unwrap();
    get(folder.path(), "cable");
    let events = events(folder.path());

    let neighbours = events.iter().filter_map(|event| match &event.what {
        What::NeighbourChanged(change) if change.to == NeighbourState::Reachable => Some(change),
        _ => None,
    });
    assert!(neighbours.count() >= 2, "client and server each found the router");

    use TcpState::{
        CloseWait, Closed, Established, FinWait1, FinWait2, LastAck, SynReceived, SynSent, TimeWait,
    };
    let client = states(&events, Side::Client);
    assert_eq!(client, [SynSent, Established, CloseWait, LastAck, Closed]);
    let server = states(&events, Side::Server);
    assert_eq!(server, [SynReceived, Established, FinWait1, FinWait2, TimeWait, Closed]);

    let reasons: Vec<CloseReason> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::TcpClosed(closed) => Some(closed.reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [CloseReason::Finished, CloseReason::TimeWaitOver]);
    let closed = |reason| {
        let found = events.iter().find(
            |event| matches!(&event.what, What::TcpClosed(closed) if closed.reason == reason),
        );
        found.unwrap().at
    };
    let waited = closed(CloseReason::TimeWaitOver) - closed(CloseReason::Finished);
    assert!((59..=60).contains(&waited.as_secs()), "TIME_WAIT lasted {waited:?}");

    // Every frame that was received has the frame that was sent as its cause.
    for event in &events {
        if let What::Frame(frame) = &event.what
            && frame.direction == roundtrip_record::Direction::Received
        {
            let cause = event.cause.expect("a cause");
            let sent = &events[usize::try_from(cause.get()).unwrap() - 1];
            assert!(matches!(&sent.what, What::Frame(sent) if sent.length == frame.length));
            assert!(sent.at < event.at);
        }
    }
}

#[test]
fn the_same_run_twice_is_the_same_to_the_byte() {
    let lossy = "3g,loss=5%,reorder=5%,duplicate=5%,corrupt=2%";
    for net in ["cable", lossy] {
        let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        get(one.path(), net);
        get(other.path(), net);
        for file in ["record.jsonl", "trace.pcapng"] {
            let [one, other] = [&one, &other].map(|folder| folder.path().join(file));
            assert!(std::fs::read(one).unwrap() == std::fs::read(other).unwrap(), "{net}: {file}");
        }
    }
}

/// Runs tshark with checksum validation on; `None` where it is not installed.
fn tshark(capture: &Path, arguments: &[&str]) -> Option<String> {
    if !skip::has("tshark") {
        return None;
    }
    let output = Command::new("tshark")
        .args(["-n", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"])
        .args(["-o", "udp.check_checksum:TRUE", "-r"])
        .arg(capture)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What an expert would call wrong with a frame.
const WRONG: &str = "_ws.malformed || tcp.checksum.status == \"Bad\" || ip.checksum.status == \"Bad\" \
                     || _ws.expert.severity >= 8388608";

fn wrong(capture: &Path) -> Option<Vec<String>> {
    let frames = tshark(capture, &["-Y", WRONG])?;
    Some(frames.lines().map(str::to_owned).collect())
}

#[test]
fn tshark_finds_nothing_wrong_and_sees_the_same_connection() {
    let folder = tempfile::tempdir().unwrap();
    get(folder.path(), "cable");
    let capture = Folder::open(folder.path()).unwrap().capture().unwrap();
    let Some(wrong) = wrong(&capture) else { return };
    assert_eq!(wrong, [""; 0]);
    // At the client's interface: an ARP exchange, then the connection.
    let fields = ["-T", "fields", "-e", "arp.opcode", "-e", "tcp.flags.str", "-e", "tcp.len"];
    let seen = tshark(&capture, &fields).unwrap();
    let seen: Vec<Vec<&str>> = seen.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(seen[0][0], "1", "who has the router");
    assert_eq!(seen[1][0], "2", "the router");
    let flags = |frame: usize| seen[frame][1].replace('·', "");
    assert_eq!([flags(2), flags(3), flags(4)], ["S", "AS", "A"]);
    assert_eq!(seen.iter().filter(|frame| frame[1].contains('F')).count(), 2);
    let received: usize =
        seen.iter().skip(6).filter_map(|frame| frame[2].parse::<usize>().ok()).sum();
    assert!(received > BODY);
}

/// The check itself must be able to fail.
#[test]
fn tshark_finds_a_broken_packet() {
    let folder = tempfile::tempdir().unwrap();
    get(folder.path(), "cable");
    let capture = Folder::open(folder.path()).unwrap().capture().unwrap();
    let mut bytes = std::fs::read(&capture).unwrap();
    let body = bytes.windows(64).position(|window| window == [b'x'; 64]).unwrap();
    bytes[body + 32] ^= 1;
    let broken: PathBuf = folder.path().join("broken.pcapng");
    std::fs::write(&broken, bytes).unwrap();
    let Some(wrong) = wrong(&broken) else { return };
    assert_eq!(wrong.len(), 1, "{wrong:?}");
}
