//! HTTP/2 as a carrier: a stream for one exchange.

use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::{StatusCode, Uri, Version};
use roundtrip_record::{EventId, Framing, Time};
use roundtrip_wire::Wire;

use super::carrier::{Abandoned, Arrived, Boarding, Carrier, Place, Sent};
use super::origin::Origin;
use super::trouble::Trouble;
use super::two::Two;
use super::upload::Upload;
use crate::message::{Fields, Head, MessageError, RequestHead, StatusLine};
use crate::two::{Moment, from_map, of_connection, poll_room, to_map};
use crate::upgraded::Upgraded;

/// How much of a request's body is handed over at once: one frame.
const PIECE: usize = 16 * 1024;

/// An exchange on a connection of HTTP/2.
pub(crate) struct Stream<W: Wire> {
    two: Two<W>,
    origin: Origin,
    request: Option<(RequestHead, Upload)>,
    /// The request as `h2` has it, until the stream is open.
    opening: Option<http::Request<()>>,
    id: Option<u32>,
    answer: Option<ResponseFuture>,
    out: Option<SendStream<Bytes>>,
    /// A piece of the body that is to be sent.
    piece: Bytes,
    incoming: Option<RecvStream>,
    received: u64,
    expected: Option<u64>,
    trailers: Fields,
    ended: bool,
}

impl<W: Wire> Stream<W> {
    pub(crate) fn new(two: Two<W>, origin: Origin) -> Self {
        Self {
            two,
            origin,
            request: None,
            opening: None,
            id: None,
            answer: None,
            out: None,
            piece: Bytes::new(),
            incoming: None,
            received: 0,
            expected: None,
            trailers: Fields::new(),
            ended: false,
        }
    }

    /// Opens the stream.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        let (Some((_, body)), Some(request)) = (&self.request, &self.opening) else {
            return Poll::Ready(Ok(()));
        };
        match ready!(self.two.poll_open(request, body.is_empty(), context)) {
            Ok((answer, out)) => {
                let id = answer.stream_id().as_u32();
                self.two.ledger().enter(id);
                self.id = Some(id);
                self.answer = Some(answer);
                self.out = (!body.is_empty()).then_some(out);
                self.opening = None;
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(self.trouble(&error))),
        }
    }

    /// Hands on what can be handed on of the body; ready when that is all of it, or nothing more is
    /// wanted.
    fn poll_upload(&mut self, context: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        let Some((_, body)) = &mut self.request else { return Poll::Ready(Ok(())) };
        while let Some(out) = &mut self.out {
            if self.piece.is_empty() {
                match ready!(body.poll_chunk(context)) {
                    Some(Ok(chunk)) => self.piece = chunk,
                    Some(Err(error)) => {
                        out.send_reset(Reason::CANCEL);
                        self.out = None;
                        return Poll::Ready(Err(error));
                    }
                    None => {
                        let trailers = body.trailers();
                        // A stream that is over already has an answer that says why.
                        let _ = if trailers.is_empty() {
                            out.send_data(Bytes::new(), true)
                        } else {
                            out.send_trailers(to_map(&trailers))
                        };
                        self.out = None;
                    }
                }
                continue;
            }
            let want = self.piece.len().min(PIECE);
            match ready!(poll_room(out, want, context)) {
                Some(room) => {
                    let part = self.piece.split_to(room);
                    if out.send_data(part, false).is_err() {
                        self.out = None;
                    }
                }
                None => self.out = None,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// What an error of `h2` comes to.
    fn trouble(&self, error: &h2::Error) -> Trouble {
        if let Some(why) = self.two.excess() {
            return Trouble::Against {
                what: why.into(),
                offset: self.received,
                rule: "RFC 9113 §10.5",
            };
        }
        let ledger = self.two.ledger();
        let away = ledger.going_away();
        let reason = error.reason();
        let asked = error.is_remote() && reason == Some(Reason::HTTP_1_1_REQUIRED);
        if asked || away.is_some_and(|away| away.code == u32::from(Reason::HTTP_1_1_REQUIRED)) {
            return Trouble::NeedsOne;
        }
        if let Some(away) = away.filter(|away| self.id.is_none_or(|id| id > away.last)) {
            let code = Reason::from(away.code);
            let why =
                format!("the server takes no more requests on this connection (GOAWAY, {code:?})");
            return Trouble::Unprocessed { why, progress: away.last > 0 };
        }
        if self.id.is_none_or(|id| ledger.began(id).is_none()) {
            let why = format!("the connection ended before the request was sent: {error}");
            return Trouble::Unprocessed { why, progress: false };
        }
        let code = reason.map_or_else(String::new, |reason| format!("{reason:?}"));
        if error.is_remote() && error.is_reset() && reason == Some(Reason::REFUSED_STREAM) {
            let why = "the server refused the stream (REFUSED_STREAM)".into();
            return Trouble::Unprocessed { why, progress: false };
        }
        if error.is_remote() && error.is_reset() {
            return Trouble::StreamReset { code };
        }
        if error.is_remote() {
            return Trouble::Refused(format!("the server ended the connection: {code}"));
        }
        match error.get_io() {
            // What `h2` calls so is the end of the connection.
            Some(lost) if lost.kind() == io::ErrorKind::BrokenPipe => self.lost(false),
            // How rustls tells of a missing close_notify.
            Some(lost) if lost.kind() == io::ErrorKind::UnexpectedEof => match self.incoming {
                None => self.lost(false),
                Some(_) => Trouble::TlsCut,
            },
            Some(lost) if super::trouble::is_reset(lost) => self.lost(true),
            Some(lost) => Trouble::Broken(lost.to_string()),
            // RFC 9113 §8.1.1: a body that is not as long as was promised is malformed.
            None if self.expected.is_some_and(|expected| self.received < expected)
                && self.id.is_some_and(|id| ledger.is_in(id)) =>
            {
                Trouble::BodyCut
            }
            None => Trouble::Against {
                what: format!("something that HTTP/2 does not allow ({code})"),
                offset: self.received,
                rule: "RFC 9113 §5.4",
            },
        }
    }

    /// The connection was lost.
    fn lost(&self, reset: bool) -> Trouble {
        match (&self.incoming, reset) {
            (None, _) => Trouble::Silent { reset },
            (Some(_), true) => Trouble::Reset,
            (Some(_), false) => Trouble::BodyCut,
        }
    }

    /// A head, with what the frames told of it.
    fn arrived(&self, status: StatusCode, fields: Fields, framing: Framing) -> Arrived {
        let block = self.id.and_then(|id| self.two.ledger().take_in(id));
        let line = StatusLine { version: Version::HTTP_2, status, reason: Vec::new() };
        let head = Head { line, fields, bytes: block.map_or(0, |block| block.bytes) };
        Arrived {
            head,
            text: None,
            framing,
            began: block.map_or_else(
                || Moment { at: self.two.wire().now(), passed: None, segment: None },
                |block| block.began,
            ),
        }
    }
}

impl<W: Wire> Carrier for Stream<W> {
    fn place(&self) -> Place {
        Place { connection: self.two.id(), stream: self.id.map(u64::from) }
    }

    fn version(&self, _: Version) -> Version {
        Version::HTTP_2
    }

    fn board(&mut self) -> Boarding {
        self.two.board()
    }

    fn send(&mut self, head: RequestHead, body: Upload) {
        let mut request = http::Request::new(());
        *request.method_mut() = head.line.method.clone();
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = to_map(&head.fields);
        self.request = Some((head, body));
        self.opening = Some(request);
    }

    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        if let (Some(opening), Some((head, _))) = (&mut self.opening, &self.request)
            && opening.uri().authority().is_none()
        {
            // As in the other versions, Host says whom it is for (RFC 9113 §8.3.1).
            let told = head.fields.text("Host").filter(|host| !host.is_empty());
            let authority = told.map_or_else(|| self.origin.authority(), str::to_owned);
            let url = format!("{}://{authority}{}", self.origin.scheme.name(), head.line.target);
            match url.parse::<Uri>() {
                Ok(uri) => *opening.uri_mut() = uri,
                Err(error) => {
                    let why = format!("it cannot be written in HTTP/2: {error}");
                    return Poll::Ready(Err(Trouble::BadTarget { url, why }));
                }
            }
        }
        ready!(self.poll_open(context))?;
        if let Err(error) = ready!(self.poll_upload(context)) {
            return Poll::Ready(Err(Trouble::Unreadable(error)));
        }
        let Some(id) = self.id else { return Poll::Pending };
        let mut ledger = self.two.ledger();
        if ledger.is_out(id) {
            return Poll::Ready(Ok(()));
        }
        ledger.wait(id, context);
        Poll::Pending
    }

    fn sent(&mut self) -> Sent {
        let mut ledger = self.two.ledger();
        let began = self.id.and_then(|id| ledger.began(id));
        let departed = self.id.and_then(|id| ledger.departed(id));
        let block = self.id.and_then(|id| ledger.take_out(id));
        let mut fields = Fields::new();
        let (body_bytes, body) = match &mut self.request {
            None => (0, None),
            Some((head, body)) => {
                fields = as_sent(head);
                (body.taken(), body.kept())
            }
        };
        Sent {
            began: began.unwrap_or_else(|| self.two.wire().now()),
            departed,
            fields,
            head_bytes: block.map_or(0, |block| block.bytes),
            body_bytes,
            body,
        }
    }

    fn held(&mut self) -> Option<&mut Upload> {
        let out = self.id.is_some_and(|id| self.two.ledger().began(id).is_some());
        self.request.as_mut().map(|(_, body)| body).filter(|body| out && body.is_held())
    }

    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Result<Arrived, Trouble>> {
        let Some(answer) = &mut self.answer else { return Poll::Pending };
        if let Poll::Ready(Some(interim)) = answer.poll_informational(context) {
            return Poll::Ready(match interim {
                Ok(interim) => {
                    let fields = from_map(interim.headers());
                    Ok(self.arrived(interim.status(), fields, Framing::None))
                }
                Err(error) => Err(self.trouble(&error)),
            });
        }
        let response = match ready!(Pin::new(answer).poll(context)) {
            Ok(response) => response,
            Err(error) => return Poll::Ready(Err(self.trouble(&error))),
        };
        self.answer = None;
        let (parts, body) = response.into_parts();
        let fields = from_map(&parts.headers);
        let bodyless = matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        self.ended = body.is_end_stream();
        let framing = if self.ended || bodyless { Framing::None } else { Framing::Frames };
        if framing == Framing::Frames {
            self.expected = fields.text("Content-Length").and_then(|length| length.parse().ok());
        }
        self.incoming = Some(body);
        Poll::Ready(Ok(self.arrived(parts.status, fields, framing)))
    }

    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        // An answer that is coming already tells more than why the rest was not wanted.
        let _ = self.poll_upload(context);
        let Some(body) = self.incoming.as_mut().filter(|_| !self.ended) else {
            return Poll::Ready(None);
        };
        let failed = match ready!(body.poll_data(context)) {
            Some(Ok(data)) => {
                // What was taken may be sent again; that can fail only for a stream that is over.
                let _ = body.flow_control().release_capacity(data.len());
                self.received += data.len() as u64;
                return Poll::Ready(Some(Ok(data)));
            }
            Some(Err(error)) => Some(error),
            None => match ready!(body.poll_trailers(context)) {
                Ok(trailers) => {
                    self.trailers = trailers.as_ref().map(from_map).unwrap_or_default();
                    None
                }
                Err(error) => Some(error),
            },
        };
        let Some(error) = failed else {
            self.ended = true;
            return Poll::Ready(None);
        };
        // RFC 9113 §8.1: after a whole answer, the server may ask that the rest of the request stays
        // away, without an error.
        if error.reason() == Some(Reason::NO_ERROR)
            && self.id.is_some_and(|id| self.two.ledger().is_in(id))
        {
            self.ended = true;
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Err(self.trouble(&error))))
    }

    fn trailers(&mut self) -> Fields {
        core::mem::take(&mut self.trailers)
    }

    /// Nothing: `h2` is strict.
    fn tolerated(&mut self) -> Vec<MessageError> {
        Vec::new()
    }

    fn framed(&self) -> u64 {
        self.id.map_or(0, |id| self.two.ledger().framed_in(id))
    }

    fn moved(&self) -> u64 {
        self.id.map_or(0, |id| self.two.ledger().moved(id))
    }

    fn last_segment(&self) -> Option<EventId> {
        self.id.and_then(|id| self.two.ledger().segment(id))
    }

    fn last_arrived(&self) -> Option<Time> {
        self.id.and_then(|id| self.two.ledger().arrived(id))
    }

    /// The stream alone is given up: dropping it resets it, and its connection goes on.
    fn abandon(self: Box<Self>, _: Abandoned, _: Option<EventId>) {}

    fn release(self: Box<Self>, _: Option<EventId>) {}

    /// There is no 101 in HTTP/2 (RFC 9113 §8.6).
    fn upgrade(self: Box<Self>, _: Option<EventId>) -> Option<Upgraded> {
        None
    }
}

impl<W: Wire> Drop for Stream<W> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.two.leave(id);
        }
    }
}

/// The fields of a request as they stand on the wire: `:authority` in place of Host, names in lower
/// case. The other pseudo-fields are told by the request's own method and URL.
pub(crate) fn as_sent(head: &RequestHead) -> Fields {
    let mut fields = Fields::new();
    if let Some(host) = head.fields.get("Host") {
        fields.add_pseudo(":authority", host);
    }
    for (name, value) in head.fields.iter() {
        if !of_connection(&head.fields, name, value) {
            // They were checked when they were added.
            let _ = fields.push(&name.to_ascii_lowercase(), value);
        }
    }
    fields
}
