//! Lookups under way, so that no name is looked up twice at one time: one lookup leads, others
//! follow.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use roundtrip_record::{EventId, LookupId};
use tokio::sync::Notify;

use crate::lookup::{Arrival, Lookup, LookupFault, Options};

type End = Result<Lookup, LookupFault>;

/// A leading lookup that others may follow.
struct Entry {
    /// The id of the leading lookup.
    leader: LookupId,
    name: String,
    options: Options,
    /// The addresses that have arrived so far.
    arrivals: RefCell<Vec<Arrival>>,
    /// The event by which the leader ended its name step.
    begun: Cell<Option<EventId>>,
    end: RefCell<Option<End>>,
    over: Cell<bool>,
    changed: Notify,
}

/// The lookups under way; there are few at a time.
#[derive(Clone, Default)]
pub(crate) struct InFlight {
    entries: Rc<RefCell<Vec<Rc<Entry>>>>,
}

/// The part a lookup plays.
pub(crate) enum LookupRole {
    /// The lookup leads, being the first for this name.
    Leader(Leader),
    /// The lookup follows another of this name.
    Follower(Follower),
}

/// The leader's handle: followers learn what it finds, until this is dropped.
pub(crate) struct Leader {
    in_flight: InFlight,
    entry: Rc<Entry>,
}

/// A follower's handle.
pub(crate) struct Follower {
    entry: Rc<Entry>,
    /// How many of the leader's arrivals the follower has taken.
    known: usize,
}

/// A message from the leader to a follower.
pub(crate) enum LeaderMessage {
    /// Addresses, and the event by which they are known.
    Arrived(Arrival, Option<EventId>),
    /// The leader has ended with this result; `None` if it was given up.
    Ended(Option<Box<End>>),
}

impl InFlight {
    /// Joins the lookups of a name, as leader or follower.
    pub(crate) fn join(&self, name: &str, options: Options, who: LookupId) -> LookupRole {
        let mut entries = self.entries.borrow_mut();
        let same = |entry: &&Rc<Entry>| entry.name == name && entry.options == options;
        if let Some(entry) = entries.iter().find(same) {
            return LookupRole::Follower(Follower { entry: Rc::clone(entry), known: 0 });
        }
        let entry = Rc::new(Entry {
            leader: who,
            name: name.to_owned(),
            options,
            arrivals: RefCell::default(),
            begun: Cell::new(None),
            end: RefCell::default(),
            over: Cell::new(false),
            changed: Notify::new(),
        });
        entries.push(Rc::clone(&entry));
        LookupRole::Leader(Leader { in_flight: self.clone(), entry })
    }

    /// Tells the followers of lookup `who` of addresses it found.
    pub(crate) fn arrived(&self, who: LookupId, arrivals: &[Arrival]) {
        if let Some(entry) = self.led_by(who) {
            entry.arrivals.borrow_mut().extend_from_slice(arrivals);
            entry.changed.notify_waiters();
        }
    }

    /// Notes the event by which lookup `who` ended its name step.
    pub(crate) fn begun(&self, who: LookupId, event: Option<EventId>) {
        if let Some(entry) = self.led_by(who) {
            entry.begun.set(event);
        }
    }

    fn led_by(&self, who: LookupId) -> Option<Rc<Entry>> {
        self.entries.borrow().iter().find(|entry| entry.leader == who).cloned()
    }
}

impl Leader {
    /// Tells all followers the leader's result.
    pub(crate) fn done(self, end: &End) {
        self.entry.end.replace(Some(end.clone()));
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.in_flight.entries.borrow_mut().retain(|entry| !Rc::ptr_eq(entry, &self.entry));
        self.entry.over.set(true);
        self.entry.changed.notify_waiters();
    }
}

impl Follower {
    /// Waits for the next message of the leader.
    pub(crate) async fn next(&mut self) -> LeaderMessage {
        loop {
            // Registers for notification before it looks, so that no change between the two is
            // missed.
            let changed = self.entry.changed.notified();
            if let Some(arrival) = self.entry.arrivals.borrow().get(self.known) {
                self.known += 1;
                let event = self.entry.begun.get().or(arrival.event);
                return LeaderMessage::Arrived(arrival.clone(), event);
            }
            if self.entry.over.get() {
                return LeaderMessage::Ended(self.entry.end.borrow().clone().map(Box::new));
            }
            changed.await;
        }
    }
}
