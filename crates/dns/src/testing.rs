//! Helpers for the unit tests of this crate.

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, Record};
use hickory_proto::serialize::txt::Parser;

use crate::host::absolute;
use crate::message::Question;

/// An absolute name.
pub(crate) fn name(text: &str) -> Name {
    absolute(text).unwrap()
}

/// Records from lines of a zone file, in their order.
pub(crate) fn records(lines: &str) -> Vec<Record> {
    let mut all = Vec::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let parser = Parser::new(format!("{}\n", line.trim()), None, Some(Name::root()));
        let (_, sets) = parser.parse().unwrap_or_else(|why| panic!("{line}: {why}"));
        for set in sets.values() {
            all.extend(set.records_without_rrsigs().cloned());
        }
    }
    all
}

/// A response with these records in its answer, authority and additional sections.
pub(crate) fn message(question: &Question, an: &str, ns: &str, ar: &str) -> Message {
    let mut message = Message::new(0, MessageType::Response, OpCode::Query);
    message.add_query(Query::query(question.name.clone(), question.record_type));
    message.add_answers(records(an));
    message.add_authorities(records(ns));
    message.add_additionals(records(ar));
    message
}
