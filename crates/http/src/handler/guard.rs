//! `Guarded`: paths that are for those who know a password (Basic authentication, RFC 7617).

use core::fmt;
use std::rc::Rc;
use std::sync::Arc;

use data_encoding::BASE64;
use http::StatusCode;
use roundtrip_wire::LocalFuture;

use super::pattern::{Pattern, plain};
use crate::server::{Handler, Request, RequestBody, Response};

/// Knows who has which password.
pub trait Verify {
    /// Whether that is this user's password. It takes as long where there is no such user.
    fn verify<'a>(&'a self, user: &'a str, password: &'a [u8]) -> LocalFuture<'a, bool>;
}

/// Paths, and who may see what is there.
#[derive(Clone)]
pub struct Realm {
    /// The paths.
    pub paths: Pattern,
    /// Who may.
    pub users: Arc<dyn Verify>,
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Realm").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// Answers as another handler does, to those who may see what they ask for.
pub struct Guarded {
    realms: Vec<Realm>,
    inner: Rc<dyn Handler>,
}

impl Guarded {
    /// Guards what this handler answers: the first realm that a path is in counts.
    pub fn new(realms: Vec<Realm>, inner: Rc<dyn Handler>) -> Self {
        Self { realms, inner }
    }
}

impl Handler for Guarded {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        let path = plain(request.path());
        let Some(realm) = self.realms.iter().find(|realm| realm.paths.fits(&path)) else {
            return self.inner.handle(request, body);
        };
        Box::pin(async move {
            let known = match credentials(request) {
                Some((user, password)) => realm.users.verify(&user, &password).await,
                None => false,
            };
            if known {
                return self.inner.handle(request, body).await;
            }
            let why = "What is there is for those who have a name and a password.";
            let mut response = Response::error(StatusCode::UNAUTHORIZED, why);
            let name = realm.paths.to_string().replace(['"', '\\'], "");
            let challenge = format!("Basic realm=\"{name}\", charset=\"UTF-8\"");
            response.fields.add("WWW-Authenticate", challenge);
            response
        })
    }
}

/// User and password of a request.
fn credentials(request: &Request) -> Option<(String, Vec<u8>)> {
    let value = request.head.fields.text("Authorization")?;
    let (scheme, coded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let both = BASE64.decode(coded.trim().as_bytes()).ok()?;
    let colon = both.iter().position(|byte| *byte == b':')?;
    let user = core::str::from_utf8(&both[..colon]).ok()?.to_owned();
    Some((user, both[colon + 1..].to_vec()))
}
