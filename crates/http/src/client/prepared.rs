//! A request that is sent many times: written once.

use bytes::Bytes;
use http::{Method, StatusCode, Version};
use roundtrip_record::{FaultKind, Step};

use super::options::{KeepAlive, Options};
use super::origin::Origin;
use super::request::Request;
use crate::message::RequestHead;

/// A request as it goes out, for as many times as it is sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(crate) method: Method,
    /// Head and body as HTTP/1 has them.
    pub(crate) bytes: Bytes,
    /// The head as HTTP/2 takes it.
    pub(crate) head: RequestHead,
    pub(crate) body: Bytes,
    /// Whether it asks that the connection ends with it.
    pub(crate) closes: bool,
}

impl Prepared {
    /// Writes a request down for a client with these options. Its body has to lie in memory in one piece.
    ///
    /// # Errors
    /// When the URL leads nowhere, or the body is a file or a stream.
    pub fn new(request: &Request, options: &Options) -> Result<Self, FaultKind> {
        let bad = |why: &str| FaultKind::BadUrl { url: request.url.to_string(), why: why.into() };
        let origin = Origin::of(&request.url)
            .ok_or_else(|| bad("neither http nor https, or without a host"))?;
        let body = match request.body.as_bytes() {
            Some(bytes) => bytes.clone(),
            None if request.body.is_empty() => Bytes::new(),
            None => {
                let why = "a body that is sent many times has to lie in memory".into();
                return Err(FaultKind::SendFailed { why });
            }
        };
        let closes = options.keep_alive == KeepAlive::Off;
        let proxy = options.proxies.via(&origin).carrier();
        let version = options.version.min(Version::HTTP_11);
        let mut bytes = Vec::with_capacity(512 + body.len());
        request.head(&origin, &options.user_agent, version, closes, proxy).encode(&mut bytes);
        bytes.extend_from_slice(&body);
        let head = request.head(&origin, &options.user_agent, Version::HTTP_2, false, None);
        Ok(Self { method: request.method.clone(), bytes: bytes.into(), head, body, closes })
    }
}

/// What was answered to a [`Prepared`] request, to the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: StatusCode,
    /// Bytes of the body, without framing, as they were coded.
    pub body: u64,
    /// The connection can carry another request.
    pub keeps: bool,
}

/// Why a [`Prepared`] request was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The step in which it showed.
    pub step: Step,
    /// What was seen.
    pub kind: FaultKind,
    /// The connection had carried others, and was lost before any byte of an answer: it may have been
    /// closed before the request came (RFC 9112 §9.3.1).
    pub stale: bool,
}
