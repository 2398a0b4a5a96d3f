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

/// When and where: compared as one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u128);

impl Entry {
    fn new(at: Time, source: Source) -> Self {
        Self(u128::from(at.nanos()) << 32 | u128::from(source.rank()))
    }

    fn at(self) -> Time {
        Time::from_nanos((self.0 >> 32) as u64)
    }

    fn source(self) -> Source {
        Source::from_rank(self.0 as u32)
    }
}

/// A source that has no entry.
const ABSENT: u32 = u32::MAX;

/// The next event of every source, the earliest first.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: Vec<Entry>,
    /// Where each link stands in the heap.
    links: Vec<u32>,
    /// Where each host stands.
    hosts: Vec<u32>,
    /// Where the sleeping tasks stand; a list for the sake of one way in.
    sleep: [u32; 1],
}

impl Agenda {
    pub(crate) fn new() -> Self {
        Self { sleep: [ABSENT], ..Self::default() }
    }

    pub(crate) fn add_link(&mut self) -> u32 {
        self.links.push(ABSENT);
        self.links.len() as u32 - 1
    }

    pub(crate) fn add_host(&mut self) -> u32 {
        self.hosts.push(ABSENT);
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
        let place = *self.place(source);
        match (place, at) {
            (ABSENT, None) => {}
            (ABSENT, Some(at)) => {
                let place = self.heap.len();
                self.heap.push(Entry::new(at, source));
                self.rise(place);
            }
            (place, None) => self.remove(place as usize),
            (place, Some(at)) => {
                let entry = Entry::new(at, source);
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

    fn place(&mut self, source: Source) -> &mut u32 {
        match source {
            Source::Link(index) => &mut self.links[index as usize],
            Source::Host(index) => &mut self.hosts[index as usize],
            Source::Sleep => &mut self.sleep[0],
        }
    }

    fn put(&mut self, place: usize, entry: Entry) {
        self.heap[place] = entry;
        *self.place(entry.source()) = place as u32;
    }

    fn remove(&mut self, place: usize) {
        let gone = self.heap[place];
        *self.place(gone.source()) = ABSENT;
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
