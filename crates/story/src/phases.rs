//! Cuts the time of an exchange into its phases.

use roundtrip_record::{AttemptEnd, EventId, NeighbourState, RequestSent, Time};

use crate::byte_times::ByteTimes;
use crate::connection::Connection;
use crate::exchange::{ConnectionAttempt, Exchange};
use crate::lookup::Lookup;
use crate::loss::Losses;
use crate::phase::{Phase, PhaseKind};
use crate::span::{Span, Timed};
use crate::story::Story;

/// Cuts the time of an exchange into phases, added in order of time; gaps between them are filled.
struct PhaseBuilder {
    whole: Span,
    cursor: Time,
    phases: Vec<Phase>,
}

impl PhaseBuilder {
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
    let byte_times = ByteTimes::of(exchange, connection, story);
    let mut builder = PhaseBuilder::new(exchange.span);
    let request = exchange.request.as_ref();
    let sending = request.map_or(exchange.span.end, |request| request.what.began);
    let queue = Span::new(exchange.span.start, sending);
    // Before its own first step, an exchange waits for its turn; between its steps, only our
    // machine is at work.
    let mut gap = PhaseKind::Blocked;
    if let Some(lookup) = lookup {
        name(&mut builder, lookup, queue);
        gap = PhaseKind::Here;
    }
    // On a connection that carried exchanges before, the handshakes belonged to the first of them.
    if exchange.reused() == 0 {
        if let Some(handshake) = Handshake::of(exchange, connection, story) {
            handshake.push(&mut builder, gap, queue);
            gap = PhaseKind::Here;
        }
        // The tunnel through a proxy is part of connecting to the server.
        if let Some(tunnel) = &exchange.tunnel {
            let event = tunnel.heads.last().map(|head| head.event);
            builder.push(PhaseKind::Connect, gap, tunnel.span().within(queue), event);
            gap = PhaseKind::Here;
        }
        if let Some(connection) = connection
            && let Some(started) = &connection.tls_started
            && started.at < sending
        {
            // In a recording of another program the clock may have been set back meanwhile.
            let done = connection.tls.as_ref().map_or(sending, |done| done.at);
            let done = done.clamp(started.at, sending);
            let event = connection.tls.as_ref().map_or(started.event, |done| done.event);
            let arrived = byte_times.handshake_done.unwrap_or(done).clamp(started.at, done);
            let span = Span::new(started.at, arrived).within(queue);
            builder.push(PhaseKind::Tls, gap, span, Some(event));
            builder.fill(PhaseKind::Here, done);
            gap = PhaseKind::Here;
        }
    }
    if let Some(request) = request {
        // The exchange waits for a connection that was opened for another.
        if !(exchange.reused() == 0 && owns_handshake(exchange)) {
            gap = PhaseKind::Blocked;
        }
        transfer(&mut builder, exchange, request, gap, &byte_times);
    } else if !exchange.from_cache {
        builder.fill(
            if gap == PhaseKind::Here { last_step(&builder) } else { gap },
            exchange.span.end,
        );
    }
    for phase in &mut builder.phases {
        if !matches!(phase.kind, PhaseKind::Blocked | PhaseKind::Name | PhaseKind::Here) {
            phase.lost =
                connection.map_or_else(Losses::default, |of| Losses::during(of, phase.span));
        }
    }
    builder.phases
}

/// The kind of phase in which an exchange ended that never sent its request.
fn last_step(builder: &PhaseBuilder) -> PhaseKind {
    let last = builder.phases.iter().rev().find(|phase| phase.kind != PhaseKind::Here);
    last.map_or(PhaseKind::Blocked, |phase| phase.kind)
}

fn owns_handshake(exchange: &Exchange) -> bool {
    exchange.attempts.iter().any(|attempted| attempted.attempt.exchange == Some(exchange.id))
}

/// Adds the lookup: the wait for its sources, and our own machine's time before and after.
fn name(builder: &mut PhaseBuilder, lookup: &Lookup, queue: Span) {
    let end = if lookup.over { lookup.span.end } else { queue.end };
    let whole = Span::new(lookup.span.start, end);
    let event = lookup.end_event.or(Some(lookup.event));
    builder.fill(PhaseKind::Blocked, whole.within(queue).start);
    builder.push(PhaseKind::Name, PhaseKind::Here, lookup.waited(whole).within(queue), event);
    builder.fill(PhaseKind::Here, end.min(queue.end));
}

/// Adds the phases of request, wait and body.
fn transfer(
    builder: &mut PhaseBuilder,
    exchange: &Exchange,
    request: &Timed<RequestSent>,
    gap: PhaseKind,
    byte_times: &ByteTimes,
) {
    let began = request.what.began;
    let departed = byte_times.departed.unwrap_or(request.at).max(began);
    builder.push(PhaseKind::Request, gap, Span::new(began, departed), Some(request.event));
    let head = exchange.head();
    let read = head.map_or(exchange.span.end, |head| head.what.first_byte);
    let arrived = byte_times.first_byte.unwrap_or(read).clamp(departed.min(read), read);
    let wait = Span::new(departed, arrived);
    builder.push(PhaseKind::Wait, PhaseKind::Wait, wait, head.map(|head| head.event));
    if head.is_some() {
        builder.fill(PhaseKind::Here, read);
        let end = exchange.span.end;
        // For the rest of a body that did not come whole, it was waited to the end.
        let last = byte_times.last_byte.filter(|_| exchange.complete).unwrap_or(end);
        let last = last.clamp(read.min(end), end);
        let event = exchange.response.as_ref().map(|response| response.event);
        builder.push(PhaseKind::Body, PhaseKind::Here, Span::new(read, last), event);
        builder.fill(PhaseKind::Here, end);
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
        let byte_times = won.and_then(|(attempted, _)| passed(attempted, connection, story));
        Some(Self { whole: Span::new(first.at, end), event: Some(event), won: byte_times })
    }

    /// Adds the handshake's phases.
    fn push(&self, builder: &mut PhaseBuilder, gap: PhaseKind, queue: Span) {
        let whole = self.whole.within(queue);
        let Some((began, sent, answered)) = self.won else {
            return builder.push(PhaseKind::Connect, gap, whole, self.event);
        };
        let before = Span::new(whole.start, began.min(whole.end));
        if before.took().is_zero() {
            builder.fill(gap, whole.start);
        } else {
            builder.push(PhaseKind::Connect, gap, before, self.event);
        }
        builder.fill(PhaseKind::Here, sent.min(whole.end));
        let span = Span::new(sent, answered).within(whole);
        builder.push(PhaseKind::Connect, PhaseKind::Here, span, self.event);
        builder.fill(PhaseKind::Here, whole.end);
    }
}

/// When a successful attempt began, when its first SYN left, and when the answer arrived, where the
/// answer was seen. If the neighbour's address had to be resolved first, the SYN counts as having
/// left when the attempt began, since that time is the network's.
fn passed(
    attempted: &ConnectionAttempt,
    connection: Option<&Connection>,
    story: &Story,
) -> Option<(Time, Time, Time)> {
    let result = attempted.result.as_ref()?;
    let end = connection.and_then(|connection| connection.client.as_ref());
    let (seen_sent, seen_answered) = end.map_or((None, None), crate::byte_times::handshake);
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
