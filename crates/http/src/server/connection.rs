//! One connection at the server: request after request until one of the two ends it.

use core::cell::RefCell;
use core::future::{Future as _, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;
use std::rc::Rc;

use bytes::BytesMut;
use futures_util::future::select;
use http::{Method, StatusCode, Version};
use roundtrip_record::{
    ConnectionEnding, ConnectionId, EndedBy, EventId, Framing, Time, Trace as _, What,
};
use roundtrip_wire::{Transport as _, Wire};
use tokio::io::AsyncWrite as _;

use super::handler::{BodySource, Handler, Request, RequestBody};
use super::input::{GoesOn, Input};
use super::interim::{Interim, InterimSink};
use super::refusal::{explain, refuse_body};
use super::reply::{Asked, Written, send};
use super::response::{After, Response};
use super::shared::Shared;
use super::{access, refusal};
use crate::channel::Channel;
use crate::message::{
    BodyDecoder, Fields, HeadDecoder, MessageError, RequestHead, RequestLine, ResponseHead,
    StatusLine, TargetForm, authority, keeps_alive, request_framing,
};
use crate::reporter::{HeadReport, Reporter, RequestReport};
use crate::two::PREFACE;
use crate::upgraded::{Early, Upgraded};

type Shareable<W> = Rc<RefCell<Input<W>>>;

/// What came of waiting for a request.
enum Next {
    /// Its head.
    Head(Box<RequestHead>, Time),
    /// Something that is answered with an error; the connection ends after that.
    Refused(StatusCode, String),
    /// The client speaks HTTP/2, and began with it.
    Two,
    /// The connection ends without an answer, for this reason and by one of the two.
    Ended(EndedBy, &'static str),
}

/// How serving a connection ended.
enum Served {
    /// By one of the two, for this reason, after this event.
    Ended(EndedBy, &'static str, Option<EventId>),
    /// It goes on with HTTP/2.
    Two,
    /// It went on as something else, which has come to its end.
    Upgraded,
}

struct Connection<W: Wire> {
    shared: Rc<Shared<W>>,
    handler: Rc<dyn Handler>,
    input: Shareable<W>,
    id: ConnectionId,
    decoder: HeadDecoder<RequestLine>,
    served: u32,
}

/// Serves the connection to its end; `early` are bytes that were read from it already, of `received` in
/// all. `full` answers the first request with 503.
pub(crate) async fn run<W: Wire>(
    shared: Rc<Shared<W>>,
    handler: Rc<dyn Handler>,
    channel: Channel<W::Stream>,
    (early, received): (BytesMut, u64),
    full: bool,
) {
    let id = channel.id();
    let mut input = Input::new(shared.wire.clone(), channel, &shared.options);
    input.begin_with(early, received);
    let decoder = HeadDecoder::new(shared.options.limits);
    let input = Rc::new(RefCell::new(input));
    let mut connection = Connection { shared, handler, input, id, decoder, served: 0 };
    let (by, why, cause) = match connection.serve(full).await {
        Served::Ended(by, why, cause) => (by, why, cause),
        Served::Two => {
            let taken = connection.input.borrow_mut().take();
            if let Some((channel, early)) = taken {
                let Connection { shared, handler, .. } = connection;
                super::two::run(shared, handler, channel, early, full).await;
            }
            return;
        }
        Served::Upgraded => (EndedBy::Server, "upgraded connection is over", None),
    };
    connection.report_end(by, why, cause);
    if by == EndedBy::Server {
        connection.linger().await;
    }
}

impl<W: Wire> Connection<W> {
    /// Answers requests until the connection ends; says who ends it and why.
    async fn serve(&mut self, full: bool) -> Served {
        let mut last = None;
        loop {
            let written = match self.next().await {
                Next::Ended(by, why) => return Served::Ended(by, why, last),
                Next::Refused(status, why) => {
                    self.refuse(status, &why).await;
                    return Served::Ended(EndedBy::Server, "bad request", last);
                }
                Next::Two => return Served::Two,
                Next::Head(head, began) => self.answer(*head, began, full).await,
            };
            let (mut written, why) = written;
            last = written.event;
            if let Some(error) = written.failed {
                let by = match error.kind() {
                    std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe => {
                        EndedBy::Client
                    }
                    _ => EndedBy::Server,
                };
                self.abort();
                return Served::Ended(by, "response not sent whole", last);
            }
            if let Some(upgrade) = written.upgrade.take() {
                let received = self.input.borrow().received();
                let taken = self.input.borrow_mut().take();
                if let Some((channel, early)) = taken {
                    upgrade.run(Upgraded::new(Early::new(channel, early, received))).await;
                }
                return Served::Upgraded;
            }
            if !written.keep {
                return Served::Ended(EndedBy::Server, why, last);
            }
            if !self.pass_over_body().await {
                return Served::Ended(EndedBy::Server, "request body not read", last);
            }
        }
    }

    /// Waits for the next request's head.
    async fn next(&mut self) -> Next {
        let shared = Rc::clone(&self.shared);
        let options = &shared.options;
        let idle = if self.served == 0 { options.head_timeout } else { options.keep_alive };
        let waiting_since = shared.wire.now();
        let mut began = None;
        let mut stopping = pin!(shared.changed.notified());
        poll_fn(|context| {
            let mut input = self.input.borrow_mut();
            loop {
                let opening = self.served == 0 && !self.decoder.has_begun();
                let opens_two = opening && shared.options.version >= Version::HTTP_2;
                let two = opens_two && !input.is_secure() && begins_two(&input.buffer);
                if two && input.buffer.len() >= PREFACE.len() {
                    return Poll::Ready(Next::Two);
                }
                // What may become HTTP/2's first words is not read as anything else before.
                if !input.buffer.is_empty() && !two {
                    let began = *began.get_or_insert_with(|| shared.wire.now());
                    match self.decoder.feed(&input.buffer) {
                        Ok(fed) => {
                            let _ = input.buffer.split_to(fed.used);
                            if let Some(head) = fed.done {
                                input.read_timer.set(None);
                                return Poll::Ready(Next::Head(Box::new(head), began));
                            }
                        }
                        Err(error) => return Poll::Ready(refusal(error)),
                    }
                }
                let begun = self.decoder.has_begun() || two && !input.buffer.is_empty();
                if !begun && shared.stopping.get() {
                    return Poll::Ready(Next::Ended(EndedBy::Server, "server stops"));
                }
                if two && begun {
                    began.get_or_insert_with(|| shared.wire.now());
                }
                let deadline = match began {
                    Some(began) if begun => began + options.head_timeout,
                    _ => waiting_since + idle,
                };
                input.read_timer.set(Some(deadline));
                match input.poll_fill(context) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(Ok(0)) if begun => {
                        return Poll::Ready(Next::Ended(EndedBy::Client, "ended inside a request"));
                    }
                    Poll::Ready(_) => {
                        return Poll::Ready(Next::Ended(EndedBy::Client, "closed by the client"));
                    }
                    Poll::Pending => {
                        if stopping.as_mut().poll(context).is_ready() {
                            stopping.set(shared.changed.notified());
                            let _ = stopping.as_mut().poll(context);
                            continue;
                        }
                        if input.read_timer.poll_due(context).is_pending() {
                            return Poll::Pending;
                        }
                        return Poll::Ready(if begun {
                            let why = "The request did not come to its end in time.";
                            Next::Refused(StatusCode::REQUEST_TIMEOUT, why.into())
                        } else {
                            Next::Ended(EndedBy::Server, "idle")
                        });
                    }
                }
            }
        })
        .await
    }

    /// Answers a request; says why the connection ends, if it does.
    async fn answer(
        &mut self,
        head: RequestHead,
        began: Time,
        full: bool,
    ) -> (Written, &'static str) {
        let shared = Rc::clone(&self.shared);
        let framing = match check(&head) {
            Ok(framing) => framing,
            Err(error) => {
                let (reporter, event) = self.report_request(&head, Framing::None, began);
                let mut asked = self.asked(&head, reporter, event);
                asked.keep = false;
                let written = self.send_refusal(&asked, error).await;
                return (written, "bad request");
            }
        };
        let (reporter, event) = self.report_request(&head, framing, began);
        let expectation = head.fields.text("Expect").map(str::to_ascii_lowercase);
        let expects =
            head.line.version >= Version::HTTP_11 && expectation.as_deref() == Some("100-continue");
        let told = expects.then(|| self.reports_continue(&reporter, event));
        let number = self.input.borrow_mut().begin(framing, told);
        self.served += 1;
        let mut asked = self.asked(&head, reporter.clone(), event);
        let request = self.request(head, &reporter, event);
        let length = match framing {
            Framing::Length(length) => Some(length),
            _ => None,
        };
        let refused = refuse_body(&shared.options, length, expectation.as_deref());
        let mut response = match refused {
            _ if full => refusal::full(),
            Some(response) => response,
            None => {
                let source: Rc<dyn BodySource> = Rc::<RefCell<Input<W>>>::clone(&self.input);
                let body = RequestBody { source, request: number };
                self.handle(&request, body).await
            }
        };
        shared.announce(request.secure, &mut response);
        let upgrade = response.upgrade.take().filter(|_| goes_on(&request, &response));
        asked.upgrades = upgrade.is_some();
        asked.keep &= !asked.upgrades;
        // Asked again after the handler: the server may have been told to stop meanwhile.
        asked.keep = asked.keep && !shared.stopping.get();
        let why = why_close(&shared, &asked, &request.head, &response, self.served);
        let (status, trouble) = (response.status, response.trouble.take());
        let written = send(&shared, &self.input, &asked, response).await;
        if let Some(tell) = &shared.access {
            tell(&access::Served {
                trouble: trouble.as_deref().or(failed(&written).as_deref()),
                complete: written.failed.is_none(),
                ..access::Served::of(&request, status, written.body, shared.wire.now())
            });
        }
        (Written { upgrade, ..written }, why)
    }

    /// Has the handler answer; interim responses go out meanwhile.
    async fn handle(&self, request: &Request, body: RequestBody) -> Response {
        let mut handling = pin!(self.handler.handle(request, body));
        poll_fn(|context| {
            let response = handling.as_mut().poll(context);
            if response.is_pending() {
                // A connection that is lost shows when the response is written.
                let _ = self.input.borrow_mut().poll_output(context);
            }
            response
        })
        .await
    }

    fn asked(&self, head: &RequestHead, reporter: Reporter<W>, event: Option<EventId>) -> Asked<W> {
        Asked {
            reporter,
            method: head.line.method.clone(),
            version: head.line.version,
            event,
            connection: self.id,
            upgrades: false,
            keep: keeps_alive(head.line.version, &head.fields)
                && self.served < self.shared.options.max_requests
                && !self.shared.stopping.get(),
        }
    }

    fn request(
        &self,
        head: RequestHead,
        reporter: &Reporter<W>,
        event: Option<EventId>,
    ) -> Request {
        let mut input = self.input.borrow_mut();
        let unknown = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
        let (local, peer, secure) = input.channel().map_or((unknown, unknown, false), |channel| {
            (channel.local(), channel.peer(), channel.is_secure())
        });
        let wire = &self.shared.wire;
        let interim = if head.line.version >= Version::HTTP_11 {
            Interim::to(Rc::new(Between {
                wire: wire.clone(),
                input: Rc::clone(&self.input),
                number: input.number(),
                connection: self.id,
                reporter: reporter.clone(),
                cause: event,
            }))
        } else {
            Interim::nobody()
        };
        let (at, wall, exchange) = (wire.now(), wire.wall(), reporter.exchange());
        Request { head, local, peer, secure, at, wall, interim, exchange, event }
    }

    /// Answers what is no request.
    async fn refuse(&mut self, status: StatusCode, why: &str) {
        let cause = self.input.borrow().segment();
        // It is an exchange all the same, of which only the answer is known.
        let (reporter, event) = Reporter::of_server(self.shared.wire.clone(), cause, "", "");
        let asked = Asked {
            reporter,
            method: Method::GET,
            version: Version::HTTP_11,
            event,
            connection: self.id,
            upgrades: false,
            keep: false,
        };
        let written =
            send(&self.shared, &self.input, &asked, Response::error(status, why).closing()).await;
        self.note_refusal(status, why, &written);
    }

    async fn send_refusal(&mut self, asked: &Asked<W>, error: MessageError) -> Written {
        let (status, why) = explain(error);
        let written =
            send(&self.shared, &self.input, asked, Response::error(status, &why).closing()).await;
        self.note_refusal(status, &why, &written);
        written
    }

    fn note_refusal(&self, status: StatusCode, why: &str, written: &Written) {
        let Some(tell) = &self.shared.access else { return };
        let mut input = self.input.borrow_mut();
        let Some(peer) = input.channel().map(|channel| channel.peer()) else { return };
        tell(&access::Served {
            body: written.body,
            complete: written.failed.is_none(),
            ..access::Served::refused(peer, self.shared.wire.wall(), status, why)
        });
    }

    /// Reads what is left of a request's body, so that the next request begins where it should.
    async fn pass_over_body(&mut self) -> bool {
        const MOST: u64 = 1 << 20;
        let input = &self.input;
        let mut passed = 0;
        while !input.borrow().body_is_done() {
            let number = input.borrow().number();
            let chunk = poll_fn(|context| input.poll_chunk(number, context)).await;
            match chunk {
                Some(Ok(chunk)) => passed += chunk.len() as u64,
                Some(Err(_)) => return false,
                None => return true,
            }
            if passed > MOST {
                return false;
            }
        }
        true
    }

    /// Closes our direction and reads on for a while: closing with unread data would reset the
    /// connection, and the reset could overtake the response (RFC 9112 §9.6).
    async fn linger(&mut self) {
        const MOST: u64 = 8 << 20;
        let late = self.shared.wire.sleep(self.shared.options.linger);
        let mut shut = false;
        let drained = poll_fn(|context| {
            let mut input = self.input.borrow_mut();
            if let Some(channel) = input.channel().filter(|_| !shut) {
                match Pin::new(channel).poll_shutdown(context) {
                    Poll::Ready(Ok(())) => shut = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
            let mut read = 0;
            loop {
                input.buffer.clear();
                match input.poll_fill(context) {
                    Poll::Ready(Ok(got @ 1..)) if read < MOST => read += got as u64,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        select(drained, pin!(late)).await;
    }

    /// A response that is not whole must not look as if it were: its end is a reset.
    fn abort(&mut self) {
        if let Some(channel) = self.input.borrow_mut().channel() {
            channel.abort();
        }
    }

    /// Reports a request that has come in.
    fn report_request(
        &self,
        head: &RequestHead,
        framing: Framing,
        began: Time,
    ) -> (Reporter<W>, Option<EventId>) {
        let wire = &self.shared.wire;
        let (cause, passed, secure) = {
            let input = self.input.borrow();
            (input.segment(), input.arrived(), input.is_secure())
        };
        let url = if wire.log().is_on() { url(head, secure) } else { String::new() };
        let method = head.line.method.as_str();
        let (reporter, cause) = Reporter::of_server(wire.clone(), cause, method, &url);
        let body = BodyDecoder::new(framing, self.shared.options.limits);
        let report = RequestReport {
            connection: self.id,
            stream: None,
            lookup: None,
            reused: self.served,
            line: &head.line,
            fields: &head.fields,
            began,
            passed,
            head_bytes: head.bytes,
            body_bytes: body.expected().unwrap_or(0),
            body: None,
        };
        let event = reporter.request(cause, report);
        (reporter, event)
    }

    /// Reports the interim response with which a client is told to go on.
    fn reports_continue(&self, reporter: &Reporter<W>, cause: Option<EventId>) -> GoesOn {
        let (reporter, connection, wire) = (reporter.clone(), self.id, self.shared.wire.clone());
        Box::new(move |bytes| {
            let line = StatusLine::new(StatusCode::CONTINUE);
            let report = HeadReport {
                connection,
                stream: None,
                head: &ResponseHead { line, fields: Fields::new(), bytes },
                first_byte: wire.now(),
                arrived: None,
                first_segment: None,
            };
            reporter.head(cause, &report);
        })
    }

    fn report_end(&self, by: EndedBy, why: &str, cause: Option<EventId>) {
        let mut log = self.shared.wire.log();
        log.emit(self.shared.wire.now(), cause, || {
            What::ConnectionEnding(ConnectionEnding { connection: self.id, by, why: why.into() })
        });
    }
}

/// What a request asks for, as far as it tells.
fn url(head: &RequestHead, secure: bool) -> String {
    let scheme = if secure { "https" } else { "http" };
    match (head.line.form(), head.fields.text("Host")) {
        (Some(TargetForm::Origin), Some(host)) => {
            format!("{scheme}://{host}{}", head.line.target)
        }
        _ => head.line.target.clone(),
    }
}

/// Whether what comes after this response is something else than HTTP/1.1.
fn goes_on(request: &Request, response: &Response) -> bool {
    match request.head.line.method {
        Method::CONNECT => response.status.is_success(),
        _ => response.status == StatusCode::SWITCHING_PROTOCOLS,
    }
}

/// Whether these bytes are those that HTTP/2 begins with, or the first of them.
fn begins_two(bytes: &[u8]) -> bool {
    let length = bytes.len().min(PREFACE.len());
    bytes[..length] == PREFACE[..length]
}

/// Puts interim responses into the output of a connection.
struct Between<W: Wire> {
    wire: W,
    input: Shareable<W>,
    /// The request that they belong to.
    number: u32,
    connection: ConnectionId,
    reporter: Reporter<W>,
    /// The event of the request.
    cause: Option<EventId>,
}

impl<W: Wire> InterimSink for Between<W> {
    fn send(&self, status: StatusCode, fields: &Fields) {
        let mut input = self.input.borrow_mut();
        // None may stand within a response, or before that of another request.
        if input.number() != self.number || input.answered {
            return;
        }
        let start = input.output.len();
        let line = StatusLine::new(status);
        let head = ResponseHead { line, fields: fields.clone(), bytes: 0 };
        head.encode(&mut input.output);
        let bytes = (input.output.len() - start) as u64;
        let now = self.wire.now();
        self.reporter.head(
            self.cause,
            &HeadReport {
                connection: self.connection,
                stream: None,
                head: &ResponseHead { bytes, ..head },
                first_byte: now,
                arrived: None,
                first_segment: None,
            },
        );
    }
}

/// Why a response was not sent whole, where it is the server's own fault: what it had to send was not there.
fn failed(written: &Written) -> Option<String> {
    use std::io::ErrorKind;
    let error = written.failed.as_ref()?;
    let of_client = matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::TimedOut
    );
    (!of_client).then(|| format!("the body could not be sent whole: {error}"))
}

/// What RFC 9112 asks of a server before anything else.
fn check(head: &RequestHead) -> Result<Framing, MessageError> {
    authority(head)?;
    request_framing(head)
}

fn refusal(error: MessageError) -> Next {
    let (status, why) = explain(error);
    Next::Refused(status, why)
}

fn why_close<W: Wire>(
    shared: &Shared<W>,
    asked: &Asked<W>,
    head: &RequestHead,
    response: &Response,
    served: u32,
) -> &'static str {
    if shared.stopping.get() {
        "server stops"
    } else if head.fields.has("Connection", "close") {
        "Connection: close"
    } else if served >= shared.options.max_requests {
        "limit of requests"
    } else if !asked.keep {
        "HTTP/1.0"
    } else if response.after == After::Close {
        "answered so"
    } else if response.body.length().is_none() {
        "framed by close"
    } else {
        "request body not read"
    }
}
