//! The stream of bytes below HTTP/2, watched.

use core::cell::{Cell, RefCell, RefMut};
use core::ops::ControlFlow;
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
    /// Breaks off where a frame that comes in must not come to `h2`, nor anything after it. What goes
    /// out goes out.
    fn passed(&mut self, way: Way, passed: &Passed<'_>, moment: Moment) -> ControlFlow<()>;
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
    /// Nothing more comes in: who watches has broken off.
    broken: Cell<bool>,
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
            broken: Cell::new(false),
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

    /// Bytes pass: read at `at`, or written by a call that began then. Answers how many of them may.
    fn pass(&self, way: Way, bytes: &[u8], at: Time) -> usize {
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
        scanner.borrow_mut().scan(bytes, |passed| match way {
            Way::In => watch.passed(way, &passed, moment),
            Way::Out => {
                let _ = watch.passed(way, &passed, moment);
                ControlFlow::Continue(())
            }
        })
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
        if self.0.broken.get() {
            // Who watches ends the connection: nothing is waited for here.
            return Poll::Pending;
        }
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
        let got = buffer.filled().len() - before;
        let passed = self.0.pass(Way::In, &buffer.filled()[before..], self.0.wire.now());
        if passed < got {
            self.0.broken.set(true);
            buffer.set_filled(before + passed);
            // Nothing at all would be the end of the stream.
            if passed == 0 {
                return Poll::Pending;
            }
        }
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
