//! What is known while the entries of an archive become events one after the other.

use std::collections::BTreeMap;

use roundtrip_record::{ConnectionId, ExchangeId, Inference, Log, Time};

use super::cause::Causes;
use super::connections::Connections;
use super::entry::Entry;
use super::sketch::Sketch;
use crate::agenda::{Agenda, Slot};
use crate::notes::Notes;

/// What the events of all entries share.
pub(crate) struct Emitter<'a> {
    pub(crate) log: &'a Log,
    pub(crate) agenda: Agenda,
    pub(crate) notes: &'a mut Notes,
    pub(crate) sketches: &'a [Sketch],
    pub(crate) causes: &'a Causes,
    pub(crate) connections: &'a Connections,
    /// The record's epoch, nanoseconds since 1970.
    epoch: u64,
    /// The id of each connection, once it was opened.
    pub(crate) opened: Vec<Option<ConnectionId>>,
    /// The exchange of each entry.
    pub(crate) exchanges: Vec<Option<ExchangeId>>,
    /// The event that ends each exchange, and the last one for each URL.
    pub(crate) ended: BTreeMap<ExchangeId, Slot>,
    pub(crate) latest: BTreeMap<&'a str, Slot>,
    /// The exit code of the page's fault, if it failed.
    pub(crate) exit: u8,
}

/// One entry on its way into the record.
pub(crate) struct Told<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) sketch: &'a Sketch,
    pub(crate) exchange: ExchangeId,
    pub(crate) started: Slot,
    pub(crate) inferred: Vec<Inference>,
}

impl Told<'_> {
    /// Marks a fact as inferred.
    pub(crate) fn infer(&mut self, fact: &str, from: impl Into<String>) {
        self.inferred.push(Inference { fact: fact.to_owned(), from: from.into() });
    }
}

impl<'a> Emitter<'a> {
    /// An emitter for entries that are in the order of their starts.
    pub(crate) fn new(
        log: &'a Log,
        notes: &'a mut Notes,
        sketches: &'a [Sketch],
        causes: &'a Causes,
        connections: &'a Connections,
        epoch: u64,
    ) -> Self {
        Self {
            log,
            agenda: Agenda::new(log),
            notes,
            sketches,
            causes,
            connections,
            epoch,
            opened: vec![None; connections.links.len()],
            exchanges: vec![None; sketches.len()],
            ended: BTreeMap::new(),
            latest: BTreeMap::new(),
            exit: 0,
        }
    }

    /// A time of the archive as one of the record: `after` nanoseconds after the entry's start.
    pub(crate) fn at(&self, sketch: &Sketch, after: u64) -> Time {
        Time::from_nanos(sketch.start.saturating_sub(self.epoch).saturating_add(after))
    }
}
