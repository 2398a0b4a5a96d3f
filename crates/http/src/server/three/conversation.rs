//! What the exchanges of a connection share.

use core::cell::RefCell;
use std::rc::Rc;

use roundtrip_wire::Wire;

use crate::server::handler::Handler;
use crate::server::shared::Shared;
use crate::three::Hub;

/// See the module.
pub(crate) struct Conversation<W: Wire> {
    pub(crate) shared: Rc<Shared<W>>,
    pub(crate) handler: Rc<dyn Handler>,
    pub(crate) hub: Rc<Hub<W>>,
    /// There are more connections than may be: everything is answered with 503.
    pub(crate) full: bool,
    /// Why no more requests are taken.
    pub(crate) leaving: RefCell<Option<&'static str>>,
}

impl<W: Wire> Conversation<W> {
    /// No more requests are taken, for this reason; those under way are answered.
    pub(crate) fn leave(&self, why: &'static str) {
        self.leaving.borrow_mut().get_or_insert(why);
    }
}
