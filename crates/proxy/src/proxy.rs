//! The proxy itself.

use core::cell::RefCell;
use core::future::Future;
use std::rc::Rc;

use roundtrip_http::server::Server;
use roundtrip_wire::{Listener, LocalFuture, Wire};

use crate::certificates::Certificates;
use crate::door::converse;
use crate::forward::Forward;
use crate::options::Options;
use crate::own::Own;
use crate::seen::Watcher;
use crate::servers::Servers;
use crate::shared::Shared;

/// A proxy between clients on one wire, `D`, and servers on another, `U`, which may be the same.
pub struct Proxy<D: Wire, U: Wire> {
    shared: Rc<Shared<D, U>>,
}

impl<D: Wire, U: Wire> Proxy<D, U> {
    /// A proxy for the clients of `wire`. Without `certificates`, tunnels are passed on as they are.
    /// `watcher` hears of every exchange when it is over.
    pub fn new(
        wire: D,
        servers: Servers<U>,
        options: Options,
        certificates: Option<Certificates>,
        watcher: Watcher,
    ) -> Self {
        let own = Rc::new(Own::new(certificates.as_ref().map(Certificates::authority)));
        let server = Server::new(wire.clone(), own.clone(), options.server.clone());
        let causes = RefCell::default();
        let within = Forward::within;
        let shared =
            Shared { wire, servers, options, certificates, server, own, watcher, causes, within };
        Self { shared: Rc::new(shared) }
    }

    /// Serves until `stop` completes; then takes no more connections, lets what is under way finish for a
    /// while, and returns.
    pub async fn serve<L>(&self, listener: L, stop: impl Future<Output = ()>)
    where
        L: Listener<Stream = D::Stream>,
    {
        self.shared.own.set_place(listener.local());
        let shared = Rc::clone(&self.shared);
        let each = move |stream| -> LocalFuture<'static, ()> {
            Box::pin(converse(Rc::clone(&shared), stream))
        };
        self.shared.server.serve_each(listener, stop, each).await;
    }
}
