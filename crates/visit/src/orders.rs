//! `Orders`: what the first thread of a server has the others do.

use core::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::service::Service;

/// What all threads are to do, as the first one has heard it.
#[derive(Clone, Default)]
pub(crate) struct Order {
    /// How often something was ordered.
    pub(crate) number: u64,
    /// What is served now, where settings were read anew.
    pub(crate) service: Option<Arc<Service>>,
    /// How often the server was told to end.
    pub(crate) ends: u32,
}

/// The latest order. Whoever begins late has not missed it.
#[derive(Default)]
pub(crate) struct Orders {
    latest: Mutex<Order>,
    changed: Notify,
}

impl Orders {
    /// Gives another one.
    pub(crate) fn give(&self, change: impl FnOnce(&mut Order)) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut latest);
        latest.number += 1;
        drop(latest);
        self.changed.notify_waiters();
    }

    /// Waits until the order is another than the one of that number.
    pub(crate) async fn after(&self, seen: u64) -> Order {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if latest.number > seen {
                return latest;
            }
            changed.await;
        }
    }
}
