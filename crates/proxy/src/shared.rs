//! What a proxy and its connections share.

use core::cell::RefCell;
use std::rc::Rc;

use roundtrip_http::client::{Client, Failure, Resolve};
use roundtrip_http::server::{Handler, Server};
use roundtrip_record::{EventId, Trace as _, Unseen, What};
use roundtrip_wire::Wire;

use crate::causes::Causes;
use crate::certificates::Certificates;
use crate::options::Options;
use crate::own::Own;
use crate::seen::Watcher;
use crate::servers::Servers;
use crate::target::Place;

/// Makes what answers the requests that go through a tunnel, with the client that reached its other end.
pub(crate) type Within<D, U> = fn(&Rc<Shared<D, U>>, Client<U>, Place) -> Rc<dyn Handler>;

/// What a proxy and its connections share.
pub(crate) struct Shared<D: Wire, U: Wire> {
    pub(crate) wire: D,
    pub(crate) servers: Servers<U>,
    pub(crate) options: Options,
    pub(crate) certificates: Option<Certificates>,
    /// Reads requests, and sends answers.
    pub(crate) server: Server<D>,
    /// Answers what is asked of the proxy itself.
    pub(crate) own: Rc<Own>,
    pub(crate) watcher: Watcher,
    /// What led to what.
    pub(crate) causes: RefCell<Causes>,
    pub(crate) within: Within<D, U>,
}

impl<D: Wire, U: Wire> Shared<D, U> {
    /// A client of its own for each connection that was accepted: what proves who asks may belong to a
    /// connection (RFC 4559), which no other client must be given.
    pub(crate) fn client(&self, names: Rc<dyn Resolve>) -> Client<U> {
        let Servers { wire, tls, .. } = &self.servers;
        Client::new(wire.clone(), names, tls.clone(), self.options.client.clone())
    }

    /// Reports a fault of one exchange; the run goes on.
    pub(crate) fn report(&self, failure: &Failure) -> Option<EventId> {
        let wire = &self.servers.wire;
        wire.log().emit(wire.now(), failure.cause, || What::Fault(failure.fault(false)))
    }

    /// Says that something is not in the record.
    pub(crate) fn unseen(&self, unseen: impl FnOnce() -> Unseen) {
        let wire = &self.servers.wire;
        wire.log().emit(wire.now(), None, || What::Unseen(unseen()));
    }
}
