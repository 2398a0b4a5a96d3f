//! The client: sends requests, follows redirects, keeps connections.

mod addresses;
pub(crate) mod alert;
mod carrier;
mod certificate;
mod clocks;
mod connect;
mod connection;
mod cookie_date;
mod cookies;
mod exchange;
mod failure;
mod one;
mod options;
mod origin;
mod outgoing;
mod pool;
mod proxy;
mod ready;
mod redirect;
mod refusal;
mod request;
mod resolve;
mod response;
mod retry;
mod stream;
mod tls;
mod trouble;
mod two;
mod upload;

pub use addresses::{Addresses, Late};
pub use certificate::check_alone;
pub use cookies::{Cookie, Jar, Order};
pub use failure::Failure;
pub use options::{KeepAlive, Options, Resend, Timeouts};
pub use origin::{Origin, Scheme};
pub use proxy::{Except, Proxies, Proxy, ProxyError, Tunnels};
pub use request::{Decode, Expect, Follow, Request};
pub use resolve::{Fixed, Resolve, Resolved};
pub use response::{Response, ResponseBody};
pub use tls::{Tls, TlsOptions};

use core::cell::RefCell;
use std::rc::Rc;

use http::StatusCode;
use roundtrip_record::{FaultKind, Initiator, Step, Time};
use roundtrip_wire::Wire;

use pool::Pool;
use request::Replay;
use retry::Tries;

/// Sends requests over a wire. Its clones share connections.
pub struct Client<W: Wire> {
    shared: Rc<Shared<W>>,
}

pub(crate) struct Shared<W: Wire> {
    pub(crate) wire: W,
    pub(crate) options: Options,
    pub(crate) resolve: Rc<dyn Resolve>,
    pub(crate) tls: Option<Tls>,
    pub(crate) pool: Pool<W>,
    pub(crate) jar: Option<RefCell<Jar>>,
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
        Self { shared: Rc::new(Shared { wire, options, resolve, tls, pool, jar: None }) }
    }

    /// Keeps cookies, beginning with these. Has no effect once the client has been cloned or used.
    #[must_use]
    pub fn with_cookies(mut self, jar: Jar) -> Self {
        if let Some(shared) = Rc::get_mut(&mut self.shared) {
            shared.jar = Some(RefCell::new(jar));
        }
        self
    }

    /// The cookies it has now; `None` where it keeps none.
    pub fn cookies(&self) -> Option<Jar> {
        self.shared.jar.as_ref().map(|jar| jar.borrow().clone())
    }

    /// Carries a request out: the response is there when its head is. Redirects are followed as the
    /// request says, and a request that a kept connection lost before any byte of an answer is sent
    /// once more where that does no harm (RFC 9110 §9.2.2).
    ///
    /// # Errors
    /// A fault, as it was seen. The caller reports it: only it knows whether the run ends with it.
    pub async fn send(&self, request: Request) -> Result<Response<W>, Failure> {
        let mut request = request;
        let wanted = self.shared.wire.now();
        let mut hops = 0;
        let mut urls = Vec::new();
        loop {
            let (again, replay) = request.again();
            let mut response = self.send_once(request, wanted).await?;
            let most = match again.follow {
                Follow::No => 0,
                Follow::Most(most) => most,
            };
            let Some(location) = redirect::location(&response).filter(|_| most > 0) else {
                response.redirects = urls;
                return Ok(response);
            };
            let next = redirect::follow(again, replay, &response, &location)
                .map_err(|kind| response.failure(Step::Wait, kind))?;
            if hops == most {
                let last = next.url.to_string();
                let kind = FaultKind::TooManyRedirects { limit: most, last };
                return Err(response.failure(Step::Wait, kind));
            }
            hops += 1;
            urls.push(response.url.clone());
            request = next;
            request.cause = response.body.pass_over().await.or(response.event);
        }
    }

    /// One request, sent again where its connection was lost or refused it and that does no harm.
    async fn send_once(&self, request: Request, wanted: Time) -> Result<Response<W>, Failure> {
        let mut tries = Tries::default();
        let mut request = request;
        loop {
            let (mut again, replay) = request.again();
            let route = tries.route();
            let lost = match Box::pin(exchange::run(&self.shared, request, route, wanted)).await {
                Ok(response) => return Ok(response),
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

    /// Closes all connections that carry nothing, for the reason given, and waits until the other
    /// ends have closed too, for a while at most. Those that carry something close when it is done;
    /// from now on no connection is kept.
    pub async fn close(&self, why: &str) {
        self.shared.pool.close(why).await;
    }
}

impl<W: Wire> Shared<W> {
    /// What the jar says to a request for this URL.
    pub(crate) fn cookie_field(&self, url: &url::Url) -> Option<String> {
        self.jar.as_ref()?.borrow().field(url, self.wire.wall())
    }

    /// Keeps what an answer from this URL asked to be told again.
    pub(crate) fn take_cookies(&self, fields: &crate::message::Fields, url: &url::Url) {
        let Some(jar) = &self.jar else { return };
        for value in fields.get_all("Set-Cookie") {
            jar.borrow_mut().store(&crate::message::to_text(value), url, self.wire.wall());
        }
    }
}

/// The statuses that tell a client to look elsewhere.
pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}
