//! One exchange at a server, by a stream of HTTP/3.

use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, ready};
use std::rc::Rc;

use futures_util::future::{Either, select};
use http::{Method, StatusCode, Version};
use roundtrip_quic::StreamId;
use roundtrip_record::{BodyCut, EventId, Framing, Time};
use roundtrip_wire::Wire;

use super::body::{Asked, Incoming};
use super::conversation::Conversation;
use super::out::{Interims, Out, Refused};
use crate::Body;
use crate::message::{Fields, RequestHead, authority};
use crate::reporter::{Reporter, RequestReport};
use crate::server::access::Served;
use crate::server::handler::{Request, RequestBody};
use crate::server::interim::{Interim, Trailers};
use crate::server::outcome::{Outcome, cut};
use crate::server::priority::{Priority, Scheduling};
use crate::server::refusal;
use crate::server::response::{After, Response, is_bodyless};
use crate::three::{Breach, Code, Section, data_head, request_head};
use crate::timer::Timer;

/// Carries an exchange out. `reused` is how many the connection carried before.
pub(crate) async fn exchange<W: Wire>(talk: Rc<Conversation<W>>, id: StreamId, reused: u32) {
    let shared = &talk.shared;
    let began = shared.wire.now();
    let hub = Rc::clone(&talk.hub);
    let incoming = Incoming::new(shared.wire.clone(), hub, id, &shared.options);
    let asked = poll_fn(|context| incoming.poll_head(context));
    let late = pin!(shared.wire.sleep(shared.options.head_timeout));
    let asked = match select(pin!(asked), late).await {
        Either::Left((asked, _)) => asked,
        Either::Right(_) => {
            let why = "a head that does not come to its end in time";
            Asked::Broken(Breach::of_stream(Code::REQUEST_INCOMPLETE, why))
        }
    };
    let head = match asked {
        Asked::Section(Section::Lines(lines), bytes) => request_head(lines, bytes),
        Asked::Section(Section::TooLarge, _) => {
            too_large(&talk, id).await;
            talk.hub.forget(id, false);
            return;
        }
        Asked::Gone => {
            talk.hub.forget(id, false);
            return;
        }
        Asked::Broken(breach) => Err(breach),
    };
    match head {
        Ok((head, scheme)) => {
            let url = format!(
                "{scheme}://{}{}",
                head.fields.text("Host").unwrap_or_default(),
                head.line.target
            );
            let asked = One { talk: &talk, id, incoming: &incoming, began, reused };
            asked.answer(head, &url).await;
        }
        Err(breach) if breach.of_stream => {
            talk.hub.quic.stop(id, breach.code.0);
            talk.hub.quic.reset(id, breach.code.0);
        }
        Err(breach) => talk.hub.break_off(breach),
    }
    talk.hub.forget(id, incoming.is_whole());
}

/// Answers a request whose head is too large to be looked at.
async fn too_large<W: Wire>(talk: &Rc<Conversation<W>>, id: StreamId) {
    let shared = &talk.shared;
    let cause = talk.hub.quic.packet_of(id);
    // It is an exchange all the same, of which only the answer is known.
    let (reporter, event) = Reporter::of_server(shared.wire.clone(), cause, "", "");
    let out = Out::new(Rc::clone(&talk.hub), id, reporter.clone(), event);
    talk.hub.quic.stop(id, Code::EXCESSIVE_LOAD.0);
    out.begin(&shared.wire, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &Fields::new());
    let flushed = poll_fn(|context| out.poll_flush(&mut 0, context)).await;
    talk.hub.quic.finish(id);
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    reporter.ended(out.cause(), Some(status.as_u16()), flushed.is_ok());
    if let Some(access) = &shared.access {
        let (peer, wall) = (talk.hub.quic.peer(), shared.wire.wall());
        let why = "the head of the request is too large";
        let complete = flushed.is_ok();
        access(&Served { complete, ..Served::refused(peer, wall, status, why) });
    }
}

/// One request, and what is needed to answer it.
struct One<'a, W: Wire> {
    talk: &'a Rc<Conversation<W>>,
    id: StreamId,
    incoming: &'a Rc<Incoming<W>>,
    /// When the stream began.
    began: Time,
    reused: u32,
}

/// A response on its way.
struct Sent {
    bytes: u64,
    cut: Option<BodyCut>,
    trailers: Fields,
    /// Why it could not be as it should, for those who run the server.
    trouble: Option<String>,
}

impl<W: Wire> One<'_, W> {
    async fn answer(&self, head: RequestHead, url: &str) {
        let (talk, shared) = (self.talk, &self.talk.shared);
        let (reporter, event) = self.report(&head, url);
        let out = Out::new(Rc::clone(&talk.hub), self.id, reporter.clone(), event);
        let length = head.fields.text("Content-Length").and_then(|text| text.parse().ok());
        let expectation = head.fields.text("Expect").map(str::to_ascii_lowercase);
        let waits = expectation.as_deref() == Some("100-continue");
        self.incoming.begin(length, waits.then(|| Rc::clone(&out)));
        let refused = match authority(&head) {
            Ok(_) if talk.full => Some(refusal::full()),
            Ok(_) => refusal::refuse_body(&shared.options, length, expectation.as_deref()),
            Err(error) => Some(refusal::malformed(error)),
        };
        let priority = head.fields.get("Priority").map(Priority::parse).unwrap_or_default();
        self.prioritise(priority);
        let request = self.request(head, &out, &reporter, event);
        let response = match refused {
            Some(response) => Some(response),
            None => self.handle(&request, &out).await,
        };
        let Some(mut response) = response else {
            // The client gave it up, or the connection is over.
            talk.hub.quic.reset(self.id, Code::REQUEST_CANCELLED.0);
            reporter.ended(out.cause(), None, false);
            return;
        };
        if response.after == After::Close {
            talk.leave("answered so");
        }
        shared.announce(request.secure, &mut response);
        let status = response.status;
        let (fields, sent) = self.send(&request, response, &out).await;
        self.finish(&request, (status, &fields), &sent, &out, &reporter);
        let unread = poll_fn(|context| Poll::Ready(self.incoming.is_unread(context))).await;
        if unread {
            // What is not wanted need not come (RFC 9114 §4.1).
            talk.hub.quic.stop(self.id, Code::NO_ERROR.0);
        }
        // What was handed on has to come there before the connection may be closed.
        let _ = poll_fn(|context| talk.hub.quic.poll_stopped(self.id, context)).await;
    }

    fn report(&self, head: &RequestHead, url: &str) -> (Reporter<W>, Option<EventId>) {
        let (quic, wire) = (&self.talk.hub.quic, self.talk.shared.wire.clone());
        let cause = quic.packet_of(self.id);
        let method = head.line.method.as_str();
        let (reporter, cause) = Reporter::of_server(wire, cause, method, url);
        let expected = head.fields.text("Content-Length").and_then(|text| text.parse().ok());
        let report = RequestReport {
            connection: quic.id(),
            stream: Some(self.id.number()),
            lookup: None,
            reused: self.reused,
            line: &head.line,
            fields: &head.fields,
            began: self.began,
            passed: quic.arrived(),
            head_bytes: head.bytes,
            body_bytes: expected.unwrap_or(0),
            body: None,
        };
        let event = reporter.request(cause, report).or(cause);
        (reporter, event)
    }

    fn request(
        &self,
        head: RequestHead,
        out: &Rc<Out<W>>,
        reporter: &Reporter<W>,
        event: Option<EventId>,
    ) -> Request {
        let (quic, wire) = (&self.talk.hub.quic, &self.talk.shared.wire);
        let interims = Interims { wire: wire.clone(), out: Rc::clone(out) };
        Request {
            head,
            local: quic.local(),
            peer: quic.peer(),
            secure: true,
            at: wire.now(),
            wall: wire.wall(),
            interim: Interim::to(Rc::new(interims)),
            exchange: reporter.exchange(),
            event,
        }
    }

    /// How urgent the response is (RFC 9218), unless the server looks at no priorities.
    fn prioritise(&self, priority: Priority) {
        if self.talk.shared.options.scheduling != Scheduling::RoundRobin {
            self.talk.hub.quic.set_priority(self.id, i32::from(7 - priority.urgency.min(7)));
        }
    }

    /// Takes note of a priority that changed.
    fn reprioritise(&self) {
        if let Some(update) = self.talk.hub.take_update(self.id.number()) {
            self.prioritise(Priority::parse(&update));
        }
    }

    /// Has the handler answer; interim responses go out meanwhile. `None` where the client gives the
    /// request up.
    async fn handle(&self, request: &Request, out: &Rc<Out<W>>) -> Option<Response> {
        let body = RequestBody { source: Rc::<Incoming<W>>::clone(self.incoming), request: 0 };
        let mut handling = pin!(self.talk.handler.handle(request, body));
        poll_fn(|context| {
            if let Poll::Ready(response) = handling.as_mut().poll(context) {
                return Poll::Ready(Some(response));
            }
            // A stream that is lost shows when the response is written.
            let _ = out.poll_flush(&mut 0, context);
            let stopped = self.talk.hub.quic.poll_stopped(self.id, context);
            if stopped.is_ready() { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }

    /// The fields of the head as they go out, and whether a body follows it.
    fn head(&self, request: &Request, response: &Response) -> (Fields, bool) {
        let mut fields = self.talk.shared.own_fields(response);
        for (name, value) in response.fields.iter() {
            // They were checked when they were added.
            let _ = fields.push(&name.to_ascii_lowercase(), value);
        }
        let bodyless = is_bodyless(response.status);
        if let Some(length) = response.body.length().filter(|_| !bodyless) {
            fields.set("content-length", length.to_string());
        }
        (fields, !bodyless && request.head.line.method != Method::HEAD)
    }

    /// Sends a response; what went of it.
    async fn send(
        &self,
        request: &Request,
        mut response: Response,
        out: &Rc<Out<W>>,
    ) -> (Fields, Sent) {
        let wire = &self.talk.shared.wire;
        if response.upgrade.take().is_some() {
            let why = "What goes on after its head is not spoken over HTTP/3.";
            response = Response::error(StatusCode::NOT_IMPLEMENTED, why);
        }
        let trouble = response.trouble.take();
        let (fields, follows) = self.head(request, &response);
        out.begin(wire, response.status, &fields);
        let mut sending = Sending {
            body: if follows { response.body } else { Body::empty() },
            bytes: 0,
            moved: 0,
            late: Timer::new(wire.clone()),
        };
        let mut cut = poll_fn(|context| sending.poll(self, out, context)).await;
        let mut trailers = Fields::new();
        if cut.is_none() && follows {
            trailers = match response.trailers {
                Trailers::None => Fields::new(),
                trailers => trailers.fields().await,
            };
            if !trailers.is_empty() {
                out.trailers(&trailers);
                cut = poll_fn(|context| sending.poll(self, out, context)).await;
            }
        }
        match cut {
            None => self.talk.hub.quic.finish(self.id),
            // A response that is not whole must not look as if it were.
            Some(_) => self.talk.hub.quic.reset(self.id, Code::INTERNAL_ERROR.0),
        }
        (fields, Sent { bytes: sending.bytes, cut, trailers, trouble })
    }

    /// Reports the end of it, and tells who wants to hear of what was answered.
    fn finish(
        &self,
        request: &Request,
        (status, fields): (StatusCode, &Fields),
        sent: &Sent,
        out: &Out<W>,
        reporter: &Reporter<W>,
    ) {
        let outcome = Outcome {
            connection: self.talk.hub.quic.id(),
            stream: Some(self.id.number()),
            version: Version::HTTP_3,
            status,
            fields,
            framing: if sent.bytes > 0 { Framing::Frames } else { Framing::None },
            sent: sent.bytes,
            cut: sent.cut,
            trailers: &sent.trailers,
        };
        outcome.report(reporter, out.cause());
        let shared = &self.talk.shared;
        if let Some(access) = &shared.access {
            access(&Served {
                trouble: sent.trouble.as_deref(),
                complete: sent.cut.is_none(),
                ..Served::of(request, status, sent.bytes, shared.wire.now())
            });
        }
    }
}

/// A body on its way out.
struct Sending<W: Wire> {
    body: Body,
    /// Bytes of it that were handed on.
    bytes: u64,
    moved: u64,
    /// When a client that takes nothing is not waited for any longer.
    late: Timer<W>,
}

impl<W: Wire> Sending<W> {
    /// Hands on what can be handed on; ready when that is all, or why there is no more.
    fn poll(
        &mut self,
        one: &One<'_, W>,
        out: &Out<W>,
        context: &mut Context<'_>,
    ) -> Poll<Option<BodyCut>> {
        loop {
            one.reprioritise();
            let before = self.moved;
            match out.poll_flush(&mut self.moved, context) {
                Poll::Ready(Ok(())) => self.late.set(None),
                Poll::Ready(Err(Refused)) => return Poll::Ready(Some(BodyCut::Reset)),
                Poll::Pending => {
                    if self.moved > before || !self.late.is_set() {
                        let shared = &one.talk.shared;
                        self.late.set(Some(shared.wire.now() + shared.options.write_timeout));
                    }
                    ready!(self.late.poll_due(context));
                    return Poll::Ready(Some(BodyCut::Stalled));
                }
            }
            match ready!(self.body.poll_chunk(context)) {
                Some(Ok(chunk)) => {
                    self.bytes += chunk.len() as u64;
                    out.push(data_head(chunk.len()));
                    out.push(chunk);
                }
                Some(Err(error)) => return Poll::Ready(Some(cut(&error))),
                None => return Poll::Ready(None),
            }
        }
    }
}
