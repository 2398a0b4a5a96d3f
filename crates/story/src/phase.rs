//! `Phase`: a stretch of an exchange's time, spent waiting for one thing.

use core::time::Duration;

use roundtrip_record::{EventId, Step};
use serde::Serialize;

use crate::loss::Losses;
use crate::span::Span;

/// What an exchange waits for, in the order in which the waits occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseKind {
    /// A turn in the queue: a connection, a more urgent exchange, or another exchange's
    /// handshake.
    Blocked,
    /// The name lookup.
    Name,
    /// The transport's handshake, with the resolution of the neighbour's address.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The sending of the request.
    Request,
    /// The first byte of the response.
    Wait,
    /// The last byte of the response.
    Body,
    /// Our own machine: what was waited for has come, but the exchange has not gone on yet.
    Here,
}

impl PhaseKind {
    /// All kinds, in order.
    pub const ALL: [Self; 8] = [
        Self::Blocked,
        Self::Name,
        Self::Connect,
        Self::Tls,
        Self::Request,
        Self::Wait,
        Self::Body,
        Self::Here,
    ];

    /// The kind's name, as every view shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Name => Step::Name.name(),
            Self::Connect => Step::Connect.name(),
            Self::Tls => Step::Tls.name(),
            Self::Request => Step::Request.name(),
            Self::Wait => Step::Wait.name(),
            Self::Body => Step::Body.name(),
            Self::Here => "here",
        }
    }
}

/// A stretch of an exchange's time, spent waiting for one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Phase {
    /// What was waited for.
    pub kind: PhaseKind,
    /// When the phase began and ended.
    #[serde(flatten)]
    pub span: Span,
    /// The event that ended the phase.
    pub event: Option<EventId>,
    /// The losses on the exchange's connection during this phase.
    #[serde(skip_serializing_if = "Losses::is_nothing")]
    pub lost: Losses,
}

impl Phase {
    /// How long the phase lasted.
    pub fn took(&self) -> Duration {
        self.span.took()
    }
}
