//! A failure in one line.

use http::Method;
use roundtrip_http::client::Failure;
use roundtrip_record::{
    ExchangeStarted, Fault, FaultKind, Initiator, Log, Priority, ResourceKind, Step, Time,
    Trace as _, What, WireKind,
};
use roundtrip_report::Model;
use roundtrip_visit::run::{Title, begin};
use url::Url;

/// A fault of the command itself, outside of any exchange.
pub(super) fn fault(at: Time, kind: FaultKind) -> Failure {
    Failure {
        exchange: roundtrip_record::ExchangeId(1),
        connection: None,
        step: Step::Body,
        since: at,
        cause: None,
        kind,
    }
}

/// A point in time, with its calendar time.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    now: Time,
    /// The record's epoch, in nanoseconds since 1970.
    pub(super) epoch: u64,
}

impl When {
    /// The present time of a wire.
    pub(super) fn now<W: roundtrip_wire::Wire>(wire: &W) -> Self {
        let now = wire.now();
        let begun = wire.wall().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let epoch = begun.saturating_sub(now.since(Time::ZERO)).as_nanos();
        Self { now, epoch: u64::try_from(epoch).unwrap_or(u64::MAX) }
    }
}

/// A failure in one line: what was seen, what it means, what to try next.
pub(super) fn explain(failure: &Failure, url: Option<&Url>, method: &Method, at: When) -> String {
    let mut log = Log::memory();
    begin(&log, &Title::default(), WireKind::Live, None, at.epoch);
    let exchange = failure.exchange;
    if let Some(url) = url {
        log.emit(Time::ZERO, None, || {
            What::ExchangeStarted(ExchangeStarted {
                exchange,
                method: method.to_string(),
                url: url.to_string(),
                kind: ResourceKind::Other,
                priority: Priority::default(),
                initiator: Initiator::User,
                side: roundtrip_record::Side::Client,
                of: None,
            })
        });
    }
    log.emit(at.now, None, || What::Fault(Fault { connection: None, ..failure.fault(true) }));
    let model = Model::new(log.events());
    let Some(finding) = model.findings.first() else { return format!("{:?}", failure.kind) };
    let mut text = finding.headline.clone();
    if let FaultKind::BadUrl { why, .. } = &failure.kind {
        text = format!("{text}: {why}");
    }
    // For a malformed message, the place of the error and the rule it breaks are shown too.
    let place = matches!(failure.kind, FaultKind::Malformed { .. }).then(|| &finding.evidence);
    for more in place.into_iter().flatten().chain(&finding.meaning).chain([&finding.next]) {
        // `get` keeps no run that could be shown.
        if !more.is_empty() && !more.contains("show latest") {
            text.push_str("; ");
            text.push_str(more);
        }
    }
    text
}
