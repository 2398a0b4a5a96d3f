//! `Forward`: asks servers what clients ask, and answers what they answer.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use std::net::SocketAddr;
use std::rc::Rc;

use futures_util::future::{Either, select};
use futures_util::stream;
use http::{Method, StatusCode, Version};
use roundtrip_http::client::{self, Client, Decode, Expect, Failure, Progress, Watch};
use roundtrip_http::gateway::hop;
use roundtrip_http::gateway::refusal::{bad_request, misdirected, refuse, sentence};
use roundtrip_http::gateway::relay::{Side, Tap, relay};
use roundtrip_http::message::Fields;
use roundtrip_http::server::{Handler, Request, RequestBody, Response, Trailers, Upgrade};
use roundtrip_http::{Body, Following, Upgraded};
use roundtrip_record::{Direction, ExchangeId, FaultKind, Framing, Step};
use roundtrip_wire::{LocalFuture, Wire};

use crate::frames::Frames;
use crate::options::Mode;
use crate::passing::{Ending, Passing};
use crate::seen::SeenExchange;
use crate::shared::Shared;
use crate::target::{Place, Target, TargetError};
use crate::tunnel;

/// Answers the requests of one connection by asking servers.
pub(crate) struct Forward<D: Wire, U: Wire> {
    shared: Rc<Shared<D, U>>,
    client: Client<U>,
    place: Place,
}

impl<D: Wire, U: Wire> Forward<D, U> {
    /// For a connection to the proxy itself.
    pub(crate) fn at_door(shared: &Rc<Shared<D, U>>) -> Self {
        let place = match &shared.options.mode {
            Mode::Forward => Place::Nowhere,
            Mode::Reverse(base) => Place::Base(base.clone()),
        };
        let client = shared.client(Rc::clone(&shared.servers.names));
        Self { shared: Rc::clone(shared), client, place }
    }

    /// For what goes through a tunnel, with the client that reached its other end.
    pub(crate) fn within(
        shared: &Rc<Shared<D, U>>,
        client: Client<U>,
        place: Place,
    ) -> Rc<dyn Handler> {
        Rc::new(Self { shared: Rc::clone(shared), client, place })
    }

    /// Closes what it has open to servers, when its connection is over.
    pub(crate) async fn close(&self) {
        self.client.close("the client's connection is over").await;
    }

    async fn answer(&self, request: &Request, body: RequestBody) -> Response {
        if request.head.line.method == Method::CONNECT {
            return match self.place {
                Place::Nowhere => tunnel::open(&self.shared, request).await,
                Place::Tunnel { .. } | Place::Base(_) => {
                    Response::error(StatusCode::NOT_IMPLEMENTED, "No tunnel leads on from here.")
                }
            };
        }
        match Target::of(&request.head, &self.place) {
            Ok(target) if self.is_own(&target) => self.shared.own.handle(request, body).await,
            Ok(target) => self.pass(request, body, target).await,
            Err(TargetError::Own) => self.shared.own.handle(request, body).await,
            Err(error @ TargetError::Misdirected { .. }) => misdirected(&format!("{error}.")),
            Err(error) => bad_request(&format!("{error}.")),
        }
    }

    /// Whether what a proxy is asked for is itself: it would ask itself, for ever.
    fn is_own(&self, target: &Target) -> bool {
        let (host, port) = (target.url.host_str(), target.url.port_or_known_default());
        host.zip(port).is_some_and(|(host, port)| self.shared.own.is_at(host, port))
    }

    async fn pass(&self, request: &Request, body: RequestBody, target: Target) -> Response {
        let host = target.url.host_str().unwrap_or_default().to_owned();
        let ending = Ending::new(&self.shared, seen(request, &target), request.at);
        let upgrade = hop::upgrade(&request.head.fields)
            .filter(|_| request.head.line.version == Version::HTTP_11);
        let (watch, mut watching) = Watch::new();
        let asked = self.asked(request, body, target, upgrade.as_deref(), watch);
        let mut sending = pin!(self.client.send(asked));
        let answered = loop {
            match select(sending.as_mut(), pin!(watching.next())).await {
                Either::Left((answered, _)) => break answered,
                Either::Right((Some(progress), _)) => pass_interim(request, &progress),
                // Nobody is left who could tell anything.
                Either::Right((None, _)) => break sending.await,
            }
        };
        // Those that came together with the answer go before it too.
        while let Some(progress) = watching.next_now() {
            pass_interim(request, &progress);
        }
        match answered {
            Ok(response)
                if response.status == StatusCode::SWITCHING_PROTOCOLS && upgrade.is_none() =>
            {
                self.failed(&unasked(&response), ending, &host)
            }
            Ok(response) => self.answered(request, response, ending, &host).await,
            Err(failure) => self.failed(&failure, ending, &host),
        }
    }

    /// The answer to a request that came to nothing.
    fn failed(&self, failure: &Failure, mut ending: Ending<D, U>, host: &str) -> Response {
        self.shared.report(failure);
        ending.seen.fault = Some(sentence(failure, host));
        let response = refuse(failure, host);
        ending.seen.status = response.status.as_u16();
        response
    }

    /// The request as its server is asked.
    fn asked(
        &self,
        request: &Request,
        body: RequestBody,
        target: Target,
        upgrade: Option<&str>,
        watch: Watch,
    ) -> client::Request {
        let head = &request.head;
        let options = &self.shared.options;
        let asked = matches!(self.place, Place::Nowhere);
        let mut fields = hop::request(&head.fields, head.line.version, upgrade, asked);
        if let Some(host) = &target.host {
            set_host(&mut fields, host);
        }
        if options.via {
            hop::add_via(&mut fields, head.line.version);
        }
        let known = self.shared.causes.borrow_mut().of(&head.line.method, &target.url, &fields);
        let mut asked = client::Request::new(head.line.method.clone(), target.url);
        asked.omit = OMITTED.map(str::to_owned).to_vec();
        asked.target = Some(target.line);
        asked.watch = Some(watch);
        asked.kind = known.kind;
        asked.priority = known.priority;
        asked.initiator = known.initiator;
        asked.cause = request.event;
        asked.of = Some(request.exchange);
        // What speaks HTTP/1 here is to see what HTTP/1 makes of it there.
        asked.version = (head.line.version < Version::HTTP_2).then_some(Version::HTTP_11);
        asked.decode = Decode::Through;
        asked.keep_at_most = options.keep_at_most;
        if head.fields.has("Expect", "100-continue") {
            asked.expect = Expect::Continue;
        }
        let length = body.length();
        if length.is_none() {
            let following = body.following();
            let trailers = move || hop::trailers(&following.fields());
            asked.following = Some(Following::new(trailers));
        }
        asked.body = body.into_body();
        asked.fields = fields;
        asked
    }

    /// The answer as its client is given it.
    async fn answered(
        &self,
        request: &Request,
        mut response: client::Response<U>,
        mut ending: Ending<D, U>,
        host: &str,
    ) -> Response {
        let status = response.status;
        let mut answer = Response::new(status);
        if response.version < Version::HTTP_2 && !response.reason.is_empty() {
            answer.reason = Some(response.reason.clone());
        }
        answer.fields = hop::answer(&response.fields, status);
        if self.shared.options.via {
            hop::add_via(&mut answer.fields, response.version);
        }
        ending.seen.status = status.as_u16();
        ending.seen.media_type = response.media_type().unwrap_or_default().to_owned();
        self.learn(&response, response.exchange);
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let frames = self.frames(&response);
            answer.upgrade = response.upgrade().map(|server| self.go_on(server, frames, ending));
            return answer;
        }
        let told = response.fields.text("Content-Length").and_then(|text| text.parse().ok());
        if request.head.line.method == Method::HEAD {
            answer.body = Body::stream(told, stream::empty());
            return answer;
        }
        let framing = response.body.framing();
        let length = response.body.expected();
        // An answer that breaks the rules from its first byte on is none, and nothing of it has been passed
        // on yet.
        let first = poll_fn(|context| Poll::Ready(response.body.poll_chunk(context))).await;
        let first = match first {
            Poll::Ready(Some(Err(failure))) => return self.failed(&failure, ending, host),
            Poll::Ready(Some(Ok(bytes))) => Some(bytes),
            Poll::Ready(None) | Poll::Pending => None,
        };
        let passing = Passing::new(response.body, first, ending, host);
        // Fields after a body need chunks in HTTP/1, and a body of known length has none.
        let frames = request.head.line.version >= Version::HTTP_2;
        let has_trailers = match framing {
            Framing::Chunked => true,
            Framing::Frames => frames || length.is_none(),
            Framing::None | Framing::Length(_) | Framing::Close => false,
        };
        if has_trailers {
            answer.trailers = Trailers::Later(Box::pin(passing.trailers()));
        }
        answer.body = Body::stream(length, passing);
        answer
    }

    /// Remembers where an answer leads.
    fn learn(&self, response: &client::Response<U>, exchange: ExchangeId) {
        if response.status.is_redirection()
            && let Some(location) = response.fields.text("Location")
        {
            let status = response.status.as_u16();
            let mut causes = self.shared.causes.borrow_mut();
            causes.redirects(exchange, status, &response.url, location);
        }
    }

    /// Who records what follows an answer, where that is WebSocket.
    fn frames(&self, response: &client::Response<U>) -> Option<Rc<Frames<U>>> {
        let (wire, fields) = (&self.shared.servers.wire, &response.fields);
        let is_known =
            fields.text("Upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
        let room = self.shared.options.keep_at_most;
        (is_known && wire.log().is_on())
            .then(|| Frames::new(wire.clone(), response.exchange, response.event, fields, room))
    }

    /// What goes on after 101: bytes in both directions, whatever they are.
    fn go_on(
        &self,
        server: Upgraded,
        frames: Option<Rc<Frames<U>>>,
        ending: Ending<D, U>,
    ) -> Upgrade {
        let proxy = self.shared.server.clone();
        let tap = move |direction| {
            let frames = frames.clone()?;
            let tap: Tap = Box::new(move |bytes: &[u8]| frames.pass(direction, bytes));
            Some(tap)
        };
        Upgrade::new(move |client| {
            Box::pin(async move {
                let mut ending = ending;
                let client = Side::new(client).tapped(tap(Direction::Sent));
                let server = Side::new(server).tapped(tap(Direction::Received));
                let passed = relay(client, server, pin!(proxy.told_to_stop())).await;
                ending.seen.bytes = passed.received;
            })
        })
    }
}

/// Fields that our client would send by itself, and that are sent only where the asking client sent them.
const OMITTED: [&str; 4] = ["User-Agent", "Accept", "Authorization", "Content-Length"];

impl<D: Wire, U: Wire> Handler for Forward<D, U> {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(self.answer(request, body))
    }
}

/// What is wrong with an answer that goes on as another protocol, where nobody asked for that.
fn unasked<U: Wire>(response: &client::Response<U>) -> Failure {
    let kind = FaultKind::Malformed {
        what: "it changes to another protocol, which was not asked for".into(),
        offset: 0,
        rule: "RFC 9110 §7.8".into(),
    };
    response.failure(Step::Wait, kind)
}

/// Passes an interim response on. 100 is not among those that can be (RFC 9110 §15.2.1): reading the
/// request's body is what sends that.
fn pass_interim(request: &Request, progress: &Progress) {
    if let Progress::Interim(interim) = progress {
        let status = interim.head.line.status;
        request.interim.send(status, &hop::answer(&interim.head.fields, status));
    }
}

/// Puts Host in the place of the client's, or first.
fn set_host(fields: &mut Fields, host: &str) {
    let mut on = Fields::new();
    on.add("Host", host);
    for (name, value) in fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("Host")) {
        // They were fields before.
        let _ = on.push(name, value);
    }
    *fields = on;
}

fn seen(request: &Request, target: &Target) -> SeenExchange {
    let peer: SocketAddr = request.peer;
    SeenExchange {
        wall: request.wall,
        peer,
        method: request.head.line.method.to_string(),
        url: target.url.to_string(),
        status: 0,
        media_type: String::new(),
        bytes: 0,
        took: core::time::Duration::ZERO,
        fault: None,
    }
}
