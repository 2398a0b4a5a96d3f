//! `Span` and `Timed`: stretches and points of time, and how they are serialised, in milliseconds.

use core::time::Duration;

use roundtrip_record::{EventId, Time};
use serde::Serialize;

/// A stretch of time; in JSON `start_ms` and `took_ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// When the span begins.
    pub start: Time,
    /// When the span ends, not before it begins.
    pub end: Time,
}

impl Span {
    /// The span from `start` to `end`; empty if `end` is before `start`.
    pub fn new(start: Time, end: Time) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The length of the span.
    pub fn took(self) -> Duration {
        self.end - self.start
    }

    /// The part of the span that lies within `outer`.
    #[must_use]
    pub fn within(self, outer: Self) -> Self {
        let start = self.start.clamp(outer.start, outer.end);
        Self { start, end: self.end.clamp(start, outer.end) }
    }

    /// Whether a time lies in the span, both ends included.
    pub fn contains(self, at: Time) -> bool {
        (self.start..=self.end).contains(&at)
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut span = serializer.serialize_struct("Span", 2)?;
        span.serialize_field("start_ms", &self.start.as_millis_f64())?;
        span.serialize_field("took_ms", &as_millis(self.took()))?;
        span.end()
    }
}

/// A duration in milliseconds with their fraction, as JSON and HAR have it.
pub fn as_millis(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

/// Serialises a time as milliseconds since the record's epoch.
///
/// # Errors
/// The errors of the serializer.
pub fn ms<S: serde::Serializer>(at: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_millis_f64())
}

/// Something that happened, with its time and its event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timed<T> {
    /// When it happened; `at_ms` in JSON, milliseconds since the record's epoch.
    #[serde(rename = "at_ms", serialize_with = "ms")]
    pub at: Time,
    /// The event that reports it.
    pub event: EventId,
    /// What happened.
    #[serde(flatten)]
    pub what: T,
}
