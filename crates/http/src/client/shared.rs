//! What a client and its exchanges share.

use std::rc::Rc;

use roundtrip_wire::Wire;

use super::options::Options;
use super::pool::Pool;
use super::resolve::Resolve;
use super::tls::Tls;

/// What a client and its exchanges share.
pub(crate) struct Shared<W: Wire> {
    pub(crate) wire: W,
    pub(crate) options: Options,
    pub(crate) resolve: Rc<dyn Resolve>,
    pub(crate) tls: Option<Tls>,
    pub(crate) pool: Pool<W>,
}
