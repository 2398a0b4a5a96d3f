//! Listening sockets, and their queues of connections that wait to be accepted.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use roundtrip_record::Time;
use roundtrip_tcp as tcp;

use crate::fast_open::EarlyQueue;
use crate::slab::Key;
use crate::udp::{conflicts, find_bound};
use crate::{BindError, ListenerId};

/// How long after the last SYN cookie was sent one may come back: a cookie is valid for at most two
/// minutes.
const COOKIES_LAST: Duration = Duration::from_mins(2);

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    at: SocketAddr,
    /// The complete connections that may wait to be accepted; one more is let in, as in Linux.
    backlog: usize,
    /// The number of connections whose handshake is not complete.
    half_open: usize,
    /// The complete connections that wait to be accepted, oldest first.
    queue: VecDeque<Key>,
    /// The connections that are in use before their handshakes are complete.
    pub(crate) early: EarlyQueue,
    /// The options of the listener's connections; `None` takes the host's.
    options: Option<tcp::Options>,
    /// Until when a SYN cookie may come back.
    cookies_until: Time,
}

impl Listener {
    /// The address and port of the listener.
    pub(crate) const fn at(&self) -> SocketAddr {
        self.at
    }

    pub(crate) const fn options(&self) -> Option<&tcp::Options> {
        self.options.as_ref()
    }

    pub(crate) fn set_options(&mut self, options: tcp::Options) {
        self.options = Some(options);
    }

    /// Whether the accept queue is full: it takes one more than the backlog (`sk_acceptq_is_full`).
    pub(crate) fn is_full(&self) -> bool {
        self.queue.len() > self.backlog
    }

    /// Whether `most` connections are half open, or as many as the backlog.
    pub(crate) fn has_many_half_open(&self, most: usize) -> bool {
        self.half_open >= most.min(self.backlog.max(1))
    }

    pub(crate) const fn add_half_open(&mut self) {
        self.half_open += 1;
    }

    /// Adds a complete connection to the accept queue.
    pub(crate) fn enqueue(&mut self, key: Key) {
        self.queue.push_back(key);
    }

    /// The complete connections that may wait to be accepted, as given to `listen`.
    pub(crate) const fn backlog(&self) -> usize {
        self.backlog
    }

    /// Takes the connection that has waited longest from the accept queue.
    pub(crate) fn dequeue(&mut self) -> Option<Key> {
        self.queue.pop_front()
    }

    /// The connections that still wait to be accepted.
    pub(crate) fn into_queue(self) -> VecDeque<Key> {
        self.queue
    }

    /// Notes that a SYN cookie is sent now.
    pub(crate) fn note_cookie(&mut self, now: Time) {
        self.cookies_until = now + COOKIES_LAST;
    }

    /// Whether a SYN cookie may come back now; a listener that has sent none lately accepts none
    /// (`tcp_synq_no_recent_overflow`).
    pub(crate) fn expects_cookies(&self, now: Time) -> bool {
        now < self.cookies_until
    }
}

/// All listening sockets of a host.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    next: u64,
    all: BTreeMap<ListenerId, Listener>,
    bound: BTreeMap<(u16, IpAddr), ListenerId>,
}

impl Listeners {
    /// Adds a listener.
    ///
    /// # Errors
    /// Another listener has the address and port.
    pub(crate) fn add(&mut self, at: SocketAddr, backlog: usize) -> Result<ListenerId, BindError> {
        if self.is_taken(at) {
            return Err(BindError::AddressInUse);
        }
        self.next += 1;
        let id = ListenerId(self.next);
        self.bound.insert((at.port(), at.ip()), id);
        let queue = VecDeque::new();
        let cookies_until = Time::ZERO;
        let listener = Listener {
            at,
            backlog,
            half_open: 0,
            queue,
            early: EarlyQueue::default(),
            options: None,
            cookies_until,
        };
        self.all.insert(id, listener);
        Ok(id)
    }

    pub(crate) fn remove(&mut self, id: ListenerId) -> Option<Listener> {
        let closed = self.all.remove(&id)?;
        self.bound.remove(&(closed.at.port(), closed.at.ip()));
        Some(closed)
    }

    pub(crate) fn get(&self, id: ListenerId) -> Option<&Listener> {
        self.all.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ListenerId) -> Option<&mut Listener> {
        self.all.get_mut(&id)
    }

    /// Whether a listener at `at` would conflict with an existing one.
    pub(crate) fn is_taken(&self, at: SocketAddr) -> bool {
        conflicts(&self.bound, at)
    }

    /// The listener for a segment to `to`.
    pub(crate) fn find(&self, to: SocketAddr) -> Option<ListenerId> {
        find_bound(&self.bound, to)
    }

    /// The number of half-open connections of all listeners.
    pub(crate) fn half_open(&self) -> usize {
        self.all.values().map(|listener| listener.half_open).sum()
    }

    /// Notes that a connection was reset before its handshake was complete.
    pub(crate) fn note_early_reset(&mut self, key: Key, now: Time) {
        for listener in self.all.values_mut() {
            listener.early.note_reset(key, now);
        }
    }

    /// Counts one half-open connection less: it is complete, or gone.
    pub(crate) fn forget_half_open(&mut self, id: ListenerId) {
        if let Some(listener) = self.all.get_mut(&id) {
            listener.half_open = listener.half_open.saturating_sub(1);
        }
    }
}
