//! Sleeping tasks: futures that complete at a time.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::rc::Rc;

use roundtrip_record::Time;

use crate::agenda::{Agenda, Source};
use crate::world::World;

/// Slots for sleeping tasks. The agenda says when the task in each wakes.
#[derive(Debug, Default)]
pub(crate) struct SleepSlots {
    /// The waker of the task in each slot. It is kept after the task has left: mostly the same task
    /// is the next to sleep there.
    wakers: Vec<Waker>,
    free: Vec<u32>,
}

impl SleepSlots {
    fn occupy(&mut self, agenda: &mut Agenda, at: Time, waker: &Waker) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.wakers.push(Waker::noop().clone());
            agenda.add_sleep_slot()
        });
        self.set_waker(slot, waker);
        agenda.set(Source::Sleep(slot), Some(at));
        slot
    }

    fn set_waker(&mut self, slot: u32, waker: &Waker) {
        self.wakers[slot as usize].clone_from(waker);
    }

    fn release(&mut self, agenda: &mut Agenda, slot: u32) {
        agenda.set(Source::Sleep(slot), None);
        self.free.push(slot);
    }

    /// Wakes the task in a slot.
    #[inline]
    pub(crate) fn wake(&self, slot: u32) {
        self.wakers[slot as usize].wake_by_ref();
    }
}

/// A future that completes at a time.
pub(crate) struct Sleep {
    world: Rc<World>,
    at: Time,
    slot: Option<u32>,
}

impl Sleep {
    pub(crate) fn new(world: &Rc<World>, at: Time) -> Self {
        Self { world: Rc::clone(world), at, slot: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.world.now() >= this.at {
            return Poll::Ready(());
        }
        this.world.with_sleep_slots(|slots, agenda| match this.slot {
            None => this.slot = Some(slots.occupy(agenda, this.at, context.waker())),
            Some(slot) => slots.set_waker(slot, context.waker()),
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.world.with_sleep_slots(|slots, agenda| slots.release(agenda, slot));
        }
    }
}
