//! `Given`: what a recorded client was given for a request, by a server or by its own cache.

use std::borrow::Cow;

use roundtrip_record::{Body, CachedResponse, Field, Framing, HttpVersion};
use roundtrip_story::Exchange;

/// What a recorded client was given for a request: what the server said, or what a cache had, where the
/// server said that this is still good (304) or was not asked.
pub(crate) struct Given<'a> {
    pub(crate) version: &'a HttpVersion,
    pub(crate) status: u16,
    pub(crate) reason: &'a str,
    pub(crate) fields: &'a [Field],
    pub(crate) body: Option<Cow<'a, Body>>,
    /// A cache gave the body.
    pub(crate) from_cache: bool,
}

impl<'a> Given<'a> {
    /// Of an exchange; `None` where nothing was given.
    pub(crate) fn of(exchange: &'a Exchange) -> Option<Self> {
        if let Some(cached) = &exchange.cached {
            return Some(Self::cached(&cached.what));
        }
        let head = &exchange.head()?.what;
        let response = exchange.response.as_ref();
        Some(Self {
            version: &head.version,
            status: head.status,
            reason: &head.reason,
            fields: &head.fields,
            body: response.map(|response| Cow::Borrowed(&response.what.body)),
            from_cache: false,
        })
    }

    fn cached(cached: &'a CachedResponse) -> Self {
        let length =
            cached.fields.iter().find(|field| field.0.eq_ignore_ascii_case("content-length"));
        let length = length.and_then(|field| field.1.trim().parse().ok());
        // How it was coded, a cache does not tell; what was not coded had its own length.
        let encoded = length.unwrap_or(cached.decoded);
        let body = Body {
            framing: length.map_or(Framing::Chunked, Framing::Length),
            encoded,
            framed: None,
            decoded: cached.decoded,
            codings: cached.codings.clone(),
            content: cached.content.clone(),
            cut: None,
        };
        Self {
            version: &cached.version,
            status: cached.status,
            reason: &cached.reason,
            fields: &cached.fields,
            body: Some(Cow::Owned(body)),
            from_cache: true,
        }
    }
}
