//! Carries out an [`Exchange`] over a wire.

use core::cell::RefCell;
use core::future::Future;
use core::pin::pin;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use futures_util::future::{Either, select};
use hickory_proto::op::Message;
use roundtrip_record::{Direction, EventId, LookupId, Outcome, Source, Time, Trace as _};
use roundtrip_wire::{Datagram as _, Transport as _, Wire};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::edns::EdnsMemory;
use crate::exchange::{Acceptance, Action, Exchange, NoReply, Transmit};
use crate::message::{Question, RecordedMessage, RejectReason, records};
use crate::resolv::Policy;
use crate::rung::{OpenQuery, Rung, failure_outcome};
use crate::via::Via;

/// The most messages that are dropped while one answer is awaited. Beyond it the question fails, so
/// that a flood of messages cannot fill the record.
const MOST_DROPPED: u32 = 256;

/// The result of asking servers.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) reply: Result<Box<Message>, NoReply>,
    /// The server that answered, or was asked last.
    pub(crate) server: Option<SocketAddr>,
    /// The event of that server's answer, or of its failure to answer.
    pub(crate) event: Option<EventId>,
}

/// The servers that a question is put to, and how.
#[derive(Clone, Copy)]
pub(crate) struct Upstreams<'a> {
    /// The servers, in the order in which to ask them.
    pub(crate) servers: &'a [SocketAddr],
    /// The policy for timeouts, attempts and transport.
    pub(crate) policy: Policy,
    /// What is known of the servers' EDNS; what is learnt is added.
    pub(crate) edns: &'a RefCell<EdnsMemory>,
}

/// Puts a question to servers, each of which is a source of its own in the record. `judge` says
/// what outcome an answer has.
pub(crate) async fn ask<W: Wire>(
    rung: &Rung<'_, W>,
    question: Question,
    upstreams: Upstreams<'_>,
    source: impl Fn(SocketAddr) -> Source,
    judge: impl FnOnce(Result<&Message, &NoReply>) -> Outcome,
    mut cause: Option<EventId>,
) -> Asked {
    let wire = rung.wire;
    let mut exchange =
        Exchange::knowing(question, upstreams.servers, upstreams.policy, &upstreams.edns.borrow());
    let mut open: Option<(SocketAddr, OpenQuery)> = None;
    // Queries sent to the server whose turn it is.
    let mut sent = 0;
    // Datagrams to one server leave from one port.
    let mut socket: Option<(SocketAddr, W::Datagram)> = None;
    loop {
        match exchange.poll(wire.now(), random_id(wire)) {
            Action::Send(transmit) => {
                if open.as_ref().is_none_or(|(server, _)| *server != transmit.to) {
                    if let Some((_, open)) = open.take() {
                        let outcome = own_outcome(&exchange, sent).unwrap_or(Outcome::Miss);
                        cause = rung.answered(open, outcome, Vec::new, cause);
                    }
                    let asked = rung.asked(source(transmit.to), cause);
                    cause = asked.event.or(cause);
                    open = Some((transmit.to, asked));
                    sent = 0;
                }
                sent += 1;
                let line = QuerySender { wire, lookup: rung.lookup, cause };
                let event = match transmit.via {
                    Via::Udp => {
                        socket = socket.filter(|(server, _)| *server == transmit.to);
                        line.udp(&mut exchange, &transmit, &mut socket).await
                    }
                    Via::Tcp => line.tcp(&mut exchange, &transmit).await,
                };
                // What is sent next is caused by what came of this query.
                cause = event.or(cause);
            }
            Action::Done(reply) => {
                let mut known = upstreams.edns.borrow_mut();
                exchange.seen().for_each(|(server, seen)| known.learn(server, seen));
                drop(known);
                let mut outcome = judge(reply.as_deref());
                if reply.is_err() {
                    // The record shows what the last server came to, not the exchange as a whole.
                    outcome = own_outcome(&exchange, sent).unwrap_or(outcome);
                }
                let server = open.as_ref().map(|(server, _)| *server);
                if let Some((_, open)) = open.take() {
                    let records = || reply.as_ref().map(|m| records(m)).unwrap_or_default();
                    cause = rung.answered(open, outcome, records, cause);
                }
                return Asked { reply, server, event: cause };
            }
        }
    }
}

/// The outcome of the last server after `sent` queries.
fn own_outcome(exchange: &Exchange, sent: u32) -> Option<Outcome> {
    match exchange.last_failure()? {
        NoReply::TimedOut { .. } => Some(Outcome::TimedOut { tries: sent }),
        why => Some(failure_outcome(why)),
    }
}

fn random_id<W: Wire>(wire: &W) -> u16 {
    let mut id = [0; 2];
    wire.random(&mut id);
    u16::from_be_bytes(id)
}

/// The means to send one query and await its answer.
struct QuerySender<'a, W> {
    wire: &'a W,
    lookup: LookupId,
    cause: Option<EventId>,
}

impl<W: Wire> QuerySender<'_, W> {
    fn emit(
        &self,
        direction: Direction,
        transmit: &Transmit,
        peer: SocketAddr,
        bytes: &[u8],
        dropped: Option<RejectReason>,
        cause: Option<EventId>,
    ) -> Option<EventId> {
        let passing = RecordedMessage {
            lookup: Some(self.lookup),
            direction,
            peer,
            via: transmit.via,
            bytes,
            dropped,
        };
        self.wire.log().emit(self.wire.now(), cause, || passing.event())
    }

    fn sent(&self, transmit: &Transmit) -> Option<EventId> {
        self.emit(Direction::Sent, transmit, transmit.to, &transmit.bytes, None, self.cause)
    }

    /// Waits for datagrams and feeds them to the exchange until one is the answer; returns the
    /// event of the answer.
    async fn udp(
        &self,
        exchange: &mut Exchange,
        transmit: &Transmit,
        kept: &mut Option<(SocketAddr, W::Datagram)>,
    ) -> Option<EventId> {
        let socket = match kept {
            Some((_, socket)) => socket,
            None => match self.wire.datagram(unspecified(transmit.to)) {
                Ok(socket) => &kept.insert((transmit.to, socket)).1,
                Err(why) => {
                    exchange.handle_error(&why.to_string());
                    return self.cause;
                }
            },
        };
        let sent = self.sent(transmit);
        let sending = socket.send_to(&transmit.bytes, transmit.to, sent);
        match before(self.wire, transmit.deadline, sending).await {
            Some(Ok(())) => {}
            Some(Err(why)) => {
                exchange.handle_error(&why.to_string());
                return sent;
            }
            None => {
                exchange.handle_timeout();
                return sent;
            }
        }
        for _ in 0..MOST_DROPPED {
            match before(self.wire, transmit.deadline, socket.receive()).await {
                Some(Ok(packet)) => {
                    let verdict = exchange.handle_message(packet.from, &packet.bytes);
                    let (dropped, cause) = match verdict {
                        Acceptance::Taken => (None, packet.cause.or(sent)),
                        Acceptance::Dropped(unfit) => (Some(unfit), packet.cause),
                    };
                    let event = self.emit(
                        Direction::Received,
                        transmit,
                        packet.from,
                        &packet.bytes,
                        dropped,
                        cause,
                    );
                    if verdict == Acceptance::Taken {
                        return event;
                    }
                }
                Some(Err(why)) => {
                    exchange.handle_error(&why.to_string());
                    return sent;
                }
                None => {
                    exchange.handle_timeout();
                    return sent;
                }
            }
        }
        exchange.handle_error("too many messages that are no answer");
        sent
    }

    async fn tcp(&self, exchange: &mut Exchange, transmit: &Transmit) -> Option<EventId> {
        let mut sent = self.cause;
        let talk = async {
            let mut stream = self
                .wire
                .connect(transmit.to, Some(transmit.deadline), self.cause)
                .await
                .map_err(|why| why.to_string())?;
            sent = self.sent(transmit);
            write_frame(&mut stream, &transmit.bytes).await.map_err(|why| why.to_string())?;
            let mut offset = 0;
            for _ in 0..MOST_DROPPED {
                let bytes = match read_frame(&mut stream).await {
                    Ok(Some(bytes)) => bytes,
                    Ok(None) => return Err("closed without an answer".to_owned()),
                    Err(why) => return Err(why.to_string()),
                };
                offset += bytes.len() as u64 + 2;
                let cause = stream.segment_at(offset - 1).or(sent);
                let verdict = exchange.handle_message(transmit.to, &bytes);
                let dropped = match verdict {
                    Acceptance::Taken => None,
                    Acceptance::Dropped(unfit) => Some(unfit),
                };
                let event =
                    self.emit(Direction::Received, transmit, transmit.to, &bytes, dropped, cause);
                if verdict == Acceptance::Taken {
                    return Ok(event);
                }
            }
            Err("too many messages that are no answer".to_owned())
        };
        match before(self.wire, transmit.deadline, talk).await {
            Some(Ok(event)) => event,
            Some(Err(why)) => {
                exchange.handle_error(&why);
                sent
            }
            None => {
                exchange.handle_timeout();
                sent
            }
        }
    }
}

/// The result of `work` if it is ready by `deadline`.
pub(crate) async fn before<W: Wire, T>(
    wire: &W,
    deadline: Time,
    work: impl Future<Output = T>,
) -> Option<T> {
    // `select` polls its first argument first, so a result that is ready wins over the deadline.
    match select(pin!(work), pin!(wire.sleep_until(deadline))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

/// Writes a message with its length before it, in one piece (RFC 7766 §8).
pub(crate) async fn write_frame(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &[u8],
) -> io::Result<()> {
    let length = u16::try_from(message.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "message above 65535 bytes"))?;
    let mut frame = Vec::with_capacity(message.len() + 2);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    stream.write_all(&frame).await?;
    stream.flush().await
}

/// Reads the next message from a stream; `None` at the end of the stream.
pub(crate) async fn read_frame(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    match stream.read_exact(&mut length).await {
        Ok(_) => {}
        Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(why) => return Err(why),
    }
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).await?;
    Ok(Some(message))
}

fn unspecified(peer: SocketAddr) -> SocketAddr {
    match peer.ip() {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}
