//! The trial of HTTP/3 at both ends: strangers whose streams hold anything.

use core::future::poll_fn;
use core::time::Duration;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use futures_util::future::{Either, select};
use roundtrip_http::client::{Client, Fixed, Options as ClientOptions, Request, Three};
use roundtrip_http::server::{Handler, Options, Request as Asked, RequestBody, Response, Server};
use roundtrip_http::url;
use roundtrip_lab::{Internet, LabHost, Seed, Settings};
use roundtrip_quic::{Connection, Direction, Listener, Settings as Quic, StreamId, connect};
use roundtrip_record::{Log, Role};
use roundtrip_wire::{LocalFuture, Wire as _};

use crate::chance::Chance;

#[allow(dead_code, reason = "tests of other crates use the rest")]
#[path = "../../http/tests/common/authority.rs"]
mod authority;
use authority::Authority;

/// What a stranger does before it goes.
const STEPS: usize = 64;
/// How long an end waits for one that says nothing more: well above QUIC's idle timeout.
const PATIENCE: Duration = Duration::from_mins(5);

/// What streams of HTTP/3 are made of, whole and in parts, for strangers to put in any order.
const PIECES: [&[u8]; 27] = [
    // Streams of one direction: control, push, encoder, decoder, a reserved one.
    &[0x00],
    &[0x01],
    &[0x02],
    &[0x03],
    &[0x21],
    // SETTINGS: none, a table of 4,096 bytes with 16 blocked streams, one that HTTP/2 had.
    &[0x04, 0x00],
    &[0x04, 0x05, 0x01, 0x50, 0x00, 0x07, 0x10],
    &[0x04, 0x02, 0x02, 0x01],
    // HEADERS: GET https://www.test/, then `:status: 200`, then a reference to what is not there.
    &[
        0x01, 0x0e, 0x00, 0x00, 0xd1, 0xd7, 0xc1, 0x50, 0x08, b'w', b'w', b'w', b'.', b't', b'e',
        b's', b't',
    ],
    &[0x01, 0x03, 0x00, 0x00, 0xd9],
    &[0x01, 0x03, 0x02, 0x00, 0x80],
    &[0x01, 0x06, 0x02, 0x80, 0x10, 0x05, b'a', b'b'],
    // DATA of four bytes, and of more than comes.
    &[0x00, 0x04, b'd', b'a', b't', b'a'],
    &[0x00, 0xbf, 0xff, 0xff, 0xff],
    // GOAWAY, CANCEL_PUSH, MAX_PUSH_ID, PRIORITY_UPDATE, PUSH_PROMISE, a reserved frame.
    &[0x07, 0x01, 0x00],
    &[0x07, 0x01, 0x03],
    &[0x03, 0x01, 0x00],
    &[0x0d, 0x01, 0x08],
    &[0x80, 0x0f, 0x07, 0x00, 0x04, 0x00, b'u', b'=', b'0'],
    &[0x05, 0x03, 0x00, 0x00, 0x00],
    &[0x21, 0x02, b'x', b'y'],
    // The encoder's: a capacity, a name by reference, a literal name, a duplicate.
    &[0x3f, 0xe1, 0x1f],
    &[0xc1, 0x03, b'/', b'x', b'y'],
    &[0x42, b'a', b'b', 0x01, b'c'],
    &[0x00],
    // The decoder's: a section's acknowledgement, a stream given up, an increment.
    &[0x80, 0x41],
    &[0x01],
];

/// Has a server of ours meet a stranger, then a client of ours: each does what the bytes say.
///
/// # Panics
/// If either end panics or waits for ever, or if the server has no answer for somebody else afterwards.
pub fn three(bytes: &[u8]) {
    strange_client(&mut Chance::from_bytes(bytes));
    strange_server(&mut Chance::from_bytes(bytes));
}

/// Who vouches for the servers, and what they are configured with: keys take their time.
static TRUST: LazyLock<(Authority, Arc<rustls::ServerConfig>)> = LazyLock::new(|| {
    let authority = Authority::new();
    let server = authority.server("www.test", 2030, &["h3"]);
    (authority, server)
});

/// Answers every request with what was sent.
struct Echo;

impl Handler for Echo {
    fn handle<'a>(&'a self, _: &'a Asked, mut body: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            match body.bytes(1 << 16).await {
                Ok(bytes) => Response::ok("text/plain", bytes),
                Err(error) => Response::error(error.status(), &error.to_string()),
            }
        })
    }
}

struct World {
    internet: Internet,
    server: LabHost,
}

impl World {
    fn new() -> Self {
        // The record reads each packet on its own: that is tried, too.
        let settings =
            Settings::new("lan".parse().expect("a network"), Seed::new(1), Log::memory());
        let mut internet = Internet::new(settings);
        let server = internet.add_server("www", Role::WebServer, Internet::web_address(0).into());
        Self { internet, server }
    }

    fn at() -> std::net::SocketAddr {
        (Internet::web_address(0), 443).into()
    }

    fn listener(&self) -> Listener<LabHost> {
        let tls = Arc::clone(&TRUST.1);
        Listener::bind(&self.server, Self::at(), tls, Quic::default(), 100).expect("a free port")
    }

    /// Whether a request of a client of ours is answered; `None` where it never ends.
    fn ask(&self) -> Option<bool> {
        let address = Internet::web_address(0).into();
        let names = Rc::new(Fixed(vec![("www.test".to_owned(), address)]));
        let options = ClientOptions {
            version: http::Version::HTTP_3,
            three: Three::Only,
            ..ClientOptions::default()
        };
        let host = self.internet.client().clone();
        let client = Client::new(host.clone(), names, Some(TRUST.0.client()), options);
        let asked = Box::pin(async move {
            let url = url::parse("https://www.test/").expect("a URL");
            let Ok(mut response) = client.send(Request::get(url)).await else { return false };
            response.body.bytes(1 << 20).await.is_ok()
        });
        let patience = Box::pin(async move { host.sleep(PATIENCE).await });
        match self.internet.lab().run_until(select(asked, patience)) {
            Ok(Either::Left((answered, _))) => Some(answered),
            Ok(Either::Right(_)) | Err(_) => None,
        }
    }
}

fn strange_client(chance: &mut Chance<'_>) {
    let world = World::new();
    let server = Server::new(world.server.clone(), Rc::new(Echo), Options::default());
    let listener = world.listener();
    let serving = async move { server.serve_three(listener, core::future::pending()).await };
    world.server.spawn(serving).detach();
    let host = world.internet.client().clone();
    let tls = TRUST.0.client_config(&["h3"]);
    let met = world.internet.lab().run_until(async {
        let quic = connect(&host, World::at(), "www.test", tls, Quic::default(), None);
        let stranger = Stranger { host: host.clone(), quic: quic.expect("a socket") };
        stranger.quic.established().await.expect("a handshake");
        stranger.act(chance).await;
    });
    met.expect("a stranger that comes to its end");
    assert_eq!(world.ask(), Some(true), "the server has no answer for anybody else");
}

fn strange_server(chance: &mut Chance<'_>) {
    let world = World::new();
    let (host, listener) = (world.server.clone(), world.listener());
    let bytes: Vec<u8> = chance.bytes(usize::from(u16::MAX));
    let acting = async move {
        let stranger = Stranger { host, quic: listener.accept().await };
        stranger.act(&mut Chance::from_bytes(&bytes)).await;
    };
    world.server.spawn(acting).detach();
    assert!(world.ask().is_some(), "the client waits for ever");
}

/// An end that writes whatever it is told to, on streams of either kind.
struct Stranger {
    host: LabHost,
    quic: Connection<LabHost>,
}

impl Stranger {
    async fn act(&self, chance: &mut Chance<'_>) {
        let mut streams: Vec<(StreamId, Direction)> = Vec::new();
        for _ in 0..STEPS {
            if chance.is_over() || self.quic.ended().is_some() {
                break;
            }
            let stream = match streams.len() {
                0 => None,
                some => Some(streams[chance.below(some as u32) as usize]),
            };
            match (chance.below(12), stream) {
                (0 | 1, _) | (_, None) => streams.extend(self.open(chance).await),
                (2, Some((stream, _))) => self.quic.finish(stream),
                (3, Some((stream, _))) => self.quic.reset(stream, u64::from(chance.word())),
                (4, Some((stream, Direction::Both))) => {
                    self.quic.stop(stream, u64::from(chance.word()));
                }
                (5, _) => self.host.sleep(Duration::from_millis(chance.below(100).into())).await,
                (6, Some((stream, _))) => {
                    let length = chance.below(300) as usize;
                    self.write(stream, chance.bytes(length)).await;
                }
                (_, Some((stream, _))) => self.write(stream, chance.pick(&PIECES).to_vec()).await,
            }
        }
        // What was written has come before it goes.
        self.host.sleep(Duration::from_millis(500)).await;
        self.quic.close(u64::from(chance.word()), "");
    }

    /// Another stream: one of its own, or one that the other end has opened.
    async fn open(&self, chance: &mut Chance<'_>) -> Option<(StreamId, Direction)> {
        let direction = if chance.below(2) == 0 { Direction::Both } else { Direction::One };
        let (own, quic) = (chance.below(3) > 0, &self.quic);
        let direction = if own { direction } else { Direction::Both };
        let wanted = poll_fn(move |context| {
            if own {
                quic.poll_open(direction, context)
            } else {
                quic.poll_accept(direction, context)
            }
        });
        let patience = Box::pin(self.host.sleep(Duration::from_millis(200)));
        match select(wanted, patience).await {
            Either::Left((stream, _)) => Some((stream.ok()?, direction)),
            Either::Right(_) => None,
        }
    }

    /// Writes, for as long as the other end takes it.
    async fn write(&self, stream: StreamId, bytes: Vec<u8>) {
        let mut left = Bytes::from(bytes);
        let quic = &self.quic;
        let written = poll_fn(move |context| {
            while !left.is_empty() {
                match quic.poll_write(stream, &mut left, context) {
                    core::task::Poll::Ready(Ok(_)) => {}
                    core::task::Poll::Ready(Err(_)) => break,
                    core::task::Poll::Pending => return core::task::Poll::Pending,
                }
            }
            core::task::Poll::Ready(())
        });
        let patience = Box::pin(self.host.sleep(Duration::from_millis(200)));
        select(written, patience).await;
    }
}
