//! What went wrong with an exchange.

use roundtrip_record::{ConnectionId, EventId, ExchangeId, Fault, FaultKind, Step, Time};

/// A fault of one exchange, with all that the record needs of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {kind:?}", .step.name())]
pub struct Failure {
    /// The exchange.
    pub exchange: ExchangeId,
    /// Its connection, where it had one.
    pub connection: Option<ConnectionId>,
    /// The step in which it showed.
    pub step: Step,
    /// When that step began.
    pub since: Time,
    /// The event before it.
    pub cause: Option<EventId>,
    /// What was seen.
    pub kind: FaultKind,
}

impl Failure {
    /// For the record. `fatal` says whether the run ends with it.
    pub fn fault(&self, fatal: bool) -> Fault {
        Fault {
            step: self.step,
            exchange: Some(self.exchange),
            connection: self.connection,
            since: self.since,
            fatal,
            fault: self.kind.clone(),
        }
    }
}
