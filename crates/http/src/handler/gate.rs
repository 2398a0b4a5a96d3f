//! `Gate`: who may ask at all, and how often.

use std::rc::Rc;
use std::sync::Arc;

use http::StatusCode;
use roundtrip_wire::LocalFuture;

use super::meter::Meter;
use super::network::Network;
use crate::server::{Handler, Request, RequestBody, Response};

/// Who may ask at all, and how often. Clients of Unix domain sockets always may.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// Those who may; all, where this is empty.
    pub allowed: Vec<Network>,
    /// Those who may not, whatever is said of them elsewhere.
    pub denied: Vec<Network>,
    /// How often each may.
    pub meter: Option<Arc<Meter>>,
}

impl Admission {
    /// Whether all may, as often as they like.
    pub fn is_free(&self) -> bool {
        self.allowed.is_empty() && self.denied.is_empty() && self.meter.is_none()
    }

    fn refuse(&self, request: &Request) -> Option<Response> {
        let address = request.peer.ip();
        if address.is_unspecified() {
            return None;
        }
        let among = |networks: &[Network]| networks.iter().any(|network| network.has(address));
        if among(&self.denied) || !self.allowed.is_empty() && !among(&self.allowed) {
            let why = "This server does not answer your address.";
            return Some(Response::error(StatusCode::FORBIDDEN, why));
        }
        let wait = self.meter.as_ref()?.count(address, request.wall).err()?;
        let why = "Your address asks for more than it may.";
        let mut response = Response::error(StatusCode::TOO_MANY_REQUESTS, why);
        let seconds = wait.as_secs_f64().ceil().max(1.0);
        response.fields.add("Retry-After", format!("{seconds:.0}"));
        Some(response)
    }
}

/// Answers as another handler does, to those who may ask.
pub struct Gate {
    admission: Admission,
    inner: Rc<dyn Handler>,
}

impl Gate {
    /// Lets through to this handler whom it may.
    pub fn new(admission: Admission, inner: Rc<dyn Handler>) -> Self {
        Self { admission, inner }
    }
}

impl Handler for Gate {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        match self.admission.refuse(request) {
            Some(response) => Box::pin(core::future::ready(response)),
            None => self.inner.handle(request, body),
        }
    }
}
