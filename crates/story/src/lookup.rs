//! `Lookup`: one walk down the ladder of name sources.

use core::time::Duration;
use std::net::IpAddr;

use roundtrip_record::{
    Direction, DnsMessage, EventId, HostId, LookupId, Outcome, ResourceRecord, Source, Time,
};
use serde::Serialize;

use crate::span::{Span, Timed, ms};

/// A source that was asked in a lookup, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rung {
    /// The source.
    #[serde(flatten)]
    pub source: Source,
    /// The event of the question, or of the answer where no question was recorded.
    pub event: EventId,
    /// The name asked for.
    pub asked: String,
    /// The record type asked for; empty for all types.
    pub record_type: String,
    /// When the source was asked.
    #[serde(rename = "at_ms", serialize_with = "ms")]
    pub at: Time,
    /// How long the answer took.
    #[serde(skip)]
    pub took: Duration,
    /// The source's answer; `None` when the record has none.
    pub outcome: Option<Outcome>,
    /// The records of the answer.
    pub records: Vec<ResourceRecord>,
}

impl Rung {
    /// Whether the source lies in our own process or is a file, so that nobody was asked.
    fn is_here(&self) -> bool {
        match self.source {
            Source::Literal
            | Source::SpecialUse
            | Source::OwnCache
            | Source::HostsFile { .. }
            | Source::Skipped { .. } => true,
            Source::OsCache { .. }
            | Source::Resolved { .. }
            | Source::NameServer { .. }
            | Source::Zone { .. } => false,
        }
    }

    /// The time from the question to the answer.
    pub fn span(&self) -> Span {
        Span::new(self.at, self.at + self.took)
    }
}

/// One walk down the ladder of name sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lookup {
    /// The lookup's id.
    pub id: LookupId,
    /// The host that made the lookup.
    pub host: HostId,
    /// The event that began the lookup.
    pub event: EventId,
    /// The name looked up, fully qualified.
    pub name: String,
    /// The record types wanted.
    pub types: Vec<String>,
    /// The time from the begin to the end of the lookup.
    #[serde(flatten)]
    pub span: Span,
    /// The sources asked, in order.
    pub rungs: Vec<Rung>,
    /// The DNS messages sent and received.
    pub messages: Vec<Timed<DnsMessage>>,
    /// The addresses found, in the order in which to try them.
    pub addresses: Vec<IpAddr>,
    /// The aliases followed, the first one first.
    pub aliases: Vec<String>,
    /// How long the addresses may be kept, in seconds.
    pub ttl: Option<u32>,
    /// Whether the lookup has ended.
    pub over: bool,
    /// The event that ended the lookup.
    pub end_event: Option<EventId>,
    /// The lookups that resolvers made for this one.
    pub nested: Vec<Lookup>,
}

impl Lookup {
    /// The part of `whole`, the lookup's time, in which it waited for its sources: up to the arrival
    /// of the last answer. If nobody was asked, it is the time of the sources alone. The rest is our
    /// own machine's.
    pub(crate) fn waited(&self, whole: Span) -> Span {
        if self.over
            && self.rungs.iter().all(Rung::is_here)
            && let Some(first) = self.rungs.first()
        {
            let last = self.rungs.iter().map(|rung| rung.span().end).max().unwrap_or(first.at);
            return Span::new(first.at, last).within(whole);
        }
        let arrived = self.messages.iter().rev().find_map(|message| message.what.arrived);
        let known = arrived.filter(|at| whole.contains(*at));
        Span::new(whole.start, known.unwrap_or(whole.end))
    }

    /// How many questions went out again since no answer had come in time.
    pub fn asked_again(&self) -> usize {
        let asked = |message: &&Timed<DnsMessage>| {
            message.what.direction == Direction::Sent && message.what.transport == "udp"
        };
        let mut questions: Vec<&str> =
            self.messages.iter().filter(asked).map(|sent| sent.what.question.as_str()).collect();
        let all = questions.len();
        questions.sort_unstable();
        questions.dedup();
        all - questions.len()
    }

    /// The source that gave the addresses, or else the last one asked.
    pub fn settled_by(&self) -> Option<&Rung> {
        let found = |rung: &&Rung| matches!(rung.outcome, Some(Outcome::Found { .. }));
        self.rungs.iter().rev().find(found).or(self.rungs.last())
    }
}
