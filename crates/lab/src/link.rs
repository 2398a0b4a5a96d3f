//! One direction of a link: a queue, a transmitter, and the path to the other end.
//!
//! A frame that is handed over waits for those before it, takes its bytes (the Ethernet header
//! included, preamble and frame check sequence not) times eight over the rate to transmit, and
//! arrives `delay` after that. What happens to it is decided in this order:
//!
//! 1. *queue*: the frame is dropped if the queue is full: if as many frames as the queue holds are
//!    waiting already, or if its bytes do not fit beside those waiting. The frame that is being
//!    transmitted does not wait. A managed queue drops (or marks) frames before it is full, when the
//!    transmitter becomes free for them.
//! 2. *loss*: the frame is lost on the way, after it has taken its place in the queue and its time
//!    to transmit.
//! 3. *corruption*: one bit flips. The receiver's frame check sequence finds it and the frame is
//!    dropped; with [`Fcs::Off`](crate::Fcs::Off) it is delivered as it is.
//! 4. *reordering*: the frame is held back, so that those behind it overtake it.
//! 5. *duplication*: a copy of the frame arrives directly after it.
//!
//! Each of these draws from a generator of its own, and so does jitter: switching one on changes
//! nothing in the others.

use roundtrip_record::{DropReason, EventId, LinkCounts, LinkId, Time};

use crate::codel::Codel;
use crate::fq_codel::FqCodel;
use crate::frame::resolves_addresses;
use crate::ledger::Ledger;
use crate::managed::{Managed, Manager};
use crate::path::{Flight, Path};
use crate::pool::Pool;
use crate::seed::Seed;
use crate::shape::{Discipline, Shape};
use crate::tail::DropTail;
use crate::time::{later, nanos};
use crate::transmitter::Transmitter;

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Link {
    queue: EgressQueue,
    path: Path,
    /// The delay of address resolution where it does not cross the link, nanoseconds.
    segment: Option<u64>,
    counts: LinkCounts,
}

/// The queue and transmitter before the path to the other end.
#[derive(Debug)]
enum EgressQueue {
    /// No queue, since the rate is unlimited.
    Unlimited,
    /// A queue that decides when a frame is handed over.
    DropTail(DropTail),
    /// A queue that decides when the transmitter is free.
    Managed(Box<Managed>),
}

impl EgressQueue {
    fn new(shape: &Shape, seed: Seed) -> Self {
        match (Transmitter::new(&shape.rate), shape.discipline) {
            (None, _) => Self::Unlimited,
            (Some(transmitter), Discipline::DropTail) => {
                Self::DropTail(DropTail::new(transmitter, shape.queue))
            }
            (Some(transmitter), Discipline::CoDel(parameters)) => {
                let queue = Manager::Codel(Codel::new(parameters, shape.queue));
                Self::Managed(Box::new(Managed::new(transmitter, queue)))
            }
            (Some(transmitter), Discipline::FqCoDel(parameters)) => {
                let queue = Manager::FqCodel(FqCodel::new(parameters, shape.queue, seed));
                Self::Managed(Box::new(Managed::new(transmitter, queue)))
            }
        }
    }
}

impl Link {
    pub(crate) fn new(id: LinkId, shape: &Shape, seed: Seed) -> Self {
        Self {
            queue: EgressQueue::new(shape, seed),
            path: Path::new(shape, seed),
            segment: shape.segment.map(nanos),
            counts: LinkCounts { link: id, ..LinkCounts::default() },
        }
    }

    pub(crate) fn counts(&self) -> LinkCounts {
        self.counts
    }

    /// When [`Link::happen`] is due next.
    #[inline]
    pub(crate) fn next(&self) -> Option<Time> {
        let arrival = self.path.next();
        let EgressQueue::Managed(managed) = &self.queue else { return arrival };
        arrival.into_iter().chain(managed.wake()).min()
    }

    /// Hands a frame to the link. `tell` gets each mishap; unused buffers go back to the pool.
    #[inline]
    pub(crate) fn send(
        &mut self,
        now: Time,
        frame: Vec<u8>,
        event: Option<EventId>,
        pool: &mut Pool,
        tell: &mut dyn FnMut(Option<EventId>, DropReason),
    ) {
        let bytes = frame.len() as u32;
        self.counts.frames += 1;
        self.counts.bytes += u64::from(bytes);
        if let Some(segment) = self.segment
            && resolves_addresses(&frame)
        {
            return self.path.pass(later(now, segment), frame, event);
        }
        let Self { queue, path, counts, .. } = self;
        let sent = match queue {
            EgressQueue::Unlimited => Some(now),
            EgressQueue::DropTail(tail) => {
                let sent = tail.send(now, bytes);
                counts.queue_peak = counts.queue_peak.max(tail.waiting() as u64);
                sent
            }
            EgressQueue::Managed(managed) => {
                let mut ledger = Ledger { counts, pool, tell };
                return managed.send(now, frame, event, path, &mut ledger);
            }
        };
        let mut ledger = Ledger { counts, pool, tell };
        match sent {
            Some(sent) => path.carry(sent, frame, event, &mut ledger),
            None => ledger.drop(frame, event, DropReason::QueueFull),
        }
    }

    /// Does what is due at `now`, the time from [`Link::next`]: gives the frame that arrives, or
    /// lets the transmitter take its next one.
    #[inline]
    pub(crate) fn happen(
        &mut self,
        now: Time,
        pool: &mut Pool,
        tell: &mut dyn FnMut(Option<EventId>, DropReason),
    ) -> Option<Flight> {
        let flight = self.path.arrive(now);
        if flight.is_some() {
            self.counts.delivered += 1;
        } else if let EgressQueue::Managed(managed) = &mut self.queue {
            let mut ledger = Ledger { counts: &mut self.counts, pool, tell };
            managed.transmit(now, &mut self.path, &mut ledger);
        }
        flight
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use roundtrip_packet::ethernet;

    use super::*;
    use crate::delivery::DeliveryTrace;
    use crate::seed::Ppm;
    use crate::shape::{Distribution, Fcs, Jitter, Pickup, Queue, Rate};

    const BYTES: usize = 1500;

    fn link(shape: &Shape) -> (Link, Pool) {
        (Link::new(LinkId(0), shape, Seed::new(1)), Pool::default())
    }

    /// A link of 12 Mbit/s, on which a frame of 1500 bytes takes 1 ms.
    fn shape() -> Shape {
        Shape { rate: Rate::Constant(12_000_000), ..Shape::ideal(Duration::from_millis(10)) }
    }

    fn send(link: &mut Link, pool: &mut Pool, at: u64, mark: u8) -> Vec<DropReason> {
        hand_over(link, pool, Time::from_micros(at), vec![mark; BYTES])
    }

    fn hand_over(link: &mut Link, pool: &mut Pool, at: Time, frame: Vec<u8>) -> Vec<DropReason> {
        let mut seen = Vec::new();
        link.send(at, frame, None, pool, &mut |_, reason| seen.push(reason));
        seen
    }

    /// All arrivals, as pairs of the time in microseconds and the frame's first byte.
    fn arrivals(link: &mut Link) -> Vec<(u64, u8)> {
        let mut all = Vec::new();
        while let Some(at) = link.next() {
            let flight = link.happen(at, &mut Pool::default(), &mut |_, _| {}).unwrap();
            all.push((at.micros(), flight.frame[0]));
        }
        all
    }

    #[test]
    fn frames_follow_each_other_at_the_rate() {
        let (mut link, mut pool) = link(&shape());
        for (at, mark) in [(0, 1), (0, 2), (500, 3), (9_000, 4)] {
            assert_eq!(send(&mut link, &mut pool, at, mark), []);
        }
        assert_eq!(arrivals(&mut link), [(11_000, 1), (12_000, 2), (13_000, 3), (20_000, 4)]);
    }

    /// With a queue of two, one frame is in transmission and two wait; a place is free again at the
    /// instant at which the next transmission begins.
    #[test]
    fn a_full_queue_of_packets_drops_the_last() {
        let (mut link, mut pool) = link(&Shape { queue: Queue::Packets(2), ..shape() });
        for mark in 1..=3 {
            assert_eq!(send(&mut link, &mut pool, 0, mark), []);
        }
        assert_eq!(send(&mut link, &mut pool, 999, 4), [DropReason::QueueFull]);
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
            link(&Shape { queue: Queue::Bytes(BYTES as u64 + 99), ..shape() });
        assert_eq!(send(&mut link, &mut pool, 0, 1), []);
        assert_eq!(send(&mut link, &mut pool, 0, 2), []);
        assert_eq!(send(&mut link, &mut pool, 0, 3), [DropReason::QueueFull]);
        assert_eq!(hand_over(&mut link, &mut pool, Time::ZERO, vec![4; 99]), []);
    }

    /// A frame that is lost still takes its place in the queue and its time to transmit.
    #[test]
    fn what_is_lost_took_its_time() {
        let (mut link, mut pool) =
            link(&Shape { loss: Ppm::ALWAYS, queue: Queue::Packets(1), ..shape() });
        assert_eq!(send(&mut link, &mut pool, 0, 1), [DropReason::Lost]);
        assert_eq!(send(&mut link, &mut pool, 0, 2), [DropReason::Lost]);
        assert_eq!(send(&mut link, &mut pool, 0, 3), [DropReason::QueueFull]);
        link.path.end_faults();
        assert_eq!(send(&mut link, &mut pool, 1_000, 4), []);
        assert_eq!(arrivals(&mut link), [(13_000, 4)]);
    }

    #[test]
    fn what_is_held_back_is_overtaken() {
        let hold = Duration::from_micros(2_500);
        let (mut link, mut pool) = link(&Shape { reorder: Ppm::ALWAYS, hold, ..shape() });
        assert_eq!(send(&mut link, &mut pool, 0, 1), [DropReason::Reordered]);
        link.path.end_faults();
        for mark in 2..=4 {
            send(&mut link, &mut pool, 0, mark);
        }
        assert_eq!(arrivals(&mut link), [(12_000, 2), (13_000, 3), (13_500, 1), (14_000, 4)]);
    }

    #[test]
    fn a_copy_follows_at_once() {
        let (mut link, mut pool) = link(&Shape { duplicate: Ppm::ALWAYS, ..shape() });
        assert_eq!(send(&mut link, &mut pool, 0, 1), [DropReason::Duplicated]);
        assert_eq!(arrivals(&mut link), [(11_000, 1), (11_000, 1)]);
        let hold = Duration::from_micros(1);
        let both = Shape { duplicate: Ppm::ALWAYS, reorder: Ppm::ALWAYS, hold, ..shape() };
        let mut link = Link::new(LinkId(0), &both, Seed::new(1));
        send(&mut link, &mut pool, 0, 1);
        assert_eq!(arrivals(&mut link), [(11_001, 1), (11_001, 1)]);
    }

    #[test]
    fn corruption_flips_one_bit_or_drops() {
        let (mut on, mut pool) = link(&Shape { corrupt: Ppm::ALWAYS, ..shape() });
        assert_eq!(send(&mut on, &mut pool, 0, 0), [DropReason::BadFcs]);
        assert_eq!(on.next(), None);
        let (mut off, mut pool) = link(&Shape { corrupt: Ppm::ALWAYS, fcs: Fcs::Off, ..shape() });
        assert_eq!(send(&mut off, &mut pool, 0, 0), [DropReason::Corrupted]);
        let at = off.next().unwrap();
        let frame = off.happen(at, &mut pool, &mut |_, _| {}).unwrap().frame;
        assert_eq!(frame.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    }

    /// The first frame after a pause is picked up latest, and no frame overtakes another.
    #[test]
    fn frames_are_picked_up_a_little_later_and_in_order() {
        let [few, many] = [[5, 20], [100, 200]].map(|bounds| bounds.map(Duration::from_micros));
        let pickup = Pickup { busy: few, idle: many, pause: Duration::from_millis(3) };
        let (mut link, mut pool) = link(&Shape { pickup, ..shape() });
        for (at, mark) in [(5_000, 1), (5_000, 2), (5_000, 3), (20_000, 4)] {
            send(&mut link, &mut pool, at, mark);
        }
        let late = arrivals(&mut link).into_iter().zip([16_000, 17_000, 18_000, 31_000]);
        let late: Vec<u64> = late.map(|((at, _), arrived)| at - arrived).collect();
        for (late, bounds) in late.into_iter().zip([100..=200, 5..=20, 5..=20, 100..=200]) {
            assert!(bounds.contains(&late), "{late} µs");
        }
    }

    /// Jitter lets no frame overtake another, delays each within its limits, and repeats with the
    /// seed.
    #[test]
    fn jitter_keeps_the_order() {
        let spread = Duration::from_millis(4);
        for distribution in [Distribution::Uniform, Distribution::Normal] {
            let jitter = Jitter { spread, distribution };
            let delays = || {
                let (mut link, mut pool) =
                    link(&Shape { jitter, ..Shape::ideal(Duration::from_millis(50)) });
                for number in 0..250 {
                    send(&mut link, &mut pool, u64::from(number) * 100_000, number);
                }
                let arrivals = arrivals(&mut link);
                assert!(arrivals.iter().map(|(_, mark)| *mark).eq(0..250));
                arrivals
                    .iter()
                    .map(|(at, mark)| at - u64::from(*mark) * 100_000)
                    .collect::<Vec<u64>>()
            };
            let first = delays();
            assert_eq!(first, delays());
            let mean = first.iter().sum::<u64>() / 250;
            assert!((49_400..50_600).contains(&mean), "{mean} µs");
            let within = first.iter().filter(|delay| (46_000..=54_000).contains(*delay)).count();
            match distribution {
                Distribution::Uniform => assert_eq!(within, 250),
                // About 68 % lie within one standard deviation.
                Distribution::Normal => assert!((155..185).contains(&within), "{within}"),
            }
        }
        // Frames that are sent together still arrive in order.
        let jitter = Jitter { spread, distribution: Distribution::Uniform };
        let (mut link, mut pool) =
            link(&Shape { jitter, ..Shape::ideal(Duration::from_millis(1)) });
        for number in 0..100 {
            send(&mut link, &mut pool, u64::from(number), number);
        }
        let arrivals = arrivals(&mut link);
        assert!(arrivals.iter().map(|(_, mark)| *mark).eq(0..100));
        assert!(arrivals.is_sorted() && arrivals[0].0 <= 5_000);
    }

    /// A drop-tail queue in front of a transmitter that follows a trace.
    #[test]
    fn a_trace_decides_when_frames_leave() {
        let trace = DeliveryTrace::parse("trace", "5\n6\n20\n").unwrap();
        let rate = Rate::Trace(Arc::new(trace));
        let (mut link, mut pool) = link(&Shape { rate, queue: Queue::Packets(2), ..shape() });
        for (at, mark, dropped) in [(0, 1, false), (0, 2, false), (0, 3, true), (5_000, 4, false)] {
            let full: &[DropReason] = if dropped { &[DropReason::QueueFull] } else { &[] };
            let mut frame = vec![mark; ethernet::HEADER_LEN];
            frame.resize(ethernet::HEADER_LEN + BYTES, mark);
            assert_eq!(hand_over(&mut link, &mut pool, Time::from_micros(at), frame), full);
        }
        assert_eq!(arrivals(&mut link), [(15_000, 1), (16_000, 2), (30_000, 4)]);
    }

    /// Each property draws its own random numbers: adding duplication does not change which frames
    /// are lost.
    #[test]
    fn habits_draw_apart() {
        let lossy = Shape { loss: Ppm::new(200_000), ..Shape::ideal(Duration::ZERO) };
        let both = Shape { duplicate: Ppm::new(300_000), ..lossy.clone() };
        let lost = |shape: &Shape| {
            let (mut link, mut pool) = link(shape);
            (0..200u8)
                .filter(|mark| send(&mut link, &mut pool, 0, *mark).contains(&DropReason::Lost))
                .collect::<Vec<_>>()
        };
        assert_eq!(lost(&lossy), lost(&both));
        assert!(lost(&lossy).len() > 20);
    }
}
