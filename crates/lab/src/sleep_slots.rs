//! The slots in which sleeping tasks wait.

use core::task::Waker;

use roundtrip_record::Time;

use crate::agenda::{Agenda, Source};

/// Slots for sleeping tasks. The agenda says when the task in each wakes.
#[derive(Debug, Default)]
pub(crate) struct SleepSlots {
    /// The waker of the task in each slot. It is kept after the task has left: mostly the same task
    /// is the next to sleep there.
    wakers: Vec<Waker>,
    free: Vec<u32>,
}

impl SleepSlots {
    pub(crate) fn occupy(&mut self, agenda: &mut Agenda, at: Time, waker: &Waker) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.wakers.push(Waker::noop().clone());
            agenda.add_sleep_slot()
        });
        self.set_waker(slot, waker);
        agenda.set(Source::Sleep(slot), Some(at));
        slot
    }

    pub(crate) fn set_waker(&mut self, slot: u32, waker: &Waker) {
        self.wakers[slot as usize].clone_from(waker);
    }

    pub(crate) fn release(&mut self, agenda: &mut Agenda, slot: u32) {
        agenda.set(Source::Sleep(slot), None);
        self.free.push(slot);
    }

    /// Wakes the task in a slot.
    #[inline]
    pub(crate) fn wake(&self, slot: u32) {
        self.wakers[slot as usize].wake_by_ref();
    }
}
