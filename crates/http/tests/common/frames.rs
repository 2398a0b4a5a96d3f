//! HTTP/2 by hand: a server that reads frames and answers each request as it is told to.

use core::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use roundtrip_wire::{Listener as _, Wire};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::Site;
use super::desk::Stream;

/// What a client begins with (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113 §6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
/// Flags.
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const WITH_PRIORITY: u8 = 32;
/// A request's head that is whole, and that has nothing after it.
pub(crate) const WHOLE: u8 = END_HEADERS | END_STREAM;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        Self { kind, flags, stream, payload: payload.to_vec() }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let length = (self.payload.len() as u32).to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], self.kind, self.flags];
        bytes.extend_from_slice(&self.stream.to_be_bytes());
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// The first frame in `bytes`, taken out of them.
    pub(crate) fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let [a, b, c, kind, flags, stream @ ..] = *bytes.first_chunk::<9>()?;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if bytes.len() < 9 + length {
            return None;
        }
        let payload = bytes[9..9 + length].to_vec();
        bytes.drain(..9 + length);
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        Some(Self { kind, flags, stream, payload })
    }
}

/// What a server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Answers it with 200 and `ok`.
    Answer,
    /// Resets its stream with this code.
    Reset(u32),
    /// Answers it, and takes no more: GOAWAY with its stream as the last one, and the end.
    AnswerLast,
    /// Closes the connection.
    Close,
}

/// A server of HTTP/2 on port 443 of host 0, which asks what to do for each request: by the number of
/// its connection and of the request in it, both from 0. Of HTTP/1.1, where that was agreed on, it
/// answers everything with 200.
#[derive(Clone)]
pub(crate) struct Frames {
    pub(crate) connections: Rc<Cell<u32>>,
    /// Bytes of body of each request that was answered.
    pub(crate) bodies: Rc<RefCell<Vec<usize>>>,
}

impl Frames {
    pub(crate) fn serve(
        site: &Site,
        config: Arc<rustls::ServerConfig>,
        act: impl Fn(u32, u32) -> Act + 'static,
    ) -> Self {
        let wire = site.host(0);
        let mut listener = wire.listen((Site::address(0), 443).into()).unwrap();
        let frames = Self { connections: Rc::default(), bodies: Rc::default() };
        let (serving, act) = (frames.clone(), Rc::new(act));
        let starter = wire.clone();
        wire.spawn(async move {
            loop {
                let stream = listener.accept().await.unwrap();
                let number = serving.connections.replace(serving.connections.get() + 1);
                let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&config));
                let (serving, act) = (serving.clone(), Rc::clone(&act));
                starter
                    .spawn(async move {
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                            serving.two(stream, |request| act(number, request)).await;
                        } else {
                            one(stream).await;
                        }
                    })
                    .detach();
            }
        })
        .detach();
        frames
    }

    async fn two(
        &self,
        mut stream: tokio_rustls::server::TlsStream<Stream>,
        act: impl Fn(u32) -> Act,
    ) {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        stream.write_all(&Frame::new(SETTINGS, 0, 0, &[]).encode()).await.unwrap();
        let (mut bytes, mut requests, mut body) = (Vec::new(), 0, 0);
        let mut leaving = false;
        loop {
            while let Some(frame) = Frame::take(&mut bytes) {
                match frame.kind {
                    SETTINGS if frame.flags & ACK == 0 => {
                        let ack = Frame::new(SETTINGS, ACK, 0, &[]).encode();
                        stream.write_all(&ack).await.unwrap();
                    }
                    HEADERS => body = 0,
                    DATA => body += frame.payload.len(),
                    _ => {}
                }
                let ends = matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0;
                if !ends || leaving {
                    continue;
                }
                let answer = [
                    // 0x88 is `:status: 200` of the static table (RFC 7541 appendix A).
                    Frame::new(HEADERS, END_HEADERS, frame.stream, &[0x88]).encode(),
                    Frame::new(DATA, END_STREAM, frame.stream, b"ok").encode(),
                ];
                let out = match act(requests) {
                    Act::Answer => answer.concat(),
                    Act::Reset(code) => {
                        Frame::new(RST_STREAM, 0, frame.stream, &code.to_be_bytes()).encode()
                    }
                    Act::AnswerLast => {
                        leaving = true;
                        let last = [frame.stream.to_be_bytes(), [0; 4]].concat();
                        [answer.concat(), Frame::new(GOAWAY, 0, 0, &last).encode()].concat()
                    }
                    Act::Close => return,
                };
                if matches!(act(requests), Act::Answer | Act::AnswerLast) {
                    self.bodies.borrow_mut().push(body);
                }
                requests += 1;
                stream.write_all(&out).await.unwrap();
                stream.flush().await.unwrap();
            }
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(length @ 1..) => bytes.extend_from_slice(&piece[..length]),
                _ => return,
            }
        }
    }
}

async fn one(mut stream: tokio_rustls::server::TlsStream<Stream>) {
    let mut request = [0; 4096];
    while let Ok(1..) = stream.read(&mut request).await {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        stream.flush().await.unwrap();
    }
}

/// Bytes in both directions.
trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// A client of HTTP/2 that writes and reads frames.
pub(crate) struct Raw {
    wire: super::desk::Desk,
    stream: Box<dyn Duplex>,
    bytes: Vec<u8>,
    closed: bool,
}

impl Raw {
    /// A connection to port 80 of host 0, on which nothing has been said.
    pub(crate) async fn connect(wire: super::desk::Desk) -> Self {
        let stream = wire.connect((Site::address(0), 80).into(), None, None).await.unwrap();
        Self { wire, stream: Box::new(stream), bytes: Vec::new(), closed: false }
    }

    /// The same through TLS, to port 443.
    pub(crate) async fn connect_tls(
        wire: super::desk::Desk,
        config: Arc<rustls::ClientConfig>,
    ) -> Self {
        let stream = wire.connect((Site::address(0), 443).into(), None, None).await.unwrap();
        let name = "www0.test".try_into().unwrap();
        let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await.unwrap();
        Self { wire, stream: Box::new(stream), bytes: Vec::new(), closed: false }
    }

    /// A connection on which both ends have said what they begin with.
    pub(crate) async fn open(wire: super::desk::Desk) -> Self {
        let mut raw = Self::connect(wire).await;
        raw.begin().await;
        raw
    }

    /// Says what a client begins with, and hears what the server does.
    pub(crate) async fn begin(&mut self) {
        self.write(PREFACE).await;
        self.send(&[Frame::new(SETTINGS, 0, 0, &[])]).await;
        while let Some(frame) = self.next().await {
            if frame.kind == SETTINGS && frame.flags & ACK != 0 {
                self.send(&[Frame::new(SETTINGS, ACK, 0, &[])]).await;
                break;
            }
        }
    }

    /// Writes bytes; a server that has closed already does not want them.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    pub(crate) async fn send(&mut self, frames: &[Frame]) {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
        self.write(&bytes).await;
    }

    /// The next frame; `None` when the connection has ended, or nothing comes for ten minutes.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = Frame::take(&mut self.bytes) {
                return Some(frame);
            }
            let mut piece = vec![0; 16 * 1024];
            let late = core::pin::pin!(self.wire.sleep(core::time::Duration::from_mins(10)));
            let read = core::pin::pin!(self.stream.read(&mut piece));
            match futures_util::future::select(read, late).await {
                futures_util::future::Either::Left((Ok(length @ 1..), _)) => {
                    self.bytes.extend_from_slice(&piece[..length]);
                }
                futures_util::future::Either::Left(_) => {
                    self.closed = true;
                    return None;
                }
                futures_util::future::Either::Right(_) => return None,
            }
        }
    }

    /// Whether the server ended the connection, as far as was read.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Frames up to the end of this stream, by `END_STREAM` or a reset, or to the connection's end.
    pub(crate) async fn until_end_of(&mut self, stream: u32) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            let ends = frame.stream == stream
                && (frame.kind == RST_STREAM
                    || matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0);
            frames.push(frame);
            if ends {
                break;
            }
        }
        frames
    }

    /// All frames to the connection's end.
    pub(crate) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}

/// Fields, coded as literals that are not kept (RFC 7541 §6.2.2), names and values as they are.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            let length = text.len();
            if length < 127 {
                out.push(length as u8);
            } else {
                // An integer with a prefix of seven bits (RFC 7541 §5.1).
                out.push(127);
                let mut rest = length - 127;
                while rest >= 128 {
                    out.push((rest % 128 + 128) as u8);
                    rest /= 128;
                }
                out.push(rest as u8);
            }
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

/// What every request has.
pub(crate) fn common(
    method: &'static str,
    path: &'static str,
) -> Vec<(&'static str, &'static str)> {
    vec![(":method", method), (":scheme", "http"), (":path", path), (":authority", "www0.test")]
}

/// A request without a body.
pub(crate) fn request(
    stream: u32,
    path: &'static str,
    more: &[(&'static str, &'static str)],
) -> Frame {
    let fields = [common("GET", path), more.to_vec()].concat();
    Frame::new(HEADERS, END_HEADERS | END_STREAM, stream, &block(&fields))
}

/// `HEADERS` with this block of fields.
pub(crate) fn headers(stream: u32, flags: u8, block: &[u8]) -> Frame {
    Frame::new(HEADERS, flags, stream, block)
}

pub(crate) fn continuation(stream: u32, flags: u8, block: &[u8]) -> Frame {
    Frame::new(CONTINUATION, flags, stream, block)
}

pub(crate) fn data(stream: u32, flags: u8, payload: &[u8]) -> Frame {
    Frame::new(DATA, flags, stream, payload)
}

pub(crate) fn rst_stream(stream: u32, code: u32) -> Frame {
    Frame::new(RST_STREAM, 0, stream, &code.to_be_bytes())
}

/// `PRIORITY` of RFC 7540 §6.3: the stream that this one depends on, and a weight less one.
pub(crate) fn priority(stream: u32, on: u32, weight: u8) -> Frame {
    Frame::new(PRIORITY, 0, stream, &[&on.to_be_bytes()[..], &[weight]].concat())
}

/// `SETTINGS` with these parameters and values.
pub(crate) fn settings(settings: &[(u16, u32)]) -> Frame {
    let coded =
        |(name, value): &(u16, u32)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat();
    Frame::new(SETTINGS, 0, 0, &settings.iter().flat_map(coded).collect::<Vec<u8>>())
}

pub(crate) fn window_update(stream: u32, more: u32) -> Frame {
    Frame::new(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

/// The code of the first GOAWAY.
pub(crate) fn goaway(frames: &[Frame]) -> Option<u32> {
    let away = frames.iter().find(|frame| frame.kind == GOAWAY)?;
    Some(u32::from_be_bytes(away.payload[4..8].try_into().unwrap()))
}
