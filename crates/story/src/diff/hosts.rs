//! What changed about servers and their names: connections, who closed them, addresses, aliases.

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use roundtrip_record::{EndedBy, Source, WireKind};
use serde::Serialize;

use super::both::{Both, both_ms_known};
use super::pair::origin;
use crate::connection::Connection;
use crate::lookup::Lookup;
use crate::story::Story;

/// The connections to one server, on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerDiff {
    /// The server's origin: scheme, host and port.
    pub origin: String,
    /// The number of requests to it.
    pub requests: Both<usize>,
    /// The number of connections that carried them.
    pub connections: Both<usize>,
    /// Of each connection that the server closed: how many exchanges it had carried.
    pub closed: Both<Vec<usize>>,
    /// The address of the first connection, where the record has it.
    pub address: Both<Option<SocketAddr>>,
    /// The round-trip time, as the first connection's handshake measured it.
    #[serde(rename = "round_trip_ms", serialize_with = "both_ms_known")]
    pub round_trip: Both<Option<Duration>>,
}

impl ServerDiff {
    /// Whether anything but the round-trip time and the port number changed. A server that only one side
    /// asked is told by its requests.
    pub fn has_changed(&self) -> bool {
        let both_sides = self.requests.a > 0 && self.requests.b > 0;
        let moved = self.address.map(|address| address.map(|at| at.ip())).known();
        both_sides
            && (self.connections.differ()
                || self.closed.differ()
                || moved.is_some_and(|ips| ips.differ()))
    }
}

/// The first lookup of one name, on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NameDiff {
    /// The name, with its last dot.
    pub name: String,
    /// The aliases followed, the first one first.
    pub aliases: Both<Vec<String>>,
    /// The addresses found.
    pub addresses: Both<Vec<IpAddr>>,
    /// How long they may be kept, in seconds.
    pub ttl: Both<Option<u32>>,
    /// Who gave the answer: `cache`, `hosts`, `resolver`, `zone`; `None` where nobody did.
    pub from: Both<Option<&'static str>>,
    /// How long it took.
    #[serde(rename = "took_ms", serialize_with = "both_ms_known")]
    pub took: Both<Option<Duration>>,
}

impl NameDiff {
    /// Whether the name leads elsewhere, by another way, or is answered by somebody else. How long an
    /// answer of a cache may still be kept differs with every lookup, and is no change; nor is it one
    /// that only one side looked the name up.
    pub fn has_changed(&self) -> bool {
        let own = self.from == Both::new(Some("zone"), Some("zone"));
        self.took.known().is_some()
            && (self.aliases.differ()
                || self.addresses.differ()
                || self.from.differ()
                || (own && self.ttl.differ()))
    }
}

/// Whether a lab gave the addresses on some side: it makes them up, so that they say nothing of where a
/// server is.
fn makes_addresses_up(stories: Both<&Story>) -> bool {
    let in_lab = |story: &Story| story.run.as_ref().is_some_and(|run| run.wire == WireKind::Lab);
    in_lab(stories.a) || in_lab(stories.b)
}

/// The servers of both runs, in the order of their origins.
pub(super) fn servers(stories: Both<&Story>) -> Vec<ServerDiff> {
    let made_up = makes_addresses_up(stories);
    let sides = stories.map(of_side);
    let mut origins: Vec<&String> = sides.a.keys().chain(sides.b.keys()).collect();
    origins.sort();
    origins.dedup();
    let diff = |origin: &String| {
        let side = sides.as_ref().map(|side| side.get(origin).cloned().unwrap_or_default());
        ServerDiff {
            origin: origin.clone(),
            requests: side.as_ref().map(|side| side.requests),
            connections: side.as_ref().map(|side| side.connections),
            address: side.as_ref().map(|side| side.address.filter(|_| !made_up)),
            round_trip: side.as_ref().map(|side| side.round_trip),
            closed: side.map(|side| side.closed),
        }
    };
    origins.into_iter().map(diff).collect()
}

#[derive(Clone, Default)]
struct OneSide {
    requests: usize,
    connections: usize,
    closed: Vec<usize>,
    address: Option<SocketAddr>,
    round_trip: Option<Duration>,
}

fn of_side(story: &Story) -> BTreeMap<String, OneSide> {
    let mut servers: BTreeMap<String, OneSide> = BTreeMap::new();
    let mut known = Vec::new();
    for exchange in story.seen() {
        let Some(server) = origin(&exchange.url) else { continue };
        let server = servers.entry(server).or_default();
        server.requests += 1;
        let Some(id) = exchange.connection.filter(|id| !known.contains(id)) else { continue };
        known.push(id);
        server.connections += 1;
        let connection = story.connection(id);
        server.closed.extend(connection.and_then(closed_after));
        server.address = server.address.or(connection.and_then(Connection::server_address));
        server.round_trip = server.round_trip.or_else(|| story.round_trip(exchange));
    }
    servers
}

/// How many exchanges a connection carried before its server closed it; `None` where the server did
/// not.
pub(super) fn closed_after(connection: &Connection) -> Option<usize> {
    let by_server = connection.ending.as_ref()?.what.by == EndedBy::Server;
    by_server.then_some(connection.exchanges.len())
}

/// The names that were looked up on either side, in A's order and then in B's.
pub(super) fn names(stories: Both<&Story>) -> Vec<NameDiff> {
    let made_up = makes_addresses_up(stories);
    let mut names: Vec<&str> = Vec::new();
    for lookup in stories.a.lookups.iter().chain(&stories.b.lookups) {
        if !names.contains(&lookup.name.as_str()) {
            names.push(&lookup.name);
        }
    }
    let diff = |name: &str| {
        let found = stories.map(|story| first(story, name));
        NameDiff {
            name: name.to_owned(),
            aliases: found.map(|lookup| lookup.map_or(Vec::new(), |one| one.aliases.clone())),
            addresses: found.map(|lookup| {
                let found = lookup.filter(|_| !made_up);
                found.map_or(Vec::new(), |one| one.addresses.clone())
            }),
            ttl: found.map(|lookup| lookup?.ttl),
            from: found.map(|lookup| answered_by(lookup?)),
            took: found.map(|lookup| Some(lookup?.span.took())),
        }
    };
    names.into_iter().map(diff).collect()
}

fn first<'a>(story: &'a Story, name: &str) -> Option<&'a Lookup> {
    story.lookups.iter().find(|lookup| lookup.name == name)
}

/// Who gave the answer to a lookup.
pub(super) fn answered_by(lookup: &Lookup) -> Option<&'static str> {
    let rung = lookup.settled_by().filter(|_| !lookup.addresses.is_empty())?;
    Some(match rung.source {
        Source::Literal | Source::SpecialUse => "itself",
        Source::OwnCache | Source::OsCache { .. } => "cache",
        Source::HostsFile { .. } => "hosts",
        Source::Zone { .. } => "zone",
        Source::Resolved { .. } | Source::NameServer { .. } => "resolver",
        Source::Skipped { .. } => return None,
    })
}
