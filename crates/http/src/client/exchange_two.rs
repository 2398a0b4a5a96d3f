//! One exchange on HTTP/2: from the connection to the head of the answer.

use core::future::{Future as _, poll_fn};
use core::pin::pin;
use core::task::Poll;
use std::io;
use std::rc::Rc;

use http::{StatusCode, Version};
use roundtrip_record::{
    EventId, FaultKind, Framing, RequestSent, ResponseHead as ResponseHeadRecord, Step, Time,
    Trace as _, What,
};
use roundtrip_wire::Wire;

use super::clocks::{Clocks, Up};
use super::exchange::{Exchange, Lost, is_reset, server_timing, up_fault};
use super::origin::Origin;
use super::request::Request;
use super::response::{Carrier, Response, Running};
use super::two::{Ends, Two, TwoStream, Upload, from_map, to_io};
use crate::Body;
use crate::message::{Head, RequestHead, ResponseHead, StatusLine, version_text};

/// What came of waiting for an answer.
enum Outcome {
    Failed(h2::Error),
    Upload(io::Error),
    Up(Up),
}

/// Sends the request and waits for the head of its answer.
pub(crate) async fn talk<W: Wire>(
    exchange: Exchange<W>,
    mut request: Request,
    origin: &Origin,
    two: Two<W>,
    mut clocks: Clocks<W>,
) -> Result<Response<W>, Lost> {
    let shared = Rc::clone(&exchange.shared);
    let wire = &shared.wire;
    let cookies = shared.cookie_field(&request.url);
    let agent = &shared.options.user_agent;
    let head = request.head(origin, agent, Version::HTTP_2, false, cookies.as_deref(), None);
    let body = core::mem::take(&mut request.body);
    let cause = two.ready_event().or(exchange.started);
    let reused = two.count();
    let began = wire.now();
    clocks.progress();
    let result = ask(&two, &head, origin, body, &mut clocks).await;
    let sent =
        |body_bytes| report_request(&exchange, &two, &head, reused, began, cause, body_bytes);
    let (answer, upload) = match result {
        Ok(answer) => answer,
        Err((outcome, upload)) => {
            let event = sent(upload);
            let (step, kind, retry) = explain(outcome, reused, &head);
            let failure = exchange.lost(step, began, Some(two.id()), event, kind);
            return Err(Lost { failure, retry });
        }
    };
    let event = sent(upload.as_ref().map_or(0, |upload| upload.sent));
    let upload = upload.filter(|upload| !upload.is_done());
    let (parts, body) = answer.into_parts();
    let head = Head {
        line: StatusLine { version: Version::HTTP_2, status: parts.status, reason: Vec::new() },
        fields: from_map(&parts.headers),
        bytes: 0,
    };
    let stream = TwoStream::new(two, body, upload);
    let event = report_head(&exchange, &stream, &head, event);
    let empty = stream.is_end() || head.line.status == StatusCode::NO_CONTENT;
    let framing = if empty { Framing::None } else { Framing::Frames };
    let writer = request.keep_body.then(|| wire.log().body_writer());
    let running =
        Running { carrier: Carrier::Two(Box::new(stream)), clocks, keep: true, head_bytes: 0 };
    Ok(Response::new(exchange, request, running, head, framing, event, writer))
}

type Answered = (http::Response<h2::RecvStream>, Option<Upload>);

/// The answer's head; in an error, how much of the request's body went out.
async fn ask<W: Wire>(
    two: &Two<W>,
    head: &RequestHead,
    origin: &Origin,
    body: Body,
    clocks: &mut Clocks<W>,
) -> Result<Answered, (Outcome, u64)> {
    let uri = format!("{origin}{}", head.line.target);
    let ends = if body.is_empty() { Ends::Here } else { Ends::WithBody };
    let mut sending = pin!(two.send(head, &uri, ends));
    let sent = poll_fn(|context| match sending.as_mut().poll(context) {
        Poll::Ready(sent) => Poll::Ready(sent.map_err(Outcome::Failed)),
        Poll::Pending => clocks.poll_up(context).map(|up| Err(Outcome::Up(up))),
    });
    let (mut answer, stream) = sent.await.map_err(|outcome| (outcome, 0))?;
    let mut upload = Upload::new(stream, body);
    let answered = poll_fn(|context| {
        if let Poll::Ready(Err(error)) = upload.poll_send(context)
            && !is_reset(&error)
        {
            return Poll::Ready(Err(Outcome::Upload(error)));
        }
        match core::pin::Pin::new(&mut answer).poll(context) {
            Poll::Ready(answer) => Poll::Ready(answer.map_err(Outcome::Failed)),
            Poll::Pending => clocks.poll_up(context).map(|up| Err(Outcome::Up(up))),
        }
    });
    match answered.await {
        Ok(answer) => Ok((answer, Some(upload))),
        Err(outcome) => Err((outcome, upload.sent)),
    }
}

/// The fault, and whether asking again does no harm.
fn explain(outcome: Outcome, reused: u32, head: &RequestHead) -> (Step, FaultKind, bool) {
    let error = match outcome {
        Outcome::Up(up) => return (Step::Wait, up_fault(up, 0, None), false),
        Outcome::Upload(error) => {
            let kind =
                FaultKind::ReadFailed { path: "request body".into(), why: error.to_string() };
            return (Step::Request, kind, false);
        }
        Outcome::Failed(error) => error,
    };
    // The server says that it did nothing with it (RFC 9113 §8.7).
    let untouched = error.reason() == Some(h2::Reason::REFUSED_STREAM);
    let lost = error.is_io() || error.is_go_away();
    let retry = untouched || reused > 0 && lost && head.line.method.is_idempotent();
    let kind = if error.is_io() {
        FaultKind::EmptyReply { reset: is_reset(&to_io(error)) }
    } else {
        FaultKind::ReceiveFailed { why: error.to_string() }
    };
    (Step::Wait, kind, retry)
}

fn report_request<W: Wire>(
    exchange: &Exchange<W>,
    two: &Two<W>,
    head: &RequestHead,
    reused: u32,
    began: Time,
    cause: Option<EventId>,
    body_bytes: u64,
) -> Option<EventId> {
    let wire = &exchange.shared.wire;
    let lookup = two.take_lookup();
    let sent = wire.log().emit(began, cause, || {
        What::RequestSent(RequestSent {
            exchange: Some(exchange.id),
            connection: two.id(),
            lookup,
            reused,
            version: version_text(Version::HTTP_2).into(),
            method: head.line.method.to_string(),
            target: head.line.target.clone(),
            fields: head.fields.to_record(),
            began,
            head_bytes: 0,
            body_bytes,
            body: None,
            transport: roundtrip_record::Transport::Tcp,
            stream: None,
            passed: None,
        })
    });
    sent.or(cause)
}

fn report_head<W: Wire>(
    exchange: &Exchange<W>,
    stream: &TwoStream<W>,
    head: &ResponseHead,
    cause: Option<EventId>,
) -> Option<EventId> {
    let wire = &exchange.shared.wire;
    let now = wire.now();
    let first_segment = stream.last_segment();
    let event = wire.log().emit(now, first_segment.or(cause), || {
        What::ResponseHead(ResponseHeadRecord {
            exchange: Some(exchange.id),
            connection: stream.id(),
            version: version_text(Version::HTTP_2).into(),
            status: head.line.status.as_u16(),
            reason: String::new(),
            fields: head.fields.to_record(),
            head_bytes: 0,
            first_byte: now,
            first_segment,
            server_timing: server_timing(head),
            transport: roundtrip_record::Transport::Tcp,
            stream: None,
            arrived: None,
        })
    });
    event.or(cause)
}
