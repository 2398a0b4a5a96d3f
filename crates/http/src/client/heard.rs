//! What is taken down of a request while it is carried out.

use core::cell::RefCell;
use std::rc::Rc;

use roundtrip_record::{ExchangeId, Step};

/// Takes down the heads that answer a request, for whoever shows them, which exchanges it took, and how
/// far the last of them has come. Its clones, and so all requests that have it, share what they took down.
#[derive(Clone, Debug, Default)]
pub struct Heard(Rc<RefCell<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    heads: Heads,
    exchanges: Vec<ExchangeId>,
    step: Option<Step>,
    received: u64,
    head: u64,
}

/// Heads as they came: start lines, fields and blank lines. Those of HTTP/2 are written as HTTP/1 would
/// have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// Those of a proxy that was asked for a tunnel.
    pub tunnel: Vec<u8>,
    /// Those of the answer, interim ones included.
    pub answer: Vec<u8>,
}

impl Heard {
    /// The heads that were taken down since this was asked last.
    pub fn take(&self) -> Heads {
        core::mem::take(&mut self.0.borrow_mut().heads)
    }

    /// All exchanges so far, in the order in which they began.
    pub fn exchanges(&self) -> Vec<ExchangeId> {
        self.0.borrow().exchanges.clone()
    }

    /// The step that the last exchange is at; `None` where it waits for a connection that others use, and
    /// [`Step::Page`] once its body has come.
    pub fn step(&self) -> Option<Step> {
        self.0.borrow().step
    }

    /// How many bytes of the last exchange's body have come on the wire, without framing.
    pub fn received(&self) -> u64 {
        self.0.borrow().received
    }

    /// How many bytes of heads answered the last exchange so far, while its final head is not whole.
    pub fn head(&self) -> u64 {
        self.0.borrow().head
    }

    pub(crate) fn begins(&self, exchange: ExchangeId) {
        let mut notes = self.0.borrow_mut();
        notes.exchanges.push(exchange);
        notes.step = None;
        (notes.received, notes.head) = (0, 0);
    }

    pub(crate) fn hears(&self, head: u64) {
        self.0.borrow_mut().head = head;
    }

    pub(crate) fn receives(&self, received: u64) {
        self.0.borrow_mut().received = received;
    }

    pub(crate) fn reaches(&self, step: Step) {
        let mut notes = self.0.borrow_mut();
        (notes.step, notes.head) = (Some(step), 0);
    }

    pub(crate) fn tunnel(&self, text: &[u8]) {
        self.0.borrow_mut().heads.tunnel.extend_from_slice(text);
    }

    pub(crate) fn answer(&self, text: &[u8]) {
        self.0.borrow_mut().heads.answer.extend_from_slice(text);
    }
}
