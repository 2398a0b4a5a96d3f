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
pub(crate) struct UnderWay {
    entries: Rc<RefCell<Vec<Rc<Entry>>>>,
}

/// The part a lookup plays.
pub(crate) enum Part {
    /// The lookup leads, being the first for this name.
    Lead(Lead),
    /// The lookup follows another of this name.
    Follow(Follow),
}

/// The leader's handle: followers learn what it finds, until this is dropped.
pub(crate) struct Lead {
    under_way: UnderWay,
    entry: Rc<Entry>,
}

/// A follower's handle.
pub(crate) struct Follow {
    entry: Rc<Entry>,
    /// How many of the leader's arrivals the follower has taken.
    known: usize,
}

/// A message from the leader to a follower.
pub(crate) enum Heard {
    /// Addresses, and the event by which they are known.
    Arrived(Arrival, Option<EventId>),
    /// The leader has ended with this result; `None` if it was given up.
    Ended(Option<Box<End>>),
}

impl UnderWay {
    /// Joins the lookups of a name, as leader or follower.
    pub(crate) fn join(&self, name: &str, options: Options, who: LookupId) -> Part {
        let mut entries = self.entries.borrow_mut();
        let same = |entry: &&Rc<Entry>| entry.name == name && entry.options == options;
        if let Some(entry) = entries.iter().find(same) {
            return Part::Follow(Follow { entry: Rc::clone(entry), known: 0 });
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
        Part::Lead(Lead { under_way: self.clone(), entry })
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

impl Lead {
    /// Tells all followers the leader's result.
    pub(crate) fn done(self, end: &End) {
        self.entry.end.replace(Some(end.clone()));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.under_way.entries.borrow_mut().retain(|entry| !Rc::ptr_eq(entry, &self.entry));
        self.entry.over.set(true);
        self.entry.changed.notify_waiters();
    }
}

impl Follow {
    /// Waits for the next message of the leader.
    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            // Registers for notification before it looks, so that no change between the two is
            // missed.
            let changed = self.entry.changed.notified();
            if let Some(arrival) = self.entry.arrivals.borrow().get(self.known) {
                self.known += 1;
                let event = self.entry.begun.get().or(arrival.event);
                return Heard::Arrived(arrival.clone(), event);
            }
            if self.entry.over.get() {
                return Heard::Ended(self.entry.end.borrow().clone().map(Box::new));
            }
            changed.await;
        }
    }
}
