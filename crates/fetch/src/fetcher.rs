//! Carries chains out.

use core::cell::RefCell;
use std::rc::Rc;

use roundtrip_http::client::{Client, Failure, Request, Response};
use roundtrip_http::message::to_text;
use roundtrip_record::{FaultKind, Step};
use roundtrip_wire::Wire;

use crate::chain::{Chain, Next};
use crate::jar::Jar;
use crate::rules::Rules;

/// Carries chains of requests out over a client's connections. Its clones share connections and
/// cookies.
pub struct Fetcher<W: Wire> {
    wire: W,
    client: Client<W>,
    jar: Option<Rc<RefCell<Jar>>>,
}

impl<W: Wire> Clone for Fetcher<W> {
    fn clone(&self) -> Self {
        Self { wire: self.wire.clone(), client: self.client.clone(), jar: self.jar.clone() }
    }
}

impl<W: Wire> Fetcher<W> {
    /// One that keeps no cookies.
    pub fn new(wire: W, client: Client<W>) -> Self {
        Self { wire, client, jar: None }
    }

    /// Keeps cookies, beginning with these.
    #[must_use]
    pub fn with_cookies(self, jar: Jar) -> Self {
        Self { jar: Some(Rc::new(RefCell::new(jar))), ..self }
    }

    /// Keeps cookies in this jar, which others may keep theirs in too; `None`: keeps none.
    #[must_use]
    pub fn sharing_cookies(self, jar: Option<Rc<RefCell<Jar>>>) -> Self {
        Self { jar, ..self }
    }

    /// The client whose connections it goes by.
    pub fn client(&self) -> &Client<W> {
        &self.client
    }

    /// The cookies it has now; `None` where it keeps none.
    pub fn cookies(&self) -> Option<Jar> {
        self.jar.as_ref().map(|jar| jar.borrow().clone())
    }

    /// Closes all connections, as [`Client::close`] does.
    pub async fn close(&self, why: &str) {
        self.client.close(why).await;
    }

    /// Carries out the request that a chain is at; cookies of the answer are kept, be it the last or a
    /// redirect.
    ///
    /// # Errors
    /// A fault of the exchange.
    pub async fn step(&self, chain: &mut Chain) -> Result<Response<W>, Failure> {
        let request = {
            let jar = self.jar.as_ref().map(|jar| jar.borrow());
            let mut random = [0; 16];
            if chain.proves() {
                self.wire.random(&mut random);
            }
            chain.request(jar.as_deref(), self.wire.wall(), random)
        };
        let response = self.client.send(request).await?;
        self.keep_cookies(chain, &response);
        Ok(response)
    }

    /// Carries a request out and follows redirects by these rules: the answer is there when its head
    /// is.
    ///
    /// # Errors
    /// A fault, as it was seen. The caller reports it: only it knows whether the run ends with it.
    pub async fn fetch(&self, request: Request, rules: Rules) -> Result<Response<W>, Failure> {
        let mut chain = Chain::new(request, rules);
        loop {
            let mut response = self.step(&mut chain).await?;
            let hop = match chain.next(&response) {
                Next::Answer(_) => return Ok(response),
                Next::Fault(kind) => return Err(response.failure(Step::Wait, kind)),
                Next::Hop(hop) => hop,
            };
            if let Some(kind) = chain.is_too_long(&hop) {
                return Err(response.failure(Step::Wait, kind));
            }
            response.body.pass_over().await;
            chain.follow(*hop, response.event);
            if chain.is_spent() {
                let location = chain.hop().url.to_string();
                let why = "the body can be sent only once".into();
                return Err(response.failure(Step::Wait, FaultKind::BadRedirect { location, why }));
            }
        }
    }

    fn keep_cookies(&self, chain: &Chain, response: &Response<W>) {
        /// Cookies that one answer may set: as many as curl takes (`MAX_SET_COOKIE_AMOUNT`).
        const MOST: usize = 50;
        let Some(jar) = self.jar.as_ref().filter(|_| chain.takes_cookies(&response.url)) else {
            return;
        };
        let (now, url) = (self.wire.wall(), chain.cookie_url());
        for value in response.fields.get_all("Set-Cookie").take(MOST) {
            jar.borrow_mut().store(&to_text(value), &url, chain.asker(), now);
        }
    }
}
