//! A gate that tasks wait at until another task is done.
//!
//! tokio's `watch` is not used: it wakes waiting tasks in an order drawn from a hidden generator.

use core::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

#[derive(Default)]
struct Shared {
    over: Cell<bool>,
    ended: Notify,
}

/// The side that works; waiting ends when it is dropped.
pub(crate) struct Keeper(Rc<Shared>);

/// The side that waits.
#[derive(Clone)]
pub(crate) struct Gate(Rc<Shared>);

/// A new gate, both sides of it.
pub(crate) fn gate() -> (Keeper, Gate) {
    let shared = Rc::<Shared>::default();
    (Keeper(Rc::clone(&shared)), Gate(shared))
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.over.set(true);
        self.0.ended.notify_waiters();
    }
}

impl Gate {
    /// Completes when the keeper is dropped.
    pub(crate) async fn end(self) {
        while !self.0.over.get() {
            self.0.ended.notified().await;
        }
    }
}
