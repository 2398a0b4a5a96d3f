//! A client of HTTP/2 and servers that send too much, keep it waiting, or ask for signs of life. All
//! sizes are harmless: what matters is that the client stops taking them, and says why.

mod common;

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use common::frames::{
    ACK, END_HEADERS, END_STREAM, Frame, HEADERS, PING, PREFACE, SETTINGS, WINDOW_UPDATE, block,
    continuation, data, headers, settings, window_update,
};
use common::{Site, get};
use http::Version;
use roundtrip_http::client::Options;
use roundtrip_http::message::Limits;
use roundtrip_record::FaultKind;
use roundtrip_wire::{Listener as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What the client has sent.
type Said = Rc<RefCell<Vec<Frame>>>;

/// What a server says when it is asked the first time on a connection.
type Says = Rc<dyn Fn() -> Vec<Frame>>;

/// A server in the clear that says this to each request, and waits until `answers` is content with what
/// the client said before it answers with `ok`.
fn serve(site: &Site, says: Says, answers: impl Fn(&[Frame]) -> bool + 'static) -> Said {
    let (wire, said, answers) = (site.host(0), Said::default(), Rc::new(answers));
    let mut listener = wire.listen((Site::address(0), 80).into()).unwrap();
    let (kept, starter) = (Rc::clone(&said), wire.clone());
    wire.spawn(async move {
        while let Ok(mut stream) = listener.accept().await {
            let (says, said, answers) = (Rc::clone(&says), Rc::clone(&kept), Rc::clone(&answers));
            starter
                .spawn(async move {
                    let mut bytes = vec![0; PREFACE.len()];
                    stream.read_exact(&mut bytes).await.unwrap();
                    bytes.clear();
                    let _ = stream.write_all(&settings(&[]).encode()).await;
                    let mut asked = None;
                    let mut piece = [0; 4096];
                    while let Ok(length @ 1..) = stream.read(&mut piece).await {
                        bytes.extend_from_slice(&piece[..length]);
                        let mut out = Vec::new();
                        while let Some(frame) = Frame::take(&mut bytes) {
                            if frame.kind == SETTINGS && frame.flags & ACK == 0 {
                                out.push(Frame::new(SETTINGS, ACK, 0, &[]));
                            }
                            if frame.kind == HEADERS {
                                asked = Some(frame.stream);
                                out.extend(says());
                            }
                            said.borrow_mut().push(frame);
                        }
                        if let Some(id) = asked.filter(|_| answers(&said.borrow())) {
                            asked = None;
                            // `:status: 200` of the static table.
                            out.push(headers(id, END_HEADERS, &[0x88]));
                            out.push(data(id, END_STREAM, b"ok"));
                        }
                        let out: Vec<u8> = out.iter().flat_map(Frame::encode).collect();
                        if stream.write_all(&out).await.is_err() {
                            return;
                        }
                    }
                })
                .detach();
        }
    })
    .detach();
    said
}

fn options() -> Options {
    Options { version: Version::HTTP_2, prior_knowledge: true, ..Options::default() }
}

async fn ask(
    client: &roundtrip_http::client::Client<common::desk::Desk>,
) -> Result<String, FaultKind> {
    let mut response = client.send(get("http://www0.test/")).await.map_err(|fault| fault.kind)?;
    let bytes = response.body.bytes(10_000_000).await.map_err(|fault| fault.kind)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a client comes to that asks a server which says this and never answers, and why its connection
/// ended.
fn against(says: impl Fn() -> Vec<Frame> + 'static) -> (FaultKind, Vec<String>, f64) {
    let site = Site::new();
    serve(&site, Rc::new(says), |_| false);
    let client = site.client(options(), None);
    let fault = site.run(async move { ask(&client).await }).unwrap_err();
    let took = site.client_wire.now().as_millis_f64();
    (fault, site.endings(), took)
}

fn rule(fault: &FaultKind) -> String {
    match fault {
        FaultKind::Malformed { rule, .. } => rule.to_string(),
        _ => String::new(),
    }
}

#[test]
fn floods_of_a_server_end_its_connection() {
    let ping = Frame::new(PING, 0, 0, &[0; 8]);
    let unknown = Frame::new(0xee, 0, 0, &[]);
    let priority = Frame::new(2, 0, 1, &[0, 0, 0, 0, 1]);
    for (name, frame, number, why) in [
        ("pings", ping, 1000, "too many control frames"),
        ("settings", settings(&[(3, 100)]), 1000, "too many control frames"),
        ("unknown frames", unknown, 1000, "too many control frames"),
        ("priorities", priority, 1000, "too many control frames"),
        ("windows", window_update(0, 1), 3000, "too many WINDOW_UPDATE frames"),
    ] {
        let (fault, endings, took) = against(move || vec![frame.clone(); number]);
        assert_eq!(rule(&fault), "RFC 9113 §10.5", "{name}: {fault:?}");
        assert!(format!("{fault:?}").contains(why), "{name}: {fault:?}");
        assert_eq!(endings, [format!("Client: {why}")], "{name}");
        assert!(took < 1000.0, "{name}: {took}");
    }
}

#[test]
fn fields_without_end_end_the_connection_of_a_server() {
    // Blocks that go on and on, with fields in them and without.
    let pieces = 2 * Limits::CLIENT.head / 16_000 + 2;
    let large = block(&[("x-own", &"x".repeat(15_900))]);
    for piece in [large, vec![0x90; 15_900], Vec::new()] {
        let number = if piece.is_empty() { 10_000 } else { pieces };
        let (fault, endings, took) = against(move || {
            let mut frames = vec![headers(1, 0, &[0x88])];
            frames.extend((0..number).map(|_| continuation(1, 0, &piece)));
            frames
        });
        assert!(rule(&fault).starts_with("RFC 9113"), "{fault:?}");
        assert!(endings.len() == 1 && endings[0].starts_with("Client: "), "{endings:?}");
        assert!(took < 1000.0, "{took}");
    }
    // A few octets that name a large field of the table again and again.
    let (fault, ..) = against(|| {
        let mut fields = vec![0x88, 0x40];
        fields.extend_from_slice(&block(&[("x-own", &"x".repeat(3000))])[1..]);
        fields.extend_from_slice(&[0x80 | 0x3e; 10_000]);
        vec![headers(1, END_HEADERS | END_STREAM, &fields)]
    });
    assert!(rule(&fault).starts_with("RFC 9113"), "{fault:?}");
}

#[test]
fn a_server_that_asks_for_signs_of_life_gets_them() {
    let site = Site::new();
    let says = || vec![Frame::new(PING, 0, 0, b"Are you?"), settings(&[(3, 50)])];
    // It answers only when all of this is acknowledged: its first settings, those, and the ping.
    let said = serve(&site, Rc::new(says), |said| {
        let acks =
            |kind| said.iter().filter(move |frame| frame.kind == kind && frame.flags & ACK != 0);
        acks(PING).any(|frame| frame.payload == b"Are you?") && acks(SETTINGS).count() == 2
    });
    let client = site.client(options(), None);
    assert_eq!(site.run(async move { ask(&client).await }), Ok("ok".into()));
    // The whole connection has a wider window from the beginning, as in browsers.
    let wider = |frame: &Frame| frame.kind == WINDOW_UPDATE && frame.stream == 0;
    assert!(said.borrow().iter().any(wider));
}

#[test]
fn a_connection_that_carries_nothing_is_ended_and_one_that_is_busy_is_not() {
    let site = Site::new();
    let said = serve(&site, Rc::new(Vec::new), |said| {
        // The second request is answered when the third frame of another kind has come.
        said.iter().filter(|frame| frame.kind == HEADERS).count() != 2
    });
    let idle = Duration::from_secs(5);
    let client = site.client(Options { idle, ..options() }, None);
    let (wire, again) = (site.client_wire.clone(), client.clone());
    let first = site.run(async move {
        let first = ask(&client).await;
        // Shortly before the end, another request begins all anew.
        wire.sleep(Duration::from_secs(4)).await;
        first
    });
    assert_eq!((first, site.endings().len()), (Ok("ok".into()), 0));
    // It waits for an answer for longer than the connection may carry nothing.
    let wire = site.client_wire.clone();
    let waiting = again.clone();
    let task = site.client_wire.spawn(async move { drop(ask(&waiting).await) });
    site.run(async move { wire.sleep(Duration::from_secs(20)).await });
    assert_eq!(site.endings(), Vec::<String>::new());
    drop(task);
    // Given up, it carries nothing again.
    site.client_wire.settle(Duration::from_secs(4));
    assert_eq!(site.endings(), Vec::<String>::new());
    site.client_wire.settle(Duration::from_secs(4));
    assert_eq!(site.endings(), ["Client: idle for too long"]);
    assert_eq!(site.run(async move { ask(&again).await }), Ok("ok".into()));
    assert_eq!(site.attempts(), 2);
    assert!(said.borrow().iter().any(|frame| frame.kind == 7), "the server is told");
}
