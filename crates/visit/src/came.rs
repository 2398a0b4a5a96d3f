//! `Came`: what became of a request of the page.

use roundtrip_fetch::{Fetcher, Rules};
use roundtrip_http::client::{Failure, Request};
use roundtrip_page::{AnswerHead, Delivered, Refused};
use roundtrip_record::{EventId, FaultKind};
use roundtrip_wire::Wire;
use url::Url;

use crate::policy::{Passage, answer_head};
use crate::reported::report;

/// The largest sub-resource that is kept in memory for layout.
const LARGEST: usize = 64 << 20;

/// What became of a request.
pub(crate) struct Came {
    pub(crate) delivered: Delivered,
    /// What its answer says of who may have it, where there is one.
    pub(crate) head: Option<AnswerHead>,
    /// The rules of the page ended it on its way.
    pub(crate) refused: Option<Refused>,
    /// The event of its response.
    pub(crate) event: Option<EventId>,
}

/// Fetches one resource.
pub(crate) async fn resource<W: Wire>(
    wire: &W,
    fetcher: &Fetcher<W>,
    request: Request,
    rules: Rules,
    (page, passage): (&Url, Passage),
) -> Came {
    let failed = |failure: &Failure| {
        // It costs only a part of the page.
        report(wire, failure.cause, &failure.fault(false));
        Delivered::Failed { reason: words(&failure.kind) }
    };
    let fetched = fetcher.fetch_through(request, rules, &passage).await;
    let refused = passage.into_refused();
    let mut response = match (fetched, &refused) {
        (Ok(response), _) => response,
        // The finding of the rule tells it, with all else that the rule refused.
        (Err(failure), Some(by)) => {
            let delivered = Delivered::Failed { reason: by.by.to_string() };
            return Came { delivered, head: None, refused, event: failure.cause };
        }
        (Err(failure), None) => {
            let delivered = failed(&failure);
            return Came { delivered, head: None, refused, event: failure.cause };
        }
    };
    let (event, status) = (response.event, response.status);
    let content_type = response.fields.text("Content-Type").map(str::to_owned);
    let final_url = response.url.clone();
    let head = Some(answer_head(page, &response));
    let delivered = match response.body.bytes(LARGEST).await {
        Err(failure) => failed(&failure),
        Ok(_) if !status.is_success() => {
            Delivered::Failed { reason: format!("status {}", status.as_u16()) }
        }
        Ok(bytes) => Delivered::Loaded { bytes, content_type, final_url },
    };
    Came { delivered, head, refused, event }
}

/// A fault in a word, for the page's notes; the record has it whole.
fn words(kind: &FaultKind) -> String {
    match serde_json::to_value(kind) {
        Ok(value) => value["fault"].as_str().unwrap_or("failed").replace('_', " "),
        Err(_) => "failed".into(),
    }
}
