//! Tasks that wait for a time.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::BTreeMap;
use std::rc::Rc;

use roundtrip_record::Time;

use crate::world::World;

/// Those that sleep, by the time they want to wake and then in the order in which they lay down.
#[derive(Debug, Default)]
pub(crate) struct Sleepers {
    waiting: BTreeMap<(Time, u64), Waker>,
    number: u64,
}

impl Sleepers {
    pub(crate) fn next(&self) -> Option<Time> {
        self.waiting.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Wakes the first of those whose time has come; answers whether there was one.
    pub(crate) fn wake(&mut self, now: Time) -> bool {
        let due = self.waiting.first_entry().filter(|entry| entry.key().0 <= now);
        due.map(|entry| entry.remove().wake()).is_some()
    }

    fn add(&mut self, at: Time, waker: Waker) -> (Time, u64) {
        let key = (at, self.number);
        self.number += 1;
        self.waiting.insert(key, waker);
        key
    }
}

/// Completes at a time.
pub(crate) struct Sleep {
    world: Rc<World>,
    at: Time,
    key: Option<(Time, u64)>,
}

impl Sleep {
    pub(crate) fn new(world: &Rc<World>, at: Time) -> Self {
        Self { world: Rc::clone(world), at, key: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.world.now() >= this.at {
            return Poll::Ready(());
        }
        this.world.with_sleepers(|sleepers| match this.key {
            None => this.key = Some(sleepers.add(this.at, context.waker().clone())),
            Some(key) => {
                let waker = sleepers.waiting.entry(key).or_insert_with(|| context.waker().clone());
                waker.clone_from(context.waker());
            }
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.world.with_sleepers(|sleepers| sleepers.waiting.remove(&key));
        }
    }
}
