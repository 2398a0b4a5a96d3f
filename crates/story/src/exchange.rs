//! One request with its responses.

use core::time::Duration;

use roundtrip_record::{
    Blocks, ConnectAttempt, ConnectResult, ConnectionEnding, ConnectionId, EventId, ExchangeId,
    ExchangeNote, ExchangeStarted, Initiator, LookupId, Priority, RequestSent, ResourceKind,
    ResponseEnded, ResponseHead, Side, Time, Transport,
};
use serde::Serialize;

use crate::phase::{Phase, PhaseKind};
use crate::span::{At, Span, ms};

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

/// A request to a proxy to pass bytes on (RFC 9110 §9.3.6), and its answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tunnel {
    /// The `CONNECT` request.
    pub request: At<RequestSent>,
    /// The heads that came back, the final one last.
    pub heads: Vec<Head>,
}

impl Tunnel {
    /// From the request to the final answer, where one came.
    pub fn span(&self) -> Span {
        let answered = self.heads.last().map_or(self.request.at, |head| head.at);
        Span::new(self.request.what.began, answered)
    }

    /// The status of the final answer.
    pub fn status(&self) -> Option<u16> {
        self.heads.last().map(|head| head.what.status)
    }
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
    /// Which end of it this is.
    pub side: Side,
    /// The exchange it carries out for somebody: a proxy's request for the one it received.
    pub of: Option<ExchangeId>,
    /// The other end of it, where the record has that too.
    pub other: Option<ExchangeId>,
    /// What waits for it.
    pub blocks: Blocks,
    /// From wanted to over.
    #[serde(flatten)]
    pub span: Span,
    /// Its phases; those that did not happen are not there. They follow one another without a gap
    /// and cover the whole of its span. One kind may come several times.
    pub phases: Vec<Phase>,
    /// The lookup it made.
    pub lookup: Option<LookupId>,
    /// What was asked of a proxy first, so that it passes bytes on.
    pub tunnel: Option<Tunnel>,
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
    /// The exchange that followed it: a redirect, or a try again.
    pub next: Option<ExchangeId>,
    /// What broke a rule and was taken all the same.
    pub notes: Vec<At<ExchangeNote>>,
    /// Every byte that was promised arrived.
    pub complete: bool,
    /// Answered without a connection.
    pub from_cache: bool,
    /// It is over.
    pub over: bool,
}

impl Exchange {
    /// An exchange of which no more is known than that it was wanted.
    pub(crate) fn wanted(at: Time, event: EventId, started: &ExchangeStarted) -> Self {
        Self {
            id: started.exchange,
            event,
            method: started.method.clone(),
            url: started.url.clone(),
            kind: started.kind,
            priority: started.priority,
            initiator: started.initiator.clone(),
            side: started.side,
            of: started.of,
            other: None,
            blocks: Blocks::Nothing,
            span: Span::new(at, at),
            phases: Vec::new(),
            lookup: None,
            tunnel: None,
            attempts: Vec::new(),
            connection: None,
            request: None,
            heads: Vec::new(),
            response: None,
            ending: None,
            next: None,
            notes: Vec::new(),
            complete: false,
            from_cache: false,
            over: false,
        }
    }

    /// The final head.
    pub fn head(&self) -> Option<&Head> {
        self.heads.iter().rev().find(|head| !(100..200).contains(&head.what.status))
    }

    /// The final status.
    pub fn status(&self) -> Option<u16> {
        self.head().map(|head| head.what.status)
    }

    /// The first phase of one kind.
    pub fn phase(&self, kind: PhaseKind) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.kind == kind)
    }

    /// All the time it spent in phases of one kind; `None` where it had none of them.
    pub fn spent(&self, kind: PhaseKind) -> Option<Duration> {
        let mut of_kind = self.phases.iter().filter(|phase| phase.kind == kind).peekable();
        of_kind.peek()?;
        Some(of_kind.map(Phase::took).sum())
    }

    /// The phase that took longest, all of one kind taken together; among equals the first.
    pub fn longest(&self) -> Option<(PhaseKind, Duration)> {
        let spent = PhaseKind::ALL.into_iter().filter_map(|kind| Some((kind, self.spent(kind)?)));
        spent.fold(None, |best, next| match best {
            Some((_, took)) if took >= next.1 => best,
            _ => Some(next),
        })
    }

    /// What carried its connection; `None` before it had one.
    pub fn transport(&self) -> Option<Transport> {
        self.request.as_ref().map(|request| request.what.transport)
    }

    /// The stream it had on a connection that has streams.
    pub fn stream(&self) -> Option<u64> {
        let asked = self.request.as_ref().and_then(|request| request.what.stream);
        asked.or_else(|| self.head()?.what.stream)
    }

    /// How many exchanges its connection had carried before.
    pub fn reused(&self) -> u32 {
        self.request.as_ref().map_or(0, |request| request.what.reused)
    }

    /// Bytes of heads and body that came in, the body's framing included where it was counted: what
    /// Resource Timing calls `transferSize` and Chromium the encoded data length.
    pub fn received(&self) -> u64 {
        let heads: u64 = self.heads.iter().map(|head| head.what.head_bytes).sum();
        let body = self.response.as_ref().map(|response| &response.what.body);
        heads + body.map_or(0, |body| body.framed.unwrap_or(body.encoded))
    }

    /// Whether it brought what was wanted.
    pub fn succeeded(&self) -> bool {
        self.complete && self.status().is_some_and(|status| status < 400)
    }
}
