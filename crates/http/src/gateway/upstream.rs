//! `Upstream`: other servers that answer for a path (a reverse proxy).

use core::cell::Cell;
use core::fmt::Write as _;
use core::pin::pin;
use core::time::Duration;
use std::net::IpAddr;
use std::rc::Rc;

use futures_util::future::{Either, select};
use futures_util::stream;
use http::{Method, StatusCode, Version};
use roundtrip_record::{Framing, Step, Time};
use roundtrip_wire::{LocalFuture, Wire};

use super::flow::Flow;
use super::hop;
use super::refusal::{refuse, sentence};
use super::relay::{Side, relay};
use super::route::Route;
use crate::client::{
    self, Client, Decode, Expect, Failure, Options, Progress, Resolve, Timeouts, Tls, Watch,
};
use crate::message::Fields;
use crate::server::{Handler, Request, RequestBody, Response, Trailers, Upgrade};
use crate::{Body, Following};

/// How long a server that could not be reached is left alone while there are others.
const REST: Duration = Duration::from_secs(5);
/// Connections to one server at one time: those beyond wait their turn.
const PER_SERVER: usize = 256;
/// How long a connection to a server is kept while it carries nothing; shorter than servers keep theirs.
const IDLE: Duration = Duration::from_secs(30);

/// Fields that our client would send by itself, and that are sent only where the asking client sent them.
const OMITTED: [&str; 4] = ["User-Agent", "Accept", "Authorization", "Content-Length"];

/// Fields by which a server is told who asks: what clients say in them of themselves is not believed.
const OF_THE_CLIENT: [&str; 5] =
    ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"];

/// How other servers are reached.
pub struct Outward<W: Wire> {
    /// Over this wire.
    pub wire: W,
    /// At these addresses.
    pub names: Rc<dyn Resolve>,
    /// With this TLS.
    pub tls: Option<Tls>,
    /// How long a server may say nothing: 504 after that.
    pub patience: Duration,
}

/// Asks other servers what clients ask, and answers what they answer.
pub struct Upstream<W: Wire> {
    wire: W,
    client: Client<W>,
    route: Route,
    /// Until when each of its servers is left alone.
    resting: Vec<Cell<Option<Time>>>,
    next: Cell<usize>,
}

impl<W: Wire> Upstream<W> {
    /// The servers of a route. Requests go to one after the other; one that could not be reached is left alone for a
    /// while.
    pub fn new(route: Route, outward: &Outward<W>) -> Self {
        let Outward { wire, names, tls, patience } = outward;
        let connect = Some((*patience).min(Duration::from_secs(10)));
        let options = Options {
            prior_knowledge: route.two,
            per_origin: PER_SERVER,
            idle: IDLE,
            timeouts: Timeouts { connect, stall: Some(*patience), total: None },
            ..Options::default()
        };
        let client = Client::new(wire.clone(), Rc::clone(names), tls.clone(), options);
        let resting = route.to.iter().map(|_| Cell::default()).collect();
        Self { wire: wire.clone(), client, route, resting, next: Cell::new(0) }
    }

    /// The servers in the order in which they are tried: those that rest come last.
    fn order(&self) -> Vec<usize> {
        let count = self.resting.len();
        let first = self.next.get();
        self.next.set((first + 1) % count);
        let now = self.wire.now();
        let mut order: Vec<usize> = (0..count).map(|at| (first + at) % count).collect();
        order.sort_by_key(|at| self.resting[*at].get().is_some_and(|until| until > now));
        order
    }

    async fn answer(&self, request: &Request, body: RequestBody) -> Response {
        if request.head.line.method == Method::CONNECT {
            return Response::error(StatusCode::NOT_IMPLEMENTED, "No tunnel leads on from here.");
        }
        let mut failed = None;
        for at in self.order() {
            let host = self.route.to[at].0.authority().to_owned();
            let upgrade = hop::upgrade(&request.head.fields)
                .filter(|_| request.head.line.version == Version::HTTP_11);
            match self.ask(request, body.again(), at, upgrade.as_deref()).await {
                Ok(response)
                    if response.status == StatusCode::SWITCHING_PROTOCOLS && upgrade.is_none() =>
                {
                    let why =
                        format!("{host} goes on as another protocol, which nobody asked for.");
                    return Response::error(StatusCode::BAD_GATEWAY, &why).because(why.clone());
                }
                Ok(response) => {
                    self.resting[at].set(None);
                    return answered(request, response, &host);
                }
                Err(failure) => {
                    let told = refuse(&failure, &host).because(sentence(&failure, &host));
                    failed = Some(told);
                    // Nothing of the request was sent: another one can have it.
                    if !matches!(
                        failure.step,
                        Step::Name | Step::Neighbour | Step::Connect | Step::Tls
                    ) {
                        break;
                    }
                    self.resting[at].set(Some(self.wire.now() + REST));
                }
            }
        }
        failed.unwrap_or_else(|| Response::new(StatusCode::BAD_GATEWAY))
    }

    /// Asks one of the servers; interim responses are passed on meanwhile.
    async fn ask(
        &self,
        request: &Request,
        body: RequestBody,
        at: usize,
        upgrade: Option<&str>,
    ) -> Result<client::Response<W>, Failure> {
        let (watch, mut watching) = Watch::new();
        let asked = self.asked(request, body, at, upgrade, watch);
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
        answered
    }

    /// The request as a server is asked.
    fn asked(
        &self,
        request: &Request,
        body: RequestBody,
        at: usize,
        upgrade: Option<&str>,
        watch: Watch,
    ) -> client::Request {
        let (head, (url, replaced)) = (&request.head, &self.route.to[at]);
        let mut fields = hop::request(&head.fields, head.line.version, upgrade, true);
        introduce(&mut fields, request);
        let mut asked = client::Request::new(head.line.method.clone(), url.clone());
        asked.omit = OMITTED.map(str::to_owned).to_vec();
        let target = head.line.path_and_query();
        asked.target = Some(self.route.rewritten(target, replaced.as_deref()));
        asked.watch = Some(watch);
        asked.cause = request.event;
        asked.of = Some(request.exchange);
        asked.version = upgrade.map(|_| Version::HTTP_11);
        asked.decode = Decode::Off;
        asked.keep_body = false;
        if head.fields.has("Expect", "100-continue") {
            asked.expect = Expect::Continue;
        }
        if body.length().is_none() {
            let following = body.following();
            asked.following = Some(Following::new(move || hop::trailers(&following.fields())));
        }
        asked.body = body.into_body();
        asked.fields = fields;
        asked
    }
}

impl<W: Wire> Handler for Upstream<W> {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(self.answer(request, body))
    }
}

/// Passes an interim response on. 100 is not among those that can be (RFC 9110 §15.2.1): reading the
/// request's body is what sends that.
fn pass_interim(request: &Request, progress: &Progress) {
    if let Progress::Interim(interim) = progress {
        let status = interim.head.line.status;
        request.interim.send(status, &hop::answer(&interim.head.fields, status));
    }
}

/// The answer as its client is given it.
fn answered<W: Wire>(request: &Request, mut response: client::Response<W>, host: &str) -> Response {
    let status = response.status;
    let mut answer = Response::new(status);
    if response.version < Version::HTTP_2 && !response.reason.is_empty() {
        answer.reason = Some(response.reason.clone());
    }
    answer.fields = hop::answer(&response.fields, status);
    if status == StatusCode::SWITCHING_PROTOCOLS {
        answer.upgrade = response.upgrade().map(|server| {
            Upgrade::new(move |client| {
                Box::pin(async move {
                    let forever = pin!(core::future::pending());
                    relay(Side::new(client), Side::new(server), forever).await;
                })
            })
        });
        return answer;
    }
    if request.head.line.method == Method::HEAD {
        let told = response.fields.text("Content-Length").and_then(|text| text.parse().ok());
        answer.body = Body::stream(told, stream::empty());
        return answer;
    }
    let (framing, length) = (response.body.framing(), response.body.expected());
    let asked = request.head.fields.has("TE", "trailers") || response.fields.contains("Trailer");
    let flow = Flow::new(response.body, host);
    // Fields after a body need chunks in HTTP/1, and a body of known length has none.
    let frames = request.head.line.version >= Version::HTTP_2;
    let can =
        framing == Framing::Chunked || framing == Framing::Frames && (frames || length.is_none());
    if asked && can {
        answer.trailers = Trailers::Later(Box::pin(flow.trailers()));
    }
    answer.body = Body::stream(length, flow);
    answer
}

/// Tells a server who asks, and for what (RFC 7239, and the fields that were there before it). A client of a Unix
/// domain socket is itself a proxy, and is believed.
fn introduce(fields: &mut Fields, request: &Request) {
    let peer = request.peer.ip().to_canonical();
    if peer.is_unspecified() {
        return;
    }
    for name in OF_THE_CLIENT {
        fields.remove(name);
    }
    let scheme = if request.secure { "https" } else { "http" };
    let host = request.head.fields.text("Host").unwrap_or_default().to_owned();
    let mut forwarded = match peer {
        IpAddr::V4(four) => format!("for={four}"),
        IpAddr::V6(six) => format!("for=\"[{six}]\""),
    };
    if !host.is_empty() {
        let _ = write!(forwarded, ";host=\"{host}\"");
        fields.add("X-Forwarded-Host", &host);
    }
    let _ = write!(forwarded, ";proto={scheme}");
    fields.add("X-Forwarded-For", peer.to_string());
    fields.add("X-Forwarded-Proto", scheme);
    fields.add("Forwarded", forwarded);
}
