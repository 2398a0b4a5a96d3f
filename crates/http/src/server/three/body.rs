//! A request that comes in by a stream: its head, then its body.

use core::cell::RefCell;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::rc::Rc;

use bytes::Bytes;
use roundtrip_quic::StreamId;
use roundtrip_wire::Wire;

use super::out::Out;
use crate::message::Fields;
use crate::server::handler::{BodyError, BodySource};
use crate::server::options::Options;
use crate::three::{Breach, Code, Frames, Hub, Kind, Part, Section, trailers};
use crate::timer::Timer;

/// How much is read at once.
const READ: usize = 16 * 1024;

/// What comes of waiting for a head.
pub(crate) enum Asked {
    /// Its field section, and bytes of it.
    Section(Section, u64),
    /// There is none: the stream was given up, or the connection is over.
    Gone,
    /// It is not as it must be.
    Broken(Breach),
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Body,
    /// Only the end of the stream may follow.
    Trailers,
    Ended,
}

/// See the module.
pub(crate) struct Incoming<W: Wire>(RefCell<State<W>>);

struct State<W: Wire> {
    wire: W,
    hub: Rc<Hub<W>>,
    id: StreamId,
    frames: Frames,
    stage: Stage,
    section: Option<Bytes>,
    /// Whom to ask to go on, where the client waits to be asked.
    waits: Option<Rc<Out<W>>>,
    received: u64,
    expected: Option<u64>,
    most: u64,
    timer: Timer<W>,
    timeout: Duration,
    failed: Option<BodyError>,
    trailers: Fields,
}

/// What a stream brings.
enum Came {
    Part(Part),
    End,
    Gone,
}

impl<W: Wire> Incoming<W> {
    pub(crate) fn new(wire: W, hub: Rc<Hub<W>>, id: StreamId, options: &Options) -> Rc<Self> {
        Rc::new(Self(RefCell::new(State {
            timer: Timer::new(wire.clone()),
            wire,
            hub,
            id,
            frames: Frames::new(options.limits.head),
            stage: Stage::Head,
            section: None,
            waits: None,
            received: 0,
            expected: None,
            most: options.max_body,
            timeout: options.body_timeout,
            failed: None,
            trailers: Fields::new(),
        })))
    }

    /// Waits for the head.
    pub(crate) fn poll_head(&self, context: &mut Context<'_>) -> Poll<Asked> {
        self.0.borrow_mut().poll_head(context)
    }

    /// The body begins: so long, where that is told, and with somebody who waits to be asked for it.
    pub(crate) fn begin(&self, expected: Option<u64>, waits: Option<Rc<Out<W>>>) {
        let mut state = self.0.borrow_mut();
        (state.expected, state.waits) = (expected, waits);
    }

    /// Whether more of it may come, than what is there: that is passed over. Nobody is asked for it from
    /// now on.
    pub(crate) fn is_unread(&self, context: &mut Context<'_>) -> bool {
        /// Pieces that are passed over at most.
        const MOST: u32 = 16;
        let mut state = self.0.borrow_mut();
        state.waits = None;
        for _ in 0..MOST {
            if state.stage == Stage::Ended || state.failed.is_some() {
                return false;
            }
            match state.poll_on(context) {
                Poll::Ready(Ok(Some(_))) => {}
                Poll::Ready(Ok(None) | Err(_)) => return false,
                Poll::Pending => return true,
            }
        }
        true
    }

    /// Whether it came to its end.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.borrow().stage == Stage::Ended
    }
}

impl<W: Wire> State<W> {
    /// The next thing that the stream brings.
    fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<Result<Came, Breach>> {
        loop {
            if let Some(part) = self.frames.next()? {
                return Poll::Ready(Ok(Came::Part(part)));
            }
            match ready!(self.hub.quic.poll_read(self.id, READ, context)) {
                Ok(Some(bytes)) => self.frames.push(bytes),
                Ok(None) if self.frames.is_within() => {
                    let why = "a stream that ends within a frame";
                    return Poll::Ready(Err(Breach::of_connection(Code::FRAME_ERROR, why)));
                }
                Ok(None) => return Poll::Ready(Ok(Came::End)),
                Err(_) => return Poll::Ready(Ok(Came::Gone)),
            }
        }
    }

    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Asked> {
        while self.section.is_none() {
            let broken = |breach| Poll::Ready(Asked::Broken(breach));
            match ready!(self.poll_part(context)) {
                Ok(Came::Part(Part::Frame(Kind::Headers, section))) => {
                    self.section = Some(section);
                }
                Ok(Came::Part(_)) => return broken(unexpected()),
                Ok(Came::End) => {
                    let why = "a stream that ends without a request";
                    return broken(Breach::of_stream(Code::REQUEST_INCOMPLETE, why));
                }
                Ok(Came::Gone) => return Poll::Ready(Asked::Gone),
                Err(breach) => return broken(breach),
            }
        }
        let bytes = self.section.as_ref().map_or(0, |section| section.len() as u64);
        Poll::Ready(match ready!(self.poll_section(context)) {
            Ok(section) => {
                self.stage = Stage::Body;
                Asked::Section(section, bytes)
            }
            Err(breach) => Asked::Broken(breach),
        })
    }

    fn poll_section(&mut self, context: &Context<'_>) -> Poll<Result<Section, Breach>> {
        let section = self.section.clone().unwrap_or_default();
        let decoded = ready!(self.hub.poll_decode(self.id, &section, context));
        self.section = None;
        Poll::Ready(decoded)
    }

    /// The next bytes of the body.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if let Some(error) = self.failed {
            return Poll::Ready(Some(Err(error)));
        }
        if self.stage == Stage::Ended {
            return Poll::Ready(None);
        }
        if self.expected.is_some_and(|length| length > self.most) {
            return Poll::Ready(Some(Err(BodyError::TooLarge(self.most))));
        }
        if let Some(waits) = self.waits.take() {
            waits.go_on(&self.wire);
        }
        match self.poll_on(context) {
            Poll::Ready(Ok(bytes)) => {
                self.timer.set(None);
                Poll::Ready(bytes.map(Ok))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Pending => {
                if !self.timer.is_set() {
                    self.timer.set(Some(self.wire.now() + self.timeout));
                }
                ready!(self.timer.poll_due(context));
                Poll::Ready(Some(Err(BodyError::TimedOut)))
            }
        }
    }

    fn poll_on(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        loop {
            if self.section.is_some() {
                let read = match ready!(self.poll_section(context)) {
                    Ok(Section::Lines(lines)) => trailers(lines),
                    Ok(Section::TooLarge) => {
                        Err(Breach::of_stream(Code::EXCESSIVE_LOAD, "trailers beyond the limit"))
                    }
                    Err(breach) => Err(breach),
                };
                match read {
                    Ok(fields) => self.trailers = fields,
                    Err(breach) => return Poll::Ready(Err(self.broken(breach))),
                }
            }
            let part = match ready!(self.poll_part(context)) {
                Ok(part) => part,
                Err(breach) => return Poll::Ready(Err(self.broken(breach))),
            };
            match (part, self.stage) {
                (Came::Part(Part::Data(bytes)), Stage::Body) => {
                    self.received += bytes.len() as u64;
                    if self.received > self.most {
                        return Poll::Ready(Err(BodyError::TooLarge(self.most)));
                    }
                    return Poll::Ready(Ok(Some(bytes)));
                }
                (Came::Part(Part::Frame(Kind::Headers, section)), Stage::Body) => {
                    self.stage = Stage::Trailers;
                    self.section = Some(section);
                }
                (Came::Part(_), _) => return Poll::Ready(Err(self.broken(unexpected()))),
                (Came::Gone, _) => return Poll::Ready(Err(BodyError::Gone)),
                (Came::End, _) => {
                    // RFC 9114 §4.1.2.
                    if self.expected.is_some_and(|expected| expected != self.received) {
                        let why = "a body that is not as long as its Content-Length";
                        return Poll::Ready(Err(self.broken(Breach::malformed(why))));
                    }
                    self.stage = Stage::Ended;
                    return Poll::Ready(Ok(None));
                }
            }
        }
    }

    /// The client did what it may not.
    fn broken(&self, breach: Breach) -> BodyError {
        if breach.of_stream {
            self.hub.quic.stop(self.id, breach.code.0);
            self.hub.quic.reset(self.id, breach.code.0);
        } else {
            self.hub.break_off(breach);
        }
        BodyError::Gone
    }
}

fn unexpected() -> Breach {
    Breach::of_connection(Code::FRAME_UNEXPECTED, "a frame that may not stand there")
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
