//! The agenda: the next event of every source, in virtual time.
//!
//! A source is something at which events happen one after the other: a link (its next frame
//! arrives), a host (its timer fires), or a slot for a sleeping task (the task wakes). The agenda
//! holds one entry for each source that has a next event, in a binary heap that knows the position
//! of each source, so that an entry moves in place when its time changes: a link with a thousand
//! frames on it is one entry, and a timer that is put off a million times leaves nothing behind.

use core::cmp::Ordering;

use roundtrip_record::Time;

/// A source of events. The order of the variants is the order of events at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// A frame arrives over the link with this index, or its transmitter takes the next one.
    Link(u32),
    /// The timer of the host with this index.
    Host(u32),
    /// The task that sleeps in the slot with this index wakes up.
    Sleep(u32),
}

/// The order at one instant: links by index, then hosts by index, then tasks in the order in which
/// they went to sleep.
const HOSTS: u32 = 1 << 30;
const TASKS: u32 = 1 << 31;

/// A heap entry: time, rank and source number, compared as one integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct HeapEntry(u128);

impl HeapEntry {
    #[inline]
    fn new(at: Time, rank: u32, source: u32) -> Self {
        Self(u128::from(at.nanos()) << 64 | u128::from(rank) << 32 | u128::from(source))
    }

    #[inline]
    fn at(self) -> Time {
        Time::from_nanos((self.0 >> 64) as u64)
    }

    /// The number of the source.
    #[inline]
    fn source(self) -> usize {
        self.0 as u32 as usize
    }
}

/// The heap position of a source without an entry.
const ABSENT: u32 = u32::MAX;

/// The next event of every source, the earliest first.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: Vec<HeapEntry>,
    /// Each source, and its position in the heap.
    sources: Vec<(Source, u32)>,
    /// The source numbers of the links, the hosts and the sleep slots, by index.
    links: Vec<u32>,
    hosts: Vec<u32>,
    sleep_slots: Vec<u32>,
    /// How many times tasks have gone to sleep. Beyond 2³¹ the count begins again, and with it the
    /// order of tasks at one instant.
    sleeps: u32,
}

impl Agenda {
    pub(crate) fn add_link(&mut self) -> u32 {
        add(&mut self.sources, &mut self.links, Source::Link)
    }

    pub(crate) fn add_host(&mut self) -> u32 {
        add(&mut self.sources, &mut self.hosts, Source::Host)
    }

    pub(crate) fn add_sleep_slot(&mut self) -> u32 {
        add(&mut self.sources, &mut self.sleep_slots, Source::Sleep)
    }

    /// The next event of any source, and its time.
    #[inline]
    pub(crate) fn first(&self) -> Option<(Time, Source)> {
        let first = self.heap.first()?;
        Some((first.at(), self.sources[first.source()].0))
    }

    /// Sets the time of a source's next event; `None` removes it. A sleep slot with a time counts as
    /// a task that goes to sleep.
    #[inline]
    pub(crate) fn set(&mut self, source: Source, at: Option<Time>) {
        let (number, rank) = match source {
            Source::Link(index) => (self.links[index as usize], index),
            Source::Host(index) => (self.hosts[index as usize], HOSTS | index),
            Source::Sleep(index) => {
                self.sleeps = self.sleeps.wrapping_add(u32::from(at.is_some()));
                (self.sleep_slots[index as usize], TASKS | self.sleeps)
            }
        };
        match at {
            Some(at) => self.insert(HeapEntry::new(at, rank, number)),
            None => self.remove(number),
        }
    }

    #[inline]
    fn insert(&mut self, entry: HeapEntry) {
        let place = &mut self.sources[entry.source()].1;
        if *place == ABSENT {
            let place = self.heap.len();
            self.heap.push(entry);
            self.rise(place);
            return;
        }
        let place = *place as usize;
        let before = core::mem::replace(&mut self.heap[place], entry);
        match entry.cmp(&before) {
            Ordering::Equal => {}
            Ordering::Less => self.rise(place),
            Ordering::Greater => self.sink(place),
        }
    }

    #[inline]
    fn remove(&mut self, number: u32) {
        let place = core::mem::replace(&mut self.sources[number as usize].1, ABSENT);
        if place == ABSENT {
            return;
        }
        let place = place as usize;
        let Some(last) = self.heap.pop() else { return };
        if place < self.heap.len() {
            let gone = core::mem::replace(&mut self.heap[place], last);
            if last < gone {
                self.rise(place);
            } else {
                self.sink(place);
            }
        }
    }

    #[inline]
    fn put(&mut self, place: usize, entry: HeapEntry) {
        self.heap[place] = entry;
        self.sources[entry.source()].1 = place as u32;
    }

    /// Moves an entry up to its position.
    fn rise(&mut self, mut place: usize) {
        let entry = self.heap[place];
        while place > 0 {
            let above = (place - 1) / 2;
            if self.heap[above] <= entry {
                break;
            }
            self.put(place, self.heap[above]);
            place = above;
        }
        self.put(place, entry);
    }

    /// Moves an entry down to its position.
    fn sink(&mut self, mut place: usize) {
        let entry = self.heap[place];
        loop {
            let mut below = 2 * place + 1;
            if below >= self.heap.len() {
                break;
            }
            if below + 1 < self.heap.len() && self.heap[below + 1] < self.heap[below] {
                below += 1;
            }
            if entry <= self.heap[below] {
                break;
            }
            self.put(place, self.heap[below]);
            place = below;
        }
        self.put(place, entry);
    }
}

/// Adds a source to all sources and to those of its kind; answers its index among the latter.
fn add(all: &mut Vec<(Source, u32)>, kind: &mut Vec<u32>, source: fn(u32) -> Source) -> u32 {
    let index = kind.len() as u32;
    kind.push(all.len() as u32);
    all.push((source(index), ABSENT));
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Chance, Seed};

    #[test]
    fn one_instant_has_an_order() {
        let mut agenda = Agenda::default();
        for _ in 0..3 {
            agenda.add_link();
            agenda.add_host();
            agenda.add_sleep_slot();
        }
        let at = Time::from_millis(1);
        let order =
            [Source::Link(0), Source::Link(2), Source::Host(0), Source::Sleep(1), Source::Sleep(0)];
        // At the same time, tasks come in the order in which they went to sleep, all others by
        // index.
        for place in [3, 4, 2, 1, 0] {
            agenda.set(order[place], Some(at));
        }
        for source in order {
            assert_eq!(agenda.first(), Some((at, source)));
            agenda.set(source, None);
        }
        assert_eq!(agenda.first(), None);
    }

    /// Compares it with a list as the model, which is searched from end to end.
    #[test]
    fn agrees_with_a_plain_list() {
        let mut chance = Chance::new(Seed::new(11));
        let mut agenda = Agenda::default();
        let mut plain: Vec<(Source, Option<Time>)> = Vec::new();
        for _ in 0..40 {
            plain.push((Source::Link(agenda.add_link()), None));
            plain.push((Source::Host(agenda.add_host()), None));
        }
        for _ in 0..20_000 {
            let which = chance.below(plain.len() as u64) as usize;
            let at = (chance.below(4) > 0).then(|| Time::from_nanos(chance.below(50)));
            plain[which].1 = at;
            agenda.set(plain[which].0, at);
            let first = plain.iter().filter_map(|(source, at)| Some((at.as_ref()?, source))).min();
            assert_eq!(agenda.first(), first.map(|(at, source)| (*at, *source)));
        }
    }
}
