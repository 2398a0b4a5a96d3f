//! HTTP/2 at both ends: what it carries is recorded as HTTP/1 is, and the server keeps to priorities
//! and limits.

mod common;

use core::time::Duration;
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use common::authority::Authority;
use common::desk::Desk;
use common::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, HEADERS, PREFACE, RST_STREAM, Raw,
    SETTINGS, block, common as fields_of, goaway, request, settings, window_update,
};
use common::{Site, get};
use http::{Method, StatusCode, Version};
use roundtrip_http::Body;
use roundtrip_http::client::{Client, Expect, Options as ClientOptions, Request};
use roundtrip_http::message::Fields;
use roundtrip_http::server::{
    Handler, Options, Request as Asked, RequestBody, Response, Server, Trailers, Upgrade,
};
use roundtrip_http::url;
use roundtrip_record::{Event, What};
use roundtrip_wire::{LocalFuture, Wire};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const ENHANCE_YOUR_CALM: u32 = 11;
const PROTOCOL_ERROR: u32 = 1;
const SETTINGS_TIMEOUT: u32 = 4;

/// A site with an answer of every kind.
struct Answers(Desk);

impl Handler for Answers {
    fn handle<'a>(
        &'a self,
        request: &'a Asked,
        mut body: RequestBody,
    ) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            match request.path() {
                "/echo" => match body.bytes(1 << 20).await {
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
                "/moved" => Response::redirect(StatusCode::FOUND, "/a"),
                "/missing" => Response::error(StatusCode::NOT_FOUND, "There is no such thing."),
                "/nothing" => Response::new(StatusCode::NO_CONTENT),
                "/broken" => {
                    let wire = self.0.clone();
                    let pieces = futures_util::stream::unfold(0, move |number| {
                        let wire = wire.clone();
                        async move {
                            if number == 0 {
                                return Some((Ok(Bytes::from_static(b"half")), 1));
                            }
                            wire.sleep(Duration::from_millis(5)).await;
                            Some((Err(std::io::Error::other("the source is gone")), 2))
                        }
                    });
                    Response::ok("text/plain", Body::stream(Some(8), pieces))
                }
                "/big" => Response::ok("application/octet-stream", vec![7; 200_000]),
                "/tunnel" => {
                    let mut response = Response::new(StatusCode::SWITCHING_PROTOCOLS);
                    response.fields.add("Upgrade", "echo");
                    response.upgrade = Some(echo());
                    response
                }
                _ if request.head.line.method == Method::CONNECT => {
                    let mut response = Response::new(StatusCode::OK);
                    response.upgrade = Some(echo());
                    response
                }
                _ => Response::text("plain"),
            }
        })
    }
}

/// Goes on by sending back what comes.
fn echo() -> Upgrade {
    Upgrade::new(|mut stream| {
        Box::pin(async move {
            let mut piece = [0; 1000];
            while let Ok(length @ 1..) = stream.read(&mut piece).await {
                if stream.write_all(&piece[..length]).await.is_err() {
                    return;
                }
            }
            let _ = stream.shutdown().await;
        })
    })
}

/// Serves the site on port 80 in the clear, and on 443 with these protocols.
fn site(alpn: &[&str], options: Options) -> (Site, Authority, Server<Desk>) {
    let (site, authority) = (Site::new(), Authority::new());
    let wire = site.host(0);
    let server = Server::new(wire.clone(), Rc::new(Answers(wire.clone())), options.clone());
    let (serving, listener) = (server.clone(), wire.listen((Site::address(0), 80).into()).unwrap());
    wire.spawn(async move { serving.serve(listener, core::future::pending()).await }).detach();
    let config = authority.server("www0.test", 2030, alpn);
    let secure =
        Server::new(wire.clone(), Rc::new(Answers(wire.clone())), options).with_tls(config);
    let listener = wire.listen((Site::address(0), 443).into()).unwrap();
    wire.spawn(async move { secure.serve(listener, core::future::pending()).await }).detach();
    (site, authority, server)
}

/// A body, its trailers and the number of interim responses before it, or what went wrong.
type Answered = Result<(Bytes, Fields, usize), String>;

async fn fetch(client: &Client<Desk>, request: Request) -> Answered {
    let failed = |failure: roundtrip_http::client::Failure| format!("{failure}");
    let mut response = client.send(request).await.map_err(failed)?;
    let bytes = response.body.bytes(10_000_000).await.map_err(failed)?;
    Ok((bytes, response.body.trailers().clone(), response.interim.len()))
}

fn requests() -> Vec<Request> {
    let url = |path: &str| url::parse(&format!("https://www0.test{path}")).unwrap();
    let mut requests: Vec<Request> =
        ["/a", "/hints", "/trailers", "/moved", "/missing", "/nothing", "/big"]
            .iter()
            .map(|path| Request::get(url(path)))
            .collect();
    let mut post = Request::post(url("/echo"), "a body that is kept");
    post.fields.add("Content-Type", "text/plain").add("X-Own", "1");
    requests.push(post);
    let mut held = Request::post(url("/echo"), "a body that waits");
    held.expect = Expect::Continue;
    requests.push(held);
    requests.push(Request::new(Method::HEAD, url("/a")));
    requests
}

/// What was recorded of exchanges, without what belongs to a version or a connection.
fn reported(events: Vec<Event>) -> Vec<Value> {
    const OF_VERSION: [&str; 19] = [
        "id",
        "at",
        "cause",
        "host",
        "connection",
        "stream",
        "began",
        "first_byte",
        "head_bytes",
        "version",
        "reason",
        "reused",
        "lookup",
        "first_segment",
        "passed",
        "arrived",
        "framed",
        "framing",
        "exchange",
    ];
    let of_exchange = |event: &Event| {
        let kind = event.what.kind();
        kind.starts_with("http.") && kind != "http.connection"
    };
    let mut all = Vec::new();
    for event in events.into_iter().filter(of_exchange) {
        let mut value = serde_json::to_value(&event).unwrap();
        strip(&mut value, &OF_VERSION);
        all.push(value);
    }
    all
}

fn strip(value: &mut Value, keys: &[&str]) {
    const OF_CONNECTION: [&str; 5] =
        ["host", ":authority", "connection", "transfer-encoding", "date"];
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !keys.contains(&key.as_str()));
            for name in ["fields", "trailers"] {
                if let Some(Value::Array(fields)) = map.get_mut(name) {
                    for field in &mut *fields {
                        field[0] = field[0].as_str().unwrap().to_ascii_lowercase().into();
                    }
                    fields.retain(|field| !OF_CONNECTION.contains(&field[0].as_str().unwrap()));
                    fields.sort_by_key(ToString::to_string);
                }
            }
            map.values_mut().for_each(|value| strip(value, keys));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| strip(value, keys)),
        _ => {}
    }
}

/// Fetches everything one after the other, and gives the answers and what both ends recorded.
fn recorded(alpn: &[&str]) -> (Vec<Answered>, Vec<Value>, Site) {
    let (site, authority, _) = site(alpn, Options::default());
    let client = site.client(ClientOptions::default(), Some(authority.client()));
    let answers = site.run(async move {
        let mut answers = Vec::new();
        for request in requests() {
            answers.push(fetch(&client, request).await);
        }
        answers
    });
    site.client_wire.settle(Duration::from_millis(10));
    let log = site.client_wire.log();
    let (client, server): (Vec<Event>, Vec<Event>) =
        site_events(&site).into_iter().partition(|event| event.host == log.host_id());
    let mut all = reported(client);
    all.extend(reported(server));
    (answers, all, site)
}

fn site_events(site: &Site) -> Vec<Event> {
    site.log.events()
}

#[test]
fn the_same_site_over_both_versions_is_the_same_in_the_record() {
    let (one_answers, one, _) = recorded(&["http/1.1"]);
    let (two_answers, two, site) = recorded(&["h2", "http/1.1"]);
    let lower = |answers: &[Answered]| -> Vec<_> {
        let trailer = |fields: &Fields| fields.text("X-Digest").map(str::to_owned);
        answers
            .iter()
            .map(|answer| {
                answer
                    .as_ref()
                    .map(|(bytes, fields, interim)| (bytes.clone(), trailer(fields), *interim))
            })
            .map(Result::unwrap)
            .collect()
    };
    assert_eq!(lower(&one_answers), lower(&two_answers));
    let answers = lower(&two_answers);
    assert_eq!((answers[1].0.as_ref(), answers[1].2), (&b"after hints"[..], 1));
    assert_eq!((answers[2].0.as_ref(), answers[2].1.as_deref()), (&b"one two"[..], Some("abc")));
    assert_eq!((answers[7].0.as_ref(), answers[8].2), (&b"a body that is kept"[..], 1));
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one, two);
    }
    assert_eq!(one.len(), two.len());
    // Nothing that HTTP/2 has is left out for it.
    let mut streams = Vec::new();
    for event in site.client_events() {
        match event.what {
            What::RequestSent(sent) => {
                assert_eq!(sent.version.as_str(), "HTTP/2");
                assert!(sent.head_bytes > 0, "{sent:?}");
                assert!(sent.fields.iter().any(|field| field.0 == ":authority"));
                streams.push(sent.stream.unwrap());
            }
            What::ResponseHead(head) => assert!(head.head_bytes > 0, "{head:?}"),
            What::ResponseEnded(ended) if ended.body.encoded > 0 => {
                assert!(ended.body.framed.unwrap() > ended.body.encoded, "{ended:?}");
            }
            _ => {}
        }
    }
    // Ten requests on one connection; what follows a redirect is its caller's.
    assert_eq!(streams, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    assert_eq!(site.attempts(), 1);
}

/// A response that breaks off is told by both ends, and in the same words, although a connection of
/// HTTP/1 ends with it, and of HTTP/2 its stream alone.
#[test]
fn a_body_that_breaks_off_is_the_same_in_the_record() {
    let [one, two] = [&["http/1.1"][..], &["h2"]].map(|alpn| {
        let (site, authority, _) = site(alpn, Options::default());
        let client = site.client(ClientOptions::default(), Some(authority.client()));
        let answer = site.run(async move { fetch(&client, get("https://www0.test/broken")).await });
        assert!(answer.is_err(), "{alpn:?} {answer:?}");
        site.client_wire.settle(Duration::from_millis(10));
        let events = site_events(&site);
        let ended: Vec<(Option<u16>, bool)> = events
            .iter()
            .filter_map(|event| match &event.what {
                What::ExchangeEnded(ended) => Some((ended.status, ended.complete)),
                _ => None,
            })
            .collect();
        // One of the client, one of the server.
        assert_eq!(ended, [(Some(200), false); 2], "{alpn:?}");
        let of_server = site.client_wire.log().host_id();
        let (client, server): (Vec<Event>, Vec<Event>) =
            events.into_iter().partition(|event| event.host == of_server);
        [reported(client), reported(server)].concat()
    });
    assert_eq!(one, two);
}

/// Talks frames with a server that behaves so.
fn talk<T: 'static, F>(options: Options, talk: impl FnOnce(Raw) -> F) -> T
where
    F: Future<Output = T> + 'static,
{
    let (site, ..) = site(&[], options);
    let wire = site.client_wire.clone();
    let raw = site.run(async move { Raw::open(wire).await });
    site.run(talk(raw))
}

#[test]
fn a_client_that_knows_beforehand_speaks_http_2_in_the_clear() {
    let frames = talk(Options::default(), |mut raw| async move {
        raw.send(&[request(1, "/a", &[])]).await;
        raw.until_end_of(1).await
    });
    let data: Vec<u8> = frames
        .iter()
        .filter(|frame| frame.kind == DATA)
        .flat_map(|frame| frame.payload.clone())
        .collect();
    assert_eq!(data, b"plain");
    // Whatever the pieces in which its first words come; and HTTP/1 is understood as before.
    let (site, ..) = site(&[], Options::default());
    let wire = site.client_wire.clone();
    let frames = site.run(async move {
        let mut raw = Raw::connect(wire.clone()).await;
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
            raw.write(&[*byte]).await;
            wire.sleep(Duration::from_millis(1)).await;
        }
        raw.send(&[Frame::new(SETTINGS, 0, 0, &[]), request(1, "/a", &[])]).await;
        raw.until_end_of(1).await
    });
    assert_eq!(frames.last().map(|frame| frame.payload.as_slice()), Some(&b"plain"[..]));
    let answer = site.talk(
        0,
        b"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab",
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ab"), "{answer}");
    let answer = site.talk(0, b"PRIO /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = site.talk(0, b"PRI * HTTP/2.0\r\n\r\nno");
    assert!(answer.starts_with("HTTP/1.1 505"), "{answer}");
}

/// Opens both windows as far as they go.
fn open_windows() -> Vec<Frame> {
    let size = 0x7fff_ffff_u32.to_be_bytes();
    let setting = [&[0, 4][..], &size].concat();
    let more = (0x7fff_ffff_u32 - 65_535).to_be_bytes();
    vec![Frame::new(SETTINGS, 0, 0, &setting), Frame::new(8, 0, 0, &more)]
}

/// The streams of DATA frames, in order, with bytes for each run.
fn runs(frames: &[Frame]) -> Vec<(u32, usize)> {
    let mut runs: Vec<(u32, usize)> = Vec::new();
    for frame in frames.iter().filter(|frame| frame.kind == DATA) {
        match runs.last_mut() {
            Some((stream, bytes)) if *stream == frame.stream => *bytes += frame.payload.len(),
            _ => runs.push((frame.stream, frame.payload.len())),
        }
    }
    runs
}

/// Asks for three large bodies at once, and says in which order they came.
fn order(priorities: [&'static str; 3], more: Vec<Frame>) -> Vec<(u32, usize)> {
    let frames = talk(Options::default(), move |mut raw| async move {
        raw.send(&open_windows()).await;
        let asked = priorities.iter().zip([1, 3, 5]);
        let mut asked: Vec<Frame> =
            asked.map(|(priority, id)| request(id, "/big", &[("priority", priority)])).collect();
        asked.extend(more);
        raw.send(&asked).await;
        let (mut frames, mut ended) = (Vec::new(), 0);
        while ended < 3 {
            let frame = raw.next().await.unwrap();
            ended += u32::from(frame.kind == DATA && frame.flags & END_STREAM != 0);
            frames.push(frame);
        }
        frames
    });
    runs(&frames)
}

#[test]
fn the_urgent_goes_first() {
    // All three are asked for in one write, so nothing has been sent when the last is read.
    assert_eq!(order(["u=5", "u=3", "u=0"], vec![]), [(5, 200_000), (3, 200_000), (1, 200_000)]);
    // What is not of use in parts goes in the order in which it was asked for.
    assert_eq!(order(["u=2", "", "u=2"], vec![]), [(1, 200_000), (5, 200_000), (3, 200_000)]);
    // What is of use in parts takes turns, frame by frame.
    let runs = order(["i", "u=1", "i"], vec![]);
    assert_eq!(runs[0], (3, 200_000));
    assert!(runs[1..].iter().all(|(_, bytes)| *bytes <= 16 * 1024), "{runs:?}");
    assert!(runs.len() > 20, "{runs:?}");
}

#[test]
fn a_frame_of_its_own_changes_a_priority() {
    let update = |stream: u32, value: &str| {
        let payload = [&stream.to_be_bytes()[..], value.as_bytes()].concat();
        Frame::new(16, 0, 0, &payload)
    };
    let runs = order(["u=5", "u=3", "u=4"], vec![update(1, "u=0"), update(3, "u=7")]);
    assert_eq!(runs, [(1, 200_000), (5, 200_000), (3, 200_000)]);
    // RFC 7540's priorities are borne and mean nothing.
    let old = Frame::new(2, 0, 5, &[0, 0, 0, 0, 255]);
    assert_eq!(order(["", "", ""], vec![old]).first(), Some(&(1, 200_000)));
    // One that is not of the connection is an error of it (RFC 9218 §7.1).
    let frames = talk(Options::default(), |mut raw| async move {
        raw.send(&[Frame::new(16, 0, 1, &[0, 0, 0, 1])]).await;
        raw.rest().await
    });
    assert_eq!(goaway(&frames), Some(PROTOCOL_ERROR));
}

/// Priorities of streams that are over are not kept: those of later ones count all the same.
#[test]
fn priorities_that_come_too_late_are_in_nobodys_way() {
    let update = |stream: u32, value: &str| {
        let payload = [&stream.to_be_bytes()[..], value.as_bytes()].concat();
        Frame::new(16, 0, 0, &payload)
    };
    let frames = talk(Options::default(), move |mut raw| async move {
        raw.send(&open_windows()).await;
        for number in 0..150 {
            let id = 2 * number + 1;
            raw.send(&[request(id, "/a", &[])]).await;
            raw.until_end_of(id).await;
            raw.send(&[update(id, "u=7")]).await;
        }
        let last = [request(301, "/big", &[]), request(303, "/big", &[]), update(303, "u=0")];
        raw.send(&last).await;
        let mut frames = raw.until_end_of(303).await;
        frames.extend(raw.until_end_of(301).await);
        frames
    });
    assert_eq!(runs(&frames), [(303, 200_000), (301, 200_000)]);
}

/// A priority that changes while the response is on its way changes what comes next (RFC 9218 §7).
#[test]
fn a_response_that_becomes_urgent_overtakes_one_that_has_begun() {
    let frames = talk(Options::default(), |mut raw| async move {
        // Streams may have all, and the connection 65,535 octets at first.
        let [streams, _] = <[Frame; 2]>::try_from(open_windows()).unwrap();
        raw.send(&[streams, request(1, "/big", &[]), request(3, "/big", &[])]).await;
        let (mut frames, mut came) = (Vec::new(), 0);
        while came < 65_535 {
            let frame = raw.next().await.unwrap();
            came += if frame.kind == DATA { frame.payload.len() } else { 0 };
            frames.push(frame);
        }
        let update = [&3_u32.to_be_bytes()[..], b"u=0"].concat();
        raw.send(&[Frame::new(16, 0, 0, &update), window_update(0, 1_000_000)]).await;
        frames.extend(raw.until_end_of(3).await);
        frames.extend(raw.until_end_of(1).await);
        frames
    });
    assert_eq!(runs(&frames), [(1, 65_535), (3, 200_000), (1, 134_465)]);
}

#[test]
fn a_client_that_never_acknowledges_the_settings_is_told_so() {
    let options = Options { head_timeout: Duration::from_secs(5), ..Options::default() };
    let (site, ..) = site(&[], options);
    let wire = site.client_wire.clone();
    let frames = site.run(async move {
        let mut raw = Raw::connect(wire).await;
        raw.write(PREFACE).await;
        raw.send(&[settings(&[]), request(1, "/a", &[])]).await;
        raw.rest().await
    });
    assert_eq!(runs(&frames), [(1, 5)]);
    assert_eq!(goaway(&frames), Some(SETTINGS_TIMEOUT));
    assert!((5000.0..8000.0).contains(&site.client_wire.now().as_millis_f64()));
}

#[test]
fn a_client_that_takes_nothing_of_one_body_gets_the_others() {
    let frames = talk(Options::default(), |mut raw| async move {
        // A window of 1000 bytes for each stream; the first is urgent and stands still.
        let setting = [&[0, 4][..], &1000_u32.to_be_bytes()].concat();
        raw.send(&[
            Frame::new(SETTINGS, 0, 0, &setting),
            request(1, "/big", &[("priority", "u=0")]),
            request(3, "/a", &[]),
        ])
        .await;
        raw.until_end_of(3).await
    });
    assert_eq!(runs(&frames), [(1, 1000), (3, 5)]);
}

#[test]
fn floods_are_told_to_calm_down() {
    let ping = Frame::new(6, 0, 0, &[0; 8]);
    let settings = Frame::new(SETTINGS, 0, 0, &[]);
    let update = Frame::new(16, 0, 0, &[0, 0, 0, 1, b'u', b'=', b'1']);
    let window = Frame::new(8, 0, 0, &[0, 0, 0, 1]);
    let priority = Frame::new(2, 0, 1, &[0, 0, 0, 0, 1]);
    for (name, frame, number) in [
        ("ping", ping, 1000),
        ("settings", settings, 1000),
        ("priority update", update, 1000),
        ("priority", priority, 1000),
        ("window update", window, 2000),
    ] {
        let frames = talk(Options::default(), move |mut raw| async move {
            raw.send(&vec![frame; number]).await;
            raw.rest().await
        });
        assert_eq!(goaway(&frames), Some(ENHANCE_YOUR_CALM), "{name}");
    }
}

#[test]
fn streams_that_are_reset_as_fast_as_they_are_opened_are_a_flood() {
    let frames = talk(Options::default(), |mut raw| async move {
        for number in 0..500 {
            let stream = 2 * number + 1;
            let reset = Frame::new(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
            raw.send(&[request(stream, "/hints", &[]), reset]).await;
        }
        raw.rest().await
    });
    assert_eq!(goaway(&frames), Some(ENHANCE_YOUR_CALM));
}

#[test]
fn fields_without_end_are_a_flood() {
    let frames = talk(Options::default(), |mut raw| async move {
        raw.send(&[Frame::new(HEADERS, END_STREAM, 1, &block(&fields_of("GET", "/a")))]).await;
        for _ in 0..100 {
            raw.send(&[Frame::new(CONTINUATION, 0, 1, &block(&[("x-own", "1")]))]).await;
        }
        raw.rest().await
    });
    assert_eq!(goaway(&frames), Some(ENHANCE_YOUR_CALM));
    // Decoded, a few bytes that name a large field of the table again and again are a bomb.
    let frames = talk(Options::default(), |mut raw| async move {
        let large = "x".repeat(3000);
        let mut fields = block(&fields_of("GET", "/a"));
        // A literal that is kept (RFC 7541 §6.2.1), and then its index, 62, many times.
        let literal = block(&[("x-own", large.as_str())]);
        fields.push(0x40);
        fields.extend_from_slice(&literal[1..]);
        fields.extend_from_slice(&[0x80 | 0x3e; 10_000]);
        raw.send(&[Frame::new(HEADERS, END_STREAM | END_HEADERS, 1, &fields)]).await;
        raw.until_end_of(1).await
    });
    // `h2` answers with 431, or ends the connection, and holds no more than the limit.
    let status = frames.iter().find(|frame| frame.kind == HEADERS);
    assert!(status.is_some() || goaway(&frames).is_some(), "{frames:?}");
}

#[test]
fn times_hold_as_for_http_1() {
    let options = Options {
        head_timeout: Duration::from_secs(5),
        keep_alive: Duration::from_secs(7),
        body_timeout: Duration::from_secs(3),
        write_timeout: Duration::from_secs(9),
        ..Options::default()
    };
    let timed = |send: fn() -> Vec<Frame>| {
        let (site, ..) = site(&[], options.clone());
        let wire = site.client_wire.clone();
        site.run(async move {
            let mut raw = Raw::open(wire.clone()).await;
            raw.send(&send()).await;
            let frames = raw.rest().await;
            (wire.now().as_millis_f64() / 1000.0, frames, raw.is_closed())
        })
    };
    // A connection without a request, one after its request, and one in the middle of a head.
    let (idle, frames, closed) = timed(Vec::new);
    assert!((5.0..8.0).contains(&idle) && closed && goaway(&frames) == Some(0), "{idle}");
    let (kept, frames, closed) = timed(|| vec![request(1, "/a", &[])]);
    assert!((7.0..10.0).contains(&kept) && closed && goaway(&frames) == Some(0), "{kept}");
    let (head, _, closed) = timed(|| vec![Frame::new(HEADERS, END_STREAM, 1, &[0x82])]);
    assert!((5.0..8.0).contains(&head) && closed, "{head}");
    // A client that opens no window for a body.
    let (write, _, closed) = timed(|| {
        let setting = [&[0, 4][..], &0_u32.to_be_bytes()].concat();
        vec![Frame::new(SETTINGS, 0, 0, &setting), request(1, "/a", &[])]
    });
    assert!((9.0..12.0).contains(&write) && closed, "{write}");
    // A request whose body does not come.
    let (_, frames, _) =
        timed(|| vec![Frame::new(HEADERS, END_HEADERS, 1, &block(&fields_of("POST", "/echo")))]);
    let answered = frames.iter().any(|frame| frame.kind == HEADERS && frame.stream == 1);
    assert!(answered, "{frames:?}");
}

#[test]
fn a_server_that_is_told_to_stop_answers_what_it_has() {
    let (site, ..) = site(&[], Options::default());
    let wire = site.host(0);
    let server = Server::new(wire.clone(), Rc::new(Answers(wire.clone())), Options::default());
    let listener = wire.listen((Site::address(0), 8080).into()).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = wire.spawn(async move {
        server.serve(listener, async move { drop(stopped.await) }).await;
    });
    let client = site.client_wire.clone();
    let (answer, took) = site.run(async move {
        let stream = client.connect((Site::address(0), 8080).into(), None, None).await.unwrap();
        let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
        client.spawn(async move { drop(connection.await) }).detach();
        let uri = "http://www0.test:8080/hints";
        let request = http::Request::get(uri).body(()).unwrap();
        let (answer, _) = send.send_request(request, true).unwrap();
        client.sleep(Duration::from_millis(10)).await;
        stop.send(()).unwrap();
        let answer = answer.await.unwrap();
        let began = client.now();
        serving.await;
        (answer.status(), client.now().since(began))
    });
    assert_eq!(answer, 200);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_connection_carries_only_so_many_requests() {
    let options = Options { max_requests: 4, ..Options::default() };
    let (site, authority, _) = site(&["h2"], options);
    let client = site.client(ClientOptions::default(), Some(authority.client()));
    let versions = site.run(async move {
        let mut versions = Vec::new();
        for _ in 0..10 {
            let mut response = client.send(get("https://www0.test/a")).await.unwrap();
            assert_eq!(response.body.bytes(10).await.unwrap(), "plain");
            versions.push(response.version);
        }
        versions
    });
    assert_eq!(versions, [Version::HTTP_2; 10]);
    assert_eq!(site.attempts(), 3);
}

/// 26 requests at one time, as of a page with 25 pictures, of a server that ends a connection after
/// ten: what was under way when it said so is answered all the same, and the next one goes elsewhere.
#[test]
fn all_is_answered_by_a_server_that_ends_connections_early() {
    let (site, authority, _) = site(&["h2"], Options { max_requests: 10, ..Options::default() });
    let client = site.client(ClientOptions::default(), Some(authority.client()));
    let again = client.clone();
    let answers = site.run(async move {
        let all = (0..26).map(|_| fetch(&client, get("https://www0.test/a")));
        futures_util::future::join_all(all).await
    });
    assert_eq!(answers.len(), 26);
    for answer in answers {
        assert_eq!(answer.unwrap().0, "plain");
    }
    assert_eq!(site.attempts(), 1);
    let answer = site.run(async move { fetch(&again, get("https://www0.test/a")).await });
    assert_eq!((answer.unwrap().0.as_ref(), site.attempts()), (&b"plain"[..], 2));
    assert!(site_events(&site).iter().all(|event| event.what.kind() != "fault"));
}

#[test]
fn a_stream_and_a_connection_go_on_as_something_else() {
    // CONNECT by a stream: bytes go both ways, and the end of one side ends the other.
    let frames = talk(Options::default(), |mut raw| async move {
        let fields = block(&[(":method", "CONNECT"), (":authority", "other.test:7")]);
        raw.send(&[
            Frame::new(HEADERS, END_HEADERS, 1, &fields),
            Frame::new(DATA, 0, 1, b"to and "),
            Frame::new(DATA, END_STREAM, 1, b"fro"),
        ])
        .await;
        raw.until_end_of(1).await
    });
    let data: Vec<u8> = frames
        .iter()
        .filter(|frame| frame.kind == DATA)
        .flat_map(|frame| frame.payload.clone())
        .collect();
    assert_eq!(data, b"to and fro");
    // The same by a connection of HTTP/1.1, and after 101.
    let (site, ..) = site(&[], Options::default());
    for head in [
        "CONNECT other.test:7 HTTP/1.1\r\nHost: other.test:7\r\n\r\n",
        "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
    ] {
        let wire = site.client_wire.clone();
        let answer = site.run(async move {
            let mut stream = wire.connect((Site::address(0), 80).into(), None, None).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(b"to and fro").await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        });
        assert!(answer.ends_with("\r\n\r\nto and fro"), "{answer}");
        assert!(!answer.contains("Content-Length"), "{answer}");
    }
}

#[test]
fn settings_are_acknowledged_and_the_count_of_streams_is_told() {
    let (site, ..) = site(&[], Options { max_streams: 7, ..Options::default() });
    let wire = site.client_wire.clone();
    let settings = site.run(async move {
        let mut raw = Raw::connect(wire).await;
        raw.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        raw.send(&[Frame::new(SETTINGS, 0, 0, &[])]).await;
        loop {
            let frame = raw.next().await.unwrap();
            if frame.kind == SETTINGS && frame.flags & ACK == 0 {
                return frame.payload;
            }
        }
    });
    let settings: BTreeMap<u16, u32> = settings
        .chunks(6)
        .map(|setting| {
            let (id, value) = setting.split_at(2);
            let id = u16::from_be_bytes(id.try_into().unwrap());
            (id, u32::from_be_bytes(value.try_into().unwrap()))
        })
        .collect();
    assert_eq!(settings.get(&3), Some(&7));
    assert_eq!(settings.get(&6), Some(&(32 * 1024)));
}
