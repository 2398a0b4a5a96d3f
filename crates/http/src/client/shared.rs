//! What a client and its exchanges share.

use core::cell::{Cell, OnceCell};
use std::rc::Rc;

use roundtrip_wire::Wire;

use super::options::Options;
use super::pool::Pool;
use super::provers::Provers;
use super::resolve::Resolve;
use super::tls::Tls;

/// What a client and its exchanges share.
pub(crate) struct Shared<W: Wire> {
    pub(crate) wire: W,
    pub(crate) options: Options,
    pub(crate) resolve: Rc<dyn Resolve>,
    pub(crate) tls: OnceCell<Tls>,
    pub(crate) pool: Pool<W>,
    pub(crate) provers: Provers,
    /// Bytes that came out of compressed bodies so far.
    pub(crate) decoded: Cell<u64>,
}
