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

use crate::fifo::{Fifo, Waiting};
use crate::frame::mark_congestion;
use crate::ledger::Ledger;
use crate::shape::{CoDel, Queue};
use crate::transmitter::{later, nanos};

/// The number of waiting bytes up to which no frame is dropped: an Ethernet frame of the usual MTU.
const MTU: u64 = 1_514;

/// The parameters in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    target: u64,
    interval: u64,
    ecn: bool,
}

impl Rules {
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
pub(crate) struct Control {
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

impl Control {
    /// The frame of `queue` that is transmitted now; frames before it may be dropped. `beside` is
    /// the number of bytes that wait in other queues for the same transmitter.
    pub(crate) fn dequeue(
        &mut self,
        now: Time,
        rules: Rules,
        queue: &mut Fifo,
        beside: u64,
        ledger: &mut Ledger<'_>,
    ) -> Option<Waiting> {
        let mut turn = Turn { control: self, now, rules, queue, beside };
        let (first, stands) = turn.look();
        let Some(mut first) = first else {
            self.dropping = false;
            return None;
        };
        if !stands {
            self.dropping = false;
            return Some(first);
        }
        if turn.control.dropping {
            return turn.go_on(first, ledger);
        }
        let next = if rules.ecn && mark_congestion(&mut first.frame) {
            ledger.note(first.event, DropReason::Marked);
            Some(first)
        } else {
            ledger.drop(first.frame, first.event, DropReason::Aqm);
            turn.look().0
        };
        self.begin(now, rules);
        next
    }

    /// Counts frames that were dropped because the whole queue was full, as if CoDel had dropped
    /// them (`fq_codel_drop` of Linux).
    pub(crate) fn count_drops(&mut self, drops: u32) {
        self.count = self.count.wrapping_add(drops);
    }

    /// Begins to drop frames. If the delay rose again soon after it was last controlled, dropping
    /// resumes near the rate reached then.
    fn begin(&mut self, now: Time, rules: Rules) {
        self.dropping = true;
        let delta = self.count.wrapping_sub(self.last_count);
        let since = now.nanos().saturating_sub(self.drop_next.nanos());
        let soon = since < rules.interval.saturating_mul(16);
        self.count = if delta > 1 && soon { delta } else { 1 };
        self.last_count = self.count;
        self.drop_next = rules.next_drop(now, self.count);
    }
}

/// The state of CoDel while it takes one frame out.
struct Turn<'a> {
    control: &'a mut Control,
    now: Time,
    rules: Rules,
    queue: &'a mut Fifo,
    beside: u64,
}

impl Turn<'_> {
    /// Takes the first frame out; answers it and whether the delay has been too long for long
    /// enough to drop it (`dodequeue`).
    fn look(&mut self) -> (Option<Waiting>, bool) {
        let first = self.queue.pop();
        let Some(waiting) = &first else {
            self.control.first_above = None;
            return (None, false);
        };
        let delay = self.now.nanos().saturating_sub(waiting.since.nanos());
        if delay < self.rules.target || self.queue.bytes() + self.beside <= MTU {
            self.control.first_above = None;
            return (first, false);
        }
        let above = self.control.first_above;
        let due = *self.control.first_above.get_or_insert(later(self.now, self.rules.interval));
        (first, above.is_some() && self.now > due)
    }

    /// Drops frames, or marks one, while drops are due.
    fn go_on(&mut self, first: Waiting, ledger: &mut Ledger<'_>) -> Option<Waiting> {
        let mut next = Some(first);
        while self.control.dropping && self.now >= self.control.drop_next {
            let Some(mut first) = next else { break };
            self.control.count = self.control.count.wrapping_add(1);
            let due = self.rules.next_drop(self.control.drop_next, self.control.count);
            if self.rules.ecn && mark_congestion(&mut first.frame) {
                ledger.note(first.event, DropReason::Marked);
                self.control.drop_next = due;
                return Some(first);
            }
            ledger.drop(first.frame, first.event, DropReason::Aqm);
            let stands;
            (next, stands) = self.look();
            self.control.dropping = stands;
            if stands {
                self.control.drop_next = due;
            }
        }
        next
    }
}

/// A single queue managed by CoDel.
#[derive(Debug)]
pub(crate) struct Codel {
    rules: Rules,
    limit: Queue,
    control: Control,
    queue: Fifo,
}

impl Codel {
    pub(crate) fn new(parameters: CoDel, limit: Queue) -> Self {
        let rules = Rules::of(parameters);
        Self { rules, limit, control: Control::default(), queue: Fifo::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Queues a frame, or drops it if there is no room.
    pub(crate) fn enqueue(&mut self, waiting: Waiting, ledger: &mut Ledger<'_>) {
        if self.limit.holds(self.queue.len() + 1, self.queue.bytes() + waiting.bytes()) {
            self.queue.push(waiting);
        } else {
            ledger.drop(waiting.frame, waiting.event, DropReason::QueueFull);
        }
    }

    pub(crate) fn dequeue(&mut self, now: Time, ledger: &mut Ledger<'_>) -> Option<Waiting> {
        self.control.dequeue(now, self.rules, &mut self.queue, 0, ledger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits are 100 ms over the square roots of 1, 2, 3 …, exact to the nanosecond.
    #[test]
    fn each_drop_comes_sooner_after_the_last() {
        let rules = Rules::of(CoDel::LINUX);
        let waits = [1, 2, 3, 4, 5, 9, 16, 100, 10_000]
            .map(|count| rules.next_drop(Time::from_millis(7), count).nanos() - 7_000_000);
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
