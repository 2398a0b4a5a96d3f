//! One exchange on HTTP/1: from wanted to the head of the answer.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::rc::Rc;

use http::{StatusCode, Version};
use roundtrip_record::{
    BodyWriter, EventId, ExchangeEnded, ExchangeId, FaultKind, RequestSent,
    ResponseHead as ResponseHeadRecord, ServerTiming, Step, Time, Trace as _, What,
};
use roundtrip_wire::{Transport as _, Wire};

use super::clocks::{Clocks, Up};
use super::connect::connect;
use super::connection::Connection;
use super::failure::Failure;
use super::options::KeepAlive;
use super::origin::{Origin, Scheme};
use super::outgoing::{OutError, Outgoing};
use super::pool::{Grant, Permit};
use super::proxy::{Tunnel, Via};
use super::request::{Expect, Request};
use super::response::{Carrier, Response, Running};
use super::tls::{Offer, handshake};
use super::two::Two;
use super::{Reuse, Shared, exchange_two, report_started};
use crate::channel::{Channel, Counted};
use crate::message::{
    HeadDecoder, MessageError, RequestHead, ResponseHead, StatusLine, keeps_alive,
    response_framing, version_text,
};
use crate::timer::Timer;

/// An exchange that came to nothing.
pub(crate) struct Lost {
    pub(crate) failure: Failure,
    /// A kept connection was lost before any byte of an answer, and asking again does no harm.
    pub(crate) retry: bool,
}

/// What is known of an exchange from its beginning on.
pub(crate) struct Exchange<W: Wire> {
    pub(crate) shared: Rc<Shared<W>>,
    pub(crate) id: ExchangeId,
    pub(crate) started: Option<EventId>,
    pub(crate) began: Time,
}

impl<W: Wire> Exchange<W> {
    /// Reports that it came to nothing.
    pub(crate) fn lost(
        &self,
        step: Step,
        since: Time,
        connection: Option<roundtrip_record::ConnectionId>,
        cause: Option<EventId>,
        kind: FaultKind,
    ) -> Failure {
        let wire = &self.shared.wire;
        let cause = wire.log().emit(wire.now(), cause.or(self.started), || {
            What::ExchangeEnded(ExchangeEnded {
                exchange: self.id,
                status: None,
                complete: false,
                from_cache: false,
            })
        });
        Failure { exchange: self.id, connection, step, since, cause, kind }
    }
}

/// Carries a request out, up to the head of its answer. `wanted` is when its like was first wanted:
/// before redirects.
pub(crate) async fn run<W: Wire>(
    shared: &Rc<Shared<W>>,
    request: Request,
    reuse: Reuse,
    wanted: Time,
) -> Result<Response<W>, Lost> {
    let wire = &shared.wire;
    let id = wire.log().exchange_id();
    let exchange = Exchange {
        shared: Rc::clone(shared),
        id,
        started: report_started(shared, id, &request),
        began: wire.now(),
    };
    let mut clocks = Clocks::new(wire.clone(), shared.options.timeouts, wanted);
    let ready = ready_connection(&exchange, &request, reuse, &mut clocks).await;
    let (ready, origin) = ready.map_err(|failure| Lost { failure, retry: false })?;
    match ready {
        Ready::One(connection) => talk(exchange, request, &origin, *connection, clocks).await,
        Ready::Two(two) => exchange_two::talk(exchange, request, &origin, two, clocks).await,
    }
}

/// A connection that can carry a request.
enum Ready<W: Wire> {
    One(Box<Connection<W>>),
    Two(Two<W>),
}

/// A connection to the request's origin: a kept one, or a new one.
async fn ready_connection<W: Wire>(
    exchange: &Exchange<W>,
    request: &Request,
    reuse: Reuse,
    clocks: &mut Clocks<W>,
) -> Result<(Ready<W>, Origin), Failure> {
    let (shared, wire) = (&exchange.shared, &exchange.shared.wire);
    let fail = |step, since, cause, kind| exchange.lost(step, since, None, cause, kind);
    let Some(origin) = Origin::of(&request.url) else {
        let why = "neither http nor https, or without a host".into();
        let kind = FaultKind::BadUrl { url: request.url.to_string(), why };
        return Err(fail(Step::Url, exchange.began, None, kind));
    };
    let wanted = request.version.unwrap_or(shared.options.version);
    let offer = match origin.scheme {
        Scheme::Https if wanted >= Version::HTTP_2 => Offer::TwoAndOne,
        _ => Offer::One,
    };
    let via = shared.options.proxies.via(&origin);
    let key = via.key(&origin);
    let acquired = shared.pool.acquire(&key, request.priority, reuse, offer);
    let acquired = within(clocks, acquired).await;
    let permit = match acquired {
        Ok(Grant::Kept(connection)) => return Ok((Ready::One(connection), origin)),
        Ok(Grant::Two(two)) => return Ok((Ready::Two(two), origin)),
        Ok(Grant::Open(permit)) => permit,
        Err(kind) => return Err(fail(Step::Connect, exchange.began, None, kind)),
    };
    let asked = wire.now();
    let place = via.place(&origin);
    let resolve = shared.resolve.resolve(place.bare_host(), place.port, exchange.started);
    let found = match within(clocks, resolve).await {
        Ok(Ok(found)) => found,
        Ok(Err(kind)) if via != Via::Nobody => {
            let kind = FaultKind::ProxyUnknown { proxy: place.host, why: unnamed(&kind) };
            return Err(fail(Step::Name, asked, None, kind));
        }
        Ok(Err(kind)) | Err(kind) => return Err(fail(Step::Name, asked, None, kind)),
    };
    if found.addresses.is_empty() {
        let kind = FaultKind::NoAddress { name: place.host };
        return Err(fail(Step::Name, asked, found.event, kind));
    }
    let since = wire.now();
    let cause = found.event.or(exchange.started);
    let (limit, port) = (clocks.limit(), found.port.unwrap_or(place.port));
    let connected =
        connect(wire, &shared.options, limit, &found.addresses, port, exchange.id, cause);
    let mut connected = connected.await.map_err(|kind| fail(Step::Connect, since, cause, kind))?;
    if let Via::Tunnel(proxy) = via {
        let (id, since) = (connected.stream.id(), wire.now());
        let tunnel = Tunnel {
            proxy,
            origin: &origin,
            user_agent: &shared.options.user_agent,
            limits: shared.options.limits,
            exchange: exchange.id,
        };
        let made = tunnel.make(wire, &mut connected.stream, clocks.limit(), connected.event).await;
        let made = made
            .map_err(|kind| exchange.lost(Step::Connect, since, Some(id), connected.event, kind))?;
        connected.received = made.received;
        connected.event = made.event;
    }
    let connection =
        secure(exchange, &origin, connected, (offer, clocks.limit()), permit, found.lookup).await?;
    Ok((connection, origin))
}

/// Why a name has no address, in a few words.
fn unnamed(kind: &FaultKind) -> String {
    match kind {
        FaultKind::NxDomain { .. } => "its name does not exist".into(),
        FaultKind::NoAddress { .. } => "its name has no address".into(),
        FaultKind::NameServerFailed { code, .. } => format!("the name server says {code}"),
        FaultKind::NameTimedOut { .. } => "no name server answered".into(),
        FaultKind::NameFailed { why, .. } => why.clone(),
        _ => "its name could not be looked up".into(),
    }
}

/// Puts TLS on a connection where the origin wants it.
async fn secure<W: Wire>(
    exchange: &Exchange<W>,
    origin: &Origin,
    connected: super::connect::Connected<W::Stream>,
    (offer, limit): (Offer, Option<Duration>),
    permit: Permit<W>,
    lookup: Option<roundtrip_record::LookupId>,
) -> Result<Ready<W>, Failure> {
    let (shared, wire) = (&exchange.shared, &exchange.shared.wire);
    let received = connected.received;
    let (channel, event) = match origin.scheme {
        Scheme::Http => (Channel::Plain(connected.stream), connected.event),
        Scheme::Https => {
            let since = wire.now();
            let id = connected.stream.id();
            let cause = connected.event;
            let fail = |kind| exchange.lost(Step::Tls, since, Some(id), cause, kind);
            let Some(tls) = &shared.tls else {
                let why = "this client was given no TLS".into();
                return Err(fail(FaultKind::TlsFailed { why, alert_received: false }));
            };
            let host = origin.bare_host();
            let stream = Counted::after(connected.stream, received);
            let secured = handshake(wire, tls, stream, host, offer, limit, cause).await;
            let secured = secured.map_err(fail)?;
            if secured.is_two {
                let (channel, event) = (secured.channel, secured.event);
                let two = Two::begin(wire.clone(), channel, permit, event, lookup).await;
                let two = two.map_err(|error| {
                    let why = format!("HTTP/2 did not begin: {error}");
                    exchange.lost(
                        Step::Request,
                        since,
                        Some(id),
                        event,
                        FaultKind::SendFailed { why },
                    )
                })?;
                shared.pool.keep_two(origin, &two);
                return Ok(Ready::Two(two));
            }
            (secured.channel, secured.event)
        }
    };
    permit.settle();
    let mut connection = Connection::new(wire.clone(), channel, permit, event, lookup);
    connection.received = received;
    Ok(Ready::One(Box::new(connection)))
}

/// Waits for something, as long as the whole may take.
async fn within<W: Wire, T>(
    clocks: &mut Clocks<W>,
    what: impl Future<Output = T>,
) -> Result<T, FaultKind> {
    let mut what = pin!(what);
    poll_fn(|context| {
        if let Poll::Ready(done) = what.as_mut().poll(context) {
            return Poll::Ready(Ok(done));
        }
        clocks.poll_up(context).map(|up| Err(up_fault(up, 0, None)))
    })
    .await
}

/// The fault that a clock's end is.
pub(crate) fn up_fault(up: Up, received: u64, expected: Option<u64>) -> FaultKind {
    match up {
        Up::Stalled(silent) => FaultKind::Stalled { received, expected, silent },
        Up::Total(limit) => FaultKind::TimedOut { limit, received },
    }
}

/// Whether an error says that the other end reset the connection.
pub(crate) fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

/// Sends the request and reads to the end of the answer's head.
async fn talk<W: Wire>(
    exchange: Exchange<W>,
    mut request: Request,
    origin: &Origin,
    connection: Connection<W>,
    mut clocks: Clocks<W>,
) -> Result<Response<W>, Lost> {
    let shared = Rc::clone(&exchange.shared);
    let options = &shared.options;
    let version = request.version.unwrap_or(options.version).min(Version::HTTP_11);
    let closing = options.keep_alive == KeepAlive::Off;
    let cookies = shared.cookie_field(&request.url);
    let proxy = options.proxies.via(origin).carrier();
    let head =
        request.head(origin, &options.user_agent, version, closing, cookies.as_deref(), proxy);
    let held = request.expect == Expect::Continue && version >= Version::HTTP_11;
    let body = core::mem::take(&mut request.body);
    let keeps = request.keep_body && !body.is_empty();
    let mut outgoing = Outgoing::new(&head, body, held);
    outgoing.writer = keeps.then(|| shared.wire.log().body_writer());
    clocks.progress();
    let cause = connection.ready.filter(|_| connection.served == 0).or(exchange.started);
    let mut talk = Talk {
        outgoing,
        decoder: HeadDecoder::new(options.limits),
        expect: Timer::new(shared.wire.clone()),
        head: &head,
        cause,
        sent: Reported::No,
        first: None,
        earlier: 0,
        interim: 0,
        broken: None,
        sent_at: shared.wire.now(),
        exchange,
        connection,
        clocks,
    };
    match poll_fn(|context| talk.poll(context)).await {
        Ok(answer) => Ok(talk.answered(request, answer)),
        Err((step, kind)) => {
            let reused = talk.connection.served > 0;
            let silent = talk.first.is_none();
            let lost = matches!(kind, FaultKind::EmptyReply { .. } | FaultKind::SendFailed { .. });
            let retry = reused && silent && lost && request.method.is_idempotent();
            let failure =
                talk.exchange.lost(step, talk.sent_at, Some(talk.connection.id), talk.cause, kind);
            let by = if lost {
                roundtrip_record::EndedBy::Server
            } else {
                roundtrip_record::EndedBy::Client
            };
            talk.connection.report(by, "exchange failed", failure.cause);
            if !lost {
                talk.connection.channel.abort();
            }
            Err(Lost { failure, retry })
        }
    }
}

/// Whether the request has been reported as sent.
#[derive(PartialEq)]
enum Reported {
    No,
    Yes,
}

/// A request and the head of its answer, on their way.
struct Talk<'a, W: Wire> {
    exchange: Exchange<W>,
    connection: Connection<W>,
    clocks: Clocks<W>,
    outgoing: Outgoing,
    decoder: HeadDecoder<StatusLine>,
    /// How long the body waits to be let go.
    expect: Timer<W>,
    head: &'a RequestHead,
    /// The latest event.
    cause: Option<EventId>,
    sent: Reported,
    sent_at: Time,
    /// When the first byte of the head now being read came, and the segment that brought it.
    first: Option<(Time, Option<EventId>)>,
    /// Bytes of interim responses before it.
    earlier: u64,
    interim: u32,
    /// Why the request could not be sent whole; an answer may have come all the same.
    broken: Option<io::Error>,
}

struct Answer {
    head: ResponseHead,
    framing: roundtrip_record::Framing,
    event: Option<EventId>,
}

type Failed = (Step, FaultKind);

impl<W: Wire> Talk<'_, W> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Answer, Failed>> {
        if let Err(failed) = self.poll_send(context) {
            return Poll::Ready(Err(failed));
        }
        loop {
            // Several heads may have come at once.
            while !self.connection.input.is_empty() {
                match self.take_head() {
                    Ok(Some(answer)) => return Poll::Ready(Ok(answer)),
                    Ok(None) => {}
                    Err(failed) => return Poll::Ready(Err(failed)),
                }
                // An interim response may have let the body go.
                if let Err(failed) = self.poll_send(context) {
                    return Poll::Ready(Err(failed));
                }
            }
            match self.connection.poll_fill(context) {
                Poll::Ready(Ok(1..)) => self.clocks.progress(),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.ended(None))),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.ended(Some(error)))),
                Poll::Pending => break,
            }
        }
        self.clocks.poll_up(context).map(|up| {
            let step = if self.sent == Reported::No { Step::Request } else { Step::Wait };
            Err((step, up_fault(up, 0, None)))
        })
    }

    /// Sends what can be sent.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Result<(), Failed> {
        if self.broken.is_some() {
            return Ok(());
        }
        loop {
            match self.outgoing.poll_send(&mut self.connection, context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) if self.outgoing.is_held() => {
                    if !self.expect.is_set() {
                        let until = self.exchange.shared.wire.now();
                        self.expect.set(Some(until + self.exchange.shared.options.expect));
                    }
                    if self.expect.poll_due(context).is_pending() {
                        return Ok(());
                    }
                    self.outgoing.let_go();
                }
                Poll::Ready(Ok(())) => {
                    if self.sent == Reported::No {
                        self.report_request();
                        self.clocks.progress();
                    }
                    return Ok(());
                }
                Poll::Ready(Err(OutError::Body(error))) => {
                    let kind = FaultKind::ReadFailed {
                        path: "request body".into(),
                        why: error.to_string(),
                    };
                    return Err((Step::Request, kind));
                }
                Poll::Ready(Err(OutError::Connection(error))) => {
                    // The server may have answered and closed before it read all (RFC 9112 §9.5).
                    self.broken = Some(error);
                    return Ok(());
                }
            }
        }
    }

    fn report_request(&mut self) {
        self.sent = Reported::Yes;
        let wire = &self.exchange.shared.wire;
        self.sent_at = wire.now();
        let lookup = self.connection.lookup.take();
        let body = self.outgoing.writer.take().and_then(BodyWriter::finish);
        let sent = wire.log().emit(self.sent_at, self.cause, || {
            What::RequestSent(RequestSent {
                exchange: Some(self.exchange.id),
                connection: self.connection.id,
                lookup,
                reused: self.connection.served,
                version: version_text(self.head.line.version).into(),
                method: self.head.line.method.to_string(),
                target: self.head.line.target.clone(),
                fields: self.head.fields.to_record(),
                began: self.outgoing.began.unwrap_or(self.sent_at),
                head_bytes: self.outgoing.head_bytes,
                body_bytes: self.outgoing.body_bytes,
                body,
                transport: roundtrip_record::Transport::Tcp,
                stream: None,
                passed: None,
            })
        });
        self.cause = sent.or(self.cause);
    }

    /// Takes what has come of a head; gives it when it is complete and final.
    fn take_head(&mut self) -> Result<Option<Answer>, Failed> {
        if self.first.is_none() {
            let now = self.exchange.shared.wire.now();
            let position = self.connection.position();
            self.first = Some((now, self.connection.channel.segment_at(position)));
        }
        let fed = self.decoder.feed(&self.connection.input);
        let fed = fed.map_err(|error| self.malformed(error))?;
        let _ = self.connection.input.split_to(fed.used);
        let Some(head) = fed.done else { return Ok(None) };
        let event = self.report_head(&head);
        let framing = response_framing(&self.head.line.method, &head)
            .map_err(|error| self.malformed(error))?;
        if !head.line.status.is_informational()
            || head.line.status == StatusCode::SWITCHING_PROTOCOLS
        {
            return Ok(Some(Answer { head, framing, event }));
        }
        self.cause = event.or(self.cause);
        self.earlier += head.bytes;
        self.first = None;
        self.interim += 1;
        if self.interim > self.exchange.shared.options.interim {
            let kind = FaultKind::Malformed {
                what: "interim responses without end".into(),
                offset: self.earlier,
                rule: "RFC 9110 §15.2".into(),
            };
            return Err((Step::Wait, kind));
        }
        if head.line.status == StatusCode::CONTINUE {
            self.outgoing.let_go();
        }
        Ok(None)
    }

    fn malformed(&self, error: MessageError) -> Failed {
        use crate::message::Defect;
        let kind = match error.defect {
            Defect::HeadTooLarge | Defect::TooManyFields => {
                FaultKind::HeadTooLarge { limit: self.exchange.shared.options.limits.head as u64 }
            }
            defect => FaultKind::Malformed {
                what: defect.text().into(),
                offset: self.earlier + error.offset,
                rule: defect.rule().into(),
            },
        };
        (Step::Wait, kind)
    }

    /// The connection ended before the head did.
    fn ended(&mut self, error: Option<io::Error>) -> Failed {
        if self.decoder.has_begun() {
            let offset = self.earlier + self.decoder.received();
            let kind = match error {
                Some(error) if is_reset(&error) => FaultKind::Reset { received: 0, expected: None },
                Some(error) => FaultKind::ReceiveFailed { why: error.to_string() },
                None => FaultKind::Malformed {
                    what: "end of the connection inside the head".into(),
                    offset,
                    rule: "RFC 9112 §8".into(),
                },
            };
            return (Step::Wait, kind);
        }
        let step = if self.sent == Reported::No { Step::Request } else { Step::Wait };
        let kind = match (self.broken.take(), error) {
            (Some(broken), _) if !is_reset(&broken) => {
                FaultKind::SendFailed { why: broken.to_string() }
            }
            (Some(_), _) => FaultKind::EmptyReply { reset: true },
            (None, Some(error)) if is_reset(&error) => FaultKind::EmptyReply { reset: true },
            (None, Some(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                FaultKind::ReceiveFailed { why: error.to_string() }
            }
            _ => FaultKind::EmptyReply { reset: false },
        };
        (step, kind)
    }

    fn report_head(&mut self, head: &ResponseHead) -> Option<EventId> {
        if self.sent == Reported::No && !self.outgoing.is_held() {
            self.report_request();
        }
        let wire = &self.exchange.shared.wire;
        let now = wire.now();
        let (first_byte, first_segment) = self.first.unwrap_or((now, None));
        let event = wire.log().emit(now, first_segment.or(self.cause), || {
            What::ResponseHead(ResponseHeadRecord {
                exchange: Some(self.exchange.id),
                connection: self.connection.id,
                version: version_text(head.line.version).into(),
                status: head.line.status.as_u16(),
                reason: head.line.reason_text(),
                fields: head.fields.to_record(),
                head_bytes: head.bytes,
                first_byte,
                first_segment,
                server_timing: server_timing(head),
                transport: roundtrip_record::Transport::Tcp,
                stream: None,
                arrived: None,
            })
        });
        event.or(self.cause)
    }

    /// The head is there: hands over to the body.
    fn answered(self, request: Request, answer: Answer) -> Response<W> {
        let Answer { head, framing, event } = answer;
        let mut talk = self;
        if talk.sent == Reported::No {
            talk.report_request();
        }
        let kept = keeps_alive(head.line.version, &head.fields)
            && talk.exchange.shared.options.keep_alive == KeepAlive::On
            && keeps_alive(talk.head.line.version, &talk.head.fields);
        // What is left of a request that was refused is not worth sending.
        let refused = head.line.status.is_client_error() || head.line.status.is_server_error();
        let whole = talk.outgoing.is_done();
        let outgoing = (!whole && !refused && talk.broken.is_none()).then_some(talk.outgoing);
        let log = talk.exchange.shared.wire.log();
        let writer: Option<BodyWriter> = request.keep_body.then(|| log.body_writer());
        let running = Running {
            keep: kept && (whole || outgoing.is_some()),
            carrier: Carrier::One {
                connection: Box::new(talk.connection),
                outgoing: outgoing.map(Box::new),
            },
            clocks: talk.clocks,
            head_bytes: talk.earlier + head.bytes,
        };
        Response::new(talk.exchange, request, running, head, framing, event, writer)
    }
}

/// Reads the Server-Timing fields (W3C Server Timing §3). What is not understood is left out.
pub(crate) fn server_timing(head: &ResponseHead) -> Vec<ServerTiming> {
    head.fields
        .get_all("Server-Timing")
        .flat_map(|value| crate::params::split(&crate::message::to_text(value), ','))
        .filter_map(|metric| {
            let mut parts = crate::params::split(&metric, ';').into_iter();
            let name = parts.next().filter(|name| !name.is_empty())?;
            let mut timing = ServerTiming { name, duration: None, description: None };
            for part in parts {
                let (key, value) = part.split_once('=').unwrap_or((&part, ""));
                let value = crate::params::unquote(value.trim());
                match key.trim().to_ascii_lowercase().as_str() {
                    "dur" => timing.duration = milliseconds(&value),
                    "desc" => timing.description = Some(value),
                    _ => {}
                }
            }
            Some(timing)
        })
        .collect()
}

/// Milliseconds with a fraction, without floating point.
fn milliseconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanos: u64 = format!("{fraction:0<6}")[..6].parse().ok()?;
    Some(Duration::from_nanos(whole.checked_mul(1_000_000)?.checked_add(nanos)?))
}
