//! What a client and its exchanges share.

use core::cell::{Cell, OnceCell};
use std::rc::Rc;

use roundtrip_wire::Wire;

use super::options::{Options, Three};
use super::origin::{Origin, Scheme};
use super::pool::Pool;
use super::provers::Provers;
use super::proxy::Via;
use super::resolve::Resolve;
use super::three::{Place, Places};
use super::tls::Tls;
use crate::alternative::alternatives;
use crate::message::Fields;
use crate::session::THREE;

/// What a client and its exchanges share.
pub(crate) struct Shared<W: Wire> {
    pub(crate) wire: W,
    pub(crate) options: Options,
    pub(crate) resolve: Rc<dyn Resolve>,
    pub(crate) tls: OnceCell<Tls>,
    pub(crate) pool: Pool<W>,
    /// Connections of HTTP/3, and who speaks it.
    pub(crate) threes: Places<W>,
    pub(crate) provers: Provers,
    /// Bytes that came out of compressed bodies so far.
    pub(crate) decoded: Cell<u64>,
}

impl<W: Wire> Shared<W> {
    /// Who is on the way to an origin. Where another place stands in for it, a proxy makes a tunnel to that
    /// place, as with curl: a request would lead the proxy to the origin itself.
    pub(crate) fn via(&self, origin: &Origin) -> Via<'_> {
        match self.options.proxies.via(origin) {
            Via::Request(proxy) if self.elsewhere(origin).is_some() => Via::Tunnel(proxy),
            via => via,
        }
    }

    /// The place that stands in for an origin: itself, most often.
    pub(crate) fn instead(&self, origin: &Origin) -> Origin {
        self.elsewhere(origin).unwrap_or_else(|| origin.clone())
    }

    fn elsewhere(&self, origin: &Origin) -> Option<Origin> {
        let (host, port) = self.resolve.elsewhere(origin.bare_host(), origin.port)?;
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        Some(Origin { scheme: origin.scheme, host, port })
    }

    /// Learns from an answer where its server speaks HTTP/3 (RFC 7838), where that is wanted. What came in
    /// the clear says nothing: nobody vouches for it (§2.1).
    pub(crate) fn learn(&self, url: &url::Url, fields: &Fields) {
        if self.options.three != Three::Learned {
            return;
        }
        let origin = Origin::of(url).filter(|origin| origin.scheme == Scheme::Https);
        let Some(origin) = origin else { return };
        let Some(said) = alternatives(fields) else { return };
        let now = self.wire.now();
        let place = said.into_iter().find(|one| one.protocol.as_bytes() == THREE);
        let place =
            place.map(|one| Place { host: one.host, port: one.port, until: now + one.lasts });
        self.threes.learn(&origin, place);
    }
}
