//! The data the application has written: the bytes, how they are cut, and whether more can follow.

use bytes::Bytes;
use roundtrip_packet::SeqNumber;

use super::buffer::SendBuffer;
use super::queue::WriteQueue;

/// The data the application has written and the peer has not acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// The sequence number after the last byte.
    end: SeqNumber,
    /// Whether FIN follows the last byte, so that nothing more can be written.
    is_finished: bool,
    /// The bytes, from SND.UNA on.
    buffer: SendBuffer,
    /// How the unsent bytes are cut into buffers.
    pub(super) queue: WriteQueue,
}

impl Written {
    pub(super) fn new(una: SeqNumber) -> Written {
        Written {
            end: una,
            is_finished: false,
            buffer: SendBuffer::default(),
            queue: WriteQueue::new(una),
        }
    }

    /// The sequence number after the last byte.
    #[inline]
    pub(super) fn end(&self) -> SeqNumber {
        self.end
    }

    /// The sequence number after everything that is to be sent, FIN included.
    #[inline]
    pub(super) fn end_with_fin(&self) -> SeqNumber {
        self.end + u32::from(self.is_finished)
    }

    /// Makes FIN follow what has been written.
    pub(super) fn finish(&mut self) {
        self.is_finished = true;
    }

    pub(super) fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Whether FIN follows directly after `end`.
    #[inline]
    pub(super) fn is_fin_at(&self, end: SeqNumber) -> bool {
        self.is_finished && end == self.end
    }

    /// The bytes after `nxt`, which were not sent yet.
    #[inline]
    pub(super) fn unsent(&self, nxt: SeqNumber) -> u32 {
        (self.end - nxt).max(0) as u32
    }

    /// Whether anything, FIN included, is left to send for the first time.
    #[inline]
    pub(super) fn has_unsent(&self, nxt: SeqNumber) -> bool {
        nxt.lt(self.end_with_fin())
    }

    /// The number of bytes buffered.
    pub(super) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Announces `length` more bytes to be sent; the bytes themselves are appended after that.
    pub(super) fn extend_by(&mut self, length: u32) {
        self.end += length;
    }

    /// Appends a copy of bytes that [`extend_by`](Self::extend_by) announced.
    pub(super) fn append_copy(&mut self, bytes: &[u8]) {
        self.buffer.extend(bytes);
    }

    /// Like [`append_copy`](Self::append_copy), but large buffers are not copied.
    pub(super) fn append(&mut self, bytes: Bytes) {
        self.buffer.push(bytes);
    }

    /// Takes over bytes that have left with the SYN, before anything else was written.
    pub(super) fn adopt_sent(&mut self, bytes: Bytes) {
        self.end += bytes.len();
        self.queue = WriteQueue::new(self.end);
        self.buffer.push(bytes);
    }

    /// Drops the bytes of `newly` acknowledged sequence numbers from `una` on.
    pub(super) fn drop_acknowledged(&mut self, una: SeqNumber, newly: u32) {
        let bytes = ((una + newly).min(self.end) - una).max(0) as usize;
        self.buffer.advance(bytes);
    }

    /// `len` bytes from `offset` after SND.UNA on, in two pieces.
    #[inline]
    pub(super) fn slices(&mut self, offset: usize, len: usize) -> [&[u8]; 2] {
        self.buffer.slices(offset, len)
    }
}
