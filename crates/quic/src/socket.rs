//! The socket of an endpoint: datagrams in, datagrams out.

use core::cell::{Cell, RefCell};
use core::task::{Context, Poll, ready};
use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use bytes::BytesMut;
use quinn_proto::{EcnCodepoint, Transmit};
use roundtrip_packet::Ecn;
use roundtrip_record::{EventId, Time};
use roundtrip_wire::{Datagram, Fragmentation, Incoming, Joining, Outgoing};

/// Buffers that are received into at once.
const BATCH: usize = 8;
/// Bytes of one: the largest datagram, or several joined.
const BUFFER: usize = 64 * 1024;
/// Datagrams that are handed over at once at most: what one pacing burst of `quinn-proto` has.
const SEGMENTS: usize = 10;

/// A datagram that came in.
pub(crate) struct Came {
    pub(crate) from: SocketAddr,
    pub(crate) to: Option<IpAddr>,
    pub(crate) ecn: Option<EcnCodepoint>,
    pub(crate) bytes: BytesMut,
    pub(crate) arrived: Option<Time>,
    pub(crate) cause: Option<EventId>,
}

/// Datagrams that the socket did not take yet.
struct Waiting {
    transmit: Transmit,
    bytes: Vec<u8>,
    cause: Option<EventId>,
}

/// See the module.
pub(crate) struct Socket<D> {
    datagram: D,
    whole: bool,
    segments: usize,
    receiving: RefCell<Vec<u8>>,
    waiting: RefCell<VecDeque<Waiting>>,
    blocked: Cell<bool>,
}

impl<D: Datagram> Socket<D> {
    pub(crate) fn new(datagram: D) -> Self {
        datagram.set_joining(Joining::On);
        let whole = datagram.set_fragmentation(Fragmentation::Forbidden).is_ok();
        let segments = datagram.max_send_segments().clamp(1, SEGMENTS);
        let buffers = RefCell::new(vec![0; BATCH * BUFFER]);
        let (waiting, blocked) = (RefCell::default(), Cell::new(false));
        Self { datagram, whole, segments, receiving: buffers, waiting, blocked }
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.datagram.local()
    }

    /// Whether datagrams are never cut into fragments, so that the path's MTU can be searched for.
    pub(crate) fn keeps_whole(&self) -> bool {
        self.whole
    }

    /// How many datagrams of one size can be sent at once.
    pub(crate) fn segments(&self) -> usize {
        self.segments
    }

    /// Whether it takes nothing now.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    /// Hands datagrams over. What it does not take now is kept, and goes first when it does.
    ///
    /// # Errors
    /// Of the network, in which case they are lost. One that is too large for the path is no error: that
    /// is how its MTU is searched for.
    pub(crate) fn send(
        &self,
        transmit: Transmit,
        bytes: &[u8],
        cause: Option<EventId>,
    ) -> io::Result<()> {
        if self.blocked.get() {
            self.keep(transmit, bytes.to_vec(), cause);
            return Ok(());
        }
        match self.hand(&transmit, bytes, cause) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.blocked.set(true);
                self.keep(transmit, bytes.to_vec(), cause);
                Ok(())
            }
            sent => sent,
        }
    }

    fn keep(&self, transmit: Transmit, bytes: Vec<u8>, cause: Option<EventId>) {
        self.waiting.borrow_mut().push_back(Waiting { transmit, bytes, cause });
    }

    fn hand(&self, transmit: &Transmit, bytes: &[u8], cause: Option<EventId>) -> io::Result<()> {
        let outgoing = Outgoing {
            to: transmit.destination,
            from: transmit.src_ip,
            ecn: transmit.ecn.map_or(Ecn::NotEct, ecn_of),
            bytes: &bytes[..transmit.size],
            segment_size: transmit.segment_size,
            cause,
        };
        match self.datagram.try_send(&[outgoing]) {
            Ok(_) => Ok(()),
            // EMSGSIZE.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            Err(error) if error.raw_os_error() == Some(90) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sends what waits, if it takes it by now; whether it takes more.
    pub(crate) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<()> {
        while self.blocked.get() {
            // An error of the socket shows when something is sent.
            let _ = ready!(self.datagram.poll_writable(context));
            self.blocked.set(false);
            while let Some(first) = self.waiting.borrow_mut().pop_front() {
                let sent = self.hand(&first.transmit, &first.bytes, first.cause);
                if sent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                    self.waiting.borrow_mut().push_front(first);
                    self.blocked.set(true);
                    break;
                }
            }
        }
        Poll::Ready(())
    }

    /// Receives; gives each datagram to `take`.
    pub(crate) fn poll_receive(
        &self,
        context: &mut Context<'_>,
        mut take: impl FnMut(Came),
    ) -> Poll<io::Result<()>> {
        let mut receiving = self.receiving.borrow_mut();
        let mut incoming = [Incoming::NOTHING; BATCH];
        let filled = {
            let mut buffers: Vec<IoSliceMut<'_>> =
                receiving.chunks_mut(BUFFER).map(IoSliceMut::new).collect();
            ready!(self.datagram.poll_receive(context, &mut buffers, &mut incoming))?
        };
        for (one, buffer) in incoming[..filled].iter().zip(receiving.chunks(BUFFER)) {
            for bytes in buffer[..one.length].chunks(one.stride.max(1)) {
                take(Came {
                    from: one.from,
                    to: one.to,
                    ecn: codepoint(one.ecn),
                    bytes: bytes.into(),
                    arrived: one.arrived,
                    cause: one.cause,
                });
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn ecn_of(codepoint: EcnCodepoint) -> Ecn {
    match codepoint {
        EcnCodepoint::Ect0 => Ecn::Ect0,
        EcnCodepoint::Ect1 => Ecn::Ect1,
        EcnCodepoint::Ce => Ecn::Ce,
    }
}

fn codepoint(ecn: Ecn) -> Option<EcnCodepoint> {
    match ecn {
        Ecn::NotEct => None,
        Ecn::Ect0 => Some(EcnCodepoint::Ect0),
        Ecn::Ect1 => Some(EcnCodepoint::Ect1),
        Ecn::Ce => Some(EcnCodepoint::Ce),
    }
}
