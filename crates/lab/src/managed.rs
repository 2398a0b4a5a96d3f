//! Managed queues, which decide when the transmitter is free: CoDel and FQ-CoDel.

use roundtrip_record::{EventId, Time};

use crate::codel::Codel;
use crate::fifo::QueuedFrame;
use crate::fq_codel::FqCodel;
use crate::ledger::Ledger;
use crate::path::Path;
use crate::transmitter::Transmitter;

/// A managed queue and the transmitter behind it.
#[derive(Debug)]
pub(crate) struct Managed {
    transmitter: Transmitter,
    queue: Manager,
    /// When the transmitter takes the next frame; `None` while none waits.
    wake: Option<Time>,
}

/// The discipline of a managed queue.
#[derive(Debug)]
pub(crate) enum Manager {
    Codel(Codel),
    FqCodel(FqCodel),
}

impl Manager {
    fn len(&self) -> usize {
        match self {
            Self::Codel(queue) => queue.len(),
            Self::FqCodel(queue) => queue.len(),
        }
    }

    fn enqueue(&mut self, waiting: QueuedFrame, ledger: &mut Ledger<'_>) {
        match self {
            Self::Codel(queue) => queue.enqueue(waiting, ledger),
            Self::FqCodel(queue) => queue.enqueue(waiting, ledger),
        }
    }

    fn dequeue(&mut self, now: Time, ledger: &mut Ledger<'_>) -> Option<QueuedFrame> {
        match self {
            Self::Codel(queue) => queue.dequeue(now, ledger),
            Self::FqCodel(queue) => queue.dequeue(now, ledger),
        }
    }
}

impl Managed {
    pub(crate) fn new(transmitter: Transmitter, queue: Manager) -> Self {
        Self { transmitter, queue, wake: None }
    }

    /// When the transmitter takes the next frame.
    #[inline]
    pub(crate) fn wake(&self) -> Option<Time> {
        self.wake
    }

    /// Queues a frame, and transmits it at once if nothing is before it.
    pub(crate) fn send(
        &mut self,
        now: Time,
        frame: Vec<u8>,
        event: Option<EventId>,
        path: &mut Path,
        ledger: &mut Ledger<'_>,
    ) {
        let ready = self.transmitter.ready(now);
        if self.wake.is_none() && ready <= now {
            // The transmitter became free with nothing to do, so the discipline must learn that the
            // queue was empty.
            let nothing = self.queue.dequeue(now, ledger);
            debug_assert!(nothing.is_none(), "a frame waits, and the transmitter is not woken");
        }
        self.queue.enqueue(QueuedFrame { frame, event, since: now }, ledger);
        if ready <= now && self.wake.is_none() {
            self.transmit(now, path, ledger);
        } else {
            self.wake = (self.queue.len() > 0).then_some(ready);
        }
        let waiting = self.queue.len() as u64;
        ledger.counts.queue_peak = ledger.counts.queue_peak.max(waiting);
    }

    /// Lets the transmitter take the next frame, at the time of [`Managed::wake`].
    pub(crate) fn transmit(&mut self, now: Time, path: &mut Path, ledger: &mut Ledger<'_>) {
        if let Some(next) = self.queue.dequeue(now, ledger) {
            let sent = self.transmitter.take(now, next.frame.len() as u32);
            path.carry(sent, next.frame, next.event, ledger);
        }
        self.wake = (self.queue.len() > 0).then(|| self.transmitter.ready(now));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use roundtrip_record::{DropReason, LinkCounts};

    use super::*;
    use crate::pool::Pool;
    use crate::seed::Seed;
    use crate::shape::{CoDel, Discipline, FqCoDel, Queue, Rate, Shape};

    /// The length of a frame in bytes; at [`RATE`] its transmission takes 1 ms.
    const FRAME: usize = 1_514;
    const RATE: u64 = FRAME as u64 * 8_000;

    /// The numbers of the frames that the kernel's code drops, as `tests/codel/README.md`
    /// describes.
    const LINUX: &str = include_str!("../tests/codel/linux-6.12.csv");
    /// Arrivals as pairs: the gap before each frame in microseconds, and how many frames have it.
    const SCENARIOS: [&[(u64, u32)]; 3] = [
        &[(900, 6_000)],
        &[(900, 2_000), (1_500, 400), (900, 3_000), (3_000, 900), (800, 2_000)],
        &[(990, 8_000), (1_010, 2_000), (950, 4_000)],
    ];

    /// A managed queue under test, and what became of its frames.
    struct Bench {
        managed: Managed,
        path: Path,
        counts: LinkCounts,
        pool: Pool,
        /// The frames that were dropped or marked: the reason and the frame's number.
        told: Vec<(DropReason, u32)>,
        /// The frames that were sent: number, wait in microseconds until the transmission began,
        /// and time in microseconds when it ended.
        sent: Vec<(u32, u64, u64)>,
        /// The time at which each frame arrived, in microseconds.
        came: Vec<u64>,
    }

    impl Bench {
        fn new(discipline: Discipline, queue: Queue) -> Self {
            let rate = Rate::Constant(RATE);
            let shape = Shape { rate, queue, discipline, ..Shape::ideal(Duration::ZERO) };
            let transmitter = Transmitter::new(&shape.rate).unwrap();
            let manager = match discipline {
                Discipline::FqCoDel(fq) => Manager::FqCodel(FqCodel::new(fq, queue, Seed::new(1))),
                Discipline::CoDel(codel) => Manager::Codel(Codel::new(codel, queue)),
                Discipline::DropTail => panic!("nobody manages it"),
            };
            Self {
                managed: Managed::new(transmitter, manager),
                path: Path::new(&shape, Seed::new(1)),
                counts: LinkCounts::default(),
                pool: Pool::default(),
                told: Vec::new(),
                sent: Vec::new(),
                came: Vec::new(),
            }
        }

        fn with(&mut self, act: impl FnOnce(&mut Managed, &mut Path, &mut Ledger<'_>)) {
            let told = &mut self.told;
            let mut tell = |event: Option<EventId>, reason| {
                // Events count from 1, frames from 0.
                told.push((reason, event.unwrap().get() as u32 - 1));
            };
            let Self { managed, path, counts, pool, .. } = self;
            act(managed, path, &mut Ledger { counts, pool, tell: &mut tell });
        }

        /// Runs everything that is due by `until`, in microseconds.
        fn run(&mut self, until: u64) {
            while let Some(wake) = self.managed.wake().filter(|wake| wake.micros() <= until) {
                self.with(|managed, path, ledger| managed.transmit(wake, path, ledger));
            }
            while let Some(at) = self.path.next() {
                let flight = self.path.arrive(at).unwrap();
                let number = flight.event.unwrap().get() as u32 - 1;
                let took = flight.frame.len() as u64 * 1_000 / FRAME as u64;
                let waited = at.micros() - took - self.came[number as usize];
                self.sent.push((number, waited, at.micros()));
            }
        }

        /// Hands the queue a frame of a flow, at a time in microseconds.
        fn send(&mut self, at: u64, flow: u8, bytes: usize) {
            self.run(at);
            let number = self.came.len() as u64;
            self.came.push(at);
            let frame = datagram(flow, bytes);
            let now = Time::from_micros(at);
            let event = Some(EventId::new(number + 1).unwrap());
            self.with(|managed, path, ledger| managed.send(now, frame, event, path, ledger));
        }

        /// The numbers of the frames that were dropped or marked for this reason.
        fn told(&self, reason: DropReason) -> Vec<u32> {
            let these = self.told.iter().filter(|(told, _)| *told == reason);
            these.map(|(_, number)| *number).collect()
        }

        /// The mean wait in microseconds of the frames whose numbers `of` accepts.
        fn mean_wait(&self, of: impl Fn(u32) -> bool) -> u64 {
            let waits: Vec<u64> = self
                .sent
                .iter()
                .filter(|(number, ..)| of(*number))
                .map(|(_, waited, _)| *waited)
                .collect();
            waits.iter().sum::<u64>() / waits.len() as u64
        }
    }

    /// A UDP datagram over IPv4, ECN-capable if the flow's number is odd.
    fn datagram(flow: u8, bytes: usize) -> Vec<u8> {
        let mut frame = vec![0; bytes];
        frame[12..16].copy_from_slice(&[0x08, 0x00, 0x45, (flow & 1) * 2]);
        frame[23] = 17;
        frame[33] = flow;
        frame
    }

    fn scenario(number: usize) -> Bench {
        let mut bench = Bench::new(Discipline::CoDel(CoDel::LINUX), Queue::Packets(100_000));
        for &(gap, frames) in SCENARIOS[number] {
            for _ in 0..frames {
                let at = bench.came.last().map_or(0, |before| before + gap);
                bench.send(at, 0, FRAME);
            }
        }
        bench.run(u64::MAX);
        bench
    }

    fn of_linux(code: &str, scenario: usize) -> Vec<u32> {
        let line = LINUX.lines().find_map(|line| line.strip_prefix(&format!("{code},{scenario},")));
        line.unwrap().split(' ').map(|number| number.parse().unwrap()).collect()
    }

    /// With an exact square root, the kernel's code drops the very same frames.
    #[test]
    fn codel_drops_what_linux_would_with_an_exact_square_root() {
        for number in 0..SCENARIOS.len() {
            let ours = scenario(number).told(DropReason::Aqm);
            let linux = of_linux("exact", number);
            assert!(ours == linux, "scenario {number}");
        }
    }

    /// With the kernel's own approximate square root, Linux drops as many frames, within 2 %.
    #[test]
    fn codel_drops_about_as_much_as_linux() {
        for number in 0..SCENARIOS.len() {
            let ours = scenario(number).told(DropReason::Aqm).len() as f64;
            let linux = of_linux("linux", number).len() as f64;
            assert!((ours / linux - 1.0).abs() < 0.02, "scenario {number}: {ours} to {linux}");
        }
    }

    /// A queue that drains within the interval loses nothing, and neither does one whose delay
    /// stays below the target, however long.
    #[test]
    fn a_good_queue_is_left_alone() {
        let mut bench = Bench::new(Discipline::CoDel(CoDel::LINUX), Queue::Packets(1_000));
        for burst in 0..20 {
            for _ in 0..90 {
                bench.send(burst * 100_000, 0, FRAME);
            }
        }
        for frame in 0..3_000 {
            bench.send(2_000_000 + frame * 1_000, 0, FRAME);
            if frame < 4 {
                bench.send(2_000_000 + frame * 1_000, 0, FRAME);
            }
        }
        bench.run(u64::MAX);
        assert_eq!(bench.told, []);
    }

    #[test]
    fn a_full_codel_queue_drops_the_last() {
        let mut bench = Bench::new(Discipline::CoDel(CoDel::LINUX), Queue::Packets(3));
        for _ in 0..6 {
            bench.send(0, 0, FRAME);
        }
        assert_eq!(bench.told, [(DropReason::QueueFull, 4), (DropReason::QueueFull, 5)]);
        assert_eq!(bench.counts.queue_peak, 3);
    }

    /// Frames of ECN-capable senders are marked at the times at which those of others are dropped.
    #[test]
    fn marks_come_in_the_place_of_drops() {
        let told = |flow, ecn| {
            let codel = CoDel { ecn, ..CoDel::LINUX };
            let mut bench = Bench::new(Discipline::CoDel(codel), Queue::Packets(10_000));
            for frame in 0..1_000 {
                bench.send(frame * 500, flow, FRAME);
            }
            bench.run(u64::MAX);
            (bench.told(DropReason::Aqm).len(), bench.told(DropReason::Marked).len())
        };
        let (drops, none) = told(1, false);
        assert!(drops > 20 && none == 0, "{drops} drops");
        assert_eq!(told(0, true), (drops, 0), "this sender does not understand ECN");
        let (none, marks) = told(1, true);
        assert!(none == 0 && marks.abs_diff(drops) < drops / 5, "{marks} marks, {drops} drops");
    }

    fn fair(limit: u32) -> Bench {
        Bench::new(Discipline::FqCoDel(FqCoDel::LINUX), Queue::Packets(limit))
    }

    /// A flow that sends little waits only for the frame in transmission and for the quantum of the
    /// flow whose turn it is.
    #[test]
    fn a_sparse_flow_does_not_wait_for_a_bulky_one() {
        let mut bench = fair(10_000);
        for frame in 0..3_000 {
            bench.send(frame * 900, 2, FRAME);
            if frame % 20 == 0 {
                bench.send(frame * 900, 4, 114);
            }
        }
        bench.run(u64::MAX);
        let sparse: Vec<bool> = (0..3_000)
            .flat_map(|frame| [false].into_iter().chain((frame % 20 == 0).then_some(true)))
            .collect();
        let waits = bench.sent.iter().filter(|(number, ..)| sparse[*number as usize]);
        let longest = waits.clone().map(|(_, waited, _)| *waited).max().unwrap();
        assert_eq!(waits.count(), 150, "none is lost");
        assert!(longest <= 2_000, "{longest} µs");
        assert!(bench.mean_wait(|number| !sparse[number as usize]) > 10_000);
    }

    /// Flows share the rate by bytes, whatever the length of their frames.
    #[test]
    fn bulky_flows_share_by_bytes() {
        let mut bench = fair(10_000);
        for frame in 0..6_000 {
            bench.send(frame * 500, 2, FRAME);
            for _ in 0..3 {
                bench.send(frame * 500, 4, 514);
            }
        }
        // The bytes that either flow sent, large frames and all.
        let large = bench.sent.iter().filter(|(number, ..)| number % 4 == 0).count() * FRAME;
        let all: usize =
            bench.sent.iter().map(|(number, ..)| if number % 4 == 0 { FRAME } else { 514 }).sum();
        let share = large as f64 / all as f64;
        assert!((0.48..0.52).contains(&share), "{share}");
    }

    /// When the whole queue is full, the longest flow loses frames from its front, at most half its
    /// bytes.
    #[test]
    fn a_full_fair_queue_drops_from_the_longest() {
        let mut bench = fair(40);
        for _ in 0..10 {
            bench.send(0, 4, FRAME);
        }
        for _ in 0..32 {
            bench.send(0, 2, FRAME);
        }
        // One frame is in transmission, so the 42nd is one too many. The longest flow has 32, and
        // loses 16.
        let dropped: Vec<u32> = bench.told(DropReason::QueueFull);
        assert_eq!(dropped, (10..26).collect::<Vec<u32>>());
        assert_eq!(bench.counts.queue_peak, 40);
    }

    /// A flow that returns with one frame at a time is new each time, but the other flows have
    /// their turn in between.
    #[test]
    fn a_flow_cannot_stay_new() {
        let mut bench = fair(10_000);
        for _ in 0..50 {
            bench.send(0, 2, FRAME);
        }
        // Each frame of the returning flow comes when its previous one has been sent.
        for frame in 0..40 {
            bench.send(frame * 1_000 + 999, 4, FRAME);
        }
        bench.run(40_500);
        let greedy = bench.sent.iter().filter(|(number, ..)| *number >= 50).count();
        assert!((18..=22).contains(&greedy), "{greedy} of 40 were its");
    }
}
