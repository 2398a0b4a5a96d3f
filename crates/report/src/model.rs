//! `Model`: what all views show, which is the story of a record, its faults explained, and the
//! original run of a replay.

use core::ops::Deref;

use roundtrip_record::{Event, ExchangeId};

pub use roundtrip_story::{
    Connection, ConnectionAttempt, CriticalPath, Endpoint, Exchange, Leg, LegKind, Lookup, Losses,
    Metric, Original, OriginalExchange, Phase, PhaseKind, Redacted, Rung, Span, StateChange, Story,
    Timed, TimedSegment, Unit, as_millis, ms,
};

use crate::finding::Finding;

/// A record understood, with its faults explained. It derefs to the story, from which all numbers
/// come.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The story of the record.
    pub story: Story,
    /// The faults, explained in words.
    pub findings: Vec<Finding>,
    /// The original run that this one replays, where its record is at hand.
    pub original: Option<Original>,
}

impl Model {
    /// Understands a record. Any events are accepted.
    pub fn new(events: Vec<Event>) -> Self {
        Self::of(Story::new(events))
    }

    /// The model of a story, with its faults explained.
    pub fn of(story: Story) -> Self {
        let findings = story.faults.iter().map(|fault| Finding::new(fault, &story)).collect();
        Self { story, findings, original: None }
    }

    /// The findings that concern one exchange.
    pub fn findings_of(&self, id: ExchangeId) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.exchange == Some(id))
    }
}

impl Deref for Model {
    type Target = Story;

    fn deref(&self) -> &Story {
        &self.story
    }
}
