//! One request after the other, as `curl` makes them: redirects, retries and cookies, with the body
//! handed on as it comes.

mod rest;

mod got;
mod known;
mod wanted;

use core::cell::RefCell;
use core::pin::pin;
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use http::{StatusCode, Version};
use roundtrip_fetch::{Chain, Fetcher, Jar, NOT_PERMITTED, Next, is_passing};
use roundtrip_http::client::{
    Client, Failure, Heads, Options, Origin, Request, Resend, Response, Scheme, Tls, UNSENDABLE,
};
use roundtrip_live::UNBOUND;
use roundtrip_record::{AttemptEnd, EventId, ExchangeId, FaultKind, Initiator, Step, Time};
use roundtrip_wire::Wire;

use crate::ground::{Interrupt, TrustMaker};
use crate::names::{Detour, Names, Pin};
use crate::run::RunError;
pub use got::{Got, Head, Sink};
use got::{show_head, unwritten};
pub use known::Known;
use rest::Rest;
pub use wanted::{Condition, Content, Fail, Wanted};

/// `CURLE_RANGE_ERROR`: the server has no ranges, so that what was begun cannot be gone on with.
const RANGE_ERROR: u8 = 33;
/// `CURLE_SEND_FAIL_REWIND`: a redirect wants a body again that was a stream.
const SEND_FAIL_REWIND: u8 = 65;

/// A client for the URLs of one command, which share connections and cookies.
pub struct Session<W: Wire> {
    wire: W,
    fetcher: Fetcher<W>,
    known: Known,
    /// What all sessions of a command have in common.
    common: Rc<Common>,
}

/// Whether cookies are kept and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookies {
    /// They are.
    Kept,
    /// They are not.
    Ignored,
}

struct Common {
    trust: RefCell<Trusted>,
    jar: Rc<RefCell<Jar>>,
    interrupt: Option<Interrupt>,
    cause: Option<EventId>,
}

enum Trusted {
    NotYet(Option<TrustMaker>),
    Had(Tls),
}

/// How a session reaches servers.
#[derive(Debug)]
pub struct Ways {
    /// How its client behaves.
    pub options: Options,
    /// How names are looked up.
    pub names: roundtrip_dns::Options,
    /// Hosts whose addresses are given.
    pub pins: Vec<Pin>,
    /// Hosts that others stand in for.
    pub detours: Vec<Detour>,
    /// What is known of hosts from before.
    pub known: Known,
}

impl<W: Wire> Session<W> {
    /// A client that has TLS from `trust` when it first needs it, begins with the cookies of `jar`, and
    /// gives up what is under way when `interrupt` completes.
    pub fn new(
        wire: W,
        ways: Ways,
        (jar, cookies): (Jar, Cookies),
        trust: TrustMaker,
        interrupt: Option<Interrupt>,
        cause: Option<EventId>,
    ) -> Self {
        let trust = RefCell::new(Trusted::NotYet(Some(trust)));
        let jar = Rc::new(RefCell::new(jar));
        Self::with(wire, ways, cookies, Rc::new(Common { trust, jar, interrupt, cause }))
    }

    /// Another client for the same command, which reaches servers in other ways: cookies and trust are
    /// shared, connections are not.
    #[must_use]
    pub fn elsewhere(&self, ways: Ways, cookies: Cookies) -> Self {
        Self::with(self.wire.clone(), ways, cookies, Rc::clone(&self.common))
    }

    /// The same client, connections included.
    #[must_use]
    pub fn again(&self, cookies: Cookies) -> Self {
        let fetcher = self.fetcher.clone();
        let jar = (cookies == Cookies::Kept).then(|| Rc::clone(&self.common.jar));
        Self {
            wire: self.wire.clone(),
            fetcher: fetcher.sharing_cookies(jar),
            known: self.known.clone(),
            common: Rc::clone(&self.common),
        }
    }

    fn with(wire: W, ways: Ways, cookies: Cookies, common: Rc<Common>) -> Self {
        let Ways { options, names, pins, detours, known } = ways;
        let names = Names::new(wire.clone(), names, pins).with_detours(detours);
        let names = Rc::new(names.with_alternatives(known.alternatives.clone()));
        // What curl does.
        let options = Options { resend: Resend::All, ..options };
        let tls = match &*common.trust.borrow() {
            Trusted::Had(tls) => Some(tls.clone()),
            Trusted::NotYet(_) => None,
        };
        let client = Client::new(wire.clone(), names, tls, options);
        let jar = (cookies == Cookies::Kept).then(|| Rc::clone(&common.jar));
        let fetcher = Fetcher::new(wire.clone(), client).sharing_cookies(jar);
        Self { wire, fetcher, known, common }
    }

    /// The cookies there are now, those of other sessions of the command included.
    pub fn cookies(&self) -> Rc<RefCell<Jar>> {
        Rc::clone(&self.common.jar)
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.fetcher.close("all is done").await;
    }

    /// Gets one URL.
    ///
    /// # Errors
    /// When TLS cannot be set up. What goes wrong on the network stands in [`Got::failure`].
    pub async fn get(&self, wanted: &mut Wanted, sink: &mut dyn Sink) -> Result<Got, RunError> {
        let mut got = Got::new(wanted, self.wire.now());
        let interrupt = self.common.interrupt.as_ref().map(|interrupt| interrupt());
        let wire = self.wire.clone();
        let ended = {
            let work = pin!(self.tries(wanted, sink, &mut got));
            match interrupt {
                None => Some(work.await),
                Some(interrupt) => match select(work, interrupt).await {
                    Either::Left((ended, _)) => Some(ended),
                    // What was under way is dropped, and its connection closed with it.
                    Either::Right(_) => None,
                },
            }
        };
        got.ended = wire.now();
        match ended {
            Some(ended) => ended?,
            None => got.failure = Some(self.failure(&got, got.began, FaultKind::Interrupted)),
        }
        Ok(got)
    }

    /// Try after try, until one succeeds or none is left.
    async fn tries(
        &self,
        wanted: &mut Wanted,
        sink: &mut dyn Sink,
        got: &mut Got,
    ) -> Result<(), RunError> {
        let mut initiator = Initiator::User;
        loop {
            self.attempt(wanted, sink, got, initiator).await?;
            let Some(failure) = &got.failure else { return Ok(()) };
            let since = self.wire.now().since(got.began);
            let (retries, wall) = (wanted.retries, self.wire.wall());
            let Some(after) = retries.pause(&failure.kind, &got.fields, got.retries, since, wall)
            else {
                return Ok(());
            };
            // What went on to its reader cannot be taken back, and a stream is sent only once.
            // The page that goes with a status may stand there, as curl lets it.
            let page = matches!(failure.kind, FaultKind::HttpStatus { .. });
            let taken_back = got.body == 0 || sink.take_back().is_ok() || page;
            let lost = wanted.content.is_spent() || !taken_back;
            if lost {
                return Ok(());
            }
            sink.again(&failure.kind, after);
            initiator = match failure.exchange {
                // A fault of the whole, not of one exchange.
                ExchangeId(0) => Initiator::User,
                of => Initiator::Retry { of },
            };
            got.retries += 1;
            (got.redirects, got.body, got.status) = (0, 0, None);
            (got.failure, got.curl_code) = (None, None);
            self.wire.sleep(after).await;
        }
    }

    /// A fault of the whole, not of one exchange.
    fn failure(&self, got: &Got, since: Time, kind: FaultKind) -> Failure {
        Failure {
            exchange: ExchangeId(0),
            connection: None,
            // Before it waits for anything, it waits for a connection that others use.
            step: got.heard.step().unwrap_or(Step::Connect),
            since,
            cause: self.common.cause,
            kind,
        }
    }

    /// One try, within its time.
    async fn attempt(
        &self,
        wanted: &mut Wanted,
        sink: &mut dyn Sink,
        got: &mut Got,
        initiator: Initiator,
    ) -> Result<(), RunError> {
        let since = self.wire.now();
        let Some(limit) = wanted.limit else {
            return self.follow(wanted, sink, got, initiator).await;
        };
        let late = pin!(self.wire.sleep(limit));
        let ended = match select(pin!(self.follow(wanted, sink, got, initiator)), late).await {
            Either::Left((ended, _)) => Some(ended),
            Either::Right(_) => None,
        };
        if let Some(ended) = ended {
            return ended;
        }
        let kind = FaultKind::TimedOut { limit, received: got.body, head: got.heard.head() };
        got.failure = Some(self.failure(got, since, kind));
        Ok(())
    }

    /// The request, and those that redirects lead to.
    async fn follow(
        &self,
        wanted: &mut Wanted,
        sink: &mut dyn Sink,
        got: &mut Got,
        initiator: Initiator,
    ) -> Result<(), RunError> {
        let heard = got.heard.clone();
        // Nobody has shown what a try heard that was given up.
        drop(heard.take());
        let mut request =
            Request { heard: Some(heard.clone()), ..wanted.request(initiator, self.common.cause) };
        self.known.secure(&mut request.url, self.wire.wall());
        let mut chain = Chain::new(request, wanted.rules.clone());
        loop {
            let hop = chain.hop();
            let secure = Origin::of(&hop.url).is_some_and(|origin| origin.scheme == Scheme::Https);
            if secure || wanted.rules.proxies.want_tls() {
                self.need_tls()?;
            }
            got.url.clone_from(&hop.url);
            got.method.clone_from(&hop.method);
            got.referer = chain.referer();
            got.redirects = chain.followed();
            got.uploaded = chain.body_length().unwrap_or(0);
            if chain.is_spent() {
                let why = "it is wanted again, and was a stream that can be read only once".into();
                got.curl_code = Some(SEND_FAIL_REWIND);
                if got.version == Some(Version::HTTP_10) {
                    let kind = FaultKind::SendFailed { why: UNSENDABLE.into() };
                    got.curl_code = curl_code(&kind);
                    got.failure = Some(self.failure(got, self.wire.now(), kind));
                    return Ok(());
                }
                let kind = FaultKind::ReadFailed { path: "request body".into(), why };
                got.failure = Some(self.failure(got, self.wire.now(), kind));
                return Ok(());
            }
            chain.instead(self.known.elsewhere(&got.url, self.wire.wall()));
            let mut response = match self.fetcher.step(&mut chain).await {
                Ok(response) => response,
                Err(failure) => {
                    let text = heard.take();
                    got.head += (text.tunnel.len() + text.answer.len()) as u64;
                    // The fault that was first is the one that is told.
                    let _ = sink.lone_heads(&text);
                    got.curl_code = curl_code(&failure.kind);
                    got.failure = Some(failure);
                    return Ok(());
                }
            };
            let text = heard.take();
            got.status = Some(response.status);
            got.version = Some(response.version);
            got.fields = response.fields.clone();
            self.known.learn(&got.url, response.version, &response.fields, self.wire.wall());
            let mut hop = match chain.next(&response) {
                Next::Answer(elsewhere) => {
                    got.redirect_url = elsewhere;
                    self.answer((response, &text), wanted, sink, got).await;
                    return Ok(());
                }
                Next::Fault(kind) => {
                    got.curl_code = curl_code(&kind);
                    show_head(&response, &text, sink, got, false);
                    got.failure = Some(response.failure(Step::Wait, kind));
                    return Ok(());
                }
                Next::Hop(hop) => hop,
            };
            if !show_head(&response, &text, sink, got, false) {
                return Ok(());
            }
            if let Some(kind) = chain.is_too_long(&hop) {
                got.redirect_url = Some(hop.url);
                got.failure = Some(response.failure(Step::Wait, kind));
                return Ok(());
            }
            response.body.pass_over().await;
            self.known.secure(&mut hop.url, self.wire.wall());
            chain.follow(*hop, response.event);
        }
    }

    /// Hands the answer on.
    async fn answer(
        &self,
        (mut response, text): (Response<W>, &Heads),
        wanted: &Wanted,
        sink: &mut dyn Sink,
        got: &mut Got,
    ) {
        let status = response.status;
        // A file that is there as a whole has no rest; as for curl, unless the answer names its length.
        let whole = status == StatusCode::RANGE_NOT_SATISFIABLE
            && wanted.resume.is_some()
            && !response.fields.contains("Content-Range");
        let failed = status.as_u16() >= 400 && wanted.fail != Fail::No && !whole;
        let failed = failed.then(|| {
            let (status, reason) = (status.as_u16(), response.reason.clone());
            let kind = FaultKind::HttpStatus { status, reason, fail: true };
            response.failure(Step::Wait, kind)
        });
        let passing = self.passing(&response, wanted, got);
        if !show_head(&response, text, sink, got, failed.is_none()) {
            return;
        }
        if failed.is_some() && wanted.fail == Fail::WithoutBody {
            got.failure = failed.or(passing);
            response.body.pass_over().await;
            return;
        }
        if let Some(kind) = unusable(&response, wanted) {
            got.failure = Some(response.failure(Step::Wait, kind));
            return;
        }
        let unmet = |condition: &Condition| condition.rules_out(&response.fields);
        if status == StatusCode::OK && wanted.condition.as_ref().is_some_and(unmet) {
            // As if the server had looked at the date itself.
            (got.status, got.unchanged) = (Some(StatusCode::NOT_MODIFIED), true);
            response.body.pass_over().await;
            return;
        }
        got.unchanged = status == StatusCode::NOT_MODIFIED;
        if let Some(from) = wanted.resume.filter(|from| *from > 0) {
            match Rest::of(&response, from) {
                Rest::Follows => {}
                // There is nothing after what is there already.
                Rest::Nothing => {
                    response.body.pass_over().await;
                    return;
                }
                Rest::Unfit(why) => {
                    let kind = FaultKind::ReceiveFailed { why };
                    got.curl_code = Some(RANGE_ERROR);
                    got.failure = Some(response.failure(Step::Wait, kind));
                    return;
                }
            }
        }
        while let Some(chunk) = response.body.chunk().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(failure) => {
                    got.failure = Some(failure);
                    return;
                }
            };
            let total = got.body + chunk.len() as u64;
            if let Some(limit) = wanted.max_bytes.filter(|limit| total > *limit) {
                let kind = FaultKind::TooLarge { limit, encoded: response.body.received() };
                got.failure = Some(response.failure(Step::Body, kind));
                return;
            }
            if let Err(error) = sink.body(&chunk, self.wire.now()) {
                got.failure = Some(unwritten(&response, sink, &error));
                return;
            }
            got.body = total;
            if let Some(rate) = wanted.rate {
                let due = Duration::from_secs_f64(total as f64 / rate as f64);
                self.wire.sleep_until(response.at + due).await;
            }
        }
        let mut trailers = Vec::new();
        response.body.trailers().encode(&mut trailers);
        got.head += trailers.len() as u64;
        got.failure = match sink.trailers(&trailers) {
            Err(error) => Some(unwritten(&response, sink, &error)),
            Ok(()) => failed.or(passing),
        };
    }

    /// A status that will be tried again, as a fault.
    fn passing(&self, response: &Response<W>, wanted: &Wanted, got: &Got) -> Option<Failure> {
        let (status, reason) = (response.status.as_u16(), response.reason.clone());
        let kind = FaultKind::HttpStatus { status, reason, fail: false };
        let since = self.wire.now().since(got.began);
        let wall = self.wire.wall();
        let pause =
            wanted.retries.pause(&kind, &response.fields, got.retries, since, wall).is_some();
        let again = pause && is_passing(response.status) && !wanted.content.is_spent();
        again.then(|| response.failure(Step::Wait, kind))
    }

    fn need_tls(&self) -> Result<(), RunError> {
        let mut trust = self.common.trust.borrow_mut();
        if let Trusted::NotYet(make) = &mut *trust
            && let Some(make) = make.take()
        {
            *trust = Trusted::Had(make()?);
        }
        if let Trusted::Had(tls) = &*trust {
            self.fetcher.client().set_tls(tls);
        }
        Ok(())
    }
}

/// curl's exit code for a fault, where it tells more than the kind of the fault does.
fn curl_code(kind: &FaultKind) -> Option<u8> {
    /// `CURLE_UPLOAD_FAILED`.
    const UPLOAD_FAILED: u8 = 25;
    /// `CURLE_INTERFACE_FAILED`.
    const INTERFACE_FAILED: u8 = 45;
    /// `CURLE_UNSUPPORTED_PROTOCOL`, which is also what a status that is none comes to.
    const UNSUPPORTED_PROTOCOL: u8 = 1;
    /// `CURLE_BAD_CONTENT_ENCODING`, which is also what codings of a transfer come to that nobody knows.
    const BAD_CODING: u8 = 61;
    match kind {
        FaultKind::SendFailed { why } if why == UNSENDABLE => Some(UPLOAD_FAILED),
        FaultKind::ConnectFailed { attempts } => {
            let last = attempts.last().map(|last| &last.end);
            let unbound =
                matches!(last, Some(AttemptEnd::Failed { why }) if why.starts_with(UNBOUND));
            unbound.then_some(INTERFACE_FAILED)
        }
        FaultKind::Malformed { rule, .. }
            if rule.is_within(9110, "15") || rule.is_within(9112, "2.3") =>
        {
            Some(UNSUPPORTED_PROTOCOL)
        }
        FaultKind::Malformed { rule, .. } if rule.is_within(9112, "6.1") => Some(BAD_CODING),
        FaultKind::BadRedirect { location, why }
            if other_scheme(location) || why == NOT_PERMITTED =>
        {
            Some(UNSUPPORTED_PROTOCOL)
        }
        _ => None,
    }
}

/// Whether a place is of another scheme than http and https.
fn other_scheme(location: &str) -> bool {
    match url::Url::parse(location) {
        Ok(url) => !matches!(url.scheme(), "http" | "https"),
        Err(_) => false,
    }
}

/// Why an answer is not what was wanted, before its body.
fn unusable<W: Wire>(response: &Response<W>, wanted: &Wanted) -> Option<FaultKind> {
    // A length that is a number and cannot be counted is beyond every limit.
    let told = response.fields.text("Content-Length").filter(|_| response.status.is_success());
    let huge = told.is_some_and(|told| {
        told.parse::<i64>().is_err() && told.bytes().all(|byte| byte.is_ascii_digit())
    });
    if let Some(limit) = wanted.max_bytes
        && (huge || response.body.expected().is_some_and(|length| length > limit))
    {
        return Some(FaultKind::TooLarge { limit, encoded: 0 });
    }
    None
}
