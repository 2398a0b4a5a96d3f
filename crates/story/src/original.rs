//! The original run of a replay, reduced to the figures that are shown beside the replay's.

use core::time::Duration;

use roundtrip_record::{Field, REDACTED, REDACTED_VALUE};
use serde::Serialize;

use crate::exchange::Exchange;
use crate::story::Story;

/// The figures of the original run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The length of the original run, as [`Story::total`] has it.
    pub took: Duration,
    /// The exchanges that were answered, in order.
    pub exchanges: Vec<OriginalExchange>,
    /// What the requests carried and the record does not hold, so that the replay goes without it.
    pub redacted: Vec<Redacted>,
}

/// A credential that was left out of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redacted {
    /// The name of the header field or of the query value.
    pub name: String,
    /// The number of requests that carried it.
    pub requests: usize,
}

/// One exchange of the original run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalExchange {
    /// The URL.
    pub url: String,
    /// The time from queued to the last byte.
    pub took: Duration,
    /// The server's think time that the replay uses ([`Story::thinks`]).
    pub think: Duration,
}

impl Original {
    /// The figures of a story that is to be replayed.
    pub fn of(story: &Story) -> Self {
        let thinks = story.thinks();
        let exchanges = story.answered().map(|exchange| OriginalExchange {
            url: exchange.url.clone(),
            took: exchange.span.took(),
            think: thinks.get(&exchange.id).map_or(Duration::ZERO, |think| think.took),
        });
        Self {
            took: story.total().took(),
            exchanges: exchanges.collect(),
            redacted: redacted(story.answered()),
        }
    }
}

/// The redacted names of these exchanges, in the order of the first request of each.
fn redacted<'a>(exchanges: impl Iterator<Item = &'a Exchange>) -> Vec<Redacted> {
    let mut found: Vec<Redacted> = Vec::new();
    for exchange in exchanges {
        let request = exchange.request.iter().flat_map(|request| &request.what.fields);
        let fields =
            request.filter(|Field(_, value)| value == REDACTED).map(|Field(name, _)| name.as_str());
        let query = exchange.url.split_once('?').map_or("", |(_, query)| query);
        let values = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(|(_, value)| *value == REDACTED_VALUE)
            .map(|(name, _)| name);
        let mut names: Vec<&str> = fields.chain(values).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            match found.iter_mut().find(|known| known.name.eq_ignore_ascii_case(name)) {
                Some(known) => known.requests += 1,
                None => found.push(Redacted { name: name.to_owned(), requests: 1 }),
            }
        }
    }
    found
}

impl Story {
    /// The round-trip time of an exchange's connection: the length of its handshake, from SYN to
    /// SYN-ACK where these were seen.
    pub fn round_trip(&self, exchange: &Exchange) -> Option<Duration> {
        let connection = exchange.connection?;
        let end = self.connection(connection).and_then(|connection| connection.client.as_ref());
        if let Some(measured) = end.and_then(crate::byte_times::round_trip) {
            return Some(measured);
        }
        let tries = self.exchanges.iter().flat_map(|exchange| &exchange.attempts);
        tries
            .filter_map(|attempted| Some((attempted.at, attempted.result.as_ref()?)))
            .find(|(_, result)| result.what.connection == Some(connection))
            .map(|(began, result)| {
                let (sent, answered) = (result.what.syn_sent, result.what.syn_ack);
                answered.unwrap_or(result.at) - sent.unwrap_or(began)
            })
    }
}
