//! Requests that two readers could understand differently, and other rare ones: each gets its one
//! answer, and nothing that hides behind a bad one is taken for a request.

mod common;

use common::{Mirror, Site, statuses};
use roundtrip_http::handler::{Files, Hidden, Hosts, Tree};
use roundtrip_http::server::Options;
use std::rc::Rc;

/// Answers with what it understood.
const MIRROR: Mirror = Mirror(|request, body| {
    let (method, path, query) = (&request.head.line.method, request.path(), request.query());
    format!("{method} {path} {query} [{body}]")
});

fn talk(bytes: &[u8]) -> (Vec<u16>, String) {
    let site = Site::new();
    site.serve(0, MIRROR, Options { max_body: 1000, ..Options::default() });
    let answer = site.talk(0, bytes);
    (statuses(&answer), answer)
}

/// What is hidden behind each of them, and must never be answered behind a bad one.
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[track_caller]
fn refused(requests: &[&str]) {
    for request in requests {
        let (statuses, answer) = talk(format!("{request}{NEXT}").as_bytes());
        assert_eq!(statuses.len(), 1, "{request:?} → {answer}");
        assert!((400..=505).contains(&statuses[0]), "{request:?} → {answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{request:?} → {answer}");
    }
}

#[track_caller]
fn understood(table: &[(&str, &str)]) {
    for (request, expected) in table {
        let (statuses, answer) = talk(format!("{request}{NEXT}").as_bytes());
        assert_eq!(statuses, [200, 200], "{request:?} → {answer}");
        assert!(answer.contains(expected), "{request:?} → {answer}");
    }
}

/// How long a body is, told in ways that readers disagree on (RFC 9112 §6).
#[test]
fn lengths_that_could_be_read_in_two_ways_are_refused() {
    let post =
        |fields: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}");
    let last = "0\r\n\r\n";
    let requests: Vec<String> = [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", last),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", last),
        ("Content-Length: 0\r\nTransfer-Encoding: identity", ""),
        ("Transfer-Encoding: identity", "hello"),
        ("Transfer-Encoding: chunked, identity", last),
        ("Transfer-Encoding: identity, chunked", last),
        ("Transfer-Encoding: chunked, chunked", last),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", last),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: x", last),
        ("Transfer-Encoding: xchunked", last),
        ("Transfer-Encoding: chunkedx", last),
        ("Transfer-Encoding: \"chunked\"", last),
        ("Transfer-Encoding: chunked;q=1", last),
        ("Transfer-Encoding: chunked\u{b}", last),
        ("Transfer-Encoding: \u{b}chunked", last),
        ("Transfer-Encoding: \u{a0}chunked", last),
        ("Transfer-Encoding:", last),
        ("Transfer-Encoding: ,", last),
        ("Transfer-Encoding : chunked", last),
        ("Transfer-Encoding\t: chunked", last),
        (" Transfer-Encoding: chunked", last),
        ("X: y\r\n Transfer-Encoding: chunked", last),
        ("Transfer-Encoding:\r\n chunked", last),
        ("X: y\rTransfer-Encoding: chunked", last),
        ("X: y\nTransfer-Encoding: chunked", last),
        ("Transfer-Encoding\0: chunked", last),
        ("Content-Length: 5\r\nContent-Length: 5", "hello"),
        ("Content-Length: 5\r\nContent-Length: 6", "hello"),
        ("Content-Length: 5, 5", "hello"),
        ("Content-Length: +5", "hello"),
        ("Content-Length: -5", "hello"),
        ("Content-Length: 0x5", "hello"),
        ("Content-Length: 5 5", "hello"),
        ("Content-Length: 5.0", "hello"),
        ("Content-Length: 5_0", "hello"),
        ("Content-Length: \u{665}", "hello"),
        ("Content-Length:", "hello"),
        ("Content-Length: ;5", "hello"),
        ("Content-Length: 9223372036854775808", "hello"),
        ("Content-Length: 18446744073709551621", "hello"),
        ("Content-Length : 5", "hello"),
    ]
    .iter()
    .map(|(fields, body)| post(fields, body))
    .collect();
    refused(&requests.iter().map(String::as_str).collect::<Vec<_>>());
    refused(&["POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]);
}

/// Chunks (RFC 9112 §7.1).
#[test]
fn chunks_that_are_none_are_refused() {
    let requests: Vec<String> = [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhell\r\n0\r\n\r\n",
        "5;a=\"b\r\nc\"\r\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5;a=\0\r\nhello\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
        ";a\r\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "8000000000000000\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "000000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nA : b\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\n\r\n",
        "5\r\nhello\r\n0\n\n",
        "3e9\r\n",
    ]
    .iter()
    .map(|body| format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}"))
    .collect();
    refused(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Request lines and fields that are not as RFC 9112 §3 and §5 have them.
#[test]
fn heads_that_are_none_are_refused() {
    refused(&[
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\rHost: a\r\n\r\n",
        "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
        "GET / HTTP/11\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
        "GET / ICAP/1.1\r\nHost: a\r\n\r\n",
        "GET /\r\n\r\n",
        "GET\r\n\r\n",
        "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\u{7f} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET a.test:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET path HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: no name\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX(): y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\u{e4}: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\u{1b}z\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\u{7f}z\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "PRI * HTTP/2.0\r\nHost: a\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\r\n\r\n",
    ]);
}

/// Host (RFC 9112 §3.2).
#[test]
fn hosts_that_are_none_are_refused() {
    let with = |host: &str| format!("GET / HTTP/1.1\r\n{host}\r\n\r\n");
    let requests: Vec<String> = [
        "X: y",
        "Host: a\r\nHost: a",
        "Host: a\r\nhOST: b",
        "Host: a, b",
        "Host: a b",
        "Host: a/b",
        "Host: a?b",
        "Host: a#b",
        "Host: u@a",
        "Host: a\\b",
        "Host: a:b",
        "Host: a:99999",
        "Host: a:-1",
        "Host: a:80:80",
        "Host: [::1",
        "Host: [::g]",
        "Host: [::1]x",
        "Host: ::1",
        "Host: a\tb",
        "Host: http://a",
        "Host : a",
    ]
    .iter()
    .map(|host| with(host))
    .collect();
    refused(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

/// What is rare and right.
#[test]
fn rare_requests_are_understood() {
    understood(&[
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET /  []"),
        ("GET / HTTP/1.9\r\nHost: a\r\n\r\n", "GET /  []"),
        ("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /  []"),
        ("GET / HTTP/1.1\r\nhOsT:\t a \t\r\n\r\n", "GET /  []"),
        ("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /  []"),
        ("GET HTTP://a?q=/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET / q=/ []"),
        ("GET https://a/p?q HTTP/1.1\r\nHost: other\r\n\r\n", "GET /p q []"),
        ("GET //p///?? HTTP/1.1\r\nHost: a\r\n\r\n", "GET //p/// ? []"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS *  []"),
        ("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH /  []"),
        ("get / HTTP/1.1\r\nHost: a\r\n\r\n", "get /  []"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nX: \u{e4}\t\u{f6}\r\n\r\n", "GET /  []"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "GET /  [hello]"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello", "GET /  [hello]"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ChunKed\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "POST /  [hello]",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , chunked ,\r\n\r\n0005;a;b=c;d=\"e;\\\"\"\r\nhello\r\n00\r\n\r\n",
            "POST /  [hello]",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 9\r\nHost: b\r\n\r\n",
            "POST /  [hello]",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
            "POST /  [hello]",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\nhello",
            "POST /  [hello]",
        ),
    ]);
}

/// The authority of the target counts, not Host (RFC 9112 §3.2.2).
#[test]
fn the_target_says_for_whom_a_request_is() {
    let site = Site::new();
    let one = |name: &str| Rc::new(Files::tree(Tree::new().with("index.html", name.to_owned())));
    let hosts = Hosts::new().with("one.test", one("first")).with("two.test", one("second"));
    site.serve(0, hosts, Options::default());
    for (target, host, body) in [
        ("/", "one.test", "first"),
        ("/", "ONE.test.:80", "first"),
        ("http://two.test/", "one.test", "second"),
        ("http://two.test:8080", "one.test", "second"),
        ("/", "three.test", "421"),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = site.talk(0, request.as_bytes());
        assert!(answer.contains(body), "{target} {host} → {answer}");
    }
}

#[test]
fn names_with_a_dot_are_as_if_they_were_not_there() {
    let tree = || {
        Tree::new()
            .with(".git/config", "secret")
            .with("sub/.password", "secret")
            .with(".well-known/security.txt", "known")
            .with("sub/plain", "plain")
    };
    for (hidden, path, body) in [
        (Hidden::Missing, "/.git/config", "404 Not Found"),
        (Hidden::Missing, "/%2egit/config", "404 Not Found"),
        (Hidden::Missing, "/sub/.password", "404 Not Found"),
        (Hidden::Missing, "/sub/../.git/", "404 Not Found"),
        (Hidden::Missing, "/.well-known/security.txt", "\r\n\r\nknown"),
        (Hidden::Missing, "/sub/./plain", "\r\n\r\nplain"),
        (Hidden::Served, "/sub/.password", "\r\n\r\nsecret"),
    ] {
        let site = Site::new();
        site.serve(0, Files::tree(tree()).with_hidden(hidden), Options::default());
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = site.talk(0, request.as_bytes());
        assert!(answer.contains(body), "{path} → {answer}");
    }
    let site = Site::new();
    site.serve(0, Files::tree(tree()).with_hidden(Hidden::Missing), Options::default());
    let page = site.talk(0, b"GET /sub/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(page.contains("plain") && !page.contains(".password"), "{page}");
}

/// Whatever is asked with HEAD has the head of the answer to GET, and nothing after it.
#[test]
fn head_is_get_without_its_body() {
    let tree = Tree::new().with("a.txt", "0123456789").with("sub/b.txt", "b");
    for (target, more) in [
        ("/a.txt", ""),
        ("/a.txt", "If-None-Match: *\r\n"),
        ("/a.txt", "If-Match: \"other\"\r\n"),
        ("/none", ""),
        ("/sub", ""),
        ("/sub/", ""),
        ("/%00", ""),
        ("/../x", ""),
    ] {
        let ask = |method: &str| {
            let site = Site::new();
            site.serve(0, Files::tree(tree.clone()), Options::default());
            let request =
                format!("{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n");
            site.talk(0, request.as_bytes())
        };
        let (get, head) = (ask("GET"), ask("HEAD"));
        let end = get.find("\r\n\r\n").unwrap() + 4;
        assert_eq!(&get[..end], head, "{target}");
    }
}
