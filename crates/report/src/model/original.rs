//! The run that a replay carries out again, as far as both are shown side by side.

use core::time::Duration;

use roundtrip_record::ConnectionId;

use super::{Model, PhaseKind};

/// What the original run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// From its first wish to first paint, or to the last body's end.
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
    /// What the replay takes for the server's think time: the recorded wait less one round trip of
    /// the connection's handshake.
    pub think: Duration,
}

impl Original {
    /// Reads it off the original's record.
    pub fn of(model: &Model) -> Self {
        let answered = model.exchanges.iter().filter(|exchange| exchange.status().is_some());
        let exchanges = answered.map(|exchange| {
            let wait = exchange
                .phase(PhaseKind::Wait)
                .map_or(Duration::ZERO, super::exchange::Phase::took);
            OriginalExchange {
                url: exchange.url.clone(),
                took: exchange.span.took(),
                think: wait.saturating_sub(round_trip(model, exchange.connection)),
            }
        });
        Self { took: model.total().took(), exchanges: exchanges.collect() }
    }
}

/// How long the connection took to open.
fn round_trip(model: &Model, connection: Option<ConnectionId>) -> Duration {
    let attempts = model.exchanges.iter().flat_map(|exchange| &exchange.attempts);
    attempts
        .filter_map(|attempted| Some((attempted.at, attempted.result.as_ref()?)))
        .find(|(_, result)| connection.is_some() && result.what.connection == connection)
        .map_or(Duration::ZERO, |(at, result)| result.at - at)
}
