//! Other servers that answer for a path.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::site::{Site, VERSIONS, fields};
use super::{content, field, raw, status};

const FILES: &[(&str, &[u8])] = &[("site/index.html", b"behind"), ("site/sub/b.txt", b"deep")];

/// The fields that a server was asked with, as its echo tells them.
fn told(answer: &str) -> Vec<(String, String)> {
    let json = &answer[answer.find("\r\n\r\n{").expect("an object") + 4..];
    let value: serde_json::Value = serde_json::from_str(json).expect("an object");
    let pairs = value["fields"].as_array().expect("fields").iter();
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    pairs.map(|pair| (text(&pair[0]).to_lowercase(), text(&pair[1]))).collect()
}

fn values<'a>(all: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    all.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn others_answer_for_a_path_in_every_version() {
    let behind = Site::start(FILES, &["--echo"]);
    for scheme in ["http", "h2c"] {
        let route = format!("/app/={scheme}://{}/", behind.at);
        let front = Site::secure(&[("site/index.html", b"front")], &["--proxy", &route]);
        let port = front.at.rsplit(':').next().expect("a port");
        for version in VERSIONS {
            let by = |path: &str, more: &[&str]| front.by(version, path, more);
            assert!(by("/", &[]).ends_with("front"), "{version}");
            assert!(by("/app/", &[]).ends_with("behind"), "{version}");
            assert!(by("/app/sub/b.txt", &[]).ends_with("deep"), "{version}");
            assert!(by("/%61pp/sub/b.txt", &[]).ends_with("deep"), "{version}");
            assert!(by("/app/none", &[]).contains(" 404"), "{version}");
            let part = by("/app/sub/b.txt", &["-r", "1-2"]);
            assert!(part.contains(" 206") && part.ends_with("ee"), "{version}: {part}");
            let head = by("/app/sub/b.txt", &["-I"]);
            assert_eq!(fields(&head, "Content-Length"), ["4"], "{version}: {head}");
            let lied = ["-d", "a=1", "-H", "X-Forwarded-For: 192.0.2.66", "-H", "Forwarded: for=x"];
            let echo = by("/app/echo?b=2", &lied);
            assert!(echo.contains("\"a\": ["), "{version}: {echo}");
            let told = told(&echo);
            assert_eq!(values(&told, "x-forwarded-for"), ["127.0.0.1"], "{version}");
            assert_eq!(values(&told, "x-forwarded-proto"), ["https"], "{version}");
            let host = format!("localhost:{port}");
            assert_eq!(values(&told, "x-forwarded-host"), [host.as_str()], "{version}");
            let forwarded = format!("for=127.0.0.1;host=\"{host}\";proto=https");
            assert_eq!(values(&told, "forwarded"), [forwarded.as_str()], "{version}");
            assert_eq!(values(&told, "host"), [host.as_str()], "{version}");
        }
    }
}

#[test]
fn what_is_of_one_hop_goes_no_further() {
    let behind = Site::start(FILES, &["--echo"]);
    let front = Site::start(FILES, &["--proxy", &format!("/echo=http://{}", behind.at)]);
    let more = "Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: Basic eA==\r\n";
    let head = format!("GET /echo HTTP/1.1\r\nHost: a.test\r\n{more}\r\n");
    let told = told(&raw(&front.at, head.as_bytes()));
    for name in ["connection", "x-hop", "keep-alive", "proxy-authorization"] {
        assert_eq!(values(&told, name), [""; 0], "{name}");
    }
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
                   Content-Type: text/plain\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let echo = raw(&front.at, chunked.as_bytes());
    assert!(status(&echo) == "200" && echo.contains("\"hello\""), "{echo}");
}

#[test]
fn a_socket_goes_on_in_both_directions() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let route = format!("/ws=http://{}", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst";
        stream.write_all(answer.as_bytes()).expect("sent");
        let mut piece = [0; 100];
        while let Ok(read @ 1..) = stream.read(&mut piece) {
            piece.make_ascii_uppercase();
            stream.write_all(&piece[..read]).expect("sent");
        }
        String::from_utf8_lossy(&head).into_owned()
    });
    let front = Site::start(FILES, &["--proxy", &route, "--compress"]);
    let mut stream = TcpStream::connect(&front.at).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let ask = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\nearly";
    stream.write_all(ask.as_bytes()).expect("sent");
    let mut had = Vec::new();
    let mut piece = [0; 1000];
    while !had.ends_with(b"EARLY") {
        let read = stream.read(&mut piece).expect("bytes");
        assert!(read > 0, "{}", String::from_utf8_lossy(&had));
        had.extend_from_slice(&piece[..read]);
    }
    let text = String::from_utf8_lossy(&had).into_owned();
    assert!(text.starts_with("HTTP/1.1 101 ") && text.ends_with("\r\n\r\nfirstEARLY"), "{text}");
    assert_eq!(field(&text, "Upgrade"), Some("websocket"));
    stream.write_all(b"late").expect("sent");
    let mut late = [0; 4];
    stream.read_exact(&mut late).expect("bytes");
    assert_eq!(&late, b"LATE");
    drop(stream);
    let head = server.join().expect("its head");
    assert!(head.contains("Upgrade: websocket\r\n"), "{head}");
}

#[test]
fn a_server_that_is_gone_is_told_and_another_one_asked() {
    let behind = Site::start(FILES, &[]);
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = silent.local_addr().expect("an address");
    let front = Site::start(
        FILES,
        &[
            "--proxy",
            &format!("/both/=http://{gone}/,http://{}/", behind.at),
            "--proxy",
            &format!("/gone/=http://{gone}/"),
            "--proxy",
            &format!("/silent/=http://{at}/"),
            "--proxy-timeout",
            "0.5",
        ],
    );
    for _ in 0..10 {
        let answer = front.get("/both/", "");
        assert_eq!((status(&answer), content(&answer)), ("200", "behind"));
    }
    let posted = front.send("POST", "/both/", "", b"body");
    assert_eq!(status(&posted), "405", "of the server that is there: {posted}");
    assert_eq!(status(&front.get("/gone/", "")), "502");
    assert_eq!(status(&front.get("/silent/", "")), "504");
    // What is no route is served from here, whatever it begins with.
    assert_eq!(status(&front.get("/gone", "")), "404");
    assert_eq!(content(&front.get("/gone/../", "")), "behind");
    let said = front.end();
    assert!(said.contains("502 for /gone/") && said.contains("504 for /silent/"), "{said}");
}
