//! A connection's stream of bytes: in the clear or through TLS.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::net::SocketAddr;

use bytes::{Buf as _, BytesMut};
use roundtrip_record::{ConnectionId, EventId, Time};
use roundtrip_wire::{Nodelay, StreamInfo, Transport};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_rustls::TlsStream;

use crate::client::alert;

/// A stream in the clear or through TLS; what TLS goes through may be TLS itself, where a proxy is spoken to
/// in secret.
#[derive(Debug)]
pub(crate) enum Channel<S> {
    Plain(S),
    Tls(Box<Secret<S>>),
}

/// TLS over a channel.
pub(crate) type Secret<S> = TlsStream<Counted<Channel<S>>>;

impl<S> Channel<S> {
    pub(crate) fn is_secure(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether HTTP/2 was agreed on (RFC 7301).
    pub(crate) fn speaks_two(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(b"h2"))
    }

    fn raw(&self) -> &S {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(tls) => tls.get_ref().0.stream.raw(),
        }
    }

    fn raw_mut(&mut self) -> &mut S {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(tls) => tls.get_mut().0.stream.raw_mut(),
        }
    }
}

/// A stream that counts the bytes it received.
#[derive(Debug)]
pub(crate) struct Counted<S> {
    pub(crate) stream: S,
    pub(crate) received: u64,
    /// What was read from the stream before this began, and is to be had again.
    early: BytesMut,
    /// The first bytes since this began: what a server says that does not speak what we expect.
    first: ([u8; FIRST], usize),
}

/// How many first bytes are remembered.
const FIRST: usize = 8;

impl<S> Counted<S> {
    /// A stream of which so many bytes were received before.
    pub(crate) fn after(stream: S, received: u64) -> Self {
        Self { stream, received, early: BytesMut::new(), first: ([0; FIRST], 0) }
    }

    /// A stream of which so many bytes were received before, and of these the last are to be had again.
    pub(crate) fn with_early(stream: S, early: BytesMut, received: u64) -> Self {
        let received = received.saturating_sub(early.len() as u64);
        Self { early, ..Self::after(stream, received) }
    }
}

impl<S> Counted<S> {
    /// The first bytes that were received since this began.
    pub(crate) fn first(&self) -> &[u8] {
        &self.first.0[..self.first.1]
    }

    fn count(&mut self, bytes: &[u8]) {
        let (first, have) = &mut self.first;
        let more = bytes.len().min(FIRST - *have);
        first[*have..*have + more].copy_from_slice(&bytes[..more]);
        *have += more;
        self.received += bytes.len() as u64;
    }
}

impl<S: Transport> Counted<S> {
    /// The segment that brought the last byte so far.
    pub(crate) fn last_segment(&self) -> Option<EventId> {
        self.received.checked_sub(1).and_then(|last| self.stream.segment_at(last))
    }

    /// When the last byte so far had arrived, where the wire tells.
    pub(crate) fn last_arrived(&self) -> Option<Time> {
        self.received.checked_sub(1).and_then(|last| self.stream.arrived(last))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let early = self.early.len().min(buffer.remaining());
        let poll = if early > 0 {
            buffer.put_slice(&self.early[..early]);
            self.early.advance(early);
            Poll::Ready(Ok(()))
        } else {
            Pin::new(&mut self.stream).poll_read(context, buffer)
        };
        self.count(&buffer.filled()[before..]);
        poll
    }
}

macro_rules! forward_writes {
    ($self:ident => $stream:expr) => {
        fn poll_write(
            mut $self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new($stream).poll_write(context, bytes)
        }

        fn poll_flush(
            mut $self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new($stream).poll_flush(context)
        }

        fn poll_shutdown(
            mut $self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new($stream).poll_shutdown(context)
        }
    };
}

/// The most bytes of several pieces that are written as one.
const GATHERED: usize = 64 * 1024;

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    forward_writes!(self => &mut self.stream);

    /// The messages of one flight of a handshake, and records that are there together, leave in one write, as other
    /// libraries have it: each on its own would be a segment of its own, and count as one in the sender's window.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut filled = pieces.iter().filter(|piece| !piece.is_empty());
        let (Some(first), Some(second)) = (filled.next(), filled.next()) else {
            let only = pieces.iter().find(|piece| !piece.is_empty());
            return Pin::new(&mut self.stream)
                .poll_write(context, only.map_or(&[][..], |piece| piece));
        };
        let mut gathered = Vec::with_capacity(first.len() + second.len());
        for piece in [first, second].into_iter().chain(filled) {
            let room = GATHERED - gathered.len().min(GATHERED);
            gathered.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        Pin::new(&mut self.stream).poll_write(context, &gathered)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Channel<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(tls) => {
                let poll = Pin::new(tls.as_mut()).poll_read(context, buffer);
                poll.map_err(|error| told(tls, error))
            }
        }
    }
}

/// An error of reading through TLS: an alert of the server's says in words what it means, since HTTP/2
/// hands on no more than an error's text.
fn told<S>(tls: &Secret<S>, error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match (tls, cause) {
        (TlsStream::Client(_), Some(rustls::Error::AlertReceived(alert))) => {
            let why = format!("the server ended TLS with the alert {}", alert::words(*alert));
            io::Error::new(error.kind(), why)
        }
        _ => error,
    }
}

/// One of two streams, as the trait object that forwarding needs.
trait Writes: AsyncWrite + Unpin {}
impl<S: AsyncWrite + Unpin> Writes for S {}

impl<S: AsyncRead + AsyncWrite + Unpin> Channel<S> {
    fn writer(&mut self) -> &mut (dyn Writes + '_) {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(tls) => tls.as_mut(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Channel<S> {
    forward_writes!(self => self.writer());
}

impl<S: AsyncRead + AsyncWrite + Transport + Unpin> Transport for Channel<S> {
    fn id(&self) -> ConnectionId {
        self.raw().id()
    }

    fn local(&self) -> SocketAddr {
        self.raw().local()
    }

    fn peer(&self) -> SocketAddr {
        self.raw().peer()
    }

    fn info(&self) -> StreamInfo {
        self.raw().info()
    }

    fn abort(&mut self) {
        self.raw_mut().abort();
    }

    /// Through TLS, a byte is there when the last one of its record is: the segment meant is then
    /// the one that brought the last byte read so far.
    fn segment_at(&self, offset: u64) -> Option<EventId> {
        match self {
            Self::Plain(stream) => stream.segment_at(offset),
            Self::Tls(tls) => tls.get_ref().0.last_segment(),
        }
    }

    /// As for [`Transport::segment_at`].
    fn arrived(&self, offset: u64) -> Option<Time> {
        match self {
            Self::Plain(stream) => stream.arrived(offset),
            Self::Tls(tls) => tls.get_ref().0.last_arrived(),
        }
    }

    /// What TLS has not written yet has not left either.
    fn departed(&self) -> Option<Time> {
        match self {
            Self::Plain(stream) => stream.departed(),
            Self::Tls(tls) => {
                let (raw, session) = tls.get_ref();
                raw.stream.departed().filter(|_| !session.wants_write())
            }
        }
    }

    fn set_nodelay(&mut self, nodelay: Nodelay) {
        self.raw_mut().set_nodelay(nodelay);
    }

    async fn send_file(
        &mut self,
        file: &std::fs::File,
        offset: u64,
        length: u64,
    ) -> io::Result<u64> {
        match self {
            Self::Plain(stream) => stream.send_file(file, offset, length).await,
            Self::Tls(tls) => {
                let file = std::rc::Rc::new(file.try_clone()?);
                let mut body: crate::Body = crate::Part::File { file, offset, length }.into();
                let mut sent = 0;
                while let Some(chunk) = body.chunk().await {
                    let chunk = chunk?;
                    tls.write_all(&chunk).await?;
                    sent += chunk.len() as u64;
                }
                Ok(sent)
            }
        }
    }
}
