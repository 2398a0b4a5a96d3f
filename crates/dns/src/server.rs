//! `NameServer`: listens on a wire, over UDP and TCP, and answers queries.

use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _, select_biased};
use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use roundtrip_record::{Direction, EventId, Trace as _};
use roundtrip_wire::{Datagram, Listener as _, Task, Transport, Wire};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::authority::{Authority, encode};
use crate::message::RecordedMessage;
use crate::transport::{before, read_frame, write_frame};
use crate::via::Via;

/// The most questions from datagrams that are answered at one time; further ones are dropped.
const MOST_QUESTIONS: usize = 512;
/// The most connections at one time; further ones wait to be accepted.
const MOST_CONNECTIONS: usize = 128;
/// How long a connection may be silent (RFC 7766 §6.2.3: of the order of a few seconds).
const IDLE: Duration = Duration::from_secs(10);
/// How long to wait after an error of a socket.
const PAUSE: Duration = Duration::from_millis(10);

/// Something that answers queries.
pub trait Respond: 'static {
    /// The response to a query, which `event` reported; `None` to send none.
    fn respond(
        &self,
        query: &Message,
        from: SocketAddr,
        event: Option<EventId>,
    ) -> impl Future<Output = Option<Response>>;
}

/// A response to a query.
#[derive(Clone, Debug)]
pub struct Response {
    /// The response message.
    pub message: Message,
    /// The event that made the response possible.
    pub cause: Option<EventId>,
}

impl Respond for Authority {
    async fn respond(
        &self,
        query: &Message,
        _: SocketAddr,
        event: Option<EventId>,
    ) -> Option<Response> {
        Some(Response { message: self.answer(query), cause: event })
    }
}

/// A running name server; it stops when this is dropped.
#[must_use = "a name server ends when its handle is dropped"]
pub struct NameServer {
    at: SocketAddr,
    _tasks: [Task; 2],
}

impl NameServer {
    /// The address the server listens at.
    pub fn local(&self) -> SocketAddr {
        self.at
    }
}

/// Answers queries that come to the address `at`, over UDP and TCP. Port 0 takes a free port.
///
/// # Errors
/// When the address cannot be listened at.
pub fn serve<W: Wire>(wire: &W, at: SocketAddr, respond: impl Respond) -> io::Result<NameServer> {
    let socket = wire.datagram(at)?;
    let at = socket.local();
    let listener = wire.listen(at)?;
    let server = Rc::new(ServerTask { wire: wire.clone(), respond });
    let datagrams = Rc::clone(&server);
    let tasks = [
        wire.spawn(async move { datagrams.datagrams(socket).await }),
        wire.spawn(async move { server.connections(listener).await }),
    ];
    Ok(NameServer { at, _tasks: tasks })
}

struct ServerTask<W, R> {
    wire: W,
    respond: R,
}

impl<W: Wire, R: Respond> ServerTask<W, R> {
    async fn datagrams(&self, socket: W::Datagram) {
        let mut open = FuturesUnordered::new();
        loop {
            let received = {
                let mut receive = pin!(socket.receive().fuse());
                select_biased! {
                    received = receive => Some(received),
                    () = open.select_next_some() => None,
                }
            };
            match received {
                Some(Ok(packet)) if open.len() < MOST_QUESTIONS => {
                    open.push(self.datagram(&socket, packet));
                }
                // An ICMP error that came back for an answer is the client's concern.
                Some(Err(_)) => self.wire.sleep(PAUSE).await,
                Some(Ok(_)) | None => {}
            }
        }
    }

    async fn datagram(&self, socket: &W::Datagram, packet: roundtrip_wire::Packet) {
        let (from, via) = (packet.from, Via::Udp);
        if let Some((bytes, cause)) = self.answer(&packet.bytes, from, via, packet.cause).await {
            let event = self.emit(Direction::Sent, from, via, &bytes, cause);
            // If sending fails, the client asks again.
            let _ = socket.send_to(&bytes, from, event).await;
        }
    }

    async fn connections(&self, mut listener: W::Listener) {
        let mut open = FuturesUnordered::new();
        loop {
            if open.len() >= MOST_CONNECTIONS {
                open.next().await;
                continue;
            }
            let accepted = {
                let mut accept = pin!(listener.accept().fuse());
                select_biased! {
                    accepted = accept => Some(accepted),
                    () = open.select_next_some() => None,
                }
            };
            match accepted {
                Some(Ok(stream)) => open.push(self.connection(stream)),
                Some(Err(_)) => self.wire.sleep(PAUSE).await,
                None => {}
            }
        }
    }

    /// Serves one connection, until the client closes it, is silent for too long, or breaks the
    /// protocol.
    async fn connection<S: AsyncRead + AsyncWrite + Transport + Unpin>(&self, mut stream: S) {
        let (peer, via) = (stream.peer(), Via::Tcp);
        let mut offset = 0;
        loop {
            let deadline = self.wire.now() + IDLE;
            let frame = before(&self.wire, deadline, read_frame(&mut stream)).await;
            let Some(Ok(Some(query))) = frame else { return };
            offset += query.len() as u64 + 2;
            let cause = stream.segment_at(offset - 1);
            let Some((bytes, cause)) = self.answer(&query, peer, via, cause).await else { return };
            self.emit(Direction::Sent, peer, via, &bytes, cause);
            let deadline = self.wire.now() + IDLE;
            let written = before(&self.wire, deadline, write_frame(&mut stream, &bytes)).await;
            if !matches!(written, Some(Ok(()))) {
                return;
            }
        }
    }

    /// The bytes of the answer, and the event that caused them.
    async fn answer(
        &self,
        bytes: &[u8],
        from: SocketAddr,
        via: Via,
        cause: Option<EventId>,
    ) -> Option<(Vec<u8>, Option<EventId>)> {
        let event = self.emit(Direction::Received, from, via, bytes, cause);
        let Ok(query) = Message::from_vec(bytes) else {
            return Some((unreadable(bytes)?, event));
        };
        // A response is never answered, or two servers could answer each other for ever.
        if query.metadata.message_type != MessageType::Query {
            return None;
        }
        let response = self.respond.respond(&query, from, event).await?;
        let bytes = encode(response.message, &query, via).or_else(|_| {
            let (id, op_code) = (query.metadata.id, query.metadata.op_code);
            Message::error_msg(id, op_code, ResponseCode::ServFail).to_vec()
        });
        Some((bytes.ok()?, response.cause.or(event)))
    }

    fn emit(
        &self,
        direction: Direction,
        peer: SocketAddr,
        via: Via,
        bytes: &[u8],
        cause: Option<EventId>,
    ) -> Option<EventId> {
        let passing = RecordedMessage { lookup: None, direction, peer, via, bytes, dropped: None };
        self.wire.log().emit(self.wire.now(), cause, || passing.event())
    }
}

/// A FORMERR response, for a query of which only the header can be read.
fn unreadable(bytes: &[u8]) -> Option<Vec<u8>> {
    let [high, low, flags, ..] = *bytes else { return None };
    if bytes.len() < 12 || flags & 0x80 != 0 {
        return None;
    }
    let id = u16::from_be_bytes([high, low]);
    Message::error_msg(id, OpCode::Query, ResponseCode::FormErr).to_vec().ok()
}
