//! A thread with a deep stack, on which a panic becomes an error.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

use crate::limits;
use crate::picture::PaintError;

thread_local! {
    /// What this thread is doing, for the error; `None` on every other thread.
    static DURING: Cell<Option<&'static str>> = const { Cell::new(None) };
    /// The message and place of a panic on this thread.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Says what the thread is doing from here on.
pub(super) fn during(what: &'static str) {
    DURING.set(Some(what));
}

/// Runs `work` on a thread whose stack holds the deepest tree that is laid out.
pub(super) fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, PaintError> {
    listen();
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("layout".to_owned())
            .stack_size(limits::STACK)
            .spawn_scoped(scope, || {
                during("starting");
                panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| failure(&*payload))
            })
            .map_err(|error| PaintError::Thread(error.to_string()))?;
        worker.join().unwrap_or_else(|payload| Err(failure(&*payload)))
    })
}

fn failure(payload: &(dyn Any + Send)) -> PaintError {
    let said = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let message = PANIC.take().unwrap_or(said);
    PaintError::Engine { during: DURING.get().unwrap_or("ending").to_owned(), message }
}

/// Once for the process: panics of layout threads go into the error instead of to stderr. Every
/// other thread's go where they went before.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DURING.get().is_some() {
                PANIC.set(Some(info.to_string().replace('\n', " ")));
            } else {
                before(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_says_where() {
        let result: Result<(), _> = deep(|| {
            during("testing");
            panic!("on purpose");
        });
        let Err(PaintError::Engine { during, message }) = result else { panic!("{result:?}") };
        assert_eq!(during, "testing");
        assert!(message.contains("on purpose") && message.contains("thread.rs"), "{message}");
    }

    #[test]
    fn deep_recursion_has_room() {
        fn down(depth: usize) -> usize {
            let page = std::hint::black_box([depth; 512]);
            if depth == 0 { page[0] } else { down(depth - 1) + page[511] - depth }
        }
        assert_eq!(deep(|| down(20_000)), Ok(0));
    }
}
