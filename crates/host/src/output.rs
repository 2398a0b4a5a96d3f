//! Frames that wait to leave, other than TCP's: those are made when they are asked for.

use std::collections::VecDeque;

use roundtrip_record::EventId;

use crate::{Gso, IfIndex};

/// A frame on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) interface: IfIndex,
    /// From the Ethernet header on; the destination may still be missing.
    pub(crate) bytes: Vec<u8>,
    pub(crate) gso: Option<Gso>,
    /// What wanted it sent.
    pub(crate) cause: Option<EventId>,
}

/// Buffers that are kept for the next frame.
const SPARE: usize = 16;

/// A queue bounded in bytes.
#[derive(Debug)]
pub(crate) struct Output {
    queue: VecDeque<Outgoing>,
    bytes: usize,
    limit: usize,
    spare: Vec<Vec<u8>>,
}

impl Output {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { queue: VecDeque::new(), bytes: 0, limit, spare: Vec::new() }
    }

    /// An empty buffer.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(crate) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Whether nothing waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes that wait.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether `bytes` more fit.
    pub(crate) const fn has_room(&self, bytes: usize) -> bool {
        self.bytes + bytes <= self.limit
    }

    /// Queues a frame; false, and the frame is dropped, if the queue is full.
    pub(crate) fn push(&mut self, frame: Outgoing) -> bool {
        let fits = self.has_room(frame.bytes.len());
        if fits {
            self.bytes += frame.bytes.len();
            self.queue.push_back(frame);
        }
        fits
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Outgoing> {
        let frame = self.queue.pop_front()?;
        self.bytes -= frame.bytes.len();
        Some(frame)
    }
}
