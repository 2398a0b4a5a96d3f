//! Answers that need no handler: to requests that are refused.

use http::StatusCode;

use super::options::Options;
use super::response::Response;
use crate::message::MessageError;

/// What can be refused before the handler sees it: a body of this length, an expectation.
pub(crate) fn refuse_body(
    options: &Options,
    length: Option<u64>,
    expectation: Option<&str>,
) -> Option<Response> {
    let limit = options.max_body;
    if length.is_some_and(|length| length > limit) {
        let why = format!("The body may have {limit} bytes at most.");
        return Some(Response::error(StatusCode::PAYLOAD_TOO_LARGE, &why).closing());
    }
    if expectation.is_some_and(|expectation| expectation != "100-continue") {
        let why = "The only expectation known is 100-continue.";
        return Some(Response::error(StatusCode::EXPECTATION_FAILED, why));
    }
    None
}

/// The answer of a server that has too many connections.
pub(crate) fn full() -> Response {
    let mut response = Response::error(StatusCode::SERVICE_UNAVAILABLE, "Too many connections.");
    response.fields.add("Retry-After", "1");
    response.closing()
}

/// The answer to a request that is not as the RFCs have it.
pub(crate) fn malformed(error: MessageError) -> Response {
    let (status, why) = explain(error);
    Response::error(status, &why)
}

/// The status of such an answer, and why.
pub(crate) fn explain(error: MessageError) -> (StatusCode, String) {
    let status = StatusCode::from_u16(error.defect.status()).unwrap_or(StatusCode::BAD_REQUEST);
    (status, format!("The request is refused: {error}."))
}
