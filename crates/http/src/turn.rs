//! Turns of the tasks of one thread.

use core::future::poll_fn;
use core::mem::replace;
use core::task::Poll;

/// Lets all others of this thread have their turn first: for work that takes long and waits for nothing.
pub(crate) async fn others() {
    let mut told = false;
    poll_fn(|context| {
        if replace(&mut told, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
