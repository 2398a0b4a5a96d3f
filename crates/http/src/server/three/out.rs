//! The way back of one stream.

use core::cell::RefCell;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use http::{StatusCode, Version};
use roundtrip_quic::StreamId;
use roundtrip_record::EventId;
use roundtrip_wire::Wire;

use crate::message::{Fields, Head, StatusLine};
use crate::reporter::{HeadReport, Reporter};
use crate::server::interim::InterimSink;
use crate::three::{Hub, Kind, Lines, framed, other_lines, response_lines};

/// What is on its way to the client by a stream. Whoever makes the response shares it with whoever
/// reads the request.
pub(crate) struct Out<W: Wire> {
    hub: Rc<Hub<W>>,
    id: StreamId,
    reporter: Reporter<W>,
    state: RefCell<State>,
}

struct State {
    pending: VecDeque<Bytes>,
    /// The latest event of the exchange.
    cause: Option<EventId>,
    /// The final head has gone.
    begun: bool,
    /// Who writes what is pending.
    writer: Option<Waker>,
}

/// The client takes no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

impl<W: Wire> Out<W> {
    pub(crate) fn new(
        hub: Rc<Hub<W>>,
        id: StreamId,
        reporter: Reporter<W>,
        cause: Option<EventId>,
    ) -> Rc<Self> {
        let (pending, begun, writer) = (VecDeque::new(), false, None);
        let state = RefCell::new(State { pending, cause, begun, writer });
        Rc::new(Self { hub, id, reporter, state })
    }

    /// The latest event of the exchange.
    pub(crate) fn cause(&self) -> Option<EventId> {
        self.state.borrow().cause
    }

    /// Tells a client that waits to go on (RFC 9110 §10.1.1).
    pub(crate) fn go_on(&self, wire: &W) {
        self.head(wire, StatusCode::CONTINUE, &Fields::new());
    }

    /// The head of the response.
    pub(crate) fn begin(&self, wire: &W, status: StatusCode, fields: &Fields) {
        self.head(wire, status, fields);
        self.state.borrow_mut().begun = true;
    }

    fn head(&self, wire: &W, status: StatusCode, fields: &Fields) {
        let section = Hub::<W>::encode(&response_lines(status, fields));
        let line = StatusLine { version: Version::HTTP_3, status, reason: Vec::new() };
        let head = Head { line, fields: fields.clone(), bytes: section.len() as u64 };
        let report = HeadReport {
            connection: self.hub.quic.id(),
            stream: Some(self.id.number()),
            head: &head,
            first_byte: wire.now(),
            arrived: None,
            first_segment: None,
        };
        let mut state = self.state.borrow_mut();
        if state.begun {
            return;
        }
        state.cause = self.reporter.head(state.cause, &report).or(state.cause);
        state.pending.push_back(framed(Kind::Headers, &section).into());
        if let Some(writer) = state.writer.take() {
            writer.wake();
        }
    }

    /// Bytes to be written behind what is pending.
    pub(crate) fn push(&self, bytes: Bytes) {
        self.state.borrow_mut().pending.push_back(bytes);
    }

    /// Fields after the body.
    pub(crate) fn trailers(&self, fields: &Fields) {
        let lines: Lines = other_lines(fields).collect();
        self.push(framed(Kind::Headers, &Hub::<W>::encode(&lines)).into());
    }

    /// Writes what is pending; how many bytes that were. Ready when all of it has been taken.
    pub(crate) fn poll_flush(
        &self,
        moved: &mut u64,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Refused>> {
        let mut state = self.state.borrow_mut();
        state.writer = Some(context.waker().clone());
        while let Some(first) = state.pending.front_mut() {
            if first.is_empty() {
                state.pending.pop_front();
                continue;
            }
            match self.hub.quic.poll_write(self.id, first, context) {
                Poll::Ready(Ok(written)) => *moved += written as u64,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Refused)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Sends interim responses by a stream.
pub(crate) struct Interims<W: Wire> {
    pub(crate) wire: W,
    pub(crate) out: Rc<Out<W>>,
}

impl<W: Wire> InterimSink for Interims<W> {
    fn send(&self, status: StatusCode, fields: &Fields) {
        self.out.head(&self.wire, status, fields);
    }
}
