//! The runtime of one thread: tasks, and threads beside it for long work.

use core::future::Future;
use core::num::NonZeroUsize;
use std::io;
use std::thread::Builder;

use roundtrip_wire::Task;
use tokio::task::LocalSet;

use crate::timer;

/// Runs `main` on this thread to its end, on a runtime of its own. What was spawned ends with it;
/// long work on other threads ([`work`]) is left to itself and does not hold the process up.
///
/// # Errors
/// When the runtime cannot be had: the process is out of descriptors.
pub fn run<T>(main: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = LocalSet::new();
    let result = tasks.block_on(&runtime, async {
        let (_timers, driven) = timer::install()?;
        tokio::task::spawn_local(timer::drive(driven));
        Ok(main.await)
    });
    drop(tasks);
    runtime.shutdown_background();
    result
}

/// Runs `errand` on `count` threads at once and gives what each came to, in the order of their
/// numbers, which they are told: 0 and up. An errand that calls [`run`] has a runtime of its own, so
/// that a server or a load can use every processor with wires that know one thread only.
///
/// Where the system refuses to start a thread (its limit is reached, or there is no memory for a
/// stack), the errand is run on those that could be started, of which the calling thread is always
/// one: there are then fewer results than `count`.
///
/// # Panics
/// When one of them does, once all have ended.
pub fn on_threads<T: Send>(count: NonZeroUsize, errand: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let errand = &errand;
        let start = |number| Builder::new().spawn_scoped(scope, move || errand(number)).ok();
        // The first runs here: one alone needs no other thread. After one that cannot be started, no
        // more are tried: the numbers leave no gap.
        let others: Vec<_> = (1..count.get()).map_while(start).collect();
        let mut results = vec![errand(0)];
        for other in others {
            results.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    })
}

/// Starts a task on this thread, inside [`run`].
pub fn spawn(task: impl Future<Output = ()> + 'static) -> Task {
    let handle = tokio::task::spawn_local(task);
    let abort = handle.abort_handle();
    Task::new(move || abort.abort(), async move {
        let _ = handle.await;
    })
}

/// Runs work on a thread of its own, and panics here if it panics there.
pub async fn work<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Cancelled: the runtime is going down, and so is whoever waits.
            Err(_) => core::future::pending().await,
        },
    }
}
