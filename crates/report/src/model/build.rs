//! Events in, model out: one pass that files each event where it belongs, then a few that join what
//! was filed.

use std::collections::BTreeMap;

use roundtrip_record::{
    AttemptEnd, Blocks, ConnectAttempt, ConnectResult, ConnectionId, Event, EventId, ExchangeId,
    Fault, HostId, Initiator, LookupId, NameAnswered, NameAsked, PageFound, Side, Time, What,
};

use super::connection::{Connection, End, StateChange};
use super::exchange::{Attempted, Exchange, Phase, PhaseKind};
use super::lookup::{Lookup, Rung};
use super::{At, Model, Reached, Span};
use crate::finding::Finding;

/// What is filed while events are read.
#[derive(Default)]
struct Filed {
    model: Model,
    exchanges: BTreeMap<ExchangeId, Exchange>,
    lookups: BTreeMap<LookupId, Lookup>,
    ends: BTreeMap<ConnectionId, End>,
    /// What is told of a connection above TCP, by the number of the end that told it.
    above: BTreeMap<ConnectionId, Connection>,
    attempts: Vec<Attempted>,
    found: BTreeMap<String, PageFound>,
    faults: Vec<At<Fault>>,
}

pub(super) fn build(events: Vec<Event>) -> Model {
    let mut filed = Filed::default();
    // An end may report the segment that made it before it reports itself.
    for event in &events {
        filed.open(event);
    }
    for event in &events {
        filed.file(event);
    }
    filed.model.events = events;
    filed.model.events.sort_by_key(|event| event.id);
    filed.join()
}

impl Filed {
    fn file(&mut self, event: &Event) {
        match &event.what {
            What::RunStarted(run) => self.model.run = Some(run.clone()),
            What::RunEnded(ended) => self.model.ended = Some(ended.clone()),
            What::HostDeclared(host) => {
                self.model.hosts.insert(host.id, host.clone());
            }
            What::LinkDeclared(link) => self.model.links.push(link.clone()),
            What::LinkCounts(counts) => self.model.link_counts.push(*counts),
            What::Unseen(unseen) => {
                if !self.model.unseen.contains(unseen) {
                    self.model.unseen.push(unseen.clone());
                }
            }
            What::NeighbourChanged(changed) => {
                self.model.neighbours.push((event.host, at(event, changed)));
            }
            What::Fault(fault) => self.faults.push(at(event, fault)),
            _ => {
                self.name(event);
                self.tcp(event);
                self.http(event);
                self.page(event);
            }
        }
    }

    fn name(&mut self, event: &Event) {
        match &event.what {
            What::NameStarted(started) => {
                let lookup = Lookup {
                    id: started.lookup,
                    host: event.host,
                    event: event.id,
                    name: started.name.clone(),
                    types: started.types.clone(),
                    span: Span::new(event.at, event.at),
                    rungs: Vec::new(),
                    messages: Vec::new(),
                    addresses: Vec::new(),
                    aliases: Vec::new(),
                    ttl: None,
                    over: false,
                    end_event: None,
                    nested: Vec::new(),
                };
                self.lookups.entry(started.lookup).or_insert(lookup);
            }
            What::NameAsked(asked) => {
                if let Some(lookup) = self.lookups.get_mut(&asked.lookup) {
                    lookup.rungs.push(rung(event, asked));
                    lookup.span.end = lookup.span.end.max(event.at);
                }
            }
            What::NameAnswered(answered) => {
                if let Some(lookup) = self.lookups.get_mut(&answered.lookup) {
                    answer(lookup, event, answered);
                    lookup.span.end = lookup.span.end.max(event.at);
                }
            }
            What::DnsMessage(message) => {
                let lookup = message.lookup.and_then(|id| self.lookups.get_mut(&id));
                if let Some(lookup) = lookup {
                    lookup.messages.push(at(event, message));
                }
            }
            What::NameEnded(ended) => {
                if let Some(lookup) = self.lookups.get_mut(&ended.lookup) {
                    lookup.span.end = lookup.span.end.max(event.at);
                    lookup.addresses.clone_from(&ended.addresses);
                    lookup.aliases.clone_from(&ended.aliases);
                    lookup.ttl = ended.ttl;
                    lookup.over = true;
                    lookup.end_event = Some(event.id);
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, event: &Event) {
        let What::TcpOpened(opened) = &event.what else { return };
        let end = End {
            id: opened.connection,
            host: event.host,
            side: opened.side,
            local: opened.local,
            remote: opened.remote,
            opened: event.at,
            states: Vec::new(),
            segments: Vec::new(),
            congestion: Vec::new(),
            timers: Vec::new(),
            infos: Vec::new(),
            closed: None,
        };
        self.ends.entry(opened.connection).or_insert(end);
    }

    fn tcp(&mut self, event: &Event) {
        match &event.what {
            What::ConnectAttempt(attempt) => self.attempts.push(Attempted {
                at: event.at,
                event: event.id,
                attempt: attempt.clone(),
                result: None,
            }),
            What::ConnectResult(result) => self.connected(event, result),
            What::TcpStateChanged(changed) => {
                let change =
                    StateChange { from: changed.from, to: changed.to, how: changed.how.clone() };
                self.end(changed.connection, |end| end.states.push(at(event, &change)));
            }
            What::TcpSegment(segment) => {
                self.end(segment.connection, |end| end.segments.push(at(event, segment)));
            }
            What::TcpCongestion(sample) => {
                self.end(sample.connection, |end| end.congestion.push(at(event, sample)));
            }
            What::TcpTimer(timer) => {
                self.end(timer.connection, |end| end.timers.push(at(event, timer)));
            }
            What::TcpInfo(info) => {
                self.end(info.connection, |end| end.infos.push(at(event, info)));
            }
            What::TcpClosed(closed) => {
                self.end(closed.connection, |end| end.closed = Some(at(event, closed)));
            }
            _ => {}
        }
    }

    fn end(&mut self, id: ConnectionId, act: impl FnOnce(&mut End)) {
        if let Some(end) = self.ends.get_mut(&id) {
            act(end);
        }
    }

    /// A result belongs to the attempt that caused it, or else to the last open one that fits.
    fn connected(&mut self, event: &Event, result: &ConnectResult) {
        let fits = |attempted: &Attempted| {
            let ConnectAttempt { exchange, to, .. } = &attempted.attempt;
            attempted.result.is_none() && *exchange == result.exchange && *to == result.to
        };
        let caused =
            self.attempts.iter().position(|attempted| Some(attempted.event) == event.cause);
        let attempt = caused.or_else(|| self.attempts.iter().rposition(fits));
        if let Some(attempted) = attempt.and_then(|n| self.attempts.get_mut(n)) {
            attempted.result = Some(at(event, result));
        }
    }

    fn http(&mut self, event: &Event) {
        match &event.what {
            What::TlsStarted(started) => {
                self.above(started.connection).tls_started = Some(at(event, started));
            }
            What::TlsEstablished(done) => {
                self.above(done.connection).tls = Some(at(event, done));
            }
            // A server's own exchanges are the other end of what a client's tell.
            What::ExchangeStarted(started) if started.side == Side::Server => {}
            What::ExchangeStarted(started) => {
                let exchange = Exchange {
                    id: started.exchange,
                    event: event.id,
                    method: started.method.clone(),
                    url: started.url.clone(),
                    kind: started.kind,
                    priority: started.priority,
                    initiator: started.initiator.clone(),
                    blocks: Blocks::Nothing,
                    span: Span::new(event.at, event.at),
                    phases: Vec::new(),
                    lookup: None,
                    attempts: Vec::new(),
                    connection: None,
                    request: None,
                    heads: Vec::new(),
                    response: None,
                    ending: None,
                    next: None,
                    complete: false,
                    from_cache: false,
                    over: false,
                };
                self.exchanges.entry(started.exchange).or_insert(exchange);
            }
            What::RequestSent(request) => self.exchange(request.exchange, event, |exchange| {
                exchange.connection = Some(request.connection);
                exchange.lookup = request.lookup.or(exchange.lookup);
                exchange.request = Some(at(event, request));
            }),
            What::ResponseHead(head) => self.exchange(head.exchange, event, |exchange| {
                exchange.connection = Some(head.connection);
                exchange.heads.push(at(event, head));
            }),
            What::ResponseEnded(response) => self.exchange(response.exchange, event, |exchange| {
                exchange.connection = Some(response.connection);
                exchange.response = Some(at(event, response));
            }),
            What::ExchangeEnded(ended) => self.exchange(Some(ended.exchange), event, |exchange| {
                exchange.complete = ended.complete;
                exchange.from_cache = ended.from_cache;
                exchange.over = true;
            }),
            What::ConnectionEnding(ending) => {
                self.above(ending.connection).ending = Some(at(event, ending));
                let carried = self.exchanges.values_mut().filter(|exchange| {
                    exchange.connection == Some(ending.connection)
                        && exchange.ending.is_none()
                        && exchange.response.is_some()
                });
                if let Some(exchange) = carried.last() {
                    exchange.ending = Some(at(event, ending));
                }
            }
            _ => {}
        }
    }

    fn exchange(&mut self, id: Option<ExchangeId>, event: &Event, act: impl FnOnce(&mut Exchange)) {
        if let Some(exchange) = id.and_then(|id| self.exchanges.get_mut(&id)) {
            act(exchange);
            if exchange.response.is_none() || matches!(event.what, What::ResponseEnded(_)) {
                exchange.span.end = exchange.span.end.max(event.at);
            }
        }
    }

    fn above(&mut self, id: ConnectionId) -> &mut Connection {
        self.above.entry(id).or_default()
    }

    fn page(&mut self, event: &Event) {
        match &event.what {
            What::PageFound(found) => {
                if found.not_fetched.is_some() {
                    self.model.not_fetched.push(found.clone());
                }
                self.found.entry(found.url.clone()).or_insert_with(|| found.clone());
            }
            What::Milestone(milestone) => {
                let reached = Reached { name: milestone.name.clone() };
                self.model.milestones.push(at(event, &reached));
            }
            What::PagePainted(painted) => self.model.painted = Some(at(event, painted)),
            What::PageNote(note) => self.model.notes.push(note.note.clone()),
            _ => {}
        }
    }

    fn join(mut self) -> Model {
        self.model.connections =
            connections(core::mem::take(&mut self.ends), core::mem::take(&mut self.above));
        let last = self.model.events.iter().map(|event| event.at).max().unwrap_or(Time::ZERO);
        self.join_faults();
        let owners = owners(&self.model, &self.lookups);
        for exchange in self.exchanges.values_mut() {
            let made = owners.iter().find(|(_, owner)| **owner == exchange.id);
            exchange.lookup = exchange.lookup.or(made.map(|(lookup, _)| *lookup));
            exchange.attempts = attempts_of(&self.attempts, exchange.id, exchange.connection);
            if let Some(found) = self.found.get(&exchange.url) {
                exchange.blocks = found.blocks;
            }
            if !exchange.over && exchange.response.is_none() {
                exchange.span.end = exchange.span.end.max(last);
            }
        }
        self.join_redirects();
        let model = &mut self.model;
        for exchange in self.exchanges.values_mut() {
            let lookup = exchange.lookup.and_then(|id| self.lookups.get(&id));
            let carrier = exchange.connection.and_then(|id| model.connection(id));
            exchange.phases = phases(exchange, lookup, carrier);
            let connection = exchange.connection;
            let carried = model
                .connections
                .iter_mut()
                .find(|candidate| candidate.ends().any(|end| Some(end.id) == connection));
            if let Some(carried) = carried {
                carried.exchanges.push(exchange.id);
            }
        }
        model.exchanges = self.exchanges.into_values().collect();
        model.exchanges.sort_by_key(|exchange| (exchange.span.start, exchange.id));
        model.lookups = nested(self.lookups, model.client());
        let findings = self.faults.iter().map(|fault| Finding::new(fault, model)).collect();
        model.findings = findings;
        self.model
    }

    /// An exchange that a fault ended was over then.
    fn join_faults(&mut self) {
        for fault in &self.faults {
            let exchange = fault.what.exchange.and_then(|id| self.exchanges.get_mut(&id));
            if let Some(exchange) = exchange {
                exchange.over = true;
                if exchange.response.is_none() {
                    exchange.span.end = exchange.span.end.max(fault.at);
                }
            }
        }
    }

    fn join_redirects(&mut self) {
        let followed: Vec<_> = self
            .exchanges
            .values()
            .filter_map(|exchange| match exchange.initiator {
                Initiator::Redirect { of, .. } | Initiator::Retry { of } => Some((of, exchange.id)),
                _ => None,
            })
            .collect();
        for (of, next) in followed {
            if let Some(exchange) = self.exchanges.get_mut(&of) {
                exchange.next = Some(next);
            }
        }
    }
}

/// The tries made for an exchange, or those that led to its connection.
fn attempts_of(
    attempts: &[Attempted],
    id: ExchangeId,
    connection: Option<ConnectionId>,
) -> Vec<Attempted> {
    let own = attempts.iter().filter(|attempted| attempted.attempt.exchange == Some(id));
    let own: Vec<_> = own.cloned().collect();
    if !own.is_empty() || connection.is_none() {
        return own;
    }
    let led = attempts.iter().filter(|attempted| {
        attempted.result.as_ref().is_some_and(|result| result.what.connection == connection)
    });
    led.cloned().collect()
}

fn at<T: Clone>(event: &Event, what: &T) -> At<T> {
    At { at: event.at, event: event.id, what: what.clone() }
}

fn rung(event: &Event, asked: &NameAsked) -> Rung {
    Rung {
        source: asked.source.clone(),
        event: event.id,
        asked: asked.name.clone(),
        record_type: asked.record_type.clone(),
        at: event.at,
        took: core::time::Duration::ZERO,
        outcome: None,
        records: Vec::new(),
    }
}

fn answer(lookup: &mut Lookup, event: &Event, answered: &NameAnswered) {
    let asked = lookup.rungs.iter_mut().rev().find(|rung| {
        rung.outcome.is_none()
            && rung.source == answered.source
            && rung.asked == answered.name
            && rung.record_type == answered.record_type
    });
    if let Some(rung) = asked {
        rung.took = answered.took;
        rung.outcome = Some(answered.outcome.clone());
        rung.records.clone_from(&answered.records);
        return;
    }
    // An answer without a question: a rung that was skipped, or settled at once.
    lookup.rungs.push(Rung {
        source: answered.source.clone(),
        event: event.id,
        asked: answered.name.clone(),
        record_type: answered.record_type.clone(),
        at: event.at - answered.took,
        took: answered.took,
        outcome: Some(answered.outcome.clone()),
        records: answered.records.clone(),
    });
}

/// Joins the two ends of each connection: addresses swapped, the passive end not the older one.
fn connections(
    ends: BTreeMap<ConnectionId, End>,
    mut above: BTreeMap<ConnectionId, Connection>,
) -> Vec<Connection> {
    let mut joined: Vec<Connection> = Vec::new();
    let (clients, servers): (Vec<End>, Vec<End>) =
        ends.into_values().partition(|end| end.side == Side::Client);
    for client in clients {
        let told = above.remove(&client.id).unwrap_or_default();
        joined.push(Connection { client: Some(client), ..told });
    }
    joined.sort_by_key(|connection| connection.span().start);
    for server in servers {
        let fits = |connection: &Connection| {
            connection.server.is_none()
                && connection.client.as_ref().is_some_and(|client| {
                    (client.local, client.remote) == (server.remote, server.local)
                        && client.opened <= server.opened
                })
        };
        if let Some(n) = joined.iter().rposition(fits) {
            joined[n].server = Some(server);
        } else {
            let told = above.remove(&server.id).unwrap_or_default();
            joined.push(Connection { server: Some(server), ..told });
        }
    }
    joined.sort_by_key(|connection| connection.span().start);
    joined
}

/// Which exchange caused each lookup, where the causes tell.
fn owners(model: &Model, lookups: &BTreeMap<LookupId, Lookup>) -> BTreeMap<LookupId, ExchangeId> {
    let owner = |event: EventId| {
        model.causes(event).into_iter().find_map(|cause| match &cause.what {
            What::ExchangeStarted(started) => Some(started.exchange),
            _ => None,
        })
    };
    let client = model.client();
    let own = lookups.values().filter(|lookup| lookup.host == client);
    own.filter_map(|lookup| Some((lookup.id, owner(lookup.event)?))).collect()
}

/// The client's lookups, each with those that others made while it lasted.
fn nested(lookups: BTreeMap<LookupId, Lookup>, client: HostId) -> Vec<Lookup> {
    let (mut own, others): (Vec<_>, Vec<_>) =
        lookups.into_values().partition(|lookup| lookup.host == client);
    own.sort_by_key(|lookup| (lookup.span.start, lookup.id));
    let mut apart = Vec::new();
    for other in others {
        let asked = |lookup: &&mut Lookup| {
            let span = lookup.span;
            (span.start..=span.end).contains(&other.span.start)
                && (lookup.name == other.name
                    || lookup.rungs.iter().any(|rung| rung.asked == other.name))
        };
        match own.iter_mut().find(asked) {
            Some(lookup) => lookup.nested.push(other),
            None => apart.push(other),
        }
    }
    own.extend(apart);
    own
}

/// Cuts the time of an exchange into its phases.
fn phases(
    exchange: &Exchange,
    lookup: Option<&Lookup>,
    connection: Option<&Connection>,
) -> Vec<Phase> {
    let request = exchange.request.as_ref();
    let sending = request.map_or(exchange.span.end, |request| request.what.began);
    let queue = Span::new(exchange.span.start, sending);
    let mut phases = Vec::new();
    let mut cursor = queue.start;
    let mut push = |kind, span: Span, event| {
        let span = span.within(Span::new(cursor, exchange.span.end.max(cursor)));
        if span.start > cursor {
            let gap = Span::new(cursor, span.start);
            phases.push(Phase { kind: PhaseKind::Blocked, span: gap, event: None });
        }
        phases.push(Phase { kind, span, event });
        cursor = span.end;
    };
    if let Some(lookup) = lookup {
        let end = if lookup.over { lookup.span.end } else { sending };
        push(
            PhaseKind::Name,
            Span::new(lookup.span.start, end).within(queue),
            lookup.end_event.or(Some(lookup.event)),
        );
    }
    // On a connection that others used before, the handshakes were theirs.
    if exchange.reused() == 0 {
        if let Some((span, event)) = connect_span(exchange, connection) {
            push(PhaseKind::Connect, span.within(queue), event);
        }
        if let Some((span, event)) = connection.and_then(|connection| tls_span(connection, sending))
        {
            push(PhaseKind::Tls, span.within(queue), Some(event));
        }
    }
    if let Some(request) = request {
        push(PhaseKind::Request, Span::new(sending, request.at), Some(request.event));
        let head = exchange.head();
        let first_byte = head.map_or(exchange.span.end, |head| head.what.first_byte);
        let wait = Span::new(request.at, first_byte);
        push(PhaseKind::Wait, wait, head.map(|head| head.event));
        if head.is_some() {
            let body = Span::new(first_byte, exchange.span.end);
            push(PhaseKind::Body, body, exchange.response.as_ref().map(|response| response.event));
        }
    } else if cursor < exchange.span.end && !exchange.from_cache {
        let rest = Span::new(cursor, exchange.span.end);
        phases.push(Phase { kind: PhaseKind::Blocked, span: rest, event: None });
    }
    phases
}

fn connect_span(
    exchange: &Exchange,
    connection: Option<&Connection>,
) -> Option<(Span, Option<EventId>)> {
    let Some(first) = exchange.attempts.first() else {
        let end = connection?.client.as_ref()?;
        return end.handshake().map(|span| (span, None));
    };
    let results = exchange.attempts.iter().filter_map(|attempted| attempted.result.as_ref());
    let won = results.clone().find(|result| result.what.end == AttemptEnd::Connected);
    let last = won.or_else(|| results.max_by_key(|result| result.at));
    let end = last.map_or(exchange.span.end, |result| result.at);
    Some((Span::new(first.at, end), Some(last.map_or(first.event, |result| result.event))))
}

/// A TLS handshake that never completed lasted to the end.
fn tls_span(connection: &Connection, end: Time) -> Option<(Span, EventId)> {
    let started = connection.tls_started.as_ref()?;
    Some(connection.tls_span().unwrap_or((Span::new(started.at, end), started.event)))
}
