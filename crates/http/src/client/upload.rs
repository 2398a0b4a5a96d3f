//! The body of a request on its way out.

use core::task::{Context, Poll, ready};
use std::io;

use bytes::Bytes;
use roundtrip_record::{BodyRef, BodyWriter};

use crate::Body;

/// A request's body, whoever sends it: counted, kept for the record, and held back where the server
/// is to be asked first (RFC 9110 §10.1.1).
pub(crate) struct Upload {
    body: Body,
    writer: Option<BodyWriter>,
    held: bool,
    taken: u64,
}

impl Upload {
    /// A body that is kept by `writer`, and held back until [`Upload::let_go`] where `held`.
    pub(crate) fn new(body: Body, writer: Option<BodyWriter>, held: bool) -> Self {
        let held = held && !body.is_empty();
        Self { body, writer, held, taken: 0 }
    }

    /// Whether there is no body.
    pub(crate) fn is_empty(&self) -> bool {
        self.taken == 0 && self.body.is_empty()
    }

    /// Whether it is held back.
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Lets it go.
    pub(crate) fn let_go(&mut self) {
        self.held = false;
    }

    /// Bytes that were taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// The next piece; pending while it is held back: whoever lets it go polls again.
    pub(crate) fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if self.held {
            return Poll::Pending;
        }
        let chunk = ready!(self.body.poll_chunk(context));
        if let Some(Ok(bytes)) = &chunk {
            self.taken += bytes.len() as u64;
            if let Some(writer) = &mut self.writer {
                writer.write(bytes);
            }
        }
        Poll::Ready(chunk)
    }

    /// Ends the record of it.
    pub(crate) fn kept(&mut self) -> Option<BodyRef> {
        self.writer.take().and_then(BodyWriter::finish)
    }
}
