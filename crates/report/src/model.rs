//! What a record comes to: exchanges with their phases, connections with both their ends, lookups,
//! the page, and what went wrong. Views format it; nothing here does.

mod build;
mod connection;
mod exchange;
mod lookup;
mod original;

use core::time::Duration;
use std::collections::BTreeMap;

use roundtrip_record::{
    ConnectionId, Event, EventId, ExchangeId, HostDeclared, HostId, LinkCounts, LinkDeclared,
    NeighbourChanged, PageFound, PagePainted, Role, RunEnded, RunStarted, Time, Unseen,
};
use serde::Serialize;

pub use connection::{Connection, End, Seen, StateChange};
pub use exchange::{Attempted, Exchange, Head, Phase, PhaseKind};
pub use lookup::{Lookup, Rung};
pub use original::{Original, OriginalExchange};

use crate::finding::Finding;

/// A stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
}

impl Span {
    /// From `start` to `end`; empty if they stand the other way round.
    pub fn new(start: Time, end: Time) -> Self {
        Self { start, end: end.max(start) }
    }

    /// How long.
    pub fn took(self) -> Duration {
        self.end - self.start
    }

    /// The part of it that lies within another.
    #[must_use]
    pub fn within(self, outer: Self) -> Self {
        let start = self.start.clamp(outer.start, outer.end);
        Self { start, end: self.end.clamp(start, outer.end) }
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut span = serializer.serialize_struct("Span", 2)?;
        span.serialize_field("start_ms", &self.start.as_millis_f64())?;
        span.serialize_field("took_ms", &as_millis(self.took()))?;
        span.end()
    }
}

pub(crate) fn as_millis(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(crate) fn ms<S: serde::Serializer>(at: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_millis_f64())
}

/// Something with the time at which it happened and its event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct At<T> {
    /// When, milliseconds in JSON.
    #[serde(rename = "at_ms", serialize_with = "ms")]
    pub at: Time,
    /// The event that says so.
    pub event: EventId,
    /// What.
    #[serde(flatten)]
    pub what: T,
}

/// A milestone of the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// Its W3C name.
    pub name: roundtrip_record::Milestone,
}

/// A whole record, understood.
#[derive(Clone, Debug, Default)]
pub struct Model {
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
    /// Exchanges, in the order in which they were wanted.
    pub exchanges: Vec<Exchange>,
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
    /// What went wrong.
    pub findings: Vec<Finding>,
    /// What this wire does not show.
    pub unseen: Vec<Unseen>,
    /// The run that this one carries out again, where its record is at hand.
    pub original: Option<Original>,
    /// All events.
    pub events: Vec<Event>,
    /// The record ended in the middle of a line.
    pub cut: bool,
}

impl Model {
    /// Understands a record. Any events will do: what does not fit together is left apart.
    pub fn new(events: Vec<Event>) -> Self {
        build::build(events)
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
        self.exchanges.iter().find(|exchange| exchange.id == id)
    }

    /// The connection one of whose ends has this number.
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.ends().any(|end| end.id == id))
    }

    /// The exchanges that lead from what was asked for to the page: redirects followed.
    pub fn chain(&self) -> Vec<&Exchange> {
        let mut chain: Vec<&Exchange> = Vec::new();
        let mut next = self.exchanges.first();
        while let Some(exchange) = next {
            chain.push(exchange);
            next =
                exchange.next.filter(|next| *next > exchange.id).and_then(|id| self.exchange(id));
        }
        chain
    }

    /// The exchanges that are not part of [`Model::chain`].
    pub fn resources(&self) -> Vec<&Exchange> {
        let chain: Vec<_> = self.chain().iter().map(|exchange| exchange.id).collect();
        self.exchanges.iter().filter(|exchange| !chain.contains(&exchange.id)).collect()
    }

    /// The exchange that brought the page itself.
    pub fn document(&self) -> Option<&Exchange> {
        self.chain().into_iter().next_back()
    }

    /// When a milestone was reached.
    pub fn milestone(&self, name: &str) -> Option<Time> {
        self.milestones
            .iter()
            .find(|reached| reached.what.name.as_str() == name)
            .map(|reached| reached.at)
    }

    /// From the first wish to first paint, or where nothing was painted to the last body's end.
    pub fn total(&self) -> Span {
        let start = self.exchanges.iter().map(|exchange| exchange.span.start);
        let start = start.chain(self.lookups.iter().map(|lookup| lookup.span.start)).min();
        let bodies = self.exchanges.iter().map(|exchange| exchange.span.end);
        let ends = bodies.chain(self.lookups.iter().map(|lookup| lookup.span.end)).max();
        let faults = self.findings.iter().filter(|finding| finding.fatal).map(|finding| finding.at);
        let end = self.milestone("first-paint").into_iter().chain(ends).chain(faults).max();
        Span::new(start.unwrap_or(Time::ZERO), end.unwrap_or(Time::ZERO))
    }

    /// Bytes of heads and bodies that came in.
    pub fn received(&self) -> u64 {
        self.exchanges.iter().map(Exchange::received).sum()
    }

    /// The exit code of the run; what a fault says where the record ends without one.
    pub fn exit(&self) -> u8 {
        let fatal = self.findings.iter().find(|finding| finding.fatal);
        let ended = self.ended.as_ref().map(|ended| ended.exit);
        ended.or(fatal.map(|finding| finding.exit)).unwrap_or(0)
    }

    /// The one step of one exchange that took longest.
    pub fn slowest(&self) -> Option<(&Exchange, Phase)> {
        let phases = self
            .exchanges
            .iter()
            .flat_map(|exchange| exchange.phases.iter().map(move |phase| (exchange, *phase)));
        // Among equals the first.
        phases.filter(|(_, phase)| phase.kind != PhaseKind::Blocked).fold(None, |best, next| {
            match best {
                Some((_, phase)) if Phase::took(&phase) >= next.1.took() => best,
                _ => Some(next),
            }
        })
    }
}
