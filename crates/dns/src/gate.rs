//! Waiting for somebody else's result.
//!
//! Not tokio's `watch`, which wakes those who wait in an order drawn from a hidden generator.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Notify;

struct Shared<T> {
    value: RefCell<Option<T>>,
    over: Cell<bool>,
    ended: Notify,
}

/// The side that has the result. When it is dropped nobody waits any longer.
pub(crate) struct Keeper<T>(Rc<Shared<T>>);

/// The side that waits.
pub(crate) struct Gate<T>(Rc<Shared<T>>);

/// Both sides.
pub(crate) fn gate<T>() -> (Keeper<T>, Gate<T>) {
    let shared =
        Rc::new(Shared { value: RefCell::new(None), over: Cell::new(false), ended: Notify::new() });
    (Keeper(Rc::clone(&shared)), Gate(shared))
}

impl<T> Keeper<T> {
    /// Gives the result to all who wait and will wait.
    pub(crate) fn give(self, value: T) {
        self.0.value.replace(Some(value));
    }
}

impl<T> Drop for Keeper<T> {
    fn drop(&mut self) {
        self.0.over.set(true);
        self.0.ended.notify_waiters();
    }
}

impl<T> Clone for Gate<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T: Clone> Gate<T> {
    /// The result; `None` when it was given up.
    pub(crate) async fn end(self) -> Option<T> {
        while !self.0.over.get() {
            self.0.ended.notified().await;
        }
        self.0.value.borrow().clone()
    }
}
