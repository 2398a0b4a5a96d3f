//! What can go wrong on a live wire: servers made to misbehave, with the fault, curl's exit code and a
//! record that opens again for each. The lab's table of the same is in `crates/visit/tests/faults.rs`.

mod common;
mod peer;

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use common::{Roundtrip, faults};
use peer::identity::{self, Kind};
use peer::raw::{Raw, Then};
use peer::{Peer, ROUNDTRIP, run};
use roundtrip_record::{AttemptEnd, FaultKind, What};
use socket2::{Domain, Socket, Type};

/// Visits and compares; the command must end with `exit` and its record hold this one fault.
#[track_caller]
fn expect(arguments: &[&str], exit: i32, is: impl Fn(&FaultKind) -> bool) {
    let roundtrip = Roundtrip::new();
    let out = roundtrip.folder("run");
    let run = roundtrip.run(&[&["visit", "--out", &out], arguments].concat()).expect(exit);
    let found = faults(&out);
    assert_eq!(found.len(), 1, "{found:?}\n{}", run.out());
    assert!(is(&found[0].fault) && found[0].fatal, "another fault: {:?}\n{}", found[0], run.out());
    // What a person sees names the exit code, and every view of it can be had again.
    assert!(run.out().contains(&format!("exit {exit}")), "{}", run.out());
    for view in ["--tcp", "--html", "--har", "--perfetto", "--junit", "--events"] {
        roundtrip.run(&["show", &out, view]).expect(0);
    }
}

/// A server that answers like this must come to that.
#[track_caller]
fn answered(bytes: &'static [u8], then: Then, exit: i32, is: impl Fn(&FaultKind) -> bool) {
    let server = Raw::start(bytes, then);
    expect(&[&format!("http://{}/", server.at), "--stall-timeout", "1"], exit, is);
}

fn malformed(at: u64, section: &'static str) -> impl Fn(&FaultKind) -> bool {
    move |fault| {
        matches!(fault, FaultKind::Malformed { offset, rule, .. }
            if *offset == at && rule.to_string().contains(section))
    }
}

#[test]
fn refused() {
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let at = free.local_addr().expect("an address");
    drop(free);
    expect(&[&format!("http://{at}/")], 7, |fault| {
        matches!(fault, FaultKind::ConnectFailed { attempts }
            if attempts.iter().all(|attempt| attempt.end == AttemptEnd::Refused))
    });
}

/// A kernel whose queue of connections is full drops further SYNs: to the client it looks like a
/// firewall that says nothing.
#[test]
fn syn_dropped() {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    listener.listen(0).expect("listening");
    let at = listener.local_addr().expect("an address").as_socket().expect("of IP");
    // A queue of length 0 holds one.
    let _fills = TcpStream::connect(at).expect("room for one");
    expect(&[&format!("http://{at}/"), "--connect-timeout", "2"], 28, |fault| {
        matches!(fault, FaultKind::ConnectFailed { attempts }
            if attempts.iter().all(|attempt| attempt.end == AttemptEnd::TimedOut))
    });
}

#[test]
fn closed_without_an_answer() {
    answered(b"", Then::Closes, 52, |fault| *fault == FaultKind::EmptyReply { reset: false });
}

#[test]
fn reset_without_an_answer() {
    answered(b"", Then::Resets, 56, |fault| *fault == FaultKind::EmptyReply { reset: true });
}

#[test]
fn reset_in_mid_body() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    answered(half, Then::Resets, 56, |fault| {
        *fault == FaultKind::Reset { received: 4, expected: Some(100) }
    });
}

#[test]
fn body_shorter_than_promised() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    answered(half, Then::Closes, 18, |fault| {
        *fault == FaultKind::Short { received: 4, expected: Some(100) }
    });
}

#[test]
fn body_that_stalls() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    answered(half, Then::Stays, 28, |fault| {
        matches!(fault, FaultKind::Stalled { received: 4, expected: Some(100), silent, .. }
            if *silent >= Duration::from_secs(1))
    });
}

#[test]
fn malformed_messages() {
    answered(b"HTTP/1.1 2OO OK\r\n\r\n", Then::Closes, 8, malformed(9, "RFC 9110 §15"));
    let chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n";
    answered(chunk, Then::Closes, 56, malformed(55, "RFC 9112 §7.1"));
}

#[test]
fn endless_head() {
    answered(b"HTTP/1.1 200 OK\r\n", Then::Repeats, 56, |fault| {
        matches!(fault, FaultKind::TooManyFields { .. })
    });
}

#[test]
fn endless_redirects() {
    let round =
        b"HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    answered(
        round,
        Then::Closes,
        47,
        |fault| matches!(fault, FaultKind::TooManyRedirects { limit: 20, last } if last.ends_with("/round")),
    );
}

/// What speaks HTTP in the clear where TLS is expected.
#[test]
fn no_tls_where_tls_is_expected() {
    let server = Raw::start(b"HTTP/1.1 400 Bad Request\r\n\r\n", Then::Closes);
    expect(&[&format!("https://{}/", server.at)], 35, |fault| {
        matches!(fault, FaultKind::TlsFailed { alert_received: false, .. })
    });
}

/// A name server that says the same to everything; `None`: nothing at all.
fn name_server(code: Option<u8>) -> SocketAddr {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a free port");
    let at = socket.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut query = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let Some(code) = code else { continue };
            // Header and question as they came, QR and RA set, and nothing after the question.
            let mut end = 12;
            while end < length && query[end] != 0 {
                end += 1 + usize::from(query[end]);
            }
            let mut reply = query[..(end + 5).min(length)].to_vec();
            reply[2] |= 0x80;
            reply[3] = 0x80 | code;
            reply[6..12].fill(0);
            let _ = socket.send_to(&reply, from);
        }
    });
    at
}

#[test]
fn names_that_are_not_found() {
    let visit = |code: Option<u8>, is: fn(&FaultKind) -> bool| {
        let server = name_server(code).to_string();
        expect(&["http://www.example.com/", "--dns", &server, "--max-time", "60"], 6, is);
    };
    visit(Some(3), |fault| matches!(fault, FaultKind::NxDomain { .. }));
    visit(
        Some(2),
        |fault| matches!(fault, FaultKind::NameServerFailed { code, .. } if code == "SERVFAIL"),
    );
    visit(None, |fault| matches!(fault, FaultKind::NameTimedOut { .. }));
}

/// A URL that cannot be used is told, and no network is touched.
#[test]
fn urls_that_cannot_be_used() {
    let roundtrip = Roundtrip::new();
    let run = roundtrip.run(&["visit", "http://exa mple.com:99999/"]).expect(3);
    assert!(run.out().contains("exit 3"), "{}", run.out());
}

/// A server with such a certificate, and what a client that trusts the authority of the test says.
#[track_caller]
fn certificate(kind: Kind, reason: &str, headline: &str) {
    let pem = tempfile::tempdir().expect("a folder");
    identity::write(pem.path(), &[kind]);
    let path = |name: &str| pem.path().join(name).display().to_string();
    let (chain, key) = (path(&format!("{kind:?}.pem")), path(&format!("{kind:?}.key")));
    let peer = Peer::start(&["-q", "--cert", &chain, "--key", &key]);
    let port = peer.at.rsplit(':').next().unwrap_or_default();
    let url = format!("https://localhost:{port}/");
    let authority = path("ca.pem");
    expect(
        &[&url, "--cacert", &authority],
        60,
        |fault| matches!(fault, FaultKind::BadCertificate { reason: found, .. } if found.as_str() == reason),
    );
    let folder = tempfile::tempdir().expect("a folder");
    let got = run(ROUNDTRIP, &["get", "--cacert", &authority, &url], folder.path());
    let said = String::from_utf8_lossy(&got.stderr).into_owned();
    assert_eq!(got.status.code(), Some(60), "{said}");
    assert!(said.contains(headline), "{said}");
}

/// White space before a colon is taken, as every browser takes it, and noted (RFC 9112 §5.1).
#[test]
fn what_browsers_take_is_taken_and_noted() {
    let roundtrip = Roundtrip::new();
    let server = Raw::start(b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc", Then::Closes);
    let url = format!("http://{}/", server.at);
    let out = roundtrip.folder("run");
    roundtrip.run(&["visit", "--out", &out, &url]).expect(0);
    assert!(faults(&out).is_empty());
    let noted = common::events(&out).into_iter().any(
        |event| matches!(event.what, What::ExchangeNote(note) if note.rule.to_string().contains("RFC 9112 §5.1")),
    );
    assert!(noted, "nothing says what was tolerated");
    assert_eq!(roundtrip.run(&["get", "-s", &url]).expect(0).out(), "abc");
}

#[test]
fn certificate_that_has_ended() {
    let headline = "certificate of localhost expired 24 h ago";
    certificate(Kind::Expired, "expired", headline);
}

#[test]
fn certificate_of_another_name() {
    let headline = "certificate is not for localhost";
    certificate(Kind::Elsewhere, "wrong_name", headline);
}

/// One that signed itself, and is not the one that is trusted.
#[test]
fn certificate_of_an_unknown_authority() {
    let headline = "certificate of localhost is signed by itself";
    certificate(Kind::Itself, "self_signed", headline);
}

/// A kilobyte that grows to a hundred gigabytes: brotli's and zstd's ratios have no end, so ours has.
#[test]
fn decompression_bomb() {
    use std::io::Write as _;
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..512 {
        bomb.write_all(&vec![0; 128 * 1024]).expect("memory");
    }
    // Compressed twice, 64 MiB are some hundred bytes.
    let mut twice = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    twice.write_all(&bomb.finish().expect("memory")).expect("memory");
    let twice = twice.finish().expect("memory");
    assert!(twice.len() < 1024, "{}", twice.len());
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip, gzip\r\nContent-Length: {}\r\n\r\n",
        twice.len()
    );
    let server = Raw::start([head.as_bytes(), &twice].concat(), Then::Closes);
    expect(&[&server.url()], 63, |fault| matches!(fault, FaultKind::TooLarge { .. }));
    let folder = tempfile::tempdir().expect("a folder");
    let url = server.url();
    let all = ["get", "-sS", "--compressed", "-o", "body", &url];
    let got = run(ROUNDTRIP, &all, folder.path());
    assert_eq!(got.status.code(), Some(63), "{}", String::from_utf8_lossy(&got.stderr));
    let written = std::fs::metadata(folder.path().join("body")).expect("a file").len();
    assert!(written <= 16 << 20, "{written}");
}

/// `get` says of the same servers what `visit` says, in one line, with the same exit code.
#[test]
fn get_tells_them_too() {
    let folder = tempfile::tempdir().expect("a folder");
    for (bytes, then, exit, said) in [
        ("", Then::Closes, 52, "without an answer"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::Closes, 18, "4"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::Resets, 56, "reset"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::Stays, 28, "2"),
        // The exit code is curl's for a status line that is none.
        ("HTTP/1.1 2OO OK\r\n\r\n", Then::Closes, 1, "byte 9"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
            Then::Closes,
            56,
            "RFC 9112 §7.1",
        ),
        ("HTTP/1.1 200 OK\r\n", Then::Repeats, 56, "head"),
    ] {
        let server = Raw::start(bytes, then);
        let url = server.url();
        let got = run(ROUNDTRIP, &["get", "-sS", "-m", "2", &url], folder.path());
        let text = String::from_utf8_lossy(&got.stderr).into_owned();
        assert_eq!(got.status.code(), Some(exit), "{bytes:?}: {text}");
        assert!(text.starts_with(&format!("roundtrip: ({exit}) ")), "{bytes:?}: {text}");
        assert!(text.contains(said) && text.lines().count() == 1, "{bytes:?}: {text}");
    }
}
