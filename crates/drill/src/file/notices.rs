//! `Notices`: what a socket's error queue tells of data that was sent without a copy
//! (`MSG_ZEROCOPY`, `Documentation/networking/msg_zerocopy.rst`).

use std::collections::VecDeque;

/// The calls that sent without a copy, by their numbers, and those that the program may hear of: their
/// memory is its own again once all their bytes are acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    next: u32,
    /// Calls whose bytes are under way: the offset behind the last of them, and the call's number.
    under_way: VecDeque<(u64, u32)>,
    /// Ranges of calls that are done and have not been told.
    done: VecDeque<(u32, u32)>,
}

impl Notices {
    /// A call has sent the bytes before this offset.
    pub(crate) fn sent(&mut self, end: u64) {
        self.under_way.push_back((end, self.next));
        self.next = self.next.wrapping_add(1);
    }

    /// So many bytes are acknowledged. Answers whether that ended a call.
    pub(crate) fn acknowledged(&mut self, bytes: u64) -> bool {
        let before = self.under_way.len();
        while let Some((end, number)) = self.under_way.front().copied() {
            if end > bytes {
                break;
            }
            self.under_way.pop_front();
            match self.done.back_mut() {
                // One notice tells of several calls in a row (`skb_zerocopy_notify_extend`).
                Some((_, last)) if last.wrapping_add(1) == number => *last = number,
                _ => self.done.push_back((number, number)),
            }
        }
        self.under_way.len() < before
    }

    /// Whether there is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    /// The first and the last call of the next notice, which is told now.
    pub(crate) fn take(&mut self) -> Option<(u32, u32)> {
        self.done.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_in_a_row_are_told_at_once() {
        let mut notices = Notices::default();
        for end in [10, 20, 30] {
            notices.sent(end);
        }
        assert!(!notices.acknowledged(9) && notices.is_empty());
        assert!(notices.acknowledged(20));
        assert_eq!(notices.take(), Some((0, 1)));
        assert!(notices.acknowledged(30) && !notices.acknowledged(30));
        assert_eq!((notices.take(), notices.take()), (Some((2, 2)), None));
    }
}
