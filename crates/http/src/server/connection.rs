//! One connection at the server: request after request until one of the two ends it.

use core::cell::RefCell;
use core::future::{Future as _, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;
use std::rc::Rc;

use futures_util::future::select;
use http::{StatusCode, Version};
use roundtrip_record::{
    ConnectionEnding, ConnectionId, EndedBy, EventId, Framing, RequestSent, Time, Trace as _, What,
};
use roundtrip_wire::{Transport as _, Wire};
use tokio::io::AsyncWrite as _;

use super::access::Served;
use super::handler::{BodySource, Request, RequestBody};
use super::input::Input;
use super::reply::{Asked, Written, send};
use super::response::Response;
use super::{After, Shared};
use crate::channel::Channel;
use crate::message::{
    BodyDecoder, HeadDecoder, MessageError, RequestHead, RequestLine, authority, keeps_alive,
    request_framing, version_text,
};

type Shareable<W> = Rc<RefCell<Input<W>>>;

/// What came of waiting for a request.
enum Next {
    /// Its head.
    Head(Box<RequestHead>, Time),
    /// Something that is answered with an error; the connection ends after that.
    Refused(StatusCode, String),
    /// The connection ends without an answer, for this reason and by one of the two.
    Ended(EndedBy, &'static str),
}

struct Connection<W: Wire> {
    shared: Rc<Shared<W>>,
    input: Shareable<W>,
    id: ConnectionId,
    decoder: HeadDecoder<RequestLine>,
    served: u32,
}

/// Serves the connection to its end. `full` answers the first request with 503.
pub(crate) async fn run<W: Wire>(shared: Rc<Shared<W>>, channel: Channel<W::Stream>, full: bool) {
    let id = channel.id();
    let input = Input::new(shared.wire.clone(), channel, &shared.options);
    let decoder = HeadDecoder::new(shared.options.limits);
    let input = Rc::new(RefCell::new(input));
    let mut connection = Connection { shared, input, id, decoder, served: 0 };
    let (by, why, cause) = connection.serve(full).await;
    connection.report_end(by, why, cause);
    if by == EndedBy::Server {
        connection.linger().await;
    }
}

impl<W: Wire> Connection<W> {
    /// Answers requests until the connection ends; says who ends it and why.
    async fn serve(&mut self, full: bool) -> (EndedBy, &'static str, Option<EventId>) {
        let mut last = None;
        loop {
            let written = match self.next().await {
                Next::Ended(by, why) => return (by, why, last),
                Next::Refused(status, why) => {
                    self.refuse(status, &why).await;
                    return (EndedBy::Server, "bad request", last);
                }
                Next::Head(head, began) => self.answer(*head, began, full).await,
            };
            let (written, why) = written;
            last = written.event;
            if let Some(error) = written.failed {
                let by = match error.kind() {
                    std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe => {
                        EndedBy::Client
                    }
                    _ => EndedBy::Server,
                };
                self.abort();
                return (by, "response not sent whole", last);
            }
            if !written.keep {
                return (EndedBy::Server, why, last);
            }
            if !self.pass_over_body().await {
                return (EndedBy::Server, "request body not read", last);
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
                if !input.buffer.is_empty() {
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
                let begun = self.decoder.has_begun();
                if !begun && shared.stopping.get() {
                    return Poll::Ready(Next::Ended(EndedBy::Server, "server stops"));
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
                let event = self.report_request(&head, Framing::None, began);
                let mut asked = self.asked(&head, event);
                asked.keep = false;
                let written = self.send_refusal(&asked, error).await;
                return (written, "bad request");
            }
        };
        let event = self.report_request(&head, framing, began);
        let expectation = head.fields.text("Expect").map(str::to_ascii_lowercase);
        let expects =
            head.line.version >= Version::HTTP_11 && expectation.as_deref() == Some("100-continue");
        let number = self.input.borrow_mut().begin(framing, expects);
        self.served += 1;
        let mut asked = self.asked(&head, event);
        let request = self.request(head);
        let response = if full {
            let mut response =
                Response::error(StatusCode::SERVICE_UNAVAILABLE, "Too many connections.");
            response.fields.add("Retry-After", "1");
            response.closing()
        } else if let Some(response) = self.refuse_body(framing, expectation.as_deref()) {
            response
        } else {
            let source: Rc<dyn BodySource> = Rc::<RefCell<Input<W>>>::clone(&self.input);
            let body = RequestBody { source, request: number };
            shared.handler.handle(&request, body).await
        };
        // Asked again after the handler: the server may have been told to stop meanwhile.
        asked.keep = asked.keep && !shared.stopping.get();
        let why = why_close(&shared, &asked, &request.head, &response, self.served);
        let status = response.status;
        let written = send(&shared, &self.input, &asked, response).await;
        if let Some(access) = &shared.access {
            access(&Served {
                peer: request.peer,
                wall: request.wall,
                method: Some(&request.head.line.method),
                target: &request.head.line.target,
                status,
                body: written.body,
                took: shared.wire.now().since(request.at),
                user_agent: request.head.fields.text("User-Agent").unwrap_or_default(),
                complete: written.failed.is_none(),
            });
        }
        (written, why)
    }

    /// What can be refused before the handler sees it.
    fn refuse_body(&self, framing: Framing, expectation: Option<&str>) -> Option<Response> {
        let limit = self.shared.options.max_body;
        if matches!(framing, Framing::Length(length) if length > limit) {
            let why = format!("The body may have {limit} bytes at most.");
            return Some(Response::error(StatusCode::PAYLOAD_TOO_LARGE, &why).closing());
        }
        if expectation.is_some_and(|expectation| expectation != "100-continue") {
            let why = "The only expectation known is 100-continue.";
            return Some(Response::error(StatusCode::EXPECTATION_FAILED, why));
        }
        None
    }

    fn asked(&self, head: &RequestHead, event: Option<EventId>) -> Asked {
        Asked {
            method: head.line.method.clone(),
            version: head.line.version,
            event,
            connection: self.id,
            keep: keeps_alive(head.line.version, &head.fields)
                && self.served < self.shared.options.max_requests
                && !self.shared.stopping.get(),
        }
    }

    fn request(&self, head: RequestHead) -> Request {
        let mut input = self.input.borrow_mut();
        let unknown = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
        let (local, peer, secure) = input.channel().map_or((unknown, unknown, false), |channel| {
            (channel.local(), channel.peer(), channel.is_secure())
        });
        let wire = &self.shared.wire;
        Request { head, local, peer, secure, at: wire.now(), wall: wire.wall() }
    }

    /// Answers what is no request.
    async fn refuse(&mut self, status: StatusCode, why: &str) {
        let asked = Asked {
            method: http::Method::GET,
            version: Version::HTTP_11,
            event: None,
            connection: self.id,
            keep: false,
        };
        let written =
            send(&self.shared, &self.input, &asked, Response::error(status, why).closing()).await;
        self.note_refusal(status, &written);
    }

    async fn send_refusal(&mut self, asked: &Asked, error: MessageError) -> Written {
        let (status, why) = explain(error);
        let written =
            send(&self.shared, &self.input, asked, Response::error(status, &why).closing()).await;
        self.note_refusal(status, &written);
        written
    }

    fn note_refusal(&self, status: StatusCode, written: &Written) {
        let Some(access) = &self.shared.access else { return };
        let mut input = self.input.borrow_mut();
        let Some(peer) = input.channel().map(|channel| channel.peer()) else { return };
        access(&Served {
            peer,
            wall: self.shared.wire.wall(),
            method: None,
            target: "",
            status,
            body: written.body,
            took: core::time::Duration::ZERO,
            user_agent: "",
            complete: written.failed.is_none(),
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

    fn report_request(&self, head: &RequestHead, framing: Framing, began: Time) -> Option<EventId> {
        let mut log = self.shared.wire.log();
        if !log.is_on() {
            return None;
        }
        let cause = self.input.borrow().segment();
        log.emit(self.shared.wire.now(), cause, || {
            What::RequestSent(RequestSent {
                exchange: None,
                connection: self.id,
                lookup: None,
                reused: self.served,
                version: version_text(head.line.version).into(),
                method: head.line.method.to_string(),
                target: head.line.target.clone(),
                fields: head.fields.to_record(),
                began,
                head_bytes: head.bytes,
                body_bytes: BodyDecoder::new(framing, self.shared.options.limits)
                    .expected()
                    .unwrap_or(0),
                body: None,
                transport: roundtrip_record::Transport::Tcp,
                stream: None,
                passed: None,
            })
        })
    }

    fn report_end(&self, by: EndedBy, why: &str, cause: Option<EventId>) {
        let mut log = self.shared.wire.log();
        log.emit(self.shared.wire.now(), cause, || {
            What::ConnectionEnding(ConnectionEnding { connection: self.id, by, why: why.into() })
        });
    }
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

fn explain(error: MessageError) -> (StatusCode, String) {
    let status = StatusCode::from_u16(error.defect.status()).unwrap_or(StatusCode::BAD_REQUEST);
    (status, format!("The request is refused: {error}."))
}

fn why_close<W: Wire>(
    shared: &Shared<W>,
    asked: &Asked,
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
