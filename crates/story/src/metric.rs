//! The metrics of a run as flat rows: name, unit, value, definition. Comparisons, budgets and
//! tables use them.

use roundtrip_record::{Milestone, Time};
use serde::Serialize;

use crate::connection::{Connection, Endpoint};
use crate::exchange::Exchange;
use crate::path::LegKind;
use crate::phase::PhaseKind;
use crate::span::as_millis;
use crate::story::Story;

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Unit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
    /// A number of things.
    #[serde(rename = "count")]
    Count,
}

impl Unit {
    /// A value in this unit as a whole number: of nanoseconds, bytes or things.
    pub fn amount(self, value: f64) -> i64 {
        (value * self.smallest()).round() as i64
    }

    /// The value in this unit of a whole number of nanoseconds, bytes or things.
    pub fn value(self, amount: i64) -> f64 {
        amount as f64 / self.smallest()
    }

    /// How many of what amounts are counted in make one of this unit.
    const fn smallest(self) -> f64 {
        match self {
            Self::Milliseconds => 1e6,
            Self::Bytes | Self::Count => 1.0,
        }
    }
}

/// One metric of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// The metric's name, the W3C's where there is one.
    pub name: &'static str,
    /// The unit of the value.
    pub unit: Unit,
    /// The value, in that unit.
    pub value: f64,
    /// The definition of the metric, for people.
    pub definition: &'static str,
}

impl Metric {
    /// Name, unit and definition of all metrics that a run may have, in the order in which they are
    /// shown.
    pub fn all() -> impl Iterator<Item = (&'static str, Unit, &'static str)> {
        ROWS.iter().map(|row| (row.name, row.unit, row.definition))
    }

    /// The value in whole nanoseconds, bytes or things.
    pub fn amount(&self) -> i64 {
        self.unit.amount(self.value)
    }
}

/// A metric's name, unit and definition, and the function that reads its value from a story.
struct Row {
    name: &'static str,
    unit: Unit,
    definition: &'static str,
    read: fn(&Story) -> Option<f64>,
}

macro_rules! rows {
    ($($name:literal $unit:ident $definition:literal $read:expr;)*) => {
        &[$(Row { name: $name, unit: Unit::$unit, definition: $definition, read: $read },)*]
    };
}

/// All metrics, in the order in which they are shown. Times of the page are counted from the start
/// of [`Story::total`], which is the start of the navigation.
const ROWS: &[Row] = rows! {
    "duration" Milliseconds
        "from the first wish to the last milestone, body or lookup; connections that close later are not in it"
        |story| Some(as_millis(story.total().took()));
    "redirectTime" Milliseconds
        "redirectEnd - redirectStart (W3C Navigation Timing): from the first wish to the request for the answer itself"
        |story| Some(since(story, story.document().filter(|_| story.chain().len() > 1)?.span.start));
    "domainLookupTime" Milliseconds
        "domainLookupEnd - domainLookupStart of the answer (W3C Resource Timing)"
        |story| spent(story, PhaseKind::Name);
    "connectTime" Milliseconds
        "connectEnd - connectStart of the answer without TLS (W3C Resource Timing), from SYN to SYN-ACK where they were seen"
        |story| spent(story, PhaseKind::Connect);
    "secureConnectionTime" Milliseconds
        "connectEnd - secureConnectionStart of the answer (W3C Resource Timing)"
        |story| spent(story, PhaseKind::Tls);
    "waitTime" Milliseconds
        "from the request's last byte to the response's first, of the answer"
        |story| spent(story, PhaseKind::Wait);
    "responseTime" Milliseconds
        "responseEnd - responseStart of the answer (W3C Resource Timing)"
        |story| spent(story, PhaseKind::Body);
    "responseStart" Milliseconds
        "from the first wish to the first byte of the answer (W3C Navigation Timing; also called time to first byte)"
        |story| Some(since(story, first_byte(story.document()?)?));
    "responseEnd" Milliseconds
        "from the first wish to the last byte of the answer (W3C Navigation Timing)"
        |story| Some(since(story, story.document()?.response.as_ref()?.at));
    "domInteractive" Milliseconds
        "the parser is done with the document (W3C Navigation Timing)"
        |story| reached(story, &Milestone::DomInteractive);
    "domContentLoadedEventEnd" Milliseconds
        "listeners of DOMContentLoaded have run (W3C Navigation Timing)"
        |story| reached(story, &Milestone::DomContentLoadedEventEnd);
    "first-paint" Milliseconds
        "the first pixels that differ from a blank page (W3C Paint Timing)"
        |story| reached(story, &Milestone::FirstPaint);
    "first-contentful-paint" Milliseconds
        "the first pixels of content: text or a picture (W3C Paint Timing)"
        |story| reached(story, &Milestone::FirstContentfulPaint);
    "largest-contentful-paint" Milliseconds
        "the pixels of the largest element of content (W3C Largest Contentful Paint)"
        |story| reached(story, &Milestone::LargestContentfulPaint);
    "domComplete" Milliseconds
        "the document and all it waits for are there (W3C Navigation Timing)"
        |story| reached(story, &Milestone::DomComplete);
    "loadEventEnd" Milliseconds
        "listeners of load have run (W3C Navigation Timing)"
        |story| reached(story, &Milestone::LoadEventEnd);
    "criticalPathQueueing" Milliseconds
        "time on the critical path in which a request waited for its turn"
        |story| Some(as_millis(story.critical_to_end().spent(LegKind::Phase(PhaseKind::Blocked))));
    "criticalPathPage" Milliseconds
        "time on the critical path that the page itself took: parsing, layout, painting"
        |story| Some(as_millis(story.critical_to_end().spent(LegKind::Page)));
    "criticalPathHere" Milliseconds
        "time on the critical path in which our own machine had what it waited for and had not gone on yet"
        |story| Some(as_millis(story.critical_to_end().spent(LegKind::Phase(PhaseKind::Here))));
    "closeTime" Milliseconds
        "from our first step towards closing the connections still open after duration until all were closed in both directions; TIME_WAIT is not in it"
        |story| Some(as_millis(story.close()?.took()));
    "requests" Count "exchanges that were wanted" |story| Some(story.seen().len() as f64);
    "failedRequests" Count
        "exchanges without a complete response of a status below 400 that were not retried"
        |story| Some(story.seen().iter().filter(|one| one.failed()).count() as f64);
    "retriedRequests" Count
        "exchanges that were retried"
        |story| Some(story.seen().iter().filter(|one| one.retried).count() as f64);
    "connections" Count
        "connections that were opened"
        |story| Some(story.connections.iter().filter(|one| one.client.is_some()).count() as f64);
    "retransmissions" Count
        "segments that the client's and, where we ran them, the servers' ends sent again"
        |story| Some(f64::from(story.connections.iter().flat_map(Connection::ends).map(Endpoint::retransmissions).sum::<u32>()));
    "transferSize" Bytes
        "bytes of heads and bodies received, framing included (W3C Resource Timing, summed)"
        |story| Some(story.received() as f64);
    "encodedBodySize" Bytes
        "bytes of bodies received before content codings were undone (W3C Resource Timing, summed)"
        |story| Some(bodies(story, |body| body.encoded));
    "decodedBodySize" Bytes
        "bytes of bodies received after content codings were undone (W3C Resource Timing, summed)"
        |story| Some(bodies(story, |body| body.decoded));
};

fn since(story: &Story, at: Time) -> f64 {
    as_millis(at - story.total().start)
}

fn reached(story: &Story, milestone: &Milestone) -> Option<f64> {
    Some(since(story, story.milestone(milestone)?))
}

fn spent(story: &Story, kind: PhaseKind) -> Option<f64> {
    story.document()?.spent(kind).map(as_millis)
}

fn first_byte(exchange: &Exchange) -> Option<Time> {
    let body = exchange.phase(PhaseKind::Wait)?;
    exchange.head().map(|_| body.span.end)
}

fn bodies(story: &Story, of: fn(&roundtrip_record::Body) -> u64) -> f64 {
    let responses = story.seen().iter().filter_map(|exchange| exchange.response.as_ref());
    responses.map(|response| of(&response.what.body)).sum::<u64>() as f64
}

impl Story {
    /// The metrics of the run, without those that do not apply to it.
    pub fn metrics(&self) -> Vec<Metric> {
        let rows = ROWS.iter().filter_map(|row| {
            let value = (row.read)(self)?;
            Some(Metric { name: row.name, unit: row.unit, value, definition: row.definition })
        });
        rows.collect()
    }
}
