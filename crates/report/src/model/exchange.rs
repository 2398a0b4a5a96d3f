//! One request with its responses.

use core::time::Duration;

use roundtrip_record::{
    Blocks, ConnectAttempt, ConnectResult, ConnectionEnding, ConnectionId, EventId, ExchangeId,
    Initiator, LookupId, Priority, RequestSent, ResourceKind, ResponseEnded, ResponseHead, Step,
    Time,
};
use serde::Serialize;

use super::{At, Span, ms};

/// What an exchange waits for, in the order in which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseKind {
    /// In the queue: for a connection, for something more urgent, for another's handshake.
    Blocked,
    /// For the name.
    Name,
    /// For the TCP handshake.
    Connect,
    /// For the TLS handshake.
    Tls,
    /// For the request to be written.
    Request,
    /// For the first byte of the response.
    Wait,
    /// For the last one.
    Body,
}

impl PhaseKind {
    /// All, in order.
    pub const ALL: [Self; 7] = [
        Self::Blocked,
        Self::Name,
        Self::Connect,
        Self::Tls,
        Self::Request,
        Self::Wait,
        Self::Body,
    ];

    /// Its name in every view.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Name => Step::Name.name(),
            Self::Connect => Step::Connect.name(),
            Self::Tls => Step::Tls.name(),
            Self::Request => Step::Request.name(),
            Self::Wait => Step::Wait.name(),
            Self::Body => Step::Body.name(),
        }
    }
}

/// One of an exchange's phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Phase {
    /// Which.
    pub kind: PhaseKind,
    /// When.
    #[serde(flatten)]
    pub span: Span,
    /// The event that ended it.
    pub event: Option<EventId>,
}

impl Phase {
    /// How long it took.
    pub fn took(&self) -> Duration {
        self.span.took()
    }
}

/// A response's head, interim ones (1xx) included.
pub type Head = At<ResponseHead>;

/// A try to connect, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempted {
    /// When it began.
    #[serde(rename = "at_ms", serialize_with = "ms")]
    pub at: Time,
    /// Its event.
    pub event: EventId,
    /// Whereto.
    pub attempt: ConnectAttempt,
    /// How it ended; `None` while it had not.
    pub result: Option<At<ConnectResult>>,
}

/// One request with its responses, from wanted to the last byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// Its number.
    pub id: ExchangeId,
    /// The event that began it.
    pub event: EventId,
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// What for.
    pub kind: ResourceKind,
    /// How urgent.
    pub priority: Priority,
    /// Who wanted it.
    pub initiator: Initiator,
    /// What waits for it.
    pub blocks: Blocks,
    /// From wanted to over.
    #[serde(flatten)]
    pub span: Span,
    /// Its phases; those that did not happen are not there. They follow one another without a gap,
    /// but for connections that were opened before they were wanted.
    pub phases: Vec<Phase>,
    /// The lookup it made.
    pub lookup: Option<LookupId>,
    /// Its tries to connect.
    pub attempts: Vec<Attempted>,
    /// The connection it went over.
    pub connection: Option<ConnectionId>,
    /// The request.
    pub request: Option<At<RequestSent>>,
    /// The heads, the final one last.
    pub heads: Vec<Head>,
    /// The body.
    pub response: Option<At<ResponseEnded>>,
    /// What became of the connection.
    pub ending: Option<At<ConnectionEnding>>,
    /// The exchange a redirect led to.
    pub next: Option<ExchangeId>,
    /// Every byte that was promised arrived.
    pub complete: bool,
    /// Answered without a connection.
    pub from_cache: bool,
    /// It is over.
    pub over: bool,
}

impl Exchange {
    /// The final head.
    pub fn head(&self) -> Option<&Head> {
        self.heads.iter().rev().find(|head| !(100..200).contains(&head.what.status))
    }

    /// The final status.
    pub fn status(&self) -> Option<u16> {
        self.head().map(|head| head.what.status)
    }

    /// The phase of one kind.
    pub fn phase(&self, kind: PhaseKind) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.kind == kind)
    }

    /// How many exchanges its connection had carried before.
    pub fn reused(&self) -> u32 {
        self.request.as_ref().map_or(0, |request| request.what.reused)
    }

    /// Bytes of heads and body that came in.
    pub fn received(&self) -> u64 {
        let heads: u64 = self.heads.iter().map(|head| head.what.head_bytes).sum();
        heads + self.response.as_ref().map_or(0, |response| response.what.body.encoded)
    }

    /// Whether it brought what was wanted.
    pub fn succeeded(&self) -> bool {
        self.complete && self.status().is_some_and(|status| status < 400)
    }
}
