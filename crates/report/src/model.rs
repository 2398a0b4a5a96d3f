//! `Model`: what all views show, which is the story of a record, its faults explained, and the
//! original run of a replay.

use core::ops::Deref;
use std::borrow::Cow;

use roundtrip_record::{Event, ExchangeId};
use roundtrip_story::BudgetReport;

pub use roundtrip_story::{
    Connection, ConnectionAttempt, CriticalPath, Endpoint, Exchange, Leg, LegKind, Lookup, Losses,
    Metric, Original, OriginalExchange, Phase, PhaseKind, Redacted, Rung, Span, StateChange, Story,
    Timed, TimedSegment, Unit, as_millis, ms,
};

use crate::finding::Finding;
use crate::language::Language;

/// The exit code of a command whose run went well but costs more than it may: a limit of a budget is
/// exceeded, or a condition of a comparison fails. Like all codes from 110 on it is none of curl's.
pub const EXCEEDED: u8 = 111;

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
    /// What a budget says of the run, where it is held against one.
    pub budget: Option<BudgetReport>,
    /// The language of views for people. Views for programs are in English.
    pub language: Language,
}

fn findings(story: &Story) -> Vec<Finding> {
    story.faults.iter().map(|fault| Finding::new(fault, story)).collect()
}

impl Model {
    /// Understands a record. Any events are accepted.
    pub fn new(events: Vec<Event>) -> Self {
        Self::of(Story::new(events))
    }

    /// The model of a story, with its faults explained.
    pub fn of(story: Story) -> Self {
        Self::told_in(story, Language::English)
    }

    /// The same, for views in this language.
    pub fn told_in(story: Story, language: Language) -> Self {
        let findings = language.speaking(|| findings(&story));
        Self { story, findings, original: None, budget: None, language }
    }

    /// The model for views in this language.
    #[must_use]
    pub fn in_language(mut self, language: Language) -> Self {
        if self.language != language {
            self.findings = language.speaking(|| findings(&self.story));
            self.language = language;
        }
        self
    }

    /// The model for views that programs read, which are in English whatever the language of the others.
    pub(crate) fn in_english(&self) -> Cow<'_, Self> {
        match self.language {
            Language::English => Cow::Borrowed(self),
            Language::Chinese => Cow::Owned(self.clone().in_language(Language::English)),
        }
    }

    /// The exit code of the command: the run's own, or [`EXCEEDED`] where that went well and a limit of the
    /// budget is exceeded.
    pub fn exit(&self) -> u8 {
        self.exit_after(self.story.exit())
    }

    /// The exit code of a command that is through with `exit`, the budget regarded.
    pub fn exit_after(&self, exit: u8) -> u8 {
        if exit == 0 && !self.keeps_budget() { EXCEEDED } else { exit }
    }

    /// Whether no limit of the budget is exceeded, if there is one.
    pub fn keeps_budget(&self) -> bool {
        self.budget.as_ref().is_none_or(BudgetReport::is_kept)
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
