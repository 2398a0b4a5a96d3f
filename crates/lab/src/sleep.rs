//! Sleeping tasks: futures that complete at a time.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::rc::Rc;

use roundtrip_record::Time;

use crate::world::World;

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
