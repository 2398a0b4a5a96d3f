//! Tasks and threads of tokio's runtime, for the two wires that run on it.

use core::future::Future;

use roundtrip_wire::Task;

/// Starts a task on this thread.
pub fn spawn(task: impl Future<Output = ()> + 'static) -> Task {
    let handle = tokio::task::spawn_local(task);
    let abort = handle.abort_handle();
    Task::new(move || abort.abort(), async move {
        let _ = handle.await;
    })
}

/// Completes at Ctrl-C. Where the signal cannot be had it never does: the signal then ends the
/// process, as it would without us.
pub async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        core::future::pending::<()>().await;
    }
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
