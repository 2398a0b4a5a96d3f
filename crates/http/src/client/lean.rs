//! One exchange after the other on a connection of HTTP/1, of which nothing is kept but what it came to.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use bytes::Buf as _;
use http::StatusCode;
use roundtrip_record::{FaultKind, Framing, Step};
use roundtrip_wire::Wire;
use tokio::io::AsyncWrite as _;

use super::connection::{Connection, PATIENCE};
use super::prepared::{Answered, Prepared, Unanswered};
use super::trouble::{Trouble, is_reset};
use crate::message::{
    BodyDecoder, Codings, HeadDecoder, Limits, MessageError, StatusLine, framed, keeps_alive,
};
use crate::timer::Timer;

/// Interim responses before a final one.
const INTERIM: u32 = 32;

/// See the module.
pub(crate) struct Lean<W: Wire> {
    connection: Connection<W>,
    timer: Timer<W>,
    limits: Limits,
}

/// An exchange under way.
struct Underway<'a> {
    request: &'a Prepared,
    /// Bytes of the request that went out, and whether they were flushed.
    written: usize,
    flushed: bool,
    /// Why the rest of it could not be sent; an answer may have come all the same (RFC 9112 §9.5).
    broken: Option<io::Error>,
    heads: HeadDecoder<StatusLine>,
    head_bytes: u64,
    interim: u32,
    /// Status, whether both heads say that the connection goes on, and the decoder of the body.
    answer: Option<(StatusCode, bool, BodyDecoder)>,
    body: u64,
}

impl<W: Wire> Lean<W> {
    pub(crate) fn new(connection: Connection<W>, limits: Limits) -> Self {
        let timer = Timer::new(connection.wire.clone());
        Self { connection, timer, limits }
    }

    /// Sends a request and reads the answer to its end, within `limit`.
    pub(crate) async fn exchange(
        &mut self,
        request: &Prepared,
        limit: Duration,
    ) -> Result<Answered, Unanswered> {
        self.timer.set(Some(self.connection.wire.now() + limit));
        let mut underway = Underway {
            request,
            written: 0,
            flushed: false,
            broken: None,
            heads: HeadDecoder::new(self.limits),
            head_bytes: 0,
            interim: 0,
            answer: None,
            body: 0,
        };
        let result = poll_fn(|context| self.poll(&mut underway, limit, context)).await;
        self.connection.served += 1;
        result
    }

    /// Whether a connection that waits is still as it should be: open, and nothing came.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        self.connection.input.is_empty() && self.connection.is_quiet().await
    }

    /// Lets go of the connection. Where both ends agreed that it ends, the server is left to close first:
    /// whoever closes first keeps the port in `TIME_WAIT`.
    pub(crate) fn finish(self, agreed: bool) {
        let mut connection = self.connection;
        if !agreed {
            return;
        }
        let wire = connection.wire.clone();
        let late = wire.sleep(PATIENCE);
        wire.spawn(async move {
            let ended = poll_fn(|context| {
                connection.input.clear();
                match connection.poll_fill(context) {
                    Poll::Ready(Ok(1..)) => {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    Poll::Ready(_) => Poll::Ready(()),
                    Poll::Pending => Poll::Pending,
                }
            });
            futures_util::future::select(core::pin::pin!(ended), core::pin::pin!(late)).await;
        })
        .detach();
    }

    fn poll(
        &mut self,
        underway: &mut Underway<'_>,
        limit: Duration,
        context: &mut Context<'_>,
    ) -> Poll<Result<Answered, Unanswered>> {
        loop {
            self.poll_send(underway, context);
            match self.take(underway) {
                Ok(None) => {}
                Ok(Some(answered)) => return Poll::Ready(Ok(answered)),
                Err(trouble) => return Poll::Ready(Err(self.failed(underway, trouble))),
            }
            match self.connection.poll_fill(context) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0)) => {
                    if let Some((status, _, body)) = &underway.answer
                        && body.may_end()
                    {
                        let status = *status;
                        return Poll::Ready(Ok(Answered {
                            status,
                            body: underway.body,
                            keeps: false,
                        }));
                    }
                    let trouble = ended_early(underway, None);
                    return Poll::Ready(Err(self.failed(underway, trouble)));
                }
                Poll::Ready(Err(error)) => {
                    let trouble = ended_early(underway, Some(&error));
                    return Poll::Ready(Err(self.failed(underway, trouble)));
                }
                Poll::Pending => break,
            }
        }
        if self.timer.poll_due(context).is_pending() {
            return Poll::Pending;
        }
        let head = match underway.answer {
            Some(_) => 0,
            None => underway.head_bytes + underway.heads.received(),
        };
        let kind = FaultKind::TimedOut { limit, received: underway.body, head };
        let step = if underway.answer.is_some() { Step::Body } else { Step::Wait };
        Poll::Ready(Err(Unanswered { step, kind, stale: false }))
    }

    /// Sends what can be sent.
    fn poll_send(&mut self, underway: &mut Underway<'_>, context: &mut Context<'_>) {
        while underway.broken.is_none() && !underway.flushed {
            let rest = &underway.request.bytes[underway.written..];
            let channel = Pin::new(&mut self.connection.channel);
            let result = if rest.is_empty() {
                channel.poll_flush(context).map_ok(|()| None)
            } else {
                channel.poll_write(context, rest).map_ok(Some)
            };
            match result {
                Poll::Ready(Ok(None)) => underway.flushed = true,
                Poll::Ready(Ok(Some(0))) => {
                    underway.broken = Some(io::ErrorKind::WriteZero.into());
                }
                Poll::Ready(Ok(Some(wrote))) => underway.written += wrote,
                Poll::Ready(Err(error)) => underway.broken = Some(error),
                Poll::Pending => return,
            }
        }
    }

    /// Takes what has come; gives the answer when it is whole.
    fn take(&mut self, underway: &mut Underway<'_>) -> Result<Option<Answered>, Trouble> {
        loop {
            if let Some((status, keeps, decoder)) = &mut underway.answer {
                while !decoder.is_done() && !self.connection.input.is_empty() {
                    let step = decoder.decode(&self.connection.input).map_err(|error| {
                        let offset = underway.head_bytes + error.offset;
                        Trouble::Malformed(MessageError { offset, ..error })
                    })?;
                    underway.body += step.data.len() as u64;
                    self.connection.input.advance(step.used);
                    if step.done {
                        break;
                    }
                }
                if !decoder.is_done() {
                    return Ok(None);
                }
                let whole = underway.flushed && self.connection.input.is_empty();
                let keeps = *keeps && whole && decoder.framing() != Framing::Close;
                return Ok(Some(Answered { status: *status, body: underway.body, keeps }));
            }
            if self.connection.input.is_empty() || !self.take_head(underway)? {
                return Ok(None);
            }
        }
    }

    /// Takes what has come of a head; says whether one is complete.
    fn take_head(&mut self, underway: &mut Underway<'_>) -> Result<bool, Trouble> {
        let malformed = |before: u64, error: MessageError| {
            Trouble::Malformed(MessageError { offset: before + error.offset, ..error })
        };
        let before = underway.head_bytes;
        let fed = underway.heads.feed(&self.connection.input);
        let fed = fed.map_err(|error| malformed(before, error))?;
        self.connection.input.advance(fed.used);
        let Some(head) = fed.done else { return Ok(false) };
        underway.head_bytes += head.bytes;
        let status = head.line.status;
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            underway.interim += 1;
            if underway.interim > INTERIM {
                return Err(Trouble::Against {
                    what: "interim responses without end".into(),
                    offset: underway.head_bytes,
                    rule: "RFC 9110 §15.2",
                });
            }
            return Ok(true);
        }
        let framed = framed(&underway.request.method, &head, self.limits.manner, Codings::Chunks)
            .map_err(|error| malformed(before, error))?;
        let keeps = framed.tolerated.is_none()
            && status != StatusCode::SWITCHING_PROTOCOLS
            && keeps_alive(head.line.version, &head.fields)
            && !underway.request.closes;
        let body = BodyDecoder::new(framed.framing, self.limits);
        underway.answer = Some((status, keeps, body));
        Ok(true)
    }

    fn failed(&self, underway: &Underway<'_>, trouble: Trouble) -> Unanswered {
        let expected = underway.answer.as_ref().and_then(|(_, _, body)| body.expected());
        let step = match underway.answer {
            Some(_) => Step::Body,
            None => trouble.step(underway.flushed),
        };
        let stale = trouble.is_loss() && self.connection.served > 0;
        Unanswered { step, kind: trouble.fault(underway.body, expected, &self.limits), stale }
    }
}

/// The connection ended, or failed, before the answer did.
fn ended_early(underway: &mut Underway<'_>, error: Option<&io::Error>) -> Trouble {
    match (&underway.answer, error) {
        (Some(_), None) => Trouble::BodyCut,
        (Some(_), Some(error)) => Trouble::inside_body(error),
        (None, error) if underway.heads.has_begun() || underway.head_bytes > 0 => match error {
            Some(error) if is_reset(error) => Trouble::Reset,
            Some(error) => Trouble::Broken(error.to_string()),
            None => Trouble::HeadCut { offset: underway.head_bytes + underway.heads.received() },
        },
        (None, error) => match (underway.broken.take(), error) {
            (Some(broken), _) => Trouble::NotTaken(broken),
            (None, Some(error)) => Trouble::before_answer(error),
            (None, None) => Trouble::Silent { reset: false },
        },
    }
}
