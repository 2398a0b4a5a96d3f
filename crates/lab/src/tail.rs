//! A drop-tail queue: first in, first out, and a frame that does not fit is dropped.
//!
//! Since nothing is decided later, the end of a frame's transmission is known as soon as the frame
//! is handed over: it goes on its way at once, and only its place in the queue is remembered.

use std::collections::VecDeque;

use roundtrip_record::Time;

use crate::shape::Queue;
use crate::transmitter::Transmitter;

/// A drop-tail queue and the transmitter behind it.
#[derive(Debug)]
pub(crate) struct DropTail {
    transmitter: Transmitter,
    limit: Queue,
    /// The start of transmission and the bytes of each frame that waits, in order.
    waiting: VecDeque<(Time, u32)>,
    waiting_bytes: u64,
}

impl DropTail {
    pub(crate) fn new(transmitter: Transmitter, limit: Queue) -> Self {
        Self { transmitter, limit, waiting: VecDeque::new(), waiting_bytes: 0 }
    }

    /// Takes a frame of `bytes` bytes; answers when its transmission ends, and `None` if it is
    /// dropped. The frame that is being transmitted does not wait.
    #[inline]
    pub(crate) fn send(&mut self, now: Time, bytes: u32) -> Option<Time> {
        self.forget_begun(now);
        if !self.has_room(u64::from(bytes)) {
            return None;
        }
        let start = self.transmitter.ready(now);
        let sent = self.transmitter.take(start, bytes);
        if start > now {
            self.waiting.push_back((start, bytes));
            self.waiting_bytes += u64::from(bytes);
        }
        Some(sent)
    }

    /// The number of frames that waited when the last frame was handed over.
    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Forgets the frames whose transmission has begun by `now`.
    #[inline]
    fn forget_begun(&mut self, now: Time) {
        while let Some(&(start, bytes)) = self.waiting.front() {
            if start > now {
                break;
            }
            self.waiting.pop_front();
            self.waiting_bytes -= u64::from(bytes);
        }
    }

    #[inline]
    fn has_room(&self, bytes: u64) -> bool {
        match self.limit {
            Queue::Unlimited => true,
            Queue::Packets(limit) => self.waiting.len() < limit as usize,
            Queue::Bytes(limit) => self.waiting_bytes + bytes <= limit,
        }
    }
}
