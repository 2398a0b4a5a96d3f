//! FQ-CoDel (RFC 8290): one queue with CoDel for each flow, served in turn by bytes.
//!
//! Flows are spread over queues by a hash of protocol, addresses and ports. A queue that was empty
//! joins the *new* ones, which are served before the *old* ones; once it has transmitted its
//! quantum of bytes it joins the end of the old ones. So a flow that sends little never waits
//! behind one that sends all it can.

use std::collections::VecDeque;

use roundtrip_record::{DropReason, Time};

use crate::codel::{CodelState, ControlLaw};
use crate::fifo::{Fifo, QueuedFrame};
use crate::frame;
use crate::ledger::Ledger;
use crate::seed::Seed;
use crate::shape::{FqCoDel, Queue};

/// The most frames that are dropped at once when the queue as a whole is full (RFC 8290 §4.1, and
/// `drop_batch` of `tc-fq_codel(8)`).
const DROP_BATCH: u32 = 64;

/// The queue of a flow, or of several with the same hash.
#[derive(Debug, Default)]
struct Flow {
    queue: Fifo,
    state: CodelState,
    /// The bytes the queue may still transmit in its turn.
    deficit: i64,
    /// Whether the queue is in one of the lists.
    is_listed: bool,
}

/// The queues of all flows, managed by FQ-CoDel.
#[derive(Debug)]
pub(crate) struct FqCodel {
    law: ControlLaw,
    quantum: i64,
    limit: Queue,
    /// The key of the hash.
    key: u64,
    flows: Vec<Flow>,
    /// Queues that have just begun to send, by index into `flows`.
    new: VecDeque<usize>,
    /// All other queues that send, by index into `flows`.
    old: VecDeque<usize>,
    /// The number of frames in all queues.
    frames: usize,
    bytes: u64,
}

impl FqCodel {
    pub(crate) fn new(parameters: FqCoDel, limit: Queue, seed: Seed) -> Self {
        let FqCoDel { codel, flows, quantum } = parameters;
        Self {
            law: ControlLaw::of(codel),
            quantum: i64::from(quantum.max(1)),
            limit,
            key: seed.of("flows").number(),
            flows: (0..flows.max(1)).map(|_| Flow::default()).collect(),
            new: VecDeque::new(),
            old: VecDeque::new(),
            frames: 0,
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.frames
    }

    /// Queues a frame; if there is no room, frames are dropped from the front of the longest queue.
    pub(crate) fn enqueue(&mut self, waiting: QueuedFrame, ledger: &mut Ledger<'_>) {
        let index = (frame::flow(&waiting.frame, self.key) % self.flows.len() as u64) as usize;
        self.frames += 1;
        self.bytes += waiting.bytes();
        let flow = &mut self.flows[index];
        flow.queue.push(waiting);
        if !flow.is_listed {
            flow.is_listed = true;
            flow.deficit = self.quantum;
            self.new.push_back(index);
        }
        if !self.limit.holds(self.frames, self.bytes) {
            self.drop_from_longest(ledger);
        }
    }

    /// Drops up to half the bytes of the longest queue, so that not every frame needs a search for
    /// it.
    fn drop_from_longest(&mut self, ledger: &mut Ledger<'_>) {
        // `max_by_key` takes the last of equal queues; reversed, the first, as everywhere.
        let longest = self.flows.iter_mut().rev().max_by_key(|flow| flow.queue.bytes());
        let Some(flow) = longest else { return };
        let half = flow.queue.bytes() / 2;
        let (mut dropped, mut drops) = (0, 0);
        while drops < DROP_BATCH && (drops == 0 || dropped < half) {
            let Some(first) = flow.queue.pop() else { break };
            dropped += first.bytes();
            drops += 1;
            ledger.drop(first.frame, first.event, DropReason::QueueFull);
        }
        flow.state.count_drops(drops);
        self.frames -= drops as usize;
        self.bytes -= dropped;
    }

    /// The frame that is transmitted now (RFC 8290 §4.2).
    pub(crate) fn dequeue(&mut self, now: Time, ledger: &mut Ledger<'_>) -> Option<QueuedFrame> {
        loop {
            let is_new = !self.new.is_empty();
            let list = if is_new { &mut self.new } else { &mut self.old };
            let index = *list.front()?;
            let flow = &mut self.flows[index];
            if flow.deficit <= 0 {
                flow.deficit += self.quantum;
                list.pop_front();
                self.old.push_back(index);
                continue;
            }
            let (frames, bytes) = (flow.queue.len(), flow.queue.bytes());
            let beside = self.bytes - bytes;
            let next = flow.state.dequeue(now, self.law, &mut flow.queue, beside, ledger);
            self.frames -= frames - flow.queue.len();
            self.bytes = beside + flow.queue.bytes();
            if let Some(next) = next {
                flow.deficit -= next.frame.len() as i64;
                return Some(next);
            }
            list.pop_front();
            // A new queue that has run empty is moved to the old ones once; otherwise it could keep
            // them from their turn by sending one frame at a time.
            if is_new && !self.old.is_empty() {
                self.old.push_back(index);
            } else {
                flow.is_listed = false;
            }
        }
    }
}
