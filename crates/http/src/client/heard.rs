//! What is taken down of a request while it is carried out.

use core::cell::RefCell;
use std::rc::Rc;

use roundtrip_record::ExchangeId;

/// Takes down the heads that answer a request, for whoever shows them, and which exchanges it took. Its
/// clones, and so all requests that have it, share what they took down.
#[derive(Clone, Debug, Default)]
pub struct Heard(Rc<RefCell<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    heads: Heads,
    exchanges: Vec<ExchangeId>,
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

    pub(crate) fn begins(&self, exchange: ExchangeId) {
        self.0.borrow_mut().exchanges.push(exchange);
    }

    pub(crate) fn tunnel(&self, text: &[u8]) {
        self.0.borrow_mut().heads.tunnel.extend_from_slice(text);
    }

    pub(crate) fn answer(&self, text: &[u8]) {
        self.0.borrow_mut().heads.answer.extend_from_slice(text);
    }
}
