//! Takes connections.

use core::future::poll_fn;
use core::task::{Context, Poll};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use roundtrip_wire::Wire;

use crate::connection::Connection;
use crate::crypto::Server;
use crate::endpoint::Endpoint;
use crate::notes::Notes;
use crate::session::initial_suite;
use crate::settings::Settings;

/// Takes the connections that come to a socket. When it is dropped, no more are taken; those that are
/// there go on.
pub struct Listener<W: Wire>(Rc<Endpoint<W>>);

impl<W: Wire> Listener<W> {
    /// Listens at an address; port 0 takes a free one. `tls` says which protocols are spoken (RFC 7301);
    /// `most` connections may be open at one time, and others are refused.
    ///
    /// # Errors
    /// As `bind`; and where TLS 1.3 cannot be had of `tls` (`InvalidInput`).
    pub fn bind(
        wire: &W,
        at: SocketAddr,
        tls: Arc<rustls::ServerConfig>,
        settings: Settings,
        most: usize,
    ) -> io::Result<Self> {
        let unfit = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let initial = initial_suite(tls.crypto_provider())
            .ok_or_else(|| unfit("QUIC needs TLS_AES_128_GCM_SHA256".into()))?;
        let notes = Notes::new(wire.log().is_on());
        let server = Server { tls, initial, notes };
        server.check().map_err(|error| unfit(error.to_string()))?;
        let datagram = wire.datagram(at)?;
        Ok(Self(Endpoint::of_server(wire, datagram, settings, server, most)))
    }

    /// Its address, with the real port.
    pub fn local(&self) -> SocketAddr {
        self.0.local()
    }

    /// The next connection whose handshake is complete.
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<Connection<W>> {
        self.0.poll_accept(context).map(|link| Connection::new(Rc::clone(&self.0), link))
    }

    /// The same.
    pub async fn accept(&self) -> Connection<W> {
        poll_fn(|context| self.poll_accept(context)).await
    }
}

impl<W: Wire> Drop for Listener<W> {
    fn drop(&mut self) {
        self.0.leave();
    }
}
