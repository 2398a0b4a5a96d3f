//! HTTP/1 as a carrier: a connection for one exchange at a time.

use core::task::{Context, Poll, ready};
use std::io;

use bytes::{Bytes, BytesMut};
use http::{StatusCode, Version};
use roundtrip_record::{BodyCut, EndedBy, EventId, Framing, Time};
use roundtrip_wire::{Transport as _, Wire};

use super::carrier::{Abandoned, Arrived, Boarding, Carrier, Place, Sent};
use super::connection::Connection;
use super::options::{Answers, KeepAlive, Options};
use super::outgoing::{OutError, Outgoing};
use super::pool::Pool;
use super::trouble::{Trouble, is_reset};
use super::upload::Upload;
use crate::message::{
    BodyDecoder, Codings, Defect, Fields, Head, HeadDecoder, Limits, MessageError, RequestHead,
    StatusLine, framed, keeps_alive,
};
use crate::two::Moment;
use crate::upgraded::{Early, Upgraded};

/// An exchange on a connection of HTTP/1.
pub(crate) struct One<W: Wire> {
    connection: Connection<W>,
    pool: Pool<W>,
    keep_alive: KeepAlive,
    limits: Limits,
    answers: Answers,
    /// Bytes that the connection had received before.
    base: u64,
    request: Option<(RequestHead, Outgoing)>,
    /// Why the request could not be sent whole; an answer may have come all the same
    /// (RFC 9112 §9.5).
    broken: Option<io::Error>,
    heads: HeadDecoder<StatusLine>,
    /// The first byte of the head now being read.
    first: Option<Moment>,
    /// What has come of it.
    text: Vec<u8>,
    /// Bytes of the heads so far.
    head_bytes: u64,
    body: BodyDecoder,
    /// What of the heads was tolerated.
    tolerated: Vec<MessageError>,
    /// Bytes that the body took on the wire so far.
    framed: u64,
    /// Both heads say that the connection goes on.
    kept: bool,
    /// What is left of the request is not worth sending: it was refused.
    refused: bool,
    ended: bool,
}

impl<W: Wire> One<W> {
    pub(crate) fn new(connection: Connection<W>, pool: Pool<W>, options: &Options) -> Self {
        Self {
            base: connection.received,
            connection,
            pool,
            keep_alive: options.keep_alive,
            limits: options.limits,
            answers: options.answers,
            request: None,
            broken: None,
            heads: HeadDecoder::new(options.limits),
            first: None,
            text: Vec::new(),
            head_bytes: 0,
            body: BodyDecoder::new(Framing::None, options.limits),
            tolerated: Vec::new(),
            framed: 0,
            kept: false,
            refused: false,
            ended: false,
        }
    }

    fn is_whole(&self) -> bool {
        self.request.as_ref().is_some_and(|(_, out)| out.is_done())
    }

    /// Takes what has come of a head; gives it when it is complete.
    fn take_head(&mut self) -> Result<Option<Arrived>, Trouble> {
        let began = *self.first.get_or_insert_with(|| next_moment(&self.connection));
        let malformed = |before: u64, error: MessageError| {
            Trouble::Malformed(MessageError { offset: before + error.offset, ..error })
        };
        let fed = match self.heads.feed(&self.connection.input) {
            Ok(fed) => fed,
            // The very first line is none that HTTP/1 begins with.
            Err(error)
                if error.defect == Defect::BadStatusLine
                    && self.head_bytes == 0
                    && self.answers.without_head =>
            {
                return Ok(Some(self.without_head(began)));
            }
            Err(error) if error.defect == Defect::BadStatusLine && self.head_bytes == 0 => {
                return Err(Trouble::NotHttp { begins: begins(&self.connection.input) });
            }
            Err(error) => return Err(malformed(self.head_bytes, error)),
        };
        self.text.extend_from_slice(&self.connection.input.split_to(fed.used));
        let (Some(head), Some((request, _))) = (fed.done, &self.request) else { return Ok(None) };
        let known = self.answers.transfer_codings || self.answers.raw;
        let codings = if known { Codings::Known } else { Codings::Chunks };
        let framed = framed(&request.line.method, &head, self.limits.manner, codings)
            .map_err(|error| malformed(self.head_bytes, error))?;
        let framing = match framed.framing {
            Framing::Length(1..) if self.answers.without_length => Framing::Close,
            framing => framing,
        };
        for error in self.heads.take_tolerated().into_iter().chain(framed.tolerated) {
            let offset = self.head_bytes + error.offset;
            self.tolerated.push(MessageError { offset, ..error });
        }
        let status = head.line.status;
        self.head_bytes += head.bytes;
        self.first = None;
        self.connection.speaks = self.connection.speaks.min(head.line.version);
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            self.body = BodyDecoder::new(framing, self.limits);
            self.ended = self.body.is_done();
            // Where length and coding contradict each other, what follows may not be an answer.
            self.kept = framed.tolerated.is_none()
                && keeps_alive(head.line.version, &head.fields)
                && keeps_alive(request.line.version, &request.fields);
            self.refused = status.is_client_error() || status.is_server_error();
        }
        let text = Some(core::mem::take(&mut self.text));
        Ok(Some(Arrived { head, framing, began, text }))
    }

    /// An answer without a head, as HTTP/0.9 had none: all that came is its body.
    fn without_head(&mut self, began: Moment) -> Arrived {
        let mut all = BytesMut::from(&self.text[..]);
        all.extend_from_slice(&self.connection.input);
        self.text.clear();
        self.connection.input = all;
        self.heads = HeadDecoder::new(self.limits);
        self.body = BodyDecoder::new(Framing::Close, self.limits);
        (self.ended, self.kept) = (false, false);
        let line =
            StatusLine { version: Version::HTTP_09, status: StatusCode::OK, reason: Vec::new() };
        let head = Head { line, fields: Fields::new(), bytes: 0 };
        Arrived { head, framing: Framing::Close, began, text: Some(Vec::new()) }
    }

    /// The connection ended before the head did.
    fn ended_early(&mut self, error: Option<io::Error>) -> Trouble {
        if self.heads.has_begun() {
            return match error {
                Some(error) if is_reset(&error) => Trouble::Reset,
                Some(error) => Trouble::Broken(error.to_string()),
                None => match self.heads.first_line() {
                    // What ends in its very first line, and does not begin as HTTP/1 does, is none.
                    Some(line) if self.head_bytes == 0 && !is_like_http(line) => {
                        Trouble::NotHttp { begins: begins(line) }
                    }
                    _ => Trouble::HeadCut { offset: self.head_bytes + self.heads.received() },
                },
            };
        }
        match (self.broken.take(), error) {
            (Some(broken), _) => Trouble::NotTaken(broken),
            (None, Some(error)) => Trouble::before_answer(&error),
            (None, None) => Trouble::Silent { reset: false },
        }
    }

    /// Goes on with a request whose answer is coming already.
    fn send_rest(&mut self, context: &mut Context<'_>) {
        if self.refused || self.broken.is_some() || self.is_whole() {
            return;
        }
        let Some((_, out)) = &mut self.request else { return };
        if let Poll::Ready(Err(OutError::Body(error) | OutError::Connection(error))) =
            out.poll_send(&mut self.connection, context)
        {
            self.broken = Some(error);
        }
    }
}

/// The moment of the byte that is to be used next.
fn next_moment<W: Wire>(connection: &Connection<W>) -> Moment {
    let position = connection.position();
    Moment {
        at: connection.wire.now(),
        passed: connection.channel.arrived(position),
        segment: connection.channel.segment_at(position),
    }
}

/// Whether the begin of a first line may be that of a status line.
fn is_like_http(line: &[u8]) -> bool {
    let name = b"HTTP/";
    let length = line.len().min(name.len());
    line[..length] == name[..length]
}

/// The first bytes of something, as text for people.
fn begins(bytes: &[u8]) -> String {
    const MOST: usize = 32;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]);
    text.lines().next().unwrap_or_default().to_owned()
}

impl<W: Wire> Carrier for One<W> {
    fn place(&self) -> Place {
        Place { connection: self.connection.id, stream: None }
    }

    fn version(&self, wanted: Version) -> Version {
        wanted.min(self.connection.speaks)
    }

    fn board(&mut self) -> Boarding {
        let reused = self.connection.served;
        Boarding {
            reused,
            ready: self.connection.ready.filter(|_| reused == 0),
            lookup: self.connection.lookup.take(),
        }
    }

    fn send(&mut self, head: RequestHead, body: Upload) {
        let out = Outgoing::new(&head, body);
        self.request = Some((head, out));
    }

    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        let (Some((_, out)), None) = (&mut self.request, &self.broken) else {
            return Poll::Pending;
        };
        match ready!(out.poll_send(&mut self.connection, context)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(OutError::Body(error)) => Poll::Ready(Err(Trouble::Unreadable(error))),
            Err(OutError::Connection(error)) => {
                self.broken = Some(error);
                Poll::Pending
            }
        }
    }

    fn sent(&mut self) -> Sent {
        let now = self.connection.wire.now();
        let Some((head, out)) = &mut self.request else {
            return Sent {
                began: now,
                departed: None,
                fields: Fields::new(),
                head_bytes: 0,
                body_bytes: 0,
                body: None,
            };
        };
        Sent {
            began: out.began().unwrap_or(now),
            departed: if out.is_done() { self.connection.channel.departed() } else { None },
            fields: head.fields.clone(),
            head_bytes: out.head_bytes(),
            body_bytes: out.body_bytes(),
            body: out.kept(),
        }
    }

    fn held(&mut self) -> Option<&mut Upload> {
        self.request.as_mut().and_then(|(_, out)| out.held())
    }

    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Result<Arrived, Trouble>> {
        loop {
            if !self.connection.input.is_empty()
                && let Some(arrived) = self.take_head()?
            {
                return Poll::Ready(Ok(arrived));
            }
            match ready!(self.connection.poll_fill(context)) {
                Ok(1..) => {}
                Ok(0)
                    if self.answers.without_head
                        && self.head_bytes == 0
                        && self.heads.has_begun() =>
                {
                    let began = *self.first.get_or_insert_with(|| next_moment(&self.connection));
                    return Poll::Ready(Ok(self.without_head(began)));
                }
                Ok(0) => return Poll::Ready(Err(self.ended_early(None))),
                Err(error) => return Poll::Ready(Err(self.ended_early(Some(error)))),
            }
        }
    }

    fn head_begun(&self) -> u64 {
        self.heads.received()
    }

    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            if !self.connection.input.is_empty() {
                let step = match self.body.decode(&self.connection.input) {
                    Ok(step) => step,
                    Err(error) => {
                        let offset = self.head_bytes + error.offset;
                        let error = MessageError { offset, ..error };
                        return Poll::Ready(Some(Err(Trouble::Malformed(error))));
                    }
                };
                let bytes = self.connection.input.split_to(step.used).freeze();
                self.ended = step.done;
                self.framed += step.used as u64;
                if self.answers.raw && !bytes.is_empty() {
                    return Poll::Ready(Some(Ok(bytes)));
                }
                if !step.data.is_empty() {
                    return Poll::Ready(Some(Ok(bytes.slice(step.data))));
                }
                continue;
            }
            self.send_rest(context);
            match ready!(self.connection.poll_fill(context)) {
                Ok(1..) => {}
                Ok(0) if self.body.may_end() => self.ended = true,
                Ok(0) => return Poll::Ready(Some(Err(Trouble::BodyCut))),
                Err(error) => return Poll::Ready(Some(Err(Trouble::inside_body(&error)))),
            }
        }
    }

    fn trailers(&mut self) -> Fields {
        self.body.trailers().cloned().unwrap_or_default()
    }

    fn tolerated(&mut self) -> Vec<MessageError> {
        for error in self.body.take_tolerated() {
            let offset = self.head_bytes + error.offset;
            self.tolerated.push(MessageError { offset, ..error });
        }
        core::mem::take(&mut self.tolerated)
    }

    fn framed(&self) -> u64 {
        self.framed
    }

    fn moved(&self) -> u64 {
        let out = self.request.as_ref().map_or(0, |(_, out)| out.moved());
        self.connection.received - self.base + out
    }

    fn last_segment(&self) -> Option<EventId> {
        self.connection.last_segment()
    }

    fn last_arrived(&self) -> Option<Time> {
        self.connection.last_arrived()
    }

    fn abandon(mut self: Box<Self>, why: Abandoned, cause: Option<EventId>) {
        let (by, words) = match why {
            Abandoned::Lost => (EndedBy::Server, "exchange failed"),
            Abandoned::Unanswered => (EndedBy::Client, "exchange failed"),
            Abandoned::Body(BodyCut::Short | BodyCut::Reset) => {
                (EndedBy::Server, "ended inside the body")
            }
            Abandoned::Body(_) => (EndedBy::Client, "body given up"),
        };
        self.connection.report(by, words, cause);
        if by == EndedBy::Client {
            self.connection.channel.abort();
        }
    }

    fn release(self: Box<Self>, cause: Option<EventId>) {
        let whole = self.is_whole();
        let mut connection = self.connection;
        connection.served += 1;
        let (by, why) = if self.keep_alive == KeepAlive::Off {
            (EndedBy::Client, "no keep-alive wanted")
        } else if self.body.framing() == Framing::Close {
            (EndedBy::Server, "framed by close")
        } else if !self.kept || !whole && (self.refused || self.broken.is_some()) {
            (EndedBy::Server, "server does not keep it")
        } else if !whole {
            (EndedBy::Client, "request not sent whole")
        } else if !connection.input.is_empty() {
            (EndedBy::Client, "bytes that nobody asked for")
        } else {
            connection.report(EndedBy::Kept, "kept for the next request", cause);
            if let Err((connection, why)) = self.pool.give_back(connection) {
                connection.report(EndedBy::Client, &why, cause);
                connection.finish_later();
            }
            return;
        };
        connection.report(by, why, cause);
        connection.finish_later();
    }

    fn upgrade(self: Box<Self>, cause: Option<EventId>) -> Option<Upgraded> {
        self.connection.report(EndedBy::Client, "it goes on as something else", cause);
        let Connection { channel, input, received, permit, .. } = self.connection;
        Some(Upgraded::new(Early::new(channel, input, received).holding(permit)))
    }
}
