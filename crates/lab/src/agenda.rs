//! What happens next.
//!
//! A source is something at which events happen one after the other: a link (its next frame
//! arrives), a host (its timer), all sleeping tasks together. The agenda holds one entry for each
//! source that has a next event, in a binary heap that knows where each source stands, so that an
//! entry moves in place when its time changes: a link with a thousand frames on it is one entry,
//! and a timer that is put off a million times leaves nothing behind.

use roundtrip_record::Time;

/// Where events happen. The order of the variants is the order at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// A frame arrives over the link with this index.
    Link(u32),
    /// The timer of the host with this index.
    Host(u32),
    /// A task wakes up.
    Sleep,
}

impl Source {
    const HOSTS: u32 = 1 << 30;
    const SLEEP: u32 = 1 << 31;

    /// The rank at one instant: links by index, then hosts by index, then tasks.
    const fn rank(self) -> u32 {
        match self {
            Self::Link(index) => index,
            Self::Host(index) => Self::HOSTS | index,
            Self::Sleep => Self::SLEEP,
        }
    }

    #[inline]
    const fn from_rank(rank: u32) -> Self {
        match rank {
            Self::SLEEP => Self::Sleep,
            _ if rank >= Self::HOSTS => Self::Host(rank ^ Self::HOSTS),
            _ => Self::Link(rank),
        }
    }
}

/// When and where: compared as one number. The lowest bits are the source's number, by which its
/// place in the heap is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u128);

impl Entry {
    #[inline]
    fn new(at: Time, rank: u32, number: u32) -> Self {
        Self(u128::from(at.nanos()) << 64 | u128::from(rank) << 32 | u128::from(number))
    }

    #[inline]
    fn at(self) -> Time {
        Time::from_nanos((self.0 >> 64) as u64)
    }

    #[inline]
    fn source(self) -> Source {
        Source::from_rank((self.0 >> 32) as u32)
    }

    #[inline]
    fn number(self) -> usize {
        self.0 as u32 as usize
    }
}

/// A source that has no entry.
const ABSENT: u32 = u32::MAX;

/// The next event of every source, the earliest first.
#[derive(Debug)]
pub(crate) struct Agenda {
    heap: Vec<Entry>,
    /// Where each source stands in the heap, by number: the sleeping tasks are 0.
    places: Vec<u32>,
    /// The number of each link.
    links: Vec<u32>,
    /// The number of each host.
    hosts: Vec<u32>,
}

impl Agenda {
    pub(crate) fn new() -> Self {
        Self { heap: Vec::new(), places: vec![ABSENT], links: Vec::new(), hosts: Vec::new() }
    }

    fn add_source(&mut self) -> u32 {
        self.places.push(ABSENT);
        self.places.len() as u32 - 1
    }

    pub(crate) fn add_link(&mut self) -> u32 {
        let number = self.add_source();
        self.links.push(number);
        self.links.len() as u32 - 1
    }

    pub(crate) fn add_host(&mut self) -> u32 {
        let number = self.add_source();
        self.hosts.push(number);
        self.hosts.len() as u32 - 1
    }

    /// The next event of all.
    #[inline]
    pub(crate) fn first(&self) -> Option<(Time, Source)> {
        self.heap.first().map(|entry| (entry.at(), entry.source()))
    }

    /// Says when the source's next event is.
    #[inline]
    pub(crate) fn set(&mut self, source: Source, at: Option<Time>) {
        let number = self.number(source);
        match (self.places[number as usize], at) {
            (ABSENT, None) => {}
            (ABSENT, Some(at)) => {
                let place = self.heap.len();
                self.heap.push(Entry::new(at, source.rank(), number));
                self.rise(place);
            }
            (place, None) => self.remove(place as usize),
            (place, Some(at)) => {
                let entry = Entry::new(at, source.rank(), number);
                let place = place as usize;
                match entry.cmp(&self.heap[place]) {
                    core::cmp::Ordering::Equal => {}
                    core::cmp::Ordering::Less => {
                        self.heap[place] = entry;
                        self.rise(place);
                    }
                    core::cmp::Ordering::Greater => {
                        self.heap[place] = entry;
                        self.sink(place);
                    }
                }
            }
        }
    }

    #[inline]
    fn number(&self, source: Source) -> u32 {
        match source {
            Source::Link(index) => self.links[index as usize],
            Source::Host(index) => self.hosts[index as usize],
            Source::Sleep => 0,
        }
    }

    #[inline]
    fn put(&mut self, place: usize, entry: Entry) {
        self.heap[place] = entry;
        self.places[entry.number()] = place as u32;
    }

    fn remove(&mut self, place: usize) {
        let gone = self.heap[place];
        self.places[gone.number()] = ABSENT;
        let Some(last) = self.heap.pop() else { return };
        if place < self.heap.len() {
            self.heap[place] = last;
            if last < gone {
                self.rise(place);
            } else {
                self.sink(place);
            }
        }
    }

    /// Moves an entry up to where it belongs.
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

    /// Moves an entry down to where it belongs.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Chance, Seed};

    #[test]
    fn one_instant_has_an_order() {
        let mut agenda = Agenda::new();
        for _ in 0..3 {
            agenda.add_link();
            agenda.add_host();
        }
        let at = Time::from_millis(1);
        let order =
            [Source::Link(0), Source::Link(2), Source::Host(0), Source::Host(2), Source::Sleep];
        for source in order.into_iter().rev() {
            agenda.set(source, Some(at));
        }
        for source in order {
            assert_eq!(agenda.first(), Some((at, source)));
            agenda.set(source, None);
        }
        assert_eq!(agenda.first(), None);
    }

    /// Against a list that is searched from end to end.
    #[test]
    fn agrees_with_a_plain_list() {
        let mut chance = Chance::new(Seed::new(11));
        let mut agenda = Agenda::new();
        let mut plain: Vec<(Source, Option<Time>)> = Vec::new();
        for _ in 0..40 {
            plain.push((Source::Link(agenda.add_link()), None));
            plain.push((Source::Host(agenda.add_host()), None));
        }
        plain.push((Source::Sleep, None));
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
