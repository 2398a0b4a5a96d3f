//! One exchange at a server, by a stream of HTTP/2.

use core::future::{Future as _, poll_fn};
use core::pin::pin;
use core::task::{Poll, ready};
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::select;
use http::{Method, StatusCode, Version};
use roundtrip_record::{BodyCut, EventId, Framing};
use roundtrip_wire::{LocalFuture, Wire};

use super::body::Incoming;
use super::responder::Responder;
use super::sending::Sending;
use crate::message::Fields;
use crate::reporter::{HeadReport, Reporter};
use crate::server::access::Served;
use crate::server::handler::{BodySource as _, Handler, Request, RequestBody};
use crate::server::outcome::Outcome;
use crate::server::response::{Response, is_bodyless};
use crate::server::shared::Shared;
use crate::two::Ledger;

/// A stream whose request has come.
pub(crate) struct Stream<W: Wire> {
    pub(crate) request: Rc<Request>,
    pub(crate) incoming: Rc<Incoming<W>>,
    pub(crate) responder: Rc<Responder>,
    pub(crate) sending: Option<Sending>,
    pub(crate) reporter: Reporter<W>,
    /// The latest event.
    pub(crate) cause: Option<EventId>,
    /// The response's status and its fields, once it has begun.
    pub(crate) answer: Option<(StatusCode, Fields)>,
    /// Why it could not be answered as it should, for those who run the server.
    pub(crate) trouble: Option<String>,
    /// Why the response is not whole.
    pub(crate) cut: Option<BodyCut>,
}

/// What came of a task of a connection.
pub(crate) enum Done {
    /// A request has its response.
    Response(u32, Box<Response>),
    /// The client gave the stream up before there was one.
    GivenUp(u32),
    /// What a stream went on as has come to its end.
    Upgraded(u32),
    /// The rest of a body that nobody read has come, or is not waited for any longer.
    PassedOver,
}

/// How much of a body is read that nobody wants, and for how long. What is under way when the response
/// ends is borne so; a client that goes on is then told to stop (RFC 9113 §8.1).
const PASSED_OVER: usize = 256 * 1024;
const PASSED_OVER_FOR: Duration = Duration::from_millis(500);

/// Reads on in the body of a request that has its response.
pub(crate) fn pass_over<W: Wire>(wire: &W, body: Rc<Incoming<W>>) -> LocalFuture<'static, Done> {
    let late = wire.sleep(PASSED_OVER_FOR);
    Box::pin(async move {
        let mut passed = 0;
        let rest = poll_fn(|context| {
            while passed < PASSED_OVER {
                match ready!(body.poll_chunk(0, context)) {
                    Some(Ok(chunk)) => passed += chunk.len(),
                    Some(Err(_)) | None => break,
                }
            }
            Poll::Ready(())
        });
        select(rest, pin!(late)).await;
        Done::PassedOver
    })
}

/// Makes the response, unless the client gives the request up.
pub(crate) fn handle<W: Wire>(
    handler: Rc<dyn Handler>,
    id: u32,
    stream: &Stream<W>,
    refused: Option<Response>,
) -> LocalFuture<'static, Done> {
    let (request, responder) = (Rc::clone(&stream.request), Rc::clone(&stream.responder));
    let body = RequestBody { source: Rc::<Incoming<W>>::clone(&stream.incoming), request: 0 };
    Box::pin(async move {
        if let Some(response) = refused {
            return Done::Response(id, Box::new(response));
        }
        let mut handling = pin!(handler.handle(&request, body));
        poll_fn(|context| {
            if responder.poll_reset(context).is_ready() {
                return Poll::Ready(Done::GivenUp(id));
            }
            handling.as_mut().poll(context).map(|response| Done::Response(id, Box::new(response)))
        })
        .await
    })
}

impl<W: Wire> Stream<W> {
    /// The head of a response as it goes out, and whether a body follows it.
    pub(crate) fn head(&self, shared: &Shared<W>, response: &Response) -> (Fields, bool) {
        let mut fields = shared.own_fields(response);
        for (name, value) in response.fields.iter() {
            // They were checked when they were added.
            let _ = fields.push(name, value);
        }
        let bodyless = is_bodyless(response.status);
        let tunnel = response.upgrade.is_some();
        if let Some(length) = response.body.length().filter(|_| !bodyless && !tunnel) {
            fields.set("content-length", length.to_string());
        }
        let sends = !bodyless && self.request.head.line.method != Method::HEAD;
        let empty = response.body.is_empty() && response.trailers.is_none();
        (fields, tunnel || sends && !empty)
    }

    /// Reports the heads that have gone out since.
    pub(crate) fn report_heads(
        &mut self,
        id: u32,
        place: roundtrip_record::ConnectionId,
        ledger: &mut Ledger,
    ) {
        while self.responder.has_head() {
            let Some(block) = ledger.take_out(id) else { return };
            let Some(mut head) = self.responder.next_head() else { return };
            head.bytes = block.bytes;
            let report = HeadReport {
                connection: place,
                stream: Some(u64::from(id)),
                head: &head,
                first_byte: block.began.at,
                arrived: None,
                first_segment: None,
            };
            self.cause = self.reporter.head(self.cause, &report).or(self.cause);
        }
    }

    /// Reports the end of it, and tells who wants to hear of what was answered.
    pub(crate) fn finish(
        self,
        shared: &Shared<W>,
        id: u32,
        connection: roundtrip_record::ConnectionId,
    ) {
        let Some((status, fields)) = self.answer else { return };
        let sent = self.sending.as_ref().map_or(0, Sending::handed);
        let none = Fields::new();
        let outcome = Outcome {
            connection,
            stream: Some(u64::from(id)),
            version: Version::HTTP_2,
            status,
            fields: &fields,
            framing: if self.sending.is_some() { Framing::Frames } else { Framing::None },
            sent,
            cut: self.cut,
            trailers: self.sending.as_ref().map_or(&none, Sending::trailers),
        };
        outcome.report(&self.reporter, self.cause);
        if let Some(access) = &shared.access {
            access(&Served {
                trouble: self.trouble.as_deref(),
                complete: self.cut.is_none(),
                ..Served::of(&self.request, status, sent, shared.wire.now())
            });
        }
    }
}

/// The response as `h2` takes it.
pub(crate) fn coded(status: StatusCode, fields: &Fields) -> http::Response<()> {
    let mut response = http::Response::new(());
    *response.status_mut() = status;
    *response.version_mut() = Version::HTTP_2;
    *response.headers_mut() = crate::two::to_map(fields);
    response
}
