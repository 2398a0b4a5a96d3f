//! The first half of an exchange: from wanted to the head of the answer, whatever carries it.

use core::future::poll_fn;
use core::task::{Context, Poll};
use std::rc::Rc;

use http::{StatusCode, Version};
use roundtrip_record::{EventId, FaultKind, Step, Time};
use roundtrip_wire::Wire;
use url::Url;

use super::carrier::{Abandoned, Arrived, Boarding, Carrier};
use super::clocks::{Clocks, up_before_body};
use super::exchange::{Exchange, note};
use super::heard::Heard;
use super::keeper::Keeper;
use super::options::KeepAlive;
use super::origin::Origin;
use super::ready::ready;
use super::request::{Expect, Request};
use super::response::{Response, Running};
use super::retry::{Again, Lost, Route};
use super::shared::Shared;
use super::trouble::Trouble;
use super::upload::Upload;
use super::watch::{InterimHead, Progress, Watch};
use crate::coding::content_codings;
use crate::message::{RequestLine, ResponseHead};
use crate::reporter::{HeadReport, RequestReport};
use crate::timer::Timer;

/// Carries a request out, up to the head of its answer. `wanted` is when its like was first wanted:
/// before other tries.
pub(crate) async fn run<W: Wire>(
    shared: &Rc<Shared<W>>,
    request: Request,
    route: Route,
    wanted: Time,
) -> Result<Response<W>, Lost> {
    let exchange = Exchange::begin(shared, &request);
    let mut clocks = Clocks::new(shared.wire.clone(), shared.options.timeouts, wanted);
    let ready = ready(&exchange, &request, route, &mut clocks).await;
    let (carrier, origin) = ready.map_err(|failure| Lost { failure, again: Again::No })?;
    talk(exchange, request, &origin, carrier, clocks).await
}

/// Sends the request and reads to the end of the answer's head.
async fn talk<W: Wire>(
    exchange: Exchange<W>,
    mut request: Request,
    origin: &Origin,
    mut carrier: Box<dyn Carrier>,
    mut clocks: Clocks<W>,
) -> Result<Response<W>, Lost> {
    let shared = Rc::clone(&exchange.shared);
    let options = &shared.options;
    let version = carrier.version(request.version.unwrap_or(options.version));
    if let Some(why) = request.unsendable(version) {
        let connection = carrier.place().connection;
        let kind = FaultKind::SendFailed { why: why.into() };
        let (began, cause) = (exchange.began, exchange.started);
        let failure = exchange.lost(Step::Request, began, Some(connection), cause, kind);
        carrier.abandon(Abandoned::Unanswered, failure.cause);
        return Err(Lost { failure, again: Again::No });
    }
    let closing = options.keep_alive == KeepAlive::Off && version < Version::HTTP_2;
    let proxy = shared.via(origin).carrier();
    let head = request.head(origin, &options.user_agent, version, closing, proxy);
    let held = request.expect == Expect::Continue && version >= Version::HTTP_11;
    let keeper = Keeper::of_upload(&shared.wire.log(), &request);
    let body = core::mem::take(&mut request.body);
    let following = request.following.take();
    let boarding = carrier.board();
    let line = head.line.clone();
    if let Some(heard) = &request.heard {
        heard.reaches(Step::Request);
    }
    carrier.send(head, Upload::new(body, following, keeper, held));
    clocks.progress();
    let mut talk = Talk {
        cause: boarding.ready.or(exchange.started),
        sent_at: shared.wire.now(),
        expect: Timer::new(shared.wire.clone()),
        whole: false,
        reported: false,
        moved: carrier.moved(),
        interim: Vec::new(),
        heard: request.heard.clone(),
        watch: request.watch.clone().map(|watch| (watch, request.url.clone())),
        interim_bytes: 0,
        boarding,
        line,
        exchange,
        carrier,
        clocks,
    };
    match poll_fn(|context| talk.poll(context)).await {
        Ok(answer) => Ok(talk.answered(request, answer)),
        Err(failed) => Err(talk.failed(&request, failed)),
    }
}

/// A request and the head of its answer, on their way.
struct Talk<W: Wire> {
    exchange: Exchange<W>,
    carrier: Box<dyn Carrier>,
    clocks: Clocks<W>,
    boarding: Boarding,
    line: RequestLine,
    /// How long the body waits to be let go.
    expect: Timer<W>,
    /// The latest event.
    cause: Option<EventId>,
    /// The request has been sent whole.
    whole: bool,
    /// The request has been reported.
    reported: bool,
    sent_at: Time,
    /// What the carrier had moved when it was last looked at.
    moved: u64,
    interim: Vec<ResponseHead>,
    /// Who takes heads down.
    heard: Option<Heard>,
    /// Who is told of interim responses, and what they answer.
    watch: Option<(Watch, Url)>,
    /// Bytes of interim heads.
    interim_bytes: u64,
}

struct Answer {
    arrived: Arrived,
    event: Option<EventId>,
}

/// Why there is no answer.
enum Failed {
    Trouble(Trouble),
    /// A clock is up, or something of ours does not permit to go on.
    Own(FaultKind),
}

impl<W: Wire> Talk<W> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Answer, Failed>> {
        loop {
            if let Err(trouble) = self.poll_send(context) {
                return Poll::Ready(Err(Failed::Trouble(trouble)));
            }
            match self.carrier.poll_head(context) {
                Poll::Ready(Ok(arrived)) => {
                    if let Some(answer) = self.take(arrived) {
                        return Poll::Ready(answer);
                    }
                }
                Poll::Ready(Err(trouble)) => {
                    return Poll::Ready(Err(Failed::Trouble(trouble)));
                }
                Poll::Pending => break,
            }
        }
        let moved = self.carrier.moved();
        if core::mem::replace(&mut self.moved, moved) != moved {
            self.clocks.progress();
        }
        let head = self.interim_bytes + self.carrier.head_begun();
        if let Some(heard) = &self.heard {
            heard.hears(head);
        }
        self.clocks.poll_up(context).map(|up| Err(Failed::Own(up_before_body(up, head))))
    }

    /// Sends what can be sent.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Result<(), Trouble> {
        while !self.whole {
            match self.carrier.poll_sent(context) {
                Poll::Ready(result) => {
                    result?;
                    self.whole = true;
                    self.report_request();
                    self.clocks.progress();
                }
                Poll::Pending => {
                    let Some(body) = self.carrier.held() else { return Ok(()) };
                    if !self.expect.is_set() {
                        let shared = &self.exchange.shared;
                        self.expect.set(Some(shared.wire.now() + shared.options.expect));
                    }
                    if self.expect.poll_due(context).is_pending() {
                        return Ok(());
                    }
                    body.let_go();
                }
            }
        }
        Ok(())
    }

    fn report_request(&mut self) {
        if core::mem::replace(&mut self.reported, true) {
            return;
        }
        if let Some(heard) = &self.heard {
            heard.reaches(Step::Wait);
        }
        self.sent_at = self.exchange.shared.wire.now();
        let (place, sent) = (self.carrier.place(), self.carrier.sent());
        let event = self.exchange.reporter.request(
            self.cause,
            RequestReport {
                connection: place.connection,
                stream: place.stream,
                lookup: self.boarding.lookup,
                reused: self.boarding.reused,
                line: &self.line,
                fields: &sent.fields,
                began: sent.began,
                passed: sent.departed,
                head_bytes: sent.head_bytes,
                body_bytes: sent.body_bytes,
                body: sent.body,
            },
        );
        self.cause = event.or(self.cause);
    }

    /// A head has come: gives it when it is the final one.
    fn take(&mut self, arrived: Arrived) -> Option<Result<Answer, Failed>> {
        let status = arrived.head.line.status;
        let interim = status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS;
        if !interim || self.carrier.held().is_none() {
            // What answers a request stands after it, though all of it may not be out yet.
            self.report_request();
        }
        if let Some(heard) = &self.heard {
            if let Some(text) = &arrived.text {
                heard.answer(text);
            } else {
                // As HTTP/1 would have it.
                let mut text = Vec::new();
                arrived.head.encode(&mut text);
                heard.answer(&text);
            }
        }
        let place = self.carrier.place();
        let report = HeadReport {
            connection: place.connection,
            stream: place.stream,
            head: &arrived.head,
            first_byte: arrived.began.at,
            arrived: arrived.began.passed,
            first_segment: arrived.began.segment,
        };
        let event = self.exchange.reporter.head(arrived.began.segment.or(self.cause), &report);
        let event = event.or(self.cause);
        note(&self.exchange.reporter, event, self.carrier.tolerated());
        if !interim {
            return Some(Ok(Answer { arrived, event }));
        }
        self.cause = event;
        if status == StatusCode::CONTINUE
            && let Some(body) = self.carrier.held()
        {
            body.let_go();
        }
        if let Some((watch, url)) = &self.watch {
            watch.tell(Progress::Interim(Box::new(InterimHead {
                exchange: self.exchange.reporter.exchange(),
                url: url.clone(),
                head: arrived.head.clone(),
                event,
                at: self.exchange.shared.wire.now(),
            })));
        }
        self.interim_bytes += arrived.head.bytes;
        self.interim.push(arrived.head);
        if self.interim.len() > self.exchange.shared.options.interim as usize {
            return Some(Err(Failed::Trouble(Trouble::Against {
                what: "interim responses without end".into(),
                offset: self.interim_bytes,
                rule: "RFC 9110 §15.2",
            })));
        }
        None
    }

    /// There is no answer.
    fn failed(self, request: &Request, failed: Failed) -> Lost {
        let limits = self.exchange.shared.options.limits;
        let (again, step, kind, abandoned) = match failed {
            Failed::Trouble(trouble) => {
                let kept = self.boarding.reused > 0 && self.interim.is_empty();
                let resend = self.exchange.shared.options.resend;
                let again = Again::after(&trouble, &request.method, kept, resend);
                let lost = trouble.is_loss();
                let step = trouble.step(self.whole);
                let abandoned = if lost { Abandoned::Lost } else { Abandoned::Unanswered };
                (again, step, trouble.fault(0, None, &limits), abandoned)
            }
            Failed::Own(kind) => {
                let step = if self.reported { Step::Wait } else { Step::Request };
                (Again::No, step, kind, Abandoned::Unanswered)
            }
        };
        let connection = self.carrier.place().connection;
        let failure = self.exchange.lost(step, self.sent_at, Some(connection), self.cause, kind);
        self.carrier.abandon(abandoned, failure.cause);
        Lost { failure, again }
    }

    /// The head is there: hands over to the body.
    fn answered(self, request: Request, answer: Answer) -> Response<W> {
        let Answer { arrived, event } = answer;
        if let Some(heard) = &self.heard {
            heard.reaches(Step::Body);
        }
        self.exchange.shared.learn(&request.url, &arrived.head.fields);
        let log = self.exchange.shared.wire.log();
        let running =
            Running { place: self.carrier.place(), carrier: self.carrier, clocks: self.clocks };
        let codings = content_codings(&arrived.head.fields);
        let limits = self.exchange.shared.options.decode;
        let keeper = Keeper::of_answer(&log, &request, &codings, limits);
        Response::new(self.exchange, request, running, (arrived, self.interim), event, keeper)
    }
}
