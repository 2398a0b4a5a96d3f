//! A connection, or a stream of one, that goes on as something else than HTTP (RFC 9110 §7.8, §9.3.6).

use core::any::Any;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::channel::Channel;

/// Bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Any {}
impl<T: AsyncRead + AsyncWrite + Unpin + Any> Duplex for T {}

/// What is left when a request has been answered so that its connection goes on as something else:
/// bytes in both directions, to the end of either.
pub struct Upgraded(Box<dyn Duplex>);

/// A stream of a wire, and what was read from it and not used.
#[derive(Debug)]
pub struct Accepted<S> {
    /// The stream.
    pub stream: S,
    /// What was read from it and not used.
    pub early: BytesMut,
    /// Bytes that were read from it, those in `early` included.
    pub received: u64,
}

impl<S> Accepted<S> {
    /// A stream from which nothing was read.
    pub fn new(stream: S) -> Self {
        Self { stream, early: BytesMut::new(), received: 0 }
    }
}

impl Upgraded {
    pub(crate) fn new(duplex: impl Duplex) -> Self {
        Self(Box::new(duplex))
    }

    /// The stream of the wire itself.
    ///
    /// # Errors
    /// With the same again, where there is none of that kind: it goes through TLS, or is one stream of
    /// many.
    pub fn into_accepted<S: 'static>(self) -> Result<Accepted<S>, Self> {
        let inner: &dyn Any = &*self.0;
        let bare = |early: &Early<Channel<S>>| matches!(early.stream, Channel::Plain(_));
        if !inner.downcast_ref().is_some_and(bare) {
            return Err(self);
        }
        let inner: Box<dyn Any> = self.0;
        match inner.downcast::<Early<Channel<S>>>().map(|early| *early) {
            Ok(Early { stream: Channel::Plain(stream), early, received, .. }) => {
                Ok(Accepted { stream, early, received })
            }
            // It was looked at before.
            Ok(_) | Err(_) => Err(Self::new(tokio::io::empty())),
        }
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

/// A stream of bytes of which some were read too early.
pub(crate) struct Early<S> {
    stream: S,
    early: BytesMut,
    /// Bytes that were read from it, early ones included.
    received: u64,
    /// What has to live as long as the stream is used.
    _held: Option<Box<dyn Any>>,
}

impl<S> Early<S> {
    pub(crate) fn new(stream: S, early: BytesMut, received: u64) -> Self {
        Self { stream, early, received, _held: None }
    }

    /// The same, with something that has to live as long.
    pub(crate) fn holding(self, held: impl Any) -> Self {
        Self { _held: Some(Box::new(held)), ..self }
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
