//! Stretches and points of time, and how they are written for programs.

use core::time::Duration;

use roundtrip_record::{EventId, Time};
use serde::Serialize;

/// A stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
}

impl Span {
    /// From `start` to `end`; empty if they stand the other way round.
    pub fn new(start: Time, end: Time) -> Self {
        Self { start, end: end.max(start) }
    }

    /// How long.
    pub fn took(self) -> Duration {
        self.end - self.start
    }

    /// The part of it that lies within another.
    #[must_use]
    pub fn within(self, outer: Self) -> Self {
        let start = self.start.clamp(outer.start, outer.end);
        Self { start, end: self.end.clamp(start, outer.end) }
    }

    /// Whether a time lies in it, both ends included.
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

/// Milliseconds with their fraction, as JSON and HAR have them.
pub fn as_millis(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

/// Serialises a time as milliseconds since the record's epoch.
///
/// # Errors
/// Those of the serializer.
pub fn ms<S: serde::Serializer>(at: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_millis_f64())
}

/// Something with the time at which it happened and its event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct At<T> {
    /// When, milliseconds in JSON.
    #[serde(rename = "at_ms", serialize_with = "ms")]
    pub at: Time,
    /// The event that says so.
    pub event: EventId,
    /// What.
    #[serde(flatten)]
    pub what: T,
}
