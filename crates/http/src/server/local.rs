//! Redirects that stay inside the server.

use http::StatusCode;

use super::handler::{Handler, Request, RequestBody};
use super::response::Response;

/// How many of them may follow one another.
const MOST: u32 = 10;

/// Has `handler` answer, and answers with what it leads to on this server (RFC 3875 §6.2.2), as if
/// that had been asked for.
pub async fn follow(handler: &dyn Handler, request: &Request, body: RequestBody) -> Response {
    let mut response = handler.handle(request, body).await;
    for _ in 0..MOST {
        let Some(target) = response.local.take() else { return response };
        let Some(next) = request.elsewhere(&target) else {
            let why = "The program leads to something that is no path.";
            return Response::error(StatusCode::BAD_GATEWAY, why);
        };
        response = handler.handle(&next, RequestBody::empty()).await;
    }
    if response.local.is_some() {
        let why = "The program leads round in a circle.";
        return Response::error(StatusCode::BAD_GATEWAY, why);
    }
    response
}
