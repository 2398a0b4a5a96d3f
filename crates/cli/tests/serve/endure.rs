//! What a server bears: slow heads, half-closed clients, reloads under load; and that it does not grow.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::peer::identity::{Kind, write};
use super::site::Site;
use super::{ROUNDTRIP, content, pause, status};

/// As many clients as this test has descriptors for, up to ten thousand.
fn many() -> usize {
    let most = roundtrip_os::raise_descriptors().and_then(|most| usize::try_from(most).ok());
    most.map_or(500, |most| (most / 2).min(10_000))
}

fn connect(site: &Site) -> TcpStream {
    // The queue of a listener may be full for a moment.
    for _ in 0..100 {
        if let Ok(stream) = TcpStream::connect(&site.at) {
            stream.set_read_timeout(Some(Duration::from_mins(1))).expect("set");
            return stream;
        }
        pause(20);
    }
    panic!("the server takes no connections");
}

#[test]
fn slow_heads_and_half_closed_clients_are_in_nobodys_way() {
    let site = Site::start(&[("site/a.txt", b"x")], &[]);
    let count = many();
    let slow: Vec<TcpStream> = (0..count)
        .map(|_| {
            let mut stream = connect(&site);
            stream.write_all(b"GET /a.txt HTTP/1.1\r\nHost: a\r\nX-").expect("sent");
            stream
        })
        .collect();
    let mut worst = Duration::ZERO;
    for _ in 0..50 {
        let began = now();
        let answer = site.get("/a.txt", "");
        assert_eq!((status(&answer), content(&answer)), ("200", "x"));
        worst = worst.max(began.elapsed());
    }
    assert!(worst < Duration::from_secs(2), "{worst:?} beside {count} slow heads");
    // Each of them is answered, though none will say another word.
    for mut stream in slow {
        stream.write_all(b"A: b\r\nConnection: close\r\n\r\n").expect("sent");
        stream.shutdown(Shutdown::Write).expect("shut");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert_eq!((status(&answer), content(&answer)), ("200", "x"));
    }
}

/// Certificates are replaced and settings read anew a hundred times, while eight clients ask as fast as they can:
/// each request has its answer.
#[test]
fn a_hundred_reloads_lose_nothing() {
    let site = Site::secure(&[("site/a.txt", b"x")], &["--workers", "2"]);
    for more in [&["--no-keepalive"][..], &["--http1.1"], &["--streams", "4"]] {
        let url = format!("https://{}/a.txt", site.at);
        let load = Command::new(ROUNDTRIP)
            .args(["load", &url, "-k", "-c", "8", "--for", "4s", "--fail-if", "errors>0"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        for _ in 0..34 {
            pause(100);
            write(site.folder.path(), &[Kind::Good]);
            let told = Command::new("kill").args(["-HUP", &site.id().to_string()]).status();
            assert!(told.expect("kill runs").success());
        }
        let output = load.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{more:?}: {said}");
    }
    // Of a slow server's reading, the next replacement may make a key that is not the certificate's.
    let said = site.end();
    assert!(said.matches("not reloaded").count() < 10, "{said}");
}

/// Once everything that is kept is there, a server does not grow with what it has answered.
#[test]
fn memory_does_not_grow_with_requests() {
    let text = b"some text of a file\n".repeat(1000);
    let site = Site::start(&[("site/a.txt", &text)], &["--compress", "--header", "X-A: b"]);
    let ask = |seconds: &str| {
        let url = format!("http://{}/a.txt", site.at);
        let arguments = ["load", &url, "-c", "16", "--for", seconds, "-H", "Accept-Encoding: br"];
        let output = super::run(ROUNDTRIP, &arguments, site.folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let path = format!("/proc/{}/statm", site.id());
        let pages = std::fs::read_to_string(path).expect("it runs");
        pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number")
    };
    let (before, after) = (ask("3s"), ask("8s"));
    assert!(after <= before + before / 20, "{before} pages, and {after} after more requests");
}

#[allow(clippy::disallowed_methods, reason = "how long a real client waits")]
fn now() -> Instant {
    Instant::now()
}
