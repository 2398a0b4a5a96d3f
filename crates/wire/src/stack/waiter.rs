//! Who waits for something to happen.

use core::task::{Context, Waker};

/// One task that waits, or none. The waker is kept from one wait to the next, so that waiting for
/// every segment of a long body clones it once.
#[derive(Debug, Default)]
pub(super) struct Waiter {
    waker: Option<Waker>,
    waiting: bool,
}

impl Waiter {
    /// The task of `context` waits from now on; whoever waited before does not any more.
    #[inline]
    pub(super) fn wait(&mut self, context: &Context<'_>) {
        keep(&mut self.waker, context.waker());
        self.waiting = true;
    }

    /// It has happened.
    #[inline]
    pub(super) fn wake(&mut self) {
        if core::mem::take(&mut self.waiting)
            && let Some(waker) = &self.waker
        {
            waker.wake_by_ref();
        }
    }
}

/// Any number of tasks that wait.
#[derive(Debug, Default)]
pub(super) struct Waiters(Vec<Waker>);

impl Waiters {
    /// The task of `context` waits too.
    pub(super) fn wait(&mut self, context: &Context<'_>) {
        if !self.0.iter().any(|waker| waker.will_wake(context.waker())) {
            self.0.push(context.waker().clone());
        }
    }

    /// It has happened: all wake, in the order in which they began to wait.
    pub(super) fn wake(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}

/// Keeps `waker` unless it is there already.
fn keep(kept: &mut Option<Waker>, waker: &Waker) {
    match kept {
        Some(kept) if kept.will_wake(waker) => {}
        _ => *kept = Some(waker.clone()),
    }
}
