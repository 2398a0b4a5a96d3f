//! What was answered.

use core::future::poll_fn;
use core::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{StatusCode, Version};
use roundtrip_record::{
    Body as BodyRecord, BodyCut, ConnectionId, EventId, ExchangeId, FaultKind, Framing, Step, Time,
};
use roundtrip_wire::Wire;
use url::Url;

use super::carrier::{Abandoned, Arrived, Carrier, Place};
use super::clocks::{Clocks, up_fault};
use super::exchange::{Exchange, note};
use super::failure::Failure;
use super::heard::Heard;
use super::keeper::Keeper;
use super::request::{Decode, Request};
use super::stored::Stored;
use super::trouble::Trouble;
use crate::coding::{CodingError, Decoder, Pulled, content_codings};
use crate::message::{Fields, ResponseHead};
use crate::reporter::EndReport;
use crate::upgraded::Upgraded;

/// A response whose head is there. Its body comes as it is read; one that is dropped before its end
/// closes its connection.
pub struct Response<W: Wire> {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The connection it came on; `None`: a cache gave it.
    pub connection: Option<ConnectionId>,
    /// Which of the connection's streams, where it has streams.
    pub stream: Option<u64>,
    /// What was asked for.
    pub url: Url,
    /// The version it was sent in.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// The reason phrase.
    pub reason: String,
    /// The fields, as they came.
    pub fields: Fields,
    /// The interim responses before it, as they came (RFC 9110 §15.2).
    pub interim: Vec<ResponseHead>,
    /// The body.
    pub body: ResponseBody<W>,
    /// The event of the head.
    pub event: Option<EventId>,
    /// When the head was complete.
    pub at: Time,
}

/// What an answer whose body still comes needs.
pub(crate) struct Running<W: Wire> {
    pub(crate) carrier: Box<dyn Carrier>,
    pub(crate) place: Place,
    pub(crate) clocks: Clocks<W>,
}

/// Bytes that are decoded before others have a turn: a thousandth of a second's work.
const AT_ONCE: usize = 1 << 20;

/// A body, as it comes in.
pub struct ResponseBody<W: Wire> {
    exchange: Exchange<W>,
    /// `None` once it has ended, well or not.
    running: Option<Running<W>>,
    /// What a cache has of it, where it comes from there.
    stored: Option<Bytes>,
    /// Who wants to have all of it.
    collector: Option<Collector>,
    framing: Framing,
    expected: Option<u64>,
    /// Bytes that came so far, without framing.
    received: u64,
    /// What the carrier had moved when it was last looked at.
    moved: u64,
    decoder: Option<Decoder>,
    keeper: Option<Keeper>,
    version: Version,
    status: StatusCode,
    codings: Vec<String>,
    media_type: Option<String>,
    since: Time,
    event: Option<EventId>,
    decoded: u64,
    /// Bytes that were decoded since others had their turn.
    at_once: usize,
    raw_done: bool,
    failed: Option<Failure>,
    trailers: Fields,
    /// Is told how far it has come.
    heard: Option<Heard>,
}

impl<W: Wire> Response<W> {
    pub(crate) fn new(
        exchange: Exchange<W>,
        request: Request,
        running: Running<W>,
        (arrived, interim): (Arrived, Vec<ResponseHead>),
        event: Option<EventId>,
        keeper: Keeper,
    ) -> Self {
        let Arrived { head, framing, .. } = arrived;
        let codings = content_codings(&head.fields);
        let empty = framing == Framing::None || framing == Framing::Length(0);
        let options = &exchange.shared.options;
        let of_content = codings.iter().filter(|coding| match request.decode {
            Decode::Off | Decode::Through => false,
            // curl takes it for identity, browsers for a coding that they do not know.
            Decode::Strict => *coding != "none",
            Decode::Lenient => true,
        });
        // They were applied after those of the content.
        let of_transfer = if options.answers.raw {
            Vec::new()
        } else {
            crate::message::transfer_codings(&head.fields)
        };
        let undone = of_content.chain(&of_transfer).map(String::as_str);
        let decoder = if empty { Ok(None) } else { Decoder::new(undone, options.decode) };
        let at = exchange.shared.wire.now();
        let (id, place) = (exchange.reporter.exchange(), running.place);
        let mut body = ResponseBody {
            exchange,
            stored: None,
            collector: None,
            framing,
            expected: expected(framing, &head.fields),
            received: 0,
            moved: running.carrier.moved(),
            running: Some(running),
            decoder: None,
            keeper: Some(keeper),
            version: head.line.version,
            status: head.line.status,
            codings,
            media_type: head.fields.text("Content-Type").map(crate::media::essence),
            since: at,
            event,
            decoded: 0,
            at_once: 0,
            raw_done: empty,
            failed: None,
            trailers: Fields::new(),
            heard: request.heard.clone(),
        };
        match decoder {
            Ok(decoder) => body.decoder = decoder,
            // As browsers: it is given as it came.
            Err(CodingError::Unknown(coding)) if request.decode == Decode::Lenient => {
                body.note_unknown(&coding, event);
            }
            Err(error) => body.fail(coding_fault(&error), BodyCut::Malformed),
        }
        // Whoever asked for it may go on with the connection then.
        if empty && head.line.status != StatusCode::SWITCHING_PROTOCOLS {
            body.finish();
        }
        Self {
            exchange: id,
            connection: Some(place.connection),
            stream: place.stream,
            url: request.url,
            version: head.line.version,
            status: head.line.status,
            reason: head.line.reason_text(),
            fields: head.fields,
            interim,
            body,
            event,
            at,
        }
    }

    /// What the connection goes on as after 101 (RFC 9110 §15.2.2), to be taken once; `None` of any other
    /// answer. One that nobody takes ends the connection.
    pub fn upgrade(&mut self) -> Option<Upgraded> {
        let switches = self.status == StatusCode::SWITCHING_PROTOCOLS;
        if switches { self.body.upgrade() } else { None }
    }

    /// A fault of this exchange that shows now.
    pub fn failure(&self, step: Step, kind: FaultKind) -> Failure {
        Failure {
            exchange: self.exchange,
            connection: self.connection,
            step,
            since: self.at,
            cause: self.event,
            kind,
        }
    }

    /// The answer to a request that a cache has one for: nobody is asked. The exchange is reported as one
    /// that was answered from a cache.
    pub(crate) fn of_stored(exchange: Exchange<W>, request: &Request, stored: Stored) -> Self {
        let event = stored.report(&exchange, exchange.started, request.keep_body, false);
        exchange.reporter.ended_from_cache(event, stored.status.as_u16());
        let at = exchange.shared.wire.now();
        let id = exchange.reporter.exchange();
        let body = ResponseBody::of_stored(exchange, &stored, event);
        let Stored { version, status, reason, fields, .. } = stored;
        Self {
            exchange: id,
            connection: None,
            stream: None,
            url: request.url.clone(),
            version,
            status,
            reason,
            fields,
            interim: Vec::new(),
            body,
            event,
            at,
        }
    }

    /// The answer that a cache has, in place of this one, which says that it is still good (304).
    /// `keeps_body` says whether the record keeps the body.
    #[must_use]
    pub fn with_stored(self, stored: Stored, keeps_body: bool) -> Self {
        let event = stored.report(&self.body.exchange, self.event, keeps_body, true);
        let body = self.body.holding(&stored);
        let Stored { status, reason, fields, .. } = stored;
        Self { status, reason, fields, body, event, ..self }
    }

    /// The media type without parameters, in lower case.
    pub fn media_type(&self) -> Option<&str> {
        self.body.media_type.as_deref()
    }
}

impl<W: Wire> ResponseBody<W> {
    /// How many bytes will come on the wire, where the head told it.
    pub fn expected(&self) -> Option<u64> {
        self.expected
    }

    /// How many bytes have come on the wire, without framing.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// How its end is told.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// The trailer fields, once it has ended.
    pub fn trailers(&self) -> &Fields {
        &self.trailers
    }

    /// The next bytes, decoded; `None` at its end.
    ///
    /// # Errors
    /// When it cannot be read to its end; it will not get better.
    pub fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        loop {
            if let Some(failure) = &self.failed {
                return Poll::Ready(Some(Err(failure.clone())));
            }
            if self.running.is_none() {
                return Poll::Ready(self.stored.take().map(Ok));
            }
            if let Some(decoder) = &mut self.decoder {
                // Decoding waits for nobody: now and then, whoever else wants to has a turn, such as a
                // clock that is up.
                if self.at_once >= AT_ONCE {
                    self.at_once = 0;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                match decoder.pull() {
                    Ok(Pulled::Bytes(bytes)) => {
                        self.at_once += bytes.len();
                        if let Some(limit) = self.used_up(bytes.len()) {
                            let kind = FaultKind::TooLarge { limit, encoded: self.received };
                            self.fail(kind, BodyCut::Stopped);
                            continue;
                        }
                        return Poll::Ready(Some(Ok(self.give(bytes))));
                    }
                    Ok(Pulled::Hungry) => {}
                    Ok(Pulled::End) if self.raw_done => {
                        self.finish();
                        continue;
                    }
                    // The coding ended before its framing did: what follows is passed over.
                    Ok(Pulled::End) => {}
                    Err(error) => {
                        self.fail(coding_fault(&error), BodyCut::Malformed);
                        continue;
                    }
                }
            } else if self.raw_done {
                self.finish();
                continue;
            }
            let Some(bytes) = ready!(self.poll_raw(context)) else { continue };
            match &mut self.decoder {
                Some(decoder) => decoder.push(bytes),
                None => return Poll::Ready(Some(Ok(self.give(bytes)))),
            }
        }
    }

    /// Counts bytes that came out of a compressed body; gives the limit of all of them together where they
    /// are too many.
    fn used_up(&self, length: usize) -> Option<u64> {
        let shared = &self.exchange.shared;
        let all = shared.decoded.get().saturating_add(length as u64);
        shared.decoded.set(all);
        let limit = shared.options.decode.run;
        (all > limit).then_some(limit)
    }

    fn give(&mut self, bytes: Bytes) -> Bytes {
        self.decoded += bytes.len() as u64;
        if let Some(keeper) = &mut self.keeper {
            keeper.take(&bytes);
        }
        if let Some(collector) = &mut self.collector {
            collector.take(&bytes);
        }
        bytes
    }

    /// Bytes off the wire, without framing; `None` when it has ended, well or not.
    fn poll_raw(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(Running { carrier, clocks, .. }) = &mut self.running else {
            return Poll::Ready(None);
        };
        // Nobody has waited since the last bytes were given.
        if clocks.is_paused() {
            clocks.progress();
        }
        match carrier.poll_body(context) {
            Poll::Ready(Some(Ok(bytes))) => {
                clocks.pause();
                self.received += bytes.len() as u64;
                if let Some(heard) = &self.heard {
                    heard.receives(self.received);
                }
                Poll::Ready(Some(bytes))
            }
            Poll::Ready(Some(Err(trouble))) => {
                self.fail_with(trouble);
                Poll::Ready(None)
            }
            Poll::Ready(None) => {
                self.trailers = carrier.trailers();
                self.raw_done = true;
                if let Some(decoder) = &mut self.decoder {
                    decoder.end();
                }
                Poll::Ready(None)
            }
            Poll::Pending => {
                let moved = carrier.moved();
                if core::mem::replace(&mut self.moved, moved) != moved {
                    clocks.progress();
                }
                let up = ready!(clocks.poll_up(context));
                self.fail(up_fault(up, self.received, self.expected), BodyCut::Stalled);
                Poll::Ready(None)
            }
        }
    }

    fn fail_with(&mut self, trouble: Trouble) {
        let cut = trouble.cut();
        let limits = self.exchange.shared.options.limits;
        self.fail(trouble.fault(self.received, self.expected, &limits), cut);
    }

    /// Notes that a coding is none that is known. As in browsers, the body is given as it came.
    fn note_unknown(&self, coding: &str, event: Option<EventId>) {
        let what = format!("{coding} is no content coding; the body is given as it came");
        self.exchange.reporter.note(event, &what, "RFC 9110 §8.4.1");
    }

    /// It has ended well: reports that, and the carrier keeps what can be kept.
    fn finish(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        let cause = running.carrier.last_segment().or(self.event);
        note(&self.exchange.reporter, cause, running.carrier.tolerated());
        if self.decoder.as_ref().is_some_and(Decoder::has_surplus) {
            let what = "bytes after the end of the compressed body, passed over";
            self.exchange.reporter.note(cause, what, "RFC 1952 §2.2");
        }
        let ended = self.report_ended(cause, &running, None);
        self.exchange.reporter.ended(ended, Some(self.status.as_u16()), true);
        running.carrier.release(ended);
        if let Some(heard) = &self.heard {
            heard.reaches(Step::Page);
        }
        if let Some(collector) = self.collector.take() {
            collector.end(self.received);
        }
    }

    /// It has ended with its head, and the connection goes on.
    fn upgrade(&mut self) -> Option<Upgraded> {
        let running = self.running.take()?;
        let ended = self.report_ended(self.event, &running, None);
        let status = Some(self.status.as_u16());
        let ended = self.exchange.reporter.ended(ended, status, true).or(ended);
        running.carrier.upgrade(ended)
    }

    /// Hands all of it on when it has ended well, its codings undone, unless it is longer than `limit`;
    /// and tells how many bytes it had on the wire.
    pub fn when_whole(&mut self, limit: usize, then: impl FnOnce(Bytes, u64) + 'static) {
        let collector = Collector { bytes: BytesMut::new(), limit, then: Box::new(then) };
        match (&self.running, &self.failed) {
            (Some(_), _) => self.collector = Some(collector),
            (None, None) => collector.end(self.received),
            (None, Some(_)) => {}
        }
    }

    /// The body of an answer that a cache gives.
    fn of_stored(exchange: Exchange<W>, stored: &Stored, event: Option<EventId>) -> Self {
        let length = stored.content.len() as u64;
        let since = exchange.shared.wire.now();
        let body = Self {
            exchange,
            running: None,
            stored: None,
            collector: None,
            framing: Framing::Length(length),
            expected: Some(length),
            received: 0,
            moved: 0,
            decoder: None,
            keeper: None,
            version: stored.version,
            status: stored.status,
            codings: Vec::new(),
            media_type: None,
            since,
            event,
            decoded: 0,
            at_once: 0,
            raw_done: true,
            failed: None,
            trailers: Fields::new(),
            heard: None,
        };
        body.holding(stored)
    }

    /// The same body with what a cache has for its bytes.
    fn holding(mut self, stored: &Stored) -> Self {
        self.stored = Some(stored.content.clone()).filter(|content| !content.is_empty());
        self.media_type = stored.media_type();
        self
    }

    /// It cannot be read on.
    fn fail(&mut self, kind: FaultKind, cut: BodyCut) {
        let Some(running) = self.running.take() else { return };
        let cause = running.carrier.last_segment().or(self.event);
        let ended = self.report_ended(cause, &running, Some(cut));
        let status = Some(self.status.as_u16());
        let ended = self.exchange.reporter.ended(ended, status, false).or(ended);
        let place = running.place;
        running.carrier.abandon(Abandoned::Body(cut), ended);
        self.failed = Some(Failure {
            exchange: self.exchange.reporter.exchange(),
            connection: Some(place.connection),
            step: Step::Body,
            since: self.since,
            cause: ended,
            kind,
        });
    }

    fn report_ended(
        &mut self,
        cause: Option<EventId>,
        running: &Running<W>,
        cut: Option<BodyCut>,
    ) -> Option<EventId> {
        let mut keeper = self.keeper.take();
        if let Some(keeper) = keeper.as_mut().filter(|_| cut.is_none()) {
            keeper.end();
        }
        let undone = keeper.as_ref().and_then(Keeper::decoded);
        if let Some(why) = keeper.as_ref().and_then(Keeper::broken) {
            let what =
                format!("its coding could not be undone for the record, which has no body: {why}");
            self.exchange.reporter.note(cause, &what, "RFC 9110 §8.4");
        }
        let content = keeper.as_mut().and_then(Keeper::finish);
        let report = EndReport {
            connection: running.place.connection,
            stream: running.place.stream,
            version: self.version,
            arrived: running.carrier.last_arrived(),
            body: BodyRecord {
                framing: self.framing,
                encoded: self.received,
                framed: Some(running.carrier.framed()),
                decoded: undone.unwrap_or(self.decoded),
                codings: self.codings.clone(),
                content,
                cut,
            },
            media_type: self.media_type.clone(),
            trailers: &self.trailers,
        };
        self.exchange.reporter.response(cause, report).or(cause)
    }

    /// The next bytes, decoded; `None` at its end.
    ///
    /// # Errors
    /// As [`ResponseBody::poll_chunk`].
    pub async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`ResponseBody::poll_chunk`], and when there is more than `limit`.
    pub async fn bytes(&mut self, limit: usize) -> Result<Bytes, Failure> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await {
            let chunk = chunk?;
            if all.len() + chunk.len() > limit {
                let (limit, encoded) = (limit as u64, self.received());
                self.fail(FaultKind::TooLarge { limit, encoded }, BodyCut::Stopped);
                continue;
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// Reads a body that nobody wants, if that costs less than a new connection. One that ends with its
    /// connection is not waited for: that connection is lost anyway.
    pub async fn pass_over(&mut self) {
        const SMALL: u64 = 64 * 1024;
        while self.framing != Framing::Close
            && self.expected().unwrap_or(0).max(self.received()) <= SMALL
        {
            match self.chunk().await {
                Some(Ok(_)) => {}
                _ => break,
            }
        }
    }
}

/// Takes all of a body.
struct Collector {
    bytes: BytesMut,
    /// The most bytes that are taken.
    limit: usize,
    then: Box<dyn FnOnce(Bytes, u64)>,
}

impl Collector {
    fn take(&mut self, bytes: &Bytes) {
        if self.bytes.len() <= self.limit {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn end(self, received: u64) {
        if self.bytes.len() <= self.limit {
            (self.then)(self.bytes.freeze(), received);
        }
    }
}

/// Bytes that will come of a body, where they are told: frames have a Content-Length beside them.
fn expected(framing: Framing, fields: &Fields) -> Option<u64> {
    match framing {
        Framing::Length(length) => Some(length),
        Framing::None => Some(0),
        Framing::Frames => fields.text("Content-Length").and_then(|text| text.parse().ok()),
        Framing::Chunked | Framing::Close => None,
    }
}

fn coding_fault(error: &CodingError) -> FaultKind {
    match error {
        CodingError::Broken { coding, why } => {
            FaultKind::BadEncoding { coding: coding.clone(), why: why.clone() }
        }
        CodingError::Unknown(coding) => {
            FaultKind::BadEncoding { coding: coding.clone(), why: "not known".into() }
        }
        CodingError::TooLarge { limit, encoded } => {
            FaultKind::TooLarge { limit: *limit, encoded: *encoded }
        }
    }
}

impl<W: Wire> Drop for ResponseBody<W> {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.fail(FaultKind::Interrupted, BodyCut::Stopped);
        }
    }
}

impl<W: Wire> core::fmt::Debug for ResponseBody<W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ResponseBody")
            .field("framing", &self.framing())
            .field("received", &self.received())
            .finish_non_exhaustive()
    }
}

impl<W: Wire> core::fmt::Debug for Response<W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Response")
            .field("url", &self.url.as_str())
            .field("status", &self.status)
            .field("fields", &self.fields)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
