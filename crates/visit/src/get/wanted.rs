//! What is wanted of one URL.

use core::time::Duration;
use std::fs::File;
use std::io;
use std::time::SystemTime;

use bytes::Bytes;
use http::Method;
use roundtrip_fetch::{Retries, Rules};
use roundtrip_http::Body;
use roundtrip_http::client::{Decode, Expect, Order, Request};
use roundtrip_http::message::Fields;
use roundtrip_record::{EventId, Initiator};
use url::Url;

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

    pub(super) fn body(&mut self) -> Body {
        let again = self.0.as_ref().and_then(Body::again);
        again.or_else(|| self.0.take()).unwrap_or_default()
    }

    pub(super) fn is_spent(&self) -> bool {
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
    /// Fields that follow from what is asked for; those above stand in their place.
    pub derived: Fields,
    /// What stands in the request line of the first request in place of the URL's path and query.
    pub target: Option<String>,
    /// Names of fields that a client would send by itself and that shall not go.
    pub omit: Vec<String>,
    /// The body.
    pub content: Content,
    /// It is a file (`-T`).
    pub sends_file: bool,
    /// What redirects make of it.
    pub rules: Rules,
    /// Codings are asked for and undone.
    pub decode: Decode,
    /// What is tried again.
    pub retries: Retries,
    /// Time for each try, all redirects together.
    pub limit: Option<Duration>,
    /// How fast the body is taken, in bytes a second.
    pub rate: Option<u64>,
    /// Bytes that the body may have.
    pub max_bytes: Option<u64>,
    /// A status of 400 or more is a fault.
    pub fail: Fail,
    /// An answer that does not meet it is as good as none: its body is left out.
    pub condition: Option<Condition>,
    /// The body must begin at this offset (`-C`): an answer that is not 206 cannot be used.
    pub resume: Option<u64>,
    /// Bodies go into the record.
    pub keep_body: bool,
}

impl Wanted {
    /// Whether it has a body.
    pub fn sends_something(&self) -> bool {
        self.content.0.as_ref().is_some_and(|body| !body.is_empty())
    }

    /// The first request of a try.
    pub(super) fn request(&mut self, initiator: Initiator, cause: Option<EventId>) -> Request {
        let mut request = Request::new(self.method.clone(), self.url.clone());
        request.fields = self.fields.clone();
        request.derived = self.derived.clone();
        request.order = Order::Curl;
        request.target.clone_from(&self.target);
        request.omit.clone_from(&self.omit);
        request.body = self.content.body();
        let length = request.body.length();
        // A file waits to be asked for however long it is, as in curl 7.88.
        let least = if self.sends_file { 0 } else { EXPECT_ABOVE };
        let long = length.is_none_or(|length| length > least);
        if request.fields.has("Expect", "100-continue") {
            request.expect = Expect::Continue;
        }
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

/// A date that decides whether a body is wanted (curl's `-z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The date.
    pub at: SystemTime,
    /// What is not newer than it is wanted, rather than what is newer.
    pub older: bool,
}

impl Condition {
    /// Whether it rules an answer out, by its Last-Modified. A server that knows the condition answers
    /// otherwise itself; others send everything.
    pub(super) fn rules_out(&self, fields: &Fields) -> bool {
        let date = fields.text("Last-Modified").and_then(roundtrip_fetch::parse_date);
        date.is_some_and(|date| if self.older { date > self.at } else { date <= self.at })
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
