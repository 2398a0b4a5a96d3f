//! A first-in, first-out queue of frames.

use std::collections::VecDeque;

use roundtrip_record::{EventId, Time};

use crate::shape::Queue;

/// A frame that waits for the transmitter.
#[derive(Debug)]
pub(crate) struct QueuedFrame {
    pub(crate) frame: Vec<u8>,
    /// The event with which the frame was sent.
    pub(crate) event: Option<EventId>,
    /// When the frame was queued.
    pub(crate) since: Time,
}

impl QueuedFrame {
    pub(crate) fn bytes(&self) -> u64 {
        self.frame.len() as u64
    }
}

/// Frames in order of arrival, and the sum of their bytes.
#[derive(Debug, Default)]
pub(crate) struct Fifo {
    frames: VecDeque<QueuedFrame>,
    bytes: u64,
}

impl Fifo {
    pub(crate) fn push(&mut self, waiting: QueuedFrame) {
        self.bytes += waiting.bytes();
        self.frames.push_back(waiting);
    }

    pub(crate) fn pop(&mut self) -> Option<QueuedFrame> {
        let first = self.frames.pop_front()?;
        self.bytes -= first.bytes();
        Some(first)
    }

    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Queue {
    /// Whether the limit allows `frames` frames of `bytes` bytes in all.
    pub(crate) fn holds(self, frames: usize, bytes: u64) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Packets(limit) => frames <= limit as usize,
            Self::Bytes(limit) => bytes <= limit,
        }
    }
}
