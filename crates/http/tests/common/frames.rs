//! HTTP/2 by hand: a server that reads frames and answers each request as it is told to.

use core::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use roundtrip_wire::{Listener as _, Wire};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Site;
use super::desk::Stream;

/// Types of frames (RFC 9113 §6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;
/// Flags.
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

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
