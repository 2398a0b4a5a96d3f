//! `Gauge`: how far a load has come, for whoever looks at it from another thread.

use core::sync::atomic::{AtomicU64, Ordering};

/// What one thread has done so far.
#[derive(Debug, Default)]
pub struct Gauge {
    answered: AtomicU64,
    failed: AtomicU64,
    /// Nanoseconds from the last request's due time to the end of its answer.
    latency: AtomicU64,
}

impl Gauge {
    pub(crate) fn answered(&self, latency: core::time::Duration) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.latency.store(nanos, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers and failures so far, and the latency of the last answer.
    pub fn read(&self) -> (u64, u64, core::time::Duration) {
        let latency = core::time::Duration::from_nanos(self.latency.load(Ordering::Relaxed));
        (self.answered.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed), latency)
    }
}
