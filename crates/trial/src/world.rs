//! `World`: two hosts, the link between them, and a virtual clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use roundtrip_host::{Event, Host, IfIndex, Received};
use roundtrip_packet::Verify;
use roundtrip_packet::summary::Line;
use roundtrip_record::{Off, Time};

use crate::Chance;

/// The properties of one direction of a link. Chances are in thousandths of the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkConditions {
    /// The chance that a frame is lost.
    pub loss: u32,
    /// The chance that a frame is delivered twice.
    pub duplication: u32,
    /// The chance that a frame is held back, for up to 60 ms.
    pub reordering: u32,
    /// The chance that a bit is flipped and the frame is delivered: there is no frame check
    /// sequence.
    pub corruption: u32,
    /// Delay in microseconds.
    pub delay: u32,
    /// Rate in bytes per second; 0 for no limit.
    pub rate: u32,
    /// The most frames that may wait in the queue.
    pub queue: u32,
}

impl LinkConditions {
    /// Whether every frame arrives as it was sent, unless the queue is full.
    pub const fn is_lossless(&self) -> bool {
        self.loss + self.duplication + self.reordering + self.corruption == 0
    }
}

/// Whether each frame is reported on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameLog {
    /// Frames are not reported.
    Silent,
    /// One line for each frame, with what the link does to it.
    Printed,
}

/// The counts of the frames of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    /// Frames lost by chance or for a full queue.
    pub(crate) lost: u64,
    pub(crate) corrupted: u64,
}

impl FrameLog {
    fn tell(self, now: Time, from: usize, frame: &[u8], what: &str) {
        if self == FrameLog::Printed {
            println!("{now} {from} {} {what}", Line(frame));
        }
    }
}

#[derive(Debug)]
struct Direction {
    conditions: LinkConditions,
    /// When the transmitter has sent everything that waits.
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

/// Two hosts and the link between them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) hosts: [Host; 2],
    link: IfIndex,
    directions: [Direction; 2],
    arrivals: BinaryHeap<Reverse<Arrival>>,
    order: u64,
    /// How arriving frames are verified; not at all where a device is trusted to compute checksums.
    verify: Verify,
    pub(crate) events: Vec<(usize, Event)>,
    spare: Vec<Vec<u8>>,
    frame_log: FrameLog,
}

impl World {
    /// A world in which the interface `link` of each host is joined to the other's.
    pub(crate) fn new(
        hosts: [Host; 2],
        link: IfIndex,
        conditions: [LinkConditions; 2],
        verify: Verify,
        frame_log: FrameLog,
    ) -> Self {
        let direction =
            |conditions| Direction { conditions, free_at: Time::ZERO, counts: Counts::default() };
        World {
            now: Time::from_millis(1),
            hosts,
            link,
            directions: conditions.map(direction),
            arrivals: BinaryHeap::new(),
            order: 0,
            verify,
            events: Vec::new(),
            spare: Vec::new(),
            frame_log,
        }
    }

    pub(crate) fn counts(&self) -> [Counts; 2] {
        [self.directions[0].counts, self.directions[1].counts]
    }

    /// When the next event occurs by itself: an arrival or a timer.
    pub(crate) fn next(&self) -> Option<Time> {
        let arrival = self.arrivals.peek().map(|Reverse(arrival)| arrival.at);
        let timers = self.hosts.iter().map(Host::next_timeout);
        timers.chain([arrival]).flatten().min().map(|at| at.max(self.now))
    }

    /// Delivers one frame that is due, or else lets the timers fire that are due, and drains both
    /// hosts.
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

    /// Puts the frames that the hosts send on the link, and takes the hosts' events.
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
        let LinkConditions { loss, duplication, reordering, corruption, delay, rate, queue } =
            direction.conditions;
        direction.counts.sent += 1;
        let mut at = self.now;
        if rate > 0 {
            let took = |bytes: u64| Duration::from_nanos(bytes * 1_000_000_000 / u64::from(rate));
            let start = direction.free_at.max(self.now);
            if start.since(self.now) > took(1514 * u64::from(queue)) {
                direction.counts.lost += 1;
                self.frame_log.tell(self.now, from, &frame, "no room");
                self.spare.push(frame);
                return;
            }
            at = start + took(frame.len() as u64);
            direction.free_at = at;
        }
        at += Duration::from_micros(delay.into());
        // Counted from above, so that a source of decisions that is used up harms no frame.
        let fate = 999 - chance.below(1000);
        let mut copies = 1;
        let what = match fate {
            fate if fate < loss => "lost",
            fate if fate < loss + duplication => "twice",
            fate if fate < loss + duplication + reordering => "held back",
            fate if fate < loss + duplication + reordering + corruption => "corrupted",
            _ => "",
        };
        self.frame_log.tell(self.now, from, &frame, what);
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
