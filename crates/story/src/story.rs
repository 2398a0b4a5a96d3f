//! `Story`: everything a record says, as exchanges with their phases, connections with both their
//! ends, lookups, the page, and faults. Formatting is left to views.

use std::collections::BTreeMap;

use roundtrip_record::{
    ConnectionId, Event, EventId, ExchangeId, Fault, HostDeclared, HostId, ImportNote,
    LargestContent, LinkCounts, LinkDeclared, Milestone, NeighbourChanged, PageFound, PageFrame,
    PagePainted, Role, RunEnded, RunStarted, Time, Unseen, WireKind,
};
use serde::Serialize;

use crate::connection::{Connection, Endpoint};
use crate::exchange::Exchange;
use crate::lookup::Lookup;
use crate::span::{Span, Timed};

/// A milestone that the page's load reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MilestoneReached {
    /// The milestone, by its W3C name.
    pub name: Milestone,
}

/// A whole record, understood: what views are made from.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// What was asked for.
    pub run: Option<RunStarted>,
    /// How the run ended; `None` when the record was cut off.
    pub ended: Option<RunEnded>,
    /// The hosts that took part.
    pub hosts: BTreeMap<HostId, HostDeclared>,
    /// The links of the lab.
    pub links: Vec<LinkDeclared>,
    /// The totals of each link.
    pub link_counts: Vec<LinkCounts>,
    /// Exchanges as the client saw them, in the order in which they were wanted.
    pub exchanges: Vec<Exchange>,
    /// Exchanges as the servers saw them, in the order in which the requests came in.
    pub served: Vec<Exchange>,
    /// Connections, in the order in which they were opened.
    pub connections: Vec<Connection>,
    /// The client's lookups, each with the lookups that resolvers made for it.
    pub lookups: Vec<Lookup>,
    /// State changes in the neighbour tables of all hosts.
    pub neighbours: Vec<(HostId, Timed<NeighbourChanged>)>,
    /// The milestones of the page's load.
    pub milestones: Vec<Timed<MilestoneReached>>,
    /// Resources that the page names but that were not fetched.
    pub not_fetched: Vec<PageFound>,
    /// Notes for readers of the page's picture.
    pub notes: Vec<String>,
    /// What is to be known of the recording that was imported.
    pub import_notes: Vec<ImportNote>,
    /// What was to be seen of the page from the first paint on, in small pictures.
    pub frames: Vec<Timed<PageFrame>>,
    /// The largest element of content.
    pub largest: Option<Timed<LargestContent>>,
    /// The page as it was painted.
    pub painted: Option<Timed<PagePainted>>,
    /// Faults, each with the exchange and the connection that it harmed.
    pub faults: Vec<Timed<Fault>>,
    /// What could not be seen on this wire.
    pub unseen: Vec<Unseen>,
    /// All events, in the order of their ids.
    pub events: Vec<Event>,
    /// Whether the record ended in the middle of a line.
    pub cut: bool,
}

impl Story {
    /// The host that visits; the first host where none is a client.
    pub fn client(&self) -> HostId {
        let client = self.hosts.values().find(|host| host.role == Role::Client);
        client.map_or(HostId(0), |host| host.id)
    }

    /// The recording that the run was read from (its format and writer), where it is not one of ours.
    pub fn imported_from(&self) -> Option<&str> {
        match &self.run.as_ref()?.wire {
            WireKind::Imported { source, .. } => Some(source),
            _ => None,
        }
    }

    /// The name of a host; `?` where it was not declared.
    pub fn host_name(&self, id: HostId) -> &str {
        self.hosts.get(&id).map_or("?", |host| host.name.as_str())
    }

    /// The event with this id.
    pub fn event(&self, id: EventId) -> Option<&Event> {
        let at = self.events.binary_search_by_key(&id, |event| event.id).ok()?;
        self.events.get(at)
    }

    /// An event and its causes: first the event itself, then the event that caused it, and so on as
    /// far as causes are known.
    pub fn causes(&self, id: EventId) -> Vec<&Event> {
        let mut chain = Vec::new();
        let mut next = self.event(id);
        while let Some(event) = next {
            chain.push(event);
            // A cause is older than its effect; anything else would be a loop.
            next =
                event.cause.filter(|cause| *cause < event.id).and_then(|cause| self.event(cause));
        }
        chain
    }

    /// The exchange with this id, at either end.
    pub fn exchange(&self, id: ExchangeId) -> Option<&Exchange> {
        self.exchanges.iter().chain(&self.served).find(|exchange| exchange.id == id)
    }

    /// The connection one of whose ends has this id.
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.ends().any(|end| end.id == id))
    }

    /// When a milestone was first reached.
    pub fn milestone(&self, name: &Milestone) -> Option<Time> {
        self.milestones.iter().find(|reached| reached.what.name == *name).map(|reached| reached.at)
    }

    /// The exchanges to show: the client's, or the server's own in the record of a server alone.
    pub fn seen(&self) -> &[Exchange] {
        if self.exchanges.is_empty() { &self.served } else { &self.exchanges }
    }

    /// The exchanges of the client that were answered, in order.
    pub fn answered(&self) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter().filter(|exchange| exchange.status().is_some())
    }

    /// The duration of the run: from the first resource or name that was wanted to the last thing
    /// that was waited for, which is the end of a body or a lookup, the page's last milestone, or
    /// the fault that ended the run. Work that nobody waits for is left out: the page's picture, what is
    /// fetched after the load event (a browser fetches the icon then), and connections that close
    /// ([`Story::close`]). So is the way of the last content to the display, once the page has loaded.
    pub fn total(&self) -> Span {
        let loaded = self.milestone(&Milestone::LoadEventEnd);
        let awaited = |exchange: &&Exchange| loaded.is_none_or(|at| exchange.span.start <= at);
        let exchanges = || self.seen().iter().filter(awaited).map(|exchange| exchange.span);
        let lookups = || self.lookups.iter().map(|lookup| lookup.span);
        let start = exchanges().chain(lookups()).map(|span| span.start).min();
        let faults = self.faults.iter().filter(|fault| fault.what.fatal);
        let ends = |reached: &&Timed<MilestoneReached>| {
            loaded.is_none() || reached.what.name != Milestone::LargestContentfulPaint
        };
        let end = exchanges()
            .chain(lookups())
            .map(|span| span.end)
            .chain(self.milestones.iter().filter(ends).map(|reached| reached.at))
            .chain(faults.map(|fault| fault.at))
            .max();
        Span::new(start.unwrap_or(Time::ZERO), end.unwrap_or(Time::ZERO))
    }

    /// The closing of the connections that were still open at the end of [`Story::total`]: from the
    /// first step towards closing one until all were closed in both directions. `None` where
    /// closing was not seen, or no connection was open.
    pub fn close(&self) -> Option<Span> {
        let end = self.total().end;
        let clients = self.connections.iter().filter_map(|connection| connection.client.as_ref());
        let late = clients.filter_map(Endpoint::closing).filter(|span| span.end > end);
        // Those whose end began it before are not what the end of the visit closes, if there are others.
        let ours = late.clone().any(|span| span.start >= end);
        let spans = || late.clone().filter(|span| !ours || span.start >= end);
        let begun = spans().map(|span| span.start).min()?;
        let done = spans().map(|span| span.end).max()?;
        Some(Span::new(begun.max(end), done))
    }

    /// Bytes of response heads and bodies received.
    pub fn received(&self) -> u64 {
        self.seen().iter().map(Exchange::received).sum()
    }

    /// The exit code of the run. Where the record ends without one, the code of the fatal fault; 0
    /// without a fault.
    pub fn exit(&self) -> u8 {
        let fatal = self.faults.iter().find(|fault| fault.what.fatal);
        let ended = self.ended.as_ref().map(|ended| ended.exit);
        ended.or(fatal.map(|fault| fault.what.fault.exit_code())).unwrap_or(0)
    }
}
