//! A UDP socket of the kernel.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::rc::Rc;

use roundtrip_os::syscall::{
    Arrived, BATCH, Train, describe_datagrams, join_datagrams, receive_datagrams, send_datagrams,
    set_option,
};
use roundtrip_record::EventId;
use roundtrip_wire::{
    Datagram, Ecn, Fragmentation, Incoming, Joining, LocalFuture, Outgoing, Packet,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::icmp;
use crate::network::Network;

/// As many as every kernel with `UDP_SEGMENT` cuts from one buffer (`UDP_MAX_SEGMENTS` until 6.9).
const MAX_SEGMENTS: usize = 64;
/// The most bytes a datagram can have, and the most that the kernel joins.
const LARGEST: usize = 65_535;
/// Errors that wait to be told; of more the oldest go.
const MAX_ERRORS: usize = 16;

/// A UDP socket.
pub struct LiveDatagram {
    udp: Rc<UdpSocket>,
    local: SocketAddr,
    network: Rc<Network>,
    joining: Cell<Joining>,
    /// The kernel cuts what is sent, as far as is known.
    cuts: Cell<bool>,
    /// Where [`Datagram::receive`] receives into, once it is used.
    received: RefCell<Received>,
    errors: Errors,
}

/// What ICMP brought back and nobody has been told. It waits in a queue of the socket's own, which
/// does not make the socket readable.
struct Errors {
    kept: Rc<RefCell<VecDeque<io::Error>>>,
    /// Gathers them for ever, as long as it is polled.
    gathering: RefCell<LocalFuture<'static, ()>>,
}

impl Errors {
    fn of(udp: &Rc<UdpSocket>) -> Self {
        let kept = Rc::<RefCell<VecDeque<io::Error>>>::default();
        let gathering = RefCell::new(Box::pin(gather(Rc::clone(udp), Rc::clone(&kept))) as _);
        Self { kept, gathering }
    }

    /// The next one, at once or when it comes.
    fn poll(&self, context: &mut Context<'_>) -> Poll<io::Error> {
        if self.kept.borrow().is_empty() {
            let _ = self.gathering.borrow_mut().as_mut().poll(context);
        }
        self.kept.borrow_mut().pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

async fn gather(udp: Rc<UdpSocket>, kept: Rc<RefCell<VecDeque<io::Error>>>) {
    while udp.ready(Interest::ERROR).await.is_ok() {
        // Only a call that would have to wait makes the runtime look again.
        let _ = udp.try_io(Interest::ERROR, || {
            while let Some(error) = icmp::take_error(udp.as_fd()) {
                let mut kept = kept.borrow_mut();
                if kept.len() == MAX_ERRORS {
                    kept.pop_front();
                }
                kept.push_back(error);
            }
            io::Result::<()>::Err(io::ErrorKind::WouldBlock.into())
        });
    }
}

/// What was received joined, and not taken yet.
#[derive(Default)]
struct Received {
    buffer: Vec<u8>,
    incoming: Option<Incoming>,
    taken: usize,
}

impl Received {
    /// The next datagram of those joined.
    fn next(&mut self) -> Option<Packet> {
        let Incoming { from, length, stride, arrived, cause, .. } = self.incoming?;
        let start = self.taken;
        self.taken = length.min(start + stride.max(1));
        if self.taken == length {
            self.incoming = None;
        }
        let bytes = self.buffer[start..self.taken].to_vec();
        Some(Packet { bytes, from, arrived, cause })
    }
}

impl LiveDatagram {
    pub(crate) fn open(network: &Rc<Network>, at: SocketAddr) -> io::Result<Self> {
        let udp = std::net::UdpSocket::bind(at)?;
        udp.set_nonblocking(true)?;
        let udp = Rc::new(UdpSocket::from_std(udp)?);
        // An unconnected socket hears of "port unreachable" only if it asks (ip(7), ipv6(7)).
        icmp::ask(udp.as_fd(), at.is_ipv6());
        describe_datagrams(udp.as_fd(), at.is_ipv6())?;
        let local = udp.local_addr()?;
        network.register_udp(local);
        let errors = Errors::of(&udp);
        Ok(Self {
            udp,
            local,
            network: Rc::clone(network),
            joining: Cell::default(),
            cuts: Cell::new(true),
            received: RefCell::default(),
            errors,
        })
    }

    /// Hands over as much as the kernel takes now.
    fn send(&self, outgoing: &[Outgoing<'_>]) -> io::Result<usize> {
        let first = outgoing.first().ok_or(io::ErrorKind::InvalidInput)?;
        if first.segment_size.is_some_and(|size| size < first.bytes.len()) && !self.cuts.get() {
            return self.send_one_by_one(first).map(|()| 1);
        }
        let mut trains = [Train { bytes: &[], ..train(first)? }; BATCH];
        let mut count = 0;
        for (place, one) in trains.iter_mut().zip(outgoing) {
            match train(one) {
                Ok(train) => *place = train,
                // It is told when it is the first.
                Err(_) => break,
            }
            count += 1;
        }
        let result = send_datagrams(self.udp.as_fd(), &trains[..count]);
        let Err(error) = &result else { return result };
        let cannot_cut = matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL));
        if cannot_cut && trains[0].segment_size.is_some() {
            // The interface computes no checksums, or the segments are too long for it.
            self.cuts.set(false);
            return self.send_one_by_one(first).map(|()| 1);
        }
        result.map_err(named)
    }

    /// Sends the datagrams of one without the kernel's help. Those that do not fit into its buffer any
    /// more are lost; only if none does it is said.
    fn send_one_by_one(&self, outgoing: &Outgoing<'_>) -> io::Result<()> {
        let whole = Train { segment_size: None, ..train(outgoing)? };
        for (number, bytes) in outgoing.segments().enumerate() {
            match send_datagrams(self.udp.as_fd(), &[Train { bytes, ..whole }]) {
                Ok(_) => {}
                Err(error) if number > 0 && error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(named(error)),
            }
        }
        Ok(())
    }

    /// Takes what is there now.
    fn take(&self, buffers: &mut [IoSliceMut<'_>], incoming: &mut [Incoming]) -> io::Result<usize> {
        let mut arrived = [Arrived::NOTHING; BATCH];
        let places = incoming.len().min(BATCH);
        let count = receive_datagrams(self.udp.as_fd(), buffers, &mut arrived[..places])?;
        for (incoming, arrived) in incoming.iter_mut().zip(&arrived[..count]) {
            *incoming = Incoming {
                from: arrived.from,
                to: arrived.to,
                ecn: Ecn::from_bits(arrived.ecn),
                length: arrived.length,
                stride: arrived.segment_size.unwrap_or(arrived.length),
                arrived: arrived.stamp.map(|nanos| self.network.clock.at(nanos)),
                cause: None,
            };
        }
        Ok(count)
    }

    /// Takes one datagram, or several joined, for [`Datagram::receive`].
    fn take_next(&self) -> io::Result<Packet> {
        let received = &mut *self.received.borrow_mut();
        if let Some(packet) = received.next() {
            return Ok(packet);
        }
        received.buffer.resize(LARGEST, 0);
        let mut incoming = [Incoming::NOTHING];
        self.take(&mut [IoSliceMut::new(&mut received.buffer)], &mut incoming)?;
        (received.incoming, received.taken) = (Some(incoming[0]), 0);
        received.next().ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

/// The kernel's word for a datagram that is too long has no kind of its own.
fn named(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EMSGSIZE) => io::Error::new(io::ErrorKind::InvalidInput, error),
        _ => error,
    }
}

/// In the kernel's form.
fn train<'a>(outgoing: &Outgoing<'a>) -> io::Result<Train<'a>> {
    let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why.to_owned());
    let cut = outgoing.segment_size.filter(|size| *size < outgoing.bytes.len());
    if outgoing.segment_size == Some(0) {
        return Err(invalid("a segment size of zero"));
    }
    if cut.is_some_and(|size| outgoing.bytes.len().div_ceil(size) > MAX_SEGMENTS) {
        return Err(invalid("more than 64 segments"));
    }
    Ok(Train {
        to: outgoing.to,
        from: outgoing.from,
        ecn: outgoing.ecn as u8,
        bytes: outgoing.bytes,
        segment_size: match cut.map(u16::try_from) {
            None => None,
            Some(Ok(size)) => Some(size),
            Some(Err(_)) => return Err(invalid("longer than a datagram can be")),
        },
    })
}

impl Datagram for LiveDatagram {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn max_send_segments(&self) -> usize {
        if self.cuts.get() { MAX_SEGMENTS } else { 1 }
    }

    fn max_receive_segments(&self) -> usize {
        match self.joining.get() {
            Joining::On => MAX_SEGMENTS,
            Joining::Off => 1,
        }
    }

    fn set_fragmentation(&self, fragmentation: Fragmentation) -> io::Result<()> {
        let set = |level, option, kind: i32| {
            set_option(self.udp.as_fd(), level, option, &kind.to_ne_bytes())
        };
        let discovery = match fragmentation {
            Fragmentation::Allowed => libc::IP_PMTUDISC_WANT,
            Fragmentation::Forbidden => libc::IP_PMTUDISC_PROBE,
        };
        let v4 = set(libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, discovery);
        if self.local.is_ipv4() {
            return v4;
        }
        // The same numbers. An IPv6 socket may send IPv4 as well, or may not.
        set(libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, discovery)
    }

    fn set_joining(&self, joining: Joining) {
        if join_datagrams(self.udp.as_fd(), joining == Joining::On).is_ok() {
            self.joining.set(joining);
        }
    }

    fn try_send(&self, outgoing: &[Outgoing<'_>]) -> io::Result<usize> {
        if outgoing.is_empty() {
            return Ok(0);
        }
        let result = self.send(outgoing);
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            // Only so the runtime learns that there is something to wait for.
            let full = || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into());
            let _ = self.udp.try_io(Interest::WRITABLE, full);
        }
        result
    }

    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.udp.poll_send_ready(context)
    }

    fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        incoming: &mut [Incoming],
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.udp.poll_recv_ready(context)?.is_pending() {
                return self.errors.poll(context).map(Err);
            }
            let taken = self.udp.try_io(Interest::READABLE, || self.take(buffers, incoming));
            match taken {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    async fn send_to(
        &self,
        bytes: &[u8],
        to: SocketAddr,
        cause: Option<EventId>,
    ) -> io::Result<()> {
        let outgoing = [Outgoing::one(bytes, to, cause)];
        self.udp.async_io(Interest::WRITABLE, || self.send(&outgoing)).await.map(|_| ())
    }

    async fn receive(&self) -> io::Result<Packet> {
        if let Some(packet) = self.received.borrow_mut().next() {
            return Ok(packet);
        }
        tokio::select! { biased;
            error = poll_fn(|context| self.errors.poll(context)) => Err(error),
            packet = self.udp.async_io(Interest::READABLE, || self.take_next()) => packet,
        }
    }
}

impl Drop for LiveDatagram {
    fn drop(&mut self) {
        self.network.forget_udp(self.local);
    }
}
