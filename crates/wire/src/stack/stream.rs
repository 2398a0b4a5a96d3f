//! A TCP connection.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::net::SocketAddr;

use bytes::{Buf as _, Bytes};
use roundtrip_host::SocketId;
use roundtrip_record::{CloseReason, ConnectionId, EventId, TcpState};
use roundtrip_tcp::{Connection, ReadError, WriteError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::port::Port;
use super::shared::{Inner, Stack, Watched, traced};
use crate::wire::{Nodelay, StreamInfo, Transport};

/// A TCP connection of a [`Stack`]. Dropping it closes it as the kernel closes a descriptor: with
/// FIN, or with RST when data is left unread.
pub struct StackStream<P: Port> {
    stack: Stack<P>,
    socket: SocketId,
    id: ConnectionId,
    local: SocketAddr,
    peer: SocketAddr,
}

impl<P: Port> StackStream<P> {
    pub(super) fn new(
        stack: Stack<P>,
        socket: SocketId,
        (id, local, peer): (ConnectionId, SocketAddr, SocketAddr),
    ) -> Self {
        Self { stack, socket, id, local, peer }
    }

    /// Sends from `bytes` without copying what is large; what was taken is gone from `bytes`.
    ///
    /// # Errors
    /// As [`AsyncWrite::poll_write`].
    pub fn poll_write_bytes(
        &mut self,
        context: &Context<'_>,
        bytes: &mut Bytes,
    ) -> Poll<io::Result<usize>> {
        let inner = &mut *self.stack.shared.inner.borrow_mut();
        let now = self.stack.shared.port.now();
        match inner.host.write_bytes(now, self.socket, bytes.clone()) {
            Ok(0) if !bytes.is_empty() => {
                inner.watched(self.socket).writer.wait(context);
                Poll::Pending
            }
            Ok(taken) => {
                bytes.advance(taken);
                self.stack.drain(inner);
                Poll::Ready(Ok(taken))
            }
            Err(error) => Poll::Ready(Err(write_error(error))),
        }
    }

    /// Sends all of `bytes` without copying what is large.
    ///
    /// # Errors
    /// As [`AsyncWrite::poll_write`].
    pub async fn write_all_bytes(&mut self, mut bytes: Bytes) -> io::Result<()> {
        while !bytes.is_empty() {
            poll_fn(|context| self.poll_write_bytes(context, &mut bytes)).await?;
        }
        Ok(())
    }

    /// Completes when a read would give something: data, the end of the stream or an error.
    pub fn poll_readable(&mut self, context: &Context<'_>) -> Poll<()> {
        let inner = &mut *self.stack.shared.inner.borrow_mut();
        match inner.host.check_read(self.socket) {
            Err(error) => not_read(inner, self.socket, context, error).map(drop),
            Ok(_) => Poll::Ready(()),
        }
    }

    /// Reads all that has arrived and drops it (`MSG_TRUNC`). Gives its length; 0 at the end of the
    /// stream.
    ///
    /// # Errors
    /// As [`AsyncRead::poll_read`].
    pub fn poll_discard(&mut self, context: &Context<'_>) -> Poll<io::Result<usize>> {
        let inner = &mut *self.stack.shared.inner.borrow_mut();
        let now = self.stack.shared.port.now();
        match inner.host.check_read(self.socket) {
            Ok(arrived) => {
                inner.host.consume(now, self.socket, arrived);
                self.stack.drain(inner);
                Poll::Ready(Ok(arrived))
            }
            Err(error) => not_read(inner, self.socket, context, error).map_ok(|()| 0),
        }
    }

    /// Reads without copying: shows what has arrived to `take`, which answers how many bytes of it
    /// it has taken. Gives that number; 0 at the end of the stream.
    ///
    /// # Errors
    /// As [`AsyncRead::poll_read`].
    pub fn poll_read_with(
        &mut self,
        context: &Context<'_>,
        take: impl FnOnce([&[u8]; 2]) -> usize,
    ) -> Poll<io::Result<usize>> {
        let inner = &mut *self.stack.shared.inner.borrow_mut();
        let now = self.stack.shared.port.now();
        match inner.host.check_read(self.socket) {
            Ok(0) => return Poll::Ready(Ok(0)),
            Ok(_) => {}
            Err(error) => return not_read(inner, self.socket, context, error).map_ok(|()| 0),
        }
        let taken = take(inner.host.peek(self.socket));
        inner.host.consume(now, self.socket, taken);
        self.stack.drain(inner);
        Poll::Ready(Ok(taken))
    }

    fn look<T>(&self, look: impl FnOnce(&Connection) -> T) -> Option<T> {
        self.stack.shared.inner.borrow().host.tcp(self.socket).map(look)
    }
}

/// Nothing was read: waits, or says why there will be nothing.
fn not_read(
    inner: &mut Inner,
    socket: SocketId,
    context: &Context<'_>,
    error: ReadError,
) -> Poll<io::Result<()>> {
    match error {
        ReadError::WouldBlock => {
            inner.watched(socket).reader.wait(context);
            Poll::Pending
        }
        // Both directions had been closed in order: there is no more to read.
        ReadError::Closed(CloseReason::Finished | CloseReason::TimeWaitOver) => Poll::Ready(Ok(())),
        ReadError::Closed(reason) => Poll::Ready(Err(closed(reason))),
    }
}

impl<P: Port> AsyncRead for StackStream<P> {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let inner = &mut *self.stack.shared.inner.borrow_mut();
        let now = self.stack.shared.port.now();
        match inner.host.read(now, self.socket, into.initialize_unfilled()) {
            Ok(0) => Poll::Ready(Ok(())),
            Ok(read) => {
                into.advance(read);
                // Taking data may have made an announcement of our window due.
                self.stack.drain(inner);
                Poll::Ready(Ok(()))
            }
            Err(error) => not_read(inner, self.socket, context, error),
        }
    }
}

impl<P: Port> AsyncWrite for StackStream<P> {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let inner = &mut *self.stack.shared.inner.borrow_mut();
        let now = self.stack.shared.port.now();
        match inner.host.write(now, self.socket, bytes) {
            Ok(0) => {
                inner.watched(self.socket).writer.wait(context);
                Poll::Pending
            }
            Ok(written) => {
                self.stack.drain(inner);
                Poll::Ready(Ok(written))
            }
            Err(error) => Poll::Ready(Err(write_error(error))),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // As with a kernel socket: what is written is on its way or waits for the window.
        Poll::Ready(Ok(()))
    }

    /// Half-close: a FIN follows what has been written, and reading goes on.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = self.socket;
        self.stack.with(|host, now, log| traced!(log, |trace| host.shutdown(now, socket, trace)));
        Poll::Ready(Ok(()))
    }
}

impl<P: Port> Transport for StackStream<P> {
    fn id(&self) -> ConnectionId {
        self.id
    }

    fn local(&self) -> SocketAddr {
        self.local
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn info(&self) -> StreamInfo {
        let syns = {
            let inner = self.stack.shared.inner.borrow();
            let syns = inner.host.syn_times(self.socket);
            syns.first().map(|first| (*first, syns.len() as u32))
        };
        let info = self.look(Connection::info);
        let time = |time: core::time::Duration| (!time.is_zero()).then_some(time);
        StreamInfo {
            state: info.as_ref().map_or(TcpState::Closed, |info| info.state),
            srtt: info.as_ref().and_then(|info| time(info.rtt)),
            min_rtt: info.as_ref().and_then(|info| info.min_rtt),
            cwnd: info.as_ref().map(|info| u64::from(info.snd_cwnd) * u64::from(info.snd_mss)),
            unacknowledged: info.as_ref().map(|info| u64::from(info.unacked_bytes)),
            receive_window: info.as_ref().map(|info| u64::from(info.rcv_wnd)),
            retransmissions: info.as_ref().map(|info| u64::from(info.total_retrans)),
            syn: syns,
            syn_ack: None,
        }
    }

    fn abort(&mut self) {
        let socket = self.socket;
        self.stack.with(|host, now, log| traced!(log, |trace| host.abort(now, socket, trace)));
    }

    fn segment_at(&self, offset: u64) -> Option<EventId> {
        self.look(|connection| connection.segment_at(offset)).flatten()
    }

    fn set_nodelay(&mut self, nodelay: Nodelay) {
        let socket = self.socket;
        self.stack.with(|host, now, _| host.set_nodelay(now, socket, nodelay == Nodelay::On));
    }
}

impl<P: Port> Drop for StackStream<P> {
    fn drop(&mut self) {
        let socket = self.socket;
        *self.stack.shared.inner.borrow_mut().watched(socket) = Watched::default();
        self.stack.with(|host, now, log| traced!(log, |trace| host.close(now, socket, trace)));
    }
}

fn write_error(error: WriteError) -> io::Error {
    match error {
        WriteError::ShutDown => io::Error::new(io::ErrorKind::BrokenPipe, error),
        WriteError::Closed(reason) => closed(reason),
    }
}

/// What the kernel's sockets say of a connection that is gone (`sk->sk_err`).
fn closed(reason: CloseReason) -> io::Error {
    let kind = match reason {
        CloseReason::Finished | CloseReason::TimeWaitOver => io::ErrorKind::BrokenPipe,
        CloseReason::Reset => io::ErrorKind::ConnectionReset,
        CloseReason::Refused => io::ErrorKind::ConnectionRefused,
        CloseReason::Aborted | CloseReason::Replaced => io::ErrorKind::ConnectionAborted,
        CloseReason::TimedOut => io::ErrorKind::TimedOut,
        CloseReason::Unreachable => io::ErrorKind::HostUnreachable,
    };
    kind.into()
}
