//! Frames that wait to leave, other than TCP's: those are made when they are asked for.

use std::collections::VecDeque;

use roundtrip_packet::IpHeader;
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
    /// Buffers for the next frames.
    spare: Vec<Vec<u8>>,
    /// Of the last datagram that was sent in fragments.
    identification: u32,
}

impl Output {
    pub(crate) const fn new(limit: usize, identification: u32) -> Self {
        Self { queue: VecDeque::new(), bytes: 0, limit, spare: Vec::new(), identification }
    }

    /// Tells the fragments of the next datagram from those of others: 16 bits over IPv4, 32 over
    /// IPv6 (RFC 791 §3.2, RFC 8200 §4.5).
    pub(crate) fn next_identification(&mut self, ip: &IpHeader) -> u32 {
        self.identification = self.identification.wrapping_add(1);
        match ip {
            IpHeader::V4(_) => self.identification & 0xffff,
            IpHeader::V6(_) => self.identification,
        }
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
