//! Two hosts, the link between them, and a clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use roundtrip_host::{Event, Host, IfIndex, Received};
use roundtrip_packet::Verify;
use roundtrip_packet::summary::Line;
use roundtrip_record::{Off, Time};

use crate::Chance;

/// What a link does to frames, in thousandths each, and how long it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// Frames lost.
    pub loss: u32,
    /// Frames delivered twice.
    pub duplication: u32,
    /// Frames held back for up to 60 ms.
    pub reordering: u32,
    /// Frames of which a bit is flipped, and delivered: nothing checks the frame's own sequence.
    pub corruption: u32,
    /// Time on the way, µs.
    pub delay: u32,
    /// Bytes a second; 0 for no limit.
    pub rate: u32,
    /// Frames that may wait at the link.
    pub queue: u32,
}

impl Weather {
    /// Whether every frame arrives as it was sent (a queue may still be too short).
    pub const fn is_fair(&self) -> bool {
        self.loss + self.duplication + self.reordering + self.corruption == 0
    }
}

/// Whether each frame is told of on the standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// No.
    Silent,
    /// One line for each frame, and what the link does to it.
    Aloud,
}

/// What became of the frames of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    /// Lost, one way or another.
    pub(crate) lost: u64,
    pub(crate) corrupted: u64,
}

impl Telling {
    fn tell(self, now: Time, from: usize, frame: &[u8], what: &str) {
        if self == Telling::Aloud {
            println!("{now} {from} {} {what}", Line(frame));
        }
    }
}

#[derive(Debug)]
struct Direction {
    weather: Weather,
    /// When the transmitter is done with what waits.
    free_at: Time,
    counts: Counts,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    at: Time,
    order: u64,
    to: usize,
    frame: Vec<u8>,
}

/// Two hosts and what is between them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) hosts: [Host; 2],
    link: IfIndex,
    directions: [Direction; 2],
    arrivals: BinaryHeap<Reverse<Arrival>>,
    order: u64,
    /// How frames are looked at when they arrive: with checksums that a device would compute, not.
    verify: Verify,
    pub(crate) events: Vec<(usize, Event)>,
    spare: Vec<Vec<u8>>,
    telling: Telling,
}

impl World {
    /// `link` is the interface of each host that the link joins.
    pub(crate) fn new(
        hosts: [Host; 2],
        link: IfIndex,
        weather: [Weather; 2],
        verify: Verify,
        telling: Telling,
    ) -> Self {
        let direction =
            |weather| Direction { weather, free_at: Time::ZERO, counts: Counts::default() };
        World {
            now: Time::from_millis(1),
            hosts,
            link,
            directions: weather.map(direction),
            arrivals: BinaryHeap::new(),
            order: 0,
            verify,
            events: Vec::new(),
            spare: Vec::new(),
            telling,
        }
    }

    pub(crate) fn counts(&self) -> [Counts; 2] {
        [self.directions[0].counts, self.directions[1].counts]
    }

    /// When the next thing happens by itself.
    pub(crate) fn next(&self) -> Option<Time> {
        let arrival = self.arrivals.peek().map(|Reverse(arrival)| arrival.at);
        let timers = self.hosts.iter().map(Host::next_timeout);
        timers.chain([arrival]).flatten().min().map(|at| at.max(self.now))
    }

    /// Lets happen what is due, one thing only, and drains both hosts.
    pub(crate) fn step(&mut self, chance: &mut Chance<'_>) {
        let is_due = self.arrivals.peek().is_some_and(|Reverse(arrival)| arrival.at <= self.now);
        if is_due && let Some(Reverse(arrival)) = self.arrivals.pop() {
            let received = Received { verify: self.verify, segment_size: None, cause: None };
            let host = &mut self.hosts[arrival.to];
            host.handle_frame(self.now, self.link, &arrival.frame, received, &mut Off);
            self.spare.push(arrival.frame);
        } else {
            for end in 0..2 {
                if self.hosts[end].next_timeout().is_some_and(|at| at <= self.now) {
                    self.hosts[end].handle_timeout(self.now, &mut Off);
                    self.drain_one(end, chance);
                    let next = self.hosts[end].next_timeout();
                    assert!(next.is_none_or(|at| at > self.now), "a timer strikes for ever");
                }
            }
        }
        self.drain(chance);
    }

    /// Puts what the hosts want to send on the link, and takes their events.
    pub(crate) fn drain(&mut self, chance: &mut Chance<'_>) {
        for end in 0..2 {
            self.drain_one(end, chance);
        }
    }

    fn drain_one(&mut self, end: usize, chance: &mut Chance<'_>) {
        let mut frame = self.spare.pop().unwrap_or_default();
        while self.hosts[end].poll_transmit(self.now, &mut frame, &mut Off).is_some() {
            let next = self.spare.pop().unwrap_or_default();
            self.put(end, std::mem::replace(&mut frame, next), chance);
        }
        self.spare.push(frame);
        while let Some(event) = self.hosts[end].poll_event() {
            self.events.push((end, event));
        }
    }

    fn put(&mut self, from: usize, mut frame: Vec<u8>, chance: &mut Chance<'_>) {
        let direction = &mut self.directions[from];
        let Weather { loss, duplication, reordering, corruption, delay, rate, queue } =
            direction.weather;
        direction.counts.sent += 1;
        let mut at = self.now;
        if rate > 0 {
            let took = |bytes: u64| Duration::from_nanos(bytes * 1_000_000_000 / u64::from(rate));
            let start = direction.free_at.max(self.now);
            if start.since(self.now) > took(1514 * u64::from(queue)) {
                direction.counts.lost += 1;
                self.telling.tell(self.now, from, &frame, "no room");
                self.spare.push(frame);
                return;
            }
            at = start + took(frame.len() as u64);
            direction.free_at = at;
        }
        at += Duration::from_micros(delay.into());
        // From above, so that where there is no chance left all is well.
        let fate = 999 - chance.below(1000);
        let mut copies = 1;
        let what = match fate {
            fate if fate < loss => "lost",
            fate if fate < loss + duplication => "twice",
            fate if fate < loss + duplication + reordering => "held back",
            fate if fate < loss + duplication + reordering + corruption => "corrupted",
            _ => "",
        };
        self.telling.tell(self.now, from, &frame, what);
        if fate < loss {
            direction.counts.lost += 1;
            self.spare.push(frame);
            return;
        } else if fate < loss + duplication {
            copies = 2;
        } else if fate < loss + duplication + reordering {
            at += Duration::from_micros(chance.below(60_000).into());
        } else if fate < loss + duplication + reordering + corruption {
            direction.counts.corrupted += 1;
            let bit = chance.below(frame.len() as u32 * 8) as usize;
            frame[bit / 8] ^= 1 << (bit % 8);
        }
        for _ in 1..copies {
            self.order += 1;
            let copy = Arrival { at, order: self.order, to: 1 - from, frame: frame.clone() };
            self.arrivals.push(Reverse(copy));
        }
        self.order += 1;
        self.arrivals.push(Reverse(Arrival { at, order: self.order, to: 1 - from, frame }));
    }
}
