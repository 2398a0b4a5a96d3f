//! A listening socket.

use core::future::poll_fn;
use core::task::Poll;
use std::io;
use std::net::SocketAddr;

use roundtrip_host::{BindError, ListenerId};

use super::port::Port;
use super::shared::{Stack, traced};
use super::stream::StackStream;
use super::waiter::Waiter;
use crate::wire::Listener;

/// Connections that may wait to be accepted (`net.core.somaxconn`).
const BACKLOG: usize = 4096;

/// A listening socket of a [`Stack`]. Dropped, it listens no more, and what nobody has accepted is
/// reset.
pub struct StackListener<P: Port> {
    stack: Stack<P>,
    id: ListenerId,
    local: SocketAddr,
}

impl<P: Port> StackListener<P> {
    pub(super) fn open(stack: &Stack<P>, at: SocketAddr) -> io::Result<Self> {
        let inner = &mut *stack.shared.inner.borrow_mut();
        let id = inner.host.listen(at, BACKLOG).map_err(bind_error)?;
        inner.listeners.insert(id, Waiter::default());
        let local = inner.host.listener_address(id).unwrap_or(at);
        Ok(Self { stack: stack.clone(), id, local })
    }
}

impl<P: Port> Listener for StackListener<P> {
    type Stream = StackStream<P>;

    fn local(&self) -> SocketAddr {
        self.local
    }

    async fn accept(&mut self) -> io::Result<StackStream<P>> {
        poll_fn(|context| {
            let mut inner = self.stack.shared.inner.borrow_mut();
            let Some(socket) = inner.host.accept(self.id) else {
                if let Some(waiter) = inner.listeners.get_mut(&self.id) {
                    waiter.wait(context);
                }
                return Poll::Pending;
            };
            let id = inner.adopt(socket);
            let Some(connection) = inner.host.tcp(socket) else {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            };
            let opened = (id, connection.local(), connection.remote());
            drop(inner);
            Poll::Ready(Ok(StackStream::new(self.stack.clone(), socket, opened)))
        })
        .await
    }
}

impl<P: Port> Drop for StackListener<P> {
    fn drop(&mut self) {
        self.stack.shared.inner.borrow_mut().listeners.remove(&self.id);
        let id = self.id;
        self.stack.with(|host, now, log| traced!(log, |trace| host.close_listener(now, id, trace)));
    }
}

/// As `bind` says it.
pub(super) fn bind_error(error: BindError) -> io::Error {
    let kind = match error {
        BindError::AddressInUse | BindError::PortsExhausted => io::ErrorKind::AddrInUse,
        BindError::AddressNotAvailable => io::ErrorKind::AddrNotAvailable,
        BindError::TooManySockets => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
