//! The server, held to the RFCs: what it answers to which bytes, and whether it closes.

mod common;

use common::{Mirror, Site};
use roundtrip_http::handler::{Files, Tree};
use roundtrip_http::server::Options;

/// Answers with what it got.
const MIRROR: Mirror = Mirror(|request, body| format!("{} [{body}]", request.head.line.method));

/// Sends this and expects these statuses, in this order, before the connection ends.
fn check(bytes: &str, statuses: &[u16]) -> String {
    let site = Site::new();
    site.serve(0, MIRROR, Options { max_body: 1000, ..Options::default() });
    let answer = site.talk(0, bytes.as_bytes());
    assert_eq!(common::statuses(&answer), statuses, "{bytes:?} was answered {answer}");
    answer
}

/// A good request, which is answered only if the connection goes on after the one before it.
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn bad_requests_are_refused_and_the_connection_ends() {
    for (request, status) in [
        ("GET /\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n  folded\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTQ/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab", 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n500\r\n", 408),
    ] {
        let answer =
            check(&format!("{request}{}", if status == 408 { "" } else { NEXT }), &[status]);
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        assert!(answer.contains("\r\nContent-Length: "), "{answer}");
    }
    let target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(9000));
    check(&target, &[414]);
    let field = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    check(&field, &[431]);
    let fields = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(101));
    check(&fields, &[431]);
}

#[test]
fn connections_go_on_or_end_as_the_versions_have_it() {
    for (request, statuses) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200][..]),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[200]),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", &[200]),
        ("GET / HTTP/1.0\r\n\r\n", &[200]),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &[200, 200]),
        ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
        ("GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", &[200, 200]),
        ("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", &[200, 200]),
        (
            "POST /unread HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
            &[200, 200],
        ),
        // The body that was announced never comes; the next request must not be taken for it.
        (
            "POST /unread HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
            &[200],
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\n\r\n", &[417, 200]),
    ] {
        check(&format!("{request}{NEXT}"), statuses);
    }
}

#[test]
fn a_client_that_waits_is_told_to_go_on() {
    let answer = check(
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 5\r\n\r\n",
        &[100, 408],
    );
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408 "), "{answer}");
    // When the body has come already there is nothing to wait for.
    let answer = check(
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        &[200],
    );
    assert!(answer.ends_with("POST [hello]"), "{answer}");
}

#[test]
fn requests_in_one_go_are_answered_in_order() {
    let one = |text: &str| {
        let length = text.len();
        format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{text}")
    };
    let answer = check(&(one("first") + &one("second") + NEXT), &[200, 200, 200]);
    let at = |text: &str| answer.find(text).unwrap_or_else(|| panic!("no {text} in {answer}"));
    assert!(at("PUT [first]") < at("PUT [second]"));
    assert!(at("PUT [second]") < at("GET []"));
}

#[test]
fn the_answer_to_head_is_that_to_get_without_its_body() {
    let get = check("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[200]);
    let head = check("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[200]);
    // "GET []" and "HEAD []" differ by one byte.
    let of_get = get.strip_suffix("GET []").unwrap();
    assert_eq!(of_get.replace("Content-Length: 6", "Content-Length: 7"), head);
}

#[test]
fn slow_and_silent_clients_are_not_waited_for() {
    // Half a head: 408. Nothing at all: no answer. Both end.
    check("GET / HTTP/1.1\r\nHost:", &[408]);
    check("", &[]);
    check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel", &[408]);
    // After a good request, a connection that stays idle is closed.
    check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200]);
}

fn files() -> Files {
    let modified = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    let mut tree = Tree::new();
    tree.insert("index.html", "<p>index</p>", Some(modified));
    tree.insert("digits.txt", "0123456789", Some(modified));
    tree.insert("empty", "", Some(modified));
    tree.insert("folder/a b&c.txt", "x", Some(modified));
    tree.insert("folder/sub/deep.txt", "x", None);
    Files::tree(tree)
}

fn ask(path: &str, fields: &str) -> String {
    let site = Site::new();
    site.serve(0, files(), Options::default());
    let (method, path) = path.split_once(' ').unwrap_or(("GET", path));
    let text = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
    site.talk(0, text.as_bytes())
}

fn has(answer: &str, lines: &[&str]) {
    for line in lines {
        assert!(answer.contains(line), "no {line:?} in {answer}");
    }
}

#[test]
fn files_have_types_validators_and_ranges() {
    const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
    let etag = "\"a-17979cfe362a0000\"";
    let plain = ask("/digits.txt", "");
    has(
        &plain,
        &["HTTP/1.1 200 OK", "\r\n\r\n0123456789", "Content-Type: text/plain; charset=utf-8"],
    );
    has(
        &plain,
        &[&format!("ETag: {etag}"), &format!("Last-Modified: {DATE}"), "Accept-Ranges: bytes"],
    );
    has(&ask("/", ""), &["200 OK", "text/html; charset=utf-8", "<p>index</p>"]);
    has(&ask("/empty", ""), &["200 OK", "Content-Length: 0\r\n"]);
    for (fields, expected) in [
        (format!("If-None-Match: {etag}\r\n"), "304 Not Modified"),
        (format!("If-Modified-Since: {DATE}\r\n"), "304 Not Modified"),
        ("If-None-Match: \"other\"\r\n".into(), "200 OK"),
        ("If-Match: \"other\"\r\n".into(), "412 Precondition Failed"),
        ("Range: bytes=2-4\r\n".into(), "206 Partial Content"),
        ("Range: bytes=10-\r\n".into(), "416 Range Not Satisfiable"),
        ("Range: bytes=x\r\n".into(), "200 OK"),
        (format!("Range: bytes=2-4\r\nIf-Range: {etag}\r\n"), "206 Partial Content"),
        (format!("Range: bytes=2-4\r\nIf-Range: {DATE}\r\n"), "206 Partial Content"),
        ("Range: bytes=2-4\r\nIf-Range: \"other\"\r\n".into(), "200 OK"),
        // A file that is not changed is not sent, range or not.
        (format!("Range: bytes=2-4\r\nIf-None-Match: {etag}\r\n"), "304 Not Modified"),
    ] {
        has(&ask("/digits.txt", &fields), &[expected]);
    }
    let part = ask("/digits.txt", "Range: bytes=2-4\r\n");
    has(&part, &["Content-Range: bytes 2-4/10\r\n", "Content-Length: 3\r\n", "\r\n\r\n234"]);
    has(&ask("/digits.txt", "Range: bytes=10-\r\n"), &["Content-Range: bytes */10"]);
    let not_modified = ask("/digits.txt", &format!("If-None-Match: {etag}\r\n"));
    assert!(not_modified.ends_with("\r\n\r\n"), "{not_modified}");
    assert!(!not_modified.contains("Content-Length"), "{not_modified}");
    has(&ask("HEAD /digits.txt", "Range: bytes=2-4\r\n"), &["200 OK", "Content-Length: 10"]);
}

#[test]
fn several_ranges_come_as_parts() {
    let answer = ask("/digits.txt", "Range: bytes=0-1,-2\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let boundary = head.split("boundary=").nth(1).unwrap().lines().next().unwrap();
    let length = format!("Content-Length: {}", body.len());
    has(head, &["206 Partial Content", "multipart/byteranges", &length]);
    let kind = "Content-Type: text/plain; charset=utf-8";
    assert_eq!(
        body,
        format!(
            "--{boundary}\r\n{kind}\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n\
             --{boundary}\r\n{kind}\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--{boundary}--\r\n"
        )
    );
}

#[test]
fn folders_lead_to_their_pages() {
    has(&ask("/folder?x=1", ""), &["301 Moved Permanently", "Location: /folder/?x=1\r\n"]);
    let page = ask("/folder/", "");
    has(
        &page,
        &["200 OK", "href=\"./a%20b&amp;c.txt\">a b&amp;c.txt<", "href=\"./sub/\">sub/<", "../"],
    );
    has(&ask("/nothing", ""), &["404 Not Found"]);
    has(&ask("/digits.txt/", ""), &["404 Not Found"]);
    has(&ask("/folder/../digits.txt", ""), &["200 OK"]);
    has(&ask("/%2e%2e/digits.txt", ""), &["403 Forbidden"]);
    has(&ask("/a%00", ""), &["400 Bad Request"]);
    has(&ask("POST /", ""), &["405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS"]);
    has(&ask("BREW /", ""), &["501 Not Implemented"]);
    has(&ask("OPTIONS /", ""), &["204 No Content", "Allow: GET, HEAD, OPTIONS"]);
}

#[test]
fn nothing_outside_a_folder_is_reached() {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("root");
    std::fs::create_dir_all(root.join("inner")).unwrap();
    std::fs::write(top.path().join("secret"), "secret").unwrap();
    std::fs::write(root.join("file.txt"), "good").unwrap();
    std::fs::write(root.join("big.bin"), vec![7; 200_000]).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(top.path().join("secret"), root.join("link")).unwrap();
        symlink(top.path(), root.join("up")).unwrap();
        symlink("../file.txt", root.join("inner/good")).unwrap();
    }
    let site = Site::new();
    site.serve(0, Files::folder(&root).unwrap(), Options::default());
    let ask = |path: &str| {
        let text = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        site.talk(0, text.as_bytes())
    };
    has(&ask("/file.txt"), &["200 OK", "\r\n\r\ngood"]);
    let big = ask("/big.bin");
    assert_eq!(big.split_once("\r\n\r\n").unwrap().1.len(), 200_000);
    has(&ask("/"), &["200 OK", "file.txt"]);
    for path in [
        "/../secret",
        "/inner/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/..%5csecret",
        "/..\\secret",
        "/link",
        "/up/secret",
        "/up/root/../secret",
        "/%252e%252e/secret",
        "//../secret",
        "/./../secret",
        "/file.txt/../../secret",
        "/..;/secret",
        "/%c0%ae%c0%ae/secret",
    ] {
        let answer = ask(path);
        assert!(!answer.ends_with("secret"), "{path}: {answer}");
        assert!(!answer.contains("200 OK"), "{path}: {answer}");
    }
    if cfg!(unix) {
        has(&ask("/inner/good"), &["200 OK", "\r\n\r\ngood"]);
    }
}

#[test]
fn a_server_that_stops_lets_answers_finish() {
    use roundtrip_wire::Wire as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let site = Site::new();
    let wire = site.host(0);
    let server = roundtrip_http::server::Server::new(
        wire.clone(),
        std::rc::Rc::new(MIRROR),
        Options::default(),
    );
    let listener = wire.listen((Site::address(0), 80).into()).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let client = site.client_wire.clone();
    let (idle, busy) = site.run(async move {
        let serving = server.clone();
        let done = wire.spawn(async move {
            serving.serve(listener, async move { drop(stopped.await) }).await;
        });
        let to = (Site::address(0), 80).into();
        let mut idle = client.connect(to, None, None).await.unwrap();
        let mut busy = client.connect(to, None, None).await.unwrap();
        busy.write_all(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab").await.unwrap();
        client.sleep(core::time::Duration::from_millis(1)).await;
        assert_eq!(server.connections(), 2);
        stop.send(()).unwrap();
        client.sleep(core::time::Duration::from_millis(1)).await;
        busy.write_all(b"cd").await.unwrap();
        let (mut of_idle, mut of_busy) = (String::new(), String::new());
        idle.read_to_string(&mut of_idle).await.unwrap();
        busy.read_to_string(&mut of_busy).await.unwrap();
        drop((idle, busy));
        done.await;
        assert_eq!(server.connections(), 0);
        (of_idle, of_busy)
    });
    assert_eq!(idle, "");
    has(&busy, &["200 OK", "Connection: close", "PUT [abcd]"]);
}
