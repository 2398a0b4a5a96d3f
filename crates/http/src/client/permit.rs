//! Leave to have a connection of a group: the connection holds it as long as it counts.

use core::cell::Cell;
use core::time::Duration;
use std::rc::Rc;

use roundtrip_record::ConnectionId;

use super::group::Group;
use super::tls::Offer;

/// The places for connections, as a permit knows them. The pool has them; connections,
/// which the pool keeps, need to know no more of it than this.
pub(crate) trait Places {
    /// How long a connection is kept while it carries nothing.
    fn idle(&self) -> Duration;

    /// The origin speaks HTTP/1: those who waited for the answer may open connections.
    fn speaks_one(self: Rc<Self>, group: &Group);

    /// The connection of HTTP/2 with this id takes no more requests.
    fn forget_two(&self, group: &Group, id: ConnectionId);

    /// A connection's place is free for those who wait; `asked` says that what the origin speaks was
    /// not found out.
    fn free(self: Rc<Self>, group: &Group, asked: bool);
}

/// A place among the connections of a group; given back when dropped.
pub(crate) struct Permit {
    places: Option<Rc<dyn Places>>,
    group: Group,
    /// What its connection offers.
    offer: Offer,
    /// Its connection finds out what the origin speaks.
    asks: Cell<bool>,
}

impl Permit {
    pub(crate) fn new(places: Rc<dyn Places>, group: &Group, offer: Offer, asks: bool) -> Self {
        let group = group.clone();
        Self { places: Some(places), group, offer, asks: Cell::new(asks) }
    }

    /// Whose connection it is.
    pub(crate) fn group(&self) -> &Group {
        &self.group
    }

    /// What its connection is to offer.
    pub(crate) fn offer(&self) -> Offer {
        self.offer
    }

    /// How long its connection is kept while it carries nothing.
    pub(crate) fn idle(&self) -> Duration {
        self.places.as_ref().map_or(Duration::ZERO, |places| places.idle())
    }

    /// Its connection speaks HTTP/1: those who waited to learn this hear it now.
    pub(crate) fn settle(&self) {
        if let Some(places) = self.places.as_ref().filter(|_| self.found_out()) {
            Rc::clone(places).speaks_one(&self.group);
        }
    }

    /// What the origin speaks is known by now. Says whether others wait for this connection to tell
    /// them, which is then for the caller to do.
    pub(crate) fn found_out(&self) -> bool {
        self.asks.replace(false)
    }

    /// The connection of HTTP/2 with this id takes no more requests.
    pub(crate) fn forget_two(&self, id: ConnectionId) {
        self.asks.set(false);
        if let Some(places) = &self.places {
            places.forget_two(&self.group, id);
        }
    }

    /// Drops it without giving the place back: whoever calls this does that.
    pub(crate) fn void(mut self) {
        self.places = None;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(places) = self.places.take() {
            places.free(&self.group, self.asks.get());
        }
    }
}
