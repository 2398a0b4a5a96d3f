//! The client: carries single exchanges out, and keeps connections. What an answer leads to is for
//! whoever asked: the client follows no redirect and keeps no cookie.

mod addresses;
pub(crate) mod alert;
mod basic;
mod carrier;
mod certificate;
mod clocks;
mod coalesce;
mod connect;
mod connection;
mod dedicated;
mod dial;
mod exchange;
mod failure;
mod group;
mod heard;
mod keeper;
mod lean;
mod login;
mod one;
mod options;
mod order;
mod origin;
mod outgoing;
mod permit;
mod pinned;
mod pool;
mod prepared;
mod provers;
mod proxy;
mod reach;
mod ready;
mod refusal;
mod request;
mod resolve;
mod response;
mod retry;
mod shared;
mod socks;
mod stored;
mod stream;
mod talk;
mod three;
mod tls;
mod trouble;
mod two;
mod undone;
mod upload;
mod watch;

pub use addresses::{Addresses, Late};
pub use certificate::check_alone;
pub use coalesce::Coalescing;
pub use dedicated::{Dedicated, Opener, Opening};
pub use failure::Failure;
pub use group::Credentials;
pub use heard::{Heads, Heard};
pub use login::{Login, Prover, Schemes};
pub use options::{Answers, Binding, KeepAlive, Options, OwnWork, Resend, Three, Timeouts};
pub use order::Order;
pub use origin::{Origin, Scheme};
pub use pinned::{NotPinned, PinnedKeys};
pub use prepared::{Answered, Prepared, Unanswered};
pub use proxy::{Except, Proxies, Proxy, ProxyError, ProxyKind, Tunnels};
pub use reach::Reached;
pub use request::{Decode, Expect, Replay, Request, UNSENDABLE};
pub use resolve::{Fixed, Resolve, Resolved};
pub use response::{Response, ResponseBody};
pub use socks::Socks;
pub use stored::Stored;
pub use three::Learned;
pub use tls::{Tls, TlsOptions};
pub use watch::{InterimHead, Progress, Watch, Watching};

use core::cell::{Cell, OnceCell};
use core::pin::pin;
use std::rc::Rc;

use futures_util::future::{join_all, select};
use http::StatusCode;
use roundtrip_record::{EventId, ExchangeId, Initiator};
use roundtrip_wire::Wire;

use connection::PATIENCE;
use exchange::Exchange;
use group::Group;
use pool::Pool;
use provers::Provers;
use retry::Tries;
use shared::Shared;
use three::{Place, Places};

/// Sends requests over a wire. Its clones share connections.
pub struct Client<W: Wire> {
    shared: Rc<Shared<W>>,
}

impl<W: Wire> Clone for Client<W> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<W: Wire> Client<W> {
    /// A client that has addresses from `resolve`. Without `tls` it does not speak https.
    pub fn new(wire: W, resolve: Rc<dyn Resolve>, tls: Option<Tls>, options: Options) -> Self {
        let pool = Pool::new(wire.clone(), &options);
        let tls = tls.map_or_else(OnceCell::new, OnceCell::from);
        let provers = Provers::default();
        Self {
            shared: Rc::new(Shared {
                wire,
                options,
                resolve,
                tls,
                pool,
                threes: Places::default(),
                provers,
                decoded: Cell::new(0),
            }),
        }
    }

    /// Whether a proxy carries requests for this URL out, rather than none or one that makes a tunnel.
    pub fn is_carried(&self, url: &url::Url) -> bool {
        Origin::of(url).is_some_and(|origin| self.shared.via(&origin).carrier().is_some())
    }

    /// Learns where the servers of an origin speak HTTP/3.
    pub fn learn(&self, learned: &Learned) {
        let Learned { origin, host, port, lasts } = learned;
        let until = self.shared.wire.now() + *lasts;
        let place = Place { host: host.clone(), port: *port, until };
        self.shared.threes.learn(origin, Some(place));
    }

    /// What it has learned of that, and what still holds.
    pub fn learned(&self) -> Vec<Learned> {
        self.shared.threes.learned(self.shared.wire.now())
    }

    /// Speaks https from now on, if it does not already: what it has of TLS stays.
    pub fn set_tls(&self, tls: &Tls) {
        self.shared.tls.get_or_init(|| tls.clone());
    }

    /// Carries a request out: the response is there when its head is. A request that a kept connection
    /// lost before any byte of an answer, or that the server says it did not touch, is sent once more
    /// where that does no harm (RFC 9110 §9.2.2, RFC 9113 §8.7).
    ///
    /// # Errors
    /// A fault, as it was seen. The caller reports it: only it knows whether the run ends with it.
    pub async fn send(&self, request: Request) -> Result<Response<W>, Failure> {
        let wanted = self.shared.wire.now();
        let mut tries = Tries::default();
        let mut request = request;
        loop {
            let (mut again, replay) = request.again();
            let route = tries.route();
            let lost = match Box::pin(talk::run(&self.shared, request, route, wanted)).await {
                Ok(mut response) => {
                    let misdirected = response.status == StatusCode::MISDIRECTED_REQUEST;
                    if !misdirected || replay == Replay::Spent || !self.parts(&again, &response) {
                        return Ok(response);
                    }
                    response.body.pass_over().await;
                    again.initiator = Initiator::Retry { of: response.exchange };
                    again.cause = response.event;
                    request = again;
                    continue;
                }
                Err(lost) => lost,
            };
            if replay == Replay::Spent || !tries.another(&lost) {
                return Err(lost.failure);
            }
            again.initiator = Initiator::Retry { of: lost.failure.exchange };
            again.cause = lost.failure.cause;
            request = again;
        }
    }

    /// The server says that a request came by a connection on which it does not answer for its host
    /// (RFC 9110 §15.5.20). Whether that was the connection of another host: from now on this host has its
    /// own.
    fn parts(&self, request: &Request, response: &Response<W>) -> bool {
        let (Some(origin), Some(connection)) = (Origin::of(&request.url), response.connection)
        else {
            return false;
        };
        let via = self.shared.via(&origin);
        let group = Group { origin: via.key(&origin), credentials: request.credentials };
        self.shared.pool.part(&group, connection)
    }

    /// Answers a request with what a cache has: nobody is asked. The exchange is reported as one that was
    /// answered from a cache.
    pub fn answer(&self, request: &Request, stored: Stored) -> Response<W> {
        Response::of_stored(Exchange::begin(&self.shared, request), request, stored)
    }

    /// Opens a connection to an origin that has none, for whoever comes to need it, on behalf of an
    /// exchange whose answer asked for that (`rel=preconnect`). What comes of it is in the record; that
    /// it failed is no fault, since nobody needs it yet.
    pub fn preconnect(
        &self,
        url: &url::Url,
        credentials: Credentials,
        exchange: ExchangeId,
        cause: Option<EventId>,
    ) {
        dial::ahead(&self.shared, url, credentials, exchange, cause);
    }

    /// Looks a host up, so that its addresses are known when they are needed (`rel=dns-prefetch`).
    pub fn look_up(&self, url: &url::Url, cause: Option<EventId>) {
        let Some(origin) = Origin::of(url) else { return };
        let shared = Rc::clone(&self.shared);
        let task = async move {
            let place = shared.instead(&origin);
            let _ = shared.resolve.resolve(place.bare_host(), place.port, cause).await;
        };
        self.shared.wire.spawn(task).detach();
    }

    /// Closes all connections that carry nothing, for the reason given, and waits until the other
    /// ends have closed too, for a while at most. Those that carry something close when it is done;
    /// from now on no connection is kept.
    pub async fn close(&self, why: &str) {
        let threes = self.shared.threes.close(why);
        self.shared.pool.close(why).await;
        let closed = join_all(threes.iter().map(three::Three::closed));
        select(closed, pin!(self.shared.wire.sleep(PATIENCE))).await;
    }
}
