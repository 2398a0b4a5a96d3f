//! The stream of bytes below HTTP/2, watched.

use core::cell::{Cell, RefCell, RefMut};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::rc::Rc;

use bytes::{Buf as _, BytesMut};
use roundtrip_record::{EventId, Time};
use roundtrip_wire::{Transport as _, Wire};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frame::{Passed, Scanner};
use crate::channel::Channel;

/// Which way a frame passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the other end to us.
    In,
    /// From us to the other end.
    Out,
}

/// When something was read or written; and, where the wire tells, when it had arrived or left, and
/// the segment that brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at: Time,
    pub(crate) passed: Option<Time>,
    pub(crate) segment: Option<EventId>,
}

/// Looks at frames as they pass.
pub(crate) trait Watch {
    fn passed(&mut self, way: Way, passed: &Passed<'_>, moment: Moment);
}

/// A stream of bytes and who watches its frames.
pub(crate) struct Wiretap<W: Wire, T> {
    wire: W,
    channel: RefCell<Channel<W::Stream>>,
    /// What was read before HTTP/2 was known to be spoken: it is read again.
    early: RefCell<BytesMut>,
    /// Bytes read so far, those aside.
    received: Cell<u64>,
    incoming: RefCell<Scanner>,
    outgoing: RefCell<Scanner>,
    watch: RefCell<T>,
}

impl<W: Wire, T: Watch> Wiretap<W, T> {
    /// The client's end of a connection.
    pub(crate) fn of_client(wire: W, channel: Channel<W::Stream>, watch: T) -> Rc<Self> {
        let scanners = (Scanner::of_server(), Scanner::of_client());
        Self::new(wire, channel, BytesMut::new(), watch, scanners)
    }

    /// The server's end of a connection; `early` was read from it already.
    pub(crate) fn of_server(
        wire: W,
        channel: Channel<W::Stream>,
        early: BytesMut,
        watch: T,
    ) -> Rc<Self> {
        let scanners = (Scanner::of_client(), Scanner::of_server());
        Self::new(wire, channel, early, watch, scanners)
    }

    fn new(
        wire: W,
        channel: Channel<W::Stream>,
        early: BytesMut,
        watch: T,
        (incoming, outgoing): (Scanner, Scanner),
    ) -> Rc<Self> {
        Rc::new(Self {
            wire,
            channel: RefCell::new(channel),
            received: Cell::new(early.len() as u64),
            early: RefCell::new(early),
            incoming: RefCell::new(incoming),
            outgoing: RefCell::new(outgoing),
            watch: RefCell::new(watch),
        })
    }

    /// Who watches.
    pub(crate) fn watch(&self) -> RefMut<'_, T> {
        self.watch.borrow_mut()
    }

    /// The stream of bytes.
    pub(crate) fn channel(&self) -> RefMut<'_, Channel<W::Stream>> {
        self.channel.borrow_mut()
    }

    /// Bytes have passed: read at `at`, or written by a call that began then.
    fn pass(&self, way: Way, bytes: &[u8], at: Time) {
        let (scanner, (passed, segment)) = match way {
            // What one read gave is taken for what its last segment brought: reads are short, and
            // through TLS nothing closer is known.
            Way::In => {
                let last = self.received.get().checked_sub(1);
                let channel = self.channel.borrow();
                let told = last.map(|last| (channel.arrived(last), channel.segment_at(last)));
                (&self.incoming, told.unwrap_or_default())
            }
            Way::Out => (&self.outgoing, (self.channel.borrow().departed(), None)),
        };
        let moment = Moment { at, passed, segment };
        let mut watch = self.watch.borrow_mut();
        scanner.borrow_mut().scan(bytes, |passed| watch.passed(way, &passed, moment));
    }
}

/// What `h2` reads from and writes to.
pub(crate) struct Io<W: Wire, T>(pub(crate) Rc<Wiretap<W, T>>);

impl<W: Wire, T: Watch> AsyncRead for Io<W, T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let early = self.0.early.borrow().len().min(buffer.remaining());
        if early > 0 {
            let mut rest = self.0.early.borrow_mut();
            buffer.put_slice(&rest[..early]);
            rest.advance(early);
        } else {
            ready!(Pin::new(&mut *self.0.channel.borrow_mut()).poll_read(context, buffer))?;
            let got = buffer.filled().len() - before;
            self.0.received.set(self.0.received.get() + got as u64);
        }
        self.0.pass(Way::In, &buffer.filled()[before..], self.0.wire.now());
        Poll::Ready(Ok(()))
    }
}

impl<W: Wire, T: Watch> AsyncWrite for Io<W, T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // After the call they may long have left: whoever is woken by them may run first.
        let began = self.0.wire.now();
        let wrote = ready!(Pin::new(&mut *self.0.channel.borrow_mut()).poll_write(context, bytes))?;
        self.0.pass(Way::Out, &bytes[..wrote], began);
        Poll::Ready(Ok(wrote))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.channel.borrow_mut()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.channel.borrow_mut()).poll_shutdown(context)
    }
}
