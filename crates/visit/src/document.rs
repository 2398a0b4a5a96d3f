//! The document of a page: what there is of it before its first byte.

use roundtrip_http::client::Response;
use roundtrip_record::{EventId, ExchangeId, Time};
use roundtrip_wire::Wire;
use url::Url;

/// Whether a response is a page: HTML by its type, or without one.
pub(crate) fn is_page<W: Wire>(response: &Response<W>) -> bool {
    match response.media_type() {
        None => true,
        Some(kind) => matches!(kind, "text/html" | "application/xhtml+xml"),
    }
}

/// The document of a page, as far as it is known before its first byte.
pub(crate) struct Document {
    pub(crate) exchange: ExchangeId,
    /// Its URL, unless a redirect follows.
    pub(crate) url: Url,
    /// When a head of its answer came.
    pub(crate) at: Time,
    /// The event of that head.
    pub(crate) event: Option<EventId>,
}

impl Document {
    /// That of an answer whose head is there.
    pub(crate) fn of<W: Wire>(response: &Response<W>) -> Self {
        let Response { exchange, url, at, event, .. } = response;
        Self { exchange: *exchange, url: url.clone(), at: *at, event: *event }
    }
}
