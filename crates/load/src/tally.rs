//! `Tally`: what a thread counts while it sends.

use core::time::Duration;
use std::collections::BTreeMap;

use http::StatusCode;
use roundtrip_http::client::Opening;
use roundtrip_record::{FaultKind, Step};

use crate::failures::Failures;
use crate::histogram::Times;
use crate::seconds::Series;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests that were sent.
    pub sent: u64,
    /// Whole answers, of whatever status.
    pub answered: u64,
    /// Whole answers by their status.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes of bodies, as they were coded.
    pub bytes: u64,
    /// From when a request should have been sent to the last byte of its answer.
    pub latency: Times,
    /// From when it was sent to the last byte of its answer.
    pub service: Times,
    /// How long connections took to open.
    pub connect: Times,
    /// How long TLS's handshakes took.
    pub tls: Times,
    /// How late the generator itself was with requests that had a free connection.
    pub late: Times,
    /// When it was latest, since the beginning.
    pub latest: Duration,
    /// Requests that were due before the end and were not sent any more: all connections were busy. Their
    /// latency counts as from when they were due to the end, which is the least it can have been.
    pub unsent: u64,
    /// Requests sent a second time, since their connection had been closed when they came.
    pub resent: u64,
    /// The seconds.
    pub series: Series,
    /// What went wrong.
    pub failures: Failures,
    /// From the beginning to the last answer.
    pub took: Duration,
    /// Somebody ended it before its time.
    pub interrupted: bool,
}

/// The times of a request that came to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// When it should have been sent, since the beginning.
    pub(crate) due: Duration,
    /// When it was.
    pub(crate) sent: Duration,
    /// When it was over.
    pub(crate) over: Duration,
}

impl Tally {
    pub(crate) fn opened(&mut self, opening: Opening) {
        self.connect.add(opening.connect);
        if let Some(tls) = opening.tls {
            self.tls.add(tls);
        }
    }

    /// A request was due at `due`; the generator had a connection for it, and came this late.
    pub(crate) fn late(&mut self, due: Duration, late: Duration) {
        if late > self.late.max() {
            self.latest = due;
        }
        self.late.add(late);
        let second = self.series.at(due);
        second.late = second.late.max(late);
    }

    pub(crate) fn due(&mut self, at: Duration) {
        self.series.at(at).due += 1;
    }

    /// A whole answer.
    pub(crate) fn answered(&mut self, span: Span, status: StatusCode, bytes: u64, url: &str) {
        let latency = span.over.saturating_sub(span.due);
        self.sent += 1;
        self.answered += 1;
        *self.statuses.entry(status.as_u16()).or_default() += 1;
        self.bytes += bytes;
        self.latency.add(latency);
        self.service.add(span.over.saturating_sub(span.sent));
        self.took = self.took.max(span.over);
        let second = self.series.at(span.over);
        second.answered += 1;
        second.bytes += bytes;
        second.latency.add(latency);
        if status.as_u16() >= 400 {
            second.failed += 1;
            self.failures.add_status((span.sent, span.over), status, url);
        }
    }

    /// No answer, or not a whole one. `sent` says whether anything of the request went out.
    pub(crate) fn failed(
        &mut self,
        (since, at): (Duration, Duration),
        sent: bool,
        (step, kind): (Step, FaultKind),
        url: &str,
    ) {
        self.sent += u64::from(sent);
        self.took = self.took.max(at);
        self.series.at(at).failed += 1;
        self.failures.add((since, at), step, kind, url);
    }

    /// A request that was due and not sent before the end.
    pub(crate) fn unsent(&mut self, due: Duration, end: Duration) {
        self.unsent += 1;
        self.latency.add(end.saturating_sub(due));
    }

    /// All that another thread counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.bytes += other.bytes;
        self.latency.merge(&other.latency);
        self.service.merge(&other.service);
        self.connect.merge(&other.connect);
        self.tls.merge(&other.tls);
        if other.late.max() > self.late.max() {
            self.latest = other.latest;
        }
        self.late.merge(&other.late);
        self.unsent += other.unsent;
        self.resent += other.resent;
        self.series.merge(&other.series);
        self.failures.merge(&other.failures);
        self.took = self.took.max(other.took);
        self.interrupted |= other.interrupted;
    }

    /// Requests that came to nothing, and answers of status 400 and above.
    pub fn errors(&self) -> u64 {
        self.failures.count()
    }
}
