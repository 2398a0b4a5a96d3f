//! A connection at the server: its stream, what was read from it and not used yet, what is to be
//! written. Whoever holds a request's body reads through it while the response is written.

use core::cell::RefCell;
use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;

use bytes::{Bytes, BytesMut};
use roundtrip_record::{EventId, Framing, Time};
use roundtrip_wire::{Transport as _, Wire};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};

use super::handler::{BodyError, BodySource};
use crate::channel::Channel;
use crate::message::{BodyDecoder, Fields, Limits};
use crate::timer::Timer;

/// How much is read at once. Bodies of any length go through a buffer of this size.
const READ: usize = 32 * 1024;
/// What tells a client to go on.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Is told of the bytes of an interim response.
pub(crate) type GoesOn = Box<dyn FnOnce(u64)>;

pub(crate) struct Input<W: Wire> {
    wire: W,
    /// `None` while a file is being sent.
    channel: Option<Channel<W::Stream>>,
    /// Read and not used yet.
    pub(crate) buffer: BytesMut,
    /// To be written, from `written` on.
    pub(crate) output: Vec<u8>,
    written: usize,
    pub(crate) read_timer: Timer<W>,
    pub(crate) write_timer: Timer<W>,
    body_timeout: Duration,
    write_timeout: Duration,
    limits: Limits,
    max_body: u64,
    /// Bytes read from the stream so far.
    received: u64,
    /// Which request this is, from 1.
    request: u32,
    body: BodyDecoder,
    body_done: bool,
    /// Is told of the bytes with which the client is told to go on, where it waits for that.
    expects: Option<GoesOn>,
    failed: Option<BodyError>,
    /// The response to this request has begun.
    pub(crate) answered: bool,
}

impl<W: Wire> Input<W> {
    pub(crate) fn new(wire: W, channel: Channel<W::Stream>, options: &super::Options) -> Self {
        Self {
            channel: Some(channel),
            buffer: BytesMut::new(),
            output: Vec::with_capacity(1024),
            written: 0,
            read_timer: Timer::new(wire.clone()),
            write_timer: Timer::new(wire.clone()),
            wire,
            body_timeout: options.body_timeout,
            write_timeout: options.write_timeout,
            limits: options.limits,
            max_body: options.max_body,
            received: 0,
            request: 0,
            body: BodyDecoder::new(Framing::None, options.limits),
            body_done: true,
            expects: None,
            failed: None,
            answered: false,
        }
    }

    /// These bytes were read from the stream before, of so many in all.
    pub(crate) fn begin_with(&mut self, early: BytesMut, received: u64) {
        self.buffer = early;
        self.received = received;
    }

    /// Bytes that were read from the stream so far.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Takes the stream, and what was read from it and not used.
    pub(crate) fn take(&mut self) -> Option<(Channel<W::Stream>, BytesMut)> {
        Some((self.channel.take()?, core::mem::take(&mut self.buffer)))
    }

    /// Whether the stream goes through TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.channel.as_ref().is_some_and(Channel::is_secure)
    }

    /// A new request begins, whose body is framed so. `expects` is given where the client waits for 100.
    pub(crate) fn begin(&mut self, framing: Framing, expects: Option<GoesOn>) -> u32 {
        self.request += 1;
        self.body = BodyDecoder::new(framing, self.limits);
        self.body_done = self.body.is_done();
        self.expects = expects.filter(|_| !self.body_done);
        self.failed = None;
        self.answered = false;
        self.request
    }

    /// The segment that brought the last byte used so far.
    pub(crate) fn segment(&self) -> Option<EventId> {
        let used = self.received - self.buffer.len() as u64;
        self.channel.as_ref()?.segment_at(used.checked_sub(1)?)
    }

    /// When the last byte used so far had arrived, where the wire tells.
    pub(crate) fn arrived(&self) -> Option<Time> {
        let used = self.received - self.buffer.len() as u64;
        self.channel.as_ref()?.arrived(used.checked_sub(1)?)
    }

    /// Which request this is, from 1.
    pub(crate) fn number(&self) -> u32 {
        self.request
    }

    /// Completes when the client has had its time to take something.
    pub(crate) fn write_deadline(&self) -> impl Future<Output = ()> + 'static {
        self.wire.sleep(self.write_timeout)
    }

    pub(crate) fn channel(&mut self) -> Option<&mut Channel<W::Stream>> {
        self.channel.as_mut()
    }

    /// Lends the stream out; [`Input::give_back`] ends that.
    pub(crate) fn lend(&mut self) -> Option<Channel<W::Stream>> {
        self.channel.take()
    }

    pub(crate) fn give_back(&mut self, channel: Channel<W::Stream>) {
        self.channel = Some(channel);
    }

    /// Whether the request's body has been read to its end.
    pub(crate) fn body_is_done(&self) -> bool {
        self.body_done
    }

    /// Whether so little is left of the body that reading it costs less than a new connection.
    pub(crate) fn rest_is_small(&self) -> bool {
        const SMALL: u64 = 256 * 1024;
        if self.body_done {
            return true;
        }
        if self.expects.is_some() || self.failed.is_some() {
            return false;
        }
        match self.body.expected() {
            Some(length) => length - self.body.received() <= SMALL,
            None => true,
        }
    }

    /// Reads more into the buffer; 0 at the stream's end.
    pub(crate) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(channel) = &mut self.channel else {
            return Poll::Ready(Err(io::ErrorKind::ResourceBusy.into()));
        };
        let got = ready!(poll_read_into(channel, &mut self.buffer, READ, context))?;
        self.received += got as u64;
        Poll::Ready(Ok(got))
    }

    /// Writes what is to be written.
    pub(crate) fn poll_output(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            let Some(channel) = &mut self.channel else {
                return Poll::Ready(Err(io::ErrorKind::ResourceBusy.into()));
            };
            let poll = Pin::new(channel).poll_write(context, &self.output[self.written..]);
            self.written += ready!(self.check_write(poll, context))?;
        }
        self.output.clear();
        self.written = 0;
        self.poll_flush(context)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.channel {
            Some(channel) if channel.is_secure() => {
                let poll = Pin::new(channel).poll_flush(context).map_ok(|()| 1);
                self.check_write(poll, context).map_ok(|_| ())
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Writes from `bytes`, after all that is to be written before, and takes from it what was.
    pub(crate) fn poll_write(
        &mut self,
        bytes: &mut Bytes,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.output.is_empty() {
            ready!(self.poll_output(context))?;
        }
        while !bytes.is_empty() {
            let Some(channel) = &mut self.channel else {
                return Poll::Ready(Err(io::ErrorKind::ResourceBusy.into()));
            };
            let poll = Pin::new(channel).poll_write(context, bytes);
            let wrote = ready!(self.check_write(poll, context))?;
            let _ = bytes.split_to(wrote);
        }
        self.poll_flush(context)
    }

    /// Turns a client that takes nothing for too long into an error.
    fn check_write(
        &mut self,
        poll: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match poll {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(wrote) => {
                self.write_timer.set(None);
                Poll::Ready(wrote)
            }
            Poll::Pending => {
                if !self.write_timer.is_set() {
                    self.write_timer.set(Some(self.wire.now() + self.write_timeout));
                }
                self.write_timer.poll_due(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }

    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if let Some(error) = self.failed {
            return Poll::Ready(Some(Err(error)));
        }
        let poll = self.poll_body_once(context);
        if let Poll::Ready(Some(Err(error))) = &poll {
            self.failed = Some(*error);
        }
        if poll.is_ready() {
            self.read_timer.set(None);
        }
        poll
    }

    fn poll_body_once(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let fail = |error| Poll::Ready(Some(Err(error)));
        if self.body_done {
            return Poll::Ready(None);
        }
        if self.body.expected().is_some_and(|length| length > self.max_body) {
            return fail(BodyError::TooLarge(self.max_body));
        }
        // RFC 9110 §10.1.1: not when the body has come already.
        if let Some(goes_on) = self.expects.take().filter(|_| self.buffer.is_empty()) {
            self.output.extend_from_slice(CONTINUE);
            goes_on(CONTINUE.len() as u64);
        }
        if !self.output.is_empty() && ready!(self.poll_output(context)).is_err() {
            return fail(BodyError::Gone);
        }
        loop {
            if !self.buffer.is_empty() {
                let step = match self.body.decode(&self.buffer) {
                    Ok(step) => step,
                    Err(error) => return fail(BodyError::Malformed(error)),
                };
                self.body_done = step.done;
                let chunk = self.buffer.split_to(step.used).freeze().slice(step.data);
                if self.body.received() > self.max_body {
                    return fail(BodyError::TooLarge(self.max_body));
                }
                if !chunk.is_empty() {
                    return Poll::Ready(Some(Ok(chunk)));
                }
                if self.body_done {
                    return Poll::Ready(None);
                }
                continue;
            }
            match self.poll_fill(context) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(_) => return fail(BodyError::Gone),
                Poll::Pending => {
                    if !self.read_timer.is_set() {
                        self.read_timer.set(Some(self.wire.now() + self.body_timeout));
                    }
                    ready!(self.read_timer.poll_due(context));
                    return fail(BodyError::TimedOut);
                }
            }
        }
    }
}

impl<W: Wire> BodySource for RefCell<Input<W>> {
    fn poll_chunk(
        &self,
        request: u32,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut input = self.borrow_mut();
        if input.request != request {
            return Poll::Ready(Some(Err(BodyError::Over)));
        }
        input.poll_body(context)
    }

    fn expected(&self, request: u32) -> Option<u64> {
        let input = self.borrow();
        if input.request == request { input.body.expected() } else { Some(0) }
    }

    fn trailers(&self, request: u32) -> Fields {
        let input = self.borrow();
        let trailers =
            input.body.trailers().filter(|_| input.request == request && input.body_done);
        trailers.cloned().unwrap_or_default()
    }
}

/// Reads what is there behind what is in `buffer`, which is made to have room for a good part of
/// `room` bytes.
pub(crate) fn poll_read_into<S: tokio::io::AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
    room: usize,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    // Growing by less would allocate for every few bytes that come.
    if buffer.capacity() - buffer.len() < room / 4 {
        buffer.reserve(room);
    }
    // This future keeps nothing between two polls.
    pin!(stream.read_buf(buffer)).poll(context)
}
