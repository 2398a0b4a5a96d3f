//! The account of frames that a link dropped or changed.

use roundtrip_record::{DropReason, EventId, LinkCounts};

use crate::pool::Pool;

/// Where each mishap of a frame is noted: in the link's counts and in the record. Buffers of
/// dropped frames go back to the pool.
pub(crate) struct Ledger<'a> {
    pub(crate) counts: &'a mut LinkCounts,
    pub(crate) pool: &'a mut Pool,
    /// A function that records the mishap; it gets the event with which the frame was sent.
    pub(crate) tell: &'a mut dyn FnMut(Option<EventId>, DropReason),
}

impl Ledger<'_> {
    /// Notes a mishap of the frame that was sent with the event `event`.
    pub(crate) fn note(&mut self, event: Option<EventId>, reason: DropReason) {
        *self.count_of(reason) += 1;
        (self.tell)(event, reason);
    }

    /// Notes that a frame is dropped, and recycles its buffer.
    pub(crate) fn drop(&mut self, frame: Vec<u8>, event: Option<EventId>, reason: DropReason) {
        self.note(event, reason);
        self.pool.give(frame);
    }

    fn count_of(&mut self, reason: DropReason) -> &mut u64 {
        let counts = &mut *self.counts;
        match reason {
            DropReason::QueueFull => &mut counts.queue_full,
            DropReason::Aqm => &mut counts.aqm,
            DropReason::Marked => &mut counts.marked,
            DropReason::Lost => &mut counts.lost,
            DropReason::BadFcs => &mut counts.bad_fcs,
            DropReason::Corrupted => &mut counts.corrupted,
            DropReason::Duplicated => &mut counts.duplicated,
            DropReason::Reordered => &mut counts.reordered,
        }
    }
}
