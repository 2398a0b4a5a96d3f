//! A timer queue: one timer for each numbered item, the earliest at hand.
//!
//! A binary heap that knows where each timer stands, so that an item has one entry and never leaves
//! old ones behind. Deadlines mostly move later (each acknowledgement restarts the retransmission
//! timer), so [`Timers::arm`] leaves an entry where it is when its deadline only recedes; when the
//! entry comes up, the owner asks the item for its deadline again. A segment thus costs one
//! comparison, and a premature wake-up comes at most once for each deadline.

use roundtrip_record::Time;

const NOWHERE: u32 = u32::MAX;

/// The timers of many numbered items.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// The entries, a heap ordered by time, then by number: equal times fire in the same order on
    /// every machine.
    heap: Vec<(Time, u32)>,
    /// The position in `heap` of each number's entry.
    place: Vec<u32>,
}

impl Timers {
    /// The time of the earliest entry; nothing may be due yet when it comes up.
    #[inline]
    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.first().map(|(at, _)| *at)
    }

    /// Makes sure that the entry of `number` comes up at `at` or earlier.
    #[inline]
    pub(crate) fn arm(&mut self, number: u32, at: Time) {
        let index = number as usize;
        if index >= self.place.len() {
            self.place.resize(index + 1, NOWHERE);
        }
        let place = self.place[index];
        if place == NOWHERE {
            self.heap.push((at, number));
            self.place[index] = (self.heap.len() - 1) as u32;
            self.sift_up(self.heap.len() - 1);
        } else if at < self.heap[place as usize].0 {
            self.heap[place as usize].0 = at;
            self.sift_up(place as usize);
        }
    }

    /// Removes the entry of `number`, if it has one.
    pub(crate) fn disarm(&mut self, number: u32) {
        let place = self.place.get(number as usize).copied().unwrap_or(NOWHERE);
        if place != NOWHERE {
            self.remove(place as usize);
        }
    }

    /// Takes the number of the earliest entry, if it is due.
    pub(crate) fn pop(&mut self, now: Time) -> Option<u32> {
        let (at, number) = *self.heap.first()?;
        if at > now {
            return None;
        }
        self.remove(0);
        Some(number)
    }

    fn remove(&mut self, at: usize) {
        let (_, number) = self.heap.swap_remove(at);
        self.place[number as usize] = NOWHERE;
        if at < self.heap.len() {
            self.place[self.heap[at].1 as usize] = at as u32;
            self.sift_down(at);
            self.sift_up(at);
        }
    }

    fn sift_up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.heap[parent] <= self.heap[at] {
                break;
            }
            self.swap(parent, at);
            at = parent;
        }
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let mut least = at;
            for child in [left, right] {
                if child < self.heap.len() && self.heap[child] < self.heap[least] {
                    least = child;
                }
            }
            if least == at {
                break;
            }
            self.swap(least, at);
            at = least;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.place[self.heap[a].1 as usize] = a as u32;
        self.place[self.heap[b].1 as usize] = b as u32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn earlier_moves_and_later_waits() {
        let mut timers = Timers::default();
        timers.arm(3, Time::from_secs(3));
        timers.arm(1, Time::from_secs(5));
        timers.arm(1, Time::from_secs(1));
        timers.arm(3, Time::from_secs(9));
        assert_eq!(timers.next(), Some(Time::from_secs(1)));
        assert_eq!(timers.pop(Time::ZERO), None);
        assert_eq!(timers.pop(Time::from_secs(3)), Some(1));
        assert_eq!(timers.pop(Time::from_secs(3)), Some(3));
        assert_eq!(timers.next(), None);
    }

    proptest! {
        /// Compares it with a model: a map of each number's earliest deadline.
        #[test]
        fn it_is_a_priority_queue(ops in prop::collection::vec((0_u32..20, 0_u64..100, 0_u8..4), 0..300)) {
            let mut timers = Timers::default();
            let mut model = std::collections::BTreeMap::<u32, Time>::new();
            for (number, at, op) in ops {
                let at = Time::from_nanos(at);
                match op {
                    0 | 1 => {
                        timers.arm(number, at);
                        let least = model.entry(number).or_insert(at);
                        *least = at.min(*least);
                    }
                    2 => {
                        timers.disarm(number);
                        model.remove(&number);
                    }
                    _ => {
                        let due = model.iter().map(|(n, t)| (*t, *n)).min().filter(|(t, _)| *t <= at);
                        prop_assert_eq!(timers.pop(at), due.map(|(_, n)| n));
                        if let Some((_, n)) = due {
                            model.remove(&n);
                        }
                    }
                }
                prop_assert_eq!(timers.next(), model.values().min().copied());
            }
        }
    }
}
