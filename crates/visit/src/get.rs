//! One request after the other, as `curl` makes them: redirects, retries and cookies, with the body
//! handed on as it comes.

mod rest;

use core::pin::pin;
use core::time::Duration;
use std::fs::File;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Method, StatusCode, Version};
use roundtrip_fetch::{Chain, Fetcher, Jar, Next, Retries, Rules, is_passing};
use roundtrip_http::Body;
use roundtrip_http::client::{
    Client, Decode, Expect, Failure, Options, Origin, Request, Resend, Response, Scheme,
};
use roundtrip_http::message::Fields;
use roundtrip_record::{EventId, ExchangeId, FaultKind, Initiator, Step, Time};
use roundtrip_wire::Wire;
use url::Url;

use crate::ground::{Interrupt, TrustMaker};
use crate::names::{Detour, Names, Pin};
use crate::run::RunError;
use rest::Rest;

/// Bodies longer than this wait to be asked for (RFC 9110 §10.1.1), as curl's do.
const EXPECT_ABOVE: u64 = 1024 * 1024;

/// What is to be sent, again for every redirect and retry where it can be.
#[derive(Debug)]
pub struct Content(Option<Body>);

impl Default for Content {
    fn default() -> Self {
        Self(Some(Body::empty()))
    }
}

impl From<Body> for Content {
    fn from(body: Body) -> Self {
        Self(Some(body))
    }
}

impl Content {
    /// What comes out of a file that has no length (a pipe): sent in chunks, and only once.
    pub fn pipe(file: File) -> Self {
        Body::stream(None, futures_util::stream::iter(Chunked(file))).into()
    }

    fn body(&mut self) -> Body {
        let again = self.0.as_ref().and_then(Body::again);
        again.or_else(|| self.0.take()).unwrap_or_default()
    }

    fn is_spent(&self) -> bool {
        self.0.is_none()
    }
}

/// A file without a length (a pipe), read piece by piece.
struct Chunked(File);

impl Iterator for Chunked {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<io::Result<Bytes>> {
        use std::io::Read as _;
        let mut chunk = vec![0; 16 * 1024];
        match self.0.read(&mut chunk) {
            Ok(0) => None,
            Ok(length) => {
                chunk.truncate(length);
                Some(Ok(chunk.into()))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// What is wanted of one URL.
#[derive(Debug)]
pub struct Wanted {
    /// The URL, with credentials in it where there are some.
    pub url: Url,
    /// The method.
    pub method: Method,
    /// Fields, in the order in which they go out.
    pub fields: Fields,
    /// Names of fields that a client would send by itself and that shall not go.
    pub omit: Vec<String>,
    /// The body.
    pub content: Content,
    /// What redirects make of it.
    pub rules: Rules,
    /// Codings are asked for and undone.
    pub decode: Decode,
    /// What is tried again.
    pub retries: Retries,
    /// Time for each try, all redirects together.
    pub limit: Option<Duration>,
    /// Bytes that the body may have.
    pub max_bytes: Option<u64>,
    /// A status of 400 or more is a fault.
    pub fail: Fail,
    /// The body must begin at this offset (`-C`): an answer that is not 206 cannot be used.
    pub resume: Option<u64>,
    /// Bodies go into the record.
    pub keep_body: bool,
}

impl Wanted {
    /// The first request of a try.
    fn request(&mut self, initiator: Initiator, cause: Option<EventId>) -> Request {
        let mut request = Request::new(self.method.clone(), self.url.clone());
        request.fields = self.fields.clone();
        request.omit.clone_from(&self.omit);
        request.body = self.content.body();
        let long = request.body.length().is_none_or(|length| length > EXPECT_ABOVE);
        if long && !request.omits("Expect") && !request.fields.contains("Expect") {
            request.expect = Expect::Continue;
        }
        request.decode = self.decode;
        request.keep_body = self.keep_body;
        request.initiator = initiator;
        request.cause = cause;
        request
    }
}

/// What a status of 400 or more comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// An answer as any other.
    No,
    /// A fault, without the body (`-f`).
    WithoutBody,
    /// A fault, with the body.
    WithBody,
}

/// The head of an answer.
#[derive(Debug)]
pub struct Head<'a> {
    /// The version.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// The reason phrase.
    pub reason: &'a str,
    /// The fields.
    pub fields: &'a Fields,
    /// Bytes of body to come, where it is told.
    pub expected: Option<u64>,
    /// Its body will be handed on.
    pub last: bool,
}

/// Where answers go.
pub trait Sink {
    /// A head has come: of a redirect, or of the answer.
    ///
    /// # Errors
    /// When it cannot be written.
    fn head(&mut self, head: &Head<'_>) -> io::Result<()>;

    /// The next bytes of the answer's body. `at` is when they came.
    ///
    /// # Errors
    /// When they cannot be written.
    fn body(&mut self, bytes: &[u8], at: Time) -> io::Result<()>;

    /// The trailer fields that followed the answer's body, as lines.
    ///
    /// # Errors
    /// When they cannot be written.
    fn trailers(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Takes back what was written of a body, since it comes again.
    ///
    /// # Errors
    /// When it cannot be: its reader has it already.
    fn take_back(&mut self) -> io::Result<()>;

    /// A try came to this fault; another follows after this time.
    fn again(&mut self, kind: &FaultKind, after: Duration);

    /// Where it writes to, for people.
    fn place(&self) -> String;
}

/// What became of one URL.
#[derive(Clone, Debug)]
pub struct Got {
    /// What was asked for in the end.
    pub url: Url,
    /// The status of the last answer, where one came.
    pub status: Option<StatusCode>,
    /// Its version.
    pub version: Option<Version>,
    /// Its fields.
    pub fields: Fields,
    /// Redirects that were followed.
    pub redirects: u32,
    /// Where a redirect leads that was not followed.
    pub redirect_url: Option<Url>,
    /// The method of the last request.
    pub method: Method,
    /// Bytes of body that were handed on.
    pub body: u64,
    /// Bytes of body in what was sent last.
    pub uploaded: u64,
    /// Bytes of all heads, as they were handed on.
    pub head: u64,
    /// Tries after the first.
    pub retries: u32,
    /// When it began.
    pub began: Time,
    /// When it ended.
    pub ended: Time,
    /// The Referer of the last request.
    pub referer: Option<String>,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// curl's exit code, where it tells more than the kind of the fault does.
    pub curl_code: Option<u8>,
}

/// `CURLE_RANGE_ERROR`: the server has no ranges, so that what was begun cannot be gone on with.
const RANGE_ERROR: u8 = 33;
/// `CURLE_SEND_FAIL_REWIND`: a redirect wants a body again that was a stream.
const SEND_FAIL_REWIND: u8 = 65;

impl Got {
    /// curl's exit code for it.
    pub fn exit_code(&self) -> u8 {
        let of_kind = self.failure.as_ref().map(|failure| failure.kind.exit_code());
        of_kind.map_or(0, |code| self.curl_code.unwrap_or(code))
    }

    fn new(wanted: &Wanted, began: Time) -> Self {
        Self {
            url: wanted.url.clone(),
            status: None,
            version: None,
            fields: Fields::new(),
            redirects: 0,
            redirect_url: None,
            method: wanted.method.clone(),
            body: 0,
            uploaded: 0,
            head: 0,
            retries: 0,
            began,
            ended: began,
            referer: None,
            failure: None,
            curl_code: None,
        }
    }
}

/// A client for the URLs of one command, which share connections and cookies.
pub struct Session<W: Wire> {
    wire: W,
    fetcher: Fetcher<W>,
    options: Options,
    names: Rc<Names<W>>,
    trust: Trusted,
    interrupt: Option<Interrupt>,
    cause: Option<EventId>,
}

enum Trusted {
    NotYet(TrustMaker),
    Had,
}

impl<W: Wire> Session<W> {
    /// A client that has TLS from `trust` when it first needs it.
    pub fn new(
        wire: W,
        options: Options,
        names: roundtrip_dns::Options,
        (pins, detours): (Vec<Pin>, Vec<Detour>),
        jar: Option<Jar>,
        trust: TrustMaker,
        cause: Option<EventId>,
    ) -> Self {
        let names = Rc::new(Names::new(wire.clone(), names, pins).with_detours(detours));
        // What curl does.
        let options = Options { resend: Resend::All, ..options };
        let client =
            Client::new(wire.clone(), Rc::<Names<W>>::clone(&names), None, options.clone());
        let fetcher = Fetcher::new(wire.clone(), client);
        let fetcher = match jar {
            Some(jar) => fetcher.with_cookies(jar),
            None => fetcher,
        };
        let trust = Trusted::NotYet(trust);
        Self { wire, fetcher, options, names, trust, interrupt: None, cause }
    }

    /// Gives up what is under way when this completes.
    #[must_use]
    pub fn with_interrupt(mut self, interrupt: Interrupt) -> Self {
        self.interrupt = Some(interrupt);
        self
    }

    /// The cookies there are now.
    pub fn cookies(&self) -> Option<Jar> {
        self.fetcher.cookies()
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.fetcher.close("all is done").await;
    }

    /// Gets one URL.
    ///
    /// # Errors
    /// When TLS cannot be set up. What goes wrong on the network stands in [`Got::failure`].
    pub async fn get(&mut self, wanted: &mut Wanted, sink: &mut dyn Sink) -> Result<Got, RunError> {
        let mut got = Got::new(wanted, self.wire.now());
        let interrupt = self.interrupt.as_ref().map(|interrupt| interrupt());
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
        &mut self,
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
            let lost = wanted.content.is_spent() || got.body > 0 && sink.take_back().is_err();
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
            step: if got.status.is_some() { Step::Body } else { Step::Wait },
            since,
            cause: self.cause,
            kind,
        }
    }

    /// One try, within its time.
    async fn attempt(
        &mut self,
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
        let kind = FaultKind::TimedOut { limit, received: got.body };
        got.failure = Some(self.failure(got, since, kind));
        Ok(())
    }

    /// The request, and those that redirects lead to.
    async fn follow(
        &mut self,
        wanted: &mut Wanted,
        sink: &mut dyn Sink,
        got: &mut Got,
        initiator: Initiator,
    ) -> Result<(), RunError> {
        let mut chain = Chain::new(wanted.request(initiator, self.cause), wanted.rules.clone());
        loop {
            let hop = chain.hop();
            if Origin::of(&hop.url).is_some_and(|origin| origin.scheme == Scheme::Https) {
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
                let kind = FaultKind::ReadFailed { path: "request body".into(), why };
                got.failure = Some(self.failure(got, self.wire.now(), kind));
                return Ok(());
            }
            let mut response = match self.fetcher.step(&mut chain).await {
                Ok(response) => response,
                Err(failure) => {
                    got.failure = Some(failure);
                    return Ok(());
                }
            };
            got.status = Some(response.status);
            got.version = Some(response.version);
            got.fields = response.fields.clone();
            let hop = match chain.next(&response) {
                Next::Answer(elsewhere) => {
                    got.redirect_url = elsewhere;
                    self.answer(response, wanted, sink, got).await;
                    return Ok(());
                }
                Next::Fault(kind) => {
                    show_head(&response, sink, got, false);
                    got.failure = Some(response.failure(Step::Wait, kind));
                    return Ok(());
                }
                Next::Hop(hop) => hop,
            };
            if !show_head(&response, sink, got, false) {
                return Ok(());
            }
            if let Some(kind) = chain.is_too_long(&hop) {
                got.redirect_url = Some(hop.url);
                got.failure = Some(response.failure(Step::Wait, kind));
                return Ok(());
            }
            response.body.pass_over().await;
            chain.follow(*hop, response.event);
        }
    }

    /// Hands the answer on.
    async fn answer(
        &self,
        mut response: Response<W>,
        wanted: &Wanted,
        sink: &mut dyn Sink,
        got: &mut Got,
    ) {
        let status = response.status;
        let failed = (status.as_u16() >= 400 && wanted.fail != Fail::No).then(|| {
            let (status, reason) = (status.as_u16(), response.reason.clone());
            let kind = FaultKind::HttpStatus { status, reason, fail: true };
            response.failure(Step::Wait, kind)
        });
        let passing = self.again(&response, wanted, got);
        if !show_head(&response, sink, got, failed.is_none() && passing.is_none()) {
            return;
        }
        if passing.is_some() || failed.is_some() && wanted.fail == Fail::WithoutBody {
            got.failure = failed.or(passing);
            response.body.pass_over().await;
            return;
        }
        if let Some(kind) = unusable(&response, wanted) {
            got.failure = Some(response.failure(Step::Wait, kind));
            return;
        }
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
        }
        let mut trailers = Vec::new();
        response.body.trailers().encode(&mut trailers);
        got.head += trailers.len() as u64;
        got.failure = match sink.trailers(&trailers) {
            Err(error) => Some(unwritten(&response, sink, &error)),
            Ok(()) => failed,
        };
    }

    /// A status that will be tried again, as a fault.
    fn again(&self, response: &Response<W>, wanted: &Wanted, got: &Got) -> Option<Failure> {
        let (status, reason) = (response.status.as_u16(), response.reason.clone());
        let kind = FaultKind::HttpStatus { status, reason, fail: false };
        let since = self.wire.now().since(got.began);
        let wall = self.wire.wall();
        let pause =
            wanted.retries.pause(&kind, &response.fields, got.retries, since, wall).is_some();
        let again = pause && is_passing(response.status) && !wanted.content.is_spent();
        again.then(|| response.failure(Step::Wait, kind))
    }

    fn need_tls(&mut self) -> Result<(), RunError> {
        if let Trusted::NotYet(make) = core::mem::replace(&mut self.trust, Trusted::Had) {
            let names = Rc::<Names<W>>::clone(&self.names);
            let client = Client::new(self.wire.clone(), names, Some(make()?), self.options.clone());
            self.fetcher.set_client(client);
        }
        Ok(())
    }
}

/// Passes on the heads of a response, the interim ones first; `false` when one could not be written.
fn show_head<W: Wire>(
    response: &Response<W>,
    sink: &mut dyn Sink,
    got: &mut Got,
    last: bool,
) -> bool {
    let reasons: Vec<String> =
        response.interim.iter().map(|head| head.line.reason_text()).collect();
    let interim = response.interim.iter().zip(&reasons).map(|(head, reason)| Head {
        version: head.line.version,
        status: head.line.status,
        reason,
        fields: &head.fields,
        expected: None,
        last: false,
    });
    let own = Head {
        version: response.version,
        status: response.status,
        reason: &response.reason,
        fields: &response.fields,
        expected: response.body.expected(),
        last,
    };
    for head in interim.chain([own]) {
        got.head += bytes_of(&head).len() as u64;
        if let Err(error) = sink.head(&head) {
            got.failure = Some(unwritten(response, sink, &error));
            return false;
        }
    }
    true
}

/// The bytes of a head, in the form of HTTP/1.
pub fn bytes_of(head: &Head<'_>) -> Vec<u8> {
    let version = match head.version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    };
    let mut out = format!("{version} {} {}\r\n", head.status.as_str(), head.reason).into_bytes();
    head.fields.encode(&mut out);
    out.extend_from_slice(b"\r\n");
    out
}

fn unwritten<W: Wire>(response: &Response<W>, sink: &dyn Sink, error: &io::Error) -> Failure {
    let kind = FaultKind::WriteFailed { path: sink.place(), why: error.to_string() };
    response.failure(Step::Body, kind)
}

/// Why an answer is not what was wanted, before its body.
fn unusable<W: Wire>(response: &Response<W>, wanted: &Wanted) -> Option<FaultKind> {
    if let Some(limit) = wanted.max_bytes
        && response.body.expected().is_some_and(|length| length > limit)
    {
        return Some(FaultKind::TooLarge { limit, encoded: 0 });
    }
    None
}
