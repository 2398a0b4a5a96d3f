//! The times an exchange may take.

use core::task::{Context, Poll};
use core::time::Duration;

use roundtrip_record::{FaultKind, Time};
use roundtrip_wire::Wire;

use super::options::Timeouts;
use crate::timer::Timer;

/// What is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Up {
    /// Nothing came for so long.
    Stalled(Duration),
    /// The whole took longer than this.
    Total(Duration),
}

/// Watches over an exchange from wanted to the last byte.
pub(crate) struct Clocks<W> {
    wire: W,
    timeouts: Timeouts,
    stall: Timer<W>,
    total: Timer<W>,
    began: Time,
    progress: Time,
}

impl<W: Wire> Clocks<W> {
    /// Of an exchange that belongs to something wanted at `began`.
    pub(crate) fn new(wire: W, timeouts: Timeouts, began: Time) -> Self {
        let now = wire.now();
        let mut total = Timer::new(wire.clone());
        total.set(timeouts.total.map(|limit| began + limit));
        let stall = Timer::new(wire.clone());
        Self { wire, timeouts, stall, total, began, progress: now }
    }

    /// Something came or went: the wait begins anew.
    pub(crate) fn progress(&mut self) {
        self.progress = self.wire.now();
        self.stall.set(self.timeouts.stall.map(|limit| self.progress + limit));
    }

    /// Nobody waits for a while.
    pub(crate) fn pause(&mut self) {
        self.stall.set(None);
    }

    /// Whether nobody waits.
    pub(crate) fn is_paused(&self) -> bool {
        !self.stall.is_set()
    }

    pub(crate) fn poll_up(&mut self, context: &mut Context<'_>) -> Poll<Up> {
        if let (Poll::Ready(()), Some(limit)) = (self.total.poll_due(context), self.timeouts.total)
        {
            return Poll::Ready(Up::Total(limit));
        }
        self.stall.poll_due(context).map(|()| Up::Stalled(self.wire.now().since(self.progress)))
    }

    /// What of it bounds the opening of a connection.
    pub(crate) fn dialing(&self) -> DialLimits {
        DialLimits { timeouts: self.timeouts, began: self.began }
    }
}

/// What bounds the opening of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DialLimits {
    timeouts: Timeouts,
    /// When the exchange it is opened for began.
    began: Time,
}

impl DialLimits {
    /// Of a connection that no exchange waits for.
    pub(crate) fn alone(timeouts: Timeouts, now: Time) -> Self {
        Self { timeouts, began: now }
    }

    /// What the whole exchange may still take, and what it may take in all.
    pub(crate) fn whole(&self, now: Time) -> Option<(Duration, Duration)> {
        self.timeouts.total.map(|limit| ((self.began + limit).since(now), limit))
    }

    /// What a connection may take from now on.
    pub(crate) fn connect(&self, now: Time) -> Option<Duration> {
        match (self.timeouts.connect, self.whole(now)) {
            (Some(connect), Some((left, _))) => Some(connect.min(left)),
            (connect, whole) => connect.or(whole.map(|(left, _)| left)),
        }
    }
}

/// The fault that a clock's end is inside a body. `received` and `expected` are bytes of it.
pub(crate) fn up_fault(up: Up, received: u64, expected: Option<u64>) -> FaultKind {
    match up {
        Up::Stalled(silent) => FaultKind::Stalled { received, head: 0, expected, silent },
        Up::Total(limit) => FaultKind::TimedOut { limit, received, head: 0 },
    }
}

/// The fault that it is before that, when so many bytes of heads had come.
pub(crate) fn up_before_body(up: Up, head: u64) -> FaultKind {
    match up {
        Up::Stalled(silent) => FaultKind::Stalled { received: 0, head, expected: None, silent },
        Up::Total(limit) => FaultKind::TimedOut { limit, received: 0, head },
    }
}
