//! A queue that decides when the transmitter is free: CoDel or FQ-CoDel.

use roundtrip_record::{EventId, Time};

use crate::codel::Codel;
use crate::fifo::Waiting;
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

/// Which way the queue is managed.
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

    fn enqueue(&mut self, waiting: Waiting, ledger: &mut Ledger<'_>) {
        match self {
            Self::Codel(queue) => queue.enqueue(waiting, ledger),
            Self::FqCodel(queue) => queue.enqueue(waiting, ledger),
        }
    }

    fn dequeue(&mut self, now: Time, ledger: &mut Ledger<'_>) -> Option<Waiting> {
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

    /// Takes a frame, and transmits it at once where nothing stands before it.
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
            // It became free with nothing to do, and the queue has learnt that it was empty.
            let nothing = self.queue.dequeue(now, ledger);
            debug_assert!(nothing.is_none(), "a frame waits, and the transmitter is not woken");
        }
        self.queue.enqueue(Waiting { frame, event, since: now }, ledger);
        if ready <= now && self.wake.is_none() {
            self.transmit(now, path, ledger);
        } else {
            self.wake = (self.queue.len() > 0).then_some(ready);
        }
        let waiting = self.queue.len() as u64;
        ledger.counts.queue_peak = ledger.counts.queue_peak.max(waiting);
    }

    /// The transmitter takes the next frame, at the time that [`Managed::wake`] named.
    pub(crate) fn transmit(&mut self, now: Time, path: &mut Path, ledger: &mut Ledger<'_>) {
        if let Some(next) = self.queue.dequeue(now, ledger) {
            let sent = self.transmitter.take(now, next.frame.len() as u32);
            path.carry(sent, next.frame, next.event, ledger);
        }
        self.wake = (self.queue.len() > 0).then(|| self.transmitter.ready(now));
    }
}
