//! What the client takes though the RFCs do not allow it, because every browser does, and what it says
//! of it.

mod common;

use std::io::Write as _;

use common::{Site, get};
use roundtrip_http::client::Options;
use roundtrip_record::{FaultKind, Framing, What};

/// The body that a client makes of an answer, and what it notes: the rules that were broken.
fn take(answer: &[u8]) -> (Result<String, FaultKind>, Vec<String>) {
    let site = Site::new();
    site.script(0, &[answer]);
    let client = site.client(Options::default(), None);
    let body = site.run(async move {
        let mut response =
            client.send(get("http://www0.test/a")).await.map_err(|failure| failure.kind)?;
        let bytes = response.body.bytes(1 << 20).await.map_err(|failure| failure.kind)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    (body, notes(&site))
}

fn notes(site: &Site) -> Vec<String> {
    let events = site.client_events().into_iter();
    events
        .filter_map(|event| match event.what {
            What::ExchangeNote(note) => Some(note.rule.to_string()),
            _ => None,
        })
        .collect()
}

#[test]
fn heads_are_taken_as_browsers_take_them() {
    const LF: &str = "RFC 9112 §2.2";
    for (answer, rules) in [
        // Folded lines, also with tabs, empty ones, and one before any field.
        (
            "HTTP/1.1 200 OK\r\nX-A: one\r\n two\r\nContent-Length: 5\r\n\r\nhello",
            &["RFC 9112 §5.2"][..],
        ),
        (
            "HTTP/1.1 200 OK\r\nX-A: one\r\n\t\r\n\tthree\r\nContent-Length:\r\n 5\r\n\r\nhello",
            &["RFC 9112 §5.2"],
        ),
        ("HTTP/1.1 200 OK\r\n X-A: one\r\nContent-Length: 5\r\n\r\nhello", &[LF]),
        // Line feeds alone: everywhere, or in one place.
        ("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", &[LF]),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello", &[LF]),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello", &[LF]),
        // Lines that cannot be fields, and white space before the colon.
        ("HTTP/1.1 200 OK\r\n: empty\r\nContent-Length: 5\r\n\r\nhello", &["RFC 9110 §5.1"]),
        ("HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 5\r\n\r\nhello", &["RFC 9112 §5"]),
        ("HTTP/1.1 200 OK\r\nX y: z\r\nContent-Length: 5\r\n\r\nhello", &["RFC 9110 §5.1"]),
        ("HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", &["RFC 9112 §5.1"]),
        // Control characters.
        (
            "HTTP/1.1 200 OK\r\nX-A: a\u{1}b\0c\u{7f}\r\nContent-Length: 5\r\n\r\nhello",
            &["RFC 9110 §5.5"],
        ),
        ("HTTP/1.1 200 OK\r\nX-A: a\rb\r\nContent-Length: 5\r\n\r\nhello", &[LF]),
        ("HTTP/1.1 200 O\u{1}K\r\nContent-Length: 5\r\n\r\nhello", &["RFC 9112 §4"]),
        // First lines of another version or case, and line ends before them.
        ("http/1.1 200 ok\r\nContent-Length: 5\r\n\r\nhello", &["RFC 9112 §4"]),
        ("HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", &["RFC 9110 §15.6.6"]),
        ("HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\nhello", &["RFC 9110 §15"]),
        ("\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", &[]),
        // A length beside chunks.
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            &["RFC 9112 §6.1"],
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nConnection: close\r\n\r\nhello",
            &["RFC 9112 §6.3"],
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Identity\r\nContent-Length: 5\r\n\r\nhello",
            &["RFC 9112 §6.1"],
        ),
        // Chunked said twice, and a status that its reason follows at once.
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            &["RFC 9112 §6.1"],
        ),
        ("HTTP/1.1 200OK\r\nContent-Length: 5\r\n\r\nhello", &["RFC 9110 §15"]),
    ] {
        let (body, notes) = take(answer.as_bytes());
        assert_eq!(body.as_deref(), Ok("hello"), "{answer:?}");
        assert_eq!(notes, rules, "{answer:?}");
    }
}

/// What nobody asked for with TE is undone all the same, as curl and browsers do, and noted.
#[test]
fn codings_of_the_transfer_that_nobody_asked_for_are_undone() {
    let zipped = gzip("hello");
    let chunks = [format!("{:x}\r\n", zipped.len()).as_bytes(), &zipped, b"\r\n0\r\n\r\n"].concat();
    for (coding, body) in
        [("gzip, chunked", &chunks), ("gzip", &zipped), ("x-gzip, Chunked", &chunks)]
    {
        let head =
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\nConnection: close\r\n\r\n");
        let (text, notes) = take(&[head.as_bytes(), body].concat());
        assert_eq!(text.as_deref(), Ok("hello"), "{coding}");
        assert_eq!(notes.len(), 1, "{coding}: {notes:?}");
    }
}

#[test]
fn answers_without_a_body_have_none_whatever_they_say() {
    for status in ["204 No Content", "304 Not Modified"] {
        let answer = format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        let (body, notes) = take(answer.as_bytes());
        assert_eq!(body.as_deref(), Ok(""), "{status}");
        assert_eq!(notes.len(), usize::from(status.starts_with("204")), "{status}");
    }
}

#[test]
fn chunks_are_taken_as_browsers_take_them() {
    for (chunks, rules) in [
        ("5 \r\nhello\r\n0\r\n\r\n", &["RFC 9112 §7.1"][..]),
        ("5  \t\r\nhello\r\n0 \r\n\r\n", &["RFC 9112 §7.1"]),
        ("0000000000000000000000005\r\nhello\r\n00000000000000000000\r\n\r\n", &["RFC 9112 §7.1"]),
        ("5\nhello\n0\n\n", &["RFC 9112 §2.2"]),
        ("5;a=b\nhello\r\n0\r\nX-T: 1\n\r\n", &["RFC 9112 §2.2"]),
        ("5\r\nhello\r\n0\r\nno field\r\n\r\n", &["RFC 9112 §5"]),
    ] {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (body, notes) = take(format!("{head}{chunks}").as_bytes());
        assert_eq!(body.as_deref(), Ok("hello"), "{chunks:?}");
        assert_eq!(notes, rules, "{chunks:?}");
    }
    for chunks in [
        "x\r\n",
        "\r\n5\r\nhello",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "8000000000000000\r\n",
        "-5\r\nhello",
    ] {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (body, _) = take(format!("{head}{chunks}").as_bytes());
        assert!(matches!(body, Err(FaultKind::Malformed { .. })), "{chunks:?} {body:?}");
    }
}

fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

#[test]
fn bytes_after_a_compressed_body_are_passed_over() {
    let many = vec![0; 70_000];
    for surplus in [&b"\0\0\0\0"[..], b"\n", b"\r\n", b"<!-- served in 3 ms -->", &many] {
        let body = [gzip("hello").as_slice(), surplus].concat();
        let (body, notes) = take(&coded("gzip", &body));
        assert_eq!(
            (body.as_deref(), notes.as_slice()),
            (Ok("hello"), &["RFC 1952 §2.2".to_owned()][..])
        );
    }
    // Members that follow one another are one body.
    let (body, notes) = take(&coded("gzip", &[gzip("hel"), gzip("lo")].concat()));
    assert_eq!((body.as_deref(), notes.len()), (Ok("hello"), 0));
    // What breaks off inside is still broken.
    let (body, _) = take(&coded("gzip", &gzip("hello")[..15]));
    assert!(matches!(body, Err(FaultKind::BadEncoding { .. })), "{body:?}");
}

#[test]
fn codings_that_are_none_leave_the_body_as_it_is() {
    for coding in ["none", "utf-8", "UTF8", "lzma", "aws-chunked", "gzip, none"] {
        let (body, notes) = take(&coded(coding, b"hello"));
        assert_eq!(body.as_deref(), Ok("hello"), "{coding}");
        assert_eq!(notes, ["RFC 9110 §8.4.1"], "{coding}");
    }
    let (body, notes) = take(&coded("identity", b"hello"));
    assert_eq!((body.as_deref(), notes.len()), (Ok("hello"), 0));
}

#[test]
fn what_is_not_http_is_told_so() {
    for (answer, begins) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        ("<html>old</html>\n", "<html>old</html>"),
        ("220 mail.test ESMTP\r\n", "220 mail.test ESMTP"),
        ("ICY 200 OK\r\n\r\n", "ICY 200 OK"),
    ] {
        let (body, _) = take(answer.as_bytes());
        assert_eq!(body, Err(FaultKind::NotHttp { begins: begins.into() }));
        assert_eq!(body.unwrap_err().exit_code(), 1);
    }
}

#[test]
fn what_a_body_takes_on_the_wire_counts_its_framing() {
    let site = Site::new();
    site.script(
        0,
        &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nA: b\r\n\r\n"],
    );
    let client = site.client(Options::default(), None);
    site.run(async move {
        let mut response = client.send(get("http://www0.test/a")).await.unwrap();
        response.body.bytes(100).await.unwrap();
    });
    let body = site.client_events().into_iter().find_map(|event| match event.what {
        What::ResponseEnded(ended) => Some(ended.body),
        _ => None,
    });
    let body = body.unwrap();
    assert_eq!((body.framing, body.encoded), (Framing::Chunked, 5));
    assert_eq!(body.framed, Some("5;x\r\nhello\r\n0\r\nA: b\r\n\r\n".len() as u64));
}
