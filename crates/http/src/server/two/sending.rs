//! A response on its way out by a stream.

use core::task::{Context, Poll};
use std::io;

use bytes::Bytes;
use h2::{Reason, SendStream};
use roundtrip_wire::LocalFuture;

use crate::Body;
use crate::message::Fields;
use crate::server::interim::Trailers;
use crate::two::{poll_room, to_map};

/// How much goes out in one turn: a frame of the size that every client takes (RFC 9113 §4.2).
const TURN: usize = 16 * 1024;

/// What came of a turn.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Something was handed over.
    Sent,
    /// All has been handed over.
    Ended,
    /// There is nothing to send now.
    NoData,
    /// The client takes nothing now.
    NoWindow,
    /// The client takes no more at all.
    Refused,
    /// The body could not be read.
    Failed(io::Error),
}

/// A body and trailers on their way out.
pub(crate) struct Sending {
    out: SendStream<Bytes>,
    body: Body,
    /// A piece of the body that is to be sent.
    piece: Bytes,
    trailers: Option<LocalFuture<'static, Fields>>,
    handed: u64,
    /// Bytes of the last frame.
    last: u64,
    /// The trailers that went.
    went: Fields,
}

impl Sending {
    pub(crate) fn new(out: SendStream<Bytes>, body: Body, trailers: Trailers) -> Self {
        let trailers: Option<LocalFuture<'static, Fields>> =
            if trailers.is_none() { None } else { Some(Box::pin(trailers.fields())) };
        Self { out, body, piece: Bytes::new(), trailers, handed: 0, last: 0, went: Fields::new() }
    }

    /// Bytes of body that were handed over.
    pub(crate) fn handed(&self) -> u64 {
        self.handed
    }

    /// Bytes of the frame that was handed over last.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The trailers that were handed over.
    pub(crate) fn trailers(&self) -> &Fields {
        &self.went
    }

    /// Ends the stream with an error.
    pub(crate) fn reset(&mut self, reason: Reason) {
        self.out.send_reset(reason);
    }

    /// Hands over what one turn gives.
    pub(crate) fn turn(&mut self, context: &mut Context<'_>) -> Turn {
        while self.piece.is_empty() {
            match self.body.poll_chunk(context) {
                Poll::Pending => return Turn::NoData,
                Poll::Ready(Some(Ok(piece))) => self.piece = piece,
                Poll::Ready(Some(Err(error))) => {
                    // A response that is not whole must not look as if it were.
                    self.out.send_reset(Reason::INTERNAL_ERROR);
                    return Turn::Failed(error);
                }
                Poll::Ready(None) => return self.end(context),
            }
        }
        let want = self.piece.len().min(TURN);
        let room = match poll_room(&mut self.out, want, context) {
            Poll::Ready(Some(room)) => room,
            Poll::Ready(None) => return Turn::Refused,
            Poll::Pending => return Turn::NoWindow,
        };
        let part = self.piece.split_to(room);
        let ends = self.piece.is_empty() && self.body.is_empty() && self.trailers.is_none();
        if self.out.send_data(part, ends).is_err() {
            return Turn::Refused;
        }
        self.last = room as u64;
        self.handed += self.last;
        if ends { Turn::Ended } else { Turn::Sent }
    }

    /// The body has ended: the trailers go, where there are any.
    fn end(&mut self, context: &mut Context<'_>) -> Turn {
        let fields = match &mut self.trailers {
            None => Fields::new(),
            Some(trailers) => match trailers.as_mut().poll(context) {
                Poll::Ready(fields) => fields,
                Poll::Pending => return Turn::NoData,
            },
        };
        self.trailers = None;
        let sent = if fields.is_empty() {
            self.out.send_data(Bytes::new(), true)
        } else {
            self.out.send_trailers(to_map(&fields))
        };
        self.went = fields;
        if sent.is_ok() { Turn::Ended } else { Turn::Refused }
    }
}
