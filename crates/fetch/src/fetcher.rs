//! Carries chains out.

use core::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use http::{Method, StatusCode};
use roundtrip_http::client::{Client, Failure, Request, Response};
use roundtrip_http::message::to_text;
use roundtrip_record::{FaultKind, Initiator, PageNote, Step, Trace as _, What};
use roundtrip_wire::Wire;

use crate::cache::{Cache, Found, Key};
use crate::chain::{Chain, Next};
use crate::freshness::is_storable;
use crate::gate::{Gate, Open};
use crate::hsts::{self, Hsts};
use crate::jar::Jar;
use crate::kept::{Asked, Came, Head, Kept, KeptBody};
use crate::rules::Rules;

/// Carries chains of requests out over a client's connections. Its clones share connections and
/// cookies.
pub struct Fetcher<W: Wire> {
    wire: W,
    client: Client<W>,
    jar: Option<Rc<RefCell<Jar>>>,
    cache: Option<Cache>,
    hsts: Option<Hsts>,
}

impl<W: Wire> Clone for Fetcher<W> {
    fn clone(&self) -> Self {
        Self {
            wire: self.wire.clone(),
            client: self.client.clone(),
            jar: self.jar.clone(),
            cache: self.cache.clone(),
            hsts: self.hsts.clone(),
        }
    }
}

impl<W: Wire> Fetcher<W> {
    /// One that keeps no cookies and no answers.
    pub fn new(wire: W, client: Client<W>) -> Self {
        Self { wire, client, jar: None, cache: None, hsts: None }
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

    /// Keeps answers in this cache, and answers from there; `None`: keeps none.
    #[must_use]
    pub fn with_cache(self, cache: Option<Cache>) -> Self {
        Self { cache, ..self }
    }

    /// Speaks through TLS to hosts that said they want that, and takes down which do (RFC 6797).
    #[must_use]
    pub fn with_hsts(self, hsts: Hsts) -> Self {
        Self { hsts: Some(hsts), ..self }
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
        self.secure(chain);
        let request = {
            let jar = self.jar.as_ref().map(|jar| jar.borrow());
            let mut random = [0; 16];
            if chain.proves() {
                self.wire.random(&mut random);
            }
            chain.carried(self.client.is_carried(&chain.hop().url));
            chain.request(jar.as_deref(), self.wire.wall(), random)
        };
        let response = match &self.cache {
            Some(cache) => self.with(cache, chain, request).await,
            None => self.send(chain, request).await,
        }?;
        if let (Some(hsts), Some(field)) = (&self.hsts, response.fields.get(hsts::FIELD)) {
            hsts.learn(&response.url, &to_text(field), self.wire.wall());
        }
        Ok(response)
    }

    /// Has the request that a chain is at go through TLS, where its host wants that.
    fn secure(&self, chain: &mut Chain) {
        let secured = |hsts: &Hsts| hsts.secured(&chain.hop().url, self.wire.wall());
        let Some(url) = self.hsts.as_ref().and_then(secured) else { return };
        let note = format!(
            "{} is asked for over https: {} said so before ({})",
            chain.hop().url,
            url.host_str().unwrap_or_default(),
            hsts::FIELD
        );
        self.wire.log().emit(self.wire.now(), chain.cause(), || What::PageNote(PageNote { note }));
        chain.go_to(url);
    }

    /// Sends a request, and keeps the cookies of its answer.
    async fn send(&self, chain: &Chain, request: Request) -> Result<Response<W>, Failure> {
        let response = self.client.send(request).await?;
        self.keep_cookies(chain, &response);
        Ok(response)
    }

    /// Carries a request out with a cache: what is there is given, what is there and may have changed is
    /// asked about, and what comes is kept.
    async fn with(
        &self,
        cache: &Cache,
        chain: &Chain,
        mut request: Request,
    ) -> Result<Response<W>, Failure> {
        let asked = Asked::of(&request);
        if request.method != Method::GET || !request.body.is_empty() || asked.is_special() {
            let (changes, url) = (!request.method.is_safe(), request.url.clone());
            let response = self.send(chain, request).await?;
            if changes && response.status.as_u16() < 400 {
                cache.invalidate(&url);
            }
            return Ok(response);
        }
        let key = Key::of(&request, chain.asker());
        let (stale, by) = match cache.find(&key, &asked, self.wire.wall()) {
            Found::Nothing => return self.fill(cache, chain, key, asked, request).await,
            Found::Fresh(kept) => {
                return Ok(self.client.answer(&request, kept.stored(self.wire.wall())));
            }
            Found::Stale(kept, by) => (kept, by),
        };
        let (mut plain, _) = request.again();
        stale.ask(by, &mut request);
        let (sent, keeps_body) = (self.wire.wall(), request.keep_body);
        let mut response = self.send(chain, request).await?;
        let came = self.came(cache, sent);
        if response.status != StatusCode::NOT_MODIFIED {
            keep(cache, key, asked, came, &mut response);
            return Ok(response);
        }
        if let Some(kept) = stale.freshened(&asked, &response.fields, came) {
            cache.keep(key, kept.clone());
            return Ok(response.with_stored(kept.stored(came.answered), keeps_body));
        }
        // It speaks of a state that is not here: the whole of it is asked for.
        cache.forget(&key);
        plain.initiator = Initiator::Retry { of: response.exchange };
        plain.cause = response.event;
        self.fill(cache, chain, key, asked, plain).await
    }

    /// Carries a request out that a cache has nothing for, and keeps what comes.
    async fn fill(
        &self,
        cache: &Cache,
        chain: &Chain,
        key: Key,
        asked: Asked,
        request: Request,
    ) -> Result<Response<W>, Failure> {
        let sent = self.wire.wall();
        let mut response = self.send(chain, request).await?;
        keep(cache, key, asked, self.came(cache, sent), &mut response);
        Ok(response)
    }

    /// When an answer that is there now came.
    fn came(&self, cache: &Cache, asked: SystemTime) -> Came {
        Came { asked, answered: self.wire.wall(), age_from: cache.age_from() }
    }

    /// Carries a request out and follows redirects by these rules: the answer is there when its head
    /// is.
    ///
    /// # Errors
    /// A fault, as it was seen. The caller reports it: only it knows whether the run ends with it.
    pub async fn fetch(&self, request: Request, rules: Rules) -> Result<Response<W>, Failure> {
        self.fetch_through(request, rules, &Open).await
    }

    /// The same, where somebody else has a say in where redirects lead.
    ///
    /// # Errors
    /// As for [`Fetcher::fetch`]; and the fault that `gate` gives.
    pub async fn fetch_through(
        &self,
        request: Request,
        rules: Rules,
        gate: &impl Gate,
    ) -> Result<Response<W>, Failure> {
        let mut chain = Chain::new(request, rules);
        loop {
            let mut response = self.step(&mut chain).await?;
            let mut hop = match chain.next(&response) {
                Next::Answer(_) => return Ok(response),
                Next::Fault(kind) => return Err(response.failure(Step::Wait, kind)),
                Next::Hop(hop) => hop,
            };
            if let Some(kind) = chain.is_too_long(&hop) {
                return Err(response.failure(Step::Wait, kind));
            }
            response.body.pass_over().await;
            if hop.is_redirect() {
                let passed = gate.redirected(&hop.url);
                hop.url = passed.map_err(|kind| response.failure(Step::Wait, kind))?;
            }
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
            jar.borrow_mut().store(value, &url, chain.asker(), now);
        }
    }
}

/// Keeps an answer as soon as all of it is there, if it may be kept.
fn keep<W: Wire>(cache: &Cache, key: Key, asked: Asked, came: Came, response: &mut Response<W>) {
    let fields = &response.fields;
    if !is_storable(response.status, asked.fields(), fields, came.answered) {
        // What was kept before is no answer to this any more.
        cache.forget(&key);
        return;
    }
    let head = Head {
        version: response.version,
        status: response.status,
        reason: response.reason.clone(),
        fields: fields.clone(),
    };
    let (cache, largest) = (cache.clone(), cache.largest());
    response.body.when_whole(largest, move |content, encoded| {
        cache.keep(key, Kept::new(&asked, head, KeptBody { content, encoded }, came));
    });
}
