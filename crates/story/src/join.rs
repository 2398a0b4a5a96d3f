//! The second pass over a record: joins what was filed, and cuts the time of each exchange into
//! phases.

use std::collections::BTreeMap;

use roundtrip_record::{
    ConnectionId, Event, EventId, ExchangeId, HostId, LookupId, Side, Time, What,
};

use crate::chain;
use crate::connection::{Connection, Endpoint};
use crate::exchange::{ConnectionAttempt, Exchange};
use crate::lookup::Lookup;
use crate::phases::phases;
use crate::read::PartialStory;
use crate::story::Story;

impl Story {
    /// Understands a record. Any events are accepted: what does not fit together is left unjoined.
    pub fn new(events: Vec<Event>) -> Self {
        story(events)
    }
}

fn story(events: Vec<Event>) -> Story {
    let mut partial = PartialStory::read(events);
    partial.story.connections =
        connections(core::mem::take(&mut partial.ends), core::mem::take(&mut partial.above));
    join_faults(&mut partial);
    join_exchanges(&mut partial);
    chain::link(&mut partial.exchanges);
    let PartialStory { mut story, mut exchanges, lookups, .. } = partial;
    for exchange in exchanges.values_mut() {
        let lookup = exchange.lookup.and_then(|id| lookups.get(&id));
        exchange.phases = phases(exchange, lookup, &story);
        carried(&mut story, exchange);
    }
    join_ends(&story, &mut exchanges);
    let (mut asked, mut served): (Vec<_>, Vec<_>) =
        exchanges.into_values().partition(|exchange| exchange.side == Side::Client);
    asked.sort_by_key(|exchange| (exchange.span.start, exchange.id));
    served.sort_by_key(|exchange| (exchange.span.start, exchange.id));
    story.exchanges = asked;
    story.served = served;
    let client = story.client();
    story.lookups = nested(lookups, client);
    story
}

/// Adds an exchange to the connection that carried it.
fn carried(story: &mut Story, exchange: &Exchange) {
    if exchange.side != Side::Client {
        return;
    }
    let carrier = exchange
        .connection
        .and_then(|id| story.connections.iter_mut().find(|one| one.ends().any(|end| end.id == id)));
    if let Some(carrier) = carrier {
        carrier.exchanges.push(exchange.id);
    }
}

/// Ends each exchange that a fault ended, at the time of the fault.
fn join_faults(partial: &mut PartialStory) {
    for fault in &partial.story.faults {
        let exchange = fault.what.exchange.and_then(|id| partial.exchanges.get_mut(&id));
        if let Some(exchange) = exchange {
            exchange.over = true;
            if exchange.response.is_none() {
                exchange.span.end = exchange.span.end.max(fault.at);
            }
        }
    }
}

/// Gives each exchange its lookup, its attempts to connect, and what waits for it.
fn join_exchanges(partial: &mut PartialStory) {
    let last = partial.story.events.iter().map(|event| event.at).max().unwrap_or(Time::ZERO);
    let made = made_for(&partial.story, &partial.lookups);
    for exchange in partial.exchanges.values_mut() {
        exchange.lookup = exchange.lookup.or(made.get(&exchange.id).copied());
        exchange.attempts = attempts_of(&partial.attempts, exchange.id, exchange.connection);
        // An exchange that failed before its request was sent has the connection of its last
        // attempt.
        let results = exchange.attempts.iter().filter_map(|attempted| attempted.result.as_ref());
        let opened = results.filter_map(|result| result.what.connection).next_back();
        exchange.connection = exchange.connection.or(opened);
        if let Some(blocks) = partial.found.get(&exchange.url) {
            exchange.blocks = *blocks;
        }
        if !exchange.over && exchange.response.is_none() {
            exchange.span.end = exchange.span.end.max(last);
        }
    }
}

/// Joins the two ends of an exchange. They went over the same connection, on the same stream or,
/// without streams, at the same place in the order of the connection's exchanges.
fn join_ends(story: &Story, exchanges: &mut BTreeMap<ExchangeId, Exchange>) {
    let mut places: BTreeMap<(ConnectionId, Side), u64> = BTreeMap::new();
    let mut keys: BTreeMap<(ConnectionId, Option<u64>, u64), [Option<ExchangeId>; 2]> =
        BTreeMap::new();
    for exchange in exchanges.values() {
        let Some((connection, request)) = exchange.connection.zip(exchange.request.as_ref()) else {
            continue;
        };
        let near = story.connection(connection).and_then(Connection::near);
        let Some(near) = near.map(|end| end.id) else { continue };
        let place = places.entry((near, exchange.side)).or_default();
        let key = match request.what.stream {
            Some(stream) => (near, Some(stream), 0),
            None => (near, None, *place),
        };
        *place += 1;
        let ends = keys.entry(key).or_default();
        ends[usize::from(exchange.side == Side::Server)] = Some(exchange.id);
    }
    for ends in keys.into_values() {
        if let [Some(client), Some(server)] = ends {
            for (id, other) in [(client, server), (server, client)] {
                if let Some(exchange) = exchanges.get_mut(&id) {
                    exchange.other = Some(other);
                }
            }
        }
    }
}

/// The attempts to connect made for an exchange, or else those that led to its connection.
fn attempts_of(
    attempts: &[ConnectionAttempt],
    id: ExchangeId,
    connection: Option<ConnectionId>,
) -> Vec<ConnectionAttempt> {
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

/// Joins the two ends of each connection: their addresses are swapped, and the accepting end is not
/// older than the opening one.
fn connections(
    ends: BTreeMap<ConnectionId, Endpoint>,
    mut above: BTreeMap<ConnectionId, Connection>,
) -> Vec<Connection> {
    let mut joined: Vec<Connection> = Vec::new();
    let (clients, servers): (Vec<Endpoint>, Vec<Endpoint>) =
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

/// The first of the client's lookups that each exchange caused, as far as causes are known.
fn made_for(story: &Story, lookups: &BTreeMap<LookupId, Lookup>) -> BTreeMap<ExchangeId, LookupId> {
    let owner = |event: EventId| {
        story.causes(event).into_iter().find_map(|cause| match &cause.what {
            What::ExchangeStarted(started) => Some(started.exchange),
            _ => None,
        })
    };
    let client = story.client();
    let mut made = BTreeMap::new();
    for lookup in lookups.values().filter(|lookup| lookup.host == client) {
        if let Some(exchange) = owner(lookup.event) {
            made.entry(exchange).or_insert(lookup.id);
        }
    }
    made
}

/// The client's lookups, each with those that other hosts made meanwhile for the same names.
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
