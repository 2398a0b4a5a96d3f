//! Leave to have a connection to an origin: the connection holds it as long as it counts.

use core::cell::Cell;
use core::time::Duration;
use std::rc::Rc;

use roundtrip_record::ConnectionId;

use super::origin::Origin;
use super::tls::Offer;

/// The places for connections to origins, as a permit knows them. The pool has them; connections,
/// which the pool keeps, need to know no more of it than this.
pub(crate) trait Places {
    /// How long a connection is kept while it carries nothing.
    fn idle(&self) -> Duration;

    /// The origin speaks HTTP/1: those who waited for the answer may open connections.
    fn speaks_one(self: Rc<Self>, origin: &Origin);

    /// The connection of HTTP/2 with this id takes no more requests.
    fn forget_two(&self, origin: &Origin, id: ConnectionId);

    /// A connection's place is free for those who wait; `asked` says that what the origin speaks was
    /// not found out.
    fn free(self: Rc<Self>, origin: &Origin, asked: bool);
}

/// A place among the connections of an origin; given back when dropped.
pub(crate) struct Permit {
    places: Option<Rc<dyn Places>>,
    origin: Origin,
    /// What its connection offers.
    offer: Offer,
    /// Its connection finds out what the origin speaks.
    asks: Cell<bool>,
}

impl Permit {
    pub(crate) fn new(places: Rc<dyn Places>, origin: &Origin, offer: Offer, asks: bool) -> Self {
        let origin = origin.clone();
        Self { places: Some(places), origin, offer, asks: Cell::new(asks) }
    }

    /// Whom its connection leads to.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What its connection is to offer.
    pub(crate) fn offer(&self) -> Offer {
        self.offer
    }

    /// How long its connection is kept while it carries nothing.
    pub(crate) fn idle(&self) -> Duration {
        self.places.as_ref().map_or(Duration::ZERO, |places| places.idle())
    }

    /// Its connection speaks HTTP/1.
    pub(crate) fn settle(&self) {
        if let Some(places) = self.places.as_ref().filter(|_| self.asks.replace(false)) {
            Rc::clone(places).speaks_one(&self.origin);
        }
    }

    /// The connection of HTTP/2 with this id takes no more requests.
    pub(crate) fn forget_two(&self, id: ConnectionId) {
        self.asks.set(false);
        if let Some(places) = &self.places {
            places.forget_two(&self.origin, id);
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
            places.free(&self.origin, self.asks.get());
        }
    }
}
