//! The first pass over a record: files each event with the exchange, connection, lookup or page it
//! belongs to.

use std::collections::BTreeMap;

use roundtrip_record::{
    Blocks, ConnectAttempt, ConnectResult, ConnectionId, Event, ExchangeId, LookupId, NameAnswered,
    NameAsked, Transport, What,
};

use crate::connection::{Connection, Endpoint, StateChange};
use crate::exchange::{ConnectionAttempt, Exchange, Tunnel};
use crate::lookup::{Lookup, Rung};
use crate::span::{Span, Timed};
use crate::story::{MilestoneReached, Story};

/// Everything that was filed, before it is joined.
#[derive(Default)]
pub(crate) struct PartialStory {
    pub(crate) story: Story,
    pub(crate) exchanges: BTreeMap<ExchangeId, Exchange>,
    pub(crate) lookups: BTreeMap<LookupId, Lookup>,
    pub(crate) ends: BTreeMap<ConnectionId, Endpoint>,
    /// TLS handshakes and endings, by the id of the end that reported them; they are joined with
    /// the ends later.
    pub(crate) above: BTreeMap<ConnectionId, Connection>,
    pub(crate) attempts: Vec<ConnectionAttempt>,
    /// What waits for each resource that the page names, by its URL.
    pub(crate) found: BTreeMap<String, Blocks>,
}

impl PartialStory {
    /// Files all events of a record.
    pub(crate) fn read(events: Vec<Event>) -> Self {
        let mut partial = Self::default();
        // Ends are opened first, since the segment that opens an end may be reported before the end
        // itself.
        for event in &events {
            partial.open(event);
        }
        for event in &events {
            partial.file(event);
        }
        partial.story.events = events;
        partial.story.events.sort_by_key(|event| event.id);
        partial
    }

    fn file(&mut self, event: &Event) {
        match &event.what {
            What::RunStarted(run) => self.story.run = Some(run.clone()),
            What::RunEnded(ended) => self.story.ended = Some(ended.clone()),
            What::HostDeclared(host) => {
                self.story.hosts.insert(host.id, host.clone());
            }
            What::LinkDeclared(link) => self.story.links.push(link.clone()),
            What::LinkCounts(counts) => self.story.link_counts.push(*counts),
            What::Unseen(unseen) => {
                if !self.story.unseen.contains(unseen) {
                    self.story.unseen.push(unseen.clone());
                }
            }
            What::NeighbourChanged(changed) => {
                self.story.neighbours.push((event.host, at(event, changed)));
            }
            What::Fault(fault) => self.story.faults.push(at(event, fault)),
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
        let (id, transport, side, local, remote) = match &event.what {
            What::TcpOpened(end) => {
                (end.connection, Transport::Tcp, end.side, end.local, end.remote)
            }
            What::QuicOpened(end) => {
                (end.connection, Transport::Quic, end.side, end.local, end.remote)
            }
            _ => return,
        };
        let end = Endpoint {
            id,
            host: event.host,
            transport,
            side,
            local,
            remote,
            opened: event.at,
            states: Vec::new(),
            segments: Vec::new(),
            congestion: Vec::new(),
            timers: Vec::new(),
            infos: Vec::new(),
            reads: Vec::new(),
            closed: None,
            quic_closed: None,
        };
        self.ends.entry(id).or_insert(end);
    }

    fn tcp(&mut self, event: &Event) {
        match &event.what {
            What::ConnectAttempt(attempt) => self.attempts.push(ConnectionAttempt {
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
            What::TcpRead(read) => {
                self.end(read.connection, |end| end.reads.push(at(event, read)));
            }
            What::TcpClosed(closed) => {
                self.end(closed.connection, |end| end.closed = Some(at(event, closed)));
            }
            What::QuicClosed(closed) => {
                self.end(closed.connection, |end| end.quic_closed = Some(at(event, closed)));
            }
            _ => {}
        }
    }

    fn end(&mut self, id: ConnectionId, act: impl FnOnce(&mut Endpoint)) {
        if let Some(end) = self.ends.get_mut(&id) {
            act(end);
        }
    }

    /// Files the result of an attempt with the attempt that caused it, or else with the last open
    /// one that fits.
    fn connected(&mut self, event: &Event, result: &ConnectResult) {
        let fits = |attempted: &ConnectionAttempt| {
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
            What::ExchangeStarted(started) => {
                let exchange = Exchange::wanted(event.at, event.id, started);
                self.exchanges.entry(started.exchange).or_insert(exchange);
            }
            What::ImportedExchange(imported) => {
                if let Some(exchange) = self.exchanges.get_mut(&imported.exchange) {
                    exchange.server_think = imported.server_think;
                }
            }
            What::ExchangeNote(note) => {
                if let Some(exchange) = self.exchanges.get_mut(&note.exchange) {
                    exchange.notes.push(at(event, note));
                }
            }
            What::RequestSent(request) => self.exchange(request.exchange, event, |exchange| {
                exchange.connection = Some(request.connection);
                if request.method == "CONNECT" && exchange.method != "CONNECT" {
                    exchange.tunnel =
                        Some(Tunnel { request: at(event, request), heads: Vec::new() });
                    return;
                }
                exchange.lookup = request.lookup.or(exchange.lookup);
                exchange.request = Some(at(event, request));
            }),
            What::ResponseHead(head) => self.exchange(head.exchange, event, |exchange| {
                exchange.connection = Some(head.connection);
                match &mut exchange.tunnel {
                    // As long as no request went to the server itself, responses are the proxy's.
                    Some(tunnel) if exchange.request.is_none() => {
                        tunnel.heads.push(at(event, head));
                    }
                    _ => exchange.heads.push(at(event, head)),
                }
            }),
            What::ResponseEnded(response) => self.exchange(response.exchange, event, |exchange| {
                exchange.connection = Some(response.connection);
                exchange.response = Some(at(event, response));
            }),
            What::CachedResponse(cached) => {
                self.exchange(Some(cached.exchange), event, |exchange| {
                    exchange.cached = Some(at(event, cached));
                });
            }
            What::ExchangeEnded(ended) => self.exchange(Some(ended.exchange), event, |exchange| {
                exchange.complete = ended.complete;
                exchange.from_cache = ended.from_cache;
                exchange.over = true;
            }),
            What::WebSocketFrame(frame) => {
                if let Some(exchange) = self.exchanges.get_mut(&frame.exchange) {
                    exchange.frames.push(at(event, frame));
                }
            }
            What::WebSocketEnded(ended) => {
                if let Some(exchange) = self.exchanges.get_mut(&ended.exchange) {
                    exchange.websocket = Some(at(event, ended));
                }
            }
            What::ConnectionEnding(ending) => {
                self.above(ending.connection).ending = Some(at(event, ending));
                // The latest is near the end, and there may be very many.
                let carried = self.exchanges.values_mut().rev().find(|exchange| {
                    exchange.connection == Some(ending.connection)
                        && exchange.ending.is_none()
                        && exchange.response.is_some()
                });
                if let Some(exchange) = carried {
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
                    self.story.not_fetched.push(found.clone());
                }
                // What a head named first may be found to hold something up when the page names it, too.
                let known = self.found.entry(found.url.clone()).or_insert(found.blocks);
                if *known == Blocks::Nothing {
                    *known = found.blocks;
                }
            }
            What::Milestone(milestone) => {
                let reached = MilestoneReached { name: milestone.name.clone() };
                self.story.milestones.push(at(event, &reached));
            }
            What::PageFrame(frame) => self.story.frames.push(at(event, frame)),
            What::LargestContent(largest) => self.story.largest = Some(at(event, largest)),
            What::PagePainted(painted) => self.story.painted = Some(at(event, painted)),
            What::PageNote(note) => self.story.notes.push(note.note.clone()),
            What::ImportNote(note) => self.story.import_notes.push(note.clone()),
            _ => {}
        }
    }
}

fn at<T: Clone>(event: &Event, what: &T) -> Timed<T> {
    Timed { at: event.at, event: event.id, what: what.clone() }
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
    // An answer without a question comes from a source that was skipped, or that was settled at
    // once.
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
