//! What the client makes of servers that misbehave.

mod common;

use common::{Site, get};
use core::time::Duration;
use roundtrip_http::client::{KeepAlive, Options, Request, Timeouts};
use roundtrip_http::url;
use roundtrip_record::{AttemptEnd, FaultKind, Framing, Step, What};

/// Asks a server that answers so, and gives the body or the fault.
fn ask(answers: &[&[u8]], options: Options) -> (Result<String, (Step, FaultKind)>, Site) {
    let site = Site::new();
    site.script(0, answers);
    let client = site.client(options, None);
    let result = site.run(async move {
        match client.send(get("http://www0.test/a")).await {
            Ok(mut response) => response
                .body
                .bytes(100_000_000)
                .await
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .map_err(|failure| (failure.step, failure.kind)),
            Err(failure) => Err((failure.step, failure.kind)),
        }
    });
    (result, site)
}

fn fault(answer: &[u8]) -> (Step, FaultKind) {
    ask(&[answer], Options::default()).0.unwrap_err()
}

#[test]
fn malformed_answers_are_placed() {
    let malformed = |what: &str, offset, rule: &str| FaultKind::Malformed {
        what: what.into(),
        offset,
        rule: rule.into(),
    };
    for (answer, step, expected) in [
        (
            "SSH-2.0-OpenSSH\r\n",
            Step::Wait,
            FaultKind::NotHttp { begins: "SSH-2.0-OpenSSH".into() },
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n",
            Step::Body,
            malformed("chunk size that is not a hexadecimal number", 57, "RFC 9112 §7.1"),
        ),
        (
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 20 OK\r\n\r\n",
            Step::Wait,
            malformed("status that is not three digits from 100 to 999", 37, "RFC 9110 §15"),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-",
            Step::Wait,
            malformed("end of the connection inside the head", 25, "RFC 9112 §8"),
        ),
        ("", Step::Wait, FaultKind::EmptyReply { reset: false }),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
            Step::Body,
            FaultKind::Short { received: 5, expected: Some(10) },
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            Step::Body,
            FaultKind::Short { received: 5, expected: None },
        ),
    ] {
        assert_eq!(fault(answer.as_bytes()), (step, expected), "{answer:?}");
    }
}

#[test]
fn answers_without_end_are_not_waited_for() {
    let endless = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"A: b\r\n".repeat(60_000)].concat();
    assert!(matches!(fault(&endless), (Step::Wait, FaultKind::TooManyFields { limit: 1_000 })));
    let long = [b"HTTP/1.1 200 OK\r\nA: ".to_vec(), vec![b'b'; 300_000]].concat();
    assert!(matches!(fault(&long), (Step::Wait, FaultKind::HeadTooLarge { limit: 262_144 })));
    let hints = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(40);
    let (_, kind) = fault(&hints);
    assert!(
        matches!(kind, FaultKind::Malformed { rule, .. } if rule.to_string() == "RFC 9110 §15.2")
    );
}

#[test]
fn a_server_that_says_nothing_more_has_stalled() {
    use roundtrip_wire::{Listener as _, Wire as _};
    use tokio::io::AsyncWriteExt as _;
    let site = Site::new();
    let wire = site.host(0);
    let mut listener = wire.listen((Site::address(0), 80).into()).unwrap();
    wire.spawn(async move {
        let mut kept = Vec::new();
        loop {
            let mut stream = listener.accept().await.unwrap();
            let half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
            stream.write_all(half).await.unwrap();
            kept.push(stream);
        }
    })
    .detach();
    let ask = |timeouts| {
        let client = site.client(Options { timeouts, ..Options::default() }, None);
        site.run(async move {
            let mut response = client.send(get("http://www0.test/a")).await.unwrap();
            response.body.bytes(100).await.unwrap_err().kind
        })
    };
    let silent = Duration::from_secs(15);
    let stall = Timeouts { stall: Some(silent), ..Timeouts::default() };
    let expected = Some(10);
    assert_eq!(ask(stall), FaultKind::Stalled { received: 5, head: 0, expected, silent });
    let limit = Duration::from_secs(4);
    let total = Timeouts { total: Some(limit), ..Timeouts::default() };
    assert_eq!(ask(total), FaultKind::TimedOut { limit, received: 5, head: 0 });
}

#[test]
fn no_connection_tells_of_every_try() {
    let site = Site::new();
    site.client_wire.silence(Site::address(1));
    let timeouts = Timeouts { connect: Some(Duration::from_secs(10)), ..Timeouts::default() };
    let client = site.client(Options { timeouts, ..Options::default() }, None);
    let (refused, silent, unknown) = site.run(async move {
        let kind = async |url| client.send(get(url)).await.unwrap_err().kind;
        (kind("www0.test").await, kind("www1.test").await, kind("nowhere.test").await)
    });
    let FaultKind::ConnectFailed { attempts } = refused else { panic!("{refused:?}") };
    assert_eq!(attempts[0].end, AttemptEnd::Refused);
    let FaultKind::ConnectFailed { attempts } = silent else { panic!("{silent:?}") };
    assert_eq!(attempts[0].end, AttemptEnd::TimedOut);
    assert_eq!(attempts[0].ended.since(attempts[0].began), Duration::from_secs(10));
    assert_eq!(attempts[0].syn_count, Some(1));
    assert!(matches!(unknown, FaultKind::NxDomain { .. }));
}

#[test]
fn the_first_address_that_answers_is_taken() {
    use roundtrip_http::client::{Client, Fixed};
    let site = Site::new();
    site.script(2, &[b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]);
    site.client_wire.silence(Site::address(1));
    let names = [0, 1, 2].map(|number| ("many.test".to_owned(), Site::address(number)));
    let resolve = std::rc::Rc::new(Fixed(names.to_vec()));
    let client = Client::new(site.client_wire.clone(), resolve, None, Options::default());
    let text = site.run(async move {
        let mut response = client.send(get("many.test")).await.unwrap();
        response.body.bytes(10).await.unwrap()
    });
    assert_eq!(text, "ok");
    let ends: Vec<AttemptEnd> = site
        .client_events()
        .into_iter()
        .filter_map(|event| match event.what {
            What::ConnectResult(result) => Some(result.end),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [AttemptEnd::Refused, AttemptEnd::Connected, AttemptEnd::Cancelled]);
}

#[test]
fn bodies_end_as_they_are_framed() {
    for (answer, framing) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Framing::Length(5)),
        ("HTTP/1.1 200 OK\r\n\r\nhello", Framing::Close),
        ("HTTP/1.0 200 OK\r\n\r\nhello", Framing::Close),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n",
            Framing::Chunked,
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            Framing::Length(5),
        ),
    ] {
        let (result, site) = ask(&[answer.as_bytes()], Options::default());
        assert_eq!(result.as_deref(), Ok("hello"), "{answer:?}");
        let body = site.client_events().into_iter().find_map(|event| match event.what {
            What::ResponseEnded(ended) => Some(ended.body),
            _ => None,
        });
        let body = body.unwrap();
        assert_eq!((body.framing, body.encoded, body.decoded), (framing, 5, 5));
    }
}

#[test]
fn a_kept_connection_that_died_is_replaced() {
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let site = Site::new();
    site.script(0, &[ok, ok]);
    let client = site.client(Options::default(), None);
    site.run(async move {
        for _ in 0..2 {
            let mut response = client.send(get("www0.test")).await.unwrap();
            assert_eq!(response.body.bytes(10).await.unwrap(), "ok");
        }
    });
    assert_eq!(site.attempts(), 2);
    assert!(
        site.endings().contains(&"Server: closed while idle".to_owned()),
        "{:?}",
        site.endings()
    );
}

#[test]
fn a_request_that_a_kept_connection_lost_is_sent_again() {
    use roundtrip_wire::{Listener as _, Wire as _};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    // The server takes the second request on the first connection and closes without an answer.
    let lost = |request: fn() -> Request| {
        let site = Site::new();
        let wire = site.host(0);
        let mut listener = wire.listen((Site::address(0), 80).into()).unwrap();
        wire.spawn(async move {
            let mut request = [0; 4096];
            for number in 0..2 {
                let mut stream = listener.accept().await.unwrap();
                let _ = stream.read(&mut request).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx").await.unwrap();
                if number == 0 {
                    let _ = stream.read(&mut request).await;
                }
            }
        })
        .detach();
        let client = site.client(Options::default(), None);
        let second = site.run(async move {
            let mut first = client.send(get("www0.test")).await.unwrap();
            first.body.bytes(10).await.unwrap();
            client
                .send(request())
                .await
                .map(|response| response.status.as_u16())
                .map_err(|f| f.kind)
        });
        let initiators: Vec<String> = site
            .client_events()
            .iter()
            .filter_map(|event| match &event.what {
                What::ExchangeStarted(started) => Some(format!("{:?}", started.initiator)),
                _ => None,
            })
            .collect();
        (second, initiators)
    };
    let (second, initiators) = lost(|| get("www0.test/again"));
    assert_eq!(second, Ok(200));
    assert_eq!(initiators, ["User", "User", "Retry { of: ExchangeId(2) }"]);
    // A POST may have been carried out: it is not sent twice.
    let (second, initiators) = lost(|| Request::post(url::parse("www0.test").unwrap(), "x"));
    assert_eq!(second, Err(FaultKind::EmptyReply { reset: false }));
    assert_eq!(initiators, ["User", "User"]);
}

fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.into_bytes(), body.to_vec()].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut reader = brotli::CompressorReader::new(bytes, 4096, 5, 20);
    std::io::Read::read_to_end(&mut reader, &mut out).unwrap();
    out
}

#[test]
fn codings_are_undone() {
    use std::io::Write as _;
    let text = (0..20_000).map(|i| format!("line {i}\n")).collect::<Vec<_>>().concat();
    let plain = text.as_bytes();
    let zlib = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    };
    let bare = {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    };
    for (coding, body) in [
        ("gzip", gzip(plain)),
        ("x-gzip", [gzip(&plain[..10]), gzip(&plain[10..])].concat()),
        ("deflate", zlib),
        ("deflate", bare),
        ("br", brotli(plain)),
        ("zstd", zstd::encode_all(plain, 3).unwrap()),
        ("gzip, br", brotli(&gzip(plain))),
        ("identity", plain.to_vec()),
    ] {
        let (result, site) = ask(&[&coded(coding, &body)], Options::default());
        assert_eq!(result.as_deref(), Ok(text.as_str()), "{coding}");
        let ended = site.client_events().into_iter().find_map(|event| match event.what {
            What::ResponseEnded(ended) => Some(ended.body),
            _ => None,
        });
        let ended = ended.unwrap();
        assert_eq!((ended.encoded, ended.decoded), (body.len() as u64, plain.len() as u64));
        assert_eq!(ended.codings.join(", "), coding);
        if coding == "identity" {
            continue;
        }
        // Cut short, and with a bit flipped.
        let (_, kind) = fault(&coded(coding, &body[..body.len() - 1]));
        assert!(matches!(kind, FaultKind::BadEncoding { .. }), "{coding}: {kind:?}");
    }
}

#[test]
fn a_bomb_does_not_go_off() {
    let zeros = vec![0; 60_000_000];
    for (coding, body) in
        [("br", brotli(&zeros)), ("zstd", zstd::encode_all(&zeros[..], 3).unwrap())]
    {
        let (_, kind) = fault(&coded(coding, &body));
        assert!(matches!(kind, FaultKind::TooLarge { .. }), "{coding}: {kind:?}");
    }
    let (_, kind) = fault(&coded("gzip, gzip", &gzip(&gzip(&zeros))));
    assert!(matches!(kind, FaultKind::TooLarge { .. }), "{kind:?}");
}

#[test]
fn without_keep_alive_each_request_has_a_connection_of_its_own() {
    let site = Site::new();
    let tree = roundtrip_http::handler::Tree::new().with("a", "x");
    let options = roundtrip_http::server::Options::default();
    site.serve(0, roundtrip_http::handler::Files::tree(tree), options);
    let options = Options { keep_alive: KeepAlive::Off, ..Options::default() };
    let client = site.client(options, None);
    site.run(async move {
        for _ in 0..3 {
            client.send(get("www0.test/a")).await.unwrap().body.bytes(10).await.unwrap();
        }
    });
    assert_eq!(site.attempts(), 3);
    assert_eq!(site.endings(), ["Client: no keep-alive wanted"; 3]);
}
