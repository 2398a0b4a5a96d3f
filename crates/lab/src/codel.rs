//! CoDel (RFC 8289): drops frames while the delay of a queue stays above a target.
//!
//! A queue that fills with a burst and empties again is useful; one that does not empty for longer
//! than a sender takes to react only adds delay. So what counts is the least delay within an
//! interval. While it stays above the target, frames are dropped one by one at shrinking distances,
//! `interval / √count`, which makes the throughput of a TCP sender fall evenly.
//!
//! The code follows the pseudo-code of RFC 8289 §5, and Linux (`include/net/codel_impl.h`) where
//! that differs: nothing is dropped while no more bytes wait than one frame of the MTU has, where
//! the RFC takes the longest frame seen; a frame is dropped after the interval, not at its very
//! end; and frames of senders that support ECN can be marked. But the square root is the RFC's:
//! Linux approximates it by one step of Newton's method a drop, so that its second drop comes 50 ms
//! after the first and not 71. With an exact root Linux's code drops the same frames:
//! `tests/codel/README.md`.

use roundtrip_record::{DropReason, Time};

use crate::fifo::{Fifo, QueuedFrame};
use crate::frame::mark_congestion;
use crate::ledger::Ledger;
use crate::shape::{CoDel, Queue};
use crate::time::{later, nanos};

/// The number of waiting bytes up to which no frame is dropped: an Ethernet frame of the usual MTU.
const MTU: u64 = 1_514;

/// The parameters in nanoseconds, and the control law that they give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ControlLaw {
    target: u64,
    interval: u64,
    ecn: bool,
}

impl ControlLaw {
    pub(crate) fn of(CoDel { target, interval, ecn }: CoDel) -> Self {
        Self { target: nanos(target), interval: nanos(interval), ecn }
    }

    /// The time of the next drop after one at `from`, the `count`th in a row (RFC 8289 §5.6,
    /// `control_law`).
    fn next_drop(self, from: Time, count: u32) -> Time {
        let square = u128::from(self.interval) * u128::from(self.interval);
        let wait = (square / u128::from(count.max(1))).isqrt();
        later(from, u64::try_from(wait).unwrap_or(u64::MAX))
    }
}

/// The CoDel state of a queue: the variables of RFC 8289 §5.2.
#[derive(Debug, Default)]
pub(crate) struct CodelState {
    /// When the delay will have been above the target for one interval; `None` while it is below.
    first_above: Option<Time>,
    /// When the next frame is dropped.
    drop_next: Time,
    /// The number of frames dropped since dropping began.
    count: u32,
    /// The value of `count` when dropping began.
    last_count: u32,
    /// Whether frames are being dropped.
    dropping: bool,
}

impl CodelState {
    /// The frame of `queue` that is transmitted now; frames before it may be dropped. `beside` is
    /// the number of bytes that wait in other queues for the same transmitter.
    pub(crate) fn dequeue(
        &mut self,
        now: Time,
        law: ControlLaw,
        queue: &mut Fifo,
        beside: u64,
        ledger: &mut Ledger<'_>,
    ) -> Option<QueuedFrame> {
        let mut dequeue = Dequeue { state: self, now, law, queue, beside };
        let (first, stands) = dequeue.take_first();
        let Some(mut first) = first else {
            self.dropping = false;
            return None;
        };
        if !stands {
            self.dropping = false;
            return Some(first);
        }
        if dequeue.state.dropping {
            return dequeue.drop_due(first, ledger);
        }
        let next = if law.ecn && mark_congestion(&mut first.frame) {
            ledger.note(first.event, DropReason::Marked);
            Some(first)
        } else {
            ledger.drop(first.frame, first.event, DropReason::Aqm);
            dequeue.take_first().0
        };
        self.begin(now, law);
        next
    }

    /// Counts frames that were dropped because the whole queue was full, as if CoDel had dropped
    /// them (`fq_codel_drop` of Linux).
    pub(crate) fn count_drops(&mut self, drops: u32) {
        self.count = self.count.wrapping_add(drops);
    }

    /// Begins to drop frames. If the delay rose again soon after it was last controlled, dropping
    /// resumes near the rate reached then.
    fn begin(&mut self, now: Time, law: ControlLaw) {
        self.dropping = true;
        let delta = self.count.wrapping_sub(self.last_count);
        let since = now.nanos().saturating_sub(self.drop_next.nanos());
        let soon = since < law.interval.saturating_mul(16);
        self.count = if delta > 1 && soon { delta } else { 1 };
        self.last_count = self.count;
        self.drop_next = law.next_drop(now, self.count);
    }
}

/// The state of CoDel while it takes one frame out.
struct Dequeue<'a> {
    state: &'a mut CodelState,
    now: Time,
    law: ControlLaw,
    queue: &'a mut Fifo,
    beside: u64,
}

impl Dequeue<'_> {
    /// Takes the first frame out; answers it and whether the delay has been too long for long
    /// enough to drop it (`dodequeue`).
    fn take_first(&mut self) -> (Option<QueuedFrame>, bool) {
        let first = self.queue.pop();
        let Some(waiting) = &first else {
            self.state.first_above = None;
            return (None, false);
        };
        let delay = self.now.nanos().saturating_sub(waiting.since.nanos());
        if delay < self.law.target || self.queue.bytes() + self.beside <= MTU {
            self.state.first_above = None;
            return (first, false);
        }
        let above = self.state.first_above;
        let due = *self.state.first_above.get_or_insert(later(self.now, self.law.interval));
        (first, above.is_some() && self.now > due)
    }

    /// Drops frames, or marks one, while drops are due.
    fn drop_due(&mut self, first: QueuedFrame, ledger: &mut Ledger<'_>) -> Option<QueuedFrame> {
        let mut next = Some(first);
        while self.state.dropping && self.now >= self.state.drop_next {
            let Some(mut first) = next else { break };
            self.state.count = self.state.count.wrapping_add(1);
            let due = self.law.next_drop(self.state.drop_next, self.state.count);
            if self.law.ecn && mark_congestion(&mut first.frame) {
                ledger.note(first.event, DropReason::Marked);
                self.state.drop_next = due;
                return Some(first);
            }
            ledger.drop(first.frame, first.event, DropReason::Aqm);
            let stands;
            (next, stands) = self.take_first();
            self.state.dropping = stands;
            if stands {
                self.state.drop_next = due;
            }
        }
        next
    }
}

/// A single queue managed by CoDel.
#[derive(Debug)]
pub(crate) struct Codel {
    law: ControlLaw,
    limit: Queue,
    state: CodelState,
    queue: Fifo,
}

impl Codel {
    pub(crate) fn new(parameters: CoDel, limit: Queue) -> Self {
        let law = ControlLaw::of(parameters);
        Self { law, limit, state: CodelState::default(), queue: Fifo::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Queues a frame, or drops it if there is no room.
    pub(crate) fn enqueue(&mut self, waiting: QueuedFrame, ledger: &mut Ledger<'_>) {
        if self.limit.holds(self.queue.len() + 1, self.queue.bytes() + waiting.bytes()) {
            self.queue.push(waiting);
        } else {
            ledger.drop(waiting.frame, waiting.event, DropReason::QueueFull);
        }
    }

    pub(crate) fn dequeue(&mut self, now: Time, ledger: &mut Ledger<'_>) -> Option<QueuedFrame> {
        self.state.dequeue(now, self.law, &mut self.queue, 0, ledger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits are 100 ms over the square roots of 1, 2, 3 …, exact to the nanosecond.
    #[test]
    fn each_drop_comes_sooner_after_the_last() {
        let law = ControlLaw::of(CoDel::LINUX);
        let waits = [1, 2, 3, 4, 5, 9, 16, 100, 10_000]
            .map(|count| law.next_drop(Time::from_millis(7), count).nanos() - 7_000_000);
        let exact = [
            100_000_000,
            70_710_678,
            57_735_026,
            50_000_000,
            44_721_359,
            33_333_333,
            25_000_000,
            10_000_000,
            1_000_000,
        ];
        assert_eq!(waits, exact);
    }
}
