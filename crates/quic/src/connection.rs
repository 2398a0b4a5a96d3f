//! A connection, as its users have it.

use core::future::poll_fn;
use core::task::{Context, Poll};
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use quinn_proto::{Dir, ReadableError, VarInt};
use roundtrip_record::{ConnectionId, EventId, Time};
use roundtrip_wire::Wire;

use crate::ended::Ended;
use crate::endpoint::Endpoint;
use crate::link::{Link, Wait, both_ways};
use crate::notes::Handshake;

/// A connection. Its clones are the same; when the last is dropped, it is closed with code 0.
pub struct Connection<W: Wire>(Rc<Held<W>>);

struct Held<W: Wire> {
    endpoint: Rc<Endpoint<W>>,
    link: Rc<Link>,
}

impl<W: Wire> Clone for Connection<W> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<W: Wire> Drop for Held<W> {
    fn drop(&mut self) {
        if self.link.state.borrow().ended.is_none() {
            self.endpoint.close(&self.link, 0, "");
        }
    }
}

/// In which directions a stream carries bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// In both.
    Both,
    /// From who opened it to the other end.
    One,
}

impl Direction {
    fn dir(self) -> Dir {
        match self {
            Self::Both => Dir::Bi,
            Self::One => Dir::Uni,
        }
    }
}

/// A stream of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(quinn_proto::StreamId);

impl StreamId {
    /// Its number on the wire (RFC 9000 §2.1).
    pub fn number(self) -> u64 {
        self.0.into()
    }
}

/// Why nothing more can be read of a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The other end gave it up, with this code of the application's.
    #[error("the stream was reset, code {0:#x}")]
    Reset(u64),
    /// The connection is over.
    #[error(transparent)]
    Ended(#[from] Ended),
}

/// Why nothing more can be written to a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The other end does not want it, with this code of the application's.
    #[error("the other end stopped the stream, code {0:#x}")]
    Stopped(u64),
    /// The stream was ended here.
    #[error("the stream has ended")]
    Over,
    /// The connection is over.
    #[error(transparent)]
    Ended(#[from] Ended),
}

impl<W: Wire> Connection<W> {
    pub(crate) fn new(endpoint: Rc<Endpoint<W>>, link: Rc<Link>) -> Self {
        Self(Rc::new(Held { endpoint, link }))
    }

    fn link(&self) -> &Link {
        &self.0.link
    }

    fn touch(&self) {
        self.0.endpoint.touch(self.link());
    }

    /// Its id in the record.
    pub fn id(&self) -> ConnectionId {
        self.link().id
    }

    /// Our address.
    pub fn local(&self) -> SocketAddr {
        self.link().local
    }

    /// The other end's address, as it was when the connection was opened.
    pub fn peer(&self) -> SocketAddr {
        self.link().remote
    }

    /// What the handshake came to, once it is complete.
    pub fn handshake(&self) -> Option<Handshake> {
        self.link().notes.handshake()
    }

    /// Why TLS failed here, if it did: [`Ended`] has no more of it than the other end is told.
    pub fn tls_error(&self) -> Option<rustls::Error> {
        self.link().notes.error()
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<Ended> {
        self.link().state.borrow().ended.clone()
    }

    /// The latest event of it.
    pub fn latest(&self) -> Option<EventId> {
        self.link().state.borrow().latest
    }

    /// The event of the packet that brought what came last of a stream; `None` where nothing is recorded.
    pub fn packet_of(&self, stream: StreamId) -> Option<EventId> {
        self.link().state.borrow().packet_of(stream.number())
    }

    /// When the latest datagram had arrived at this host, where the wire tells.
    pub fn arrived(&self) -> Option<Time> {
        self.link().state.borrow().arrived
    }

    /// Ready when its handshake is complete, or has failed.
    ///
    /// # Errors
    /// How it ended before that.
    pub fn poll_established(&self, context: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let mut state = self.link().state.borrow_mut();
        match (&state.ended, state.established) {
            (Some(ended), _) => Poll::Ready(Err(ended.clone())),
            (None, true) => Poll::Ready(Ok(())),
            (None, false) => {
                state.wait(Wait::Established, context);
                Poll::Pending
            }
        }
    }

    /// The same.
    ///
    /// # Errors
    /// How it ended before that.
    pub async fn established(&self) -> Result<(), Ended> {
        poll_fn(|context| self.poll_established(context)).await
    }

    /// Opens a stream as soon as the other end allows another one.
    ///
    /// # Errors
    /// How the connection ended.
    pub fn poll_open(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
    ) -> Poll<Result<StreamId, Ended>> {
        let mut state = self.link().state.borrow_mut();
        if let Some(ended) = &state.ended {
            return Poll::Ready(Err(ended.clone()));
        }
        if let Some(id) = state.proto.streams().open(direction.dir()) {
            return Poll::Ready(Ok(StreamId(id)));
        }
        state.wait(Wait::Open(both_ways(direction.dir())), context);
        drop(state);
        // The other end is told that more are wanted.
        self.touch();
        Poll::Pending
    }

    /// The next stream that the other end opened.
    ///
    /// # Errors
    /// How the connection ended.
    pub fn poll_accept(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
    ) -> Poll<Result<StreamId, Ended>> {
        let mut state = self.link().state.borrow_mut();
        if let Some(id) = state.proto.streams().accept(direction.dir()) {
            return Poll::Ready(Ok(StreamId(id)));
        }
        if let Some(ended) = &state.ended {
            return Poll::Ready(Err(ended.clone()));
        }
        state.wait(Wait::Incoming(both_ways(direction.dir())), context);
        Poll::Pending
    }

    /// The next bytes of a stream, `most` at most; `None` at its end.
    ///
    /// # Errors
    /// That it was reset, or how the connection ended.
    pub fn poll_read(
        &self,
        stream: StreamId,
        most: usize,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, ReadError>> {
        let mut state = self.link().state.borrow_mut();
        let read = {
            let mut incoming = state.proto.recv_stream(stream.0);
            incoming.read(true).map(|mut chunks| {
                let next = chunks.next(most);
                (next, chunks.finalize().should_transmit())
            })
        };
        let (next, transmit) = match read {
            Ok(read) => read,
            // It was read to its end, or is not wanted.
            Err(ReadableError::ClosedStream | ReadableError::IllegalOrderedRead) => {
                return Poll::Ready(Ok(None));
            }
        };
        let poll = match (next, &state.ended) {
            (Ok(chunk), _) => Poll::Ready(Ok(chunk.map(|chunk| chunk.bytes))),
            (Err(quinn_proto::ReadError::Reset(code)), _) => {
                Poll::Ready(Err(ReadError::Reset(code.into_inner())))
            }
            (Err(quinn_proto::ReadError::Blocked), Some(ended)) => {
                Poll::Ready(Err(ended.clone().into()))
            }
            (Err(quinn_proto::ReadError::Blocked), None) => {
                state.wait(Wait::Read(stream.number()), context);
                Poll::Pending
            }
        };
        drop(state);
        if transmit {
            self.touch();
        }
        poll
    }

    /// Takes bytes to be sent from the front of `bytes`, as many as there is room for; how many.
    ///
    /// # Errors
    /// That they are not wanted, or how the connection ended.
    pub fn poll_write(
        &self,
        stream: StreamId,
        bytes: &mut Bytes,
        context: &mut Context<'_>,
    ) -> Poll<Result<usize, WriteError>> {
        let mut state = self.link().state.borrow_mut();
        if let Some(ended) = &state.ended {
            return Poll::Ready(Err(ended.clone().into()));
        }
        let mut chunks = [core::mem::take(bytes)];
        let written = state.proto.send_stream(stream.0).write_chunks(&mut chunks);
        let [left] = chunks;
        *bytes = left;
        let poll = match written {
            Ok(written) => Poll::Ready(Ok(written.bytes)),
            Err(quinn_proto::WriteError::Stopped(code)) => {
                Poll::Ready(Err(WriteError::Stopped(code.into_inner())))
            }
            Err(quinn_proto::WriteError::ClosedStream) => Poll::Ready(Err(WriteError::Over)),
            Err(quinn_proto::WriteError::Blocked) => {
                state.wait(Wait::Write(stream.number()), context);
                Poll::Pending
            }
        };
        drop(state);
        self.touch();
        poll
    }

    /// Ready when the other end stops a stream that we send, with its code; or when all of it has been
    /// acknowledged, without one.
    ///
    /// # Errors
    /// How the connection ended.
    pub fn poll_stopped(
        &self,
        stream: StreamId,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<u64>, Ended>> {
        let mut state = self.link().state.borrow_mut();
        match state.proto.send_stream(stream.0).stopped() {
            Ok(Some(code)) => return Poll::Ready(Ok(Some(code.into_inner()))),
            Ok(None) => {}
            Err(_) => return Poll::Ready(Ok(None)),
        }
        if let Some(ended) = &state.ended {
            return Poll::Ready(Err(ended.clone()));
        }
        state.wait(Wait::Finished(stream.number()), context);
        Poll::Pending
    }

    /// Ends a stream that we send: what was written to it is all of it.
    pub fn finish(&self, stream: StreamId) {
        // One that is not wanted, or is over, needs no end.
        let _ = self.link().state.borrow_mut().proto.send_stream(stream.0).finish();
        self.touch();
    }

    /// Gives up a stream that we send, with a code of the application's.
    pub fn reset(&self, stream: StreamId, code: u64) {
        // One that is over cannot be given up any more.
        let _ = self.link().state.borrow_mut().proto.send_stream(stream.0).reset(number(code));
        self.touch();
    }

    /// What still comes of a stream is not wanted, with a code of the application's.
    pub fn stop(&self, stream: StreamId, code: u64) {
        // Of one that is over, nothing comes.
        let _ = self.link().state.borrow_mut().proto.recv_stream(stream.0).stop(number(code));
        self.touch();
    }

    /// How urgent a stream that we send is: what has a higher number goes first; 0 at first.
    pub fn set_priority(&self, stream: StreamId, priority: i32) {
        // One that is over sends nothing.
        let _ = self.link().state.borrow_mut().proto.send_stream(stream.0).set_priority(priority);
    }

    /// Nobody will ask for a stream any more.
    pub fn forget(&self, stream: StreamId) {
        self.link().state.borrow_mut().forget(stream.number());
    }

    /// Closes it with a code of the application's (RFC 9000 §10.2). What is under way is lost.
    pub fn close(&self, code: u64, why: &str) {
        self.0.endpoint.close(self.link(), code, why);
    }

    /// Ready when it is over and what the other end is to be told of that has been sent.
    pub fn poll_flushed(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.link().state.borrow_mut();
        if state.flushed {
            return Poll::Ready(());
        }
        state.wait(Wait::Flushed, context);
        Poll::Pending
    }

    /// Ready when it is over: how it ended.
    pub fn poll_ended(&self, context: &mut Context<'_>) -> Poll<Ended> {
        let mut state = self.link().state.borrow_mut();
        if let Some(ended) = &state.ended {
            return Poll::Ready(ended.clone());
        }
        state.wait(Wait::Ended, context);
        Poll::Pending
    }
}

fn number(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap_or(VarInt::MAX)
}
