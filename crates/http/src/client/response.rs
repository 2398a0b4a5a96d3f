//! What was answered.

use core::future::poll_fn;
use core::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{StatusCode, Version};
use roundtrip_record::{
    Body as BodyRecord, BodyCut, BodyWriter, ConnectionId, EndedBy, EventId, ExchangeEnded,
    ExchangeId, FaultKind, Framing, ResponseEnded, Step, Time, Trace as _, What,
};
use roundtrip_wire::{Transport as _, Wire};
use url::Url;

use super::clocks::{Clocks, Up};
use super::connection::Connection;
use super::exchange::{Exchange, is_reset, up_fault};
use super::failure::Failure;
use super::options::KeepAlive;
use super::outgoing::{OutError, Outgoing};
use super::request::Request;
use super::two::TwoStream;
use crate::coding::{CodingError, Decoder, Pulled};
use crate::message::{BodyDecoder, Fields, ResponseHead};

/// A response whose head is there. Its body comes as it is read; one that is dropped before its end
/// closes its connection.
pub struct Response<W: Wire> {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The connection it came on.
    pub connection: ConnectionId,
    /// What was asked for in the end.
    pub url: Url,
    /// What was asked for before, where redirects were followed.
    pub redirects: Vec<Url>,
    /// The version it was sent in.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// The reason phrase.
    pub reason: String,
    /// The fields, as they came.
    pub fields: Fields,
    /// The body.
    pub body: ResponseBody<W>,
    /// The event of the head.
    pub event: Option<EventId>,
    /// When the head was complete.
    pub at: Time,
}

/// What an answer whose body still comes needs.
pub(crate) struct Running<W: Wire> {
    pub(crate) carrier: Carrier<W>,
    pub(crate) clocks: Clocks<W>,
    /// The connection may be kept.
    pub(crate) keep: bool,
    /// Bytes of all heads before the body.
    pub(crate) head_bytes: u64,
}

/// What brings a body.
pub(crate) enum Carrier<W: Wire> {
    /// A connection of HTTP/1, for this exchange alone.
    One {
        connection: Box<Connection<W>>,
        /// The rest of the request, where the answer came before it was sent whole.
        outgoing: Option<Box<Outgoing>>,
    },
    /// A stream of HTTP/2.
    Two(Box<TwoStream<W>>),
}

impl<W: Wire> Carrier<W> {
    fn id(&self) -> ConnectionId {
        match self {
            Self::One { connection, .. } => connection.id,
            Self::Two(stream) => stream.id(),
        }
    }

    fn last_segment(&self) -> Option<EventId> {
        match self {
            Self::One { connection, .. } => connection.last_segment(),
            Self::Two(stream) => stream.last_segment(),
        }
    }

    /// Gives the exchange up. A connection of HTTP/1 ends with it, a stream of HTTP/2 alone.
    fn abandon(&mut self, cut: BodyCut, cause: Option<EventId>) {
        let Self::One { connection, .. } = self else { return };
        let (by, why) = match cut {
            BodyCut::Short | BodyCut::Reset => (EndedBy::Server, "ended inside the body"),
            _ => (EndedBy::Client, "body given up"),
        };
        connection.report(by, why, cause);
        if by == EndedBy::Client {
            connection.channel.abort();
        }
    }
}

/// A body, as it comes in.
pub struct ResponseBody<W: Wire> {
    exchange: Exchange<W>,
    /// `None` once it has ended, well or not.
    running: Option<Running<W>>,
    framing: BodyDecoder,
    decoder: Option<Decoder>,
    writer: Option<BodyWriter>,
    status: StatusCode,
    codings: Vec<String>,
    media_type: Option<String>,
    since: Time,
    event: Option<EventId>,
    decoded: u64,
    raw_done: bool,
    failed: Option<Failure>,
    trailers: Fields,
}

impl<W: Wire> Response<W> {
    pub(crate) fn new(
        exchange: Exchange<W>,
        request: Request,
        running: Running<W>,
        head: ResponseHead,
        framing: Framing,
        event: Option<EventId>,
        writer: Option<BodyWriter>,
    ) -> Self {
        exchange.shared.take_cookies(&head.fields, &request.url);
        let options = &exchange.shared.options;
        let codings: Vec<String> = head
            .fields
            .list("Content-Encoding")
            .map(|coding| String::from_utf8_lossy(coding).to_ascii_lowercase())
            .collect();
        let empty = framing == Framing::None || framing == Framing::Length(0);
        let decoder = if request.decode && !empty {
            Decoder::new(codings.iter().map(String::as_str), options.decode)
        } else {
            Ok(None)
        };
        let limits = options.limits;
        let at = exchange.shared.wire.now();
        let (id, connection) = (exchange.id, running.carrier.id());
        let mut body = ResponseBody {
            exchange,
            running: Some(running),
            framing: BodyDecoder::new(framing, limits),
            decoder: None,
            writer,
            status: head.line.status,
            codings,
            media_type: head.fields.text("Content-Type").map(crate::media::essence),
            since: at,
            event,
            decoded: 0,
            raw_done: false,
            failed: None,
            trailers: Fields::new(),
        };
        match decoder {
            Ok(decoder) => body.decoder = decoder,
            Err(error) => {
                body.fail(coding_fault(&error), BodyCut::Malformed);
            }
        }
        if body.framing.is_done() && body.failed.is_none() {
            body.finish();
        }
        Self {
            exchange: id,
            connection,
            url: request.url,
            redirects: Vec::new(),
            version: head.line.version,
            status: head.line.status,
            reason: head.line.reason_text(),
            fields: head.fields,
            body,
            event,
            at,
        }
    }

    /// A fault of this exchange that shows now.
    pub fn failure(&self, step: Step, kind: FaultKind) -> Failure {
        Failure {
            exchange: self.exchange,
            connection: Some(self.connection),
            step,
            since: self.at,
            cause: self.event,
            kind,
        }
    }

    /// The media type without parameters, in lower case.
    pub fn media_type(&self) -> Option<&str> {
        self.body.media_type.as_deref()
    }
}

impl<W: Wire> ResponseBody<W> {
    /// How many bytes will come on the wire, where the head told it.
    pub fn expected(&self) -> Option<u64> {
        self.framing.expected()
    }

    /// How many bytes have come on the wire, without framing.
    pub fn received(&self) -> u64 {
        self.framing.received()
    }

    /// How its end is told.
    pub fn framing(&self) -> Framing {
        self.framing.framing()
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
                return Poll::Ready(None);
            }
            if let Some(decoder) = &mut self.decoder {
                match decoder.pull() {
                    Ok(Pulled::Bytes(bytes)) => return Poll::Ready(Some(Ok(self.give(bytes)))),
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

    fn give(&mut self, bytes: Bytes) -> Bytes {
        self.decoded += bytes.len() as u64;
        if let Some(writer) = &mut self.writer {
            writer.write(&bytes);
        }
        bytes
    }

    /// Bytes off the wire, without framing; `None` when it has ended, well or not.
    fn poll_raw(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.running.as_ref().map(|running| &running.carrier) {
            Some(Carrier::One { .. }) => self.poll_one(context),
            Some(Carrier::Two(_)) => self.poll_two(context),
            None => Poll::Ready(None),
        }
    }

    fn poll_two(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(Running { carrier: Carrier::Two(stream), clocks, .. }) = &mut self.running else {
            return Poll::Ready(None);
        };
        if clocks.is_paused() {
            clocks.progress();
        }
        match stream.poll_data(context) {
            Poll::Ready(Some(Ok(bytes))) => {
                clocks.pause();
                // Frames have no framing of ours: this counts.
                let _ = self.framing.decode(&bytes);
                Poll::Ready(Some(bytes))
            }
            Poll::Ready(Some(Err(error))) => {
                self.stream_failed(&error);
                Poll::Ready(None)
            }
            Poll::Ready(None) => {
                self.trailers = stream.take_trailers();
                self.end_raw();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let up = ready!(clocks.poll_up(context));
                self.give_up(up);
                Poll::Ready(None)
            }
        }
    }

    fn give_up(&mut self, up: Up) {
        let (received, expected) = (self.framing.received(), self.framing.expected());
        self.fail(up_fault(up, received, expected), BodyCut::Stalled);
    }

    fn poll_one(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let Some(running) = &mut self.running else { return Poll::Ready(None) };
            let Carrier::One { connection, outgoing } = &mut running.carrier else {
                return Poll::Ready(None);
            };
            if !connection.input.is_empty() {
                running.clocks.pause();
                let step = match self.framing.decode(&connection.input) {
                    Ok(step) => step,
                    Err(error) => {
                        let kind = FaultKind::Malformed {
                            what: error.defect.text().into(),
                            offset: running.head_bytes + error.offset,
                            rule: error.defect.rule().into(),
                        };
                        self.fail(kind, BodyCut::Malformed);
                        return Poll::Ready(None);
                    }
                };
                let bytes = connection.input.split_to(step.used).freeze();
                if step.done {
                    self.end_raw();
                }
                if !step.data.is_empty() {
                    return Poll::Ready(Some(bytes.slice(step.data)));
                }
                if step.done {
                    return Poll::Ready(None);
                }
                continue;
            }
            if running.clocks.is_paused() {
                running.clocks.progress();
            }
            if let Some(sending) = outgoing {
                match sending.poll_send(connection, context) {
                    Poll::Ready(Ok(())) => *outgoing = None,
                    Poll::Ready(Err(OutError::Body(_) | OutError::Connection(_))) => {
                        *outgoing = None;
                        running.keep = false;
                    }
                    Poll::Pending => {}
                }
            }
            match connection.poll_fill(context) {
                Poll::Ready(Ok(1..)) => running.clocks.progress(),
                Poll::Ready(Ok(0)) => {
                    self.stream_ended();
                    return Poll::Ready(None);
                }
                Poll::Ready(Err(error)) => {
                    self.stream_failed(&error);
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let up = ready!(running.clocks.poll_up(context));
                    self.give_up(up);
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn end_raw(&mut self) {
        self.raw_done = true;
        if let Some(decoder) = &mut self.decoder {
            decoder.end();
        }
        if let Some(trailers) = self.framing.trailers() {
            self.trailers = trailers.clone();
        }
    }

    fn stream_ended(&mut self) {
        if self.framing.may_end() {
            return self.end_raw();
        }
        let (received, expected) = (self.framing.received(), self.framing.expected());
        self.fail(FaultKind::Short { received, expected }, BodyCut::Short);
    }

    fn stream_failed(&mut self, error: &std::io::Error) {
        let (received, expected) = (self.framing.received(), self.framing.expected());
        if is_reset(error) {
            self.fail(FaultKind::Reset { received, expected }, BodyCut::Reset);
        } else if error.kind() == std::io::ErrorKind::UnexpectedEof {
            // TLS ended without close_notify: the body may have been cut (RFC 9112 §9.8).
            self.fail(FaultKind::Short { received, expected }, BodyCut::Short);
        } else {
            self.fail(FaultKind::ReceiveFailed { why: error.to_string() }, BodyCut::Reset);
        }
    }

    /// It has ended well: reports that, and keeps or closes the connection.
    fn finish(&mut self) {
        let Some(running) = self.running.take() else { return };
        let cause = running.carrier.last_segment().or(self.event);
        let ended = self.report_ended(running.carrier.id(), cause, None);
        self.report_exchange(ended, true);
        release(&self.exchange, running, self.framing.framing(), ended);
    }

    /// It cannot be read on.
    fn fail(&mut self, kind: FaultKind, cut: BodyCut) {
        let Some(mut running) = self.running.take() else { return };
        let cause = running.carrier.last_segment().or(self.event);
        let connection = running.carrier.id();
        let ended = self.report_ended(connection, cause, Some(cut));
        let ended = self.report_exchange(ended, false).or(ended);
        running.carrier.abandon(cut, ended);
        self.failed = Some(Failure {
            exchange: self.exchange.id,
            connection: Some(connection),
            step: Step::Body,
            since: self.since,
            cause: ended,
            kind,
        });
    }

    fn report_ended(
        &mut self,
        connection: ConnectionId,
        cause: Option<EventId>,
        cut: Option<BodyCut>,
    ) -> Option<EventId> {
        let wire = &self.exchange.shared.wire;
        let content = self.writer.take().and_then(BodyWriter::finish);
        let ended = wire.log().emit(wire.now(), cause, || {
            What::ResponseEnded(ResponseEnded {
                exchange: Some(self.exchange.id),
                connection,
                body: BodyRecord {
                    framing: self.framing.framing(),
                    encoded: self.framing.received(),
                    decoded: self.decoded,
                    codings: self.codings.clone(),
                    content,
                    cut,
                    framed: None,
                },
                media_type: self.media_type.clone(),
                trailers: self.trailers.to_record(),
                transport: roundtrip_record::Transport::Tcp,
                stream: None,
                arrived: None,
            })
        });
        ended.or(cause)
    }

    fn report_exchange(&self, cause: Option<EventId>, complete: bool) -> Option<EventId> {
        let wire = &self.exchange.shared.wire;
        wire.log().emit(wire.now(), cause, || {
            What::ExchangeEnded(ExchangeEnded {
                exchange: self.exchange.id,
                status: Some(self.status.as_u16()),
                complete,
                from_cache: false,
            })
        })
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

    /// Reads a body that nobody wants, if that costs less than a new connection; gives the event of
    /// its end.
    pub(crate) async fn pass_over(&mut self) -> Option<EventId> {
        const SMALL: u64 = 64 * 1024;
        while self.expected().unwrap_or(0).max(self.received()) <= SMALL {
            match self.chunk().await {
                Some(Ok(_)) => {}
                _ => break,
            }
        }
        self.event
    }
}

/// Keeps the connection or closes it, and says why.
fn release<W: Wire>(
    exchange: &Exchange<W>,
    running: Running<W>,
    framing: Framing,
    cause: Option<EventId>,
) {
    let shared = &exchange.shared;
    // A stream of HTTP/2 ends alone.
    let Carrier::One { mut connection, outgoing } = running.carrier else { return };
    connection.served += 1;
    let unasked = !connection.input.is_empty();
    let (by, why) = if shared.options.keep_alive == KeepAlive::Off {
        (EndedBy::Client, "no keep-alive wanted")
    } else if framing == Framing::Close {
        (EndedBy::Server, "framed by close")
    } else if !running.keep {
        (EndedBy::Server, "server does not keep it")
    } else if outgoing.is_some() {
        (EndedBy::Client, "request not sent whole")
    } else if unasked {
        (EndedBy::Client, "bytes that nobody asked for")
    } else {
        connection.report(EndedBy::Kept, "kept for the next request", cause);
        match shared.pool.give_back(*connection) {
            Ok(()) => {}
            Err((connection, why)) => {
                connection.report(EndedBy::Client, &why, cause);
                connection.finish_later();
            }
        }
        return;
    };
    connection.report(by, why, cause);
    connection.finish_later();
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
