//! Redirects, as browsers follow them (Fetch §4.4 "HTTP-redirect fetch").

use http::{Method, StatusCode};
use roundtrip_record::{FaultKind, Initiator};
use roundtrip_wire::Wire;
use url::Url;

use super::origin::Origin;
use super::request::{Replay, Request};
use super::response::Response;
use crate::Body;

/// Fields that speak of the body and go with it.
const OF_BODY: [&str; 6] = [
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-Type",
    "Content-Length",
    "Transfer-Encoding",
];

/// Fields that are for one origin alone.
const OF_ORIGIN: [&str; 4] = ["Authorization", "Cookie", "Host", "Proxy-Authorization"];

/// Where a response says to look, if it is a redirect that says so.
pub(super) fn location<W: Wire>(response: &Response<W>) -> Option<String> {
    if !super::is_redirect(response.status) {
        return None;
    }
    response.fields.get("Location").map(crate::message::escape)
}

/// The request that follows a redirect.
pub(super) fn follow<W: Wire>(
    mut request: Request,
    replay: Replay,
    response: &Response<W>,
    location: &str,
) -> Result<Request, FaultKind> {
    let bad = |why: &str| FaultKind::BadRedirect { location: location.to_owned(), why: why.into() };
    let mut url = request.url.join(location).map_err(|error| bad(&error.to_string()))?;
    if url.fragment().is_none() {
        url.set_fragment(request.url.fragment());
    }
    let origin = Origin::of(&url).ok_or_else(|| bad("neither http nor https"))?;
    if becomes_get(response.status, &request.method) {
        request.method = Method::GET;
        request.body = Body::empty();
        remove(&mut request, &OF_BODY);
    } else if replay == Replay::Spent {
        return Err(bad("the body can be sent only once"));
    }
    if Origin::of(&request.url).as_ref() != Some(&origin) {
        remove(&mut request, &OF_ORIGIN);
    } else if !request.url.username().is_empty() && url.username().is_empty() {
        keep_credentials(&request.url, &mut url);
    }
    request.url = url;
    request.initiator =
        Initiator::Redirect { of: response.exchange, status: response.status.as_u16() };
    Ok(request)
}

fn remove(request: &mut Request, names: &[&str]) {
    for name in names {
        request.fields.remove(name);
    }
}

fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
        StatusCode::SEE_OTHER => !matches!(*method, Method::GET | Method::HEAD),
        _ => false,
    }
}

/// Those in the URL are still meant for the same origin.
fn keep_credentials(from: &Url, to: &mut Url) {
    // Both have a host, so neither can fail.
    let _ = to.set_username(from.username());
    let _ = to.set_password(from.password());
}
