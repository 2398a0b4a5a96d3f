//! `Rung`: a source that is asked, with the events of question and answer.

use roundtrip_record::{
    EventId, LookupId, NameAnswered, NameAsked, Outcome, ResourceRecord, Source, Time, Trace as _,
    What,
};
use roundtrip_wire::Wire;

use crate::exchange::NoReply;

/// A question to a source of the ladder.
pub(crate) struct Rung<'a, W> {
    pub(crate) wire: &'a W,
    pub(crate) lookup: LookupId,
    pub(crate) name: String,
    /// The record type; empty when the source answers for all types.
    pub(crate) record_type: String,
}

/// A source that was asked and has not answered yet.
pub(crate) struct OpenQuery {
    source: Source,
    since: Time,
    pub(crate) event: Option<EventId>,
}

impl<W: Wire> Rung<'_, W> {
    /// Reports that the source is asked.
    pub(crate) fn asked(&self, source: Source, cause: Option<EventId>) -> OpenQuery {
        let since = self.wire.now();
        let event = self.wire.log().emit(since, cause, || {
            What::NameAsked(NameAsked {
                lookup: self.lookup,
                source: source.clone(),
                name: self.name.clone(),
                record_type: self.record_type.clone(),
            })
        });
        OpenQuery { source, since, event }
    }

    /// Reports that the source has answered, caused by `cause` or else by the question.
    pub(crate) fn answered(
        &self,
        open: OpenQuery,
        outcome: Outcome,
        records: impl FnOnce() -> Vec<ResourceRecord>,
        cause: Option<EventId>,
    ) -> Option<EventId> {
        let now = self.wire.now();
        self.wire.log().emit(now, cause.or(open.event), || {
            What::NameAnswered(NameAnswered {
                lookup: self.lookup,
                source: open.source,
                name: self.name.clone(),
                record_type: self.record_type.clone(),
                outcome,
                records: records(),
                took: now.since(open.since),
            })
        })
    }
}

/// The outcome of a question without an answer, for the record.
pub(crate) fn failure_outcome(why: &NoReply) -> Outcome {
    match why {
        NoReply::Code(code) => Outcome::Refused { code: code.clone() },
        NoReply::Cut(_) => Outcome::Failed { why: why.to_string() },
        NoReply::TimedOut { tries } => Outcome::TimedOut { tries: *tries },
        NoReply::Failed(why) => Outcome::Failed { why: why.clone() },
    }
}
