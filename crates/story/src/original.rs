//! The run that a replay carries out again, as far as both are shown side by side.

use core::time::Duration;

use crate::exchange::Exchange;
use crate::phase::PhaseKind;
use crate::story::Story;

/// What the original run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// As [`Story::total`].
    pub took: Duration,
    /// Its exchanges that were answered, in order.
    pub exchanges: Vec<OriginalExchange>,
}

/// One exchange of the original run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalExchange {
    /// The URL.
    pub url: String,
    /// From queued to the last byte.
    pub took: Duration,
    /// What the replay takes for the server's think time ([`Story::think`]).
    pub think: Duration,
}

impl Original {
    /// What a story came to.
    pub fn of(story: &Story) -> Self {
        let answered = story.exchanges.iter().filter(|exchange| exchange.status().is_some());
        let exchanges = answered.map(|exchange| OriginalExchange {
            url: exchange.url.clone(),
            took: exchange.span.took(),
            think: story.think(exchange),
        });
        Self { took: story.total().took(), exchanges: exchanges.collect() }
    }
}

impl Story {
    /// The server's share of a wait: what remains of it after one round trip, which the connection's
    /// own handshake measured. Time of our own machine is in neither.
    pub fn think(&self, exchange: &Exchange) -> Duration {
        let wait = exchange.spent(PhaseKind::Wait).unwrap_or_default();
        wait.saturating_sub(self.round_trip(exchange))
    }

    /// How long the handshake of an exchange's connection took: of the try that won, from SYN to
    /// SYN-ACK where those were seen.
    fn round_trip(&self, exchange: &Exchange) -> Duration {
        let Some(connection) = exchange.connection else { return Duration::ZERO };
        let end = self.connection(connection).and_then(|connection| connection.client.as_ref());
        if let Some(measured) = end.and_then(crate::stamps::round_trip) {
            return measured;
        }
        let tries = self.exchanges.iter().flat_map(|exchange| &exchange.attempts);
        tries
            .filter_map(|attempted| Some((attempted.at, attempted.result.as_ref()?)))
            .find(|(_, result)| result.what.connection == Some(connection))
            .map_or(Duration::ZERO, |(began, result)| {
                let (sent, answered) = (result.what.syn_sent, result.what.syn_ack);
                answered.unwrap_or(result.at) - sent.unwrap_or(began)
            })
    }
}
