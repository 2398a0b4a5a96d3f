//! `roundtrip serve`: what clients of all kinds get from it.

#[path = "../peer/mod.rs"]
mod peer;

mod coding;
mod doors;
mod endure;
mod metrics;
mod rules;
mod site;
mod suite;
mod uploads;
mod upstream;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout};
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
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "400"),
        ("GET http://a/ HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", "200"),
        ("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET http://a/#x HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: foo\r\n\r\nx", "501"),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, foo\r\n\r\nx", "400"),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\r\nhello\r\n0\r\n\r\n",
            "400",
        ),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\n\
             hello\r\n0\r\n\r\n",
            "200",
        ),
    ] {
        let response = raw(&peer.at, request.as_bytes());
        assert_eq!(status(&response), expected, "{request:?} → {response}");
    }
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    assert_eq!(status(&raw(&peer.at, long.as_bytes())), "431");
    let target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(20_000));
    assert_eq!(status(&raw(&peer.at, target.as_bytes())), "414");
    let method = format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "X".repeat(20_000));
    assert_eq!(status(&raw(&peer.at, method.as_bytes())), "501");
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

/// Where a server listens, as its first line says, and what it says after it.
fn listening(child: &mut Child) -> (String, BufReader<ChildStdout>) {
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut first = String::new();
    lines.read_line(&mut first).expect("a line");
    let at = first.trim().rsplit("://").next().unwrap_or_default().trim_end_matches('/');
    (at.to_owned(), lines)
}

/// Another process is given the time to do what it was told.
#[allow(clippy::disallowed_methods, reason = "a real peer lives in real time")]
fn pause(millis: u64) {
    thread::sleep(Duration::from_millis(millis));
}

#[allow(clippy::disallowed_methods, reason = "a real file has real dates")]
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// The content of an answer.
fn content(response: &str) -> &str {
    response.split_once("\r\n\r\n").map_or("", |(_, content)| content)
}

fn field<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    let head = response.split("\r\n\r\n").next()?;
    head.lines()
        .find_map(|line| line.split_once(": ").filter(|(own, _)| *own == name))
        .map(|(_, v)| v)
}

fn ask(peer: &Peer, path: &str, more: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n");
    raw(&peer.at, request.as_bytes())
}

/// A file that is replaced is answered with as it is at once: length, tag and content of one and the same.
#[test]
fn a_file_that_is_replaced_is_another_at_once() {
    let peer = Peer::start(&["-q"]);
    let site = peer.folder.path().join("site");
    for (name, first, second) in [("small", 10, 20_usize), ("large", 300_000, 100_000)] {
        let (path, next) = (site.join(name), site.join("next"));
        std::fs::write(&path, "a".repeat(first)).expect("written");
        // Old enough that what is known of it is kept.
        pause(1200);
        let before = ask(&peer, &format!("/{name}"), "");
        let again = ask(&peer, &format!("/{name}"), "");
        assert_eq!(field(&before, "ETag"), field(&again, "ETag"));
        assert_eq!(content(&again), "a".repeat(first));
        std::fs::write(&next, "b".repeat(second)).expect("written");
        std::fs::rename(&next, &path).expect("renamed");
        let after = ask(&peer, &format!("/{name}"), "");
        assert_eq!(field(&after, "Content-Length"), Some(second.to_string().as_str()), "{name}");
        assert_eq!(content(&after), "b".repeat(second), "{name}");
        assert_ne!(field(&before, "ETag"), field(&after, "ETag"), "{name}");
        // Of the same length, in place.
        std::fs::write(&path, "c".repeat(second)).expect("written");
        assert_eq!(content(&ask(&peer, &format!("/{name}"), "")), "c".repeat(second), "{name}");
    }
}

#[test]
fn links_in_a_circle_lead_nowhere_and_odd_names_somewhere() {
    let peer = Peer::start(&["-q"]);
    let site = peer.folder.path().join("site");
    std::os::unix::fs::symlink("one", site.join("two")).expect("linked");
    std::os::unix::fs::symlink("two", site.join("one")).expect("linked");
    for path in ["/one", "/two", "/one/x", "/one/"] {
        assert_eq!(status(&ask(&peer, path, "")), "404", "{path}");
    }
    std::fs::create_dir(site.join("odd")).expect("made");
    std::fs::write(site.join("odd/a\\b.txt"), "backslash").expect("written");
    let list = ask(&peer, "/odd/", "");
    assert!(list.contains("./a%5Cb.txt"), "{list}");
    assert_eq!(content(&ask(&peer, "/odd/a%5Cb.txt", "")), "backslash");
}

#[test]
fn empty_files_and_files_from_the_future() {
    let peer = Peer::start(&["-q"]);
    let site = peer.folder.path().join("site");
    std::fs::write(site.join("empty"), "").expect("written");
    for range in ["bytes=-1", "bytes=-1000", "bytes=0-,-5"] {
        let answer = ask(&peer, "/empty", &format!("Range: {range}\r\n"));
        assert_eq!(
            (status(&answer), field(&answer, "Content-Length")),
            ("200", Some("0")),
            "{range}"
        );
    }
    for range in ["bytes=0-", "bytes=5-9", "bytes=-0"] {
        assert_eq!(status(&ask(&peer, "/empty", &format!("Range: {range}\r\n"))), "416", "{range}");
    }
    let later = now() + Duration::from_hours(24);
    std::fs::write(site.join("future"), "f").expect("written");
    let file = std::fs::File::options().write(true).open(site.join("future")).expect("open");
    file.set_modified(later).expect("set");
    let answer = ask(&peer, "/future", "");
    let date = |name| httpdate::parse_http_date(field(&answer, name).unwrap_or_default()).ok();
    assert!(date("Last-Modified").is_some() && date("Last-Modified") <= date("Date"), "{answer}");
}

/// Programs get bodies whose length nobody told, and are not believed what they say of their own.
#[test]
fn programs_and_the_lengths_of_bodies() {
    use std::os::unix::fs::PermissionsExt as _;
    let peer = Peer::start(&["-q"]);
    let chunked = raw(
        &peer.at,
        b"POST /cgi-bin/say HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
          3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n",
    );
    assert!(status(&chunked) == "201" && chunked.contains("[body]"), "{chunked}");
    let none = raw(
        &peer.at,
        b"POST /cgi-bin/variables HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
          0\r\n\r\n",
    );
    assert!(!none.contains("CONTENT_LENGTH"), "{none}");
    for (name, told) in [("short", 100), ("long", 3)] {
        let path = peer.folder.path().join("cgi").join(name);
        let program = format!(
            "#!/bin/sh\nprintf 'Content-Type: text/plain\\nContent-Length: {told}\\n\\n0123456789'\n"
        );
        std::fs::write(&path, program).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("allowed");
    }
    let short = ask(&peer, "/cgi-bin/short", "");
    assert_eq!(
        (field(&short, "Content-Length"), content(&short)),
        (Some("10"), "0123456789"),
        "{short}"
    );
    let long = ask(&peer, "/cgi-bin/long", "");
    assert_eq!((field(&long, "Content-Length"), content(&long)), (Some("3"), "012"), "{long}");
}

/// More connections than there are descriptors for: those that are there are answered, files included.
#[test]
fn descriptors_are_left_for_files() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("large"), vec![b'x'; 200_000]).expect("written");
    let command =
        format!("ulimit -n 120; exec {ROUNDTRIP} serve --listen 127.0.0.1:0 --workers 1 -q .");
    let mut child = std::process::Command::new("sh")
        .args(["-c", &command])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let (at, _lines) = listening(&mut child);
    let mut waiting: Vec<TcpStream> =
        (0..200).map(|_| TcpStream::connect(&at).expect("a place in the queue")).collect();
    pause(300);
    let one = waiting.first_mut().expect("there are 200");
    one.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    one.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    one.read_to_end(&mut answer).expect("whole");
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer[..200]));
    assert!(answer.len() > 200_000);
    // When they have gone, there is room again: the server hears of it from one after the other.
    drop(waiting);
    let again = || {
        pause(50);
        raw(&at, b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    };
    let last = (0..100).map(|_| again()).find(|last| status(last) != "503");
    assert_eq!(last.as_deref().map(status), Some("200"));
    child.kill().expect("it runs");
    let _ = child.wait();
}

/// A reload and the log's reopening lose no connection; answers that are under way go on.
#[test]
fn signals_reload_and_reopen_and_nobody_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let log_text = log.to_str().expect("text").to_owned();
    let peer =
        Peer::start(&["--log-file", &log_text, "--log-format", "combined", "--workers", "2"]);
    let mut kept = TcpStream::connect(&peer.at).expect("a connection");
    kept.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let mut again = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        kept.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        while !answer.ends_with(b"cdef\n") {
            let mut piece = [0; 1024];
            let got = kept.read(&mut piece).expect("an answer");
            assert!(got > 0, "closed");
            answer.extend_from_slice(&piece[..got]);
        }
    };
    again("/a.txt");
    let tell = |signal: &str| {
        let told =
            std::process::Command::new("kill").args([signal, &peer.pid().to_string()]).status();
        assert!(told.expect("kill runs").success());
        pause(200);
    };
    for _ in 0..20 {
        tell("-HUP");
        again("/a.txt");
    }
    std::fs::rename(&log, folder.path().join("log.1")).expect("renamed");
    tell("-USR1");
    again("/a.txt?new");
    pause(200);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect(name);
    assert_eq!(read("log.1").lines().count(), 21);
    assert!(read("log").contains("\"GET /a.txt?new HTTP/1.1\" 200 17"), "{}", read("log"));
    assert_eq!(peer.stop("-TERM"), Some(0));
}

/// Several places, both families on one of them, and a socket with a name.
#[test]
fn several_places_are_listened_at() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("index.html"), "here").expect("written");
    let mut child = std::process::Command::new(ROUNDTRIP)
        .args([
            "serve",
            "-q",
            "--listen",
            "[::]:0",
            "--listen",
            "127.0.0.1:0",
            "--listen",
            "unix:web.sock",
        ])
        .args(["--workers", "2", "."])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let told: Vec<String> =
        std::io::BufRead::lines(lines).take(3).map(|line| line.expect("a line")).collect();
    let port = |line: &str| line.trim_end_matches('/').rsplit(':').next().map(str::to_owned);
    let (both, own) = (port(&told[0]).expect("a port"), port(&told[1]).expect("a port"));
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut at = vec![format!("127.0.0.1:{both}"), format!("127.0.0.1:{own}")];
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        at.push(format!("[::1]:{both}"));
    }
    for at in at {
        for _ in 0..8 {
            assert_eq!(content(&raw(&at, request)), "here", "{at}");
        }
    }
    let mut unix =
        std::os::unix::net::UnixStream::connect(folder.path().join("web.sock")).expect("a socket");
    unix.write_all(request).expect("sent");
    let mut answer = String::new();
    unix.read_to_string(&mut answer).expect("whole");
    assert_eq!(content(&answer), "here");
    child.kill().expect("it runs");
    let _ = child.wait();
}

#[test]
fn files_compressed_beforehand_and_a_fallback() {
    let peer = Peer::start(&["-q", "--precompressed", "--spa", "index.html"]);
    let site = peer.folder.path().join("site");
    for (name, text) in [("b.css", "plain"), ("b.css.gz", "by gzip"), ("b.css.br", "by brotli")] {
        std::fs::write(site.join(name), text).expect("written");
    }
    let asked = |accept: &str| ask(&peer, "/b.css", &format!("Accept-Encoding: {accept}\r\n"));
    for (accept, coding, text) in [
        ("gzip, br", Some("br"), "by brotli"),
        ("gzip, br;q=0", Some("gzip"), "by gzip"),
        ("zstd", None, "plain"),
        ("identity", None, "plain"),
    ] {
        let answer = asked(accept);
        assert_eq!(
            (field(&answer, "Content-Encoding"), content(&answer)),
            (coding, text),
            "{accept}"
        );
        assert_eq!(field(&answer, "Content-Type"), Some("text/css; charset=utf-8"), "{accept}");
        assert_eq!(field(&answer, "Vary"), Some("Accept-Encoding"), "{accept}");
    }
    assert_ne!(field(&asked("br"), "ETag"), field(&asked("gzip"), "ETag"));
    let tag = field(&asked("br"), "ETag").expect("a tag").to_owned();
    let same = ask(&peer, "/b.css", &format!("Accept-Encoding: br\r\nIf-None-Match: {tag}\r\n"));
    assert_eq!((status(&same), field(&same, "Vary")), ("304", Some("Accept-Encoding")));
    assert_eq!(field(&ask(&peer, "/a.txt", ""), "Vary"), None);
    // One that is older than what it is of is of what was there before.
    let old = now() - Duration::from_hours(1);
    let file = std::fs::File::options().write(true).open(site.join("b.css.br")).expect("open");
    file.set_modified(old).expect("set");
    assert_eq!(content(&asked("br")), "plain");
    let page = ask(&peer, "/some/route", "");
    assert!(status(&page) == "200" && page.contains("<title>t</title>"), "{page}");
    assert_eq!(status(&ask(&peer, "/%2e%2e/x", "")), "403");
}

/// Each name has its certificate, and certificates that were replaced are shown after a reload.
#[test]
fn certificates_by_name_and_anew() {
    use peer::identity::{Kind, write};
    let folder = tempfile::tempdir().expect("a folder");
    let kinds = [Kind::Good, Kind::Elsewhere];
    write(folder.path(), &kinds);
    std::fs::write(folder.path().join("index.html"), "here").expect("written");
    let mut child = std::process::Command::new(ROUNDTRIP)
        .args(["serve", "-q", "--listen", "127.0.0.1:0", "--cert", "Good.pem", "--key", "Good.key"])
        .args(["--cert", "Elsewhere.pem", "--key", "Elsewhere.key", "."])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let (at, _lines) = listening(&mut child);
    let port = at.rsplit(':').next().expect("a port").to_owned();
    let get = |host: &str| {
        let (url, pin) = (format!("https://{host}:{port}/"), format!("{host}:{port}:127.0.0.1"));
        let arguments = ["get", "-s", "--cacert", "ca.pem", "--resolve", &pin, &url];
        let output = run(ROUNDTRIP, &arguments, folder.path());
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for host in ["localhost", "elsewhere.test"] {
        assert_eq!(get(host), (Some(0), "here".to_owned()), "{host}");
    }
    assert_eq!(get("nowhere.test").0, Some(60));
    // All of them anew, from another authority, which is the one that `ca.pem` is now.
    write(folder.path(), &kinds);
    assert_eq!(get("localhost").0, Some(60));
    let told = std::process::Command::new("kill").args(["-HUP", &child.id().to_string()]).status();
    assert!(told.expect("kill runs").success());
    pause(300);
    for host in ["localhost", "elsewhere.test"] {
        assert_eq!(get(host), (Some(0), "here".to_owned()), "{host}");
    }
    child.kill().expect("it runs");
    let _ = child.wait();
}

/// A configuration file is read at the start and at SIGHUP; one that is wrong then changes nothing.
#[test]
fn a_configuration_is_read_and_read_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("one", "first"), ("two", "second")] {
        std::fs::create_dir(folder.path().join(name)).expect("made");
        std::fs::write(folder.path().join(name).join("index.html"), text).expect("written");
    }
    let write = |dir: &str, more: &str| {
        let text = format!("dir = \"{dir}\"\nlisten = \"127.0.0.1:0\"\nquiet = true\n{more}");
        std::fs::write(folder.path().join("serve.toml"), text).expect("written");
    };
    write("one", "lissten = 1\n");
    let refused = run(ROUNDTRIP, &["serve", "--config", "serve.toml"], folder.path());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("line 4: lissten") && said.contains("did you mean listen?"), "{said}");
    write("one", "");
    let mut child = std::process::Command::new(ROUNDTRIP)
        .args(["serve", "--config", "serve.toml"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let (at, _lines) = listening(&mut child);
    let says = || raw(&at, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(content(&says()), "first");
    let hang_up = || {
        let told =
            std::process::Command::new("kill").args(["-HUP", &child.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
        pause(300);
    };
    write("two", "nonsense = 1\n");
    hang_up();
    assert_eq!(content(&says()), "first");
    write("two", "");
    hang_up();
    assert_eq!(content(&says()), "second");
    child.kill().expect("it runs");
    let _ = child.wait();
}
