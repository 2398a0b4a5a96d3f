//! A page of a public name is asked for over https first, though its address says http: "HTTPS Upgrades" of
//! Chromium (`chrome/browser/ssl/https_upgrades_interceptor.cc`, on since version 115; version 156 was seen to
//! do so).
//!
//! It is done for GET, and not for names that cannot have a certificate that everybody trusts, nor for this
//! machine itself; a port that is written stays. Whatever goes wrong with it, or 3 s without an answer, has
//! the page asked for in the clear. A status is an answer, be it an error. Redirects to http are followed as
//! they are: Chromium tries https for each of these too.

use core::time::Duration;

use http::Method;
use roundtrip_fetch::{Fetcher, is_public_name};
use roundtrip_http::client::{Failure, Request, Response};
use roundtrip_record::{EventId, FaultKind, Initiator, PageNote, Trace as _, What};
use roundtrip_wire::Wire;
use url::Url;

use crate::early::{Early, fetch};
use crate::plan::Plan;

/// How long https may take to answer (`g_fallback_delay` in Chromium's
/// `chrome/browser/ssl/https_upgrades_navigation_throttle.cc`).
const PATIENCE: Duration = Duration::from_secs(3);

/// The address over https, where the browser tries that first.
fn upgraded(plan: &Plan) -> Option<Url> {
    let wanted = plan.https_first && plan.browser.https_first && plan.method == Method::GET;
    if !wanted || plan.url.scheme() != "http" || !is_public_name(&plan.url) {
        return None;
    }
    let mut url = plan.url.clone();
    url.set_scheme("https").ok()?;
    Some(url)
}

/// Fetches a page's document, up to its head. `request` makes the request for an address.
pub(crate) async fn document<'a, W: Wire>(
    wire: &'a W,
    fetcher: &'a Fetcher<W>,
    plan: &'a Plan,
    request: impl Fn(&Url) -> Request,
) -> (Result<Response<W>, Failure>, Early<'a, W>) {
    let Some(secure) = upgraded(plan) else {
        return fetch(wire, fetcher, plan, request(&plan.url), None).await;
    };
    let browser = plan.browser.name.name();
    match fetch(wire, fetcher, plan, request(&secure), Some(PATIENCE)).await {
        (Ok(response), early) => {
            let of = format!("{} was asked for over https, as {browser} does", plan.url);
            note(wire, response.event, of);
            (Ok(response), early)
        }
        (Err(failure), _) => {
            let why = why(&failure.kind);
            let of = format!(
                "{} was asked for over https first, as {browser} does, which failed ({why}): it is asked \
                 for in the clear",
                plan.url
            );
            let event = note(wire, failure.cause, of);
            let mut again = request(&plan.url);
            again.initiator = Initiator::Retry { of: failure.exchange };
            again.cause = event.or(failure.cause);
            fetch(wire, fetcher, plan, again, None).await
        }
    }
}

/// A fault in a few words.
fn why(kind: &FaultKind) -> String {
    match kind {
        FaultKind::TimedOut { limit, .. } => format!("no answer after {} s", limit.as_secs()),
        FaultKind::ConnectFailed { .. } => "no connection".into(),
        FaultKind::TlsFailed { why, .. } => why.clone(),
        FaultKind::BadCertificate { reason, .. } => format!("certificate: {reason}"),
        // The name of the fault, as the record has it.
        other => match serde_json::to_value(other) {
            Ok(value) => value["fault"].as_str().unwrap_or("a fault").replace('_', " "),
            Err(_) => "a fault".into(),
        },
    }
}

/// Something a reader of the record must know.
fn note<W: Wire>(wire: &W, cause: Option<EventId>, note: String) -> Option<EventId> {
    wire.log().emit(wire.now(), cause, || What::PageNote(PageNote { note }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::Browser;

    #[test]
    fn only_public_names_are_asked_for_over_https_first() {
        let to = |browser: Browser, url: &str| {
            let plan = Plan::get(url.parse().expect("a URL")).behaving_as(browser);
            upgraded(&plan).map(|url| url.to_string())
        };
        for (url, expected) in [
            ("http://example.com/x", Some("https://example.com/x")),
            ("http://www.example.co.uk:8080/", Some("https://www.example.co.uk:8080/")),
            ("https://example.com/", None),
            ("http://shop.test/", None),
            ("http://shop.example/", None),
            ("http://intranet/", None),
            ("http://localhost/", None),
            ("http://192.0.2.1/", None),
            ("http://[2001:db8::1]/", None),
        ] {
            assert_eq!(to(Browser::CHROMIUM, url).as_deref(), expected, "{url}");
            assert_eq!(to(Browser::ROUNDTRIP, url), None, "{url}");
        }
        let url = "http://example.com/".parse().expect("a URL");
        let post = Plan { method: Method::POST, ..Plan::get(url).behaving_as(Browser::CHROMIUM) };
        assert_eq!(upgraded(&post), None);
        let replayed = Plan { https_first: false, method: Method::GET, ..post };
        assert_eq!(upgraded(&replayed), None);
    }
}
