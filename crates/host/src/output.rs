//! The queue of outgoing frames. Segments of TCP connections are not queued but built when they are
//! asked for.

use std::collections::VecDeque;

use roundtrip_packet::IpHeader;
use roundtrip_record::EventId;

use crate::{Gso, IfIndex};

/// A frame to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) interface: IfIndex,
    /// The bytes from the Ethernet header on; the destination address may still be missing.
    pub(crate) bytes: Vec<u8>,
    pub(crate) gso: Option<Gso>,
    /// The event that caused the frame.
    pub(crate) cause: Option<EventId>,
}

/// The number of empty buffers that are kept for later frames.
const SPARE: usize = 16;

/// The queue of outgoing frames, bounded in bytes.
#[derive(Debug)]
pub(crate) struct Output {
    queue: VecDeque<Outgoing>,
    bytes: usize,
    limit: usize,
    /// Empty buffers for later frames.
    spare: Vec<Vec<u8>>,
    /// The identification of the last datagram that was sent in fragments.
    identification: u32,
}

impl Output {
    pub(crate) const fn new(limit: usize, identification: u32) -> Self {
        Self { queue: VecDeque::new(), bytes: 0, limit, spare: Vec::new(), identification }
    }

    /// The identification for the fragments of the next datagram: 16 bits for IPv4, 32 for IPv6
    /// (RFC 791 §3.2, RFC 8200 §4.5).
    pub(crate) fn next_identification(&mut self, ip: &IpHeader) -> u32 {
        self.identification = self.identification.wrapping_add(1);
        match ip {
            IpHeader::V4(_) => self.identification & 0xffff,
            IpHeader::V6(_) => self.identification,
        }
    }

    /// An empty buffer, a recycled one if there is any.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Keeps a buffer for reuse, up to [`SPARE`] of them.
    pub(crate) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Whether the queue is empty.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The bytes queued.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the queue has room for `bytes` more.
    pub(crate) const fn has_room(&self, bytes: usize) -> bool {
        self.bytes + bytes <= self.limit
    }

    /// Queues a frame; drops it and answers false if the queue is full.
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
