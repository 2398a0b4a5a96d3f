//! Where layers report what happened.

use serde::{Deserialize, Serialize};

use crate::{EventId, InterfaceId, Time, What};

/// Which way a frame or segment went, as seen from the host that reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It left this host.
    Sent,
    /// It arrived here.
    Received,
}

/// Takes what happened and gives each of it an id.
pub trait Trace {
    /// Records what the closure makes, as having happened at `at` because of `cause`; `None` when
    /// nobody records, and then the closure is not called.
    fn emit(
        &mut self,
        at: Time,
        cause: Option<EventId>,
        what: impl FnOnce() -> What,
    ) -> Option<EventId>;

    /// Whether anything is recorded: what is made only for the record need not be made otherwise.
    fn is_on(&self) -> bool {
        true
    }

    /// Records a frame as it stands on `interface`: its bytes go to `trace.pcapng`, an event refers
    /// to them.
    fn frame(
        &mut self,
        at: Time,
        cause: Option<EventId>,
        interface: InterfaceId,
        direction: Direction,
        bytes: &[u8],
    ) -> Option<EventId>;
}

/// Records nothing, at no cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Off;

impl Trace for Off {
    #[inline]
    fn is_on(&self) -> bool {
        false
    }

    #[inline]
    fn emit(&mut self, _: Time, _: Option<EventId>, _: impl FnOnce() -> What) -> Option<EventId> {
        None
    }

    #[inline]
    fn frame(
        &mut self,
        _: Time,
        _: Option<EventId>,
        _: InterfaceId,
        _: Direction,
        _: &[u8],
    ) -> Option<EventId> {
        None
    }
}

impl<T: Trace> Trace for &mut T {
    fn is_on(&self) -> bool {
        (**self).is_on()
    }

    fn emit(
        &mut self,
        at: Time,
        cause: Option<EventId>,
        what: impl FnOnce() -> What,
    ) -> Option<EventId> {
        (**self).emit(at, cause, what)
    }

    fn frame(
        &mut self,
        at: Time,
        cause: Option<EventId>,
        interface: InterfaceId,
        direction: Direction,
        bytes: &[u8],
    ) -> Option<EventId> {
        (**self).frame(at, cause, interface, direction, bytes)
    }
}
