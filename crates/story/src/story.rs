//! What a record comes to: exchanges with their phases, connections with both their ends, lookups,
//! the page, and what went wrong. Views format it; nothing here does.

use std::collections::BTreeMap;

use roundtrip_record::{
    ConnectionId, Event, EventId, ExchangeId, Fault, HostDeclared, HostId, LinkCounts,
    LinkDeclared, Milestone, NeighbourChanged, PageFound, PagePainted, Role, RunEnded, RunStarted,
    Time, Unseen,
};
use serde::Serialize;

use crate::connection::{Connection, End};
use crate::exchange::Exchange;
use crate::join;
use crate::lookup::Lookup;
use crate::span::{At, Span};

/// A milestone of the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// Its W3C name.
    pub name: Milestone,
}

/// A whole record, understood.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// What was asked for.
    pub run: Option<RunStarted>,
    /// How it ended; `None` when the record was cut off.
    pub ended: Option<RunEnded>,
    /// The hosts.
    pub hosts: BTreeMap<HostId, HostDeclared>,
    /// The links of the lab.
    pub links: Vec<LinkDeclared>,
    /// What they did.
    pub link_counts: Vec<LinkCounts>,
    /// Exchanges of whoever asks, in the order in which they were wanted.
    pub exchanges: Vec<Exchange>,
    /// Exchanges as those saw them who were asked, in the order in which the requests came in.
    pub served: Vec<Exchange>,
    /// Connections, in the order in which they were opened.
    pub connections: Vec<Connection>,
    /// Lookups of the client, each with those that resolvers made for it.
    pub lookups: Vec<Lookup>,
    /// Changes of neighbour tables, all hosts'.
    pub neighbours: Vec<(HostId, At<NeighbourChanged>)>,
    /// The page's milestones.
    pub milestones: Vec<At<Reached>>,
    /// Resources that the page names and that were not fetched.
    pub not_fetched: Vec<PageFound>,
    /// Notes on the page's picture.
    pub notes: Vec<String>,
    /// The page's picture.
    pub painted: Option<At<PagePainted>>,
    /// What went wrong, with the exchange and the connection that it harmed.
    pub faults: Vec<At<Fault>>,
    /// What this wire does not show.
    pub unseen: Vec<Unseen>,
    /// All events.
    pub events: Vec<Event>,
    /// The record ended in the middle of a line.
    pub cut: bool,
}

impl Story {
    /// Understands a record. Any events will do: what does not fit together is left apart.
    pub fn new(events: Vec<Event>) -> Self {
        join::story(events)
    }

    /// The host that visits.
    pub fn client(&self) -> HostId {
        let client = self.hosts.values().find(|host| host.role == Role::Client);
        client.map_or(HostId(0), |host| host.id)
    }

    /// A host's name.
    pub fn host_name(&self, id: HostId) -> &str {
        self.hosts.get(&id).map_or("?", |host| host.name.as_str())
    }

    /// The event with this number.
    pub fn event(&self, id: EventId) -> Option<&Event> {
        let at = self.events.binary_search_by_key(&id, |event| event.id).ok()?;
        self.events.get(at)
    }

    /// An event's causes: itself first, then what made it happen, and so on as far as is known.
    pub fn causes(&self, id: EventId) -> Vec<&Event> {
        let mut chain = Vec::new();
        let mut next = self.event(id);
        while let Some(event) = next {
            chain.push(event);
            // A cause is older than what it caused; anything else would be a circle.
            next =
                event.cause.filter(|cause| *cause < event.id).and_then(|cause| self.event(cause));
        }
        chain
    }

    /// The exchange with this number.
    pub fn exchange(&self, id: ExchangeId) -> Option<&Exchange> {
        self.exchanges.iter().chain(&self.served).find(|exchange| exchange.id == id)
    }

    /// The connection one of whose ends has this number.
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.ends().any(|end| end.id == id))
    }

    /// When a milestone was reached first.
    pub fn milestone(&self, name: &Milestone) -> Option<Time> {
        self.milestones.iter().find(|reached| reached.what.name == *name).map(|reached| reached.at)
    }

    /// Those who looked at it: the exchanges of whoever asked, or, in the record of a server alone,
    /// its own.
    pub fn seen(&self) -> &[Exchange] {
        if self.exchanges.is_empty() { &self.served } else { &self.exchanges }
    }

    /// From the first wish to the last thing that was waited for: a body's end, a lookup's, the page's
    /// last milestone, or the fault that ended the run. What we do after that for ourselves is not in
    /// it: the picture of the page, and connections that close ([`Story::close`]).
    pub fn total(&self) -> Span {
        let exchanges = || self.seen().iter().map(|exchange| exchange.span);
        let lookups = || self.lookups.iter().map(|lookup| lookup.span);
        let start = exchanges().chain(lookups()).map(|span| span.start).min();
        let faults = self.faults.iter().filter(|fault| fault.what.fatal);
        let end = exchanges()
            .chain(lookups())
            .map(|span| span.end)
            .chain(self.milestones.iter().map(|reached| reached.at))
            .chain(faults.map(|fault| fault.at))
            .max();
        Span::new(start.unwrap_or(Time::ZERO), end.unwrap_or(Time::ZERO))
    }

    /// The close of the connections that were still open at the end of [`Story::total`]: from our
    /// first step towards it until all of them were closed in both directions; `None` where that was
    /// not seen, or none was still open.
    pub fn close(&self) -> Option<Span> {
        let end = self.total().end;
        let clients = self.connections.iter().filter_map(|connection| connection.client.as_ref());
        let late = clients.filter_map(End::closing).filter(|span| span.end > end);
        let spans = || late.clone();
        let begun = spans().map(|span| span.start).min()?;
        let done = spans().map(|span| span.end).max()?;
        Some(Span::new(begun.max(end), done))
    }

    /// Bytes of heads and bodies that came in.
    pub fn received(&self) -> u64 {
        self.seen().iter().map(Exchange::received).sum()
    }

    /// The exit code of the run; what a fault says where the record ends without one.
    pub fn exit(&self) -> u8 {
        let fatal = self.faults.iter().find(|fault| fault.what.fatal);
        let ended = self.ended.as_ref().map(|ended| ended.exit);
        ended.or(fatal.map(|fault| fault.what.fault.exit_code())).unwrap_or(0)
    }
}
