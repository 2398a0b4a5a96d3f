//! A request of HTTP/1 on its way out.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::Bytes;
use roundtrip_record::{BodyRef, Time};
use roundtrip_wire::Wire;
use tokio::io::AsyncWrite as _;

use super::connection::Connection;
use super::upload::Upload;
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
    body: Upload,
    chunked: bool,
    /// All of the body has been taken up.
    ended: bool,
    /// When the first byte was written.
    began: Option<Time>,
    head_bytes: u64,
    /// Bytes written so far.
    moved: u64,
}

/// Why a request did not go out.
pub(crate) enum OutError {
    /// The body could not be read.
    Body(io::Error),
    /// The connection did not take it.
    Connection(io::Error),
}

impl Outgoing {
    pub(crate) fn new(head: &RequestHead, body: Upload) -> Self {
        let mut output = Vec::with_capacity(512);
        head.encode(&mut output);
        let head_bytes = output.len() as u64;
        let chunked = head.fields.has("Transfer-Encoding", "chunked");
        if chunked && body.is_empty() {
            encode_last_chunk(&Fields::new(), &mut output);
        }
        Self {
            output,
            written: 0,
            piece: Bytes::new(),
            chunked,
            ended: body.is_empty(),
            body,
            began: None,
            head_bytes,
            moved: 0,
        }
    }

    /// Whether all was written.
    pub(crate) fn is_done(&self) -> bool {
        self.ended && self.output.is_empty() && self.piece.is_empty()
    }

    /// The body, while it is held back and the head is out.
    pub(crate) fn held(&mut self) -> Option<&mut Upload> {
        (self.body.is_held() && self.output.is_empty()).then_some(&mut self.body)
    }

    /// When the first byte was written.
    pub(crate) fn began(&self) -> Option<Time> {
        self.began
    }

    /// Bytes of the head.
    pub(crate) fn head_bytes(&self) -> u64 {
        self.head_bytes
    }

    /// Bytes of body that were taken up so far.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body.taken()
    }

    /// Bytes written so far.
    pub(crate) fn moved(&self) -> u64 {
        self.moved
    }

    /// Ends the record of the body.
    pub(crate) fn kept(&mut self) -> Option<BodyRef> {
        self.body.kept()
    }

    /// Writes; ready when all is out, pending as well while the body is held back.
    pub(crate) fn poll_send<W: Wire>(
        &mut self,
        connection: &mut Connection<W>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), OutError>> {
        loop {
            // A small body that is there goes out in one write with the head before it.
            while !self.ended && self.piece.is_empty() && self.output.len() < SMALL {
                match self.body.poll_chunk(context) {
                    Poll::Ready(Some(Ok(chunk))) => self.take(chunk),
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Err(OutError::Body(error)));
                    }
                    Poll::Ready(None) => {
                        if self.chunked {
                            encode_last_chunk(&self.body.trailers(), &mut self.output);
                        }
                        self.ended = true;
                    }
                    Poll::Pending => break,
                }
            }
            let idle = self.output.is_empty() && self.piece.is_empty();
            ready!(self.poll_write(connection, context)).map_err(OutError::Connection)?;
            if self.ended && self.is_done() {
                return Poll::Ready(Ok(()));
            }
            if idle {
                // The next piece of the body is not there yet.
                return Poll::Pending;
            }
        }
    }

    fn take(&mut self, chunk: Bytes) {
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
        loop {
            let from_output = self.written < self.output.len();
            if !from_output {
                self.output.clear();
                self.written = 0;
                if self.piece.is_empty() {
                    return Pin::new(&mut connection.channel).poll_flush(context);
                }
            }
            let rest = if from_output { &self.output[self.written..] } else { &self.piece[..] };
            self.began.get_or_insert_with(|| connection.wire.now());
            let wrote = ready!(Pin::new(&mut connection.channel).poll_write(context, rest))?;
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.moved += wrote as u64;
            if from_output {
                self.written += wrote;
                continue;
            }
            let _ = self.piece.split_to(wrote);
            if self.piece.is_empty() && self.chunked {
                self.output.extend_from_slice(b"\r\n");
            }
        }
    }
}
