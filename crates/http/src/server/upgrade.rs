//! A connection, or a stream of one, that goes on as something else (RFC 9110 §7.8, §9.3.6).

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use bytes::{Buf as _, BytesMut};
use roundtrip_wire::LocalFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// What is left when a request has been answered so that its connection goes on as something else:
/// bytes in both directions, to the end of either.
pub struct Upgraded(Box<dyn Duplex>);

impl Upgraded {
    pub(crate) fn new(duplex: impl Duplex + 'static) -> Self {
        Self(Box::new(duplex))
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(context)
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").finish_non_exhaustive()
    }
}

/// What goes on with the bytes after the response: of status 101 in HTTP/1.1, of a successful one to
/// CONNECT in every version.
pub struct Upgrade(Box<dyn FnOnce(Upgraded) -> LocalFuture<'static, ()>>);

impl Upgrade {
    /// Has `go_on` use the bytes; the connection, or the stream, ends with it.
    pub fn new(go_on: impl FnOnce(Upgraded) -> LocalFuture<'static, ()> + 'static) -> Self {
        Self(Box::new(go_on))
    }

    pub(crate) fn run(self, upgraded: Upgraded) -> LocalFuture<'static, ()> {
        (self.0)(upgraded)
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").finish_non_exhaustive()
    }
}

/// A stream of bytes of which some were read too early.
pub(crate) struct Early<S> {
    stream: S,
    early: BytesMut,
}

impl<S> Early<S> {
    pub(crate) fn new(stream: S, early: BytesMut) -> Self {
        Self { stream, early }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Early<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let early = self.early.len().min(buffer.remaining());
        if early == 0 {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        buffer.put_slice(&self.early[..early]);
        self.early.advance(early);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Early<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
