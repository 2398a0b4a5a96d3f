//! `epoll` descriptors, which watch others (`epoll_create`).

use std::collections::BTreeMap;

/// An `epoll` descriptor.
#[derive(Debug, Default)]
pub(crate) struct Epoll {
    pub(crate) watched: BTreeMap<i64, Watched>,
}

/// A descriptor that an `epoll` descriptor watches.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) events: i64,
    /// The data returned with an event: the name of the member, and its value.
    pub(crate) data: (String, i64),
    /// Whether something happened since the descriptor was last reported.
    pub(crate) is_fresh: bool,
}
