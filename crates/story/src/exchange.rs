//! `Exchange`: one request with its responses, its phases and everything it needed.

use core::time::Duration;

use roundtrip_record::{
    Blocks, CachedResponse, ConnectAttempt, ConnectResult, ConnectionEnding, ConnectionId, EventId,
    ExchangeId, ExchangeNote, ExchangeStarted, Initiator, LookupId, Priority, RequestSent,
    ResourceKind, ResponseEnded, ResponseHead, Side, Time, WebSocketEnded, WebSocketFrame,
};
use serde::Serialize;

use crate::phase::{Phase, PhaseKind};
use crate::span::{Span, Timed, ms};

/// A response's head, final or interim (1xx), with the time of its event.
pub type Head = Timed<ResponseHead>;

/// An attempt to connect, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionAttempt {
    /// When the attempt began.
    #[serde(rename = "at_ms", serialize_with = "ms")]
    pub at: Time,
    /// The event that began the attempt.
    pub event: EventId,
    /// What was attempted.
    pub attempt: ConnectAttempt,
    /// How the attempt ended; `None` if the record does not say.
    pub result: Option<Timed<ConnectResult>>,
}

/// A request to a proxy for a tunnel (`CONNECT`, RFC 9110 §9.3.6), and its responses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tunnel {
    /// The `CONNECT` request.
    pub request: Timed<RequestSent>,
    /// The heads of the proxy's responses, the final one last.
    pub heads: Vec<Head>,
}

impl Tunnel {
    /// The time from the request to the final response, where one came.
    pub fn span(&self) -> Span {
        let answered = self.heads.last().map_or(self.request.at, |head| head.at);
        Span::new(self.request.what.began, answered)
    }

    /// The status of the final response.
    pub fn status(&self) -> Option<u16> {
        self.heads.last().map(|head| head.what.status)
    }
}

/// One request with its responses, from wanted to the last byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// The exchange's id.
    pub id: ExchangeId,
    /// The event that began the exchange.
    pub event: EventId,
    /// The request method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// What the resource is for.
    pub kind: ResourceKind,
    /// How urgent the resource is.
    pub priority: Priority,
    /// What caused the exchange.
    pub initiator: Initiator,
    /// Which end of the exchange this is.
    pub side: Side,
    /// The exchange on whose behalf this one is made: a proxy's request to the server for the
    /// request it received.
    pub of: Option<ExchangeId>,
    /// The same exchange as the other end saw it, where the record has both ends.
    pub other: Option<ExchangeId>,
    /// How long the server itself took, where an imported recording states it.
    #[serde(skip)]
    pub server_think: Option<Duration>,
    /// What waits for the resource.
    pub blocks: Blocks,
    /// The whole time of the exchange, from wanted to ended.
    #[serde(flatten)]
    pub span: Span,
    /// The phases of the exchange, without those that did not occur. They follow one another
    /// without a gap and cover the whole span. One kind may occur several times.
    pub phases: Vec<Phase>,
    /// The lookup that was made for the exchange.
    pub lookup: Option<LookupId>,
    /// The tunnel that was first asked of a proxy.
    pub tunnel: Option<Tunnel>,
    /// The attempts to connect that were made for the exchange, or that led to its connection.
    pub attempts: Vec<ConnectionAttempt>,
    /// The connection that carried the exchange.
    pub connection: Option<ConnectionId>,
    /// The request.
    pub request: Option<Timed<RequestSent>>,
    /// The heads of the responses, the final one last.
    pub heads: Vec<Head>,
    /// The end of the response, with its body.
    pub response: Option<Timed<ResponseEnded>>,
    /// What a cache gave: the whole answer, or what a 304 response said is still good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<Timed<CachedResponse>>,
    /// The WebSocket frames that passed after the exchange, in order.
    #[serde(skip)]
    pub frames: Vec<Timed<WebSocketFrame>>,
    /// The end of the WebSocket connection that the exchange began.
    #[serde(skip)]
    pub websocket: Option<Timed<WebSocketEnded>>,
    /// What became of the connection after the exchange.
    pub ending: Option<Timed<ConnectionEnding>>,
    /// The exchange that followed this one: a redirect followed, or a retry.
    pub next: Option<ExchangeId>,
    /// Rules that messages broke, although they were accepted.
    pub notes: Vec<Timed<ExchangeNote>>,
    /// Whether it was retried: it was lost, or its answer may be another a moment later.
    pub retried: bool,
    /// Whether every byte that was promised arrived.
    pub complete: bool,
    /// Whether the response came from a cache, without a connection.
    pub from_cache: bool,
    /// Whether the exchange has ended.
    pub over: bool,
}

impl Exchange {
    /// An exchange of which only the event that began it is known.
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
            server_think: None,
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
            cached: None,
            frames: Vec::new(),
            websocket: None,
            ending: None,
            next: None,
            notes: Vec::new(),
            retried: false,
            complete: false,
            from_cache: false,
            over: false,
        }
    }

    /// The head of the final response; `None` if none came.
    pub fn head(&self) -> Option<&Head> {
        self.heads.iter().rev().find(|head| !is_interim(head.what.status))
    }

    /// Whether the server had more to say before the final response than that the request may go on (100).
    pub fn is_announced(&self) -> bool {
        self.heads.iter().any(|head| (102..200).contains(&head.what.status))
    }

    /// The status of the final response.
    pub fn status(&self) -> Option<u16> {
        self.head().map(|head| head.what.status)
    }

    /// The first phase of one kind.
    pub fn phase(&self, kind: PhaseKind) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.kind == kind)
    }

    /// The total time in phases of one kind; `None` where there is no such phase.
    pub fn spent(&self, kind: PhaseKind) -> Option<Duration> {
        let mut of_kind = self.phases.iter().filter(|phase| phase.kind == kind).peekable();
        of_kind.peek()?;
        Some(of_kind.map(Phase::took).sum())
    }

    /// The kind of phase with the longest total time; the earlier kind if two are equal.
    pub fn longest(&self) -> Option<(PhaseKind, Duration)> {
        let spent = PhaseKind::ALL.into_iter().filter_map(|kind| Some((kind, self.spent(kind)?)));
        spent.fold(None, |best, next| match best {
            Some((_, took)) if took >= next.1 => best,
            _ => Some(next),
        })
    }

    /// How many exchanges the connection had carried before.
    pub fn reused(&self) -> u32 {
        self.request.as_ref().map_or(0, |request| request.what.reused)
    }

    /// Bytes of response heads and body received, with the body's framing where it was counted.
    /// Resource Timing calls this `transferSize`, Chromium the encoded data length.
    pub fn received(&self) -> u64 {
        let heads: u64 = self.heads.iter().map(|head| head.what.head_bytes).sum();
        let body = self.response.as_ref().map(|response| &response.what.body);
        heads + body.map_or(0, |body| body.framed.unwrap_or(body.encoded))
    }

    /// Whether a complete response arrived, with a status below 400.
    pub fn succeeded(&self) -> bool {
        self.complete && self.status().is_some_and(|status| status < 400)
    }

    /// Whether it brought nothing and that was the end of it: a request that was lost or not taken up by
    /// the server, and that was sent again, has not failed (RFC 9113 §8.7), nor has one that the cache
    /// answered.
    pub fn failed(&self) -> bool {
        !self.succeeded() && !self.from_cache && !self.retried
    }
}

/// Whether another response follows one with this status: 101 is the last of its kind (RFC 9110 §15.2.2).
const fn is_interim(status: u16) -> bool {
    status >= 100 && status < 200 && status != 101
}
