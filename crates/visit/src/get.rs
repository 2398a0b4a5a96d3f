//! One request after the other, as `curl` makes them: redirects, retries and cookies, with the body
//! handed on as it comes.

use core::pin::pin;
use core::time::Duration;
use std::fs::File;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Method, StatusCode, Version};
use roundtrip_http::Body;
use roundtrip_http::client::{
    Client, Expect, Failure, Follow, Jar, Options, Origin, Request, Response, Scheme, Tls,
};
use roundtrip_http::message::Fields;
use roundtrip_record::{EventId, ExchangeId, FaultKind, Step, Time};
use roundtrip_wire::Wire;
use url::Url;

use crate::names::{Names, Pin};
use crate::run::RunError;

/// Bodies longer than this wait to be asked for (RFC 9110 §10.1.1), as curl's do.
const EXPECT_ABOVE: u64 = 1024 * 1024;
/// Bytes of a redirect's body that are read so that its connection can be kept.
const PASS_OVER: u64 = 64 * 1024;

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

/// How many redirects are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// None: they are answers as any other.
    Shown,
    /// This many; one more is a fault.
    Most(u32),
    /// All of them.
    All,
}

/// To whom credentials go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The origin they were given for.
    Origin,
    /// Whoever a redirect leads to, too (`--location-trusted`).
    Anybody,
}

/// What is wanted of one URL.
#[derive(Debug)]
pub struct Wanted {
    /// The URL, with credentials in it where there are some.
    pub url: Url,
    /// The method.
    pub method: Method,
    /// The method was named (`-X`), and redirects do not change it.
    pub method_named: bool,
    /// Fields, in the order in which they go out.
    pub fields: Fields,
    /// Names of fields that a client would send by itself and that shall not go.
    pub omit: Vec<String>,
    /// The body.
    pub content: Content,
    /// Redirects.
    pub redirects: Redirects,
    /// To whom credentials go.
    pub credentials: Credentials,
    /// Codings are asked for and undone.
    pub decode: bool,
    /// How often passing faults are tried again.
    pub retries: u32,
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
    /// What went wrong.
    pub failure: Option<Failure>,
    /// The server has no ranges, so that what was begun could not be gone on with.
    pub no_ranges: bool,
}

impl Got {
    /// curl's exit code for it.
    pub fn exit_code(&self) -> u8 {
        /// `CURLE_RANGE_ERROR`
        const RANGE: u8 = 33;
        match &self.failure {
            Some(_) if self.no_ranges => RANGE,
            Some(failure) => failure.kind.exit_code(),
            None => 0,
        }
    }
}

/// A client for the URLs of one command, which share connections and cookies.
pub struct Session<W: Wire> {
    wire: W,
    client: Client<W>,
    options: Options,
    names: Rc<Names<W>>,
    trust: Trusted,
    cause: Option<EventId>,
}

/// How TLS is come by: when the first URL wants it, since a look at all that a platform trusts takes
/// longer than many an exchange.
pub type TrustMaker = Box<dyn FnOnce() -> Result<Tls, RunError>>;

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
        pins: Vec<Pin>,
        jar: Option<Jar>,
        trust: TrustMaker,
        cause: Option<EventId>,
    ) -> Self {
        let names = Rc::new(Names::new(wire.clone(), names, pins));
        let client =
            Client::new(wire.clone(), Rc::<Names<W>>::clone(&names), None, options.clone());
        let client = match jar {
            Some(jar) => client.with_cookies(jar),
            None => client,
        };
        Self { wire, client, options, names, trust: Trusted::NotYet(trust), cause }
    }

    /// The cookies there are now.
    pub fn cookies(&self) -> Option<Jar> {
        self.client.cookies()
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.client.close("all is done").await;
    }

    /// Gets one URL.
    ///
    /// # Errors
    /// When TLS cannot be set up. What goes wrong on the network stands in [`Got::failure`].
    pub async fn get(&mut self, wanted: &mut Wanted, sink: &mut dyn Sink) -> Result<Got, RunError> {
        let began = self.wire.now();
        let mut got = Got {
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
            failure: None,
            no_ranges: false,
        };
        loop {
            self.attempt(wanted, sink, &mut got).await?;
            got.ended = self.wire.now();
            let Some(failure) = got.failure.take_if(|_| got.retries < wanted.retries) else {
                return Ok(got);
            };
            // What went on to its reader cannot be taken back, and a stream is sent only once.
            let lost = got.body > 0 || wanted.content.is_spent();
            let Some(after) = pause(&failure.kind, &got).filter(|_| !lost) else {
                got.failure = Some(failure);
                return Ok(got);
            };
            sink.again(&failure.kind, after);
            got.retries += 1;
            got.redirects = 0;
            self.wire.sleep(after).await;
        }
    }

    /// One try, within its time.
    async fn attempt(
        &mut self,
        wanted: &mut Wanted,
        sink: &mut dyn Sink,
        got: &mut Got,
    ) -> Result<(), RunError> {
        let since = self.wire.now();
        let Some(limit) = wanted.limit else { return self.follow(wanted, sink, got).await };
        let late = pin!(self.wire.sleep(limit));
        let ended = match select(pin!(self.follow(wanted, sink, got)), late).await {
            Either::Left((ended, _)) => Some(ended),
            Either::Right(_) => None,
        };
        if let Some(ended) = ended {
            return ended;
        }
        let kind = FaultKind::TimedOut { limit, received: got.body };
        got.failure = Some(Failure {
            exchange: ExchangeId(0),
            connection: None,
            step: if got.status.is_some() { Step::Body } else { Step::Wait },
            since,
            cause: self.cause,
            kind,
        });
        Ok(())
    }

    /// The request, and those that redirects lead to.
    async fn follow(
        &mut self,
        wanted: &mut Wanted,
        sink: &mut dyn Sink,
        got: &mut Got,
    ) -> Result<(), RunError> {
        let mut hop = Hop::first(wanted);
        loop {
            if Origin::of(&hop.url).is_some_and(|origin| origin.scheme == Scheme::Https) {
                self.need_tls()?;
            }
            got.url.clone_from(&hop.url);
            got.method.clone_from(&hop.method);
            let request = hop.request(wanted, self.cause);
            got.uploaded = request.body.length().unwrap_or(0);
            let response = match self.client.send(request).await {
                Ok(response) => response,
                Err(failure) => {
                    got.failure = Some(failure);
                    return Ok(());
                }
            };
            got.status = Some(response.status);
            got.version = Some(response.version);
            got.fields = response.fields.clone();
            let next = hop.next(&response, wanted);
            match next {
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
                Next::Hop(next) => {
                    let limit = match wanted.redirects {
                        Redirects::Shown => Some(0),
                        Redirects::Most(most) => Some(most),
                        Redirects::All => None,
                    };
                    if !show_head(&response, sink, got, false) {
                        return Ok(());
                    }
                    if limit.is_some_and(|limit| got.redirects >= limit) {
                        let kind = FaultKind::TooManyRedirects {
                            limit: got.redirects,
                            last: next.url.to_string(),
                        };
                        got.redirect_url = Some(next.url);
                        got.failure = Some(response.failure(Step::Wait, kind));
                        return Ok(());
                    }
                    got.redirects += 1;
                    pass_over(response).await;
                    hop = *next;
                }
            }
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
        let retried = got.retries < wanted.retries && is_passing(status);
        if !show_head(&response, sink, got, failed.is_none() && !retried) {
            return;
        }
        if retried && failed.is_none() {
            let (status, reason) = (status.as_u16(), response.reason.clone());
            let kind = FaultKind::HttpStatus { status, reason, fail: false };
            got.failure = Some(response.failure(Step::Wait, kind));
            return pass_over(response).await;
        }
        if failed.is_some() && (retried || wanted.fail == Fail::WithoutBody) {
            got.failure = failed;
            return pass_over(response).await;
        }
        if let Some(kind) = unusable(&response, wanted) {
            got.failure = Some(response.failure(Step::Wait, kind));
            return;
        }
        if wanted.resume.is_some_and(|from| from > 0) {
            if status == StatusCode::RANGE_NOT_SATISFIABLE {
                // There is nothing after what is there already.
                return pass_over(response).await;
            }
            if status == StatusCode::OK {
                let why = "the server sent the whole body where only the rest was asked for".into();
                let kind = FaultKind::ReceiveFailed { why };
                got.no_ranges = true;
                got.failure = Some(response.failure(Step::Wait, kind));
                return;
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
        got.failure = failed;
    }

    fn need_tls(&mut self) -> Result<(), RunError> {
        if let Trusted::NotYet(make) = core::mem::replace(&mut self.trust, Trusted::Had) {
            let jar = self.client.cookies();
            let names = Rc::<Names<W>>::clone(&self.names);
            let client = Client::new(self.wire.clone(), names, Some(make()?), self.options.clone());
            self.client = match jar {
                Some(jar) => client.with_cookies(jar),
                None => client,
            };
        }
        Ok(())
    }
}

/// Hands a head on; `false` when it could not be written.
fn show_head<W: Wire>(
    response: &Response<W>,
    sink: &mut dyn Sink,
    got: &mut Got,
    last: bool,
) -> bool {
    let head = Head {
        version: response.version,
        status: response.status,
        reason: &response.reason,
        fields: &response.fields,
        expected: response.body.expected(),
        last,
    };
    got.head += bytes_of(&head).len() as u64;
    match sink.head(&head) {
        Ok(()) => true,
        Err(error) => {
            got.failure = Some(unwritten(response, sink, &error));
            false
        }
    }
}

/// A head as it stands on the wire, in HTTP/1's form.
pub fn bytes_of(head: &Head<'_>) -> Vec<u8> {
    let version = match head.version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    };
    let mut out = format!("{version} {} {}\r\n", head.status.as_str(), head.reason).into_bytes();
    for (name, value) in head.fields.iter() {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
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

async fn pass_over<W: Wire>(mut response: Response<W>) {
    while response.body.expected().unwrap_or(0).max(response.body.received()) <= PASS_OVER {
        match response.body.chunk().await {
            Some(Ok(_)) => {}
            _ => return,
        }
    }
}

/// One request of a chain.
struct Hop {
    url: Url,
    method: Method,
    fields: Fields,
    content: Sending,
}

/// Whether the body goes with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    Content,
    Nothing,
}

/// What follows an answer.
enum Next {
    /// Nothing; it names this place where it is a redirect that is not followed.
    Answer(Option<Url>),
    Hop(Box<Hop>),
    Fault(FaultKind),
}

impl Hop {
    fn first(wanted: &Wanted) -> Self {
        Self {
            url: wanted.url.clone(),
            method: wanted.method.clone(),
            fields: wanted.fields.clone(),
            content: Sending::Content,
        }
    }

    fn request(&self, wanted: &mut Wanted, cause: Option<EventId>) -> Request {
        let mut request = Request::new(self.method.clone(), self.url.clone());
        request.fields = self.fields.clone();
        request.omit.clone_from(&wanted.omit);
        if self.content == Sending::Content {
            request.body = wanted.content.body();
        }
        if request.body.length().is_none_or(|length| length > EXPECT_ABOVE)
            && !self.fields.contains("Expect")
            && !wanted.omit.iter().any(|name| name.eq_ignore_ascii_case("Expect"))
        {
            request.expect = Expect::Continue;
        }
        request.follow = Follow::No;
        request.decode = wanted.decode;
        request.keep_body = wanted.keep_body;
        request.cause = cause;
        request
    }

    /// What an answer leads to (RFC 9110 §15.4; methods as browsers and curl change them).
    fn next<W: Wire>(&self, response: &Response<W>, wanted: &Wanted) -> Next {
        let redirect = matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = response.fields.get("Location").filter(|_| redirect) else {
            return Next::Answer(None);
        };
        let location = String::from_utf8_lossy(location).into_owned();
        let target = self.url.join(&location);
        if wanted.redirects == Redirects::Shown {
            return Next::Answer(target.ok());
        }
        let bad =
            |why: String| Next::Fault(FaultKind::BadRedirect { location: location.clone(), why });
        let mut url = match target {
            Ok(url) => url,
            Err(error) => return bad(error.to_string()),
        };
        let Some(origin) = Origin::of(&url) else {
            return bad("neither http nor https".into());
        };
        if url.fragment().is_none() {
            url.set_fragment(self.url.fragment());
        }
        let mut fields = self.fields.clone();
        let same = Origin::of(&self.url).as_ref() == Some(&origin);
        if same || wanted.credentials == Credentials::Anybody {
            if url.username().is_empty() && !self.url.username().is_empty() {
                // It has a host, so neither can fail.
                let _ = url.set_username(self.url.username());
                let _ = url.set_password(self.url.password());
            }
        } else {
            for name in ["Authorization", "Cookie", "Host"] {
                fields.remove(name);
            }
        }
        let (mut method, mut content) = (self.method.clone(), self.content);
        let to_get = match response.status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => method == Method::POST,
            StatusCode::SEE_OTHER => !matches!(method, Method::GET | Method::HEAD),
            _ => false,
        };
        if to_get {
            if !wanted.method_named {
                method = Method::GET;
            }
            content = Sending::Nothing;
            for name in ["Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding"]
            {
                fields.remove(name);
            }
        }
        Next::Hop(Box::new(Self { url, method, fields, content }))
    }
}

/// Statuses that may be others a moment later: those that curl tries again.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// How long to wait before the next try; `None` where a fault will not pass.
fn pause(kind: &FaultKind, got: &Got) -> Option<Duration> {
    const MOST: Duration = Duration::from_mins(10);
    let passing = match kind {
        FaultKind::HttpStatus { .. } => got.status.is_some_and(is_passing),
        kind => kind.exit_code() == 28 || matches!(kind, FaultKind::NameTimedOut { .. }),
    };
    let asked = got.fields.text("Retry-After").and_then(|text| text.trim().parse().ok());
    let pause =
        asked.map_or_else(|| Duration::from_secs(1 << got.retries.min(10)), Duration::from_secs);
    passing.then(|| pause.min(MOST))
}
