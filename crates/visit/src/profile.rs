//! `Profile`: what a browser keeps from one visit to the next.

use std::sync::{Arc, Mutex, PoisonError};

use roundtrip_fetch::{AgeFrom, Cache, Jar};
use roundtrip_http::client::Learned;

/// What a browser keeps from one visit to the next: answers, cookies, and who speaks HTTP/3. Clones share
/// it.
#[derive(Clone, Debug)]
pub struct Profile {
    cache: Cache,
    cookies: Arc<Mutex<Option<Jar>>>,
    threes: Arc<Mutex<Vec<Learned>>>,
}

impl Default for Profile {
    fn default() -> Self {
        // A replayed answer has the date that was recorded, and the lab's calendar is another.
        let cache = Cache::default().telling_age_from(AgeFrom::Age);
        Self { cache, cookies: Arc::default(), threes: Arc::default() }
    }
}

impl Profile {
    /// The answers.
    pub(crate) fn cache(&self) -> Cache {
        self.cache.clone()
    }

    /// The cookies that the visit before left; `None` where there was none.
    pub(crate) fn cookies(&self) -> Option<Jar> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where servers speak HTTP/3, as the visit before learned it.
    pub(crate) fn threes(&self) -> Vec<Learned> {
        self.threes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what a visit learned of that.
    pub(crate) fn keep_threes(&self, threes: Vec<Learned>) {
        *self.threes.lock().unwrap_or_else(PoisonError::into_inner) = threes;
    }

    /// Keeps the cookies that a visit leaves.
    pub(crate) fn keep_cookies(&self, cookies: Option<Jar>) {
        *self.cookies.lock().unwrap_or_else(PoisonError::into_inner) = cookies;
    }
}
