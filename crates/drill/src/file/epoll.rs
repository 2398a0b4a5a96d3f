//! Descriptors that watch others (`epoll_create`).

use std::collections::BTreeMap;

/// A descriptor of `epoll_create`.
#[derive(Debug, Default)]
pub(crate) struct Epoll {
    pub(crate) watched: BTreeMap<i64, Watched>,
}

/// A descriptor it watches.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) events: i64,
    /// What comes back with an event: the name of the member, and its value.
    pub(crate) data: (String, i64),
    /// Something happened since it was last reported.
    pub(crate) is_fresh: bool,
}
