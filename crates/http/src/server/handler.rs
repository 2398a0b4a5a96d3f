//! What answers requests.

use core::future::poll_fn;
use core::task::{Context, Poll};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{Method, StatusCode};
use roundtrip_record::{EventId, ExchangeId, Time};
use roundtrip_wire::LocalFuture;

use super::interim::Interim;
use super::response::Response;
use crate::body::{Body, Following};
use crate::message::{Authority, Fields, MessageError, RequestHead, TargetForm, authority};

/// Answers requests.
///
/// ```
/// use roundtrip_http::server::{Handler, Request, RequestBody, Response};
/// use roundtrip_wire::LocalFuture;
///
/// struct Hello;
///
/// impl Handler for Hello {
///     fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
///         let text = format!("You asked for {}\n", request.head.line.target);
///         Box::pin(async { Response::text(text) })
///     }
/// }
/// ```
pub trait Handler {
    /// Answers one request. `body` may be read now, or given on into the response's body; what is
    /// left of it when the response has been sent is passed over.
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response>;
}

/// A request whose head is complete and well formed.
#[derive(Clone, Debug)]
pub struct Request {
    /// Request line and fields.
    pub head: RequestHead,
    /// The address it came to.
    pub local: SocketAddr,
    /// The address it came from.
    pub peer: SocketAddr,
    /// Whether it came through TLS.
    pub secure: bool,
    /// When its head was complete.
    pub at: Time,
    /// The same by the calendar.
    pub wall: SystemTime,
    /// Sends interim responses before the response itself.
    pub interim: Interim,
    /// The exchange, at this end.
    pub exchange: ExchangeId,
    /// The event of its head.
    pub event: Option<EventId>,
}

impl Request {
    /// Whom it is for; `None` where an HTTP/1.0 request does not say.
    pub fn authority(&self) -> Option<Authority<'_>> {
        authority(&self.head).ok().flatten()
    }

    /// The path, still encoded.
    pub fn path(&self) -> &str {
        let path = self.head.line.path_and_query();
        match path.split(['?', '#']).next() {
            None | Some("") => "/",
            Some(path) => path,
        }
    }

    /// The request that a program's answer leads to on this same server (RFC 3875 §6.2.2): GET, without
    /// a body. `None` where the target is none.
    pub(crate) fn elsewhere(&self, target: &str) -> Option<Self> {
        let mut request = self.clone();
        target.clone_into(&mut request.head.line.target);
        if self.head.line.method != Method::HEAD {
            request.head.line.method = Method::GET;
        }
        for name in ["Content-Length", "Content-Type", "Transfer-Encoding", "Expect", "Range"] {
            request.head.fields.remove(name);
        }
        let plain = target.bytes().all(|byte| byte.is_ascii_graphic());
        (plain && request.head.line.form() == Some(TargetForm::Origin)).then_some(request)
    }

    /// What stands after the question mark, still encoded; empty where there is none.
    pub fn query(&self) -> &str {
        self.head.line.path_and_query().split_once('?').map_or("", |(_, query)| query)
    }
}

/// Why a request's body cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Its framing is broken.
    #[error(transparent)]
    Malformed(MessageError),
    /// It is larger than the limit.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// It stalled.
    #[error("the body stalled")]
    TimedOut,
    /// The connection is gone.
    #[error("the connection ended inside the body")]
    Gone,
    /// The request has been answered already.
    #[error("the request is over")]
    Over,
}

impl BodyError {
    /// The status that says so to the client.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed(error) => {
                StatusCode::from_u16(error.defect.status()).unwrap_or(StatusCode::BAD_REQUEST)
            }
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Gone | Self::Over => StatusCode::BAD_REQUEST,
        }
    }
}

/// A request's body, as it comes in. With it, reading begins: a client that waits to be told to go
/// on (`Expect: 100-continue`) is told so at the first read.
pub struct RequestBody {
    pub(crate) source: Rc<dyn BodySource>,
    /// Which request of its connection it belongs to.
    pub(crate) request: u32,
}

/// A connection, as a body sees it.
pub(crate) trait BodySource {
    fn poll_chunk(
        &self,
        request: u32,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>>;

    fn expected(&self, request: u32) -> Option<u64>;

    fn trailers(&self, request: u32) -> Fields;
}

/// Nothing.
struct Empty;

impl BodySource for Empty {
    fn poll_chunk(&self, _: u32, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        Poll::Ready(None)
    }

    fn expected(&self, _: u32) -> Option<u64> {
        Some(0)
    }

    fn trailers(&self, _: u32) -> Fields {
        Fields::new()
    }
}

impl RequestBody {
    /// That of a request without one.
    pub fn empty() -> Self {
        Self { source: Rc::new(Empty), request: 0 }
    }

    /// Its length, where the request told it; 0 where there is none.
    pub fn length(&self) -> Option<u64> {
        self.source.expected(self.request)
    }

    /// The trailer fields, once it has been read to its end; none before.
    pub fn trailers(&self) -> Fields {
        self.source.trailers(self.request)
    }

    /// The trailer fields, for whoever sends the body on and asks when it has ended.
    pub fn following(&self) -> Following {
        let (source, request) = (Rc::clone(&self.source), self.request);
        Following::new(move || source.trailers(request))
    }

    /// The next bytes; `None` at its end.
    ///
    /// # Errors
    /// When it cannot be read to its end; it will not get better.
    pub fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.source.poll_chunk(self.request, context)
    }

    /// The next bytes; `None` at its end.
    ///
    /// # Errors
    /// As [`RequestBody::poll_chunk`].
    pub async fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    /// Its pieces, as they come, as a body that is sent on.
    pub fn into_body(mut self) -> Body {
        match self.length() {
            Some(0) => Body::empty(),
            length => Body::stream(
                length,
                stream::poll_fn(move |context| {
                    let chunk = self.poll_chunk(context);
                    chunk.map(|chunk| chunk.map(|chunk| chunk.map_err(io::Error::other)))
                }),
            ),
        }
    }

    /// The same body, for another try to send it on: what was read of it is gone.
    pub(crate) fn again(&self) -> Self {
        Self { source: Rc::clone(&self.source), request: self.request }
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`RequestBody::poll_chunk`], and when there is more than `limit`.
    pub async fn bytes(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        if self.length().is_some_and(|length| length > limit as u64) {
            return Err(BodyError::TooLarge(limit as u64));
        }
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await {
            let chunk = chunk?;
            if all.len() + chunk.len() > limit {
                return Err(BodyError::TooLarge(limit as u64));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

impl core::fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RequestBody").field("length", &self.length()).finish_non_exhaustive()
    }
}
