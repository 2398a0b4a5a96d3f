//! `Stored`: an answer that a cache gives, in place of a server or after it.

use core::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Version};
use roundtrip_record::{CachedResponse, EventId};
use roundtrip_wire::Wire;

use super::exchange::Exchange;
use crate::coding::content_codings;
use crate::message::{Fields, version_text};

/// An answer as a cache keeps it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The version it was sent in.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// The reason phrase.
    pub reason: String,
    /// The fields.
    pub fields: Fields,
    /// The body, its content codings undone.
    pub content: Bytes,
    /// How old it is (RFC 9111 §4.2.3).
    pub age: Duration,
    /// How old it may become before its server has to be asked again (RFC 9111 §4.2.1); `None`: as old as
    /// it gets.
    pub lifetime: Option<Duration>,
}

impl Stored {
    /// The media type without parameters, in lower case.
    pub(crate) fn media_type(&self) -> Option<String> {
        self.fields.text("Content-Type").map(crate::media::essence)
    }

    /// Reports that a cache gave it for an exchange. `keeps` says whether the record keeps the body,
    /// `validated` whether the server was asked before. Gives the event, or the cause where nothing is
    /// recorded.
    pub(crate) fn report<W: Wire>(
        &self,
        exchange: &Exchange<W>,
        cause: Option<EventId>,
        keeps: bool,
        validated: bool,
    ) -> Option<EventId> {
        let content = if keeps { exchange.shared.wire.log().body(&self.content) } else { None };
        let event = exchange.reporter.cached(cause, |exchange| CachedResponse {
            exchange,
            validated,
            version: version_text(self.version).into(),
            status: self.status.as_u16(),
            reason: self.reason.clone(),
            fields: self.fields.to_record(),
            age: self.age.as_secs(),
            lifetime: self.lifetime.map(|lifetime| lifetime.as_secs()),
            decoded: self.content.len() as u64,
            codings: content_codings(&self.fields),
            content,
            media_type: self.media_type(),
        });
        event.or(cause)
    }
}
