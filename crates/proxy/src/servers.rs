//! How servers are reached.

use std::rc::Rc;

use roundtrip_http::client::{Resolve, Tls};
use roundtrip_wire::Wire;

/// How servers are reached.
pub struct Servers<U: Wire> {
    /// Over this wire.
    pub wire: U,
    /// At these addresses.
    pub names: Rc<dyn Resolve>,
    /// With this TLS; `None`: those of https are not.
    pub tls: Option<Tls>,
}
