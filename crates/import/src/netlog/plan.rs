//! `Plan`: the events that a log becomes, while they are collected.

use std::collections::BTreeMap;

use roundtrip_record::{Log, LookupId, Time, What};

use super::constants::Constants;
use super::state::Seen;
use crate::agenda::{Agenda, Slot};

/// Events of a log on their way into a record.
pub(crate) struct Plan<'a> {
    pub(crate) log: &'a Log,
    pub(crate) agenda: Agenda,
    pub(crate) constants: &'a Constants,
    pub(crate) seen: &'a Seen,
    /// The lookups that are in the record, by their number in the log.
    pub(crate) lookups: BTreeMap<u64, LookupId>,
    /// When the record begins, by the log's clock.
    first: u64,
}

impl<'a> Plan<'a> {
    /// Nothing yet, of a record that begins at `first` by the log's clock.
    pub(crate) fn new(log: &'a Log, constants: &'a Constants, seen: &'a Seen, first: u64) -> Self {
        Self { log, agenda: Agenda::new(log), constants, seen, lookups: BTreeMap::new(), first }
    }

    /// A time of the log as one of the record.
    pub(crate) fn at(&self, time: u64) -> Time {
        Time::from_nanos(time.saturating_sub(self.first).saturating_mul(1_000_000))
    }

    /// Plans an event.
    pub(crate) fn plan(&mut self, time: u64, cause: Option<Slot>, what: What) -> Slot {
        let at = self.at(time);
        self.agenda.plan(at, cause, what)
    }
}
