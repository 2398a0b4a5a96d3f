//! The heads of answers as they came, byte for byte.

use core::cell::RefCell;
use std::rc::Rc;

/// Takes down the heads that answer a request, for whoever shows them. Its clones share what they took
/// down.
#[derive(Clone, Debug, Default)]
pub struct Heard(Rc<RefCell<Heads>>);

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
    /// What was taken down since this was asked last.
    pub fn take(&self) -> Heads {
        self.0.take()
    }

    pub(crate) fn tunnel(&self, text: &[u8]) {
        self.0.borrow_mut().tunnel.extend_from_slice(text);
    }

    pub(crate) fn answer(&self, text: &[u8]) {
        self.0.borrow_mut().answer.extend_from_slice(text);
    }
}
