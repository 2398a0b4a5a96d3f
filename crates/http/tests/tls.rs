//! TLS and HTTP/2, between our client, our server and h2's.

mod common;

use core::cell::Cell;
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;

use common::authority::Authority;
use common::desk::Desk;
use common::{Site, get};
use roundtrip_http::client::{Options, Request, Tls};
use roundtrip_http::handler::{Files, Tree};
use roundtrip_http::server::{self, Server};
use roundtrip_http::url;
use roundtrip_record::{FaultKind, Step, TlsEstablished, What};
use roundtrip_wire::{Listener as _, Wire};

/// Serves one file over https on the host with this number.
fn serve(site: &Site, number: u8, config: Arc<rustls::ServerConfig>) {
    let wire = site.host(number);
    let listener = wire.listen((Site::address(number), 443).into()).unwrap();
    let big: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
    let tree = Tree::new().with("a.txt", "hello").with("big.bin", big);
    let server = Server::new(wire.clone(), Rc::new(Files::tree(tree)), server::Options::default())
        .with_tls(config);
    wire.spawn(async move { server.serve(listener, core::future::pending()).await }).detach();
}

fn established(site: &Site) -> Vec<TlsEstablished> {
    let of = |event: roundtrip_record::Event| match event.what {
        What::TlsEstablished(established) => Some(established),
        _ => None,
    };
    site.client_events().into_iter().filter_map(of).collect()
}

fn ask(site: &Site, tls: Tls, address: &str) -> Result<String, Box<(Step, FaultKind)>> {
    let client = site.client(Options::default(), Some(tls));
    let request = get(address);
    site.run(async move {
        let response = client.send(request).await;
        let mut response = response.map_err(|failure| Box::new((failure.step, failure.kind)))?;
        let bytes = response.body.bytes(1 << 20).await;
        let bytes = bytes.map_err(|failure| Box::new((failure.step, failure.kind)))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    })
}

#[test]
fn https_and_what_the_record_says_of_it() {
    let site = Site::new();
    let authority = Authority::new();
    serve(&site, 0, authority.server("www0.test", 2030, &["http/1.1"]));
    assert_eq!(ask(&site, authority.client(), "https://www0.test/a.txt").as_deref(), Ok("hello"));
    let established = established(&site);
    let [tls] = established.as_slice() else { panic!("{established:?}") };
    assert_eq!((tls.version.as_str(), tls.alpn.as_deref()), ("TLS 1.3", Some("http/1.1")));
    assert!(tls.cipher.starts_with("TLS_AES_") || tls.cipher.starts_with("TLS_CHACHA20_"));
    assert!(!tls.resumed);
    let leaf = &tls.certificates[0];
    assert_eq!(leaf.names, ["www0.test"]);
    assert_eq!(leaf.issuer, "CN=Test Authority");
    assert!(leaf.subject.ends_with("CN=www0.test"), "{}", leaf.subject);
    assert_eq!((leaf.not_before, leaf.not_after), (1_577_836_800, 1_893_456_000));
    assert_eq!(
        site.kinds()[..6],
        [
            "http.started",
            "connect.attempt",
            "connect.result",
            "tls.started",
            "tls.established",
            "http.request"
        ]
    );
}

#[test]
fn certificates_that_cannot_be_trusted_are_told_apart() {
    let authority = Authority::new();
    let (other, good) = (Authority::named("Another"), authority.client());
    for (name, until, tls, reason) in [
        ("www0.test", 2026, good.clone(), "expired"),
        ("www1.test", 2030, good.clone(), "wrong_name"),
        ("www0.test", 2030, other.client(), "unknown_issuer"),
    ] {
        let site = Site::new();
        serve(&site, 0, authority.server(name, until, &[]));
        let (step, kind) = *ask(&site, tls, "https://www0.test/a.txt").unwrap_err();
        assert_eq!(step, Step::Tls);
        let FaultKind::BadCertificate { reason: got, host, names, not_after, issuer, .. } = &kind
        else {
            panic!("{kind:?}")
        };
        assert_eq!((got.as_str(), host.as_str()), (reason, "www0.test"));
        assert_eq!(names, &[name]);
        assert!(not_after.is_some());
        assert_eq!(issuer.as_deref(), Some("CN=Test Authority"));
    }
}

#[test]
fn what_is_no_tls_fails_the_handshake() {
    let site = Site::new();
    let wire = site.host(0);
    let mut listener = wire.listen((Site::address(0), 443).into()).unwrap();
    wire.spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = listener.accept().await.unwrap();
        let mut hello = [0; 4096];
        let _ = stream.read(&mut hello).await;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = stream.read(&mut hello).await;
    })
    .detach();
    let (step, kind) = *ask(&site, Authority::new().client(), "https://www0.test/").unwrap_err();
    assert_eq!(step, Step::Tls);
    assert!(matches!(kind, FaultKind::TlsFailed { alert_received: false, .. }), "{kind:?}");
}

/// Answers one request over TLS with `answer`, and closes the connection: with `close_notify`, or not.
fn answer_and_close(
    site: &Site,
    config: Arc<rustls::ServerConfig>,
    answer: &'static str,
    notifies: bool,
) {
    let wire = site.host(0);
    let mut listener = wire.listen((Site::address(0), 443).into()).unwrap();
    wire.spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let stream = listener.accept().await.unwrap();
        let mut tls = tokio_rustls::TlsAcceptor::from(config).accept(stream).await.unwrap();
        let _ = tls.read(&mut [0; 4096]).await.unwrap();
        tls.write_all(answer.as_bytes()).await.unwrap();
        tls.flush().await.unwrap();
        if notifies {
            tls.shutdown().await.unwrap();
        } else {
            tls.into_inner().0.shutdown().await.unwrap();
        }
    })
    .detach();
}

/// RFC 9112 §9.8: without `close_notify` nobody knows that what came is all there was.
#[test]
fn tls_that_ends_without_close_notify_is_not_in_good_order() {
    let open = "HTTP/1.1 200 OK\r\n\r\nhello";
    let counted = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let promised = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let cut = |expected| FaultKind::TlsCut { received: 5, expected };
    let short = |expected| FaultKind::Short { received: 5, expected };
    for (answer, notifies, expected) in [
        (open, true, Ok("hello")),
        (open, false, Err(cut(None))),
        (counted, true, Ok("hello")),
        (counted, false, Ok("hello")),
        (promised, true, Err(short(Some(9)))),
        (promised, false, Err(cut(Some(9)))),
        (chunked, true, Err(short(None))),
        (chunked, false, Err(cut(None))),
    ] {
        let (site, authority) = (Site::new(), Authority::new());
        let config = authority.server("www0.test", 2030, &["http/1.1"]);
        answer_and_close(&site, config, answer, notifies);
        let got = ask(&site, authority.client(), "https://www0.test/");
        let got = got.map_err(|failed| failed.1);
        assert_eq!(got, expected.map(str::to_owned), "{answer:?} {notifies}");
    }
}

/// With TLS 1.3 a server says only after the handshake that it wanted a certificate of the client.
#[test]
fn a_server_that_wants_a_client_certificate_says_so_in_words() {
    for protocol in ["http/1.1", "h2"] {
        let (site, authority) = (Site::new(), Authority::new());
        serve(&site, 0, authority.server_for_known_clients("www0.test", &[protocol]));
        let (_, kind) = *ask(&site, authority.client(), "https://www0.test/a.txt").unwrap_err();
        let FaultKind::ReceiveFailed { why } = &kind else { panic!("{protocol}: {kind:?}") };
        assert!(
            why.contains("certificate_required: the server wants a client certificate"),
            "{protocol}: {why}"
        );
    }
}

#[test]
fn sessions_are_resumed() {
    let site = Site::new();
    let authority = Authority::new();
    serve(&site, 0, authority.server("www0.test", 2030, &["http/1.1"]));
    let options =
        Options { keep_alive: roundtrip_http::client::KeepAlive::Off, ..Options::default() };
    let client = site.client(options, Some(authority.client()));
    site.run(async move {
        for _ in 0..2 {
            let mut response = client.send(get("https://www0.test/a.txt")).await.unwrap();
            assert_eq!(response.body.bytes(10).await.unwrap(), "hello");
        }
    });
    let resumed: Vec<bool> = established(&site).iter().map(|tls| tls.resumed).collect();
    assert_eq!(resumed, [false, true]);
}

/// A server of HTTP/2 that answers with the method, the path and the body's length; `/big` with much,
/// `/refuse` with a stream error. Counts its connections.
fn serve_two(site: &Site, config: Arc<rustls::ServerConfig>) -> Rc<Cell<u32>> {
    let wire = site.host(0);
    let mut listener = wire.listen((Site::address(0), 443).into()).unwrap();
    let connections = Rc::new(Cell::new(0));
    let count = Rc::clone(&connections);
    let starter = wire.clone();
    wire.spawn(async move {
        loop {
            let stream = listener.accept().await.unwrap();
            count.set(count.get() + 1);
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&config));
            let wire = starter.clone();
            starter
                .spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let mut two = h2::server::handshake(stream).await.unwrap();
                    while let Some(Ok((request, respond))) = two.accept().await {
                        wire.spawn(answer_two(request, respond)).detach();
                    }
                })
                .detach();
        }
    })
    .detach();
    connections
}

async fn answer_two(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<bytes::Bytes>,
) {
    let (parts, mut body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if path == "/refuse" {
        return respond.send_reset(h2::Reason::INTERNAL_ERROR);
    }
    let mut received = 0;
    while let Some(data) = body.data().await {
        let Ok(data) = data else { return };
        received += data.len();
        let _ = body.flow_control().release_capacity(data.len());
    }
    let text = match path.as_str() {
        "/big" => "x".repeat(3_000_000),
        _ => format!("{} {path} {received}", parts.method),
    };
    let response = http::Response::builder().header("content-type", "text/plain").body(()).unwrap();
    let mut stream = respond.send_response(response, false).unwrap();
    let mut left = bytes::Bytes::from(text);
    while !left.is_empty() {
        stream.reserve_capacity(left.len());
        let room = core::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let Some(Ok(room)) = room else { return };
        stream.send_data(left.split_to(room.min(left.len())), false).unwrap();
    }
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-end", "1".parse().unwrap());
    stream.send_trailers(trailers).unwrap();
}

#[test]
fn http_2_carries_many_exchanges_on_one_connection() {
    let site = Site::new();
    let authority = Authority::new();
    let connections = serve_two(&site, authority.server("www0.test", 2030, &["h2"]));
    let client = site.client(Options::default(), Some(authority.client()));
    let wire: Desk = site.client_wire.clone();
    let texts = site.run(async move {
        let one = async |path: &str, body: Option<Vec<u8>>| {
            let url = url::parse(&format!("https://www0.test{path}")).unwrap();
            let request = match body {
                Some(body) => Request::post(url, body),
                None => Request::get(url),
            };
            let mut response = client.send(request).await.unwrap();
            assert_eq!(response.version, http::Version::HTTP_2);
            let bytes = response.body.bytes(10_000_000).await.unwrap();
            assert_eq!(response.body.trailers().text("x-end"), Some("1"));
            String::from_utf8_lossy(&bytes).into_owned()
        };
        // All at once: one connection is opened, and the others wait for what it finds.
        let texts = futures_util::future::join3(
            one("/a?b", None),
            one("/big", None),
            one("/post", Some(vec![1; 200_000])),
        )
        .await;
        let failure = client.send(get("https://www0.test/refuse")).await.unwrap_err();
        assert!(matches!(failure.kind, FaultKind::StreamReset { .. }), "{failure:?}");
        // A stream that failed does not harm the connection.
        assert_eq!(one("/again", None).await, "GET /again 0");
        client.close("visit over").await;
        wire.sleep(Duration::from_secs(5)).await;
        texts
    });
    assert_eq!(texts.0, "GET /a 0");
    assert_eq!(texts.1.len(), 3_000_000);
    assert_eq!(texts.2, "POST /post 200000");
    assert_eq!(connections.get(), 1);
    assert_eq!(site.attempts(), 1);
    let versions: Vec<String> = site
        .client_events()
        .into_iter()
        .filter_map(|event| match event.what {
            What::RequestSent(sent) => Some(format!("{} {}", sent.version, sent.reused)),
            _ => None,
        })
        .collect();
    assert_eq!(versions.len(), 5);
    assert!(versions.iter().all(|version| version.starts_with("HTTP/2 ")), "{versions:?}");
}

#[test]
fn a_server_that_speaks_only_http_1_1_is_spoken_to_so() {
    let site = Site::new();
    let authority = Authority::new();
    serve(&site, 0, authority.server("www0.test", 2030, &["http/1.1"]));
    let client = site.client(Options::default(), Some(authority.client()));
    site.run(async move {
        let one = async || {
            let mut response = client.send(get("https://www0.test/big.bin")).await.unwrap();
            assert_eq!(response.version, http::Version::HTTP_11);
            response.body.bytes(1 << 20).await.unwrap().len()
        };
        let lengths = futures_util::future::join_all((0..10).map(|_| one())).await;
        assert_eq!(lengths, [300_000; 10]);
    });
    // Six connections, and the others wait for them.
    assert_eq!(site.attempts(), 6);
}
