//! The path from a transmitter to the other end: delay, jitter, and faults.

use std::collections::btree_map::OccupiedEntry;
use std::collections::{BTreeMap, VecDeque};

use roundtrip_record::{DropReason, EventId, Time};

use crate::ledger::Ledger;
use crate::seed::{Chance, Ppm, Seed};
use crate::shape::{Distribution, Fcs, Jitter, Pickup, Shape};
use crate::time::{later, nanos};

/// A frame in flight.
#[derive(Debug)]
pub(crate) struct Flight {
    due: Time,
    pub(crate) frame: Vec<u8>,
    /// The event with which the frame was sent.
    pub(crate) event: Option<EventId>,
}

/// A [`Pickup`] in nanoseconds, prepared for use with each frame.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The least value, and how many values there are from there on.
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

/// The generators of a link, one for each kind of chance.
#[derive(Debug)]
struct Chances {
    loss: Chance,
    corrupt: Chance,
    reorder: Chance,
    duplicate: Chance,
    pickup: Chance,
    jitter: Chance,
}

/// The probabilities of the faults.
#[derive(Clone, Copy, Debug)]
struct Faults {
    loss: Ppm,
    corrupt: Ppm,
    fcs: Fcs,
    reorder: Ppm,
    /// How long a reordered frame is held back, nanoseconds.
    hold: u64,
    duplicate: Ppm,
}

/// The path to the other end.
#[derive(Debug)]
pub(crate) struct Path {
    /// The delay, nanoseconds.
    delay: u64,
    jitter: Option<Jitter>,
    /// The latest arrival so far: with jitter no frame overtakes another.
    latest: Time,
    pickup: Option<Bounds>,
    /// When the last frame was picked up.
    picked_up: Time,
    /// The faults; `None` if there are none, as on most links.
    faults: Option<Faults>,
    chances: Chances,
    /// Frames in flight, in order of arrival.
    flights: VecDeque<Flight>,
    /// Frames in flight out of order, by arrival and then by a running number.
    apart: BTreeMap<(Time, u64), Flight>,
    /// The next running number.
    apart_before: u64,
}

impl Path {
    pub(crate) fn new(shape: &Shape, seed: Seed) -> Self {
        let chance = |habit| Chance::new(seed.of(habit));
        let never = [shape.loss, shape.corrupt, shape.reorder, shape.duplicate];
        let faults = Faults {
            loss: shape.loss,
            corrupt: shape.corrupt,
            fcs: shape.fcs,
            reorder: shape.reorder,
            hold: nanos(shape.hold),
            duplicate: shape.duplicate,
        };
        Self {
            delay: nanos(shape.delay),
            jitter: (!shape.jitter.spread.is_zero()).then_some(shape.jitter),
            latest: Time::ZERO,
            pickup: (shape.pickup != Pickup::INSTANT).then(|| Bounds::of(shape.pickup)),
            picked_up: Time::ZERO,
            faults: (never != [Ppm::NEVER; 4]).then_some(faults),
            chances: Chances {
                loss: chance("loss"),
                corrupt: chance("corrupt"),
                reorder: chance("reorder"),
                duplicate: chance("duplicate"),
                pickup: chance("pickup"),
                jitter: chance("jitter"),
            },
            flights: VecDeque::new(),
            apart: BTreeMap::new(),
            apart_before: 0,
        }
    }

    /// When the next frame arrives.
    #[inline]
    pub(crate) fn next(&self) -> Option<Time> {
        let flight = self.flights.front().map(|flight| flight.due);
        match self.apart.first_key_value() {
            None => flight,
            Some((&(apart, _), _)) => Some(flight.map_or(apart, |flight| flight.min(apart))),
        }
    }

    /// Takes over a frame whose transmission ends at `sent`.
    #[inline]
    pub(crate) fn carry(
        &mut self,
        sent: Time,
        frame: Vec<u8>,
        event: Option<EventId>,
        ledger: &mut Ledger<'_>,
    ) {
        let arrival = self.arrival(sent);
        let due = self.pick_up(arrival);
        let flight = Flight { due, frame, event };
        match self.faults {
            None => self.flights.push_back(flight),
            Some(faults) => self.try_chance(faults, flight, ledger),
        }
    }

    /// Takes over a frame that arrives at `due` without delay, jitter or faults, and so may
    /// overtake others.
    pub(crate) fn pass(&mut self, due: Time, frame: Vec<u8>, event: Option<EventId>) {
        self.set_apart(Flight { due, frame, event });
    }

    /// Takes out the frame that arrives at `now`. Of two at one instant the one that is in order
    /// comes first.
    #[inline]
    pub(crate) fn arrive(&mut self, now: Time) -> Option<Flight> {
        match self.flights.front() {
            Some(flight) if flight.due <= now => self.flights.pop_front(),
            _ => self
                .apart
                .first_entry()
                .filter(|apart| apart.key().0 <= now)
                .map(OccupiedEntry::remove),
        }
    }

    /// When a frame that was sent at `sent` arrives.
    #[inline]
    fn arrival(&mut self, sent: Time) -> Time {
        let Some(jitter) = self.jitter else { return later(sent, self.delay) };
        let spread = nanos(jitter.spread);
        let delay = match jitter.distribution {
            Distribution::Uniform => {
                let drawn = self.chances.jitter.below(spread.saturating_mul(2).saturating_add(1));
                self.delay.saturating_add(drawn).saturating_sub(spread)
            }
            Distribution::Normal => {
                self.delay.saturating_add_signed(normal(&mut self.chances.jitter, spread))
            }
        };
        self.latest = self.latest.max(later(sent, delay));
        self.latest
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

    fn try_chance(&mut self, faults: Faults, mut flight: Flight, ledger: &mut Ledger<'_>) {
        let chances = &mut self.chances;
        if chances.loss.happens(faults.loss) {
            return ledger.drop(flight.frame, flight.event, DropReason::Lost);
        }
        if chances.corrupt.happens(faults.corrupt) && !flight.frame.is_empty() {
            let bit = chances.corrupt.below(flight.frame.len() as u64 * 8);
            if faults.fcs == Fcs::On {
                return ledger.drop(flight.frame, flight.event, DropReason::BadFcs);
            }
            flight.frame[(bit / 8) as usize] ^= 1 << (bit % 8);
            ledger.note(flight.event, DropReason::Corrupted);
        }
        let held = chances.reorder.happens(faults.reorder);
        if held {
            flight.due = later(flight.due, faults.hold);
            ledger.note(flight.event, DropReason::Reordered);
        }
        let copy = chances.duplicate.happens(faults.duplicate).then(|| {
            ledger.note(flight.event, DropReason::Duplicated);
            let mut frame = ledger.pool.take();
            frame.extend_from_slice(&flight.frame);
            Flight { due: flight.due, frame, event: flight.event }
        });
        for flight in core::iter::once(flight).chain(copy) {
            if held {
                self.set_apart(flight);
            } else {
                self.flights.push_back(flight);
            }
        }
    }

    /// Ends all faults from now on.
    #[cfg(test)]
    pub(crate) fn end_faults(&mut self) {
        self.faults = None;
    }

    fn set_apart(&mut self, flight: Flight) {
        self.apart.insert((flight.due, self.apart_before), flight);
        self.apart_before += 1;
    }
}

/// A sample of a normal distribution around 0: the sum of twelve uniform ones (Irwin–Hall). It is
/// computed in integers, so that it is the same on every machine.
fn normal(chance: &mut Chance, deviation: u64) -> i64 {
    /// The range of a uniform number, 16 bits, so that one draw gives four.
    const RANGE: i128 = 1 << 16;
    let mut sum = 0;
    for _ in 0..3 {
        let drawn = chance.next_u64();
        sum += (0..4).map(|part| i128::from((drawn >> (16 * part)) as u16)).sum::<i128>();
    }
    let centred = sum - 6 * (RANGE - 1);
    i64::try_from(centred * i128::from(deviation) / RANGE).unwrap_or(i64::MAX)
}
