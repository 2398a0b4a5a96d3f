//! What a report is made of: the story of a record, the words for what went wrong in it, and the run
//! that it carries out again.

use core::ops::Deref;

use roundtrip_record::{Event, ExchangeId};

pub use roundtrip_story::{
    At, Connection, Critical, End, Exchange, Leg, LegKind, Lookup, Losses, Metric, Original,
    OriginalExchange, Phase, PhaseKind, Rung, Seen, Span, StateChange, Story, Unit, as_millis, ms,
};

use crate::finding::Finding;

/// A record understood, with its faults explained. All numbers are the story's, which it derefs to.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// What happened.
    pub story: Story,
    /// What went wrong, explained.
    pub findings: Vec<Finding>,
    /// The run that this one carries out again, where its record is at hand.
    pub original: Option<Original>,
}

impl Model {
    /// Understands a record. Any events will do.
    pub fn new(events: Vec<Event>) -> Self {
        Self::of(Story::new(events))
    }

    /// Explains the faults of a story.
    pub fn of(story: Story) -> Self {
        let findings = story.faults.iter().map(|fault| Finding::new(fault, &story)).collect();
        Self { story, findings, original: None }
    }

    /// The findings about one exchange.
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
