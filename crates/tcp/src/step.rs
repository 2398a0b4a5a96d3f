//! The time and cause of what happens, and the two ends of a connection.

use std::net::SocketAddr;

use roundtrip_record::{EventId, Time};

/// When something happens, and which event of the record led to it. It is handed down to whatever
/// follows, so that the record shows causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The time.
    pub now: Time,
    /// The event that led to it; `None` if none was recorded.
    pub cause: Option<EventId>,
}

impl Step {
    /// A step at `now`, caused by the event `cause`.
    #[inline]
    pub const fn new(now: Time, cause: Option<EventId>) -> Step {
        Step { now, cause }
    }

    /// A step at `now` without a recorded cause: a timer, or a call of the application.
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
