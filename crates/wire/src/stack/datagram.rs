//! A UDP socket.

use core::future::poll_fn;
use core::task::Poll;
use std::io;
use std::net::SocketAddr;

use roundtrip_host::{SendError, UdpId, Unreachable};
use roundtrip_record::EventId;

use super::listener::bind_error;
use super::waiter::Waiters;
use super::{Port, Stack, traced};
use crate::{Datagram, Packet};

/// A UDP socket of a [`Stack`].
pub struct StackDatagram<P: Port> {
    stack: Stack<P>,
    id: UdpId,
    local: SocketAddr,
}

impl<P: Port> StackDatagram<P> {
    pub(super) fn open(stack: &Stack<P>, at: SocketAddr) -> io::Result<Self> {
        let inner = &mut *stack.shared.inner.borrow_mut();
        let id = inner.host.bind_udp(at).map_err(bind_error)?;
        inner.datagrams.insert(id, Waiters::default());
        let local = inner.host.udp_address(id).unwrap_or(at);
        Ok(Self { stack: stack.clone(), id, local })
    }

    fn take_error(&self) -> Option<io::Error> {
        let error = self.stack.shared.inner.borrow_mut().host.take_udp_error(self.id);
        error.map(|(_, error)| unreachable(error))
    }
}

impl<P: Port> Datagram for StackDatagram<P> {
    fn local(&self) -> SocketAddr {
        self.local
    }

    async fn send_to(
        &self,
        bytes: &[u8],
        to: SocketAddr,
        cause: Option<EventId>,
    ) -> io::Result<()> {
        if let Some(error) = self.take_error() {
            return Err(error);
        }
        let id = self.id;
        self.stack
            .with(|host, now, log| {
                traced!(log, |trace| host.send_udp(now, id, to, bytes, cause, trace))
            })
            .map_err(send_error)
    }

    async fn receive(&self) -> io::Result<Packet> {
        poll_fn(|context| {
            let inner = &mut *self.stack.shared.inner.borrow_mut();
            if let Some((_, error)) = inner.host.take_udp_error(self.id) {
                return Poll::Ready(Err(unreachable(error)));
            }
            if let Some(datagram) = inner.host.receive_udp(self.id) {
                let roundtrip_host::Datagram { from, bytes, cause, .. } = datagram;
                return Poll::Ready(Ok(Packet { bytes, from, cause }));
            }
            if let Some(waiters) = inner.datagrams.get_mut(&self.id) {
                waiters.wait(context);
            }
            Poll::Pending
        })
        .await
    }
}

impl<P: Port> Drop for StackDatagram<P> {
    fn drop(&mut self) {
        let inner = &mut *self.stack.shared.inner.borrow_mut();
        inner.datagrams.remove(&self.id);
        inner.host.close_udp(self.id);
    }
}

/// As `sendto` says it.
fn send_error(error: SendError) -> io::Error {
    let kind = match error {
        SendError::Closed => io::ErrorKind::NotConnected,
        SendError::NoRoute => io::ErrorKind::NetworkUnreachable,
        SendError::TooLong { .. } | SendError::BadDestination => io::ErrorKind::InvalidInput,
        SendError::QueueFull => io::ErrorKind::WouldBlock,
    };
    io::Error::new(kind, error)
}

/// As the next call on the socket says it (`icmp_err_convert`).
fn unreachable(error: Unreachable) -> io::Error {
    let kind = match error {
        Unreachable::Icmp { why, .. } if why.is_refusal() => io::ErrorKind::ConnectionRefused,
        Unreachable::Icmp { .. } | Unreachable::NoNeighbour { .. } => {
            io::ErrorKind::HostUnreachable
        }
        Unreachable::TooBig { .. } => io::ErrorKind::InvalidInput,
    };
    io::Error::new(kind, error)
}
