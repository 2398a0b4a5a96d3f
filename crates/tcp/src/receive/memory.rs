//! The memory that received segments take until they are read (`sk_rmem_alloc`), as Linux counts
//! it.
//!
//! The kernel keeps segments in buffers of their own, and joins a segment to the one before it where
//! it can (`tcp_try_coalesce`). That saves a descriptor each time, and makes the application read
//! several at once, on which the tuning of the buffer depends.

use roundtrip_packet::SeqNumber;

use crate::profile::BufferCost;

/// The memory of one connection's received segments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    cost: BufferCost,
    /// The memory of data that can be read, bytes.
    queued: u32,
    /// The memory of data that waits for missing data, bytes.
    waiting: u32,
    /// The sequence number at the end of the first readable buffer.
    head: SeqNumber,
    /// How much can still be joined to the last readable buffer, and to the last one out of order
    /// (as in [`BufferCost::room`]).
    room: u16,
    run_room: u16,
}

impl Memory {
    pub(super) fn new(cost: BufferCost, next: SeqNumber) -> Memory {
        Memory { cost, queued: 0, waiting: 0, head: next, room: 0, run_room: 0 }
    }

    /// The memory taken in all, bytes.
    #[inline]
    pub(super) fn used(&self) -> u32 {
        self.queued.saturating_add(self.waiting)
    }

    /// The memory that a segment with `len` bytes takes by itself, bytes.
    #[inline]
    pub(super) fn cost(&self, len: u32) -> u32 {
        self.cost.of(len)
    }

    /// Counts the next `len` bytes in order, up to `end`; `unread` bytes wait to be read before
    /// them.
    #[inline]
    pub(super) fn queue(&mut self, end: SeqNumber, len: u32, unread: u32) {
        if unread == 0 {
            (self.head, self.room) = (end, self.cost.room(len));
            self.queued = self.cost.of(len);
            return;
        }
        if let Some(more) = self.cost.join(len, &mut self.room) {
            self.queued = self.queued.saturating_add(more);
            if self.head + len == end {
                self.head = end;
            }
        } else {
            // The last buffer is full, so the next one begins.
            self.queued = self.queued.saturating_add(self.cost.of(len));
            self.room = self.cost.room(len);
        }
    }

    /// Counts `len` bytes that came out of order; `follows` if they come right after the last that
    /// did.
    pub(super) fn wait(&mut self, len: u32, follows: bool) {
        let joined = if follows { self.cost.join(len, &mut self.run_room) } else { None };
        if joined.is_none() {
            self.run_room = self.cost.room(len);
        }
        self.waiting = self.waiting.saturating_add(joined.unwrap_or_else(|| self.cost.of(len)));
    }

    /// Moves `bytes` of the `all` bytes that waited, in segments of `size`, to the readable ones up
    /// to `next`, since what was missing has come (`tcp_ofo_queue`).
    pub(super) fn join(&mut self, next: SeqNumber, bytes: u32, all: u32, size: u32) {
        let part = u64::from(bytes.min(all)) * u64::from(self.waiting) / u64::from(all.max(1));
        let moved = if bytes < all { part as u32 } else { self.waiting };
        self.queued = self.queued.saturating_add(moved);
        self.waiting -= moved;
        // Whole buffers are joined if the segments of both fit in one.
        let segments = bytes.div_ceil(size.max(1));
        if self.head + bytes == next && self.cost.holds(segments, self.room) {
            self.head = next;
        }
        self.room = 0;
    }

    /// Drops what waits out of order.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting = 0;
    }

    /// Gives the memory of `count` bytes back that were read, of `unread`.
    pub(super) fn read(&mut self, count: u32, unread: u32) {
        if count >= unread {
            self.queued = 0;
        } else {
            let back = u64::from(self.queued) * u64::from(count) / u64::from(unread);
            self.queued -= back as u32;
        }
    }

    /// Notes that `count` bytes up to `copied` were read in one call, with `unread` left. Answers
    /// the end of the first buffer among those read, or `copied` if that comes before: the kernel
    /// looks at how much was read after each buffer.
    pub(super) fn first_read(&mut self, copied: SeqNumber, count: u32, unread: u32) -> SeqNumber {
        let head = self.head;
        if !head.gt(copied) {
            self.head = copied + unread;
        }
        if head.gt(copied - count) && head.lt(copied) { head } else { copied }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(n: u32) -> SeqNumber {
        SeqNumber(n)
    }

    fn memory() -> Memory {
        Memory::new(BufferCost::Fragment, seq(0))
    }

    #[test]
    fn what_is_read_at_once_takes_one_buffer() {
        let mut memory = memory();
        for n in 1..=100 {
            memory.queue(seq(n * 1448), 1448, 0);
            assert_eq!(memory.used(), 2176);
            memory.read(1448, 1448);
            assert_eq!(memory.used(), 0);
            assert_eq!(memory.first_read(seq(n * 1448), 1448, 0), seq(n * 1448));
        }
    }

    #[test]
    fn unread_segments_are_joined_eighteen_at_a_time() {
        let mut memory = memory();
        for n in 0..36 {
            memory.queue(seq((n + 1) * 1448), 1448, n * 1448);
        }
        assert_eq!(memory.used(), 2 * (2176 + 17 * 1920));
        let first = memory.first_read(seq(36 * 1448), 36 * 1448, 0);
        assert_eq!(first, seq(18 * 1448), "the first buffer ends there");
    }

    #[test]
    fn what_filled_a_gap_is_read_before_what_waited_behind_it() {
        let mut memory = memory();
        for n in 0..37 {
            memory.wait(1448, n > 0);
        }
        assert_eq!(memory.used(), 37 * 1920 + 3 * 256);
        memory.queue(seq(1448), 1448, 0);
        memory.join(seq(38 * 1448), 37 * 1448, 37 * 1448, 1448);
        memory.read(38 * 1448, 38 * 1448);
        let first = memory.first_read(seq(38 * 1448), 38 * 1448, 0);
        assert_eq!((first, memory.used()), (seq(1448), 0));
    }
}
