//! What goes on with a connection, or with a stream of one, after a response (RFC 9110 §7.8, §9.3.6).

use core::fmt;

use roundtrip_wire::LocalFuture;

use crate::upgraded::Upgraded;

/// What goes on with the bytes after the response: of status 101 in HTTP/1.1, of a successful one to
/// CONNECT in every version.
pub struct Upgrade(Box<dyn FnOnce(Upgraded) -> LocalFuture<'static, ()>>);

impl Upgrade {
    /// Has `go_on` use the bytes; the connection, or the stream, ends with it.
    pub fn new(go_on: impl FnOnce(Upgraded) -> LocalFuture<'static, ()> + 'static) -> Self {
        Self(Box::new(go_on))
    }

    pub(crate) fn run(self, upgraded: Upgraded) -> LocalFuture<'static, ()> {
        (self.0)(upgraded)
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").finish_non_exhaustive()
    }
}
