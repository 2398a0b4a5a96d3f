//! One rung of the ladder in the record: a source is asked, and answers.

use roundtrip_record::{
    EventId, LookupId, NameAnswered, NameAsked, Outcome, ResourceRecord, Source, Time, Trace as _,
    What,
};
use roundtrip_wire::Wire;

use crate::exchange::NoReply;

/// What is asked of a source.
pub(crate) struct Rung<'a, W> {
    pub(crate) wire: &'a W,
    pub(crate) lookup: LookupId,
    pub(crate) name: String,
    /// Empty when the source answers for all types.
    pub(crate) record_type: String,
}

/// A source that has been asked.
pub(crate) struct Open {
    source: Source,
    since: Time,
    pub(crate) event: Option<EventId>,
}

impl<W: Wire> Rung<'_, W> {
    /// The source is asked.
    pub(crate) fn asked(&self, source: Source, cause: Option<EventId>) -> Open {
        let since = self.wire.now();
        let event = self.wire.log().emit(since, cause, || {
            What::NameAsked(NameAsked {
                lookup: self.lookup,
                source: source.clone(),
                name: self.name.clone(),
                record_type: self.record_type.clone(),
            })
        });
        Open { source, since, event }
    }

    /// It has answered, because of `cause` if that is known better than by its having been asked.
    pub(crate) fn answered(
        &self,
        open: Open,
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

/// The record's word for no answer.
pub(crate) fn failure_outcome(why: &NoReply) -> Outcome {
    match why {
        NoReply::Code(code) => Outcome::Refused { code: code.clone() },
        NoReply::Cut(_) => Outcome::Failed { why: why.to_string() },
        NoReply::TimedOut { tries } => Outcome::TimedOut { tries: *tries },
        NoReply::Failed(why) => Outcome::Failed { why: why.clone() },
    }
}
