//! The phases into which the time of an exchange is cut.

use core::time::Duration;

use roundtrip_record::{AttemptEnd, EventId, NeighbourState, RequestSent, Step, Time};
use serde::Serialize;

use crate::connection::Connection;
use crate::exchange::{Attempted, Exchange};
use crate::lookup::Lookup;
use crate::loss::Losses;
use crate::span::{At, Span};
use crate::stamps::Stamps;
use crate::story::Story;

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

/// Cuts the time of an exchange into phases, added in order of time; gaps between them are filled.
struct Cutter {
    whole: Span,
    cursor: Time,
    phases: Vec<Phase>,
}

impl Cutter {
    fn new(whole: Span) -> Self {
        Self { whole, cursor: whole.start, phases: Vec::new() }
    }

    /// Adds a phase; time before it that belongs to no phase gets the kind `gap`.
    fn push(&mut self, kind: PhaseKind, gap: PhaseKind, span: Span, event: Option<EventId>) {
        let span = span.within(Span::new(self.cursor, self.whole.end.max(self.cursor)));
        self.fill(gap, span.start);
        self.phases.push(Phase { kind, span, event, lost: Losses::default() });
        self.cursor = span.end;
    }

    /// Adds a phase of this kind from the last phase's end up to `until`.
    fn fill(&mut self, kind: PhaseKind, until: Time) {
        let until = until.min(self.whole.end);
        if until > self.cursor {
            let span = Span::new(self.cursor, until);
            self.phases.push(Phase { kind, span, event: None, lost: Losses::default() });
            self.cursor = until;
        }
    }
}

/// Cuts the time of an exchange into its phases.
pub(crate) fn phases(exchange: &Exchange, lookup: Option<&Lookup>, story: &Story) -> Vec<Phase> {
    let connection = exchange.connection.and_then(|id| story.connection(id));
    let stamps = Stamps::of(exchange, connection, story);
    let mut cutter = Cutter::new(exchange.span);
    let request = exchange.request.as_ref();
    let sending = request.map_or(exchange.span.end, |request| request.what.began);
    let queue = Span::new(exchange.span.start, sending);
    // Before its own first step, an exchange waits for its turn; between its steps, only our
    // machine is at work.
    let mut gap = PhaseKind::Blocked;
    if let Some(lookup) = lookup {
        name(&mut cutter, lookup, queue);
        gap = PhaseKind::Here;
    }
    // On a connection that carried exchanges before, the handshakes belonged to the first of them.
    if exchange.reused() == 0 {
        if let Some(handshake) = Handshake::of(exchange, connection, story) {
            handshake.push(&mut cutter, gap, queue);
            gap = PhaseKind::Here;
        }
        // The tunnel through a proxy is part of connecting to the server.
        if let Some(tunnel) = &exchange.tunnel {
            let event = tunnel.heads.last().map(|head| head.event);
            cutter.push(PhaseKind::Connect, gap, tunnel.span().within(queue), event);
            gap = PhaseKind::Here;
        }
        if let Some(connection) = connection
            && let Some(started) = &connection.tls_started
            && started.at < sending
        {
            let done = connection.tls.as_ref().map_or(sending, |done| done.at).min(sending);
            let event = connection.tls.as_ref().map_or(started.event, |done| done.event);
            let arrived = stamps.handshake_done.unwrap_or(done).clamp(started.at, done);
            let span = Span::new(started.at, arrived).within(queue);
            cutter.push(PhaseKind::Tls, gap, span, Some(event));
            cutter.fill(PhaseKind::Here, done);
            gap = PhaseKind::Here;
        }
    }
    if let Some(request) = request {
        // The exchange waits for a connection that was opened for another.
        if !(exchange.reused() == 0 && owns_handshake(exchange)) {
            gap = PhaseKind::Blocked;
        }
        transfer(&mut cutter, exchange, request, gap, &stamps);
    } else if !exchange.from_cache {
        cutter
            .fill(if gap == PhaseKind::Here { last_step(&cutter) } else { gap }, exchange.span.end);
    }
    for phase in &mut cutter.phases {
        if !matches!(phase.kind, PhaseKind::Blocked | PhaseKind::Name | PhaseKind::Here) {
            phase.lost =
                connection.map_or_else(Losses::default, |of| Losses::during(of, phase.span));
        }
    }
    cutter.phases
}

/// The kind of phase in which an exchange ended that never sent its request.
fn last_step(cutter: &Cutter) -> PhaseKind {
    let last = cutter.phases.iter().rev().find(|phase| phase.kind != PhaseKind::Here);
    last.map_or(PhaseKind::Blocked, |phase| phase.kind)
}

fn owns_handshake(exchange: &Exchange) -> bool {
    exchange.attempts.iter().any(|attempted| attempted.attempt.exchange == Some(exchange.id))
}

/// Adds the lookup: the wait for its sources, and our own machine's time before and after.
fn name(cutter: &mut Cutter, lookup: &Lookup, queue: Span) {
    let end = if lookup.over { lookup.span.end } else { queue.end };
    let whole = Span::new(lookup.span.start, end);
    let event = lookup.end_event.or(Some(lookup.event));
    cutter.fill(PhaseKind::Blocked, whole.within(queue).start);
    cutter.push(PhaseKind::Name, PhaseKind::Here, lookup.waited(whole).within(queue), event);
    cutter.fill(PhaseKind::Here, end.min(queue.end));
}

/// Adds the phases of request, wait and body.
fn transfer(
    cutter: &mut Cutter,
    exchange: &Exchange,
    request: &At<RequestSent>,
    gap: PhaseKind,
    stamps: &Stamps,
) {
    let began = request.what.began;
    let departed = stamps.departed.unwrap_or(request.at).max(began);
    cutter.push(PhaseKind::Request, gap, Span::new(began, departed), Some(request.event));
    let head = exchange.head();
    let read = head.map_or(exchange.span.end, |head| head.what.first_byte);
    let arrived = stamps.first_byte.unwrap_or(read).clamp(departed.min(read), read);
    let wait = Span::new(departed, arrived);
    cutter.push(PhaseKind::Wait, PhaseKind::Wait, wait, head.map(|head| head.event));
    if head.is_some() {
        cutter.fill(PhaseKind::Here, read);
        let end = exchange.span.end;
        let last = stamps.last_byte.unwrap_or(end).clamp(read.min(end), end);
        let event = exchange.response.as_ref().map(|response| response.event);
        cutter.push(PhaseKind::Body, PhaseKind::Here, Span::new(read, last), event);
        cutter.fill(PhaseKind::Here, end);
    }
}

/// The transport's handshake, from the first attempt to connect to the one that succeeded, or else
/// to the last that failed.
struct Handshake {
    whole: Span,
    event: Option<EventId>,
    /// Of the attempt that succeeded: when it began, when its SYN left, when the answer to that
    /// arrived.
    won: Option<(Time, Time, Time)>,
}

impl Handshake {
    fn of(exchange: &Exchange, connection: Option<&Connection>, story: &Story) -> Option<Self> {
        let Some(first) = exchange.attempts.first() else {
            let span = connection?.client.as_ref()?.handshake()?;
            return Some(Self { whole: span, event: None, won: None });
        };
        let results = exchange
            .attempts
            .iter()
            .filter_map(|attempted| attempted.result.as_ref().map(|result| (attempted, result)));
        let won = results.clone().find(|(_, result)| result.what.end == AttemptEnd::Connected);
        let last = won.or_else(|| results.max_by_key(|(_, result)| result.at));
        let open = exchange.attempts.iter().any(|attempted| attempted.result.is_none());
        let end = match last {
            // If none succeeded and one is still open, the handshake lasted until the exchange ended.
            Some((_, result)) if won.is_some() || !open => result.at,
            _ => exchange.span.end,
        };
        let event = last.map_or(first.event, |(_, result)| result.event);
        let stamps = won.and_then(|(attempted, _)| passed(attempted, connection, story));
        Some(Self { whole: Span::new(first.at, end), event: Some(event), won: stamps })
    }

    /// Adds the handshake's phases.
    fn push(&self, cutter: &mut Cutter, gap: PhaseKind, queue: Span) {
        let whole = self.whole.within(queue);
        let Some((began, sent, answered)) = self.won else {
            return cutter.push(PhaseKind::Connect, gap, whole, self.event);
        };
        let before = Span::new(whole.start, began.min(whole.end));
        if before.took().is_zero() {
            cutter.fill(gap, whole.start);
        } else {
            cutter.push(PhaseKind::Connect, gap, before, self.event);
        }
        cutter.fill(PhaseKind::Here, sent.min(whole.end));
        let span = Span::new(sent, answered).within(whole);
        cutter.push(PhaseKind::Connect, PhaseKind::Here, span, self.event);
        cutter.fill(PhaseKind::Here, whole.end);
    }
}

/// When a successful attempt began, when its first SYN left, and when the answer arrived, where the
/// answer was seen. If the neighbour's address had to be resolved first, the SYN counts as having
/// left when the attempt began, since that time is the network's.
fn passed(
    attempted: &Attempted,
    connection: Option<&Connection>,
    story: &Story,
) -> Option<(Time, Time, Time)> {
    let result = attempted.result.as_ref()?;
    let end = connection.and_then(|connection| connection.client.as_ref());
    let (seen_sent, seen_answered) = end.map_or((None, None), crate::stamps::handshake);
    let answered = result.what.syn_ack.or(seen_answered)?;
    let span = Span::new(attempted.at, result.at);
    if !span.contains(answered) {
        return None;
    }
    let asked = |at: Time| at >= attempted.at && at <= answered;
    let neighbour = story.neighbours.iter().any(|(host, change)| {
        *host == story.client() && asked(change.at) && change.what.to == NeighbourState::Incomplete
    });
    let sent = result.what.syn_sent.or(seen_sent).filter(|sent| asked(*sent) && !neighbour);
    Some((attempted.at, sent.unwrap_or(attempted.at), answered))
}
