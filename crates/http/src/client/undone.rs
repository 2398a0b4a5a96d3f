//! `Undone`: why there is no connection.

use roundtrip_record::{ConnectionId, EventId, FaultKind, Step, Time};

/// Why there is no connection.
#[derive(Clone)]
pub(crate) struct Undone {
    pub(crate) step: Step,
    pub(crate) since: Time,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) cause: Option<EventId>,
    pub(crate) kind: FaultKind,
}
