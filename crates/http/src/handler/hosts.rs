//! Virtual hosts.

use std::collections::BTreeMap;
use std::rc::Rc;

use http::StatusCode;
use roundtrip_wire::LocalFuture;

use crate::server::{Handler, Request, RequestBody, Response};

/// Chooses a handler by the host that a request is for.
#[derive(Clone, Default)]
pub struct Hosts {
    hosts: BTreeMap<String, Rc<dyn Handler>>,
    other: Option<Rc<dyn Handler>>,
}

impl Hosts {
    /// No hosts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers for `host` (no port, any case) with `handler`.
    #[must_use]
    pub fn with(mut self, host: &str, handler: Rc<dyn Handler>) -> Self {
        self.hosts.insert(normal(host), handler);
        self
    }

    /// Answers for all other hosts, and where none is named. Without, they get 421.
    #[must_use]
    pub fn otherwise(mut self, handler: Rc<dyn Handler>) -> Self {
        self.other = Some(handler);
        self
    }
}

fn normal(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

impl Handler for Hosts {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        let named =
            request.authority().and_then(|authority| self.hosts.get(&normal(authority.host)));
        match named.or(self.other.as_ref()) {
            Some(handler) => handler.handle(request, body),
            None => Box::pin(async {
                Response::error(StatusCode::MISDIRECTED_REQUEST, "No such host is served here.")
            }),
        }
    }
}

impl core::fmt::Debug for Hosts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Hosts").field("hosts", &self.hosts.keys()).finish_non_exhaustive()
    }
}
