//! A UDP socket.

use core::cell::Cell;
use core::future::poll_fn;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use roundtrip_host::{SendError, UdpId, UdpOptions, Unreachable};
use roundtrip_record::EventId;
use roundtrip_tcp::Step;

use super::listener::bind_error;
use super::port::Port;
use super::shared::{Stack, traced};
use super::waiter::Waiters;
use crate::datagram::{Datagram, Fragmentation, Incoming, Joining, Outgoing, Packet};

/// As many as Linux cuts from one buffer (`UDP_MAX_SEGMENTS` until 6.9), so that programs do the same
/// on every wire.
const MAX_SEGMENTS: usize = 64;

/// A UDP socket of a [`Stack`].
pub struct StackDatagram<P: Port> {
    stack: Stack<P>,
    id: UdpId,
    local: SocketAddr,
    fragmentation: Cell<Fragmentation>,
}

impl<P: Port> StackDatagram<P> {
    pub(super) fn open(stack: &Stack<P>, at: SocketAddr) -> io::Result<Self> {
        let inner = &mut *stack.shared.inner.borrow_mut();
        let id = inner.host.bind_udp(at).map_err(bind_error)?;
        inner.datagrams.insert(id, Waiters::default());
        let local = inner.host.udp_address(id).unwrap_or(at);
        let fragmentation = Cell::default();
        Ok(Self { stack: stack.clone(), id, local, fragmentation })
    }

    /// Sends the datagrams of one, up to the first that fails.
    fn send(&self, outgoing: &Outgoing<'_>) -> io::Result<()> {
        if outgoing.segment_size == Some(0) || outgoing.segments().nth(MAX_SEGMENTS).is_some() {
            let why = "a segment size of zero, or more than 64 segments";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let options = UdpOptions {
            from: outgoing.from,
            ecn: outgoing.ecn,
            whole: self.fragmentation.get() == Fragmentation::Forbidden,
        };
        let (id, to) = (self.id, outgoing.to);
        self.stack.with(|host, now, log| {
            traced!(log, |trace| {
                let step = Step::new(now, outgoing.cause);
                if let Some((_, error)) = host.take_udp_error(id) {
                    return Err(unreachable(error));
                }
                for bytes in outgoing.segments() {
                    host.send_udp_with(step, id, options, to, bytes, trace).map_err(send_error)?;
                }
                Ok(())
            })
        })
    }

    /// The next datagram or error; waits for one.
    fn poll_next(&self, context: &Context<'_>) -> Poll<io::Result<roundtrip_host::Datagram>> {
        let inner = &mut *self.stack.shared.inner.borrow_mut();
        if let Some((_, error)) = inner.host.take_udp_error(self.id) {
            return Poll::Ready(Err(unreachable(error)));
        }
        if let Some(datagram) = inner.host.receive_udp(self.id) {
            return Poll::Ready(Ok(datagram));
        }
        if let Some(waiters) = inner.datagrams.get_mut(&self.id) {
            waiters.wait(context);
        }
        Poll::Pending
    }
}

impl<P: Port> Datagram for StackDatagram<P> {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn max_send_segments(&self) -> usize {
        MAX_SEGMENTS
    }

    fn max_receive_segments(&self) -> usize {
        1
    }

    fn set_fragmentation(&self, fragmentation: Fragmentation) -> io::Result<()> {
        self.fragmentation.set(fragmentation);
        Ok(())
    }

    fn set_joining(&self, _: Joining) {}

    fn try_send(&self, outgoing: &[Outgoing<'_>]) -> io::Result<usize> {
        for (sent, one) in outgoing.iter().enumerate() {
            match self.send(one) {
                Ok(()) => {}
                Err(error) if sent == 0 => return Err(error),
                // The caller comes back with it, and hears of it then.
                Err(_) => return Ok(sent),
            }
        }
        Ok(outgoing.len())
    }

    /// Our host takes every datagram at once, and drops what its queues have no room for.
    fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        incoming: &mut [Incoming],
    ) -> Poll<io::Result<usize>> {
        let mut filled = 0;
        for (buffer, incoming) in buffers.iter_mut().zip(incoming) {
            let datagram = if filled == 0 {
                ready!(self.poll_next(context))?
            } else {
                // An error that came meanwhile is told by the next call.
                let inner = &mut *self.stack.shared.inner.borrow_mut();
                let Some(datagram) = inner.host.receive_udp(self.id) else { break };
                datagram
            };
            let length = datagram.bytes.len().min(buffer.len());
            buffer[..length].copy_from_slice(&datagram.bytes[..length]);
            *incoming = Incoming {
                from: datagram.from,
                to: Some(datagram.to),
                ecn: datagram.ecn,
                length,
                stride: length,
                arrived: None,
                cause: datagram.cause,
            };
            filled += 1;
        }
        Poll::Ready(Ok(filled))
    }

    async fn send_to(
        &self,
        bytes: &[u8],
        to: SocketAddr,
        cause: Option<EventId>,
    ) -> io::Result<()> {
        self.send(&Outgoing::one(bytes, to, cause))
    }

    async fn receive(&self) -> io::Result<Packet> {
        let datagram = poll_fn(|context| self.poll_next(context)).await?;
        let roundtrip_host::Datagram { bytes, from, cause, .. } = datagram;
        Ok(Packet { bytes, from, arrived: None, cause })
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
        // ENOBUFS: the datagram is lost.
        SendError::QueueFull => io::ErrorKind::Other,
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
