//! The account of frames that a link did not simply carry.

use roundtrip_record::{DropReason, EventId, LinkCounts};

use crate::pool::Pool;

/// Where each mishap of a frame goes: into the link's counts, to the record, and the buffer of a
/// frame that is gone back to the pool.
pub(crate) struct Ledger<'a> {
    pub(crate) counts: &'a mut LinkCounts,
    pub(crate) pool: &'a mut Pool,
    /// Tells the record; gets the event of the frame's sending.
    pub(crate) tell: &'a mut dyn FnMut(Option<EventId>, DropReason),
}

impl Ledger<'_> {
    /// Something happened to the frame whose sending was `event`.
    pub(crate) fn note(&mut self, event: Option<EventId>, reason: DropReason) {
        *self.count_of(reason) += 1;
        (self.tell)(event, reason);
    }

    /// The frame is gone.
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
