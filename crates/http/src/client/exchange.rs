//! One exchange, as its report in the record has it.

use std::rc::Rc;

use roundtrip_record::{ConnectionId, EventId, ExchangeStarted, FaultKind, Side, Step, Time};
use roundtrip_wire::Wire;

use super::failure::Failure;
use super::request::Request;
use super::shared::Shared;
use super::watch::Progress;
use crate::message::MessageError;
use crate::reporter::Reporter;

/// What is known of an exchange from its beginning on.
pub(crate) struct Exchange<W: Wire> {
    pub(crate) shared: Rc<Shared<W>>,
    pub(crate) reporter: Reporter<W>,
    pub(crate) started: Option<EventId>,
    pub(crate) began: Time,
}

impl<W: Wire> Exchange<W> {
    pub(crate) fn begin(shared: &Rc<Shared<W>>, request: &Request) -> Self {
        let reporter = Reporter::of_client(shared.wire.clone());
        let started = reporter.started(request.cause, |exchange| ExchangeStarted {
            exchange,
            method: request.method.to_string(),
            url: bare(&request.url),
            kind: request.kind,
            priority: request.priority,
            initiator: request.initiator.clone(),
            side: Side::Client,
            of: request.of,
        });
        if let Some(heard) = &request.heard {
            heard.begins(reporter.exchange());
        }
        if let Some(watch) = &request.watch {
            let (exchange, url) = (reporter.exchange(), request.url.clone());
            watch.tell(Progress::Begun { exchange, url });
        }
        Self { shared: Rc::clone(shared), reporter, started, began: shared.wire.now() }
    }

    /// Reports that it came to nothing.
    pub(crate) fn lost(
        &self,
        step: Step,
        since: Time,
        connection: Option<ConnectionId>,
        cause: Option<EventId>,
        kind: FaultKind,
    ) -> Failure {
        let cause = self.reporter.ended(cause.or(self.started), None, false);
        Failure { exchange: self.reporter.exchange(), connection, step, since, cause, kind }
    }
}

/// Reports what was taken though it should not have been sent.
pub(crate) fn note<W: Wire>(
    reporter: &Reporter<W>,
    cause: Option<EventId>,
    tolerated: Vec<MessageError>,
) {
    for error in tolerated {
        let what = format!("{}, at byte {}; taken as browsers take it", error.defect, error.offset);
        reporter.note(cause, &what, error.defect.rule());
    }
}

/// The URL as the record has it: without a fragment.
fn bare(url: &url::Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    crate::url::text(&url)
}
