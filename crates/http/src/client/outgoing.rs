//! A request on its way out.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::Bytes;
use roundtrip_record::{BodyWriter, Time};
use roundtrip_wire::Wire;
use tokio::io::AsyncWrite as _;

use super::connection::Connection;
use crate::Body;
use crate::message::{Fields, RequestHead, encode_chunk_size, encode_last_chunk};

/// What is copied behind what stands before it, so that both go out in one write.
const SMALL: usize = 16 * 1024;

/// A request on its way out: head, body, and how far they are.
pub(crate) struct Outgoing {
    /// To be written, from `written` on.
    output: Vec<u8>,
    written: usize,
    /// A large piece of the body, to be written after the output.
    piece: Bytes,
    body: Body,
    chunked: bool,
    phase: Phase,
    /// When the first byte was written.
    pub(crate) began: Option<Time>,
    pub(crate) head_bytes: u64,
    /// Bytes of body that were taken up so far.
    pub(crate) body_bytes: u64,
    /// Keeps the body for the record.
    pub(crate) writer: Option<BodyWriter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The body waits to be let go.
    Held,
    Body,
    Done,
}

/// Why a request did not go out.
pub(crate) enum OutError {
    /// The body could not be read.
    Body(io::Error),
    /// The connection did not take it.
    Connection(io::Error),
}

impl Outgoing {
    pub(crate) fn new(head: &RequestHead, body: Body, held: bool) -> Self {
        let mut output = Vec::with_capacity(512);
        head.encode(&mut output);
        let head_bytes = output.len() as u64;
        let chunked = body.length().is_none();
        let phase = match (body.is_empty(), held) {
            (true, _) => Phase::Done,
            (false, true) => Phase::Held,
            (false, false) => Phase::Body,
        };
        Self {
            output,
            written: 0,
            piece: Bytes::new(),
            body,
            chunked,
            phase,
            began: None,
            head_bytes,
            body_bytes: 0,
            writer: None,
        }
    }

    /// Whether all was written.
    pub(crate) fn is_done(&self) -> bool {
        self.phase == Phase::Done && self.output.is_empty() && self.piece.is_empty()
    }

    /// Whether the body waits to be let go, and the head is out.
    pub(crate) fn is_held(&self) -> bool {
        self.phase == Phase::Held && self.output.is_empty()
    }

    /// Lets the body go.
    pub(crate) fn let_go(&mut self) {
        if self.phase == Phase::Held {
            self.phase = Phase::Body;
        }
    }

    /// Writes; ready when all is out, or nothing can be done before the body is let go.
    pub(crate) fn poll_send<W: Wire>(
        &mut self,
        connection: &mut Connection<W>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), OutError>> {
        loop {
            ready!(self.poll_write(connection, context)).map_err(OutError::Connection)?;
            if self.phase != Phase::Body {
                return Poll::Ready(Ok(()));
            }
            match ready!(self.body.poll_chunk(context)) {
                Some(Ok(chunk)) => self.take(chunk),
                Some(Err(error)) => return Poll::Ready(Err(OutError::Body(error))),
                None => {
                    if self.chunked {
                        encode_last_chunk(&Fields::new(), &mut self.output);
                    }
                    self.phase = Phase::Done;
                }
            }
        }
    }

    fn take(&mut self, chunk: Bytes) {
        self.body_bytes += chunk.len() as u64;
        if let Some(writer) = &mut self.writer {
            writer.write(&chunk);
        }
        if self.chunked {
            encode_chunk_size(chunk.len() as u64, &mut self.output);
        }
        if chunk.len() <= SMALL {
            self.output.extend_from_slice(&chunk);
            if self.chunked {
                self.output.extend_from_slice(b"\r\n");
            }
        } else {
            self.piece = chunk;
        }
    }

    fn poll_write<W: Wire>(
        &mut self,
        connection: &mut Connection<W>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        // The head waits for a first small piece of the body, unless the body waits for an answer.
        loop {
            if self.written < self.output.len() {
                self.began.get_or_insert_with(|| connection.wire.now());
                let rest = &self.output[self.written..];
                let wrote = ready!(Pin::new(&mut connection.channel).poll_write(context, rest))?;
                if wrote == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.written += wrote;
                continue;
            }
            self.output.clear();
            self.written = 0;
            if self.piece.is_empty() {
                return Pin::new(&mut connection.channel).poll_flush(context);
            }
            let wrote = ready!(Pin::new(&mut connection.channel).poll_write(context, &self.piece))?;
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let _ = self.piece.split_to(wrote);
            if self.piece.is_empty() && self.chunked {
                self.output.extend_from_slice(b"\r\n");
            }
        }
    }
}
