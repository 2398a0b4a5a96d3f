//! The `Trace` trait, through which every layer reports what happened.

use crate::{Direction, EventId, InterfaceId, Time, What};

/// A sink of events, which gives each event an id.
pub trait Trace {
    /// Records the event that the closure makes, as having happened at `at` because of `cause`, and
    /// returns its id. Where nothing is recorded, it returns `None` and does not call the closure.
    fn emit(
        &mut self,
        at: Time,
        cause: Option<EventId>,
        what: impl FnOnce() -> What,
    ) -> Option<EventId>;

    /// Whether anything is recorded. Callers skip what is computed only for the record when it is
    /// not.
    fn is_on(&self) -> bool {
        true
    }

    /// Records a frame that passes `interface`, Ethernet header included where there is one: its
    /// bytes go to `trace.pcapng`, and an event refers to them.
    fn frame(
        &mut self,
        at: Time,
        cause: Option<EventId>,
        interface: InterfaceId,
        direction: Direction,
        bytes: &[u8],
    ) -> Option<EventId>;
}

/// The trace that records nothing, at no cost.
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
