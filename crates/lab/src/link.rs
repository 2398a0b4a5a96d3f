//! One direction of a link: a transmitter with a queue, and the way to the other end.
//!
//! A frame that is handed over waits for those before it, takes its bytes (the Ethernet header
//! included, preamble and frame check sequence not) times eight over the rate to transmit, and
//! arrives `delay` after that. What befalls it is decided when it is handed over, in this order:
//!
//! 1. *queue*: it is dropped if the queue is full: if as many frames as the queue holds are waiting
//!    already, or if its bytes do not fit beside those waiting. The frame that is being transmitted
//!    does not wait.
//! 2. *loss*: it is lost on the way. It has taken its place and its time to transmit.
//! 3. *corruption*: one bit flips. The receiver's frame check sequence finds it and the frame is
//!    dropped; with [`Fcs::Off`] it is delivered as it is.
//! 4. *reordering*: it is held back, so that those behind it overtake it.
//! 5. *duplication*: a copy arrives directly after it.
//!
//! Each of the four draws from a generator of its own: switching one on moves nothing in the others.

use std::collections::btree_map::OccupiedEntry;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use roundtrip_record::{DropReason, EventId, LinkCounts, LinkId, Time};

use crate::pool::Pool;
use crate::seed::{Chance, Ppm, Seed};

/// What a link is like, one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bits per second; `None` for no limit, and then nothing ever waits.
    pub rate: Option<u64>,
    /// From the end of a frame's transmission to its arrival.
    pub delay: Duration,
    /// How much may wait for the transmitter.
    pub queue: Queue,
    /// Probability that a frame is lost.
    pub loss: Ppm,
    /// Probability that a frame is held back.
    pub reorder: Ppm,
    /// For how long it is then held back.
    pub hold: Duration,
    /// Probability that a frame arrives twice.
    pub duplicate: Ppm,
    /// Probability that one bit of a frame flips.
    pub corrupt: Ppm,
    /// Whether the receiver's network card checks frames.
    pub fcs: Fcs,
    /// How long the receiver takes to handle a frame that has arrived.
    pub pickup: Pickup,
}

impl Shape {
    /// A link without limits or faults.
    pub const fn ideal(delay: Duration) -> Self {
        Self {
            rate: None,
            delay,
            queue: Queue::Unlimited,
            loss: Ppm::NEVER,
            reorder: Ppm::NEVER,
            hold: Duration::ZERO,
            duplicate: Ppm::NEVER,
            corrupt: Ppm::NEVER,
            fcs: Fcs::On,
            pickup: Pickup::INSTANT,
        }
    }
}

/// How long the receiver takes from a frame's arrival to handling it, evenly between two bounds.
///
/// In a queue of packets it decides who is dropped: acknowledgements that come at exactly the pace of
/// the transmitter make new frames arrive at the very instant at which a place in the queue is or is
/// not free. The first frame after a pause takes longer, since the processor has been elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pickup {
    /// Bounds while frames keep coming.
    pub busy: [Duration; 2],
    /// Bounds after a pause.
    pub idle: [Duration; 2],
    /// What counts as a pause.
    pub pause: Duration,
}

impl Pickup {
    /// No time at all.
    pub const INSTANT: Self =
        Self { busy: [Duration::ZERO; 2], idle: [Duration::ZERO; 2], pause: Duration::ZERO };
}

/// A [`Pickup`] in nanoseconds, as each frame needs it.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The least, and how many values there are from there on.
    busy: (u64, u64),
    idle: (u64, u64),
    pause: u64,
}

impl Bounds {
    fn of(Pickup { busy, idle, pause }: Pickup) -> Self {
        let [busy, idle] = [busy, idle].map(|[least, most]| {
            (nanos(least), nanos(most.saturating_sub(least)).saturating_add(1))
        });
        Self { busy, idle, pause: nanos(pause) }
    }
}

/// So many nanoseconds later.
#[inline]
fn later(at: Time, nanos: u64) -> Time {
    Time::from_nanos(at.nanos().saturating_add(nanos))
}

/// Nanoseconds, 584 years at most.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The limit of a drop-tail queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// No limit.
    Unlimited,
    /// So many frames may wait.
    Packets(u32),
    /// So many bytes may wait.
    Bytes(u64),
}

/// Whether the receiver's network card checks the frame check sequence (IEEE 802.3 §3.2.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fcs {
    /// It does, and drops a corrupted frame.
    #[default]
    On,
    /// It does not: a corrupted frame reaches the checksums of IP, UDP and TCP.
    Off,
}

/// A frame on its way.
#[derive(Debug)]
pub(crate) struct Flight {
    due: Time,
    pub(crate) frame: Vec<u8>,
    /// The event of its sending.
    pub(crate) event: Option<EventId>,
}

/// What stands before the transmitter.
#[derive(Debug, Default)]
struct Transmitter {
    /// When it has sent everything it was given.
    free_at: Time,
    /// Beginning of transmission and bytes of the frames that wait, in order.
    waiting: VecDeque<(Time, u32)>,
    waiting_bytes: u64,
    /// Bytes of the last frame, and the nanoseconds it takes to transmit them.
    last: (u32, u64),
}

impl Transmitter {
    /// Forgets those whose transmission has begun by `now`.
    fn advance(&mut self, now: Time) {
        while let Some(&(start, bytes)) = self.waiting.front() {
            if start > now {
                break;
            }
            self.waiting.pop_front();
            self.waiting_bytes -= u64::from(bytes);
        }
    }

    fn has_room(&self, queue: Queue, bytes: u64) -> bool {
        match queue {
            Queue::Unlimited => true,
            Queue::Packets(limit) => self.waiting.len() < limit as usize,
            Queue::Bytes(limit) => self.waiting_bytes + bytes <= limit,
        }
    }

    /// Takes a frame; answers when its transmission ends.
    fn take(&mut self, now: Time, bytes: u32, rate: u64) -> Time {
        let start = self.free_at.max(now);
        // Most frames are as long as the last one, and a division takes long.
        if self.last.0 != bytes {
            self.last = (bytes, u64::from(bytes) * 8_000_000_000 / rate.max(1));
        }
        self.free_at = later(start, self.last.1);
        if start > now {
            self.waiting.push_back((start, bytes));
            self.waiting_bytes += u64::from(bytes);
        }
        self.free_at
    }
}

/// The generators, one for each habit.
#[derive(Debug)]
struct Chances {
    loss: Chance,
    corrupt: Chance,
    reorder: Chance,
    duplicate: Chance,
    pickup: Chance,
}

/// What a link did to a frame other than carrying it.
pub(crate) type Mishap = DropReason;

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Link {
    shape: Shape,
    /// The shape's delay, nanoseconds.
    delay: u64,
    pickup: Option<Bounds>,
    /// No habit of chance is on: most links, most of the time.
    plain: bool,
    transmitter: Transmitter,
    /// On the way, in order of arrival.
    flights: VecDeque<Flight>,
    /// Held back, by arrival and then by a running number.
    held: BTreeMap<(Time, u64), Flight>,
    /// The running number.
    held_before: u64,
    /// When the last frame was picked up.
    picked_up: Time,
    chances: Chances,
    counts: LinkCounts,
}

impl Link {
    pub(crate) fn new(id: LinkId, shape: Shape, seed: Seed) -> Self {
        let chance = |habit| Chance::new(seed.of(habit));
        let never = [shape.loss, shape.corrupt, shape.reorder, shape.duplicate];
        Self {
            shape,
            delay: nanos(shape.delay),
            pickup: (shape.pickup != Pickup::INSTANT).then(|| Bounds::of(shape.pickup)),
            plain: never == [Ppm::NEVER; 4],
            transmitter: Transmitter::default(),
            flights: VecDeque::new(),
            held: BTreeMap::new(),
            held_before: 0,
            picked_up: Time::ZERO,
            chances: Chances {
                loss: chance("loss"),
                corrupt: chance("corrupt"),
                reorder: chance("reorder"),
                duplicate: chance("duplicate"),
                pickup: chance("pickup"),
            },
            counts: LinkCounts { link: id, ..LinkCounts::default() },
        }
    }

    pub(crate) fn counts(&self) -> LinkCounts {
        self.counts
    }

    /// When the next frame arrives.
    #[inline]
    pub(crate) fn next(&self) -> Option<Time> {
        let flight = self.flights.front().map(|flight| flight.due);
        match self.held.first_key_value() {
            None => flight,
            Some((&(held, _), _)) => Some(flight.map_or(held, |flight| flight.min(held))),
        }
    }

    /// Hands a frame over. Says of each mishap; buffers that are not needed go back to the pool.
    #[inline]
    pub(crate) fn send(
        &mut self,
        now: Time,
        frame: Vec<u8>,
        event: Option<EventId>,
        pool: &mut Pool,
        mishap: impl FnMut(Mishap),
    ) {
        let bytes = frame.len() as u32;
        self.counts.frames += 1;
        self.counts.bytes += u64::from(bytes);
        let Some(sent) = self.transmit(now, bytes) else {
            self.counts.queue_full += 1;
            let mut mishap = mishap;
            mishap(Mishap::QueueFull);
            pool.give(frame);
            return;
        };
        let due = self.pick_up(later(sent, self.delay));
        let flight = Flight { due, frame, event };
        if self.plain {
            self.flights.push_back(flight);
        } else {
            self.try_chance(flight, pool, mishap);
        }
    }

    /// When a frame that arrives at `at` is handled: never before one that arrived earlier.
    #[inline]
    fn pick_up(&mut self, at: Time) -> Time {
        let Some(Bounds { busy, idle, pause }) = self.pickup else { return at };
        let (least, choices) = if at > later(self.picked_up, pause) { idle } else { busy };
        let handled = later(at, least.saturating_add(self.chances.pickup.below(choices)));
        self.picked_up = self.picked_up.max(handled);
        self.picked_up
    }

    /// Passes the queue and the transmitter; answers when the frame has left it.
    fn transmit(&mut self, now: Time, bytes: u32) -> Option<Time> {
        let Some(rate) = self.shape.rate else { return Some(now) };
        self.transmitter.advance(now);
        if !self.transmitter.has_room(self.shape.queue, u64::from(bytes)) {
            return None;
        }
        let sent = self.transmitter.take(now, bytes, rate);
        let waiting = self.transmitter.waiting.len() as u64;
        self.counts.queue_peak = self.counts.queue_peak.max(waiting);
        Some(sent)
    }

    fn try_chance(&mut self, mut flight: Flight, pool: &mut Pool, mut mishap: impl FnMut(Mishap)) {
        let Self { shape, chances, counts, .. } = self;
        if chances.loss.happens(shape.loss) {
            counts.lost += 1;
            mishap(Mishap::Lost);
            pool.give(flight.frame);
            return;
        }
        if chances.corrupt.happens(shape.corrupt) && !flight.frame.is_empty() {
            let bit = chances.corrupt.below(flight.frame.len() as u64 * 8);
            if shape.fcs == Fcs::On {
                counts.bad_fcs += 1;
                mishap(Mishap::BadFcs);
                pool.give(flight.frame);
                return;
            }
            flight.frame[(bit / 8) as usize] ^= 1 << (bit % 8);
            counts.corrupted += 1;
            mishap(Mishap::Corrupted);
        }
        let held = chances.reorder.happens(shape.reorder);
        if held {
            flight.due += shape.hold;
            counts.reordered += 1;
            mishap(Mishap::Reordered);
        }
        let copy = chances.duplicate.happens(shape.duplicate).then(|| {
            counts.duplicated += 1;
            mishap(Mishap::Duplicated);
            let mut frame = pool.take();
            frame.extend_from_slice(&flight.frame);
            Flight { due: flight.due, frame, event: flight.event }
        });
        for flight in core::iter::once(flight).chain(copy) {
            if held {
                self.held.insert((flight.due, self.held_before), flight);
                self.held_before += 1;
            } else {
                self.flights.push_back(flight);
            }
        }
    }

    /// Takes the frame that arrives at `now`, which [`Link::next`] named. Of two at one instant the
    /// one that was not held back comes first.
    #[inline]
    pub(crate) fn arrive(&mut self, now: Time) -> Option<Flight> {
        let flight = match self.flights.front() {
            Some(flight) if flight.due <= now => self.flights.pop_front(),
            _ => self
                .held
                .first_entry()
                .filter(|held| held.key().0 <= now)
                .map(OccupiedEntry::remove),
        };
        self.counts.delivered += u64::from(flight.is_some());
        flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 1500;

    fn link(shape: Shape) -> (Link, Pool) {
        (Link::new(LinkId(0), shape, Seed::new(1)), Pool::default())
    }

    /// 12 Mbit/s: a frame of 1500 bytes takes 1 ms.
    fn shape() -> Shape {
        Shape { rate: Some(12_000_000), ..Shape::ideal(Duration::from_millis(10)) }
    }

    fn send(link: &mut Link, pool: &mut Pool, at: u64, mark: u8) -> Vec<Mishap> {
        let mut seen = Vec::new();
        let frame = vec![mark; BYTES];
        link.send(Time::from_micros(at), frame, None, pool, |mishap| seen.push(mishap));
        seen
    }

    /// (microseconds, first byte) of all that arrives.
    fn arrivals(link: &mut Link) -> Vec<(u64, u8)> {
        let mut all = Vec::new();
        while let Some(at) = link.next() {
            let flight = link.arrive(at).unwrap();
            all.push((at.micros(), flight.frame[0]));
        }
        all
    }

    #[test]
    fn frames_follow_each_other_at_the_rate() {
        let (mut link, mut pool) = link(shape());
        for (at, mark) in [(0, 1), (0, 2), (500, 3), (9_000, 4)] {
            assert_eq!(send(&mut link, &mut pool, at, mark), []);
        }
        assert_eq!(arrivals(&mut link), [(11_000, 1), (12_000, 2), (13_000, 3), (20_000, 4)]);
    }

    /// A queue of two takes one in transmission and two waiting; the place is free again when the
    /// next one's transmission begins, at that very instant.
    #[test]
    fn a_full_queue_of_packets_drops_the_last() {
        let (mut link, mut pool) = link(Shape { queue: Queue::Packets(2), ..shape() });
        for mark in 1..=3 {
            assert_eq!(send(&mut link, &mut pool, 0, mark), []);
        }
        assert_eq!(send(&mut link, &mut pool, 999, 4), [Mishap::QueueFull]);
        assert_eq!(send(&mut link, &mut pool, 1_000, 5), []);
        let marks: Vec<u8> = arrivals(&mut link).into_iter().map(|(_, mark)| mark).collect();
        assert_eq!(marks, [1, 2, 3, 5]);
        let counts = link.counts();
        assert_eq!(
            (counts.frames, counts.queue_full, counts.delivered, counts.queue_peak),
            (5, 1, 4, 2)
        );
    }

    #[test]
    fn a_full_queue_of_bytes_drops_what_does_not_fit() {
        let (mut link, mut pool) =
            link(Shape { queue: Queue::Bytes(BYTES as u64 + 99), ..shape() });
        assert_eq!(send(&mut link, &mut pool, 0, 1), []);
        assert_eq!(send(&mut link, &mut pool, 0, 2), []);
        assert_eq!(send(&mut link, &mut pool, 0, 3), [Mishap::QueueFull]);
        let mut seen = Vec::new();
        link.send(Time::ZERO, vec![4; 99], None, &mut pool, |mishap| seen.push(mishap));
        assert_eq!(seen, []);
    }

    /// A lost frame has taken its place in the queue and its time to transmit.
    #[test]
    fn what_is_lost_took_its_time() {
        let (mut link, mut pool) =
            link(Shape { loss: Ppm::ALWAYS, queue: Queue::Packets(1), ..shape() });
        assert_eq!(send(&mut link, &mut pool, 0, 1), [Mishap::Lost]);
        assert_eq!(send(&mut link, &mut pool, 0, 2), [Mishap::Lost]);
        assert_eq!(send(&mut link, &mut pool, 0, 3), [Mishap::QueueFull]);
        link.shape.loss = Ppm::NEVER;
        assert_eq!(send(&mut link, &mut pool, 1_000, 4), []);
        assert_eq!(arrivals(&mut link), [(13_000, 4)]);
    }

    #[test]
    fn what_is_held_back_is_overtaken() {
        let hold = Duration::from_micros(2_500);
        let (mut link, mut pool) = link(Shape { reorder: Ppm::ALWAYS, hold, ..shape() });
        assert_eq!(send(&mut link, &mut pool, 0, 1), [Mishap::Reordered]);
        link.shape.reorder = Ppm::NEVER;
        for mark in 2..=4 {
            send(&mut link, &mut pool, 0, mark);
        }
        assert_eq!(arrivals(&mut link), [(12_000, 2), (13_000, 3), (13_500, 1), (14_000, 4)]);
    }

    #[test]
    fn a_copy_follows_at_once() {
        let (mut link, mut pool) = link(Shape { duplicate: Ppm::ALWAYS, ..shape() });
        assert_eq!(send(&mut link, &mut pool, 0, 1), [Mishap::Duplicated]);
        assert_eq!(arrivals(&mut link), [(11_000, 1), (11_000, 1)]);
        let hold = Duration::from_micros(1);
        let both = Shape { duplicate: Ppm::ALWAYS, reorder: Ppm::ALWAYS, hold, ..shape() };
        let mut link = Link::new(LinkId(0), both, Seed::new(1));
        send(&mut link, &mut pool, 0, 1);
        assert_eq!(arrivals(&mut link), [(11_001, 1), (11_001, 1)]);
    }

    #[test]
    fn corruption_flips_one_bit_or_drops() {
        let (mut on, mut pool) = link(Shape { corrupt: Ppm::ALWAYS, ..shape() });
        assert_eq!(send(&mut on, &mut pool, 0, 0), [Mishap::BadFcs]);
        assert_eq!(on.next(), None);
        let (mut off, mut pool) = link(Shape { corrupt: Ppm::ALWAYS, fcs: Fcs::Off, ..shape() });
        assert_eq!(send(&mut off, &mut pool, 0, 0), [Mishap::Corrupted]);
        let at = off.next().unwrap();
        let frame = off.arrive(at).unwrap().frame;
        assert_eq!(frame.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    }

    /// The first frame after a pause waits longest, and none overtakes another.
    #[test]
    fn frames_are_picked_up_a_little_later_and_in_order() {
        let [few, many] = [[5, 20], [100, 200]].map(|bounds| bounds.map(Duration::from_micros));
        let pickup = Pickup { busy: few, idle: many, pause: Duration::from_millis(3) };
        let (mut link, mut pool) = link(Shape { pickup, ..shape() });
        for (at, mark) in [(5_000, 1), (5_000, 2), (5_000, 3), (20_000, 4)] {
            send(&mut link, &mut pool, at, mark);
        }
        let late = arrivals(&mut link).into_iter().zip([16_000, 17_000, 18_000, 31_000]);
        let late: Vec<u64> = late.map(|((at, _), arrived)| at - arrived).collect();
        for (late, bounds) in late.into_iter().zip([100..=200, 5..=20, 5..=20, 100..=200]) {
            assert!(bounds.contains(&late), "{late} µs");
        }
    }

    /// Switching one habit on does not move what another does.
    #[test]
    fn habits_draw_apart() {
        let lossy = Shape { loss: Ppm::new(200_000), ..Shape::ideal(Duration::ZERO) };
        let both = Shape { duplicate: Ppm::new(300_000), ..lossy };
        let lost = |shape| {
            let (mut link, mut pool) = link(shape);
            (0..200u8)
                .filter(|mark| send(&mut link, &mut pool, 0, *mark).contains(&Mishap::Lost))
                .collect::<Vec<_>>()
        };
        assert_eq!(lost(lossy), lost(both));
        assert!(lost(lossy).len() > 20);
    }
}
