//! What everything that happens has in common.

use std::net::SocketAddr;

use roundtrip_record::{EventId, Time};

/// One thing that happens: when, and which event of the record led to it. It is handed down to
/// whatever follows from it, so that the record tells causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The time.
    pub now: Time,
    /// The event that led to it; `None` if nothing recorded did, or nobody records.
    pub cause: Option<EventId>,
}

impl Step {
    /// At `now`, for the reason `cause`.
    #[inline]
    pub const fn new(now: Time, cause: Option<EventId>) -> Step {
        Step { now, cause }
    }

    /// At `now`, for no recorded reason: a timer, or a call of the application.
    #[inline]
    pub const fn at(now: Time) -> Step {
        Step { now, cause: None }
    }
}

/// The two ends of a connection, seen from one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The address and port of this end.
    pub local: SocketAddr,
    /// The address and port of the peer.
    pub remote: SocketAddr,
}

impl Endpoints {
    /// The same connection seen from its other end.
    #[must_use]
    pub const fn reversed(self) -> Endpoints {
        Endpoints { local: self.remote, remote: self.local }
    }
}
