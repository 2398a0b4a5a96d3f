//! The write queue: unsent data, cut into buffers as in the kernel: each write fills the last
//! buffer up to the size of a burst and then begins another (`tcp_sendmsg_locked`,
//! `tcp_xmit_size_goal`). The end of a buffer is visible on the wire: no burst reaches beyond it,
//! and PSH is set there.

use std::collections::VecDeque;

use roundtrip_packet::SeqNumber;

use super::sent::Marks;

/// One buffer that was not sent completely (`struct sk_buff` of the write queue).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    /// The sequence number after its last byte.
    pub(crate) end: SeqNumber,
    /// Whether the last segment carries PSH (`tcp_mark_push`).
    pub(crate) push: bool,
    /// Whether nothing may be added to the buffer (`MSG_EOR`).
    pub(crate) is_record: bool,
}

impl Chunk {
    /// The marks that the last segment keeps of the buffer.
    pub(crate) fn marks(self) -> Marks {
        let mut marks = Marks::default();
        if self.push {
            marks = marks.with(Marks::PUSH);
        }
        if self.is_record {
            marks = marks.with(Marks::RECORD);
        }
        marks
    }
}

/// The buffer to which bytes are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppendTo {
    LastBuffer,
    NewBuffer,
}

/// The write queue. Mostly it is one buffer, which takes no memory of its own.
#[derive(Clone, Debug)]
pub(crate) struct WriteQueue {
    head: Option<Chunk>,
    /// The buffers after the first. Few connections have any, and the others are spared the memory.
    #[allow(clippy::box_collection)]
    rest: Option<Box<VecDeque<Chunk>>>,
    /// The sequence number after the data that was last marked with PSH (`pushed_seq`).
    pushed: SeqNumber,
}

impl WriteQueue {
    pub(crate) fn new(una: SeqNumber) -> WriteQueue {
        WriteQueue { head: None, rest: None, pushed: una }
    }

    /// The number of buffers that were not sent completely.
    pub(crate) fn buffers(&self) -> u32 {
        u32::from(self.head.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.len() as u32)
    }

    /// The buffer to be sent next, and whether it is the last.
    #[inline]
    pub(crate) fn head(&self) -> Option<(Chunk, bool)> {
        Some((self.head?, self.rest.is_none()))
    }

    fn last_mut(&mut self) -> Option<&mut Chunk> {
        match &mut self.rest {
            Some(rest) => rest.back_mut(),
            None => self.head.as_mut(),
        }
    }

    /// Moves bytes from the next buffer to the first until there are `wanted` bytes to send after
    /// `nxt` (`tcp_grow_skb`).
    #[inline]
    pub(crate) fn grow(&mut self, nxt: SeqNumber, wanted: u32) {
        let (Some(head), Some(rest)) = (&mut self.head, &mut self.rest) else { return };
        let missing = wanted as i32 - (head.end - nxt);
        let Some(next) = rest.front().copied().filter(|_| missing > 0 && !head.is_record) else {
            return;
        };
        head.end += (missing as u32).min((next.end - head.end).max(0) as u32);
        if head.end == next.end {
            head.push |= next.push;
            head.is_record = next.is_record;
            rest.pop_front();
            self.tidy();
        }
    }

    fn tidy(&mut self) {
        if self.rest.as_ref().is_some_and(|rest| rest.is_empty()) {
            self.rest = None;
        }
    }

    /// The bytes that may be added to the last buffer until it holds `goal`; all before `nxt` was
    /// sent.
    pub(crate) fn room(&self, nxt: SeqNumber, goal: u32) -> u32 {
        let Some(head) = self.head else { return 0 };
        let (begin, last) = match &self.rest {
            None => (nxt, head),
            Some(rest) => {
                let before = rest.len().checked_sub(2).and_then(|place| rest.get(place));
                (before.unwrap_or(&head).end, rest.back().copied().unwrap_or(head))
            }
        };
        if last.is_record { 0 } else { goal.saturating_sub((last.end - begin).max(0) as u32) }
    }

    /// Adds `length` bytes that begin at `at`, to the last buffer or in a new one; `is_first` if
    /// they begin a write.
    pub(crate) fn add(&mut self, at: SeqNumber, length: u32, place: AppendTo, is_first: bool) {
        if place == AppendTo::LastBuffer
            && let Some(last) = self.last_mut()
        {
            last.end += length;
            last.push &= !is_first;
            return;
        }
        let new = Chunk { end: at + length, push: false, is_record: false };
        if self.head.is_none() {
            self.head = Some(new);
        } else {
            self.rest.get_or_insert_default().push_back(new);
        }
    }

    /// Whether more than half of the peer's largest window was written since the last PSH
    /// (`forced_push`).
    pub(crate) fn must_push(&self, end: SeqNumber, max_window: u32) -> bool {
        end.gt(self.pushed + max_window / 2)
    }

    /// Marks the last buffer with PSH.
    pub(crate) fn mark_push(&mut self) {
        if let Some(last) = self.last_mut() {
            last.push = true;
            self.pushed = last.end;
        }
    }

    /// Ends the record that the last buffer holds.
    pub(crate) fn end_record(&mut self) {
        if let Some(last) = self.last_mut() {
            last.is_record = true;
        }
    }

    /// Notes that all before `nxt` was sent.
    #[inline]
    pub(crate) fn sent(&mut self, nxt: SeqNumber) {
        while self.head.is_some_and(|chunk| chunk.end.le(nxt)) {
            self.head = self.rest.as_mut().and_then(|rest| rest.pop_front());
            self.tidy();
        }
    }

    #[cfg(any(test, debug_assertions))]
    pub(crate) fn assert_invariants(&self, nxt: SeqNumber, end: SeqNumber) {
        let mut before = nxt;
        for chunk in self.head.iter().chain(self.rest.iter().flat_map(|rest| rest.iter())) {
            assert!(before.lt(chunk.end), "no buffer is empty");
            before = chunk.end;
        }
        assert!(before == end || self.head.is_none(), "the last ends with what was written");
        assert!(self.head.is_some() || nxt.ge(end), "what was not sent is in a buffer");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: SeqNumber = SeqNumber(1000);

    #[test]
    fn a_write_fills_the_last_buffer_first() {
        let mut queue = WriteQueue::new(START);
        assert_eq!(queue.room(START, 400), 0);
        queue.add(START, 300, AppendTo::NewBuffer, true);
        queue.mark_push();
        assert_eq!(queue.room(START, 400), 100);
        queue.add(START + 300, 100, AppendTo::LastBuffer, true);
        assert_eq!(queue.head().map(|(chunk, last)| (chunk.push, last)), Some((false, true)));
        queue.add(START + 400, 400, AppendTo::NewBuffer, false);
        queue.sent(START + 150);
        assert_eq!(queue.head().map(|(chunk, last)| (chunk.end, last)), Some((START + 400, false)));
        queue.sent(START + 800);
        assert!(queue.head().is_none());
    }

    #[test]
    fn what_was_sent_of_a_buffer_makes_room_in_it_unless_it_is_a_record() {
        let mut queue = WriteQueue::new(START);
        queue.add(START, 400, AppendTo::NewBuffer, true);
        queue.sent(START + 100);
        assert_eq!(queue.room(START + 100, 400), 100);
        queue.end_record();
        assert_eq!(queue.room(START + 100, 400), 0);
    }
}
