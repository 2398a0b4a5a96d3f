//! The body of a request that comes in by a stream.

use core::cell::RefCell;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::rc::Rc;

use bytes::Bytes;
use h2::RecvStream;
use roundtrip_wire::Wire;

use super::responder::Responder;
use crate::message::Fields;
use crate::server::handler::{BodyError, BodySource};
use crate::server::options::Options;
use crate::timer::Timer;
use crate::two::from_map;

/// A request's body. Dropping it tells the client that the rest is not wanted.
pub(crate) struct Incoming<W: Wire>(RefCell<State<W>>);

struct State<W: Wire> {
    wire: W,
    /// `None` once it was taken for something else.
    stream: Option<RecvStream>,
    /// Whom to ask to go on, where the client waits to be asked.
    waits: Option<Rc<Responder>>,
    received: u64,
    expected: Option<u64>,
    most: u64,
    timer: Timer<W>,
    timeout: Duration,
    ended: bool,
    failed: Option<BodyError>,
    trailers: Fields,
}

impl<W: Wire> Incoming<W> {
    pub(crate) fn new(
        wire: W,
        stream: RecvStream,
        expected: Option<u64>,
        waits: Option<Rc<Responder>>,
        options: &Options,
    ) -> Rc<Self> {
        let ended = stream.is_end_stream();
        Rc::new(Self(RefCell::new(State {
            timer: Timer::new(wire.clone()),
            wire,
            stream: Some(stream),
            waits: waits.filter(|_| !ended),
            received: 0,
            expected: if ended { Some(0) } else { expected },
            most: options.max_body,
            timeout: options.body_timeout,
            ended,
            failed: None,
            trailers: Fields::new(),
        })))
    }

    /// Whether more of it may come. Nobody is asked for it from now on.
    pub(crate) fn is_unread(&self) -> bool {
        let mut state = self.0.borrow_mut();
        state.waits = None;
        state.stream.is_some() && !state.ended && state.failed.is_none()
    }

    /// Takes the stream for something else than a body.
    pub(crate) fn take(&self) -> Option<RecvStream> {
        self.0.borrow_mut().stream.take()
    }
}

impl<W: Wire> State<W> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let fail = |error| Poll::Ready(Some(Err(error)));
        if let Some(error) = self.failed {
            return fail(error);
        }
        if self.ended {
            return Poll::Ready(None);
        }
        if self.expected.is_some_and(|length| length > self.most) {
            return fail(BodyError::TooLarge(self.most));
        }
        if let Some(waits) = self.waits.take() {
            waits.go_on();
        }
        let Some(stream) = &mut self.stream else { return fail(BodyError::Over) };
        match stream.poll_data(context) {
            Poll::Ready(Some(Ok(data))) => {
                self.timer.set(None);
                self.received += data.len() as u64;
                // What was taken may be sent again; that can fail only for a stream that is over.
                let _ = stream.flow_control().release_capacity(data.len());
                if self.received > self.most {
                    return fail(BodyError::TooLarge(self.most));
                }
                Poll::Ready(Some(Ok(data)))
            }
            Poll::Ready(Some(Err(_))) => fail(BodyError::Gone),
            Poll::Ready(None) => match ready!(stream.poll_trailers(context)) {
                Ok(trailers) => {
                    self.trailers = trailers.as_ref().map(from_map).unwrap_or_default();
                    self.ended = true;
                    Poll::Ready(None)
                }
                Err(_) => fail(BodyError::Gone),
            },
            Poll::Pending => {
                if !self.timer.is_set() {
                    self.timer.set(Some(self.wire.now() + self.timeout));
                }
                ready!(self.timer.poll_due(context));
                fail(BodyError::TimedOut)
            }
        }
    }
}

impl<W: Wire> BodySource for Incoming<W> {
    fn poll_chunk(
        &self,
        _: u32,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut state = self.0.borrow_mut();
        let poll = state.poll(context);
        if let Poll::Ready(Some(Err(error))) = &poll {
            state.failed = Some(*error);
        }
        poll
    }

    fn expected(&self, _: u32) -> Option<u64> {
        self.0.borrow().expected
    }

    fn trailers(&self, _: u32) -> Fields {
        self.0.borrow().trailers.clone()
    }
}
