//! What a state decides about something that happened. Both types are generic over the states that
//! can follow (`To`), so that each state names its own and depends on no other.

use roundtrip_packet::tcp::Header;
use roundtrip_record::{CloseReason, Timer};

use crate::Disposition;

/// What a state decides about a segment that arrived.
#[derive(Debug)]
pub(crate) struct Verdict<To> {
    pub(crate) disposition: Disposition,
    pub(crate) next: Next<To>,
    /// A reset to send in answer, with numbers from the segment and not from the connection.
    pub(crate) reset: Option<Box<Header>>,
}

impl<To> Verdict<To> {
    pub(crate) fn stay(disposition: Disposition) -> Verdict<To> {
        Verdict { disposition, next: Next::Stay, reset: None }
    }

    pub(crate) fn transition(disposition: Disposition, next: Next<To>) -> Verdict<To> {
        Verdict { disposition, next, reset: None }
    }

    /// The same verdict among more states.
    pub(crate) fn widen<Wider: From<To>>(self) -> Verdict<Wider> {
        let Verdict { disposition, next, reset } = self;
        Verdict { disposition, next: next.widen(), reset }
    }
}

/// The state to go to.
#[derive(Debug)]
pub(crate) enum Next<To> {
    /// The connection stays in its state.
    Stay,
    /// The connection goes to another state.
    To(To),
    /// The connection is closed.
    Closed(CloseReason),
}

impl<To> Next<To> {
    /// The same among more states.
    pub(crate) fn widen<Wider: From<To>>(self) -> Next<Wider> {
        match self {
            Next::Stay => Next::Stay,
            Next::To(state) => Next::To(state.into()),
            Next::Closed(reason) => Next::Closed(reason),
        }
    }
}

/// A timer that fired, to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fired {
    pub(crate) timer: Timer,
    pub(crate) count: u32,
}
