//! A stream of HTTP/2 as bytes in both directions.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::two::poll_room;

/// See the module.
pub(crate) struct Duplex {
    incoming: RecvStream,
    outgoing: SendStream<Bytes>,
    /// What came and was not read yet.
    piece: Bytes,
}

impl Duplex {
    pub(crate) fn new(incoming: RecvStream, outgoing: SendStream<Bytes>) -> Self {
        Self { incoming, outgoing, piece: Bytes::new() }
    }
}

impl AsyncRead for Duplex {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.piece.is_empty() {
            match ready!(self.incoming.poll_data(context)) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.piece.len().min(buffer.remaining());
        let part = self.piece.split_to(length);
        buffer.put_slice(&part);
        // What was taken may be sent again; that can fail only for a stream that is over.
        let _ = self.incoming.flow_control().release_capacity(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(poll_room(&mut self.outgoing, bytes.len().min(16 * 1024), context)) {
            Some(room) => {
                let part = Bytes::copy_from_slice(&bytes[..room]);
                self.outgoing.send_data(part, false).map_err(io::Error::other)?;
                Poll::Ready(Ok(room))
            }
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A stream that is over is shut down.
        let _ = self.outgoing.send_data(Bytes::new(), true);
        Poll::Ready(Ok(()))
    }
}
