//! `ToHttps`: what is asked for in the clear is to be asked for through TLS.

use std::rc::Rc;

use http::StatusCode;
use roundtrip_wire::LocalFuture;

use super::handler::{Handler, Request, RequestBody};
use super::response::Response;

/// Below this path an authority looks in the clear for proofs that a name is ours (RFC 8555 §8.3).
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// Sends clients that ask in the clear to the same path through TLS.
pub struct ToHttps {
    /// The port where TLS is spoken.
    port: u16,
    /// Answers what an authority asks for in the clear.
    challenges: Option<Rc<dyn Handler>>,
}

impl ToHttps {
    /// To this port.
    pub fn new(port: u16) -> Self {
        Self { port, challenges: None }
    }

    /// The same, but for the proofs that an authority asks for in the clear (RFC 8555 §8.3): these are answered by
    /// `handler`.
    #[must_use]
    pub fn with_challenges(mut self, handler: Rc<dyn Handler>) -> Self {
        self.challenges = Some(handler);
        self
    }

    fn redirect(&self, request: &Request) -> Response {
        let Some(authority) = request.authority() else {
            let why =
                "This server speaks HTTPS here; the request does not say which host it is for.";
            return Response::error(StatusCode::BAD_REQUEST, why).closing();
        };
        let port = match self.port {
            443 => String::new(),
            port => format!(":{port}"),
        };
        let location =
            format!("https://{}{port}{}", authority.host, request.head.line.path_and_query());
        Response::redirect(StatusCode::PERMANENT_REDIRECT, &location).closing()
    }
}

impl Handler for ToHttps {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        match self.challenges.as_ref().filter(|_| request.path().starts_with(CHALLENGES)) {
            Some(handler) => handler.handle(request, body),
            None => Box::pin(core::future::ready(self.redirect(request))),
        }
    }
}
