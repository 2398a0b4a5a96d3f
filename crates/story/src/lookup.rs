//! One walk down the ladder of name sources.

use core::time::Duration;
use std::net::IpAddr;

use roundtrip_record::{
    DnsMessage, EventId, HostId, LookupId, Outcome, ResourceRecord, Source, Time,
};
use serde::Serialize;

use crate::span::{At, Span, ms};

/// A source that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rung {
    /// The source.
    #[serde(flatten)]
    pub source: Source,
    /// The event of the question.
    pub event: EventId,
    /// The name asked for.
    pub asked: String,
    /// The type asked for; empty for all.
    pub record_type: String,
    /// When.
    #[serde(rename = "at_ms", serialize_with = "ms")]
    pub at: Time,
    /// Until the answer.
    #[serde(skip)]
    pub took: Duration,
    /// What it said; `None` when the record has no answer.
    pub outcome: Option<Outcome>,
    /// The records it gave.
    pub records: Vec<ResourceRecord>,
}

impl Rung {
    /// From asked to answered.
    pub fn span(&self) -> Span {
        Span::new(self.at, self.at + self.took)
    }
}

/// One walk down the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lookup {
    /// Its number.
    pub id: LookupId,
    /// The host that wants to know.
    pub host: HostId,
    /// Its first event.
    pub event: EventId,
    /// The name.
    pub name: String,
    /// The types wanted.
    pub types: Vec<String>,
    /// From begin to end.
    #[serde(flatten)]
    pub span: Span,
    /// The sources asked, in order.
    pub rungs: Vec<Rung>,
    /// DNS messages.
    pub messages: Vec<At<DnsMessage>>,
    /// What was found.
    pub addresses: Vec<IpAddr>,
    /// Aliases followed.
    pub aliases: Vec<String>,
    /// How long it may be kept, seconds.
    pub ttl: Option<u32>,
    /// It is over.
    pub over: bool,
    /// The event that ended it.
    pub end_event: Option<EventId>,
    /// Lookups that resolvers made for it.
    pub nested: Vec<Lookup>,
}

impl Lookup {
    /// The rung that settled it.
    pub fn settled_by(&self) -> Option<&Rung> {
        let found = |rung: &&Rung| matches!(rung.outcome, Some(Outcome::Found { .. }));
        self.rungs.iter().rev().find(found).or(self.rungs.last())
    }
}
