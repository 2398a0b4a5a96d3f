//! The codec: what it takes, what it refuses and where, however the bytes are cut.

use proptest::prelude::*;
use roundtrip_http::message::*;
use roundtrip_record::Framing;

type Decoded<L> = Result<Option<(Head<L>, usize)>, MessageError>;

/// Decodes a head from bytes cut at these places.
fn decode<L: StartLine>(bytes: &[u8], cuts: &[usize], limits: Limits) -> Decoded<L> {
    let mut decoder = HeadDecoder::<L>::new(limits);
    let mut used = 0;
    let mut start = 0;
    let ends = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([bytes.len()]);
    for end in ends {
        if end < start {
            continue;
        }
        let fed = decoder.feed(&bytes[start..end])?;
        used += fed.used;
        if let Some(head) = fed.done {
            return Ok(Some((head, used)));
        }
        start = end;
    }
    Ok(None)
}

fn request(text: &str) -> Decoded<RequestLine> {
    decode(text.as_bytes(), &[], Limits::SERVER)
}

fn response(text: &str) -> Decoded<StatusLine> {
    decode(text.as_bytes(), &[], Limits { manner: Manner::Strict, ..Limits::CLIENT })
}

fn refused<L>(decoded: Decoded<L>) -> Option<(Defect, u64)> {
    decoded.err().map(|error| (error.defect, error.offset))
}

#[test]
fn requests_that_are_refused_and_where() {
    use Defect as D;
    for (text, defect, offset) in [
        ("GET / HTTP/1.1\nHost: a\n\n", D::BareLineFeed, 14),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", D::BareLineFeed, 23),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", D::BareCarriageReturn, 14),
        ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", D::BareCarriageReturn, 23),
        ("GET / HTTP/1.1\r\nHo\rst: a\r\n\r\n", D::BareCarriageReturn, 18),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", D::SpaceBeforeFields, 16),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", D::ObsoleteFold, 25),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", D::SpaceBeforeColon, 20),
        ("GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", D::SpaceBeforeColon, 20),
        ("GET / HTTP/1.1\r\nHost a\r\n\r\n", D::NoColon, 20),
        ("GET / HTTP/1.1\r\nHost\r\n\r\n", D::NoColon, 20),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", D::BadFieldName, 16),
        ("GET / HTTP/1.1\r\nH\u{e4}: a\r\n\r\n", D::BadFieldName, 17),
        ("GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", D::BadFieldValue, 23),
        ("GET / HTTP/1.1\r\nHost: \x7f\r\n\r\n", D::BadFieldValue, 22),
        ("GET /\r\n\r\n", D::NoVersion, 4),
        ("GET\r\n\r\n", D::BadRequestLine, 3),
        ("GET  / HTTP/1.1\r\n\r\n", D::BadRequestLine, 4),
        ("GET /  HTTP/1.1\r\n\r\n", D::BadRequestLine, 4),
        ("GET / HTTP/1.1 \r\n\r\n", D::BadRequestLine, 4),
        (" GET / HTTP/1.1\r\n\r\n", D::BadMethod, 0),
        ("G(T / HTTP/1.1\r\n\r\n", D::BadMethod, 0),
        ("GET /\u{e4} HTTP/1.1\r\n\r\n", D::BadTarget, 5),
        ("GET /\t HTTP/1.1\r\n\r\n", D::BadTarget, 5),
        ("GET x HTTP/1.1\r\n\r\n", D::BadTarget, 4),
        ("GET * HTTP/1.1\r\n\r\n", D::BadTarget, 4),
        ("GET ftp://a/ HTTP/1.1\r\n\r\n", D::BadTarget, 4),
        ("CONNECT /a HTTP/1.1\r\n\r\n", D::BadTarget, 8),
        ("GET / http/1.1\r\n\r\n", D::BadVersion, 6),
        ("GET / HTTP/1\r\n\r\n", D::BadVersion, 6),
        ("GET / HTTP/11\r\n\r\n", D::BadVersion, 6),
        ("GET / HTTP/2.0\r\n\r\n", D::UnsupportedVersion, 11),
        ("GET / HTTP/0.9\r\n\r\n", D::UnsupportedVersion, 11),
        ("\r\n\r\nGET / HTTP/1.1\r\n\r\n", D::BadRequestLine, 2),
        ("\u{16}\u{3}\u{1}\r\n", D::BadRequestLine, 3),
    ] {
        assert_eq!(refused(request(text)), Some((defect, offset)), "{text:?}");
    }
}

#[test]
fn requests_that_are_taken() {
    for (text, method, target) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/"),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/"),
        ("GET / HTTP/1.9\r\nHost: a\r\n\r\n", "GET", "/"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS", "*"),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT", "a:443"),
        ("GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "http://a/b"),
        ("BREW /pot?x=[1]|\" HTTP/1.0\r\n\r\n", "BREW", "/pot?x=[1]|\""),
    ] {
        let (head, used) = request(text).unwrap().unwrap();
        assert_eq!((head.line.method.as_str(), head.line.target.as_str()), (method, target));
        assert_eq!(used, text.len());
        assert_eq!(head.bytes, text.len() as u64);
    }
    let (head, _) =
        request("GET / HTTP/1.1\r\nhOsT:\t a b \t\r\nX: \u{e4}\r\nX:\r\n\r\n").unwrap().unwrap();
    let fields: Vec<_> = head.fields.iter().collect();
    assert_eq!(fields, [("hOsT", &b"a b"[..]), ("X", "\u{e4}".as_bytes()), ("X", b"")]);
}

#[test]
fn responses() {
    use Defect as D;
    for (text, defect, offset) in [
        ("HTTP/1.1 200 OK\n\n", D::BareLineFeed, 15),
        ("<html>hello there\r\n", D::BadStatusLine, 0),
        ("HTTP/1.1\r\n\r\n", D::BadStatusLine, 0),
        ("HTTP/1.1 20 OK\r\n\r\n", D::BadStatus, 9),
        ("HTTP/1.1 2000 OK\r\n\r\n", D::BadStatus, 9),
        ("HTTP/1.1 099 OK\r\n\r\n", D::BadStatus, 9),
        ("HTTP/1.1 2x0 OK\r\n\r\n", D::BadStatus, 9),
        ("HTTP/1.1  200 OK\r\n\r\n", D::BadStatus, 9),
        ("HTTP/3.0 200 OK\r\n\r\n", D::UnsupportedVersion, 5),
        ("HTTP/1.1 200 O\0K\r\n\r\n", D::BadReason, 14),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", D::BadStatusLine, 0),
    ] {
        assert_eq!(refused(response(text)), Some((defect, offset)), "{text:?}");
    }
    for (text, status, reason) in [
        ("HTTP/1.1 200 OK\r\n\r\n", 200, "OK"),
        ("HTTP/1.0 404 Not  Found \r\n\r\n", 404, "Not  Found "),
        ("HTTP/1.1 204 \r\n\r\n", 204, ""),
        ("HTTP/1.1 204\r\n\r\n", 204, ""),
        ("HTTP/1.1 799 \u{e4}\r\n\r\n", 799, "\u{e4}"),
    ] {
        let (head, _) = response(text).unwrap().unwrap();
        assert_eq!((head.line.status.as_u16(), head.line.reason_text().as_str()), (status, reason));
    }
}

#[test]
fn limits_are_kept_to_the_byte() {
    let limits = Limits {
        start_line: 20,
        head: 60,
        fields: 2,
        chunk_extensions: 8,
        trailers: 16,
        manner: Manner::Strict,
    };
    let head = |text: &str| refused(decode::<RequestLine>(text.as_bytes(), &[], limits));
    assert_eq!(head("GET /345 HTTP/1.1\r\n\r\n"), None);
    assert_eq!(head("GET /3456 HTTP/1.1\r\n\r\n"), None);
    assert_eq!(head("GET /34567 HTTP/1.1\r\n\r\n"), Some((Defect::TargetTooLong, 20)));
    assert_eq!(head("GET /345678901234567"), Some((Defect::TargetTooLong, 20)));
    // Where the line has no space within the limit, it is the method that has no end.
    assert_eq!(head("GETGETGETGETGETGETGET"), Some((Defect::MethodTooLong, 20)));
    assert_eq!(Defect::MethodTooLong.status(), 501);
    let value = |length| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(length));
    assert_eq!(head(&value(37)), None);
    assert_eq!(head(&value(38)), Some((Defect::HeadTooLarge, 60)));
    assert_eq!(head("GET / HTTP/1.1\r\nA:\r\nB:\r\n\r\n"), None);
    let three = "GET / HTTP/1.1\r\nA:\r\nB:\r\nC:\r\n\r\n";
    assert_eq!(head(three), Some((Defect::TooManyFields, 24)));
}

fn request_frame(fields: &str) -> Result<Framing, Defect> {
    let text = format!("POST / HTTP/1.1\r\n{fields}\r\n");
    let (head, _) = request(&text).unwrap().unwrap();
    request_framing(&head).map_err(|error| error.defect)
}

#[test]
fn request_framing_leaves_no_doubt() {
    use Defect as D;
    for (fields, expected) in [
        ("", Ok(Framing::None)),
        ("Content-Length: 0\r\n", Ok(Framing::Length(0))),
        ("Content-Length: 42\r\n", Ok(Framing::Length(42))),
        ("Content-Length: 007\r\n", Ok(Framing::Length(7))),
        ("Transfer-Encoding: chunked\r\n", Ok(Framing::Chunked)),
        ("Transfer-Encoding: Chunked\r\n", Ok(Framing::Chunked)),
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", Err(D::LengthAndCoding)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", Err(D::LengthAndCoding)),
        ("Transfer-Encoding: identity\r\nContent-Length: 4\r\n", Err(D::LengthAndCoding)),
        ("Content-Length: 4\r\nContent-Length: 4\r\n", Err(D::ConflictingLengths)),
        ("Content-Length: 4\r\nContent-Length: 5\r\n", Err(D::ConflictingLengths)),
        ("Content-Length: 4, 4\r\n", Err(D::ConflictingLengths)),
        ("Content-Length: +4\r\n", Err(D::BadContentLength)),
        ("Content-Length: -4\r\n", Err(D::BadContentLength)),
        ("Content-Length: 0x4\r\n", Err(D::BadContentLength)),
        ("Content-Length: 4 4\r\n", Err(D::BadContentLength)),
        ("Content-Length:\r\n", Err(D::BadContentLength)),
        ("Content-Length: 4,\r\n", Err(D::BadContentLength)),
        ("Content-Length: 9223372036854775808\r\n", Err(D::BadContentLength)),
        ("Content-Length: 99999999999999999999\r\n", Err(D::BadContentLength)),
        ("Transfer-Encoding: gzip\r\n", Err(D::UnknownTransferCoding)),
        ("Transfer-Encoding: chunked, gzip\r\n", Err(D::NotChunkedLast)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", Err(D::NotChunkedLast)),
        ("Transfer-Encoding: gzip, chunked\r\n", Err(D::UnknownTransferCoding)),
        ("Transfer-Encoding: chunked, chunked\r\n", Err(D::ChunkedTwice)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Err(D::ChunkedTwice)),
        ("Transfer-Encoding: xchunked\r\n", Err(D::UnknownTransferCoding)),
        ("Transfer-Encoding: \"chunked\"\r\n", Err(D::BadTransferCoding)),
        ("Transfer-Encoding:\r\n", Err(D::BadTransferCoding)),
        ("Transfer-Encoding: chunked;a=b\r\n", Err(D::UnknownTransferCoding)),
    ] {
        assert_eq!(request_frame(fields), expected, "{fields:?}");
    }
    let (head, _) =
        request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap().unwrap();
    assert_eq!(request_framing(&head).unwrap_err().defect, D::CodingBeforeHttp11);
}

#[test]
fn response_framing_follows_the_rfc() {
    use Defect as D;
    for (method, text, expected) in [
        ("GET", "200 OK\r\nContent-Length: 5\r\n", Ok(Framing::Length(5))),
        ("GET", "200 OK\r\n", Ok(Framing::Close)),
        ("GET", "200 OK\r\nTransfer-Encoding: chunked\r\n", Ok(Framing::Chunked)),
        ("HEAD", "200 OK\r\nContent-Length: 5\r\n", Ok(Framing::None)),
        ("HEAD", "200 OK\r\nTransfer-Encoding: chunked\r\n", Ok(Framing::None)),
        ("GET", "304 Not Modified\r\nContent-Length: 5\r\n", Ok(Framing::None)),
        ("GET", "204 No Content\r\n", Ok(Framing::None)),
        ("GET", "103 Early Hints\r\n", Ok(Framing::None)),
        ("CONNECT", "200 OK\r\n", Ok(Framing::None)),
        ("GET", "200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n", Ok(Framing::Length(5))),
        ("GET", "200 OK\r\nContent-Length: 5, 5\r\n", Ok(Framing::Length(5))),
        ("GET", "200 OK\r\nContent-Length: 5, 6\r\n", Err(D::ConflictingLengths)),
        ("GET", "200 OK\r\nContent-Length: x\r\n", Err(D::BadContentLength)),
        (
            "GET",
            "200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            Err(D::LengthAndCoding),
        ),
        ("GET", "204 No Content\r\nTransfer-Encoding: chunked\r\n", Err(D::CodingForbidden)),
    ] {
        let (head, _) = response(&format!("HTTP/1.1 {text}\r\n")).unwrap().unwrap();
        let method = http::Method::from_bytes(method.as_bytes()).unwrap();
        let framing = response_framing(&method, &head).map_err(|error| error.defect);
        assert_eq!(framing, expected, "{method} {text:?}");
    }
}

/// Decodes a chunked body from pieces of this size; gives its data, its trailers, and how many bytes
/// it used.
fn chunked(
    bytes: &[u8],
    size: usize,
    limits: Limits,
) -> Result<Option<(Vec<u8>, usize)>, MessageError> {
    let mut decoder = ChunkedDecoder::new(limits);
    let (mut data, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let piece = &bytes[at..bytes.len().min(at + size)];
        let step = decoder.decode(piece)?;
        data.extend_from_slice(&piece[step.data.clone()]);
        assert!(step.used > 0 || step.done, "the decoder stands still");
        at += step.used;
        if step.done {
            return Ok(Some((data, at)));
        }
    }
    Ok(None)
}

#[test]
fn chunked_bodies() {
    use Defect as D;
    let limits = Limits { chunk_extensions: 12, trailers: 24, ..Limits::SERVER };
    for size in [1, 2, 3, 1000] {
        let whole = |text: &str| chunked(text.as_bytes(), size, limits);
        for (text, data) in [
            ("0\r\n\r\n", ""),
            ("5\r\nhello\r\n0\r\n\r\n", "hello"),
            ("005\r\nhello\r\n00\r\n\r\n", "hello"),
            ("A\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n", "0123456789x"),
            ("1;a=b\r\nx\r\n0\r\n\r\n", "x"),
            ("1;a=\"\\\";\"\r\nx\r\n0\r\n\r\n", "x"),
            ("1 ;a\r\nx\r\n0\r\n\r\n", "x"),
            ("0\r\nA: b\r\nC: d\r\n\r\n", ""),
        ] {
            let rest = format!("{text}GET /");
            let used = text.len();
            assert_eq!(whole(&rest), Ok(Some((data.into(), used))), "{text:?} by {size}");
            assert_eq!(whole(&text[..used - 1]), Ok(None), "{text:?} by {size}");
        }
        for (text, defect, offset) in [
            ("\r\n", D::BadChunkSize, 0),
            ("x\r\n", D::BadChunkSize, 0),
            ("-1\r\n", D::BadChunkSize, 0),
            ("+1\r\n", D::BadChunkSize, 0),
            ("0x1\r\n", D::BadChunkSize, 1),
            (" 1\r\n", D::BadChunkSize, 0),
            ("1 \r\n", D::BadChunkSize, 2),
            ("1\nx\r\n", D::BareLineFeed, 1),
            ("1\rx\r\n", D::BareCarriageReturn, 2),
            ("1;a\nx\r\n", D::BareLineFeed, 3),
            ("1;a\"\r\"\r\nx", D::BadChunkExtension, 3),
            ("1;\r\nx\r\n", D::BadChunkExtension, 2),
            ("1;a=\r\nx\r\n", D::BadChunkExtension, 4),
            ("1;a;\r\nx\r\n", D::BadChunkExtension, 4),
            ("1;a=\"b\"c\r\nx\r\n", D::BadChunkExtension, 7),
            ("1;\0\r\nx\r\n", D::BadChunkExtension, 2),
            ("1;1234567890123\r\nx\r\n", D::ChunkExtensionsTooLong, 13),
            ("8000000000000000\r\n", D::ChunkTooLarge, 15),
            ("10000000000000000\r\n", D::ChunkTooLarge, 16),
            ("00000000000000001\r\n", D::ChunkTooLarge, 16),
            ("1\r\nxy\r\n", D::BadChunkEnd, 4),
            ("1\r\nx\n", D::BadChunkEnd, 4),
            ("0\r\nA : b\r\n\r\n", D::SpaceBeforeColon, 4),
            ("0\r\nA: b\n\r\n", D::BareLineFeed, 7),
            ("0\r\nAbcdefghij: 0123456789\r\n\r\n", D::TrailersTooLarge, 27),
        ] {
            let error = whole(text).unwrap_err();
            assert_eq!((error.defect, error.offset), (defect, offset), "{text:?} by {size}");
        }
    }
}

#[test]
fn hosts() {
    use Defect as D;
    let host = |text: &str| {
        let (head, _) = request(text).unwrap().unwrap();
        authority(&head)
            .map(|host| host.map(|host| (host.host.to_owned(), host.port)))
            .map_err(|error| error.defect)
    };
    let found = |host: &str, port| Ok(Some((host.to_owned(), port)));
    for (text, expected) in [
        ("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", found("a.example", None)),
        ("GET / HTTP/1.1\r\nHost: a:80\r\n\r\n", found("a", Some(80))),
        ("GET / HTTP/1.1\r\nHost: a:\r\n\r\n", found("a", None)),
        ("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", found("[::1]", Some(8080))),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Err(D::BadHost)),
        ("GET / HTTP/1.0\r\n\r\n", Ok(None)),
        ("GET http://b:1/x HTTP/1.1\r\nHost: a\r\n\r\n", found("b", Some(1))),
        ("CONNECT c:443 HTTP/1.1\r\nHost: a\r\n\r\n", found("c", Some(443))),
        ("GET / HTTP/1.1\r\n\r\n", Err(D::HostMissing)),
        ("GET http://b/ HTTP/1.1\r\n\r\n", Err(D::HostMissing)),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Err(D::HostTwice)),
        ("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", Err(D::HostTwice)),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Err(D::BadHost)),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Err(D::BadHost)),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Err(D::BadHost)),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Err(D::BadHost)),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Err(D::BadHost)),
        ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", Err(D::BadHost)),
        ("GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n", Err(D::BadHost)),
        ("GET / HTTP/1.1\r\nHost: \u{e4}\r\n\r\n", Err(D::BadHost)),
        ("GET http://u@b/ HTTP/1.1\r\nHost: b\r\n\r\n", Err(D::BadTarget)),
    ] {
        assert_eq!(host(text), expected, "{text:?}");
    }
}

#[test]
fn a_value_that_is_kept_as_it_is_has_no_line_end() {
    let mut fields = Fields::new();
    fields.push_as_is("X", b" a\t ").unwrap();
    assert_eq!(fields.get("X"), Some(&b" a\t "[..]));
    for (value, at) in [(&b"a\n"[..], 4), (b"a\r\n\r\n", 4), (b"\ra", 3), (b"a\x0c", 4)] {
        let error = fields.push_as_is("X", value).unwrap_err();
        assert_eq!((error.defect, error.offset), (Defect::BadFieldValue, at), "{value:?}");
    }
    assert_eq!(fields.len(), 1);
    // What only stands around a value is taken off where it is not to be kept.
    fields.push("Y", b"\r\n a \r\n").unwrap();
    assert_eq!(fields.get("Y"), Some(&b"a"[..]));
}

#[test]
fn no_value_can_end_its_line() {
    let mut fields = Fields::new();
    fields.add("Location", "/a\r\nSet-Cookie: x\0");
    let mut out = Vec::new();
    fields.encode(&mut out);
    assert_eq!(out, b"Location: /a  Set-Cookie: x \r\n");
    assert!(fields.push("X", b"a\r\nb").is_err());
    assert!(fields.push("X Y", b"a").is_err());
}

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}"
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    "([!-~\u{80}-\u{2ff}]([ \t!-~]{0,20}[!-~])?)?".prop_map(String::into_bytes)
}

fn head() -> impl Strategy<Value = RequestHead> {
    let fields = prop::collection::vec((token(), value()), 0..8);
    (token(), "/[!\"$-~]{0,30}", prop::bool::ANY, fields).prop_map(
        |(method, target, new, lines)| {
            let mut fields = Fields::new();
            for (name, value) in lines {
                fields.push(&name, &value).unwrap();
            }
            let version = if new { http::Version::HTTP_11 } else { http::Version::HTTP_10 };
            // CONNECT has targets of its own.
            let method = http::Method::from_bytes(format!("X{method}").as_bytes()).unwrap();
            Head { line: RequestLine { method, target, version }, fields, bytes: 0 }
        },
    )
}

/// Bytes that look a little like messages.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "GET",
        "HTTP/1.1",
        " ",
        "\r\n",
        "\n",
        "\r",
        ":",
        "/",
        "Host",
        "0",
        "5",
        "200",
        "\t",
        "chunked",
        ";",
        "\"",
        "\\",
        "x",
        "\0",
        "\u{ff}",
        "Content-Length",
        "Transfer-Encoding",
        "ffffffffffff",
    ]);
    prop_oneof![
        prop::collection::vec(word, 0..40).prop_map(|words| words.concat().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..200),
        (head(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(head, at, byte)| {
            let mut bytes = Vec::new();
            head.encode(&mut bytes);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        }),
    ]
}

const SMALL: Limits = Limits {
    start_line: 40,
    head: 120,
    fields: 5,
    chunk_extensions: 6,
    trailers: 20,
    manner: Manner::Strict,
};

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(head in head()) {
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        let (decoded, used) = decode::<RequestLine>(&bytes, &[], Limits::SERVER).unwrap().unwrap();
        prop_assert_eq!(used, bytes.len());
        prop_assert_eq!(&decoded.line, &head.line);
        prop_assert_eq!(&decoded.fields, &head.fields);
        let mut again = Vec::new();
        decoded.encode(&mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn cuts_change_nothing(bytes in noise(), mut cuts in prop::collection::vec(any::<usize>(), 0..6)) {
        for cut in &mut cuts {
            *cut %= bytes.len() + 1;
        }
        cuts.sort_unstable();
        let every: Vec<usize> = (0..bytes.len()).collect();
        for limits in [SMALL, Limits::SERVER] {
            let whole = decode::<RequestLine>(&bytes, &[], limits);
            prop_assert_eq!(&decode::<RequestLine>(&bytes, &cuts, limits), &whole);
            prop_assert_eq!(&decode::<RequestLine>(&bytes, &every, limits), &whole);
            let whole = decode::<StatusLine>(&bytes, &[], limits);
            prop_assert_eq!(&decode::<StatusLine>(&bytes, &cuts, limits), &whole);
        }
    }

    #[test]
    fn cuts_change_nothing_in_chunks(
        data in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        noise in noise(),
        size in 1usize..50,
    ) {
        let mut coded = Vec::new();
        for chunk in &data {
            encode_chunk_size(chunk.len() as u64, &mut coded);
            coded.extend_from_slice(chunk);
            coded.extend_from_slice(b"\r\n");
        }
        let mut broken = coded.clone();
        encode_last_chunk(&Fields::new(), &mut coded);
        let expected = Ok(Some((data.concat(), coded.len())));
        prop_assert_eq!(chunked(&coded, size, Limits::SERVER), expected);
        broken.extend_from_slice(&noise);
        for limits in [SMALL, Limits::SERVER] {
            prop_assert_eq!(chunked(&broken, size, limits), chunked(&broken, usize::MAX / 2, limits));
        }
    }
}
