//! HTTP/3 at both ends, over the lab's links: what it carries is recorded as with the other versions.

#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "common/authority.rs"]
mod authority;

use core::future::poll_fn;
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;

use authority::Authority;
use bytes::Bytes;
use futures_util::future::join_all;
use http::{StatusCode, Version};
use roundtrip_http::Body;
use roundtrip_http::client::{Client, Fixed, Options as ClientOptions, Request, Three};
use roundtrip_http::message::Fields;
use roundtrip_http::server::{
    Handler, Options, Request as Asked, RequestBody, Response, Server, Trailers,
};
use roundtrip_http::url;
use roundtrip_lab::{Internet, LabHost, Seed, Settings};
use roundtrip_quic::{
    Connection, Direction, Ended, Listener, ReadError, Settings as Quic, connect,
};
use roundtrip_record::{Event, FaultKind, Log, Role, Side, Step, Transport, What};
use roundtrip_wire::{LocalFuture, Wire as _};

/// A site with an answer of every kind.
struct Answers(LabHost);

impl Handler for Answers {
    fn handle<'a>(
        &'a self,
        request: &'a Asked,
        mut body: RequestBody,
    ) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            match request.path() {
                "/echo" => match body.bytes(1 << 22).await {
                    Ok(bytes) => Response::ok("application/x-own", bytes),
                    Err(error) => Response::error(error.status(), &error.to_string()),
                },
                "/hints" => {
                    let mut hints = Fields::new();
                    hints.add("Link", "</style.css>; rel=preload; as=style");
                    request.interim.early_hints(&hints);
                    self.0.sleep(Duration::from_millis(50)).await;
                    Response::text("after hints")
                }
                "/trailers" => {
                    let pieces =
                        ["one ", "two"].map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
                    let mut response = Response::ok(
                        "text/plain",
                        Body::stream(None, futures_util::stream::iter(pieces)),
                    );
                    response.trailers = Trailers::Later(Box::pin(async {
                        let mut fields = Fields::new();
                        fields.add("X-Digest", "abc");
                        fields
                    }));
                    response
                }
                "/nothing" => Response::new(StatusCode::NO_CONTENT),
                "/broken" => {
                    let wire = self.0.clone();
                    let pieces = futures_util::stream::unfold(0, move |number| {
                        let wire = wire.clone();
                        async move {
                            if number == 0 {
                                return Some((Ok(Bytes::from_static(b"half")), 1));
                            }
                            wire.sleep(Duration::from_millis(50)).await;
                            Some((Err(std::io::Error::other("gone")), 2))
                        }
                    });
                    Response::ok("text/plain", Body::stream(None, pieces))
                }
                path if path.starts_with("/big") => Response::ok("text/plain", pattern(300_000)),
                path => Response::text(format!("this is {path}")),
            }
        })
    }
}

fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect::<Vec<_>>().into()
}

/// What a server speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// HTTP/3 alone.
    Three,
    /// HTTP/2, and HTTP/3 at the same port, which it says.
    Both,
    /// HTTP/2 alone.
    Two,
}

struct World {
    internet: Internet,
    log: Log,
    client: Client<LabHost>,
    /// For connections of QUIC that are nobody's client.
    raw: Arc<rustls::ClientConfig>,
}

fn world(net: &str, seed: u64, speaks: Speaks, three: Three, options: Options) -> World {
    let log = Log::memory();
    let settings = Settings::new(net.parse().unwrap(), Seed::new(seed), log.clone());
    let mut internet = Internet::new(settings);
    let address = Internet::web_address(0);
    let wire = internet.add_server("www", Role::WebServer, address.into());
    let authority = Authority::new();
    let at = (address, 443).into();
    let alternatives = if speaks == Speaks::Both { "h3=\":443\"; ma=60" } else { "" };
    let options = Options { alternatives: alternatives.into(), ..options };
    let server = Server::new(wire.clone(), Rc::new(Answers(wire.clone())), options);
    let server = server.with_tls(authority.server("www.test", 2030, &["h2"]));
    if speaks != Speaks::Three {
        let (server, listener) = (server.clone(), wire.listen(at).unwrap());
        wire.spawn(async move { server.serve(listener, core::future::pending()).await }).detach();
    }
    if speaks != Speaks::Two {
        let tls = authority.server("www.test", 2030, &["h3"]);
        let of = wire.clone();
        wire.spawn(async move {
            let listener = Listener::bind(&of, at, tls, Quic::default(), 100).unwrap();
            server.serve_three(listener, core::future::pending()).await;
        })
        .detach();
    }
    let names = Rc::new(Fixed(vec![("www.test".to_owned(), address.into())]));
    let options = ClientOptions { version: Version::HTTP_3, three, ..ClientOptions::default() };
    let tls = Some(authority.client());
    let client = Client::new(internet.client().clone(), names, tls, options);
    World { internet, log, client, raw: authority.client_config(&["h3"]) }
}

fn only(net: &str) -> World {
    world(net, 1, Speaks::Three, Three::Only, Options::default())
}

fn get(path: &str) -> Request {
    Request::get(url::parse(&format!("https://www.test{path}")).unwrap())
}

/// What an exchange came to: version, status and body.
type Got = Result<(Version, u16, Bytes), Box<(Step, FaultKind)>>;

async fn ask(client: Client<LabHost>, request: Request) -> Got {
    let fault = |failure: roundtrip_http::client::Failure| Box::new((failure.step, failure.kind));
    let mut response = client.send(request).await.map_err(fault)?;
    let (version, status) = (response.version, response.status.as_u16());
    let body = response.body.bytes(1 << 24).await.map_err(fault)?;
    Ok((version, status, body))
}

fn of_client(events: &[Event]) -> Vec<&Event> {
    let client = events.iter().find_map(|event| match &event.what {
        What::ExchangeStarted(started) if started.side == Side::Client => Some(event.host),
        _ => None,
    });
    events.iter().filter(|event| Some(event.host) == client).collect()
}

#[test]
fn bodies_come_whole_and_causes_are_packets() {
    let World { internet, log, client, .. } = only("cable");
    let got = internet.lab().run_until(async move {
        let small = ask(client.clone(), get("/a")).await.unwrap();
        let big = ask(client.clone(), get("/big")).await.unwrap();
        client.close("visit over").await;
        (small, big)
    });
    let (small, big) = got.unwrap();
    assert_eq!(small, (Version::HTTP_3, 200, Bytes::from_static(b"this is /a")));
    assert_eq!(big.2, pattern(300_000));
    internet.lab().settle(roundtrip_record::Time::from_secs(600)).unwrap();
    let events = log.events();
    let own = of_client(&events);
    let kinds: Vec<&str> = own
        .iter()
        .map(|event| event.what.kind())
        .filter(|kind| {
            !matches!(*kind, "link" | "frame" | "quic.packet" | "quic.congestion" | "neighbour")
        })
        .collect();
    let expected = [
        "http.started",
        "connect.attempt",
        "quic.opened",
        "tls.started",
        "connect.result",
        "tls.established",
        "http.request",
        "http.head",
        "http.response",
        "http.ended",
    ];
    let kinds: Vec<&str> = kinds.into_iter().filter(|kind| *kind != "host").collect();
    assert_eq!(kinds[..expected.len()], expected);
    assert_eq!(kinds.iter().filter(|kind| **kind == "quic.opened").count(), 1, "one for both");
    assert_eq!(kinds.iter().filter(|kind| **kind == "quic.closed").count(), 1);
    assert_eq!(kinds.iter().filter(|kind| **kind == "http.connection").count(), 1);
    for event in &own {
        let (transport, version) = match &event.what {
            What::RequestSent(request) => (request.transport, request.version.clone()),
            What::ResponseHead(head) => {
                let first = head.first_segment.expect("packets are seen");
                let packet = events.iter().find(|event| event.id == first).unwrap();
                assert_eq!(packet.what.kind(), "quic.packet");
                assert_eq!(event.cause, Some(first));
                assert!(head.stream.is_some() && head.head_bytes > 0);
                (head.transport, head.version.clone())
            }
            _ => continue,
        };
        assert_eq!((transport, version.as_str()), (Transport::Quic, "HTTP/3"));
    }
    let at_server = events.iter().any(|event| match &event.what {
        What::ExchangeStarted(started) => {
            started.side == Side::Server && started.url == "https://www.test/a"
        }
        _ => false,
    });
    assert!(at_server);
}

#[test]
fn what_is_sent_comes_back() {
    let World { internet, client, .. } = only("cable");
    for length in [0, 1, 1000, 2_000_000] {
        let client = client.clone();
        let post = Request::post(url::parse("https://www.test/echo").unwrap(), pattern(length));
        let got = internet.lab().run_until(ask(client, post)).unwrap();
        assert_eq!(got.unwrap(), (Version::HTTP_3, 200, pattern(length)), "{length} bytes");
    }
}

#[test]
fn interim_responses_and_trailers_come() {
    let World { internet, log, client, .. } = only("cable");
    let (hints, trailers) = internet
        .lab()
        .run_until(async move {
            let mut response = client.send(get("/hints")).await.unwrap();
            let hints: Vec<u16> =
                response.interim.iter().map(|head| head.line.status.as_u16()).collect();
            assert_eq!(response.body.bytes(100).await.unwrap(), "after hints");
            let (_, _, body) = ask(client.clone(), get("/trailers")).await.unwrap();
            (hints, body)
        })
        .unwrap();
    assert_eq!((hints, trailers), (vec![103], Bytes::from_static(b"one two")));
    let events = log.events();
    let mut ended = of_client(&events).into_iter().filter_map(|event| match &event.what {
        What::ResponseEnded(ended) => Some(ended.trailers.clone()),
        _ => None,
    });
    let last = ended.next_back().unwrap();
    assert_eq!((last[0].0.as_str(), last[0].1.as_str()), ("x-digest", "abc"));
}

#[test]
fn answers_without_bodies_end() {
    let World { internet, client, .. } = only("cable");
    let own = client.clone();
    let got = internet.lab().run_until(async move {
        let head = Request::new(http::Method::HEAD, url::parse("https://www.test/big").unwrap());
        (ask(own.clone(), head).await.unwrap(), ask(own, get("/nothing")).await.unwrap())
    });
    let (head, nothing) = got.unwrap();
    assert_eq!((head.1, head.2.len()), (200, 0));
    assert_eq!((nothing.1, nothing.2.len()), (204, 0));
}

#[test]
fn a_body_that_is_cut_is_a_fault_and_its_connection_goes_on() {
    let World { internet, log, client, .. } = only("cable");
    let own = client.clone();
    let (broken, after) = internet
        .lab()
        .run_until(
            async move { (ask(own.clone(), get("/broken")).await, ask(own, get("/a")).await) },
        )
        .unwrap();
    let (step, kind) = *broken.unwrap_err();
    assert_eq!(step, Step::Body);
    assert!(matches!(kind, FaultKind::StreamReset { .. }), "{kind:?}");
    assert_eq!(after.unwrap().1, 200);
    let events = log.events();
    let opened = events.iter().filter(|event| event.what.kind() == "quic.opened").count();
    assert_eq!(opened, 2, "one connection, at both ends");
}

#[test]
fn a_hundred_at_one_time() {
    let World { internet, client, .. } = only("cable");
    let own = client.clone();
    let got = internet
        .lab()
        .run_until(async move {
            let all = (0..150).map(|number| ask(own.clone(), get(&format!("/{number}"))));
            join_all(all).await
        })
        .unwrap();
    for (number, got) in got.into_iter().enumerate() {
        assert_eq!(got.unwrap().2, format!("this is /{number}"));
    }
}

#[test]
fn a_server_that_takes_no_more_has_the_rest_go_by_another_connection() {
    let options = Options { max_requests: 5, ..Options::default() };
    let World { internet, log, client, .. } =
        world("cable", 1, Speaks::Three, Three::Only, options);
    let own = client.clone();
    let got = internet
        .lab()
        .run_until(async move {
            let mut all = Vec::new();
            for number in 0..12 {
                all.push(ask(own.clone(), get(&format!("/{number}"))).await.map(|got| got.1));
            }
            all
        })
        .unwrap();
    assert!(got.iter().all(|got| *got == Ok(200)), "{got:?}");
    let events = log.events();
    let opened = of_client(&events).iter().filter(|e| e.what.kind() == "quic.opened").count();
    assert_eq!(opened, 3);
}

#[test]
fn faults_of_the_network_are_repaired() {
    for seed in 0..10 {
        let net = "cable,rtt=40ms,loss=5%,reorder=2%,duplicate=2%,corrupt=1%";
        let World { internet, client, .. } =
            world(net, seed, Speaks::Three, Three::Only, Options::default());
        let own = client.clone();
        let got = internet.lab().run_until(async move {
            join_all((0..6).map(|number| ask(own.clone(), get(&format!("/big{number}"))))).await
        });
        for got in got.unwrap() {
            assert_eq!(got.unwrap().2, pattern(300_000), "seed {seed}");
        }
    }
}

#[test]
fn a_first_answer_over_tcp_tells_of_http_3() {
    let World { internet, client, .. } =
        world("cable", 1, Speaks::Both, Three::Learned, Options::default());
    let (own, wire) = (client.clone(), internet.client().clone());
    let got = internet
        .lab()
        .run_until(async move {
            let mut versions = Vec::new();
            for path in ["/a", "/b"] {
                versions.push(ask(own.clone(), get(path)).await.unwrap().0);
            }
            // The handshake of QUIC goes on beside the second.
            wire.sleep(Duration::from_secs(1)).await;
            versions.push(ask(own.clone(), get("/c")).await.unwrap().0);
            versions
        })
        .unwrap();
    assert_eq!(got, [Version::HTTP_2, Version::HTTP_2, Version::HTTP_3]);
}

#[test]
fn where_http_3_does_not_answer_tcp_is_taken() {
    for (net, least, most) in [("cable", 0, 200), ("cable,rtt=30ms", 0, 400)] {
        let World { internet, log, client, .. } =
            world(net, 1, Speaks::Two, Three::Tried, Options::default());
        let got = internet.lab().run_until(ask(client, get("/a"))).unwrap();
        assert_eq!(got.unwrap().0, Version::HTTP_2);
        let took = internet.lab().now().millis();
        assert!((least..most).contains(&took), "{net}: {took} ms");
        let events = log.events();
        let note = events.iter().find_map(|event| match &event.what {
            What::ExchangeNote(note) => Some(note.what.clone()),
            _ => None,
        });
        assert_eq!(note.as_deref(), Some("no HTTP/3: nobody listens; TCP is taken"));
    }
}

#[test]
fn where_nothing_else_will_do_that_is_a_fault() {
    let World { internet, client, .. } =
        world("cable", 1, Speaks::Two, Three::Only, Options::default());
    let got = internet.lab().run_until(ask(client, get("/a"))).unwrap();
    let (step, kind) = *got.unwrap_err();
    assert_eq!(step, Step::Connect);
    assert!(matches!(kind, FaultKind::ConnectFailed { .. }), "{kind:?}");
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let World { internet, .. } = only("cable");
    let names = Rc::new(Fixed(vec![("www.test".to_owned(), Internet::web_address(0).into())]));
    let options =
        ClientOptions { version: Version::HTTP_3, three: Three::Only, ..Default::default() };
    let tls = Some(Authority::named("Another").client());
    let client = Client::new(internet.client().clone(), names, tls, options);
    let got = internet.lab().run_until(ask(client, get("/a"))).unwrap();
    let (step, kind) = *got.unwrap_err();
    assert_eq!(step, Step::Tls);
    assert!(matches!(kind, FaultKind::BadCertificate { .. }), "{kind:?}");
}

/// A client that writes what it is told to.
struct Raw(Connection<LabHost>);

impl Raw {
    async fn new(world: &World) -> Self {
        let at = (Internet::web_address(0), 443).into();
        let (wire, tls) = (world.internet.client().clone(), Arc::clone(&world.raw));
        let quic = connect(&wire, at, "www.test", tls, Quic::default(), None).unwrap();
        quic.established().await.unwrap();
        Self(quic)
    }

    /// Writes to a stream of its own, and ends it if that is wanted.
    async fn write(
        &self,
        direction: Direction,
        bytes: &[u8],
        ends: bool,
    ) -> roundtrip_quic::StreamId {
        let stream = poll_fn(|context| self.0.poll_open(direction, context)).await.unwrap();
        let mut left = Bytes::copy_from_slice(bytes);
        while !left.is_empty() {
            poll_fn(|context| self.0.poll_write(stream, &mut left, context)).await.unwrap();
        }
        if ends {
            self.0.finish(stream);
        }
        stream
    }

    /// The code with which the server ends the connection.
    async fn ended(&self) -> u64 {
        match poll_fn(|context| self.0.poll_ended(context)).await {
            Ended::Closed { code, .. } => code,
            other => panic!("{other}"),
        }
    }
}

/// A control stream with SETTINGS that say nothing.
const CONTROL: [u8; 3] = [0x00, 0x04, 0x00];

#[test]
fn what_ends_the_connection_ends_it_with_the_code_of_the_rfc() {
    use Direction::{Both, One};
    type Streams = &'static [(Direction, &'static [u8], bool)];
    let cases: [(&str, Streams, u64); 15] = [
        ("no SETTINGS", &[(One, &[0x00, 0x07, 0x01, 0x00], false)], 0x10a),
        ("SETTINGS twice", &[(One, &[0x00, 0x04, 0x00, 0x04, 0x00], false)], 0x105),
        ("a setting of HTTP/2", &[(One, &[0x00, 0x04, 0x02, 0x03, 0x01], false)], 0x109),
        (
            "DATA on the control stream",
            &[(One, &[0x00, 0x04, 0x00, 0x00, 0x01, 0x00], false)],
            0x105,
        ),
        ("two control streams", &[(One, &CONTROL, false), (One, &CONTROL, false)], 0x103),
        ("the end of the control stream", &[(One, &CONTROL, true)], 0x104),
        ("a push of a client", &[(One, &[0x01, 0x00], false)], 0x103),
        ("DATA before the head", &[(Both, &[0x00, 0x01, b'x'], false)], 0x105),
        ("SETTINGS on a request", &[(Both, &[0x04, 0x00], false)], 0x105),
        ("a frame of HTTP/2", &[(Both, &[0x08, 0x00], false)], 0x105),
        ("an end within a frame", &[(Both, &[0x01, 0x05, 0x00], true)], 0x106),
        ("a head of more than its limit", &[(Both, &[0x01, 0x80, 0x0f, 0xff, 0xff], false)], 0x107),
        ("a section that is none", &[(Both, &[0x01, 0x03, 0x00, 0x00, 0xff], false)], 0x200),
        ("a table that is too large", &[(One, &[0x02, 0x3f, 0xe2, 0x1f], false)], 0x201),
        ("an acknowledgement of nothing", &[(One, &[0x03, 0x80], false)], 0x202),
    ];
    for (what, streams, code) in cases {
        let world = only("cable");
        let got = world.internet.lab().run_until({
            let world = &world;
            async move {
                let raw = Raw::new(world).await;
                for (direction, bytes, ends) in streams {
                    raw.write(*direction, bytes, *ends).await;
                }
                raw.ended().await
            }
        });
        assert_eq!(got.unwrap(), code, "{what}");
    }
}

#[test]
fn malformed_requests_end_their_streams_alone() {
    let world = only("cable");
    let got = world.internet.lab().run_until(async {
        let raw = Raw::new(&world).await;
        raw.write(Direction::One, &CONTROL, false).await;
        // `:method: GET` alone; an upper-case name; a request that ends before it begins.
        let mut codes = Vec::new();
        for request in [
            &[0x01, 0x03, 0x00, 0x00, 0xd1][..],
            &[0x01, 0x07, 0x00, 0x00, 0xd1, 0x21, b'X', 0x01, b'y'],
            &[],
        ] {
            let stream = raw.write(Direction::Both, request, true).await;
            let read = poll_fn(|context| raw.0.poll_read(stream, 100, context)).await;
            codes.push(match read {
                Err(ReadError::Reset(code)) => code,
                other => panic!("{other:?}"),
            });
        }
        // GET https://www.test/: the connection goes on.
        let request =
            [&[0x01, 0x0f, 0x00, 0x00, 0xd1, 0xd7, 0xc1, 0x50, 0x08][..], b"www.test"].concat();
        let mut request = request;
        request[1] = (request.len() - 2) as u8;
        let stream = raw.write(Direction::Both, &request, true).await;
        let read = poll_fn(|context| raw.0.poll_read(stream, 100, context)).await.unwrap();
        (codes, read.map(|bytes| bytes[0]))
    });
    assert_eq!(got.unwrap(), (vec![0x10e, 0x10e, 0x10d], Some(0x01)));
}
