//! `roundtrip serve`: what clients of all kinds get from it.

mod peer;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use peer::{Peer, ROUNDTRIP, has, run};

/// Sends bytes as they are, and reads to the end.
fn raw(at: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(at).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    stream.write_all(request).expect("sent");
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    String::from_utf8_lossy(&all).into_owned()
}

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn bad_requests_are_refused_as_the_rfcs_say() {
    let peer = Peer::start(&["-q"]);
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200"),
        ("GET / HTTP/1.0\r\n\r\n", "200"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"),
        ("GET / HTTP/1.1\nHost: a\n\n", "400"),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400",
        ),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "400",
        ),
        ("GET / HTTP/2.5\r\nHost: a\r\n\r\n", "505"),
        ("nonsense\r\n\r\n", "400"),
        ("DELETE /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "405"),
        ("GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "404"),
    ] {
        let response = raw(&peer.at, request.as_bytes());
        assert_eq!(status(&response), expected, "{request:?} → {response}");
    }
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    assert_eq!(status(&raw(&peer.at, long.as_bytes())), "431");
}

#[test]
fn no_path_leaves_the_root() {
    let peer = Peer::start(&["-q"]);
    for path in [
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/sub/..%5c..%5csecret.txt",
        "//../secret.txt",
        "/./.././secret.txt",
        "/a.txt%00.html",
        "/cgi-bin/../../secret.txt",
        "/cgi-bin/..%2f..%2fsecret.txt",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let response = raw(&peer.at, request.as_bytes());
        assert!(!response.contains("not to be reached"), "{path} → {response}");
        assert!(status(&response).starts_with('4'), "{path} → {response}");
    }
}

#[test]
fn ranges_conditions_and_heads() {
    let peer = Peer::start(&["-q"]);
    let ask = |more: &str| {
        raw(
            &peer.at,
            format!("GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n").as_bytes(),
        )
    };
    let whole = ask("");
    let field = |name: &str| {
        let line = whole.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
        line.trim().to_owned()
    };
    assert!(whole.ends_with("\r\n\r\n0123456789abcdef\n"));
    let part = ask("Range: bytes=2-5\r\n");
    assert!(status(&part) == "206" && part.ends_with("\r\n\r\n2345"), "{part}");
    assert!(part.contains("Content-Range: bytes 2-5/17\r\n"), "{part}");
    assert_eq!(status(&ask("Range: bytes=99-\r\n")), "416");
    let several = ask("Range: bytes=0-1,4-5\r\n");
    assert!(several.contains("multipart/byteranges"), "{several}");
    assert_eq!(status(&ask(&format!("If-None-Match: {}\r\n", field("ETag:")))), "304");
    assert_eq!(status(&ask(&format!("If-Modified-Since: {}\r\n", field("Last-Modified:")))), "304");
    let head = raw(&peer.at, b"HEAD /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(head.contains("Content-Length: 17\r\n") && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn programs_and_hosts_answer() {
    let peer = Peer::start(&["-q"]);
    let said = raw(
        &peer.at,
        b"POST /cgi-bin/say/more?q=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody",
    );
    assert!(said.starts_with("HTTP/1.1 201 Made\r\n"), "{said}");
    assert!(said.contains("POST q=1 /more [body]"), "{said}");
    let broken = raw(&peer.at, b"GET /cgi-bin/broken HTTP/1.0\r\n\r\n");
    assert_eq!(status(&broken), "502", "{broken}");
    let other =
        raw(&peer.at, b"GET / HTTP/1.1\r\nHost: OTHER.test:80\r\nConnection: close\r\n\r\n");
    assert!(other.ends_with("another host\n"), "{other}");
}

#[test]
fn many_at_once_and_a_slow_one() {
    let peer = Peer::start(&["-q"]);
    let mut slow = TcpStream::connect(&peer.at).expect("a connection");
    slow.write_all(b"GET /a.txt HTT").expect("sent");
    let clients: Vec<_> = (0..200)
        .map(|_| {
            let at = peer.at.clone();
            thread::spawn(move || {
                raw(&at, b"GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            })
        })
        .collect();
    for client in clients {
        let response = client.join().expect("a response");
        assert!(response.ends_with("0123456789abcdef\n"), "{response}");
    }
    slow.write_all(b"P/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("sent");
    let mut all = String::new();
    slow.read_to_string(&mut all).expect("a response");
    assert!(all.ends_with("0123456789abcdef\n"), "{all}");
    let memory =
        std::fs::read_to_string(format!("/proc/{}/status", peer.pid())).expect("a process");
    let peak = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(kib < 50 * 1024, "{kib} KiB");
}

#[test]
fn requests_are_told_and_signals_heard() {
    let mut peer = Peer::start(&[]);
    let at = peer.at.clone();
    raw(&at, b"GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let line = peer.line();
    assert!(line.contains(" 127.0.0.1 GET /a.txt 200 17 B "), "{line}");
    assert_eq!(peer.stop("-TERM"), Some(0));
    assert_eq!(Peer::start(&["-q"]).stop("-INT"), Some(0));
}

#[test]
fn an_address_in_use_is_told() {
    let peer = Peer::start(&["-q"]);
    let second = run(ROUNDTRIP, &["serve", ".", "--listen", &peer.at], Path::new("/tmp"));
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("--listen ADDR:0"), "{said}");
}

#[test]
fn wget_takes_the_whole_site() {
    if !has("wget") {
        return;
    }
    let peer = Peer::start(&["-q"]);
    let folder = tempfile::tempdir().expect("a folder");
    let got = run("wget", &["-q", "-r", "-nH", &peer.url("/")], folder.path());
    assert!(got.status.success(), "{got:?}");
    let below = std::fs::read_to_string(folder.path().join("sub/b.txt")).expect("fetched");
    assert_eq!(below, "below\n");
}

#[test]
fn programs_are_told_what_the_rfc_says_and_nothing_else() {
    let peer = Peer::start(&["-q"]);
    let said = raw(
        &peer.at,
        b"POST /cgi-bin/variables/a%20b/?q=%41&r HTTP/1.1\r\nHost: my.test:99\r\nProxy: evil\r\n\
          Authorization: Basic x\r\nX_Under: y\r\nX-Twice: 1\r\nX-Twice: 2\r\nContent-Type: text/x\r\n\
          Content-Length: 4\r\nConnection: close\r\n\r\nbody",
    );
    let port = peer.at.rsplit(':').next().unwrap_or_default();
    for line in [
        "CONTENT_LENGTH=4",
        "CONTENT_TYPE=text/x",
        "GATEWAY_INTERFACE=CGI/1.1",
        "HTTP_X_TWICE=1, 2",
        "PATH_INFO=/a b/",
        "QUERY_STRING=q=%41&r",
        "REMOTE_ADDR=127.0.0.1",
        "REQUEST_METHOD=POST",
        "SCRIPT_NAME=/cgi-bin/variables",
        "SERVER_NAME=my.test",
        &format!("SERVER_PORT={port}"),
        "SERVER_PROTOCOL=HTTP/1.1",
    ] {
        assert!(said.lines().any(|own| own == line), "no {line} in {said}");
    }
    for hidden in ["HTTP_PROXY", "HTTP_AUTHORIZATION", "HTTP_X_UNDER", "CARGO", "HOME="] {
        assert!(!said.contains(hidden), "{hidden} in {said}");
    }
}

/// A local redirect is answered by what it leads to (RFC 3875 §6.2.2), a program that says nothing is
/// ended, and one that fails is the server's fault and not the client's.
#[test]
fn programs_lead_elsewhere_hang_and_fail() {
    let peer = Peer::start(&["-q", "--cgi-timeout", "1"]);
    let ask = |path: &str| {
        raw(
            &peer.at,
            format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes(),
        )
    };
    let local = ask("/cgi-bin/local");
    assert!(status(&local) == "200" && local.ends_with("0123456789abcdef\n"), "{local}");
    let moved = ask("/cgi-bin/hop?307");
    assert!(status(&moved) == "307" && moved.contains("Location: /echo\r\n"), "{moved}");
    for path in ["/cgi-bin/silent", "/cgi-bin/broken", "/cgi-bin/status?100", "/cgi-bin/status?x"] {
        assert_eq!(status(&ask(path)), "502", "{path}");
    }
    for path in ["/cgi-bin/", "/cgi-bin/none", "/cgi-bin/none/say"] {
        assert_eq!(status(&ask(path)), "404", "{path}");
    }
    // One that is cut off in its body does not look as if it were whole.
    let slow = ask("/cgi-bin/slow");
    assert!(slow.contains("first") && !slow.contains("second"), "{slow}");
}

#[test]
fn names_with_a_dot_are_served_only_where_that_is_wished() {
    for (more, found) in [(&["-q"][..], "404"), (&["-q", "--hidden"], "200")] {
        let peer = Peer::start(more);
        std::fs::write(peer.folder.path().join("site/.secret"), "s").expect("written");
        let answer =
            raw(&peer.at, b"GET /.secret HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&answer), found, "{answer}");
    }
}

/// An answer that is under way when the server is told to stop comes to its end.
#[test]
fn a_download_outlives_the_signal_to_stop() {
    const LENGTH: usize = 24 << 20;
    let peer = Peer::start(&["-q"]);
    std::fs::write(peer.folder.path().join("site/large"), vec![b'x'; LENGTH]).expect("written");
    let mut stream = TcpStream::connect(&peer.at).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    let mut begin = [0; 1024];
    stream.read_exact(&mut begin).expect("a beginning");
    let stopped = thread::spawn(move || peer.stop("-TERM"));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the rest");
    let all = [&begin[..], &rest].concat();
    let body = all.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
    assert_eq!(all.len() - body, LENGTH);
    assert_eq!(stopped.join().expect("no panic"), Some(0));
}

/// A hundred clients that send a byte now and then keep nobody from being served.
#[test]
fn slow_clients_are_in_nobodys_way() {
    let peer = Peer::start(&["-q"]);
    let mut slow: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(&peer.at).expect("a connection")).collect();
    for byte in b"GET /a.txt HTTP/1.1\r\nX: " {
        for stream in &mut slow {
            stream.write_all(&[*byte]).expect("sent");
        }
    }
    let answer = raw(&peer.at, b"GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(answer.ends_with("0123456789abcdef\n"), "{answer}");
    drop(slow);
    assert_eq!(peer.stop("-TERM"), Some(0));
}
