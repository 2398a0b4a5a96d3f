//! Sleeping tasks: futures that complete at a time.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::rc::Rc;

use roundtrip_record::Time;

use crate::agenda::{Agenda, Source};
use crate::world::World;

/// The beds, which are slots for sleeping tasks. The agenda says when the task in each wakes.
#[derive(Debug, Default)]
pub(crate) struct Beds {
    /// The waker of the task in each bed. It is kept after the task has left: mostly the same task
    /// is the next to sleep there.
    wakers: Vec<Waker>,
    free: Vec<u32>,
}

impl Beds {
    fn lie_down(&mut self, agenda: &mut Agenda, at: Time, waker: &Waker) -> u32 {
        let bed = self.free.pop().unwrap_or_else(|| {
            self.wakers.push(Waker::noop().clone());
            agenda.add_bed()
        });
        self.stay(bed, waker);
        agenda.set(Source::Bed(bed), Some(at));
        bed
    }

    fn stay(&mut self, bed: u32, waker: &Waker) {
        self.wakers[bed as usize].clone_from(waker);
    }

    fn get_up(&mut self, agenda: &mut Agenda, bed: u32) {
        agenda.set(Source::Bed(bed), None);
        self.free.push(bed);
    }

    /// Wakes the task in a bed.
    #[inline]
    pub(crate) fn wake(&self, bed: u32) {
        self.wakers[bed as usize].wake_by_ref();
    }
}

/// A future that completes at a time.
pub(crate) struct Sleep {
    world: Rc<World>,
    at: Time,
    bed: Option<u32>,
}

impl Sleep {
    pub(crate) fn new(world: &Rc<World>, at: Time) -> Self {
        Self { world: Rc::clone(world), at, bed: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.world.now() >= this.at {
            return Poll::Ready(());
        }
        this.world.with_beds(|beds, agenda| match this.bed {
            None => this.bed = Some(beds.lie_down(agenda, this.at, context.waker())),
            Some(bed) => beds.stay(bed, context.waker()),
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(bed) = self.bed {
            self.world.with_beds(|beds, agenda| beds.get_up(agenda, bed));
        }
    }
}
