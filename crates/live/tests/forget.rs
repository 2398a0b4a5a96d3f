//! A wire forgets the connections that the kernel has let go of.

use core::time::Duration;
use std::net::SocketAddr;
use std::process::Command;

use roundtrip_live::{CaptureWish, Live, Settings, run};
use roundtrip_os::Clock;
use roundtrip_record::Log;
use roundtrip_wire::{Listener as _, Transport as _, Wire};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Set in the copy of a test that measures its own process, which runs nothing else.
const ALONE: &str = "ROUNDTRIP_TEST_ALONE";

/// One exchange after the other: the server closes first, so that the client's end has no `TIME_WAIT`.
async fn exchanges(live: &Live, at: SocketAddr, count: usize) {
    for _ in 0..count {
        let mut client = live.connect(at, None, None).await.expect("a connection");
        client.write_all(b"ask\n").await.expect("room");
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.expect("the answer");
        assert_eq!(answer, b"answer");
    }
}

/// Answers connections, one after the other, until it is dropped.
fn serve(live: &Live) -> (SocketAddr, roundtrip_wire::Task) {
    let mut listener = live.listen("127.0.0.1:0".parse().unwrap()).expect("a port");
    let at = listener.local();
    let server = live.spawn(async move {
        loop {
            let mut stream = listener.accept().await.expect("a connection");
            stream.read_exact(&mut [0; 4]).await.expect("the request");
            stream.write_all(b"answer").await.expect("room");
        }
    });
    (at, server)
}

/// Bytes of this process that are in memory (proc(5), `statm`, second field).
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages: usize = text.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    pages * 4096
}

/// Memory that stays for each connection, client's and server's end together, without a record.
#[test]
fn a_connection_leaves_nothing_behind() {
    const WARM: usize = 2_000;
    const COUNT: usize = 8_000;
    if std::env::var_os(ALONE).is_none() {
        let mut alone = Command::new(std::env::current_exe().expect("our own path"));
        alone.args(["--exact", "a_connection_leaves_nothing_behind", "--nocapture"]);
        let output = alone.env(ALONE, "1").output().expect("started");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let grown = run(Clock::start(), Log::off(), Settings::default(), |live| async move {
        let (at, _server) = serve(&live);
        exchanges(&live, at, WARM).await;
        let before = resident();
        exchanges(&live, at, COUNT).await;
        resident().saturating_sub(before)
    });
    let each = grown.expect("a runtime") / COUNT;
    assert!(each < 20, "{each} bytes a connection stay");
}

/// The same with a record and, where permitted, a capture: what is held, counted.
#[test]
fn a_recorded_connection_is_held_until_its_end_and_no_longer() {
    let settings = Settings { capture: CaptureWish::IfPermitted, ..Settings::default() };
    run(Clock::start(), Log::memory(), settings, |live| async move {
        let (at, server) = serve(&live);
        exchanges(&live, at, 20).await;
        let mut client = live.connect(at, None, None).await.expect("a connection");
        let id = client.id();
        // The servers' ends of the twenty are in TIME_WAIT; ours are gone or about to be.
        assert!(live.connections().contains(&id));
        assert!(live.connections().len() > 20, "{:?}", live.connections());
        client.abort();
        live.closed(id).await;
        assert!(!live.connections().contains(&id));
        drop(server);
        while live.connections().len() > 20 {
            live.sleep(Duration::from_millis(1)).await;
        }
    })
    .expect("a runtime");
}

/// Whoever waits for the end of a connection that nobody records hears of it when it is dropped.
#[test]
fn without_a_record_the_end_is_the_drop() {
    run(Clock::start(), Log::off(), Settings::default(), |live| async move {
        let (at, _server) = serve(&live);
        let client = live.connect(at, None, None).await.expect("a connection");
        let id = client.id();
        let waiting = live.clone();
        let waiter = live.spawn(async move { waiting.closed(id).await });
        live.sleep(Duration::from_millis(2)).await;
        assert!(live.connections().contains(&id));
        drop(client);
        waiter.await;
        assert!(!live.connections().contains(&id));
    })
    .expect("a runtime");
}
