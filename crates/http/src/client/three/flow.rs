//! HTTP/3 as a carrier: a stream for one exchange.

use core::task::{Context, Poll, ready};
use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use http::{Method, StatusCode, Uri, Version};
use roundtrip_quic::{Direction, Ended, ReadError, StreamId, WriteError};
use roundtrip_record::{EventId, Framing, Time};
use roundtrip_wire::Wire;

use super::connection::Three;
use crate::client::carrier::{Abandoned, Arrived, Boarding, Carrier, Place, Sent};
use crate::client::origin::Origin;
use crate::client::stream::as_sent;
use crate::client::trouble::Trouble;
use crate::client::upload::Upload;
use crate::message::{Fields, MessageError, RequestHead};
use crate::three::{
    Breach, Code, Frames, Hub, Kind, Lines, Part, Section, data_head, framed, other_lines,
    request_lines, response_head, trailers,
};
use crate::two::Moment;
use crate::upgraded::Upgraded;

/// How much is read at once.
const READ: usize = 64 * 1024;

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its final head has not come.
    Head,
    Body,
    /// Only the end of the stream may follow.
    Trailers,
    /// It has come to its end.
    Ended,
}

/// An exchange on a connection of HTTP/3.
pub(crate) struct Flow<W: Wire> {
    three: Three<W>,
    origin: Origin,
    request: Option<(RequestHead, Upload)>,
    id: Option<StreamId>,
    /// What is to be written.
    out: VecDeque<Bytes>,
    /// All of the request has been handed on, or no more of it is wanted.
    sent: bool,
    /// Once what is to be written has been, the request ends.
    ending: bool,
    began: Option<Time>,
    head_bytes: u64,
    moved: u64,
    frames: Frames,
    /// A field section that came and was not decoded yet.
    section: Option<Bytes>,
    /// When the section that is coming began.
    section_began: Option<Moment>,
    stage: Stage,
    received: u64,
    expected: Option<u64>,
    trailers: Fields,
    /// What went wrong with the stream, seen while its head was taken.
    failed: Option<ReadError>,
}

impl<W: Wire> Flow<W> {
    pub(crate) fn new(three: Three<W>, origin: Origin, most: usize) -> Self {
        three.enter();
        Self {
            three,
            origin,
            request: None,
            id: None,
            out: VecDeque::new(),
            sent: false,
            ending: false,
            began: None,
            head_bytes: 0,
            moved: 0,
            frames: Frames::new(most),
            section: None,
            section_began: None,
            stage: Stage::Head,
            received: 0,
            expected: None,
            trailers: Fields::new(),
            failed: None,
        }
    }

    fn hub(&self) -> &Hub<W> {
        self.three.hub()
    }

    /// Opens the stream; the head is then the first thing to be written.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<Result<StreamId, Trouble>> {
        if let Some(id) = self.id {
            return Poll::Ready(Ok(id));
        }
        let Some((head, _)) = &self.request else { return Poll::Pending };
        let url = format!("{}{}", self.origin, head.line.target);
        if let Err(error) = url.parse::<Uri>() {
            let why = format!("it cannot be written in HTTP/3: {error}");
            return Poll::Ready(Err(Trouble::BadTarget { url, why }));
        }
        let scheme = self.origin.scheme.name();
        let section = Hub::<W>::encode(&request_lines(head, scheme, &self.origin.authority()));
        let id = match ready!(self.hub().quic.poll_open(Direction::Both, context)) {
            Ok(id) => id,
            Err(ended) => {
                let why = format!("the connection ended before the request was sent: {ended}");
                return Poll::Ready(Err(Trouble::Unprocessed { why, progress: false }));
            }
        };
        self.head_bytes = section.len() as u64;
        self.out.push_back(framed(Kind::Headers, &section).into());
        self.id = Some(id);
        Poll::Ready(Ok(id))
    }

    /// Hands on what can be handed on; ready when that is all of it, or nothing more is wanted.
    fn poll_upload(&mut self, context: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        let Some(id) = self.id else { return Poll::Pending };
        loop {
            while let Some(first) = self.out.front_mut() {
                if first.is_empty() {
                    self.out.pop_front();
                    continue;
                }
                match ready!(self.three.hub().quic.poll_write(id, first, context)) {
                    Ok(written) => {
                        self.began.get_or_insert_with(|| self.three.wire().now());
                        self.moved += written as u64;
                    }
                    // The answer says why, or that the connection is over.
                    Err(WriteError::Stopped(_) | WriteError::Over | WriteError::Ended(_)) => {
                        self.out.clear();
                        self.sent = true;
                    }
                }
            }
            if core::mem::take(&mut self.ending) {
                self.hub().quic.finish(id);
            }
            let Some((_, body)) = self.request.as_mut().filter(|_| !self.sent) else {
                return Poll::Ready(Ok(()));
            };
            match ready!(body.poll_chunk(context)) {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => self.out.extend([data_head(chunk.len()), chunk]),
                Some(Err(error)) => {
                    self.sent = true;
                    self.hub().quic.reset(id, Code::REQUEST_CANCELLED.0);
                    return Poll::Ready(Err(error));
                }
                None => {
                    let fields = body.trailers();
                    self.sent = true;
                    if fields.is_empty() {
                        self.hub().quic.finish(id);
                    } else {
                        let lines: Lines = other_lines(&fields).collect();
                        let section = Hub::<W>::encode(&lines);
                        self.out.push_back(framed(Kind::Headers, &section).into());
                        self.ending = true;
                    }
                }
            }
        }
    }

    /// The next thing that the stream brings; `None` at its end.
    fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Part>, Trouble>> {
        let Some(id) = self.id else { return Poll::Pending };
        loop {
            match self.frames.next() {
                Ok(Some(part)) => return Poll::Ready(Ok(Some(part))),
                Ok(None) => {}
                Err(breach) => return Poll::Ready(Err(self.against(breach))),
            }
            if let Some(failed) = self.failed.take() {
                return Poll::Ready(Err(self.trouble(&failed)));
            }
            match ready!(self.three.hub().quic.poll_read(id, READ, context)) {
                Ok(Some(bytes)) => self.came(bytes),
                Ok(None) if self.frames.is_within() => {
                    let why = "a stream that ends within a frame";
                    let breach = Breach::of_connection(Code::FRAME_ERROR, why);
                    return Poll::Ready(Err(self.against(breach)));
                }
                Ok(None) => return Poll::Ready(Ok(None)),
                Err(error) => return Poll::Ready(Err(self.trouble(&error))),
            }
        }
    }

    /// Bytes have come.
    fn came(&mut self, bytes: Bytes) {
        self.moved += bytes.len() as u64;
        let moment = self.moment();
        self.section_began.get_or_insert(moment);
        self.frames.push(bytes);
    }

    /// When what came last did.
    fn moment(&self) -> Moment {
        Moment {
            at: self.three.wire().now(),
            passed: self.hub().quic.arrived(),
            segment: self.last_segment(),
        }
    }

    /// Decodes the section that came.
    fn poll_section(&mut self, context: &mut Context<'_>) -> Poll<Result<Lines, Trouble>> {
        let (Some(id), Some(section)) = (self.id, self.section.clone()) else {
            return Poll::Pending;
        };
        let decoded = ready!(self.hub().poll_decode(id, &section, context));
        self.section = None;
        Poll::Ready(match decoded {
            Ok(Section::Lines(lines)) => Ok(lines),
            Ok(Section::TooLarge) => {
                let why = "a head larger than the limit";
                Err(self.against(Breach::of_stream(Code::EXCESSIVE_LOAD, why)))
            }
            Err(breach) => Err(self.against(breach)),
        })
    }

    /// The server did what it may not.
    fn against(&mut self, breach: Breach) -> Trouble {
        let offset = self.frames.read();
        if breach.of_stream {
            if let Some(id) = self.id {
                self.hub().quic.stop(id, breach.code.0);
            }
        } else {
            self.hub().break_off(breach);
        }
        let what = format!("something that HTTP/3 does not allow: {breach}");
        Trouble::Against { what, offset, rule: "RFC 9114 §8" }
    }

    /// What the end of the stream or of the connection comes to.
    fn trouble(&self, error: &ReadError) -> Trouble {
        match error {
            ReadError::Reset(code) => match Code(*code) {
                Code::REQUEST_REJECTED => Trouble::Unprocessed {
                    why: "the server refused the stream (H3_REQUEST_REJECTED)".into(),
                    progress: false,
                },
                Code::VERSION_FALLBACK => Trouble::NeedsOne,
                code => Trouble::StreamReset { code: code.words() },
            },
            ReadError::Ended(ended) => self.lost(ended),
        }
    }

    /// The connection is over.
    fn lost(&self, ended: &Ended) -> Trouble {
        if let Some(breach) = self.hub().breach() {
            let what = format!("something that HTTP/3 does not allow: {breach}");
            return Trouble::Against { what, offset: self.frames.read(), rule: "RFC 9114 §8" };
        }
        let from = self.hub().going_away();
        if from.is_some_and(|from| self.id.is_none_or(|id| id.number() >= from)) {
            let why = "the server takes no more requests on this connection (GOAWAY)".into();
            return Trouble::Unprocessed { why, progress: from > Some(0) };
        }
        let silent = self.stage == Stage::Head;
        match ended {
            Ended::Closed { code, .. } if Code(*code) == Code::NO_ERROR && silent => {
                Trouble::Silent { reset: false }
            }
            Ended::Closed { code, .. } if Code(*code) == Code::NO_ERROR => Trouble::BodyCut,
            Ended::Closed { code, .. } => {
                let code = Code(*code).words();
                Trouble::Refused(format!("the server ended the connection: {code}"))
            }
            Ended::Reset if silent => Trouble::Silent { reset: true },
            Ended::Reset => Trouble::Reset,
            other => Trouble::Broken(other.to_string()),
        }
    }

    /// A final head has come: what follows it.
    fn begins(
        &mut self,
        status: StatusCode,
        fields: &Fields,
        context: &mut Context<'_>,
    ) -> Framing {
        self.stage = Stage::Body;
        let asked = self.request.as_ref().map(|(head, _)| head.line.method.clone());
        let bodyless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || asked == Some(Method::HEAD);
        // Where the end is there already, that is known with the head.
        if let Some(id) = self.id.filter(|_| self.frames.is_empty()) {
            match self.three.hub().quic.poll_read(id, READ, context) {
                Poll::Ready(Ok(None)) => self.stage = Stage::Ended,
                Poll::Ready(Ok(Some(bytes))) => self.came(bytes),
                Poll::Ready(Err(error)) => self.failed = Some(error),
                Poll::Pending => {}
            }
        }
        if bodyless || self.stage == Stage::Ended {
            return Framing::None;
        }
        self.expected = fields.text("Content-Length").and_then(|length| length.parse().ok());
        Framing::Frames
    }

    /// The stream has ended.
    fn ends(&mut self) -> Result<(), Trouble> {
        match self.expected {
            Some(expected) if self.received < expected => Err(Trouble::BodyCut),
            Some(expected) if self.received > expected => {
                let why = "a body longer than its Content-Length";
                Err(self.against(Breach::malformed(why)))
            }
            _ => {
                self.stage = Stage::Ended;
                Ok(())
            }
        }
    }

    /// A frame that may not stand where it does.
    fn unexpected(&mut self, kind: Kind) -> Trouble {
        let (code, why) = match kind {
            Kind::PushPromise => (Code::ID_ERROR, "a push that was not allowed"),
            _ => (Code::FRAME_UNEXPECTED, "a frame that may not stand there"),
        };
        self.against(Breach::of_connection(code, why))
    }
}

impl<W: Wire> Carrier for Flow<W> {
    fn place(&self) -> Place {
        Place { connection: self.three.id(), stream: self.id.map(StreamId::number) }
    }

    fn version(&self, _: Version) -> Version {
        Version::HTTP_3
    }

    fn board(&mut self) -> Boarding {
        self.three.board()
    }

    fn send(&mut self, head: RequestHead, body: Upload) {
        self.request = Some((head, body));
    }

    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        ready!(self.poll_open(context))?;
        Poll::Ready(ready!(self.poll_upload(context)).map_err(Trouble::Unreadable))
    }

    fn sent(&mut self) -> Sent {
        let mut fields = Fields::new();
        let (body_bytes, body) = match &mut self.request {
            None => (0, None),
            Some((head, body)) => {
                fields = as_sent(head);
                (body.taken(), body.kept())
            }
        };
        Sent {
            began: self.began.unwrap_or_else(|| self.three.wire().now()),
            departed: None,
            fields,
            head_bytes: self.head_bytes,
            body_bytes,
            body,
        }
    }

    fn held(&mut self) -> Option<&mut Upload> {
        let out = self.began.is_some() && self.out.is_empty();
        self.request.as_mut().map(|(_, body)| body).filter(|body| out && body.is_held())
    }

    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Result<Arrived, Trouble>> {
        // An answer that is coming already tells more than why the rest was not wanted.
        let _ = self.poll_upload(context);
        while self.section.is_none() {
            match ready!(self.poll_part(context))? {
                Some(Part::Frame(Kind::Headers, section)) => self.section = Some(section),
                Some(Part::Frame(kind, _)) => return Poll::Ready(Err(self.unexpected(kind))),
                Some(Part::Data(_)) => return Poll::Ready(Err(self.unexpected(Kind::Data))),
                None => {
                    let why = "a stream that ends without a response";
                    return Poll::Ready(Err(self.against(Breach::malformed(why))));
                }
            }
        }
        let bytes = self.section.as_ref().map_or(0, |section| section.len() as u64);
        let lines = ready!(self.poll_section(context))?;
        let head = match response_head(lines, bytes) {
            Ok(head) => head,
            Err(breach) => return Poll::Ready(Err(self.against(breach))),
        };
        let began = self.section_began.take().unwrap_or_else(|| self.moment());
        let status = head.line.status;
        let framing = if status.is_informational() {
            Framing::None
        } else {
            self.begins(status, &head.fields, context)
        };
        Poll::Ready(Ok(Arrived { head, framing, began, text: None }))
    }

    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        // An answer that is coming already tells more than why the rest was not wanted.
        let _ = self.poll_upload(context);
        if self.stage == Stage::Ended {
            return Poll::Ready(None);
        }
        loop {
            if self.section.is_some() {
                let lines = match ready!(self.poll_section(context)) {
                    Ok(lines) => lines,
                    Err(trouble) => return Poll::Ready(Some(Err(trouble))),
                };
                match trailers(lines) {
                    Ok(fields) => self.trailers = fields,
                    Err(breach) => return Poll::Ready(Some(Err(self.against(breach)))),
                }
            }
            let part = match ready!(self.poll_part(context)) {
                Ok(part) => part,
                Err(trouble) => return Poll::Ready(Some(Err(trouble))),
            };
            match (part, self.stage) {
                (Some(Part::Data(bytes)), Stage::Body) => {
                    self.received += bytes.len() as u64;
                    return Poll::Ready(Some(Ok(bytes)));
                }
                (Some(Part::Frame(Kind::Headers, section)), Stage::Body) => {
                    self.stage = Stage::Trailers;
                    self.section = Some(section);
                }
                (Some(part), _) => {
                    let kind = match part {
                        Part::Data(_) => Kind::Data,
                        Part::Frame(kind, _) => kind,
                    };
                    return Poll::Ready(Some(Err(self.unexpected(kind))));
                }
                (None, _) => return Poll::Ready(self.ends().err().map(Err)),
            }
        }
    }

    fn trailers(&mut self) -> Fields {
        core::mem::take(&mut self.trailers)
    }

    /// Nothing: what HTTP/3 does not allow is not taken.
    fn tolerated(&mut self) -> Vec<MessageError> {
        Vec::new()
    }

    fn framed(&self) -> u64 {
        self.frames.framed()
    }

    fn moved(&self) -> u64 {
        self.moved
    }

    fn last_segment(&self) -> Option<EventId> {
        self.id.and_then(|id| self.hub().quic.packet_of(id))
    }

    fn last_arrived(&self) -> Option<Time> {
        self.hub().quic.arrived()
    }

    /// The stream alone is given up: dropping it does that, and its connection goes on.
    fn abandon(self: Box<Self>, _: Abandoned, _: Option<EventId>) {}

    fn release(self: Box<Self>, _: Option<EventId>) {}

    /// There is no 101 in HTTP/3 (RFC 9114 §4.5).
    fn upgrade(self: Box<Self>, _: Option<EventId>) -> Option<Upgraded> {
        None
    }
}

impl<W: Wire> Drop for Flow<W> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let quic = &self.hub().quic;
            let whole = self.stage == Stage::Ended;
            if !whole {
                quic.stop(id, Code::REQUEST_CANCELLED.0);
            }
            if !self.sent {
                quic.reset(id, Code::REQUEST_CANCELLED.0);
            }
            self.hub().forget(id, whole);
        }
        self.three.leave();
    }
}
