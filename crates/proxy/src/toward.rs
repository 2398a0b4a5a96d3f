//! `Toward`: names by which a client calls the server at the other end of its tunnel.

use core::cell::RefCell;
use std::rc::Rc;

use roundtrip_http::client::{Resolve, Resolved};
use roundtrip_record::{EventId, FaultKind};
use roundtrip_wire::LocalFuture;

/// Finds, for each name that a client has for the server at the other end of its tunnel, the addresses of
/// the host that the tunnel leads to. Other names, such as that of a proxy on the way, are left alone.
pub(crate) struct Toward {
    host: String,
    aliases: RefCell<Vec<String>>,
    names: Rc<dyn Resolve>,
}

impl Toward {
    /// Leads to `host`, an IPv6 address without brackets.
    pub(crate) fn new(host: &str, names: Rc<dyn Resolve>) -> Self {
        Self { host: host.to_owned(), aliases: RefCell::default(), names }
    }

    /// One more name for it.
    pub(crate) fn add(&self, alias: &str) {
        self.aliases.borrow_mut().push(alias.to_owned());
    }
}

impl Resolve for Toward {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        cause: Option<EventId>,
    ) -> LocalFuture<'a, Result<Resolved, FaultKind>> {
        let known = self.aliases.borrow().iter().any(|alias| alias.eq_ignore_ascii_case(host));
        self.names.resolve(if known { &self.host } else { host }, port, cause)
    }

    fn elsewhere(&self, host: &str, port: u16) -> Option<(String, u16)> {
        let known = self.aliases.borrow().iter().any(|alias| alias.eq_ignore_ascii_case(host));
        self.names.elsewhere(if known { &self.host } else { host }, port)
    }
}
